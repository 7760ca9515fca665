package audit

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"marginledger/events"
	"marginledger/projector"
)

// answer answers the announcements since an offset as an exchange does: some fills go to the market, some to a backstop that names the
// episode, some deleverage a counterparty; what a pool lacks is covered, mostly.
func (w *world) answer(rng *rand.Rand, from int) (next int) {
	w.cut()
	recs := w.log.parts["ledger.liquidations.v1/0"]
	for _, r := range recs[from:] {
		o, err := events.ParseOutput(r.Value)
		if err != nil || o.Liquidation == "" || o.Kind == events.KindLiquidationCleared || rng.IntN(8) == 0 {
			continue
		}
		for _, q := range o.Positions {
			if q.CloseSize.Sign() <= 0 {
				continue
			}
			side, other := events.Sell, events.Buy
			if q.Size.Sign() < 0 {
				side, other = other, side
			}
			id := o.Liquidation
			if rng.IntN(3) == 0 { // not every exchange says which episode
				id = ""
			}
			fill := func(owner string, s events.Side, reason events.FillReason) {
				w.fact(owner, &events.Fill{Market: q.Market, Leg: events.LegNet, Side: s, Size: q.CloseSize, Price: q.Mark, TradeID: "l", Reason: reason, Liquidation: id})
			}
			switch rng.IntN(4) {
			case 0:
				fill(o.Owner, side, events.ReasonLiquidation)
				fill("backstop", other, events.ReasonLiquidation)
			case 1:
				fill(o.Owner, side, events.ReasonADL)
				fill(fmt.Sprintf("owner-%d", rng.IntN(12)), other, events.ReasonADL)
			default:
				fill(o.Owner, side, events.ReasonLiquidation)
			}
		}
		if o.Stage == events.StageBankrupt && len(o.Positions) == 0 && o.Equity.Sign() < 0 {
			w.fact(o.Owner, &events.BankruptcyCovered{Liquidation: o.Liquidation, Amount: events.NumberOf(o.Equity.Coef.Neg(), int(o.Equity.Scale)), Fund: "main"})
		}
	}
	w.cut()
	return len(recs)
}

// A simulation of no change is what happened: every fill of a liquidation, of a backstop, of a deleveraged counterparty, every
// cover and every sum, also where a fill answers an episode that is over.
func TestSimulateNothing(t *testing.T) {
	w := newWorld(t)
	rng := rngOf(seed(t))
	w.listed()
	w.fact("backstop", &events.AccountOpened{MarginType: events.MarginBackstop})
	w.deposit("backstop", 1_000_000)
	heard := 0
	for range 12 {
		w.random(rng, 20)
		heard = w.answer(rng, heard)
		w.fact("", &events.FundingRate{Market: "BTC", Rate: num("0.001"), Price: num(w.marks["BTC"])})
	}
	x := whatIf(t, w.past(), WhatIfOptions{Mode: Simulate, Changes: Changes{Set: []string{"market.*.tiers[0].maintenanceRate=0.01"}}})
	o := &x.Answers[0]
	m := o.Money
	if len(o.Pools) > 0 || m == nil || m.Closed+m.DroppedFills+m.IgnoredFills+m.Covers+m.Payments+m.Failed > 0 {
		t.Fatalf("%v", x)
	}
	for _, a := range m.Assets {
		if a.Happened != a.Would {
			t.Fatalf("%+v", a)
		}
	}
	if o.Counts[1].Happened == 0 {
		t.Fatalf("nobody was liquidated: %v", x)
	}
}

