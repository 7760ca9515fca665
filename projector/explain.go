package projector

import (
	"marginledger/events"
	"marginledger/projector/margin"
)

// PoolExplanation is what stands behind the figures of one pool, taken from it as it is: unlike an episode,
// it has no history.
type PoolExplanation struct {
	Pool      string
	Missing   string          // kind of the fact without which the figures are unknown; "": none
	Unpriced  bool            // valued without a mark or a price somewhere
	Stage     events.Stage    // that the health stands for; none where it cannot decide
	Notional  events.Number   // Σ |size| · price
	Profit    events.Number   // Σ max(0, unrealised PnL)
	CloseSize []events.Number // what an episode that began now would ask for, by position; nil at stage none
	Fees      []events.Number // the fee on CloseSize
	Steps     []margin.Step
}

// Explain explains every pool of an account, in the order of AccountFigures.Pools; nil where there is no such
// account. The steps of a pool whose figures are unknown are left out.
func (s *Shard) Explain(venue, owner string, subaccount uint32) []PoolExplanation {
	v := s.venues[venue]
	if v == nil {
		return nil
	}
	a := s.owners[owner].account(v, subaccount)
	if a == nil {
		return nil
	}
	out := make([]PoolExplanation, 0, 1+len(a.isolated))
	for _, p := range append([]*pool{&a.cross}, a.isolated...) {
		out = append(out, s.explain(p))
	}
	return out
}

func (s *Shard) explain(p *pool) PoolExplanation {
	v := p.account.venue
	h := v.profile.Judge(&p.Pool)
	x := PoolExplanation{Pool: p.name(), Missing: h.Missing, Unpriced: h.Unpriced, Notional: v.number(h.Notional), Profit: v.number(h.Profit)}
	if h.Missing != "" {
		return x
	}
	if !h.Unpriced && p.account.marginType != events.MarginBackstop {
		x.Stage = v.profile.Stage(&h)
	}
	if x.Stage != events.StageNone {
		s.explainAsking(p, &h, &x)
	}
	x.Steps = v.profile.Explain(&p.Pool)
	return x
}

func (s *Shard) explainAsking(p *pool, h *margin.Health, x *PoolExplanation) {
	sizes := make([]int64, len(p.Positions))
	p.account.venue.profile.Ask(&p.Pool, h, margin.Asking{Stage: x.Stage}, sizes)
	for i, size := range sizes {
		f := s.figures(p, i, h)
		s.ask(&f, p, i, size)
		x.CloseSize, x.Fees = append(x.CloseSize, f.CloseSize), append(x.Fees, f.LiquidationFee)
	}
}
