package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
	"marginledger/internal/store"
)

// session is one term of a shard: the stages behind the fold, from the fence until the term ends.
//
//	fold → hash → order log → one publisher per output topic
//	                       └→ store, once the cut's outputs are published
//
// Cuts pass every stage in order. A closed first channel drains the stages one after the other; an error in any of them
// ends all.
type session struct {
	cfg      *Config
	log      Log
	shard    int32
	producer Producer
	term     int64
	fence    orderlog.Fence
	store    *store.Store
	base     orderlog.Head // constants of the stored head
	wake     func()        // the fold may go on
	observe  Observer
	stored   func(*cut, *orderlog.Head)

	ctx    context.Context
	cancel context.CancelCauseFunc
	stages sync.WaitGroup

	toHash    chan *cut
	toOrder   chan *cut
	toPublish [events.Streams]chan *cut
	toStore   chan *cut

	unacked atomic.Int64 // closed cuts that the order log does not have yet
	memory  budget

	orderNext  int64                  // offset that the next order entry must get; of the order stage
	outputNext [events.Streams]int64  // likewise, of the publishers
	published  [events.Streams]uint64 // sequences that the topics had when the term began
	acked      [events.Streams]atomic.Uint64
	ackChanged signal
}

// queueCuts is how many cuts may wait before a stage; memory bounds them before that.
const queueCuts = 512

// acquire begins a term: it takes the producer over and writes the fences. What the outputs had before is known after.
func acquire(ctx context.Context, cfg *Config, log Log, shard int32, fence orderlog.Fence) (*session, error) {
	producer, err := log.Producer(ctx, fmt.Sprintf("%s/%d", cfg.Group, shard))
	if err != nil {
		return nil, fmt.Errorf("take shard %d over: %w", shard, err)
	}
	s := &session{cfg: cfg, log: log, shard: shard, producer: producer, fence: fence, observe: cfg.Observe}
	s.term, err = producer.Produce(ctx, cfg.OrderTopic, shard, []eventlog.ProduceRecord{{Value: fence.Append(nil)}})
	if err != nil {
		return nil, fmt.Errorf("fence shard %d: %w", shard, outcome(err))
	}
	s.orderNext = s.term + 1
	return s, nil
}

// fenceOutputs writes the fences of the output topics. Behind them no earlier owner publishes any more, so the tail
// scan that follows sees all that was published.
func (s *session) fenceOutputs(ctx context.Context) error {
	for i, topic := range s.cfg.OutputTopics {
		at, err := s.producer.Produce(ctx, topic, s.shard, []eventlog.ProduceRecord{s.control("fence")})
		if err != nil {
			return fmt.Errorf("fence %s: %w", partitionName(topic, s.shard), outcome(err))
		}
		s.outputNext[i] = at + 1
		seq, err := LastSequence(ctx, s.log, topic, s.shard, at)
		if err != nil {
			return fmt.Errorf("scan the tail of %s: %w", partitionName(topic, s.shard), err)
		}
		s.published[i] = seq
	}
	return nil
}

// control returns a record for output topics that clients skip.
func (s *session) control(what string) eventlog.ProduceRecord {
	value := fmt.Appendf(nil, `{"control":%q,"shard":%d,"term":%d,"address":%q,"build":%q}`,
		what, s.shard, s.term, s.fence.Address, s.fence.Build)
	return eventlog.ProduceRecord{Value: value, Headers: []eventlog.Header{{Key: orderlog.ControlHeader, Value: []byte(what)}}}
}

// start starts the stages behind a recovered state.
func (s *session) start(ctx context.Context, st *store.Store, base orderlog.Head) {
	s.store, s.base = st, base
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	s.toHash, s.toOrder, s.toStore = make(chan *cut, queueCuts), make(chan *cut, queueCuts), make(chan *cut, queueCuts)
	s.memory.init(s.cfg.InFlightBytes)
	s.ackChanged.init()
	for i := range s.toPublish {
		s.toPublish[i] = make(chan *cut, queueCuts)
		s.acked[i].Store(s.published[i])
	}
	context.AfterFunc(s.ctx, s.wake)
	s.stage(func() error { return s.hashCuts(base.Chain) })
	s.stage(s.orderCuts)
	for i := range s.toPublish {
		s.stage(func() error { return s.publish(events.Stream(i)) })
	}
	s.stage(s.storeCuts)
}

func (s *session) stage(f func() error) {
	s.stages.Add(1)
	go func() {
		defer s.stages.Done()
		if err := f(); err != nil {
			s.cancel(err)
		}
	}()
}

// submit hands a closed cut to the stages, waiting while too much is in flight.
func (s *session) submit(c *cut) error {
	if c.replayed == nil {
		s.unacked.Add(1)
	}
	if err := s.memory.take(s.ctx, c.bytes); err != nil {
		return err
	}
	return send(s.ctx, s.toHash, c)
}

