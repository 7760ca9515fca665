package pipeline

import (
	"context"
	"fmt"

	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
)

// Owner returns the address in the last fence of a shard: who owns it, or did. "" means that nobody has yet, or that
// the owner gives no address.
func (n *Node) Owner(ctx context.Context, shard int32) (string, error) {
	n.mu.Lock()
	known, ok := n.owners[shard]
	n.mu.Unlock()
	if ok && n.cfg.clock().Sub(known.at) < ownerFor {
		return known.address, nil
	}
	f, err := lastFence(ctx, n.log, n.cfg.OrderTopic, shard)
	if err != nil {
		return "", fmt.Errorf("look up the owner of shard %d: %w", shard, err)
	}
	known = owner{at: n.cfg.clock()}
	if f != nil {
		known.address = f.Address
	}
	n.mu.Lock()
	n.owners[shard] = known
	n.mu.Unlock()
	return known.address, nil
}

// lastFence returns the fence of the current term: every entry names its term, and a term is the offset of its fence.
func lastFence(ctx context.Context, log Log, topic string, shard int32) (*orderlog.Fence, error) {
	start, end, err := log.Offsets(ctx, topic, shard)
	if err != nil {
		return nil, err
	}
	term := int64(-1)
	for from, step := end, int64(16); term < 0 && from > start; step *= 4 {
		to := from
		from = max(from-step, start)
		err := ReadLog(ctx, log, topic, shard, from, to, func(r *eventlog.Record) error {
			entry, err := orderlog.Decode(r.Value)
			if err != nil {
				return err
			}
			switch e := entry.(type) {
			case *orderlog.Fence:
				term = r.Offset
			case *orderlog.Cut:
				term = max(term, e.Term)
			case *orderlog.Skip:
				term = max(term, e.Term)
			case *orderlog.Heartbeat:
				term = max(term, e.Term)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if term < 0 {
		return nil, nil
	}
	r, err := readOne(ctx, log, topic, shard, term, term+1)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, orderlog.Corrupt("%s has no fence at offset %d", partitionName(topic, shard), term)
	}
	entry, err := orderlog.Decode(r.Value)
	if err != nil {
		return nil, err
	}
	f, ok := entry.(*orderlog.Fence)
	if !ok {
		return nil, orderlog.Corrupt("%s has a %T at offset %d, expected a fence", partitionName(topic, shard), entry, term)
	}
	return f, nil
}
