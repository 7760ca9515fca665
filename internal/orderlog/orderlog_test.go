package orderlog

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/projector"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

func hashOf(b byte) (h Hash) {
	for i := range h {
		h[i] = b
	}
	return h
}

// examples are one of each stored form.
func examples() map[string]interface{ Append([]byte) []byte } {
	skip := &Skip{Term: 3, Source: projector.Source{Topic: "exchange.accounts.v1", Partition: 2}, Offset: 77, Record: hashOf(4), Reason: "the producer's test"}
	return map[string]interface{ Append([]byte) []byte }{
		"fence": &Fence{Shard: 2, Address: "http://10.0.0.1:8080", Build: "v1.2.3", Rules: "1", ClusterID: "abc", DedupeWindow: 1 << 20,
			Topics: []Topic{{"exchange.rules.v1", events.RoleConfig, 1}, {"exchange.accounts.v1", events.RoleAccounts, 16}, {"exchange.prices.v1", events.RolePrices, 4}}},
		"cut": &Cut{Term: 3, Number: 300, Prev: hashOf(1), Hash: hashOf(2),
			Runs: []Run{{Topic: 1, Partition: 2, Next: 1000, Count: 10}, {Topic: 2, Partition: 0, Next: 5, Count: 1},
				{Topic: 1, Partition: 2, Next: 1020, Count: 17}, {Topic: 2, Partition: 3, Next: 9, Count: 9}},
			Outputs: Outputs{Counts: [events.Streams]uint64{3, 0, 1}, Digest: hashOf(3)}, Acked: [events.Streams]uint64{700, 20, 1}},
		"skip":      skip,
		"heartbeat": Heartbeat{Term: 3},
		"head": &Head{Shard: 2, DedupeWindow: 1 << 20, ClusterID: "abc", Rules: "1", Build: "v1.2.3", Cut: 300, Term: 3, OrderNext: 400, Chain: hashOf(2),
			Counters: projector.Counters{N: 12345, Seqs: [events.Streams]uint64{703, 20, 2}},
			Sources: []Place{{projector.Source{Topic: "exchange.accounts.v1", Partition: 2}, 1020, 1019, hashOf(5)},
				{projector.Source{Topic: "exchange.prices.v1", Partition: 0}, 5, 4, hashOf(6)}},
			Skips: []PendingSkip{{Skip: *skip, Entry: hashOf(7)}}},
	}
}

func decodeAny(name string, b []byte) (any, error) {
	if name == "head" {
		return DecodeHead(b)
	}
	return Decode(b)
}

// Every stored form has a golden file, which must be readable for ever.
func TestGolden(t *testing.T) {
	for name, want := range examples() {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", name+".hex")
			encoded := want.Append([]byte("before"))[len("before"):]
			if *rewrite {
				text := ""
				for rest := encoded; len(rest) > 0; rest = rest[min(32, len(rest)):] {
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
			if !bytes.Equal(encoded, golden) {
				t.Errorf("encodes to\n%x, the golden file has\n%x", encoded, golden)
			}
			got, err := decodeAny(name, golden)
			if err != nil {
				t.Fatal(err)
			}
			if h, ok := want.(Heartbeat); ok {
				want = &h
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("decodes to\n%+v, expected\n%+v", got, want)
			}
			for i := range golden {
				damaged := bytes.Clone(golden)
				damaged[i] ^= 0x10
				if _, err := decodeAny(name, damaged); !IsCorruption(err) {
					t.Fatalf("with byte %d damaged: %v", i, err)
				}
				if _, err := decodeAny(name, golden[:i]); !IsCorruption(err) {
					t.Fatalf("cut off at byte %d: %v", i, err)
				}
			}
		})
	}
}

