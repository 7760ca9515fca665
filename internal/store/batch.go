package store

import (
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"marginledger/internal/orderlog"
	"marginledger/projector"
)

// The first byte of a key says what it is of.
const (
	headPrefix = 'h' // alone: the head; 'i' alone: the sum
	rowPrefix  = 'r' // and the row's key
	seenPrefix = 's' // and topic, 0, partition (4 bytes), number of the entry run (8 bytes)
)

var headKey = []byte{headPrefix}

// window is what the store knows of the dedupe entries of one source.
type window struct {
	runs  []entryRun // oldest first
	total int        // entries in runs
}

// entryRun is one key of entries.
type entryRun struct {
	number  uint64
	entries int
	hash    uint64 // in the store's sum
}

// EntryBytes is the size of one entry of the dedupe window.
const EntryBytes = 24

func seenKey(b []byte, src projector.Source, number uint64) []byte {
	b = append(append(b, seenPrefix), src.Topic...)
	b = binary.BigEndian.AppendUint32(append(b, 0), uint32(src.Partition))
	return binary.BigEndian.AppendUint64(b, number)
}

func parseSeenKey(key []byte) (src projector.Source, number uint64, ok bool) {
	const tail = 1 + 4 + 8
	if len(key) < 1+tail || key[len(key)-tail] != 0 {
		return src, 0, false
	}
	cut := key[len(key)-tail+1:]
	src = projector.Source{Topic: string(key[1 : len(key)-tail]), Partition: int32(binary.BigEndian.Uint32(cut))}
	return src, binary.BigEndian.Uint64(cut[4:]), true
}

// Batch is what one commit changes: the cuts since the last one.
type Batch struct {
	s   *Store
	b   *pebble.Batch
	key []byte
	err error
}

// NewBatch begins a commit. There is one at a time, and a batch that was begun is committed: the store's sum follows it
// at once.
func (s *Store) NewBatch() *Batch { return &Batch{s: s, b: s.db.NewBatch()} }

// Row sets a row, or deletes it where value is nil.
func (b *Batch) Row(key, value []byte) {
	b.s.sum.row(key, value)
	b.key = append(append(b.key[:0], rowPrefix), key...)
	if value == nil {
		b.note(b.b.Delete(b.key, nil))
		return
	}
	b.note(b.b.Set(b.key, value, nil))
}

// Seen appends dedupe entries of a source and drops those that are beyond the window.
func (b *Batch) Seen(src projector.Source, entries []byte) {
	if len(entries) == 0 {
		return
	}
	w := b.s.windowOf(src)
	number := uint64(1)
	if n := len(w.runs); n > 0 {
		number = w.runs[n-1].number + 1
	}
	b.key = seenKey(b.key[:0], src, number)
	w.add(b.s, number, b.key, entries)
	b.note(b.b.Set(b.key, entries, nil))
	for w.total-w.runs[0].entries >= b.s.window {
		b.key = seenKey(b.key[:0], src, w.runs[0].number)
		b.note(b.b.Delete(b.key, nil))
		w.drop(b.s)
	}
}

func (b *Batch) note(err error) {
	if b.err == nil {
		b.err = err
	}
}

// Bytes returns the size of the batch so far.
func (b *Batch) Bytes() int { return b.b.Len() }

// Commit writes the batch with the head of its last cut, all or nothing. It does not sync: after a crash of the machine
// an earlier cut may be the last. A nil head leaves the store without one, as restoring does until its last batch.
func (b *Batch) Commit(head *orderlog.Head) error {
	if head != nil {
		b.note(b.b.Set(headKey, head.Append(nil), nil))
	}
	b.note(b.b.Set(sumKey, binary.BigEndian.AppendUint64(nil, b.s.sum.total), nil))
	if damage := b.s.corrupt.Load(); damage != nil {
		b.note(*damage)
	}
	if b.err == nil {
		b.err = b.b.Commit(pebble.NoSync)
	}
	b.note(b.b.Close())
	if b.err != nil {
		return fmt.Errorf("commit to the store: %w", b.err)
	}
	return nil
}
