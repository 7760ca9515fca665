package eventlog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/initproducerid"
	"github.com/segmentio/kafka-go/protocol/produce"
	"github.com/segmentio/kafka-go/protocol/rawproduce"
)

// Producer appends batches under one producer id and epoch. It is safe for concurrent use.
//
// Invariants: one request is in flight per partition; a batch has its sequence until the broker has answered for it,
// so that it is appended at most once; nothing is appended under an epoch that the partition knows to be old.
type Producer struct {
	client *Client
	id     int64
	epoch  int16

	// Compression of every batch; set it before the first Produce.
	Compression Compression

	mu         sync.Mutex
	partitions map[topicPartition]*producerPartition
}

// producerPartition is what a producer knows of one partition. Its lock is held from the choice of a sequence to the
// broker's answer.
type producerPartition struct {
	mu       sync.Mutex
	sequence int32  // of the next batch
	last     int64  // base offset of the last acknowledged batch, -1 none
	broken   error  // set once the sequence on the broker is unknown
	buffer   []byte // of the last batch, for the next
}

// NewProducer starts a producer. With a transactional id, this deposes every earlier producer of that id: the broker
// gives out the next epoch, and a partition that has seen a batch of it refuses older ones with ErrFenced. No
// transaction is ever begun. With "" the producer has an id of its own, and is idempotent only.
func (c *Client) NewProducer(ctx context.Context, transactionalID string) (*Producer, error) {
	req := &initproducerid.Request{TransactionalID: transactionalID, ProducerID: -1, ProducerEpoch: -1, TransactionTimeoutMs: 60_000}
	p := &Producer{client: c, partitions: make(map[topicPartition]*producerPartition)}
	err := retry(ctx, func() error {
		node := anyNode
		if transactionalID != "" {
			var err error
			if node, err = c.coordinator(ctx, coordinateTransaction, transactionalID); err != nil {
				return err
			}
		}
		res, err := ask[*initproducerid.Response](ctx, c, node, req, latest)
		if err != nil {
			return err
		}
		p.id, p.epoch = res.ProducerID, res.ProducerEpoch
		return codeError(res.ErrorCode)
	})
	if err != nil {
		return nil, fmt.Errorf("start producer %q: %w", transactionalID, err)
	}
	return p, nil
}

// ID returns the producer id and epoch that the cluster gave.
func (p *Producer) ID() (id int64, epoch int16) { return p.id, p.epoch }

func (p *Producer) partition(tp topicPartition) *producerPartition {
	p.mu.Lock()
	defer p.mu.Unlock()
	pp := p.partitions[tp]
	if pp == nil {
		pp = &producerPartition{last: -1}
		p.partitions[tp] = pp
	}
	return pp
}

// Produce appends the records as one batch, waits until all in-sync replicas have it, and returns the offset of the
// first. Calls for one partition run one after the other; the caller decides their order.
//
// A lost answer is asked for again with the same sequence until it comes. The broker compares sequences, not
// contents: a caller that is alone on a partition compares the offset with the one it expected.
//
// After TooLargeError and UnknownTopicError nothing was appended, and the producer can go on. If the call ends while an
// answer is outstanding (the context ended), the error is ErrOutcomeUnknown. That one, ErrFenced, ErrOutOfOrder and
// ErrStaleAck are final for the partition: every later call returns them. What an attempt before such an error has
// appended, only the log can tell.
func (p *Producer) Produce(ctx context.Context, topic string, partition int32, recs []ProduceRecord) (int64, error) {
	tp := topicPartition{topic, partition}
	pp := p.partition(tp)
	pp.mu.Lock()
	defer pp.mu.Unlock()
	base, err := p.produce(ctx, tp, pp, recs)
	if err != nil {
		return 0, fmt.Errorf("produce %d records to %v: %w", len(recs), tp, err)
	}
	return base, nil
}

