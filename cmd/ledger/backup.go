package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"marginledger/internal/config"
	"marginledger/internal/pipeline"
	"marginledger/internal/store"
	"marginledger/snapshot"
	"marginledger/snapshot/sumtree"
)

// backupCmd copies snapshots elsewhere.
type backupCmd struct {
	configFlags
	shardFlag
	To      string `help:"Where to: a directory, or s3://bucket/prefix on the configured server." required:"" placeholder:"PLACE"`
	URL     string `help:"URL of a running process of the ledger." placeholder:"http://HOST:PORT"`
	Latest  bool   `help:"Take no new snapshots: copy the newest that verify." xor:"how"`
	Offline bool   `help:"Ask no running ledger: read the data directory, which no process may have open." xor:"how"`
}

// Run backs up every shard; one that fails ends it.
func (cmd *backupCmd) Run(ctx context.Context) error {
	c, err := cmd.load()
	if err != nil {
		return err
	}
	shards, err := cmd.of(c)
	if err != nil {
		return err
	}
	to, err := c.SnapshotStoreAt(cmd.To)
	if err != nil {
		return err
	}
	backup := cmd.copyOf
	if cmd.Offline {
		lock, err := store.LockDir(c.DataDir)
		if err != nil {
			return err
		}
		defer lock.Close()
		backup = offlineCopyOf
	}
	for _, shard := range shards {
		m, err := backup(ctx, c, to, shard)
		if err != nil {
			return fmt.Errorf("back up shard %d: %w", shard, err)
		}
		fmt.Printf("shard %d: cut %d, %d bytes, verified: %s in %v\n", shard, m.Head.Cut, m.FileBytes, m.Name, to)
	}
	return nil
}

// copyOf copies the newest snapshot of a shard that verifies, after a new one was taken.
func (cmd *backupCmd) copyOf(ctx context.Context, c *config.Config, to snapshot.Store, shard int32) (*snapshot.Manifest, error) {
	from, err := c.SnapshotStore()
	if err != nil {
		return nil, err
	}
	least := uint64(0)
	if !cmd.Latest {
		taken, err := askForSnapshot(ctx, c, cmd.URL, shard)
		if err != nil {
			return nil, fmt.Errorf("%w (--latest copies what is there, --offline reads the data directory of a ledger that does not run)", err)
		}
		least = taken.At.Cut
	}
	m, err := newest(ctx, from, shard, 0, func(m *snapshot.Manifest) error { return snapshot.Copy(ctx, from, to, m) })
	if err == nil && m.Head.Cut < least {
		err = fmt.Errorf("the snapshot of cut %d was taken, but is not in %v: does the running ledger have the same configuration?", least, from)
	}
	return m, err
}

// newest calls use with the newest snapshot of a shard, and with the one before while that is bad. cut, if not 0, is
// the only one that will do.
func newest(ctx context.Context, from snapshot.Store, shard int32, cut uint64, use func(*snapshot.Manifest) error) (*snapshot.Manifest, error) {
	refs, err := snapshot.Refs(ctx, from, shard)
	if err != nil {
		return nil, err
	}
	for _, r := range refs {
		if cut != 0 && r.Cut != cut {
			continue
		}
		m, err := r.Manifest(ctx, from)
		if err == nil {
			err = use(m)
		}
		if err == nil {
			return m, nil
		}
		if !errors.Is(err, snapshot.ErrBad) {
			return nil, err
		}
		fmt.Fprintf(os.Stderr, "passed over: %v\n", err)
	}
	if cut != 0 {
		return nil, fmt.Errorf("%v has no good snapshot of cut %d", from, cut)
	}
	return nil, fmt.Errorf("%v has no good snapshot", from)
}

