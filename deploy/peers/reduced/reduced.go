package reduced

import (
	"context"
	"os"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/internal/pipeline"
	"marginledger/internal/topics"
	"marginledger/peers/child"
	"marginledger/projector"
)

// MaxCut is the largest number of records in a cut here: so many that it is the commit interval that closes cuts.
const MaxCut = 50_000

// Run runs a job until the context ends.
func Run(ctx context.Context, job *child.Job, said child.Said) error {
	client, err := eventlog.Open(eventlog.Config{Brokers: job.Brokers, ClientID: job.Group})
	if err != nil {
		return err
	}
	defer client.Close()
	cfg := pipeline.Config{
		Group: job.Group, Shards: job.Partitions,
		Topics:     []pipeline.Topic{{Name: job.Facts, Role: events.RoleAccounts}},
		OrderTopic: job.Alerts + "ledger.order.v1", DataDir: job.Dir,
		Cut:     pipeline.CutPolicy{MaxRecords: MaxCut, MaxAge: job.Interval},
		Build:   "peers",
		Log:     warnings(),
		NewFold: func(c projector.Config) pipeline.Fold { return newFold(c, said.First) },
	}
	for s := range cfg.OutputTopics {
		cfg.OutputTopics[s] = job.Alerts + events.Stream(s).String()
	}
	plan := &topics.Plan{Order: cfg.OrderTopic, Outputs: cfg.OutputTopics[:], Shards: job.Partitions, Replication: 1, MinInsync: 1}
	if _, err := topics.Create(ctx, client, plan); err != nil {
		return err
	}
	node, err := pipeline.NewNode(cfg, pipeline.Kafka(client))
	if err != nil {
		return err
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	go watch(watching, node, job.Counts, said)
	return node.Run(ctx)
}

// watch tells how much every shard has stored: what is stored the order log has acknowledged, and its outputs are published.
func watch(ctx context.Context, node *pipeline.Node, counts []int64, said child.Said) {
	all := uint64(0)
	for _, n := range counts {
		all += uint64(n)
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		stored := uint64(0)
		for _, s := range node.Status() {
			stored += s.N
		}
		if stored >= all/2 {
			said.Half()
		}
		if stored >= all {
			said.Done()
			return
		}
	}
}

// warnings is a logger of what an operator would look at.
func warnings() *zap.Logger {
	enc := zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig())
	return zap.New(zapcore.NewCore(enc, zapcore.Lock(os.Stderr), zap.WarnLevel))
}
