package store

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"marginledger/internal/orderlog"
	"marginledger/projector"
)

// View is the state of one cut, whatever is committed meanwhile. It is safe for concurrent use; it must be closed, and
// holds up the closing of the store until it is.
type View struct {
	s    *Store
	snap *pebble.Snapshot
}

// View returns a view of the last commit.
func (s *Store) View() (*View, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	s.views.Add(1)
	return &View{s: s, snap: s.db.NewSnapshot()}, nil
}

// AboutRows returns how many rows there were when the store was opened; 0 where they were not counted.
func (v *View) AboutRows() uint64 { return v.s.opened }

// Close ends the view.
func (v *View) Close() error {
	defer v.s.views.Done()
	return v.snap.Close()
}

// Head returns the head; nil where the store is empty.
func (v *View) Head() (*orderlog.Head, error) {
	b, ok, err := v.get(headKey)
	if err != nil || !ok {
		return nil, err
	}
	return orderlog.DecodeHead(b)
}

// Get returns a copy of the row's value.
func (v *View) Get(key []byte) (value []byte, ok bool, err error) {
	return v.get(append([]byte{rowPrefix}, key...))
}

func (v *View) get(key []byte) ([]byte, bool, error) {
	b, closer, err := v.snap.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read the store: %w", classify(err))
	}
	value := append([]byte(nil), b...)
	return value, true, closer.Close()
}

// EachRow calls f with all rows in key order. The row's bytes hold during the call.
func (v *View) EachRow(f func(projector.Row) error) error { return v.Rows(nil, f) }

// Rows calls f with the rows whose key begins with prefix, in key order. The row's bytes hold during the call.
func (v *View) Rows(prefix []byte, f func(projector.Row) error) error {
	from := append([]byte{rowPrefix}, prefix...)
	return v.each(from, func(key, value []byte) error {
		return f(projector.Row{Key: key[1:], Value: value})
	})
}

// EachSeen calls f with the dedupe entries in the order of sources and of application, in pieces; for each source
// exactly the last entries that the window holds.
func (v *View) EachSeen(f func(src projector.Source, entries []byte) error) error {
	totals := make(map[projector.Source]int)
	err := v.each([]byte{seenPrefix}, func(key, value []byte) error {
		src, _, ok := parseSeenKey(key)
		if !ok || len(value)%EntryBytes != 0 {
			return fmt.Errorf("%w: malformed dedupe key %q", ErrTorn, key)
		}
		totals[src] += len(value) / EntryBytes
		return nil
	})
	if err != nil {
		return err
	}
	return v.each([]byte{seenPrefix}, func(key, value []byte) error {
		src, _, _ := parseSeenKey(key)
		old := min(max(totals[src]-v.s.window, 0), len(value)/EntryBytes)
		totals[src] -= old
		if value = value[old*EntryBytes:]; len(value) == 0 {
			return nil
		}
		return f(src, value)
	})
}

func (v *View) each(prefix []byte, f func(key, value []byte) error) error {
	it, err := v.snap.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return fmt.Errorf("read the store: %w", err)
	}
	for it.First(); it.Valid(); it.Next() {
		if err := f(it.Key(), it.Value()); err != nil {
			return errors.Join(err, it.Close())
		}
	}
	if err := it.Close(); err != nil {
		return fmt.Errorf("read the store: %w", classify(err))
	}
	return nil
}

// after returns the first key behind all that begin with prefix; nil where there is none.
func after(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			end := append([]byte(nil), prefix[:i+1]...)
			end[i]++
			return end
		}
	}
	return nil
}
