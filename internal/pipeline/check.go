package pipeline

import (
	"context"
	"errors"
	"fmt"

	"marginledger/events"
	"marginledger/internal/orderlog"
	"marginledger/projector"
	"marginledger/snapshot"
)

// CheckOutputs compares a shard's output topics with its order log: each topic is dense in sequence, without a
// repetition, and holds exactly the announcements whose count and digest each cut has. Announcements behind those of
// head may be unpublished yet; head may be nil. Of cfg only OrderTopic and OutputTopics are needed. What retention has removed from the front is passed over. An error for
// which IsDifference holds names the first difference.
func CheckOutputs(ctx context.Context, cfg Config, log Log, shard int32, head *orderlog.Head) error {
	cfg = cfg.filled()
	k := &outputCheck{shard: shard}
	if head != nil {
		k.required = head.Counters.Seqs
	}
	// Outputs follow the order log: looked at in this order, none can be ahead of what is read of it.
	for s, topic := range cfg.OutputTopics {
		t, start, err := newTape(ctx, log, topic, shard)
		if err != nil {
			return err
		}
		k.tapes[s] = t
		if err := k.skipTrimmed(ctx, s, t, start); err != nil {
			return err
		}
	}
	_, end, err := log.Offsets(ctx, cfg.OrderTopic, shard)
	if err != nil {
		return err
	}
	genesis, err := genesisOf(ctx, &cfg, log, shard, end)
	if err != nil {
		return err
	}
	cursor := orderlog.NewCursor(partitionName(cfg.OrderTopic, shard), genesis)
	_, err = scan(ctx, log, cfg.OrderTopic, shard, cursor, end, 0, func(_ int64, entry any) error {
		if c, ok := entry.(*orderlog.Cut); ok {
			return k.cut(ctx, c)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, t := range k.tapes {
		if r, err := t.peek(ctx); err != nil {
			return err
		} else if r != nil {
			return k.differs(cursor.Cut, "%s has a record at offset %d that the order log knows nothing of", t.name, r.Offset)
		}
	}
	return nil
}

// genesisOf returns the hash before the first cut, by what the first fence says.
func genesisOf(ctx context.Context, cfg *Config, log Log, shard int32, end int64) (orderlog.Hash, error) {
	r, err := readOne(ctx, log, cfg.OrderTopic, shard, 0, end)
	if err != nil || r == nil {
		return cfg.genesis(shard), err
	}
	entry, err := orderlog.Decode(r.Value)
	if err != nil {
		return orderlog.Hash{}, err
	}
	f, ok := entry.(*orderlog.Fence)
	if !ok {
		return orderlog.Hash{}, orderlog.Corrupt("%s does not begin with a fence", partitionName(cfg.OrderTopic, shard))
	}
	return orderlog.Genesis(shard, f.DedupeWindow), nil
}

type outputCheck struct {
	shard    int32
	tapes    [events.Streams]*tape
	required [events.Streams]uint64 // sequences that must be published
	seqs     [events.Streams]uint64 // after the cuts read so far
	hasher   orderlog.OutputHasher
}

func (k *outputCheck) differs(cut uint64, format string, args ...any) error {
	return &Difference{k.shard, cut, fmt.Sprintf(format, args...)}
}

// skipTrimmed lets a topic whose front is gone begin where it does.
func (k *outputCheck) skipTrimmed(ctx context.Context, s int, t *tape, start int64) error {
	if start == 0 {
		return nil
	}
	r, err := t.peek(ctx)
	if err != nil {
		return err
	}
	if r == nil {
		t.seq = k.required[s]
		return nil
	}
	seq, err := Sequence(r.Value)
	t.seq = max(seq, 1) - 1
	return err
}

// cut takes a cut's announcements off the topics and compares them.
func (k *outputCheck) cut(ctx context.Context, c *orderlog.Cut) error {
	whole := true
	for s, t := range k.tapes {
		for range c.Outputs.Counts[s] {
			k.seqs[s]++
			if k.seqs[s] <= t.seq { // Gone by retention.
				whole = false
				continue
			}
			found, err := k.next(ctx, c.Number, events.Stream(s), t)
			if err != nil {
				return err
			}
			whole = whole && found
		}
	}
	got := k.hasher.Take()
	if whole && got != c.Outputs {
		return k.differs(c.Number, "the published announcements have counts %v and digest %v, the order log has %v and %v",
			got.Counts, got.Digest, c.Outputs.Counts, c.Outputs.Digest)
	}
	return nil
}

// next takes the announcement with the next sequence off a topic; false where it is not published yet.
func (k *outputCheck) next(ctx context.Context, cut uint64, s events.Stream, t *tape) (bool, error) {
	want := k.seqs[s]
	r, err := t.peek(ctx)
	if err != nil {
		return false, err
	}
	if r == nil {
		if want <= k.required[s] {
			return false, k.differs(cut, "%s ends before sequence %d, and the stored state says that %d is published", t.name, want, k.required[s])
		}
		return false, nil
	}
	seq, err := Sequence(r.Value)
	if err != nil {
		return false, fmt.Errorf("%s at offset %d: %w", t.name, r.Offset, err)
	}
	if seq != want {
		why := "is missing"
		if seq < want {
			why = "comes again or is out of order"
		}
		return false, k.differs(cut, "%s has sequence %d at offset %d, expected %d: one %s", t.name, seq, r.Offset, want, why)
	}
	k.hasher.Add(s, r.Key, r.Value)
	t.seq = seq
	t.take()
	return true, nil
}

// CheckTrialBalance sums the stored rows: per venue and asset, all accounts of the ledger must be zero together.
func CheckTrialBalance(shard int32, s snapshot.State) error {
	head, err := s.Head()
	if err != nil {
		return err
	}
	if head == nil {
		return nil
	}
	if err := projector.CheckTrialBalance(s.EachRow); err != nil {
		var d *Difference
		if errors.As(err, &d) {
			return err
		}
		return &Difference{shard, head.Cut, fmt.Sprintf("trial balance: %v", err)}
	}
	return nil
}
