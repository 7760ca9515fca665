package pipeline

import (
	"context"
	"fmt"
	"time"

	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
)

// checkTimeout bounds one wait for records that are known to be there.
const checkTimeout = 30 * time.Second

// tape reads an output partition record by record, up to the end that it had at first.
type tape struct {
	reader Reader
	name   string
	next   int64
	end    int64
	batch  []eventlog.Record
	seq    uint64 // of the last announcement taken
}

func newTape(ctx context.Context, log Log, topic string, partition int32) (*tape, int64, error) {
	start, end, err := log.Offsets(ctx, topic, partition)
	if err != nil {
		return nil, 0, err
	}
	return &tape{reader: log.Reader(topic, partition, start), name: partitionName(topic, partition), next: start, end: end}, start, nil
}

// peek returns the next announcement without taking it; nil at the end.
func (t *tape) peek(ctx context.Context) (*eventlog.Record, error) {
	for {
		for len(t.batch) > 0 {
			r := &t.batch[0]
			if r.Offset >= t.end {
				return nil, nil
			}
			if !orderlog.IsControl(r.Headers) {
				return r, nil
			}
			t.batch = t.batch[1:]
		}
		if t.next >= t.end {
			return nil, nil
		}
		ctx, cancel := context.WithTimeout(ctx, checkTimeout)
		f, err := t.reader.Fetch(ctx)
		cancel()
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", t.name, err)
		}
		t.batch, t.next = f.Records, f.NextOffset
	}
}

func (t *tape) take() { t.batch = t.batch[1:] }
