package stream

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"marginledger/events"
)

// step says the next thing: most often a mark or a fill.
func (g *generator) step() {
	g.now += g.Int64N(5e9)
	a := g.account()
	g.venue = g.venues[0]
	if g.chance(20) {
		g.venue = pick(g, g.venues...)
	}
	if len(g.awaiting) > 0 && g.chance(12) {
		g.answer(pick(g, g.awaiting...))
		return
	}
	if g.chance(g.o.Calm) {
		m := g.market()
		g.marks[m.name] *= 1 + pick(g, 0.0001, 0.001, 0.01)*(2*g.Float64()-1)
		g.mark(m)
		return
	}
	switch w := g.IntN(1000); {
	case w < 260:
		g.prices()
	case w < 600:
		g.fill(a)
	case w < 640:
		g.put(a, &events.Deposit{Asset: g.asset(), Amount: g.money()})
	case w < 680:
		g.put(a, &events.Withdrawal{Asset: g.asset(), Amount: g.money()})
	case w < 710:
		g.transfer(a)
	case w < 740:
		g.orderMargin(a)
	case w < 755:
		g.put(a, &events.LeverageSet{Market: g.market().name, Leverage: uint32(1 + g.IntN(120))})
	case w < 785:
		g.mode(a)
	case w < 815:
		m := g.market()
		g.put(a, &events.IsolatedMarginMoved{Market: m.name, Leg: g.leg(m, a), Amount: g.signed(g.money())})
	case w < 850:
		g.funding(a)
	case w < 862:
		g.stop(a)
	case w < 872:
		g.put(a, &events.MarginCallLevelsSet{Levels: g.levels()})
	case w < 890:
		g.covered(a)
	case w < 905:
		g.busted(a)
	case w < 925:
		g.adjustment(a)
	case w < 945:
		g.spot(a)
	case w < 952:
		g.put(a, &events.InterestAccrued{Asset: g.asset(), Amount: g.signed(g.money())})
	case w < 965:
		g.rulesChange()
	default:
		if g.o.Clean {
			g.fill(a)
		} else {
			g.nonsense(a)
		}
	}
}

// prices moves one market, or in a crash all of them at once.
func (g *generator) prices() {
	if g.chance(6) {
		fall := 0.5 + 0.9*g.Float64() // a crash, or a rebound
		for _, m := range g.markets {
			g.marks[m.name] *= fall * (0.9 + 0.2*g.Float64())
			g.mark(m)
		}
		for _, a := range g.assets {
			g.marks[a.name] *= fall
			g.collateralPrice(a)
		}
		return
	}
	if len(g.assets) > 0 && g.chance(15) {
		a := pick(g, g.assets...)
		g.marks[a.name] *= 0.95 + 0.1*g.Float64()
		g.collateralPrice(a)
		return
	}
	m := g.market()
	swing := pick(g, 0.001, 0.01, 0.05, 0.2)
	g.marks[m.name] *= 1 + swing*(2*g.Float64()-1)
	if g.chance(5) { // home again
		g.marks[m.name] = m.base
	}
	g.mark(m)
}

func (g *generator) mark(m market) {
	g.marks[m.name] = math.Min(math.Max(g.marks[m.name], 0.01), 0.95*m.maxPrice)
	b := &events.MarkPrice{Market: m.name, Mark: decimal(g.marks[m.name], m.priceScale)}
	if g.chance(20) {
		b.Index = decimal(g.marks[m.name]*1.001, m.priceScale)
	}
	if g.chance(5) {
		b.Index, b.Mark = b.Mark, events.Number{}
	}
	g.put(nobody, b)
}

func (g *generator) collateralPrice(a asset) {
	g.marks[a.name] = math.Min(math.Max(g.marks[a.name], 1e-9), 8e6)
	g.put(nobody, &events.CollateralPrice{Asset: a.name, Price: decimal(g.marks[a.name], 9)})
}

