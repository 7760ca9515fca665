package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"marginledger/events"
	"marginledger/internal/eventlog"
)

// topicOf is where facts of a role go, without the cluster's prefix; topics that are not needed do not exist.
var topicOf = map[events.Role]string{
	events.RoleConfig:   "bench.rules.v1",
	events.RoleAccounts: "bench.accounts.v1",
	events.RolePrices:   "bench.prices.v1",
}

// feed produces facts as an exchange does: protobuf, sequenced, times that do not fall. Every topic has one partition.
type feed struct {
	numbered
	parts map[events.Role]*eventlog.Async
	sent  int
	room  []byte // keys and values are cut off it, and never written again
}

func newFeed(ctx context.Context, c *cluster) (*feed, error) {
	p, err := c.client.NewProducer(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("feed the ledger: %w", err)
	}
	f := &feed{parts: make(map[events.Role]*eventlog.Async)}
	for role, topic := range topicOf {
		f.parts[role] = p.Async(ctx, c.prefix+topic, 0)
	}
	return f, nil
}

// send sends a fact that happens now; it waits while too much is under way.
func (f *feed) send(owner string, body events.Body) error {
	const room, largest = 1 << 20, 8 << 10
	if cap(f.room)-len(f.room) < largest {
		f.room = make([]byte, 0, room)
	}
	now := time.Now()
	start := len(f.room)
	f.room = append(f.room, owner...)
	key := f.room[start:len(f.room):len(f.room)]
	start = len(f.room)
	e := f.fact(owner, body, now.UnixNano())
	f.room = events.AppendProto(f.room, e)
	f.sent++
	return f.parts[e.Type.Role()].Add(eventlog.ProduceRecord{Key: key, Value: f.room[start:len(f.room):len(f.room)], Timestamp: now.UnixMilli()})
}

// flush waits until everything is acknowledged.
func (f *feed) flush() error {
	var errs []error
	for _, p := range f.parts {
		errs = append(errs, p.Flush())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("feed the ledger: %w", err)
	}
	return nil
}
