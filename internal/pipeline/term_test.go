package pipeline

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"marginledger/internal/orderlog"
	"marginledger/projector"
	"marginledger/snapshot"
)

// countedFold counts how often a state is built.
type countedFold struct{ built *int }

func (c countedFold) build(cfg projector.Config) Fold {
	*c.built++
	return newFold(cfg)
}

// The producer's epoch is refreshed again and again under load: each time a new term begins, the state in memory goes on,
// and nothing is lost or there twice. Idle partitions get heartbeats.
func TestRefreshAndHeartbeat(t *testing.T) {
	w := newWorld(t, 1)
	rng := rngOf(seed(t))
	at := w.trade(rng, 0, 200)
	cfg := w.config(t.TempDir())
	built := 0
	cfg.NewFold = countedFold{&built}.build
	cfg.Refresh, cfg.Heartbeat = 20*time.Millisecond, 5*time.Millisecond
	p := w.start(cfg, &memLog{c: w.c}, 0)
	for terms := uint64(1); terms <= 5; terms++ {
		at = w.trade(rng, at, 50)
		w.caughtUp(p)
		eventually(t, "a refresh", func() bool { return p.Status().Takes > terms })
	}
	eventually(t, "heartbeats on an output", func() bool {
		for _, r := range w.c.contents("ledger.liquidations.v1", 0) {
			if orderlog.IsControl(r.Headers) && strings.Contains(string(r.Value), "heartbeat") {
				return true
			}
		}
		return false
	})
	w.caughtUp(p)
	if err := p.end(); err != nil {
		t.Fatal(err)
	}
	if built != 1 {
		t.Errorf("the state was built %d times", built)
	}
	r := w.audit(cfg, 0)
	if r.Term == 0 {
		t.Error("no new term began")
	}
}

func snapshotsIn(t *testing.T, dir snapshot.Store) []*snapshot.Manifest {
	t.Helper()
	taken, damaged, err := snapshot.List(t.Context(), dir, 0)
	if err != nil || len(damaged) > 0 {
		t.Fatal(damaged, err)
	}
	return taken
}

// Another node, with nothing on its disk, starts from a snapshot: the inputs before it are gone. A damaged newest snapshot
// is passed over for an older one; without any, it stops.
func TestRestoreFromSnapshot(t *testing.T) {
	w := newWorld(t, 1)
	rng := rngOf(seed(t))
	at := w.trade(rng, 0, 300)
	cfg := w.config(t.TempDir())
	dir := snapshot.Dir(t.TempDir())
	cfg.Snapshots.Store, cfg.Snapshots.Cuts = dir, 5
	p := w.start(cfg, &memLog{c: w.c}, 0)
	var taken []*snapshot.Manifest
	for len(taken) < 2 {
		at = w.trade(rng, at, 100)
		w.caughtUp(p)
		eventually(t, "a snapshot", func() bool { return p.Status().Snapshot > 0 })
		taken = snapshotsIn(t, dir)
	}
	if err := p.end(); err != nil {
		t.Fatal(err)
	}
	taken = snapshotsIn(t, dir)
	if err := os.Truncate(filepath.Join(string(dir), taken[0].FileName()), 100); err != nil {
		t.Fatal(err)
	}
	head := &taken[1].Head
	w.c.trim(accountTopic, 0, head.Place(projector.Source{Topic: accountTopic}).Next)

	other := cfg
	other.DataDir = t.TempDir()
	p = w.start(other, &memLog{c: w.c}, 0)
	w.caughtUp(p)
	w.trade(rng, at, 50)
	w.caughtUp(p)
	s := p.Status()
	if err := p.end(); err != nil {
		t.Fatal(err)
	}
	if got := p.Status(); got.Cut != s.Cut || got.Hash != s.Hash {
		t.Errorf("the end changed cut %d to %d", s.Cut, got.Cut)
	}

	left, err := filepath.Glob(filepath.Join(string(dir), "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range left {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	other.DataDir = t.TempDir()
	w.stops(other, true, "retention")
}

// A view of the store is there once the shard is ready, and waits for a cut.
func TestReading(t *testing.T) {
	w := newWorld(t, 1)
	cfg := w.config(t.TempDir())
	w.c.setAway(configTopic, 0, true)
	w.trade(rngOf(7), 0, 20)
	p := w.start(cfg, &memLog{c: w.c}, 0)
	eventually(t, "the shard to be live", func() bool { return p.Status().Phase == PhaseLive })
	w.c.setAway(configTopic, 0, false)
	if err := p.WaitCut(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	w.caughtUp(p)
	v, err := p.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	head, err := v.Head()
	if err != nil {
		t.Fatal(err)
	}
	a, err := projector.OpenView(v.Get).Account("x", "owner-1", 0)
	if err != nil || head.Counters.N != w.records(0) {
		t.Fatalf("n %d, account %v, %v", head.Counters.N, a, err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.end(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Snapshot(); err == nil {
		t.Fatal("a view of a shard that has ended")
	} else {
		mustBe(t, err, ErrNotReady)
	}
}
