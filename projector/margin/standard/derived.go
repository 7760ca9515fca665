package standard

import (
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// LiquidationPrice implements §8. Equity − maintenance is concave in x: equity is linear (and
// concave in collateral, haircuts rising by tier), maintenance convex, its rates rising by tier. So
// the healthy prices around p are one interval, and bisection finds its end on the losing side;
// rounding moves that end by less than the price unit that it is searched in.
func (p *profile) LiquidationPrice(pool *margin.Pool, m *margin.Market, underlying bool) int64 {
	from := m.Price()
	if from == 0 {
		return 0
	}
	var net int64
	for i := range pool.Positions {
		if pool.Positions[i].Market == m {
			net += pool.Positions[i].Size
		}
	}
	at := func(x int64) bool { return slackAt(pool, m, from, x, underlying).Sign() > 0 }
	switch slackAt(pool, m, from, from, underlying).Sign() {
	case -1:
		return 0
	case 0:
		return from
	}
	edge := int64(1)
	if net <= 0 {
		edge = m.MaxPrice
	}
	if edge == from || at(edge) {
		return 0
	}
	good, bad := from, edge
	for bad-good > 1 || good-bad > 1 {
		mid := good + (bad-good)/2
		if at(mid) {
			good = mid
		} else {
			bad = mid
		}
	}
	return bad
}

// slackAt returns equity − maintenance with the market at x.
func slackAt(pool *margin.Pool, m *margin.Market, from, x int64, underlying bool) fixed.Int128 {
	moved := func(price int64) int64 {
		v, ok := margin.MulDiv(fixed.FromInt64(price), x, from, margin.Down).Int64()
		if !ok {
			return margin.MaxCollateralPrice
		}
		return v
	}
	equity, maintain := pool.Collateral, fixed.Int128{}
	for i := range pool.Balances {
		b := &pool.Balances[i]
		price := b.Asset.Price
		if underlying && b.Asset.Name == m.Underlying {
			price = min(moved(price), margin.MaxCollateralPrice)
		}
		equity = equity.Add(collateralValue(b.Asset, b.Amount, price))
	}
	for i := range pool.Positions {
		pos := &pool.Positions[i]
		price := pos.Market.Price()
		switch {
		case pos.Market == m:
			price = x
		case underlying && pos.Market.Underlying == m.Underlying:
			price = min(moved(price), pos.Market.MaxPrice)
		}
		f := figuresAt(pos, price)
		equity = equity.Add(f.Unrealised).Add(f.Funding)
		maintain = maintain.Add(f.Maintenance)
	}
	return equity.Sub(maintain)
}

// BankruptcyPrice implements §8: p − E·m/(M·s·K).
func (p *profile) BankruptcyPrice(pos *margin.Position, h *margin.Health) int64 {
	if h.Maintenance.IsZero() {
		return 0
	}
	dir := margin.Up
	if pos.Size < 0 {
		dir = margin.Down
	}
	f := figuresAt(pos, pos.Market.Price())
	return margin.ClosingPrice(f.Price, h.Equity, f.Maintenance, h.Maintenance, pos.Size, pos.Market.K, dir)
}
