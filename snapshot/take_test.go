package snapshot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"marginledger/internal/fixed"
	"marginledger/internal/orderlog"
	"marginledger/projector"
	"marginledger/snapshot/sumtree"
)

var someTime = time.Date(2026, 11, 23, 12, 30, 0, 0, time.UTC)

// take takes a snapshot that must succeed.
func take(t *testing.T, to Store, s State, now time.Time) *Manifest {
	t.Helper()
	m, err := Take(t.Context(), to, s, TakeOptions{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func cuts(t *testing.T, from Store, shard int32) []uint64 {
	t.Helper()
	manifests, damaged, err := List(t.Context(), from, shard)
	if err != nil || len(damaged) > 0 {
		t.Fatal(damaged, err)
	}
	cuts := []uint64{}
	for _, m := range manifests {
		cuts = append(cuts, m.Head.Cut)
	}
	return cuts
}

// The newest come first, shards do not mix, and a file without a manifest is no snapshot.
func TestList(t *testing.T) {
	dir := Dir(filepath.Join(t.TempDir(), "new"))
	if got := cuts(t, dir, 1); len(got) != 0 {
		t.Fatal(got)
	}
	for _, cut := range []uint64{5, 100, 20} {
		take(t, dir, stateOf(cut, 3, 3), someTime)
	}
	other := stateOf(7, 1, 1)
	other.head.Shard = 2
	take(t, dir, other, someTime)
	for _, name := range []string{"shard-001-cut-00000000000000000300-0123456789abcdef.mlsnap", "123.tmp"} {
		if err := os.WriteFile(filepath.Join(string(dir), name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := cuts(t, dir, 1); !slices.Equal(got, []uint64{100, 20, 5}) {
		t.Fatal(got)
	}
	if got := cuts(t, dir, 2); !slices.Equal(got, []uint64{7}) {
		t.Fatal(got)
	}
	if _, err := Take(t.Context(), dir, &state{}, TakeOptions{}); err == nil {
		t.Fatal("a snapshot of nothing")
	}
}

// A state that does not come out of its file as a snapshot must is found by reading it back: nothing is left of it.
func TestTakeVerifies(t *testing.T) {
	dir := Dir(t.TempDir())
	failing := stateOf(200, 3, 3)
	failing.rows[1].Key = nil // It would end the rows.
	if _, err := Take(t.Context(), dir, failing, TakeOptions{}); !errors.Is(err, ErrBad) {
		t.Fatalf("got %v", err)
	}
	if left, err := dir.Names(t.Context(), ""); err != nil || len(left) > 0 {
		t.Fatal(left, err)
	}
}

// The same state is not written twice: what a manifest describes does not change. A damaged one is written anew.
func TestTakeAgain(t *testing.T) {
	dir := Dir(t.TempDir())
	first := take(t, dir, stateOf(5, 3, 3), someTime)
	s := stateOf(5, 3, 3)
	s.head.Build = "another"
	if again := take(t, dir, s, someTime.Add(time.Hour)); !reflect.DeepEqual(first, again) {
		t.Fatalf("%+v, then %+v", first, again)
	}
	path := filepath.Join(string(dir), first.FileName())
	if err := os.Truncate(path, 50); err != nil {
		t.Fatal(err)
	}
	if _, _, err := OpenFrom(t.Context(), dir, first); !errors.Is(err, ErrBad) {
		t.Fatal(err)
	}
	again := take(t, dir, s, someTime.Add(time.Hour))
	if again.Versions.Build != "another" || again.Identity != first.Identity {
		t.Fatalf("%+v", again)
	}
	if _, done, err := OpenFrom(t.Context(), dir, again); err != nil {
		t.Fatal(err)
	} else {
		done()
	}
}

// The golden manifest must be readable for ever.
func TestGoldenManifest(t *testing.T) {
	path := filepath.Join("testdata", "manifest.json")
	root := sumtree.Root{KeyID: "0123456789abcdef", At: sumtree.At{Shard: 1, Cut: 7, Chain: orderlog.Hash{7}}, Accounts: 2, Tree: orderlog.Hash{8},
		Totals: sumtree.Sums{{Venue: "v", Asset: "USDC", Scale: 6, Liabilities: fixed.FromInt64(1_250_500_000), Receivables: fixed.FromInt64(1)}}}
	hash := root.Hash()
	head := &orderlog.Head{Shard: 1, DedupeWindow: 10, ClusterID: "cluster", Rules: "1", Build: "b", Cut: 7, Term: 3, OrderNext: 11, Chain: root.Chain,
		Sources: []orderlog.Place{{Source: projector.Source{Topic: "a", Partition: 2}, Next: 5, Last: 4, Digest: orderlog.Hash{9}}},
		Skips:   []orderlog.PendingSkip{{Skip: orderlog.Skip{Source: projector.Source{Topic: "a", Partition: 2}, Offset: 6, Reason: "INC-17"}}}}
	head.Counters.N = 12
	head.Counters.Seqs[1] = 3
	f := &File{Identity: orderlog.Hash{5}, BodyBytes: 100, FileBytes: 50, FileHash: orderlog.Hash{6}, Rows: 4, Seen: 1, head: head}
	want := &Manifest{Taken: someTime, Root: &root, RootHash: &hash}
	f.describe(want)
	text, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if *rewrite {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseManifest(golden)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v, %v", got, err)
	}
	if !bytes.Equal(text, golden) {
		t.Errorf("it is written as\n%s", text)
	}
}

// Whatever byte of a manifest is changed: it is bad.
func TestManifest(t *testing.T) {
	dir := Dir(t.TempDir())
	m := take(t, dir, stateOf(5, 3, 3), someTime)
	b, err := dir.Get(t.Context(), m.ManifestName())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseManifest(b); err != nil || !reflect.DeepEqual(got, m) {
		t.Fatalf("%+v, %v", got, err)
	}
	for i := range b {
		for _, x := range []byte{0x01, 0x20} {
			changed := bytes.Clone(b)
			changed[i] ^= x
			if _, err := ParseManifest(changed); !errors.Is(err, ErrBad) {
				t.Fatalf("byte %d changed from %q to %q: %v", i, b[i], changed[i], err)
			}
		}
		if _, err := ParseManifest(b[:i]); !errors.Is(err, ErrBad) {
			t.Fatalf("cut off at byte %d: %v", i, err)
		}
	}
	name := m.ManifestName()
	m.Name = strings.Replace(m.Name, "cut-0", "cut-1", 1)
	if b, err = m.Encode(); err != nil {
		t.Fatal(err)
	}
	if _, err := ParseManifest(b); !errors.Is(err, ErrBad) {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(string(dir), name), filepath.Join(string(dir), m.ManifestName())); err != nil {
		t.Fatal(err)
	}
	if got, damaged, err := List(t.Context(), dir, 1); len(got) != 0 || len(damaged) != 1 || err != nil {
		t.Fatal(got, damaged, err)
	}
}

// What is kept is the last so many, and the newest of each of the last so many hours and days.
func TestPolicy(t *testing.T) {
	at := func(text string) time.Time {
		v, err := time.Parse("02 15:04", text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	var manifests []*Manifest
	for _, text := range []string{"23 12:30", "23 12:05", "23 11:59", "23 11:00", "23 09:10", "22 23:00", "22 01:00", "20 10:00", "19 10:00"} {
		manifests = append(manifests, &Manifest{Taken: at(text)})
	}
	for _, c := range []struct {
		policy Policy
		want   string
	}{
		{Policy{}, "x........"},
		{Policy{Last: 2}, "xx......."},
		{Policy{Last: 100}, "xxxxxxxxx"},
		{Policy{Last: 1, Hourly: 3}, "x.x.x...."},
		{Policy{Last: 1, Daily: 3}, "x....x.x."},
		{Policy{Last: 2, Hourly: 4, Daily: 9}, "xxx.xx.xx"},
	} {
		got := ""
		for _, keep := range c.policy.keeps(manifests) {
			got += map[bool]string{true: "x", false: "."}[keep]
		}
		if got != c.want {
			t.Errorf("%+v keeps %s, want %s", c.policy, got, c.want)
		}
	}
}

// Pruning keeps the newest that verifies whatever the policy says, and removes what crashes left in front of it.
func TestPrune(t *testing.T) {
	dir := Dir(t.TempDir())
	var taken []*Manifest
	for i := range uint64(6) {
		taken = append(taken, take(t, dir, stateOf(10+i, 3, 3), someTime.Add(time.Duration(i)*time.Minute)))
	}
	orphan := "shard-001-cut-00000000000000000001-0123456789abcdef.mlsnap"
	newer := "shard-001-cut-00000000000000000099-0123456789abcdef.mlsnap"
	for _, name := range []string{orphan, newer} {
		if err := os.WriteFile(filepath.Join(string(dir), name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range taken[3:] { // The newest three are damaged.
		if err := os.Truncate(filepath.Join(string(dir), m.FileName()), 60); err != nil {
			t.Fatal(err)
		}
	}
	removed, err := Prune(t.Context(), dir, 1, Policy{Last: 2}, nil)
	if err != nil || len(removed) != 3 {
		t.Fatal(removed, err)
	}
	if got := cuts(t, dir, 1); !slices.Equal(got, []uint64{15, 14, 12}) {
		t.Fatal(got)
	}
	names, err := dir.Names(t.Context(), "")
	if err != nil || slices.Contains(names, orphan) || !slices.Contains(names, newer) || len(names) != 7 {
		t.Fatal(names, err)
	}
	if err := os.Truncate(filepath.Join(string(dir), taken[2].FileName()), 60); err != nil {
		t.Fatal(err)
	}
	if removed, err := Prune(t.Context(), dir, 1, Policy{Last: 1}, nil); err != nil || len(removed) > 0 {
		t.Fatalf("none is good, and %v were removed, %v", removed, err)
	}
}

// A copy is the same snapshot, and a damaged one is not copied.
func TestCopy(t *testing.T) {
	from, to := Dir(t.TempDir()), Dir(t.TempDir())
	m := take(t, from, stateOf(5, 3, 3), someTime)
	if err := Copy(t.Context(), from, to, m); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{m.FileName(), m.ManifestName()} {
		a, err := os.ReadFile(filepath.Join(string(from), name))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(filepath.Join(string(to), name)); err != nil || !bytes.Equal(a, b) {
			t.Fatalf("%s differs (%v)", name, err)
		}
	}
	if err := os.Truncate(filepath.Join(string(from), m.FileName()), 60); err != nil {
		t.Fatal(err)
	}
	if err := Copy(t.Context(), from, Dir(t.TempDir()), m); !errors.Is(err, ErrBad) {
		t.Fatal(err)
	}
}

// fullDisk is a writer on a disk with so many bytes left.
type fullDisk struct {
	w    io.Writer
	left int
}

func (d *fullDisk) Write(b []byte) (int, error) {
	n, err := d.w.Write(b[:min(len(b), d.left)])
	d.left -= n
	if err == nil && n < len(b) {
		err = errNoSpace
	}
	return n, err
}

var errNoSpace = fmt.Errorf("write: %w", errors.New("no space left on device"))

// fullDir is a directory on a disk with so many bytes left.
type fullDir struct {
	Dir
	left int
}

func (d *fullDir) Put(ctx context.Context, write func(io.Writer) (string, error)) error {
	return d.Dir.Put(ctx, func(w io.Writer) (string, error) {
		disk := &fullDisk{w, d.left}
		name, err := write(disk)
		d.left = disk.left
		return name, err
	})
}

// A disk that is full at any byte of file or manifest leaves no part of a snapshot that anybody would take for one, and
// the older one untouched; once there is room, the snapshot is taken.
func TestFullDisk(t *testing.T) {
	dir := Dir(t.TempDir())
	old := take(t, dir, stateOf(5, 3, 3), someTime)
	probe := take(t, Dir(t.TempDir()), stateOf(6, 3, 3), someTime)
	text, err := probe.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for left := 0; left < int(probe.FileBytes)+len(text); left += 97 {
		if _, err := Take(t.Context(), &fullDir{dir, left}, stateOf(6, 3, 3), TakeOptions{Now: someTime}); !errors.Is(err, errNoSpace) {
			t.Fatalf("with %d bytes left: %v", left, err)
		}
		if got := cuts(t, dir, 1); !slices.Equal(got, []uint64{5}) {
			t.Fatalf("with %d bytes left: %v", left, got)
		}
		if temps, err := filepath.Glob(filepath.Join(string(dir), TempPattern)); err != nil || len(temps) > 0 {
			t.Fatal(temps, err)
		}
	}
	if _, done, err := OpenFrom(t.Context(), dir, old); err != nil {
		t.Fatal(err)
	} else {
		done()
	}
	take(t, dir, stateOf(6, 3, 3), someTime)
	if got := cuts(t, dir, 1); !slices.Equal(got, []uint64{6, 5}) {
		t.Fatal(got)
	}
}

// A snapshot that is given up leaves nothing.
func TestTakeGivenUp(t *testing.T) {
	dir := Dir(t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Take(ctx, dir, stateOf(5, 3, 3), TakeOptions{}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if names, err := dir.Names(t.Context(), ""); err != nil || len(names) > 0 {
		t.Fatal(names, err)
	}
}
