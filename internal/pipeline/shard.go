package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"

	"marginledger/events"
	"marginledger/internal/orderlog"
	"marginledger/internal/store"
	"marginledger/projector"
	"marginledger/snapshot"
)

// Shard is one shard on this node: from its assignment until it is taken away.
type Shard struct {
	cfg   *Config
	log   Log
	shard int32
	zap   *zap.Logger

	mu    sync.Mutex
	store *store.Store // nil before the first recovery and after the end

	board board

	// Of the running goroutine.
	kept      *state // survives a refresh of the producer
	snapshots sync.WaitGroup
	taking    chan struct{} // holds one token while a snapshot is taken
	lastTaken uint64
	hard      context.Context // ends everything at once
}

// state is what a term hands to the next one when it ended cleanly: nothing in it is ahead of the order log.
type state struct {
	folder    *folder
	base      orderlog.Head // stored; that of the last cut unless a replay is under way
	orderNext int64         // offset after the last order entry of the term; -1 before its end
	published [events.Streams]uint64
	feed
}

func newShard(cfg *Config, log Log, shard int32) *Shard {
	sh := &Shard{cfg: cfg, log: log, shard: shard, zap: cfg.Log.With(zap.Int32("shard", shard)), taking: make(chan struct{}, 1)}
	sh.board.changed.init()
	sh.board.status = Status{Shard: shard, Phase: PhaseAcquiring}
	return sh
}

// Status returns what the shard is doing and has done.
func (sh *Shard) Status() Status {
	s := sh.board.snapshot()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.store != nil {
		s.Store = sh.store.Metrics()
	}
	return s
}

// ErrNotReady means that a shard is not past its fence here.
var ErrNotReady = errors.New("shard is not ready on this node")

// Snapshot returns a view of the last stored cut: its outputs are published. The caller closes it.
func (sh *Shard) Snapshot() (*store.View, error) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.store == nil || !sh.ready() {
		return nil, ErrNotReady
	}
	return sh.store.View()
}

func (sh *Shard) ready() bool {
	sh.board.mu.Lock()
	defer sh.board.mu.Unlock()
	return sh.board.status.Ready
}

// WaitCut waits until a cut is stored.
func (sh *Shard) WaitCut(ctx context.Context, cut uint64) error {
	return sh.board.changed.wait(ctx, func() bool {
		sh.board.mu.Lock()
		defer sh.board.mu.Unlock()
		return sh.board.status.Ready && sh.board.status.Cut >= cut
	})
}

// run owns the shard until stop ends; then it finishes what is under way and returns. hard ends everything at once. It
// returns nil after a clean stop, else why the shard cannot go on.
func (sh *Shard) run(stop, hard context.Context) error {
	defer sh.release()
	sh.hard = hard
	var pause time.Duration
	for stop.Err() == nil {
		err := sh.term(stop, hard)
		sh.board.update(func(s *Status) { s.Ready, s.Waiting, s.WaitSince = false, "", time.Time{} })
		switch {
		case hard.Err() != nil || stop.Err() != nil && (err == nil || errors.Is(err, context.Canceled) || errors.Is(err, errStepDown)):
			return nil
		case err == nil: // A refresh.
			pause = 0
			continue
		case !errors.Is(err, errStepDown):
			sh.board.update(func(s *Status) { s.Phase, s.Error = PhaseStopped, err.Error() })
			sh.zap.Error("the shard stops", zap.Error(err))
			return err
		}
		sh.drop()
		// Two that take each other for deposed would fence each other without end: the group tells one of them soon.
		pause = min(max(2*pause, sh.cfg.pause), 10*sh.cfg.pause)
		sh.zap.Warn("stepping down", zap.Error(err), zap.Duration("pause", pause))
		select {
		case <-time.After(pause + rand.N(pause)):
		case <-stop.Done():
		}
	}
	return nil
}

// release gives everything back.
func (sh *Shard) release() {
	sh.drop()
	sh.snapshots.Wait()
	sh.mu.Lock()
	st := sh.store
	sh.store = nil
	sh.mu.Unlock()
	if st != nil {
		if err := st.Close(); err != nil {
			sh.zap.Error("closing the store", zap.Error(err))
		}
	}
}

// drop forgets the state in memory.
func (sh *Shard) drop() {
	if sh.kept == nil {
		return
	}
	sh.kept.end()
	sh.kept = nil
}

