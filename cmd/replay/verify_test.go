package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"marginledger/events"
	"marginledger/internal/broker"
	"marginledger/internal/eventlog"
	"marginledger/internal/pipeline"
	"marginledger/internal/store"
	"marginledger/projector"
)

// keep folds a few facts on a broker in dir, as the demo keeps a day, and ends both.
func keep(t *testing.T, dir string) {
	t.Helper()
	b, err := broker.Start(broker.Options{Dir: filepath.Join(dir, "broker")})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	client, err := eventlog.Open(eventlog.Config{Brokers: b.Addrs()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cfg := pipeline.Config{Group: "g", Shards: 1, OrderTopic: "ledger.order.v1", DataDir: filepath.Join(dir, "ledger"),
		Topics: []pipeline.Topic{{Name: "config", Role: events.RoleConfig}, {Name: "accounts", Role: events.RoleAccounts}}}
	specs := []eventlog.TopicSpec{{Name: "ledger.order.v1", Partitions: 1}, {Name: "config", Partitions: 1}, {Name: "accounts", Partitions: 1}}
	for s := range events.Stream(events.Streams) {
		specs = append(specs, eventlog.TopicSpec{Name: s.String(), Partitions: 1})
	}
	for i := range specs {
		specs[i].Replication = 1
	}
	if err := client.CreateTopics(ctx, specs); err != nil {
		t.Fatal(err)
	}
	p, err := client.NewProducer(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	produce := func(n int, owner string, body events.Body) {
		e := &events.Event{ID: fmt.Sprint(n), Type: body.EventType(), Version: 1, Venue: "x", Time: int64(n), Owner: owner, Body: body}
		topic, key := "config", "x"
		if owner != "" {
			topic, key = "accounts", owner
		}
		if _, err := p.Produce(ctx, topic, 0, []eventlog.ProduceRecord{{Key: []byte(key), Value: events.AppendJSON(nil, e)}}); err != nil {
			t.Fatal(err)
		}
	}
	produce(1, "", &events.VenueProfileSet{Profile: "standard", ProfileVersion: "1", SettlementAsset: "USDC", ValueScale: 12})
	const facts = 5
	for n := 2; n <= facts; n++ {
		produce(n, fmt.Sprintf("owner-%d", n), &events.Deposit{Asset: "USDC", Amount: events.MustNumber(fmt.Sprint(n * 100))})
	}
	node, err := pipeline.NewNode(cfg, pipeline.Kafka(client))
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- node.Run(running) }()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for folded := false; !folded; {
		select {
		case err := <-done:
			t.Fatalf("the node ended: %v", err)
		case <-tick.C:
		}
		for _, s := range node.Status() {
			folded = s.N == facts
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func verify(dir string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = run(context.Background(), []string{"verify", "--dir", dir}, &out, &errs)
	return status, out.String(), errs.String()
}

// A kept day agrees; with one bit of one row flipped it differs, and the row is named; without its store the order log
// alone is compared.
func TestVerify(t *testing.T) {
	dir := t.TempDir()
	keep(t, dir)
	status, stdout, stderr := verify(dir)
	if status != statusAgrees || !strings.Contains(stdout, "rows at cut") {
		t.Fatalf("status %d: %s%s", status, stdout, stderr)
	}

	data := filepath.Join(dir, "ledger")
	st, err := store.Open(store.ShardDir(data, 0), store.Options{DedupeWindow: projector.DefaultDedupeWindow})
	if err != nil {
		t.Fatal(err)
	}
	head, err := st.Head()
	if err != nil {
		t.Fatal(err)
	}
	view, err := st.View()
	if err != nil {
		t.Fatal(err)
	}
	key := projector.AccountKey(nil, "x", "owner-3", 0)
	value, ok, err := view.Get(key)
	if err != nil || !ok {
		t.Fatalf("row %q: %v %v", key, ok, err)
	}
	value[len(value)-1] ^= 1
	batch := st.NewBatch()
	batch.Row(key, value)
	if err := batch.Commit(head); err != nil {
		t.Fatal(err)
	}
	view.Close()
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	status, _, stderr = verify(dir)
	if status != statusDiffers || !strings.Contains(stderr, "owner-3") {
		t.Fatalf("a flipped row: status %d: %s", status, stderr)
	}

	if _, err := store.SetAside(store.ShardDir(data, 0), "away"); err != nil {
		t.Fatal(err)
	}
	status, stdout, stderr = verify(dir)
	if status != statusAgrees || !strings.Contains(stdout, "rows not compared") {
		t.Fatalf("without a store: status %d: %s%s", status, stdout, stderr)
	}
}

// What cannot be compared is neither agreement nor a difference.
func TestVerifyNothing(t *testing.T) {
	if status, _, stderr := verify(t.TempDir()); status != statusFailed || !strings.Contains(stderr, "no kept day") {
		t.Fatalf("status %d: %s", status, stderr)
	}
}
