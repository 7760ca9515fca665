package projector

import (
	"slices"

	"marginledger/events"
	"marginledger/projector/margin"
)

// bound gives a pool the bounds within which its status is proven unchanged.
func (s *Shard) bound(p *pool) {
	s.drawn = s.drawn[:0]
	s.draw(p)
	s.setDrawn()
}

// boundAll gives bounds to many pools: those of some are worked out, then set.
func (s *Shard) boundAll(pools []*pool) {
	for some := range slices.Chunk(pools, ahead) {
		s.drawn = s.drawn[:0]
		for _, p := range some {
			s.draw(p)
		}
		s.setDrawn()
	}
}

// ahead is of how many pools memory is read before it is needed: they fit the caches near a core.
const ahead = 128

// drawn is a bound that is worked out and not yet set.
type drawn struct {
	holders *holders
	margin.Bound
	slot     int32
	variable margin.Variable
	hot      bool
}

// draw works out the bounds of a pool.
func (s *Shard) draw(p *pool) {
	s.work.Bounded++
	p.leeway = leeway{}
	s.bounds.Reset(len(p.Positions), len(p.Balances))
	s.terms.Reset()
	hot := !s.narrow(p)
	for i := range p.Positions {
		pos := &p.Positions[i]
		s.drawSlot(&s.markets[pos.Market.ID].holders, pos.Slot, margin.VarPrice, margin.VarFunding, i, hot)
	}
	for i := range p.Balances {
		b := &p.Balances[i]
		if b.Asset.Settlement {
			continue
		}
		s.drawSlot(&s.assets[b.Asset.ID].holders, b.Slot, margin.VarCollateral, margin.VarCollateralMax, i, hot)
	}
	if p.slot != 0 || s.terms.Has(margin.VarTime) { // those that time can hurt
		h := &p.account.venue.holders
		if p.slot == 0 {
			p.slot = h.add(p) + 1
		}
		s.drawSlot(h, p.slot-1, margin.VarTime, margin.VarTime, 0, hot)
	}
}

// drawSlot notes the bounds of a slot for some variables. Where a variable has never been bounded there is
// nothing to be opened; but what was hot must cool.
func (s *Shard) drawSlot(h *holders, slot int32, first, last margin.Variable, index int, hot bool) {
	if hot {
		s.drawn = append(s.drawn, drawn{holders: h, slot: slot, hot: true})
		return
	}
	for v := first; v <= last; v++ {
		to := s.bounds.At(v, index)
		if h.ladders[v] != nil || *to != margin.Open || v == first && h.hot.count > 0 {
			s.drawn = append(s.drawn, drawn{h, *to, slot, v, false})
		}
	}
}

// setDrawn sets what has been drawn. It does nothing else, so that the memory of one bound is waited for
// together with that of the next.
func (s *Shard) setDrawn() {
	for i := range s.drawn {
		d := &s.drawn[i]
		if d.hot {
			d.holders.clear(d.slot, true)
			continue
		}
		d.holders.hot.clear(d.slot)
		d.holders.set(d.slot, d.variable, d.Bound)
	}
}

// readAhead reads of every pool to be judged what judging and bounding it will read, in loops so short that
// the memory of many pools is waited for at the same time: a visit mostly waits for memory.
func (s *Shard) readAhead(pools []*pool) {
	var sum int64
	for _, p := range pools {
		a := p.account
		sum += int64(len(p.Positions)) + int64(len(p.Balances)) + int64(a.marginType) + int64(p.healthN)
	}
	for _, p := range pools {
		for i := range p.Positions {
			sum += p.Positions[i].Size
		}
		for i := range p.Balances {
			sum += p.Balances[i].Amount.Hi
		}
	}
	for _, p := range pools {
		for i := range p.Positions {
			h := &s.markets[p.Positions[i].Market.ID].holders
			if slot := p.Positions[i].Slot; h.stride > 0 {
				sum += int64(h.keys[int(slot)*h.stride])
			}
		}
	}
	s.sum = sum
}

// narrow takes every edge that may come next: below the next call, the next worse stage and the stop's
// floors; above the end of the last call and of an episode. It returns false where the pool must be judged
// whenever a variable of it moves.
func (s *Shard) narrow(p *pool) bool {
	a := p.account
	if a.marginType == events.MarginBackstop {
		return true
	}
	h := s.health(p)
	if !h.IsKnown() {
		return false
	}
	s.edges = s.edgesOf(p, h, s.edges[:0])
	for i := range s.edges {
		if !s.edge(p, h, s.edges[i]) {
			p.leeway = leeway{}
			return false
		}
	}
	return true
}

// edge narrows the bounds by one edge; false where there is no room.
func (s *Shard) edge(p *pool, h *margin.Health, e margin.Edge) bool {
	if e.Unknown {
		return false
	}
	s.terms.Reset()
	p.account.venue.profile.Slopes(&p.Pool, h, e, &s.terms)
	if len(s.edges) == 1 {
		s.spare(p, e)
	}
	return s.terms.Narrow(&s.bounds)
}

// edgesOf appends the edges that a pool may come to next.
func (s *Shard) edgesOf(p *pool, h *margin.Health, edges []margin.Edge) []margin.Edge {
	a := p.account
	profile, levels, stage := a.venue.profile, a.callLevels(), events.StageNone
	if p.episode != nil {
		stage = p.episode.stage
		edges = append(edges, profile.ClearEdge())
	}
	below, worse := profile.StageEdge(stage)
	if p.called < len(levels) && h.Positions > 0 {
		call := margin.Edge{Multiple: levels[p.called]}
		edges = append(edges, call)
		worse = worse && !call.Above(below)
	}
	if worse {
		edges = append(edges, below)
	}
	if p.called > 0 {
		edges = append(edges, profile.CallClearEdge(levels[p.called-1]))
	}
	if st := &a.own().stop; p.market == nil && st.armed && h.Positions > 0 {
		if st.hasFloor {
			edges = append(edges, margin.Edge{Floor: st.floor})
		}
		if st.hasRatio {
			edges = append(edges, margin.Edge{Multiple: st.ratio})
		}
	}
	return edges
}

// boundDeferred gives bounds to the pools that a jump has left: its announcements came first.
func (s *Shard) boundDeferred() {
	s.boundAll(s.unbound)
	clear(s.unbound)
	s.unbound = s.unbound[:0]
}
