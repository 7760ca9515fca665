package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// kills returns how often a process is to be killed.
func kills(t *testing.T) int {
	switch v := os.Getenv("MARGINLEDGER_KILLS"); v {
	case "":
		return 8
	case "long":
		return 60
	default:
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			t.Fatalf("MARGINLEDGER_KILLS=%s: a number or long", v)
		}
		return n
	}
}

// seedOf returns the seed of the plan, and says how to repeat it when the test fails.
func seedOf(t *testing.T) uint64 {
	seed := uint64(time.Now().UnixNano())
	if v := os.Getenv("MARGINLEDGER_SEED"); v != "" {
		var err error
		if seed, err = strconv.ParseUint(v, 10, 64); err != nil {
			t.Fatalf("MARGINLEDGER_SEED=%s: %v", v, err)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("again: MARGINLEDGER_SEED=%d MARGINLEDGER_KILLS=%d go test ./internal/e2e -run '^%s$'", seed, kills(t), t.Name())
		}
	})
	return seed
}

// Processes of one group share shards while the demo exchange runs; one after the other is killed at a random instant,
// or paused until the others take it for dead, and comes back with its store, without it, or with a damaged one. In the
// end the survivors have what a fold of the order log gives, and every announcement is there once.
func TestKillNine(t *testing.T) {
	t.Parallel()
	seed, n := seedOf(t), kills(t)
	rng := rand.New(rand.NewPCG(seed, 9))
	w := newWorld(t, cluster(t), 3)
	x := w.trade(seed, 300, 12_000)
	for range 3 {
		w.member()
	}
	w.members[0].start()
	w.members[1].start()
	end := x.open(800)
	c := &chaos{w: w, rng: rng, wake: make(map[*member]time.Time)}
	for c.killed < n {
		c.step()
	}
	c.end()
	end()
	for _, m := range w.members {
		if m.runs() {
			m.stop()
		}
	}
	got := w.audit()
	t.Logf("%d kills, %d pauses, %d clean stops; %d facts, %d answers: %+v", c.killed, c.paused, c.stopped, x.made.Load(), x.sent, got)
	if got.deadLetters > 0 {
		t.Errorf("%d dead letters", got.deadLetters)
	}
	if got.liquidations == 0 {
		t.Error("nobody was liquidated: the day tests nothing")
	}
}

// chaos decides who ends, how and when.
type chaos struct {
	w       *world
	rng     *rand.Rand
	wake    map[*member]time.Time // of the paused
	killed  int
	paused  int
	stopped int
}

// step waits for a random instant and does something to somebody.
func (c *chaos) step() {
	w := c.w
	if c.rng.IntN(4) == 0 { // an owner at work
		c.awaitLive()
		c.pause(400)
	} else { // somebody in the midst of joining, recovering, or handing over
		c.pause(2000)
	}
	var up, down []*member
	for _, m := range w.members {
		if m.runs() {
			up = append(up, m)
		} else {
			down = append(down, m)
		}
	}
	victim := up[c.rng.IntN(len(up))]
	switch what := c.rng.IntN(10); {
	case what < 7:
		victim.kill()
		c.killed++
		delete(c.wake, victim)
		c.after(victim)
	case what == 7 && !victim.paused:
		victim.stop()
		c.stopped++
	case !victim.paused: // a zombie, if it is long enough
		victim.signal(syscall.SIGSTOP)
		victim.paused = true
		c.paused++
		c.wake[victim] = time.Now().Add(time.Duration(c.rng.IntN(8000)) * time.Millisecond)
	}
	// Somebody else takes over, so that one runs at least.
	if len(down) > 0 && (c.rng.IntN(3) > 0 || c.running() == 0) {
		down[c.rng.IntN(len(down))].start()
	}
	if c.running() == 0 {
		victim.start()
	}
}

// awaitLive waits until every shard has an owner. The embedded broker never forgets a member whose connection broke while
// it was joining, and takes it for alive until somebody else joins: so somebody does.
func (c *chaos) awaitLive() {
	w, late := c.w, time.Now().Add(15*time.Second)
	awaitFor(w.t, 90*time.Second, "every shard to have an owner", func() bool {
		c.resume()
		if w.live() {
			return true
		}
		if !w.k.Real() && time.Now().After(late) {
			late = late.Add(15 * time.Second)
			c.somebodyJoins()
		}
		return false
	}, w.why)
}

// somebodyJoins starts all who do not run; where all do, one leaves and comes again.
func (c *chaos) somebodyJoins() {
	if c.running() == len(c.w.members) {
		c.w.members[0].stop()
	}
	c.startAll()
}

// startAll starts who does not run.
func (c *chaos) startAll() {
	for _, m := range c.w.members {
		if !m.runs() {
			m.start()
		}
	}
}

// after decides what a killed process finds when it comes back, and when.
func (c *chaos) after(m *member) {
	switch what := c.rng.IntN(10); {
	case what < 2:
		m.loseData()
	case what == 2:
		m.tearData(c.rng)
	}
	if c.rng.IntN(2) == 0 {
		m.start()
	}
}

// running counts the processes that can take over.
func (c *chaos) running() (n int) {
	for _, m := range c.w.members {
		if m.runs() && !m.paused {
			n++
		}
	}
	return n
}

// pause lets up to ms milliseconds pass.
func (c *chaos) pause(ms int) {
	until := time.Now().Add(time.Duration(c.rng.IntN(ms)) * time.Millisecond)
	awaitFor(c.w.t, time.Minute, fmt.Sprint(until), func() bool { c.resume(); return time.Now().After(until) }, nil)
}

// resume wakes those whose pause is over.
func (c *chaos) resume() {
	for m, at := range c.wake {
		if m.runs() && time.Now().After(at) {
			m.signal(syscall.SIGCONT)
			m.paused = false
			delete(c.wake, m)
		}
	}
}

// end wakes all, and starts who does not run.
func (c *chaos) end() {
	for m := range c.wake {
		c.wake[m] = time.Time{}
	}
	c.resume()
	c.startAll()
	c.awaitLive()
}
