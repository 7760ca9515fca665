package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"marginledger/events"
	"marginledger/internal/eventlog"
)

// input is the preloaded input, the same for every engine and run.
type input struct {
	facts, rules, marks string // topics
	partitions          int32
	counts              []int64 // facts by partition
	many                int64
	want                *outcome // what the reduced task must come to
	books               map[string]*book
	side                int64 // facts in the topics of rules and marks, which only the ledger itself reads
}

// feed fills the topics: protobuf, sequenced per partition, times that do not fall. The reference does the task beside it.
func feed(ctx context.Context, client *eventlog.Client, in *input, w *world, many int) error {
	p, err := client.NewProducer(ctx, "")
	if err != nil {
		return fmt.Errorf("feed: %w", err)
	}
	now := time.Now()
	send := func(to *eventlog.Async, e *events.Event) error {
		return to.Add(eventlog.ProduceRecord{Key: []byte(e.Owner), Value: events.AppendProto(nil, e), Timestamp: now.UnixMilli()})
	}
	for _, part := range []struct {
		topic string
		all   func(func(events.Body) error) error
	}{{in.rules, w.rules}, {in.marks, w.marks}} {
		to, sequence := p.Async(ctx, part.topic, 0), uint64(0)
		err := part.all(func(body events.Body) error {
			sequence++
			in.side++
			return send(to, header(body, "", sequence, fmt.Sprintf("r-%09d", in.side), now))
		})
		if err := errors.Join(err, to.Flush(), to.Close()); err != nil {
			return fmt.Errorf("feed %s: %w", part.topic, err)
		}
	}
	to := make([]*eventlog.Async, in.partitions)
	for i := range to {
		to[i] = p.Async(ctx, in.facts, int32(i))
	}
	in.counts = make([]int64, in.partitions)
	ref := newReference()
	err = w.facts(many, func(owner string, body events.Body) error {
		part := eventlog.Murmur2Partition([]byte(owner), in.partitions)
		in.counts[part]++
		in.many++
		e := header(body, owner, uint64(in.counts[part]), fmt.Sprintf("e-%09d", in.many), now.Add(time.Duration(in.many)))
		ref.apply(owner, e.ID, body)
		return send(to[part], e)
	})
	for _, a := range to {
		err = errors.Join(err, a.Flush(), a.Close())
	}
	if err != nil {
		return fmt.Errorf("feed %s: %w", in.facts, err)
	}
	in.want, in.books = ref.outcome(), ref.accounts
	return nil
}

func header(body events.Body, owner string, sequence uint64, id string, at time.Time) *events.Event {
	return &events.Event{ID: id, Type: body.EventType(), Version: 1, Venue: venue, Time: at.UnixNano(),
		Producer: "peers", Sequence: sequence, Owner: owner, Body: body}
}
