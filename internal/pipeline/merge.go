package pipeline

import (
	"time"

	"marginledger/events"
	"marginledger/projector"
)

// merger decides which record comes next.
//
// The rule, live and catching up: the buffered head with the smallest (merge time, class, topic, partition), as soon as
// every source has a head or is drained. Merge time is the smaller of the event's time and the record's timestamp plus
// a minute; of a record without a usable event, its timestamp. Applying ten minutes of marks before the deposits of
// those minutes would liquidate people who had paid.
//
// A fact that names what is not listed waits for the configuration: for its records first, then for an answer that was
// asked for after the fact had come and found the end.
type merger struct {
	sources []*source // in the order of (topic, partition)
	fold    interface{ Waits(*events.Event) bool }
	skipped func(projector.Source, int64) bool // a SKIP is pending for this record; nil: none is
	less    func(a, b *item) bool              // lessItem
	maxWait time.Duration
	now     time.Time // refreshed by the caller

	waitingFor *source // set by pick where it returns nothing because of it
	passing    func(*source)
}

// pick returns the source whose head comes next, nil where there is none, or none yet: then waitingFor says for whom.
func (m *merger) pick() (*source, *item, error) {
	var best *source
	var bestItem *item
	var waiting *source
	for _, s := range m.sources {
		var it *item
		if s.cur != nil && s.pos < len(s.cur.items) { // mostly
			it = &s.cur.items[s.pos]
		} else {
			until := s.drainedUntil.Load()
			var err error
			if it, err = s.head(); err != nil {
				return nil, nil, err
			}
			if it == nil {
				if !s.drained(until, m.now) && !m.overdue(s) && waiting == nil {
					waiting = s
				}
				continue
			}
		}
		if m.maxWait > 0 && (s.passed || !s.waitingSince.IsZero()) {
			s.waitingSince, s.passed = time.Time{}, false
		}
		if m.skipped != nil && it.event != nil && m.skipped(s.name, it.rec.Offset) {
			it.event, it.mergeTime, it.class = nil, nanos(it.rec.Timestamp), s.role.Class()
		}
		if best == nil || m.less(it, bestItem) {
			best, bestItem = s, it
		}
	}
	m.waitingFor = nil
	if waiting != nil {
		m.waitingFor = waiting
		return nil, nil, nil
	}
	if best == nil || bestItem.event == nil || best.role == events.RoleConfig || !m.fold.Waits(bestItem.event) {
		return best, bestItem, nil
	}
	return m.configurationFirst(best, bestItem)
}

// overdue reports whether a source has been waited for long enough, and says so once.
func (m *merger) overdue(s *source) bool {
	if m.maxWait <= 0 {
		return false
	}
	if s.waitingSince.IsZero() {
		s.waitingSince = m.now
	}
	if m.now.Sub(s.waitingSince) < m.maxWait {
		return false
	}
	if !s.passed {
		s.passed = true
		m.passing(s)
	}
	return true
}

// configurationFirst returns the first head of the configuration; without one, the fact that waits for it once the
// configuration is known to have nothing. Every source has a head or is drained.
func (m *merger) configurationFirst(fact *source, it *item) (*source, *item, error) {
	var best *source
	var bestItem *item
	for _, s := range m.sources {
		if s.role != events.RoleConfig {
			continue
		}
		head, err := s.head()
		if err != nil {
			return nil, nil, err
		}
		if head != nil && (best == nil || m.less(head, bestItem)) {
			best, bestItem = s, head
		}
	}
	if best != nil {
		return best, bestItem, nil
	}
	for _, s := range m.sources {
		if s.role == events.RoleConfig && !s.passed && s.asked.Load() < moment(fact.cur.at) {
			m.waitingFor = s
			return nil, nil, nil
		}
	}
	return fact, it, nil
}
