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
	figures: []Figure{{Name: "crash_day_s", Unit: "s", Goal: "< 12", Note: "437,723 accounts, 171 markets, 3.24M account events, marks of all markets every 3 s for an hour, folded and committed; decoded before; nobody answers the liquidations"}},
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
	send := func(owner string, body events.Body) error {
		f.now += 1000
		return d.fold(f.fact(owner, body, f.now), owner)
	}
	facts := 0
	account := func(owner string, body events.Body) error {
		facts++
		return send(owner, body)
	}
	begun := time.Now()
	for _, owner := range w.owners { // a deposit of a quarter to five quarters of what is traded on average
		if err := account(owner, &events.Deposit{Asset: asset, Amount: number(60+w.rng.Int64N(240), 0)}); err != nil {
			return nil, err
		}
	}
	many := crashEvents / crashAccounts * accounts
	for i := range crashMarks {
		for facts < accounts+(many-accounts)*(i+1)/crashMarks {
			t := w.tradeIn(w.market())
			t.Size, t.Fee = number(1+w.rng.Int64N(4000), sizeScale), number(5, 4)
			if err := account(w.owners[w.rng.IntN(accounts)], t); err != nil {
				return nil, err
			}
		}
		// The fall is in the second third, the markets a little apart.
		fallen := 0.2 * min(max(float64(i)/crashMarks*3-1, 0), 1)
		for m, name := range w.markets {
			price := firstPrice * (1 - fallen*(0.7+0.6*float64(m%7)/6)) * (1 + 0.001*math.Sin(float64(i*(m+3))))
			if err := send("", w.markOf(name, int64(price))); err != nil {
				return nil, err
			}
		}
		if r.ctx.Err() != nil {
			return nil, fmt.Errorf("interrupted: %w", r.ctx.Err())
		}
	}
	if err := d.flush(); err != nil {
		return nil, err
	}
	took := time.Since(begun).Seconds()
	t := f.shard.Totals()
	if t.Episodes == 0 {
		return nil, fmt.Errorf("nobody was liquidated: that was no crash")
	}
	counts := fmt.Sprintf("%d accounts, %d account events, %d marks, %d announcements, %d pools in an episode at the end", t.Accounts, facts, crashMarks*crashMarkets, d.told, t.Episodes)
	r.say("crash_day_s: %s, %.2f s", counts, took)
	r.note("crash_day_s", counts)
	return map[string]float64{"crash_day_s": took}, nil
}
