package projector

import (
	"flag"
	"math"
	"math/rand/v2"
	"testing"

	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

var leewaySeed = flag.Uint64("leeway-seed", 0, "seed of TestLeewayAtBounds; 0: a fixed range")

// TestLeewayAtBounds trades in small pools until some trades were not judged, then puts every variable at the end of
// its bound, the one that hurts: judging the pool there must announce nothing.
func TestLeewayAtBounds(t *testing.T) {
	first, last := uint64(1), uint64(3000)
	if *leewaySeed != 0 {
		first, last = *leewaySeed, *leewaySeed
	}
	quiet := 0
	for seed := first; seed <= last; seed++ {
		w := newMissedWorld(t, seed)
		w.rng = rand.New(rand.NewPCG(seed, 10))
		for range 12 {
			for range 1 + w.rng.IntN(5) {
				w.trade(w.rng.IntN(3))
				if w.rng.IntN(4) == 0 {
					w.move()
				}
			}
			quiet += int(w.shard.work.Quiet)
			w.shard.work.Quiet = 0
			w.atBounds()
		}
	}
	if quiet < 1000 {
		t.Errorf("%d trades were not judged: too few to say anything", quiet)
	}
}

// atBounds judges the account where every variable has gone as far as its bound lets it, and brings it back.
func (w *missedWorld) atBounds() {
	w.t.Helper()
	s, a := w.shard, w.shard.venueList[0].accounts[0]
	s.boundDeferred()
	saved := make([]margin.Market, len(s.markets))
	for i, m := range s.markets {
		saved[i] = m.Market
	}
	coins := s.assets[len(s.assets)-1].Price
	known := a.cross.leeway.multiple > 0
	for i := range a.cross.Positions {
		pos := &a.cross.Positions[i]
		h := &s.markets[pos.Market.ID].holders
		price, keys := h.get(pos.Slot, margin.VarPrice), h.get(pos.Slot, margin.VarFunding)
		shift := pos.Market.FundingShift()
		switch {
		case pos.Size > 0:
			pos.Market.Mark = max(price.Low, 1)
			if keys.High < math.MaxInt64 {
				pos.Market.FundingIndex = fixed.FromInt64(keys.High).Mul(1 << shift)
			}
		case price.High < math.MaxInt64:
			pos.Market.Mark = min(price.High, pos.Market.MaxPrice)
			if keys.Low > math.MinInt64 {
				pos.Market.FundingIndex = fixed.FromInt64(keys.Low).Mul(1 << shift)
			}
		}
	}
	for i := range a.cross.Balances {
		if b := &a.cross.Balances[i]; !b.Asset.Settlement {
			b.Asset.Price = max(s.assets[b.Asset.ID].holders.get(b.Slot, margin.VarCollateral).Low, 1)
		}
	}
	a.cross.healthN = 0
	if known { // else it may be hot, or have other edges
		w.judgeAll()
	}
	for i, m := range s.markets {
		m.Market = saved[i]
	}
	s.assets[len(s.assets)-1].Price = coins
	s.pending, s.queue, s.settled = s.pending[:0], s.queue[:0], 0
	s.enqueueAccount(a)
	s.judgeQueued()
}
