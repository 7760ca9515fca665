package eventlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"reflect"
	"slices"
	"testing"
)

// kind of a raw batch in these tests.
type raw struct {
	base          int64
	pid           int64
	transactional bool
	marker        string // "abort" or "commit": a control batch
	values        []string
	gone          int // records that compaction removed at the end of the batch
	edit          func(b []byte)
	codec         Compression
	appendTime    int64 // LogAppendTime
}

// encode builds a batch as a broker would have stored it.
func (r raw) encode(t testing.TB) []byte {
	t.Helper()
	var recs []ProduceRecord
	for _, v := range r.values {
		recs = append(recs, ProduceRecord{Value: []byte(v), Timestamp: 1000})
	}
	if r.marker != "" {
		key := []byte{0, 0, 0, 0}
		if r.marker == "commit" {
			key[3] = 1
		}
		recs = []ProduceRecord{{Key: key, Value: make([]byte, 6), Timestamp: 1000}}
	}
	b, err := appendBatch(nil, recs, producerState{id: r.pid}, r.codec)
	if err != nil {
		t.Fatal(err)
	}
	binary.BigEndian.PutUint64(b, uint64(r.base))
	attributes := uint16(r.codec)
	if r.transactional || r.marker != "" {
		attributes |= attrTransactional
	}
	if r.marker != "" {
		attributes |= attrControl
	}
	if r.appendTime != 0 {
		attributes |= attrLogAppendTime
		binary.BigEndian.PutUint64(b[35:], uint64(r.appendTime))
	}
	binary.BigEndian.PutUint16(b[21:], attributes)
	binary.BigEndian.PutUint32(b[23:], uint32(len(recs)-1+r.gone))
	if r.edit != nil {
		r.edit(b)
	}
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[crcFrom:], castagnoli))
	return b
}

func join(t testing.TB, batches ...raw) []byte {
	t.Helper()
	var out []byte
	for _, b := range batches {
		out = append(out, b.encode(t)...)
	}
	return out
}

// seen renders records as offset:value.
func seen(recs []Record) []string {
	out := []string{}
	for _, r := range recs {
		out = append(out, fmt.Sprintf("%d:%s", r.Offset, r.Value))
	}
	return out
}

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		name    string
		batches []raw
		from    int64
		aborted []abortedTxn
		want    []string
		next    int64
	}{
		{name: "nothing", want: []string{}, next: 0},
		{name: "two batches with a gap between", batches: []raw{{base: 0, values: []string{"a", "b"}}, {base: 7, values: []string{"c"}}},
			want: []string{"0:a", "1:b", "7:c"}, next: 8},
		{name: "begins inside a batch", from: 1, batches: []raw{{base: 0, values: []string{"a", "b"}}},
			want: []string{"1:b"}, next: 2},
		{name: "begins with batches that were not asked for", from: 2,
			batches: []raw{{base: 0, values: []string{"a", "b"}}, {base: 2, values: []string{"c"}}},
			want:    []string{"2:c"}, next: 3},
		{name: "compaction took the last records: step by the last offset delta",
			batches: []raw{{base: 5, values: []string{"a"}, gone: 4}}, from: 5, want: []string{"5:a"}, next: 10},
		{name: "control batches are skipped",
			batches: []raw{{base: 0, pid: 1, transactional: true, values: []string{"a"}}, {base: 1, pid: 1, marker: "commit"}, {base: 2, values: []string{"b"}}},
			want:    []string{"0:a", "2:b"}, next: 3},
		{name: "only a control batch still moves on", from: 4,
			batches: []raw{{base: 4, pid: 1, marker: "commit"}}, want: []string{}, next: 5},
		{name: "an aborted transaction, another producer's records within it, and the same producer after it",
			batches: []raw{
				{base: 0, pid: 1, transactional: true, values: []string{"lost"}},
				{base: 1, pid: 2, transactional: true, values: []string{"kept"}},
				{base: 2, pid: 1, values: []string{"not transactional"}},
				{base: 3, pid: 1, transactional: true, values: []string{"lost too"}},
				{base: 4, pid: 1, marker: "abort"},
				{base: 5, pid: 2, marker: "commit"},
				{base: 6, pid: 1, transactional: true, values: []string{"committed"}},
				{base: 7, pid: 1, marker: "commit"},
			},
			aborted: []abortedTxn{{1, 0}}, want: []string{"1:kept", "2:not transactional", "6:committed"}, next: 8},
		{name: "two aborted transactions of one producer, listed in any order",
			batches: []raw{
				{base: 0, pid: 1, transactional: true, values: []string{"x"}}, {base: 1, pid: 1, marker: "abort"},
				{base: 2, pid: 1, transactional: true, values: []string{"ok"}}, {base: 3, pid: 1, marker: "commit"},
				{base: 4, pid: 1, transactional: true, values: []string{"y"}}, {base: 5, pid: 1, marker: "abort"},
			},
			aborted: []abortedTxn{{1, 4}, {1, 0}}, want: []string{"2:ok"}, next: 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, next, err := decodeBatches(join(t, c.batches...), c.from, c.aborted)
			if err != nil || !slices.Equal(seen(got), c.want) || next != c.next {
				t.Fatalf("got %v, next %d, %v; want %v, next %d", seen(got), next, err, c.want, c.next)
			}
		})
	}
}

