package audit

import (
	"context"
	"slices"

	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
	"marginledger/internal/pipeline"
	"marginledger/projector"
)

// seqOffset returns the offset of the first announcement of an output partition whose sequence is at least seq, or the
// end of the partition.
func seqOffset(ctx context.Context, log pipeline.Log, topic string, partition int32, seq uint64) (int64, error) {
	return firstWith(ctx, log, topic, partition, func(value []byte) (bool, error) {
		got, err := pipeline.Sequence(value)
		return got >= seq, err
	})
}

// firstWith returns the offset of the first announcement for which late holds, or the end of the partition. It holds for
// all that follow: sequences and records rise along the log, so it looks for it by halves.
func firstWith(ctx context.Context, log pipeline.Log, topic string, partition int32, late func(value []byte) (bool, error)) (int64, error) {
	from, to, err := log.Offsets(ctx, topic, partition)
	if err != nil {
		return 0, err
	}
	for from < to {
		mid := from + (to-from)/2
		at, isLate, err := firstAnnouncement(ctx, log, topic, partition, mid, to, late)
		switch {
		case err != nil:
			return 0, err
		case at < 0 || isLate:
			to = mid
		default:
			from = at + 1
		}
	}
	return to, nil
}

// firstAnnouncement returns the offset of the first announcement in [from, to), and whether it is late; offset -1 where
// there is none.
func firstAnnouncement(ctx context.Context, log pipeline.Log, topic string, partition int32, from, to int64, late func([]byte) (bool, error)) (offset int64, isLate bool, err error) {
	offset = -1
	err = pipeline.ReadLog(ctx, log, topic, partition, from, to, func(r *eventlog.Record) error {
		if orderlog.IsControl(r.Headers) {
			return nil
		}
		offset = r.Offset
		if isLate, err = late(r.Value); err != nil {
			return err
		}
		return errFound
	})
	if err == errFound {
		err = nil
	}
	return offset, isLate, err
}

// sortedSources returns the keys of a map in the order of (topic, partition).
func sortedSources[V any](m map[projector.Source]V) []projector.Source {
	keys := make([]projector.Source, 0, len(m))
	for src := range m { // unordered: sorted below
		keys = append(keys, src)
	}
	slices.SortFunc(keys, orderlog.CompareSources)
	return keys
}
