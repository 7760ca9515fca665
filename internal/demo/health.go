package demo

import (
	"sync"

	"marginledger/events"
)

// poolID names a pool.
type poolID struct {
	owner string
	sub   uint32
	pool  string
}

// health counts pools by what was last announced about them.
type health struct {
	mu     sync.Mutex
	calls  map[poolID]int          // open margin calls
	stages map[poolID]events.Stage // of open episodes
	counts map[events.Kind]uint64
}

func newHealth() *health {
	return &health{calls: make(map[poolID]int), stages: make(map[poolID]events.Stage), counts: make(map[events.Kind]uint64)}
}

func (h *health) hear(o *events.Output) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts[o.Kind]++
	id := poolID{o.Owner, o.Subaccount, o.Pool}
	switch o.Kind {
	case events.KindMarginCall:
		h.calls[id]++
	case events.KindMarginCallCleared:
		if h.calls[id]--; h.calls[id] <= 0 {
			delete(h.calls, id)
		}
	case events.KindLiquidationTriggered, events.KindLiquidationUpdated, events.KindPoolBankrupt:
		h.stages[id] = o.Stage
	case events.KindLiquidationCleared:
		delete(h.stages, id)
	}
}

// tallies is how many pools are in which state, each counted once, in the worst.
type tallies struct {
	called [3]int // open calls: one, two, three and more
	stages [events.StageBankrupt + 1]int
	counts map[events.Kind]uint64 // announcements so far
}

func (h *health) tally() tallies {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := tallies{counts: make(map[events.Kind]uint64, len(h.counts))}
	for id, n := range h.calls {
		if _, worse := h.stages[id]; !worse {
			t.called[min(n, len(t.called))-1]++
		}
	}
	for _, s := range h.stages {
		t.stages[s]++
	}
	for k, n := range h.counts {
		t.counts[k] = n
	}
	return t
}
