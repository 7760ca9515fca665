package pipeline

import (
	"context"
	"testing"
	"time"

	"marginledger/events"
	"marginledger/internal/broker"
	"marginledger/internal/eventlog"
	"marginledger/internal/kafkatest"
	"marginledger/internal/store"
)

// kafkaWorld is a world whose facts are copied to a cluster.
type kafkaWorld struct {
	*world
	k      *kafkatest.Cluster
	client *eventlog.Client
	copied map[string]int64
	p      *eventlog.Producer
}

func newKafkaWorld(t *testing.T, shards int32) *kafkaWorld {
	return newKafkaWorldOn(t, shards, kafkatest.Start(t))
}

func newKafkaWorldOn(t *testing.T, shards int32, k *kafkatest.Cluster) *kafkaWorld {
	w := &kafkaWorld{world: newWorld(t, shards), k: k, copied: map[string]int64{}}
	w.client = w.k.Client(t)
	ctx := context.Background()
	specs := []eventlog.TopicSpec{{Name: w.k.Name(configTopic), Partitions: 1}, {Name: w.k.Name(accountTopic), Partitions: shards},
		{Name: w.k.Name(priceTopic), Partitions: 2}, {Name: w.k.Name(orderTopic), Partitions: shards}}
	for s := range events.Stream(events.Streams) {
		specs = append(specs, eventlog.TopicSpec{Name: w.k.Name(s.String()), Partitions: shards})
	}
	for i := range specs {
		specs[i].Replication = -1
	}
	if err := w.client.CreateTopics(ctx, specs); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.p, err = w.client.NewProducer(ctx, ""); err != nil {
		t.Fatal(err)
	}
	return w
}

// publish copies the facts that are new.
func (w *kafkaWorld) publish() {
	w.t.Helper()
	for _, topic := range []string{configTopic, accountTopic, priceTopic} {
		for p := range int32(len(w.c.topics[topic])) {
			at := partitionName(topic, p)
			var batch []eventlog.ProduceRecord
			for _, r := range w.c.contents(topic, p)[w.copied[at]:] {
				batch = append(batch, eventlog.ProduceRecord{Key: r.Key, Value: r.Value, Timestamp: r.Timestamp})
			}
			if len(batch) == 0 {
				continue
			}
			if _, err := w.p.Produce(context.Background(), w.k.Name(topic), p, batch); err != nil {
				w.t.Fatal(err)
			}
			w.copied[at] += int64(len(batch))
		}
	}
}

func (w *kafkaWorld) config(dir string) Config {
	cfg := w.world.config(dir)
	cfg.Group, cfg.OrderTopic = w.k.Name(cfg.Group), w.k.Name(cfg.OrderTopic)
	for i := range cfg.Topics {
		cfg.Topics[i].Name = w.k.Name(cfg.Topics[i].Name)
	}
	for s := range cfg.OutputTopics {
		cfg.OutputTopics[s] = w.k.Name(events.Stream(s).String())
	}
	cfg.Cut = CutPolicy{}
	return cfg
}

// runNode runs a node until the returned function is called, which returns Run's error.
func (w *kafkaWorld) runNode(cfg Config) (*Node, func() error) {
	w.t.Helper()
	n, err := NewNode(cfg, Kafka(w.k.Client(w.t)))
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	ended := false
	end := func() error {
		cancel()
		if ended {
			return nil
		}
		ended = true
		return <-done
	}
	w.t.Cleanup(func() { _ = end() })
	return n, end
}

// caught waits until the nodes own all shards together, each once, and have consumed everything.
func (w *kafkaWorld) caught(nodes ...*Node) {
	w.t.Helper()
	eventually(w.t, "the nodes to have everything", func() bool {
		done := 0
		for _, n := range nodes {
			for _, s := range n.Status() {
				if s.Error != "" {
					w.t.Fatal(s.Error)
				}
				if s.Ready && s.N >= w.records(s.Shard) {
					done++
				}
			}
		}
		return done == int(w.shards)
	})
}

func (w *kafkaWorld) auditKafka(cfg Config, shard int32) *Refolded {
	w.t.Helper()
	st, err := store.Open(store.ShardDir(cfg.DataDir, shard), store.Options{DedupeWindow: cfg.DedupeWindow, ReadOnly: true})
	if err != nil {
		w.t.Fatal(err)
	}
	defer st.Close()
	view, err := st.View()
	if err != nil {
		w.t.Fatal(err)
	}
	defer view.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	head, err := view.Head()
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := Refold(ctx, cfg, Kafka(w.client), shard, RefoldOptions{State: view})
	if err != nil {
		w.t.Fatal(err)
	}
	if r.Chain != head.Chain {
		w.t.Fatalf("the store has %v, the order log %v", head.Chain, r.Chain)
	}
	if err := CheckOutputs(ctx, cfg, Kafka(w.client), shard, head); err != nil {
		w.t.Fatal(err)
	}
	if err := CheckTrialBalance(shard, view); err != nil {
		w.t.Fatal(err)
	}
	return r
}

