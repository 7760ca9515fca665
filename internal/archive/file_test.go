package archive

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"marginledger/internal/eventlog"
)

var rewrite = flag.Bool("rewrite", false, "write golden files anew")

// random returns records with gaps in their offsets, nulls, empties, headers and sizes of any kind.
func random(rng *rand.Rand, n int, from int64) []eventlog.Record {
	field := func(most int) []byte {
		switch rng.IntN(8) {
		case 0:
			return nil
		case 1:
			return []byte{}
		}
		b := make([]byte, rng.IntN(most))
		for i := range b {
			b[i] = byte(rng.IntN(4)) // something to compress
		}
		return b
	}
	records := make([]eventlog.Record, n)
	for i := range records {
		from += int64(1 + rng.IntN(2)*rng.IntN(5))
		r := eventlog.Record{Offset: from - 1, Timestamp: 1_760_000_000_000 + rng.Int64N(100_000) - 50_000, Key: field(20), Value: field(3000)}
		for range rng.IntN(4) * rng.IntN(2) {
			r.Headers = append(r.Headers, eventlog.Header{Key: string(field(10)), Value: field(10)})
		}
		if rng.IntN(200) == 0 {
			r.Value = make([]byte, 2*blockBytes)
		}
		records[i] = r
	}
	return records
}

func write(t testing.TB, path string, from int64, records []eventlog.Record, next int64) {
	t.Helper()
	w, err := NewWriter(path, Head{Topic: "facts", Partition: 3, From: from})
	if err != nil {
		t.Fatal(err)
	}
	for i := range records {
		if err := w.Add(&records[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Finish(next); err != nil {
		t.Fatal(err)
	}
}

// readAll returns what a reader from an offset gives, up to the end.
func readAll(f *File, offset int64) (records []eventlog.Record, err error) {
	r := f.Reader(offset)
	for {
		got, err := r.Fetch(context.Background())
		if err != nil {
			return nil, err
		}
		records = append(records, got.Records...)
		if got.NextOffset == f.Next {
			return records, nil
		}
	}
}

func same(a, b []eventlog.Record) error {
	if len(a) != len(b) {
		return fmt.Errorf("%d records, expected %d", len(a), len(b))
	}
	for i := range a {
		if x, y := text(&a[i]), text(&b[i]); x != y {
			return fmt.Errorf("record %d is %.200s, expected %.200s", i, x, y)
		}
	}
	return nil
}

// text tells null from empty.
func text(r *eventlog.Record) string { return fmt.Sprintf("%#v", *r) }

func seed(t testing.TB) uint64 {
	s := uint64(time.Now().UnixNano())
	if env := os.Getenv("MARGINLEDGER_SEED"); env != "" {
		var err error
		if s, err = strconv.ParseUint(env, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("repeat with MARGINLEDGER_SEED=%d go test -run '^%s$' ./internal/archive", s, t.Name())
		}
	})
	return s
}

// What was written is read, from any offset on.
func TestFileRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(seed(t), 1))
	for _, n := range []int{0, 1, 2, 1500} {
		path := filepath.Join(t.TempDir(), "f.mlarch")
		records := random(rng, n, 100)
		next := int64(100 + n*10)
		write(t, path, 100, records, next)
		f, err := OpenFile(path, "f.mlarch")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if f.Topic != "facts" || f.Partition != 3 || f.From != 100 || f.Next != next || f.Records != uint64(n) {
			t.Fatalf("%+v", f)
		}
		if n > 1000 && len(f.blocks) < 3 {
			t.Fatalf("only %d blocks", len(f.blocks))
		}
		if err := f.CheckBlocks(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			from := 100 + rng.Int64N(next-100+1)
			want := records
			for len(want) > 0 && want[0].Offset < from {
				want = want[1:]
			}
			got, err := readAll(f, from)
			if err != nil {
				t.Fatal(err)
			}
			if err := same(got, want); err != nil {
				t.Fatalf("from %d: %v", from, err)
			}
		}
		for _, beyond := range []int64{99, next + 1} {
			var out *eventlog.OutOfRangeError
			if _, err := readAll(f, beyond); !errors.As(err, &out) {
				t.Fatalf("from %d: %v", beyond, err)
			}
		}
	}
}

