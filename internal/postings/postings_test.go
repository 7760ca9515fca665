package postings

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/internal/orderlog"
)

var rewrite = flag.Bool("rewrite", false, "write golden files anew")

func random(rng *rand.Rand, n uint64) Entry {
	wide := func() fixed.Int128 { return fixed.Int128{Hi: rng.Int64N(1000) - 500, Lo: rng.Uint64()} }
	return Entry{
		Account: Account{"x", fmt.Sprintf("owner-%d", rng.IntN(50)), uint32(rng.IntN(2))}, N: n, Cut: n / 10, Time: rng.Int64(), Clock: -rng.Int64(),
		Topic: "accounts", Part: 3, Offset: rng.Int64N(1 << 40), Event: fmt.Sprint("e", n), Type: events.TypeFill,
		Pool: "cross", Asset: "USDC", Market: "BTC", Cause: uint8(rng.IntN(14)), Amount: wide(), Scale: 12, Since: rng.Uint64N(n + 1), From: wide(), To: wide(),
	}
}

func write(t testing.TB, path string, entries []Entry, rate *Entry, h *Head) {
	t.Helper()
	w, err := NewWriter(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range entries {
		if err := w.Add(&entries[i]); err != nil {
			t.Fatal(err)
		}
	}
	if rate != nil {
		if err := w.AddRate(rate); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Finish(h); err != nil {
		t.Fatal(err)
	}
}

var testHead = Head{Shard: 2, Build: "test", Order: "ledger.order.v1", Base: Cut{Number: 1, N: 10, Chain: orderlog.Hash{1}, Next: 5},
	End: Cut{Number: 2, N: 30, Chain: orderlog.Hash{2}, Next: 9}}

// Every account gets its own entries, in order, and nobody else's.
func TestRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	path := filepath.Join(t.TempDir(), "deep", "x.mlpost")
	entries := make([]Entry, 20_000)
	want := map[Account][]Entry{}
	for i := range entries {
		entries[i] = random(rng, uint64(i+1))
		if i%3 == 0 {
			entries[i].Owner = "busy"
		}
		want[entries[i].Account] = append(want[entries[i].Account], entries[i])
	}
	rate := random(rng, 99)
	write(t, path, entries, &rate, &testHead)
	x, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	if x.Head != testHead {
		t.Fatalf("%+v", x.Head)
	}
	blocks := 0
	for i := range x.blocks {
		blocks = max(blocks, len(x.blocks[i]))
	}
	if blocks < 2 {
		t.Fatal("no bucket has several blocks")
	}
	for a, list := range want { // unordered: each is compared for itself
		i := 0
		if err := x.Each(a, func(e *Entry) error {
			if i >= len(list) || *e != list[i] {
				t.Fatalf("%v: entry %d is %+v, expected %+v", a, i, *e, list[i])
			}
			i++
			return nil
		}); err != nil || i != len(list) {
			t.Fatalf("%v: %d entries of %d, %v", a, i, len(list), err)
		}
	}
	rates := 0
	if err := x.Rates("x", "BTC", func(e *Entry) error { rates++; return nil }); err != nil || rates != 1 {
		t.Fatal(rates, err)
	}
	if err := x.Rates("x", "ETH", func(*Entry) error { return errors.New("a rate of another market") }); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path + ".part"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}

// A flipped byte is ErrBad when it is opened, or when the block is read.
func TestDamage(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	path := filepath.Join(t.TempDir(), "x")
	entries := []Entry{random(rng, 1), random(rng, 2), random(rng, 3)}
	write(t, path, entries, nil, &testHead)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		b := bytes.Clone(whole)
		b[i] ^= 1 << rng.IntN(8)
		if err := readAll(b); !errors.Is(err, ErrBad) {
			t.Fatalf("byte %d of %d: %v", i, len(b), err)
		}
	}
	for n := range whole {
		if err := readAll(whole[:n]); !errors.Is(err, ErrBad) {
			t.Fatalf("cut off after %d bytes: %v", n, err)
		}
	}
}

func readAll(b []byte) error {
	x, err := open(bytes.NewReader(b), int64(len(b)), "x")
	if err != nil {
		return err
	}
	for i := range Buckets {
		if err := x.each(i, func(*Entry) error { return nil }); err != nil {
			return err
		}
	}
	return nil
}

// The golden file stays readable for ever.
func TestGolden(t *testing.T) {
	golden := filepath.Join("testdata", "postings.hex")
	e := Entry{Account: Account{"x", "ann", 1}, N: 7, Cut: 3, Time: 1_760_130_903_123_456_789, Clock: 1_760_130_903_000_000_000, Topic: "accounts", Part: 1, Offset: 40,
		Event: "e-7", Type: events.TypeFill, Pool: "BTC", Asset: "USDC", Market: "BTC", Cause: 6, Amount: fixed.FromInt64(-5), Scale: 12, Since: 4,
		From: fixed.FromInt64(9), To: fixed.FromInt64(-9)}
	later := e
	later.N, later.Offset, later.Event = 9, 44, "e-9"
	entries := []Entry{e, later}
	if *rewrite {
		path := filepath.Join(t.TempDir(), "x")
		write(t, path, entries, &e, &testHead)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(hex.Dump(b)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b := fromDump(t, golden)
	x, err := open(bytes.NewReader(b), int64(len(b)), golden)
	if err != nil {
		t.Fatal(err)
	}
	var got []Entry
	collect := func(e *Entry) error { got = append(got, *e); return nil }
	if err := errors.Join(x.Each(e.Account, collect), x.Rates("x", "BTC", collect)); err != nil || len(got) != 3 || got[0] != e || got[1] != later || got[2] != e || x.Head != testHead {
		t.Fatalf("%+v, %v", got, err)
	}
}

func fromDump(t testing.TB, path string) (b []byte) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "*") {
			t.Fatal("the dump leaves lines out")
		}
		digits, _, _ := strings.Cut(line[8:], "|")
		part, err := hex.DecodeString(strings.Join(strings.Fields(digits), ""))
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, part...)
	}
	return b
}

// Whatever bytes come, reading ends without a panic.
func FuzzIndex(f *testing.F) {
	path := filepath.Join(f.TempDir(), "x")
	write(f, path, []Entry{random(rand.New(rand.NewPCG(1, 1)), 1)}, nil, &testHead)
	b, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := readAll(b); err != nil && !errors.Is(err, ErrBad) {
			t.Fatal(err)
		}
	})
}

// Entries behind a right checksum may still be anything.
func FuzzEntries(f *testing.F) {
	e := random(rand.New(rand.NewPCG(1, 1)), 5)
	f.Add(e.append(nil, &Entry{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := &decoder{b: b}
		var before Entry
		for len(d.b) > 0 {
			e, err := d.entry(&before)
			if err != nil {
				return
			}
			again, err := (&decoder{b: e.append(nil, &before)}).entry(&before)
			if err != nil || again != e {
				t.Fatalf("%+v, %v, expected %+v", again, err, e)
			}
			before = e
		}
	})
}