// Two nodes share two shards of a real broker; one leaves, the other takes its shard over and goes on; a node that
// stays keeps its term.
func TestNodesOnKafka(t *testing.T) {
	w := newKafkaWorld(t, 2)
	rng := rngOf(seed(t))
	at := w.trade(rng, 0, 800)
	w.publish()
	cfgA, cfgB := w.config(t.TempDir()), w.config(t.TempDir())
	a, endA := w.runNode(cfgA)
	w.caught(a)
	if got := len(a.Status()); got != 2 {
		t.Fatalf("one node has %d shards, expected 2", got)
	}
	b, endB := w.runNode(cfgB)
	eventually(t, "the shards to be shared", func() bool { return len(a.Status()) == 1 && len(b.Status()) == 1 })
	at = w.trade(rng, at, 300)
	w.publish()
	w.caught(a, b)
	kept := a.Status()[0]
	if kept.Takes != 1 {
		t.Fatalf("shard %d, which stayed, began %d terms", kept.Shard, kept.Takes)
	}
	moved := b.Status()[0].Shard
	address, err := a.Owner(context.Background(), moved)
	if err != nil || address != cfgB.Address {
		t.Fatalf("the owner of shard %d is at %q (%v), expected %q", moved, address, err, cfgB.Address)
	}
	if err := endA(); err != nil {
		t.Fatal(err)
	}
	w.trade(rng, at, 300)
	w.publish()
	w.caught(b)
	if err := b.Ready(); err != nil {
		t.Fatal(err)
	}
	if err := endB(); err != nil {
		t.Fatal(err)
	}
	for shard := range w.shards {
		w.auditKafka(cfgB, shard)
	}
}

// A second process on the same data directory is refused, and says what to do.
func TestSecondProcessOnDataDir(t *testing.T) {
	w := newKafkaWorld(t, 1)
	w.list(0, "BTC")
	w.publish()
	cfg := w.config(t.TempDir())
	a, _ := w.runNode(cfg)
	w.caught(a)
	b, err := NewNode(cfg, Kafka(w.client))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	mustBe(t, b.Run(ctx), store.ErrLocked)
}

// Leaders move from node to node, of the order log, the outputs and the inputs, while facts come in.
func TestLeadersMove(t *testing.T) {
	k := kafkatest.StartFake(t, broker.Options{Nodes: 3})
	w := newKafkaWorldOn(t, 1, k)
	rng := rngOf(seed(t))
	at := w.trade(rng, 0, 200)
	// The largest dead letter that is kept whole, and one that is not.
	w.c.append(accountTopic, 0, day.UnixMilli(), make([]byte, 8<<10), make([]byte, events.MaxDeadLetterBody))
	w.publish()
	w.c.append(accountTopic, 0, day.UnixMilli(), nil, make([]byte, events.MaxDeadLetterBody+1))
	w.publish()
	cfg := w.config(t.TempDir())
	n, end := w.runNode(cfg)
	topics := []string{cfg.OrderTopic, cfg.OutputTopics[0], cfg.Topics[0].Name, cfg.Topics[1].Name, cfg.Topics[2].Name}
	for i := range 15 {
		at = w.trade(rng, at, 40)
		w.publish()
		if err := k.Fake().MoveTopicPartition(topics[i%len(topics)], 0, int32(rng.IntN(3))); err != nil {
			t.Fatal(err)
		}
	}
	w.caught(n)
	if err := end(); err != nil {
		t.Fatal(err)
	}
	w.auditKafka(cfg, 0)
}

// The broker ends and comes back, under a node that runs: the shard waits, steps down if it must, and loses nothing.
func TestBrokerGoesAway(t *testing.T) {
	o := broker.Options{Dir: t.TempDir()}
	b, err := broker.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { b.Close() }()
	o.Addr = b.Addrs()[0]
	w := newKafkaWorldOn(t, 1, &kafkatest.Cluster{Brokers: b.Addrs()})
	rng := rngOf(seed(t))
	at := w.trade(rng, 0, 200)
	w.publish()
	cfg := w.config(t.TempDir())
	n, end := w.runNode(cfg)
	w.caught(n)
	for range 3 {
		b.Close()
		eventually(t, "the node to notice", func() bool {
			for _, s := range n.Status() {
				for _, src := range s.Sources {
					if src.Failing != "" {
						return true
					}
				}
			}
			return false
		})
		if b, err = broker.Start(o); err != nil {
			t.Fatal(err)
		}
		at = w.trade(rng, at, 50)
		w.publish()
		w.caught(n)
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	w.auditKafka(cfg, 0)
}
