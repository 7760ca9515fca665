package projector

import (
	"testing"

	"marginledger/events"
)

// TestNothingMissedByPortfolio is TestNothingMissed in venues that switch to portfolio margin, the markets and
// the coin in groups that offset: bounds hold whatever offsets do.
func TestNothingMissedByPortfolio(t *testing.T) {
	first, last := uint64(1), uint64(1500)
	if *missedSeed != 0 {
		first, last = *missedSeed, *missedSeed
	}
	for seed := first; seed <= last; seed++ {
		w := newMissedWorld(t, seed)
		b := &events.VenueProfileSet{Profile: "portfolio", ProfileVersion: "1", SettlementAsset: "USD", ValueScale: 6}
		add := func(name string, v int64, scale int) {
			b.Params = append(b.Params, events.Param{Name: name, Value: units(v, scale)})
		}
		add("contingency.1", w.rng.Int64N(200_000), 6)
		add("grid", w.rng.Int64N(4), 0)
		add("group.C", 2, 0)
		add("group.u", 1+w.rng.Int64N(2), 0)
		if b.Params[3].Value.Cmp(units(1, 0)) != 0 {
			b.Params = b.Params[1:] // everything in group 2
		} else {
			add("offset.1.2", w.rng.Int64N(1_000_001), 6)
		}
		add("shock.01", w.rng.Int64N(3_000_000)-1_000_000, 6)
		add("shock.01.g2", w.rng.Int64N(3_000_000)-1_000_000, 6)
		add("shock.02", w.rng.Int64N(800_000)-400_000, 6)
		add("weight.02", 1+w.rng.Int64N(1_000_000), 6)
		w.venue(b)
		if got := w.shard.venueList[0].profile.Name(); got != "portfolio" {
			t.Fatalf("seed %d: the profile is %s after %+v", seed, got, b)
		}
		for range 120 {
			w.move()
			if w.rng.IntN(12) == 0 {
				w.judgeAll()
			}
		}
	}
}
