package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"marginledger/events"
	"marginledger/internal/broker"
	"marginledger/internal/config"
	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
	"marginledger/internal/pipeline"
	"marginledger/internal/store"
	"marginledger/projector"
)

// verifyCmd folds a ledger again.
type verifyCmd struct {
	Dir    string `help:"A kept day of the demo: its broker is started on it. The demo must not run." type:"path" xor:"where" required:"" placeholder:"D"`
	Config string `help:"Configuration of a ledger on a cluster, which may be running." type:"path" xor:"where" required:"" placeholder:"F"`
}

// Run compares shard after shard and ends with the first difference.
func (cmd *verifyCmd) Run(ctx context.Context, out io.Writer) error {
	open := cmd.openConfig
	if cmd.Dir != "" {
		open = cmd.openDir
	}
	a, err := open()
	if err != nil {
		return err
	}
	defer a.close()
	log := pipeline.Kafka(a.client)
	shards, err := log.Partitions(ctx, a.cfg.OrderTopic)
	if err != nil {
		return err
	}
	for shard := range shards {
		if err := a.verify(ctx, log, shard, out); err != nil {
			return err
		}
	}
	return nil
}

// audited is the ledger that is compared.
type audited struct {
	cfg    pipeline.Config
	client *eventlog.Client
	close  func()
}

// openDir starts the broker of a kept day in this process.
func (cmd *verifyCmd) openDir() (*audited, error) {
	dir := filepath.Join(cmd.Dir, "broker")
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("%s holds no kept day: %w", cmd.Dir, err)
	}
	b, err := broker.Start(broker.Options{Dir: dir})
	if err != nil {
		return nil, err
	}
	client, err := eventlog.Open(eventlog.Config{Brokers: b.Addrs(), ClientID: "marginledger-replay"})
	if err != nil {
		b.Close()
		return nil, err
	}
	cfg := pipeline.Config{OrderTopic: "ledger.order.v1", DataDir: filepath.Join(cmd.Dir, "ledger")}
	for s := range cfg.OutputTopics {
		cfg.OutputTopics[s] = events.Stream(s).String()
	}
	return &audited{cfg: cfg, client: client, close: func() { client.Close(); b.Close() }}, nil
}

// openConfig opens a client of a configured cluster.
func (cmd *verifyCmd) openConfig() (*audited, error) {
	c, err := config.Load(cmd.Config, os.Environ(), nil)
	if err != nil {
		return nil, err
	}
	kafka, err := kafkaConfig(c)
	if err != nil {
		return nil, err
	}
	client, err := eventlog.Open(kafka)
	if err != nil {
		return nil, err
	}
	cfg := pipeline.Config{OrderTopic: c.OrderTopic(), DataDir: c.DataDir, DedupeWindow: c.DedupeWindow, BufferBytes: c.Memory.Buffer}
	copy(cfg.OutputTopics[:], c.OutputTopics())
	return &audited{cfg: cfg, client: client, close: client.Close}, nil
}

// verify compares one shard: every cut of the order log, the output topics, and the stored rows if they lie here.
func (a *audited) verify(ctx context.Context, log pipeline.Log, shard int32, out io.Writer) error {
	view, closeView, why, err := a.state(shard)
	if err != nil {
		return err
	}
	defer closeView()
	o := pipeline.RefoldOptions{}
	var head *orderlog.Head
	if view != nil {
		o.State = view
		if head, err = view.Head(); err != nil {
			return err
		}
	}
	r, err := pipeline.Refold(ctx, a.cfg, log, shard, o)
	if err != nil {
		return err
	}
	if err := pipeline.CheckOutputs(ctx, a.cfg, log, shard, head); err != nil {
		return err
	}
	rows := fmt.Sprintf("%d rows at cut %d agree", r.Rows, cutOf(head))
	if view == nil {
		rows = "rows not compared: " + why
	}
	_, err = fmt.Fprintf(out, "shard %d: %d cuts, %d records, hash %v; %d announcements agree; %s\n",
		shard, r.Cut, r.Counters.N, r.Chain, announced(r.Counters), rows)
	return err
}

func cutOf(head *orderlog.Head) uint64 {
	if head == nil {
		return 0
	}
	return head.Cut
}

func announced(c projector.Counters) (n uint64) {
	for _, seq := range c.Seqs {
		n += seq
	}
	return n
}

// state opens a shard's store. Where there is none to compare with, view is nil and why says so.
func (a *audited) state(shard int32) (view *store.View, done func(), why string, err error) {
	none := func() {}
	dir := store.ShardDir(a.cfg.DataDir, shard)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, none, "no store in " + dir, nil
	}
	window := a.cfg.DedupeWindow
	if window == 0 {
		window = projector.DefaultDedupeWindow
	}
	st, err := store.Open(dir, store.Options{DedupeWindow: window, ReadOnly: true})
	switch {
	case errors.Is(err, store.ErrLocked):
		return nil, none, "a ledger is running on " + dir, nil
	case errors.Is(err, store.ErrTorn):
		return nil, none, "", &pipeline.Difference{Shard: shard, What: err.Error()}
	case err != nil:
		return nil, none, "", err
	}
	if view, err = st.View(); err != nil {
		return nil, none, "", errors.Join(err, st.Close())
	}
	return view, func() { view.Close(); st.Close() }, "", nil
}
