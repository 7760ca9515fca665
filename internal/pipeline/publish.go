package pipeline

import (
	"context"
	"fmt"
	"time"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
	"marginledger/internal/store"
)

// Bounds of one batch of announcements. A single record may be larger: dead letters are whole up to half a megabyte.
const (
	publishBytes   = 700 << 10
	publishRecords = 8192
)

// publish appends the outputs of committed cuts to one topic, one request at a time. Outputs that the topic had when
// the term began are left out. A batch may span cuts, and a cut batches.
func (s *session) publish(stream events.Stream) error {
	p := publisher{s: s, stream: stream, topic: s.cfg.OutputTopics[stream]}
	idle := time.NewTimer(s.cfg.Heartbeat)
	defer idle.Stop()
	from := s.toPublish[stream]
	for {
		select {
		case <-s.ctx.Done():
			return nil
		case <-idle.C:
			if err := p.produce([]eventlog.ProduceRecord{s.control("heartbeat")}); err != nil {
				return err
			}
		case c, ok := <-from:
			if !ok {
				return nil
			}
			for ok {
				if err := p.add(c); err != nil {
					return err
				}
				select {
				case c, ok = <-from:
				default:
					ok = false
				}
			}
			if err := p.flush(); err != nil {
				return err
			}
		}
		idle.Reset(s.cfg.Heartbeat)
	}
}

type publisher struct {
	s       *session
	stream  events.Stream
	topic   string
	pending []eventlog.ProduceRecord
	bytes   int
	last    uint64 // sequence of the last pending or left-out record
}

func (p *publisher) add(c *cut) error {
	o := &c.outputs[p.stream]
	for i := range o.len() {
		p.last = o.first + uint64(i)
		if p.last <= p.s.published[p.stream] {
			continue
		}
		r := o.record(i)
		size := len(r.Key) + len(r.Value) + 32
		if len(p.pending) > 0 && (p.bytes+size > publishBytes || len(p.pending) == publishRecords) {
			p.last--
			if err := p.flush(); err != nil {
				return err
			}
			p.last++
		}
		p.pending = append(p.pending, r)
		p.bytes += size
	}
	return nil
}

// flush publishes what is pending; behind it everything up to p.last is.
func (p *publisher) flush() error {
	if len(p.pending) > 0 {
		if err := p.produce(p.pending); err != nil {
			return err
		}
		clear(p.pending)
		p.pending, p.bytes = p.pending[:0], 0
	}
	if p.last > p.s.acked[p.stream].Load() {
		p.s.acked[p.stream].Store(p.last)
	}
	p.s.ackChanged.broadcast()
	return nil
}

func (p *publisher) produce(records []eventlog.ProduceRecord) error {
	s := p.s
	base, err := s.producer.Produce(s.ctx, p.topic, s.shard, records)
	if err != nil {
		return fmt.Errorf("publish to %s: %w", partitionName(p.topic, s.shard), outcome(err))
	}
	if base != s.outputNext[p.stream] {
		return stepDown("%s gave offset %d, expected %d: somebody else has written", partitionName(p.topic, s.shard), base, s.outputNext[p.stream])
	}
	s.outputNext[p.stream] += int64(len(records))
	return nil
}

// storeBytes bounds how many cuts go into one batch of the store.
const storeBytes = 4 << 20

// storeCuts commits published cuts to the store. Cuts that are ready together are one batch, with the head of the last.
func (s *session) storeCuts() error {
	var next *cut // received, not yet committed
	return each(s.ctx, s.toStore, func(c *cut) error {
		for c != nil {
			if err := s.awaitPublished(c); err != nil {
				return err
			}
			batch, bytes := s.store.NewBatch(), 0
			for next = c; next != nil && s.isPublished(next) && batch.Bytes() < storeBytes; {
				c = next
				if err := addCut(batch, c); err != nil {
					return err
				}
				bytes += c.bytes
				s.observe.Published(s.shard, s.cfg.clock().Sub(c.closed))
				s.stored(c, nil)
				next = s.nextToStore()
			}
			head := c.head(&s.base)
			if err := s.cfg.storing(false); err != nil {
				return err
			}
			if err := batch.Commit(head); err != nil {
				return err
			}
			if err := s.cfg.storing(true); err != nil {
				return err
			}
			s.stored(c, head)
			s.memory.give(bytes)
			c = next
		}
		return nil
	})
}

// nextToStore returns a cut that waits already, or nil.
func (s *session) nextToStore() *cut {
	select {
	case c := <-s.toStore: // nil once it is closed
		return c
	default:
		return nil
	}
}

// addCut adds what a cut changed.
func addCut(batch *store.Batch, c *cut) error {
	for rows := c.rows; len(rows) > 0; {
		key, value, rest, err := orderlog.NextRow(rows)
		if err != nil {
			return err
		}
		batch.Row(key, value)
		rows = rest
	}
	for _, run := range c.seen {
		batch.Seen(run.source, run.entries)
	}
	return nil
}

// awaitPublished waits until the outputs of a cut, and so of all before it, are published.
func (s *session) awaitPublished(c *cut) error {
	return s.ackChanged.wait(s.ctx, func() bool { return s.isPublished(c) })
}

func (s *session) isPublished(c *cut) bool {
	for i := range s.acked {
		if s.acked[i].Load() < c.counters.Seqs[i] {
			return false
		}
	}
	return true
}

// waitStored waits until everything submitted so far is stored.
func (s *session) waitStored(ctx context.Context) error { return s.memory.wait(ctx) }
