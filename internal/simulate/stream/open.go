package stream

import (
	"fmt"
	"math"

	"marginledger/events"
)

// open announces the venue, its markets and assets, and most accounts.
func (g *generator) open() {
	first := g.venue == g.venues[0]
	if first && g.chance(50) {
		g.sequence = 1
	}
	g.put(nobody, &events.VenueProfileSet{
		Profile: "standard", ProfileVersion: "1", SettlementAsset: "USDC", ValueScale: g.scale, Params: g.params(),
	})
	names := []struct{ name, underlying string }{{"BTC-A", "BTC"}, {"ETH-A", "ETH"}, {"BTC-B", "BTC"}, {"DOGE-A", "DOGE"}, {"SOL-A", "SOL"}}
	for i := range g.o.Markets {
		if !first { // the same markets once more, in a venue that is not the same
			g.list(g.markets[i])
			continue
		}
		ps := uint32(g.IntN(4))
		m := market{
			name: names[i].name, underlying: names[i].underlying,
			priceScale: ps, sizeScale: uint32(g.IntN(int(min(6-ps, 3)) + 1)),
			payments: g.chance(25),
			base:     pick(g, 50000.0, 3000.0, 100.0, 3.0),
			maxPrice: 1e6, maxSize: pick(g, 1e2, 1e4, 1e6),
		}
		if g.chance(15) {
			g.grow(&m)
		}
		g.markets = append(g.markets, m)
		g.marks[m.name] = m.base
		g.list(m)
	}
	for _, a := range []asset{{"BTC", 50000}, {"WETH", 3000}, {"USDT", 1}} {
		if first && g.chance(80) {
			g.assets = append(g.assets, a)
			g.marks[a.name] = a.price
		}
	}
	for _, a := range g.assets {
		g.put(nobody, g.haircuts(a))
		if g.chance(80) {
			g.collateralPrice(a)
		}
	}
	if first {
		for i := range g.o.Accounts {
			for sub := range 1 + g.IntN(2) {
				g.accounts = append(g.accounts, account{fmt.Sprintf("owner-%d", i), uint32(sub) * 7})
			}
		}
	}
	for _, a := range g.accounts {
		g.openAccount(a)
	}
}

// grow makes a market as large as markets can be: 10^15 units of price or size, and a notional of
// 10^31 units at the value scale.
func (g *generator) grow(m *market) {
	notional := 31 - int(g.scale) // of 10
	price := min(15-int(m.priceScale), notional+int(m.sizeScale))
	size := min(15-int(m.sizeScale), notional-price)
	if size < -int(m.sizeScale) {
		return
	}
	m.giant = true
	m.maxPrice, m.maxSize = math.Pow10(price), math.Pow10(size)
	m.base = m.maxPrice / 3
}

func (g *generator) list(m market) {
	g.put(nobody, &events.MarketListed{
		Market: m.name, Underlying: m.underlying, PriceScale: m.priceScale, SizeScale: m.sizeScale,
		MaxPrice: decimal(m.maxPrice, m.priceScale), MaxSize: decimal(m.maxSize, m.sizeScale), Rules: g.rules(m),
	})
	if g.chance(90) {
		g.mark(m)
	}
}

func (g *generator) openAccount(a account) {
	if g.chance(50) {
		g.put(a, &events.AccountOpened{MarginType: pick(g, events.MarginStandard, events.MarginStandard, events.MarginStandard, events.MarginBackstop)})
	}
	switch {
	case g.chance(20):
		g.openingState(a)
	case g.markets[0].giant:
		g.put(a, &events.Deposit{Asset: "USDC", Amount: g.bound(30)})
	case g.chance(90):
		g.put(a, &events.Deposit{Asset: "USDC", Amount: decimal(pick(g, 100.0, 1000.0, 10000.0, 500000.0)*(0.5+g.Float64()), g.scale)})
	}
	for _, m := range g.markets {
		if g.chance(30) {
			g.put(a, &events.MarginModeSet{Market: m.name, Mode: events.Isolated})
		}
		if g.chance(40) {
			g.put(a, &events.LeverageSet{Market: m.name, Leverage: uint32(pick(g, 1, 2, 3, 5, 10, 20, 50))})
		}
	}
}

