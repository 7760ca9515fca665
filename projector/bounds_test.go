package projector

import (
	"fmt"
	"math/big"
	"testing"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// TestBounds evaluates a cross pool with everything at its bound of docs/bounds.md: 256 positions of
// the largest size, bought at the largest price, with the largest funding, beside the largest balances,
// under the largest multiples of levels, stops and clearing. Nothing overflows, and equity is what
// arbitrary precision says.
func TestBounds(t *testing.T) {
	const assets = 64
	for _, sign := range []int64{1, -1} {
		w := newBoundsWorld(t)
		w.venue(&events.VenueProfileSet{Profile: "standard", ProfileVersion: "1", SettlementAsset: "USD", ValueScale: 7,
			Params: []events.Param{{Name: "callClearFactor", Value: events.MustNumber("100")}}})
		largest := events.MustNumber("1000000000000") // 10^15 at scale 3; K = 10: 10^31 at the value scale
		for i := range margin.MaxPositions {
			m := &events.MarketListed{Market: fmt.Sprintf("m%03d", i), Underlying: "same", PriceScale: 3, SizeScale: 3, MaxPrice: largest, MaxSize: largest}
			m.Rules = events.MarketRules{FundingMode: events.FundingByIndex, LiquidationFee: events.MustNumber("1"), Tiers: []events.Tier{
				{LowerNotional: events.MustNumber("0"), MaxLeverage: 1, MaintenanceRate: events.MustNumber("1"), Deduction: events.MustNumber("0")}}}
			w.venue(m)
			w.venue(&events.MarkPrice{Market: m.Market, Mark: largest})
		}
		w.account(&events.PortfolioStopSet{RatioFloor: events.MustNumber("1000"), EquityFloor: events.MustNumber("100000000000000000000000")})
		w.account(&events.MarginCallLevelsSet{Levels: []events.Number{events.MustNumber("100")}})
		v := w.shard.venueList[0]
		for i := range assets {
			name := fmt.Sprintf("a%02d", i)
			w.venue(&events.CollateralChanged{Asset: name, Haircuts: []events.HaircutTier{{LowerValue: events.MustNumber("0"), Haircut: events.MustNumber("0")}}})
			w.venue(&events.CollateralPrice{Asset: name, Price: events.MustNumber("8999999.999999999999")})
			w.account(&events.Adjustment{Asset: name, Amount: w.amount(margin.MaxBalance, sign), Reason: "at the bound"})
		}
		for range 1000 {
			w.account(&events.Adjustment{Asset: "USD", Amount: w.amount(margin.MaxAmount, sign), Reason: "at the bound"})
		}
		for i := range margin.MaxPositions {
			side := events.Buy
			if sign < 0 {
				side = events.Sell
			}
			w.account(&events.Fill{Market: fmt.Sprintf("m%03d", i), Leg: events.LegNet, Side: side, Size: largest, Price: largest, TradeID: "t", Reason: events.ReasonTrade})
		}
		a := v.accounts[0]
		if len(a.cross.Positions) != margin.MaxPositions || a.balance(v.settlement).Abs() != margin.MaxCash {
			t.Fatalf("%d positions, balance %v: not at the bounds", len(a.cross.Positions), a.balance(v.settlement))
		}
		// A thousand funding rates of 1 at the largest price, each way, between opening and now.
		index := fixed.FromInt64(margin.MaxPriceOrSize).Mul(1000).Mul(fixed.Pow10(margin.FundingScale))
		for i := range a.cross.Positions {
			p := &a.cross.Positions[i]
			p.FundingIndex, p.Market.FundingIndex = index, index.Neg()
			if sign < 0 {
				p.FundingIndex, p.Market.FundingIndex = index.Neg(), index
			}
		}
		for _, mark := range []string{"0.001", "1000000000000"} {
			for i := range margin.MaxPositions {
				w.venue(&events.MarkPrice{Market: fmt.Sprintf("m%03d", i), Mark: events.MustNumber(mark)})
			}
			rate := events.NumberOf(fixed.FromInt64(sign), 6)
			w.venue(&events.FundingRate{Market: "m000", Rate: rate, Price: events.MustNumber("0.001")}) // has the pool judged
			a.cross.healthN = 0
			h := w.shard.health(&a.cross)
			if want := w.equity(a); h.Equity.Big().Cmp(want) != 0 {
				t.Errorf("equity %v, want %v", h.Equity, want)
			}
			for _, e := range []margin.Edge{{Multiple: 1e10, Upper: true}, {Multiple: 1e10}, {Multiple: 1e9, Floor: margin.MaxAmount}, {Floor: margin.MaxAmount.Neg()}} {
				w.shard.edge(&a.cross, h, e)
			}
			pos := &a.cross.Positions[0]
			v.profile.LiquidationPrice(&a.cross.Pool, pos.Market, true)
			v.profile.BankruptcyPrice(&a.cross.Pool, 0, h)
			if free, _, _ := w.shard.free(a); free.Big().Cmp(new(big.Int).Sub(h.Equity.Big(), h.Initial.Big())) != 0 {
				t.Errorf("free is %v", free)
			}
		}
		w.venue(&events.MarketSettled{Market: "m001", Price: events.MustNumber("0.001")})
		for _, s := range w.shard.TrialBalance() {
			if s.Amount.Sign() != 0 {
				t.Errorf("trial balance of %s is %s", s.Asset, s.Amount)
			}
		}
	}
}

// TestPastBounds: a fact that would leave the bounds is a dead letter and changes nothing.
func TestPastBounds(t *testing.T) {
	w := newBoundsWorld(t)
	w.venue(&events.VenueProfileSet{Profile: "standard", ProfileVersion: "1", SettlementAsset: "USD", ValueScale: 7})
	market := &events.MarketListed{Market: "m", Underlying: "u", PriceScale: 3, SizeScale: 3, MaxPrice: events.MustNumber("1000000000000"), MaxSize: events.MustNumber("1000000000000")}
	market.Rules = events.MarketRules{FundingMode: events.FundingByIndex, Tiers: []events.Tier{
		{LowerNotional: events.MustNumber("0"), MaxLeverage: 1, MaintenanceRate: events.MustNumber("1"), Deduction: events.MustNumber("0")}}}
	wide := *market
	wide.Market, wide.MaxSize = "wide", events.MustNumber("1000000000000.001")
	w.refused(&wide, "", ReasonOutOfRange)
	deep := *market
	deep.Market, deep.SizeScale, deep.MaxSize = "deep", 2, events.MustNumber("10000000000000") // K = 100
	w.refused(&deep, "", ReasonOutOfRange)
	w.venue(market)
	w.refused(&events.MarkPrice{Market: "m", Mark: events.MustNumber("1000000000000.001")}, "", ReasonOutOfRange)

	over := margin.MaxAmount.Add(fixed.FromInt64(1))
	w.refused(&events.Deposit{Asset: "USD", Amount: events.NumberOf(over, 7)}, "ann", ReasonOutOfRange)
	for range 1000 {
		w.account(&events.Deposit{Asset: "USD", Amount: w.amount(margin.MaxAmount, 1)})
	}
	w.refused(&events.Deposit{Asset: "USD", Amount: events.MustNumber("0.0000001")}, "ann", ReasonOutOfRange)
	fill := events.Fill{Market: "m", Leg: events.LegNet, Side: events.Buy, Size: events.MustNumber("1000000000000.001"), Price: events.MustNumber("1"),
		TradeID: "t", Reason: events.ReasonTrade}
	w.refused(&fill, "ann", ReasonOutOfRange)
	fill.Size = events.MustNumber("9223372036854775.807")
	w.refused(&fill, "ann", ReasonOutOfRange)
}

// boundsWorld applies facts to a shard, a second apart.
type boundsWorld struct {
	t      *testing.T
	shard  *Shard
	offset int64
}

func newBoundsWorld(t *testing.T) *boundsWorld { return &boundsWorld{t: t, shard: New(Config{})} }

func (w *boundsWorld) apply(body events.Body, owner string) *Effects {
	w.offset++
	e := &events.Event{ID: fmt.Sprint(w.offset), Type: body.EventType(), Version: 1, Venue: "x", Time: w.offset * 1e9, Owner: owner, Body: body}
	return w.shard.Apply(&Record{Source: Source{Topic: e.Type.Role().String()}, Offset: w.offset, Timestamp: w.offset * 1e3,
		Key: []byte(owner), Value: []byte(e.ID), Role: e.Type.Role(), Event: e})
}

func (w *boundsWorld) venue(body events.Body) { w.applied(body, "") }

func (w *boundsWorld) account(body events.Body) { w.applied(body, "ann") }

func (w *boundsWorld) applied(body events.Body, owner string) {
	w.t.Helper()
	if fx := w.apply(body, owner); len(fx.DeadLetters) > 0 {
		w.t.Fatalf("%s: %s %s", body.EventType(), fx.DeadLetters[0].Reason, fx.Outputs[0].Detail)
	}
}

func (w *boundsWorld) refused(body events.Body, owner string, want Reason) {
	w.t.Helper()
	if fx := w.apply(body, owner); len(fx.DeadLetters) != 1 || fx.DeadLetters[0].Reason != string(want) {
		w.t.Errorf("%s: %+v, want a dead letter %s", body.EventType(), fx.DeadLetters, want)
	}
}

func (w *boundsWorld) amount(v fixed.Int128, sign int64) events.Number {
	return events.NumberOf(v.Mul(sign), 7)
}

// equity is §3 in arbitrary precision, for a pool without haircuts.
func (w *boundsWorld) equity(a *account) *big.Int {
	sum, unit := new(big.Int), big.NewInt(1_000_000_000_000)
	for _, b := range a.cross.Balances {
		v := b.Amount.Big()
		if !b.Asset.Settlement {
			v.Mul(v, big.NewInt(b.Asset.Price))
			v.Div(v, unit) // Euclidean with a positive divisor: toward −∞
		}
		sum.Add(sum, v)
	}
	for _, p := range a.cross.Positions {
		v := big.NewInt(p.Size)
		v.Mul(v, big.NewInt(p.Market.Mark)).Mul(v, big.NewInt(p.Market.K))
		sum.Add(sum, v.Sub(v, p.Entry.Big()))
		moved := new(big.Int).Sub(p.Market.FundingIndex.Big(), p.FundingIndex.Big())
		moved.Mul(moved, big.NewInt(-p.Size)).Mul(moved, big.NewInt(p.Market.K))
		sum.Add(sum, moved.Div(moved, unit))
	}
	return sum
}
