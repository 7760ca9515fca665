package portfolio

import (
	"slices"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// LiquidationPrice implements §7: of a cross pool without offsets and caps a bisection, as in the standard
// profile; else a walk to the nearest price.
func (p *Profile) LiquidationPrice(pool *margin.Pool, m *margin.Market, underlying bool) events.Number {
	if pool.Isolated {
		return p.Profile.LiquidationPrice(pool, m, underlying)
	}
	if m.Price() == 0 {
		return events.Number{}
	}
	v := p.shadow(pool, m, underlying)
	return m.PriceNumber(v.find())
}

// shadow is a copy of a pool in which a market's price, and what follows it, can be moved.
type shadow struct {
	p       *Profile
	pool    margin.Pool
	from    int64 // the price as it is
	most    int64 // the market's largest price
	markets []moved[margin.Market]
	assets  []moved[margin.Asset]
	held    bool // what moves is worth more than 0
	terms   margin.Terms
}

// moved is a copy of what moves, with its price as it is and the largest that is admitted.
type moved[T any] struct {
	is, copy    *T
	price, most int64
}

func (p *Profile) shadow(pool *margin.Pool, m *margin.Market, underlying bool) *shadow {
	v := &shadow{p: p, pool: *pool, from: m.Price(), most: m.MaxPrice}
	v.pool.Positions, v.pool.Balances = slices.Clone(pool.Positions), slices.Clone(pool.Balances)
	var worthAll fixed.Int128
	for i := range v.pool.Positions {
		pos := &v.pool.Positions[i]
		if pos.Market == m || underlying && pos.Market.Underlying == m.Underlying {
			worthAll = worthAll.Add(pos.Market.Value(pos.Size, pos.Market.Price()))
			pos.Market = v.market(pos.Market)
		}
	}
	for i := range v.pool.Balances {
		b := &v.pool.Balances[i]
		if underlying && b.Asset.Name == m.Underlying && !b.Asset.Settlement {
			worthAll = worthAll.Add(worth(b))
			x := *b.Asset
			v.assets = append(v.assets, moved[margin.Asset]{b.Asset, &x, x.Price, margin.MaxCollateralPrice})
			b.Asset = &x
		}
	}
	v.held = worthAll.Sign() > 0
	return v
}

// market returns the copy of a market that moves.
func (v *shadow) market(m *margin.Market) *margin.Market {
	for i := range v.markets {
		if v.markets[i].is == m {
			return v.markets[i].copy
		}
	}
	x := *m
	x.Index, x.LastFill = 0, 0 // the mark alone counts, 0 too
	v.markets = append(v.markets, moved[margin.Market]{m, &x, m.Price(), m.MaxPrice})
	return &x
}

// health is the pool's with the market at x.
func (v *shadow) health(x int64) margin.Health {
	for i := range v.markets {
		v.markets[i].copy.Mark = v.at(v.markets[i].price, x)
	}
	for i := range v.assets {
		v.assets[i].copy.Price = v.at(v.assets[i].price, x)
	}
	return v.p.Judge(&v.pool)
}

// at is a price that moves in proportion: floor(price·x/from), at x = from itself.
func (v *shadow) at(price, x int64) int64 {
	to, _ := margin.MulDiv(fixed.FromInt64(price), x, v.from, margin.Down).Int64()
	return to
}

// slack is equity − maintenance with the market at x.
func (v *shadow) slack(x int64) fixed.Int128 {
	h := v.health(x)
	return h.Equity.Sub(h.Maintenance)
}

// end is the last price of the losing side: 1, or the largest x at which every moved price is admitted.
func (v *shadow) end() int64 {
	if v.held {
		return 1
	}
	x := v.most
	limit := func(price, most int64) {
		if price == 0 {
			return
		}
		last := fixed.Product(v.from, most).Add(fixed.FromInt64(v.from - 1)) // price·x < (most + 1)·from
		if h, ok := margin.MulDiv(last, 1, price, margin.Down).Int64(); ok {
			x = min(x, h)
		}
	}
	for i := range v.markets {
		limit(v.markets[i].price, v.markets[i].most)
	}
	for i := range v.assets {
		limit(v.assets[i].price, v.assets[i].most)
	}
	return x
}

// find returns the liquidation price, 0 where there is none.
func (v *shadow) find() int64 {
	switch v.slack(v.from).Sign() {
	case -1:
		return 0
	case 0:
		return v.from
	}
	good, bad := v.from, v.end()
	if !v.isConcave() {
		var found bool
		if good, found = v.walk(good, bad); found {
			return good
		}
	}
	if good == bad || v.slack(bad).Sign() > 0 {
		return 0
	}
	return v.between(good, bad)
}

// isConcave reports that equity − maintenance has one root on a side at most: a requirement without
// offsets is the greatest of sums of losses, each convex.
func (v *shadow) isConcave() bool {
	var room memory
	b, _ := room.open(v.p, &v.pool)
	if len(b.pairs) > 0 {
		return false
	}
	for i := range b.legs {
		if x := b.legs[i].asset; x != nil && x.Capped {
			return false
		}
	}
	return true
}

// maxWalk is the number of steps after which a walk gives up.
const maxWalk = 1024

// walk goes from a good price towards the end, by steps so small that no price in between can be bad
// (Slopes says so): it returns the first that is bad, or with false the last that is known to be good.
func (v *shadow) walk(x, end int64) (at int64, found bool) {
	for range maxWalk {
		if x == end {
			return x, false
		}
		next := end
		if step := v.step(x); step < max(end-x, x-end) {
			next = x + step
			if end < x {
				next = x - step
			}
		}
		if v.slack(next).Sign() <= 0 {
			return v.between(x, next), true
		}
		x = next
	}
	return x, false
}

// between finds a bad price whose neighbour on the good side is good, by bisection.
func (v *shadow) between(good, bad int64) int64 {
	for bad-good > 1 || good-bad > 1 {
		if mid := good + (bad-good)/2; v.slack(mid).Sign() > 0 {
			good = mid
		} else {
			bad = mid
		}
	}
	return bad
}

// step returns how far x may go, ≥ 1, so that no price before is bad: each moved price goes in
// proportion, and a unit more for its rounding.
func (v *shadow) step(x int64) int64 {
	h := v.health(x)
	e := margin.Edge{Multiple: margin.OneMultiple}
	v.terms.Reset()
	v.p.Slopes(&v.pool, &h, e, &v.terms)
	var each fixed.Int128 // of a move by x
	slack := v.terms.Slack
	for i := range v.terms.List {
		t := &v.terms.List[i]
		if !v.moves(t) {
			continue
		}
		c := t.Down
		if !v.held {
			c = t.Up
		}
		each = each.Add(c)
		slack = slack.Sub(margin.MulDiv(c, 1, t.Scale, margin.Up))
	}
	if slack.Sign() <= 0 {
		return 1
	}
	if each.IsZero() {
		return max(v.most, v.from)
	}
	if slack.Bits() > 64 || each.Bits() > 64 { // the quotient needs no more than the leading bits, rounded against it
		n := max(slack.Bits(), each.Bits()) - 62
		slack, each = slack.Shift(n), each.Shift(n).Add(fixed.FromInt64(1))
	}
	far, _ := fixed.Divide(fixed.Multiply(slack, fixed.FromInt64(x)), each)
	if d, ok := far.Int64(); ok {
		return max(d, 1)
	}
	return max(v.most, v.from)
}

// moves reports that a term is of a price that moves.
func (v *shadow) moves(t *margin.Term) bool {
	switch t.Variable {
	case margin.VarPrice:
		for i := range v.markets {
			if v.pool.Positions[t.Index].Market == v.markets[i].copy {
				return true
			}
		}
	case margin.VarCollateral:
		for i := range v.assets {
			if v.pool.Balances[t.Index].Asset == v.assets[i].copy {
				return true
			}
		}
	}
	return false
}

// BankruptcyPrice implements §7: p − E·m/(Σm·s·K), m the position's share of the requirement.
func (p *Profile) BankruptcyPrice(pool *margin.Pool, position int, h *margin.Health) events.Number {
	if pool.Isolated {
		return p.Profile.BankruptcyPrice(pool, position, h)
	}
	var room memory
	b, _ := room.open(p, pool)
	k, _, _ := b.worst()
	var all, own fixed.Int128
	for i := range pool.Positions {
		m := b.share(k, i)
		all = all.Add(m)
		if i == position {
			own = m
		}
	}
	if all.IsZero() {
		return events.Number{}
	}
	pos := &pool.Positions[position]
	dir := margin.Up
	if pos.Size < 0 {
		dir = margin.Down
	}
	return pos.Market.PriceNumber(margin.ClosingPrice(pos.Market.Price(), h.Equity, own, all, pos.Size, pos.Market.K, dir))
}
