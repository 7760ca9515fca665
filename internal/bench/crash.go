package bench

import (
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"time"

	"marginledger/events"
	"marginledger/internal/config"
)

// crashDay is a day of the size of 10 October 2025 at the largest venue that told its numbers: 437,723 accounts, 171
// markets, 3.24M account events, and the marks of all markets every 3 s for an hour, in which prices fall by a fifth.
var crashDay = benchmark{
	figures: []Figure{{Name: "crash_day_s", Unit: "s", Goal: "< 12", Note: "437,723 accounts, 171 markets, 3.24M account events, marks of all markets every 3 s for an hour, folded and committed; made up on another goroutine; nobody answers the liquidations"}},
	measure: measureCrashDay,
}

const (
	crashAccounts = 437_723
	crashMarkets  = 171
	crashEvents   = 3_240_000
	crashMarks    = 1200 // of each market
)

func measureCrashDay(r *run) (_ map[string]float64, err error) {
	defer debug.SetGCPercent(debug.SetGCPercent(config.Default().Memory.GCPercent))
	accounts := r.accounts(crashAccounts, 5_000)
	w := newWorld(accounts, crashMarkets)
	f := newFold()
	if err := w.found(f.apply); err != nil {
		return nil, err
	}
	d, err := newDisk(r.path("crash"), f)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	marks := 0
	begun, cpu := time.Now(), cpuTime()
	err = ahead(func(out func(*events.Event)) { w.crash(f, accounts, out) }, func(next []*events.Event) error {
		f.shard.ReadAhead(next)
		for _, e := range next {
			if err := d.fold(e, e.Owner); err != nil {
				return err
			}
			if e.Type == events.TypeMarkPrice {
				marks++
			}
		}
		if r.ctx.Err() != nil {
			return fmt.Errorf("interrupted: %w", r.ctx.Err())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := d.flush(); err != nil {
		return nil, err
	}
	took, used := time.Since(begun).Seconds(), (cpuTime() - cpu).Seconds()
	t := f.shard.Totals()
	if t.Episodes == 0 {
		return nil, fmt.Errorf("nobody was liquidated: that was no crash")
	}
	facts := f.sequences[events.RoleAccounts]
	counts := fmt.Sprintf("%d accounts, %d account events, %d marks, %d announcements, %d pools in an episode at the end; %.1f s of CPU, making the facts up included",
		t.Accounts, facts, marks, d.told, t.Episodes, used)
	r.say("crash_day_s: %s, %.2f s", counts, took)
	r.note("crash_day_s", counts)
	return map[string]float64{"crash_day_s": took}, nil
}

// crash makes up the day: every account is opened, then trades of accounts drawn alike, and the marks of all markets between
// them, which fall in the second third, the markets a little apart.
func (w *world) crash(f *fold, accounts int, out func(*events.Event)) {
	send := func(owner string, body events.Body) {
		f.now += 1000
		out(f.fact(owner, body, f.now))
	}
	for _, owner := range w.owners { // a deposit of a quarter to five quarters of what is traded on average
		send(owner, &events.Deposit{Asset: asset, Amount: number(60+w.rng.Int64N(240), 0)})
	}
	trades := crashEvents*accounts/crashAccounts - accounts
	for i := range crashMarks {
		for k := trades * i / crashMarks; k < trades*(i+1)/crashMarks; k++ {
			t := w.tradeIn(w.market())
			t.Size, t.Fee = number(1+w.rng.Int64N(4000), sizeScale), number(5, 4)
			send(w.owners[w.rng.IntN(accounts)], t)
		}
		fallen := 0.2 * min(max(float64(i)/crashMarks*3-1, 0), 1)
		for m, name := range w.markets {
			price := firstPrice * (1 - fallen*(0.7+0.6*float64(m%7)/6)) * (1 + 0.001*math.Sin(float64(i*(m+3))))
			send("", w.markOf(name, int64(price)))
		}
	}
}
