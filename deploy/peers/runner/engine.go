package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"marginledger/internal/eventlog"
	"marginledger/peers/child"
)

// engine is one of those that are compared. A pass is begin, through, finish; a pass with a crash is begin, half, kill,
// resume, through, finish.
type engine interface {
	// begin starts over the whole input from an empty state, and returns when the first fact is there.
	begin(ctx context.Context, b *bench, pass string) error
	// half returns when half of the facts are durable.
	half(ctx context.Context, b *bench) error
	// through returns when everything is durable.
	through(ctx context.Context, b *bench) error
	// finish stops, and reads what came out and what should have. What the pass has written is deleted.
	finish(ctx context.Context, b *bench) (have, want *outcome, err error)

	clock() (clock, error)
	// kill ends the process as a power cut of it does; resume starts one again on what was durable, and returns when the
	// next fact is there, or everything already was durable.
	kill()
	resume(ctx context.Context, b *bench) error
	close() error
}

// bench is what the engines have in common.
type bench struct {
	client   *eventlog.Client
	brokers  []string
	in       *input
	interval time.Duration
	dir      string
	prefix   string // of this run's topics and groups

	brokerPID int // 0: not known
}

// peer is an engine that runs in a child process and is told to run and to stop. The process stays between laps, so
// that it is warm.
type peer struct {
	*process
	name    string
	command []string
	env     []string
	job     *child.Job
	done    bool // it has said so already
	// state names the topic, of a group, that has the state of every account; own engines have none.
	state func(group string) string
	own   bool // the ledger's pipeline: it knows when it is through; of the others the group's committed offsets tell
}

func (e *peer) begin(ctx context.Context, b *bench, pass string) error {
	name := fmt.Sprintf("%s%s-%s", b.prefix, e.name, pass)
	e.job = &child.Job{Facts: b.in.facts, Alerts: name + "-alerts", Group: name, Brokers: b.brokers, Partitions: b.in.partitions,
		Interval: b.interval, Dir: filepath.Join(b.dir, name), Counts: b.in.counts}
	if err := os.MkdirAll(e.job.Dir, 0o755); err != nil {
		return fmt.Errorf("make a directory for %s: %w", e.name, err)
	}
	if !e.own {
		topic := eventlog.TopicSpec{Name: e.job.Alerts, Partitions: b.in.partitions, Replication: 1}
		if err := b.client.CreateTopics(ctx, []eventlog.TopicSpec{topic}); err != nil {
			return err
		}
	}
	return e.resume(ctx, b)
}

func (e *peer) resume(ctx context.Context, _ *bench) (err error) {
	if e.process == nil {
		if e.process, err = start(e.name, e.command, false, e.env...); err != nil {
			return err
		}
	}
	e.done = false
	if err := e.tell(e.job.String()); err != nil {
		return err
	}
	heard, err := e.await(ctx, "first", "done")
	e.done = heard == "done"
	return err
}

func (e *peer) half(ctx context.Context, b *bench) error {
	if e.own {
		_, err := e.await(ctx, "half")
		return err
	}
	return e.committed(ctx, b, b.in.many/2)
}

func (e *peer) kill() {
	e.process.kill()
	e.process = nil
}

func (e *peer) through(ctx context.Context, b *bench) error {
	switch {
	case e.done:
		return nil
	case e.own:
		_, err := e.await(ctx, "done")
		return err
	}
	return e.committed(ctx, b, b.in.many)
}

func (e *peer) finish(ctx context.Context, b *bench) (have, want *outcome, err error) {
	defer func() { err = errors.Join(err, os.RemoveAll(e.job.Dir)) }()
	if err := e.tell("stop"); err != nil {
		return nil, nil, err
	}
	if _, err := e.await(ctx, "stopped"); err != nil {
		return nil, nil, err
	}
	if e.own {
		have, err = e.stored(ctx, b)
	} else {
		have, err = e.changelog(ctx, b)
	}
	return have, b.in.want, err
}

// committed waits until the group has committed so many facts: with goka that says that their outputs and the table's
// changes are acknowledged, with Streams that the transactions that hold them have committed.
func (e *peer) committed(ctx context.Context, b *bench, many int64) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	all := make([]int32, b.in.partitions)
	for i := range all {
		all[i] = int32(i)
	}
	for {
		have, err := b.client.CommittedOffsets(ctx, e.job.Group, b.in.facts, all)
		if err != nil {
			return err
		}
		through := int64(0)
		for _, c := range have {
			through += c.Offset
		}
		if through >= many {
			return nil
		}
		if err := e.failure(); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for the commits of %s, which are at %v, to %d: %w", e.name, have, many, ctx.Err())
		}
	}
}

func (e *peer) close() error {
	if e.process == nil {
		return nil
	}
	return e.end(nil)
}
