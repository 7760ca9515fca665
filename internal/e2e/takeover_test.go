package e2e

import (
	"math/rand/v2"
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
	end := x.open(500)
	first := a
	for range 2 {
		x.more(200)
		first.signal(syscall.SIGSTOP)
		first.paused = true
		second := a
		if first == a {
			second = b
		}
		awaitFor(t, time.Minute, "the other to take over", func() bool { return len(second.terms(1)) == 1 }, w.why)
		x.more(200)
		first.signal(syscall.SIGCONT)
		first.paused = false
		awaitFor(t, time.Minute, "the sleeper to give up", func() bool { return len(first.terms(1)) == 0 }, w.why)
		first = second
	}
	end()
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
	end := x.open(1500)
	for range 8 {
		x.more(300)
		if _, err := w.client.NewProducer(w.ctx, w.group+"/0"); err != nil {
			t.Fatal(err)
		}
	}
	end()
	a.stop()
	got := w.audit()
	t.Logf("%d terms", got.terms)
	if got.deadLetters > 0 || got.liquidations == 0 {
		t.Errorf("%+v", got)
	}
}

// A process that is killed in the midst of joining leaves nothing behind that keeps a shard without an owner.
func TestKilledWhileJoining(t *testing.T) {
	t.Parallel()
	k := cluster(t)
	if !k.Real() {
		t.Skip("needs a real Kafka: the embedded broker never forgets a member whose connection broke while it was joining")
	}
	seed := seedOf(t)
	rng := rand.New(rand.NewPCG(seed, 3))
	w := newWorld(t, k, 3)
	w.hand().market()
	a, b := w.member(), w.member()
	a.start()
	w.awaitLive()
	for range 4 {
		b.start()
		until := time.Now().Add(time.Duration(rng.IntN(500)) * time.Millisecond)
		awaitFor(t, time.Minute, "the instant", func() bool { return time.Now().After(until) }, nil)
		b.kill()
		if rng.IntN(2) == 0 {
			awaitFor(t, time.Minute, "the first to have all shards", func() bool { return len(a.terms(3)) == 3 }, w.why)
		}
	}
	awaitFor(t, time.Minute, "the first to have all shards", func() bool { return len(a.terms(3)) == 3 }, w.why)
	a.stop()
	w.audit()
}
