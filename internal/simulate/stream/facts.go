package stream

import (
	"fmt"
	"slices"
	"strings"

	"marginledger/events"
)

// The facts of accounts.

func (g *generator) fill(a account) {
	m := g.market()
	f := &events.Fill{
		Market: m.name, Leg: g.leg(m, a), Side: g.side(), Size: g.size(m), Price: g.price(m), TradeID: "t",
		Reason: pick(g, events.ReasonTrade, events.ReasonTrade, events.ReasonTrade, events.ReasonTrade, events.ReasonTrade,
			events.ReasonLiquidation, events.ReasonLiquidation, events.ReasonADL, events.ReasonSettlement),
	}
	if f.Leg == events.LegLong && g.chance(70) {
		f.Side = events.Buy
	}
	if f.Leg == events.LegShort && g.chance(70) {
		f.Side = events.Sell
	}
	if g.chance(60) {
		f.Fee, f.FeeAsset = decimal(g.Float64(), g.scale), "USDC"
		if g.chance(15) {
			f.Fee = f.Fee.Neg()
		}
		if g.chance(10) {
			f.FeeAsset = g.asset()
		}
	}
	if g.chance(10) {
		f.IsolatedMargin = decimal(100*g.Float64(), g.scale)
	}
	if f.Reason == events.ReasonLiquidation && g.chance(50) {
		f.Liquidation = g.episode()
	}
	g.put(a, f)
}

// episode is the id of an episode, of this account or another, or of none.
func (g *generator) episode() string {
	if len(g.awaiting) > 0 && g.chance(50) {
		return pick(g, g.awaiting...).Liquidation
	}
	return events.OutputID(0, 1, 0)
}

// answer does what a liquidator or a fund does about an episode.
func (g *generator) answer(o events.Output) {
	a := account{o.Owner, o.Subaccount}
	g.venue = o.Venue
	if o.Kind == events.KindPoolBankrupt && (len(o.Positions) == 0 || g.chance(30)) {
		b := &events.BankruptcyCovered{Liquidation: o.Liquidation, Amount: o.Equity.Neg()}
		if o.Pool != "cross" {
			b.Market, b.Leg = g.poolOf(o.Pool)
		}
		if g.chance(30) {
			b.Amount = g.money()
		}
		if b.Amount.Sign() > 0 {
			g.put(a, b)
		}
		return
	}
	for _, p := range o.Positions {
		m := g.markets[slices.IndexFunc(g.markets, func(m market) bool { return m.name == p.Market })]
		if p.CloseSize.Sign() == 0 || g.chance(30) {
			continue
		}
		size := p.CloseSize
		if g.chance(40) { // a part of it
			size = decimal(size.Decimal().InexactFloat64()*g.Float64(), m.sizeScale)
		}
		f := &events.Fill{
			Market: p.Market, Leg: p.Leg, Side: events.Buy, Size: size, Price: g.price(m), TradeID: "l",
			Reason: events.ReasonLiquidation, Liquidation: o.Liquidation, Fee: p.LiquidationFee, FeeAsset: "USDC",
		}
		if p.Size.Sign() > 0 {
			f.Side = events.Sell
		}
		g.put(a, f)
	}
}

// poolOf reads "market" or "market/leg".
func (g *generator) poolOf(pool string) (string, events.Leg) {
	name, leg, found := strings.Cut(pool, "/")
	if !found {
		return name, events.LegNet
	}
	l, err := events.ParseLeg(leg)
	if err != nil {
		panic(fmt.Sprintf("stream: pool %q: %v", pool, err)) // what Watch returned is no announcement
	}
	return name, l
}

func (g *generator) transfer(a account) {
	t := &events.Transfer{TransferID: "x", Asset: g.asset(), Amount: g.money()}
	if g.chance(40) {
		t.Kind, t.ToSubaccount = events.TransferInternal, a.sub+pick[uint32](g, 1, 7)
		if a.sub == 7 {
			t.ToSubaccount = 0
		}
	} else {
		t.Kind, t.CounterpartyOwner = pick(g, events.TransferIn, events.TransferOut), "someone"
	}
	g.put(a, t)
}