// A backstop's fill falls out with the episode that it names, and so does a deleveraged counterparty's.
func TestSimulateCounterparties(t *testing.T) {
	w := newWorld(t)
	w.listed()
	w.fact("backstop", &events.AccountOpened{MarginType: events.MarginBackstop})
	w.deposit("backstop", 1_000_000)
	w.deposit("ann", 2000)
	w.deposit("bob", 9000)
	w.trade("ann", "BTC", events.Buy, 1)
	w.trade("bob", "BTC", events.Sell, 1)
	w.mark("BTC", 48_300) // ann: 299.5 of 483
	w.cut()
	id := ""
	for _, r := range w.log.parts["ledger.liquidations.v1/0"] {
		if o, err := events.ParseOutput(r.Value); err == nil && o.Kind == events.KindLiquidationTriggered {
			id = o.ID
		}
	}
	fill := func(owner string, side events.Side, reason events.FillReason, size string) {
		w.fact(owner, &events.Fill{Market: "BTC", Leg: events.LegNet, Side: side, Size: num(size), Price: num(48_300), TradeID: "l", Reason: reason, Liquidation: id})
	}
	fill("ann", events.Sell, events.ReasonLiquidation, "0.5")
	fill("backstop", events.Buy, events.ReasonLiquidation, "0.5")
	fill("ann", events.Sell, events.ReasonADL, "0.5")
	fill("bob", events.Buy, events.ReasonADL, "0.5")
	w.cut()
	for set, dropped := range map[string]int{"market.BTC.tiers[0].maintenanceRate=0.01": 0, "market.BTC.tiers[0].maintenanceRate=0.005": 4} {
		x := whatIf(t, w.past(), WhatIfOptions{Mode: Simulate, Changes: Changes{Set: []string{set}}})
		if m := x.Answers[0].Money; m.DroppedFills != dropped || m.Closed > 0 || m.Open > 0 {
			t.Errorf("%s: %+v", set, m)
		}
	}
}

// An episode that begins with the changed rules themselves, where the past begins behind a snapshot, is seen and closed.
func TestWhatIfRulesTriggerBehindASnapshot(t *testing.T) {
	w := newWorld(t)
	w.listed()
	w.deposit("ann", 2000)
	w.trade("ann", "BTC", events.Buy, 1)
	w.snapshot()
	w.mark("BTC", 49_990)
	w.cut()
	p := w.archive(ArchiveOptions{FromCut: uint64(len(w.cuts))})
	for _, mode := range []Mode{Observe, Simulate} {
		x := whatIf(t, p, WhatIfOptions{Mode: mode, Changes: Changes{Set: []string{"market.BTC.tiers[0].maintenanceRate=0.05", "market.BTC.tiers[0].maxLeverage=10", "market.BTC.tiers[1].maintenanceRate=0.05", "market.BTC.tiers[1].maxLeverage=10"}}})
		o := &x.Answers[0]
		if s := status(t, o, "ann", "cross"); s.Would.Liquidated == nil || s.Would.Liquidated.Equity.Cmp(num("1999.5")) != 0 {
			t.Errorf("%s: %v", mode, x)
		}
		if mode == Simulate && o.Money.Closed != 1 {
			t.Errorf("%+v", o.Money)
		}
	}
}

// What is put in comes before the first fact that is later, be it an account's; and at every venue that has the market.
func TestWhatIfPutsInBeforeAccounts(t *testing.T) {
	w := newWorld(t)
	w.listed()
	w.deposit("ann", 2000)
	w.trade("ann", "BTC", events.Buy, 1)
	w.at += 10e9
	w.deposit("ann", 5000)
	w.at += 10e9
	w.mark("BTC", 50_000)
	w.cut()
	at := func(after time.Duration) string { return events.FormatTime(day.Add(after).UnixNano()) }
	x := whatIf(t, w.past(), WhatIfOptions{Changes: Changes{Marks: []string{"BTC=48300@" + at(5*time.Second)}}})
	if s := status(t, &x.Answers[0], "ann", "cross"); s.Would.Liquidated == nil {
		t.Errorf("a mark before the deposit: %v", x)
	}
	x = whatIf(t, w.past(), WhatIfOptions{Changes: Changes{Marks: []string{"BTC=48300@" + at(11*time.Second)}}})
	if len(x.Answers[0].Pools) > 0 {
		t.Errorf("a mark behind the deposit: %v", x)
	}
	correct := fmt.Sprintf(`{"id":"paid","type":"Deposit","v":1,"venue":"x","time":%q,"owner":"ann","sub":0,"asset":"USDC","amount":"3000"}`, at(4*time.Second))
	x = whatIf(t, w.past(), WhatIfOptions{Changes: Changes{Marks: []string{"BTC=48300@" + at(5*time.Second)}, Correct: []byte(correct)}})
	if len(x.Answers[0].Pools) > 0 || len(x.Answers[0].Unused) > 0 {
		t.Errorf("a deposit before the mark: %v", x)
	}
}

