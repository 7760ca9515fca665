package reference

import (
	"slices"
	"testing"

	"marginledger/events"
	"marginledger/projector"
)

// § 7, a partial liquidation with its cool-down, worked by hand. 10 BTC long at 1,000 with 150:
// M = 100 at 1,000 and E = 10·x − 9,850, so E < M = x/10 at 994.9 and E < 0.8·M at 992.9.
func TestPartialLiquidation(t *testing.T) {
	x := newExchange(t).mark("BTC", "1000").deposit("a", "550").fill("a", "BTC", "10", "1000")
	x.fact("a", &events.Withdrawal{Asset: "USDC", Amount: n("400")})
	x.says("Violation cross withdrawal_exceeds_withdrawable", "MarginCall cross 2")
	x.mark("BTC", "996.9") // E = 119, M = 99.69
	x.says("MarginCall cross 1.5", "MarginCall cross 1.2")
	is(t, "liquidation price", x.out[1].Positions[0].LiquidationPrice, "994.9")
	x.mark("BTC", "994.9") // E = 99, M = 99.49
	x.says("LiquidationTriggered cross partial")
	trigger := x.out[0]
	is(t, "ceil(0.25 · 10)", trigger.Positions[0].CloseSize, "2.5")
	is(t, "fee 2.5 · 994.9 · 0.005", trigger.Positions[0].LiquidationFee, "12.43625")
	if !trigger.Awaiting || trigger.CooldownUntil != "" {
		t.Errorf("%+v", trigger)
	}
	x.mark("BTC", "994.8")
	x.says() // announced once

	// Of what it asks for, 0.05 is filled: s = 9.95, E = 9.95·x − 9,800.26.
	answer := fillOf("BTC", events.LegNet, "-0.05", "994.8")
	answer.Reason, answer.Liquidation = events.ReasonLiquidation, trigger.Liquidation
	x.fact("a", answer)
	x.says("LiquidationUpdated cross partial")
	is(t, "asks for nothing", x.out[0].Positions[0].CloseSize, "0")
	if o := x.out[0]; o.Awaiting || o.CooldownUntil == "" || o.Liquidation != trigger.Liquidation {
		t.Errorf("%+v", o)
	}
	// Shard time when it began was that of the last mark: 1 s before the fill.
	x.now += 27e9
	x.mark("BTC", "994.8") // 29 s
	x.says()
	x.mark("BTC", "994.7") // 30 s: the deadline comes before the mark, at the old price
	x.says("LiquidationUpdated cross partial")
	is(t, "asks again: ceil(0.25 · 9.95)", x.out[0].Positions[0].CloseSize, "2.488")
	is(t, "at the old price", x.out[0].Positions[0].Mark, "994.8")
	x.mark("BTC", "992.9") // E = 79.095, 0.8·M = 79.03484
	x.says()
	x.mark("BTC", "992") // E = 70.14, 0.8·M = 78.9632, 2/3·M = 65.80…
	x.says("LiquidationUpdated cross full")
	is(t, "all of it", x.out[0].Positions[0].CloseSize, "9.95")
	x.mark("BTC", "984.9") // E = −0.505
	x.says("PoolBankrupt cross bankrupt")
	x.mark("BTC", "990")  // E = 50.24, M = 98.505
	x.says()              // stages do not fall
	x.deposit("a", "100") // E = 150.24 ≥ 1.05 · 1.2 · M, not ≥ 1.05 · 1.5 · M
	x.says("MarginCallCleared cross 1.2", "LiquidationCleared cross bankrupt")
	is(t, "equity", x.account("a").Equity, "150.24")
}

// § 7, stop: triggered once, until it is set again.
func TestStop(t *testing.T) {
	x := newExchange(t).mark("BTC", "1000").deposit("a", "1000").fill("a", "BTC", "1", "1000")
	x.fact("a", &events.PortfolioStopSet{EquityFloor: n("900")})
	x.mark("BTC", "900")
	x.says() // E = 900, not below
	x.mark("BTC", "899.9")
	x.says("PortfolioStopTriggered cross")
	x.mark("BTC", "800")
	x.says()
	x.fact("a", &events.PortfolioStopSet{RatioFloor: n("100")}) // E = 800 = 100 · M
	x.says()
	x.mark("BTC", "799") // E = 799, M = 7.99
	x.says()
	x.fact("a", &events.PortfolioStopSet{RatioFloor: n("100.000001")})
	x.says("PortfolioStopTriggered cross")
}

// § 7: new levels clear the open calls before they are judged.
func TestLevels(t *testing.T) {
	x := newExchange(t).mark("BTC", "1000").deposit("a", "60").fill("a", "BTC", "1", "1000").mark("BTC", "958")
	x.says("MarginCall cross 2") // E = 18, M = 9.58: 1.879
	x.fact("a", &events.MarginCallLevelsSet{Levels: []events.Number{n("3"), n("1.5")}})
	x.says("MarginCallCleared cross 2", "MarginCall cross 3")
	x.mark("BTC", "970.2") // E = 30.2 ≥ 1.05 · 3 · 9.702 = 30.5613? No.
	x.says()
	x.mark("BTC", "971") // 31 ≥ 30.5865
	x.says("MarginCallCleared cross 3")
}

