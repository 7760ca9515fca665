package simulate

import (
	"math/bits"

	"marginledger/events"
)

// account is what the exchange's own facts add up to. The arithmetic is that of
// docs/venues/standard.md, at the value scale.
type account struct {
	owner  string
	sub    uint32
	maker  bool
	hedge  bool // long and short legs side by side
	open   bool
	cash   int64
	coll   [len(assetNames)]int64 // balances of the collateral assets
	pos    []position             // one per market and leg that was ever held or set up
	stamp  int64                  // of the last price at which it was looked at
	likes  []uint8                // markets it trades
	taste  int64                  // leverage it likes
	bull   int                    // how often it buys, percent
	active int32                  // place in Exchange.active
}

// position is one market and leg of an account.
type position struct {
	market     uint8
	leg        events.Leg
	isolated   bool
	leverage   int64 // set; 0: not
	size       int64 // negative: short
	entry      int64 // signed cost
	index      int64 // funding at the last settlement
	collateral int64 // of the isolated pool
	orders     int64 // notional of the bids or asks that rest, whichever is more
}

// mulDiv returns a·b/c, toward zero, and whether that was inexact. |a·b/c| fits by the bounds of the demo.
func mulDiv(a, b, c int64) (q int64, inexact bool) {
	neg := (a < 0) != (b < 0) != (c < 0)
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	quo, rem := bits.Div64(hi, lo, magnitude(c)) // panics where it does not fit: we were wrong
	q = int64(quo)
	if neg {
		q = -q
	}
	return q, rem != 0
}

// magnitude returns |v|.
func magnitude(v int64) uint64 {
	if v < 0 {
		return uint64(-v)
	}
	return uint64(v)
}

// find returns the account's entry for a market and leg, made if need be.
func (a *account) find(market int, leg events.Leg) *position {
	for i := range a.pos {
		if p := &a.pos[i]; int(p.market) == market && p.leg == leg {
			return p
		}
	}
	a.pos = append(a.pos, position{market: uint8(market), leg: leg})
	return &a.pos[len(a.pos)-1]
}

// unposted returns the funding that a position has run up.
func (p *position) unposted(m *market) int64 {
	if p.size == 0 || p.index == m.index {
		return 0
	}
	// −s·(I − i) / 10^(ps+12+ss−V), toward −∞; the divisor is 10^12 / unit.
	q, inexact := mulDiv(-p.size, m.index-p.index, 1e12/m.unit)
	if inexact && (p.size > 0) == (m.index > p.index) {
		q--
	}
	return q
}

// fill books a fill of signed size at a price, with fee and, where an isolated position opens or
// grows, the margin that moves into its pool. The position does not turn over.
func (a *account) fill(p *position, m *market, size, price, fee, margin int64) {
	funding := p.unposted(m)
	p.index = m.index
	pool := &a.cash
	if p.isolated {
		pool = &p.collateral
	}
	*pool += funding
	before, held := p.size, p.collateral
	cost := size * price * m.unit
	if closing := before != 0 && (before > 0) != (size > 0); !closing {
		p.size, p.entry = before+size, p.entry+cost
		a.cash -= margin // margin is 0 in cross
		p.collateral += margin
		*pool -= fee
		return
	}
	share, _ := mulDiv(p.entry, abs(size), abs(before))
	*pool += -cost - share - fee
	p.size, p.entry = before+size, p.entry-share
	if p.isolated && p.collateral > 0 {
		back := p.collateral
		if p.size != 0 {
			back, _ = mulDiv(held, abs(size), abs(before))
			back = max(0, back-max(0, held-p.collateral)) // its share, less what closing lost
		}
		p.collateral -= back
		a.cash += back
	}
}

func abs(v int64) int64 { return max(v, -v) }

// figures are those of a cross pool.
type figures struct {
	equity, maintenance, initial, orders int64
}

// free is what may leave the cross pool or hold new positions.
func (f figures) free() int64 { return f.equity - f.initial - f.orders }

// figures returns the cross pool's figures at the present prices. Orders are counted at their most:
// as if all on one side came on top of the position.
func (x *Exchange) figures(a *account) figures {
	f := figures{equity: a.cash}
	for i, b := range a.coll {
		if b != 0 && i < len(x.assets) {
			f.equity += x.collateralValue(i, b, x.assets[i].price)
		}
	}
	for i := range a.pos {
		p := &a.pos[i]
		m := &x.markets[p.market]
		n := m.notional(p.size, m.mark)
		if p.orders > 0 {
			f.orders += m.initial(n+p.orders, p.leverage) - m.initial(n, p.leverage)
		}
		if p.size != 0 && !p.isolated {
			f.equity += p.size*m.mark*m.unit - p.entry + p.unposted(m)
			f.maintenance += m.maintenance(n)
			f.initial += m.initial(n, p.leverage)
		}
	}
	return f
}

// collateralValue returns the value of a balance, rather too little.
func (x *Exchange) collateralValue(asset int, balance, price int64) int64 {
	m := &x.markets[x.assets[asset].market]
	v, _ := mulDiv(balance, price, pow10(m.PriceScale))
	return v / 1000 * (1000 - haircut)
}

// equity returns the equity of an isolated position's pool at a price.
func (p *position) equity(m *market, price int64) int64 {
	return p.collateral + p.size*price*m.unit - p.entry + p.unposted(m)
}

// alive is how far above maintenance every pool must have stayed, in percent. What the ledger may
// see otherwise, facts and marks that reach it within one fetch delay in another order, is less.
const alive = 130

// endangered reports whether a pool of the account may have been near its maintenance at any moment
// since the account was last looked at: with every position at its worst price since then, all at
// once. Only facts of the account change its positions, and each looks at it first; so this is an
// upper bound of what the ledger saw. It marks the account as looked at.
func (x *Exchange) endangered(a *account) bool {
	if a.stamp == x.stamp {
		return false // no price since
	}
	equity, maintenance := a.cash, int64(0)
	since := a.stamp
	a.stamp = x.stamp
	for i, b := range a.coll {
		if b != 0 && i < len(x.assets) {
			equity += x.collateralValue(i, b, min(x.assets[i].low.since(since), x.assets[i].price))
		}
	}
	for i := range a.pos {
		p := &a.pos[i]
		if p.size == 0 {
			continue
		}
		m := &x.markets[p.market]
		worst := m.low.since(since)
		if p.size < 0 {
			worst = m.high.since(since)
		}
		need := m.maintenance(m.notional(p.size, worst))
		if p.isolated {
			if p.equity(m, worst) < need/100*alive {
				return true
			}
			continue
		}
		equity += p.size*worst*m.unit - p.entry + p.unposted(m)
		maintenance += need
	}
	return equity < maintenance/100*alive
}

func pow10(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}
