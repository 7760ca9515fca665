package pipeline

import (
	"context"
	"time"

	"go.uber.org/zap"

	"marginledger/internal/orderlog"
)

// live applies what comes next until stop ends or the producer is due for a refresh. Then the open cut is closed.
func (sh *Shard) live(stop context.Context, s *session) (halt, err error) {
	f, policy := sh.kept.folder, sh.cfg.Cut
	m := &merger{sources: f.sources, fold: f.fold, less: sh.cfg.less, maxWait: sh.cfg.MaxSourceWait, now: sh.cfg.clock(),
		passing: func(src *source) {
			sh.zap.Warn("going on without a source that is not drained", zap.String("source", partitionName(src.name.Topic, src.name.Partition)),
				zap.Duration("maxSourceWait", sh.cfg.MaxSourceWait), zap.Error(src.reader.Failing()))
		}}
	refresh := m.now.Add(sh.cfg.Refresh)
	waiting := ""
	maxAge := policy.MaxAge
	for count := uint(0); ; count++ {
		// The clock and the contexts are looked at every few records only: they cost as much as a small record.
		if count%32 == 0 {
			m.now = sh.cfg.clock()
			if maxAge = policy.MaxAge; f.backlog() > int64(policy.MaxRecords) {
				maxAge *= behindAge
			}
			if m.skipped = nil; len(f.skips) > 0 {
				m.skipped = f.isSkipped
			}
			if stop.Err() != nil || s.ctx.Err() != nil || m.now.After(refresh) {
				return nil, sh.endCut(s)
			}
		}
		src, it, err := m.pick()
		if err != nil {
			return sourceError(sh.shard, err), sh.endCut(s)
		}
		if src != nil {
			if waiting != "" {
				waiting = sh.noteWaiting(m, waiting)
			}
			if err := f.consume(src, it); err != nil {
				return err, sh.endCut(s)
			}
			c := f.cur
			if c.records() < policy.MaxRecords && c.announce < policy.MaxOutputs &&
				(s.unacked.Load() > 0 || m.now.Sub(c.opened) < maxAge) {
				continue
			}
			if err := sh.endCut(s); err != nil {
				return nil, err
			}
			continue
		}
		if f.cur != nil && s.unacked.Load() == 0 {
			if err := sh.endCut(s); err != nil {
				return nil, err
			}
			continue
		}
		waiting = sh.noteWaiting(m, waiting)
		sh.idle(stop, s, m, refresh)
		count = ^uint(0) // Look at the clock next.
	}
}

// behindAge is how many times as old a cut may become while more than a whole one waits to be applied: what comes of it is
// late anyway, and each row that changed is written once per cut.
const behindAge = 20

// backlog returns how many offsets of the source that is farthest behind are known of and not applied.
func (f *folder) backlog() (most int64) {
	for _, s := range f.sources {
		most = max(most, s.end.Load()-max(s.place.Next, 0))
	}
	return most
}

func (c *cut) records() int { return len(c.inputs) / len(orderlog.Hash{}) }

// endCut closes the open cut, if there is one, and hands it on.
func (sh *Shard) endCut(s *session) error {
	if sh.kept.folder.cur == nil {
		return nil
	}
	return s.submit(sh.kept.folder.close())
}

// noteWaiting keeps the status up to date on who is waited for.
func (sh *Shard) noteWaiting(m *merger, before string) string {
	now := ""
	if m.waitingFor != nil {
		now = partitionName(m.waitingFor.name.Topic, m.waitingFor.name.Partition)
	}
	if now != before {
		since := time.Time{}
		if now != "" {
			since = m.now
		}
		sh.board.update(func(s *Status) { s.Waiting, s.WaitSince = now, since })
	}
	return now
}

// idle waits until something may have changed.
func (sh *Shard) idle(stop context.Context, s *session, m *merger, refresh time.Time) {
	wait := max(refresh.Sub(m.now), 0)
	if m.waitingFor != nil && m.maxWait > 0 {
		wait = min(wait, m.maxWait/4+time.Millisecond)
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-sh.kept.wake:
	case <-stop.Done():
	case <-s.ctx.Done():
	case <-t.C:
	}
}