func TestDecodeIncompleteTail(t *testing.T) {
	whole := join(t, raw{base: 0, values: []string{"a"}}, raw{base: 1, values: []string{"b"}})
	first := len(join(t, raw{base: 0, values: []string{"a"}}))
	for n := range len(whole) {
		got, next, err := decodeBatches(whole[:n], 0, nil)
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		want := int64(0)
		if n >= first {
			want = 1
		}
		if next != want || len(got) != int(want) {
			t.Fatalf("%d bytes: %v, next %d", n, seen(got), next)
		}
	}
}

func TestDecodeLogAppendTime(t *testing.T) {
	got, _, err := decodeBatches(join(t, raw{values: []string{"a", "b"}, appendTime: 77}), 0, nil)
	if err != nil || got[0].Timestamp != 77 || got[1].Timestamp != 77 {
		t.Fatal(got, err)
	}
}

// TestDecodeFlippedBits: no damage that a checksum can see gets through, and none panics.
func TestDecodeFlippedBits(t *testing.T) {
	whole := join(t, raw{base: 3, values: []string{"abc", "def"}})
	for i := 12; i < len(whole); i++ { // The base offset, length and leader epoch are not covered.
		if i < 16 {
			continue
		}
		for bit := range 8 {
			damaged := slices.Clone(whole)
			damaged[i] ^= 1 << bit
			if _, _, err := decodeBatches(damaged, 3, nil); !errors.Is(err, ErrCorruption) {
				t.Fatalf("byte %d, bit %d: %v", i, bit, err)
			}
		}
	}
}

func TestDecodeLies(t *testing.T) {
	put16 := func(at int, v uint16) func([]byte) {
		return func(b []byte) { binary.BigEndian.PutUint16(b[at:], v) }
	}
	put32 := func(at int, v uint32) func([]byte) {
		return func(b []byte) { binary.BigEndian.PutUint32(b[at:], v) }
	}
	for _, c := range []struct {
		name string
		edit func([]byte)
	}{
		{"more records than bytes", put32(57, 1000)},
		{"fewer records than there are", put32(57, 1)},
		{"negative count", put32(57, ^uint32(0))},
		{"negative last offset delta", put32(23, ^uint32(0))},
		{"offsets past the last one", put32(23, 0)},
		{"an unknown codec", put16(21, 7)},
		{"a codec that it does not have", put16(21, uint16(Zstd))},
		{"lz4 it is not", put16(21, uint16(Lz4))},
		{"gzip it is not", put16(21, uint16(Gzip))},
		{"snappy it is not", put16(21, uint16(Snappy))},
		{"format 1", func(b []byte) { b[16] = 1 }},
		{"too short", put32(8, 10)},
		{"record length past the end", func(b []byte) { b[61] = 0x7e }},
		{"key length past the end", func(b []byte) { b[65] = 0x7e }},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := decodeBatches(join(t, raw{values: []string{"a", "b"}, edit: c.edit}), 0, nil)
			if !errors.Is(err, ErrCorruption) {
				t.Fatal(err)
			}
		})
	}
	for _, second := range []int64{2, 5, 6} {
		back := join(t, raw{base: 5, values: []string{"a", "b"}}, raw{base: second, values: []string{"c", "d", "e"}})
		if _, _, err := decodeBatches(back, 0, nil); !errors.Is(err, ErrCorruption) {
			t.Fatalf("a batch at offset %d after one that ended at 6: %v", second, err)
		}
	}
}

