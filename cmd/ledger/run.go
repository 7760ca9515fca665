package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"marginledger/internal/api"
	"marginledger/internal/config"
	"marginledger/internal/eventlog"
	"marginledger/internal/pipeline"
	"marginledger/internal/topics"
	"marginledger/snapshot"
)

// version is set by the linker; the revision is used where it is not.
var version = ""

// runCmd is the service.
type runCmd struct {
	configFlags
	PrintConfig bool `help:"Print every effective setting with where it came from, and exit."`
	Settings    bool `help:"Print every setting with its environment variable, default and meaning, and exit."`
}

// Run serves until a signal; then it finishes what is under way.
func (cmd *runCmd) Run(ctx context.Context) error {
	if cmd.Settings {
		return config.Help(os.Stdout)
	}
	c, client, err := cmd.connect()
	if err != nil {
		return err
	}
	defer client.Close()
	if cmd.PrintConfig {
		return c.Print(os.Stdout)
	}
	log, err := newLogger(c.Log)
	if err != nil {
		return err
	}
	defer func() { _ = log.Sync() }() // standard error cannot be synced everywhere
	debug.SetGCPercent(c.Memory.GCPercent)
	return serve(ctx, c, client, log)
}

// serve runs the API and, once the cluster is there and its topics are fit, the pipeline.
func serve(ctx context.Context, c *config.Config, client *eventlog.Client, log *zap.Logger) error {
	listener, err := net.Listen("tcp", c.HTTP.Address)
	if err != nil {
		return fmt.Errorf("http.address: %w", err)
	}
	url := advertisedURL(c, listener.Addr())
	var waiting atomic.Pointer[error] // what the pipeline waits for before it starts
	setWaiting := func(err error) { waiting.Store(&err) }
	setWaiting(errors.New("starting"))

	var node *pipeline.Node
	metrics := api.NewMetrics(build(), func() []pipeline.Status { return node.Status() })
	settings, err := pipelineConfig(c, url, log, metrics)
	if err == nil {
		node, err = pipeline.NewNode(settings, pipeline.Kafka(client))
	}
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	if settings.Snapshots.Key == nil {
		log.Info("no snapshots.auditKey is given: snapshots have no Merkle-sum root")
	}
	handler := api.New(&api.Node{
		Pipeline: node, Shards: c.Shards, URL: url, Liquidations: &api.Topic{Client: client, Name: c.OutputTopics()[0]},
		Store:  settings.Snapshots.Store,
		Before: func() error { return *waiting.Load() },
	}, api.Options{Version: build(), MinCutTimeout: c.HTTP.MinCutTimeout, Registry: metrics.Registry})

	// The API answers until the pipeline has ended, whatever the reason: so both are seen to go.
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	servers := []func() error{func() error { return api.Serve(serving, listener, handler) }}
	if c.HTTP.PprofAddress != "" {
		l, err := net.Listen("tcp", c.HTTP.PprofAddress)
		if err != nil {
			return errors.Join(fmt.Errorf("http.pprofAddress: %w", err), listener.Close())
		}
		servers = append(servers, func() error { return api.Serve(serving, l, api.Pprof()) })
	}
	ended := make(chan error, len(servers))
	for _, run := range servers {
		go func() {
			err := run()
			if err != nil {
				end(err) // without its API the process is of no use
			}
			ended <- err
		}()
	}
	log.Info("ledger starts", zap.String("build", build()), zap.String("http", url), zap.Strings("brokers", c.Brokers),
		zap.Int32("shards", c.Shards), zap.String("dataDir", c.DataDir))
	err = awaitTopics(ctx, client, topicPlan(c), log, setWaiting)
	if err == nil && ctx.Err() == nil {
		setWaiting(nil)
		err = node.Run(ctx)
	}
	setWaiting(errors.New("stopping"))
	stop()
	for range servers {
		err = errors.Join(err, <-ended)
	}
	if err == nil {
		log.Info("ledger has ended")
	}
	return err
}

