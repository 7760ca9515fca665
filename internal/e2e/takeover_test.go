package e2e

import (
	"syscall"
	"testing"
	"time"
)

// terms returns the term of every shard that a member owns.
func (m *member) terms(shards int32) map[int32]int64 {
	own := make(map[int32]int64)
	all := m.metrics()
	for id := range shards {
		if all[metric{"ledger_shard_ready", id}] == 1 {
			own[id] = all[metric{"ledger_shard_term", id}]
		}
	}
	return own
}

// A second process joins, is killed, joins again, and leaves in order: shards that stay with the first keep their term.
// How long shards are without an owner is logged; what it must be is measured by the benchmarks.
func TestTakeover(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cluster(t), 2)
	x := w.trade(3, 2000, 30_000)
	if err := x.produce(w.ctx, 15_000, 0); err != nil {
		t.Fatal(err)
	}
	a, b := w.member(), w.member()
	a.start()
	w.awaitCaughtUp()
	x.settle()

	// b joins: one shard moves, the other goes on.
	join := func() {
		t.Helper()
		before := a.terms(2)
		if len(before) != 2 {
			t.Fatalf("%s has %v of two shards", a.name, before)
		}
		b.start()
		awaitFor(t, time.Minute, "one shard each", func() bool { return len(a.terms(2)) == 1 && len(b.terms(2)) == 1 }, w.why)
		for id, term := range a.terms(2) {
			if term != before[id] {
				t.Errorf("%s kept shard %d, but its term went from %d to %d", a.name, id, before[id], term)
			}
		}
	}
	left := func(how string, begin time.Time) {
		t.Helper()
		awaitFor(t, time.Minute, "the first to have both shards", func() bool { return len(a.terms(2)) == 2 }, w.why)
		t.Logf("%s: the other was live after %v", how, time.Since(begin).Round(time.Millisecond))
	}
	join()
	begin := time.Now()
	b.kill()
	left("kill -9", begin)
	join()
	if err := x.produce(w.ctx, 1000, 0); err != nil {
		t.Fatal(err)
	}
	begin = time.Now()
	b.stop()
	left("a clean stop", begin)
	b.loseData() // from a snapshot
	join()
	x.settle()
	x.close()
	b.stop()
	a.stop()
	if got := w.audit(); got.deadLetters > 0 {
		t.Errorf("%+v", got)
	}
}

// An owner sleeps until another has taken over and gone on, and then wakes with cuts under way: nobody hears of them.
func TestSleepingOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cluster(t), 1)
	x := w.trade(8, 200, 10_000)
	a, b := w.member(), w.member()
	a.start()
	w.awaitLive()
	b.start()
	produced := make(chan error, 1)
	go func() { produced <- x.produce(w.ctx, 10_000, 500) }()
	first := a
	for range 2 {
		before := x.made.Load()
		awaitFor(t, time.Minute, "facts", func() bool { return x.made.Load() > before+200 }, w.why)
		first.signal(syscall.SIGSTOP)
		first.paused = true
		second := a
		if first == a {
			second = b
		}
		awaitFor(t, time.Minute, "the other to take over", func() bool { return len(second.terms(1)) == 1 }, w.why)
		before = x.made.Load()
		awaitFor(t, time.Minute, "more facts", func() bool { return x.made.Load() > before+200 }, w.why)
		first.signal(syscall.SIGCONT)
		first.paused = false
		awaitFor(t, time.Minute, "the sleeper to give up", func() bool { return len(first.terms(1)) == 0 }, w.why)
		first = second
	}
	if err := <-produced; err != nil {
		t.Fatal(err)
	}
	x.settle()
	x.close()
	a.stop()
	b.stop()
	if got := w.audit(); got.deadLetters > 0 || got.liquidations == 0 {
		t.Errorf("%+v", got)
	}
}

// Somebody takes the epoch of an owner at work, again and again, and writes nothing. On Apache Kafka the owner's writes
// are still accepted then: its partitions have not seen the new epoch; the embedded broker refuses them. Both are right,
// and nothing is lost or there twice.
func TestEpochTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cluster(t), 1)
	x := w.trade(11, 200, 10_000)
	a := w.member()
	a.start()
	w.awaitLive()
	produced := make(chan error, 1)
	go func() { produced <- x.produce(w.ctx, 10_000, 1500) }()
	for range 8 {
		before := x.made.Load()
		awaitFor(t, time.Minute, "facts", func() bool { return x.made.Load() > before+300 }, w.why)
		if _, err := w.client.NewProducer(w.ctx, w.group+"/0"); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-produced; err != nil {
		t.Fatal(err)
	}
	x.settle()
	x.close()
	a.stop()
	got := w.audit()
	t.Logf("%d terms", got.terms)
	if got.deadLetters > 0 || got.liquidations == 0 {
		t.Errorf("%+v", got)
	}
}
