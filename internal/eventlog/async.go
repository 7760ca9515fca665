package eventlog

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Async appends a stream of records to one partition, in order, in batches that grow while the one before is under
// way. It is for simulators and copiers: who must know each offset uses Produce.
type Async struct {
	producer  *Producer
	topic     string
	partition int32
	done      chan struct{}

	mu       sync.Mutex
	changed  sync.Cond // on mu: everything below changed
	pending  []ProduceRecord
	bytes    int // of pending
	inFlight bool
	closed   bool
	err      error // sticky
}

const (
	asyncBatchBytes   = 900 << 10 // below Kafka's default max.message.bytes
	asyncPendingBytes = 4 << 20   // Add waits above
)

// Async starts a stream to a partition. It ends with the context, with its first error, or with Close. The caller
// leaves the partition to it alone.
func (p *Producer) Async(ctx context.Context, topic string, partition int32) *Async {
	a := &Async{producer: p, topic: topic, partition: partition, done: make(chan struct{})}
	a.changed.L = &a.mu
	stop := context.AfterFunc(ctx, func() { a.fail(ctx.Err()) })
	go func() {
		defer close(a.done)
		defer stop()
		a.run(ctx)
	}()
	return a
}

// Add hands over a record, and waits while too much is pending. The record's slices must not be changed any more.
// The error is of an earlier record.
func (a *Async) Add(r ProduceRecord) error {
	size := recordSize(&r)
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.err == nil && !a.closed && a.bytes > 0 && a.bytes+size > asyncPendingBytes {
		a.changed.Wait()
	}
	if a.closed && a.err == nil {
		return fmt.Errorf("add a record to %s/%d: %w", a.topic, a.partition, ErrClosed)
	}
	if a.err != nil {
		return a.err
	}
	a.pending = append(a.pending, r)
	a.bytes += size
	if !a.inFlight {
		a.changed.Broadcast()
	}
	return nil
}

// Flush waits until everything that was added is acknowledged.
func (a *Async) Flush() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.err == nil && (a.inFlight || len(a.pending) > 0) {
		a.changed.Wait()
	}
	return a.err
}

// Close flushes and ends the stream.
func (a *Async) Close() error {
	err := a.Flush()
	a.mu.Lock()
	a.closed = true
	a.changed.Broadcast()
	a.mu.Unlock()
	<-a.done
	return err
}

func (a *Async) fail(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err == nil && !a.closed {
		a.err = err
	}
	a.changed.Broadcast()
}

// run sends batch after batch.
func (a *Async) run(ctx context.Context) {
	var spare []ProduceRecord
	for {
		recs, ok := a.take(spare[:0])
		if !ok {
			return
		}
		for rest := recs; len(rest) > 0; {
			n := batchOf(rest)
			if _, err := a.producer.Produce(ctx, a.topic, a.partition, rest[:n]); err != nil {
				a.fail(errors.Join(ctx.Err(), err))
				return
			}
			rest = rest[n:]
		}
		clear(recs)
		spare = recs
	}
}

// take waits for records and takes all of them, leaving spare for the next ones.
func (a *Async) take(spare []ProduceRecord) ([]ProduceRecord, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.inFlight = false
	a.changed.Broadcast()
	for len(a.pending) == 0 && !a.closed && a.err == nil {
		a.changed.Wait()
	}
	if a.err != nil || len(a.pending) == 0 {
		return nil, false
	}
	recs := a.pending
	a.pending, a.bytes, a.inFlight = spare, 0, true
	a.changed.Broadcast()
	return recs, true
}

// batchOf returns how many of the records go into one batch: at least one.
func batchOf(recs []ProduceRecord) int {
	bytes := 0
	for i := range recs {
		if bytes += recordSize(&recs[i]); bytes > asyncBatchBytes && i > 0 {
			return i
		}
	}
	return len(recs)
}