// A pool valued without a mark announces nothing, and is judged once there is one. Backstop
// accounts are valued and never judged.
func TestUnpricedAndBackstop(t *testing.T) {
	x := newExchange(t).deposit("a", "10").fill("a", "BTC", "1", "1000")
	x.says("Violation cross insufficient_initial_margin")
	if !x.pool("a", "cross").Unpriced {
		t.Error("priced without a mark")
	}
	x.venue(&events.MarkPrice{Market: "BTC", Index: n("900")})
	x.says()
	is(t, "valued at the index", x.account("a").Equity, "-90")
	x.fact("b", &events.AccountOpened{MarginType: events.MarginBackstop}).fill("b", "BTC", "1", "1000")
	x.says()
	x.mark("BTC", "900")
	x.says("MarginCall cross 2", "MarginCall cross 1.5", "MarginCall cross 1.2", "PoolBankrupt cross bankrupt")
	if x.out[0].Owner != "a" {
		t.Errorf("%+v", x.out)
	}
	x.fact("b", &events.AccountOpened{MarginType: events.MarginStandard})
	x.says("Violation cross account_reopened", "MarginCall cross 2", "MarginCall cross 1.5", "MarginCall cross 1.2", "PoolBankrupt cross bankrupt")
}

// The story of issue 2: 10,000 dollars, long BTC against short ETH. In one cross pool the legs carry
// each other through a fall of 20 % of both; isolated, the long one is bankrupt.
func TestHedgeCrossAndIsolated(t *testing.T) {
	start := func(mode events.MarginMode) *exchange {
		x := newExchange(t).mark("BTC", "50000").mark("ETH", "2500").deposit("a", "10000")
		for _, market := range []string{"BTC", "ETH"} {
			x.fact("a", &events.MarginModeSet{Market: market, Mode: mode})
			x.fact("a", &events.LeverageSet{Market: market, Leverage: 10})
		}
		x.fill("a", "BTC", "0.9", "50000").says()
		x.fill("a", "ETH", "-18", "2500").says()
		return x
	}
	fall := func(x *exchange) (kinds []string) {
		for _, step := range []struct{ btc, eth string }{{"47000", "2350"}, {"44000", "2200"}, {"40000", "2000"}} {
			for _, m := range [][2]string{{"ETH", step.eth}, {"BTC", step.btc}} {
				x.mark(m[0], m[1])
				for _, o := range x.out {
					kinds = append(kinds, o.Kind.String()+" "+o.Pool)
				}
			}
		}
		return kinds
	}

	cross := start(events.Cross)
	if got := fall(cross); len(got) > 0 {
		t.Errorf("cross announced %v", got)
	}
	is(t, "cross equity", cross.account("a").Equity, "10000") // −9,000 + 9,000
	is(t, "cross requirement: 36,000 · 1 % twice", cross.account("a").Maintenance, "720")

	isolated := start(events.Isolated)
	got := fall(isolated)
	if !slices.Contains(got, "PoolBankrupt BTC") || slices.ContainsFunc(got, func(s string) bool { return s != "" && s[len(s)-3:] == "ETH" }) {
		t.Errorf("isolated announced %v", got)
	}
	is(t, "BTC pool: 4,500 − 9,000", isolated.pool("a", "BTC").Equity, "-4500")
	is(t, "ETH pool: 4,500 + 9,000", isolated.pool("a", "ETH").Equity, "13500")
	is(t, "cross is untouched", isolated.account("a").Equity, "1000")
}

// § 5: duplicates with and without a sequence.
func TestDuplicates(t *testing.T) {
	x := newExchange(t)
	first := x.record("a", 0, &events.Deposit{Asset: "USDC", Amount: n("1")})
	x.apply(first)
	x.apply(first)
	if !x.twice {
		t.Error("the same record was applied twice")
	}
	other := x.record("a", 0, &events.Deposit{Asset: "USDC", Amount: n("2")})
	other.Event.ID = first.Event.ID
	other.Value = events.AppendJSON(nil, other.Event)
	x.apply(other)
	x.says("DeadLetter id_reused")

	sequenced := func(sequence uint64, later int64) *projector.Record {
		r := x.record("a", 0, &events.Deposit{Asset: "USDC", Amount: n("1")})
		r.Event.Producer, r.Event.Sequence, r.Event.Time = "engine", sequence, x.now+later
		return r
	}
	for _, c := range []struct {
		sequence uint64
		later    int64
		twice    bool
		want     []string
	}{
		{7, 10, false, nil}, // the first may be any
		{8, 10, false, nil},
		{8, 10, true, nil},
		{3, 9, true, nil},
		{8, 11, false, []string{"DeadLetter sequence_reset"}},
		{9, 11, false, nil}, // a reset does not move the mark
		{12, 12, false, []string{"Violation cross sequence_gap"}},
	} {
		x.apply(sequenced(c.sequence, c.later))
		if x.says(c.want...); x.twice != c.twice {
			t.Errorf("sequence %d: duplicate %v", c.sequence, x.twice)
		}
	}
}
