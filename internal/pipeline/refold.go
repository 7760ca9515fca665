package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

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
	Entry    *orderlog.Cut      // as the order log has it
	Folded   *orderlog.Cut      // as it came out; where nothing is hashed, without hash and digest
	Offset   int64              // of the entry in the order log
	Counters projector.Counters // after the cut
	Fold     Fold               // likewise
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

// Changed calls fn with the rows that the cut changed, in key order; a nil value deletes.
func (f *FoldedCut) Changed(fn func(projector.Row) error) error {
	for rest := f.c.rows; len(rest) > 0; {
		var r projector.Row
		var err error
		if r.Key, r.Value, rest, err = orderlog.NextRow(rest); err != nil {
			return err
		}
		if err := fn(r); err != nil {
			return err
		}
	}
	return nil
}

// Head returns the head that a store or a snapshot of this cut has, but for the build.
func (f *FoldedCut) Head(base *orderlog.Head) *orderlog.Head { return f.c.head(base) }

// RefoldOptions say where a refold begins and ends, what it compares, and who watches.
type RefoldOptions struct {
	// From is a state to begin behind; nil: from the beginning of the order log. It is believed: the order log must have
	// its cut, with its hash, but whether its rows are those of that hash only a refold from the beginning tells.
	From  snapshot.State
	ToCut uint64 // last cut to fold; 0: all
	// State is compared with the fold at the cut of its head: chain, counters, and every row. May be nil.
	State snapshot.State
	// Visit hears of every cut; an error ends the refold. May be nil.
	Visit func(*FoldedCut) error
	// Differs hears of a cut that does not come out with the hash or the outputs that the order log has, in place of
	// Visit; if it returns nil the refold goes on behind the order log's hash. Nil: the refold ends with a difference.
	Differs func(*FoldedCut) error

	// Before and After hear of every record, before and after it is applied; an error ends the refold, ErrStopRefold without
	// an error. What they are given holds until they return. May be nil.
	Before func(*projector.Record) error
	After  func(*projector.Record, *projector.Effects) error

	NewFold  func(projector.Config) Fold // nil: this build's
	Postings bool                        // effects have them
	Unhashed bool                        // only fold: no hash is taken or compared
}

// ErrStopRefold ends a refold, where who watches it returns it, without an error: where it is, in the middle of a cut too.
var ErrStopRefold = errors.New("stop the refold")

// Refolded is what a refold came to.
type Refolded struct {
	Cut      uint64 // last whole one; 0 where the order log has none
	Term     int64
	Chain    orderlog.Hash      // of that cut
	Counters projector.Counters // after the last record
	Counts   Status             // only its counters by type, kind and reason
	Fold     Fold               // the state after the last record
	Rows     int                // compared with State
	Head     *orderlog.Head     // of the last whole cut; nil where there is none
}

