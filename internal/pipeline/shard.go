package pipeline

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"go.uber.org/zap"

	"marginledger/events"
	"marginledger/internal/orderlog"
	"marginledger/internal/store"
	"marginledger/projector"
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
	kept *state          // survives a refresh of the producer
	hard context.Context // ends everything at once

	snapshots snapshots
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
	sh := &Shard{cfg: cfg, log: log, shard: shard, zap: cfg.Log.With(zap.Int32("shard", shard))}
	sh.snapshots.init()
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
	defer sh.scheduleSnapshots(stop)()
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
		case errors.Is(err, store.ErrTorn):
			if err := sh.setAside(); err != nil {
				return err
			}
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
	if err := sh.closeStore(); err != nil {
		sh.zap.Error("closing the store", zap.Error(err))
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

// stored hears of every stored cut; head is set for the last one of a batch.
func (sh *Shard) stored(c *cut, head *orderlog.Head) {
	if head == nil {
		sh.board.add(&c.tally)
		sh.snapshots.changed(len(c.rows))
		return
	}
	sh.board.setHead(head)
	sh.snapshotIfDue(head.Cut)
}

func (sh *Shard) storedHead() *orderlog.Head {
	sh.board.mu.Lock()
	defer sh.board.mu.Unlock()
	return sh.board.head
}

// projectorConfig is what the fold is built with.
func (c *Config) projectorConfig(shard int32) projector.Config {
	return projector.Config{Shard: shard, DedupeWindow: c.DedupeWindow}
}
