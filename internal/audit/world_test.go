package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
	"marginledger/internal/pipeline"
	"marginledger/internal/store"
	"marginledger/projector"
	"marginledger/snapshot"
)

// Topics of the tests.
const (
	configTopic  = "t.config"
	accountTopic = "t.accounts"
	fundingTopic = "t.funding"
	priceTopic   = "t.prices"
	orderTopic   = "ledger.order.v1"
)

var testTopics = []orderlog.Topic{{Name: configTopic, Role: events.RoleConfig, Partitions: 1}, {Name: accountTopic, Role: events.RoleAccounts, Partitions: 1},
	{Name: fundingTopic, Role: events.RoleFunding, Partitions: 1}, {Name: priceTopic, Role: events.RolePrices, Partitions: 1}}

// memLog is a cluster in memory that can only be read, but for what a test puts in.
type memLog struct{ parts map[string][]eventlog.Record }

func partName(topic string, n int32) string { return fmt.Sprintf("%s/%d", topic, n) }

func (l *memLog) ClusterID(context.Context) (string, error) { return "mem", nil }

func (l *memLog) Partitions(_ context.Context, topic string) (n int32, err error) {
	for l.parts[partName(topic, n)] != nil {
		n++
	}
	if n == 0 {
		return 0, &eventlog.UnknownTopicError{Topic: topic, Partition: -1}
	}
	return n, nil
}

func (l *memLog) Offsets(_ context.Context, topic string, n int32) (start, end int64, err error) {
	recs, ok := l.parts[partName(topic, n)]
	if !ok {
		return 0, 0, &eventlog.UnknownTopicError{Topic: topic, Partition: n}
	}
	if len(recs) > 0 {
		end = recs[len(recs)-1].Offset + 1
	}
	return 0, end, nil
}

func (l *memLog) Reader(topic string, n int32, offset int64) pipeline.Reader {
	return &memReader{l: l, topic: topic, n: n, offset: offset}
}

func (l *memLog) Producer(context.Context, string) (pipeline.Producer, error) { panic("not here") }
func (l *memLog) Join(context.Context, eventlog.GroupConfig) (pipeline.Membership, error) {
	panic("not here")
}

type memReader struct {
	l      *memLog
	topic  string
	n      int32
	offset int64
	ended  bool
}

func (r *memReader) Failing() error { return nil }

func (r *memReader) Fetch(ctx context.Context) (eventlog.Fetch, error) {
	_, end, err := r.l.Offsets(ctx, r.topic, r.n)
	if err != nil {
		return eventlog.Fetch{}, err
	}
	if r.offset >= end && r.ended {
		<-ctx.Done()
		return eventlog.Fetch{}, ctx.Err()
	}
	recs := r.l.parts[partName(r.topic, r.n)]
	i, _ := slices.BinarySearchFunc(recs, r.offset, func(a eventlog.Record, o int64) int { return int(a.Offset - o) })
	f := eventlog.Fetch{Topic: r.topic, Partition: r.n, Records: recs[i:min(len(recs), i+50)], NextOffset: end, LastStable: end, At: time.Now()}
	if i+50 < len(recs) {
		f.NextOffset = recs[i+50].Offset
	}
	r.offset, r.ended = f.NextOffset, f.NextOffset >= end
	return f, nil
}

// day is when the tests' market is open.
var day = time.Date(2025, 10, 10, 12, 0, 0, 0, time.UTC)

// world is a ledger of one shard that was made without a cluster.
type world struct {
	t     testing.TB
	log   *memLog
	rec   *pipeline.Recorder
	dir   string // data, snapshots
	n     int
	at    time.Duration
	last  *pipeline.RecordedCut
	cuts  []pipeline.RecordedCut
	marks map[string]int64

	partition int32 // of the accounts: the shard

	noting bool // what each record left
	notes  []note
}

// note is what there was after a record.
type note struct {
	rows   orderlog.Hash
	clock  int64
	source projector.Source
	offset int64
	cut    uint64 // last whole one
	value  []byte
}

// digest is that of all rows.
func digest(fold pipeline.Fold) orderlog.Hash {
	h := sha256.New()
	fold.EachRow(func(r projector.Row) { fmt.Fprintf(h, "%q %q\n", r.Key, r.Value) })
	return orderlog.Hash(h.Sum(nil))
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, log: &memLog{parts: map[string][]eventlog.Record{}}, dir: t.TempDir(), marks: map[string]int64{}}
	for _, topic := range []string{configTopic, accountTopic, fundingTopic, priceTopic, orderTopic, "ledger.liquidations.v1", "ledger.notices.v1", "ledger.deadletters.v1"} {
		w.log.parts[partName(topic, 0)] = []eventlog.Record{}
	}
	fence := w.fence()
	w.append(orderTopic, nil, fence.Append(nil))
	w.rec = pipeline.NewRecorder(fence, 0)
	return w
}

func (w *world) fence() *orderlog.Fence {
	return &orderlog.Fence{Shard: 0, Build: "test", Rules: pipeline.RulesVersion, ClusterID: "mem", DedupeWindow: 1000, Topics: testTopics}
}