// produce appends one batch; the partition's lock is held.
func (p *Producer) produce(ctx context.Context, tp topicPartition, pp *producerPartition, recs []ProduceRecord) (int64, error) {
	if pp.broken != nil {
		return 0, pp.broken
	}
	batch, err := appendBatch(pp.buffer[:0], recs, producerState{p.id, p.epoch, pp.sequence}, p.Compression)
	if err != nil {
		return 0, err
	}
	if cap(batch) <= 4<<20 {
		pp.buffer = batch
	}
	var base int64
	sent := false // a request went out whose answer is not known
	err = p.client.onLeader(ctx, tp, nil, func(node int32) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		res, err := p.client.produceRaw(ctx, node, tp, batch)
		if err != nil {
			sent = sent || !neverSent(err)
			return err
		}
		base = res.BaseOffset
		err = produceError(tp, res.ErrorCode, len(batch))
		if errors.Is(err, kafka.RequestTimedOut) || errors.Is(err, kafka.NotEnoughReplicasAfterAppend) {
			sent = true // It may have been appended.
		}
		return err
	})
	if sent {
		pp.buffer = nil // An attempt that was given up may still be reading it.
	}
	switch {
	case err == nil && base <= pp.last:
		pp.broken = fmt.Errorf("%w: offset %d, the batch before has %d", ErrStaleAck, base, pp.last)
		return 0, pp.broken
	case err == nil:
		pp.last = base
		pp.sequence = nextSequence(pp.sequence, len(recs))
		return base, nil
	case errors.Is(err, ErrFenced), errors.Is(err, ErrOutOfOrder):
		pp.broken = err
	case sent:
		pp.broken = fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
		return 0, pp.broken
	}
	return 0, err
}

// nextSequence goes from the largest int32 back to 0, as the broker does.
func nextSequence(sequence int32, records int) int32 {
	return int32((int64(sequence) + int64(records)) & 0x7fffffff)
}

// neverSent says whether an attempt failed before its request left this process.
func neverSent(err error) bool {
	var op *net.OpError
	return errors.Is(err, kafka.BrokerNotAvailable) || errors.As(err, &op) && op.Op == "dial"
}

// produceError gives the broker's code its meaning for an idempotent producer.
func produceError(tp topicPartition, code int16, size int) error {
	err := codeError(code)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kafka.InvalidProducerEpoch), errors.Is(err, kafka.ProducerFenced):
		return fmt.Errorf("%w (%w)", ErrFenced, err)
	case errors.Is(err, kafka.OutOfOrderSequenceNumber), errors.Is(err, kafka.UnknownProducerId),
		errors.Is(err, kafka.DuplicateSequenceNumber), errors.Is(err, kafka.InvalidProducerIDMapping):
		return fmt.Errorf("%w (%w)", ErrOutOfOrder, err)
	case errors.Is(err, kafka.MessageSizeTooLarge), errors.Is(err, kafka.RecordListTooLarge):
		return &TooLargeError{Topic: tp.topic, Partition: tp.partition, Offset: -1, Bytes: size}
	}
	return err
}

// produceRaw sends one encoded batch to one node and returns the answer for its partition.
func (c *Client) produceRaw(ctx context.Context, node int32, tp topicPartition, batch []byte) (*produce.ResponsePartition, error) {
	const allReplicas = -1
	res, err := ask[*produce.Response](ctx, c, node, &rawproduce.Request{
		Acks:    allReplicas,
		Timeout: int32(c.cfg.RequestTimeout / time.Millisecond),
		Topics: []rawproduce.RequestTopic{{Topic: tp.topic, Partitions: []rawproduce.RequestPartition{{
			Partition: tp.partition, RecordSet: protocol.RawRecordSet{Reader: recordSet(batch)},
		}}}},
	}, latest)
	if err != nil {
		return nil, err
	}
	if len(res.Topics) != 1 || len(res.Topics[0].Partitions) != 1 {
		return nil, fmt.Errorf("produce answered for %d topics, expected one partition", len(res.Topics))
	}
	return &res.Topics[0].Partitions[0], nil
}

// rawSet is a batch with the length that a produce request puts before it.
type rawSet struct{ batch []byte }

func recordSet(batch []byte) io.Reader { return &rawSet{batch} }

// Read is never used: io.Copy prefers WriteTo, which copies once.
func (r *rawSet) Read([]byte) (int, error) { return 0, io.EOF }

func (r *rawSet) WriteTo(w io.Writer) (int64, error) {
	var size [4]byte
	binary.BigEndian.PutUint32(size[:], uint32(len(r.batch)))
	if _, err := w.Write(size[:]); err != nil {
		return 0, err
	}
	n, err := w.Write(r.batch)
	return 4 + int64(n), err
}
