package repartition_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/internal/kafkatest"
	"marginledger/internal/repartition"
)

const (
	sources = 3
	targets = 4
)

// exchange is a topic keyed by market, its copy keyed by owner, and what was put into the first.
type exchange struct {
	t        *testing.T
	cluster  *kafkatest.Cluster
	client   *eventlog.Client
	producer *eventlog.Producer
	from, to string
	sent     [sources][]eventlog.ProduceRecord
}

func newExchange(t *testing.T) *exchange {
	k := kafkatest.Start(t)
	x := &exchange{t: t, cluster: k, client: k.Client(t),
		from: k.Topic(t, "ex.fills.v1", sources, nil), to: k.Topic(t, "ex.fills-by-owner.v1", targets, nil)}
	var err error
	if x.producer, err = x.client.NewProducer(kafkatest.Context(t), ""); err != nil {
		t.Fatal(err)
	}
	return x
}

func number(s string) events.Number {
	n, err := events.ParseNumber(s)
	if err != nil {
		panic(err)
	}
	return n
}

func fill(i int, owner string) []byte {
	return events.AppendJSON(nil, &events.Event{
		ID: fmt.Sprintf("f-%d", i), Type: events.TypeFill, Version: 1, Venue: "v", Time: int64(i), Owner: owner,
		Body: &events.Fill{Market: "BTC-PERP", Leg: events.LegNet, Side: events.Buy, Size: number("1"), Price: number("10"),
			TradeID: fmt.Sprint(i), Reason: events.ReasonTrade},
	})
}

// send appends n records: fills of 40 owners, every tenth not an event, every eleventh of no account.
func (x *exchange) send(n int) {
	x.t.Helper()
	for i := range n {
		p := i % sources
		r := eventlog.ProduceRecord{Key: fmt.Appendf(nil, "market-%d", p), Timestamp: int64(1_700_000_000_000 + i),
			Headers: []eventlog.Header{{Key: "trace", Value: []byte("x")}}}
		switch {
		case i%10 == 9:
			r.Value = fmt.Appendf(nil, "{not an event %d", i)
		case i%11 == 10:
			r.Value = events.AppendJSON(nil, &events.Event{ID: fmt.Sprintf("m-%d", i), Type: events.TypeMarkPrice, Version: 1,
				Venue: "v", Time: 1, Body: &events.MarkPrice{Market: "BTC-PERP", Mark: number("10")}})
		default:
			r.Value = fill(i, fmt.Sprintf("owner-%d", i%40))
		}
		x.sent[p] = append(x.sent[p], r)
		if _, err := x.producer.Produce(kafkatest.Context(x.t), x.from, int32(p), []eventlog.ProduceRecord{r}); err != nil {
			x.t.Fatal(err)
		}
	}
}

// check reads the target: every record once, on the partition of its key, and in order per source and target partition.
func (x *exchange) check() {
	x.t.Helper()
	ctx := kafkatest.Context(x.t)
	seen := make(map[string]int)
	for p := range int32(targets) {
		_, end, err := x.client.Offsets(ctx, x.to, p)
		if err != nil {
			x.t.Fatal(err)
		}
		last := make(map[int]int64)
		err = x.client.ReadRange(ctx, x.to, p, 0, end, func(r eventlog.Record) error {
			if want := eventlog.Murmur2Partition(r.Key, targets); want != p {
				x.t.Errorf("key %s on partition %d, want %d", r.Key, p, want)
			}
			var source int
			var offset int64
			var note string
			for _, h := range r.Headers {
				switch h.Key {
				case repartition.HeaderSource:
					if _, err := fmt.Sscanf(strings.TrimPrefix(string(h.Value), x.from), "/%d@%d", &source, &offset); err != nil {
						return err
					}
				case repartition.HeaderNote:
					note = string(h.Value)
				}
			}
			if before, ok := last[source]; ok && before >= offset {
				x.t.Errorf("source %d: offset %d after %d", source, offset, before)
			}
			last[source] = offset
			seen[fmt.Sprintf("%d@%d", source, offset)]++
			want := x.sent[source][offset]
			if string(r.Value) != string(want.Value) || r.Timestamp != want.Timestamp || r.Headers[0].Key != "trace" {
				x.t.Errorf("%d@%d: got %q at %d, sent %q at %d", source, offset, r.Value, r.Timestamp, want.Value, want.Timestamp)
			}
			if fill := strings.Contains(string(want.Value), `"Fill"`); fill != strings.HasPrefix(string(r.Key), "owner-") || fill != (note == "") {
				x.t.Errorf("%d@%d: key %s, note %q, value %s", source, offset, r.Key, note, r.Value)
			}
			return nil
		})
		if err != nil {
			x.t.Fatal(err)
		}
	}
	total := 0
	for p, list := range x.sent {
		total += len(list)
		for o := range list {
			if n := seen[fmt.Sprintf("%d@%d", p, o)]; n != 1 {
				x.t.Errorf("record %d@%d is there %d times", p, o, n)
			}
		}
	}
	if len(seen) != total {
		x.t.Errorf("%d records in the target, %d sent", len(seen), total)
	}
}

