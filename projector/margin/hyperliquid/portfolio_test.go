package hyperliquid_test

import (
	"math/big"
	"testing"

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

func rat(t *testing.T, s string) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		t.Fatalf("%q is no number", s)
	}
	return r
}
