package margin

import (
	"math"

	"marginledger/internal/fixed"
)

// FundingStep returns how far the key of a market's funding index is expected to go, a 64th of the way
// of its price, and what an index that moves by that far moves per contract: at most worth 64ths of a
// unit of price. It holds for indexes at FundingScale + PriceScale.
func (m *Market) FundingStep() (scale, worth int64) {
	shift := m.fundingShift()
	scale, _ = fixed.Product(m.Price(), fixed.Pow10(FundingScale)).Shift(fundingShare + shift).Int64()
	if scale > 0 {
		return scale, m.Price()
	}
	// The price is many orders below the largest admitted: a key is more. 2^shift ≤ 2^38 units.
	units := fixed.Pow10(FundingScale)
	return 1, (int64(1)<<(shift+fundingShare) + units - 1) / units
}

// OfIndex adds the funding index of the market of position i for a profile that works funding out in
// its own way: cost is what a move by FundingStep against the position takes from equity, rounded up.
func (t *Terms) OfIndex(i int, p *Position, e Edge, scale int64, cost fixed.Int128) {
	term := t.add()
	*term = Term{Variable: VarFunding, Index: i, Value: p.Market.FundingKey(), Scale: scale, Low: math.MinInt64, High: math.MaxInt64, Blur: 1}
	if (p.Size > 0) != e.Upper {
		term.Up = cost
	} else {
		term.Down = cost
	}
}
