package eventlog

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// ReaderOptions tune a Reader. The zero value gives long polls of 200 ms and fetches of about a megabyte.
type ReaderOptions struct {
	MaxWait  time.Duration // how long the broker may wait for something to come; default 200 ms
	MaxBytes int           // of one fetch; a batch that is larger comes alone; default 1 MiB
}

func (o ReaderOptions) fetch() fetchOptions {
	f := fetchOptions{maxWait: o.MaxWait, minBytes: 1, maxBytes: int32(o.MaxBytes)}
	if f.maxWait <= 0 {
		f.maxWait = 200 * time.Millisecond
	}
	if f.maxBytes <= 0 {
		f.maxBytes = 1 << 20
	}
	return f
}

// Reader reads one partition from an offset on, committed records only, without a gap that the log does not have.
// One goroutine uses it; Failing may be called from any.
type Reader struct {
	client  *Client
	tp      topicPartition
	offset  int64
	options fetchOptions
	failing atomic.Pointer[error]
}

// NewReader makes a reader whose first fetch asks for offset.
func (c *Client) NewReader(topic string, partition int32, offset int64, o ReaderOptions) *Reader {
	return &Reader{client: c, tp: topicPartition{topic, partition}, offset: offset, options: o.fetch()}
}

// Fetch does one long poll and returns its answer, which has no records if nothing came in time. It tries until it
// has an answer, through leaders that move and brokers that are away; meanwhile Failing says why. An error means that
// the context has ended or that reading cannot go on: see the errors of this package. After an error the reader is
// where it was.
func (r *Reader) Fetch(ctx context.Context) (Fetch, error) {
	f, err := r.client.fetchOnce(ctx, r.tp, r.offset, r.options, func(err error) { r.failing.Store(&err) })
	if err != nil {
		r.failing.Store(&err)
		return Fetch{}, err
	}
	r.failing.Store(nil)
	r.offset = f.NextOffset
	return f, nil
}

// Offset returns where the next fetch will begin.
func (r *Reader) Offset() int64 { return r.offset }

// Failing returns why fetches currently fail, and nil if the last one succeeded or none was tried.
func (r *Reader) Failing() error {
	if err := r.failing.Load(); err != nil {
		return *err
	}
	return nil
}

// ReadRange calls f with the records in [from, to), in order, and returns when the log has been read up to to.
// Offsets that compaction or transactions left empty are passed over. A range that the log does not have whole is an
// OutOfRangeError: before any call if it begins too early or ends too late, else as soon as it is found. An error of f
// ends it.
func (c *Client) ReadRange(ctx context.Context, topic string, partition int32, from, to int64, f func(Record) error) error {
	if from >= to {
		return nil
	}
	tp := topicPartition{topic, partition}
	start, end, err := c.Offsets(ctx, topic, partition)
	if err != nil {
		return fmt.Errorf("read %v from %d to %d: %w", tp, from, to, err)
	}
	if from < start || to > end {
		at := from
		if from >= start {
			at = to
		}
		return fmt.Errorf("read %v from %d to %d: %w", tp, from, to,
			&OutOfRangeError{Topic: topic, Partition: partition, Offset: at, LogStart: start, LogEnd: end})
	}
	r := c.NewReader(topic, partition, from, ReaderOptions{MaxBytes: 4 << 20})
	for r.Offset() < to {
		got, err := r.Fetch(ctx)
		if err != nil {
			return fmt.Errorf("read %v from %d to %d: %w", tp, from, to, err)
		}
		for i := range got.Records {
			if got.Records[i].Offset >= to {
				return nil
			}
			if err := f(got.Records[i]); err != nil {
				return err
			}
		}
	}
	return nil
}
