package eventlog_test

import (
	"bytes"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"marginledger/internal/eventlog"
	"marginledger/internal/kafkatest"
)

// TestOtherClient: what we write, another client reads, and the other way round, in every codec.
func TestOtherClient(t *testing.T) {
	k := kafkatest.Start(t)
	c, ctx := k.Client(t), kafkatest.Context(t)
	value := bytes.Repeat([]byte("compressible "), 10_000) // several snappy blocks
	codecs := map[eventlog.Compression]kgo.CompressionCodec{
		eventlog.None: kgo.NoCompression(), eventlog.Gzip: kgo.GzipCompression(), eventlog.Snappy: kgo.SnappyCompression(),
		eventlog.Lz4: kgo.Lz4Compression(), eventlog.Zstd: kgo.ZstdCompression(),
	}
	for ours, theirs := range codecs {
		t.Run(ours.String(), func(t *testing.T) {
			topic := k.Topic(t, "interop."+ours.String(), 3, nil)
			key := []byte("owner-" + ours.String())
			// Their default partitioner is murmur2, so the partition that we expect is the one they choose.
			partition := eventlog.Murmur2Partition(key, 3)
			other, err := kgo.NewClient(kgo.SeedBrokers(k.Brokers...), kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(theirs),
				kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().At(0)}}))
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			headers := []kgo.RecordHeader{{Key: "h", Value: []byte("v")}}
			if err := other.ProduceSync(ctx, &kgo.Record{Key: key, Value: value, Headers: headers}).FirstErr(); err != nil {
				t.Fatal(err)
			}
			p := newProducer(t, c, "")
			p.Compression = ours
			recs := []eventlog.ProduceRecord{{Key: key, Value: value, Headers: []eventlog.Header{{Key: "h", Value: []byte("v")}}}}
			if base, err := p.Produce(ctx, topic, partition, recs); err != nil || base != 1 {
				t.Fatal(base, err)
			}
			for _, r := range readAll(t, ctx, c, topic, partition, 0, 2) {
				if !bytes.Equal(r.Key, key) || !bytes.Equal(r.Value, value) || len(r.Headers) != 1 || r.Headers[0].Key != "h" || string(r.Headers[0].Value) != "v" {
					t.Fatalf("record %d, as we read it, differs", r.Offset)
				}
			}
			for read := 0; read < 2; {
				fetches := other.PollFetches(ctx)
				if err := fetches.Err(); err != nil {
					t.Fatal(err)
				}
				fetches.EachRecord(func(r *kgo.Record) {
					if !bytes.Equal(r.Key, key) || !bytes.Equal(r.Value, value) || len(r.Headers) != 1 || r.Headers[0].Key != "h" {
						t.Errorf("record %d, as they read it, differs", r.Offset)
					}
					read++
				})
			}
		})
	}
}
