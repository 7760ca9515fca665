package dydx

import (
	"math/big"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// The rules of §§2 to 5 once more, in 128 bits: bounds at admission allow it. TestFold holds them
// against those of any width.

const ppm = 1_000_000

// value returns size · price in quote quanta; with ToZero it is Market.Notional.
func (r *rules) value(size, price int64, dir margin.Direction) fixed.Int128 {
	v, _ := r.shifted(fixed.Product(size, price), dir)
	return v
}

// maintenanceOf is Tier.MaintenanceOf.
func (r *rules) maintenanceOf(notional fixed.Int128) fixed.Int128 {
	return margin.MulDiv(margin.MulDiv(notional, r.initial, ppm, margin.Up), r.maintenance, ppm, margin.Up)
}

// fraction is Tier.InitialFraction at a market's open interest, in millionths; known is false where it
// depends on open interest and there is none yet: then it is the tier's.
func (r *rules) fraction(m *margin.Market) (f int64, known bool) {
	switch {
	case r.upper == 0:
		return r.initial, true
	case !m.OpenInterestKnown:
		return r.initial, false
	}
	size, ok := m.OpenLong.Int64()
	var o fixed.Int128
	if ok {
		o, ok = r.shifted(fixed.Product(size, m.Price()), margin.ToZero)
	}
	if !ok {
		big := template(m)
		return big.Tier.InitialFraction(big.Notional(m.OpenLong.Big())).Int64(), true
	}
	return r.fractionAt(o), true
}

func (r *rules) fractionAt(o fixed.Int128) int64 {
	lower, upper := fixed.FromInt64(r.lower), fixed.FromInt64(r.upper)
	switch {
	case o.Cmp(lower) <= 0:
		return r.initial
	case o.Cmp(upper) >= 0:
		return ppm
	}
	rise, _ := margin.MulDiv(o.Sub(lower), ppm-r.initial, r.upper-r.lower, margin.Down).Int64()
	return r.initial + rise
}

// OwnFraction returns the initial fraction of an account that has set a leverage, in millionths: 10⁶/L,
// floored; 0 without one (§9).
func OwnFraction(leverage int64) int64 {
	if leverage == 0 {
		return 0
	}
	return ppm / leverage
}

// due is Settlement, in millionths of a quote quantum. The index of the market is a multiple of the
// venue's unit, so nothing is rounded.
func (r *rules) due(p *margin.Position) fixed.Int128 {
	moved := p.Market.FundingIndex.Sub(p.FundingIndex)
	if moved.IsZero() {
		return moved
	}
	return margin.MulDiv(moved, -p.Size, r.indexUnit, margin.Down)
}

// floored is an amount of millionths in whole units, rounded down.
func floored(v fixed.Int128) fixed.Int128 {
	if v.IsZero() {
		return v
	}
	return margin.MulDiv(v, 1, ppm, margin.Down)
}

// Judge implements §4: the net collateral, with funding settled, and the requirements of a pool.
func (p *Profile) Judge(pool *margin.Pool) margin.Health {
	h := margin.Health{Equity: pool.Collateral, Positions: len(pool.Positions)}
	for i := range pool.Balances {
		h.Equity = h.Equity.Add(p.CollateralValue(&pool.Balances[i]))
	}
	var funding fixed.Int128
	for i := range pool.Positions {
		pos := &pool.Positions[i]
		m, r := pos.Market, rulesOf(pos.Market)
		value := r.value(pos.Size, m.Price(), margin.ToZero)
		n, profit := value.Abs(), value.Sub(pos.Entry)
		initial, known := r.initialOf(n, m, pos.Leverage)
		h.Notional, h.Equity = h.Notional.Add(n), h.Equity.Add(profit)
		h.Initial, h.Maintenance = h.Initial.Add(initial), h.Maintenance.Add(r.maintenanceOf(n))
		funding = funding.Add(r.due(pos))
		if profit.Sign() > 0 {
			h.Profit = h.Profit.Add(profit)
		}
		h.Unpriced = h.Unpriced || m.Mark == 0
		if !known {
			h.Missing = events.TypeOpenInterest.String()
		}
	}
	h.Equity = h.Equity.Add(floored(funding))
	return h
}

// initialOf is Tier.InitialOf.
func (r *rules) initialOf(notional fixed.Int128, m *margin.Market, leverage int64) (initial fixed.Int128, known bool) {
	f, known := r.fraction(m)
	return margin.MulDiv(notional, max(f, OwnFraction(leverage)), ppm, margin.Up), known
}

// Figures returns those of a position. Its funding is the payment that the venue announces, the sign
// turned: the sum over a pool may be less than what settling moves (§5).
func (p *Profile) Figures(pool *margin.Pool, position int) margin.Figures {
	pos := &pool.Positions[position]
	m, r := pos.Market, rulesOf(pos.Market)
	f := margin.Figures{Price: m.Price()}
	value := r.value(pos.Size, f.Price, margin.ToZero)
	f.Notional, f.Unrealised, f.Funding = value.Abs(), value.Sub(pos.Entry), floored(r.due(pos))
	f.Initial, _ = r.initialOf(f.Notional, m, pos.Leverage)
	f.Maintenance = r.maintenanceOf(f.Notional)
	f.Entry = events.Number{Coef: r.entryPrice(pos), Scale: uint8(m.PriceScale), Present: true}
	return f
}

// entryPrice is the average entry at the market's price scale, to the nearest: for display only. It is
// at most maxPrice, but for a quantum per closing, so it fits.
func (r *rules) entryPrice(pos *margin.Position) fixed.Int128 {
	num, ok := pos.Entry.Abs().MulOK(2 * fixed.Pow10(max(-r.digits, 0)))
	unit := fixed.Product(max(pos.Size, -pos.Size), fixed.Pow10(max(r.digits, 0)))
	if u, narrow := unit.Int64(); ok && narrow && u < 1<<62 && num.Bits() < 126 {
		return margin.MulDiv(num.Add(unit), 1, 2*u, margin.Down)
	}
	exact := new(big.Rat).SetFrac(pos.Entry.Abs().Big(), unit.Big())
	wide, _ := fixed.FromBig(margin.Scaled(exact, max(-r.digits, 0), margin.HalfUp))
	return wide
}

// CollateralValue implements §4: USDC only.
func (p *Profile) CollateralValue(b *margin.Balance) fixed.Int128 {
	if !b.Asset.Settlement {
		return fixed.Int128{}
	}
	return b.Amount
}

// Settlement implements §5: a line is the payment of its position, and the last one that owes
// anything takes what one floor of the sum leaves over. So the lines sum to what the venue moves.
func (p *Profile) Settlement(pool *margin.Pool, lines []fixed.Int128) {
	var exact, sum fixed.Int128
	last := -1
	for i := range pool.Positions {
		pos := &pool.Positions[i]
		due := rulesOf(pos.Market).due(pos)
		if due.IsZero() {
			continue
		}
		lines[i] = floored(due)
		exact, sum, last = exact.Add(due), sum.Add(lines[i]), i
	}
	if last >= 0 {
		lines[last] = lines[last].Add(floored(exact).Sub(sum))
	}
}

// NextFunding implements §5: rate is one of 8 hours at FundingScale, of which seconds have passed. The
// index is kept in the unit that all profiles share, so that its key is as fine.
func (p *Profile) NextFunding(m *margin.Market, rate, price int64, seconds uint32) (fixed.Int128, error) {
	const perPpm = 1_000_000 // 10^-12 in 10^-6
	if seconds == 0 || rate%perPpm != 0 {
		return m.FundingIndex, ErrRate
	}
	at := template(m)
	at.Price = big.NewInt(price)
	delta, ok := fixed.FromBig(at.IndexDelta(big.NewInt(rate/perPpm), int64(seconds)))
	if ok {
		delta, ok = delta.MulOK(rulesOf(m).indexUnit)
	}
	bound := m.MostFunding()
	if index, fits := m.FundingIndex.AddOK(delta); ok && fits && margin.Within(index, bound) {
		return index, nil
	}
	return m.FundingIndex, margin.ErrOutOfRange
}

// OrderMargin is none: orders reserve nothing (§4).
func (p *Profile) OrderMargin(*margin.Market, events.Leg, int64, int64, *margin.Orders) fixed.Int128 {
	return fixed.Int128{}
}

// Withdrawable implements §6: what leaves net ≥ initial.
func (p *Profile) Withdrawable(h *margin.Health, _ fixed.Int128) fixed.Int128 {
	return h.Equity.Sub(h.Initial)
}