// awaitTopics waits until a broker answers, and returns an error if the topics would lose data. It returns nil when the
// context ends.
func awaitTopics(ctx context.Context, client *eventlog.Client, plan *topics.Plan, log *zap.Logger, waiting func(error)) error {
	for patience := time.Second; ; patience = min(2*patience, 10*time.Second) {
		attempt, cancel := context.WithTimeout(ctx, patience)
		findings, err := topics.Inspect(attempt, client, plan)
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			for _, f := range findings {
				if f.Level == topics.Warn {
					log.Warn(f.Text, zap.String("topic", f.Subject))
				}
			}
			return topics.Refusals(findings)
		case !errors.Is(err, context.DeadlineExceeded):
			return fmt.Errorf("look at the topics: %w", err)
		}
		waiting(fmt.Errorf("no broker answers yet: %w", err))
		log.Warn("no broker answers yet: waiting", zap.Error(err))
	}
}

func pipelineConfig(c *config.Config, url string, log *zap.Logger, observe pipeline.Observer) (pipeline.Config, error) {
	snapshots, err := snapshotPolicy(c)
	if err != nil {
		return pipeline.Config{}, err
	}
	p := pipeline.Config{
		Group: c.Group, Shards: c.Shards, OrderTopic: c.OrderTopic(),
		DataDir: c.DataDir, Snapshots: snapshots,
		Cut:           pipeline.CutPolicy{MaxRecords: c.Cut.MaxRecords, MaxOutputs: c.Cut.MaxOutputs, MaxAge: c.Cut.MaxAge},
		MaxSourceWait: c.MaxSourceWait, DedupeWindow: c.DedupeWindow,
		BufferBytes: c.Memory.Buffer, InFlightBytes: c.Memory.InFlight, StoreCache: c.Memory.Store,
		Address: url, Build: build(), Log: log, Observe: observe,
	}
	copy(p.OutputTopics[:], c.OutputTopics())
	for _, t := range c.Topics {
		p.Topics = append(p.Topics, pipeline.Topic{Name: t.Name, Role: t.Role})
	}
	return p, nil
}

// snapshotPolicy says where snapshots go, when, and which are kept.
func snapshotPolicy(c *config.Config) (pipeline.SnapshotPolicy, error) {
	s := &c.Snapshots
	p := pipeline.SnapshotPolicy{Cuts: s.Cuts, Bytes: s.Bytes, Every: s.Every,
		Keep: snapshot.Policy{Last: s.Keep, Hourly: s.KeepHourly, Daily: s.KeepDaily}}
	var err error
	if p.Store, err = c.SnapshotStore(); err != nil {
		return p, err
	}
	p.Key, err = c.AuditKey()
	return p, err
}

// advertisedURL is the configured one, else the address that is listened on, with the host's name where that is every
// interface.
func advertisedURL(c *config.Config, listening net.Addr) string {
	if c.HTTP.Advertise != "" {
		return strings.TrimSuffix(c.HTTP.Advertise, "/")
	}
	if tcp, ok := listening.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		if name, err := os.Hostname(); err == nil {
			return "http://" + net.JoinHostPort(name, strconv.Itoa(tcp.Port))
		}
	}
	return "http://" + listening.String()
}

// build names what runs: the version, else the revision it was built from.
func build() string {
	if version != "" {
		return version
	}
	revision, dirty := "dev", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = s.Value[:min(12, len(s.Value))]
			case s.Key == "vcs.modified" && s.Value == "true":
				dirty = "+"
			}
		}
	}
	return revision + dirty
}

// newLogger logs to standard error.
func newLogger(c config.Log) (*zap.Logger, error) {
	level, err := zapcore.ParseLevel(c.Level)
	if err != nil {
		return nil, fmt.Errorf("log.level: %w", err)
	}
	cfg := zap.NewProductionConfig()
	cfg.Level, cfg.Encoding = zap.NewAtomicLevelAt(level), c.Format
	cfg.Sampling = nil // every line counts
	cfg.DisableStacktrace = true
	cfg.EncoderConfig.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	cfg.OutputPaths, cfg.ErrorOutputPaths = []string{"stderr"}, []string{"stderr"}
	log, err := cfg.Build()
	if err != nil {
		return nil, fmt.Errorf("make the logger: %w", err)
	}
	return log, nil
}
