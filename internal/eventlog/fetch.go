package eventlog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/fetch"
)

// From here on kafka-go decodes fetch answers into fetchResponse, whose record sets are the raw bytes. So nothing in
// this process may use kafka.Client.Fetch.
func init() { protocol.Register(&fetch.Request{}, &fetchResponse{}) }

// maxFetchAnswer bounds the record set of one answer; larger than any broker's message.max.bytes in earnest.
const maxFetchAnswer = 512 << 20

type fetchResponse struct {
	ThrottleTimeMs int32                `kafka:"min=v1,max=v11"`
	ErrorCode      int16                `kafka:"min=v7,max=v11"`
	SessionID      int32                `kafka:"min=v7,max=v11"`
	Topics         []fetchResponseTopic `kafka:"min=v0,max=v11"`
}

func (*fetchResponse) ApiKey() protocol.ApiKey { return protocol.Fetch }

type fetchResponseTopic struct {
	Topic      string                   `kafka:"min=v0,max=v11"`
	Partitions []fetchResponsePartition `kafka:"min=v0,max=v11"`
}

type fetchResponsePartition struct {
	Partition            int32                      `kafka:"min=v0,max=v11"`
	ErrorCode            int16                      `kafka:"min=v0,max=v11"`
	HighWatermark        int64                      `kafka:"min=v0,max=v11"`
	LastStableOffset     int64                      `kafka:"min=v4,max=v11"`
	LogStartOffset       int64                      `kafka:"min=v5,max=v11"`
	AbortedTransactions  []fetchResponseTransaction `kafka:"min=v4,max=v11"`
	PreferredReadReplica int32                      `kafka:"min=v11,max=v11"`
	Records              rawRecords                 `kafka:"min=v0,max=v11"`
}

type fetchResponseTransaction struct {
	ProducerID  int64 `kafka:"min=v4,max=v11"`
	FirstOffset int64 `kafka:"min=v4,max=v11"`
}

// rawRecords is a record set as it came: whole batches, the last of which may be cut off.
type rawRecords struct{ data []byte }

// ReadFrom reads the length and that many bytes, into a buffer that nobody else will ever write.
func (r *rawRecords) ReadFrom(from io.Reader) (int64, error) {
	var head [4]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return 0, err
	}
	size := int32(binary.BigEndian.Uint32(head[:]))
	if size <= 0 {
		return 4, nil
	}
	if size > maxFetchAnswer {
		return 4, fmt.Errorf("a record set of %d bytes", size)
	}
	r.data = make([]byte, size)
	n, err := io.ReadFull(from, r.data)
	return 4 + int64(n), err
}

// fetchOptions are what one fetch request may wait for and return.
type fetchOptions struct {
	maxWait  time.Duration
	minBytes int32
	maxBytes int32
}

// fetchRaw asks one node for one partition, without retry.
func (c *Client) fetchRaw(ctx context.Context, node int32, tp topicPartition, offset int64, o fetchOptions) (*fetchResponsePartition, error) {
	const readCommitted = 1
	m, err := c.send(ctx, node, &fetch.Request{
		ReplicaID:      -1,
		MaxWaitTime:    int32(o.maxWait / time.Millisecond),
		MinBytes:       o.minBytes,
		MaxBytes:       o.maxBytes,
		IsolationLevel: readCommitted,
		SessionEpoch:   -1, // no fetch session
		Topics: []fetch.RequestTopic{{Topic: tp.topic, Partitions: []fetch.RequestPartition{{
			Partition: tp.partition, CurrentLeaderEpoch: -1, FetchOffset: offset, LogStartOffset: -1, PartitionMaxBytes: o.maxBytes,
		}}}},
	}, latest, o.maxWait)
	if err != nil {
		return nil, err
	}
	res, ok := m.(*fetchResponse)
	if !ok {
		return nil, fmt.Errorf("answer of type %T, expected %T", m, res)
	}
	if err := codeError(res.ErrorCode); err != nil {
		return nil, err
	}
	if len(res.Topics) != 1 || len(res.Topics[0].Partitions) != 1 {
		return nil, fmt.Errorf("fetch answered for %d topics, expected one partition", len(res.Topics))
	}
	p := &res.Topics[0].Partitions[0]
	return p, codeError(p.ErrorCode)
}

// fetchOnce makes one fetch and decodes it, with everything that can be retried retried. failing, if set, hears of
// attempts that failed.
func (c *Client) fetchOnce(ctx context.Context, tp topicPartition, offset int64, o fetchOptions, failing func(error)) (Fetch, error) {
	var f Fetch
	err := c.onLeader(ctx, tp, failing, func(node int32) error {
		p, err := c.fetchRaw(ctx, node, tp, offset, o)
		if errors.Is(err, kafka.OffsetOutOfRange) {
			return c.outOfRange(ctx, node, tp, offset)
		}
		if err != nil {
			return err
		}
		at := time.Now()
		var aborted []abortedTxn
		for _, a := range p.AbortedTransactions {
			aborted = append(aborted, abortedTxn{producerID: a.ProducerID, first: a.FirstOffset})
		}
		records, next, err := decodeBatches(p.Records.data, offset, aborted)
		if err != nil {
			return locate(err, tp, offset)
		}
		if next == offset && len(p.Records.data) > 0 {
			// Not one whole batch: brokers send the first one whole whatever its size, but ask for more to be sure.
			if o.maxBytes >= maxFetchAnswer/2 {
				return &TooLargeError{Topic: tp.topic, Partition: tp.partition, Offset: offset, Bytes: int(o.maxBytes)}
			}
			o.maxBytes *= 2
			return kafka.OffsetNotAvailable // again, at once
		}
		f = Fetch{
			Topic: tp.topic, Partition: tp.partition, Records: records, NextOffset: next,
			LogStart: p.LogStartOffset, LastStable: p.LastStableOffset, At: at,
		}
		return nil
	})
	if err != nil {
		return Fetch{}, fmt.Errorf("fetch %v at offset %d: %w", tp, offset, err)
	}
	return f, nil
}

// outOfRange says what the log does have. If it has the offset after all (the leader was behind, and has caught up),
// the fetch is to be tried again.
func (c *Client) outOfRange(ctx context.Context, node int32, tp topicPartition, offset int64) error {
	start, err := c.listOffset(ctx, node, tp, earliestOffset)
	if err != nil {
		return err
	}
	end, err := c.listOffset(ctx, node, tp, latestOffset)
	if err != nil {
		return err
	}
	if offset >= start && offset <= end {
		return kafka.OffsetNotAvailable
	}
	return &OutOfRangeError{Topic: tp.topic, Partition: tp.partition, Offset: offset, LogStart: start, LogEnd: end}
}

// locate adds the partition to an error of the decoder.
func locate(err error, tp topicPartition, asked int64) error {
	var corrupt *CorruptBatchError
	var large *TooLargeError
	switch {
	case errors.As(err, &corrupt):
		corrupt.Topic, corrupt.Partition = tp.topic, tp.partition
		if corrupt.Offset < 0 {
			corrupt.Offset = asked
		}
	case errors.As(err, &large):
		large.Topic, large.Partition = tp.topic, tp.partition
	}
	return err
}
