package repartition

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"marginledger/events"
	"marginledger/internal/eventlog"
)

var readerOptions = eventlog.ReaderOptions{MaxWait: 50 * time.Millisecond, MaxBytes: 4 << 20}

// Limits of one batch, below Kafka's default message.max.bytes of 1 MiB; a larger record goes alone.
const (
	batchBytes   = 512 << 10
	batchRecords = 5_000
)

// produceWait bounds how long a round may take to finish after the context has ended.
const produceWait = 30 * time.Second

// round fetches, routes and appends. After it, low = next for every source. A crash in it leaves whole batches, each
// with its progress; the next run reads the round again and leaves out what is there.
func (c *copier) round(ctx context.Context) error {
	if err := c.fetch(ctx); err != nil {
		return err
	}
	if err := c.route(); err != nil {
		return err
	}
	// What has begun is finished, also when a signal came: no outcome is left unknown.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), produceWait)
	defer cancel()
	if err := c.append(ctx); err != nil {
		return err
	}
	c.progress.Lag = 0
	for _, s := range c.sources {
		s.low = s.next
		c.progress.Lag += s.end - s.next
	}
	return nil
}

// fetch asks every source whose buffer is empty, all at once.
func (c *copier) fetch(ctx context.Context) error {
	errs := make([]error, len(c.sources))
	var wg sync.WaitGroup
	for i, s := range c.sources {
		if len(s.buffer) > 0 {
			continue
		}
		wg.Go(func() {
			f, err := s.reader.Fetch(ctx)
			if err != nil {
				errs[i] = err
				return
			}
			s.buffer, s.end, s.drained = f.Records, f.LastStable, f.NextOffset >= f.LastStable
			if len(f.Records) == 0 {
				s.next = f.NextOffset // past control batches
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// route takes records in the order of their timestamps, as long as every source has one or is drained: so facts of one
// owner from several source partitions keep their order as far as timestamps tell it.
func (c *copier) route() error {
	for range c.opts.Round {
		i := c.oldest()
		if i < 0 {
			return nil
		}
		s := c.sources[i]
		r := &s.buffer[0]
		if err := c.routeOne(i, r); err != nil {
			return err
		}
		s.next = r.Offset + 1
		if s.buffer = s.buffer[1:]; len(s.buffer) == 0 {
			s.next = s.reader.Offset() // past offsets without records
		}
	}
	return nil
}

// oldest returns the source whose head has the smallest (timestamp, partition); -1 if some source may have an older
// one that is not here yet, or none has any.
func (c *copier) oldest() int {
	best := -1
	for i, s := range c.sources {
		switch {
		case len(s.buffer) == 0 && !s.drained:
			return -1
		case len(s.buffer) == 0:
		case best < 0 || s.buffer[0].Timestamp < c.sources[best].buffer[0].Timestamp:
			best = i
		}
	}
	return best
}

// routeOne gives a record its key and its target partition.
func (c *copier) routeOne(source int, r *eventlog.Record) error {
	key, note, err := c.key(r)
	if err != nil {
		return fmt.Errorf("%s/%d@%d: %w", c.opts.From, source, r.Offset, err)
	}
	p := source % len(c.targets)
	if key != nil {
		p = int(eventlog.Murmur2Partition(key, int32(len(c.targets))))
	}
	t := c.targets[p]
	if r.Offset < t.next[source] {
		c.progress.Skipped++
		return nil
	}
	headers := append(r.Headers[:len(r.Headers):len(r.Headers)],
		eventlog.Header{Key: HeaderSource, Value: fmt.Appendf(nil, "%s/%d@%d", c.opts.From, source, r.Offset)})
	if note != "" {
		c.progress.Undecoded++
		headers = append(headers, eventlog.Header{Key: HeaderNote, Value: []byte(note)})
	}
	t.todo = append(t.todo, outgoing{eventlog.ProduceRecord{Key: key, Value: r.Value, Headers: headers, Timestamp: r.Timestamp}, source, r.Offset})
	return nil
}

// key returns the owner of an account fact; of anything else its own key, with a note. A schema that this build does
// not know is an error: its owner would be lost.
func (c *copier) key(r *eventlog.Record) (key []byte, note string, err error) {
	c.decoder.Reset()
	e, err := c.decoder.Decode(r.Value)
	var bad *events.DecodeError
	var unknown *events.SchemaError
	switch {
	case errors.As(err, &bad):
		return r.Key, "undecodable: " + bad.Error(), nil
	case errors.As(err, &unknown):
		return nil, "", fmt.Errorf("%s %s %s: its owner cannot be told; upgrade this program before the producers", unknown.Kind, unknown.Type, unknown.Name)
	case err != nil:
		return nil, "", err
	case e.Owner == "":
		return r.Key, "no account: " + e.Type.String(), nil
	}
	return []byte(e.Owner), "", nil
}

// append writes what the round has routed: partitions side by side, batches of one partition one after the other.
func (c *copier) append(ctx context.Context) error {
	low := make([]int64, len(c.sources))
	for i, s := range c.sources {
		low[i] = s.low
	}
	errs := make([]error, len(c.targets))
	var wg sync.WaitGroup
	for p, t := range c.targets {
		if len(t.todo) > 0 {
			wg.Go(func() { errs[p] = c.appendTo(ctx, p, t, low) })
		}
	}
	wg.Wait()
	for _, t := range c.targets {
		c.progress.Copied += t.copied
		t.copied = 0
	}
	return errors.Join(errs...)
}

func (c *copier) appendTo(ctx context.Context, p int, t *target, low []int64) error {
	for len(t.todo) > 0 {
		n, size := 0, 0
		for n < len(t.todo) && n < batchRecords {
			r := &t.todo[n].record
			if size += len(r.Key) + len(r.Value) + 200; n > 0 && size > batchBytes {
				break
			}
			t.next[t.todo[n].source] = t.todo[n].offset + 1
			n++
		}
		batch := make([]eventlog.ProduceRecord, n)
		for i := range batch {
			batch[i] = t.todo[i].record
		}
		last := &batch[n-1]
		last.Headers = append(last.Headers, eventlog.Header{Key: HeaderProgress, Value: formatProgress(low, t.next)})
		base, err := c.producer.Produce(ctx, c.opts.To, int32(p), batch)
		if err != nil {
			return err
		}
		if base != t.end {
			return fmt.Errorf("%s/%d: the batch stands at offset %d, expected %d: %w", c.opts.To, p, base, t.end, ErrOther)
		}
		t.end += int64(n)
		t.copied += uint64(n)
		t.todo = t.todo[n:]
		if c.opts.Produced != nil {
			if err := c.opts.Produced(p); err != nil {
				return err
			}
		}
	}
	return nil
}
