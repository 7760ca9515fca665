package demo

import (
	"context"
	"errors"
	"fmt"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/internal/simulate"
)

// feed puts the facts of one producer onto their partitions, numbered per partition, so that the
// ledger knows a repeated one for ever. It is not safe for concurrent use.
type feed struct {
	name  string
	parts [events.RoleBlocks + 1][]*feedPartition
	room  []byte // values are cut off it; what was cut off is never written again
}

// feedPartition is one partition of a feed.
type feedPartition struct {
	async    *eventlog.Async
	sequence uint64 // of the last fact
	have     int64  // facts that an earlier run put there and this one repeats: they are not sent
	time     int64  // of the last fact; a producer's times do not fall
}

// newFeed makes a feed to the topics of some roles.
func newFeed(ctx context.Context, c *eventlog.Client, name string, to map[events.Role]string) (*feed, error) {
	var names []string
	for _, t := range to {
		names = append(names, t)
	}
	infos, err := c.DescribeTopics(ctx, names)
	if err != nil {
		return nil, err
	}
	p, err := c.NewProducer(ctx, "")
	if err != nil {
		return nil, err
	}
	f := &feed{name: name}
	for role, topic := range to {
		for i := range infos[topic].Partitions {
			f.parts[role] = append(f.parts[role], &feedPartition{async: p.Async(ctx, topic, int32(i))})
		}
		if len(f.parts[role]) == 0 {
			return nil, fmt.Errorf("feed %s: there is no topic %s", name, topic)
		}
	}
	return f, nil
}

// resume makes the feed leave out what the topics hold already: it must be fed the same facts again.
func (f *feed) resume(ctx context.Context, c *eventlog.Client, to map[events.Role]string) (have int64, err error) {
	for role, topic := range to {
		for i, p := range f.parts[role] {
			if _, p.have, err = c.Offsets(ctx, topic, int32(i)); err != nil {
				return 0, err
			}
			have += p.have
		}
	}
	return have, nil
}

// add sends a fact, and waits while too many are under way.
func (f *feed) add(fact *simulate.Fact) error {
	parts := f.parts[fact.Role]
	const room = 1 << 20
	if cap(f.room)-len(f.room) < 16<<10 { // more than any made-up fact
		f.room = make([]byte, 0, room)
	}
	start := len(f.room)
	f.room = append(f.room, fact.Key...)
	key := f.room[start:len(f.room):len(f.room)]
	p := parts[0]
	if len(parts) > 1 {
		p = parts[eventlog.Murmur2Partition(key, int32(len(parts)))]
	}
	p.sequence++
	if p.have > 0 {
		p.have--
		f.room = f.room[:start]
		return nil
	}
	e := &fact.Event
	e.Producer, e.Sequence = f.name, p.sequence
	p.time = max(p.time, e.Time)
	e.Time = p.time
	start = len(f.room)
	f.room = events.AppendProto(f.room, e)
	return p.async.Add(eventlog.ProduceRecord{Key: key, Value: f.room[start:len(f.room):len(f.room)]})
}

// flush waits until everything is acknowledged.
func (f *feed) flush() error {
	var all []error
	for _, parts := range f.parts {
		for _, p := range parts {
			all = append(all, p.async.Flush())
		}
	}
	return errors.Join(all...)
}
