package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Result is what one whole day came to.
type Result struct {
	Events       int64  `json:"events"` // facts of the exchange and of the liquidator
	Cuts         uint64 `json:"cuts"`
	Accounts     int    `json:"accounts"`
	Markets      int    `json:"markets"`
	Liquidations uint64 `json:"liquidations"` // episodes begun by a trigger
	MarginCalls  uint64 `json:"margin_calls"`
	Bankruptcies uint64 `json:"bankruptcies"`
	Violations   uint64 `json:"violations"`
	DeadLetters  uint64 `json:"dead_letters"`
	Duplicates   uint64 `json:"duplicates"`
	Chain        string `json:"chain"` // hash of the last cut
	Checks
	Seconds         float64 `json:"seconds"` // from the first fetch until all was committed
	EventsPerSecond float64 `json:"events_per_second"`
}

// Once runs one day at full speed, until all its facts are made, no episode awaits an answer, and
// all is committed; then it folds the order log again and checks everything. What it has to tell
// people goes to out.
//
// The ledger starts when the day's calm has been made: a ledger that was away for a morning. From
// then on the exchange goes on while the ledger catches up.
func Once(ctx context.Context, o Options, out io.Writer) (_ *Result, err error) {
	o.Day.Endless = false
	s, err := setUp(ctx, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	p := newProgress(out)
	if s.day.Endless {
		return nil, fmt.Errorf("%s holds a live demo, which has no end: use another directory", s.dir)
	}
	r := &Result{}
	if err := s.wholeDay(&o, p, r); err != nil {
		return nil, err
	}
	p.say("all committed after %.2f s; folding it again from the beginning", r.Seconds)
	s.stopLedger()
	checks, t, err := check(ctx, s.cluster, s.day, s.dir)
	if err != nil {
		return nil, err
	}
	r.Checks = *checks
	r.Cuts, r.Accounts, r.Markets, r.Chain, r.Duplicates = t.cuts, t.accounts, t.markets, t.chain, t.duplicates
	r.Liquidations, r.MarginCalls, r.Bankruptcies = t.byKind["LiquidationTriggered"], t.byKind["MarginCall"], t.byKind["PoolBankrupt"]
	r.Violations, r.DeadLetters = t.violations, t.deadLetters
	for _, why := range checks.Why {
		p.say("%s", why)
	}
	return r, nil
}

// headStart is the share of the day, in percent, that is made before the ledger starts.
const headStart = 42

// wholeDay makes the day and lets the ledger fold it.
func (s *stage) wholeDay(o *Options, p *progress, r *Result) error {
	if s.day != o.Day {
		p.say("%s holds a day of seed %d with %s facts and %s accounts: going on with that", s.dir, s.day.Seed, thousands(s.day.Events), count(s.day.Accounts))
	}
	if s.have > 0 {
		p.say("the exchange repeats the %s facts that are there already", thousands(s.have))
	}
	made := make(chan error, 1)
	began := time.Now()
	go func() { made <- s.produce(s.day.Events * headStart / 100) }()
	trading := func() {
		if p.due() {
			p.at("trading", s.made.Load(), s.day.Events, began)
		}
	}
	if err := s.follow(made, trading); err != nil {
		return err
	}
	s.startLedger()
	go func() {
		err := s.produce(s.day.Events)
		made <- errors.Join(err, s.feed.flush())
	}()
	show := func() {
		if !p.due() {
			return
		}
		now := s.standing()
		rest := now.lag + s.day.Events - s.made.Load()
		p.at("folding", int64(now.folded), int64(now.folded)+rest, now.since)
	}
	if err := s.wake(show); err != nil {
		return err
	}
	if err := s.follow(made, show); err != nil {
		return err
	}
	if err := s.await(s.settled, show); err != nil {
		return err
	}
	r.Seconds = time.Since(s.standing().since).Seconds()
	if _, awaiting := s.bot.figures(); awaiting > 0 {
		return fmt.Errorf("%d episodes await an answer that does not come", awaiting)
	}
	ends, err := s.ends()
	if err != nil {
		return err
	}
	for _, n := range ends {
		r.Events += n
	}
	r.EventsPerSecond = float64(r.Events) / r.Seconds
	return nil
}

// follow waits for the end of what done tells of.
func (s *stage) follow(done <-chan error, meanwhile func()) error {
	return s.await(func() (bool, error) {
		select {
		case err := <-done:
			return true, err
		default:
			return false, nil
		}
	}, meanwhile)
}
