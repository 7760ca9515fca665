package pipeline

import (
	"context"
	"strconv"

	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
)

// LastSequence returns the largest sequence among the records of an output partition before an offset, 0 if there are
// none: it reads backwards in growing steps until it finds an announcement. Sequences rise along the log.
func LastSequence(ctx context.Context, log Log, topic string, partition int32, end int64) (uint64, error) {
	start, _, err := log.Offsets(ctx, topic, partition)
	if err != nil {
		return 0, err
	}
	for from, step := end, int64(256); ; step *= 4 {
		to := from
		from = max(from-step, start)
		last := uint64(0)
		err := ReadLog(ctx, log, topic, partition, from, to, func(r *eventlog.Record) error {
			if orderlog.IsControl(r.Headers) {
				return nil
			}
			seq, err := Sequence(r.Value)
			last = max(last, seq)
			return err
		})
		if err != nil || last > 0 || from <= start {
			return last, err
		}
	}
}

// Sequence reads the sequence of an announcement or a dead letter's body: `{"id":"…","seq":N`. Both begin so.
func Sequence(value []byte) (uint64, error) {
	const mark = `","seq":`
	for i := 0; i+len(mark) < min(len(value), 128); i++ {
		if string(value[i:i+len(mark)]) == mark {
			from := i + len(mark)
			to := from
			for to < len(value) && value[to] >= '0' && value[to] <= '9' {
				to++
			}
			if seq, err := strconv.ParseUint(string(value[from:to]), 10, 64); err == nil && seq > 0 {
				return seq, nil
			}
		}
	}
	return 0, orderlog.Corrupt("a record without a sequence: %.80q", value)
}
