package gmx_test

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"marginledger/projector/margin/gmx"
)

// TestLiquidationPrice: 200,000 USD bought at 5000 over 10,000 in dollars are lost down to the 0.5 % that is required
// at 5000 − 9000/40; a short is at 5000 + 9000/40. What can pay any loss has no price.
func TestLiquidationPrice(t *testing.T) {
	short := *long(10e9)
	short.IsLong = false
	hedged := short
	hedged.LongToken, hedged.Collateral = true, eth(41_000)
	lost := long(500e6)
	for _, c := range []struct {
		name   string
		pos    *gmx.Position
		want   *big.Int
		shared bool
	}{
		{"long", long(10e9), new(big.Int).Sub(price(4775), big.NewInt(1)), false},
		{"short", &short, new(big.Int).Add(price(5225), big.NewInt(1)), false},
		{"no price below zero", long(202e9), nil, false},
		{"already", lost, nil, false},
		{"collateral rises along", &hedged, nil, true},
	} {
		got, err := market().LiquidationPrice(prices(5000), c.pos, owed(), nil, c.shared)
		if err != nil || (got == nil) != (c.want == nil) || got != nil && got.Cmp(c.want) != 0 {
			t.Errorf("%s: %v, %v, want %v", c.name, got, err, c.want)
		}
	}
}

// TestLiquidationPriceIsTheTrigger: at the price the position is liquidatable, one unit on the safe side it is not.
func TestLiquidationPriceIsTheTrigger(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 4))
	found := 0
	for range 300 {
		m := market()
		m.OpenInterest = gmx.Sides{Long: usd(200_000+r.Int64N(200_000), 1), Short: usd(200_000+r.Int64N(200_000), 1)}
		m.ImpactFactor = gmx.Signs{Positive: usd(r.Int64N(100), 1_000_000_000), Negative: usd(r.Int64N(100), 1_000_000_000)}
		m.PositionFee = gmx.Signs{Positive: usd(1, 2000), Negative: usd(1, 1000)}
		pos := long(r.Int64N(50e9))
		pos.IsLong, pos.LongToken, pos.PendingImpact = r.Int64N(2) == 0, r.Int64N(2) == 0, eth(r.Int64N(200)-100)
		if pos.LongToken {
			pos.Collateral = eth(r.Int64N(10_000))
		}
		x, err := m.LiquidationPrice(prices(5000), pos, owed(), nil, true)
		if err != nil {
			t.Fatal(err)
		}
		if x == nil {
			continue
		}
		found++
		reason := func(x *big.Int) gmx.Reason {
			at := &gmx.Prices{Index: same(x), Long: same(x), Short: same(dollar())}
			return health(t, m, at, pos, gmx.Check{ForLiquidation: true, MinUSD: true}).Reason
		}
		safe := new(big.Int).Add(x, big.NewInt(1))
		if !pos.IsLong {
			safe.Sub(x, big.NewInt(1))
		}
		if reason(x) == "" || reason(safe) != "" {
			t.Fatalf("seed %d: %v: %q, %v: %q", seed, x, reason(x), safe, reason(safe))
		}
	}
	if found < 100 {
		t.Errorf("%d prices", found)
	}
}
