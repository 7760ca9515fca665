package eventlog_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"marginledger/internal/broker"
	"marginledger/internal/eventlog"
	"marginledger/internal/kafkatest"
)

// TestExactlyOnceThroughOutages appends batches one after another and reads along, while leaders move, acknowledgements
// get lost and connections break. Every batch is there once, in order, at the offset that was returned.
//
// On a real cluster of three nodes, kill and restart them meanwhile:
//
//	OUTAGE_BATCHES=20000 MARGINLEDGER_KAFKA=$(deploy/kafka/run.sh brokers) go test -run Outages ./internal/eventlog/
func TestExactlyOnceThroughOutages(t *testing.T) {
	k := kafkatest.Start(t)
	if !k.Real() {
		k = kafkatest.StartFake(t, broker.Options{Nodes: 3})
	}
	batches := 400
	if s := os.Getenv("OUTAGE_BATCHES"); s != "" {
		var err error
		if batches, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	c, ctx := k.Client(t), t.Context()
	topic := k.Topic(t, "outages.v1", 1, nil)

	var appended atomic.Int64
	done := make(chan struct{})
	troubled := make(chan struct{})
	go func() {
		defer close(troubled)
		if !k.Real() {
			trouble(t, k, topic, rand.New(rand.NewPCG(seed, 1)), &appended, done)
		}
	}()
	read := make(chan error, 1)
	total := make(chan int64, 1)
	go func() { read <- readAlong(t, k.Client(t), topic, total) }()

	p, random := newProducer(t, c, ""), rand.New(rand.NewPCG(seed, 2))
	next, slowest := int64(0), time.Duration(0)
	for range batches {
		n, began := 1+random.IntN(5), time.Now()
		base, err := p.Produce(ctx, topic, 0, records(int(next), n))
		if err != nil {
			t.Fatal(err)
		}
		if base != next {
			t.Fatalf("offset %d, want %d", base, next)
		}
		next += int64(n)
		appended.Store(next)
		slowest = max(slowest, time.Since(began))
	}
	close(done)
	<-troubled
	total <- next
	if err := <-read; err != nil {
		t.Fatal(err)
	}
	t.Logf("%d batches, the slowest took %v", batches, slowest)
}

// readAlong reads until as many records as total says, and checks that each is at its offset.
func readAlong(t *testing.T, c *eventlog.Client, topic string, total <-chan int64) error {
	r := c.NewReader(topic, 0, 0, eventlog.ReaderOptions{MaxWait: 20 * time.Millisecond})
	want := int64(-1)
	for want < 0 || r.Offset() < want {
		f, err := r.Fetch(t.Context())
		if err != nil {
			return err
		}
		for _, rec := range f.Records {
			if string(rec.Value) != fmt.Sprint(rec.Offset) {
				return fmt.Errorf("record %s is at offset %d", rec.Value, rec.Offset)
			}
		}
		select {
		case want = <-total:
		default:
		}
	}
	if r.Offset() != want {
		return fmt.Errorf("the log ends at %d, expected %d", r.Offset(), want)
	}
	return nil
}

// trouble makes an embedded cluster fail in one way after another, each once the one before has struck and
// batches have gone through since.
func trouble(t *testing.T, k *kafkatest.Cluster, topic string, random *rand.Rand, appended *atomic.Int64, done <-chan struct{}) {
	last := int64(-1)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	codes := []*kerr.Error{kerr.RequestTimedOut, kerr.NotEnoughReplicasAfterAppend, kerr.NotLeaderForPartition, kerr.NetworkException}
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			if appended.Load() == last {
				continue
			}
		}
		key := kmsg.Produce
		if random.IntN(2) == 0 {
			key = kmsg.Fetch
		}
		struck := make(chan struct{})
		switch random.IntN(3) {
		case 0:
			close(struck)
			if err := k.Fake().MoveTopicPartition(topic, 0, random.Int32N(3)); err != nil {
				t.Error(err)
			}
		case 1:
			h := k.Fake().Fault(kmsgFault(key, topic, codes[random.IntN(len(codes))], 1))
			go func() {
				defer close(struck)
				_ = h.Wait(t.Context(), 1)
			}()
		case 2:
			k.Fake().ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) {
				close(struck)
				return nil, errors.New("connection cut"), true
			})
		}
		select {
		case <-done:
			return
		case <-struck:
			last = appended.Load()
		}
	}
}
