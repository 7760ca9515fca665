package standard

import (
	"flag"
	"math/rand/v2"
	"testing"

	"marginledger/projector/margin"
)

var priceSeed = flag.Uint64("price-seed", 0, "seed of TestLiquidationPriceIsBisection; 0: a fixed range")

// TestLiquidationPriceIsBisection: whatever is not asked on the way, the price is the one that asking everywhere
// comes to (§8).
func TestLiquidationPriceIsBisection(t *testing.T) {
	first, last := uint64(1), uint64(3000)
	if *priceSeed != 0 {
		first, last = *priceSeed, *priceSeed
	}
	found := 0
	for seed := first; seed <= last; seed++ {
		rng := rand.New(rand.NewPCG(seed, 6))
		p := randomPool(rng)
		for i := range p.Positions {
			m := p.Positions[i].Market
			for _, underlying := range []bool{false, true} {
				want, got := bisected(p, m, underlying), liquidationPrice(p, m, underlying)
				if got != want {
					t.Fatalf("seed %d: position %d, underlying %v: %d, bisection comes to %d; repeat with -price-seed %d", seed, i, underlying, got, want, seed)
				}
				if want != 0 {
					found++
				}
			}
		}
	}
	if *priceSeed == 0 && found < 1000 {
		t.Errorf("only %d pools have a price", found)
	}
}

func bisected(pool *margin.Pool, m *margin.Market, underlying bool) int64 {
	var v moving
	v.split(pool, m, m.Price(), underlying)
	good, bad := m.Price(), int64(1)
	if v.net() <= 0 {
		bad = v.highest()
	}
	switch sign := v.slack(good).Sign(); {
	case sign < 0:
		return 0
	case sign == 0:
		return good
	case good == bad || v.slack(bad).Sign() > 0:
		return 0
	}
	for bad-good > 1 || good-bad > 1 {
		if mid := good + (bad-good)/2; v.slack(mid).Sign() > 0 {
			good = mid
		} else {
			bad = mid
		}
	}
	return bad
}

// TestBracketIsNarrow: in one tier the bracket is as narrow as rounding allows.
func TestBracketIsNarrow(t *testing.T) {
	p := benchPool()
	m := p.Positions[0].Market
	var v moving
	v.split(p, m, m.Price(), false)
	low, high := v.bracket(m.Price(), 1, v.slack(m.Price()), v.slack(1))
	if d := ahead(high, low, m.Price(), 1); d > 16 {
		t.Errorf("the bracket is %d prices wide", d)
	}
}
