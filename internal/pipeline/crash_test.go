package pipeline

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"marginledger/internal/store"
	"marginledger/snapshot"
)

// crashAt ends a process at its n-th I/O step of a kind, before or after it happened.
type crashAt struct {
	mu    sync.Mutex
	kind  string // "produce", "init", "offsets", …; "store"; "" any
	n     int
	when  verdict
	fired bool
	log   *memLog
}

func (k *crashAt) step(kind, _ string) verdict {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.kind != "" && k.kind != kind {
		return goOn
	}
	if k.n--; k.n != 0 {
		return goOn
	}
	k.fired = true
	return k.when
}

// storing is the step of the store.
func (k *crashAt) storing(after bool) error {
	if k.log.isDead() {
		return errCrash
	}
	if after != (k.when == failAfter) {
		return nil
	}
	if k.step("store", "") != goOn {
		k.log.crash()
		return errCrash
	}
	return nil
}

// crash runs a process until the fault, or until it has caught up. It says whether the fault came.
func (w *world) crash(cfg Config, k *crashAt) bool {
	w.t.Helper()
	log := &memLog{c: w.c, step: k.step}
	k.log = log
	cfg.storing = k.storing
	p := w.start(cfg, log, 0)
	want := w.records(0)
	eventually(w.t, "the crash or the end", func() bool {
		s := p.Status()
		return log.isDead() || s.Ready && s.N >= want
	})
	if !log.isDead() {
		if err := p.end(); err != nil && !log.isDead() {
			w.t.Fatal(err)
		}
		return k.fired
	}
	mustBe(w.t, p.wait(), errCrash)
	return true
}

// survive runs a process over what a crash has left, without faults, and audits everything.
func (w *world) survive(cfg Config) *Refolded {
	w.t.Helper()
	p := w.start(cfg, &memLog{c: w.c}, 0)
	w.caughtUp(p)
	if err := p.end(); err != nil {
		w.t.Fatal(err)
	}
	return w.audit(cfg, 0)
}

// A process ends at every I/O step that it makes, once before the step has happened and once after: what the survivor
// has is always a fold of the order log, and each announcement is published once.
func TestCrashAtEveryStep(t *testing.T) {
	seed := seed(t)
	for _, kind := range []string{"init", "produce", "offsets", "cluster", "partitions", "store"} {
		for _, when := range []verdict{failBefore, failAfter} {
			t.Run(fmt.Sprintf("%s/%d", kind, when), func(t *testing.T) {
				// Few facts: every step is met within a number of crashes that a test can afford.
				for n := 1; ; n++ {
					w := newWorld(t, 1)
					w.trade(rngOf(seed), 0, 120)
					cfg := w.config(t.TempDir())
					crashed := w.crash(cfg, &crashAt{kind: kind, n: n, when: when})
					w.survive(cfg)
					if n == 1 && !crashed {
						t.Fatal("there was no such step")
					}
					if !crashed || n >= 25 {
						break
					}
				}
			})
		}
	}
}

// Processes crash at random again and again, over a market that goes on, some with their store lost or torn.
func TestCrashAgainAndAgain(t *testing.T) {
	rng := rngOf(seed(t))
	w := newWorld(t, 1)
	cfg := w.config(t.TempDir())
	cfg.Snapshots.Store, cfg.Snapshots.Cuts = snapshot.Dir(t.TempDir()), 20
	at := w.trade(rng, 0, 200)
	for range 25 {
		at = w.trade(rng, at, 60)
		w.crash(cfg, &crashAt{n: 1 + rng.IntN(60), when: []verdict{failBefore, failAfter}[rng.IntN(2)]})
		switch rng.IntN(6) {
		case 0:
			if err := os.RemoveAll(store.ShardDir(cfg.DataDir, 0)); err != nil {
				t.Fatal(err)
			}
		case 1:
			tear(t, store.ShardDir(cfg.DataDir, 0), rng.IntN)
		}
	}
	w.survive(cfg)
}

// tear damages one file of a store.
func tear(t *testing.T, dir string, intn func(int) int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		return
	}
	path := files[intn(len(files))]
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()/2); err != nil {
		t.Fatal(err)
	}
}

// Acknowledgements are lost at random: the producer asks again, and nothing is there twice.
func TestLostAcknowledgements(t *testing.T) {
	rng := rngOf(seed(t))
	w := newWorld(t, 1)
	w.trade(rng, 0, 600)
	cfg := w.config(t.TempDir())
	var mu sync.Mutex
	p := w.start(cfg, &memLog{c: w.c, step: func(kind, _ string) verdict {
		mu.Lock()
		defer mu.Unlock()
		if kind == "produce" && rng.IntN(3) == 0 {
			return lostAck
		}
		return goOn
	}}, 0)
	w.caughtUp(p)
	if err := p.end(); err != nil {
		t.Fatal(err)
	}
	w.audit(cfg, 0)
}
