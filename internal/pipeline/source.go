package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
	"marginledger/projector"
)

// drainedFor is how long an answer that found the end of a source counts.
const drainedFor = time.Second

// moment is a point in time as nanoseconds of the monotonic clock: a wall clock that is set back must not make an old
// answer young.
func moment(t time.Time) int64 { return int64(t.Sub(processStart)) }

var processStart = time.Now()

// never is before every moment.
const never int64 = math.MinInt64

// maxAhead is how far a fact's own time may lie after its record's timestamp for the order of facts, in nanoseconds.
const maxAhead = 60e9

// item is one record of a source, decoded.
type item struct {
	rec       eventlog.Record
	event     *events.Event // nil where it could not be decoded
	reason    events.Reason // why, if it is a dead letter
	detail    string
	schema    *events.SchemaError // set where the schema is unknown: the shard stops at it
	digest    orderlog.Hash
	mergeTime int64
	class     events.Class
	misplaced bool // its key does not hash to its partition, though it is of accounts
}

// chunk is what one fetch brought. Its events live in its decoder, until the chunk is used up.
type chunk struct {
	items   []item
	decoder events.Decoder
	bytes   int
	at      time.Time // when it was fetched
}

// source reads one partition ahead, up to a number of bytes, and decodes.
//
// A reader goroutine fills it; the applying goroutine empties it. A source is drained when its buffer is empty, it was
// read to the end that its last answer named, and that answer is at most drainedFor old.
type source struct {
	name       projector.Source
	topic      int // index in the fence
	role       events.Role
	partitions int32 // of the topic
	reader     Reader
	limit      int // bytes buffered before reading stops
	clock      func() time.Time
	wake       func() // a record, an end or an error has come

	// Between the goroutines. The reader publishes in the order ready, drainedUntil: who loads them the other way round
	// never takes a source for drained that has a record.
	mu           sync.Mutex
	queue        []*chunk
	bytes        int // of chunks queued or current
	peak         int // largest bytes
	free         []*chunk
	err          error
	space        chan struct{}
	ready        atomic.Bool  // queue is not empty, or err is set
	drainedUntil atomic.Int64 // moment up to which the last answer counts; never
	asked        atomic.Int64 // moment at which the last answered fetch was begun
	end          atomic.Int64 // last stable offset of the last answer, -1 before it

	// Of the applying goroutine.
	cur          *chunk
	pos          int
	ahead        int            // items of cur before it have been read ahead
	place        orderlog.Place // Next is -1 and Last is -1 before the first record
	waitingSince time.Time      // since when it has neither a record nor is drained
	passed       bool           // MaxSourceWait is over

	consumed atomic.Int64 // place.Next as of the last cut, for Status
}

func newSource(name projector.Source, topic int, t orderlog.Topic, limit int, clock func() time.Time, wake func()) *source {
	s := &source{name: name, topic: topic, role: t.Role, partitions: t.Partitions, limit: limit, clock: clock, wake: wake,
		space: make(chan struct{}, 1), place: orderlog.Place{Source: name, Next: -1, Last: -1}}
	s.end.Store(-1)
	s.drainedUntil.Store(never)
	s.asked.Store(never)
	return s
}

// read fills the source until the context ends. An error that reading cannot get over stays, for the applying side.
func (s *source) read(ctx context.Context) {
	var digests orderlog.Recorder
	for {
		for s.full() {
			select {
			case <-ctx.Done():
				return
			case <-s.space:
			}
		}
		asked := s.clock()
		f, err := s.reader.Fetch(ctx)
		if err != nil {
			if ctx.Err() == nil {
				s.fail(err)
			}
			return
		}
		c := s.chunk()
		c.at = f.At
		for i := range f.Records {
			c.items = append(c.items, s.decode(c, &f.Records[i], &digests))
			c.bytes += len(f.Records[i].Key) + len(f.Records[i].Value) + itemBytes
		}
		s.push(c, &f, asked)
	}
}

// itemBytes is what a buffered record costs beside its key and value, about.
const itemBytes = 512

