package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"marginledger/internal/eventlog"
)

// Topic reads the announcements of one output topic from Kafka. It keeps nothing: sequences rise with offsets, so the
// place of a sequence number is found by halving.
type Topic struct {
	Client *eventlog.Client
	Name   string
}

// linear is how many offsets are read one after the other rather than halved.
const linear = 2_000

// errEnough ends a scan.
var errEnough = errors.New("enough")

// Since returns up to limit announcements of a shard with seq > since, in order.
func (t *Topic) Since(ctx context.Context, shard int32, since uint64, limit int) ([]Announcement, error) {
	low, end, err := t.Client.Offsets(ctx, t.Name, shard)
	if err != nil {
		return nil, fmt.Errorf("read announcements since %d: %w", since, err)
	}
	// Invariant: every announcement below low has seq ≤ since; at or above high, > since, if there is one.
	for high := end; high-low > linear; {
		mid := low + (high-low)/2
		seq, offset, ok, err := t.firstIn(ctx, shard, mid, high)
		switch {
		case err != nil:
			return nil, err
		case ok && seq <= since:
			low = offset + 1
		default:
			high = mid
		}
	}
	var out []Announcement
	err = t.Client.ReadRange(ctx, t.Name, shard, low, end, func(r eventlog.Record) error {
		if seq, ok := sequence(r.Value); ok && seq > since {
			if out = append(out, Announcement{Seq: seq, Value: append([]byte(nil), r.Value...)}); len(out) == limit {
				return errEnough
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, fmt.Errorf("read announcements since %d: %w", since, err)
	}
	return out, nil
}

// firstIn returns the first announcement in [from, to); control records lie between.
func (t *Topic) firstIn(ctx context.Context, shard int32, from, to int64) (seq uint64, offset int64, ok bool, err error) {
	err = t.Client.ReadRange(ctx, t.Name, shard, from, to, func(r eventlog.Record) error {
		if seq, ok = sequence(r.Value); ok {
			offset = r.Offset
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return seq, offset, ok, err
}

// sequence returns an announcement's sequence number; ok is false for control records, which have none.
func sequence(value []byte) (seq uint64, ok bool) {
	var head struct {
		Seq uint64 `json:"seq"`
	}
	if json.Unmarshal(value, &head) != nil {
		return 0, false
	}
	return head.Seq, head.Seq > 0
}
