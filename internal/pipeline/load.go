package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"marginledger/internal/orderlog"
	"marginledger/internal/store"
	"marginledger/projector"
	"marginledger/snapshot"
)

// errLoad marks a state that the fold does not take.
var errLoad = errors.New("the state is malformed")

// parsing is what a fold offers whose account rows may be taken apart ahead of being entered.
type parsing interface {
	Expect(rows uint64)
	ParseAccount(key, value []byte) (parsed projector.ParsedAccount, ok bool, err error)
	EnterAccount(p projector.ParsedAccount) error
}

// loader loads rows into a fold. Most rows are accounts: while one goroutine takes them apart, another one enters them.
type loader struct {
	fold  Fold
	ahead parsing // nil: rows are loaded one by one
	batch []projector.ParsedAccount
	work  chan loadWork
	free  chan []projector.ParsedAccount
	ended chan struct{}
	err   error // of entering; read behind wait
}

// loadWork is accounts to be entered, or a question whether all before it are.
type loadWork struct {
	accounts []projector.ParsedAccount
	entered  chan struct{}
}

// manyRows is from how many rows on loading gives memory back to the system.
const manyRows = 1 << 16

const (
	loadBatch = 256
	loadAhead = 16
)

func newLoader(f Fold) *loader {
	l := &loader{fold: f}
	if l.ahead, _ = f.(parsing); l.ahead == nil {
		return l
	}
	l.work, l.free, l.ended = make(chan loadWork, loadAhead), make(chan []projector.ParsedAccount, loadAhead+2), make(chan struct{})
	go l.enter()
	return l
}

// enter takes all work, also behind an error.
func (l *loader) enter() {
	defer close(l.ended)
	for w := range l.work {
		for i := 0; i < len(w.accounts) && l.err == nil; i++ {
			l.err = l.ahead.EnterAccount(w.accounts[i])
		}
		if w.entered != nil {
			close(w.entered)
			continue
		}
		select {
		case l.free <- w.accounts[:0]:
		default:
		}
	}
}

func (l *loader) row(r projector.Row) error {
	if l.ahead == nil {
		return l.fold.LoadRow(r.Key, r.Value)
	}
	p, isAccount, err := l.ahead.ParseAccount(r.Key, r.Value)
	if err != nil {
		return err
	}
	if !isAccount { // It may change what accounts refer to.
		if err := l.wait(); err != nil {
			return err
		}
		return l.fold.LoadRow(r.Key, r.Value)
	}
	if l.batch = append(l.batch, p); len(l.batch) == loadBatch {
		l.flush()
	}
	return nil
}

func (l *loader) flush() {
	l.work <- loadWork{accounts: l.batch}
	select {
	case l.batch = <-l.free:
	default:
		l.batch = make([]projector.ParsedAccount, 0, loadBatch)
	}
}

// wait waits until every account so far is entered.
func (l *loader) wait() error {
	if l.ahead == nil {
		return nil
	}
	if len(l.batch) > 0 {
		l.flush()
	}
	w := loadWork{entered: make(chan struct{})}
	l.work <- w
	<-w.entered
	return l.err
}

// end ends the entering, in the middle or at the end.
func (l *loader) end() {
	if l.ahead != nil {
		close(l.work)
		<-l.ended
	}
}

// loadFold loads a fold from a state, and copies it if to is set.
func loadFold(f Fold, head *orderlog.Head, from snapshot.State, to *copier) error {
	defer collectLess()()
	l := newLoader(f)
	defer l.end()
	rows := 0
	defer func() {
		if rows >= manyRows { // What loading them left behind is more than what they need.
			go debug.FreeOSMemory()
		}
	}()
	row := func(r projector.Row) error {
		rows++
		if err := l.row(r); err != nil {
			return fmt.Errorf("%w: %w", errLoad, err)
		}
		if to != nil {
			to.row(r.Key, r.Value)
		}
		return nil
	}
	seen := func(src projector.Source, entries []byte) error {
		f.LoadSeen(src, entries)
		if to != nil {
			to.seen(src, entries)
		}
		return nil
	}
	var err error
	if file, ok := from.(*snapshot.File); ok { // which is read once then
		if l.ahead != nil {
			l.ahead.Expect(file.Rows)
		}
		err = file.Each(row, seen)
	} else {
		if own, ok := from.(*store.View); ok && l.ahead != nil {
			l.ahead.Expect(own.AboutRows())
		}
		if err = from.EachRow(row); err == nil {
			err = from.EachSeen(seen)
		}
	}
	if err != nil {
		return err
	}
	if err := l.wait(); err != nil {
		return fmt.Errorf("%w: %w", errLoad, err)
	}
	if err := f.Loaded(head.Counters); err != nil {
		return fmt.Errorf("%w: %w", errLoad, err)
	}
	return nil
}

// Restored is a state that was restored from a snapshot.
type Restored struct {
	Head *orderlog.Head
	Fold Fold
}

// Restore fetches a snapshot, verifies it, loads it into a fold, and makes an empty store a copy of it. What the order log
// says about it is the caller's business.
func Restore(ctx context.Context, from snapshot.Store, m *snapshot.Manifest, st *store.Store) (*Restored, error) {
	file, done, err := snapshot.OpenUnverified(ctx, from, m) // There is nothing to lose.
	if err != nil {
		return nil, err
	}
	defer done()
	head, _ := file.Head()
	f := newFold(projector.Config{Shard: head.Shard, DedupeWindow: head.DedupeWindow})
	to, err := newCopier(ctx, st)
	if err != nil {
		return nil, err
	}
	if err := loadFold(f, head, file, to); err != nil {
		return nil, errors.Join(fmt.Errorf("restore snapshot %s: %w", m.Name, err), to.abort())
	}
	return &Restored{head, f}, to.finish(head)
}
