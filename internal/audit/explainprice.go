package audit

import (
	"marginledger/events"
	"marginledger/internal/api"
	"marginledger/internal/fixed"
)

// ExplainedPrice shows that a liquidation price is one: the pool's figures there, and one unit to the safe side, if only that
// mark moves.
type ExplainedPrice struct {
	Market string       `json:"market"`
	Leg    string       `json:"leg"`
	Price  *api.Decimal `json:"liquidationPrice"` // nil: none, see Why
	Why    string       `json:"noLiquidationPrice,omitempty"`
	At     []PriceProof `json:"at,omitempty"`
}

// PriceProof is what a pool's figures are at a mark.
type PriceProof struct {
	Mark         events.Number `json:"mark"`
	Equity       events.Number `json:"equity"`
	Maintenance  events.Number `json:"maintenanceMargin"`
	Liquidatable bool          `json:"liquidatable"` // equity < maintenance
}

// explainPrices shows the liquidation prices of a pool's positions.
func (m *Moment) explainPrices(a Account, p *api.Pool) ([]ExplainedPrice, error) {
	out := []ExplainedPrice{}
	var copied *slice
	for i := range p.Positions {
		q := &p.Positions[i]
		x := ExplainedPrice{Market: q.Market, Leg: q.Leg, Price: q.LiquidationPrice, Why: q.NoLiquidationPrice}
		if q.LiquidationPrice == nil {
			out = append(out, x)
			continue
		}
		if copied == nil {
			copied = sliceOf(m.Fold, a.Venue, a.Owner)
		}
		market, err := m.API().Market(a.Venue, q.Market)
		if err != nil {
			return nil, err
		}
		price, err := events.ParseNumber(string(*q.LiquidationPrice))
		if err != nil {
			return nil, err
		}
		unit := events.NumberOf(fixed.FromInt64(1), int(market.PriceScale))
		if q.Size[0] == '-' { // A short is safe below.
			unit = unit.Neg()
		}
		for _, mark := range [...]events.Number{price, sum(price, unit)} {
			proof, ok, err := copied.atMark(a, p.Pool, q.Market, mark)
			if err != nil {
				return nil, err
			}
			if ok {
				x.At = append(x.At, *proof)
			}
		}
		out = append(out, x)
	}
	return out, nil
}

// atMark is a pool's figures at a mark; false where the market does not admit it.
func (x *slice) atMark(a Account, pool, market string, mark events.Number) (*PriceProof, bool, error) {
	s, err := x.open()
	if err != nil {
		return nil, false, err
	}
	clock, _ := s.Clock(a.Venue)
	if _, err := try(s, a.Venue, "", 0, clock, &events.MarkPrice{Market: market, Mark: mark}); err != nil {
		return nil, false, nil // past the market's largest price
	}
	p := poolOf(s, a, pool)
	if p == nil || !p.Equity.Present {
		return nil, false, nil
	}
	return &PriceProof{Mark: mark, Equity: p.Equity, Maintenance: p.Maintenance, Liquidatable: p.Equity.Cmp(p.Maintenance) < 0}, true, nil
}
