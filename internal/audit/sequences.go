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
// end of the partition. Sequences rise along the log, so it looks for it by halves.
func seqOffset(ctx context.Context, log pipeline.Log, topic string, partition int32, seq uint64) (int64, error) {
	from, to, err := log.Offsets(ctx, topic, partition)
	if err != nil {
		return 0, err
	}
	for from < to {
		mid := from + (to-from)/2
		at, got, err := firstAnnouncement(ctx, log, topic, partition, mid, to)
		switch {
		case err != nil:
			return 0, err
		case at < 0 || got >= seq:
			to = mid
		default:
			from = at + 1
		}
	}
	return to, nil
}

// firstAnnouncement returns offset and sequence of the first announcement in [from, to); offset -1 where there is none.
func firstAnnouncement(ctx context.Context, log pipeline.Log, topic string, partition int32, from, to int64) (offset int64, seq uint64, err error) {
	offset = -1
	err = pipeline.ReadLog(ctx, log, topic, partition, from, to, func(r *eventlog.Record) error {
		if orderlog.IsControl(r.Headers) {
			return nil
		}
		offset = r.Offset
		if seq, err = pipeline.Sequence(r.Value); err != nil {
			return err
		}
		return errFound
	})
	if err == errFound {
		err = nil
	}
	return offset, seq, err
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
