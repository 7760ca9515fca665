package audit

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"marginledger/internal/orderlog"
	"marginledger/internal/pipeline"
	"marginledger/internal/store"
	"marginledger/projector"
	"marginledger/snapshot"
	"marginledger/snapshot/sumtree"
)

// expected is a stored state, or the manifest of one, that is compared when its cut comes.
type expected struct {
	what     string // store, snapshot, manifest
	place    string
	cut      uint64
	chain    orderlog.Hash
	head     *orderlog.Head // nil: of a manifest
	identity orderlog.Hash
	manifest *snapshot.Manifest             // nil: of a store
	open     func() (snapshot.State, error) // nil: of a manifest
	close    func()
}

// expectStates gathers what the range is compared with: the store, snapshots, and what an archive's manifest says of
// snapshots that it does not hold.
func (v *verifier) expectStates(ctx context.Context) error {
	if v.o.Unhashed {
		return nil
	}
	if err := v.expectStore(); err != nil {
		return err
	}
	if a := v.past.Archive; a != nil {
		v.required = a.Shards[v.shard].Published
	}
	list, damaged, err := v.past.manifests(ctx, v.shard)
	if err != nil {
		return err
	}
	for _, err := range damaged {
		v.add(Difference{Kind: KindSnapshot, Place: v.past.snapshots().String(), What: err.Error()})
	}
	for _, m := range list {
		if m.Head.Cut > v.begun.cut() && m.Head.Cut <= v.order.toCut {
			if err := v.expectSnapshot(ctx, m); err != nil {
				return err
			}
		}
	}
	slices.SortStableFunc(v.states, func(a, b *expected) int { return cmp.Compare(a.cut, b.cut) })
	return nil
}

// expectSnapshot expects a snapshot: the rows of its file, or where only the manifest is here, its identity. One that does
// not verify is a difference.
func (v *verifier) expectSnapshot(ctx context.Context, m *snapshot.Manifest) error {
	here, err := v.past.hasFile(ctx, m)
	if err != nil {
		return err
	}
	e := &expected{what: "snapshot", place: fmt.Sprintf("%s in %v", m.FileName(), v.past.snapshots()), cut: m.Head.Cut, chain: m.Head.Chain,
		identity: m.Identity, manifest: m}
	if !here {
		e.what, e.place = "manifest of the snapshot", fmt.Sprintf("%s in %v", m.ManifestName(), v.past.snapshots())
		v.states = append(v.states, e)
		return nil
	}
	f, err := v.past.openSnapshot(ctx, m)
	if errors.Is(err, snapshot.ErrBad) {
		v.add(Difference{Kind: KindSnapshot, Cut: e.cut, Place: e.place, What: err.Error()})
		return nil
	}
	if err != nil {
		return err
	}
	e.open = func() (snapshot.State, error) { return f, nil }
	e.head, err = f.Head()
	v.states = append(v.states, e)
	return err
}

func (v *verifier) expectStore() error {
	view, done, why, err := v.past.stored(v.shard)
	if err != nil && !errors.Is(err, store.ErrTorn) {
		return err
	}
	place := store.ShardDir(v.past.Config.DataDir, v.shard)
	if err != nil {
		v.add(Difference{Kind: KindRow, Place: place, What: err.Error()})
		return nil
	}
	if view == nil {
		if v.past.Archive == nil {
			v.report.Notes = append(v.report.Notes, "stored rows: "+why)
		}
		return nil
	}
	head, err := view.Head()
	if err != nil || head == nil {
		done()
		return err
	}
	v.required = head.Counters.Seqs
	e := &expected{what: "store", place: place, cut: head.Cut, chain: head.Chain, head: head, close: done, open: func() (snapshot.State, error) { return view, nil }}
	switch {
	case head.Cut <= v.begun.cut() && v.begun.cut() > 0:
		v.report.Notes = append(v.report.Notes, fmt.Sprintf("stored rows: they are of cut %d, and the range begins behind cut %d", head.Cut, v.begun.cut()))
	case head.Cut > v.order.toCut && v.order.whole:
		v.add(Difference{Kind: KindHead, Cut: head.Cut, Place: place, Field: "cut", Have: fmt.Sprint(head.Cut), Want: fmt.Sprintf("at most %d", v.order.toCut),
			What: fmt.Sprintf("the store holds cut %d, but the order log ends with cut %d", head.Cut, v.order.toCut)})
	case head.Cut > v.order.toCut:
		v.report.Notes = append(v.report.Notes, fmt.Sprintf("stored rows: they are of cut %d, and the range ends with cut %d", head.Cut, v.order.toCut))
	default:
		v.states = append(v.states, e)
		return nil
	}
	done()
	return nil
}

func (v *verifier) closeStates() {
	for _, e := range v.states {
		if e.close != nil {
			e.close()
		}
	}
	v.states = nil
}

