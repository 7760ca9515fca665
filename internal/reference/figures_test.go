package reference

import (
	"testing"

	"github.com/shopspring/decimal"

	"marginledger/events"
)

// § 1: every direction on both sides of zero, with and without something to drop.
func TestQuotient(t *testing.T) {
	for _, c := range []struct {
		a, b                       string
		floor, ceil, trunc, halfUp string
	}{
		{"7", "2", "3", "4", "3", "4"},
		{"-7", "2", "-4", "-3", "-3", "-3"},
		{"7", "-2", "-4", "-3", "-3", "-3"},
		{"-7", "-2", "3", "4", "3", "4"},
		{"6", "2", "3", "3", "3", "3"},
		{"-6", "2", "-3", "-3", "-3", "-3"},
		{"1", "3", "0", "1", "0", "0"},
		{"-1", "3", "-1", "0", "0", "0"},
		{"-2", "3", "-1", "0", "0", "-1"},
		{"0", "3", "0", "0", "0", "0"},
	} {
		a, b := decimal.RequireFromString(c.a), decimal.RequireFromString(c.b)
		for d, want := range map[direction]string{floor: c.floor, ceil: c.ceil, trunc: c.trunc, halfUp: c.halfUp} {
			is(t, c.a+"/"+c.b, quotient(a, b, 0, d), want)
			is(t, c.a+"/"+c.b+" in hundredths", quotient(a.Shift(-2), b, 2, d), decimal.RequireFromString(want).Shift(-2).String())
		}
	}
}

// § 2, worked by hand. Long 2.5 BTC at 50,000.1, mark 50,100.3, tier 1 from 100,000:
//
//	N    = 2.5 · 50,100.3                = 125,250.75
//	PnL  = 125,250.75 − 2.5 · 50,000.1   =     250.5
//	MM   = 125,250.75 · 0.02 − 1000      =   1,505.015
//	IM   = 125,250.75 / 10               =  12,525.075
//	fund = floor(−2.5 · (0.0000123 · 50,000.1 − 0)) = floor(−1.537503075) at 6 digits = −1.537504
func TestPositionFigures(t *testing.T) {
	x := newExchange(t).mark("BTC", "50100.3").deposit("a", "20000").fill("a", "BTC", "2.5", "50000.1")
	x.venue(&events.FundingRate{Market: "BTC", Rate: n("0.0000123"), Price: n("50000.1")})
	p := x.pool("a", "cross")
	f := p.Positions[0]
	is(t, "notional", f.Notional, "125250.75")
	is(t, "pnl", f.UnrealisedPnL, "250.5")
	is(t, "maintenance", f.Maintenance, "1505.015")
	is(t, "initial", f.Initial, "12525.075")
	is(t, "funding", f.UnpostedFunding, "-1.537504")
	is(t, "equity", p.Equity, "20248.962496")
	is(t, "entry price", f.EntryPrice, "50000.1")
	if f.Tier != 1 {
		t.Errorf("tier %d", f.Tier)
	}
	// The next fact of the account posts the funding and settles it.
	x.fill("a", "BTC", "0.5", "50100.3")
	if len(x.postings) != 2 || x.postings[0].Amount.String() != "-1.537504" || x.postings[1].Account != "funding/BTC" {
		t.Errorf("postings %+v", x.postings)
	}
	is(t, "funding", x.pool("a", "cross").Positions[0].UnpostedFunding, "0")
}

// § 2 tiers are half-open: 100,000 itself is in the second, one unit less in the first. Maintenance
// is the same from both sides: 1,000. Initial is 10,000 there, and ceil(99,999.9 / 20) below.
func TestTierEdge(t *testing.T) {
	x := newExchange(t).mark("BTC", "100000").deposit("a", "20000").fill("a", "BTC", "1", "100000")
	f := x.pool("a", "cross").Positions[0]
	is(t, "maintenance", f.Maintenance, "1000")
	is(t, "initial", f.Initial, "10000")
	x.mark("BTC", "99999.9")
	f = x.pool("a", "cross").Positions[0]
	is(t, "maintenance", f.Maintenance, "999.999")
	is(t, "initial", f.Initial, "4999.995")
	x.fact("a", &events.LeverageSet{Market: "BTC", Leverage: 7})
	is(t, "initial at 7x: 99,999.9 / 7 = 14,285.6999…", x.pool("a", "cross").Positions[0].Initial, "14285.7")
}