func TestDecodeBomb(t *testing.T) {
	zeros := make([]byte, MaxBatchBytes+1)
	for _, codec := range []Compression{Gzip, Snappy, Lz4, Zstd} {
		packed, err := pack(codec, nil, zeros)
		if err != nil {
			t.Fatal(err)
		}
		b := join(t, raw{values: []string{"a"}})
		b = append(b[:batchHeader:batchHeader], packed...)
		binary.BigEndian.PutUint32(b[8:], uint32(len(b)-batchPrefix))
		binary.BigEndian.PutUint16(b[21:], uint16(codec))
		binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[crcFrom:], castagnoli))
		var large *TooLargeError
		if _, _, err := decodeBatches(b, 0, nil); !errors.As(err, &large) {
			t.Fatalf("%v: %v", codec, err)
		}
	}
}

// TestDecodeBudget: many small batches that unpack to much are taken in several fetches.
func TestDecodeBudget(t *testing.T) {
	value := string(make([]byte, 4<<20))
	var batches []raw
	for i := range 20 {
		batches = append(batches, raw{base: int64(i), values: []string{value}, codec: Zstd})
	}
	data := join(t, batches...)
	got, next, err := decodeBatches(data, 0, nil)
	if err != nil || next < 1 || next > 10 || len(got) != int(next) {
		t.Fatalf("%d records, next %d, %v", len(got), next, err)
	}
	total := len(got)
	for next < 20 {
		if got, next, err = decodeBatches(data, next, nil); err != nil {
			t.Fatal(err)
		}
		total += len(got)
	}
	if total != 20 {
		t.Fatalf("%d records", total)
	}
}

func TestSnappyFramings(t *testing.T) {
	records := bytes.Repeat([]byte("snappy "), 20_000) // several blocks
	framed, err := pack(Snappy, nil, records)
	if err != nil {
		t.Fatal(err)
	}
	got, err := unpack(Snappy, framed, MaxBatchBytes)
	if err != nil || !bytes.Equal(got, records) {
		t.Fatal("framed as Java does:", err)
	}
	for n := xerialHeader; n < 200; n++ {
		if _, err := unpack(Snappy, framed[:n+1], MaxBatchBytes); err == nil {
			t.Fatalf("cut after %d bytes, and no error", n+1)
		}
	}
}

func TestMurmur2(t *testing.T) {
	// From org.apache.kafka.common.utils.UtilsTest.
	for key, want := range map[string]int32{
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
		"a-little-bit-longer-string":                       -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971, "abc": 479470107,
	} {
		if got := int32(murmur2([]byte(key))); got != want {
			t.Errorf("%s: %d, want %d", key, got, want)
		}
	}
	if got := Murmur2Partition([]byte("foobar"), 7); got != (-790332482&0x7fffffff)%7 {
		t.Error(got)
	}
}

func TestNextSequence(t *testing.T) {
	for _, c := range [][3]int{{0, 5, 5}, {1<<31 - 1, 1, 0}, {1<<31 - 3, 5, 2}} {
		if got := nextSequence(int32(c[0]), c[1]); got != int32(c[2]) {
			t.Errorf("%d records after %d: %d, want %d", c[1], c[0], got, c[2])
		}
	}
}

