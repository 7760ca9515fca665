package eventlog_test

import (
	"testing"

	"marginledger/internal/eventlog"
	"marginledger/internal/kafkatest"
)

// fill appends n records of 150 bytes to a new topic.
func fill(b *testing.B, k *kafkatest.Cluster, c *eventlog.Client, topic string, n int) {
	b.Helper()
	p, err := c.NewProducer(kafkatest.Context(b), "")
	if err != nil {
		b.Fatal(err)
	}
	a := p.Async(kafkatest.Context(b), topic, 0)
	value := make([]byte, 150)
	for range n {
		if err := a.Add(eventlog.ProduceRecord{Value: value, Timestamp: 1}); err != nil {
			b.Fatal(err)
		}
	}
	if err := a.Close(); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkAsync(b *testing.B) {
	k := kafkatest.Start(b)
	c := k.Client(b)
	topic := k.Topic(b, "bench.async.v1", 1, nil)
	b.ReportAllocs()
	b.ResetTimer()
	fill(b, k, c, topic, b.N)
}

func BenchmarkFetch(b *testing.B) {
	k := kafkatest.Start(b)
	c := k.Client(b)
	topic := k.Topic(b, "bench.fetch.v1", 1, nil)
	const n = 300_000
	fill(b, k, c, topic, n)
	ctx := kafkatest.Context(b)
	b.ReportAllocs()
	b.ResetTimer()
	for left := b.N; left > 0; {
		r := c.NewReader(topic, 0, 0, eventlog.ReaderOptions{})
		for r.Offset() < n && left > 0 {
			f, err := r.Fetch(ctx)
			if err != nil {
				b.Fatal(err)
			}
			left -= len(f.Records)
		}
	}
}

// BenchmarkProduceOne is the latency of one small batch, acknowledged.
func BenchmarkProduceOne(b *testing.B) {
	k := kafkatest.Start(b)
	c := k.Client(b)
	topic := k.Topic(b, "bench.one.v1", 1, nil)
	p, err := c.NewProducer(kafkatest.Context(b), "")
	if err != nil {
		b.Fatal(err)
	}
	rec := []eventlog.ProduceRecord{{Value: make([]byte, 150), Timestamp: 1}}
	ctx := kafkatest.Context(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Produce(ctx, topic, 0, rec); err != nil {
			b.Fatal(err)
		}
	}
}