func (g *generator) orderMargin(a account) {
	m := g.market()
	o := &events.OrderMargin{Market: m.name, Leg: g.leg(m, a), BidSize: zero, BidNotional: zero, AskSize: zero, AskNotional: zero}
	notional := func(size events.Number) events.Number {
		return decimal(g.marks[m.name]*size.Decimal().InexactFloat64()*(0.9+0.2*g.Float64()), g.scale)
	}
	if g.chance(60) {
		o.BidSize = g.size(m)
		o.BidNotional = notional(o.BidSize)
	}
	if g.chance(60) {
		o.AskSize = g.size(m)
		o.AskNotional = notional(o.AskSize)
	}
	g.put(a, o)
}

func (g *generator) mode(a account) {
	b := &events.MarginModeSet{Market: g.market().name, Mode: pick(g, events.Cross, events.Isolated)}
	switch {
	case g.chance(20):
	case b.Mode == events.Cross:
		b.IsolatedMargin = zero
	default:
		b.IsolatedMargin = g.money()
	}
	g.put(a, b)
}

func (g *generator) funding(a account) {
	m := g.market()
	if m.payments != g.chance(5) {
		g.put(a, &events.FundingPayment{Market: m.name, Leg: g.leg(m, a), Amount: g.signed(decimal(10*g.Float64(), g.scale))})
		return
	}
	rate := decimalOf(g.Int64N(2_000_000_000)-1_000_000_000, pick(g, 12, 12, 12, 10))
	g.put(nobody, &events.FundingRate{Market: m.name, Rate: rate, Price: g.price(m)})
}

func (g *generator) stop(a account) {
	b := &events.PortfolioStopSet{}
	if g.chance(60) {
		b.EquityFloor = g.signed(g.money())
	}
	if g.chance(60) {
		b.RatioFloor = events.MustNumber(pick(g, "0.000001", "1", "1.25", "3"))
	}
	g.put(a, b)
}

func (g *generator) covered(a account) {
	b := &events.BankruptcyCovered{Liquidation: g.episode(), Amount: g.money()}
	if g.chance(50) {
		m := g.market()
		b.Market, b.Leg = m.name, g.leg(m, a)
	}
	g.put(a, b)
}

func (g *generator) busted(a account) {
	m := g.market()
	b := &events.TradeBusted{TradeID: "t", Market: m.name, Leg: g.leg(m, a), Side: g.side(), Size: g.size(m), Price: g.price(m)}
	if g.chance(50) {
		b.Fee, b.FeeAsset = decimal(g.Float64(), g.scale), g.asset()
	}
	if g.chance(25) {
		b.DeadLetter = g.deadLetter()
	}
	g.put(a, b)
}

func (g *generator) adjustment(a account) {
	b := &events.Adjustment{Reason: "because"}
	m := g.market()
	if g.chance(40) || (len(g.dead) == 0 && g.chance(50)) {
		b.Asset, b.Amount = g.asset(), g.signed(g.money())
		if g.chance(30) {
			b.Market, b.Leg = m.name, g.leg(m, a)
		}
	}
	if g.chance(40) || (!b.Amount.Present && len(g.dead) == 0) {
		b.Market, b.Leg = m.name, g.leg(m, a)
		b.Size, b.EntryPrice = g.signed(g.size(m)), g.price(m)
	}
	if !b.Amount.Present && !b.Size.Present || g.chance(20) {
		b.DeadLetter = g.deadLetter()
	}
	g.put(a, b)
}

// deadLetter names a dead letter, or a record that is none.
func (g *generator) deadLetter() *events.Offset {
	if len(g.dead) > 0 && g.chance(80) {
		at := pick(g, g.dead...)
		return &at
	}
	return &events.Offset{Topic: "accounts", Offset: g.Int64N(1000)}
}

func (g *generator) spot(a account) {
	from, to := "USDC", g.asset()
	if from == to {
		if len(g.assets) == 0 {
			return
		}
		to = g.assets[0].name
	}
	if g.chance(40) {
		if g.chance(50) {
			from, to = to, from
		}
		g.put(a, &events.AssetConverted{FromAsset: from, FromAmount: g.money(), ToAsset: to, ToAmount: g.money()})
		return
	}
	size := 0.1 * g.Float64()
	s := &events.SpotFill{
		BaseAsset: to, QuoteAsset: from, Side: g.side(), Size: decimal(size, g.scale), QuoteAmount: decimal(size*g.marks[to], g.scale), TradeID: "t",
	}
	if g.chance(50) {
		s.Fee, s.FeeAsset = decimal(g.Float64()/100, g.scale), pick(g, from, to)
	}
	g.put(a, s)
}
