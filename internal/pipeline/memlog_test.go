package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"marginledger/internal/eventlog"
)

// memCluster is a Kafka in memory, with producers, epochs and sequences, that can be made to misbehave.
type memCluster struct {
	mu        sync.Mutex
	id        string
	topics    map[string][]*memPartition
	producers map[string]*memProducerID
	changed   chan struct{} // closed and renewed whenever something is appended
	now       func() time.Time

	// noFencing makes brokers accept stale epochs: then only the order log's own rule protects it.
	noFencing bool
	away      map[string]bool // partitions whose leader is away, by partitionName
}

type memPartition struct {
	records []eventlog.Record
	start   int64
	end     int64
	epochs  map[string]int // newest epoch that the partition has seen, per transactional id
}

type memProducerID struct{ epoch int }

func newMemCluster(now func() time.Time) *memCluster {
	return &memCluster{id: "mem", topics: map[string][]*memPartition{}, producers: map[string]*memProducerID{},
		changed: make(chan struct{}), now: now, away: map[string]bool{}}
}

func (c *memCluster) create(topic string, partitions int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ps := make([]*memPartition, partitions)
	for i := range ps {
		ps[i] = &memPartition{epochs: map[string]int{}}
	}
	c.topics[topic] = ps
}

func (c *memCluster) partition(topic string, partition int32) (*memPartition, error) {
	ps, ok := c.topics[topic]
	if !ok || int(partition) >= len(ps) {
		return nil, &eventlog.UnknownTopicError{Topic: topic, Partition: partition}
	}
	return ps[partition], nil
}

func (c *memCluster) announce() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// append puts a record in as a producer of facts would.
func (c *memCluster) append(topic string, partition int32, timestamp int64, key, value []byte) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, err := c.partition(topic, partition)
	if err != nil {
		panic(err)
	}
	p.records = append(p.records, eventlog.Record{Offset: p.end, Timestamp: timestamp, Key: key, Value: value})
	p.end++
	c.announce()
	return p.end - 1
}

// trim removes what is before an offset, as retention does.
func (c *memCluster) trim(topic string, partition int32, to int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, _ := c.partition(topic, partition)
	p.start = to
	p.records = slices.DeleteFunc(p.records, func(r eventlog.Record) bool { return r.Offset < to })
}

// setAway makes a partition's leader go away or come back.
func (c *memCluster) setAway(topic string, partition int32, away bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away[partitionName(topic, partition)] = away
	c.announce()
}

// contents returns a partition's records.
func (c *memCluster) contents(topic string, partition int32) []eventlog.Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, _ := c.partition(topic, partition)
	return slices.Clone(p.records)
}

// verdict is what becomes of one I/O step.
type verdict int

const (
	goOn       verdict = iota
	failBefore         // the process ends before the step
	failAfter          // the step happens, and the process ends before it hears of that
	lostAck            // the step happens, the answer is lost, and the client asks again
)

// errCrash is what a process that has ended gets: nobody.
var errCrash = errors.New("the process has ended")

// memLog is one process's connection to a cluster.
type memLog struct {
	c *memCluster
	// step decides about each I/O step; nil lets all go on.
	step func(kind, at string) verdict

	mu   sync.Mutex
	dead bool
}

func (l *memLog) crash() {
	l.mu.Lock()
	l.dead = true
	l.mu.Unlock()
	l.c.mu.Lock()
	l.c.announce()
	l.c.mu.Unlock()
}

func (l *memLog) isDead() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead
}

// do is one I/O step.
func (l *memLog) do(kind, at string, f func() error) error {
	if l.isDead() {
		return errCrash
	}
	v := goOn
	if l.step != nil {
		v = l.step(kind, at)
	}
	if v == failBefore {
		l.crash()
		return errCrash
	}
	if l.isDead() { // While it was held up.
		return errCrash
	}
	err := f()
	switch v {
	case failAfter:
		l.crash()
		return errCrash
	case lostAck:
		return f()
	}
	return err
}

func (l *memLog) ClusterID(context.Context) (id string, err error) {
	err = l.do("cluster", "", func() error { id = l.c.id; return nil })
	return id, err
}

func (l *memLog) Partitions(_ context.Context, topic string) (n int32, err error) {
	err = l.do("partitions", topic, func() error {
		l.c.mu.Lock()
		defer l.c.mu.Unlock()
		ps, ok := l.c.topics[topic]
		if !ok {
			return &eventlog.UnknownTopicError{Topic: topic, Partition: -1}
		}
		n = int32(len(ps))
		return nil
	})
	return n, err
}

func (l *memLog) Offsets(_ context.Context, topic string, partition int32) (start, end int64, err error) {
	err = l.do("offsets", partitionName(topic, partition), func() error {
		l.c.mu.Lock()
		defer l.c.mu.Unlock()
		p, err := l.c.partition(topic, partition)
		if err != nil {
			return err
		}
		start, end = p.start, p.end
		return nil
	})
	return start, end, err
}

func (l *memLog) Reader(topic string, partition int32, offset int64) Reader {
	return &memReader{l: l, topic: topic, partition: partition, offset: offset}
}

