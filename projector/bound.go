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

// narrow takes the nearest edge of each kind: the next call or else liquidation below, the last
// call's end above, the stop's floors. A pool with an episode, or unpriced, is judged at every tick.
func (s *Shard) narrow(p *pool) {
	a := p.account
	if a.marginType == events.MarginBackstop {
		return
	}
	h := s.health(p)
	if h.Unpriced || p.episode != nil {
		s.bounds.Reset(len(p.Positions), len(p.Balances), margin.Shut)
		return
	}
	profile, levels := a.venue.profile, a.callLevels()
	lower := margin.Edge{Multiple: margin.OneMultiple}
	if p.called < len(levels) {
		lower.Multiple = levels[p.called]
	}
	s.edge(p, h, lower)
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
	s.terms.Reset()
	p.account.venue.profile.Slopes(&p.Pool, h, e, &s.terms)
	s.terms.Narrow(&s.bounds)
}
