// Package broker runs a Kafka-compatible broker inside this process, for the demo and for tests.
//
// It is kfake, the test broker of franz-go: one process stands for all nodes, nothing is replicated, and its latency
// says nothing about Kafka's. It keeps producers' timestamps whatever message.timestamp.type says, refuses a stale epoch
// earlier than Kafka does, and wants a producer's first sequence in a partition to be 0. With a data directory it keeps topics, records, producers and group offsets over a
// restart, also after a kill: without an fsync, so a crash of the machine may lose the newest records.
package broker

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Options say how a broker runs. The zero value is one node in memory on a free port.
type Options struct {
	Dir  string // where it keeps everything; "" keeps it in memory
	Addr string // 127.0.0.1:port to listen on; "" picks a free port. With several nodes: of the first, "" for the others

	Nodes     int               // pretended brokers; default 1
	ClusterID string            // of a new cluster; default "marginledger-embedded"
	Configs   map[string]string // broker configuration, such as message.max.bytes
}

// Broker is a running broker.
type Broker struct {
	cluster *kfake.Cluster
	addrs   []string
	lock    io.Closer
}

// Start starts a broker, or fails if another process uses the directory or the port.
func Start(o Options) (*Broker, error) {
	opts, err := options(o)
	if err != nil {
		return nil, fmt.Errorf("start embedded broker: %w", err)
	}
	b := &Broker{}
	if o.Dir != "" {
		if err := os.MkdirAll(o.Dir, 0o755); err != nil {
			return nil, fmt.Errorf("start embedded broker: %w", err)
		}
		if b.lock, err = lockFile(filepath.Join(o.Dir, "LOCK")); err != nil {
			return nil, fmt.Errorf("start embedded broker: %s is in use by another process: %w", o.Dir, err)
		}
	}
	if b.cluster, err = kfake.NewCluster(opts...); err != nil {
		b.unlock()
		return nil, fmt.Errorf("start embedded broker: %w", err)
	}
	b.addrs = b.cluster.ListenAddrs()
	return b, nil
}

// options turns ours into kfake's.
func options(o Options) ([]kfake.Opt, error) {
	nodes := max(o.Nodes, 1)
	id := o.ClusterID
	if id == "" {
		id = "marginledger-embedded"
	}
	// Made-up days lie in the past: retention by time would delete them as they are written.
	configs := map[string]string{"log.retention.ms": "-1", "default.replication.factor": "1"}
	for k, v := range o.Configs {
		configs[k] = v
	}
	opts := []kfake.Opt{kfake.ClusterID(id), kfake.DefaultNumPartitions(1), kfake.BrokerConfigs(configs)}
	if o.Dir != "" {
		opts = append(opts, kfake.DataDir(o.Dir))
	}
	if o.Addr == "" {
		return append(opts, kfake.NumBrokers(nodes)), nil
	}
	host, portText, err := net.SplitHostPort(o.Addr)
	if err != nil {
		return nil, err
	}
	if host != "127.0.0.1" && host != "localhost" {
		return nil, fmt.Errorf("address %s: the embedded broker listens on 127.0.0.1 only", o.Addr)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, fmt.Errorf("address %s: %w", o.Addr, err)
	}
	ports := make([]int, nodes) // 0 is a free one
	ports[0] = port
	return append(opts, kfake.Ports(ports...)), nil
}

// Addrs returns host:port of every node.
func (b *Broker) Addrs() []string { return b.addrs }

// Fake is the broker's inside, for tests that make it fail.
func (b *Broker) Fake() *kfake.Cluster { return b.cluster }

// Close stops the broker and, with a directory, saves what a restart needs. It may be called more than once.
func (b *Broker) Close() {
	b.cluster.Close()
	b.unlock()
}

func (b *Broker) unlock() {
	if b.lock != nil {
		b.lock.Close() // Closing is what unlocks; there is nothing to do about a failure.
		b.lock = nil
	}
}
