package pipeline

import (
	"errors"
	"math"
	"testing"
	"time"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
	"marginledger/projector"
)

// stubReader is a reader whose fetches fail or not.
type stubReader struct {
	Reader
	err error
}

func (r *stubReader) Failing() error { return r.err }

// waits is a fold that knows nothing of some venues.
type waits map[string]bool

func (w waits) Waits(e *events.Event) bool { return w[e.Venue] }

// noon is the merge tests' present.
var noon = processStart.Add(time.Hour)

// stub is a source with the given records, in seconds after noon. One without records is drained if so is set.
type stub struct {
	role    events.Role
	heads   []float64 // seconds after noon
	drained bool      // its last answer found the end, just now
	old     bool      // … but more than a second ago
	failing bool
	venue   string
	asked   time.Duration // begin of its last fetch, before noon
}

func (st stub) source(i int) *source {
	topic := string(rune('a' + i))
	s := newSource(projector.Source{Topic: topic}, i, orderlog.Topic{Name: topic, Role: st.role, Partitions: 1}, 1<<20,
		func() time.Time { return noon }, func() {})
	r := &stubReader{}
	if st.failing {
		r.err = errors.New("away")
	}
	s.reader = r
	if len(st.heads) > 0 {
		c := &chunk{at: noon}
		for n, at := range st.heads {
			c.items = append(c.items, item{rec: eventlog.Record{Offset: int64(n)}, class: st.role.Class(),
				event: &events.Event{Venue: st.venue}, mergeTime: int64(at * 1e9)})
		}
		s.queue = []*chunk{c}
		s.ready.Store(true)
	}
	if st.drained || st.old {
		s.drainedUntil.Store(moment(noon.Add(drainedFor)))
	}
	if st.old {
		s.drainedUntil.Store(moment(noon.Add(-time.Millisecond)))
	}
	s.asked.Store(moment(noon.Add(-st.asked)))
	return s
}

// Which record comes next: the smallest of (merge time, class, topic), once every source has a head or is drained.
func TestMergeRule(t *testing.T) {
	const accounts, prices, config, funding, blocks = events.RoleAccounts, events.RolePrices, events.RoleConfig, events.RoleFunding, events.RoleBlocks
	for _, tc := range []struct {
		name    string
		sources []stub
		maxWait time.Duration
		want    string // topic that comes next; "" none
		waiting string // topic that is waited for
	}{
		{name: "nothing at all", sources: []stub{{role: accounts, drained: true}}},
		{name: "the earliest", sources: []stub{{role: accounts, heads: []float64{2}}, {role: prices, heads: []float64{1}}}, want: "b"},
		{name: "at one time, the account before the price", sources: []stub{{role: prices, heads: []float64{1}}, {role: accounts, heads: []float64{1}}}, want: "b"},
		{name: "at one time, the block first of all", sources: []stub{{role: config, heads: []float64{1}}, {role: funding, heads: []float64{1}}, {role: blocks, heads: []float64{1}}}, want: "c"},
		{name: "alike, the first topic", sources: []stub{{role: accounts, heads: []float64{1}}, {role: accounts, heads: []float64{1}}}, want: "a"},
		{name: "an empty source that is drained does not hold up", sources: []stub{{role: accounts, drained: true}, {role: prices, heads: []float64{1}}}, want: "b"},
		{name: "before its first answer it does", sources: []stub{{role: accounts}, {role: prices, heads: []float64{1}}}, waiting: "a"},
		{name: "with an old answer it does", sources: []stub{{role: accounts, old: true}, {role: prices, heads: []float64{1}}}, waiting: "a"},
		{name: "while its fetches fail it does", sources: []stub{{role: accounts, drained: true, failing: true}, {role: prices, heads: []float64{1}}}, waiting: "a"},
		{name: "a failing source with a head is compared", sources: []stub{{role: accounts, heads: []float64{1}, failing: true}, {role: prices, heads: []float64{2}}}, want: "a"},
		{name: "even with the earliest head, others are waited for", sources: []stub{{role: accounts, heads: []float64{-100}}, {role: prices}}, waiting: "b"},
		{name: "maxSourceWait lets it go on, later", sources: []stub{{role: accounts}, {role: prices, heads: []float64{1}}}, maxWait: time.Second, waiting: "a"},
		{name: "a fact that waits lets the configuration go first", sources: []stub{
			{role: accounts, heads: []float64{1}, venue: "new"}, {role: config, heads: []float64{5}}}, want: "b"},
		{name: "and waits for an answer that was asked for after it had come", sources: []stub{
			{role: accounts, heads: []float64{1}, venue: "new"}, {role: config, drained: true, asked: time.Millisecond}}, waiting: "b"},
		{name: "then it is applied", sources: []stub{
			{role: accounts, heads: []float64{1}, venue: "new"}, {role: config, drained: true}}, want: "a"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := &merger{fold: waits{"new": true}, skipped: func(projector.Source, int64) bool { return false }, less: lessItem,
				maxWait: tc.maxWait, now: noon, passing: func(*source) {}}
			for i, st := range tc.sources {
				m.sources = append(m.sources, st.source(i))
			}
			s, _, err := m.pick()
			if err != nil {
				t.Fatal(err)
			}
			got, waiting := "", ""
			if s != nil {
				got = s.name.Topic
			}
			if m.waitingFor != nil {
				waiting = m.waitingFor.name.Topic
			}
			if got != tc.want || waiting != tc.waiting {
				t.Fatalf("next %q, waiting for %q; expected %q and %q", got, waiting, tc.want, tc.waiting)
			}
			if tc.maxWait == 0 {
				return
			}
			m.now = m.now.Add(tc.maxWait)
			if s, _, err := m.pick(); err != nil || s == nil {
				t.Fatalf("after maxSourceWait: %v, %v", s, err)
			}
		})
	}
}

// Merge time is the smaller of the event's time and the record's timestamp plus a minute; without an event, the
// timestamp.
func TestMergeTime(t *testing.T) {
	const second, ms = int64(1e9), int64(1000)
	event := func(time int64) []byte {
		e := &events.Event{ID: "1", Type: events.TypeMarketHalted, Version: 1, Venue: "x", Time: time, Body: &events.MarketHalted{Market: "M"}}
		return events.AppendJSON(nil, e)
	}
	for _, tc := range []struct {
		name      string
		timestamp int64
		value     []byte
		want      int64
	}{
		{"the event's time", 100 * ms, event(90 * second), 90 * second},
		{"up to a minute ahead", 100 * ms, event(160 * second), 160 * second},
		{"not further", 100 * ms, event(161 * second), 160 * second},
		{"undecodable", 100 * ms, []byte("{"), 100 * second},
		{"no value", 100 * ms, nil, 100 * second},
		{"a hostile timestamp", math.MaxInt64, []byte("{"), math.MaxInt64},
		{"a hostile timestamp with an event", math.MaxInt64, event(5), 5},
		{"another", math.MinInt64, []byte("{"), math.MinInt64},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := stub{role: events.RoleConfig}.source(0)
			it := s.decode(new(chunk), &eventlog.Record{Timestamp: tc.timestamp, Value: tc.value}, new(orderlog.Recorder))
			if it.mergeTime != tc.want {
				t.Fatalf("merge time %d, expected %d", it.mergeTime, tc.want)
			}
		})
	}
}
