package projector

import (
	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// trade is a change of a position at a price: a fill, a bust, an adjustment or a settlement.
type trade struct {
	market   *market
	leg      events.Leg
	size     int64 // signed
	price    int64
	fee      fixed.Int128
	feeAsset *asset       // nil: no fee
	margin   fixed.Int128 // named isolated margin
	named    bool
	moves    bool // an opening moves isolated margin
}

// tradePlan is what a trade changes, worked out before anything does.
type tradePlan struct {
	trade
	account *account
	pool    *pool            // nil: an isolated pool still to be made
	held    *margin.Position // before it; nil: none

	closed, opened int64 // > 0
	size           int64 // after
	entry          fixed.Int128
	funding        fixed.Int128
	realised       fixed.Int128
	returned       fixed.Int128      // isolated, before opening: step 4
	required       fixed.Int128      // isolated: what step 5 asks for
	moved          fixed.Int128      // isolated: step 5
	released       fixed.Int128      // isolated: step 7
	forced         margin.Remembered // of a liquidation's fill
}

// plan works out a trade (§4, fill) and checks that its results are admitted. After it nothing
// fails.
func (s *Shard) plan(a *account, t trade) (tradePlan, Reason) {
	p := tradePlan{trade: t, account: a}
	m, profile := t.market, a.venue.profile
	pool, pos := a.holding(m, t.leg)
	if reason := a.checkLegs(t); reason != ReasonNone {
		return p, reason
	}
	isolated := false
	switch {
	case pos != nil:
		isolated = pool.market != nil
	case a.setting(m).isolated, m.Modes > events.ModesAny:
		isolated, pool = true, a.find(m, t.leg)
	default:
		pool = &a.cross
	}
	p.pool, p.held = pool, pos

	var size int64
	var entry fixed.Int128
	if pos != nil {
		size, entry = pos.Size, pos.Entry
		if !a.venue.traits.SettlesPool { // else the first touch settles all positions
			p.funding = s.fundingOf(pool, pos)
		}
	}
	if (size > 0) == (t.size > 0) || size == 0 {
		p.opened = abs(t.size)
	} else {
		p.closed = min(abs(t.size), abs(size))
		p.opened = abs(t.size) - p.closed
	}
	p.size = size + t.size // at most 5 · maxSize
	p.entry = entry
	cost := profile.Cost(&m.Market, t.size, t.price) // of all of it: a venue that rounds does so once per fill
	if p.closed > 0 {
		share := margin.MulDiv(entry, p.closed, abs(size), margin.ToZero)
		closing := cost
		if p.opened > 0 {
			closing = profile.Cost(&m.Market, signed(p.closed, t.size), t.price)
		}
		p.realised = closing.Neg().Sub(share) // of a long sold: its cost is < 0
		p.entry = p.entry.Sub(share)
		cost = cost.Sub(closing)
	}
	p.entry = p.entry.Add(cost)

	switch reason := s.planMoney(&p, size, isolated); {
	case t.leg == events.LegLong && p.size < 0, t.leg == events.LegShort && p.size > 0:
		return p, ReasonLegOverclosed
	case reason != ReasonNone, abs(p.size) > m.MaxSize, !margin.Within(p.entry, margin.MaxCash):
		return p, ReasonOutOfRange
	case pos == nil && !isolated && len(pool.Positions) >= margin.MaxPositions:
		return p, ReasonTooManyPositions
	}
	return p, ReasonNone
}

// planMoney works out steps 2 to 7 on the balances, and checks their bounds.
func (s *Shard) planMoney(p *tradePlan, before int64, isolated bool) Reason {
	a, v := p.account, p.account.venue
	gain := p.funding.Add(p.realised)
	settlement := a.balance(v.settlement)
	feeInPool := p.feeAsset == v.settlement
	if p.feeAsset != nil && !feeInPool && !p.feeAsset.admitsBalance(a.balance(p.feeAsset).Sub(p.fee)) {
		return ReasonOutOfRange
	}
	if !isolated {
		settlement = settlement.Add(gain)
		if feeInPool {
			settlement = settlement.Sub(p.fee)
		}
		if !margin.Within(settlement, margin.MaxCash) {
			return ReasonOutOfRange
		}
		return ReasonNone
	}
	held := p.funding // the pool's collateral once funding is settled
	if p.pool != nil {
		held = held.Add(p.pool.Collateral)
	}
	c := held.Add(p.realised)
	if p.closed > 0 && p.opened > 0 && c.Sign() > 0 {
		p.returned = c
		c = fixed.Int128{}
	}
	if p.opened > 0 && p.moves {
		p.required = v.profile.IncreaseMargin(&p.market.Market, a.effective(p.market), p.opened, abs(p.size), p.price)
		p.moved = p.required
		if p.named {
			p.moved = p.margin
		}
		c = c.Add(p.moved)
	}
	if feeInPool {
		c = c.Sub(p.fee)
	}
	if p.opened == 0 && c.Sign() > 0 {
		p.released = c // all of it where nothing remains
		if p.size != 0 {
			p.released = v.profile.Release(held, c, p.closed, abs(before))
		}
		c = c.Sub(p.released)
	}
	settlement = settlement.Add(p.returned).Sub(p.moved).Add(p.released)
	if !margin.Within(settlement, margin.MaxCash) || !margin.Within(c, margin.MaxCash) {
		return ReasonOutOfRange
	}
	return ReasonNone
}

// fundingOf is what settling one position of a pool now would post.
func (s *Shard) fundingOf(p *pool, pos *margin.Position) fixed.Int128 {
	lines := s.settlement(p)
	for i := range lines {
		if &p.Positions[i] == pos {
			return lines[i]
		}
	}
	panic("projector: " + p.name() + " does not hold the position")
}

// checkLegs keeps net and long/short positions of a market apart (§4, fill, step 1).
func (a *account) checkLegs(t trade) Reason {
	if any, net := a.hasPosition(t.market); any && net != (t.leg == events.LegNet) {
		return ReasonLegMismatch
	}
	return ReasonNone
}

// commit carries a plan out; it returns the pool.
func (s *Shard) commit(p *tradePlan) *pool {
	a, m := p.account, p.market
	if p.pool == nil {
		p.pool = a.isolatedPool(m, p.leg)
	}
	pool, x := p.pool, a.venue.settlement
	s.touch(pool)
	for i := range pool.Positions {
		if comparePosition(&pool.Positions[i], m, p.leg) == 0 {
			pool.Positions[i].FundingIndex = m.FundingIndex
		}
	}
	s.post(pool, x, p.funding, CauseFunding, m, m.fundingName)
	s.setPosition(pool, m, p.leg, p.size, p.entry)
	s.post(pool, x, p.realised, CauseRealised, m, m.clearingName)
	if pool.market != nil {
		s.move(pool, &a.cross, p.returned, CauseMargin, m)
		s.move(&a.cross, pool, p.moved, CauseMargin, m)
	}
	if p.feeAsset != nil {
		payer := pool
		if p.feeAsset != x {
			payer = &a.cross
		}
		s.post(payer, p.feeAsset, p.fee.Neg(), CauseFee, m, systemFees)
	}
	if pool.market != nil {
		s.move(pool, &a.cross, p.released, CauseMargin, m)
	}
	s.lastFill(m, p.price)
	return pool
}

// lastFill keeps the price of a fill until the market has a better one.
func (s *Shard) lastFill(m *market, price int64) {
	if m.Mark == 0 && m.Index == 0 && m.LastFill != price {
		m.LastFill = price
		s.touchMarket(m)
	}
}

// fill applies a Fill.
func (s *Shard) fill(a *account, b *events.Fill) Reason {
	t, reason := s.fillTrade(a, b)
	if reason != ReasonNone {
		return reason
	}
	p, reason := s.plan(a, t)
	if reason != ReasonNone {
		return reason
	}
	before := s.healthBefore(a, p.pool)
	room, some := s.room(&p)
	s.forced(a, b, &p)
	pool := s.commit(&p)
	s.judgeFill(a, b, &p, pool, before)
	if some {
		s.takeLeeway(&p, room)
	}
	s.rest(a, b, pool)
	return ReasonNone
}

func (s *Shard) fillTrade(a *account, b *events.Fill) (t trade, reason Reason) {
	m := a.venue.marketOf(b.Market)
	t = trade{market: m, leg: b.Leg, named: b.IsolatedMargin.Present, moves: true}
	if t.size, reason = m.traded(b.Size); reason != ReasonNone {
		return t, reason
	}
	if b.Side == events.Sell {
		t.size = -t.size
	}
	if t.price, reason = m.price(b.Price); reason != ReasonNone {
		return t, reason
	}
	if b.Fee.Present {
		t.feeAsset = a.venue.assetOf(b.FeeAsset)
		if t.fee, reason = a.venue.amount(b.Fee); reason != ReasonNone {
			return t, reason
		}
	}
	if t.named {
		t.margin, reason = a.venue.amount(b.IsolatedMargin)
	}
	return t, reason
}

// healthBefore returns a pool's health before a change, for venues that compare; nil for others.
func (s *Shard) healthBefore(a *account, p *pool) *margin.Health {
	if !a.venue.traits.ComparesRisk || p == nil {
		return nil
	}
	before := *s.health(p)
	return &before
}

// judgeFill judges the rules of a Fill (§6).
func (s *Shard) judgeFill(a *account, b *events.Fill, p *tradePlan, pool *pool, before *margin.Health) {
	backstop := a.marginType == events.MarginBackstop
	m := p.market
	if b.Reason == events.ReasonTrade {
		if m.Halted {
			s.violate(a, pool, margin.RuleMarketHalted)
		}
		if !backstop && (p.opened > 0 || !a.venue.traits.OpensOnly) {
			s.judgeUpdate(a, pool, margin.Update{Kind: margin.Traded, Before: before, Market: &m.Market, Opened: p.opened, Traded: p.trade.size,
				Size: p.size, Leverage: a.setting(m).leverage, Short: p.moved.Less(p.required)})
		}
		return
	}
	if backstop || b.Reason == events.ReasonSettlement {
		return
	}
	// A deleveraging also closes the positions of those who win: in a pool without an episode it is normal, as
	// long as it only closes.
	if pool.episode == nil && !p.forced.Answers && (b.Reason != events.ReasonADL || p.opened > 0) {
		s.violate(a, pool, margin.RuleLiquidationNoEpisode)
	}
	if p.opened > 0 {
		s.violate(a, pool, margin.RuleLiquidationOverfill)
	}
	for _, rule := range p.forced.Broken {
		s.violate(a, pool, rule)
	}
}

// judgeUpdate has the profile judge a change of a pool that has been made.
func (s *Shard) judgeUpdate(a *account, p *pool, update margin.Update) {
	var orders fixed.Int128
	var cross *margin.Health
	u := &s.update // a variable would be on the heap: a profile is an interface
	*u = update
	u.Pool, u.Health = &p.Pool, s.health(p)
	u.Free, orders, cross = s.free(a)
	u.Leaves, u.Unknown = a.venue.profile.Withdrawable(cross, orders), cross.Missing != ""
	s.broken = a.venue.profile.Breaks(u, s.broken[:0])
	for _, rule := range s.broken {
		s.violate(a, p, rule)
	}
}

func abs(v int64) int64 {
	if v < 0 {
		return -v
	}
	return v
}

// signed gives a magnitude the sign of another value.
func signed(magnitude, like int64) int64 {
	if like < 0 {
		return -magnitude
	}
	return magnitude
}
