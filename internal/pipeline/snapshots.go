package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"marginledger/internal/store"
	"marginledger/snapshot"
)

// snapshots is what a shard knows of its own: one is taken at a time, beside the fold, of a view of the store. A view
// costs the fold nothing.
type snapshots struct {
	due   chan struct{} // one token: the schedule wants one
	token chan struct{} // holds one while one is being taken

	mu     sync.Mutex
	cut    uint64             // of the last one that was begun and has not failed, or of the state at the start
	bytes  int64              // of rows changed since
	cancel context.CancelFunc // of the one being taken
	under  sync.WaitGroup
}

func (n *snapshots) init() {
	n.due, n.token = make(chan struct{}, 1), make(chan struct{}, 1)
}

// changed notes that a cut changed rows of so many bytes.
func (n *snapshots) changed(bytes int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.bytes += int64(bytes)
}

// restored notes that a state of this cut is not to be taken again.
func (n *snapshots) restored(cut uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut = max(n.cut, cut)
}

// news reports whether anything has changed since the last one.
func (n *snapshots) news(cut uint64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return cut > n.cut
}

// begin notes that one of this cut is being taken; failed takes that back.
func (n *snapshots) begin(cut uint64) (failed func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	oldCut, oldBytes := n.cut, n.bytes
	n.cut, n.bytes = cut, 0
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.cut, n.bytes = oldCut, n.bytes+oldBytes
	}
}

// giveUp ends the snapshot that is being taken, and waits until it has ended.
func (n *snapshots) giveUp() {
	n.mu.Lock()
	if n.cancel != nil {
		n.cancel()
	}
	n.mu.Unlock()
	n.under.Wait()
}

// snapshotIfDue wakes the schedule after so many cuts or bytes.
func (sh *Shard) snapshotIfDue(cut uint64) {
	p, n := &sh.cfg.Snapshots, &sh.snapshots
	n.mu.Lock()
	due := cut >= n.cut+p.Cuts || p.Bytes > 0 && n.bytes >= p.Bytes
	n.mu.Unlock()
	if due {
		n.wake()
	}
}

func (n *snapshots) wake() {
	select {
	case n.due <- struct{}{}:
	default:
	}
}

// scheduleSnapshots takes snapshots when they are due, until ctx ends or the function that it returns is called. One that
// is being taken is given up then: nobody waits for it at a takeover.
func (sh *Shard) scheduleSnapshots(ctx context.Context) (stop func()) {
	if sh.cfg.Snapshots.Store == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		sh.takeWhenDue(ctx)
	}()
	return func() {
		cancel()
		<-ended
	}
}

func (sh *Shard) takeWhenDue(ctx context.Context) {
	var tick <-chan time.Time
	if every := sh.cfg.Snapshots.Every; every > 0 {
		t := time.NewTicker(every)
		defer t.Stop()
		tick = t.C
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-sh.snapshots.due:
		case <-tick:
		}
		head := sh.storedHead()
		if head == nil || !sh.snapshots.news(head.Cut) {
			continue
		}
		_, err := sh.TakeSnapshot(ctx)
		if err == nil || errors.Is(err, ErrNotReady) || errors.Is(err, context.Canceled) {
			continue
		}
		sh.zap.Error("no snapshot was taken", zap.Error(err))
		select {
		case <-ctx.Done():
		case <-time.After(snapshotRest):
		}
	}
}

// snapshotAttempts is how often a snapshot is tried to be taken, snapshotPause how long it waits before it is tried
// again; the pause grows. A store tries single requests again by itself. After the last attempt the schedule rests.
const (
	snapshotAttempts = 3
	snapshotPause    = time.Second
	snapshotRest     = 30 * time.Second
)

// ErrNoSnapshots means that the configuration names no place for snapshots.
var ErrNoSnapshots = errors.New("no place for snapshots is configured")

// TakeSnapshot takes a snapshot of the last stored cut, once the one that is being taken has ended, and then prunes. The
// fold goes on meanwhile.
func (sh *Shard) TakeSnapshot(ctx context.Context) (*snapshot.Manifest, error) {
	n := &sh.snapshots
	if sh.cfg.Snapshots.Store == nil {
		return nil, ErrNoSnapshots
	}
	select {
	case n.token <- struct{}{}:
		defer func() { <-n.token }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	view, ctx, end, err := sh.beginSnapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	head, err := view.Head()
	if err == nil && head == nil {
		err = ErrNotReady // Nothing was consumed yet.
	}
	if err != nil {
		return nil, err
	}
	began, failed := sh.cfg.clock(), n.begin(head.Cut)
	m, err := sh.takeOf(ctx, view)
	if err != nil {
		failed()
		if ctx.Err() == nil { // else it was given up
			sh.board.update(func(s *Status) { s.SnapshotsFailed++ })
		}
		return nil, err
	}
	took := sh.cfg.clock().Sub(began)
	sh.board.update(func(s *Status) {
		s.Snapshot, s.SnapshotTaken, s.SnapshotBytes, s.SnapshotSeconds = m.Head.Cut, m.Taken, m.FileBytes, took.Seconds()
	})
	sh.zap.Info("snapshot taken", zap.String("name", m.Name), zap.Stringer("store", sh.cfg.Snapshots.Store),
		zap.Uint64("cut", m.Head.Cut), zap.Int64("bytes", m.FileBytes), zap.Duration("took", took))
	removed, err := snapshot.Prune(ctx, sh.cfg.Snapshots.Store, sh.shard, sh.cfg.Snapshots.Keep, m)
	if len(removed) > 0 {
		sh.zap.Info("old snapshots removed", zap.Strings("names", removed))
	}
	if err != nil {
		sh.zap.Warn("old snapshots are still there", zap.Error(err))
	}
	return m, nil
}

// beginSnapshot opens a view of the store. Whoever closes the store cancels ctx and waits for end.
func (sh *Shard) beginSnapshot(ctx context.Context) (view *store.View, _ context.Context, end func(), err error) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.store == nil || !sh.ready() {
		return nil, nil, nil, ErrNotReady
	}
	if view, err = sh.store.View(); err != nil {
		return nil, nil, nil, err
	}
	n := &sh.snapshots
	ctx, cancel := context.WithCancel(ctx)
	n.mu.Lock()
	n.cancel = cancel
	n.under.Add(1)
	n.mu.Unlock()
	return view, ctx, func() {
		if err := view.Close(); err != nil {
			sh.zap.Warn("closing the view of a snapshot", zap.Error(err))
		}
		cancel()
		n.under.Done()
	}, nil
}

func (sh *Shard) takeOf(ctx context.Context, view *store.View) (*snapshot.Manifest, error) {
	for attempt, pause := 1, snapshotPause; ; attempt, pause = attempt+1, 5*pause {
		m, err := snapshot.Take(ctx, sh.cfg.Snapshots.Store, view, snapshot.TakeOptions{Key: sh.cfg.Snapshots.Key, Now: sh.cfg.clock()})
		if err == nil || ctx.Err() != nil {
			return m, err
		}
		if attempt == snapshotAttempts {
			return nil, fmt.Errorf("%w (tried %d times)", err, attempt)
		}
		sh.zap.Warn("taking a snapshot failed: once more", zap.Error(err), zap.Duration("pause", pause))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
