// Package runner gives every engine the same preloaded facts, measures what it takes from the first of them to the last
// commit, and compares what comes out with a reference. There are no figures where an engine comes to something else.
package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"marginledger/internal/eventlog"
)

// Options say what is run. All fields but Only are required.
type Options struct {
	Brokers    []string
	Facts      int // of accounts, deposits among them
	Accounts   int
	Partitions int32
	Interval   time.Duration // between commits
	Laps       int           // measured, after one that is not
	Seed       uint64
	Crash      bool     // also kill each engine once on its way
	BrokerPID  int      // of the broker's process; 0: not known
	Only       []string // engines; empty: all

	Self   string   // this executable
	Ledger string   // the product's
	Java   []string // command that runs the Streams topology
	Dir    string   // for local state; everything below is this run's own
}

// Names are the engines, in the order of the table.
var Names = []string{"ledger", "reduced", "goka", "streams"}

// Run measures.
func Run(ctx context.Context, o *Options) (_ *Report, err error) {
	for _, name := range o.Only {
		if !slices.Contains(Names, name) {
			return nil, fmt.Errorf("there is no engine %q; there are %v", name, Names)
		}
	}
	client, err := eventlog.Open(eventlog.Config{Brokers: o.Brokers, ClientID: "marginledger-peers"})
	if err != nil {
		return nil, err
	}
	defer client.Close()
	prefix := fmt.Sprintf("p%d.", time.Now().UnixNano())
	b := &bench{client: client, brokers: o.Brokers, interval: o.Interval, dir: filepath.Join(o.Dir, prefix), prefix: prefix, brokerPID: o.BrokerPID,
		in: &input{facts: prefix + "accounts.v1", rules: prefix + "rules.v1", marks: prefix + "prices.v1", partitions: o.Partitions}}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	report := newReport(o)
	say("preload %d facts of %d accounts into %d partitions", o.Facts, o.Accounts, o.Partitions)
	if err := b.preload(ctx, o); err != nil {
		return nil, err
	}
	report.Outputs, report.Digest = len(b.in.want.alerts), b.in.want.digest()
	say("the reference has %d outputs, digest %s", report.Outputs, report.Digest)

	engines := make(map[string]engine)
	for _, name := range Names {
		if len(o.Only) == 0 || slices.Contains(o.Only, name) {
			engines[name] = o.engine(name)
		}
	}
	defer func() {
		for _, e := range engines {
			err = errors.Join(err, e.close())
		}
	}()
	// In turn, so that a machine whose speed drifts does so for all of them.
	for lap := range 1 + o.Laps {
		for _, name := range Names {
			if engines[name] == nil {
				continue
			}
			l, err := b.lap(ctx, engines[name], fmt.Sprint(lap))
			if err != nil {
				return nil, fmt.Errorf("lap %d of %s: %w", lap, name, err)
			}
			warming := ""
			if lap == 0 {
				warming = " (to warm up: not counted)"
			} else {
				report.add(name, *l)
			}
			say("lap %d, %s: %.2f s, %.2f s of CPU, %d outputs%s", lap, name, l.Seconds, l.CPU, l.Outputs, warming)
		}
	}
	for _, r := range report.Engines {
		if o.Crash {
			if r.Crash, err = b.crash(ctx, engines[r.Name]); err != nil {
				return nil, fmt.Errorf("crash of %s: %w", r.Name, err)
			}
			say("%s, killed in the middle: %v", r.Name, r.Crash)
		}
	}
	report.LoadAfter = load()
	return report, b.drop(ctx, b.in.facts, b.in.rules, b.in.marks)
}

// lap is one pass that is measured. It is an error if it does not come to what it must.
func (b *bench) lap(ctx context.Context, e engine, pass string) (*Lap, error) {
	if err := e.begin(ctx, b, pass); err != nil {
		return nil, err
	}
	from, err := e.clock()
	if err != nil {
		return nil, err
	}
	brokerFrom, err := b.broker()
	if err != nil {
		return nil, err
	}
	if err := e.through(ctx, b); err != nil {
		return nil, err
	}
	to, err := e.clock()
	if err != nil {
		return nil, err
	}
	brokerTo, err := b.broker()
	if err != nil {
		return nil, err
	}
	have, want, err := e.finish(ctx, b)
	if err != nil {
		return nil, err
	}
	return &Lap{Seconds: to.wall.Sub(from.wall).Seconds(), CPU: (to.cpu - from.cpu).Seconds(), BrokerCPU: (brokerTo - brokerFrom).Seconds(),
		Outputs: len(have.alerts), Digest: have.digest()}, have.same(want)
}

// crash is a pass whose process is killed once half of the facts are durable, and what that did to the outcome.
func (b *bench) crash(ctx context.Context, e engine) (*Crash, error) {
	if err := e.begin(ctx, b, "crash"); err != nil {
		return nil, err
	}
	if err := e.half(ctx, b); err != nil {
		return nil, err
	}
	e.kill()
	begun := time.Now()
	if err := e.resume(ctx, b); err != nil {
		return nil, err
	}
	again := time.Since(begun)
	if err := e.through(ctx, b); err != nil {
		return nil, err
	}
	have, want, err := e.finish(ctx, b)
	if err != nil {
		return nil, err
	}
	c := compare(have, want)
	c.Idle = again.Seconds()
	return c, nil
}

// broker returns the CPU time of the broker; 0 where its process is not known.
func (b *bench) broker() (time.Duration, error) {
	if b.brokerPID == 0 {
		return 0, nil
	}
	return cpuOf(b.brokerPID)
}

// engine returns an engine that is not yet started.
func (o *Options) engine(name string) engine {
	// What the product sets for itself: less collecting of garbage, for both Go children alike.
	env := []string{"GOGC=200"}
	switch name {
	case "ledger":
		return &service{binary: o.Ledger}
	case "reduced":
		return &peer{name: name, command: []string{o.Self, name}, env: env, own: true}
	case "goka":
		return &peer{name: name, command: []string{o.Self, name}, env: env,
			state: func(group string) string { return group + "-table" }}
	case "streams":
		return &peer{name: name, command: o.Java,
			state: func(group string) string { return group + "-accounts-changelog" }}
	}
	panic("peers: no engine " + name)
}

// preload makes the topics of the input as `ledger topics create` does, and fills them.
func (b *bench) preload(ctx context.Context, o *Options) error {
	specs := []eventlog.TopicSpec{
		{Name: b.in.facts, Partitions: o.Partitions, Replication: 1, Configs: map[string]string{"retention.ms": "-1"}},
		{Name: b.in.rules, Partitions: 1, Replication: 1, Configs: map[string]string{"retention.ms": "-1"}},
		{Name: b.in.marks, Partitions: 1, Replication: 1, Configs: map[string]string{"retention.ms": "-1", "message.timestamp.type": "LogAppendTime"}},
	}
	if err := b.client.CreateTopics(ctx, specs); err != nil {
		return err
	}
	if o.Facts < 2*o.Accounts {
		return fmt.Errorf("%d facts are too few for %d accounts: one of each is its deposit", o.Facts, o.Accounts)
	}
	return feed(ctx, b.client, b.in, newWorld(o.Accounts, o.Seed), o.Facts)
}

// say tells progress.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "peers: "+format+"\n", args...) }
