package pipeline

import (
	"context"
	"errors"
	"fmt"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
	"marginledger/projector"
)

// SkipResult is what became of a skip on one shard.
type SkipResult struct {
	Shard  int32
	Term   int64 // of the skip
	Offset int64 // of the SKIP in the order log
	Err    error // why it was refused there
}

// ErrConsumed refuses a skip of a record that is already part of the order.
var ErrConsumed = errors.New("the record is already consumed")

// Skip leaves a record out of the fold, for good: it takes every shard that reads the source over like an owner, and
// appends a SKIP to its order log. The shard's owner steps down, and the next one reads the SKIP before its fence. The
// record is then consumed as a dead letter with reason "skipped". The error is set where no shard took the skip.
func Skip(ctx context.Context, cfg Config, log Log, source projector.Source, offset int64, reason string) ([]SkipResult, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if reason == "" {
		return nil, errors.New("skip: a reason is required: it stays in the order log")
	}
	shards, err := cfg.readers(source)
	if err != nil {
		return nil, err
	}
	r, err := readOne(ctx, log, source.Topic, source.Partition, offset, offset+1)
	if err != nil {
		return nil, fmt.Errorf("skip: read the record: %w", err)
	}
	if r == nil {
		return nil, fmt.Errorf("skip: there is no record at %s", placeName(source, offset))
	}
	var d orderlog.Recorder
	skip := orderlog.Skip{Source: source, Offset: offset, Record: d.Digest(r), Reason: reason}
	var results []SkipResult
	var errs []error
	for _, shard := range shards {
		res := skipOn(ctx, &cfg, log, shard, skip)
		results = append(results, res)
		if res.Err != nil {
			errs = append(errs, res.Err)
		}
	}
	if len(errs) == len(results) {
		return results, errors.Join(errs...)
	}
	return results, nil
}

// readers returns the shards that read a source.
func (c *Config) readers(source projector.Source) ([]int32, error) {
	for _, t := range c.Topics {
		if t.Name != source.Topic {
			continue
		}
		if t.Role == events.RoleAccounts {
			return []int32{source.Partition}, nil
		}
		var all []int32
		for id := range c.Shards {
			all = append(all, id)
		}
		return all, nil
	}
	return nil, fmt.Errorf("topic %s is not among the configured topics", source.Topic)
}

func skipOn(ctx context.Context, cfg *Config, log Log, shard int32, skip orderlog.Skip) SkipResult {
	res := SkipResult{Shard: shard}
	// Looked at before the owner is disturbed, and again behind the fence, where it is certain.
	_, end, err := log.Offsets(ctx, cfg.OrderTopic, shard)
	if err == nil {
		err = mayBeSkipped(ctx, cfg, log, shard, &skip, end)
	}
	if err != nil {
		res.Err = err
		return res
	}
	fence, err := observe(ctx, cfg, log, shard)
	if err != nil {
		res.Err = err
		return res
	}
	s, err := acquire(ctx, cfg, log, shard, *fence)
	if err != nil {
		res.Err = err
		return res
	}
	if res.Err = mayBeSkipped(ctx, cfg, log, shard, &skip, s.term); res.Err != nil {
		return res
	}
	skip.Term, res.Term, res.Offset = s.term, s.term, s.orderNext
	base, err := s.producer.Produce(ctx, cfg.OrderTopic, shard, []eventlog.ProduceRecord{{Value: skip.Append(nil)}})
	switch {
	case err != nil:
		res.Err = fmt.Errorf("append the SKIP on shard %d: %w", shard, err)
	case base != s.orderNext:
		res.Err = fmt.Errorf("append the SKIP on shard %d: the shard was taken over meanwhile (offset %d, expected %d); try again", shard, base, s.orderNext)
	}
	return res
}

// mayBeSkipped refuses what is consumed or skipped already, by the order log up to an offset.
func mayBeSkipped(ctx context.Context, cfg *Config, log Log, shard int32, skip *orderlog.Skip, to int64) error {
	cursor := orderlog.NewCursor(partitionName(cfg.OrderTopic, shard), cfg.genesis(shard))
	twice := false
	x, err := scan(ctx, log, cfg.OrderTopic, shard, cursor, to, 0, func(_ int64, entry any) error {
		if p, ok := entry.(*orderlog.PendingSkip); ok {
			twice = twice || p.Skip.Source == skip.Source && p.Skip.Offset == skip.Offset
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case x.next[skip.Source] > skip.Offset:
		return fmt.Errorf("skip %s on shard %d: %w", placeName(skip.Source, skip.Offset), shard, ErrConsumed)
	case twice:
		return fmt.Errorf("%s is already skipped on shard %d", placeName(skip.Source, skip.Offset), shard)
	}
	return nil
}
