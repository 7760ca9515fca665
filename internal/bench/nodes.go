package bench

import (
	"errors"
	"fmt"
	"time"
)

// nodes is how soon a shard of 100,000 accounts answers again, after a restart and on another node.
var nodes = benchmark{
	figures: []Figure{
		{Name: "restart_100k_s", Unit: "s", Goal: "< 3", Note: "clean stop, start of the process to /readyz and the first answer, from Pebble; slowest of three"},
		{Name: "takeover_100k_s", Unit: "s", Goal: "< 10", Note: "kill -9 until another process answers, its session timeout of 6 s and a restored snapshot included; slowest of three"},
		{Name: "stop_takeover_s", Unit: "s", Goal: "< 1", Note: "SIGTERM until another process answers, which restores a snapshot twice and has a Pebble once; slowest of three"},
	},
	measure: measureNodes,
}

// fleet is a cluster with nodes that take the shard from each other.
type fleet struct {
	*cluster
	owner   *node
	account string // path of an account that only the owner answers for
}

func measureNodes(r *run) (_ map[string]float64, err error) {
	c, err := newCluster(r, "nodes", nil, oftenSnapshots)
	if err != nil {
		return nil, err
	}
	f := &fleet{cluster: c}
	defer func() {
		if f.owner != nil {
			err = errors.Join(err, f.owner.stop())
		}
		err = errors.Join(err, c.close())
	}()
	if err := f.load(r.size(100_000, 1000)); err != nil {
		return nil, err
	}
	values := make(map[string]float64)
	times := r.size(3, 1)
	for _, m := range []struct {
		name    string
		measure func(i int) (time.Duration, error)
	}{
		{"restart_100k_s", f.restart},
		{"takeover_100k_s", f.takeover},
		{"stop_takeover_s", f.stopTakeover},
	} {
		if !r.wanted(m.name) {
			continue
		}
		for i := range times {
			took, err := m.measure(i)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", m.name, err)
			}
			r.say("%s: %.3f s", m.name, took.Seconds())
			values[m.name] = max(values[m.name], took.Seconds())
		}
	}
	return values, nil
}

// load starts the first node and fills it.
func (f *fleet) load(accounts int) (err error) {
	w := newWorld(accounts, 200)
	f.account = fmt.Sprintf("/v1/accounts/%s/%s/0", venue, w.owners[accounts-1])
	feed, err := newFeed(f.run.ctx, f.cluster)
	if err != nil {
		return err
	}
	for _, part := range []func(emit) error{w.found, w.settle} {
		if err := part(feed.send); err != nil {
			return fmt.Errorf("feed the ledger: %w", err)
		}
	}
	if err := feed.flush(); err != nil {
		return err
	}
	f.run.say("%d accounts, %d facts", accounts, feed.sent)
	if f.owner, err = f.start("0"); err != nil {
		return err
	}
	if err := f.owner.consumed(f.run.ctx, feed.sent); err != nil {
		return err
	}
	_, err = f.owner.await(f.run.ctx, f.account, is200)
	return err
}

// restart stops the owner, and measures how long a new process on its directory takes.
func (f *fleet) restart(int) (time.Duration, error) {
	name := f.owner.name
	if err := f.owner.stop(); err != nil {
		return 0, err
	}
	begun := time.Now()
	var err error
	if f.owner, err = f.start(name); err != nil {
		return 0, err
	}
	if _, err := f.owner.await(f.run.ctx, "/readyz", is200); err != nil {
		return 0, err
	}
	at, err := f.owner.await(f.run.ctx, f.account, is200)
	return at.Sub(begun), err
}

// takeover kills the owner while a process without any state stands by.
func (f *fleet) takeover(i int) (time.Duration, error) {
	return f.handOver(fmt.Sprintf("kill-%d", i), func(n *node) error {
		n.kill()
		return nil
	})
}

// stopTakeover stops the owner while a process stands by that had the shard before; the first has no state.
func (f *fleet) stopTakeover(i int) (time.Duration, error) {
	return f.handOver(fmt.Sprintf("stop-%d", i%2), (*node).stop)
}

// handOver ends the owner and measures how long the shard is without an answer.
func (f *fleet) handOver(name string, end func(*node) error) (time.Duration, error) {
	next, err := f.start(name)
	if err != nil {
		return 0, err
	}
	// A member of the group without a shard is ready, and sends those who ask to the owner.
	if _, err := next.await(f.run.ctx, "/readyz", is200); err != nil {
		return 0, errors.Join(err, next.stop())
	}
	before, begun := f.owner, time.Now()
	f.owner = next
	ended := make(chan error, 1)
	go func() { ended <- end(before) }()
	at, err := next.await(f.run.ctx, f.account, is200)
	return at.Sub(begun), errors.Join(err, <-ended)
}