// decode makes an item of a record.
func (s *source) decode(c *chunk, r *eventlog.Record, digests *orderlog.Recorder) item {
	it := item{rec: *r, digest: digests.Digest(r), class: s.role.Class(), mergeTime: nanos(r.Timestamp)}
	it.misplaced = s.role == events.RoleAccounts && eventlog.Murmur2Partition(r.Key, s.partitions) != s.name.Partition
	e, err := c.decoder.Decode(r.Value)
	if err == nil {
		it.event, it.class = e, e.Type.Class()
		it.mergeTime = min(e.Time, addSaturated(it.mergeTime, maxAhead))
		return it
	}
	// On the heap, for errors.As: not before there is an error.
	var dead *events.DecodeError
	var schema *events.SchemaError
	switch {
	case errors.As(err, &dead):
		it.reason, it.detail = dead.Reason, dead.Error()
	case errors.As(err, &schema):
		it.schema = schema
	default:
		panic(fmt.Sprintf("pipeline: decode %s: %v", placeName(s.name, r.Offset), err)) // The decoder has two kinds of error.
	}
	return it
}

// nanos turns a record's timestamp into nanoseconds; hostile ones saturate.
func nanos(ms int64) int64 {
	switch {
	case ms > math.MaxInt64/1_000_000:
		return math.MaxInt64
	case ms < math.MinInt64/1_000_000:
		return math.MinInt64
	}
	return ms * 1_000_000
}

func addSaturated(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// chunk returns an empty chunk, a used one if there is one.
func (s *source) chunk() *chunk {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.free); n > 0 {
		c := s.free[n-1]
		s.free = s.free[:n-1]
		return c
	}
	return new(chunk)
}

func (s *source) push(c *chunk, f *eventlog.Fetch, asked time.Time) {
	s.mu.Lock()
	if len(c.items) > 0 {
		s.queue = append(s.queue, c)
		s.bytes += c.bytes
		s.peak = max(s.peak, s.bytes)
		s.ready.Store(true)
	} else {
		s.free = append(s.free, c)
	}
	s.mu.Unlock()
	s.end.Store(f.LastStable)
	s.asked.Store(moment(asked))
	until := never
	if f.NextOffset >= f.LastStable {
		until = moment(f.At.Add(drainedFor))
	}
	s.drainedUntil.Store(until)
	s.wake()
}

func (s *source) fail(err error) {
	s.mu.Lock()
	s.err = err
	s.ready.Store(true)
	s.mu.Unlock()
	s.drainedUntil.Store(never)
	s.wake()
}

func (s *source) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes >= s.limit
}

// head returns the first buffered record, nil where there is none.
func (s *source) head() (*item, error) {
	if s.cur != nil && s.pos < len(s.cur.items) {
		return &s.cur.items[s.pos], nil
	}
	if !s.ready.Load() && s.cur == nil {
		return nil, nil
	}
	s.mu.Lock()
	if s.cur != nil {
		s.bytes -= s.cur.bytes
		s.recycle(s.cur)
		s.cur = nil
	}
	var err error
	if len(s.queue) > 0 {
		s.cur, s.pos, s.ahead = s.queue[0], 0, 0
		s.queue[0] = nil
		s.queue = s.queue[1:]
	} else {
		err = s.err
	}
	s.ready.Store(len(s.queue) > 0 || s.err != nil)
	s.mu.Unlock()
	select {
	case s.space <- struct{}{}:
	default:
	}
	if s.cur == nil {
		return nil, err
	}
	return &s.cur.items[0], nil
}

// recycle takes a chunk back; its events are gone.
func (s *source) recycle(c *chunk) {
	const keep = 2
	if len(s.free) >= keep {
		return
	}
	clear(c.items)
	c.items, c.bytes = c.items[:0], 0
	c.decoder.Reset()
	s.free = append(s.free, c)
}

// advance consumes the head.
func (s *source) advance(it *item) {
	s.place.Next, s.place.Last, s.place.Digest = it.rec.Offset+1, it.rec.Offset, it.digest
	s.pos++
}

// drained reports whether everything that the source has is applied, as far as is known. head must have been asked
// after until was loaded, and must have returned nothing. Once fetches fail, only a new answer counts: what has come
// meanwhile is about to be read.
func (s *source) drained(until int64, now time.Time) bool {
	if s.reader.Failing() != nil {
		s.drainedUntil.CompareAndSwap(until, never)
		return false
	}
	return moment(now) <= until
}

// lag returns the number of offsets that are not consumed, as of the last answer; -1 before the first.
func (s *source) lag() int64 {
	end := s.end.Load()
	if end < 0 {
		return -1
	}
	return max(end-s.consumed.Load(), 0)
}

// undecodable returns why the item is a dead letter.
func (it *item) undecodable() string { return string(it.reason) }

// lessItem is the order of facts: merge time, class; then topic and partition, which is the order of the sources.
func lessItem(a, b *item) bool {
	if a.mergeTime != b.mergeTime {
		return a.mergeTime < b.mergeTime
	}
	return a.class < b.class
}