func (w *world) append(topic string, key, value []byte) int64 {
	name := partName(topic, 0)
	offset := int64(len(w.log.parts[name]))
	if recs := w.log.parts[name]; len(recs) > 0 {
		offset = recs[len(recs)-1].Offset + 1
	}
	w.log.parts[name] = append(w.log.parts[name], eventlog.Record{Offset: offset, Timestamp: day.Add(w.at).UnixMilli(), Key: key, Value: value})
	return offset
}

func num(s any) events.Number { return events.MustNumber(fmt.Sprint(s)) }

// fact happens now, and is applied at once. It returns the offset in its topic.
func (w *world) fact(owner string, body events.Body) int64 {
	w.n++
	e := &events.Event{ID: fmt.Sprintf("e-%d", w.n), Type: body.EventType(), Version: 1, Venue: "x", Time: day.Add(w.at).UnixNano(), Owner: owner, Body: body}
	key := []byte(owner)
	if owner == "" {
		key = []byte("x")
	}
	return w.raw(topicOf(e.Type), key, events.AppendProto(nil, e))
}

func topicOf(t events.Type) string {
	switch t.Role() {
	case events.RoleAccounts:
		return accountTopic
	case events.RolePrices:
		return priceTopic
	case events.RoleFunding:
		return fundingTopic
	}
	return configTopic
}

// raw appends a record and applies it.
func (w *world) raw(topic string, key, value []byte) int64 {
	offset := w.append(topic, key, value)
	recs := w.log.parts[partName(topic, 0)]
	src := projector.Source{Topic: topic}
	if topic == accountTopic {
		src.Partition = w.partition
	}
	if err := w.rec.Apply(src, &recs[len(recs)-1]); err != nil {
		w.t.Fatal(err)
	}
	if w.noting {
		n := note{rows: digest(w.rec.Fold()), source: projector.Source{Topic: topic}, offset: offset, cut: uint64(len(w.cuts)), value: value}
		n.clock, _ = w.rec.Fold().(*projector.Shard).Clock("x")
		w.notes = append(w.notes, n)
	}
	return offset
}

// cut commits what was applied.
func (w *world) cut() {
	offset := int64(len(w.log.parts[partName(orderTopic, 0)]))
	c := w.rec.Cut(offset)
	if c == nil {
		return
	}
	if got := w.append(orderTopic, nil, c.Cut.Append(nil)); got != offset {
		w.t.Fatalf("cut at offset %d, expected %d", got, offset)
	}
	for s := range c.Outputs {
		for _, r := range c.Outputs[s] {
			w.append(events.Stream(s).String(), r.Key, r.Value)
		}
	}
	w.last = c
	w.cuts = append(w.cuts, *c)
}

// takeover begins another term.
func (w *world) takeover() {
	w.cut()
	f := w.fence()
	offset := w.append(orderTopic, nil, f.Append(nil))
	w.rec.Fence(f, offset)
	control := eventlog.Record{Headers: []eventlog.Header{{Key: orderlog.ControlHeader, Value: []byte("fence")}}, Value: []byte("{}")}
	for s := range events.Stream(events.Streams) {
		name := partName(s.String(), 0)
		control.Offset = int64(len(w.log.parts[name]))
		w.log.parts[name] = append(w.log.parts[name], control)
	}
}

// snapshot takes one of the last cut.
func (w *world) snapshot() {
	w.cut()
	if err := takeSnapshot(w.t, w.snapshots(), &foldedState{w.rec.Fold(), w.last.Head}); err != nil {
		w.t.Fatal(err)
	}
}

func takeSnapshot(t testing.TB, to snapshot.Dir, s snapshot.State) error {
	_, err := snapshot.Take(t.Context(), to, s, snapshot.TakeOptions{Now: day})
	return err
}

func (w *world) snapshots() snapshot.Dir { return snapshot.Dir(filepath.Join(w.dir, "snapshots")) }

// store writes a store of the last cut.
func (w *world) store() {
	w.cut()
	w.storeOf(w.rec.Fold(), w.last.Head)
}