// term acquires the shard, recovers its state, and goes live until stop ends, the refresh is due, or something fails.
func (sh *Shard) term(stop, hard context.Context) (err error) {
	// Until it is live, a stop ends whatever is under way: there is nothing to finish.
	ctx, cancel := context.WithCancel(hard)
	defer cancel()
	undo := context.AfterFunc(stop, cancel)
	defer undo()

	sh.board.update(func(s *Status) { s.Phase, s.Error = PhaseAcquiring, "" })
	fence, err := sh.observe(ctx)
	if err != nil {
		return err
	}
	s, err := acquire(ctx, sh.cfg, sh.log, sh.shard, *fence)
	if err != nil {
		return err
	}
	s.stored = sh.stored
	sh.board.update(func(st *Status) {
		st.Phase, st.Term, st.Started = PhaseRecovering, s.term, sh.cfg.clock()
		st.Takes++
	})
	sh.zap.Info("term begins", zap.Int64("term", s.term))
	if err := s.fenceOutputs(ctx); err != nil {
		return err
	}
	replay, err := sh.recover(ctx, s)
	if err != nil {
		return err
	}
	k := sh.kept
	s.wake = k.wakeUp
	s.start(hard, sh.store, k.base)
	sh.board.mu.Lock()
	sh.board.sources, sh.board.session = k.folder.sources, s
	sh.board.mu.Unlock()

	halt, err := sh.fold(ctx, stop, s, replay, undo)
	if err != nil {
		s.cancel(err)
	}
	if cause := s.finish(halt); cause != nil {
		err = cause
	}
	if err = cmp.Or(err, halt); err != nil {
		sh.drop()
		return err
	}
	head := sh.storedHead()
	k.orderNext, k.base = s.orderNext, *head
	for i := range k.published {
		k.published[i] = s.acked[i].Load()
	}
	return nil
}

// fold replays and then goes live. halt is why the fold cannot go on: what came before it is to be finished. err ends
// everything at once.
func (sh *Shard) fold(ctx, stop context.Context, s *session, replay *replay, undo func() bool) (halt, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.ctx, func() { cancel(context.Cause(s.ctx)) })()
	if err := replay.run(ctx, s.submit); err != nil {
		return nil, err
	}
	for i, seq := range sh.kept.folder.fold.Counters().Seqs {
		if s.published[i] > seq {
			return orderlog.Corrupt("%s has sequence %d, but the order log of shard %d ends with %d: what was published was not committed; the order log has lost entries",
				partitionName(sh.cfg.OutputTopics[i], sh.shard), s.published[i], sh.shard, seq), nil
		}
	}
	if err := s.waitStored(ctx); err != nil {
		return nil, err
	}
	if s.ctx.Err() != nil {
		return nil, context.Cause(s.ctx)
	}
	undo() // From here on a stop finishes what is under way.
	sh.board.update(func(st *Status) { st.Phase, st.Ready = PhaseLive, true })
	sh.zap.Info("live", zap.Int64("term", s.term), zap.Uint64("cut", sh.kept.folder.number))
	return sh.live(stop, s)
}

// live applies what comes next until stop ends or the producer is due for a refresh. Then the open cut is closed.
func (sh *Shard) live(stop context.Context, s *session) (halt, err error) {
	f, policy := sh.kept.folder, sh.cfg.Cut
	m := &merger{sources: f.sources, fold: f.fold, skipped: f.isSkipped, less: sh.cfg.less, maxWait: sh.cfg.MaxSourceWait, now: sh.cfg.clock(),
		passing: func(src *source) {
			sh.zap.Warn("going on without a source that is not drained", zap.String("source", partitionName(src.name.Topic, src.name.Partition)),
				zap.Duration("maxSourceWait", sh.cfg.MaxSourceWait), zap.Error(src.reader.Failing()))
		}}
	refresh := m.now.Add(sh.cfg.Refresh)
	waiting := ""
	for count := uint(0); ; count++ {
		// The clock and the contexts are looked at every few records only: they cost as much as a small record.
		if count%32 == 0 {
			m.now = sh.cfg.clock()
			if stop.Err() != nil || s.ctx.Err() != nil || m.now.After(refresh) {
				return nil, sh.endCut(s)
			}
		}
		src, it, err := m.pick()
		if err != nil {
			return sourceError(sh.shard, err), sh.endCut(s)
		}
		if src != nil {
			if err := f.consume(src, it); err != nil {
				return err, sh.endCut(s)
			}
			c := f.cur
			if c.records() < policy.MaxRecords && c.announce < policy.MaxOutputs &&
				(s.unacked.Load() > 0 || m.now.Sub(c.opened) < policy.MaxAge) {
				continue
			}
			if err := sh.endCut(s); err != nil {
				return nil, err
			}
			continue
		}
		if f.cur != nil && s.unacked.Load() == 0 {
			if err := sh.endCut(s); err != nil {
				return nil, err
			}
			continue
		}
		waiting = sh.noteWaiting(m, waiting)
		sh.idle(stop, s, m, refresh)
		count = ^uint(0) // Look at the clock next.
	}
}

