package orderlog

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"

	"marginledger/events"
	"marginledger/internal/eventlog"
)

// Hash is a SHA-256 digest. Its text form is hex.
type Hash [sha256.Size]byte

// String returns h in hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hash) UnmarshalText(text []byte) error {
	if n, err := hex.Decode(h[:], text); err != nil || n != len(h) {
		return fmt.Errorf("%q is not a hash of %d hex digits", text, 2*len(h))
	}
	return nil
}

// Genesis is the hash before the first cut. It binds the chain to what else the fold depends on.
func Genesis(shard int32, dedupeWindow int) Hash {
	b := []byte("marginledger chain 1\n")
	b = binary.BigEndian.AppendUint32(b, uint32(shard))
	return sha256.Sum256(binary.BigEndian.AppendUint64(b, uint64(dedupeWindow)))
}

// Recorder computes digests of records. It is not safe for concurrent use; the zero value is ready.
type Recorder struct {
	sum hash.Hash
	b   []byte
}

// null is the length of a null key or value.
const null = 1<<32 - 1

func appendNullable(b, v []byte) []byte {
	if v == nil {
		return binary.BigEndian.AppendUint32(b, null)
	}
	return append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
}

// Digest returns the digest of a raw input record: offset, timestamp, key, headers and value.
func (d *Recorder) Digest(r *eventlog.Record) Hash {
	b := binary.BigEndian.AppendUint64(d.b[:0], uint64(r.Offset))
	b = binary.BigEndian.AppendUint64(b, uint64(r.Timestamp))
	b = appendNullable(b, r.Key)
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.Headers)))
	for i := range r.Headers {
		b = appendNullable(b, []byte(r.Headers[i].Key))
		b = appendNullable(b, r.Headers[i].Value)
	}
	if len(r.Value) <= 4<<10 { // The common case: one buffer, no state.
		b = appendNullable(b, r.Value)
		d.b = b
		return sha256.Sum256(b)
	}
	return d.digestLarge(b, r.Value)
}

// digestLarge hashes a head and a value that is not worth copying. It stands apart because its result is on the heap,
// which a common record must not cost.
func (d *Recorder) digestLarge(head, value []byte) (h Hash) {
	d.b = binary.BigEndian.AppendUint32(head, uint32(len(value)))
	if d.sum == nil {
		d.sum = sha256.New()
	}
	d.sum.Reset()
	d.sum.Write(d.b)
	d.sum.Write(value)
	d.sum.Sum(h[:0])
	return h
}

// Digests are the parts of a cut's hash that are not in its entry.
type Digests struct {
	Inputs Hash // of the record digests, in order of application
	Rows   Hash // of the changed rows, in key order, as AppendRow writes them
	Skips  Hash // of the SKIP entries that took effect, in order of application
}

// Link returns the hash of cut c: SHA-256 of the previous hash, term, number, runs, and the digests of the records, the
// changed rows, the outputs and the skips. Runs stand with their topic's name: topics are those of the term's fence.
func Link(c *Cut, topics []Topic, d *Digests) Hash {
	b := make([]byte, 0, 256+64*len(c.Runs))
	b = append(b, c.Prev[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(c.Term))
	b = binary.BigEndian.AppendUint64(b, c.Number)
	b = binary.BigEndian.AppendUint32(b, uint32(len(c.Runs)))
	for _, r := range c.Runs {
		b = appendNullable(b, []byte(topics[r.Topic].Name))
		b = binary.BigEndian.AppendUint32(b, uint32(r.Partition))
		b = binary.BigEndian.AppendUint64(b, uint64(r.Next))
		b = binary.BigEndian.AppendUint64(b, r.Count)
	}
	for _, h := range [...]Hash{d.Inputs, d.Rows, c.Outputs.Digest, d.Skips} {
		b = append(b, h[:]...)
	}
	return sha256.Sum256(b)
}

// AppendRow appends a changed row as it is hashed: uvarint key length, key, then 0 for a deleted row, or uvarint value
// length plus 1 and the value.
func AppendRow(b, key, value []byte) []byte {
	b = append(binary.AppendUvarint(b, uint64(len(key))), key...)
	if value == nil {
		return append(b, 0)
	}
	return append(binary.AppendUvarint(b, uint64(len(value))+1), value...)
}

// NextRow takes the first row off what AppendRow wrote; b must not be empty.
func NextRow(b []byte) (key, value, rest []byte, err error) {
	r := &reader{b: b}
	key = r.bytes(r.length(len(b)))
	if n := r.uvarint(); n > 0 && n <= uint64(len(r.b))+1 {
		value = r.bytes(int(n - 1))
	} else if n > 0 {
		r.bad = true
	}
	if r.bad {
		return nil, nil, nil, Corrupt("rows: malformed")
	}
	return key, value, r.b, nil
}

// OutputHasher computes the count and digest of a cut's outputs. Each output topic has a digest of its own, so that a
// topic can be compared with the order log by itself. The zero value is ready for use.
type OutputHasher struct {
	streams [events.Streams]struct {
		sum   hash.Hash
		count uint64
	}
	b []byte
}

// Add adds the next output of a stream.
func (o *OutputHasher) Add(s events.Stream, key, value []byte) {
	st := &o.streams[s]
	if st.sum == nil {
		st.sum = sha256.New()
	}
	o.b = appendNullable(o.b[:0], key)
	o.b = binary.BigEndian.AppendUint32(o.b, uint32(len(value)))
	st.sum.Write(o.b)
	st.sum.Write(value)
	st.count++
}

// Take returns count and digest of what was added since the last Take: SHA-256 of count and digest of each stream.
func (o *OutputHasher) Take() (out Outputs) {
	b := make([]byte, 0, events.Streams*(8+sha256.Size))
	for i := range o.streams {
		st := &o.streams[i]
		out.Counts[i] = st.count
		b = binary.BigEndian.AppendUint64(b, st.count)
		if st.count > 0 {
			b = st.sum.Sum(b)
			st.sum.Reset()
		} else {
			b = append(b, make([]byte, sha256.Size)...)
		}
		st.count = 0
	}
	out.Digest = sha256.Sum256(b)
	return out
}
