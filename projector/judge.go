package projector

import (
	"math"
	"slices"
	"sort"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// judgeQueued judges every pool that the record touched or may have hurt (§7), gives each new
// bounds, and drops isolated pools that hold nothing any more.
func (s *Shard) judgeQueued() {
	if len(s.queue) == 0 {
		return
	}
	account := s.rec.Event != nil && s.rec.Event.Type.OfAccount()
	for some := range slices.Chunk(s.queue, ahead) {
		if len(some) > 1 {
			s.readAhead(some)
		}
		for _, p := range some {
			s.judge(p, account && p.touched, false)
		}
	}
	if s.deferring {
		s.unbound = append(s.unbound, s.queue...)
	} else {
		s.boundAll(s.queue)
	}
	for _, p := range s.queue {
		p.queued, p.touched = false, false
		if p.market != nil && p.isEmpty() {
			a := p.account
			a.isolated = slices.DeleteFunc(a.isolated, func(q *pool) bool { return q == p })
			if p.slot != 0 {
				a.venue.holders.remove(p.slot - 1)
			}
			s.touchAccount(a)
		}
	}
}

func (p *pool) isEmpty() bool {
	return len(p.Positions) == 0 && p.Collateral.IsZero() && len(p.Balances) == 0 && p.episode == nil && p.called == 0 && len(p.State) == 0
}

// judge brings a pool's calls, stop and episode up to date. touched: an account event changed the
// pool; due: its deadline came.
func (s *Shard) judge(p *pool, touched, due bool) {
	a := p.account
	if a.marginType == events.MarginBackstop {
		return
	}
	h := s.health(p)
	if !h.IsKnown() {
		return
	}
	s.judgeCalls(p, h)
	if p.market == nil {
		s.judgeStop(a, h)
	}
	s.judgeEpisode(p, h, touched, due)
}

func (s *Shard) judgeCalls(p *pool, h *margin.Health) {
	levels := p.account.callLevels()
	before := p.called
	for h.Positions > 0 && p.called < len(levels) && belowMultiple(h, levels[p.called]) {
		s.announce(p, events.KindMarginCall, levels, p.called)
		p.called++
	}
	if p.called == before {
		for p.called > 0 && (h.Positions == 0 || p.account.venue.profile.CallCleared(h, levels[p.called-1])) {
			p.called--
			s.announce(p, events.KindMarginCallCleared, levels, p.called)
		}
	}
	if p.called != before {
		s.touchAccount(p.account)
	}
}

// belowMultiple reports equity < multiple · maintenance, as amounts.
func belowMultiple(h *margin.Health, multiple int64) bool {
	return fixed.CmpProducts(h.Equity, margin.OneMultiple, h.Maintenance, multiple) < 0
}

// clearCalls ends every open call of a pool, from the last called to the first.
func (s *Shard) clearCalls(p *pool) {
	levels := p.account.callLevels()
	for p.called > 0 {
		p.called--
		s.announce(p, events.KindMarginCallCleared, levels, p.called)
	}
}

func (s *Shard) judgeStop(a *account, h *margin.Health) {
	st := &a.own().stop
	if !st.armed || h.Positions == 0 {
		return
	}
	if st.hasFloor && h.Equity.Less(st.floor) || st.hasRatio && h.Maintenance.Sign() > 0 && belowMultiple(h, st.ratio) {
		s.announce(&a.cross, events.KindPortfolioStopTriggered, nil, 0)
		a.change().stop.armed = false
		s.touchAccount(a)
	}
}

func (s *Shard) judgeEpisode(p *pool, h *margin.Health, touched, due bool) {
	profile := p.account.venue.profile
	stage, ep := profile.Stage(h), p.episode
	switch {
	case ep == nil && stage == events.StageNone:
		return
	case ep == nil:
		p.episode = &episode{stage: stage}
		s.keepResting(p)
		s.announce(p, firstKind(stage), nil, 0)
	case profile.Cleared(h):
		s.announce(p, events.KindLiquidationCleared, nil, 0)
		s.stopCooldown(p)
		p.episode = nil
	case stage > ep.stage:
		ep.stage = stage
		if !p.account.venue.traits.RestsOut {
			s.stopCooldown(p)
		}
		kind := events.KindLiquidationUpdated
		if stage == events.StageBankrupt {
			kind = events.KindPoolBankrupt
		}
		s.announce(p, kind, nil, 0)
	case touched || due:
		s.announce(p, events.KindLiquidationUpdated, nil, 0)
	default:
		return
	}
	s.touchAccount(p.account)
}

func firstKind(stage events.Stage) events.Kind {
	if stage == events.StageBankrupt {
		return events.KindPoolBankrupt
	}
	return events.KindLiquidationTriggered
}

// deadlines is the queue of cool-downs, by (time, pool).
type deadlines []*pool

func compareDeadlines(p, q *pool) int {
	if p.episode.cooldown != q.episode.cooldown {
		return compareUints(uint64(p.episode.cooldown), uint64(q.episode.cooldown))
	}
	return p.compare(q)
}

// startCooldown rests a request from now on.
func (s *Shard) startCooldown(p *pool, now int64) {
	rest := p.account.venue.profile.Cooldown(p.episode.stage)
	if rest == 0 {
		return
	}
	end := now + rest
	if end < now {
		end = math.MaxInt64 // the year 2262
	}
	p.episode.cooldown = max(end, 1) // 0 is none
	s.addDeadline(p)
	s.touch(p)
}

func (s *Shard) addDeadline(p *pool) {
	i := sort.Search(len(s.deadlines), func(i int) bool { return compareDeadlines(s.deadlines[i], p) > 0 })
	s.deadlines = slices.Insert(s.deadlines, i, p)
}

// stopCooldown takes a pool's deadline out of the queue, if it has one.
func (s *Shard) stopCooldown(p *pool) {
	if p.episode.cooldown == 0 {
		return
	}
	i := sort.Search(len(s.deadlines), func(i int) bool { return compareDeadlines(s.deadlines[i], p) >= 0 })
	s.deadlines = slices.Delete(s.deadlines, i, i+1)
	p.episode.cooldown = 0
}

// runDeadlines runs the deadlines of a venue that its shard time has reached. Their announcements
// come first, deadline by deadline.
func (s *Shard) runDeadlines(v *venue) {
	for i := 0; i < len(s.deadlines); {
		p := s.deadlines[i]
		if p.episode.cooldown > v.Time {
			break
		}
		if p.account.venue != v {
			i++
			continue
		}
		s.stopCooldown(p)
		s.touchAccount(p.account)
		p.healthN = 0
		s.judge(p, false, true)
		s.bound(p)
		s.settle()
	}
}
