package pipeline

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
	"marginledger/internal/store"
	"marginledger/projector"
)

// folded returns a world with a day that was folded and stopped cleanly.
func folded(t *testing.T) (*world, Config) {
	t.Helper()
	w := newWorld(t, 1)
	w.trade(rngOf(7), 0, 400)
	cfg := w.config(t.TempDir())
	w.survive(cfg)
	return w, cfg
}

// stops runs a process that must stop for good, with a message that contains what.
func (w *world) stops(cfg Config, corrupt bool, what ...string) {
	w.t.Helper()
	p := w.start(cfg, &memLog{c: w.c}, 0)
	err := p.wait()
	if err == nil {
		w.t.Fatal("the shard went on")
	}
	if got := orderlog.IsCorruption(err); got != corrupt {
		w.t.Errorf("corruption is %v, expected %v: %v", got, corrupt, err)
	}
	for _, text := range what {
		if !strings.Contains(err.Error(), text) {
			w.t.Errorf("the message lacks %q: %v", text, err)
		}
	}
	s := p.Status()
	if s.Phase != PhaseStopped || s.Error != err.Error() || s.Ready {
		w.t.Errorf("the status is %v, %q", s.Phase, s.Error)
	}
}

// lose removes the store.
func lose(t *testing.T, cfg Config) {
	t.Helper()
	if err := os.RemoveAll(store.ShardDir(cfg.DataDir, 0)); err != nil {
		t.Fatal(err)
	}
}

// rowFlipper is a fold of a build with other rules: it has one row otherwise.
type rowFlipper struct{ Fold }

func (f rowFlipper) TakeChanged(fn func(projector.Row)) {
	f.Fold.TakeChanged(func(r projector.Row) {
		if strings.Contains(string(r.Key), "owner-3") && len(r.Value) > 0 {
			r.Value = append([]byte{r.Value[0] ^ 1}, r.Value[1:]...)
		}
		fn(r)
	})
}

