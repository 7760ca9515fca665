package calculator

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"marginledger/events"
)

// accountFacts are what the account has set, holds, and has in orders, and the funding that is not settled.
func (p *Portfolio) accountFacts(markets map[string]*scales) ([]fact, error) {
	facts := []fact{{path: string(p.Path), body: &events.AccountOpened{MarginType: p.MarginType.or(events.MarginStandard)}}}
	if p.Mode != "" {
		facts = append(facts, fact{path: p.Path.field("mode"), body: &events.AccountModeSet{Mode: p.Mode}})
	}
	if p.Params != nil {
		facts = append(facts, fact{path: p.Path.field("params"), names: paramNames(p.Path, p.Params, nil), body: &events.AccountParamsSet{Params: params(p.Params)}})
	}
	if p.CallLevels != nil {
		facts = append(facts, fact{path: string(p.Path), names: map[string]string{"levels": p.Path.field("callLevels")},
			body: &events.MarginCallLevelsSet{Levels: p.CallLevels}})
	}
	settings, err := p.settingFacts(markets)
	if err != nil {
		return nil, err
	}
	holdings, err := p.holdingFacts(markets)
	if err != nil {
		return nil, err
	}
	facts = append(append(facts, settings...), holdings...)
	for _, b := range p.Observed {
		facts = append(facts, fact{path: b.path, body: &events.PoolBalanceObserved{Asset: b.Name, Amount: b.Value}})
	}
	orders, err := p.orderFacts()
	return append(facts, orders...), err
}

// settingFacts are leverages, caps and modes, by market.
func (p *Portfolio) settingFacts(markets map[string]*scales) (facts []fact, err error) {
	known := func(path, market string) {
		if err == nil && markets[market] == nil {
			err = p.unknownMarket(path, market)
		}
	}
	leverage := slices.Clone(p.Leverage)
	for i := range p.Positions {
		h := &p.Positions[i]
		if h.Leverage == 0 {
			continue
		}
		set, ok := leverage.at(h.Market)
		if ok && set != h.Leverage {
			return nil, wrong(h.Path.field("leverage"), "%d, but the account's leverage in %s is %d", h.Leverage, h.Market, set)
		}
		if !ok {
			leverage = append(leverage, NamedValue[uint32]{h.Market, h.Leverage, h.Path.field("leverage")})
		}
	}
	for _, l := range leverage {
		known(l.path, l.Name)
		facts = append(facts, fact{path: l.path, names: map[string]string{"leverage": l.path}, body: &events.LeverageSet{Market: l.Name, Leverage: l.Value}})
	}
	for _, c := range p.LeverageCaps {
		known(c.path, c.Name)
		facts = append(facts, fact{path: c.path, names: map[string]string{"maxLeverage": c.path}, body: &events.LeverageCapSet{Market: c.Name, MaxLeverage: c.Value}})
	}
	for _, m := range p.Modes {
		known(m.path, m.Name)
		facts = append(facts, fact{path: m.path, body: &events.MarginModeSet{Market: m.Name, Mode: m.Value.Value}})
	}
	return facts, err
}

// holdingFacts open the account: an AccountOpeningState after the funding rates that all positions of a market have
// settled, and then, as they come, the other rates, and Adjustments for what the state cannot say.
func (p *Portfolio) holdingFacts(markets map[string]*scales) ([]fact, error) {
	opening := &events.AccountOpeningState{}
	state := fact{path: string(p.Path), body: opening, names: map[string]string{}}
	for i, b := range p.Balances {
		opening.Balances = append(opening.Balances, events.OpeningBalance{Asset: b.Name, Amount: b.Value})
		state.names[fmt.Sprintf("balances[%d].asset", i)] = b.path
		state.names[fmt.Sprintf("balances[%d].amount", i)] = b.path
		state.parts = append(state.parts, fact{path: b.path, body: so(opening)})
	}
	for i := range p.Claims {
		c := &p.Claims[i]
		if markets[c.Market] == nil {
			return nil, p.unknownMarket(c.Path.field("market"), c.Market)
		}
		opening.Claims = append(opening.Claims, events.OpeningClaim{Market: c.Market, Asset: c.Asset, Kind: c.Kind.Value, Amount: c.Amount})
		state.parts = append(state.parts, fact{path: string(c.Path), body: so(opening)})
	}
	settled := p.settledByAll()
	adjusted := map[string][][]fact{} // by market: by rates settled
	for i := range p.Positions {
		h := &p.Positions[i]
		first, second, err := p.holding(h, markets[h.Market])
		if err != nil {
			return nil, err
		}
		if adjusted[h.Market] == nil {
			adjusted[h.Market] = make([][]fact, p.rates(h.Market)+1)
		}
		late := &adjusted[h.Market][h.SettledRates]
		if h.SettledRates > settled[h.Market] {
			*late = append(*late, h.adjustments(first, &p.Venue)...)
		} else {
			state.names[fmt.Sprintf("positions[%d]", len(opening.Positions))] = string(h.Path)
			opening.Positions = append(opening.Positions, first)
			state.parts = append(state.parts, fact{path: string(h.Path), body: so(opening)})
		}
		if second.Size.Present {
			second.Isolated = events.Number{}
			*late = append(*late, h.adjustments(second, &p.Venue)...)
		}
	}
	var facts, rest, later []fact // before the state, and after it
	for i := range p.Markets {
		m := &p.Markets[i]
		for n := uint32(0); int(n) <= len(m.FundingRates); n++ {
			if n > 0 && n <= settled[m.Market] {
				facts = append(facts, m.FundingRates[n-1].fact(m.Market))
			} else if n > 0 {
				later = append(later, m.FundingRates[n-1].fact(m.Market))
			}
			switch a := adjusted[m.Market]; {
			case a == nil:
			case n == settled[m.Market]:
				rest = append(rest, a[n]...)
			default:
				later = append(later, a[n]...)
			}
		}
	}
	if len(opening.Balances)+len(opening.Positions)+len(opening.Claims) > 0 {
		facts = append(facts, state)
	}
	return append(append(facts, rest...), later...), nil
}

