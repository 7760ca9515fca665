package reference

import (
	"testing"

	"marginledger/events"
	"marginledger/projector"
)

// § 4, isolated, worked by hand at leverage 10. Buying 2 at 100 moves ceil(200 / 10) = 20 from
// cross; a fee of 0.5 is the pool's. Selling 1 at 105 realises 5, which stays, and releases half of
// 19.5: 14.75 are left. Selling 2 at 90 closes 1 at a loss of 10, which leaves 4.75 and, as the position
// turns, goes back to cross; −1 at 90 then takes 9. A reduction at a loss of 4 pays it out of its share.
func TestIsolatedMoney(t *testing.T) {
	x := newExchange(t).mark("BTC", "100").deposit("a", "1000")
	x.fact("a", &events.LeverageSet{Market: "BTC", Leverage: 10})
	x.fact("a", &events.MarginModeSet{Market: "BTC", Mode: events.Isolated})
	f := fillOf("BTC", events.LegNet, "2", "100")
	f.Fee, f.FeeAsset = n("0.5"), "USDC"
	x.fact("a", f)
	is(t, "collateral", x.pool("a", "BTC").Collateral, "19.5")
	is(t, "cross", x.account("a").Equity, "980")
	x.fill("a", "BTC", "-1", "105")
	is(t, "collateral", x.pool("a", "BTC").Collateral, "14.75")
	is(t, "cross", x.account("a").Equity, "989.75")
	x.fill("a", "BTC", "-2", "90")
	is(t, "collateral", x.pool("a", "BTC").Collateral, "9")
	is(t, "cross", x.account("a").Equity, "985.5") // 989.75 + 4.75 − 9
	x.fill("a", "BTC", "1", "90")
	is(t, "cross, all returned", x.account("a").Equity, "994.5")
	if pools := x.account("a").Pools; len(pools) != 1 {
		t.Errorf("pools %+v", pools)
	}
	x.fill("a", "BTC", "2", "100")
	x.fill("a", "BTC", "-1", "96") // 20 held: half is 10, less the loss of 4
	is(t, "collateral", x.pool("a", "BTC").Collateral, "10")
	x.fill("a", "BTC", "-0.25", "50") // a quarter of it is 2.5, and the loss 12.5
	is(t, "collateral", x.pool("a", "BTC").Collateral, "-2.5")
}

// § 4: what a pool lacks at the end stays in it, and never touches cross; a fund covers it under
// the episode's id; a new position starts from what is left.
func TestIsolatedBankruptcy(t *testing.T) {
	x := newExchange(t).mark("BTC", "100").deposit("a", "1000")
	x.fact("a", &events.MarginModeSet{Market: "BTC", Mode: events.Isolated})
	x.fill("a", "BTC", "2", "100") // 10 of collateral
	x.mark("BTC", "90")
	x.says("MarginCall BTC 2", "MarginCall BTC 1.5", "MarginCall BTC 1.2", "PoolBankrupt BTC bankrupt")
	episode := x.out[3].Liquidation
	if episode != x.out[3].ID {
		t.Errorf("episode %s opened by %s", episode, x.out[3].ID)
	}
	liquidation := fillOf("BTC", events.LegNet, "-2", "90")
	liquidation.Reason = events.ReasonLiquidation
	x.fact("a", liquidation)
	x.says("MarginCallCleared BTC 2", "MarginCallCleared BTC 1.5", "MarginCallCleared BTC 1.2", "LiquidationUpdated BTC bankrupt")
	is(t, "left", x.pool("a", "BTC").Equity, "-10")
	is(t, "cross", x.account("a").Equity, "990")

	cover := &events.BankruptcyCovered{Liquidation: "0-0-0", Market: "BTC", Leg: events.LegNet, Amount: n("4")}
	x.fact("a", cover)
	x.says("Violation BTC covers_no_bankruptcy", "LiquidationUpdated BTC bankrupt")
	x.fact("a", &events.BankruptcyCovered{Liquidation: episode, Market: "BTC", Leg: events.LegNet, Amount: n("6")})
	x.says("LiquidationCleared BTC bankrupt")
	is(t, "insurance", x.postings[1].Amount, "-6")
}

// § 4, MarginModeSet with a position: long and short legs at 100 to isolated with 30, and back.
func TestModeSwitch(t *testing.T) {
	x := newExchange(t).mark("BTC", "100").deposit("a", "1000")
	x.fact("a", fillOf("BTC", events.LegLong, "1", "100")).fact("a", fillOf("BTC", events.LegShort, "-2", "100"))
	x.fact("a", &events.MarginModeSet{Market: "BTC", Mode: events.Isolated})
	x.says("DeadLetter mode_switch_without_margin")
	x.fact("a", &events.MarginModeSet{Market: "BTC", Mode: events.Isolated, IsolatedMargin: n("30")})
	x.says("Violation cross mode_switch_with_position", "MarginCall BTC/short 2", "MarginCall BTC/short 1.5", "MarginCall BTC/short 1.2",
		"LiquidationTriggered BTC/short backstop")
	is(t, "long", x.pool("a", "BTC/long").Collateral, "30")
	is(t, "short", x.pool("a", "BTC/short").Collateral, "0")
	x.fact("a", &events.MarginModeSet{Market: "BTC", Mode: events.Isolated, IsolatedMargin: n("30")})
	x.says()
	x.fact("a", &events.MarginModeSet{Market: "BTC", Mode: events.Cross, IsolatedMargin: n("0")})
	x.says("Violation cross mode_switch_with_position", "MarginCallCleared BTC/short 2", "MarginCallCleared BTC/short 1.5",
		"MarginCallCleared BTC/short 1.2", "LiquidationCleared BTC/short backstop")
	is(t, "equity", x.account("a").Equity, "1000")
}