// The parts of the chain have fixed values: another implementation can be held against them.
func TestHashes(t *testing.T) {
	cut := examples()["cut"].(*Cut)
	topics := examples()["fence"].(*Fence).Topics
	record := &eventlog.Record{Offset: 7, Timestamp: 1_760_000_000_000, Key: []byte("owner"), Value: []byte(`{"id":"1"}`),
		Headers: []eventlog.Header{{Key: "ce_id", Value: []byte("1")}, {Key: "null"}}}
	large := &eventlog.Record{Offset: 8, Value: bytes.Repeat([]byte("x"), 10_000)}
	var d Recorder
	var o OutputHasher
	o.Add(events.StreamLiquidations, []byte("owner"), []byte(`{"id":"0-1-0","seq":1}`))
	o.Add(events.StreamDeadLetters, nil, []byte(`{"id":"0-2-0","seq":1}`))
	outputs := o.Take()
	var b strings.Builder
	fmt.Fprintf(&b, "genesis %v\n", Genesis(2, 1<<20))
	fmt.Fprintf(&b, "record %v\n", d.Digest(record))
	fmt.Fprintf(&b, "large record %v\n", d.Digest(large))
	fmt.Fprintf(&b, "empty record %v\n", d.Digest(&eventlog.Record{}))
	fmt.Fprintf(&b, "outputs %v %v\n", outputs.Counts, outputs.Digest)
	fmt.Fprintf(&b, "no outputs %v\n", o.Take().Digest)
	fmt.Fprintf(&b, "cut %v\n", Link(cut, topics, &Digests{Inputs: hashOf(8), Rows: hashOf(9), Skips: hashOf(10)}))
	path := filepath.Join("testdata", "hashes.txt")
	if *rewrite {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(golden) {
		t.Errorf("got\n%sthe golden file has\n%s", &b, golden)
	}
}

// The digest of a record depends on all of it; an absent value is not an empty one.
func TestRecordDigest(t *testing.T) {
	base := func() *eventlog.Record {
		return &eventlog.Record{Offset: 1, Timestamp: 2, Key: []byte("k"), Value: []byte("v"), Headers: []eventlog.Header{{Key: "h", Value: []byte("x")}}}
	}
	var d Recorder
	seen := map[Hash]string{d.Digest(base()): "base"}
	for name, change := range map[string]func(*eventlog.Record){
		"offset":       func(r *eventlog.Record) { r.Offset++ },
		"timestamp":    func(r *eventlog.Record) { r.Timestamp++ },
		"key":          func(r *eventlog.Record) { r.Key = []byte("K") },
		"null key":     func(r *eventlog.Record) { r.Key = nil },
		"empty key":    func(r *eventlog.Record) { r.Key = []byte{} },
		"value":        func(r *eventlog.Record) { r.Value = []byte("V") },
		"null value":   func(r *eventlog.Record) { r.Value = nil },
		"empty value":  func(r *eventlog.Record) { r.Value = []byte{} },
		"header key":   func(r *eventlog.Record) { r.Headers[0].Key = "H" },
		"header value": func(r *eventlog.Record) { r.Headers[0].Value = []byte("X") },
		"null header":  func(r *eventlog.Record) { r.Headers[0].Value = nil },
		"no header":    func(r *eventlog.Record) { r.Headers = nil },
		"large value":  func(r *eventlog.Record) { r.Value = make([]byte, 5000) },
	} {
		r := base()
		change(r)
		h := d.Digest(r)
		if other, twice := seen[h]; twice {
			t.Errorf("%s and %s have one digest", name, other)
		}
		seen[h] = name
	}
}

// What counts in the log, and what is passed over.
func TestCursor(t *testing.T) {
	genesis := Genesis(0, 10)
	fence := (&Fence{DedupeWindow: 10, Topics: []Topic{{"t", events.RoleAccounts, 1}}}).Append(nil)
	cut := func(term int64, number uint64, prev, hash Hash, topic int) []byte {
		return (&Cut{Term: term, Number: number, Prev: prev, Hash: hash, Runs: []Run{{Topic: topic, Next: 1, Count: 1}}}).Append(nil)
	}
	skip := func(term int64) []byte { return (&Skip{Term: term, Reason: "r"}).Append(nil) }
	one, two, three := hashOf(1), hashOf(2), hashOf(3)
	type step struct {
		value  []byte
		counts bool
	}
	for _, tc := range []struct {
		name  string
		steps []step
		bad   []byte // what comes then is corruption
		cut   uint64
		term  int64
	}{
		{name: "a term", steps: []step{{fence, true}, {cut(0, 1, genesis, one, 0), true}, {cut(0, 2, one, two, 0), true}}, cut: 2},
		{name: "before the first fence nothing counts", steps: []step{{cut(0, 1, genesis, one, 0), false}, {fence, true}}, term: 1},
		{name: "a zombie behind the fence", steps: []step{{fence, true}, {cut(0, 1, genesis, one, 0), true}, {fence, true}, {cut(0, 2, one, two, 0), false},
			{skip(0), false}, {Heartbeat{0}.Append(nil), false}, {cut(2, 2, one, three, 0), true}}, cut: 2, term: 2},
		{name: "a repetition", steps: []step{{fence, true}, {cut(0, 1, genesis, one, 0), true}, {cut(0, 1, genesis, one, 0), false}}, cut: 1},
		{name: "a skip and a heartbeat", steps: []step{{fence, true}, {skip(0), true}, {Heartbeat{0}.Append(nil), true}}},
		{name: "a gap", steps: []step{{fence, true}}, bad: cut(0, 2, one, two, 0)},
		{name: "another chain", steps: []step{{fence, true}, {cut(0, 1, genesis, one, 0), true}}, bad: cut(0, 2, three, two, 0)},
		{name: "another genesis", steps: []step{{fence, true}}, bad: cut(0, 1, three, two, 0)},
		{name: "a topic that the fence lacks", steps: []step{{fence, true}}, bad: cut(0, 1, genesis, one, 1)},
		{name: "bytes", steps: []step{{fence, true}}, bad: []byte("what is this?")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := NewCursor("order/0", genesis)
			for i, s := range tc.steps {
				entry, err := c.Step(int64(i), s.value)
				if err != nil || (entry != nil) != s.counts {
					t.Fatalf("step %d: %v, %v", i, entry, err)
				}
			}
			if tc.bad != nil {
				if _, err := c.Step(int64(len(tc.steps)), tc.bad); !IsCorruption(err) {
					t.Fatalf("got %v, expected corruption", err)
				}
				return
			}
			if c.Cut != tc.cut || c.Term != tc.term {
				t.Fatalf("cut %d, term %d; expected %d and %d", c.Cut, c.Term, tc.cut, tc.term)
			}
		})
	}
}