func (w *world) storeOf(fold pipeline.Fold, head *orderlog.Head) {
	st, err := store.Open(store.ShardDir(filepath.Join(w.dir, "data"), 0), store.Options{DedupeWindow: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	b := st.NewBatch()
	state := &foldedState{fold, head}
	err = state.EachRow(func(r projector.Row) error {
		b.Row(r.Key, r.Value)
		return nil
	})
	if err == nil {
		err = state.EachSeen(func(src projector.Source, entries []byte) error {
			b.Seen(src, entries)
			return nil
		})
	}
	if err != nil {
		w.t.Fatal(err)
	}
	if err := b.Commit(head); err != nil {
		w.t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		w.t.Fatal(err)
	}
}

// past is the world's past, as a cluster with a store and snapshots has it.
func (w *world) past() *Past {
	w.cut()
	cfg := pipeline.Config{OrderTopic: orderTopic, DataDir: filepath.Join(w.dir, "data"), DedupeWindow: 1000,
		Snapshots: pipeline.SnapshotPolicy{Store: w.snapshots()}}
	for s := range cfg.OutputTopics {
		cfg.OutputTopics[s] = events.Stream(s).String()
	}
	return &Past{Where: "the test's world", Log: w.log, Config: cfg}
}

// archive makes an archive and opens it.
func (w *world) archive(o ArchiveOptions) *Past {
	w.t.Helper()
	dir := filepath.Join(w.t.TempDir(), "archive")
	o.Now, o.Build = day, "test"
	if _, err := MakeArchive(context.Background(), w.past(), dir, o); err != nil {
		w.t.Fatal(err)
	}
	return w.open(dir)
}

func (w *world) open(dir string) *Past {
	w.t.Helper()
	p, err := OpenArchive(dir)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { p.Close() })
	return p
}

// open opens the venue and two markets, and gives them marks.
func (w *world) listed() {
	w.fact("", &events.VenueProfileSet{Profile: "standard", ProfileVersion: "1", SettlementAsset: "USDC", ValueScale: 12})
	for _, m := range []string{"BTC", "ETH"} {
		w.fact("", &events.MarketListed{Market: m, Underlying: m, PriceScale: 2, SizeScale: 4, MaxPrice: num(10_000_000), MaxSize: num(10_000),
			Rules: events.MarketRules{FundingMode: events.FundingByIndex, LiquidationFee: num("0.01"), Tiers: []events.Tier{
				{LowerNotional: num(0), MaxLeverage: 50, MaintenanceRate: num("0.01"), Deduction: num(0)},
				{LowerNotional: num(100_000), MaxLeverage: 20, MaintenanceRate: num("0.025"), Deduction: num(1500)}}}})
	}
	w.cut()
	w.mark("BTC", 50_000)
	w.mark("ETH", 3_000)
	w.cut()
}

func (w *world) mark(market string, price int64) int64 {
	w.marks[market] = price
	return w.fact("", &events.MarkPrice{Market: market, Mark: num(price), Index: num(price)})
}

func (w *world) deposit(owner string, amount any) int64 {
	return w.fact(owner, &events.Deposit{Asset: "USDC", Amount: num(amount)})
}

func (w *world) trade(owner, market string, side events.Side, size any) int64 {
	return w.fact(owner, &events.Fill{Market: market, Leg: events.LegNet, Side: side, Size: num(size), Price: num(w.marks[market]),
		Fee: num("0.5"), FeeAsset: "USDC", TradeID: strconv.Itoa(w.n), Reason: events.ReasonTrade})
}

// random trades a random, falling day of about n facts, with takeovers, snapshots and bad records.
func (w *world) random(rng *rand.Rand, n int) {
	if w.n == 0 {
		w.listed()
	}
	for i := range n {
		w.at += time.Duration(rng.IntN(2000)) * time.Millisecond
		owner, market := fmt.Sprintf("owner-%d", rng.IntN(12)), []string{"BTC", "ETH"}[rng.IntN(2)]
		switch k := rng.IntN(100); {
		case k < 25:
			w.deposit(owner, rng.IntN(3000)+1)
		case k < 50:
			w.trade(owner, market, events.Buy+events.Side(rng.IntN(4)/3), rng.IntN(3)+1)
		case k < 52:
			w.raw(accountTopic, []byte(owner), []byte(`{"broken`))
		case k < 54:
			w.deposit(owner+"x", "0.0000000000001") // too many digits
		case k < 57:
			w.fact("", &events.FundingRate{Market: market, Rate: num("0.0001"), Price: num(w.marks[market])})
		default:
			price := w.marks[market]
			w.mark(market, max(price+price*int64(rng.IntN(21)-12)/1000, 10))
		}
		if rng.IntN(9) == 0 {
			w.cut()
		}
		if rng.IntN(200) == 0 {
			w.takeover()
		}
		if i == n/3 || i == 2*n/3 {
			w.snapshot()
		}
	}
	w.cut()
}

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
			t.Logf("repeat with MARGINLEDGER_SEED=%d go test -run '^%s$' ./internal/audit", s, t.Name())
		}
	})
	return s
}

func rngOf(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// edit changes a record in place.
func (w *world) edit(topic string, offset int64, change func(*eventlog.Record)) {
	recs := w.log.parts[partName(topic, 0)]
	i := slices.IndexFunc(recs, func(r eventlog.Record) bool { return r.Offset == offset })
	r := recs[i]
	r.Key, r.Value = bytes.Clone(r.Key), bytes.Clone(r.Value)
	change(&r)
	recs[i] = r
}

// drop takes a record out.
func (w *world) drop(topic string, offset int64) {
	name := partName(topic, 0)
	w.log.parts[name] = slices.DeleteFunc(slices.Clone(w.log.parts[name]), func(r eventlog.Record) bool { return r.Offset == offset })
}

func jsonOf(t testing.TB, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
