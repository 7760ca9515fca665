package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"marginledger/internal/broker"
	"marginledger/internal/eventlog"
	"marginledger/internal/kafkatest"
)

// records makes n records whose values say which they are.
func records(from, n int) []eventlog.ProduceRecord {
	recs := make([]eventlog.ProduceRecord, n)
	for i := range recs {
		recs[i].Value = fmt.Appendf(nil, "%d", from+i)
	}
	return recs
}

// newProducer starts a plain producer.
func newProducer(t *testing.T, c *eventlog.Client, transactionalID string) *eventlog.Producer {
	t.Helper()
	p, err := c.NewProducer(kafkatest.Context(t), transactionalID)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// mustProduce appends and returns the offset.
func mustProduce(t *testing.T, p *eventlog.Producer, topic string, recs []eventlog.ProduceRecord) int64 {
	t.Helper()
	base, err := p.Produce(kafkatest.Context(t), topic, 0, recs)
	if err != nil {
		t.Fatal(err)
	}
	return base
}

func TestTrimmedOffsetIsAnErrorAndNotASkip(t *testing.T) {
	k := kafkatest.Start(t)
	c, ctx := k.Client(t), kafkatest.Context(t)
	topic := k.Topic(t, "trimmed.v1", 1, nil)
	p := newProducer(t, c, "")
	for i := range 10 {
		mustProduce(t, p, topic, records(i, 1))
	}
	if err := c.DeleteRecords(ctx, topic, 0, 5); err != nil {
		t.Fatal(err)
	}
	start, end, err := c.Offsets(ctx, topic, 0)
	if err != nil || start != 5 || end != 10 {
		t.Fatalf("offsets %d to %d, %v", start, end, err)
	}
	var gone *eventlog.OutOfRangeError
	r := c.NewReader(topic, 0, 4, eventlog.ReaderOptions{})
	if _, err := r.Fetch(ctx); !errors.As(err, &gone) || gone.Offset != 4 || gone.LogStart != 5 || gone.LogEnd != 10 {
		t.Fatalf("fetch at 4: %v", err)
	}
	if r.Failing() == nil || r.Offset() != 4 {
		t.Fatalf("after the error the reader is at %d and fails with %v", r.Offset(), r.Failing())
	}
	none := func(eventlog.Record) error { return errors.New("called") }
	for _, bad := range [][2]int64{{4, 7}, {5, 11}} {
		if err := c.ReadRange(ctx, topic, 0, bad[0], bad[1], none); !errors.As(err, &gone) {
			t.Fatalf("range %v: %v", bad, err)
		}
	}
	var got []int64
	err = c.ReadRange(ctx, topic, 0, 5, 9, func(r eventlog.Record) error { got = append(got, r.Offset); return nil })
	if err != nil || fmt.Sprint(got) != "[5 6 7 8]" {
		t.Fatalf("range 5 to 9: %v, %v", got, err)
	}
	stop := errors.New("stop")
	if err := c.ReadRange(ctx, topic, 0, 5, 9, func(eventlog.Record) error { return stop }); !errors.Is(err, stop) {
		t.Fatalf("an error of the caller: %v", err)
	}
}

func TestRecreatedTopic(t *testing.T) {
	k := kafkatest.Start(t)
	c, ctx := k.Client(t), kafkatest.Context(t)
	topic := k.Topic(t, "recreated.v1", 1, nil)
	mustProduce(t, newProducer(t, c, ""), topic, records(0, 3))
	if err := c.CreateTopics(ctx, []eventlog.TopicSpec{{Name: topic, Partitions: 1, Replication: -1}}); !errors.Is(err, eventlog.ErrTopicExists) {
		t.Fatalf("created twice: %v", err)
	}
	if err := c.DeleteTopic(ctx, topic); err != nil {
		t.Fatal(err)
	}
	if infos, err := c.DescribeTopics(ctx, []string{topic}); err != nil || len(infos) != 0 {
		t.Fatalf("a deleted topic is described: %v, %v", infos, err)
	}
	spec := eventlog.TopicSpec{Name: topic, Partitions: 2, Replication: -1, Configs: map[string]string{"retention.ms": "-1"}}
	if err := c.CreateTopics(ctx, []eventlog.TopicSpec{spec}); err != nil {
		t.Fatal(err)
	}
	infos, err := c.DescribeTopics(ctx, []string{topic})
	if err != nil || len(infos[topic].Partitions) != 2 || infos[topic].Configs["retention.ms"] != "-1" || infos[topic].Configs["cleanup.policy"] != "delete" {
		t.Fatalf("described: %+v, %v", infos, err)
	}
	var gone *eventlog.OutOfRangeError
	if _, err := c.NewReader(topic, 0, 3, eventlog.ReaderOptions{}).Fetch(ctx); !errors.As(err, &gone) || gone.LogEnd != 0 {
		t.Fatalf("the old offset in the new topic: %v", err)
	}
	if id, err := c.ClusterID(ctx); err != nil || id == "" {
		t.Fatalf("cluster id %q, %v", id, err)
	}
}

func TestUnknownTopic(t *testing.T) {
	k := kafkatest.Start(t)
	c, err := eventlog.Open(eventlog.Config{Brokers: k.Brokers, UnknownTopicWait: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, topic := kafkatest.Context(t), k.Name("never.created.v1")
	var unknown *eventlog.UnknownTopicError
	if _, err := c.NewReader(topic, 0, 0, eventlog.ReaderOptions{}).Fetch(ctx); !errors.As(err, &unknown) {
		t.Fatalf("fetch: %v", err)
	}
	if _, err := newProducer(t, c, "").Produce(ctx, topic, 0, records(0, 1)); !errors.As(err, &unknown) {
		t.Fatalf("produce: %v", err)
	}
	if _, err := c.NewReader(k.Topic(t, "two.v1", 2, nil), 2, 0, eventlog.ReaderOptions{}).Fetch(ctx); !errors.As(err, &unknown) || unknown.Partition != 2 {
		t.Fatalf("partition 2 of two: %v", err)
	}
	if err := c.DeleteTopic(ctx, topic); !errors.As(err, &unknown) {
		t.Fatalf("delete: %v", err)
	}
}

// TestTransactionalInput reads what a transactional producer of another make wrote.
func TestTransactionalInput(t *testing.T) {
	k := kafkatest.Start(t)
	c, ctx := k.Client(t), kafkatest.Context(t)
	topic := k.Topic(t, "transactional.v1", 1, nil)
	other, err := kgo.NewClient(kgo.SeedBrokers(k.Brokers...), kgo.TransactionalID(k.Name("other")), kgo.DefaultProduceTopic(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for i, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit, kgo.TryAbort} {
		if err := other.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for j := range 2 {
			if err := other.ProduceSync(ctx, kgo.StringRecord(fmt.Sprint(10*i+j))).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		if err := other.EndTransaction(ctx, end); err != nil {
			t.Fatal(err)
		}
	}
	// Four times two records and a marker; the last transaction and its marker leave nothing to deliver.
	kafkatest.Await(t, "the last marker", func() bool {
		_, end, err := c.Offsets(ctx, topic, 0)
		return err == nil && end == 12
	})
	got := readAll(t, ctx, c, topic, 0, 0, 12)
	var values []string
	for _, r := range got {
		values = append(values, fmt.Sprintf("%d:%s", r.Offset, r.Value))
	}
	if fmt.Sprint(values) != "[0:0 1:1 6:20 7:21]" {
		t.Fatal(values)
	}
	// From within the aborted transaction, whose beginning the fetch does not see.
	if got := readAll(t, ctx, c, topic, 0, 4, 8); len(got) != 2 || got[0].Offset != 6 {
		t.Fatalf("%v", got)
	}
}

func TestBatchLargerThanAFetch(t *testing.T) {
	k := kafkatest.Start(t)
	c, ctx := k.Client(t), kafkatest.Context(t)
	topic := k.Topic(t, "large.v1", 1, map[string]string{"max.message.bytes": "12000000"})
	p := newProducer(t, c, "")
	big := make([]byte, 10<<20)
	mustProduce(t, p, topic, []eventlog.ProduceRecord{{Value: big}})
	mustProduce(t, p, topic, records(0, 3))
	r := c.NewReader(topic, 0, 0, eventlog.ReaderOptions{MaxBytes: 1000})
	var sizes []int
	for r.Offset() < 4 {
		f, err := r.Fetch(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range f.Records {
			sizes = append(sizes, len(rec.Value))
		}
	}
	if fmt.Sprint(sizes) != fmt.Sprint([]int{len(big), 1, 1, 1}) {
		t.Fatal(sizes)
	}
}

func TestTooLarge(t *testing.T) {
	k := kafkatest.Start(t)
	topic := k.Topic(t, "small.v1", 1, map[string]string{"max.message.bytes": "1000"})
	p := newProducer(t, k.Client(t), "")
	var large *eventlog.TooLargeError
	_, err := p.Produce(kafkatest.Context(t), topic, 0, []eventlog.ProduceRecord{{Value: make([]byte, 2000)}})
	if !errors.As(err, &large) {
		t.Fatal(err)
	}
	// The sequence was not used up.
	if base := mustProduce(t, p, topic, records(0, 1)); base != 0 {
		t.Fatalf("offset %d", base)
	}
}

func TestFencing(t *testing.T) {
	k := kafkatest.Start(t)
	c, ctx := k.Client(t), kafkatest.Context(t)
	topic, id := k.Topic(t, "fenced.v1", 1, nil), k.Name("group/0")
	old := newProducer(t, c, id)
	mustProduce(t, old, topic, records(0, 2))
	current := newProducer(t, c, id)
	oldID, oldEpoch := old.ID()
	if newID, newEpoch := current.ID(); newID == oldID && newEpoch <= oldEpoch {
		t.Fatalf("epoch %d after %d", newEpoch, oldEpoch)
	}
	// The fence: Kafka refuses the old epoch only once the partition has seen the new one.
	if base := mustProduce(t, current, topic, records(2, 1)); base != 2 {
		t.Fatalf("offset %d", base)
	}
	for range 2 {
		if _, err := old.Produce(ctx, topic, 0, records(3, 1)); !errors.Is(err, eventlog.ErrFenced) {
			t.Fatalf("the deposed producer: %v", err)
		}
	}
	if base := mustProduce(t, current, topic, records(3, 1)); base != 3 {
		t.Fatalf("offset %d", base)
	}
}

// TestSameSequenceOtherContents: the broker says yes and drops the batch. Only the offset tells.
func TestSameSequenceOtherContents(t *testing.T) {
	k := kafkatest.Start(t)
	c, ctx := k.Client(t), kafkatest.Context(t)
	topic := k.Topic(t, "same.sequence.v1", 1, nil)
	p := newProducer(t, c, "")
	twin := p.Twin()
	mustProduce(t, p, topic, records(0, 1))
	if base := mustProduce(t, twin, topic, records(100, 1)); base != 0 {
		t.Fatalf("offset %d", base)
	}
	mustProduce(t, p, topic, records(1, 1))
	twin.Forget(topic, 0) // back to sequence 0, remembering the offset
	if _, err := twin.Produce(ctx, topic, 0, records(200, 1)); !errors.Is(err, eventlog.ErrStaleAck) {
		t.Fatalf("acknowledged where the batch before was: %v", err)
	}
	if got := readAll(t, ctx, c, topic, 0, 0, 2); string(got[0].Value) != "0" || string(got[1].Value) != "1" {
		t.Fatal(got)
	}
}

func TestSequenceGap(t *testing.T) {
	k := kafkatest.Start(t)
	topic := k.Topic(t, "sequence.gap.v1", 1, nil)
	p := newProducer(t, k.Client(t), "")
	mustProduce(t, p, topic, records(0, 1))
	p.SkipSequence(topic, 0, 5)
	for range 2 {
		if _, err := p.Produce(kafkatest.Context(t), topic, 0, records(1, 1)); !errors.Is(err, eventlog.ErrOutOfOrder) {
			t.Fatal(err)
		}
	}
}

// TestLostAcks: the broker appends and says that it did not; the producer asks again, and nothing is there twice.
func TestLostAcks(t *testing.T) {
	k := kafkatest.StartFake(t, broker.Options{Nodes: 3})
	c, ctx := k.Client(t), kafkatest.Context(t)
	topic := k.Topic(t, "lost.acks.v1", 1, nil)
	p := newProducer(t, c, "")
	faults := []*kerr.Error{kerr.RequestTimedOut, kerr.NotEnoughReplicasAfterAppend, kerr.NotLeaderForPartition, kerr.NotEnoughReplicas, kerr.KafkaStorageError, kerr.UnknownTopicOrPartition}
	n := 0
	for i, e := range faults {
		h := k.Fake().Fault(kmsgFault(kmsg.Produce, topic, e, 1+i%3))
		if base := mustProduce(t, p, topic, records(n, 3)); base != int64(n) {
			t.Fatalf("%v: offset %d, want %d", e, base, n)
		}
		if h.Hits() == 0 {
			t.Fatalf("%v was not injected", e)
		}
		n += 3
		// The next request breaks with its connection.
		k.Fake().ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
			return nil, errors.New("connection cut"), true
		})
		if base := mustProduce(t, p, topic, records(n, 1)); base != int64(n) {
			t.Fatalf("after a cut connection: offset %d, want %d", base, n)
		}
		n++
		if err := k.Fake().MoveTopicPartition(topic, 0, int32(i%3)); err != nil {
			t.Fatal(err)
		}
	}
	for i, r := range readAll(t, ctx, c, topic, 0, 0, int64(n)) {
		if string(r.Value) != fmt.Sprint(i) || r.Offset != int64(i) {
			t.Fatalf("record %d is %s at offset %d", i, r.Value, r.Offset)
		}
	}
}

func TestUnknownOutcomeIsFinal(t *testing.T) {
	k := kafkatest.StartFake(t, broker.Options{})
	c := k.Client(t)
	topic := k.Topic(t, "unknown.outcome.v1", 1, nil)
	p := newProducer(t, c, "")
	mustProduce(t, p, topic, records(0, 1))
	k.Fake().Fault(kmsgFault(kmsg.Produce, topic, kerr.RequestTimedOut, -1))
	ctx, cancel := context.WithCancel(kafkatest.Context(t))
	go func() {
		kafkatest.Await(t, "the batch to be appended", func() bool {
			_, end, err := c.Offsets(kafkatest.Context(t), topic, 0)
			return err == nil && end == 2
		})
		cancel()
	}()
	if _, err := p.Produce(ctx, topic, 0, records(1, 1)); !errors.Is(err, eventlog.ErrOutcomeUnknown) || !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, err := p.Produce(kafkatest.Context(t), topic, 0, records(2, 1)); !errors.Is(err, eventlog.ErrOutcomeUnknown) {
		t.Fatalf("the call after: %v", err)
	}
}

func TestLeaderMoves(t *testing.T) {
	k := kafkatest.StartFake(t, broker.Options{Nodes: 3})
	c, ctx := k.Client(t), kafkatest.Context(t)
	topic := k.Topic(t, "leader.v1", 1, nil)
	p := newProducer(t, c, "")
	r := c.NewReader(topic, 0, 0, eventlog.ReaderOptions{})
	for i := range 12 {
		if err := k.Fake().MoveTopicPartition(topic, 0, int32(i%3)); err != nil {
			t.Fatal(err)
		}
		mustProduce(t, p, topic, records(i, 1))
		for r.Offset() <= int64(i) {
			if _, err := r.Fetch(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestCoordinatorMoves(t *testing.T) {
	k := kafkatest.StartFake(t, broker.Options{Nodes: 3})
	topic := k.Topic(t, "coordinator.order.v1", 2, nil)
	n := joinGroup(t, k.Client(t), "coordinator", topic, nil)
	kafkatest.Await(t, "the assignment", func() bool { return len(n.shards()) == 2 })
	for range 3 {
		k.Fake().RehashCoordinators()
		kafkatest.Await(t, "offsets to be committed through the new coordinator", func() bool {
			err := n.CommitOffsets(kafkatest.Context(t), []eventlog.CommittedOffset{{Topic: topic, Partition: 0, Offset: 1}})
			return err == nil && n.Failing() == nil
		})
		if _, err := k.Client(t).NewProducer(kafkatest.Context(t), "coordinator/0"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCorruptBatch: a broker (or a disk under it) that hands out damaged bytes.
func TestCorruptBatch(t *testing.T) {
	k := kafkatest.StartFake(t, broker.Options{})
	c, ctx := k.Client(t), kafkatest.Context(t)
	topic := k.Topic(t, "corrupt.v1", 1, nil)
	mustProduce(t, newProducer(t, c, ""), topic, records(0, 1))
	damaged := eventlog.EncodeBatch(t, records(0, 1))
	damaged[len(damaged)-2] ^= 1
	k.Fake().ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		res := req.ResponseKind().(*kmsg.FetchResponse)
		p := kmsg.NewFetchResponseTopicPartition()
		p.HighWatermark, p.LastStableOffset, p.RecordBatches = 1, 1, damaged
		ft := kmsg.NewFetchResponseTopic()
		ft.Topic, ft.Partitions = topic, []kmsg.FetchResponseTopicPartition{p}
		res.Topics = []kmsg.FetchResponseTopic{ft}
		return res, nil, true
	})
	r := c.NewReader(topic, 0, 0, eventlog.ReaderOptions{})
	var corrupt *eventlog.CorruptBatchError
	if _, err := r.Fetch(ctx); !errors.Is(err, eventlog.ErrCorruption) || !errors.As(err, &corrupt) || corrupt.Topic != topic {
		t.Fatal(err)
	}
	if f, err := r.Fetch(ctx); err != nil || len(f.Records) != 1 || r.Failing() != nil {
		t.Fatalf("once the broker is well again: %v, %v", f, err)
	}
}

// TestSlowBroker: an answer that comes later than the long poll asked for is still an answer.
func TestSlowBroker(t *testing.T) {
	k := kafkatest.StartFake(t, broker.Options{})
	c, ctx := k.Client(t), kafkatest.Context(t)
	topic := k.Topic(t, "slow.v1", 1, nil)
	mustProduce(t, newProducer(t, c, ""), topic, records(0, 1))
	asked := 0
	k.Fake().ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		asked++
		k.Fake().SleepControl(func() { <-time.After(300 * time.Millisecond) })
		k.Fake().DropControl()
		return nil, nil, false
	})
	r := c.NewReader(topic, 0, 0, eventlog.ReaderOptions{MaxWait: 5 * time.Millisecond})
	if f, err := r.Fetch(ctx); err != nil || len(f.Records) != 1 || asked != 1 {
		t.Fatalf("%v, %v after %d requests", f, err, asked)
	}
}

func TestCompactedTopic(t *testing.T) {
	k := kafkatest.StartFake(t, broker.Options{})
	c, ctx := k.Client(t), kafkatest.Context(t)
	topic := k.Topic(t, "compacted.v1", 1, map[string]string{"cleanup.policy": "compact", "segment.bytes": "200", "min.cleanable.dirty.ratio": "0"})
	p := newProducer(t, c, "")
	mustProduce(t, p, topic, []eventlog.ProduceRecord{{Key: []byte("stays"), Value: []byte("0")}})
	for i := 1; i < 30; i++ {
		mustProduce(t, p, topic, []eventlog.ProduceRecord{{Key: fmt.Appendf(nil, "k%d", i%3), Value: fmt.Appendf(nil, "%d", i)}})
	}
	k.Fake().Compact()
	got := readAll(t, ctx, c, topic, 0, 0, 30)
	if len(got) >= 30 || len(got) == 0 || got[len(got)-1].Offset != 29 {
		t.Fatalf("%d records left", len(got))
	}
	var n int
	if err := c.ReadRange(ctx, topic, 0, 0, 29, func(r eventlog.Record) error { n++; return nil }); err != nil || n != len(got)-1 {
		t.Fatalf("%d of %d records, %v", n, len(got), err)
	}
}

func TestAsync(t *testing.T) {
	k := kafkatest.Start(t)
	c, ctx := k.Client(t), kafkatest.Context(t)
	topic := k.Topic(t, "async.v1", 2, nil)
	p := newProducer(t, c, "")
	const n = 20_000
	value := make([]byte, 150)
	for part := range int32(2) {
		a := p.Async(ctx, topic, part)
		for i := range n {
			if err := a.Add(eventlog.ProduceRecord{Key: fmt.Appendf(nil, "%d", i), Value: value}); err != nil {
				t.Fatal(err)
			}
			if i == n/2 {
				if err := a.Flush(); err != nil {
					t.Fatal(err)
				}
				if _, end, err := c.Offsets(ctx, topic, part); err != nil || end != n/2+1 {
					t.Fatalf("flushed up to %d, %v", end, err)
				}
			}
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		if err := a.Add(eventlog.ProduceRecord{}); !errors.Is(err, eventlog.ErrClosed) {
			t.Fatalf("add after close: %v", err)
		}
		for i, r := range readAll(t, ctx, c, topic, part, 0, n) {
			if string(r.Key) != fmt.Sprint(i) {
				t.Fatalf("record %d is %s", i, r.Key)
			}
		}
	}
	ended, cancel := context.WithCancel(ctx)
	a := p.Async(ended, topic, 0)
	cancel()
	kafkatest.Await(t, "the stream to end with its context", func() bool {
		return errors.Is(a.Add(eventlog.ProduceRecord{}), context.Canceled)
	})
}

// kmsgFault makes a topic's next requests of a kind fail. With REQUEST_TIMED_OUT and NOT_ENOUGH_REPLICAS_AFTER_APPEND
// the work is done all the same.
func kmsgFault(key kmsg.Key, topic string, err *kerr.Error, count int) kfake.Fault {
	return kfake.Fault{Keys: []kmsg.Key{key}, Topic: topic, Err: err, Count: count}
}
