package pipeline

import (
	"errors"
	"fmt"
	"os"

	"go.uber.org/zap"

	"marginledger/internal/store"
)

// openStore opens the shard's store, setting aside what is torn. A store stays open over the terms of a shard.
func (sh *Shard) openStore() (*store.Store, error) {
	if sh.store != nil {
		return sh.store, nil
	}
	dir := store.ShardDir(sh.cfg.DataDir, sh.shard)
	o := store.Options{DedupeWindow: sh.cfg.DedupeWindow, CacheBytes: sh.cfg.StoreCache, Log: func(m string) { sh.zap.Warn(m) }}
	st, err := store.Open(dir, o)
	if errors.Is(err, store.ErrUnfinished) {
		sh.zap.Warn("the store is half of a restore: removed", zap.Error(err))
		if err := os.RemoveAll(dir); err != nil {
			return nil, fmt.Errorf("remove half a store: %w", err)
		}
		st, err = store.Open(dir, o)
	}
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
	closed := sh.closeStore()
	dir := store.ShardDir(sh.cfg.DataDir, sh.shard)
	if closed != nil && why == "" {
		return closed
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

// setAside closes a store that turned out to be damaged while it was in use, and moves it away.
func (sh *Shard) setAside() error {
	sh.drop()
	if err := sh.closeStore(); err != nil {
		sh.zap.Warn("closing the damaged store", zap.Error(err))
	}
	_, err := store.SetAside(store.ShardDir(sh.cfg.DataDir, sh.shard), "torn")
	return err
}

// closeStore closes the store if it is open. A snapshot that is being taken of it is given up.
func (sh *Shard) closeStore() error {
	sh.mu.Lock()
	st := sh.store
	sh.store = nil
	sh.mu.Unlock()
	sh.snapshots.giveUp()
	if st == nil {
		return nil
	}
	return st.Close()
}
