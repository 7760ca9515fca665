package projector

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"marginledger/events"
	"marginledger/internal/fixed"
)

var missedSeed = flag.Uint64("missed-seed", 0, "seed of TestNothingMissed; 0: a fixed range")

// TestNothingMissed moves prices and funding indexes by a few units, and now and then to anywhere, under
// pools so small that every rounding shows, with levels, stops and clearing factors up to their largest. From time to time every pool is judged,
// bounds or not: that must announce nothing, for a price that leaves a bound has had its pools judged.
func TestNothingMissed(t *testing.T) {
	first, last := uint64(1), uint64(2500)
	if *missedSeed != 0 {
		first, last = *missedSeed, *missedSeed
	}
	for seed := first; seed <= last; seed++ {
		w := newMissedWorld(t, seed)
		for range 120 {
			w.move()
			if w.rng.IntN(12) == 0 {
				w.judgeAll()
			}
		}
	}
}

// TestOneUnitTimesAThousand: one unit more of maintenance, rounded up, is a thousand units of a stop at
// a thousand times maintenance. A bound that forgets it lets the mark pass: equity falls to 1,386
// units, below 1000 · 2.
func TestOneUnitTimesAThousand(t *testing.T) {
	w := newBoundsWorld(t)
	w.venue(&events.VenueProfileSet{Profile: "standard", ProfileVersion: "1", SettlementAsset: "USD", ValueScale: 6})
	m := &events.MarketListed{Market: "m", Underlying: "u", MaxPrice: units(1_000_000, 0), MaxSize: units(100_000, 0)}
	m.Rules = events.MarketRules{FundingMode: events.FundingByPayments, Tiers: []events.Tier{ // the mark has all of the slack
		{LowerNotional: units(0, 0), MaxLeverage: 1000, MaintenanceRate: units(1, 9), Deduction: units(0, 0)}}}
	w.venue(m)
	w.venue(&events.MarkPrice{Market: "m", Mark: units(1000, 0)}) // maintenance of a contract: 1 unit; at 1001: 2
	w.account(&events.Deposit{Asset: "USD", Amount: units(1_001_386, 6)})
	w.account(&events.Fill{Market: "m", Leg: events.LegNet, Side: events.Sell, Size: units(1, 0), Price: units(1000, 0), TradeID: "t", Reason: events.ReasonTrade})
	w.account(&events.PortfolioStopSet{RatioFloor: units(1000, 0)})
	fx := w.apply(&events.MarkPrice{Market: "m", Mark: units(1001, 0)}, "")
	if len(fx.Outputs) != 1 || fx.Outputs[0].Kind != events.KindPortfolioStopTriggered {
		t.Errorf("announced %+v, want the stop", fx.Outputs)
	}
}

// missedWorld is a venue with three markets and a collateral asset, and one account in them.
type missedWorld struct {
	boundsWorld
	seed   uint64
	rng    *rand.Rand
	prices [4]int64 // of the markets at scale 3; of the asset

	byIndex [3]bool // funding of the markets
}

func units(v int64, scale int) events.Number { return events.NumberOf(fixed.FromInt64(v), scale) }

func newMissedWorld(t *testing.T, seed uint64) *missedWorld {
	rng := rand.New(rand.NewPCG(seed, 9))
	w := &missedWorld{boundsWorld: *newBoundsWorld(t), seed: seed, rng: rng}
	var haircuts []events.HaircutTier
	for i, lower := int64(0), int64(0); i < 1+rng.Int64N(4); i++ {
		haircuts = append(haircuts, events.HaircutTier{LowerValue: units(lower, 6), Haircut: units(i*200_000_000+rng.Int64N(200_000_000), 9)})
		lower += 100 + rng.Int64N(400)
	}
	w.venue(&events.VenueProfileSet{Profile: "standard", ProfileVersion: "1", SettlementAsset: "USD", ValueScale: 6,
		Params: []events.Param{{Name: "callClearFactor", Value: units(1_000_000+rng.Int64N(3)*rng.Int64N(49_000_000), 6)}}})
	for i := range 3 {
		m := &events.MarketListed{Market: fmt.Sprint("m", i), Underlying: "u", PriceScale: 3, SizeScale: 3, MaxPrice: units(1e9, 3), MaxSize: units(1e9, 3)}
		m.Rules = events.MarketRules{FundingMode: events.FundingByIndex + events.FundingMode(rng.IntN(2)), Tiers: w.tiers()}
		w.byIndex[i] = m.Rules.FundingMode == events.FundingByIndex
		w.venue(m)
	}
	w.venue(&events.CollateralChanged{Asset: "C", Haircuts: haircuts})
	for i := range w.prices {
		w.prices[i] = 500 + rng.Int64N(1500)
		w.mark(i)
	}
	money := 1 + rng.Int64N(200_000)
	w.account(&events.Deposit{Asset: "USD", Amount: units(money, 6)})
	if rng.IntN(2) == 0 {
		w.account(&events.Deposit{Asset: "C", Amount: units(1+rng.Int64N(2000), 6)})
	}
	for i := range 1 + rng.IntN(3) {
		w.account(&events.Fill{Market: fmt.Sprint("m", i), Leg: events.LegNet, Side: events.Buy + events.Side(rng.IntN(2)), Size: units(1+rng.Int64N(60), 3),
			Price: units(w.prices[i], 3), TradeID: "t", Reason: events.ReasonTrade})
	}
	if rng.IntN(2) == 0 {
		w.account(&events.PortfolioStopSet{RatioFloor: units(1_000_000+rng.Int64N(999_000_000), 6), EquityFloor: units(rng.Int64N(money), 6)})
	}
	if rng.IntN(2) == 0 {
		w.account(&events.MarginCallLevelsSet{Levels: []events.Number{units(3_000_000+rng.Int64N(90_000_000), 6), units(2_000_000, 6)}})
	}
	return w
}

