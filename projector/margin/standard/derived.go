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
	var moving moving
	moving.split(pool, m, from, underlying)
	switch moving.slackAt(from).Sign() {
	case -1:
		return 0
	case 0:
		return from
	}
	edge := int64(1)
	if net <= 0 {
		edge = moving.highest()
	}
	if edge == from || (edge < from) != (net > 0) || moving.slackAt(edge).Sign() > 0 {
		return 0
	}
	good, bad := from, edge
	for bad-good > 1 || good-bad > 1 {
		mid := good + (bad-good)/2
		if moving.slackAt(mid).Sign() > 0 {
			good = mid
		} else {
			bad = mid
		}
	}
	return bad
}

// moving is a pool taken apart into what moves with a market's price, and the slack of the rest.
type moving struct {
	market    *margin.Market
	from      int64
	rest      fixed.Int128 // equity − maintenance of what stays
	positions []*margin.Position
	balances  []*margin.Balance
}

func (v *moving) split(pool *margin.Pool, m *margin.Market, from int64, underlying bool) {
	v.market, v.from, v.rest = m, from, pool.Collateral
	for i := range pool.Balances {
		b := &pool.Balances[i]
		if underlying && b.Asset.Name == m.Underlying && !b.Asset.Settlement {
			v.balances = append(v.balances, b)
			continue
		}
		v.rest = v.rest.Add(collateralValue(b.Asset, b.Amount, b.Asset.Price))
	}
	for i := range pool.Positions {
		pos := &pool.Positions[i]
		if pos.Market == m || underlying && pos.Market.Underlying == m.Underlying {
			v.positions = append(v.positions, pos)
			v.rest = v.rest.Add(margin.UnpostedFunding(pos)) // does not move with prices
			continue
		}
		v.rest = v.rest.Add(slackOf(pos, pos.Market.Price())).Add(margin.UnpostedFunding(pos))
	}
}

// slackAt returns equity − maintenance with the market at x.
func (v *moving) slackAt(x int64) fixed.Int128 {
	slack := v.rest
	for _, b := range v.balances {
		slack = slack.Add(collateralValue(b.Asset, b.Amount, v.moved(b.Asset.Price, x)))
	}
	for _, pos := range v.positions {
		price := x
		if pos.Market != v.market {
			price = v.moved(pos.Market.Price(), x)
		}
		slack = slack.Add(slackOf(pos, price))
	}
	return slack
}

// moved is a price that moves in proportion; up to highest it is admitted.
func (v *moving) moved(price, x int64) int64 {
	p, _ := margin.MulDiv(fixed.FromInt64(price), x, v.from, margin.Down).Int64()
	return p
}

// highest returns the largest x at which every moved price is at most its own maximum:
// floor(price·x/from) ≤ most where price·x < (most + 1)·from.
func (v *moving) highest() int64 {
	x := v.market.MaxPrice
	limit := func(price, most int64) {
		if price == 0 {
			return
		}
		end := fixed.Product(v.from, most).Add(fixed.FromInt64(v.from - 1))
		if h, ok := margin.MulDiv(end, 1, price, margin.Down).Int64(); ok {
			x = min(x, h)
		}
	}
	for _, b := range v.balances {
		limit(b.Asset.Price, margin.MaxCollateralPrice)
	}
	for _, pos := range v.positions {
		if pos.Market != v.market {
			limit(pos.Market.Price(), pos.Market.MaxPrice)
		}
	}
	return x
}

// slackOf is what a position adds to equity − maintenance at a price, funding apart.
func slackOf(pos *margin.Position, price int64) fixed.Int128 {
	m := pos.Market
	value := m.Value(pos.Size, price)
	n := value.Abs()
	return value.Sub(pos.Entry).Sub(maintenance(&m.Tiers[m.Tier(n)], n))
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
