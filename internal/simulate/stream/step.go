package stream

import (
	"math"

	"marginledger/events"
)

// step says the next thing: most often a mark or a fill.
func (g *generator) step() {
	g.now += g.Int64N(5e9/g.tick) * g.tick
	a := g.account()
	g.venue = g.venues[0]
	if g.chance(20) {
		g.venue = pick(g, g.venues...)
	}
	if len(g.awaiting) > 0 && g.chance(20) {
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
	b := &events.MarkPrice{Market: m.name, Mark: decimal(g.perhapsPlain(g.marks[m.name]), m.priceScale)}
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
		if g.chance(50) {
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