// offlineCopyOf takes a snapshot of a store that nobody has open.
func offlineCopyOf(ctx context.Context, c *config.Config, to snapshot.Store, shard int32) (*snapshot.Manifest, error) {
	key, err := c.AuditKey()
	if err != nil {
		return nil, err
	}
	dir := store.ShardDir(c.DataDir, shard)
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("this data directory does not hold it: %w", err)
	}
	st, err := store.Open(dir, store.Options{DedupeWindow: c.DedupeWindow, ReadOnly: true})
	if err != nil {
		return nil, err
	}
	m, err := takeOffline(ctx, st, to, key)
	return m, errors.Join(err, st.Close())
}

func takeOffline(ctx context.Context, st *store.Store, to snapshot.Store, key *sumtree.Key) (*snapshot.Manifest, error) {
	view, err := st.View()
	if err != nil {
		return nil, err
	}
	m, err := snapshot.Take(ctx, to, view, snapshot.TakeOptions{Key: key, Now: time.Now()})
	return m, errors.Join(err, view.Close())
}

// restoreCmd makes the stores of a data directory.
type restoreCmd struct {
	configFlags
	shardFlag
	From string `help:"Where from: a directory, or s3://bucket/prefix on the configured server." required:"" placeholder:"PLACE"`
	Cut  uint64 `help:"The snapshot of this cut, and no other; with --shard." placeholder:"N"`
}

// Validate checks what kong cannot.
func (cmd *restoreCmd) Validate() error {
	if cmd.Cut != 0 && len(cmd.Shard) != 1 {
		return errors.New("--cut needs --shard with one shard: shards do not share cuts")
	}
	return nil
}

// Run restores every shard, newest snapshot that verifies first. A store that is there is set aside. Whether it belongs
// to the order log is checked when the ledger starts.
func (cmd *restoreCmd) Run(ctx context.Context) error {
	c, err := cmd.load()
	if err != nil {
		return err
	}
	shards, err := cmd.of(c)
	if err != nil {
		return err
	}
	from, err := c.SnapshotStoreAt(cmd.From)
	if err != nil {
		return err
	}
	lock, err := store.LockDir(c.DataDir)
	if err != nil {
		return err
	}
	defer lock.Close()
	for _, shard := range shards {
		m, err := newest(ctx, from, shard, cmd.Cut, func(m *snapshot.Manifest) error { return restoreShard(ctx, c, from, m) })
		if err != nil {
			return fmt.Errorf("restore shard %d: %w", shard, err)
		}
		fmt.Printf("shard %d: restored cut %d of %s: %s\n", shard, m.Head.Cut, m.Taken.Format(time.RFC3339), store.ShardDir(c.DataDir, shard))
	}
	return nil
}

// restoreShard builds the store aside, and puts it in its place once it is whole.
func restoreShard(ctx context.Context, c *config.Config, from snapshot.Store, m *snapshot.Manifest) error {
	dir := store.ShardDir(c.DataDir, m.Head.Shard)
	if m.Head.DedupeWindow != c.DedupeWindow {
		return fmt.Errorf("the snapshot's dedupe window is %d, the configuration has %d: set it back", m.Head.DedupeWindow, c.DedupeWindow)
	}
	aside := dir + ".restoring"
	if err := os.RemoveAll(aside); err != nil {
		return fmt.Errorf("remove what an earlier attempt left: %w", err)
	}
	st, err := store.Open(aside, store.Options{DedupeWindow: c.DedupeWindow})
	if err != nil {
		return err
	}
	_, err = pipeline.Restore(ctx, from, m, st)
	if err = errors.Join(err, st.Close()); err != nil {
		return errors.Join(err, os.RemoveAll(aside))
	}
	if _, err := os.Stat(dir); err == nil {
		old, err := store.SetAside(dir, "replaced")
		if err != nil {
			return err
		}
		fmt.Printf("shard %d: the store that was there is now %s\n", m.Head.Shard, old)
	}
	if err := os.Rename(aside, dir); err != nil {
		return fmt.Errorf("put the restored store in its place: %w", err)
	}
	return nil
}
