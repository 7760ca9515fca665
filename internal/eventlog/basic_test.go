package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"marginledger/internal/eventlog"
	"marginledger/internal/kafkatest"
)

func TestProduceFetch(t *testing.T) {
	k := kafkatest.Start(t)
	c, ctx := k.Client(t), kafkatest.Context(t)
	topic := k.Topic(t, "produce.fetch.v1", 2, nil)
	p, err := c.NewProducer(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	var want []eventlog.ProduceRecord
	for i := range 10 {
		want = append(want, eventlog.ProduceRecord{
			Key: fmt.Appendf(nil, "k%d", i), Value: fmt.Appendf(nil, "v%d", i), Timestamp: 1700000000000 + int64(i),
			Headers: []eventlog.Header{{Key: "h", Value: []byte{byte(i)}}, {Key: "null"}},
		})
	}
	want[3].Key, want[4].Value = nil, nil
	for i, codec := range []eventlog.Compression{eventlog.None, eventlog.Gzip, eventlog.Snappy, eventlog.Lz4, eventlog.Zstd} {
		p.Compression = codec
		base, err := p.Produce(ctx, topic, 1, want)
		if err != nil || base != int64(10*i) {
			t.Fatalf("%v: offset %d, %v", codec, base, err)
		}
	}
	got := readAll(t, ctx, c, topic, 1, 0, 50)
	for i, r := range got {
		w := want[i%10]
		if r.Offset != int64(i) || string(r.Key) != string(w.Key) || string(r.Value) != string(w.Value) || r.Timestamp != w.Timestamp ||
			(r.Key == nil) != (w.Key == nil) || (r.Value == nil) != (w.Value == nil) ||
			len(r.Headers) != 2 || r.Headers[0].Key != "h" || r.Headers[0].Value[0] != byte(i%10) || r.Headers[1].Value != nil {
			t.Fatalf("record %d: %+v", i, r)
		}
	}
	if _, err := c.NewReader(topic, 1, 51, eventlog.ReaderOptions{}).Fetch(ctx); err == nil {
		t.Fatal("offset 51 of 50 must be out of range")
	} else if e := (*eventlog.OutOfRangeError)(nil); !errors.As(err, &e) || e.LogEnd != 50 {
		t.Fatal(err)
	}
}

// TestLogAppendTime: Kafka's clock replaces the producer's, whatever a batch's records say. The embedded broker knows
// the setting but does not act on it.
func TestLogAppendTime(t *testing.T) {
	k := kafkatest.Start(t)
	c, ctx := k.Client(t), kafkatest.Context(t)
	topic := k.Topic(t, "append.time.v1", 1, map[string]string{"message.timestamp.type": "LogAppendTime"})
	p := newProducer(t, c, "")
	before := time.Now().Add(-time.Minute).UnixMilli()
	for _, p.Compression = range []eventlog.Compression{eventlog.None, eventlog.Zstd} {
		mustProduce(t, p, topic, []eventlog.ProduceRecord{{Timestamp: 1, Value: []byte("a")}, {Timestamp: 2, Value: []byte("b")}})
	}
	for _, r := range readAll(t, ctx, c, topic, 0, 0, 4) {
		if stamped := r.Timestamp >= before; stamped != k.Real() {
			t.Errorf("record %d has timestamp %d", r.Offset, r.Timestamp)
		}
	}
}

// readAll fetches until offset to.
func readAll(t *testing.T, ctx context.Context, c *eventlog.Client, topic string, partition int32, from, to int64) []eventlog.Record {
	t.Helper()
	var out []eventlog.Record
	r := c.NewReader(topic, partition, from, eventlog.ReaderOptions{})
	for r.Offset() < to {
		f, err := r.Fetch(ctx)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f.Records...)
	}
	return out
}
