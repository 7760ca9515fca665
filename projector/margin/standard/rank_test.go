package standard

import (
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// rankOf is the rank of a position in a market with K = 1, its pool having an equity.
func rankOf(size, entry, mark, equity int64) *big.Rat {
	m := &margin.Market{K: 1, Mark: mark, Tiers: []margin.Tier{{MaxLeverage: 10}}}
	pos := margin.Position{Market: m, Size: size, Entry: m.Value(size, entry)}
	pool := &margin.Pool{Positions: []margin.Position{pos}}
	p := &Profile{}
	return p.Rank(pool, 0, &margin.Health{Equity: fixed.FromInt64(equity)})
}

// TestRank: §9 by hand. 10 bought at 100, now 120: +20 %; notional 1200 over equity 400 is leverage 3.
func TestRank(t *testing.T) {
	for _, c := range []struct {
		name                      string
		size, entry, mark, equity int64
		want                      *big.Rat
	}{
		{"profit times leverage", 10, 100, 120, 400, big.NewRat(3, 5)},
		{"a short's profit", -10, 100, 80, 400, big.NewRat(2, 5)},
		{"loss over leverage", 10, 100, 80, 400, big.NewRat(-1, 10)},
		{"no profit", 10, 100, 100, 400, new(big.Rat)},
		{"profit in a pool without equity: equity counts as a unit", 10, 100, 120, 0, big.NewRat(240, 1)},
		{"the same below zero", 10, 100, 120, -5000, big.NewRat(240, 1)},
		{"loss in a pool without equity: no leverage is greater", 10, 100, 80, -1, big.NewRat(-1, 4000)},
		{"bought for nothing: the entry counts as a unit", 10, 0, 120, 400, big.NewRat(3600, 1)},
	} {
		if got := rankOf(c.size, c.entry, c.mark, c.equity); got.Cmp(c.want) != 0 {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestRankOrders: more profit, or as much on less equity, comes first; of losers, the one that loses less for its
// leverage.
func TestRankOrders(t *testing.T) {
	queue := []*big.Rat{
		rankOf(10, 100, 150, 300), // +50 %, 5×
		rankOf(10, 100, 150, 750), // +50 %, 2×
		rankOf(10, 100, 110, 550), // +10 %, 2×
		rankOf(10, 100, 90, 450),  // −10 %, 2×
		rankOf(10, 100, 90, 900),  // −10 %, 1×
		rankOf(10, 100, 50, 250),  // −50 %, 2×
	}
	if !slices.IsSortedFunc(queue, func(a, b *big.Rat) int { return b.Cmp(a) }) {
		t.Errorf("queue %v", queue)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 2000 { // a profit is never behind a loss
		won := rankOf(1+rng.Int64N(100), 100, 101+rng.Int64N(100), rng.Int64N(1000)-200)
		lost := rankOf(1+rng.Int64N(100), 100, 1+rng.Int64N(99), rng.Int64N(1000)-200)
		if won.Cmp(lost) <= 0 {
			t.Fatalf("profit %s behind loss %s", won, lost)
		}
	}
}
