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

// engine is one of those that are compared.
type engine interface {
	// lap runs once over the whole input, from an empty state, and returns what it took once the outcome was found right.
	lap(ctx context.Context, b *bench, number int) (*Lap, error)
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
}

// Lap is one run of one engine.
type Lap struct {
	Seconds float64 `json:"seconds"` // from the first fact to the last commit
	CPU     float64 `json:"cpu"`     // seconds of the engine's process meanwhile
	Outputs int     `json:"outputs"`
	Digest  string  `json:"digest"` // over outputs and final accounts; the reference's
}

func lapOf(from, to clock) *Lap {
	return &Lap{Seconds: to.wall.Sub(from.wall).Seconds(), CPU: (to.cpu - from.cpu).Seconds()}
}

// peer is an engine that runs in a child process and is told to run and to stop. The process stays between laps, so
// that it is warm.
type peer struct {
	*process
	command []string
	env     []string
	// state names the topic, of a group, that has the state of every account; "": the state is read by outcome.
	state func(group string) string
	// outcome reads what a lap left, where it is not outputs and a changelog as goka and Streams have them.
	outcome func(ctx context.Context, b *bench, job *child.Job) (*outcome, error)
	own     bool // the engine knows when it is through; of the others the group's committed offsets tell
}

func (e *peer) lap(ctx context.Context, b *bench, number int) (_ *Lap, err error) {
	if e.cmd == nil {
		if e.process, err = start(e.name, e.command, false, e.env...); err != nil {
			return nil, err
		}
	}
	name := fmt.Sprintf("%s%s-%d", b.prefix, e.name, number)
	job := &child.Job{Facts: b.in.facts, Alerts: name + "-alerts", Group: name, Brokers: b.brokers, Partitions: b.in.partitions,
		Interval: b.interval, Dir: filepath.Join(b.dir, name), Counts: b.in.counts}
	if err := os.MkdirAll(job.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("make a directory for %s: %w", e.name, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(job.Dir)) }()
	if !e.own {
		topic := eventlog.TopicSpec{Name: job.Alerts, Partitions: b.in.partitions, Replication: 1}
		if err := b.client.CreateTopics(ctx, []eventlog.TopicSpec{topic}); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(e.tell(job.String()), e.await(ctx, "first")); err != nil {
		return nil, err
	}
	from, err := e.clock()
	if err != nil {
		return nil, err
	}
	if e.own {
		err = e.await(ctx, "done")
	} else {
		err = e.committed(ctx, b, job.Group)
	}
	if err != nil {
		return nil, err
	}
	to, err := e.clock()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(e.tell("stop"), e.await(ctx, "stopped")); err != nil {
		return nil, err
	}
	read := e.outcome
	if read == nil {
		read = e.changelog
	}
	o, err := read(ctx, b, job)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.name, err)
	}
	return judged(lapOf(from, to), o, b.in)
}

// judged adds what came out to a lap, and refuses a lap that did not come to what the reference says.
func judged(l *Lap, o *outcome, in *input) (*Lap, error) {
	l.Outputs, l.Digest = len(o.alerts), o.digest()
	return l, o.same(in.want)
}

// committed waits until the group's offsets are at the end of the facts: with goka that says that the outputs and the
// table's changes are acknowledged, with Streams that the transactions that hold them have committed.
func (e *peer) committed(ctx context.Context, b *bench, group string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	all := make([]int32, b.in.partitions)
	for i := range all {
		all[i] = int32(i)
	}
	for {
		have, err := b.client.CommittedOffsets(ctx, group, b.in.facts, all)
		if err != nil {
			return err
		}
		through := 0
		for _, c := range have {
			if c.Offset >= b.in.counts[c.Partition] {
				through++
			}
		}
		if through == len(all) {
			return nil
		}
		if err := e.failure(); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for the commits of %s, which are at %v of %v: %w", e.name, have, b.in.counts, ctx.Err())
		}
	}
}

func (e *peer) close() error {
	if e.process == nil || e.cmd == nil {
		return nil
	}
	return e.end(nil)
}
