package calculator

import (
	"marginledger/events"
	"marginledger/internal/fixed"
)

// Scales that a document leaves out are derived: the fewest digits that hold every number that is given, but
// valueDigits for amounts, and enough for priceDigits significant digits of a price.
const (
	valueDigits = 12
	priceDigits = 8
	maxScale    = 18
)

// scales are those of a market with its bounds.
type scales struct {
	price, size        uint32
	value              uint32 // of the venue
	maxPrice, maxSize  events.Number
	prices, quantities []located // all that a market is given, by path
	entries            []events.Number
}

// located is a number with its place.
type located struct {
	path string
	n    events.Number
}

// settle derives what the document leaves out, and checks that every number has the digits of its scale. Numbers
// of changes count too.
func (p *Portfolio) settle(changes []Change) (value uint32, markets map[string]*scales, err error) {
	markets = make(map[string]*scales, len(p.Markets))
	for i := range p.Markets {
		m := &p.Markets[i]
		if markets[m.Market] != nil {
			return 0, nil, wrong(m.Path.field("market"), "%s is there twice", m.Market)
		}
		markets[m.Market] = m.numbers()
	}
	if err := p.collect(markets, changes); err != nil {
		return 0, nil, err
	}
	value = uint32(valueDigits)
	for i := range p.Markets {
		m := &p.Markets[i]
		if err := m.derive(markets[m.Market]); err != nil {
			return 0, nil, err
		}
		value = max(value, markets[m.Market].price+markets[m.Market].size)
	}
	if p.Venue.ValueScale != nil {
		value = uint32(*p.Venue.ValueScale)
	}
	for i := range p.Markets {
		m := &p.Markets[i]
		s := markets[m.Market]
		s.bound(m, int(value))
		for _, x := range s.prices {
			if x.path != "" && s.maxPrice.Cmp(x.n) < 0 {
				return 0, nil, wrong(x.path, "%s is past the market's largest, %s", x.n, s.maxPrice)
			}
		}
	}
	return value, markets, nil
}

// numbers are the prices and sizes that a market itself is given.
func (m *MarketState) numbers() *scales {
	s := &scales{}
	at := m.Path.field
	s.prices = append(s.prices, located{at("mark"), m.Mark}, located{at("index"), m.Index}, located{at("oracle"), m.Oracle},
		located{at("min"), m.Min}, located{at("max"), m.Max}, located{at("maxPrice"), m.MaxPrice})
	s.quantities = append(s.quantities, located{at("maxSize"), m.MaxSize})
	if o := m.OpenInterest; o != nil {
		s.quantities = append(s.quantities, located{o.Path.field("long"), o.Long}, located{o.Path.field("short"), o.Short})
	}
	for i := range m.FundingRates {
		s.prices = append(s.prices, located{m.FundingRates[i].Path.field("price"), m.FundingRates[i].Price})
	}
	return s
}

// collect adds the prices and sizes of everything that names a market.
func (p *Portfolio) collect(markets map[string]*scales, changes []Change) error {
	add := func(path Place, market string, price, size events.Number) error {
		s := markets[market]
		if s == nil {
			return p.unknownMarket(path.field("market"), market)
		}
		s.prices = append(s.prices, located{path.field("price"), price})
		s.quantities = append(s.quantities, located{path.field("size"), size})
		return nil
	}
	for i := range p.Positions {
		size := p.Positions[i].Size
		if p.Positions[i].Collateral != "" { // its digits are those of the token
			size = events.Number{}
		}
		if err := add(p.Positions[i].Path, p.Positions[i].Market, events.Number{}, size); err != nil {
			return err
		}
		s := markets[p.Positions[i].Market]
		s.entries = append(s.entries, p.Positions[i].EntryPrice)
	}
	for i := range p.Fills {
		if err := add(p.Fills[i].Path, p.Fills[i].Market, p.Fills[i].Price, p.Fills[i].Size); err != nil {
			return err
		}
	}
	for i := range p.Orders {
		if err := add(p.Orders[i].Path, p.Orders[i].Market, events.Number{}, p.Orders[i].Size); err != nil {
			return err
		}
	}
	for i := range changes {
		if s := markets[changes[i].market]; s != nil { // digits of changes are no error of the document
			for _, n := range changes[i].prices {
				s.prices = append(s.prices, located{"", n})
			}
			s.quantities = append(s.quantities, located{"", changes[i].size})
		}
	}
	return nil
}

// derive settles a market's price and size scale.
func (m *MarketState) derive(s *scales) (err error) {
	if s.size, err = digits(s.quantities, m.SizeScale, 0); err != nil {
		return err
	}
	least := uint32(0)
	for _, x := range s.prices[:5] { // of a mark of 64000, 8 significant digits are 3 after the point
		if x.n.Present && x.n.Sign() > 0 {
			whole := len(x.n.Coef.Append(nil, 0)) - int(x.n.Scale)
			least = uint32(max(0, priceDigits-whole))
			break
		}
	}
	s.price, err = digits(s.prices, m.PriceScale, min(least, maxScale-min(s.size, maxScale)))
	return err
}

// digits returns the given scale, once it is found to hold every number, or the least that does.
func digits(numbers []located, given *scale, least uint32) (uint32, error) {
	for _, x := range numbers {
		switch {
		case !x.n.Present, given != nil && x.path == "":
		case given != nil && uint32(x.n.Scale) > uint32(*given):
			return 0, wrong(x.path, "%s has %d digits after the point, more than the market's %d", x.n, x.n.Scale, *given)
		case given == nil:
			least = max(least, uint32(x.n.Scale))
		}
	}
	if given != nil {
		return uint32(*given), nil
	}
	return least, nil
}

// bound gives a market the bounds that the document leaves out: so wide that figures of any pool can be held.
func (s *scales) bound(m *MarketState, value int) {
	// Digits of margin.MaxPriceOrSize and margin.MaxNotional, and of the largest notional that every profile admits.
	const coefficient, product, notional = 15, 31, 15
	together := int(s.price) + int(s.size)
	spare := min(product-(value-together), notional+together)
	s.value, s.maxPrice, s.maxSize = uint32(value), m.MaxPrice, m.MaxSize
	if !s.maxPrice.Present {
		s.maxPrice = events.NumberOf(fixed.FromInt64(fixed.Pow10(min(coefficient, max(0, spare), s.priceRoom()))), int(s.price))
	}
	if !s.maxSize.Present {
		rest := min(coefficient, max(0, spare-wholeDigits(s.maxPrice, int(s.price))))
		s.maxSize = events.NumberOf(fixed.FromInt64(fixed.Pow10(rest)), int(s.size))
	}
}

// priceRoom is the digits of a price that no price of the market is going to reach: 10,000 times the largest given.
func (s *scales) priceRoom() int {
	const room = 4
	most := 0
	see := func(n events.Number) {
		if n.Present && n.Sign() > 0 {
			most = max(most, wholeDigits(n, int(s.price)))
		}
	}
	for _, x := range s.prices {
		see(x.n)
	}
	for _, n := range s.entries {
		see(n)
	}
	return most + room
}

// wholeDigits returns the least n ≥ 0 with x ≤ 10^n as a coefficient at a scale.
func wholeDigits(x events.Number, scale int) int {
	n := scale - int(x.Scale)
	for p := fixed.FromInt64(1); p.Less(x.Coef) && n < 38; p = p.Mul(10) {
		n++
	}
	return max(n, 0)
}
