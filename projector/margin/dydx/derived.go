package dydx

import (
	"math/big"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// LiquidationPrice implements §7.7 at the market's price scale, a long's rounded down, a short's up; with
// underlying, every market of the underlying moves in proportion. It is Markets.LiquidationPrice, from
// the sums of Judge. None for a pool that is liquidatable.
func (p *Profile) LiquidationPrice(pool *margin.Pool, m *margin.Market, underlying bool) events.Number {
	h := p.Judge(pool)
	if m.Price() == 0 || h.Equity.Less(h.Maintenance) {
		return events.Number{}
	}
	// With everything that moves at t times its price: rest = t · slope.
	rest, slope := h.Equity.Sub(h.Maintenance), new(big.Int)
	for i := range pool.Positions {
		pos := &pool.Positions[i]
		if pos.Market != m && !(underlying && pos.Market.Underlying == m.Underlying) {
			continue
		}
		r := rulesOf(pos.Market)
		value := r.value(pos.Size, pos.Market.Price(), margin.ToZero)
		rest = rest.Sub(value).Add(r.maintenanceOf(value.Abs()))
		slope.Add(slope, r.slopeOf(pos))
	}
	if slope.Sign() == 0 { // longs that maintenance covers whole: no price decides
		return events.Number{}
	}
	dir := margin.Up
	if slope.Sign() < 0 {
		dir = margin.Down
	}
	num := mul(mul(rest.Big(), big.NewInt(m.Price())), power10(slopeDigits))
	return priceOf(m, margin.Quo(num, slope, dir))
}

// slopeDigits are digits after the point of slopeOf: 12 of two fractions, 18 of a size and a price.
const slopeDigits = 30

// slopeOf returns |v|·initial·maintenance − v of a position's exact value v, in 10^-slopeDigits quanta.
func (r *rules) slopeOf(pos *margin.Position) *big.Int {
	v := mul(mul(big.NewInt(pos.Size), big.NewInt(pos.Market.Price())), power10(slopeDigits-12+r.digits))
	fraction := big.NewInt(r.initial * r.maintenance)
	return sub(mul(abs(v), fraction), mul(v, power10(12)))
}

// priceOf is a price of a market; none where it is not in [1, 10^18].
func priceOf(m *margin.Market, coefficient *big.Int) events.Number {
	if coefficient.Sign() <= 0 || coefficient.Cmp(power10(18)) > 0 {
		return events.Number{}
	}
	return m.PriceNumber(coefficient.Int64())
}

// BankruptcyPrice implements §7.1 for the whole position, per coin: BankruptcyQuote over the size, a
// long's rounded up, a short's down, so that a fill at it costs the fund nothing.
func (p *Profile) BankruptcyPrice(pool *margin.Pool, position int, h *margin.Health) events.Number {
	pos := &pool.Positions[position]
	r := rulesOf(pos.Market)
	if h.Maintenance.IsZero() {
		return events.Number{}
	}
	dir := margin.Up
	if pos.Size < 0 {
		dir = margin.Down
	}
	num, den := r.bankruptcyQuote(pos, h).Big(), big.NewInt(pos.Size)
	if r.digits < 0 {
		num = mul(num, power10(-r.digits))
	} else {
		den = mul(den, power10(r.digits))
	}
	return priceOf(pos.Market, margin.Quo(num, den, dir))
}

// bankruptcyQuote is BankruptcyQuote of the whole position; the maintenance of the pool is > 0.
func (r *rules) bankruptcyQuote(pos *margin.Position, h *margin.Health) fixed.Int128 {
	value := r.value(pos.Size, pos.Market.Price(), margin.ToZero)
	return value.Sub(margin.MulDivWide(h.Equity, r.maintenanceOf(value.Abs()), h.Maintenance, margin.Down))
}

// Rank is nil: the venue takes whom it meets first (§7.5).
func (p *Profile) Rank(*margin.Pool, int, *margin.Health) *big.Rat { return nil }