// § 4: a bust is the fill of the other side with the fee negated; both together leave nothing.
// A bust that names a dead letter only answers it.
func TestBust(t *testing.T) {
	x := newExchange(t).mark("BTC", "100").deposit("a", "1000")
	f := fillOf("BTC", events.LegNet, "2", "100.1")
	f.Fee, f.FeeAsset = n("0.5"), "USDC"
	bust := &events.TradeBusted{TradeID: "t", Market: "BTC", Leg: events.LegNet, Side: events.Buy, Size: n("2"), Price: n("100.1"), Fee: n("0.5"), FeeAsset: "USDC"}
	x.fact("a", f).fact("a", bust)
	is(t, "equity", x.account("a").Equity, "1000")
	x.fill("a", "NONE", "1", "100")
	x.says("DeadLetter unknown_market")
	if !x.account("a").Incomplete {
		t.Error("not incomplete")
	}
	at := x.out[0].Source
	answer := *bust
	answer.DeadLetter = &at
	x.fact("a", &answer)
	if x.says(); x.account("a").Incomplete || len(x.postings) > 0 {
		t.Errorf("incomplete, or moved %+v", x.postings)
	}
	x.fact("a", &answer)
	x.says("Violation cross unknown_dead_letter")
}

// § 4: opening state first and alone; settlement closes everything without a fee; then nothing
// trades in the market.
func TestOpeningAndSettlement(t *testing.T) {
	x := newExchange(t).mark("BTC", "100")
	opening := &events.AccountOpeningState{
		Balances: []events.OpeningBalance{{Asset: "USDC", Amount: n("500")}},
		Positions: []events.OpeningPosition{
			{Market: "BTC", Leg: events.LegNet, Size: n("-2"), EntryPrice: n("110")},
			{Market: "ETH", Leg: events.LegLong, Size: n("1"), EntryPrice: n("50"), Isolated: n("5")},
		},
	}
	x.fact("a", opening)
	is(t, "equity", x.account("a").Equity, "520")
	is(t, "isolated", x.pool("a", "ETH/long").Equity, "5")
	x.fact("a", opening)
	x.says("DeadLetter opening_state_not_first")
	x.venue(&events.MarketSettled{Market: "BTC", Price: n("105")})
	is(t, "equity", x.account("a").Equity, "510")
	x.venue(&events.MarketSettled{Market: "ETH", Price: n("48")})
	is(t, "equity, the pool's collateral returned", x.account("a").Equity, "513")
	x.fill("a", "BTC", "1", "100")
	x.says("DeadLetter market_settled")
}

// § 4: what is posted against what.
func TestPostings(t *testing.T) {
	x := newExchange(t)
	x.list("SOL", events.FundingByPayments)
	x.venue(&events.CollateralChanged{Asset: "BTC", Haircuts: []events.HaircutTier{{LowerValue: n("0"), Haircut: n("0")}}})
	x.mark("SOL", "10").deposit("a", "100").fill("a", "SOL", "1", "10")
	for _, c := range []struct {
		body events.Body
		want string // second line: the system account
	}{
		{&events.Deposit{Asset: "BTC", Amount: n("1")}, "external"},
		{&events.Withdrawal{Asset: "BTC", Amount: n("0.5")}, "external"},
		{&events.Transfer{TransferID: "t", Kind: events.TransferOut, Asset: "USDC", Amount: n("1"), CounterpartyOwner: "b"}, "transit"},
		{&events.Transfer{TransferID: "t", Kind: events.TransferIn, Asset: "USDC", Amount: n("1"), CounterpartyOwner: "b"}, "transit"},
		{&events.Transfer{TransferID: "t", Kind: events.TransferInternal, Asset: "USDC", Amount: n("1"), ToSubaccount: 3}, "a/3"},
		{&events.SpotFill{BaseAsset: "BTC", QuoteAsset: "USDC", Side: events.Buy, Size: n("0.1"), QuoteAmount: n("5"), TradeID: "t"}, "spot"},
		{&events.AssetConverted{FromAsset: "BTC", FromAmount: n("0.1"), ToAsset: "USDC", ToAmount: n("5")}, "conversion"},
		{&events.InterestAccrued{Asset: "USDC", Amount: n("-0.1")}, "interest"},
		{&events.FundingPayment{Market: "SOL", Leg: events.LegNet, Amount: n("0.1")}, "funding/SOL"},
		{&events.Adjustment{Asset: "USDC", Amount: n("0.1"), Reason: "r"}, "adjustment"},
		{&events.IsolatedMarginMoved{Market: "SOL", Leg: events.LegLong, Amount: n("1")}, "a/0/SOL/long"},
	} {
		x.fact("a", c.body)
		if len(x.dead) > 0 || len(x.postings) < 2 || x.postings[1].Account != c.want {
			t.Errorf("%T: %+v %+v", c.body, x.out, x.postings)
		}
	}
	x.fill("a", "SOL", "-1", "12")
	if p := x.postings; len(p) != 2 || p[1].Account != "clearing/SOL" || p[0].Cause != projector.CauseRealised || p[0].Amount != n("2") {
		t.Errorf("realised: %+v", p)
	}
}
