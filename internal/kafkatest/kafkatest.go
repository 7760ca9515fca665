// Package kafkatest gives tests a Kafka: the embedded broker, or a real one.
//
// Without further ado [Start] runs an embedded broker in the test's process. With MARGINLEDGER_KAFKA=host:port[,…] in
// the environment it returns that cluster instead, and the same tests run on real Kafka. `make test-kafka` does it:
//
//	deploy/kafka/run.sh fetch
//	deploy/kafka/run.sh start
//	MARGINLEDGER_KAFKA=$(deploy/kafka/run.sh brokers) go test ./internal/eventlog/ …
//	deploy/kafka/run.sh stop
//
// A real cluster is shared by all tests and runs: take topic, group and transactional names from [Cluster.Name].
// Tests that need a broker to misbehave use [StartFake], which is embedded in any case.
package kafkatest

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"marginledger/internal/broker"
	"marginledger/internal/eventlog"
)

// Env names the variable that holds the real cluster's addresses.
const Env = "MARGINLEDGER_KAFKA"

// Cluster is what a test runs against.
type Cluster struct {
	Brokers []string
	fake    *kfake.Cluster
	suffix  string
}

// Start returns the real cluster if there is one, else an embedded broker of this test alone.
func Start(t testing.TB) *Cluster {
	t.Helper()
	if addrs := os.Getenv(Env); addrs != "" {
		return &Cluster{Brokers: strings.Split(addrs, ","), suffix: "." + strings.ToLower(rand.Text()[:10])}
	}
	return StartFake(t, broker.Options{})
}

// StartFake returns an embedded broker of this test alone.
func StartFake(t testing.TB, o broker.Options) *Cluster {
	t.Helper()
	b, err := broker.Start(o)
	if err != nil {
		t.Fatalf("kafkatest: %v", err)
	}
	t.Cleanup(b.Close)
	return &Cluster{Brokers: b.Addrs(), fake: b.Fake()}
}

// Real says whether this is a real Kafka.
func (c *Cluster) Real() bool { return c.fake == nil }

// Fake is the embedded broker's inside, for faults; nil on a real cluster.
func (c *Cluster) Fake() *kfake.Cluster { return c.fake }

// Name makes a name that no other test and no other run uses.
func (c *Cluster) Name(base string) string { return base + c.suffix }

// Client opens a client that is closed with the test.
func (c *Cluster) Client(t testing.TB) *eventlog.Client {
	t.Helper()
	client, err := eventlog.Open(eventlog.Config{Brokers: c.Brokers, ClientID: "kafkatest"})
	if err != nil {
		t.Fatalf("kafkatest: %v", err)
	}
	t.Cleanup(client.Close)
	return client
}

// Topic creates a topic and returns its name, which begins with base.
func (c *Cluster) Topic(t testing.TB, base string, partitions int32, configs map[string]string) string {
	t.Helper()
	name := c.Name(base)
	err := c.Client(t).CreateTopics(Context(t), []eventlog.TopicSpec{{
		Name: name, Partitions: partitions, Replication: -1, Configs: configs,
	}})
	if err != nil {
		t.Fatalf("kafkatest: %v", err)
	}
	return name
}

// Context ends with the test, and after a minute: no broker call of a test should hang the suite.
func Context(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// Await polls until f returns true, and fails the test after 30 s. what is said then.
func Await(t testing.TB, what string, f func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}
