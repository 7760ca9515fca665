package pipeline

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"marginledger/snapshot"
)

// gate holds a process up at one produce until it is opened.
type gate struct {
	mu   sync.Mutex
	n    int           // which produce
	held chan struct{} // closed once it is held up
	open chan struct{}
}

func newGate(n int) *gate { return &gate{n: n, held: make(chan struct{}), open: make(chan struct{})} }

func (g *gate) step(kind, _ string) verdict {
	if kind != "produce" {
		return goOn
	}
	g.mu.Lock()
	g.n--
	hold := g.n == 0
	g.mu.Unlock()
	if hold {
		close(g.held)
		<-g.open
	}
	return goOn
}

// An owner is held up at one of its writes (the fences are the first four) while another takes over and goes on. When it
// wakes, what it writes is refused, or passed over by every reader: also where brokers know no fencing.
func TestZombie(t *testing.T) {
	seed := seed(t)
	for _, noFencing := range []bool{false, true} {
		for n := 1; n <= 10; n++ {
			t.Run(fmt.Sprintf("noFencing=%v/write=%d", noFencing, n), func(t *testing.T) {
				w := newWorld(t, 1)
				w.c.noFencing = noFencing
				rng := rngOf(seed + uint64(n))
				at := w.trade(rng, 0, 150)
				g := newGate(n)
				one := w.start(w.config(t.TempDir()), &memLog{c: w.c, step: g.step}, 0)
				eventually(t, "the holdup", func() bool {
					select {
					case <-g.held:
						return true
					default:
					}
					if s := one.Status(); s.Ready && s.N >= w.records(0) { // It wrote less often than that: more facts.
						at = w.trade(rng, at, 20)
					}
					return false
				})
				one.stop()

				cfg := w.config(t.TempDir())
				two := w.start(cfg, &memLog{c: w.c}, 0)
				at = w.trade(rng, at, 60)
				w.caughtUp(two)
				close(g.open)
				if err := one.wait(); err != nil {
					t.Fatalf("the zombie: %v", err)
				}
				w.trade(rng, at, 60)
				w.caughtUp(two)
				if err := two.end(); err != nil {
					t.Fatal(err)
				}
				w.audit(cfg, 0)
			})
		}
	}
}

// Three processes that all take themselves for the owner depose each other, with holdups and lost acknowledgements, over
// a market that goes on. In the end one is left, and everything agrees.
func TestSplitBrain(t *testing.T) {
	for _, noFencing := range []bool{false, true} {
		t.Run(fmt.Sprintf("noFencing=%v", noFencing), func(t *testing.T) {
			seed := seed(t)
			w := newWorld(t, 1)
			w.c.noFencing = noFencing
			rng := rngOf(seed)
			at := w.trade(rng, 0, 100)
			snapshots := snapshot.Dir(t.TempDir())
			var procs []*proc
			var configs []Config
			for i := range 3 {
				cfg := w.config(t.TempDir())
				cfg.pause, cfg.Snapshots.Store, cfg.Snapshots.Cuts = time.Millisecond, snapshots, 30
				h := &holdups{rng: rngOf(seed + uint64(i))}
				procs = append(procs, w.start(cfg, &memLog{c: w.c, step: h.step}, 0))
				configs = append(configs, cfg)
			}
			for round := range uint64(30) {
				at = w.trade(rng, at, 20)
				eventually(t, "takeovers", func() bool {
					terms := uint64(0)
					for _, p := range procs {
						s := p.Status()
						if s.Error != "" {
							t.Fatal(s.Error)
						}
						terms += s.Takes
					}
					return terms > 2*round
				})
			}
			for _, p := range procs[1:] {
				if err := p.end(); err != nil {
					t.Fatal(err)
				}
			}
			w.caughtUp(procs[0])
			if err := procs[0].end(); err != nil {
				t.Fatal(err)
			}
			w.audit(configs[0], 0)
		})
	}
}

// holdups holds some steps up for a moment, and loses some acknowledgements.
type holdups struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func (h *holdups) step(kind, _ string) verdict {
	h.mu.Lock()
	hold, lost := h.rng.IntN(10) == 0, kind == "produce" && h.rng.IntN(10) == 0
	d := time.Duration(h.rng.IntN(5000)) * time.Microsecond
	h.mu.Unlock()
	if hold {
		<-time.After(d)
	}
	if lost {
		return lostAck
	}
	return goOn
}
