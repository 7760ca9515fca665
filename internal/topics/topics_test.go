package topics_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/internal/kafkatest"
	"marginledger/internal/orderlog"
	"marginledger/internal/topics"
	"marginledger/projector"
	"marginledger/snapshot"
)

func plan(c *kafkatest.Cluster) *topics.Plan {
	name := func(s string) string { return s }
	if c != nil {
		name = c.Name
	}
	return &topics.Plan{
		Inputs: []topics.Input{
			{Name: name("ex.config.v1"), Role: events.RoleConfig, Partitions: 1},
			{Name: name("ex.accounts.v1"), Role: events.RoleAccounts, Partitions: 1},
			{Name: name("ex.marks.v1"), Role: events.RolePrices, Partitions: 2},
		},
		Order: name("ledger.order.v1"), Outputs: []string{name("ledger.liquidations.v1"), name("ledger.notices.v1")},
		Shards: 3, Replication: 1, MinInsync: 1, Horizon: 24 * time.Hour,
	}
}

// described returns a cluster on which the plan's topics are as created.
func described(p *topics.Plan) map[string]eventlog.TopicInfo {
	have := make(map[string]eventlog.TopicInfo)
	for _, s := range p.Specs() {
		info := eventlog.TopicInfo{Name: s.Name, Configs: s.Configs}
		for i := range s.Partitions {
			info.Partitions = append(info.Partitions, eventlog.PartitionInfo{ID: i, Leader: 1, Replicas: []int32{1}, ISR: []int32{1}})
		}
		have[s.Name] = info
	}
	return have
}

func TestCreatedTopicsAreFit(t *testing.T) {
	p := plan(nil)
	for _, f := range p.Check(described(p)) {
		if f.Level != topics.OK {
			t.Errorf("%v", f)
		}
	}
}

// TestCheck breaks one thing at a time and wants exactly the finding for it.
func TestCheck(t *testing.T) {
	set := func(key, value string) func(*eventlog.TopicInfo) {
		return func(i *eventlog.TopicInfo) { i.Configs[key] = value }
	}
	partitions := func(n int) func(*eventlog.TopicInfo) {
		return func(i *eventlog.TopicInfo) {
			i.Partitions = slices.Repeat(i.Partitions[:1], n)
		}
	}
	for _, c := range []struct {
		name, topic string
		change      func(*eventlog.TopicInfo)
		level       topics.Level
		want        string
	}{
		{"input forgets too early", "ex.accounts.v1", set("retention.ms", "3600000"), topics.Fail, "retention.ms=3600000 (1h0m0s) is below snapshots.horizon (24h0m0s)"},
		{"input long enough", "ex.accounts.v1", set("retention.ms", "86400000"), topics.OK, ""},
		{"input bounded in bytes", "ex.marks.v1", set("retention.bytes", "1000000"), topics.Fail, "retention.bytes=1000000 is below"},
		{"input compacted", "ex.config.v1", set("cleanup.policy", "compact"), topics.Fail, "cleanup.policy=compact"},
		{"account partitions", "ex.accounts.v1", partitions(4), topics.Fail, "has 4 partitions, but shards is 3"},
		{"market partitions are free", "ex.marks.v1", partitions(9), topics.OK, ""},
		{"clock of producers", "ex.marks.v1", set("message.timestamp.type", "CreateTime"), topics.Warn, "set LogAppendTime"},
		{"order log forgets", "ledger.order.v1", set("retention.ms", "604800000"), topics.Fail, "must never forget; set -1"},
		{"order log forgets bytes", "ledger.order.v1", set("retention.bytes", "1"), topics.Fail, "retention.bytes=1"},
		{"order log compacted", "ledger.order.v1", set("cleanup.policy", "compact,delete"), topics.Fail, "cleanup.policy=compact,delete"},
		{"order partitions", "ledger.order.v1", partitions(1), topics.Fail, "has 1 partitions"},
		{"output partitions", "ledger.notices.v1", partitions(1), topics.Fail, "outputs have one partition per shard"},
		{"output compacted", "ledger.liquidations.v1", set("cleanup.policy", "compact"), topics.Fail, "announcements"},
		{"small messages", "ledger.notices.v1", set("max.message.bytes", "1000"), topics.Fail, "max.message.bytes=1000"},
		{"insync", "ex.marks.v1", set("min.insync.replicas", "0"), topics.Warn, "min.insync.replicas=0, configured 1"},
		{"no leader", "ledger.order.v1", func(i *eventlog.TopicInfo) { i.Partitions[1].Leader = -1 }, topics.Warn, "partition 1 has no leader"},
		{"replicas away", "ledger.order.v1", func(i *eventlog.TopicInfo) { i.Partitions[2].ISR = nil }, topics.Warn, "partition 2 has 0 in-sync replicas"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := plan(nil)
			have := described(p)
			info := have[c.topic]
			info.Configs, info.Partitions = maps.Clone(info.Configs), slices.Clone(info.Partitions)
			c.change(&info)
			have[c.topic] = info
			var bad []topics.Finding
			for _, f := range p.Check(have) {
				if f.Level != topics.OK {
					bad = append(bad, f)
				}
			}
			if c.level == topics.OK {
				if len(bad) != 0 {
					t.Fatalf("got %v, want nothing", bad)
				}
				return
			}
			if len(bad) != 1 || bad[0].Level != c.level || bad[0].Subject != c.topic || !strings.Contains(bad[0].Text, c.want) {
				t.Fatalf("got %v, want one %v for %s: %s", bad, c.level, c.topic, c.want)
			}
			if refused := topics.Refusals(bad) != nil; refused != (c.level == topics.Fail) {
				t.Errorf("refused: %v", refused)
			}
		})
	}
}