func TestCopiesEachOnce(t *testing.T) {
	x := newExchange(t)
	for range 3 {
		x.send(330)
		if _, err := repartition.Run(kafkatest.Context(t), x.client, repartition.Options{From: x.from, To: x.to, Once: true}); err != nil {
			t.Fatal(err)
		}
		x.check()
	}
	got, err := repartition.Run(kafkatest.Context(t), x.client, repartition.Options{From: x.from, To: x.to, Once: true})
	if err != nil || got.Copied != 0 {
		t.Errorf("a run with nothing to do: %+v, %v", got, err)
	}
}

// TestCrashes stops the copier after random acknowledged batches, many times, while records keep coming.
func TestCrashes(t *testing.T) {
	const seed = 7
	rng := rand.New(rand.NewPCG(seed, 0))
	x := newExchange(t)
	crash := errors.New("crash")
	crashes := 0
	for range 25 {
		x.send(100)
		after := make(chan struct{}, 64) // tokens for batches that may still be acknowledged
		for range rng.IntN(6) {
			after <- struct{}{}
		}
		_, err := repartition.Run(kafkatest.Context(t), x.client, repartition.Options{From: x.from, To: x.to, Once: true, Round: 30,
			Produced: func(int) error {
				select {
				case <-after:
					return nil
				default:
					return crash
				}
			}})
		if errors.Is(err, crash) {
			crashes++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if crashes < 10 {
		t.Errorf("only %d crashes: the test shows nothing", crashes)
	}
	if _, err := repartition.Run(kafkatest.Context(t), x.client, repartition.Options{From: x.from, To: x.to, Once: true}); err != nil {
		t.Fatal(err)
	}
	x.check()
}

// TestDeposed runs a second copier while the first stands between two batches: the first must not write again.
func TestDeposed(t *testing.T) {
	x := newExchange(t)
	x.send(400)
	second := make(chan error, 1)
	_, err := repartition.Run(kafkatest.Context(t), x.client, repartition.Options{From: x.from, To: x.to, Once: true, Round: 50,
		Progress: func(p repartition.Progress) {
			if len(second) == 0 && p.Copied > 0 {
				_, err := repartition.Run(kafkatest.Context(t), x.client, repartition.Options{From: x.from, To: x.to, Once: true})
				second <- err
			}
		}})
	if !errors.Is(err, eventlog.ErrFenced) {
		t.Errorf("the first copier ended with %v, want fenced", err)
	}
	if err := <-second; err != nil {
		t.Errorf("the second copier: %v", err)
	}
	x.check()
}

// TestFollows copies what comes while it runs, and ends with its context without an error.
func TestFollows(t *testing.T) {
	x := newExchange(t)
	ctx, cancel := context.WithCancel(kafkatest.Context(t))
	defer cancel()
	done := make(chan error, 1)
	caught := make(chan repartition.Progress, 1)
	go func() {
		var last uint64
		_, err := repartition.Run(ctx, x.client, repartition.Options{From: x.from, To: x.to, Progress: func(p repartition.Progress) {
			if p.Copied > last && p.Copied >= 200 {
				last = p.Copied
				select {
				case caught <- p:
				default:
				}
			}
		}})
		done <- err
	}()
	x.send(200)
	<-caught
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	x.check()
}

func TestStops(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(*exchange) repartition.Options
		want    string
	}{
		{"unknown schema", func(x *exchange) repartition.Options {
			v := strings.Replace(string(fill(1, "o")), `"Fill"`, `"Fillet"`, 1)
			if _, err := x.producer.Produce(kafkatest.Context(x.t), x.from, 1, []eventlog.ProduceRecord{{Value: []byte(v)}}); err != nil {
				x.t.Fatal(err)
			}
			return repartition.Options{From: x.from, To: x.to}
		}, "Fillet"},
		{"others in the target", func(x *exchange) repartition.Options {
			if _, err := x.producer.Produce(kafkatest.Context(x.t), x.to, 2, []eventlog.ProduceRecord{{Value: []byte("{}")}}); err != nil {
				x.t.Fatal(err)
			}
			return repartition.Options{From: x.from, To: x.to}
		}, "somebody else writes"},
		{"onto itself", func(x *exchange) repartition.Options { return repartition.Options{From: x.from, To: x.from} }, "the same topic"},
		{"no such topic", func(x *exchange) repartition.Options { return repartition.Options{From: x.from, To: "none"} }, `no topic "none"`},
		{"source trimmed", func(x *exchange) repartition.Options {
			x.send(60)
			o := repartition.Options{From: x.from, To: x.to, Once: true}
			if _, err := repartition.Run(kafkatest.Context(x.t), x.client, o); err != nil {
				x.t.Fatal(err)
			}
			x.send(60)
			if err := x.client.DeleteRecords(kafkatest.Context(x.t), x.from, 0, 30); err != nil {
				x.t.Fatal(err)
			}
			return o
		}, "is gone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newExchange(t)
			o := c.prepare(x)
			o.Once = true
			if _, err := repartition.Run(kafkatest.Context(t), x.client, o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}
