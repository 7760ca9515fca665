package pipeline

import (
	"testing"
)

// A day is folded, the process is stopped and started again, and goes on; then everything is folded again.
func TestShardEndToEnd(t *testing.T) {
	w := newWorld(t, 1)
	rng := rngOf(seed(t))
	at := w.trade(rng, 0, 1500)
	cfg := w.config(t.TempDir())
	p := w.start(cfg, &memLog{c: w.c}, 0)
	w.caughtUp(p)
	if err := p.end(); err != nil {
		t.Fatal(err)
	}
	first := w.audit(cfg, 0)

	w.trade(rng, at, 1000)
	p = w.start(cfg, &memLog{c: w.c}, 0)
	w.caughtUp(p)
	w.trade(rng, at, 200)
	w.caughtUp(p)
	s := p.Status()
	if err := p.end(); err != nil {
		t.Fatal(err)
	}
	second := w.audit(cfg, 0)
	if second.Cut <= first.Cut || second.Term <= first.Term {
		t.Fatalf("cut %d term %d, then cut %d term %d", first.Cut, first.Term, second.Cut, second.Term)
	}
	if second.Chain != s.Hash || second.Cut != s.Cut {
		t.Fatalf("the status says cut %d %v, the refold %d %v", s.Cut, s.Hash, second.Cut, second.Chain)
	}
	for _, kind := range []string{"LiquidationTriggered", "MarginCall", "DeadLetter"} {
		if second.Counts.ByKind[kind] == 0 {
			t.Errorf("the day has no %s: %v", kind, second.Counts.ByKind)
		}
	}
}
