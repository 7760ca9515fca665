package pipeline

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"marginledger/events"
)

// fallingMarket appends ten minutes in which the market falls, in the order of time. Every other owner pays in, shortly before it
// would be too late. each is called after every fact.
func (w *world) fallingMarket(from time.Duration, each func()) {
	for i := range 100 {
		at := from + time.Duration(i)*6*time.Second
		w.mark(at, "BTC", 50_000-int64(i)*60)
		each()
		if i%20 == 5 {
			w.deposit(at+time.Second, fmt.Sprintf("owner-%d", i/10), 6000)
			each()
		}
	}
}

// open opens the market, with ten owners who are long on little margin: without another deposit, each is liquidated
// within the ten minutes.
func (w *world) open() {
	w.list(0, "BTC")
	w.mark(time.Second, "BTC", 50_000)
	for i := range 10 {
		owner := fmt.Sprintf("owner-%d", i)
		w.deposit(2*time.Second, owner, 1200+int64(i)*600)
		w.buy(3*time.Second, owner, "BTC", 1)
	}
}

// episodes returns what was announced about liquidations: kind, account and equity, in order.
func (w *world) episodes() (out []string) {
	for _, value := range w.published(0, events.StreamLiquidations) {
		o := new(events.Output)
		if err := json.Unmarshal([]byte(value), o); err != nil {
			w.t.Fatal(err)
		}
		switch o.Kind {
		case events.KindLiquidationTriggered, events.KindPoolBankrupt, events.KindLiquidationUpdated:
			out = append(out, fmt.Sprintf("%v %s %v at %s", o.Kind, o.Owner, o.Equity, o.Time))
		}
	}
	slices.Sort(out) // Of one mark, they stand in the order of accounts; across partitions of one time nothing is said.
	return out
}

// neverStopped is what a ledger announces that sees every fact as it happens.
func neverStopped(t *testing.T) []string {
	w := newWorld(t, 1)
	w.open()
	p := w.start(w.config(t.TempDir()), &memLog{c: w.c}, 0)
	w.caughtUp(p)
	w.fallingMarket(time.Minute, func() { w.caughtUp(p) })
	if err := p.end(); err != nil {
		t.Fatal(err)
	}
	episodes := w.episodes()
	if len(episodes) == 0 {
		t.Fatalf("%d episodes: the market does not test anything", len(episodes))
	}
	return episodes
}

// pricesFirst is the wrong order: marks before the deposits of their time.
func pricesFirst(a, b *item) bool {
	if (a.class == events.ClassPrice) != (b.class == events.ClassPrice) {
		return a.class == events.ClassPrice
	}
	return lessItem(a, b)
}

// The ledger stands still for ten minutes of a falling market with deposits in it. After the restart, the episodes are
// those of a ledger that never stopped. With marks first they are not.
func TestTenMinutesAway(t *testing.T) {
	want := neverStopped(t)
	for _, tc := range []struct {
		name  string
		less  func(a, b *item) bool
		agree bool
	}{{"the rule", nil, true}, {"marks first", pricesFirst, false}} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t, 1)
			w.open()
			cfg := w.config(t.TempDir())
			p := w.start(cfg, &memLog{c: w.c}, 0)
			w.caughtUp(p)
			if err := p.end(); err != nil {
				t.Fatal(err)
			}
			w.fallingMarket(time.Minute, func() {})
			cfg.less = tc.less
			p = w.start(cfg, &memLog{c: w.c}, 0)
			w.caughtUp(p)
			if err := p.end(); err != nil {
				t.Fatal(err)
			}
			if got := w.episodes(); slices.Equal(got, want) != tc.agree {
				t.Fatalf("episodes %q; without the stop %q", got, want)
			}
		})
	}
}

// The leader of the accounts' partition is away for ten minutes of the same market: the shard waits and says for whom.
// With an operator's maxSourceWait it goes on, and the episodes differ: that is its price.
func TestOneLeaderAway(t *testing.T) {
	want := neverStopped(t)
	for _, wait := range []time.Duration{0, 50 * time.Millisecond} {
		t.Run(fmt.Sprintf("maxSourceWait=%v", wait), func(t *testing.T) {
			w := newWorld(t, 1)
			w.open()
			cfg := w.config(t.TempDir())
			cfg.MaxSourceWait = wait
			p := w.start(cfg, &memLog{c: w.c}, 0)
			w.caughtUp(p)
			before := p.Status().N
			w.c.setAway(accountTopic, 0, true)
			w.fallingMarket(time.Minute, func() {})
			if wait == 0 {
				eventually(t, "the shard to wait for the accounts", func() bool { return p.Status().Waiting == accountTopic+"/0" })
				if n := p.Status().N; n != before {
					t.Fatalf("%d records were applied without the accounts", n-before)
				}
			} else {
				eventually(t, "the marks to be applied", func() bool { return p.Status().N >= before+100 })
			}
			w.c.setAway(accountTopic, 0, false)
			w.caughtUp(p)
			if err := p.end(); err != nil {
				t.Fatal(err)
			}
			if got := w.episodes(); slices.Equal(got, want) != (wait == 0) {
				t.Fatalf("episodes %q; with all leaders there %q", got, want)
			}
			w.audit(cfg, 0)
		})
	}
}

// A fact that names a market which is listed a little later, by the broker's clock, waits for the listing.
func TestFactBeforeItsListing(t *testing.T) {
	w := newWorld(t, 1)
	w.list(0)
	w.fact(0, "", &events.VenueProfileSet{Profile: "standard", ProfileVersion: "1", SettlementAsset: "USDC", ValueScale: 12})
	w.deposit(time.Second, "alice", 100_000)
	w.marks["BTC"] = 50_000
	w.buy(2*time.Second, "alice", "BTC", 1)
	w.listed = []string{"-"}
	w.list(3*time.Second, "BTC")
	w.mark(4*time.Second, "BTC", 50_000)
	w.mark(5*time.Second, "DOGE", 1) // Never listed.
	cfg := w.config(t.TempDir())
	p := w.start(cfg, &memLog{c: w.c}, 0)
	w.caughtUp(p)
	if err := p.end(); err != nil {
		t.Fatal(err)
	}
	r := w.audit(cfg, 0)
	if r.Counts.Reasons["unknown_market"] != 1 || len(r.Counts.Reasons) != 1 {
		t.Fatalf("dead letters %v, expected one: the mark of a market that is never listed", r.Counts.Reasons)
	}
}