func TestAssign(t *testing.T) {
	held := func(cut uint64, shards ...int32) (h []Held) {
		for _, s := range shards {
			h = append(h, Held{s, cut})
		}
		return h
	}
	for _, c := range []struct {
		name    string
		members []member
		n       int32
		want    map[string][]int32
	}{
		{"nobody", nil, 3, map[string][]int32{}},
		{"one gets all", []member{{"a", nil}}, 3, map[string][]int32{"a": {0, 1, 2}}},
		{"more members than shards", []member{{"a", nil}, {"b", nil}}, 1, map[string][]int32{"a": {0}}},
		{"holders keep theirs", []member{{"a", held(5, 1, 3)}, {"b", held(5, 0, 2)}}, 4, map[string][]int32{"a": {1, 3}, "b": {0, 2}}},
		{"the one with more keeps the odd one", []member{{"a", held(5, 0)}, {"b", held(5, 1, 2)}}, 3, map[string][]int32{"a": {0}, "b": {1, 2}}},
		{"a newcomer gets its share", []member{{"a", held(5, 0, 1, 2, 3)}, {"b", nil}}, 4, map[string][]int32{"a": {0, 1}, "b": {2, 3}}},
		{"the highest cut wins", []member{{"a", held(5, 0, 1)}, {"b", held(6, 1)}}, 2, map[string][]int32{"a": {0}, "b": {1}}},
		{"older state is better than none", []member{{"a", held(9, 0, 1, 2)}, {"b", nil}, {"c", held(4, 1)}}, 3, map[string][]int32{"a": {0}, "b": {2}, "c": {1}}},
		{"shards that do not exist", []member{{"a", held(9, -1, 7)}}, 1, map[string][]int32{"a": {0}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := assign(c.members, c.n); !reflect.DeepEqual(got, c.want) {
				t.Fatalf("got %v, want %v", got, c.want)
			}
			slices.Reverse(c.members)
			if got := assign(c.members, c.n); !reflect.DeepEqual(got, c.want) {
				t.Fatalf("in another order: %v", got)
			}
		})
	}
}

func TestHeldRoundTrip(t *testing.T) {
	want := []Held{{0, 0}, {7, 1 << 60}}
	b := encodeHeld(want)
	if got := decodeHeld(b); !slices.Equal(got, want) {
		t.Fatal(got)
	}
	for n := range len(b) {
		if got := decodeHeld(b[:n]); got != nil {
			t.Fatalf("cut after %d bytes: %v", n, got)
		}
	}
}

// FuzzDecode: bytes in, records or an error out; no panic, and nothing that the input does not pay for.
func FuzzDecode(f *testing.F) {
	for _, codec := range []Compression{None, Gzip, Snappy, Lz4, Zstd} {
		f.Add(join(f, raw{base: 1, values: []string{"value", "another"}, codec: codec}), int64(0))
	}
	f.Add(join(f, raw{pid: 1, transactional: true, values: []string{"a"}}, raw{base: 1, pid: 1, marker: "abort"}), int64(0))
	f.Fuzz(func(t *testing.T, data []byte, from int64) {
		if len(data) > batchHeader { // Past the checksum, where the bugs would be.
			if n := int(int32(binary.BigEndian.Uint32(data[8:]))); n >= batchHeader-batchPrefix && n <= len(data)-batchPrefix {
				binary.BigEndian.PutUint32(data[17:], crc32.Checksum(data[crcFrom:batchPrefix+n], castagnoli))
			}
		}
		records, next, err := decodeBatches(data, from, []abortedTxn{{1, 0}})
		if err != nil {
			return
		}
		if next < from {
			t.Fatalf("next offset %d is below %d", next, from)
		}
		last := from - 1
		for _, r := range records {
			if r.Offset <= last || r.Offset >= next {
				t.Fatalf("record at offset %d after %d, next %d", r.Offset, last, next)
			}
			last = r.Offset
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	recs := make([]ProduceRecord, 5000)
	for i := range recs {
		recs[i] = ProduceRecord{Key: []byte("0123456789abcdef"), Value: bytes.Repeat([]byte{'x'}, 150), Timestamp: 1}
	}
	for _, codec := range []Compression{None, Snappy, Lz4, Zstd} {
		data, err := appendBatch(nil, recs, producerState{}, codec)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(codec.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got, _, err := decodeBatches(data, 0, nil); err != nil || len(got) != len(recs) {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(recs)), "ns/record")
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	recs := make([]ProduceRecord, 5000)
	for i := range recs {
		recs[i] = ProduceRecord{Key: []byte("0123456789abcdef"), Value: bytes.Repeat([]byte{'x'}, 150), Timestamp: 1}
	}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if dst, err = appendBatch(dst[:0], recs, producerState{}, None); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(recs)), "ns/record")
}