func TestHorizonInBytes(t *testing.T) {
	p := plan(nil)
	p.HorizonBytes = 1 << 30
	have := described(p)
	have["ex.marks.v1"].Configs["retention.bytes"] = "1073741824"
	if err := topics.Refusals(p.Check(have)); err != nil {
		t.Error(err)
	}
	have["ex.marks.v1"].Configs["retention.bytes"] = "1073741823"
	if err := topics.Refusals(p.Check(have)); err == nil || !strings.Contains(err.Error(), "1073741824 or more") {
		t.Errorf("got %v", err)
	}
}

// cluster is a real client with the doctor's extra question.
type cluster struct{ *eventlog.Client }

func (c cluster) CanProduce(ctx context.Context) error {
	_, err := c.NewProducer(ctx, "")
	return err
}

// TestCreateOnACluster creates, looks, loses one topic, and creates again.
func TestCreateOnACluster(t *testing.T) {
	k := kafkatest.Start(t)
	ctx, client, p := kafkatest.Context(t), k.Client(t), plan(k)
	findings, err := topics.Inspect(ctx, client, p)
	if err != nil {
		t.Fatal(err)
	}
	if err := topics.Refusals(findings); err == nil || strings.Count(err.Error(), "does not exist") != 6 {
		t.Fatalf("got %v, want six topics that do not exist", err)
	}
	made, err := topics.Create(ctx, client, p)
	if err != nil || len(made) != 6 {
		t.Fatalf("created %v, %v", made, err)
	}
	if made, err = topics.Create(ctx, client, p); err != nil || len(made) != 0 {
		t.Fatalf("created again %v, %v", made, err)
	}
	if err := client.DeleteTopic(ctx, p.Outputs[0]); err != nil {
		t.Fatal(err)
	}
	if made, err = topics.Create(ctx, client, p); err != nil || !slices.Equal(made, p.Outputs[:1]) {
		t.Fatalf("created %v, %v; want the lost one", made, err)
	}
	for _, f := range topics.Doctor(ctx, cluster{client}, p, filepath.Join(t.TempDir(), "not", "there"), snapshot.Dir("")) {
		if f.Level != topics.OK {
			t.Errorf("%v", f)
		}
	}
}