// The failure table, line by line, beyond crashes, zombies and lost acknowledgements, which have tests of their own.
func TestFailureTable(t *testing.T) {
	t.Run("store lost", func(t *testing.T) {
		w, cfg := folded(t)
		lose(t, cfg)
		w.survive(cfg)
	})
	t.Run("store torn", func(t *testing.T) {
		w, cfg := folded(t)
		manifests, err := filepath.Glob(filepath.Join(store.ShardDir(cfg.DataDir, 0), "MANIFEST-*"))
		if err != nil || len(manifests) == 0 {
			t.Fatal(manifests, err)
		}
		for _, m := range manifests {
			if err := os.Truncate(m, 3); err != nil {
				t.Fatal(err)
			}
		}
		w.survive(cfg)
		if _, err := os.Stat(store.ShardDir(cfg.DataDir, 0) + ".torn-1"); err != nil {
			t.Fatalf("the torn store was not set aside: %v", err)
		}
	})
	t.Run("store found to be damaged while in use", func(t *testing.T) {
		w, cfg := folded(t)
		w.trade(rngOf(8), time.Hour, 50)
		var once sync.Once
		cfg.storing = func(bool) (err error) {
			once.Do(func() { err = fmt.Errorf("a test says: %w", store.ErrTorn) })
			return err
		}
		cfg.pause = time.Millisecond
		w.survive(cfg)
		if _, err := os.Stat(store.ShardDir(cfg.DataDir, 0) + ".torn-1"); err != nil {
			t.Fatalf("the damaged store was not set aside: %v", err)
		}
	})
	t.Run("store of another chain", func(t *testing.T) {
		w, cfg := folded(t)
		st, err := store.Open(store.ShardDir(cfg.DataDir, 0), store.Options{DedupeWindow: cfg.DedupeWindow})
		if err != nil {
			t.Fatal(err)
		}
		head, err := st.Head()
		if err != nil {
			t.Fatal(err)
		}
		head.Chain[0] ^= 1
		if err := st.NewBatch().Commit(head); err != nil {
			t.Fatal(err)
		}
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
		w.survive(cfg)
		if _, err := os.Stat(store.ShardDir(cfg.DataDir, 0) + ".other-chain-1"); err != nil {
			t.Fatalf("the store was not set aside: %v", err)
		}
	})
	t.Run("store and snapshot lost, input trimmed", func(t *testing.T) {
		w, cfg := folded(t)
		lose(t, cfg)
		w.c.trim(accountTopic, 0, 5)
		w.stops(cfg, true, accountTopic+"/0", "retention")
	})
	t.Run("input trimmed up to the last consumed record", func(t *testing.T) {
		w, cfg := folded(t)
		w.c.trim(accountTopic, 0, int64(len(w.c.contents(accountTopic, 0))))
		w.deposit(0, "alice", 5)
		p := w.start(cfg, &memLog{c: w.c}, 0)
		w.caughtUp(p)
		if err := p.end(); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("input trimmed below the next record", func(t *testing.T) {
		w, cfg := folded(t)
		next := int64(len(w.c.contents(accountTopic, 0)))
		w.deposit(0, "alice", 5)
		w.deposit(0, "alice", 5)
		w.c.trim(accountTopic, 0, next+1)
		w.stops(cfg, true, fmt.Sprintf("begins at offset %d", next+1), fmt.Sprintf("next one to consume is %d", next))
	})
	t.Run("input created again, shorter", func(t *testing.T) {
		w, cfg := folded(t)
		w.c.create(accountTopic, 1)
		w.deposit(0, "alice", 5)
		w.stops(cfg, true, "created again", accountTopic+"/0")
	})
	t.Run("input created again, as long", func(t *testing.T) {
		w, cfg := folded(t)
		n := len(w.c.contents(accountTopic, 0))
		w.c.create(accountTopic, 1)
		for range n {
			w.deposit(0, "alice", 5)
		}
		w.stops(cfg, true, "created again", "digest")
	})
	t.Run("order log created again", func(t *testing.T) {
		w, cfg := folded(t)
		w.c.create(orderTopic, 1)
		w.stops(cfg, true, "order topic was created again")
	})
	t.Run("order log trimmed, store lost", func(t *testing.T) {
		w, cfg := folded(t)
		lose(t, cfg)
		w.c.trim(orderTopic, 0, 1)
		w.stops(cfg, true, "must be kept for ever")
	})
	t.Run("an announcement that the order log does not have", func(t *testing.T) {
		w, cfg := folded(t)
		w.c.append(events.StreamNotices.String(), 0, 0, nil, []byte(`{"id":"0-1-0","seq":99999}`))
		w.stops(cfg, true, "the order log")
	})
	t.Run("another cluster", func(t *testing.T) {
		w, cfg := folded(t)
		w.c.id = "other"
		w.stops(cfg, true, `cluster "mem"`, `cluster "other"`)
	})
	t.Run("rules of a build changed, store lost", func(t *testing.T) {
		w, cfg := folded(t)
		lose(t, cfg)
		cfg.NewFold = func(c projector.Config) Fold { return rowFlipper{newFold(c)} }
		w.stops(cfg, true, "cut ", "folds to hash", "other rules")
		_, err := Refold(context.Background(), cfg, &memLog{c: w.c}, 0, RefoldOptions{})
		if !IsDifference(err) {
			t.Fatalf("the refold says %v", err)
		}
	})
	t.Run("partition count of an input changed", func(t *testing.T) {
		w, cfg := folded(t)
		w.c.topics[priceTopic] = append(w.c.topics[priceTopic], &memPartition{epochs: map[string]int{}})
		w.stops(cfg, false, priceTopic, "2 partitions and now has 3", "repartition")
	})
	t.Run("partition count of the accounts changed", func(t *testing.T) {
		w, cfg := folded(t)
		w.c.topics[accountTopic] = append(w.c.topics[accountTopic], &memPartition{epochs: map[string]int{}})
		w.stops(cfg, false, accountTopic, "2 partitions, but there are 1 shards")
	})
	t.Run("topic not configured any more", func(t *testing.T) {
		w, cfg := folded(t)
		cfg.Topics = cfg.Topics[:2]
		w.stops(cfg, false, priceTopic, "put it back")
	})
	t.Run("role changed", func(t *testing.T) {
		w, cfg := folded(t)
		cfg.Topics[2].Role = events.RoleFunding
		w.stops(cfg, false, priceTopic, "set it back")
	})
	t.Run("dedupe window changed", func(t *testing.T) {
		w, cfg := folded(t)
		cfg.DedupeWindow++
		w.stops(cfg, false, "dedupe window", "set it back")
		lose(t, cfg)
		w.stops(cfg, false, "dedupe window", "set it back")
	})
}

// An event of an unknown type stops the shard at that record, behind everything before it, and says how to go on. A
// person leaves it out; the shard goes on, and so does every replay.
func TestUnknownSchemaAndSkip(t *testing.T) {
	w := newWorld(t, 1)
	at := w.trade(rngOf(7), 0, 100)
	before := w.records(0)
	offset := w.c.append(accountTopic, 0, day.Add(at).UnixMilli(), []byte("owner-1"),
		[]byte(`{"id":"new","type":"FromTheFuture","version":1,"venue":"x","time":"2025-10-10T12:00:00Z"}`))
	w.trade(rngOf(8), at, 100)
	cfg := w.config(t.TempDir())
	source := projector.Source{Topic: accountTopic}
	place := fmt.Sprintf("%s/0@%d", accountTopic, offset)
	w.stops(cfg, false, place, "FromTheFuture", "ledger skip --at "+place)
	w.stops(cfg, false, place)

	ctx, log := context.Background(), &memLog{c: w.c}
	if _, err := Skip(ctx, cfg, log, source, offset-1, "by mistake"); err == nil {
		t.Fatal("a consumed record was skipped")
	} else {
		mustBe(t, err, ErrConsumed)
	}
	if _, err := Skip(ctx, cfg, log, source, 1<<40, "by mistake"); err == nil {
		t.Fatal("a record that is not there was skipped")
	}
	results, err := Skip(ctx, cfg, log, source, offset, "a test of the producer's")
	if err != nil || len(results) != 1 {
		t.Fatal(results, err)
	}
	if _, err := Skip(ctx, cfg, log, source, offset, "twice"); err == nil || !strings.Contains(err.Error(), "already skipped") {
		t.Fatalf("a second skip: %v", err)
	}
	r := w.survive(cfg)
	if r.Counts.Reasons["skipped"] != 1 || r.Counters.N != w.records(0) || r.Counters.N <= before {
		t.Fatalf("%d records, dead letters %v", r.Counters.N, r.Counts.Reasons)
	}
	lose(t, cfg)
	if again := w.survive(cfg); again.Counts.Reasons["skipped"] != 1 || again.Counters != r.Counters {
		t.Fatalf("folded again: %v", again.Counts.Reasons)
	}
	if _, err := Skip(ctx, cfg, log, source, offset, "again"); err == nil {
		t.Fatal("a skipped record was skipped again")
	}
}

// A skip of a record that is far ahead deposes the live owner, which recovers; its stored heads carry the skip until the
// record comes.
func TestSkipAheadOfTheOwner(t *testing.T) {
	w := newWorld(t, 1)
	at := w.trade(rngOf(7), 0, 100)
	cfg := w.config(t.TempDir())
	p := w.start(cfg, &memLog{c: w.c}, 0)
	w.caughtUp(p)
	w.c.setAway(accountTopic, 0, true)
	offset := w.c.append(accountTopic, 0, day.Add(at).UnixMilli(), []byte("owner-1"), []byte(`{"id":"new","type":"FromTheFuture"}`))
	w.c.setAway(configTopic, 0, true) // Nothing can be applied until all sources answer.
	w.c.setAway(accountTopic, 0, false)
	if _, err := Skip(context.Background(), cfg, &memLog{c: w.c}, projector.Source{Topic: accountTopic}, offset, "test"); err != nil {
		t.Fatal(err)
	}
	w.c.setAway(configTopic, 0, false)
	w.caughtUp(p)
	if s := p.Status(); s.Takes < 2 || s.Reasons["skipped"] != 1 {
		t.Fatalf("%d terms, dead letters %v", s.Takes, s.Reasons)
	}
	if err := p.end(); err != nil {
		t.Fatal(err)
	}
	w.audit(cfg, 0)
}

// The same inputs in the same order, cut otherwise, give the same rows and the same announcements; only the chain, which
// has the cuts in it, is another.
func TestCutOtherwise(t *testing.T) {
	seed := seed(t)
	type result struct {
		rows    string
		outputs string
		chain   orderlog.Hash
		cuts    uint64
	}
	fold := func(policy CutPolicy) result {
		w := newWorld(t, 1)
		w.trade(rngOf(seed), 0, 800)
		cfg := w.config(t.TempDir())
		cfg.Cut = policy
		r := w.survive(cfg)
		var res result
		r.Fold.EachRow(func(row projector.Row) { res.rows += fmt.Sprintf("%x=%x\n", row.Key, row.Value) })
		for s := range events.Stream(events.Streams) {
			res.outputs += strings.Join(w.published(0, s), "\n")
		}
		res.chain, res.cuts = r.Chain, r.Cut
		return res
	}
	one, many := fold(CutPolicy{MaxRecords: 1}), fold(CutPolicy{MaxRecords: 1000})
	if one.cuts <= many.cuts || one.chain == many.chain {
		t.Fatalf("%d and %d cuts: they were to differ", one.cuts, many.cuts)
	}
	if one.rows != many.rows {
		t.Error("the rows differ")
	}
	if one.outputs != many.outputs {
		t.Error("the announcements differ")
	}
}

// A backlog that is larger than all bounds is folded within them, although the store is slow.
func TestMemoryIsBounded(t *testing.T) {
	w := newWorld(t, 1)
	w.trade(rngOf(seed(t)), 0, 4000)
	cfg := w.config(t.TempDir())
	cfg.BufferBytes, cfg.InFlightBytes = 300<<10, 500<<10 // A single cut may hold more than a hundred kilobytes.
	cfg.Cut = CutPolicy{MaxRecords: 50}
	gate := make(chan struct{})
	cfg.storing = func(bool) error { <-gate; return nil }
	p := w.start(cfg, &memLog{c: w.c}, 0)
	eventually(t, "everything to be full", func() bool {
		s := p.Status()
		full := s.Phase == PhaseLive && s.Held > cfg.InFlightBytes/2
		for _, src := range s.Sources {
			full = full && (src.Buffered > 0 || src.Topic == configTopic)
		}
		return full
	})
	close(gate)
	w.caughtUp(p)
	s := p.Status()
	if err := p.end(); err != nil {
		t.Fatal(err)
	}
	if s.HeldPeak > cfg.InFlightBytes {
		t.Errorf("%d bytes of cuts were in flight, the bound is %d", s.HeldPeak, cfg.InFlightBytes)
	}
	const oneFetch = fetchRecords * (itemBytes + 1024)
	for _, src := range s.Sources {
		if limit := cfg.BufferBytes/len(s.Sources) + oneFetch; src.Peak > limit {
			t.Errorf("%s/%d had %d bytes buffered, the bound is %d", src.Topic, src.Partition, src.Peak, limit)
		}
	}
	w.audit(cfg, 0)
}

// A 10 MB record and one with a key of another partition are dead letters; neither holds anything up.
func TestHostileRecords(t *testing.T) {
	w := newWorld(t, 2)
	w.trade(rngOf(7), 0, 50)
	owner := "owner-1"
	wrong := 1 - eventlog.Murmur2Partition([]byte(owner), 2)
	e := &events.Event{ID: "wrong", Type: events.TypeDeposit, Version: 1, Venue: "x", Owner: owner, Body: &events.Deposit{Asset: "USDC", Amount: num(1)}}
	w.c.append(accountTopic, wrong, day.UnixMilli(), []byte(owner), events.AppendJSON(nil, e))
	w.c.append(accountTopic, wrong, day.UnixMilli(), []byte(owner), make([]byte, 10<<20))
	cfg := w.config(t.TempDir())
	p := w.start(cfg, &memLog{c: w.c}, wrong)
	w.caughtUp(p)
	if err := p.end(); err != nil {
		t.Fatal(err)
	}
	r := w.audit(cfg, wrong)
	if r.Counts.Reasons["wrong_partition"] != 1 || r.Counts.Reasons["too_large"] != 1 {
		t.Fatalf("dead letters %v", r.Counts.Reasons)
	}
}