type memReader struct {
	l         *memLog
	topic     string
	partition int32
	offset    int64
}

func (r *memReader) Failing() error {
	r.l.c.mu.Lock()
	defer r.l.c.mu.Unlock()
	if r.l.c.away[partitionName(r.topic, r.partition)] {
		return errors.New("the leader is away")
	}
	return nil
}

// fetchRecords bounds one answer, so that tests see many.
const fetchRecords = 64

func (r *memReader) Fetch(ctx context.Context) (eventlog.Fetch, error) {
	poll := time.NewTimer(20 * time.Millisecond)
	defer poll.Stop()
	for waited := false; ; {
		if r.l.isDead() {
			return eventlog.Fetch{}, errCrash
		}
		c := r.l.c
		c.mu.Lock()
		p, err := c.partition(r.topic, r.partition)
		if err != nil {
			c.mu.Unlock()
			return eventlog.Fetch{}, err
		}
		changed, away := c.changed, c.away[partitionName(r.topic, r.partition)]
		if !away && (r.offset < p.start || r.offset > p.end) {
			err := &eventlog.OutOfRangeError{Topic: r.topic, Partition: r.partition, Offset: r.offset, LogStart: p.start, LogEnd: p.end}
			c.mu.Unlock()
			return eventlog.Fetch{}, err
		}
		f := eventlog.Fetch{Topic: r.topic, Partition: r.partition, NextOffset: r.offset, LogStart: p.start, LastStable: p.end, At: c.now()}
		i, _ := slices.BinarySearchFunc(p.records, r.offset, func(rec eventlog.Record, o int64) int { return int(rec.Offset - o) })
		if rest := p.records[i:]; len(rest) > 0 && !away {
			f.Records = slices.Clone(rest[:min(len(rest), fetchRecords)])
			f.NextOffset = f.Records[len(f.Records)-1].Offset + 1
		} else if r.offset < p.end {
			f.NextOffset = p.end // Nothing but gaps.
		}
		c.mu.Unlock()
		if !away && (len(f.Records) > 0 || waited || f.NextOffset > r.offset) {
			r.offset = f.NextOffset
			return f, nil
		}
		select {
		case <-ctx.Done():
			return eventlog.Fetch{}, ctx.Err()
		case <-changed:
		case <-poll.C:
			waited = true
		}
	}
}

func (l *memLog) Producer(_ context.Context, id string) (p Producer, err error) {
	err = l.do("init", id, func() error {
		l.c.mu.Lock()
		defer l.c.mu.Unlock()
		state := l.c.producers[id]
		if state == nil {
			state = new(memProducerID)
			l.c.producers[id] = state
		}
		state.epoch++
		p = &memProducer{l: l, id: id, epoch: state.epoch, done: map[string]int64{}}
		return nil
	})
	return p, err
}

type memProducer struct {
	l     *memLog
	id    string
	epoch int

	mu   sync.Mutex
	done map[string]int64 // base offset of the batch under way, once it is appended
}

// Produce appends once, however often it is asked: the second time the broker knows the sequence.
func (p *memProducer) Produce(_ context.Context, topic string, partition int32, records []eventlog.ProduceRecord) (base int64, err error) {
	at := partitionName(topic, partition)
	defer func() {
		p.mu.Lock()
		delete(p.done, at)
		p.mu.Unlock()
	}()
	err = p.l.do("produce", at, func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if known, ok := p.done[at]; ok {
			base = known
			return nil
		}
		c := p.l.c
		c.mu.Lock()
		defer c.mu.Unlock()
		part, err := c.partition(topic, partition)
		if err != nil {
			return err
		}
		// As Apache Kafka: a stale epoch is refused once the partition has seen the new one.
		if !c.noFencing && part.epochs[p.id] > p.epoch {
			return fmt.Errorf("%s: %w", at, eventlog.ErrFenced)
		}
		part.epochs[p.id] = max(part.epochs[p.id], p.epoch)
		base = part.end
		for _, r := range records {
			part.records = append(part.records, eventlog.Record{Offset: part.end, Timestamp: c.now().UnixMilli(),
				Key: slices.Clone(r.Key), Value: slices.Clone(r.Value), Headers: r.Headers})
			part.end++
		}
		p.done[at] = base
		c.announce()
		return nil
	})
	return base, err
}

// Join makes this process the only member.
func (l *memLog) Join(_ context.Context, cfg eventlog.GroupConfig) (Membership, error) {
	n, err := l.Partitions(context.Background(), cfg.Topic)
	if err != nil {
		return nil, err
	}
	m := &memMembership{assignments: make(chan eventlog.Assignment, 8)}
	a := eventlog.Assignment{Generation: 1}
	for i := range n {
		a.Shards = append(a.Shards, i)
	}
	m.assignments <- a
	return m, nil
}

type memMembership struct{ assignments chan eventlog.Assignment }

func (m *memMembership) Assignments() <-chan eventlog.Assignment                         { return m.assignments }
func (m *memMembership) Failing() error                                                  { return nil }
func (m *memMembership) CommitOffsets(context.Context, []eventlog.CommittedOffset) error { return nil }
func (m *memMembership) Close()                                                          {}
