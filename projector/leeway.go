package projector

import (
	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// leeway is what changes of the account may still take from a pool before its bounds prove nothing: then it is judged,
// and given new ones. A pool has it while its bounds keep it from one lower edge. docs/ladder.md §8 has the proof.
type leeway struct {
	multiple int64        // of the edge; 0: the pool has no leeway
	amount   fixed.Int128 // ≥ 0
}

// spareShift: a 16th of the slack is leeway, in a pool that an account event has changed. One that prices have
// brought nearer to an edge gets none, so that its bounds are as far as can be.
const spareShift = 4

// spare takes the leeway out of the slack that is to be split over variables.
func (s *Shard) spare(p *pool, e margin.Edge) {
	if e.Upper || p.account.venue.additive == nil || s.terms.Slack.Sign() <= 0 {
		return
	}
	p.leeway.multiple = e.Multiple
	if p.touched {
		p.leeway.amount = s.terms.Slack.Shift(spareShift)
		s.terms.Slack = s.terms.Slack.Sub(p.leeway.amount)
	}
}

// room is a pool's leeway without one position, whose bounds stay as they are.
type room struct {
	multiple    int64
	amount      fixed.Int128
	price       margin.Bound
	fundingKeys margin.Bound
	before      margin.Position // whose funding is still in the amount
}

// room returns what a trade of a pool leaves of its leeway before the trade is added; false where the pool has none, or
// the trade changes more than one position and the settlement balance.
func (s *Shard) room(p *tradePlan) (r room, some bool) {
	v := p.account.venue
	if v.additive == nil || p.pool == nil || p.pool.leeway.multiple == 0 || p.pool.market != nil || p.leg != events.LegNet ||
		p.feeAsset != nil && p.feeAsset != v.settlement || len(s.queue) > 0 {
		return r, false
	}
	pos := p.held
	if pos == nil || p.size == 0 || (p.size > 0) != (pos.Size > 0) {
		return r, false
	}
	h := &p.market.holders
	r = room{multiple: p.pool.leeway.multiple, price: h.get(pos.Slot, margin.VarPrice), fundingKeys: h.get(pos.Slot, margin.VarFunding)}
	r.price.Low, r.price.High = max(r.price.Low, 0), min(r.price.High, p.market.MaxPrice)
	_, held := v.additive.Least(pos, r.multiple, r.price.Low, r.price.High)
	r.amount, r.before = p.pool.leeway.amount.Sub(held), *pos
	return r, true
}

// takeLeeway takes a trade that has been made from the room that there was. If there is as much, the pool keeps its
// status and its bounds, and is not judged.
func (s *Shard) takeLeeway(p *tradePlan, r room) {
	least, _ := p.account.venue.additive.Least(p.held, r.multiple, r.price.Low, r.price.High)
	funding := margin.FundingChange(&r.before, p.held, r.fundingKeys)
	left := r.amount.Add(p.funding).Add(p.realised).Sub(p.fee).Add(least).Add(funding)
	if left.Sign() < 0 || len(s.queue) != 1 {
		return
	}
	p.pool.leeway.amount = left
	p.pool.touched, p.pool.queued = false, false
	s.queue = s.queue[:0]
	s.work.Quiet++
}
