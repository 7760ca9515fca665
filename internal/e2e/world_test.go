package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"marginledger/events"
	"marginledger/internal/broker"
	"marginledger/internal/eventlog"
	"marginledger/internal/kafkatest"
	"marginledger/internal/pipeline"
	"marginledger/projector"
)

// The input topics of every test, without the world's prefix. The liquidator has one of its own, as in the demo.
var inputs = []struct {
	name string
	role events.Role
}{
	{"accounts", events.RoleAccounts},
	{"config", events.RoleConfig},
	{"funding", events.RoleFunding},
	{"liquidator", events.RoleAccounts},
	{"observed", events.RoleObserved},
	{"prices", events.RolePrices},
}

// world is a ledger with its Kafka: one configuration, several places to run it.
type world struct {
	t       *testing.T
	ctx     context.Context
	k       *kafkatest.Cluster
	client  *eventlog.Client
	shards  int32
	prefix  string // of every topic, with its dot
	group   string
	dir     string
	config  string // path of ledger.yaml
	members []*member
}

// cluster returns the real Kafka or an embedded one that keeps its data on disk.
func cluster(t *testing.T) *kafkatest.Cluster {
	if os.Getenv(kafkatest.Env) != "" {
		return kafkatest.Start(t)
	}
	return kafkatest.StartFake(t, broker.Options{Dir: filepath.Join(t.TempDir(), "broker")})
}

// newWorld writes a configuration and makes the topics as an operator would.
func newWorld(t *testing.T, k *kafkatest.Cluster, shards int32) *world {
	t.Helper()
	name := strings.ToLower(strings.NewReplacer("/", "-").Replace(t.Name()))
	w := &world{t: t, k: k, client: k.Client(t), shards: shards, prefix: k.Name(name) + ".", group: k.Name(name), dir: t.TempDir()}
	var cancel context.CancelFunc
	w.ctx, cancel = context.WithCancel(t.Context())
	t.Cleanup(cancel)
	w.config = filepath.Join(w.dir, "ledger.yaml")
	text := fmt.Sprintf(`brokers: [%s]
group: %s
topicPrefix: %s
shards: %d
replication: 1
minInsync: 1
dataDir: %s
snapshots: {dir: %s, cuts: 100, keep: 3}
http: {address: "127.0.0.1:0"}
topics:
`, strings.Join(k.Brokers, ", "), w.group, w.prefix, shards, filepath.Join(w.dir, "data"), filepath.Join(w.dir, "snapshots"))
	for _, in := range inputs {
		text += fmt.Sprintf("  - {name: %s, role: %s}\n", w.topic(in.name), in.role)
	}
	if err := os.WriteFile(w.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, m := range w.members {
			if m.cmd != nil {
				_ = m.cmd.Process.Signal(syscall.SIGKILL) // it may have ended
				<-m.ended
			}
			if t.Failed() && m.log != nil {
				t.Logf("%s said:\n%s", m.name, m.log.text())
			}
		}
	})
	w.ledger(0, nil, "topics", "create")
	return w
}

func (w *world) topic(name string) string { return w.prefix + "ex." + name }

// ledger runs a sub-command on the world's configuration.
func (w *world) ledger(status int, texts []string, args ...string) string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
	defer cancel()
	return wants(ctx, w.t, status, texts, "ledger", append(args, "--config", w.config)...)
}

// member makes another place for a process.
func (w *world) member(extra ...string) *member {
	name := string(rune('A' + len(w.members)))
	m := &member{t: w.t, name: name, dir: filepath.Join(w.dir, "data-"+name), config: w.config, extra: extra}
	w.members = append(w.members, m)
	return m
}

// settings is the configuration as the pipeline's checks want it.
func (w *world) settings() pipeline.Config {
	c := pipeline.Config{Group: w.group, Shards: w.shards, OrderTopic: w.prefix + "ledger.order.v1"}
	for s := range c.OutputTopics {
		c.OutputTopics[s] = w.prefix + events.Stream(s).String()
	}
	for _, in := range inputs {
		c.Topics = append(c.Topics, pipeline.Topic{Name: w.topic(in.name), Role: in.role})
	}
	return c
}

