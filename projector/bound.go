package projector

import (
	"marginledger/events"
	"marginledger/projector/margin"
)

// bound gives a pool the bounds within which its status is proven unchanged.
func (s *Shard) bound(p *pool) {
	s.work.Bounded++
	s.bounds.Reset(len(p.Positions), len(p.Balances))
	hot := !s.narrow(p)
	for i := range p.Positions {
		pos := &p.Positions[i]
		h := &s.markets[pos.Market.ID].holders
		if hot {
			h.clear(pos.Slot, true)
			continue
		}
		h.hot.clear(pos.Slot)
		for v := range margin.PositionVariables {
			h.set(pos.Slot, v, *s.bounds.At(v, i))
		}
	}
	for i := range p.Balances {
		b := &p.Balances[i]
		if b.Asset.Settlement {
			continue
		}
		h := &s.assets[b.Asset.ID].holders
		if hot {
			h.clear(b.Slot, true)
			continue
		}
		h.hot.clear(b.Slot)
		h.set(b.Slot, margin.VarCollateral, *s.bounds.At(margin.VarCollateral, i))
	}
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
	profile, levels, stage := a.venue.profile, a.callLevels(), events.StageNone
	ok := true
	if p.episode != nil {
		stage = p.episode.stage
		ok = s.edge(p, h, profile.ClearEdge())
	}
	below, worse := profile.StageEdge(stage)
	if p.called < len(levels) && h.Positions > 0 {
		call := margin.Edge{Multiple: levels[p.called]}
		ok = ok && s.edge(p, h, call)
		worse = worse && !call.Above(below)
	}
	if worse {
		ok = ok && s.edge(p, h, below)
	}
	if p.called > 0 {
		ok = ok && s.edge(p, h, profile.CallClearEdge(levels[p.called-1]))
	}
	if p.market == nil && a.stop.armed && h.Positions > 0 {
		if a.stop.hasFloor {
			ok = ok && s.edge(p, h, margin.Edge{Floor: a.stop.floor})
		}
		if a.stop.hasRatio {
			ok = ok && s.edge(p, h, margin.Edge{Multiple: a.stop.ratio})
		}
	}
	return ok
}

// edge narrows the bounds by one edge; false where there is no room.
func (s *Shard) edge(p *pool, h *margin.Health, e margin.Edge) bool {
	if e.Unknown {
		return false
	}
	s.terms.Reset()
	p.account.venue.profile.Slopes(&p.Pool, h, e, &s.terms)
	return s.terms.Narrow(&s.bounds)
}

// boundDeferred gives bounds to the pools that a jump has left: its announcements came first.
func (s *Shard) boundDeferred() {
	for i, p := range s.unbound {
		s.bound(p)
		s.unbound[i] = nil
	}
	s.unbound = s.unbound[:0]
}
