package store

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"marginledger/internal/orderlog"
	"marginledger/projector"
)

const testWindow = 10

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir, Options{DedupeWindow: testWindow})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func view(t *testing.T, s *Store) *View {
	t.Helper()
	v, err := s.View()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func headAt(cut uint64) *orderlog.Head {
	return &orderlog.Head{Cut: cut, Sources: []orderlog.Place{}, Skips: []orderlog.PendingSkip{}}
}

// dump returns all rows and dedupe entries of a view.
func dump(t *testing.T, v *View) (rows map[string]string, seen map[projector.Source]string) {
	t.Helper()
	rows, seen = map[string]string{}, map[projector.Source]string{}
	last := []byte(nil)
	err := v.EachRow(func(r projector.Row) error {
		if last != nil && bytes.Compare(last, r.Key) >= 0 {
			t.Errorf("row %q comes after %q", r.Key, last)
		}
		last = bytes.Clone(r.Key)
		rows[string(r.Key)] = string(r.Value)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = v.EachSeen(func(src projector.Source, e []byte) error { seen[src] += string(e); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return rows, seen
}

func entries(from, n int) (b []byte) {
	for i := range n {
		b = append(b, fmt.Sprintf("%024d", from+i)...)
	}
	return b
}

// Random commits, with the store opened anew in between, hold what was put in; views hold what was there when they were
// taken; of the dedupe window exactly the last entries are left.
func TestStoreHoldsCommits(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	dir := t.TempDir()
	s := open(t, dir)
	rows, seen := map[string]string{}, map[projector.Source]string{}
	sources := []projector.Source{{Topic: "a", Partition: 0}, {Topic: "a", Partition: 300}, {Topic: "ab", Partition: 1}}
	added := 0
	for cut := uint64(1); cut <= 60; cut++ {
		old := view(t, s)
		oldRows, oldSeen := dump(t, old)
		b := s.NewBatch()
		for range rng.IntN(10) {
			key := fmt.Sprintf("k%02d", rng.IntN(40))
			if rng.IntN(3) == 0 {
				delete(rows, key)
				b.Row([]byte(key), nil)
				continue
			}
			rows[key] = fmt.Sprint(rng.IntN(1000))
			b.Row([]byte(key), []byte(rows[key]))
		}
		src := sources[rng.IntN(len(sources))]
		n := rng.IntN(2 * testWindow)
		b.Seen(src, entries(added, n))
		if all := seen[src] + string(entries(added, n)); all != "" {
			seen[src] = all[max(len(all)-testWindow*EntryBytes, 0):]
		}
		added += n
		if err := b.Commit(headAt(cut)); err != nil {
			t.Fatal(err)
		}
		if again, againSeen := dump(t, old); !reflect.DeepEqual(again, oldRows) || !reflect.DeepEqual(againSeen, oldSeen) {
			t.Fatal("a view has changed")
		}
		if err := old.Close(); err != nil {
			t.Fatal(err)
		}
		if rng.IntN(5) == 0 {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, dir)
		}
		v := view(t, s)
		gotRows, gotSeen := dump(t, v)
		if !reflect.DeepEqual(gotRows, rows) || !reflect.DeepEqual(gotSeen, seen) {
			t.Fatalf("cut %d: rows %v, expected %v; window %v, expected %v", cut, gotRows, rows, gotSeen, seen)
		}
		if head, err := v.Head(); err != nil || !reflect.DeepEqual(head, headAt(cut)) {
			t.Fatalf("head %+v, %v", head, err)
		}
		for key, want := range rows {
			if got, ok, err := v.Get([]byte(key)); err != nil || !ok || string(got) != want {
				t.Fatalf("row %s is %q, %v, %v", key, got, ok, err)
			}
		}
		if _, ok, err := v.Get([]byte("no such row")); ok || err != nil {
			t.Fatal(ok, err)
		}
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if s.Metrics().DiskBytes == 0 {
		t.Error("no bytes on disk")
	}
}

// Prefixes select rows, also those at the end of all keys.
func TestRowsWithPrefix(t *testing.T) {
	s := open(t, t.TempDir())
	b := s.NewBatch()
	for _, key := range []string{"a", "ab", "ac\xff", "b", "\xff", "\xff\xff"} {
		b.Row([]byte(key), []byte(key))
	}
	if err := b.Commit(headAt(1)); err != nil {
		t.Fatal(err)
	}
	v := view(t, s)
	defer v.Close()
	for prefix, want := range map[string]int{"": 6, "a": 3, "ac": 1, "b": 1, "c": 0, "\xff": 2, "\xff\xff": 1} {
		n := 0
		if err := v.Rows([]byte(prefix), func(projector.Row) error { n++; return nil }); err != nil || n != want {
			t.Errorf("prefix %q: %d rows, %v; expected %d", prefix, n, err, want)
		}
	}
	stop := errors.New("enough")
	if err := v.EachRow(func(projector.Row) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}

// A store that is open cannot be opened again, nor its directory locked twice; a closed one gives no views.
func TestOneOwner(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "s"))
	if _, err := Open(filepath.Join(dir, "s"), Options{DedupeWindow: 1}); !errors.Is(err, ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
	lock, err := LockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := LockDir(dir); !errors.Is(err, ErrLocked) {
		t.Errorf("locked twice: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	if lock, err = LockDir(dir); err != nil {
		t.Fatal(err)
	}
	lock.Close()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.View(); !errors.Is(err, ErrClosed) {
		t.Errorf("a view of a closed store: %v", err)
	}
}

// However one file of a store is damaged, opening or reading it gives an error, an earlier state, or what was there: never
// rows that nobody wrote. What is not a whole store can be set aside.
func TestTornStore(t *testing.T) {
	for i := range 30 {
		rng := rand.New(rand.NewPCG(3, uint64(i)))
		dir := filepath.Join(t.TempDir(), "s")
		s := open(t, dir)
		for cut := uint64(1); cut <= 20; cut++ {
			b := s.NewBatch()
			b.Row(fmt.Appendf(nil, "row-%d", cut), []byte("value"))
			if err := b.Commit(headAt(cut)); err != nil {
				t.Fatal(err)
			}
			if cut%6 == 0 { // Files of more than one life.
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = open(t, dir)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		path := files[rng.IntN(len(files))]
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		what := "removed"
		switch n := rng.IntN(3); {
		case n == 0 || len(content) == 0:
			err = os.Remove(path)
		case n == 1:
			what = "cut off"
			err = os.Truncate(path, int64(rng.IntN(len(content))))
		default:
			what = "changed"
			content[rng.IntN(len(content))] ^= byte(1 + rng.IntN(255))
			err = os.WriteFile(path, content, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := reread(dir); err != nil {
			if !errors.Is(err, ErrTorn) && !orderlog.IsCorruption(err) {
				t.Errorf("%s %s: %v", filepath.Base(path), what, err)
			}
			aside, err := SetAside(dir, "torn")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(aside); err != nil {
				t.Fatal(err)
			}
			if err := reread(dir); err != nil {
				t.Fatalf("a fresh store: %v", err)
			}
		}
	}
}

// reread opens a store and looks for the rows of every cut up to its head.
func reread(dir string) (err error) {
	s, err := Open(dir, Options{DedupeWindow: testWindow})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	v, err := s.View()
	if err != nil {
		return err
	}
	defer v.Close()
	head, err := v.Head()
	if err != nil || head == nil {
		return err
	}
	for cut := range head.Cut {
		if _, ok, err := v.Get(fmt.Appendf(nil, "row-%d", cut+1)); err != nil || !ok {
			return fmt.Errorf("the row of cut %d is missing at cut %d (%v)", cut+1, head.Cut, err)
		}
	}
	return nil
}

// A store that was filled at once is one that was filled by batches: rows, checksum and what is committed on top. Until
// the head is committed it counts as empty.
func TestIngest(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := open(t, dir)
	g, err := s.NewIngest()
	if err != nil {
		t.Fatal(err)
	}
	const rows = 3000
	value := bytes.Repeat([]byte("x"), 50_000) // more than one table
	for i := range rows {
		if err := g.Row(fmt.Appendf(nil, "row-%06d", i), value); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if head, err := s.Head(); err != nil || head != nil {
		t.Fatal(head, err)
	}
	if _, err := s.NewIngest(); err == nil {
		t.Error("filled twice")
	}
	b := s.NewBatch()
	b.Seen(projector.Source{Topic: "a"}, entries(0, 4))
	if err := b.Commit(headAt(1)); err != nil {
		t.Fatal(err)
	}
	b = s.NewBatch()
	b.Row([]byte("row-000007"), nil)
	b.Row([]byte("row-000008"), []byte("y"))
	if err := b.Commit(headAt(2)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		v := view(t, s)
		got, seen := dump(t, v)
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
		if len(got) != rows-1 || got["row-000008"] != "y" || got["row-002999"] != string(value) || len(seen) != 1 {
			t.Fatalf("%d rows, %d windows", len(got), len(seen))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir) // adds up the checksum
	}
	if left, err := filepath.Glob(dir + ".*"); err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}