// Refold folds a shard's order log, from its beginning or behind a state, and compares every cut's hash (so inputs,
// changed rows, and count and digest of outputs) with the order log's. It takes topics and roles from the order log
// itself, so that of cfg only OrderTopic is needed, and disturbs nobody. An error for which IsDifference holds names the first difference.
func Refold(ctx context.Context, cfg Config, log Log, shard int32, o RefoldOptions) (*Refolded, error) {
	cfg = cfg.filled()
	if o.NewFold != nil {
		cfg.NewFold = o.NewFold
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	_, end, err := log.Offsets(ctx, cfg.OrderTopic, shard)
	if err != nil {
		return nil, err
	}
	base, cursor, err := refoldBase(ctx, &cfg, log, shard, end, o.From)
	if err != nil {
		return nil, err
	}
	if cursor == nil {
		return &Refolded{Chain: cfg.genesis(shard), Fold: cfg.NewFold(cfg.projectorConfig(shard))}, compareEmpty(shard, o.State)
	}
	if o.ToCut > 0 && base.Cut >= o.ToCut {
		if base.Cut > o.ToCut {
			return nil, fmt.Errorf("the state to begin behind is of cut %d, after cut %d", base.Cut, o.ToCut)
		}
		end = cursor.Next
	}
	ahead := *cursor
	x, err := scan(ctx, log, cfg.OrderTopic, shard, &ahead, end, o.ToCut, nil)
	if err != nil {
		return nil, err
	}
	pc := cfg.projectorConfig(shard)
	pc.Postings = o.Postings
	f := &folder{cfg: &cfg, shard: shard, fold: cfg.NewFold(pc), topics: ahead.Fence.Topics, before: o.Before, after: o.After}
	v := &verifier{shard: shard, folder: f, o: o, chain: base.Chain, base: base}
	if o.From != nil {
		if err := loadFold(f.fold, base, o.From, nil); err != nil {
			return nil, fmt.Errorf("load the state of cut %d: %w", base.Cut, err)
		}
		f.number, f.skips = base.Cut, slices.Clone(base.Skips)
		v.number, v.last = base.Cut, base
	}
	var sources feed
	defer sources.end()
	defer cancel()
	if err := sources.open(ctx, &cfg, log, shard, f.topics, base, x.next, ctx); err != nil {
		return nil, err
	}
	f.sources = sources.sources
	if o.State != nil {
		if err := v.expect(o.State); err != nil {
			return nil, err
		}
	}
	v.board.changed.init()
	r := &replay{log: log, topic: cfg.OrderTopic, shard: shard, to: end, toCut: o.ToCut, cursor: cursor, folder: f, feed: &sources}
	if err := r.run(ctx, v.cut); err != nil && !errors.Is(err, ErrStopRefold) {
		return nil, err
	}
	if v.head != nil && !v.compared && (o.ToCut == 0 || v.head.Cut <= o.ToCut) {
		return nil, &Difference{shard, v.head.Cut, fmt.Sprintf("the store holds this cut, but the order log ends with cut %d", f.number)}
	}
	return &Refolded{Cut: v.number, Term: r.cursor.Term, Chain: v.chain, Counters: f.fold.Counters(), Counts: v.board.snapshot(),
		Fold: f.fold, Rows: v.rows, Head: v.last}, nil
}

// refoldBase returns the head behind which a refold begins, and its place in the order log; no cursor where the order log
// is empty. The dedupe window and what else the fold depends on are set in cfg, from the fence.
func refoldBase(ctx context.Context, cfg *Config, log Log, shard int32, end int64, from snapshot.State) (*orderlog.Head, *orderlog.Cursor, error) {
	at := partitionName(cfg.OrderTopic, shard)
	if from != nil {
		return refoldBehind(ctx, cfg, log, shard, from)
	}
	start, _, err := log.Offsets(ctx, cfg.OrderTopic, shard)
	if err != nil {
		return nil, nil, err
	}
	if start > 0 {
		return nil, nil, orderlog.Corrupt("%s begins at offset %d: the order log must be kept for ever", at, start)
	}
	first, err := readOne(ctx, log, cfg.OrderTopic, shard, 0, end)
	if first == nil || err != nil {
		return nil, nil, err
	}
	entry, err := orderlog.Decode(first.Value)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s at offset %d: %w", at, first.Offset, err)
	}
	fence, ok := entry.(*orderlog.Fence)
	if !ok {
		return nil, nil, orderlog.Corrupt("%s does not begin with a fence", at)
	}
	cfg.DedupeWindow = fence.DedupeWindow
	base := &orderlog.Head{Shard: shard, DedupeWindow: fence.DedupeWindow, ClusterID: fence.ClusterID, Rules: RulesVersion, Chain: cfg.genesis(shard)}
	return base, orderlog.NewCursor(at, base.Chain), nil
}

