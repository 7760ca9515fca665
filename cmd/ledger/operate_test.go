package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/internal/kafkatest"
)

// configFile writes a configuration for the cluster and returns its path.
func configFile(t *testing.T, k *kafkatest.Cluster) string {
	t.Helper()
	text := fmt.Sprintf(`brokers: [%s]
group: %s
topicPrefix: %s.
shards: 2
replication: 1
minInsync: 1
dataDir: %s
http: {address: "127.0.0.1:0"}
topics:
  - {name: %s, role: config}
  - {name: %s, role: accounts}
  - {name: %s, role: prices}
`, strings.Join(k.Brokers, ", "), k.Name("group"), k.Name("t"), t.TempDir(),
		k.Name("ex.config.v1"), k.Name("ex.accounts.v1"), k.Name("ex.prices.v1"))
	path := filepath.Join(t.TempDir(), "ledger.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// capture runs a command line in this process and returns its exit status and everything that it wrote.
func capture(t *testing.T, args ...string) (status int, output string) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = f, f
	status = run(kafkatest.Context(t), args)
	os.Stdout, os.Stderr = stdout, stderr
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return status, string(data)
}

// wants runs a command line and checks its status and that the output has each text.
func wants(t *testing.T, status int, texts []string, args ...string) string {
	t.Helper()
	got, output := capture(t, args...)
	if got != status {
		t.Errorf("ledger %s: status %d, want %d\n%s", strings.Join(args, " "), got, status, output)
	}
	for _, text := range texts {
		if !strings.Contains(output, text) {
			t.Errorf("ledger %s: no %q in\n%s", strings.Join(args, " "), text, output)
		}
	}
	return output
}

// TestOperate goes an operator's way: doctor on nothing, create, create again, doctor, a topic that forgets.
func TestOperate(t *testing.T) {
	k := kafkatest.Start(t)
	file := configFile(t, k)
	order := k.Name("t") + ".ledger.order.v1"

	wants(t, 1, []string{"fail  " + order, "does not exist; `ledger topics create` makes it", "4 ok, 0 warn, 7 fail"}, "doctor", "-c", file)
	wants(t, 0, []string{"created  " + order}, "topics", "create", "-c", file)
	if out := wants(t, 0, []string{"exists   " + order}, "topics", "create", "-c", file); strings.Contains(out, "created") {
		t.Errorf("created twice:\n%s", out)
	}
	wants(t, 0, []string{"0 warn, 0 fail"}, "doctor", "-c", file)
	wants(t, 1, []string{"has 2 partitions, but shards is 3"}, "doctor", "-c", file, "--set", "shards=3")
	wants(t, 1, []string{"is below snapshots.horizon"}, "topics", "create", "-c", file, "--set", "snapshots.horizon=2000h")
	wants(t, 1, []string{"--set shard: unknown key shard (did you mean shards?)"}, "doctor", "-c", file, "--set", "shard=3")
	wants(t, 1, []string{"--set shards: expected KEY=VALUE"}, "doctor", "-c", file, "--set", "shards")
}

func TestRepartitionCommand(t *testing.T) {
	k := kafkatest.Start(t)
	from, to := k.Topic(t, "by-market", 1, nil), k.Topic(t, "by-owner", 2, nil)
	ctx, client := kafkatest.Context(t), k.Client(t)
	producer, err := client.NewProducer(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	value := fact(1, "alice", &events.Deposit{Asset: "USD", Amount: number("1")})
	if _, err := producer.Produce(ctx, from, 0, []eventlog.ProduceRecord{{Key: []byte("m"), Value: value}}); err != nil {
		t.Fatal(err)
	}
	args := []string{"repartition", "-c", configFile(t, k), "--from", from, "--to", to, "--once"}
	wants(t, 0, []string{"copied 1,"}, args...)
	wants(t, 0, []string{"copied 0,"}, args...)
}
