package pipeline

import (
	"context"
	"errors"
	"slices"
	"testing"

	"marginledger/internal/orderlog"
	"marginledger/projector"
	"marginledger/snapshot"
)

// foldedDay folds a random day and returns its cuts, as a refold from the beginning has them.
func foldedDay(t *testing.T, rngSeed uint64) (w *world, cfg Config, cuts []orderlog.Cut) {
	t.Helper()
	w = newWorld(t, 1)
	w.trade(rngOf(rngSeed), 0, 600)
	cfg = w.config(t.TempDir())
	w.survive(cfg)
	_, err := Refold(context.Background(), cfg, &memLog{c: w.c}, 0, RefoldOptions{Visit: func(f *FoldedCut) error {
		if f.Folded.Hash != f.Entry.Hash {
			t.Fatalf("cut %d: folded hash %v, the entry has %v", f.Entry.Number, f.Folded.Hash, f.Entry.Hash)
		}
		cuts = append(cuts, *f.Entry)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(cuts) < 20 {
		t.Fatalf("only %d cuts", len(cuts))
	}
	return w, cfg, cuts
}

// refoldedState is the state that a refold ended with.
type refoldedState struct{ r *Refolded }

func (s refoldedState) Head() (*orderlog.Head, error) { return s.r.Head, nil }

func (s refoldedState) EachRow(f func(projector.Row) error) (err error) {
	s.r.Fold.EachRow(func(r projector.Row) {
		if err == nil {
			err = f(r)
		}
	})
	return err
}

func (s refoldedState) EachSeen(f func(projector.Source, []byte) error) (err error) {
	s.r.Fold.(*projector.Shard).EachSeen(func(src projector.Source, entries []byte) {
		if err == nil {
			err = f(src, entries)
		}
	})
	return err
}

// A refold behind any state that a refold ended with goes on as one from the beginning: same hashes, same rows.
func TestRefoldBehind(t *testing.T) {
	w, cfg, cuts := foldedDay(t, seed(t))
	ctx, log := context.Background(), &memLog{c: w.c}
	whole, err := Refold(ctx, cfg, log, 0, RefoldOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []uint64{1, uint64(len(cuts) / 2), uint64(len(cuts) - 1), uint64(len(cuts))} {
		part, err := Refold(ctx, cfg, log, 0, RefoldOptions{ToCut: at})
		if err != nil {
			t.Fatal(err)
		}
		if part.Cut != at || part.Chain != cuts[at-1].Hash || part.Head.Chain != part.Chain {
			t.Fatalf("a refold to cut %d ended with cut %d %v", at, part.Cut, part.Chain)
		}
		store := snapshot.Dir(t.TempDir())
		m, err := snapshot.Take(ctx, store, refoldedState{part}, snapshot.TakeOptions{Now: day})
		if err != nil {
			t.Fatal(err)
		}
		base, done, err := snapshot.OpenFrom(ctx, store, m)
		if err != nil {
			t.Fatal(err)
		}
		defer done()
		first := uint64(0)
		rest, err := Refold(ctx, cfg, log, 0, RefoldOptions{From: base, State: refoldedState{whole}, Visit: func(f *FoldedCut) error {
			if first == 0 {
				first = f.Entry.Number
			}
			return nil
		}})
		if err != nil || rest.Rows == 0 || at < uint64(len(cuts)) && first != at+1 {
			t.Fatalf("behind cut %d: began with cut %d, %v", at, first, err)
		}
		if rest.Chain != whole.Chain || rest.Counters != whole.Counters || rest.Cut != whole.Cut {
			t.Fatalf("behind cut %d: ended with cut %d %v, expected %d %v", at, rest.Cut, rest.Chain, whole.Cut, whole.Chain)
		}
	}
}

// Who watches the records can stop a refold in the middle of a cut: the state is that after exactly so many records.
func TestRefoldStopsInsideACut(t *testing.T) {
	w, cfg, cuts := foldedDay(t, seed(t))
	i := slices.IndexFunc(cuts, func(c orderlog.Cut) bool { return c.Number > 3 && c.Records() > 2 })
	if i < 0 {
		t.Fatalf("none of %d cuts has more than two records, and all of them were there at once", len(cuts))
	}
	before := uint64(0)
	for _, c := range cuts[:i] {
		before += c.Records()
	}
	stopAt, n := before+2, uint64(0)
	r, err := Refold(context.Background(), cfg, &memLog{c: w.c}, 0, RefoldOptions{
		Postings: true,
		Before: func(*projector.Record) error {
			n++
			return nil
		},
		After: func(_ *projector.Record, fx *projector.Effects) error {
			if fx.N != n {
				t.Fatalf("record %d after %d", fx.N, n)
			}
			if n == stopAt {
				return ErrStopRefold
			}
			return nil
		},
	})
	if err != nil || r.Counters.N != stopAt || r.Cut != cuts[i-1].Number || r.Chain != cuts[i-1].Hash {
		t.Fatalf("stopped at record %d of cut %d: %v", r.Counters.N, r.Cut, err)
	}
}

// A refold that is told of differences goes on behind them; without, it ends. A stop by any hook but ErrStopRefold is an error.
func TestRefoldDiffers(t *testing.T) {
	w, cfg, cuts := foldedDay(t, seed(t))
	cfg.NewFold = func(c projector.Config) Fold { return rowFlipper{newFold(c)} }
	differing, agreeing := 0, 0
	o := RefoldOptions{
		Differs: func(f *FoldedCut) error {
			if f.Folded.Hash == f.Entry.Hash {
				t.Errorf("cut %d differs and has the same hash", f.Entry.Number)
			}
			differing++
			return nil
		},
		Visit: func(*FoldedCut) error { agreeing++; return nil },
	}
	r, err := Refold(context.Background(), cfg, &memLog{c: w.c}, 0, o)
	if err != nil || differing == 0 || differing+agreeing != len(cuts) || r.Chain != cuts[len(cuts)-1].Hash {
		t.Fatalf("%d cuts differ and %d agree of %d: %v", differing, agreeing, len(cuts), err)
	}
	enough := errors.New("enough of it")
	o.Differs = func(*FoldedCut) error { return enough }
	_, err = Refold(context.Background(), cfg, &memLog{c: w.c}, 0, o)
	mustBe(t, err, enough)
}
