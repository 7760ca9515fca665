package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
	"marginledger/internal/store"
)

// Topics of the tests.
const (
	configTopic  = "test.config.v1"
	accountTopic = "test.accounts.v1"
	priceTopic   = "test.prices.v1"
	orderTopic   = "ledger.order.v1"
)

// day is when the tests' market is open.
var day = time.Date(2025, 10, 10, 12, 0, 0, 0, time.UTC)

// world is a small exchange on a cluster in memory.
type world struct {
	t       testing.TB
	c       *memCluster
	shards  int32
	n       int // facts so far
	marks   map[string]int64
	listed  []string
	logging bool
}

func newWorld(t testing.TB, shards int32) *world {
	w := &world{t: t, c: newMemCluster(time.Now), shards: shards, marks: map[string]int64{}}
	w.c.create(configTopic, 1)
	w.c.create(accountTopic, int(shards))
	w.c.create(priceTopic, 2)
	w.c.create(orderTopic, int(shards))
	for s := range events.Stream(events.Streams) {
		w.c.create(s.String(), int(shards))
	}
	return w
}

func (w *world) config(dir string) Config {
	log := zap.NewNop()
	if w.logging {
		log = zaptest.NewLogger(w.t)
	}
	return Config{
		Group: "test", Shards: w.shards, OrderTopic: orderTopic, DataDir: dir, Build: "test", Address: "http://" + filepath.Base(dir),
		Topics:       []Topic{{configTopic, events.RoleConfig}, {accountTopic, events.RoleAccounts}, {priceTopic, events.RolePrices}},
		DedupeWindow: 500, Cut: CutPolicy{MaxRecords: 16}, Log: log,
	}
}

// fact appends an event that happened, and reached the broker, at a time of day.
func (w *world) fact(at time.Duration, owner string, body events.Body) (partition int32, offset int64) {
	w.n++
	e := &events.Event{ID: fmt.Sprintf("e-%d", w.n), Type: body.EventType(), Version: 1, Venue: "x",
		Time: day.Add(at).UnixNano(), Owner: owner, Body: body}
	topic, key := configTopic, []byte(e.Venue)
	switch e.Type.Role() {
	case events.RoleAccounts:
		topic, key = accountTopic, []byte(owner)
		partition = eventlog.Murmur2Partition(key, w.shards)
	case events.RolePrices:
		topic, key = priceTopic, []byte(body.(*events.MarkPrice).Market)
		partition = eventlog.Murmur2Partition(key, 2)
	}
	return partition, w.c.append(topic, partition, day.Add(at).UnixMilli(), key, events.AppendJSON(nil, e))
}

func num(v int64) events.Number { return events.MustNumber(strconv.FormatInt(v, 10)) }

// list opens the venue and markets.
func (w *world) list(at time.Duration, markets ...string) {
	if len(w.listed) == 0 {
		w.fact(at, "", &events.VenueProfileSet{Profile: "standard", ProfileVersion: "1", SettlementAsset: "USDC", ValueScale: 12})
	}
	for _, m := range markets {
		w.fact(at, "", &events.MarketListed{Market: m, Underlying: m, PriceScale: 1, SizeScale: 5, MaxPrice: num(10_000_000), MaxSize: num(10_000),
			Rules: events.MarketRules{FundingMode: events.FundingByIndex, Tiers: []events.Tier{
				{LowerNotional: num(0), MaxLeverage: 50, MaintenanceRate: events.MustNumber("0.01"), Deduction: num(0)}}}})
		w.listed = append(w.listed, m)
	}
}

func (w *world) mark(at time.Duration, market string, price int64) {
	w.marks[market] = price
	w.fact(at, "", &events.MarkPrice{Market: market, Mark: num(price)})
}

func (w *world) deposit(at time.Duration, owner string, amount int64) {
	w.fact(at, owner, &events.Deposit{Asset: "USDC", Amount: num(amount)})
}

func (w *world) buy(at time.Duration, owner, market string, size int64) {
	w.fact(at, owner, &events.Fill{Market: market, Leg: events.LegNet, Side: events.Buy, Size: num(size), Price: num(w.marks[market]),
		TradeID: strconv.Itoa(w.n), Reason: events.ReasonTrade})
}

// trade appends about n facts of a random, falling market from a time of day on. Some are bad.
func (w *world) trade(rng *rand.Rand, from time.Duration, n int) time.Duration {
	if len(w.listed) == 0 {
		w.list(from, "BTC", "ETH")
		w.mark(from, "BTC", 50_000)
		w.mark(from, "ETH", 3_000)
	}
	at := from
	for range n {
		at += time.Duration(rng.IntN(2000)) * time.Millisecond
		owner := fmt.Sprintf("owner-%d", rng.IntN(12))
		market := w.listed[rng.IntN(2)]
		switch k := rng.IntN(100); {
		case k < 25:
			w.deposit(at, owner, int64(rng.IntN(3000)+1))
		case k < 50:
			w.buy(at, owner, market, int64(rng.IntN(3)+1))
		case k < 52:
			w.c.append(accountTopic, eventlog.Murmur2Partition([]byte(owner), w.shards), day.Add(at).UnixMilli(), []byte(owner), []byte(`{"broken`))
		case k < 54:
			w.fact(at, owner, &events.Deposit{Asset: "NOPE", Amount: num(1)})
		default:
			price := w.marks[market]
			w.mark(at, market, max(price+price*int64(rng.IntN(21)-12)/1000, 10))
		}
	}
	return at
}