// What a profile lacks for facts of accounts makes the answer unknown.
func TestNeeds(t *testing.T) {
	dead := func(reason projector.Reason) *events.Output {
		return &events.Output{Kind: events.KindDeadLetter, Reason: string(reason)}
	}
	event := func(b events.Body) *events.Event {
		return &events.Event{Type: b.EventType(), Body: b, Venue: "x", Owner: "ann"}
	}
	for want, c := range map[string]struct {
		e *events.Event
		o *events.Output
	}{
		"":                      {event(&events.Fill{Leg: events.LegNet}), dead(projector.ReasonOutOfRange)},
		"needs PositionChanged": {event(&events.Fill{Leg: events.LegNet}), dead(projector.ReasonNotSupported)},
		"needs Fill":            {event(&events.PositionChanged{}), dead(projector.ReasonNotSupported)},
		"needs PoolState":       {event(&events.PositionChanged{}), dead(projector.ReasonFactsMissing)},
		"needs VenueProfileSet": {event(&events.VenueProfileSet{}), dead(projector.ReasonUnknownProfile)},
		"needs Fill of leg net, or PositionChanged": {event(&events.Fill{Leg: events.LegLong}), dead(projector.ReasonNotSupported)},
	} {
		var x needs
		x.refused(projector.New(projector.Config{}), c.e, c.o, 7)
		if got, why := x.answer(); got != want || (why == "") != (want == "") {
			t.Errorf("%q, %q, expected %q", got, why, want)
		}
	}
}

// ann's 1 BTC of 50,000 with 1,999.5 of collateral: liquidated at 48,300 (299.5 of 483), of which some is filled there.
func partly(t *testing.T, filled string) *world {
	w := newWorld(t)
	w.listed()
	w.deposit("ann", 2000)
	w.trade("ann", "BTC", events.Buy, 1)
	w.cut()
	w.mark("BTC", 48_300)
	w.fact("ann", &events.Fill{Market: "BTC", Leg: events.LegNet, Side: events.Sell, Size: num(filled), Price: num(48_300), TradeID: "l", Reason: events.ReasonLiquidation})
	w.cut()
	return w
}

// At half a percent the episode begins at 48,200 only, behind a recorded fill, which falls out: it is closed whole there. Equity is 199.5,
// the fee a hundredth of 48,200, and the fund pays what is lacking.
func TestSimulateLater(t *testing.T) {
	w := partly(t, "0.25")
	w.mark("BTC", 48_200)
	w.trade("ann", "BTC", events.Sell, "0.75")
	w.cut()
	x := whatIf(t, w.past(), WhatIfOptions{Mode: Simulate, Changes: Changes{Set: []string{"market.BTC.tiers[0].maintenanceRate=0.005"}}})
	m := x.Answers[0].Money
	if len(m.Assets) != 1 || m.Closed != 1 || m.DroppedFills != 1 || m.IgnoredFills != 1 || m.Open != 0 {
		t.Fatalf("%v", x)
	}
	if a := m.Assets[0]; a.Would.Fees.Cmp(num(482)) != 0 || a.Would.Insurance.Cmp(num("282.5")) != 0 || a.Would.BadDebt.Sign() != 0 || a.Happened.Insurance.Sign() != 0 {
		t.Errorf("%+v", a)
	}
	if s := status(t, &x.Answers[0], "ann", "cross"); s.Would.Liquidated.N <= s.Happened.Liquidated.N {
		t.Errorf("%+v", s)
	}
}

// At two percent the episode is not over with the recorded fill that ended it: 299.5 is less than 2 % of 0.4 at 48,300. The rest is
// closed then.
func TestSimulateGoesOn(t *testing.T) {
	w := partly(t, "0.6")
	at := w.n
	w.mark("BTC", 48_400)
	w.trade("ann", "BTC", events.Sell, "0.1")
	w.cut()
	p := poolOf(w.rec.Fold().(*projector.Shard), Account{"x", "ann", 0}, "cross")
	if p.Liquidation != "" {
		t.Fatalf("record %d did not end the episode: %+v", at, p)
	}
	x := whatIf(t, w.past(), WhatIfOptions{Mode: Simulate, Changes: Changes{Set: []string{"market.BTC.tiers[0].maintenanceRate=0.02"}}})
	m := x.Answers[0].Money
	if m.Closed != 1 || m.DroppedFills != 0 || m.IgnoredFills != 1 || m.Open != 0 {
		t.Fatalf("%v", x)
	}
	if a := m.Assets[0]; a.Would.Fees.Cmp(num("193.2")) != 0 || a.Would.BadDebt.Sign() != 0 { // a hundredth of 0.4 at 48,300
		t.Errorf("%+v", a)
	}
}