// refoldBehind is refoldBase behind a state.
func refoldBehind(ctx context.Context, cfg *Config, log Log, shard int32, from snapshot.State) (*orderlog.Head, *orderlog.Cursor, error) {
	at := partitionName(cfg.OrderTopic, shard)
	head, err := from.Head()
	if err != nil {
		return nil, nil, err
	}
	switch {
	case head == nil:
		return nil, nil, errors.New("the state to begin behind is empty")
	case head.Shard != shard:
		return nil, nil, fmt.Errorf("the state to begin behind is of shard %d, not %d", head.Shard, shard)
	case head.Rules != RulesVersion:
		return nil, nil, fmt.Errorf("the state of cut %d was folded by rules %s, this build has rules %s: begin with an older state, or from the beginning", head.Cut, head.Rules, RulesVersion)
	}
	fence, ok, err := fenceOf(ctx, log, cfg.OrderTopic, shard, head)
	if err != nil {
		return nil, nil, err
	}
	if !ok {
		return nil, nil, &Difference{shard, head.Cut, fmt.Sprintf("%s does not have the cut of the state to begin behind, with its hash %v, at offset %d", at, head.Chain, head.OrderNext-1)}
	}
	cfg.DedupeWindow = head.DedupeWindow
	return head, orderlog.NewCursorAt(at, head, fence), nil
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
	base     *orderlog.Head
	number   uint64 // of the last cut
	last     *orderlog.Head
	chain    orderlog.Hash
	hasher   orderlog.OutputHasher
	board    board
	head     *orderlog.Head
	compared bool
	rows     int
}

func (v *verifier) cut(c *cut) error {
	c.entry.Term = c.replayed.Term
	f := &FoldedCut{Entry: c.replayed, Folded: &c.entry, Offset: c.next - 1, Counters: c.counters, Fold: v.folder.fold, c: c}
	visit := v.o.Visit
	if !v.o.Unhashed {
		c.seal(v.chain, v.folder.topics, &v.hasher)
		if err := c.comesOut(); err != nil {
			if visit = v.o.Differs; visit == nil {
				return fmt.Errorf("shard %d: %w", v.shard, err)
			}
		}
	}
	v.chain, v.number = c.replayed.Hash, c.replayed.Number
	v.board.add(&c.tally)
	v.last = c.head(v.base)
	v.last.Chain = v.chain
	if v.head != nil && c.entry.Number == v.head.Cut {
		if err := v.compare(); err != nil {
			return err
		}
	}
	if visit == nil {
		return nil
	}
	return visit(f)
}

// comesOut compares a cut with its entry in the order log: more than agrees, its count and digest of outputs too.
func (c *cut) comesOut() error {
	if err := c.agrees(); err != nil {
		return err
	}
	if c.entry.Outputs != c.replayed.Outputs {
		return orderlog.Corrupt("cut %d folds to its hash, but its announcements have counts %v and digest %v, the order log has %v and %v",
			c.entry.Number, c.entry.Outputs.Counts, c.entry.Outputs.Digest, c.replayed.Outputs.Counts, c.replayed.Outputs.Digest)
	}
	return nil
}

// expect takes the state that is compared when its cut comes; at once where the fold begins with it.
func (v *verifier) expect(s snapshot.State) (err error) {
	if v.head, err = s.Head(); err != nil || v.head == nil {
		return err
	}
	switch {
	case v.head.Cut < v.number:
		return fmt.Errorf("the state to compare is of cut %d, and the refold begins behind cut %d", v.head.Cut, v.number)
	case v.head.Cut == v.number && v.last != nil:
		return v.compare()
	}
	return nil
}

// compare compares the stored state with the fold, both after the last cut.
func (v *verifier) compare() error {
	v.compared = true
	differs := func(format string, args ...any) error {
		return &Difference{v.shard, v.number, fmt.Sprintf(format, args...)}
	}
	if v.head.Chain != v.chain {
		return differs("the stored head has hash %v, the order log %v", v.head.Chain, v.chain)
	}
	if v.head.Counters != v.last.Counters {
		return differs("the stored head has counters %+v, the fold %+v", v.head.Counters, v.last.Counters)
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
