package audit

import (
	"bytes"
	"context"
	"fmt"

	"marginledger/internal/api"
	"marginledger/internal/orderlog"
	"marginledger/internal/pipeline"
	"marginledger/projector"
)

// Moment is the state of a shard at a point of its past.
type Moment struct {
	Shard int32
	Fold  *projector.Shard
	Head  *orderlog.Head // of the last whole cut; never nil
	N     uint64         // last record
	Last  *EventAt       // likewise; nil where it lies before what was folded
}

// Inside reports whether the moment lies in the middle of a cut.
func (m *Moment) Inside() bool { return m.N != m.Head.Counters.N }

// API answers as the service did at the moment.
func (m *Moment) API() api.Cut {
	return api.Folded(m.Head, m.N, func(key []byte) ([]byte, bool, error) {
		value := m.Fold.Row(key)
		return bytes.Clone(value), value != nil, nil
	})
}

// state is the moment as snapshots and comparisons see it.
func (m *Moment) state() *foldedState { return &foldedState{m.Fold, m.Head} }

// At folds a shard up to a point. The chain is compared on the way: a difference is an error.
func (p *Past) At(ctx context.Context, shard int32, to Point, progress Progress) (*Moment, error) {
	return p.walk(ctx, shard, to, walkOptions{progress: progress})
}

// walkOptions say how to fold to a point, and who watches.
type walkOptions struct {
	from     *begin // where to begin; nil: behind the newest snapshot that is not too new
	postings bool
	progress Progress
	// after hears of every record up to the point, cut of every cut. Either may be nil.
	after func(*projector.Record, *projector.Effects, *projector.Shard) error
	cut   func(*pipeline.FoldedCut) error
}

// walk folds to a point.
func (p *Past) walk(ctx context.Context, shard int32, to Point, o walkOptions) (*Moment, error) {
	if o.from == nil {
		b, err := p.beginFor(ctx, shard, to)
		if err != nil {
			return nil, err
		}
		o.from = &b
	}
	o.progress = progressOr(o.progress)
	o.progress.Begin(fmt.Sprintf("shard %d to %v", shard, to), p.recordsTo(ctx, shard, to, &o))
	w := &walker{past: p, shard: shard, to: to, o: o}
	return w.walk(ctx)
}

// recordsTo returns how many records a walk folds, for a bar; 0 where the order log does not say. What is wrong with it the fold will tell.
func (p *Past) recordsTo(ctx context.Context, shard int32, to Point, o *walkOptions) int64 {
	base := uint64(0)
	if h := o.from.head; h != nil {
		base = h.Counters.N
	}
	switch {
	case o.progress == Progress(quiet{}):
		return 0
	case to.N > 0:
		return int64(to.N - min(base, to.N))
	case to.Cut > 0 || to.isEnd():
		if x, err := p.scan(ctx, shard, o.from.head, to.Cut, nil); err == nil {
			return int64(x.n - min(base, x.n))
		}
	}
	return 0
}

// walker folds up to a point.
type walker struct {
	past  *Past
	shard int32
	to    Point
	o     walkOptions

	fold    *projector.Shard
	n       uint64 // of the last record
	place   projector.Source
	offset  int64
	at      uint64   // n of the last cut
	reached *EventAt // the record at the point: it stops in front of the next, so that a cut that ends there is whole
	frozen  *frozen  // the state before the first record that might pass the time
	passed  uint64   // n of the record that did
}

func (w *walker) walk(ctx context.Context) (*Moment, error) {
	toCut := w.to.Cut
	if h := w.o.from.head; h != nil {
		w.at, w.n = h.Counters.N, h.Counters.N
		if w.to.N == w.n { // It is there already.
			toCut = h.Cut
		}
	}
	r, err := w.past.refold(ctx, w.shard, pipeline.RefoldOptions{
		From: w.o.from.state, ToCut: toCut, Postings: w.o.postings,
		NewFold: func(c projector.Config) pipeline.Fold {
			w.fold = projector.New(c)
			return w.fold
		},
		Before: w.before, After: w.after, Visit: w.visit,
	})
	if err != nil {
		return nil, err
	}
	m := &Moment{Shard: w.shard, Fold: w.fold, Head: r.Head, N: r.Counters.N, Last: w.reached}
	if m.Head == nil {
		m.Head = &orderlog.Head{Shard: w.shard, Chain: r.Chain}
	}
	if m.Last == nil && w.place.Topic != "" {
		m.Last = &EventAt{N: w.n, Source: placeName(w.place, w.offset)}
	}
	return w.arrive(ctx, m)
}

// arrive sees to it that the point was reached.
func (w *walker) arrive(ctx context.Context, m *Moment) (*Moment, error) {
	switch to := w.to; {
	case to.Cut > 0 && m.Head.Cut != to.Cut:
		return nil, usage("the order log of shard %d ends with cut %d, before cut %d", w.shard, m.Head.Cut, to.Cut)
	case to.N > 0 && m.N != to.N:
		return nil, usage("the order log of shard %d ends with record %d, before record %d", w.shard, m.N, to.N)
	case to.Source.Topic != "" && w.reached == nil:
		return nil, usage("shard %d has not consumed %s", w.shard, placeName(to.Source, to.Offset))
	case to.Time != 0 && w.passed > 0:
		return w.beforePassing(ctx, m)
	case to.Time != 0:
		if _, ok := w.clock(); !ok || to.Venue == "" && len(w.fold.Venues()) > 1 {
			return nil, w.noVenue()
		}
	}
	return m, nil
}

func (w *walker) before(r *projector.Record) error {
	if w.reached != nil {
		return pipeline.ErrStopRefold
	}
	if w.to.Time != 0 && w.frozen == nil && w.mightPass(r) {
		w.frozen = freeze(w)
	}
	return nil
}

func (w *walker) after(r *projector.Record, fx *projector.Effects) error {
	if at, ok := w.clock(); ok && at > w.to.Time {
		w.passed = fx.N
		return pipeline.ErrStopRefold
	}
	w.n, w.place, w.offset = fx.N, r.Source, r.Offset
	if w.o.after != nil {
		if err := w.o.after(r, fx, w.fold); err != nil {
			return err
		}
	}
	switch to := &w.to; {
	case to.N > 0 && fx.N == to.N:
		w.reached = eventAt(fx.N, r)
	case to.Source.Topic != "" && r.Source == to.Source && r.Offset == to.Offset:
		w.reached = eventAt(fx.N, r)
	case to.Source.Topic != "" && r.Source == to.Source && r.Offset > to.Offset:
		return usage("there is no record at %s: the next one is at offset %d", placeName(to.Source, to.Offset), r.Offset)
	}
	return nil
}

func (w *walker) visit(f *pipeline.FoldedCut) error {
	w.o.progress.Add(int64(f.Counters.N - w.at))
	w.at = f.Counters.N
	if w.o.cut != nil {
		if err := w.o.cut(f); err != nil {
			return err
		}
	}
	if w.reached != nil {
		return pipeline.ErrStopRefold
	}
	return nil
}
