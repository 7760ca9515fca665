package calculator

import (
	"github.com/shopspring/decimal"

	"marginledger/events"
)

// holding is the opening position of a holding; where its entry lies between two prices of the market, it is two: at
// both prices, together of the same size and cost. The second has no size where one does.
func (p *Portfolio) holding(h *Holding, s *scales) (first, second events.OpeningPosition, err error) {
	if s == nil {
		return first, second, p.unknownMarket(h.Path.field("market"), h.Market)
	}
	if err := p.checkHolding(h, s); err != nil {
		return first, second, err
	}
	first = events.OpeningPosition{Market: h.Market, Leg: h.Leg.or(events.LegNet), Size: h.Size, EntryPrice: h.EntryPrice, Isolated: h.IsolatedMargin,
		Collateral: h.Collateral, CollateralAmount: h.CollateralAmount, Params: params(h.Params)}
	if h.EntryPrice.Present && (int(h.EntryPrice.Scale) <= int(s.price) || h.Collateral != "") {
		return first, second, nil
	}
	at, cost := h.Path.field("entryCost"), h.EntryCost.Decimal()
	if h.EntryPrice.Present {
		at, cost = h.Path.field("entryPrice"), h.Size.Decimal().Mul(h.EntryPrice.Decimal())
	}
	size := h.Size.Decimal()
	digits := s.entryDigits(h.Size)
	low, rest := cost.QuoRem(size, digits)
	// size · entry = (size − high) · low + high · (low + unit), where high · unit is the rest
	high := rest.Shift(digits)
	if !high.Equal(high.Truncate(int32(s.size))) {
		return first, second, wrong(at, "the cost, %s, has more digits than prices and sizes together: %d and %d", cost, digits, s.size)
	}
	second = first
	for _, x := range [...]struct {
		to *events.Number
		d  decimal.Decimal
	}{{&first.Size, size.Sub(high)}, {&first.EntryPrice, low}, {&second.Size, high}, {&second.EntryPrice, low.Add(decimal.New(1, -digits))}} {
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

// entryDigits are those of the prices that an entry is put together from: so few that their costs are exact where
// the venue would round them.
func (s *scales) entryDigits(size events.Number) int32 {
	if s.price+s.size <= s.value {
		return int32(s.price)
	}
	return int32(min(s.price, s.value-min(s.value, uint32(size.Scale))))
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
	case h.EntryCost.Present && h.Collateral != "":
		return wrong(at("entryCost"), "of a position with collateral of its own the entry is a price")
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
