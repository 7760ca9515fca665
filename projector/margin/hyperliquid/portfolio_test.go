package hyperliquid_test

import (
	"math/big"
	"testing"

	"marginledger/internal/fixed"
	"marginledger/projector/margin/hyperliquid"
)

// TestBorrowRate has the edge of the formula and both of its ends: flat up to four fifths, then 4.75 for one.
func TestBorrowRate(t *testing.T) {
	for _, c := range []struct{ utilisation, borrow, supply string }{
		{"0", "0.05", "0"},
		{"0.5", "0.05", "0.0225"},
		{"0.8", "0.05", "0.036"},
		{"0.800001", "0.05000475", "0.036003465004275"},
		{"0.9", "0.525", "0.42525"},
		{"1", "1", "0.9"},
	} {
		at := rat(t, c.utilisation)
		if got := hyperliquid.BorrowRate(at); got.Cmp(rat(t, c.borrow)) != 0 {
			t.Errorf("borrowed at %s: %s, want %s", c.utilisation, got.FloatString(18), c.borrow)
		}
		if got := hyperliquid.SupplyRate(at); got.Cmp(rat(t, c.supply)) != 0 {
			t.Errorf("supplied at %s: %s, want %s", c.utilisation, got.FloatString(18), c.supply)
		}
		if at.Cmp(rat(t, c.utilisation)) != 0 {
			t.Errorf("the argument %s was changed", c.utilisation)
		}
	}
}

// 1,000 USDC of a token with LTV 0.5: a loan is stepped down above 750, taken whole above 833⅓.
func TestLoanShare(t *testing.T) {
	value := int64(1_000_000_000)
	for _, c := range []struct {
		borrowed int64
		want     string
	}{{0, "0"}, {500_000_000, "0"}, {750_000_000, "0"}, {750_000_001, "1/5"}, {833_333_333, "1/5"}, {833_333_334, "1"}, {2_000_000_000, "1"}} {
		got := hyperliquid.LoanShare(fixed.FromInt64(c.borrowed), fixed.FromInt64(value*3/4), fixed.FromInt64(value/2))
		if got.RatString() != c.want {
			t.Errorf("of %d borrowed a step takes %s, want %s", c.borrowed, got.RatString(), c.want)
		}
	}
}

func rat(t *testing.T, s string) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		t.Fatalf("%q is no number", s)
	}
	return r
}