func TestDoctorNamesWhatIsWrong(t *testing.T) {
	k := kafkatest.Start(t)
	ctx, client, p := kafkatest.Context(t), k.Client(t), plan(k)
	if _, err := topics.Create(ctx, client, p); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.Shards = 2
	var fails []string
	for _, f := range topics.Doctor(ctx, cluster{client}, p, file, snapshot.Dir("")) {
		if f.Level == topics.Fail {
			fails = append(fails, f.Subject)
		}
	}
	if want := []string{"dataDir", p.Inputs[1].Name, p.Order, p.Outputs[0], p.Outputs[1]}; !slices.Equal(fails, want) {
		t.Errorf("got fails for %v, want %v", fails, want)
	}
}

func TestDoctorWithoutABroker(t *testing.T) {
	client, err := eventlog.Open(eventlog.Config{Brokers: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	got := topics.Doctor(ctx, cluster{client}, plan(nil), t.TempDir(), snapshot.Dir(""))
	if last := got[len(got)-1]; last.Level != topics.Fail || !strings.Contains(last.Text, "cannot be reached") {
		t.Errorf("got %v", got)
	}
}

// racing says that every topic exists already, as when two operators create at once.
type racing struct{ topics.Cluster }

func (racing) CreateTopics(_ context.Context, specs []eventlog.TopicSpec) error {
	var errs []error
	for range specs {
		errs = append(errs, eventlog.ErrTopicExists)
	}
	return errors.Join(errs...)
}

func TestCreateRacing(t *testing.T) {
	k := kafkatest.Start(t)
	if _, err := topics.Create(kafkatest.Context(t), racing{k.Client(t)}, plan(k)); err != nil {
		t.Error(err)
	}
}

// state is a state without rows, at a head.
type state struct{ head orderlog.Head }

func (s state) Head() (*orderlog.Head, error)                                 { return &s.head, nil }
func (state) EachRow(func(projector.Row) error) error                         { return nil }
func (state) EachSeen(func(src projector.Source, entries []byte) error) error { return nil }

// TestDoctorReadsSnapshots takes two snapshots of a shard and trims an input below the older, then below the newer.
func TestDoctorReadsSnapshots(t *testing.T) {
	k := kafkatest.Start(t)
	ctx, client, p := kafkatest.Context(t), k.Client(t), plan(k)
	if _, err := topics.Create(ctx, client, p); err != nil {
		t.Fatal(err)
	}
	marks := p.Inputs[2].Name
	producer, err := client.NewProducer(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := producer.Produce(ctx, marks, 1, slices.Repeat([]eventlog.ProduceRecord{{Value: []byte("x")}}, 30)); err != nil {
		t.Fatal(err)
	}
	id, err := client.ClusterID(ctx)
	if err != nil {
		t.Fatal(err)
	}
	dir := snapshot.Dir(t.TempDir())
	take := func(cut uint64, next int64, cluster string) {
		head := orderlog.Head{Shard: 1, DedupeWindow: 10, ClusterID: cluster, Rules: "1", Cut: cut,
			Sources: []orderlog.Place{{Source: projector.Source{Topic: marks, Partition: 1}, Next: next, Last: next - 1}}}
		if _, err := snapshot.Take(ctx, dir, state{head}, snapshot.TakeOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	check := func(level topics.Level, text string) {
		t.Helper()
		for _, f := range topics.Doctor(ctx, cluster{client}, p, t.TempDir(), dir) {
			if f.Subject == "snapshots" && f.Level == level && strings.Contains(f.Text, text) {
				return
			}
		}
		t.Errorf("no finding %v %s", level, text)
	}
	check(topics.OK, "none in")
	take(5, 10, id)
	take(9, 20, id)
	check(topics.OK, "shard 1: the newest is of cut 9, and the logs reach back to it")
	if err := client.DeleteRecords(ctx, marks, 1, 15); err != nil {
		t.Fatal(err)
	}
	check(topics.OK, "cut 9")
	check(topics.Warn, "from offset 10, but the log begins at 15")
	if err := client.DeleteRecords(ctx, marks, 1, 21); err != nil {
		t.Fatal(err)
	}
	check(topics.Fail, "from offset 20, but the log begins at 21")
	take(12, 25, "another")
	check(topics.Fail, "is of cluster another")
	manifests, _, err := snapshot.List(ctx, dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(string(dir), manifests[0].FileName()), 20); err != nil {
		t.Fatal(err)
	}
	check(topics.Fail, "remove it")
}
