package audit

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"marginledger/snapshot"
)

// Two points differ in the rows that changed between them, field by field; a point and a directory of it in none.
func TestDiff(t *testing.T) {
	w, _, _ := story(t)
	ctx := context.Background()
	side := func(to Point) *Side {
		s, err := w.past().SideAt(ctx, nil, to, nil)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	d, err := DiffSides(side(Point{Cut: 3}), side(Point{Cut: 5}), DiffOptions{Rows: "account x/"})
	if err != nil || d.Equal {
		t.Fatal(d, err)
	}
	s := d.Shards[0]
	if s.Changed != 2 || s.OnlyB != 1 || s.OnlyA != 0 || s.NA != 7 || s.NB != 10 {
		t.Fatalf("%v", d)
	}
	if r := s.Rows[0]; r.Row != "account x/alice/0" || len(r.Fields) != 1 || r.Fields[0] != (FieldDifference{"balances[0].amount", "1000000000000000", "1234000000000000"}) {
		t.Errorf("%+v", r)
	}
	if r := s.Rows[2]; r.Row != "account x/carol/0" || r.Fields[0].A != "" || r.Fields[0].Field != "version" {
		t.Errorf("%+v", r)
	}
	if text := d.String(); !strings.Contains(text, "< 1000000000000000") || !strings.Contains(text, "2 rows changed, 0 only in <, 1 only in >") {
		t.Error(text)
	}
	if d, err := DiffSides(side(Point{Cut: 3}), side(Point{Cut: 5}), DiffOptions{Limit: 1}); err != nil || len(d.Shards[0].Rows) != 1 || d.Shards[0].Changed < 3 {
		t.Errorf("%v, %v", d, err)
	}

	w.snapshot()
	list, _, err := snapshot.List(ctx, w.snapshots(), 0)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	for _, path := range []string{filepath.Join(w.dir, "data"), w.archive(ArchiveOptions{}).Where, filepath.Join(string(w.snapshots()), list[0].FileName())} {
		other, err := OpenSide(ctx, path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if d, err := DiffSides(side(End), other, DiffOptions{}); err != nil || !d.Equal || len(d.Shards) != 1 {
			t.Errorf("%s: %v, %v", path, d, err)
		}
		if err := other.Close(); err != nil {
			t.Error(err)
		}
	}
	var bad *UsageError
	if _, err := OpenSide(ctx, t.TempDir(), nil); !errors.As(err, &bad) {
		t.Errorf("an empty directory: %v", err)
	}
	if _, err := DiffSides(side(End), &Side{}, DiffOptions{}); !errors.As(err, &bad) {
		t.Errorf("nothing on one side: %v", err)
	}
}
