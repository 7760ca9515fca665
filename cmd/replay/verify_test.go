package main

import (
	"bytes"
	"context"
	"encoding/json"
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

// replay runs a command.
func replay(args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = run(context.Background(), args, &out, &errs)
	return status, out.String(), errs.String()
}

// A kept day agrees, and so does its archive; with one bit of one row flipped it differs, and the row is named; without
// its store the order log and the announcements alone are compared.
func TestVerify(t *testing.T) {
	dir := t.TempDir()
	keep(t, dir)
	status, stdout, stderr := replay("verify", "--dir", dir)
	if status != statusAgrees || !strings.Contains(stdout, "store of cut") || !strings.Contains(stdout, "everything agrees") || stderr != "" {
		t.Fatalf("status %d: %s%s", status, stdout, stderr)
	}

	out := filepath.Join(t.TempDir(), "archive")
	status, stdout, stderr = replay("archive", "--dir", dir, "--out", out)
	if status != statusAgrees || !strings.Contains(stdout, "digest ") {
		t.Fatalf("status %d: %s%s", status, stdout, stderr)
	}
	status, stdout, stderr = replay("verify", "--archive", out, "--json")
	var report struct {
		Agrees bool
		Shards []struct{ Records int }
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || status != statusAgrees || !report.Agrees || report.Shards[0].Records != 5 {
		t.Fatalf("status %d, %v: %s%s", status, err, stdout, stderr)
	}

	flip(t, filepath.Join(dir, "ledger"), projector.AccountKey(nil, "x", "owner-3", 0))
	status, stdout, stderr = replay("verify", "--dir", dir)
	if status != statusDiffers || !strings.Contains(stdout, "account x/owner-3/0") || stderr != "" {
		t.Fatalf("a flipped row: status %d: %s%s", status, stdout, stderr)
	}

	if _, err := store.SetAside(store.ShardDir(filepath.Join(dir, "ledger"), 0), "away"); err != nil {
		t.Fatal(err)
	}
	status, stdout, stderr = replay("verify", "--dir", dir)
	if status != statusAgrees || !strings.Contains(stdout, "not compared: stored rows: no store in ") {
		t.Fatalf("without a store: status %d: %s%s", status, stdout, stderr)
	}
}

// flip flips a bit of a stored row.
func flip(t *testing.T, data string, key []byte) {
	t.Helper()
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
}

// What cannot be compared is neither agreement nor a difference.
func TestVerifyNothing(t *testing.T) {
	for _, args := range [][]string{{"verify", "--dir", t.TempDir()}, {"verify", "--archive", t.TempDir()}, {"verify"}, {"verify", "--dir", "a", "--archive", "b"}, {}} {
		if status, _, stderr := replay(args...); status != statusFailed || stderr == "" {
			t.Errorf("%q: status %d: %s", args, status, stderr)
		}
	}
}
