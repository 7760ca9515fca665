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

// liquidationPrice returns the price x of a market nearest to the present one, on the losing side,
// at which the pool's equity is at most its maintenance. All legs of the market move together to x;
// with underlying, everything else of that underlying moves in proportion. ok is false where there
// is none.
//
// It is found by halving what remains, nearest half first. A half is left out only where it cannot
// hold such a price: equity − maintenance is a part that rises with x less a part that falls, so
// over [low, high] it is at least rising(low) − falling(high).
func (v *venue) liquidationPrice(a *account, p *pool, name string, underlying bool) (decimal.Decimal, bool) {
	m := v.markets[name]
	present, _ := m.price()
	unit := power(-m.priceScale)
	at := func(units int64) (rising, falling decimal.Decimal) {
		return v.split(a, p, v.shifted(m, decimal.NewFromInt(units).Mul(unit), underlying))
	}
	f := v.poolFigures(a, p)
	if f.equity.Cmp(f.maintenance) < 0 {
		return zero, false
	}

	side := zero
	for _, pos := range p.positions {
		if pos.market == name {
			side = side.Add(pos.size)
		}
	}
	var nearest func(low, high int64) (int64, bool)
	nearest = func(low, high int64) (int64, bool) {
		if low > high {
			return 0, false
		}
		rising, _ := at(low)
		_, falling := at(high)
		if rising.Cmp(falling) > 0 {
			return 0, false
		}
		if low == high {
			return low, true
		}
		middle := low + (high-low)/2
		if side.IsPositive() { // downwards: the upper half is nearer
			if x, ok := nearest(middle+1, high); ok {
				return x, true
			}
			return nearest(low, middle)
		}
		if x, ok := nearest(low, middle); ok {
			return x, true
		}
		return nearest(middle+1, high)
	}
	now := present.Div(unit).IntPart()
	low, high := int64(1), now
	if !side.IsPositive() {
		low, high = now, m.maxPrice.Div(unit).IntPart()
		if underlying { // no further than what moves along may go
			high = now + int64(sort.Search(int(high-now), func(i int) bool {
				return !v.admitted(a, p, v.shifted(m, decimal.NewFromInt(now+1+int64(i)).Mul(unit), true))
			}))
		}
	}
	x, ok := nearest(low, high)
	return decimal.NewFromInt(x).Mul(unit), ok
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

// split returns equity − maintenance of a pool at other prices as a part that rises with every
// price and a part that falls, given as what is to be subtracted.
func (v *venue) split(a *account, p *pool, at prices) (rising, falling decimal.Decimal) {
	add := func(x decimal.Decimal, rises bool) {
		if rises {
			rising = rising.Add(x)
		} else {
			falling = falling.Sub(x)
		}
	}
	add(p.collateral, true)
	if p.key == crossPool {
		for name, b := range a.balances {
			value := b
			if name != v.settlement {
				value, _ = v.collateralValueAt(name, b, at.asset[name])
			}
			add(value, !b.IsNegative())
		}
	}
	sizes := map[string]decimal.Decimal{}
	for key, pos := range p.positions {
		m, x := v.markets[key.market], at.market[key.market]
		sizes[key.market] = sizes[key.market].Add(pos.size)
		add(v.unpostedFunding(m, pos).Sub(pos.entry), true)
		add(v.maintenance(m, pos.size.Abs().Mul(x)).Neg(), false)
	}
	for _, name := range sortedKeys(sizes) { // the legs of a market against each other
		add(sizes[name].Mul(at.market[name]), sizes[name].IsPositive())
	}
	return rising, falling
}
