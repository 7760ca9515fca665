package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"go.uber.org/zap"

	"marginledger/internal/orderlog"
	"marginledger/internal/store"
	"marginledger/snapshot"
)

// recover brings a state to sh.kept from which the order log up to the fence of s can be replayed, and returns that
// replay; nil where there is none to do. The sources are open when it returns.
func (sh *Shard) recover(ctx context.Context, s *session) (*replay, error) {
	if k := sh.kept; k != nil {
		if k.orderNext == s.term { // A refresh, and nobody wrote in between.
			for i := range s.published {
				s.published[i] = max(s.published[i], k.published[i])
			}
			k.orderNext = -1
			return nil, nil
		}
		sh.drop()
	}
	start, _, err := sh.log.Offsets(ctx, sh.cfg.OrderTopic, sh.shard)
	if err != nil {
		return nil, err
	}
	k := &state{orderNext: -1}
	cursor, err := sh.load(ctx, s, k, start)
	if err != nil {
		return nil, fmt.Errorf("recover shard %d: %w", sh.shard, err)
	}
	check := func(f *orderlog.Fence) error { return checkFence(f, &s.fence) }
	if cursor.Fence != nil {
		if err := check(cursor.Fence); err != nil {
			return nil, fmt.Errorf("recover shard %d: %w", sh.shard, err)
		}
	}
	ahead := *cursor
	x, err := scan(ctx, sh.log, sh.cfg.OrderTopic, sh.shard, &ahead, s.term, 0, func(_ int64, entry any) error {
		if f, ok := entry.(*orderlog.Fence); ok {
			return check(f)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range s.published {
		s.published[i] = max(s.published[i], k.base.Counters.Seqs[i])
		if x.last != nil {
			s.published[i] = max(s.published[i], x.last.Acked[i])
		}
	}
	if x.last != nil {
		sh.board.update(func(st *Status) { st.ReplayTo = x.last.Number })
	}
	if err := k.feed.open(ctx, sh.cfg, sh.log, sh.shard, s.fence.Topics, &k.base, x.next, sh.hard); err != nil {
		k.feed.end()
		return nil, fmt.Errorf("recover shard %d: %w", sh.shard, err)
	}
	k.folder.topics, k.folder.sources = s.fence.Topics, k.feed.sources
	sh.kept = k
	sh.board.setHead(&k.base)
	sh.snapshots.restored(k.base.Cut)
	sh.zap.Info("recovering", zap.Uint64("cut", k.base.Cut), zap.Uint64("to", ahead.Cut))
	return &replay{log: sh.log, topic: sh.cfg.OrderTopic, shard: sh.shard, to: s.term, cursor: cursor, folder: k.folder, feed: &k.feed}, nil
}

// load finds the newest state that belongs to the order log: the own store, a snapshot, or none. It returns where in the
// order log that state stands.
func (sh *Shard) load(ctx context.Context, s *session, k *state, orderStart int64) (*orderlog.Cursor, error) {
	st, err := sh.openStore()
	if err != nil {
		return nil, err
	}
	own, err := st.Head()
	if err != nil {
		if own, err = nil, sh.renewStore("torn"); err != nil {
			return nil, err
		}
	}
	if own != nil {
		if err := sh.belongs(own, s); err != nil {
			return nil, err
		}
	}
	refs, err := sh.snapshotRefs(ctx)
	if err != nil && own == nil {
		return nil, stepDown("look for a snapshot to start from: %w", err)
	}
	if err != nil { // The own state will do: nobody waits for a bucket.
		sh.zap.Warn("snapshots cannot be listed", zap.Error(err))
	}
	o := &ownStore{head: own}
	for _, ref := range refs {
		if o.head != nil && o.head.Cut >= ref.Cut {
			if cursor, err := sh.loadOwn(ctx, s, k, o); cursor != nil || err != nil {
				return cursor, err
			}
		}
		cursor, why, err := sh.restore(ctx, s, k, ref, o)
		if err != nil {
			return nil, err
		}
		if cursor != nil {
			sh.zap.Info("restored from a snapshot", zap.String("name", ref.Name))
			return cursor, nil
		}
		sh.zap.Warn("passing over a snapshot", zap.String("name", ref.Name), zap.String("why", why))
	}
	if o.head != nil {
		if cursor, err := sh.loadOwn(ctx, s, k, o); cursor != nil || err != nil {
			return cursor, err
		}
	}
	if o.unusable != "" {
		if err := sh.replaceOwn(o); err != nil {
			return nil, err
		}
	}
	if orderStart > 0 {
		return nil, orderlog.Corrupt("%s begins at offset %d, and there is no state or snapshot to start from: the order log must be kept for ever (retention.ms=-1, cleanup.policy=delete)",
			partitionName(sh.cfg.OrderTopic, sh.shard), orderStart)
	}
	k.folder = sh.newFolder()
	k.base = sh.baseHead(s)
	return orderlog.NewCursor(partitionName(sh.cfg.OrderTopic, sh.shard), k.base.Chain), nil
}

// belongs refuses a state of another ledger, or one that the order log does not reach.
func (sh *Shard) belongs(h *orderlog.Head, s *session) error {
	dir := store.ShardDir(sh.cfg.DataDir, sh.shard)
	switch {
	case h.ClusterID != s.fence.ClusterID:
		return orderlog.Corrupt("%s holds a state of cluster %q, this is cluster %q: give this ledger a data directory of its own", dir, h.ClusterID, s.fence.ClusterID)
	case h.Shard != sh.shard:
		return orderlog.Corrupt("%s holds a state of shard %d", dir, h.Shard)
	case h.DedupeWindow != sh.cfg.DedupeWindow:
		return fmt.Errorf("the dedupe window was %d and is now %d: it is part of what is folded; set it back", h.DedupeWindow, sh.cfg.DedupeWindow)
	case h.OrderNext > s.term:
		return orderlog.Corrupt("%s ends at offset %d, but the state in %s is of offset %d: the order topic was created again or lost records; restore it",
			partitionName(sh.cfg.OrderTopic, sh.shard), s.term, dir, h.OrderNext)
	}
	return nil
}

// snapshotRefs lists the snapshots that a start may use, newest first.
func (sh *Shard) snapshotRefs(ctx context.Context) ([]snapshot.Ref, error) {
	if sh.cfg.Snapshots.Store == nil {
		return nil, nil
	}
	return snapshot.Refs(ctx, sh.cfg.Snapshots.Store, sh.shard)
}

// ownStore is what is known of the store that is there, while a state to start from is looked for.
type ownStore struct {
	head     *orderlog.Head // of a state that was not tried yet; nil: there is none, or no more
	unusable string         // why its state cannot be used; it is set aside under that name
}

// loadOwn loads the state of the own store.
func (sh *Shard) loadOwn(ctx context.Context, s *session, k *state, o *ownStore) (*orderlog.Cursor, error) {
	head := o.head
	o.head = nil
	view, err := sh.store.View()
	if err != nil {
		return nil, err
	}
	cursor, why, err := sh.loadFrom(ctx, s, k, head, view, nil)
	if err := errors.Join(err, view.Close()); err != nil {
		return nil, err
	}
	o.unusable = why
	return cursor, nil
}

// replaceOwn makes the store an empty one: what cannot be used is set aside, what is merely old is removed.
func (sh *Shard) replaceOwn(o *ownStore) error {
	why := o.unusable
	*o = ownStore{}
	return sh.renewStore(why)
}

// restore makes the store a copy of a snapshot and loads it. A store whose state may be used yet is touched only once
// the snapshot has verified. Where the snapshot is of no use, cursor is nil and why says so.
func (sh *Shard) restore(ctx context.Context, s *session, k *state, ref snapshot.Ref, o *ownStore) (cursor *orderlog.Cursor, why string, err error) {
	from := sh.cfg.Snapshots.Store
	m, err := ref.Manifest(ctx, from)
	if errors.Is(err, snapshot.ErrBad) || errors.Is(err, fs.ErrNotExist) {
		return nil, err.Error(), nil
	}
	if err != nil {
		return nil, "", stepDown("read a snapshot to start from: %w", err)
	}
	open := snapshot.OpenUnverified // Loading it will verify it.
	if o.head != nil {
		open = snapshot.OpenFrom
	}
	file, done, err := open(ctx, from, m)
	if errors.Is(err, snapshot.ErrBad) {
		return nil, err.Error(), nil
	}
	if err != nil {
		return nil, "", stepDown("read a snapshot to start from: %w", err)
	}
	defer done()
	head, _ := file.Head()
	if err := sh.belongs(head, s); err != nil {
		return nil, "it is of something else: " + err.Error(), nil
	}
	if head.Rules != RulesVersion {
		return nil, "other-rules", nil
	}
	if _, ok, err := sh.agrees(ctx, head); !ok || err != nil {
		return nil, "other-chain", err
	}
	if err := sh.replaceOwn(o); err != nil {
		return nil, "", err
	}
	copying, err := newCopier(ctx, sh.store)
	if err != nil {
		return nil, "", err
	}
	cursor, why, err = sh.loadFrom(ctx, s, k, head, file, copying)
	if err != nil || cursor == nil { // What was copied is of no use, and must not be taken for a beginning.
		return nil, why, errors.Join(err, copying.abort(), sh.renewStore(""))
	}
	return cursor, "", copying.finish(head)
}

// loadFrom loads a state whose head belongs here. Where it cannot be used, cursor is nil and why says so in one word.
func (sh *Shard) loadFrom(ctx context.Context, s *session, k *state, head *orderlog.Head, from snapshot.State, to *copier) (cursor *orderlog.Cursor, why string, err error) {
	if head.Rules != RulesVersion {
		return nil, "other-rules", nil
	}
	at := partitionName(sh.cfg.OrderTopic, sh.shard)
	fence, ok, err := sh.agrees(ctx, head)
	if err != nil {
		return nil, "", err
	}
	if !ok {
		return nil, "other-chain", nil
	}
	f := sh.newFolder()
	if err := loadFold(f.fold, head, from, to); err != nil {
		if errors.Is(err, store.ErrTorn) || orderlog.IsCorruption(err) || errors.Is(err, errLoad) || errors.Is(err, snapshot.ErrBad) {
			sh.zap.Warn("a state cannot be loaded", zap.Error(err))
			return nil, "torn", nil
		}
		return nil, "", err
	}
	f.number, f.skips = head.Cut, slices.Clone(head.Skips)
	k.folder, k.base = f, *head
	k.base.Build = sh.cfg.Build
	return orderlog.NewCursorAt(at, head, fence), "", nil
}

// agrees reports whether the order log has the head's cut at the place that the head names, with its hash; and the fence
// of that cut's term.
func (sh *Shard) agrees(ctx context.Context, head *orderlog.Head) (*orderlog.Fence, bool, error) {
	return fenceOf(ctx, sh.log, sh.cfg.OrderTopic, sh.shard, head)
}

func (sh *Shard) newFolder() *folder {
	return &folder{cfg: sh.cfg, shard: sh.shard, fold: sh.cfg.NewFold(sh.cfg.projectorConfig(sh.shard))}
}

// baseHead is the head before the first cut.
func (sh *Shard) baseHead(s *session) orderlog.Head {
	return orderlog.Head{Shard: sh.shard, DedupeWindow: sh.cfg.DedupeWindow, ClusterID: s.fence.ClusterID,
		Rules: RulesVersion, Build: sh.cfg.Build, Chain: sh.cfg.genesis(sh.shard)}
}
