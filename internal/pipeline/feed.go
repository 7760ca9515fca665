package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"go.uber.org/zap"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
	"marginledger/projector"
)

// feed is the sources of a shard with their readers.
type feed struct {
	sources []*source // in the order of (topic, partition)
	wake    chan struct{}
	stop    context.CancelFunc
	readers sync.WaitGroup
}

// wakeUp lets the applying goroutine look again.
func (f *feed) wakeUp() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// end stops the readers.
func (f *feed) end() {
	if f.stop != nil {
		f.stop()
	}
	f.readers.Wait()
}

// open makes the sources of a shard, checks that the log still has what is needed, and starts reading. head says where
// each source stands, upTo the next offsets that the order log has consumed: both must be within the log.
func (f *feed) open(ctx context.Context, cfg *Config, log Log, shard int32, topics []orderlog.Topic, head *orderlog.Head,
	upTo map[projector.Source]int64, lifetime context.Context) error {
	f.wake = make(chan struct{}, 1)
	for i, t := range topics {
		for p := range t.Partitions {
			if t.Role == events.RoleAccounts && p != shard {
				continue
			}
			f.sources = append(f.sources, newSource(projector.Source{Topic: t.Name, Partition: p}, i, t, 0, cfg.clock, f.wakeUp))
		}
	}
	slices.SortFunc(f.sources, func(a, b *source) int { return orderlog.CompareSources(a.name, b.name) })
	for _, s := range f.sources {
		s.limit = max(cfg.BufferBytes/len(f.sources), 1)
		from, err := startOf(ctx, cfg, log, head, s, upTo[s.name])
		if err != nil {
			return err
		}
		s.reader = log.Reader(s.name.Topic, s.name.Partition, from)
	}
	ctx, f.stop = context.WithCancel(lifetime)
	for _, s := range f.sources {
		f.readers.Go(func() { s.read(ctx) })
	}
	return nil
}

// startOf returns the offset from which a source is read, after checking the ends of its log and its last consumed
// record.
func startOf(ctx context.Context, cfg *Config, log Log, head *orderlog.Head, s *source, upTo int64) (int64, error) {
	start, end, err := log.Offsets(ctx, s.name.Topic, s.name.Partition)
	if err != nil {
		return 0, err
	}
	name := partitionName(s.name.Topic, s.name.Partition)
	if end < upTo {
		return 0, orderlog.Corrupt("%s ends at offset %d, but was consumed up to %d: the topic was created again or lost records; "+
			"restore it, or start a new ledger on new topics", name, end, upTo)
	}
	p := head.Place(s.name)
	if p == nil {
		return start, nil // Whether records before were consumed and are gone, the counts of the replay tell.
	}
	s.place = *p
	s.consumed.Store(p.Next)
	switch {
	case end < p.Next:
		return 0, orderlog.Corrupt("%s ends at offset %d, but was consumed up to %d: the topic was created again or lost records; "+
			"restore it, or start a new ledger on new topics", name, end, p.Next)
	case start > p.Next:
		return 0, trimmed(name, start, p.Next)
	case start > p.Last:
		cfg.Log.Warn("the last consumed record is gone by retention: whether the topic is the same one cannot be checked",
			zap.String("source", name), zap.Int64("offset", p.Last), zap.Int64("logStart", start))
		return p.Next, nil
	}
	return p.Next, checkLast(ctx, cfg, log, p)
}

// trimmed says that the log no longer has what is to be consumed next.
func trimmed(name string, start, next int64) error {
	return orderlog.Corrupt("%s begins at offset %d, but the next one to consume is %d: retention has removed facts that were not folded; "+
		"restore them, or recover from a newer snapshot, and lengthen the topic's retention", name, start, next)
}

// checkLast compares the last consumed record of a source with the one that is there now: a topic that was deleted and
// created again, or rewritten, has another.
func checkLast(ctx context.Context, cfg *Config, log Log, p *orderlog.Place) error {
	name := partitionName(p.Source.Topic, p.Source.Partition)
	r, err := readOne(ctx, log, p.Source.Topic, p.Source.Partition, p.Last, p.Next)
	if err != nil {
		return fmt.Errorf("check the last consumed record of %s: %w", name, err)
	}
	if r == nil {
		cfg.Log.Warn("the last consumed record is gone by compaction: whether the topic is the same one cannot be checked",
			zap.String("source", name), zap.Int64("offset", p.Last))
		return nil
	}
	var d orderlog.Recorder
	if got := d.Digest(r); r.Offset != p.Last || got != p.Digest {
		return orderlog.Corrupt("the record at %s is not the one that was consumed (digest %v, was %v): the topic was created again or rewritten; "+
			"restore it, or start a new ledger on new topics", placeName(p.Source, p.Last), got, p.Digest)
	}
	return nil
}

// await returns the head of a source, waiting for it; nil where the log has been read up to an offset and has none.
func (f *feed) await(ctx context.Context, s *source, before int64) (*item, error) {
	for {
		readToEnd := s.drainedUntil.Load() > 0 && s.end.Load() >= before // as of the last answer; loaded before head
		it, err := s.head()
		if it != nil || err != nil || readToEnd {
			return it, err
		}
		select {
		case <-f.wake:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// sourceError says what a reader's final error means for the shard.
func sourceError(shard int32, err error) error {
	var out *eventlog.OutOfRangeError
	if errors.As(err, &out) {
		if out.Offset < out.LogStart {
			return fmt.Errorf("shard %d: %w", shard, errors.Join(trimmed(partitionName(out.Topic, out.Partition), out.LogStart, out.Offset), err))
		}
		return orderlog.Corrupt("shard %d: the topic was created again or lost records: %w", shard, err)
	}
	return fmt.Errorf("shard %d: read its sources: %w", shard, err)
}
