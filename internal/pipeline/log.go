package pipeline

import (
	"context"
	"errors"
	"fmt"

	"marginledger/internal/eventlog"
)

// Log is what the pipeline needs of Kafka. Errors are those of package eventlog; retries live there.
type Log interface {
	ClusterID(ctx context.Context) (string, error)
	// Partitions returns a topic's number of partitions.
	Partitions(ctx context.Context, topic string) (int32, error)
	// Offsets returns the oldest offset and the one after the last stable record.
	Offsets(ctx context.Context, topic string, partition int32) (start, end int64, err error)
	Reader(topic string, partition int32, offset int64) Reader
	// Producer deposes earlier producers of the transactional id.
	Producer(ctx context.Context, transactionalID string) (Producer, error)
	Join(ctx context.Context, cfg eventlog.GroupConfig) (Membership, error)
}

// Reader reads one partition.
type Reader interface {
	// Fetch does one long poll and returns its answer. It tries until it has one.
	Fetch(ctx context.Context) (eventlog.Fetch, error)
	// Failing returns why fetches currently fail, nil if they do not. Any goroutine may ask.
	Failing() error
}

// Producer appends batches, one request at a time per partition, each at most once.
type Producer interface {
	Produce(ctx context.Context, topic string, partition int32, records []eventlog.ProduceRecord) (base int64, err error)
}

// Membership is a place in the consumer group.
type Membership interface {
	Assignments() <-chan eventlog.Assignment
	Failing() error
	CommitOffsets(ctx context.Context, offsets []eventlog.CommittedOffset) error
	Close()
}

// Kafka is the Log of a cluster.
func Kafka(c *eventlog.Client) Log { return kafkaLog{c} }

type kafkaLog struct{ c *eventlog.Client }

func (k kafkaLog) ClusterID(ctx context.Context) (string, error) { return k.c.ClusterID(ctx) }

func (k kafkaLog) Partitions(ctx context.Context, topic string) (int32, error) {
	infos, err := k.c.DescribeTopics(ctx, []string{topic})
	if err != nil {
		return 0, err
	}
	info, ok := infos[topic]
	if !ok {
		return 0, &eventlog.UnknownTopicError{Topic: topic, Partition: -1}
	}
	return int32(len(info.Partitions)), nil
}

func (k kafkaLog) Offsets(ctx context.Context, topic string, partition int32) (start, end int64, err error) {
	return k.c.Offsets(ctx, topic, partition)
}

func (k kafkaLog) Reader(topic string, partition int32, offset int64) Reader {
	return k.c.NewReader(topic, partition, offset, eventlog.ReaderOptions{})
}

func (k kafkaLog) Producer(ctx context.Context, transactionalID string) (Producer, error) {
	return k.c.NewProducer(ctx, transactionalID)
}

func (k kafkaLog) Join(ctx context.Context, cfg eventlog.GroupConfig) (Membership, error) {
	return k.c.Join(ctx, cfg)
}

// ReadLog calls f with the records of a partition from an offset on, up to an offset, or for ever where to is negative.
func ReadLog(ctx context.Context, log Log, topic string, partition int32, from, to int64, f func(*eventlog.Record) error) error {
	if to >= 0 && from >= to {
		return nil
	}
	r := log.Reader(topic, partition, from)
	for next := from; to < 0 || next < to; {
		got, err := r.Fetch(ctx)
		if err != nil {
			return fmt.Errorf("read %s from %d: %w", partitionName(topic, partition), next, err)
		}
		for i := range got.Records {
			if to >= 0 && got.Records[i].Offset >= to {
				return nil
			}
			if err := f(&got.Records[i]); err != nil {
				return err
			}
		}
		next = got.NextOffset
	}
	return nil
}

// readOne returns the first record at or after an offset and before to; nil if there is none.
func readOne(ctx context.Context, log Log, topic string, partition int32, offset, to int64) (*eventlog.Record, error) {
	var found *eventlog.Record
	err := ReadLog(ctx, log, topic, partition, offset, to, func(r *eventlog.Record) error {
		found = r
		return errFound
	})
	if err != nil && !errors.Is(err, errFound) {
		return nil, err
	}
	return found, nil
}

// errFound ends the reading of readOne.
var errFound = errors.New("found")