// finish lets the stages drain, waits for them, and returns why the term ended, nil if all is stored. A fold that halted
// for a reason that a person can remove asks the order log whether the term still is ours: a SKIP, as any takeover,
// begins another, and an idle owner has not noticed.
func (s *session) finish(halt error) error {
	close(s.toHash)
	s.stages.Wait()
	if halt != nil && s.ctx.Err() == nil {
		if err := s.order([][]byte{orderlog.Heartbeat{Term: s.term}.Append(nil)}); errors.Is(err, errStepDown) {
			s.cancel(err)
		}
	}
	err := context.Cause(s.ctx)
	s.cancel(nil)
	return err
}

// hashCuts computes the chain, and compares replayed cuts with it.
func (s *session) hashCuts(chain orderlog.Hash) error {
	defer close(s.toOrder)
	var h orderlog.OutputHasher
	return each(s.ctx, s.toHash, func(c *cut) error {
		if c.replayed == nil {
			c.entry.Term = s.term
		} else {
			c.entry.Term = c.replayed.Term
		}
		c.seal(chain, s.fence.Topics, &h)
		if err := c.agrees(); err != nil {
			return fmt.Errorf("replay shard %d: %w", s.shard, err)
		}
		chain = c.entry.Hash
		return send(s.ctx, s.toOrder, c)
	})
}

// orderBytes bounds one order request; a topic accepts a little over a megabyte.
const orderBytes = 800 << 10

// orderCuts appends cuts to the order log: one request at a time, each with all cuts that were closed meanwhile.
func (s *session) orderCuts() error {
	defer func() {
		for i := range s.toPublish {
			close(s.toPublish[i])
		}
		close(s.toStore)
	}()
	idle := time.NewTimer(s.cfg.Heartbeat)
	defer idle.Stop()
	for {
		var c *cut
		var ok bool
		select {
		case <-s.ctx.Done():
			return nil
		case <-idle.C:
			if err := s.order([][]byte{orderlog.Heartbeat{Term: s.term}.Append(nil)}); err != nil {
				return err
			}
			idle.Reset(s.cfg.Heartbeat)
			continue
		case c, ok = <-s.toOrder:
			if !ok {
				return nil
			}
		}
		if c.replayed != nil { // It is in the order log.
			if err := s.forward(c); err != nil {
				return err
			}
			continue
		}
		if err := s.orderGroup(c); err != nil {
			return err
		}
		idle.Reset(s.cfg.Heartbeat)
	}
}

// orderGroup appends c and what waits behind it. New cuts are never followed by replayed ones.
func (s *session) orderGroup(c *cut) error {
	group, entries, bytes := []*cut(nil), [][]byte(nil), 0
	for more := true; more; {
		for i := range c.entry.Acked {
			c.entry.Acked[i] = s.acked[i].Load()
		}
		entry := c.entry.Append(nil)
		group, entries, bytes = append(group, c), append(entries, entry), bytes+len(entry)
		if bytes > orderBytes {
			break
		}
		select {
		case c, more = <-s.toOrder:
		default:
			more = false
		}
	}
	base, begun := s.orderNext, s.cfg.clock()
	if err := s.order(entries); err != nil {
		return err
	}
	now := s.cfg.clock()
	s.observe.OrderAcked(s.shard, now.Sub(begun))
	if s.unacked.Add(-int64(len(group))) == 0 {
		s.wake()
	}
	for i, c := range group {
		c.next, c.acked = base+int64(i)+1, now
		if err := s.forward(c); err != nil {
			return err
		}
	}
	return nil
}

// order appends entries to the order log. Any offset but the expected one means that somebody else has written.
func (s *session) order(entries [][]byte) error {
	records := make([]eventlog.ProduceRecord, len(entries))
	for i, e := range entries {
		records[i].Value = e
	}
	base, err := s.producer.Produce(s.ctx, s.cfg.OrderTopic, s.shard, records)
	if err != nil {
		return fmt.Errorf("append to the order log of shard %d: %w", s.shard, outcome(err))
	}
	if base != s.orderNext {
		return stepDown("the order log of shard %d gave offset %d, expected %d: somebody else has written", s.shard, base, s.orderNext)
	}
	s.orderNext += int64(len(entries))
	return nil
}

// forward passes a committed cut on.
func (s *session) forward(c *cut) error {
	for i := range c.outputs {
		if c.outputs[i].len() > 0 {
			if err := send(s.ctx, s.toPublish[i], c); err != nil {
				return err
			}
		}
	}
	return send(s.ctx, s.toStore, c)
}

// outcome marks errors of producing after which the log, not this process, knows what is in it.
func outcome(err error) error {
	for _, lost := range []error{eventlog.ErrFenced, eventlog.ErrOutOfOrder, eventlog.ErrStaleAck, eventlog.ErrOutcomeUnknown} {
		if errors.Is(err, lost) {
			return fmt.Errorf("%w: %w", errStepDown, err)
		}
	}
	return err
}

// send sends unless the context ends.
func send[T any](ctx context.Context, to chan<- T, v T) error {
	select {
	case to <- v:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// each calls f with what comes, until the channel is closed or the context ends.
func each[T any](ctx context.Context, from <-chan T, f func(T) error) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case v, ok := <-from:
			if !ok {
				return nil
			}
			if err := f(v); err != nil {
				return err
			}
		}
	}
}
