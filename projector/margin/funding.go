package margin

import (
	"math"

	"marginledger/internal/fixed"
)

// fundingStep returns how far the key of a market's funding index is expected to go, and the price that
// an index which moves by so much is worth, in 2^-fundingShare units, rounded up. It holds for indexes at
// FundingScale + PriceScale.
func (m *Market) fundingStep() (scale, worth int64) {
	shift := m.FundingShift()
	scale, _ = fixed.Product(m.Price(), fixed.Pow10(FundingScale)).Shift(fundingShare + shift).Int64()
	if scale > 0 {
		return scale, m.Price()
	}
	// The price is many orders below the largest admitted: a key is more than that. It is at most 2^38.
	units := fixed.Pow10(FundingScale)
	return 1, (int64(1)<<(shift+fundingShare) + units - 1) / units
}

// FundingWorth returns a price for OfIndex.
func (m *Market) FundingWorth() int64 {
	_, worth := m.fundingStep()
	return worth
}

// OfIndex adds the funding index of the market of position i for a profile that works funding out in its
// own way, from the notional of the position at FundingWorth, rounded up: an index that moves by a price
// takes the position's notional at that price.
func (t *Terms) OfIndex(i int, p *Position, e Edge, notional fixed.Int128) {
	scale, _ := p.Market.fundingStep()
	cost := notional.Shift(fundingShare).Add(fixed.FromInt64(1))
	term := t.add()
	*term = Term{Variable: VarFunding, Index: i, Value: p.Market.FundingKey(), Scale: scale, Low: math.MinInt64, High: math.MaxInt64, Blur: 1}
	if (p.Size > 0) != e.Upper {
		term.Up = cost
	} else {
		term.Down = cost
	}
}
