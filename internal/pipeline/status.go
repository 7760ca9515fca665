package pipeline

import (
	"maps"
	"sync"
	"time"

	"marginledger/events"
	"marginledger/internal/orderlog"
	"marginledger/internal/store"
	"marginledger/projector"
)

// Observer hears of latencies, from the goroutines that measure them.
type Observer interface {
	// OrderAcked: an order-log request was acknowledged.
	OrderAcked(shard int32, took time.Duration)
	// Published: a cut's outputs are published; since the cut was closed.
	Published(shard int32, took time.Duration)
}

type nobody struct{}

func (nobody) OrderAcked(int32, time.Duration) {}
func (nobody) Published(int32, time.Duration)  {}

// Phase says what a shard is doing.
type Phase string

// The phases, in their order.
const (
	PhaseAcquiring  Phase = "acquiring"  // taking the producer over, fencing
	PhaseRecovering Phase = "recovering" // loading a state, replaying the order log up to the fence
	PhaseLive       Phase = "live"
	PhaseStopped    Phase = "stopped" // for good: Error says why
)

// Status is what a shard is and has done since the process has it. Counters count what was folded here, replays
// included.
type Status struct {
	Shard           int32                  `json:"shard"`
	Phase           Phase                  `json:"phase"`
	Error           string                 `json:"error,omitzero"`
	Ready           bool                   `json:"ready"` // past its fence, and everything before it stored
	Term            int64                  `json:"term"`  // of this process; that of a cut is in the head
	Cut             uint64                 `json:"cut"`
	Hash            orderlog.Hash          `json:"hash"`
	N               uint64                 `json:"n"`
	Seqs            [events.Streams]uint64 `json:"seqs"` // last sequence stored per output topic
	ReplayTo        uint64                 `json:"replayTo,omitzero"`
	Waiting         string                 `json:"waitingFor,omitzero"` // the source that holds everything up
	WaitSince       time.Time              `json:"waitingSince,omitzero"`
	Sources         []SourceStatus         `json:"sources"`
	ByType          map[string]uint64      `json:"events"`  // consumed records by event type; "undecodable", "skipped"
	ByKind          map[string]uint64      `json:"outputs"` // announcements by kind
	Reasons         map[string]uint64      `json:"deadLetters"`
	Rules           map[string]uint64      `json:"violations"`
	Repeated        uint64                 `json:"duplicates"`
	Takes           uint64                 `json:"terms"`    // terms begun by this process
	Snapshot        uint64                 `json:"snapshot"` // cut of the last snapshot taken here
	SnapshotTaken   time.Time              `json:"snapshotTaken,omitzero"`
	SnapshotBytes   int64                  `json:"snapshotBytes"`   // of its file
	SnapshotSeconds float64                `json:"snapshotSeconds"` // that it took, until it was verified
	SnapshotsFailed uint64                 `json:"snapshotsFailed"`
	Store           store.Metrics          `json:"store"`
	Held            int                    `json:"inFlightBytes"`
	HeldPeak        int                    `json:"inFlightPeakBytes"`
	Started         time.Time              `json:"started"` // first fetch of the current term
}

// SourceStatus is how far a source is.
type SourceStatus struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Next      int64  `json:"next"`
	End       int64  `json:"end"` // -1: not known yet
	Lag       int64  `json:"lag"` // -1: not known yet
	Buffered  int    `json:"bufferedBytes"`
	Peak      int    `json:"bufferedPeakBytes"`
	Failing   string `json:"failing,omitzero"`
}

// tally counts what a cut's records were.
type tally struct {
	types      [64]uint64
	kinds      [16]uint64
	reasons    map[string]uint64
	rules      map[string]uint64
	undecoded  uint64
	skipped    uint64
	duplicates uint64
}

func (t *tally) count(r *projector.Record, fx *projector.Effects) {
	switch {
	case r.Skipped:
		t.skipped++
	case r.Event == nil:
		t.undecoded++
	default:
		t.types[r.Event.Type%64]++
	}
	if fx.Duplicate {
		t.duplicates++
	}
	for i := range fx.Outputs {
		o := &fx.Outputs[i]
		t.kinds[o.Kind%16]++
		switch o.Kind {
		case events.KindDeadLetter:
			bump(&t.reasons, o.Reason)
		case events.KindViolation:
			bump(&t.rules, o.Rule)
		}
	}
}

func bump(m *map[string]uint64, key string) {
	if *m == nil {
		*m = make(map[string]uint64)
	}
	(*m)[key]++
}

// board is what a shard tells about itself. Any goroutine may read it.
type board struct {
	mu      sync.Mutex
	status  Status
	head    *orderlog.Head
	total   tally
	sources []*source
	session *session
	changed signal // the head or the phase has changed
}

func (b *board) update(f func(*Status)) {
	b.mu.Lock()
	f(&b.status)
	b.mu.Unlock()
	b.changed.broadcast()
}

// add counts a cut.
func (b *board) add(t *tally) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, n := range t.types {
		b.total.types[i] += n
	}
	for i, n := range t.kinds {
		b.total.kinds[i] += n
	}
	b.total.undecoded += t.undecoded
	b.total.skipped += t.skipped
	b.total.duplicates += t.duplicates
	for k, n := range t.reasons {
		bumpBy(&b.total.reasons, k, n)
	}
	for k, n := range t.rules {
		bumpBy(&b.total.rules, k, n)
	}
}

func bumpBy(m *map[string]uint64, key string, n uint64) {
	if *m == nil {
		*m = make(map[string]uint64)
	}
	(*m)[key] += n
}

// setHead notes what is stored.
func (b *board) setHead(h *orderlog.Head) {
	b.mu.Lock()
	b.head = h
	b.status.Cut, b.status.Hash, b.status.N, b.status.Seqs = h.Cut, h.Chain, h.Counters.N, h.Counters.Seqs
	b.mu.Unlock()
	b.changed.broadcast()
}

// snapshot returns the current status.
func (b *board) snapshot() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.status
	s.ByType, s.ByKind = map[string]uint64{}, map[string]uint64{}
	for t, n := range b.total.types {
		if n > 0 {
			s.ByType[events.Type(t).String()] = n
		}
	}
	for name, n := range map[string]uint64{"undecodable": b.total.undecoded, "skipped": b.total.skipped} {
		if n > 0 {
			s.ByType[name] = n
		}
	}
	for k, n := range b.total.kinds {
		if n > 0 {
			s.ByKind[events.Kind(k).String()] = n
		}
	}
	s.Reasons, s.Rules, s.Repeated = maps.Clone(b.total.reasons), maps.Clone(b.total.rules), b.total.duplicates
	for _, src := range b.sources {
		s.Sources = append(s.Sources, src.status())
	}
	if b.session != nil {
		s.Held, s.HeldPeak = b.session.memory.figures()
	}
	return s
}

func (b *budget) figures() (used, peak int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used, b.peak
}

func (s *source) status() SourceStatus {
	st := SourceStatus{Topic: s.name.Topic, Partition: s.name.Partition, Next: s.consumed.Load(), End: s.end.Load(), Lag: s.lag()}
	if err := s.reader.Failing(); err != nil {
		st.Failing = err.Error()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st.Buffered, st.Peak = s.bytes, s.peak
	return st
}
