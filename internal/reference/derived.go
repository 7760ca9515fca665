package reference

import (
	"sort"

	"github.com/shopspring/decimal"
)

// § 8: prices that are reported, never decided on.

// bankruptcyPrice is where closing the position uses up its share of the pool's equity.
func (v *venue) bankruptcyPrice(pos *position, f positionFigures, pf poolFigures) (decimal.Decimal, bool) {
	if pf.maintenance.IsZero() {
		return zero, false
	}
	ps := v.markets[pos.market].priceScale
	// p − E·m/(M·s) = (p·M·s − E·m) / (M·s)
	divisor := pf.maintenance.Mul(pos.size)
	dividend := f.price.Mul(divisor).Sub(pf.equity.Mul(f.maintenance))
	up := floor
	if pos.size.IsPositive() {
		up = ceil
	}
	price := quotient(dividend, divisor, ps, up)
	return price, price.IsPositive() && price.Cmp(power(18-ps)) <= 0
}

// marginRatio is M / E; ok is false where equity is not positive.
func (f poolFigures) marginRatio() (ratio decimal.Decimal, ok bool) {
	if !f.equity.IsPositive() {
		return zero, false
	}
	ratio = quotient(f.maintenance, f.equity, 6, halfUp)
	return ratio, ratio.Cmp(power(6)) <= 0
}

// liquidationPrice returns the price of a market, on the losing side of the present one, at which
// the pool's equity is at most its maintenance (§8). All legs of the market move together; with
// underlying, everything else of that underlying moves in proportion. ok is false where there is
// none.
func (v *venue) liquidationPrice(a *account, p *pool, name string, underlying bool) (decimal.Decimal, bool) {
	m := v.markets[name]
	present, _ := m.price()
	unit := power(-m.priceScale)
	safe := func(units int64) bool { // equity > maintenance
		return v.slack(a, p, v.shifted(m, decimal.NewFromInt(units).Mul(unit), underlying)).IsPositive()
	}
	f := v.poolFigures(a, p)
	switch f.equity.Cmp(f.maintenance) {
	case -1:
		return zero, false
	case 0:
		return present, true
	}

	side := zero
	for _, pos := range p.positions {
		if pos.market == name {
			side = side.Add(pos.size)
		}
	}
	good, bad := present.Div(unit).IntPart(), int64(1)
	if !side.IsPositive() {
		bad = m.maxPrice.Div(unit).IntPart()
		if underlying { // no further than what moves along may go
			bad = good + int64(sort.Search(int(bad-good), func(i int) bool {
				return !v.admitted(a, p, v.shifted(m, decimal.NewFromInt(good+1+int64(i)).Mul(unit), true))
			}))
		}
	}
	if good == bad || safe(bad) {
		return zero, false
	}
	for bad-good > 1 || good-bad > 1 {
		if middle := good + (bad-good)/2; safe(middle) {
			good = middle
		} else {
			bad = middle
		}
	}
	return decimal.NewFromInt(bad).Mul(unit), true
}

// prices are what positions and collateral are valued at.
type prices struct {
	market map[string]decimal.Decimal
	asset  map[string]decimal.Decimal
}

// shifted returns the prices where m stands at x: alone, or with its whole underlying.
func (v *venue) shifted(m *market, x decimal.Decimal, underlying bool) prices {
	out := prices{map[string]decimal.Decimal{}, map[string]decimal.Decimal{}}
	present, _ := m.price()
	for name, other := range v.markets {
		p, _ := other.price()
		if underlying && other.underlying == m.underlying {
			p = quotient(p.Mul(x), present, other.priceScale, floor)
		}
		out.market[name] = p
	}
	for name, a := range v.assets {
		c := a.price
		if underlying && name == m.underlying {
			c = quotient(c.Mul(x), present, 12, floor)
		}
		out.asset[name] = c
	}
	out.market[m.name] = x
	return out
}

// admitted reports that no price of what the pool holds is above its maximum.
func (v *venue) admitted(a *account, p *pool, at prices) bool {
	for key := range p.positions {
		if at.market[key.market].Cmp(v.markets[key.market].maxPrice) > 0 {
			return false
		}
	}
	for name, b := range a.balances {
		if p.key == crossPool && !b.IsZero() && at.asset[name].Cmp(maxCollateralPrice) > 0 {
			return false
		}
	}
	return true
}

// slack returns a pool's equity − maintenance at given prices.
func (v *venue) slack(a *account, p *pool, at prices) decimal.Decimal {
	sum := p.collateral
	if p.key == crossPool {
		for name, b := range a.balances {
			if name != v.settlement {
				b, _ = v.collateralValueAt(name, b, at.asset[name])
			}
			sum = sum.Add(b)
		}
	}
	for key, pos := range p.positions {
		m, x := v.markets[key.market], at.market[key.market]
		sum = sum.Add(pos.size.Mul(x)).Sub(pos.entry).Add(v.unpostedFunding(m, pos))
		sum = sum.Sub(v.maintenance(m, pos.size.Abs().Mul(x)))
	}
	return sum
}