func (c *cut) records() int { return len(c.inputs) / len(orderlog.Hash{}) }

// endCut closes the open cut, if there is one, and hands it on.
func (sh *Shard) endCut(s *session) error {
	if sh.kept.folder.cur == nil {
		return nil
	}
	return s.submit(sh.kept.folder.close())
}

// noteWaiting keeps the status up to date on who is waited for.
func (sh *Shard) noteWaiting(m *merger, before string) string {
	now := ""
	if m.waitingFor != nil {
		now = partitionName(m.waitingFor.name.Topic, m.waitingFor.name.Partition)
	}
	if now != before {
		since := time.Time{}
		if now != "" {
			since = m.now
		}
		sh.board.update(func(s *Status) { s.Waiting, s.WaitSince = now, since })
	}
	return now
}

// idle waits until something may have changed.
func (sh *Shard) idle(stop context.Context, s *session, m *merger, refresh time.Time) {
	wait := max(refresh.Sub(m.now), 0)
	if m.waitingFor != nil && m.maxWait > 0 {
		wait = min(wait, m.maxWait/4+time.Millisecond)
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-sh.kept.wake:
	case <-stop.Done():
	case <-s.ctx.Done():
	case <-t.C:
	}
}

// stored hears of every stored cut; head is set for the last one of a batch.
func (sh *Shard) stored(c *cut, head *orderlog.Head) {
	if head == nil {
		sh.board.add(&c.tally)
		return
	}
	sh.board.setHead(head)
	sh.takeSnapshot(head.Cut)
}

func (sh *Shard) storedHead() *orderlog.Head {
	sh.board.mu.Lock()
	defer sh.board.mu.Unlock()
	return sh.board.head
}

// takeSnapshot takes one beside the fold when it is due. One is taken at a time.
func (sh *Shard) takeSnapshot(cut uint64) {
	if sh.cfg.SnapshotDir == "" || cut < sh.lastTaken+sh.cfg.SnapshotCuts {
		return
	}
	select {
	case sh.taking <- struct{}{}:
	default:
		return
	}
	sh.lastTaken = cut
	view, err := sh.store.View()
	if err != nil {
		<-sh.taking
		return
	}
	sh.snapshots.Add(1)
	go func() {
		defer sh.snapshots.Done()
		defer func() { <-sh.taking }()
		defer view.Close()
		dir := snapshot.Dir(sh.cfg.SnapshotDir)
		path, err := dir.Take(view)
		if err == nil {
			err = dir.Retain(sh.shard, sh.cfg.SnapshotKeep)
		}
		if err != nil {
			sh.zap.Error("no snapshot was taken", zap.Error(err))
			return
		}
		sh.board.update(func(s *Status) { s.Snapshot = cut })
		sh.zap.Info("snapshot taken", zap.String("path", path))
	}()
}

// openStore opens the shard's store, setting aside what is torn. A store stays open over the terms of a shard.
func (sh *Shard) openStore() (*store.Store, error) {
	if sh.store != nil {
		return sh.store, nil
	}
	dir := store.ShardDir(sh.cfg.DataDir, sh.shard)
	o := store.Options{DedupeWindow: sh.cfg.DedupeWindow, CacheBytes: sh.cfg.StoreCache, Log: func(m string) { sh.zap.Warn(m) }}
	st, err := store.Open(dir, o)
	if errors.Is(err, store.ErrTorn) {
		aside, moveErr := store.SetAside(dir, "torn")
		if moveErr != nil {
			return nil, errors.Join(err, moveErr)
		}
		sh.zap.Warn("the store is torn: set aside, the state is rebuilt", zap.String("aside", aside), zap.Error(err))
		st, err = store.Open(dir, o)
	}
	if err != nil {
		return nil, err
	}
	sh.mu.Lock()
	sh.store = st
	sh.mu.Unlock()
	return st, nil
}

// renewStore replaces the store by an empty one. why names where the old one goes; "" removes it.
func (sh *Shard) renewStore(why string) error {
	sh.snapshots.Wait()
	sh.mu.Lock()
	st := sh.store
	sh.store = nil
	sh.mu.Unlock()
	dir := store.ShardDir(sh.cfg.DataDir, sh.shard)
	if err := st.Close(); err != nil && why == "" {
		return err
	}
	if why != "" {
		aside, err := store.SetAside(dir, why)
		if err != nil {
			return err
		}
		sh.zap.Warn("the store cannot be used: set aside, the state is rebuilt", zap.String("aside", aside), zap.String("why", why))
	} else if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the stale store: %w", err)
	}
	_, err := sh.openStore()
	return err
}

// projectorConfig is what the fold is built with.
func (c *Config) projectorConfig(shard int32) projector.Config {
	return projector.Config{Shard: shard, DedupeWindow: c.DedupeWindow}
}
