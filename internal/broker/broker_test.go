package broker_test

import (
	"fmt"
	"testing"

	"marginledger/internal/broker"
	"marginledger/internal/eventlog"
	"marginledger/internal/kafkatest"
)

// TestRestart: a broker that goes away and comes back with its directory, while a reader and a producer wait for it.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	b, err := broker.Start(broker.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := broker.Start(broker.Options{Dir: dir}); err == nil {
		t.Fatal("two brokers on one directory")
	}
	addr := b.Addrs()[0]
	if _, err := broker.Start(broker.Options{Addr: addr}); err == nil {
		t.Fatal("two brokers on one port")
	}
	c, err := eventlog.Open(eventlog.Config{Brokers: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx := kafkatest.Context(t)
	if err := c.CreateTopics(ctx, []eventlog.TopicSpec{{Name: "t", Partitions: 1, Replication: 1}}); err != nil {
		t.Fatal(err)
	}
	p, err := c.NewProducer(ctx, "p")
	if err != nil {
		t.Fatal(err)
	}
	produce := func(i int) error {
		base, err := p.Produce(ctx, "t", 0, []eventlog.ProduceRecord{{Value: fmt.Append(nil, i), Timestamp: 1}})
		if err == nil && base != int64(i) {
			err = fmt.Errorf("offset %d, want %d", base, i)
		}
		return err
	}
	if err := produce(0); err != nil {
		t.Fatal(err)
	}
	id, err := c.ClusterID(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i < 4; i++ {
		r := c.NewReader("t", 0, int64(i), eventlog.ReaderOptions{})
		b.Close()
		b.Close() // again is allowed
		produced := make(chan error, 1)
		go func() { produced <- produce(i) }()
		fetched := make(chan error, 1)
		go func() {
			for r.Offset() == int64(i) {
				if _, err := r.Fetch(ctx); err != nil {
					fetched <- err
					return
				}
			}
			fetched <- nil
		}()
		kafkatest.Await(t, "the reader to say that it fails", func() bool { return r.Failing() != nil })
		if b, err = broker.Start(broker.Options{Dir: dir, Addr: addr}); err != nil {
			t.Fatal(err)
		}
		if err := <-produced; err != nil {
			t.Fatal(err)
		}
		if err := <-fetched; err != nil {
			t.Fatal(err)
		}
		if r.Failing() != nil {
			t.Fatal(r.Failing())
		}
	}
	if again, err := c.ClusterID(ctx); err != nil || again != id {
		t.Fatalf("cluster id %q after %q, %v", again, id, err)
	}
	n := 0
	err = c.ReadRange(ctx, "t", 0, 0, 4, func(r eventlog.Record) error {
		if string(r.Value) != fmt.Sprint(n) || r.Timestamp != 1 {
			t.Errorf("record %d: %+v", n, r)
		}
		n++
		return nil
	})
	if err != nil || n != 4 {
		t.Fatalf("%d records, %v", n, err)
	}
	b.Close()
}

func TestOptionsRefused(t *testing.T) {
	for _, addr := range []string{"nonsense", "0.0.0.0:0", "127.0.0.1:port"} {
		if _, err := broker.Start(broker.Options{Addr: addr}); err == nil {
			t.Errorf("address %q", addr)
		}
	}
}
