package reference

import (
	"cmp"
	"slices"

	"github.com/shopspring/decimal"

	"marginledger/events"
)

// § 7: calls, the stop, and the liquidation episode of a pool.

// judge compares a pool with its margin-call levels, its stop and its stages, and announces what
// has changed. prompted: an account fact has touched the pool, or its deadline came, so that an
// open episode says what it asks for now. Pools whose figures have not changed announce nothing, so
// judging all of them after every event does no harm.
func (t *transaction) judge(a *account, p *pool, prompted bool) []*announcement {
	f := t.venue.poolFigures(a, p)
	if f.unpriced || a.backstop {
		return nil
	}
	out := t.judgeCalls(a, p, f)
	out = append(out, t.judgeStop(a, p, f)...)
	return append(out, t.judgeEpisode(a, p, f, prompted)...)
}

func (t *transaction) judgeCalls(a *account, p *pool, f poolFigures) (out []*announcement) {
	if len(p.positions) == 0 {
		return t.clearCalls(a, p)
	}
	below := func(c int) bool { return f.equity.Cmp(a.levels[c].Mul(f.maintenance)) < 0 }
	cleared := func(c int) bool {
		return f.equity.Cmp(t.venue.params.callClearFactor.Mul(a.levels[c]).Mul(f.maintenance)) >= 0
	}
	if p.called < len(a.levels) && below(p.called) {
		for ; p.called < len(a.levels) && below(p.called); p.called++ {
			out = append(out, t.call(a, p, events.KindMarginCall, p.called))
		}
		return out
	}
	for ; p.called > 0 && cleared(p.called-1); p.called-- {
		out = append(out, t.call(a, p, events.KindMarginCallCleared, p.called-1))
	}
	return out
}

// clearCalls clears every open call: the levels are about to change, or there is nothing to call for.
func (t *transaction) clearCalls(a *account, p *pool) (out []*announcement) {
	for ; p.called > 0; p.called-- {
		out = append(out, t.call(a, p, events.KindMarginCallCleared, p.called-1))
	}
	return out
}

func (t *transaction) judgeStop(a *account, p *pool, f poolFigures) []*announcement {
	if p.key != crossPool || len(p.positions) == 0 || !a.stop.armed {
		return nil
	}
	floor, ratio := a.stop.equityFloor, a.stop.ratioFloor
	hit := floor.Present && f.equity.Cmp(floor.Decimal()) < 0 ||
		ratio.Present && f.maintenance.IsPositive() && f.equity.Cmp(ratio.Decimal().Mul(f.maintenance)) < 0
	if !hit {
		return nil
	}
	a.stop.armed = false
	return []*announcement{t.stopped(a, p)}
}

// stageOf is the stage now.
func (v *venue) stageOf(p *pool, f poolFigures) events.Stage {
	e, m := f.equity, f.maintenance
	switch {
	case e.IsNegative():
		return events.StageBankrupt
	case len(p.positions) == 0:
		return events.StageNone
	case e.Mul(v.params.backstopDen).Cmp(m.Mul(v.params.backstopNum)) < 0:
		return events.StageBackstop
	case e.Cmp(m.Mul(v.params.fullBelow)) < 0:
		return events.StageFull
	case e.Cmp(m) < 0:
		return events.StagePartial
	}
	return events.StageNone
}

func (t *transaction) judgeEpisode(a *account, p *pool, f poolFigures, prompted bool) []*announcement {
	now := t.venue.stageOf(p, f)
	e := p.episode
	if e == nil {
		if now == events.StageNone {
			return nil
		}
		p.episode = &episode{stage: now}
		kind := events.KindLiquidationTriggered
		if now == events.StageBankrupt {
			kind = events.KindPoolBankrupt
		}
		return []*announcement{t.liquidation(a, p, kind)}
	}
	switch {
	case !f.equity.IsNegative() && f.equity.Cmp(t.venue.params.clearAt.Mul(f.maintenance)) >= 0:
		e.cooling = false
		out := []*announcement{t.liquidation(a, p, events.KindLiquidationCleared)}
		p.episode = nil
		return out
	case now > e.stage:
		e.stage, e.cooling = now, false
		if now == events.StageBankrupt {
			return []*announcement{t.liquidation(a, p, events.KindPoolBankrupt)}
		}
		return []*announcement{t.liquidation(a, p, events.KindLiquidationUpdated)}
	case prompted:
		return []*announcement{t.liquidation(a, p, events.KindLiquidationUpdated)}
	}
	return nil
}

// closeSize is what an episode asks to close of a position.
func (v *venue) closeSize(e *episode, pos *position) decimal.Decimal {
	switch {
	case e.stage > events.StagePartial:
		return pos.size.Abs()
	case e.cooling:
		return zero
	}
	return round(pos.size.Abs().Mul(v.params.partialShare), v.markets[pos.market].sizeScale, ceil)
}

// runDeadlines ends the cool-downs that are due at the venue's shard time, in order, each with what
// it announces.
func (t *transaction) runDeadlines() {
	type deadline struct {
		a *account
		p *pool
	}
	var due []deadline
	for _, a := range t.venue.sortedAccounts() {
		for _, p := range a.sortedPools() {
			if e := p.episode; e != nil && e.cooling && e.until <= t.venue.time {
				due = append(due, deadline{a, p})
			}
		}
	}
	slices.SortStableFunc(due, func(x, y deadline) int { return cmp.Compare(x.p.episode.until, y.p.episode.until) })
	for _, d := range due {
		d.p.episode.cooling = false
		announced := t.judge(d.a, d.p, true)
		sortAnnouncements(announced)
		t.due = append(t.due, announced...)
	}
}