// settledByAll are the numbers of rates that all positions of a market have settled.
func (p *Portfolio) settledByAll() map[string]uint32 {
	settled := map[string]uint32{}
	for i := range p.Positions {
		h := &p.Positions[i]
		if n, ok := settled[h.Market]; !ok || h.SettledRates < n {
			settled[h.Market] = h.SettledRates
		}
	}
	return settled
}

func (r *FundingRate) fact(market string) fact {
	return fact{path: string(r.Path), body: &events.FundingRate{Market: market, Rate: r.Rate, Price: r.Price, IntervalSeconds: r.IntervalSeconds}}
}

// so returns an opening state as far as it is put together.
func so(b *events.AccountOpeningState) *events.AccountOpeningState {
	return &events.AccountOpeningState{Balances: slices.Clone(b.Balances), Positions: slices.Clone(b.Positions), Claims: slices.Clone(b.Claims)}
}

func (t *Trade) fact(v *VenueRules, i int) fact {
	b := &events.Fill{Market: t.Market, Leg: t.Leg.or(events.LegNet), Side: t.Side.Value, Size: t.Size, Price: t.Price, Fee: t.Fee,
		FeeAsset: t.FeeAsset, TradeID: fmt.Sprint("fill-", i), Reason: events.ReasonTrade, IsolatedMargin: t.IsolatedMargin}
	if b.Fee.Present && b.FeeAsset == "" {
		b.FeeAsset = v.SettlementAsset
	}
	return fact{path: string(t.Path), body: b}
}

// orderFacts add up open orders, by market and leg.
func (p *Portfolio) orderFacts() ([]fact, error) {
	var sums []*events.OrderMargin
	var facts []fact
	for i := range p.Orders {
		o := &p.Orders[i]
		leg := o.Leg.or(events.LegNet)
		at := slices.IndexFunc(sums, func(x *events.OrderMargin) bool { return x.Market == o.Market && x.Leg == leg })
		if at < 0 {
			at = len(sums)
			zero := events.MustNumber("0")
			sums = append(sums, &events.OrderMargin{Market: o.Market, Leg: leg, BidSize: zero, BidNotional: zero, AskSize: zero, AskNotional: zero})
			facts = append(facts, fact{path: string(o.Path), body: sums[at]})
		}
		size, notional := &sums[at].BidSize, &sums[at].BidNotional
		if o.Side.Value == events.Sell {
			size, notional = &sums[at].AskSize, &sums[at].AskNotional
		}
		if o.Size.Sign() <= 0 {
			return nil, wrong(o.Path.field("size"), "must be greater than zero")
		}
		if o.Price.Sign() <= 0 {
			return nil, wrong(o.Path.field("price"), "must be greater than zero")
		}
		if err := add(size, o.Size.Decimal()); err != nil {
			return nil, wrong(o.Path.field("size"), "%v", err)
		}
		if err := add(notional, o.Size.Decimal().Mul(o.Price.Decimal())); err != nil {
			return nil, wrong(o.Path.field("price"), "%v", err)
		}
	}
	return facts, nil
}

func add(sum *events.Number, d decimal.Decimal) (err error) {
	*sum, err = events.FromDecimal(sum.Decimal().Add(d))
	return err
}

// tradeFacts are fills, and the executed orders of venues whose positions have collateral of their own.
func (p *Portfolio) tradeFacts() (facts []fact) {
	for i := range p.Fills {
		facts = append(facts, p.Fills[i].fact(&p.Venue, i))
	}
	for i := range p.Changes {
		c := &p.Changes[i]
		facts = append(facts, fact{path: string(c.Path), names: paramNames(c.Path, c.Params, nil), body: &events.PositionChanged{Market: c.Market, Collateral: c.Collateral,
			Leg: c.Leg.Value, Change: c.Change.Value, SizeUSD: c.SizeUSD, CollateralDelta: c.CollateralDelta, IndexMin: c.IndexMin,
			IndexMax: c.IndexMax, LongMin: c.LongMin, LongMax: c.LongMax, ShortMin: c.ShortMin, ShortMax: c.ShortMax,
			OrderID: fmt.Sprint("change-", i), Params: params(c.Params)}})
	}
	return facts
}

// market returns the state of a market, nil where the document has none of that name.
func (p *Portfolio) market(name string) *MarketState {
	for i := range p.Markets {
		if p.Markets[i].Market == name {
			return &p.Markets[i]
		}
	}
	return nil
}

func (p *Portfolio) onlyIsolated(market string) bool {
	m := p.market(market)
	return m != nil && m.MarginModes.Value > events.ModesAny
}

func (p *Portfolio) rates(market string) int {
	if m := p.market(market); m != nil {
		return len(m.FundingRates)
	}
	return 0
}

func (p *Portfolio) unknownMarket(path, market string) error {
	names := make([]string, len(p.Markets))
	for i := range p.Markets {
		names[i] = p.Markets[i].Market
	}
	return wrong(path, "no market %s in this document%s", market, has(names))
}

// has says which names a document has, where these are few enough to read.
func has(names []string) string {
	const most = 8
	switch {
	case len(names) == 0:
		return ": it has none"
	case len(names) <= most:
		return ": it has " + strings.Join(names, ", ")
	}
	return fmt.Sprintf(": it has %s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
