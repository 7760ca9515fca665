package api_test

import (
	"fmt"
	"testing"

	"marginledger/internal/api"
	"marginledger/internal/eventlog"
	"marginledger/internal/kafkatest"
)

// TestTopicSince looks for every sequence number among 6,000 with control records between.
func TestTopicSince(t *testing.T) {
	k := kafkatest.Start(t)
	client, ctx := k.Client(t), kafkatest.Context(t)
	topic := &api.Topic{Client: client, Name: k.Topic(t, "ledger.liquidations.v1", 1, nil)}
	if list, err := topic.Since(ctx, 0, 0, 10); err != nil || len(list) != 0 {
		t.Fatalf("of an empty topic: %v, %v", list, err)
	}
	producer, err := client.NewProducer(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	const last = 6_000
	var batch []eventlog.ProduceRecord
	for seq := 1; seq <= last; seq++ {
		if seq%700 == 1 {
			batch = append(batch, eventlog.ProduceRecord{Key: []byte("fence"), Value: []byte("\x01\x02control")})
		}
		batch = append(batch, eventlog.ProduceRecord{Value: fmt.Appendf(nil, `{"id":"0-%d-0","seq":%d}`, seq, seq)})
		if len(batch) > 500 {
			if _, err := producer.Produce(ctx, topic.Name, 0, batch); err != nil {
				t.Fatal(err)
			}
			batch = batch[:0]
		}
	}
	if _, err := producer.Produce(ctx, topic.Name, 0, batch); err != nil {
		t.Fatal(err)
	}
	for _, since := range []uint64{0, 1, 699, 700, 701, 2_999, 3_000, 5_500, last - 1, last, last + 5} {
		list, err := topic.Since(ctx, 0, since, 3)
		if err != nil {
			t.Fatal(err)
		}
		want := min(3, max(0, last-int(since)))
		if len(list) != want {
			t.Errorf("since %d: %d announcements, want %d", since, len(list), want)
		}
		for i, a := range list {
			if a.Seq != since+1+uint64(i) {
				t.Errorf("since %d: number %d has seq %d", since, i, a.Seq)
			}
		}
	}
}
