package dydx

import (
	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// Stage implements §9: partial is what the venue calls liquidatable, bankrupt that net collateral is
// below 0. There is no other.
func (p *Profile) Stage(h *margin.Health) events.Stage {
	switch {
	case h.Equity.Sign() < 0:
		return events.StageBankrupt
	case h.Equity.Less(h.Maintenance): // so maintenance > 0
		return events.StagePartial
	}
	return events.StageNone
}

// Cleared implements §9: neither liquidatable nor below 0.
func (p *Profile) Cleared(h *margin.Health) bool { return p.Stage(h) == events.StageNone }

// StageEdge is the edge of §4, then 0.
func (p *Profile) StageEdge(stage events.Stage) (margin.Edge, bool) {
	switch stage {
	case events.StageNone:
		return margin.Edge{Multiple: margin.OneMultiple}, true
	case events.StagePartial, events.StageFull, events.StageBackstop:
		return margin.Edge{}, true
	}
	return margin.Edge{}, false
}

// ClearEdge is the edge of §4.
func (p *Profile) ClearEdge() margin.Edge {
	return margin.Edge{Multiple: margin.OneMultiple, Upper: true}
}

// Slopes implements margin.Profile. A value is truncated, which is one rounding; maintenance is two
// ceilings of that: less than three units. Of funding the sum is rounded, and what positions are due by a
// millionth where an index is not whole in the venue's unit: less than two units for all.
func (p *Profile) Slopes(pool *margin.Pool, h *margin.Health, e margin.Edge, t *margin.Terms) {
	each := (3*e.Multiple+margin.OneMultiple-1)/margin.OneMultiple + 1
	t.Slack = e.Slack(h).Sub(fixed.FromInt64(each*int64(len(pool.Positions)) + 2))
	for i := range pool.Positions {
		pos := &pool.Positions[i]
		m, r := pos.Market, rulesOf(pos.Market)
		term := t.OfMarket(margin.VarPrice, i, m)
		n, side := r.value(max(pos.Size, -pos.Size), term.Value, margin.Up), int64(margin.OneRate)
		if pos.Size < 0 {
			side = -side
		}
		// Where the price rises by its whole, equity − l·maintenance moves by (side − l·slope)·n.
		if e.Upper {
			term.Up = cost(n, side-times(e.Multiple, r.slope, margin.Down))
			term.Down = cost(n, times(e.Multiple, r.steep, margin.Up)-side)
		} else {
			term.Up = cost(n, times(e.Multiple, r.steep, margin.Up)-side)
			term.Down = cost(n, side-times(e.Multiple, r.slope, margin.Down))
		}
		t.OfIndex(i, pos, e, r.value(max(pos.Size, -pos.Size), m.FundingWorth(), margin.Up))
	}
}

// times returns multiple · rate at RateScale: at most 10^10 · 10^9, which fits a word.
func times(multiple, rate int64, dir margin.Direction) int64 {
	v := uint64(multiple) * uint64(rate)
	if dir == margin.Up {
		v += margin.OneMultiple - 1
	}
	return int64(v / margin.OneMultiple)
}

// cost returns n·share, rounded up, share at RateScale; none where it is below 0.
func cost(n fixed.Int128, share int64) fixed.Int128 {
	if share <= 0 {
		return fixed.Int128{}
	}
	return margin.MulDiv(n, share, margin.OneRate, margin.Up)
}
