package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"

	"marginledger/internal/orderlog"
	"marginledger/projector"
	"marginledger/snapshot"
)

// Difference says where two things that must be equal are not.
type Difference struct {
	Shard int32
	Cut   uint64
	What  string
}

// Error implements error.
func (d *Difference) Error() string {
	return fmt.Sprintf("shard %d, cut %d: %s", d.Shard, d.Cut, d.What)
}

// IsDifference reports whether err says that data differs or is damaged, not that it could not be compared.
func IsDifference(err error) bool {
	var d *Difference
	return errors.As(err, &d) || orderlog.IsCorruption(err)
}

// FoldedCut is one cut of a refold. It holds until the visitor returns.
type FoldedCut struct {
	Entry    *orderlog.Cut
	Counters projector.Counters // after the cut
	c        *cut
}

// Outputs calls f with the announcements of the cut, topic by topic, in order of sequence.
func (f *FoldedCut) Outputs(fn func(topic int, seq uint64, key, value []byte) error) error {
	for s := range f.c.outputs {
		o := &f.c.outputs[s]
		for i := range o.len() {
			if err := fn(s, o.first+uint64(i), o.key(i), o.value(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// RefoldOptions say what a refold compares and who watches.
type RefoldOptions struct {
	ToCut uint64 // last cut to fold; 0: all
	// State is compared with the fold at the cut of its head: chain, counters, and every row. May be nil.
	State snapshot.State
	// Visit hears of every cut; an error ends the refold. May be nil.
	Visit func(*FoldedCut) error
}

// Refolded is what a refold came to.
type Refolded struct {
	Cut      uint64 // last; 0 where the order log has none
	Term     int64
	Chain    orderlog.Hash
	Counters projector.Counters
	Counts   Status // only its counters by type, kind and reason
	Fold     Fold   // the state after the last cut
	Rows     int    // compared with State
}

// Refold folds a shard's order log from its beginning into a fresh state, and compares every cut's hash (so inputs,
// changed rows, and count and digest of outputs) with the order log's. It takes topics and roles from the order log
// itself, so that of cfg only OrderTopic is needed, and disturbs nobody. An error for which IsDifference holds names the first difference.
func Refold(ctx context.Context, cfg Config, log Log, shard int32, o RefoldOptions) (*Refolded, error) {
	cfg = cfg.filled()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	at := partitionName(cfg.OrderTopic, shard)
	start, end, err := log.Offsets(ctx, cfg.OrderTopic, shard)
	if err != nil {
		return nil, err
	}
	if start > 0 {
		return nil, orderlog.Corrupt("%s begins at offset %d: the order log must be kept for ever", at, start)
	}
	first, err := readOne(ctx, log, cfg.OrderTopic, shard, 0, end)
	if err != nil {
		return nil, err
	}
	if first == nil {
		return &Refolded{Chain: cfg.genesis(shard), Fold: cfg.newFold(cfg.projectorConfig(shard))}, compareEmpty(shard, o.State)
	}
	entry, err := orderlog.Decode(first.Value)
	if err != nil {
		return nil, err
	}
	fence, ok := entry.(*orderlog.Fence)
	if !ok {
		return nil, orderlog.Corrupt("%s does not begin with a fence", at)
	}
	cfg.DedupeWindow = fence.DedupeWindow
	ahead := orderlog.NewCursor(at, cfg.genesis(shard))
	x, err := scan(ctx, log, cfg.OrderTopic, shard, ahead, end, nil)
	if err != nil {
		return nil, err
	}
	f := &folder{cfg: &cfg, shard: shard, fold: cfg.newFold(cfg.projectorConfig(shard)), topics: ahead.Fence.Topics}
	var sources feed
	defer sources.end()
	defer cancel()
	if err := sources.open(ctx, &cfg, log, shard, f.topics, &orderlog.Head{}, x.next, ctx); err != nil {
		return nil, err
	}
	f.sources = sources.sources
	v := &verifier{shard: shard, folder: f, o: o, chain: cfg.genesis(shard)}
	if o.State != nil {
		if v.head, err = o.State.Head(); err != nil {
			return nil, err
		}
	}
	v.board.changed.init()
	r := &replay{log: log, topic: cfg.OrderTopic, shard: shard, to: end, toCut: o.ToCut,
		cursor: orderlog.NewCursor(at, cfg.genesis(shard)), folder: f, feed: &sources}
	if err := r.run(ctx, v.cut); err != nil {
		return nil, err
	}
	if v.head != nil && !v.compared && (o.ToCut == 0 || v.head.Cut <= o.ToCut) {
		return nil, &Difference{shard, v.head.Cut, fmt.Sprintf("the store holds this cut, but the order log ends with cut %d", f.number)}
	}
	return &Refolded{Cut: f.number, Term: r.cursor.Term, Chain: v.chain, Counters: f.fold.Counters(), Counts: v.board.snapshot(),
		Fold: f.fold, Rows: v.rows}, nil
}

// compareEmpty refuses a state where the order log has nothing.
func compareEmpty(shard int32, s snapshot.State) error {
	if s == nil {
		return nil
	}
	head, err := s.Head()
	if err != nil {
		return err
	}
	if head != nil && head.Cut > 0 {
		return &Difference{shard, head.Cut, "the store holds this cut, but the order log is empty"}
	}
	return nil
}

// verifier compares the cuts of a refold.
type verifier struct {
	shard    int32
	folder   *folder
	o        RefoldOptions
	chain    orderlog.Hash
	hasher   orderlog.OutputHasher
	board    board
	head     *orderlog.Head
	compared bool
	rows     int
}

func (v *verifier) cut(c *cut) error {
	c.entry.Term = c.replayed.Term
	c.seal(v.chain, v.folder.topics, &v.hasher)
	if err := c.agrees(); err != nil {
		return fmt.Errorf("shard %d: %w", v.shard, err)
	}
	v.chain = c.entry.Hash
	v.board.add(&c.tally)
	if v.head != nil && c.entry.Number == v.head.Cut {
		if err := v.compare(c); err != nil {
			return err
		}
	}
	if v.o.Visit == nil {
		return nil
	}
	return v.o.Visit(&FoldedCut{Entry: c.replayed, Counters: c.counters, c: c})
}

// compare compares the stored state with the fold, both after cut c.
func (v *verifier) compare(c *cut) error {
	v.compared = true
	differs := func(format string, args ...any) error {
		return &Difference{v.shard, c.entry.Number, fmt.Sprintf(format, args...)}
	}
	if v.head.Chain != c.entry.Hash {
		return differs("the stored head has hash %v, the order log %v", v.head.Chain, c.entry.Hash)
	}
	if v.head.Counters != c.counters {
		return differs("the stored head has counters %+v, the fold %+v", v.head.Counters, c.counters)
	}
	next, stop := iter.Pull(func(yield func(projector.Row) bool) {
		going := true
		v.folder.fold.EachRow(func(r projector.Row) { going = going && yield(r) })
	})
	defer stop()
	err := v.o.State.EachRow(func(stored projector.Row) error {
		folded, ok := next()
		switch {
		case !ok:
			return differs("row %q is stored, but the fold has none", stored.Key)
		case !bytes.Equal(stored.Key, folded.Key):
			if bytes.Compare(stored.Key, folded.Key) < 0 {
				return differs("row %q is stored, but the fold has none", stored.Key)
			}
			return differs("row %q is missing in the store", folded.Key)
		case !bytes.Equal(stored.Value, folded.Value):
			return differs("row %q is stored as %x, the fold has %x", stored.Key, stored.Value, folded.Value)
		}
		v.rows++
		return nil
	})
	if err != nil {
		return err
	}
	if folded, ok := next(); ok {
		return differs("row %q is missing in the store", folded.Key)
	}
	return nil
}