func TestHashText(t *testing.T) {
	text, _ := hashOf(0xab).MarshalText()
	var back Hash
	if err := back.UnmarshalText(text); err != nil || back != hashOf(0xab) {
		t.Fatal(back, err)
	}
	for _, bad := range []string{"", "ab", strings.Repeat("x", 64), strings.Repeat("ab", 31)} {
		if err := back.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is taken for a hash", bad)
		}
	}
}

// FuzzDecode: whatever decodes encodes to the same bytes.
func FuzzDecode(f *testing.F) {
	for _, e := range examples() {
		f.Add(e.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 0 { // The fuzzer cannot guess checksums.
			b = seal(b[:len(b):len(b)], 0)
		}
		if e, err := Decode(b); err == nil {
			if again := e.(interface{ Append([]byte) []byte }).Append(nil); !bytes.Equal(again, b) {
				t.Fatalf("%x encodes as %x", b, again)
			}
		}
		if h, err := DecodeHead(b); err == nil {
			if again := h.Append(nil); !bytes.Equal(again, b) {
				t.Fatalf("%x encodes as %x", b, again)
			}
		}
		if key, value, rest, err := NextRow(b); err == nil && len(key)+len(value)+len(rest) > len(b) {
			t.Fatal("a row out of nothing")
		}
	})
}