// § 2 Entry. Long 3 at 100.1, 100.2, 100.4: e = 300.7. Selling 1 at 110 takes share =
// trunc(300.7 / 3) = 100.233333, so 9.766667 are realised and e = 200.466667. Selling 3 at 90
// closes 2 with all of e: 180 − 200.466667 = −20.466667, and opens −1 at 90.
func TestEntry(t *testing.T) {
	x := newExchange(t).mark("BTC", "100").deposit("a", "1000")
	x.fill("a", "BTC", "1", "100.1").fill("a", "BTC", "1", "100.2").fill("a", "BTC", "1", "100.4")
	x.fill("a", "BTC", "-1", "110")
	is(t, "realised", x.postings[0].Amount, "9.766667")
	is(t, "entry price", x.pool("a", "cross").Positions[0].EntryPrice, "100.2")
	x.fill("a", "BTC", "-3", "90")
	is(t, "realised", x.postings[0].Amount, "-20.466667")
	f := x.pool("a", "cross").Positions[0]
	is(t, "size", f.Size, "-1")
	is(t, "entry price", f.EntryPrice, "90")
	is(t, "balance", x.account("a").Balances[0].Amount, "989.3")
	x.fill("a", "BTC", "0.5", "80.1") // a short: share = trunc(−90 · 0.5) = −45; −40.05 + 45
	is(t, "realised", x.postings[0].Amount, "4.95")
}

// § 3 collateral. 3 ETH at 1,000.5 = 3,001.5; no haircut up to 1,000, 10 % to 2,000, 50 % above:
// 1,000 + 900 + 500.75. A debt counts in full: floor(−0.000001 · 1,000.5) = −0.001001.
func TestCollateralValue(t *testing.T) {
	x := newExchange(t)
	x.venue(&events.CollateralChanged{Asset: "WETH", Haircuts: []events.HaircutTier{
		{LowerValue: n("0"), Haircut: n("0")}, {LowerValue: n("1000"), Haircut: n("0.1")}, {LowerValue: n("2000"), Haircut: n("0.5")},
	}})
	x.fact("a", &events.Deposit{Asset: "WETH", Amount: n("3")})
	is(t, "equity without a price", x.account("a").Equity, "0")
	x.venue(&events.CollateralPrice{Asset: "WETH", Price: n("1000.5")})
	is(t, "equity", x.account("a").Equity, "2400.75")
	x.fact("a", &events.Withdrawal{Asset: "WETH", Amount: n("3.000001")})
	x.says("Violation cross withdrawal_exceeds_withdrawable", "PoolBankrupt cross bankrupt")
	is(t, "equity", x.account("a").Equity, "-0.001001")
}

// § 3 order margin. Long 2 BTC at 100, leverage 10: initial 20.
//
//	bids 3 for 270:  N_b = 200 + 270 = 470 → 47
//	asks 5 for 550:  N_a = ceil(550 · 3/5) = 330 → 33
//	order margin = 47 − 20 = 27. With asks of 1 for 110: N_a = (2 − 1) · 100.
func TestOrderMargin(t *testing.T) {
	x := newExchange(t).mark("BTC", "100").deposit("a", "1000")
	x.fact("a", &events.LeverageSet{Market: "BTC", Leverage: 10}).fill("a", "BTC", "2", "100")
	orders := func(bid, bidNotional, ask, askNotional string) string {
		x.fact("a", &events.OrderMargin{Market: "BTC", Leg: events.LegNet, BidSize: n(bid), BidNotional: n(bidNotional), AskSize: n(ask), AskNotional: n(askNotional)})
		return x.account("a").OrderMargin.String()
	}
	for _, c := range []struct{ bid, bidNotional, ask, askNotional, want string }{
		{"3", "270", "5", "550", "27"},
		{"0", "0", "5", "550", "13"},
		{"0", "0", "1", "110", "0"},
		{"0", "0", "9", "991", "57.077778"}, // ceil(991 · 7/9) = 770.777778 → ceil(77.0777778) − 20
		{"0", "0", "0", "0", "0"},
	} {
		if got := orders(c.bid, c.bidNotional, c.ask, c.askNotional); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
	// In leg long, asks close only.
	x.fact("b", &events.OrderMargin{Market: "BTC", Leg: events.LegLong, BidSize: n("1"), BidNotional: n("100"), AskSize: n("9"), AskNotional: n("900")})
	is(t, "leg long", x.account("b").OrderMargin, "5")
	x.fact("b", &events.OrderMargin{Market: "BTC", Leg: events.LegShort, BidSize: n("9"), BidNotional: n("900"), AskSize: n("1"), AskNotional: n("100")})
	is(t, "both legs", x.account("b").OrderMargin, "10")
}

// § 3 free and withdrawable: equity 1,000 + 20 profit, initial ceil(220/20) = 11.
// More than the balance breaks the rule even where free allows it.
func TestFree(t *testing.T) {
	for _, c := range []struct{ exclude, want, most string }{{"0", "1009", "1000"}, {"1", "989", "989"}} {
		x := newExchange(t, events.Param{Name: "withdrawExcludesUpnl", Value: n(c.exclude)})
		x.mark("BTC", "100").deposit("a", "1000").fill("a", "BTC", "2", "100").mark("BTC", "110")
		is(t, "withdrawable", x.account("a").Withdrawable, c.want)
		x.fact("a", &events.Withdrawal{Asset: "USDC", Amount: n(c.most)})
		x.says()
		x.fact("a", &events.Withdrawal{Asset: "USDC", Amount: n("0.000001")})
		x.says("Violation cross withdrawal_exceeds_withdrawable")
	}
}
