package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"marginledger/projector"
)

// large is a shard of a million accounts in a process of its own: how soon it is there again, and what it weighs.
var large = benchmark{
	figures: []Figure{
		{Name: "restart_1m_s", Unit: "s", Goal: "< 5", Note: "clean stop, start of the process to /readyz and the first answer, from Pebble; 1M accounts; slowest of three"},
		{Name: "bytes_per_account", Unit: "B", Goal: "< 900", Note: "resident memory of that process once its last start is over, and what a full dedupe window would add, over accounts; 2.5 fills each; garbage collector as configured"},
	},
	measure: measureLarge,
}

func measureLarge(r *run) (_ map[string]float64, err error) {
	c, err := newCluster(r, "large", nil, defaultSnapshots)
	if err != nil {
		return nil, err
	}
	f := &fleet{cluster: c}
	defer func() {
		if f.owner != nil {
			err = errors.Join(err, f.owner.stop())
		}
		err = errors.Join(err, c.close())
	}()
	accounts := r.accounts(1_000_000, 2_000)
	if err := f.load(accounts); err != nil {
		return nil, err
	}
	values := map[string]float64{}
	for i := range 3 {
		took, err := f.restart(i)
		if err != nil {
			return nil, err
		}
		r.say("restart_1m_s: %.2f s", took.Seconds())
		values["restart_1m_s"] = max(values["restart_1m_s"], took.Seconds())
	}
	mb, ok := f.owner.settledMB(r.ctx)
	if !ok {
		r.say("bytes_per_account is left out: this system does not say how much memory a process holds")
		return values, nil
	}
	window := dedupeBytes()
	counts := fmt.Sprintf("%d accounts: %.0f MB resident, %.0f MB a full dedupe window of one source", accounts, mb, window/(1<<20))
	r.say("bytes_per_account: %s", counts)
	r.note("bytes_per_account", counts)
	values["bytes_per_account"] = (mb*(1<<20) + window) / float64(accounts)
	return values, nil
}

// settledMB returns the resident memory of a process that has just loaded its state, once what that left behind has been given
// back: the least of ten seconds.
func (n *node) settledMB(ctx context.Context) (least float64, ok bool) {
	for range 40 {
		mb, known := residentMB(n.cmd.Process.Pid)
		if !known {
			return 0, false
		}
		if !ok || mb < least {
			least, ok = mb, true
		}
		select {
		case <-time.After(250 * time.Millisecond):
		case <-ctx.Done():
			return least, ok
		}
	}
	return least, ok
}

// dedupeBytes is what a full dedupe window of one source holds: producers here have sequences, which leaves it empty.
func dedupeBytes() float64 {
	rng := rand.New(rand.NewPCG(5, 7))
	entries := make([]byte, projector.DefaultDedupeWindow*24) // of 24 bytes each
	for i := range entries {
		entries[i] = byte(rng.Uint32())
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	s := projector.New(projector.Config{})
	s.LoadSeen(projector.Source{Topic: "t"}, entries)
	after := heap()
	runtime.KeepAlive(s)
	runtime.KeepAlive(entries)
	return float64(after - before)
}