func (g *generator) openingState(a account) {
	state := &events.AccountOpeningState{}
	state.Balances = append(state.Balances, events.OpeningBalance{Asset: "USDC", Amount: decimal(20000*g.Float64(), g.scale)})
	for _, m := range g.markets {
		if !g.chance(50) {
			continue
		}
		p := events.OpeningPosition{Market: m.name, Leg: g.leg(m, a), Size: g.size(m), EntryPrice: g.price(m)}
		if p.Leg == events.LegShort || (p.Leg == events.LegNet && g.chance(50)) {
			p.Size = p.Size.Neg()
		}
		if g.chance(30) {
			p.Isolated = decimal(1000*g.Float64(), g.scale)
		}
		state.Positions = append(state.Positions, p)
	}
	g.put(a, state)
}

// params returns settings of the profile, sometimes all by default.
func (g *generator) params() []events.Param {
	var out []events.Param
	if g.chance(40) { // what is not bankrupt is liquidated by parts
		return []events.Param{
			{Name: "backstopBelowDen", Value: events.MustNumber("1000000")},
			{Name: "backstopBelowNum", Value: events.MustNumber("1")},
			{Name: "cooldownMs", Value: events.MustNumber(pick(g, "10000", "30000"))},
			{Name: "fullBelow", Value: zero},
		}
	}
	for _, p := range []struct {
		name   string
		values []string
	}{ // by name
		{"backstopBelowDen", []string{"3", "2", "1000000"}},
		{"backstopBelowNum", []string{"1", "2"}},
		{"callClearFactor", []string{"1", "1.05", "1.5"}},
		{"clearAt", []string{"1", "1.1", "1.000001"}},
		{"cooldownMs", []string{"0", "1", "30000", "600000"}},
		{"fullBelow", []string{"0", "0.5", "0.999999", "1"}},
		{"partialShare", []string{"0.1", "0.333333", "1", "0.000001"}},
		{"withdrawExcludesUpnl", []string{"0", "1"}},
	} {
		if g.chance(30) {
			out = append(out, events.Param{Name: p.name, Value: events.MustNumber(pick(g, p.values...))})
		}
	}
	return out
}

// rules returns tiers that are continuous: the deduction of each follows from the one before.
func (g *generator) rules(m market) events.MarketRules {
	r := events.MarketRules{
		FundingMode:    events.FundingByIndex,
		MaxStalenessMs: pick[uint64](g, 0, 1, 20000, 600000),
	}
	if m.payments {
		r.FundingMode = events.FundingByPayments
	}
	if g.chance(70) {
		r.LiquidationFee = events.MustNumber(pick(g, "0.005", "0.000000001", "1", "0"))
	}
	leverage, rate, lower := uint32(pick(g, 100, 50, 20)), int64(pick(g, 50, 100, 123, 1500)), int64(0) // rate in 10^-4
	deduction := int64(0)                                                                               // in 10^-4
	for i := range 1 + g.IntN(4) {
		r.Tiers = append(r.Tiers, events.Tier{
			LowerNotional: decimalOf(lower, 0), MaxLeverage: leverage, MaintenanceRate: decimalOf(rate, 4), Deduction: decimalOf(deduction, 4),
		})
		next := rate + g.Int64N(200)
		lower = lower*3 + 500*int64(i+1) + 100*g.Int64N(200)
		deduction += lower * (next - rate)
		rate = next
		leverage = max(1, leverage/2)
	}
	return r
}

// decimalOf returns units · 10^-digits, digits at most 18.
func decimalOf(units int64, digits int) events.Number {
	sign := ""
	if units < 0 {
		sign, units = "-", -units
	}
	if digits == 0 {
		return events.MustNumber(fmt.Sprintf("%s%d", sign, units))
	}
	p := int64(1)
	for range digits {
		p *= 10
	}
	return events.MustNumber(fmt.Sprintf("%s%d.%0*d", sign, units/p, digits, units%p))
}

func (g *generator) haircuts(a asset) *events.CollateralChanged {
	c := &events.CollateralChanged{Asset: a.name}
	lower, share := int64(0), int64(g.IntN(3)*50)
	for range 1 + g.IntN(3) {
		c.Haircuts = append(c.Haircuts, events.HaircutTier{LowerValue: decimalOf(lower, 1), Haircut: decimalOf(share, 3)})
		lower += 1 + g.Int64N(100000)
		share = min(1000, share+g.Int64N(300))
	}
	if g.IntN(3) == 0 {
		c.Cap = decimalOf(g.Int64N(3*lower), 1)
	}
	return c
}
