package standard

import (
	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// LiquidationPrice implements §8: a bisection from the present price to the end of the losing side.
func (p *Profile) LiquidationPrice(pool *margin.Pool, m *margin.Market, underlying bool) events.Number {
	return m.PriceNumber(liquidationPrice(pool, m, underlying))
}

func liquidationPrice(pool *margin.Pool, m *margin.Market, underlying bool) int64 {
	from := m.Price()
	if from == 0 {
		return 0
	}
	var v moving
	v.split(pool, m, from, underlying)
	now := v.slack(from)
	switch now.Sign() {
	case -1:
		return 0
	case 0:
		return from
	}
	good, bad := from, int64(1)
	if v.net() <= 0 {
		bad = v.highest()
	}
	if good == bad {
		return 0
	}
	end := v.slack(bad)
	if end.Sign() > 0 {
		return 0
	}
	low, high := v.bracket(good, bad, now, end)
	for bad-good > 1 || good-bad > 1 {
		mid := good + (bad-good)/2
		switch {
		case ahead(mid, low, good, bad) <= 0:
			good = mid
		case ahead(mid, high, good, bad) >= 0:
			bad = mid
		case v.slack(mid).Sign() > 0:
			good = mid
		default:
			bad = mid
		}
	}
	return bad
}

// ahead returns how far x lies beyond y on the way from good to bad.
func ahead(x, y, good, bad int64) int64 {
	if bad > good {
		return x - y
	}
	return y - x
}

// bracket returns prices on the way from good to bad: up to low the slack is known to be > 0, from high on
// it is known to be ≤ 0. So bisection need not ask there, and comes to the same.
//
// Where one market moves, slack = g − θ with g concave and 0 ≤ θ < n, n positions rounded up. Where slack ≥ n
// at good and at x it is > 0 between: g is at least n there. Where it is ≤ −n at x, g(x) < 0 < g(good), so g
// falls from x on, and slack ≤ g. The chord's root is near: exact but for rounding, in one tier.
func (v *moving) bracket(good, bad int64, atGood, atBad fixed.Int128) (low, high int64) {
	n := fixed.FromInt64(int64(len(v.positions)))
	if v.proportional || atGood.Less(n) {
		return good, bad
	}
	low, high, atLow, atHigh := good, bad, atGood, atBad
	const wide, guesses = 2, 6
	for range guesses {
		span := ahead(high, low, good, bad)
		if span <= 4*wide {
			break
		}
		start, root := low, share(span, atLow, atLow.Sub(atHigh))
		for _, step := range [2]int64{root - wide, root + wide} {
			x := start + step
			if bad < good {
				x = start - step
			}
			if step <= 0 || ahead(x, high, good, bad) >= 0 {
				continue
			}
			switch at := v.slack(x); {
			case !at.Less(n):
				low, atLow = x, at
			case !n.Neg().Less(at):
				high, atHigh = x, at
			}
		}
		if ahead(high, low, good, bad) > span/2 {
			break // it does not come nearer
		}
	}
	return low, high
}

// share returns about span·part/whole, 0 ≤ part ≤ whole > 0.
func share(span int64, part, whole fixed.Int128) int64 {
	shift := max(0, whole.Bits()-62)
	a, _ := part.Shift(shift).Int64()
	b, _ := whole.Shift(shift).Int64()
	step, _ := margin.MulDiv(fixed.FromInt64(span), a, b, margin.Down).Int64()
	return step
}

// moving is a pool taken apart into what moves with a market's price, and the slack of the rest.
type moving struct {
	market    *margin.Market
	from      int64
	rest      fixed.Int128 // equity − maintenance of what stays
	positions []*margin.Position
	balances  []*margin.Balance

	proportional bool // others move along
}

func (v *moving) split(pool *margin.Pool, m *margin.Market, from int64, underlying bool) {
	v.market, v.from, v.rest, v.proportional = m, from, pool.Collateral, underlying
	for i := range pool.Balances {
		b := &pool.Balances[i]
		if underlying && b.Asset.Name == m.Underlying && !b.Asset.Settlement {
			v.balances = append(v.balances, b)
			continue
		}
		v.rest = v.rest.Add(CollateralValue(b.Asset, b.Amount, b.Asset.Price))
	}
	for i := range pool.Positions {
		pos := &pool.Positions[i]
		v.rest = v.rest.Add(margin.UnpostedFunding(pos)) // does not move with prices
		if pos.Market == m || underlying && pos.Market.Underlying == m.Underlying {
			v.positions = append(v.positions, pos)
			continue
		}
		price := pos.Market.Price()
		v.rest = v.rest.Add(profit(pos, price)).Sub(maintenanceAt(pos, price))
	}
}

// net is the sum of the sizes of the market's legs.
func (v *moving) net() (net int64) {
	for _, pos := range v.positions {
		if pos.Market == v.market {
			net += pos.Size
		}
	}
	return net
}

// slack returns equity − maintenance with the market at x.
func (v *moving) slack(x int64) fixed.Int128 {
	sum := v.rest
	for _, b := range v.balances {
		sum = sum.Add(CollateralValue(b.Asset, b.Amount, v.moved(b.Asset.Price, x)))
	}
	for _, pos := range v.positions {
		price := v.price(pos.Market, x)
		sum = sum.Add(profit(pos, price)).Sub(maintenanceAt(pos, price))
	}
	return sum
}

// price is the price of a moving market where the one asked for stands at x.
func (v *moving) price(m *margin.Market, x int64) int64 {
	if m == v.market {
		return x
	}
	return v.moved(m.Price(), x)
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

// profit is a position's unrealised PnL at a price.
func profit(pos *margin.Position, price int64) fixed.Int128 {
	return pos.Market.Value(pos.Size, price).Sub(pos.Entry)
}

// maintenanceAt is a position's maintenance at a price.
func maintenanceAt(pos *margin.Position, price int64) fixed.Int128 {
	m := pos.Market
	n := m.Notional(pos.Size, price)
	return maintenance(&m.Tiers[m.Tier(n)], n)
}

// BankruptcyPrice implements §8: p − E·m/(M·s·K).
func (p *Profile) BankruptcyPrice(pool *margin.Pool, position int, h *margin.Health) events.Number {
	pos := &pool.Positions[position]
	if h.Maintenance.IsZero() {
		return events.Number{}
	}
	dir := margin.Up
	if pos.Size < 0 {
		dir = margin.Down
	}
	f := figuresAt(pos, pos.Market.Price())
	return pos.Market.PriceNumber(margin.ClosingPrice(f.Price, h.Equity, f.Maintenance, h.Maintenance, pos.Size, pos.Market.K, dir))
}