// leg is the leg that an account most often uses in a market: some of them hedge.
func (g *generator) leg(m market, a account) events.Leg {
	hedges := (len(m.name)+len(a.owner)+int(a.owner[len(a.owner)-1])+int(m.name[0]))%3 == 0
	switch {
	case g.chance(3):
		return pick(g, events.LegNet, events.LegLong, events.LegShort)
	case hedges:
		return pick(g, events.LegLong, events.LegShort)
	}
	return events.LegNet
}

// size is a size worth 10 to 20,000 at the present mark; in a giant market up to the largest.
func (g *generator) size(m market) events.Number {
	if m.giant {
		return decimal(m.maxSize*pick(g, g.Float64(), 1, 0.01*g.Float64()), m.sizeScale)
	}
	worth := pick(g, 10.0, 100.0, 1000.0, 1000.0, 5000.0) * (0.2 + 2*g.Float64())
	return decimal(worth/g.marks[m.name], m.sizeScale)
}

func (g *generator) price(m market) events.Number {
	return decimal(math.Min(g.marks[m.name]*(0.99+0.02*g.Float64()), m.maxPrice), m.priceScale)
}

// money is an amount between a dust and 10,000.
func (g *generator) money() events.Number {
	return decimal(pick(g, 0.000001, 1.0, 50.0, 500.0, 5000.0)*(0.1+2*g.Float64()), g.scale)
}

func (g *generator) signed(n events.Number) events.Number {
	if g.chance(50) {
		return n.Neg()
	}
	return n
}

func (g *generator) asset() string {
	if len(g.assets) > 0 && g.chance(30) {
		return pick(g, g.assets...).name
	}
	return "USDC"
}

func (g *generator) side() events.Side { return pick(g, events.Buy, events.Sell) }

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
		f := &events.Fill{
			Market: p.Market, Leg: p.Leg, Side: events.Buy, Size: p.CloseSize, Price: g.price(m), TradeID: "l",
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

var zero = events.MustNumber("0")

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

func (g *generator) levels() []events.Number {
	var out []events.Number
	for _, l := range []string{"100", "12.5", "3", "2", "1.5", "1.2", "1.000001"} {
		if g.chance(40) {
			out = append(out, events.MustNumber(l))
		}
	}
	return out
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

// rulesChange changes the rules of the venue, a market or a collateral asset.
func (g *generator) rulesChange() {
	m := g.market()
	switch g.IntN(15) {
	case 0:
		g.put(nobody, &events.VenueProfileSet{
			Profile: "standard", ProfileVersion: "1", SettlementAsset: "USDC", ValueScale: g.scale, Params: g.params(),
		})
	case 1, 2, 3:
		g.put(nobody, &events.MarketChanged{Market: m.name, Rules: g.rules(m)})
	case 4:
		g.put(nobody, &events.MarketHalted{Market: m.name})
	case 5, 6:
		g.put(nobody, &events.MarketResumed{Market: m.name})
	case 7, 8:
		if len(g.assets) > 0 {
			g.put(nobody, g.haircuts(pick(g, g.assets...)))
		}
	case 9:
		if g.chance(25) {
			g.put(nobody, &events.MarketSettled{Market: m.name, Price: g.price(m)})
		}
	case 10:
		g.put(nobody, &events.OpenInterest{Market: m.name, Long: g.size(m), Short: g.size(m)})
	case 11, 12:
		g.openAccount(g.account())
	case 13:
		g.put(nobody, &events.InsuranceFundMoved{Fund: "fund", Asset: g.asset(), Balance: g.signed(g.money())})
	case 14:
		if g.chance(50) {
			g.put(nobody, &events.BlockStarted{Height: uint64(g.ids)})
		} else {
			g.put(nobody, &events.PoolState{Market: m.name, Quantities: []events.Param{{Name: "quantity", Value: g.money()}}})
		}
	}
}
