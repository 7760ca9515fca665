package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"marginledger/internal/archive"
	"marginledger/internal/orderlog"
	"marginledger/internal/store"
	"marginledger/projector"
	"marginledger/snapshot"
)

// Side is one of two things that are compared: per shard a state.
type Side struct {
	Name   string
	states map[int32]sideState
	close  []func() error
}

// sideState is the state of a shard with where it stands.
type sideState struct {
	state snapshot.State
	n     uint64
}

// Close ends the use of what was opened.
func (s *Side) Close() error {
	var errs []error
	for _, f := range s.close {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}

// SideAt is the state of shards at a point of a past; nil: of all that there are.
func (p *Past) SideAt(ctx context.Context, shards []int32, to Point, progress Progress) (*Side, error) {
	shards, err := p.Shards(ctx, shards)
	if err != nil {
		return nil, err
	}
	if len(shards) > 1 && (to.Cut > 0 || to.N > 0) {
		return nil, usage("%v is of one shard, and there are %d: name it", to, len(shards))
	}
	s := &Side{Name: to.String(), states: map[int32]sideState{}}
	for _, shard := range shards {
		m, err := p.At(ctx, shard, to, progress)
		if err != nil {
			return nil, err
		}
		s.states[shard] = sideState{m.state(), m.N}
	}
	return s, nil
}

// OpenSide opens what lies at a path: a data directory of a ledger, a kept day of the demo, an archive, or a snapshot.
func OpenSide(ctx context.Context, path string, progress Progress) (*Side, error) {
	s := &Side{Name: path, states: map[int32]sideState{}}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.IsDir():
		return s, s.snapshot(path)
	}
	if done, err := archive.Finished(filepath.Join(path, archive.SumsName)); err != nil || done {
		if err != nil {
			return nil, err
		}
		p, err := OpenArchive(path)
		if err != nil {
			return nil, err
		}
		side, err := p.SideAt(ctx, nil, End, progress)
		if err != nil {
			return nil, errors.Join(err, p.Close())
		}
		side.Name, side.close = path, append(side.close, p.Close)
		return side, nil
	}
	if _, err := os.Stat(filepath.Join(path, "broker")); err == nil {
		path = filepath.Join(path, "ledger")
	}
	if err := s.stores(path); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Side) snapshot(path string) error {
	f, err := snapshot.Open(path)
	if err != nil {
		return err
	}
	h, err := f.Head()
	if err != nil {
		return err
	}
	s.states[h.Shard] = sideState{f, h.Counters.N}
	return nil
}

// stores opens the stores of a data directory.
func (s *Side) stores(dir string) error {
	for shard := int32(0); ; shard++ {
		at := store.ShardDir(dir, shard)
		if _, err := os.Stat(at); errors.Is(err, fs.ErrNotExist) {
			break
		}
		st, err := store.Open(at, store.Options{DedupeWindow: projector.DefaultDedupeWindow, ReadOnly: true})
		if err != nil {
			return err
		}
		s.close = append(s.close, st.Close)
		view, err := st.View()
		if err != nil {
			return err
		}
		s.close = append([]func() error{view.Close}, s.close...)
		h, err := view.Head()
		if err != nil {
			return err
		}
		if h == nil {
			h = &orderlog.Head{Shard: shard}
		}
		s.states[shard] = sideState{view, h.Counters.N}
	}
	if len(s.states) == 0 {
		return usage("%s is no data directory, kept day, archive or snapshot", dir)
	}
	return nil
}

// Diff is what two sides do not share.
type Diff struct {
	A      string      `json:"a"`
	B      string      `json:"b"`
	Shards []ShardDiff `json:"shards"`
	Equal  bool        `json:"equal"`
}

// ShardDiff is what a shard's two states do not share.
type ShardDiff struct {
	Shard   int32     `json:"shard"`
	NA      uint64    `json:"nA"` // last record of each
	NB      uint64    `json:"nB"`
	Rows    []RowDiff `json:"rows"`
	OnlyA   int       `json:"onlyA"` // how many rows
	OnlyB   int       `json:"onlyB"`
	Changed int       `json:"changed"`
}

// RowDiff is a row that differs.
type RowDiff struct {
	Row    string            `json:"row"`
	Fields []FieldDifference `json:"fields"`
}

// DiffOptions say what is shown.
type DiffOptions struct {
	Rows  string // only rows whose name begins so: "account x/alice"
	Limit int    // rows that are shown, of each shard; 0: all. All are counted
}

// DiffSides compares two sides row by row.
func DiffSides(a, b *Side, o DiffOptions) (*Diff, error) {
	d := &Diff{A: a.Name, B: b.Name, Shards: []ShardDiff{}, Equal: true}
	for shard := int32(0); len(d.Shards) < max(len(a.states), len(b.states)) && shard < 1<<16; shard++ {
		x, okX := a.states[shard]
		y, okY := b.states[shard]
		if okX != okY {
			return nil, usage("shard %d is only in one of %s and %s", shard, a.Name, b.Name)
		}
		if !okX {
			continue
		}
		s := ShardDiff{Shard: shard, NA: x.n, NB: y.n, Rows: []RowDiff{}}
		_, err := mergeRows(x.state.EachRow, y.state.EachRow, func(key, va, vb []byte) { s.add(key, va, vb, &o) })
		if err != nil {
			return nil, err
		}
		d.Equal = d.Equal && s.OnlyA+s.OnlyB+s.Changed == 0
		d.Shards = append(d.Shards, s)
	}
	return d, nil
}

func (s *ShardDiff) add(key, a, b []byte, o *DiffOptions) {
	name := RowName(key)
	if !strings.HasPrefix(name, o.Rows) {
		return
	}
	switch {
	case a == nil:
		s.OnlyB++
	case b == nil:
		s.OnlyA++
	default:
		s.Changed++
	}
	if o.Limit > 0 && len(s.Rows) >= o.Limit {
		return
	}
	s.Rows = append(s.Rows, RowDiff{name, rowFieldsOf(key, a, b)})
}

// rowFieldsOf is DiffRow with every field of a row that is only on one side.
func rowFieldsOf(key, a, b []byte) []FieldDifference {
	if a != nil && b != nil {
		return DiffRow(key, a, b)
	}
	fields, err := RowFields(key, bytes.Join([][]byte{a, b}, nil))
	if err != nil {
		return DiffRow(key, a, b)
	}
	var out []FieldDifference
	for _, f := range fields {
		d := FieldDifference{Field: f.Path, A: f.Value}
		if a == nil {
			d.A, d.B = "", f.Value
		}
		out = append(out, d)
	}
	return out
}

// String is what differs, for people: < is A, > is B.
func (d *Diff) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "< %s\n> %s\n", d.A, d.B)
	for i := range d.Shards {
		s := &d.Shards[i]
		fmt.Fprintf(&b, "shard %d: records %d and %d: %d rows changed, %d only in <, %d only in >\n", s.Shard, s.NA, s.NB, s.Changed, s.OnlyA, s.OnlyB)
		for _, r := range s.Rows {
			fmt.Fprintf(&b, "  %s\n", r.Row)
			for _, f := range r.Fields {
				fmt.Fprintf(&b, "    %-32s < %-30s > %s\n", f.Field, f.A, f.B)
			}
		}
		if hidden := s.Changed + s.OnlyA + s.OnlyB - len(s.Rows); hidden > 0 {
			fmt.Fprintf(&b, "  … and %d more rows\n", hidden)
		}
	}
	return b.String()
}
