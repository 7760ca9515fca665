package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"marginledger/events"
	"marginledger/internal/archive"
	"marginledger/internal/broker"
	"marginledger/internal/eventlog"
	"marginledger/internal/pipeline"
	"marginledger/internal/store"
	"marginledger/projector"
	"marginledger/snapshot"
)

// Past is where a ledger's past lies.
type Past struct {
	Where   string // for people
	Log     pipeline.Log
	Config  pipeline.Config  // its topics and directories; what the fold depends on comes from the order log
	Archive *archive.Archive // nil where it is none
	// NewFold makes the fold; nil: this build's. Tests break it on purpose.
	NewFold func(projector.Config) pipeline.Fold

	close func() error
	done  []func() // of snapshots that were fetched
}

// Close ends the use of the past.
func (p *Past) Close() error {
	for _, done := range p.done {
		done()
	}
	p.done = nil
	if p.close == nil {
		return nil
	}
	return p.close()
}

// OpenDir opens a kept day of the demo: its broker runs in this process until Close. The demo must not run.
func OpenDir(dir string) (*Past, error) {
	data := filepath.Join(dir, "broker")
	if _, err := os.Stat(data); err != nil {
		return nil, fmt.Errorf("%s holds no kept day: %w", dir, err)
	}
	b, err := broker.Start(broker.Options{Dir: data})
	if err != nil {
		return nil, err
	}
	client, err := eventlog.Open(eventlog.Config{Brokers: b.Addrs(), ClientID: "marginledger-replay"})
	if err != nil {
		b.Close()
		return nil, err
	}
	cfg := pipeline.Config{OrderTopic: "ledger.order.v1", DataDir: filepath.Join(dir, "ledger"),
		Snapshots: pipeline.SnapshotPolicy{Store: snapshot.Dir(filepath.Join(dir, "snapshots"))}}
	for s := range cfg.OutputTopics {
		cfg.OutputTopics[s] = events.Stream(s).String()
	}
	return &Past{Where: dir, Log: pipeline.Kafka(client), Config: cfg, close: func() error { client.Close(); b.Close(); return nil }}, nil
}

// OpenKafka opens the past of a ledger on a cluster, which may be running. The client is closed with it.
func OpenKafka(where string, client *eventlog.Client, cfg pipeline.Config) *Past {
	return &Past{Where: where, Log: pipeline.Kafka(client), Config: cfg, close: func() error { client.Close(); return nil }}
}

// OpenArchive opens an archive.
func OpenArchive(dir string) (*Past, error) {
	a, err := archive.Open(dir)
	if err != nil {
		return nil, err
	}
	cfg := pipeline.Config{OrderTopic: a.Order, OutputTopics: a.Outputs}
	return &Past{Where: dir, Log: a, Config: cfg, Archive: a, close: a.Close}, nil
}

// Shards returns the shards whose past is there, all of them where none is asked for.
func (p *Past) Shards(ctx context.Context, asked []int32) ([]int32, error) {
	n, err := p.Log.Partitions(ctx, p.Config.OrderTopic)
	if err != nil {
		return nil, err
	}
	if len(asked) == 0 {
		for s := range n {
			asked = append(asked, s)
		}
		return asked, nil
	}
	for _, s := range asked {
		if s < 0 || s >= n {
			return nil, usage("there is no shard %d: the ledger has %d", s, n)
		}
	}
	return asked, nil
}

// ShardOf returns the shard of an owner's accounts.
func (p *Past) ShardOf(ctx context.Context, owner string) (int32, error) {
	n, err := p.Log.Partitions(ctx, p.Config.OrderTopic)
	if err != nil {
		return 0, err
	}
	return eventlog.Murmur2Partition([]byte(owner), n), nil
}

// refold folds a shard with this past's fold.
func (p *Past) refold(ctx context.Context, shard int32, o pipeline.RefoldOptions) (*pipeline.Refolded, error) {
	if o.NewFold == nil {
		o.NewFold = p.NewFold
	}
	return pipeline.Refold(ctx, p.Config, p.Log, shard, o)
}

// stored opens a shard's store. Where there is none to compare with, view is nil and why says so.
func (p *Past) stored(shard int32) (view *store.View, done func(), why string, err error) {
	none := func() {}
	if p.Config.DataDir == "" {
		return nil, none, "an archive has no store", nil
	}
	dir := store.ShardDir(p.Config.DataDir, shard)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, none, "no store in " + dir, nil
	}
	window := p.Config.DedupeWindow
	if window == 0 {
		window = projector.DefaultDedupeWindow
	}
	st, err := store.Open(dir, store.Options{DedupeWindow: window, ReadOnly: true})
	switch {
	case errors.Is(err, store.ErrLocked):
		return nil, none, "a ledger is running on " + dir, nil
	case err != nil:
		return nil, none, "", err
	}
	if view, err = st.View(); err != nil {
		return nil, none, "", errors.Join(err, st.Close())
	}
	return view, func() { view.Close(); st.Close() }, "", nil
}

// placeName is how messages name a place in a source.
func placeName(s projector.Source, offset int64) string {
	return fmt.Sprintf("%s/%d@%d", s.Topic, s.Partition, offset)
}

// span is the range of a shard's order log that is there.
type span struct {
	from, next int64  // offsets of the order log
	base       uint64 // cut behind which it begins; 0: the beginning
}

// span returns what there is of a shard's order log.
func (p *Past) span(ctx context.Context, shard int32) (span, error) {
	from, next, err := p.Log.Offsets(ctx, p.Config.OrderTopic, shard)
	s := span{from: from, next: next}
	if p.Archive != nil && int(shard) < len(p.Archive.Shards) {
		s.base = p.Archive.Shards[shard].FromCut - 1
	}
	return s, err
}

// orderName names the partition of a shard's order log.
func (p *Past) orderName(shard int32) string {
	return fmt.Sprintf("%s/%d", p.Config.OrderTopic, shard)
}
