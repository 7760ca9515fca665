package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"marginledger/internal/orderlog"
	"marginledger/internal/store"
	"marginledger/projector"
	"marginledger/snapshot"
	"marginledger/snapshot/sumtree"
)

func testKey(t testing.TB) *sumtree.Key {
	t.Helper()
	key, err := sumtree.NewKey(bytes.Repeat([]byte{7}, sumtree.MinKeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// keepAll keeps every snapshot.
var keepAll = snapshot.Policy{Last: 1 << 20}

// foldState is the state of a refold.
type foldState struct {
	head  orderlog.Head
	shard *projector.Shard
}

func (f *foldState) Head() (*orderlog.Head, error) { return &f.head, nil }
func (f *foldState) EachRow(fn func(projector.Row) error) (err error) {
	f.shard.EachRow(func(r projector.Row) {
		if err == nil {
			err = fn(r)
		}
	})
	return err
}
func (f *foldState) EachSeen(fn func(projector.Source, []byte) error) (err error) {
	f.shard.EachSeen(func(src projector.Source, entries []byte) {
		if err == nil {
			err = fn(src, entries)
		}
	})
	return err
}

// Processes that crash, lose their disks, and take each other's shard over, on one, two and four processors, take
// snapshots. At each of those cuts a replay of the order log has the same body, byte for byte, and the same root,
// on any number of processors.
func TestSameBodyEverywhere(t *testing.T) {
	rng := rngOf(seed(t))
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	w := newWorld(t, 1)
	dir := snapshot.Dir(t.TempDir())
	policy := SnapshotPolicy{Store: dir, Key: testKey(t), Cuts: 1 << 40, Keep: keepAll}
	at := w.trade(rng, 0, 100)
	cfg := w.config(t.TempDir())
	cfg.Snapshots, cfg.pause = policy, time.Millisecond
	for round := range 9 {
		runtime.GOMAXPROCS([]int{1, 2, 4}[round%3])
		at = w.trade(rng, at, 80)
		if round%2 == 0 {
			w.crash(cfg, &crashAt{n: 1 + rng.IntN(60), when: []verdict{failBefore, failAfter}[rng.IntN(2)]})
		}
		if rng.IntN(3) == 0 {
			cfg.DataDir = t.TempDir() // another machine: it starts from the last snapshot
		}
		p := w.start(cfg, &memLog{c: w.c}, 0)
		if round%3 == 1 {
			other := w.config(t.TempDir())
			other.Snapshots, other.pause = policy, time.Millisecond
			q := w.start(other, &memLog{c: w.c}, 0)
			w.trade(rng, at, 20)
			w.caughtUp(q)
			p.kill()
			if err := p.wait(); err != nil {
				t.Fatal(err)
			}
			p, cfg = q, other
		}
		w.caughtUp(p)
		if _, err := p.TakeSnapshot(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := p.end(); err != nil {
			t.Fatal(err)
		}
	}
	taken := snapshotsIn(t, dir)
	if len(taken) < 8 {
		t.Fatalf("only %d snapshots", len(taken))
	}
	for i, m := range taken {
		runtime.GOMAXPROCS([]int{4, 1, 2}[i%3])
		r, err := Refold(t.Context(), cfg, &memLog{c: w.c}, 0, RefoldOptions{ToCut: m.Head.Cut})
		if err != nil {
			t.Fatal(err)
		}
		s := &foldState{head: orderlog.Head{Cut: r.Cut, Chain: r.Chain}, shard: r.Fold.(*projector.Shard)}
		id, err := snapshot.Write(io.Discard, s)
		if err != nil {
			t.Fatal(err)
		}
		root, err := sumtree.Build(testKey(t), sumtree.AtHead(&s.head), s.EachRow)
		if err != nil {
			t.Fatal(err)
		}
		if r.Chain != m.Head.Chain || id != m.Identity || root.Hash() != *m.RootHash {
			t.Errorf("cut %d: the refold has chain %v, body %v, root %v; the snapshot %v, %v, %v", r.Cut, r.Chain, id, root.Hash(), m.Head.Chain, m.Identity, *m.RootHash)
		}
	}
}

// Snapshots are taken after so many cuts, so many bytes, so long; never twice of one cut; and old ones go.
func TestSnapshotSchedule(t *testing.T) {
	for name, policy := range map[string]SnapshotPolicy{
		"cuts":  {Cuts: 3, Keep: snapshot.Policy{Last: 2}},
		"bytes": {Cuts: 1 << 40, Bytes: 2000, Keep: snapshot.Policy{Last: 2}},
		"time":  {Cuts: 1 << 40, Every: 20 * time.Millisecond, Keep: snapshot.Policy{Last: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1)
			rng := rngOf(seed(t))
			dir := snapshot.Dir(t.TempDir())
			cfg := w.config(t.TempDir())
			cfg.Snapshots = policy
			cfg.Snapshots.Store = dir
			at := w.trade(rng, 0, 200)
			p := w.start(cfg, &memLog{c: w.c}, 0)
			w.caughtUp(p)
			eventually(t, "a snapshot", func() bool { return p.Status().Snapshot > 0 })
			for range 3 {
				last := p.Status().Snapshot
				at = w.trade(rng, at, 150)
				w.caughtUp(p)
				eventually(t, "another snapshot", func() bool { return p.Status().Snapshot > last })
			}
			eventually(t, "old ones to go", func() bool { return len(snapshotsIn(t, dir)) == 2 })
			if err := p.end(); err != nil {
				t.Fatal(err)
			}
			s := p.Status()
			if s.SnapshotsFailed != 0 || s.SnapshotBytes == 0 || s.SnapshotTaken.IsZero() {
				t.Errorf("%+v", s)
			}
			w.audit(cfg, 0)
		})
	}
}

// store that fails on demand.
type failing struct {
	snapshot.Store
	left  atomic.Int64 // failures yet to come
	tried atomic.Int64
}

var errStore = errors.New("the bucket is away")

func (f *failing) Put(ctx context.Context, write func(io.Writer) (string, error)) error {
	f.tried.Add(1)
	if f.left.Add(-1) >= 0 {
		return errStore
	}
	return f.Store.Put(ctx, write)
}

func (f *failing) Names(ctx context.Context, prefix string) ([]string, error) {
	if f.left.Load() > 0 {
		return nil, errStore
	}
	return f.Store.Names(ctx, prefix)
}

// A store that fails is tried again; the fold goes on meanwhile, and a process that has its own state starts without it.
func TestSnapshotStoreFails(t *testing.T) {
	w := newWorld(t, 1)
	rng := rngOf(seed(t))
	at := w.trade(rng, 0, 100)
	place := &failing{Store: snapshot.Dir(t.TempDir())}
	place.left.Store(1 << 40)
	cfg := w.config(t.TempDir())
	cfg.Snapshots = SnapshotPolicy{Store: place, Cuts: 1 << 40}
	cfg.pause = time.Millisecond
	p := w.start(cfg, &memLog{c: w.c}, 0)
	// A process without a state does not guess that there is no snapshot: it asks until it hears.
	eventually(t, "some attempts", func() bool { return p.Status().Takes > 3 })
	if s := p.Status(); s.Ready || s.Error != "" {
		t.Errorf("%+v", s)
	}
	place.left.Store(0)
	w.caughtUp(p)
	place.left.Store(1)
	if _, err := p.TakeSnapshot(t.Context()); err != nil { // the second attempt succeeds
		t.Fatal(err)
	}
	if err := p.end(); err != nil {
		t.Fatal(err)
	}
	place.left.Store(1 << 40)
	w.trade(rng, at, 50)
	p = w.start(cfg, &memLog{c: w.c}, 0)
	w.caughtUp(p)
	if err := p.end(); err != nil {
		t.Fatal(err)
	}
	w.audit(cfg, 0)
}

// Without a place there are no snapshots, and before the shard is ready there is no state.
func TestNoSnapshot(t *testing.T) {
	w := newWorld(t, 1)
	cfg := w.config(t.TempDir())
	w.trade(rngOf(1), 0, 20)
	p := w.start(cfg, &memLog{c: w.c}, 0)
	w.caughtUp(p)
	if _, err := p.TakeSnapshot(t.Context()); !errors.Is(err, ErrNoSnapshots) {
		t.Error(err)
	}
	if err := p.end(); err != nil {
		t.Fatal(err)
	}
	cfg.Snapshots.Store = snapshot.Dir(t.TempDir())
	full, err := cfg.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newShard(&full, &memLog{c: w.c}, 0).TakeSnapshot(t.Context()); !errors.Is(err, ErrNotReady) {
		t.Error(err)
	}
}

// endless is a store whose Put does not come back by itself.
type endless struct {
	snapshot.Store
	begun chan struct{}
	once  sync.Once // a policy that is due asks again until the shard has ended
}

func (e *endless) Put(ctx context.Context, _ func(io.Writer) (string, error)) error {
	e.once.Do(func() { close(e.begun) })
	<-ctx.Done()
	return context.Cause(ctx)
}

// A shard that is taken away does not wait for its snapshot, whoever asked for it.
func TestStopGivesSnapshotUp(t *testing.T) {
	for _, onDemand := range []bool{false, true} {
		t.Run(fmt.Sprintf("onDemand=%v", onDemand), func(t *testing.T) {
			w := newWorld(t, 1)
			w.trade(rngOf(seed(t)), 0, 100)
			place := &endless{Store: snapshot.Dir(t.TempDir()), begun: make(chan struct{})}
			cfg := w.config(t.TempDir())
			cfg.Snapshots = SnapshotPolicy{Store: place, Cuts: 2}
			asked := make(chan error, 1)
			if onDemand {
				cfg.Snapshots.Cuts = 1 << 40
			}
			p := w.start(cfg, &memLog{c: w.c}, 0)
			w.caughtUp(p)
			if onDemand {
				go func() {
					_, err := p.TakeSnapshot(context.Background())
					asked <- err
				}()
			}
			<-place.begun
			if err := p.end(); err != nil {
				t.Fatal(err)
			}
			if onDemand {
				if err := <-asked; !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			}
		})
	}
}

// A state to start from is looked for in this order: newest snapshot that verifies, the one before, the beginning; and
// the own store where it is not older. What of the own store cannot be used is set aside, not deleted.
func TestStartOrder(t *testing.T) {
	rng := rngOf(seed(t))
	w := newWorld(t, 1)
	dir := snapshot.Dir(t.TempDir())
	cfg := w.config(t.TempDir())
	cfg.Snapshots = SnapshotPolicy{Store: dir, Key: testKey(t), Cuts: 1 << 40, Keep: keepAll}
	at := w.trade(rng, 0, 100)
	var taken []*snapshot.Manifest // oldest first
	for range 3 {
		at = w.trade(rng, at, 60)
		p := w.start(cfg, &memLog{c: w.c}, 0)
		w.caughtUp(p)
		m, err := p.TakeSnapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, m)
		if err := p.end(); err != nil {
			t.Fatal(err)
		}
	}
	// startsAt runs a process and returns the cut that it began at.
	startsAt := func(cfg Config) uint64 {
		t.Helper()
		core, said := observer.New(zap.InfoLevel)
		cfg.Log = zap.New(core)
		p := w.start(cfg, &memLog{c: w.c}, 0)
		w.caughtUp(p)
		if err := p.end(); err != nil {
			t.Fatal(err)
		}
		w.audit(cfg, 0)
		entries := said.FilterMessage("recovering").All()
		if len(entries) != 1 {
			t.Fatalf("it recovered %d times", len(entries))
		}
		return entries[0].ContextMap()["cut"].(uint64)
	}
	damage := func(m *snapshot.Manifest) {
		t.Helper()
		path := filepath.Join(string(dir), m.FileName())
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/2] ^= 1
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	fresh := func() Config {
		c := cfg
		c.DataDir = t.TempDir()
		return c
	}
	if got := startsAt(fresh()); got != taken[2].Head.Cut {
		t.Errorf("with all snapshots it starts at cut %d, want %d", got, taken[2].Head.Cut)
	}
	damage(taken[2])
	if got := startsAt(fresh()); got != taken[1].Head.Cut {
		t.Errorf("with the newest damaged it starts at cut %d, want %d", got, taken[1].Head.Cut)
	}
	if err := os.Truncate(filepath.Join(string(dir), taken[1].ManifestName()), 30); err != nil {
		t.Fatal(err)
	}
	if got := startsAt(fresh()); got != taken[0].Head.Cut {
		t.Errorf("with a manifest damaged it starts at cut %d, want %d", got, taken[0].Head.Cut)
	}
	damaged := fresh()
	if got := startsAt(damaged); got != taken[0].Head.Cut {
		t.Error(got)
	}
	files, err := filepath.Glob(filepath.Join(store.ShardDir(damaged.DataDir, 0), "*"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range files {
		tear(t, store.ShardDir(damaged.DataDir, 0), func(int) int { return i })
	}
	if got := startsAt(damaged); got != taken[0].Head.Cut {
		t.Errorf("with its store damaged it starts at cut %d, want %d", got, taken[0].Head.Cut)
	}
	if aside, err := filepath.Glob(store.ShardDir(damaged.DataDir, 0) + ".*"); err != nil || len(aside) != 1 || !strings.Contains(aside[0], "torn") {
		t.Errorf("set aside: %v, %v", aside, err)
	}
	damage(taken[0])
	if got := startsAt(fresh()); got != 0 {
		t.Errorf("without a good snapshot it starts at cut %d", got)
	}
	// The own store, older than a snapshot that turns out to be bad, is used.
	own := fresh()
	if got := startsAt(own); got != 0 {
		t.Error(got)
	}
	w.trade(rng, at, 60)
	p := w.start(cfg, &memLog{c: w.c}, 0)
	w.caughtUp(p)
	m, err := p.TakeSnapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.end(); err != nil {
		t.Fatal(err)
	}
	damage(m)
	if got := startsAt(own); got == 0 || got >= m.Head.Cut {
		t.Errorf("with a store of its own it starts at cut %d", got)
	}
	if left, err := filepath.Glob(store.ShardDir(own.DataDir, 0) + "*"); err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
}

// A restore that a crash cuts off leaves half a store: it is removed, and the next start restores anew.
func TestHalfRestored(t *testing.T) {
	w := newWorld(t, 1)
	rng := rngOf(seed(t))
	w.trade(rng, 0, 200)
	cfg := w.config(t.TempDir())
	cfg.Snapshots = SnapshotPolicy{Store: snapshot.Dir(t.TempDir()), Cuts: 1 << 40}
	p := w.start(cfg, &memLog{c: w.c}, 0)
	w.caughtUp(p)
	m, err := p.TakeSnapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.end(); err != nil {
		t.Fatal(err)
	}
	other := cfg
	other.DataDir = t.TempDir()
	st, err := store.Open(store.ShardDir(other.DataDir, 0), store.Options{DedupeWindow: cfg.DedupeWindow})
	if err != nil {
		t.Fatal(err)
	}
	f, done, err := snapshot.OpenFrom(t.Context(), cfg.Snapshots.Store, m)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	ingest, err := st.NewIngest()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.EachRow(func(r projector.Row) error { return ingest.Row(r.Key, r.Value) }); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(ingest.Finish(t.Context()), st.Close()); err != nil {
		t.Fatal(err)
	}
	w.survive(other)
	if left, err := filepath.Glob(filepath.Join(other.DataDir, "*")); err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
}
