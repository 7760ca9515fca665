package store

import (
	"encoding/binary"
	"fmt"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2"

	"marginledger/projector"
)

// sum is a checksum over everything that a store holds besides the head: the sum of one 64-bit hash per key. Pebble
// checks blocks, not that all of them are there: with its manifest or an older log cut off, commits from the middle can be
// missing, and later ones not. So each commit writes the sum, and opening adds it up anew.
//
// It is a defence against accidents. What was folded is proven by the chain.
type sum struct {
	rows  rowSums
	total uint64
}

// sumKey holds the total: its length is the format's version, too.
var sumKey = []byte{'i'}

func hashPair(key, value []byte) uint64 {
	var d xxhash.Digest
	d.Reset()
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(key)))
	_, _ = d.Write(n[:]) // A hash takes everything.
	_, _ = d.Write(key)
	_, _ = d.Write(value)
	return d.Sum64()
}

// row notes that a row is set, or deleted where value is nil.
func (s *sum) row(key, value []byte) {
	k := xxhash.Sum64(key)
	if value == nil {
		s.total -= s.rows.take(k)
		return
	}
	h := hashPair(key, value)
	s.total += h - s.rows.put(k, h)
}

// load reads everything and compares it with the sum of the last commit.
func (s *Store) load(verify bool) error {
	if verify {
		s.sum.rows = rowSums{}
		err := s.eachKey(rowPrefix, func(key, value []byte) error {
			s.sum.row(key[1:], value)
			return nil
		})
		if err != nil {
			return err
		}
		s.opened = uint64(s.sum.rows.used)
	}
	err := s.eachKey(seenPrefix, func(key, value []byte) error {
		src, number, ok := parseSeenKey(key)
		if !ok || len(value)%EntryBytes != 0 {
			return fmt.Errorf("%w: malformed dedupe key %q", ErrTorn, key)
		}
		s.windowOf(src).add(s, number, key, value)
		return nil
	})
	if err != nil || !verify {
		return err
	}
	want := uint64(0) // of a store that was never committed to
	b, closer, err := s.db.Get(sumKey)
	switch {
	case err == nil && len(b) == 8:
		want = binary.BigEndian.Uint64(b)
		err = closer.Close()
	case err == nil:
		return fmt.Errorf("%w: a checksum of %d bytes", ErrTorn, len(b))
	case err == pebble.ErrNotFound && s.sum.total != 0 && !s.hasHead():
		return ErrUnfinished
	case err == pebble.ErrNotFound:
		err = nil
	}
	if err == nil && want != s.sum.total {
		err = fmt.Errorf("%w: its keys add up to checksum %016x, the last commit has %016x: commits are missing", ErrTorn, s.sum.total, want)
	}
	return err
}

func (s *Store) eachKey(prefix byte, f func(key, value []byte) error) error {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefix}, UpperBound: []byte{prefix + 1}})
	if err != nil {
		return err
	}
	for it.First(); it.Valid(); it.Next() {
		if err := f(it.Key(), it.Value()); err != nil {
			it.Close()
			return err
		}
	}
	return it.Close()
}

// add appends an entry run to a window, and drop removes the oldest.
func (w *window) add(s *Store, number uint64, key, entries []byte) {
	r := entryRun{number: number, entries: len(entries) / EntryBytes, hash: hashPair(key, entries)}
	w.runs = append(w.runs, r)
	w.total += r.entries
	s.sum.total += r.hash
}

func (w *window) drop(s *Store) {
	w.total -= w.runs[0].entries
	s.sum.total -= w.runs[0].hash
	w.runs = w.runs[1:]
}

func (s *Store) windowOf(src projector.Source) *window {
	w := s.seen[src]
	if w == nil {
		w = new(window)
		s.seen[src] = w
	}
	return w
}

func (s *Store) hasHead() bool {
	_, closer, err := s.db.Get(headKey)
	if err == nil {
		err = closer.Close()
	}
	return err == nil
}
