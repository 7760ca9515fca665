package hyperliquid

import (
	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// Stage implements §7: partial is an order to the book, whatever its size; backstop the liquidator vault,
// where there is one; bankrupt deleveraging. Full is not used: how much is asked for is the position's matter.
func (p *Profile) Stage(h *margin.Health) events.Stage {
	s := Summary{Equity: h.Equity, Maintenance: h.Maintenance}
	switch {
	case h.Equity.Sign() < 0:
		return events.StageBankrupt
	case h.Positions == 0:
		return events.StageNone
	case h.Own&ownNoBackstop == 0 && IsBackstop(&s):
		return events.StageBackstop
	case IsLiquidatable(&s):
		return events.StagePartial
	}
	return events.StageNone
}

// StageEdge is 1, two thirds rounded up, and 0 times maintenance. For a pool without a backstop the second
// is met although nothing changes there: it is judged more often than it need be.
func (p *Profile) StageEdge(stage events.Stage) (margin.Edge, bool) {
	switch stage {
	case events.StageNone:
		return margin.Edge{Multiple: margin.OneMultiple}, true
	case events.StagePartial, events.StageFull:
		return margin.Edge{Multiple: (2*margin.OneMultiple + 2) / 3}, true
	case events.StageBackstop:
		return margin.Edge{}, true
	}
	return margin.Edge{}, false
}

// Ask implements §7: a fifth of a position above the threshold, rounded up to the size unit, all of any
// other; all of it during the cool-down, and beyond stage partial.
func (p *Profile) Ask(pool *margin.Pool, _ *margin.Health, e margin.Asking, sizes []int64) {
	for i := range pool.Positions {
		pos := &pool.Positions[i]
		sizes[i] = abs(pos.Size)
		notional := p.micro(pos.Market.Notional(pos.Size, pos.Market.Price()))
		if whole := FirstShare(notional, p.partialAbove, e.Resting); e.Stage == events.StagePartial && !whole.IsInt() {
			sizes[i], _ = margin.MulDiv(fixed.FromInt64(sizes[i]), whole.Num().Int64(), whole.Denom().Int64(), margin.Up).Int64()
		}
	}
}

// LiquidationFee is none: the venue has no clearance fee (§7).
func (p *Profile) LiquidationFee(*margin.Pool, int, int64) fixed.Int128 { return fixed.Int128{} }