// ends returns how many records the sources of a shard hold.
func (w *world) records(shard int32) (n uint64) {
	w.c.mu.Lock()
	defer w.c.mu.Unlock()
	for _, topic := range []string{configTopic, accountTopic, priceTopic} {
		for p, part := range w.c.topics[topic] {
			if topic != accountTopic || int32(p) == shard {
				n += uint64(part.end)
			}
		}
	}
	return n
}

// proc is one process with one shard.
type proc struct {
	*Shard
	log  *memLog
	stop context.CancelFunc
	kill context.CancelFunc
	done chan error
}

// start runs a shard.
func (w *world) start(cfg Config, log Log, shard int32) *proc {
	w.t.Helper()
	cfg, err := cfg.withDefaults()
	if err != nil {
		w.t.Fatal(err)
	}
	p := &proc{Shard: newShard(&cfg, log, shard), done: make(chan error, 1)}
	p.log, _ = log.(*memLog)
	hard, kill := context.WithCancel(context.Background())
	stop, cancel := context.WithCancel(hard)
	p.stop, p.kill = cancel, kill
	go func() { p.done <- p.run(stop, hard) }()
	w.t.Cleanup(func() {
		kill()
		if p.done != nil {
			<-p.done
		}
	})
	return p
}

// end stops a process cleanly.
func (p *proc) end() error {
	p.stop()
	return p.wait()
}

func (p *proc) wait() error {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case err := <-p.done:
		p.done = nil
		return err
	case <-limit.C:
		return fmt.Errorf("the shard did not end within %v", patience)
	}
}

// patience bounds every wait of the tests.
const patience = 30 * time.Second

// eventually waits for a condition.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// caughtUp waits until a process has consumed everything there is.
func (w *world) caughtUp(p *proc) {
	w.t.Helper()
	want := w.records(p.shard)
	eventually(w.t, fmt.Sprintf("%d records", want), func() bool {
		s := p.Status()
		if s.Error != "" {
			w.t.Fatalf("the shard stopped: %s", s.Error)
		}
		return s.N >= want && s.Ready
	})
}

// audit refolds the order log and compares everything: every hash, the rows of dir's store, and that the output topics
// hold exactly the fold's announcements. complete says that all of them must be published.
func (w *world) audit(cfg Config, shard int32) *Refolded {
	w.t.Helper()
	st, err := store.Open(store.ShardDir(cfg.DataDir, shard), store.Options{DedupeWindow: cfg.DedupeWindow, ReadOnly: true})
	if err != nil {
		w.t.Fatal(err)
	}
	defer st.Close()
	view, err := st.View()
	if err != nil {
		w.t.Fatal(err)
	}
	defer view.Close()
	log := &memLog{c: w.c}
	ctx := context.Background()
	var folded [events.Streams][]string
	r, err := Refold(ctx, cfg, log, shard, RefoldOptions{State: view, Visit: func(f *FoldedCut) error {
		return f.Outputs(func(topic int, _ uint64, _, value []byte) error {
			folded[topic] = append(folded[topic], string(value))
			return nil
		})
	}})
	if err != nil {
		w.t.Fatalf("refold: %v", err)
	}
	head, err := view.Head()
	if err != nil {
		w.t.Fatal(err)
	}
	if head.Cut != r.Cut || head.Chain != r.Chain {
		w.t.Fatalf("the store is at cut %d %v, the order log at %d %v", head.Cut, head.Chain, r.Cut, r.Chain)
	}
	for s, want := range folded {
		if got := w.published(shard, events.Stream(s)); !slices.Equal(got, want) {
			w.t.Fatalf("%v holds %d announcements, the fold has %d", events.Stream(s), len(got), len(want))
		}
	}
	if err := CheckOutputs(ctx, cfg, log, shard, head); err != nil && !w.c.noFencing {
		w.t.Fatalf("check outputs: %v", err)
	}
	if err := CheckTrialBalance(shard, view); err != nil {
		w.t.Fatal(err)
	}
	return r
}

// published returns what a client of an output topic takes: control records and repetitions left out.
func (w *world) published(shard int32, s events.Stream) (values []string) {
	last := uint64(0)
	for _, r := range w.c.contents(s.String(), shard) {
		if orderlog.IsControl(r.Headers) {
			continue
		}
		seq, err := Sequence(r.Value)
		if err != nil {
			w.t.Fatal(err)
		}
		if seq <= last {
			if !w.c.noFencing {
				w.t.Fatalf("%v: sequence %d comes again", s, seq)
			}
			continue
		}
		if seq != last+1 {
			w.t.Fatalf("%v: sequence %d follows %d", s, seq, last)
		}
		last = seq
		values = append(values, string(r.Value))
	}
	return values
}

// seed returns the seed of a random test and says how to repeat it.
func seed(t testing.TB) uint64 {
	s := uint64(time.Now().UnixNano())
	if env := os.Getenv("MARGINLEDGER_SEED"); env != "" {
		var err error
		if s, err = strconv.ParseUint(env, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("repeat with MARGINLEDGER_SEED=%d go test -run '^%s$' ./internal/pipeline", s, t.Name())
		}
	})
	return s
}

func rngOf(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

func mustBe(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, expected %v", err, want)
	}
}