// compareStates compares the states of a cut with the fold.
func (v *verifier) compareStates(f *pipeline.FoldedCut) error {
	for len(v.states) > 0 && v.states[0].cut == f.Entry.Number {
		e := v.states[0]
		v.states = v.states[1:]
		err := v.compareState(e, f)
		if e.close != nil {
			e.close()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) compareState(e *expected, f *pipeline.FoldedCut) error {
	r := StateReport{What: e.what, Cut: e.cut, Identity: e.identity}
	folded := &foldedState{fold: f.Fold, head: f.Head(&orderlog.Head{Shard: v.shard})}
	if e.chain != f.Entry.Hash {
		v.add(Difference{Kind: KindHead, Cut: e.cut, Place: e.place, Field: "chain", Have: e.chain.String(), Want: f.Entry.Hash.String(),
			What: "the " + e.what + " is of another chain than the order log"})
	}
	if err := v.compareRoot(e, folded); err != nil {
		return err
	}
	if e.open == nil {
		id, err := snapshot.Write(io.Discard, folded)
		if err != nil {
			return err
		}
		if id != e.identity {
			r.Differs = 1
			v.add(Difference{Kind: KindSnapshot, Cut: e.cut, Place: e.place, Field: "identity", Have: e.identity.String(), Want: id.String(),
				What: "the snapshot that the manifest tells of was of another state"})
		}
		v.report.States = append(v.report.States, r)
		return nil
	}
	if e.head.Counters != f.Counters {
		v.add(Difference{Kind: KindHead, Cut: e.cut, Place: e.place, Field: "counters", Have: fmt.Sprintf("%+v", e.head.Counters), Want: fmt.Sprintf("%+v", f.Counters),
			What: "the " + e.what + " counts otherwise than the fold"})
	}
	state, err := e.open()
	if err != nil {
		return err
	}
	if err := v.compareRows(e, state, folded, &r); err != nil {
		return err
	}
	if err := v.compareWindows(e, state, folded); err != nil {
		return err
	}
	v.report.States = append(v.report.States, r)
	return nil
}

// compareRoot compares the root of a snapshot, if the audit key that it was made with is at hand.
func (v *verifier) compareRoot(e *expected, folded *foldedState) error {
	m, key := e.manifest, v.past.Config.Snapshots.Key
	if m == nil || m.RootHash == nil {
		return nil
	}
	if key == nil || key.ID() != m.Root.KeyID {
		v.report.Notes = append(v.report.Notes, fmt.Sprintf("the root of snapshot %s: it was made with audit key %s, which is not at hand", m.Name, m.Root.KeyID))
		return nil
	}
	root, err := sumtree.Build(key, sumtree.At{Shard: v.shard, Cut: m.Head.Cut, Chain: m.Head.Chain}, folded.EachRow)
	if err != nil {
		return err
	}
	if got := root.Hash(); got != *m.RootHash {
		v.add(Difference{Kind: KindSnapshot, Cut: e.cut, Place: e.place, Field: "root", Have: m.RootHash.String(), Want: got.String(),
			What: "the root that the manifest publishes is not that of the folded state"})
	}
	return nil
}

// compareRows compares row by row and names the first field that differs: of the rows that the first wrong cut changed, if
// there is one.
func (v *verifier) compareRows(e *expected, stored snapshot.State, folded *foldedState, r *StateReport) error {
	var first *Difference
	best := -1
	note := func(key, have, want []byte) {
		r.Differs++
		if rank := v.telling(key); rank > best {
			first, best = rowDifference(e, key, have, want), rank
		}
	}
	rows, err := mergeRows(stored.EachRow, folded.EachRow, note)
	r.Rows = rows
	if errors.Is(err, store.ErrTorn) {
		if err = v.tornRows(e, stored, folded, err, r); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	if first != nil {
		first.More = r.Differs - 1
		v.add(*first)
	}
	return nil
}

// telling says how much a row that differs tells: where the chain agrees the first one counts; behind a wrong cut rather
// one that it changed, and rather an account's than a system account's, which every event of its kind moves.
func (v *verifier) telling(key []byte) int {
	const account, system = 0x50, 0x40 // docs/formats/rows.md
	if v.wrong == nil {
		return 0
	}
	changed := v.wrong.changed[string(key)]
	switch {
	case changed && key[0] == account:
		return 4
	case changed && key[0] != system:
		return 3
	case key[0] == account:
		return 2
	case changed:
		return 1
	}
	return 0
}

func rowDifference(e *expected, key, have, want []byte) *Difference {
	kind := KindRow
	if e.what == "snapshot" {
		kind = KindSnapshot
	}
	fields := DiffRow(key, have, want)
	return &Difference{Kind: kind, Cut: e.cut, Place: e.place, Row: RowName(key), Field: fields[0].Field, Have: fields[0].A, Want: fields[0].B,
		What: fmt.Sprintf("the %s of cut %d has another value than the fold", e.what, e.cut), key: bytes.Clone(key)}
}

// tornRows names the first row that a damaged store cannot read.
func (v *verifier) tornRows(e *expected, stored snapshot.State, folded *foldedState, torn error, r *StateReport) error {
	d := Difference{Kind: KindRow, Cut: e.cut, Place: e.place, What: torn.Error()}
	if view, ok := stored.(interface {
		Get(key []byte) ([]byte, bool, error)
	}); ok {
		err := folded.EachRow(func(row projector.Row) error {
			value, _, err := view.Get(row.Key)
			switch {
			case errors.Is(err, store.ErrTorn):
				r.Differs++
				if d.Row == "" {
					d.Row, d.key = RowName(row.Key), bytes.Clone(row.Key)
					d.Field, d.Have, d.Want = "value", "cannot be read: "+err.Error(), fmt.Sprintf("%x", row.Value)
				}
			case err != nil:
				return err
			case !bytes.Equal(value, row.Value):
				r.Differs++
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	d.More = max(r.Differs-1, 0)
	v.add(d)
	return nil
}

// mergeRows walks two states in key order and calls differs for every row that they do not share; a nil value is none.
// It returns the number of rows of the first.
func mergeRows(a, b func(func(projector.Row) error) error, differs func(key, a, b []byte)) (rows int, err error) {
	var errB error
	next, stop := iter.Pull(func(yield func(projector.Row) bool) {
		errB = b(func(r projector.Row) error {
			if !yield(r) {
				return errFound
			}
			return nil
		})
	})
	defer stop()
	other, more := next()
	err = a(func(r projector.Row) error {
		rows++
		for more && bytes.Compare(other.Key, r.Key) < 0 {
			differs(other.Key, nil, other.Value)
			other, more = next()
		}
		if !more || !bytes.Equal(other.Key, r.Key) {
			differs(r.Key, r.Value, nil)
			return nil
		}
		if !bytes.Equal(other.Value, r.Value) {
			differs(r.Key, r.Value, other.Value)
		}
		other, more = next()
		return nil
	})
	for err == nil && more {
		differs(other.Key, nil, other.Value)
		other, more = next()
	}
	if errB != nil && errB != errFound {
		err = errors.Join(err, errB)
	}
	return rows, err
}

// compareWindows compares the dedupe windows, as one stream of entries a source.
func (v *verifier) compareWindows(e *expected, stored snapshot.State, folded *foldedState) error {
	have := map[projector.Source][]byte{}
	err := stored.EachSeen(func(src projector.Source, entries []byte) error {
		have[src] = append(have[src], entries...)
		return nil
	})
	if err != nil {
		return err
	}
	err = folded.EachSeen(func(src projector.Source, want []byte) error {
		if got := have[src]; !bytes.Equal(got, want) {
			at := 0
			for at < len(got) && at < len(want) && got[at] == want[at] {
				at++
			}
			v.add(Difference{Kind: KindWindow, Cut: e.cut, Place: e.place, Field: fmt.Sprintf("entry %d of %d", at/store.EntryBytes, len(want)/store.EntryBytes),
				Have: entryText(got, at/store.EntryBytes), Want: entryText(want, at/store.EntryBytes),
				What: fmt.Sprintf("the %s remembers other records of %s/%d than the fold", e.what, src.Topic, src.Partition)})
		}
		delete(have, src)
		return nil
	})
	for _, src := range sortedSources(have) {
		v.add(Difference{Kind: KindWindow, Cut: e.cut, Place: e.place, Have: entryText(have[src], 0), Want: "none",
			What: fmt.Sprintf("the %s remembers records of %s/%d, the fold none", e.what, src.Topic, src.Partition)})
	}
	return err
}

// entryText is entry i of a dedupe window in hex.
func entryText(entries []byte, i int) string {
	from := i * store.EntryBytes
	if from >= len(entries) {
		return "none"
	}
	return fmt.Sprintf("%x", entries[from:min(from+store.EntryBytes, len(entries))])
}

// foldedState is the state of a fold as snapshots are taken of.
type foldedState struct {
	fold pipeline.Fold
	head *orderlog.Head
}

// StateOf is a fold, after the cut of a head, as a snapshot takes it.
func StateOf(fold pipeline.Fold, head *orderlog.Head) snapshot.State { return &foldedState{fold, head} }

// Head implements snapshot.State.
func (s *foldedState) Head() (*orderlog.Head, error) { return s.head, nil }

// EachRow implements snapshot.State.
func (s *foldedState) EachRow(fn func(projector.Row) error) (err error) {
	s.fold.EachRow(func(r projector.Row) {
		if err == nil {
			err = fn(r)
		}
	})
	return err
}

// EachSeen implements snapshot.State.
func (s *foldedState) EachSeen(fn func(projector.Source, []byte) error) (err error) {
	seer, ok := s.fold.(interface {
		EachSeen(func(projector.Source, []byte))
	})
	if !ok {
		return nil
	}
	seer.EachSeen(func(src projector.Source, entries []byte) {
		if err == nil {
			err = fn(src, entries)
		}
	})
	return err
}
