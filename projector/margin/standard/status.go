package standard

import (
	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// below reports equity·den < num·maintenance.
func below(h *margin.Health, num, den int64) bool {
	return fixed.CmpProducts(h.Equity, den, h.Maintenance, num) < 0
}

// Stage implements §7, stage now.
func (p *Profile) Stage(h *margin.Health) events.Stage {
	switch {
	case h.Equity.Sign() < 0:
		return events.StageBankrupt
	case h.Positions == 0:
		return events.StageNone
	case below(h, p.backstopNum, p.backstopDen):
		return events.StageBackstop
	case below(h, p.fullBelow, margin.OneMultiple):
		return events.StageFull
	case h.Equity.Less(h.Maintenance):
		return events.StagePartial
	}
	return events.StageNone
}

// Cleared implements §7, the end of an episode.
func (p *Profile) Cleared(h *margin.Health) bool {
	if h.Equity.Sign() < 0 {
		return false
	}
	return h.Positions == 0 || !below(h, p.clearAt, margin.OneMultiple)
}

// StageEdge is the highest of the edges that lie below: those of worse stages.
func (p *Profile) StageEdge(stage events.Stage) (margin.Edge, bool) {
	backstop := (p.backstopNum*margin.OneMultiple + p.backstopDen - 1) / p.backstopDen
	switch stage {
	case events.StageNone:
		return margin.Edge{Multiple: margin.OneMultiple}, true
	case events.StagePartial:
		return margin.Edge{Multiple: max(p.fullBelow, backstop)}, true
	case events.StageFull:
		return margin.Edge{Multiple: backstop}, true
	case events.StageBackstop:
		return margin.Edge{}, true // equity 0
	}
	return margin.Edge{}, false
}

// ClearEdge is the edge of Cleared.
func (p *Profile) ClearEdge() margin.Edge { return margin.Edge{Multiple: p.clearAt, Upper: true} }

// CallCleared reports equity ≥ callClearFactor·level·maintenance.
func (p *Profile) CallCleared(h *margin.Health, level int64) bool {
	bar := margin.MulDiv(h.Maintenance, p.callClearFactor*level, margin.OneMultiple*margin.OneMultiple, margin.Up)
	return !h.Equity.Less(bar)
}

// CallClearEdge is the edge of CallCleared, its multiple rounded down: judged a little early.
func (p *Profile) CallClearEdge(level int64) margin.Edge {
	return margin.Edge{Multiple: p.callClearFactor * level / margin.OneMultiple, Upper: true}
}

var defaultLevels = []int64{2_000_000, 1_500_000, 1_200_000}

// CallLevels are 2, 1.5 and 1.2 times maintenance.
func (p *Profile) CallLevels() []int64 { return defaultLevels }

// Ask implements §7, what an episode asks for.
func (p *Profile) Ask(pool *margin.Pool, _ *margin.Health, e margin.Asking, sizes []int64) {
	for i := range pool.Positions {
		sizes[i] = p.closeSize(e, abs(pool.Positions[i].Size))
	}
}

func (p *Profile) closeSize(e margin.Asking, size int64) int64 {
	switch {
	case e.Resting:
		return 0
	case e.Stage != events.StagePartial:
		return size
	}
	part, _ := margin.MulDiv(fixed.FromInt64(size), p.partialShare, margin.OneMultiple, margin.Up).Int64()
	return part
}

// LiquidationFee is ceil(N·rate), N the notional of what closes, rate the market's.
func (p *Profile) LiquidationFee(pool *margin.Pool, position int, size int64) fixed.Int128 {
	m := pool.Positions[position].Market
	return margin.MulDiv(m.Notional(size, m.Price()), m.LiquidationFee, margin.OneRate, margin.Up)
}

// Cooldown is cooldownMs, in stage partial only.
func (p *Profile) Cooldown(stage events.Stage) int64 {
	if stage != events.StagePartial {
		return 0
	}
	return p.cooldown
}