// sources returns the end of every partition that a shard reads.
func (w *world) sources(shard int32) (ends map[projector.Source]int64, sum int64) {
	w.t.Helper()
	ends = make(map[projector.Source]int64)
	for _, in := range inputs {
		partition := int32(0)
		if in.role == events.RoleAccounts {
			partition = shard
		}
		_, end, err := w.client.Offsets(w.ctx, w.topic(in.name), partition)
		if err != nil {
			w.t.Fatal(err)
		}
		ends[projector.Source{Topic: w.topic(in.name), Partition: partition}] = end
		sum += end
	}
	return ends, sum
}

// owner returns the member that is ready to answer for a shard, nil where there is none.
func (w *world) owner(shard int32) *member {
	for _, m := range w.members {
		if m.runs() && m.metrics()[metric{"ledger_shard_ready", shard}] == 1 {
			return m
		}
	}
	return nil
}

// live reports whether every shard has an owner.
func (w *world) live() bool {
	for id := range w.shards {
		if w.owner(id) == nil {
			return false
		}
	}
	return true
}

// awaitLive waits until every shard has an owner.
func (w *world) awaitLive() {
	w.t.Helper()
	awaitFor(w.t, 60*time.Second, "every shard to have an owner", w.live, w.why)
}

// caughtUp reports whether every shard has stored everything that lies in the inputs now.
func (w *world) caughtUp() bool {
	for id := range w.shards {
		_, want := w.sources(id)
		m := w.owner(id)
		if m == nil {
			return false
		}
		n := m.metrics()[metric{"ledger_records", id}]
		if n < want {
			return false
		}
		if _, now := w.sources(id); n > now { // Asked again: the liquidator may have answered meanwhile.
			w.t.Fatalf("shard %d has consumed %d records, but there are only %d", id, n, now)
		}
	}
	return true
}

func (w *world) awaitCaughtUp() {
	w.t.Helper()
	awaitFor(w.t, 90*time.Second, "every shard to catch up", w.caughtUp, w.why)
}

// why says what every member is doing.
func (w *world) why() string {
	var b strings.Builder
	for id := range w.shards {
		_, want := w.sources(id)
		fmt.Fprintf(&b, "shard %d: the inputs have %d records\n", id, want)
	}
	for _, m := range w.members {
		if m.cmd == nil {
			fmt.Fprintf(&b, "%s does not run\n", m.name)
			continue
		}
		_, ready := m.get("/readyz")
		fmt.Fprintf(&b, "%s (paused: %v): %s\n", m.name, m.paused, strings.TrimSpace(ready))
		for id := range w.shards {
			all := m.metrics()
			fmt.Fprintf(&b, "  shard %d: ready %d, term %d, cut %d, records %d\n", id, all[metric{"ledger_shard_ready", id}],
				all[metric{"ledger_shard_term", id}], all[metric{"ledger_cut", id}], all[metric{"ledger_records", id}])
		}
	}
	return b.String()
}

// loseData removes what a member has stored.
func (m *member) loseData() {
	m.t.Helper()
	if err := os.RemoveAll(m.dir); err != nil {
		m.t.Fatal(err)
	}
}

// tearData damages one file of what a member has stored; none where there is no data.
func (m *member) tearData(rng *rand.Rand) string {
	m.t.Helper()
	files, err := filepath.Glob(filepath.Join(m.dir, "*", "*"))
	if err != nil {
		m.t.Fatal(err)
	}
	var whole []string
	for _, f := range files {
		if info, err := os.Stat(f); err == nil && info.Mode().IsRegular() && info.Size() > 0 && filepath.Base(f) != "LOCK" {
			whole = append(whole, f)
		}
	}
	if len(whole) == 0 {
		return "nothing"
	}
	victim := whole[rng.IntN(len(whole))]
	info, err := os.Stat(victim)
	if err != nil {
		m.t.Fatal(err)
	}
	if err := os.Truncate(victim, rng.Int64N(info.Size())); err != nil {
		m.t.Fatal(err)
	}
	return filepath.Base(victim)
}
