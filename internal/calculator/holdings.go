package calculator

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"marginledger/events"
)

// accountFacts are what the account has set, holds, and has in orders, and the funding that is not settled.
func (p *Portfolio) accountFacts(markets map[string]*scales) ([]fact, error) {
	facts := []fact{{path: string(p.Path), body: &events.AccountOpened{MarginType: p.MarginType.or(events.MarginStandard)}}}
	if p.Mode != "" {
		facts = append(facts, fact{path: p.Path.field("mode"), body: &events.AccountModeSet{Mode: p.Mode}})
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

// holdingFacts open the account: an AccountOpeningState, and Adjustments for what it cannot say, with the funding
// rates between that some positions have settled and some have not.
func (p *Portfolio) holdingFacts(markets map[string]*scales) ([]fact, error) {
	opening := &events.AccountOpeningState{}
	state := fact{path: string(p.Path), body: opening, names: map[string]string{}}
	for i, b := range p.Balances {
		opening.Balances = append(opening.Balances, events.OpeningBalance{Asset: b.Name, Amount: b.Value})
		state.names[fmt.Sprintf("balances[%d].asset", i)] = b.path
		state.names[fmt.Sprintf("balances[%d].amount", i)] = b.path
		state.parts = append(state.parts, fact{path: b.path, body: so(opening)})
	}
	type late struct {
		after uint32
		fact
	}
	var later []late
	for i := range p.Positions {
		h := &p.Positions[i]
		first, second, err := p.holding(h, markets[h.Market])
		if err != nil {
			return nil, err
		}
		if h.SettledRates == 0 {
			state.names[fmt.Sprintf("positions[%d]", len(opening.Positions))] = string(h.Path)
			opening.Positions = append(opening.Positions, first)
			state.parts = append(state.parts, fact{path: string(h.Path), body: so(opening)})
		} else {
			for _, f := range h.adjustments(first, &p.Venue) {
				later = append(later, late{h.SettledRates, f})
			}
		}
		if second.Size.Present {
			second.Isolated = events.Number{}
			for _, f := range h.adjustments(second, &p.Venue) {
				later = append(later, late{h.SettledRates, f})
			}
		}
	}
	facts := []fact{}
	if len(opening.Balances)+len(opening.Positions) > 0 {
		facts = append(facts, state)
	}
	for i := range p.Markets {
		m := &p.Markets[i]
		for j := range m.FundingRates {
			r := &m.FundingRates[j]
			later = append(later, late{uint32(j) + 1, fact{path: string(r.Path), body: &events.FundingRate{Market: m.Market, Rate: r.Rate, Price: r.Price, IntervalSeconds: r.IntervalSeconds}}})
		}
	}
	// Of the same number a rate comes first: it is settled in the positions that say so.
	slices.SortStableFunc(later, func(a, b late) int {
		if c := cmp.Compare(a.after, b.after); c != 0 {
			return c
		}
		_, x := a.body.(*events.FundingRate)
		_, y := b.body.(*events.FundingRate)
		return cmp.Compare(boolInt(y), boolInt(x))
	})
	for _, l := range later {
		facts = append(facts, l.fact)
	}
	return facts, nil
}

// so returns an opening state as far as it is put together.
func so(b *events.AccountOpeningState) *events.AccountOpeningState {
	return &events.AccountOpeningState{Balances: slices.Clone(b.Balances), Positions: slices.Clone(b.Positions)}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// holding is the opening position of a holding; where its entry lies between two prices of the market, it is two: at
// both prices, together of the same size and cost. The second has no size where one does.
func (p *Portfolio) holding(h *Holding, s *scales) (first, second events.OpeningPosition, err error) {
	if s == nil {
		return first, second, p.unknownMarket(h.Path.field("market"), h.Market)
	}
	if err := p.checkHolding(h, s); err != nil {
		return first, second, err
	}
	first = events.OpeningPosition{Market: h.Market, Leg: h.Leg.or(events.LegNet), Size: h.Size, EntryPrice: h.EntryPrice, Isolated: h.IsolatedMargin}
	if h.EntryPrice.Present && int(h.EntryPrice.Scale) <= int(s.price) {
		return first, second, nil
	}
	at, cost := h.Path.field("entryCost"), h.EntryCost.Decimal()
	if h.EntryPrice.Present {
		at, cost = h.Path.field("entryPrice"), h.Size.Decimal().Mul(h.EntryPrice.Decimal())
	}
	size := h.Size.Decimal()
	low, rest := cost.QuoRem(size, int32(s.price))
	// size · entry = (size − high) · low + high · (low + unit), where high · unit is the rest
	high := rest.Shift(int32(s.price))
	if !high.Equal(high.Truncate(int32(s.size))) {
		return first, second, wrong(at, "the cost, %s, has more digits than prices and sizes together: %d and %d", cost, s.price, s.size)
	}
	second = first
	for _, x := range [...]struct {
		to *events.Number
		d  decimal.Decimal
	}{{&first.Size, size.Sub(high)}, {&first.EntryPrice, low}, {&second.Size, high}, {&second.EntryPrice, low.Add(decimal.New(1, -int32(s.price)))}} {
		if *x.to, err = events.FromDecimal(x.d); err != nil {
			return first, second, wrong(at, "%v", err)
		}
	}
	switch {
	case second.Size.Sign() == 0:
		return first, events.OpeningPosition{}, nil
	case first.Size.Sign() == 0, low.Sign() == 0:
		return first, second, wrong(at, "the entry price lies below the market's least")
	case s.maxPrice.Cmp(second.EntryPrice) < 0:
		return first, second, wrong(at, "the entry price is past the market's largest, %s", s.maxPrice)
	}
	return first, second, nil
}

// checkHolding checks what a message can say better than the fact's.
func (p *Portfolio) checkHolding(h *Holding, s *scales) error {
	at := h.Path.field
	mode, set := p.Modes.at(h.Market)
	switch {
	case h.Size.Sign() == 0:
		return wrong(at("size"), "must not be zero")
	case h.EntryPrice.Present == h.EntryCost.Present:
		return wrong(at("entryPrice"), "must be there, or entryCost, and not both")
	case h.EntryPrice.Present && h.EntryPrice.Sign() <= 0:
		return wrong(at("entryPrice"), "must be greater than zero")
	case h.EntryCost.Present && h.EntryCost.Sign() != h.Size.Sign():
		return wrong(at("entryCost"), "must have the sign of the size")
	case s.maxSize.Cmp(h.Size.Abs()) < 0:
		return wrong(at("size"), "%s is past the market's largest, %s", h.Size, s.maxSize)
	case s.maxPrice.Cmp(h.EntryPrice) < 0:
		return wrong(at("entryPrice"), "%s is past the market's largest, %s", h.EntryPrice, s.maxPrice)
	case h.Mode.Value == events.Cross && h.IsolatedMargin.Present:
		return wrong(at("isolatedMargin"), "the position's mode is cross")
	case h.IsolatedMargin.Present && set && mode.Value == events.Cross:
		return wrong(at("isolatedMargin"), "the mode of %s is cross", h.Market)
	case !h.IsolatedMargin.Present && (h.Mode.Value == events.Isolated || h.Mode.Value == 0 && mode.Value == events.Isolated || p.onlyIsolated(h.Market)):
		return wrong(at("isolatedMargin"), "is missing: the position is isolated")
	case int(h.SettledRates) > p.rates(h.Market):
		return wrong(at("settledRates"), "%d, but %s has %d fundingRates", h.SettledRates, h.Market, p.rates(h.Market))
	}
	return nil
}

// adjustments add a position to an account that has been opened.
func (h *Holding) adjustments(o events.OpeningPosition, v *VenueRules) (facts []fact) {
	path := string(h.Path)
	if o.Isolated.Present {
		facts = append(facts, fact{path: h.Path.field("isolatedMargin"), body: &events.MarginModeSet{Market: o.Market, Mode: events.Isolated}})
		facts = append(facts, fact{path: h.Path.field("isolatedMargin"), body: &events.Adjustment{Asset: v.SettlementAsset, Amount: o.Isolated, Market: o.Market, Leg: o.Leg, Reason: "opening"}})
	}
	return append(facts, fact{path: path, body: &events.Adjustment{Market: o.Market, Leg: o.Leg, Size: o.Size, EntryPrice: o.EntryPrice, Reason: "opening"}})
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
		facts = append(facts, fact{path: string(c.Path), body: &events.PositionChanged{Market: c.Market, Collateral: c.Collateral,
			Leg: c.Leg.Value, Change: c.Change.Value, SizeUSD: c.SizeUSD, CollateralDelta: c.CollateralDelta, IndexMin: c.IndexMin,
			IndexMax: c.IndexMax, LongMin: c.LongMin, LongMax: c.LongMax, ShortMin: c.ShortMin, ShortMax: c.ShortMax, OrderID: fmt.Sprint("change-", i)}})
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
	return wrong(path, "no market %s in this document", market)
}
