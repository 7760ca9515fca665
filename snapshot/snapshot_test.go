package snapshot

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"marginledger/internal/orderlog"
	"marginledger/projector"
)

var rewrite = flag.Bool("rewrite", false, "write the golden file anew")

// state is a state in memory. pieces is how many entries of the dedupe window come at once.
type state struct {
	head   *orderlog.Head
	rows   []projector.Row
	seen   []window
	pieces int
}

type window struct {
	source  projector.Source
	entries string
}

func (s *state) Head() (*orderlog.Head, error) { return s.head, nil }

func (s *state) EachRow(f func(projector.Row) error) error {
	for _, r := range s.rows {
		if err := f(r); err != nil {
			return err
		}
	}
	return nil
}

func (s *state) EachSeen(f func(projector.Source, []byte) error) error {
	for _, w := range s.seen {
		for rest := w.entries; rest != ""; {
			n := min(len(rest), s.pieces*entryBytes)
			if err := f(w.source, []byte(rest[:n])); err != nil {
				return err
			}
			rest = rest[n:]
		}
	}
	return nil
}

// stateOf has n rows of size bytes and n dedupe entries on each of two sources.
func stateOf(cut uint64, n, size int) *state {
	s := &state{pieces: 3, head: &orderlog.Head{Shard: 1, Cut: cut, Rules: "1", Sources: []orderlog.Place{}, Skips: []orderlog.PendingSkip{}}}
	for i := range n {
		s.rows = append(s.rows, projector.Row{Key: fmt.Appendf(nil, "row-%08d", i), Value: bytes.Repeat([]byte{byte(i)}, size)})
	}
	for p := range int32(2) {
		var entries strings.Builder
		for i := range n {
			fmt.Fprintf(&entries, "%024d", i)
		}
		if n > 0 {
			s.seen = append(s.seen, window{projector.Source{Topic: "accounts", Partition: p}, entries.String()})
		}
	}
	return s
}

func contents(t *testing.T, f *File) (rows []projector.Row, seen []window) {
	t.Helper()
	if err := f.EachRow(func(r projector.Row) error {
		rows = append(rows, projector.Row{Key: bytes.Clone(r.Key), Value: append([]byte{}, r.Value...)})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := f.EachSeen(func(src projector.Source, e []byte) error {
		if n := len(seen); n > 0 && seen[n-1].source == src {
			seen[n-1].entries += string(e)
			return nil
		}
		seen = append(seen, window{src, string(e)})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return rows, seen
}

// What is taken comes back, from nothing to many blocks; the identity is of the content alone.
func TestTakeAndOpen(t *testing.T) {
	dir := Dir(t.TempDir())
	for i, s := range []*state{stateOf(1, 0, 0), stateOf(2, 1, 0), stateOf(3, 100, 50), stateOf(4, 60_000, 100), stateOf(5, 3, 3<<20)} {
		m, err := Take(t.Context(), dir, s, TakeOptions{Now: someTime})
		if err != nil {
			t.Fatal(err)
		}
		f, done, err := OpenFrom(t.Context(), dir, m)
		if err != nil {
			t.Fatal(err)
		}
		defer done()
		if head, _ := f.Head(); !reflect.DeepEqual(head, s.head) {
			t.Errorf("%d: head %+v", i, head)
		}
		rows, seen := contents(t, f)
		if len(rows) != len(s.rows) || len(rows) > 0 && !reflect.DeepEqual(rows, s.rows) {
			t.Errorf("%d: the rows differ", i)
		}
		if !reflect.DeepEqual(seen, s.seen) {
			t.Errorf("%d: the windows differ", i)
		}
		var again bytes.Buffer
		s.pieces = 1000
		s.head.Build = "another"
		if id, err := Write(&again, s); err != nil || id != f.Identity {
			t.Errorf("%d: identity %v, then %v, %v", i, f.Identity, id, err)
		}
	}
}

// The golden file must be readable for ever; with any byte of it changed, or cut off anywhere, it is bad.
func TestGoldenFile(t *testing.T) {
	path := filepath.Join("testdata", "snapshot.hex")
	want := stateOf(7, 3, 5)
	if *rewrite {
		var b bytes.Buffer
		if _, err := Write(&b, want); err != nil {
			t.Fatal(err)
		}
		text := ""
		for rest := b.Bytes(); len(rest) > 0; rest = rest[min(32, len(rest)):] {
			text += hex.EncodeToString(rest[:min(32, len(rest))]) + "\n"
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	golden, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "snapshot")
	openBytes := func(b []byte) (*File, error) {
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}
		return Open(file)
	}
	f, err := openBytes(golden)
	if err != nil {
		t.Fatal(err)
	}
	rows, seen := contents(t, f)
	if head, _ := f.Head(); !reflect.DeepEqual(head, want.head) || !reflect.DeepEqual(rows, want.rows) || !reflect.DeepEqual(seen, want.seen) {
		t.Fatalf("head %+v, rows %v, windows %v", head, rows, seen)
	}
	const identity = "2ee8b0fb733c597f029f715a12cf75c6d0e672c8e7e6848649660b0db5056a54"
	if f.Identity.String() != identity {
		t.Errorf("identity %v, expected %v", f.Identity, identity)
	}
	for i := range golden {
		damaged := bytes.Clone(golden)
		damaged[i] ^= 0x01
		if _, err := openBytes(damaged); !errors.Is(err, ErrBad) {
			t.Fatalf("with byte %d changed: %v", i, err)
		}
		if _, err := openBytes(golden[:i]); !errors.Is(err, ErrBad) {
			t.Fatalf("cut off at byte %d: %v", i, err)
		}
	}
	if _, err := openBytes(append(bytes.Clone(golden), 0)); !errors.Is(err, ErrBad) {
		t.Fatalf("with a byte more: %v", err)
	}
}