// tiers makes one tier, or several that are continuous: edges and rates are such that deductions are whole.
func (w *missedWorld) tiers() []events.Tier {
	rate, lower, deduction := 1+w.rng.Int64N(1_000_000_000)>>w.rng.IntN(30), int64(0), int64(0)
	list := []events.Tier{{LowerNotional: units(0, 0), MaxLeverage: 100, MaintenanceRate: units(rate, 9), Deduction: units(0, 0)}}
	for range w.rng.IntN(4) {
		step := w.rng.Int64N(300) * 1_000_000
		lower, rate = lower+(1+w.rng.Int64N(40))*1000, rate+step
		deduction += lower * step / 1_000_000_000
		if rate > 1_000_000_000 {
			break
		}
		list = append(list, events.Tier{LowerNotional: units(lower, 6), MaxLeverage: 50, MaintenanceRate: units(rate, 9), Deduction: units(deduction, 6)})
	}
	return list
}

func (w *missedWorld) mark(i int) {
	if i == 3 {
		w.venue(&events.CollateralPrice{Asset: "C", Price: units(w.prices[3]*1_000_003, 9)})
		return
	}
	w.venue(&events.MarkPrice{Market: fmt.Sprint("m", i), Mark: units(w.prices[i], 3)})
}

// move moves a price or a funding index, sometimes far.
func (w *missedWorld) move() {
	i, far := w.rng.IntN(4), int64(20)
	if w.rng.IntN(3) == 0 {
		w.trade(w.rng.IntN(3))
		return
	}
	if w.rng.IntN(10) == 0 {
		far = 200
	}
	if i < 3 && w.byIndex[i] && w.rng.IntN(3) == 0 {
		w.venue(&events.FundingRate{Market: fmt.Sprint("m", i), Rate: units(w.rng.Int64N(2*far+1)-far, 4), Price: units(w.prices[i], 3)})
		return
	}
	w.prices[i] = max(w.prices[i]+w.rng.Int64N(2*far+1)-far, 1)
	if w.rng.IntN(20) == 0 {
		w.prices[i] = 1 + w.rng.Int64N(2*w.prices[i])
	}
	w.mark(i)
}

// trade adds to a position or takes from it, often a little.
func (w *missedWorld) trade(i int) {
	size := 1 + w.rng.Int64N(60)>>w.rng.IntN(7)
	w.account(&events.Fill{Market: fmt.Sprint("m", i), Leg: events.LegNet, Side: events.Buy + events.Side(w.rng.IntN(2)), Size: units(size, 3),
		Price: units(max(w.prices[i]+w.rng.Int64N(21)-10, 1), 3), Fee: units(w.rng.Int64N(3)*w.rng.Int64N(1000), 6), FeeAsset: "USD", TradeID: "t", Reason: events.ReasonTrade})
}

// judgeAll judges every pool as if the last record had touched its variables.
func (w *missedWorld) judgeAll() {
	w.t.Helper()
	s := w.shard
	s.pending, s.queue, s.settled = s.pending[:0], s.queue[:0], 0
	for _, a := range s.venueList[0].accounts {
		s.enqueueAccount(a)
	}
	s.judgeQueued()
	for i := range s.pending {
		o := &s.pending[i]
		w.t.Fatalf("missed: %s of %s, equity %s, maintenance %s, seed %d; repeat with -missed-seed or -leeway-seed",
			o.Kind, o.Pool, o.Equity, o.Maintenance, w.seed)
	}
}
