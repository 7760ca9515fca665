package reference

import (
	"github.com/shopspring/decimal"

	"marginledger/events"
)

// §§ 2 and 3: what positions, pools and accounts are worth and require.

// price is the price that values positions of m; marked is false where it is not the mark.
func (m *market) price() (p decimal.Decimal, marked bool) {
	switch {
	case m.mark.IsPositive():
		return m.mark, true
	case m.index.IsPositive():
		return m.index, false
	}
	return m.lastFill, false
}

// tierOf returns the index of the last tier with lowerNotional ≤ notional.
func (m *market) tierOf(notional decimal.Decimal) int {
	last := 0
	for i, t := range m.rules.tiers {
		if t.lower.Cmp(notional) <= 0 {
			last = i
		}
	}
	return last
}

// leverage returns L of § 2 for a notional.
func (a *account) leverage(m *market, notional decimal.Decimal) decimal.Decimal {
	maximum := m.rules.tiers[m.tierOf(notional)].maxLeverage
	if set, ok := a.leverages[m.name]; ok {
		maximum = min(maximum, set)
	}
	if limit, ok := a.caps[m.name]; ok {
		maximum = min(maximum, limit)
	}
	return decimal.NewFromInt(int64(maximum))
}

// maintenance returns ceil(N·rate − deduction of its tier), never below 0.
func (v *venue) maintenance(m *market, notional decimal.Decimal) decimal.Decimal {
	t := m.rules.tiers[m.tierOf(notional)]
	return larger(zero, round(notional.Mul(t.rate).Sub(t.deduction), v.scale, ceil))
}

// positionFigures are the figures of § 2 of one position.
type positionFigures struct {
	price                decimal.Decimal
	marked               bool
	notional             decimal.Decimal
	pnl, funding         decimal.Decimal
	tier                 int
	initial, maintenance decimal.Decimal
}

func (v *venue) positionFigures(a *account, pos *position) positionFigures {
	m := v.markets[pos.market]
	var f positionFigures
	f.price, f.marked = m.price()
	f.notional = pos.size.Abs().Mul(f.price)
	f.pnl = pos.size.Mul(f.price).Sub(pos.entry)
	f.funding = v.unpostedFunding(m, pos)
	f.tier = m.tierOf(f.notional)
	f.maintenance = v.maintenance(m, f.notional)
	f.initial = quotient(f.notional, a.leverage(m, f.notional), v.scale, ceil)
	return f
}

// unpostedFunding is what a long has paid since the last settlement, with the sign turned.
func (v *venue) unpostedFunding(m *market, pos *position) decimal.Decimal {
	return round(pos.size.Neg().Mul(m.funding.Sub(pos.index)), v.scale, floor)
}

// collateralValue is the value of balance b of an asset at price c, § 3; priced is false where a
// negative balance has no price.
func (v *venue) collateralValue(name string, b decimal.Decimal) (value decimal.Decimal, priced bool) {
	if name == v.settlement {
		return b, true
	}
	return v.collateralValueAt(name, b, v.assets[name].price)
}

func (v *venue) collateralValueAt(name string, b, c decimal.Decimal) (value decimal.Decimal, priced bool) {
	if c.IsZero() {
		return zero, !b.IsNegative()
	}
	whole := round(b.Mul(c), v.scale, floor)
	if b.IsNegative() {
		return whole, true
	}
	tiers := v.assets[name].haircuts
	for i, t := range tiers {
		part := whole.Sub(t.lower)
		if i+1 < len(tiers) {
			part = smaller(part, tiers[i+1].lower.Sub(t.lower))
		}
		if part.IsPositive() {
			value = value.Add(round(part.Mul(one.Sub(t.share)), v.scale, floor))
		}
	}
	if a := v.assets[name]; a.capped {
		value = smaller(value, a.cap)
	}
	return value, true
}

// poolFigures are the figures of § 3 of one pool.
type poolFigures struct {
	equity, initial, maintenance decimal.Decimal
	profit                       decimal.Decimal // Σ max(0, PnL)
	unpriced                     bool
}

func (v *venue) poolFigures(a *account, p *pool) poolFigures {
	var f poolFigures
	f.equity = p.collateral
	if p.key == crossPool {
		for name, b := range a.balances {
			value, priced := v.collateralValue(name, b)
			f.equity = f.equity.Add(value)
			f.unpriced = f.unpriced || !priced
		}
	}
	for _, pos := range p.positions {
		pf := v.positionFigures(a, pos)
		f.equity = f.equity.Add(pf.pnl).Add(pf.funding)
		f.initial = f.initial.Add(pf.initial)
		f.maintenance = f.maintenance.Add(pf.maintenance)
		f.profit = f.profit.Add(larger(zero, pf.pnl))
		f.unpriced = f.unpriced || !pf.marked
	}
	return f
}

// orderMargin is what the orders of one market and leg hold, § 3.
func (v *venue) orderMargin(a *account, key legKey) decimal.Decimal {
	m, o := v.markets[key.market], a.orders[key]
	p, _ := m.price()
	var s, notional, initial decimal.Decimal
	if _, pos := a.open(key); pos != nil {
		f := v.positionFigures(a, pos)
		s, notional, initial = pos.size, f.notional, f.initial
	}
	// What passes the position opens the other way, but closes only in leg long or short.
	passing := func(size, orders decimal.Decimal, closesOnly bool) decimal.Decimal {
		rest := s.Abs().Sub(size)
		switch {
		case !rest.IsNegative():
			return rest.Mul(p)
		case closesOnly:
			return zero
		}
		return quotient(orders.Mul(rest.Neg()), size, v.scale, ceil)
	}
	bids, asks := notional.Add(o.bidNotional), notional.Add(o.askNotional)
	if s.IsNegative() || key.leg == events.LegShort {
		bids = passing(o.bidSize, o.bidNotional, key.leg == events.LegShort)
	}
	if s.IsPositive() || key.leg == events.LegLong {
		asks = passing(o.askSize, o.askNotional, key.leg == events.LegLong)
	}
	needed := larger(
		quotient(bids, a.leverage(m, bids), v.scale, ceil),
		quotient(asks, a.leverage(m, asks), v.scale, ceil))
	return larger(zero, needed.Sub(initial))
}

// freeFigures are free collateral with and without profit, and what of it may be withdrawn.
type freeFigures struct {
	orderMargin           decimal.Decimal
	free, excludingProfit decimal.Decimal
	withdrawable          decimal.Decimal
}

func (v *venue) freeFigures(a *account) freeFigures {
	cross := v.poolFigures(a, a.pools[crossPool])
	var f freeFigures
	for key := range a.orders {
		f.orderMargin = f.orderMargin.Add(v.orderMargin(a, key))
	}
	f.free = cross.equity.Sub(cross.initial).Sub(f.orderMargin)
	f.excludingProfit = f.free.Sub(cross.profit)
	f.withdrawable = larger(zero, f.free)
	if v.params.withdrawExcludesUpnl {
		f.withdrawable = larger(zero, smaller(f.free, f.excludingProfit))
	}
	return f
}