// At the end a reader says once that there is nothing, and then waits: whoever polls does not spin.
func TestReaderWaitsAtTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.mlarch")
	write(t, path, 0, nil, 5)
	f, err := OpenFile(path, "f")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := f.Reader(0)
	if got, err := r.Fetch(t.Context()); err != nil || len(got.Records) > 0 || got.NextOffset != 5 {
		t.Fatalf("%+v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Fetch(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// A file that was left, wherever, and gone on with has the bytes of one that was written in one go.
func TestFileResumes(t *testing.T) {
	rng := rand.New(rand.NewPCG(seed(t), 2))
	records := random(rng, 1500, 7)
	whole := filepath.Join(t.TempDir(), "whole")
	write(t, whole, 7, records, 1<<40)
	want, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		path := filepath.Join(t.TempDir(), "f")
		w, err := NewWriter(path, Head{Topic: "facts", Partition: 3, From: 7})
		if err != nil {
			t.Fatal(err)
		}
		n := rng.IntN(len(records))
		for i := range n {
			if err := w.Add(&records[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Leave(); err != nil {
			t.Fatal(err)
		}
		part, err := os.ReadFile(path + partSuffix)
		if err != nil {
			t.Fatal(err)
		}
		// A crash may leave less, or rubbish behind.
		part = append(part[:len(part)-rng.IntN(min(len(part), 50_000))], make([]byte, rng.IntN(100))...)
		if err := os.WriteFile(path+partSuffix, part, 0o600); err != nil {
			t.Fatal(err)
		}
		if done, err := Finished(path); done || err != nil {
			t.Fatal(done, err)
		}
		if w, err = NewWriter(path, Head{Topic: "facts", Partition: 3, From: 7}); err != nil {
			t.Fatal(err)
		}
		for i := range records {
			if records[i].Offset < w.Next() {
				continue
			}
			if err := w.Add(&records[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Finish(1 << 40); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("left after %d records: %d bytes, expected %d", n, len(got), len(want))
		}
	}
}

// Offsets rise, begin where the file does, and end before it does.
func TestWriterRefuses(t *testing.T) {
	w, err := NewWriter(filepath.Join(t.TempDir(), "f"), Head{Topic: "facts", From: 5})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Leave()
	for _, step := range []struct {
		offset int64
		ok     bool
	}{{4, false}, {6, true}, {6, false}, {5, false}, {9, true}} {
		if err := w.Add(&eventlog.Record{Offset: step.offset}); (err == nil) != step.ok {
			t.Fatalf("offset %d: %v", step.offset, err)
		}
	}
	if err := w.Finish(9); err == nil {
		t.Fatal("an end before the last record")
	}
}

// A flipped byte anywhere is found, by reading or by the digests, and the message says in which block it is.
func TestFileDamage(t *testing.T) {
	rng := rand.New(rand.NewPCG(seed(t), 3))
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	records := random(rng, 1000, 0)
	write(t, path, 0, records, 1<<30)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	good, err := OpenFile(path, "f")
	if err != nil {
		t.Fatal(err)
	}
	defer good.Close()
	blockAt := func(pos int64) int {
		for i := range good.blocks {
			if pos >= good.blocks[i].pos && pos < good.blockEnd(i) {
				return i
			}
		}
		return -1
	}
	for range 300 {
		pos := rng.IntN(len(whole))
		b := bytes.Clone(whole)
		b[pos] ^= 1 << rng.IntN(8)
		err := open(b)
		var damage *DamageError
		if want := blockAt(int64(pos)); want >= 0 {
			if !errors.As(err, &damage) || damage.Block != want {
				t.Fatalf("byte %d of block %d: %v", pos, want, err)
			}
			from, next := good.bounds(want)
			if damage.From != from || damage.Next != next || !strings.Contains(err.Error(), fmt.Sprintf("f, block %d (offsets %d to %d)", want, from, next-1)) {
				t.Fatalf("byte %d: %v", pos, err)
			}
			continue
		}
		// Between the blocks lie only head, end and index. The zeros of the end are told by their place.
		if pos >= int(good.end) && pos < int(good.end)+headerBytes {
			continue
		}
		if !errors.As(err, &damage) || !errors.Is(err, eventlog.ErrCorruption) {
			t.Fatalf("byte %d: %v", pos, err)
		}
	}
	for range 100 { // cut off anywhere
		if err := open(whole[:rng.IntN(len(whole))]); !errors.Is(err, eventlog.ErrCorruption) {
			t.Fatal(err)
		}
	}
}

// open reads everything of a file's bytes.
func open(b []byte) error {
	f, err := openFile(bytes.NewReader(b), int64(len(b)), "f")
	if err != nil {
		return err
	}
	if _, err := readAll(f, f.From); err != nil {
		return err
	}
	return f.CheckBlocks(context.Background())
}

// The golden file stays readable for ever.
func TestGoldenFile(t *testing.T) {
	golden := filepath.Join("testdata", "partition.hex")
	records := []eventlog.Record{
		{Offset: 41, Timestamp: 1_760_130_903_123, Key: []byte("alice"), Value: []byte("one")},
		{Offset: 42, Timestamp: 1_760_130_903_122, Value: []byte{}, Headers: []eventlog.Header{{Key: "h", Value: []byte("v")}, {Key: "", Value: nil}}},
		{Offset: 50, Timestamp: 1_760_130_904_000, Key: []byte{}, Value: []byte(strings.Repeat("compressible ", 40))},
	}
	if *rewrite {
		path := filepath.Join(t.TempDir(), "f")
		write(t, path, 40, records, 60)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(hex.Dump(b)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b := fromDump(t, golden)
	f, err := openFile(bytes.NewReader(b), int64(len(b)), golden)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readAll(f, 40)
	if err != nil {
		t.Fatal(err)
	}
	if err := same(got, records); err != nil {
		t.Fatal(err)
	}
	if err := f.CheckBlocks(t.Context()); err != nil || f.Topic != "facts" || f.Partition != 3 || f.From != 40 || f.Next != 60 {
		t.Fatalf("%+v, %v", f.Head, err)
	}
	later := bytes.Clone(b)
	later[len(magic)-1] = 2
	if err := open(later); err == nil || !strings.Contains(err.Error(), "format version 2, this build reads 1") {
		t.Fatal(err)
	}
}

// fromDump reads what hex.Dump wrote.
func fromDump(t testing.TB, path string) (b []byte) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		digits, _, _ := strings.Cut(line[8:], "|")
		part, err := hex.DecodeString(strings.Join(strings.Fields(digits), ""))
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, part...)
	}
	return b
}

// Whatever bytes come, opening and reading end without a panic and without taking more memory than the file promises.
func FuzzFile(f *testing.F) {
	f.Add(fromDump(f, filepath.Join("testdata", "partition.hex")))
	path := filepath.Join(f.TempDir(), "f")
	write(f, path, 0, random(rand.New(rand.NewPCG(1, 1)), 50, 0), 1000)
	b, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := open(b); err != nil && !errors.Is(err, eventlog.ErrCorruption) && !errors.Is(err, io.EOF) {
			t.Fatalf("not marked as corruption: %v", err)
		}
	})
}

// Records behind a right checksum may still be anything: they decode to what encodes to the same bytes, or not at all.
func FuzzRecords(f *testing.F) {
	records := random(rand.New(rand.NewPCG(1, 1)), 3, 0)
	var b []byte
	offset, timestamp := int64(-1), int64(0)
	for i := range records {
		b = appendRecord(b, &records[i], offset, timestamp)
		offset, timestamp = records[i].Offset, records[i].Timestamp
	}
	f.Add(b, 3, int64(0))
	f.Fuzz(func(t *testing.T, b []byte, count int, first int64) {
		if count < 0 || count > len(b) || first < 0 {
			return
		}
		records, err := decodeRecords(nil, b, count, first)
		if err != nil {
			return
		}
		var again []byte
		offset, timestamp := first-1, int64(0)
		for i := range records {
			if records[i].Offset <= offset {
				t.Fatalf("offset %d behind %d", records[i].Offset, offset)
			}
			again = appendRecord(again, &records[i], offset, timestamp)
			offset, timestamp = records[i].Offset, records[i].Timestamp
		}
		back, err := decodeRecords(nil, again, count, first)
		if err != nil {
			t.Fatal(err)
		}
		if err := same(back, records); err != nil {
			t.Fatal(err)
		}
	})
}

// Records hold after further fetches, those of blocks that do not compress too.
func TestRecordsHold(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var records []eventlog.Record
	for i := range 40 {
		value := make([]byte, blockBytes/8)
		for j := range value {
			if value[j] = 1; i/10%2 == 0 {
				value[j] = byte(rng.IntN(256))
			}
		}
		records = append(records, eventlog.Record{Offset: int64(i), Key: []byte("k"), Value: value})
	}
	path := filepath.Join(t.TempDir(), "f")
	write(t, path, 0, records, 40)
	f, err := OpenFile(path, "f")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := readAll(f, 0)
	if err == nil {
		err = same(got, records)
	}
	if err != nil || len(f.blocks) < 4 {
		t.Fatalf("%v, %d blocks", err, len(f.blocks))
	}
}
