package projector

import (
	"marginledger/events"
	"marginledger/projector/margin"
)

// bound gives a pool the bounds within which its status is proven unchanged.
func (s *Shard) bound(p *pool) {
	s.bounds.Reset(len(p.Positions), len(p.Balances), margin.Open)
	s.narrow(p)
	for i := range p.Positions {
		s.markets[p.Positions[i].Market.ID].holders.set(p.Positions[i].Slot, *s.bounds.At(margin.VarPrice, i))
	}
	for i := range p.Balances {
		if x := p.Balances[i].Asset; !x.Settlement {
			s.assets[x.ID].holders.set(p.Balances[i].Slot, *s.bounds.At(margin.VarCollateral, i))
		}
	}
}

// narrow takes every edge that may come next: below the next call, the next worse stage and the stop's
// floors; above the end of the last call and of an episode. A pool that is unpriced is judged whenever
// a variable of it moves.
func (s *Shard) narrow(p *pool) {
	a := p.account
	if a.marginType == events.MarginBackstop {
		return
	}
	h := s.health(p)
	if h.Unpriced {
		s.bounds.Reset(len(p.Positions), len(p.Balances), margin.Shut)
		return
	}
	profile, levels, stage := a.venue.profile, a.callLevels(), events.StageNone
	if p.episode != nil {
		stage = p.episode.stage
		s.edge(p, h, profile.ClearEdge())
	}
	below, worse := profile.StageEdge(stage)
	if p.called < len(levels) && h.Positions > 0 {
		call := margin.Edge{Multiple: levels[p.called]}
		s.edge(p, h, call)
		worse = worse && !call.Above(below)
	}
	if worse {
		s.edge(p, h, below)
	}
	if p.called > 0 {
		s.edge(p, h, profile.CallClearEdge(levels[p.called-1]))
	}
	if p.market == nil && a.stop.armed && h.Positions > 0 {
		if a.stop.hasFloor {
			s.edge(p, h, margin.Edge{Floor: a.stop.floor})
		}
		if a.stop.hasRatio {
			s.edge(p, h, margin.Edge{Multiple: a.stop.ratio})
		}
	}
}

// edge narrows the bounds by one edge.
func (s *Shard) edge(p *pool, h *margin.Health, e margin.Edge) {
	if e.Unknown {
		s.bounds.Reset(len(p.Positions), len(p.Balances), margin.Shut)
		return
	}
	s.terms.Reset()
	p.account.venue.profile.Slopes(&p.Pool, h, e, &s.terms)
	s.terms.Narrow(&s.bounds)
}
