package audit

import (
	"context"
	"fmt"

	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
	"marginledger/internal/pipeline"
	"marginledger/projector"
)

// extent is what a range of a shard's order log consumed and announced.
type extent struct {
	fence     *orderlog.Fence // of the last term in it
	clusterID string
	cuts      uint64
	last      *orderlog.Cut // nil where the range has none
	orderNext int64         // order-log offset behind the last cut
	n         uint64        // records up to the last cut
	seqs      [3]uint64     // announcements up to the last cut
	next      map[projector.Source]int64
}

// entry reads the entry at an offset of a shard's order log; nil where there is none.
func (p *Past) entry(ctx context.Context, shard int32, offset int64) (any, error) {
	s, err := p.span(ctx, shard)
	if err != nil || offset < s.from || offset >= s.next {
		return nil, err
	}
	var found *eventlog.Record
	err = pipeline.ReadLog(ctx, p.Log, p.Config.OrderTopic, shard, offset, offset+1, func(r *eventlog.Record) error {
		found = r
		return errFound
	})
	if found == nil {
		return nil, err
	}
	e, err := orderlog.Decode(found.Value)
	if err != nil {
		return nil, fmt.Errorf("read %s at offset %d: %w", p.orderName(shard), offset, err)
	}
	return e, nil
}

// cursorBehind returns a cursor of a shard's order log: behind a head, or at the beginning where there is none.
func (p *Past) cursorBehind(ctx context.Context, shard int32, h *orderlog.Head) (*orderlog.Cursor, error) {
	s, err := p.span(ctx, shard)
	if err != nil {
		return nil, err
	}
	at := s.from
	if h != nil {
		at = h.Term
	}
	e, err := p.entry(ctx, shard, at)
	if err != nil {
		return nil, err
	}
	fence, ok := e.(*orderlog.Fence)
	switch {
	case e == nil && h == nil: // an empty order log
		return orderlog.NewCursor(p.orderName(shard), orderlog.Genesis(shard, projector.DefaultDedupeWindow)), nil
	case !ok:
		return nil, orderlog.Corrupt("%s has no fence at offset %d", p.orderName(shard), at)
	case h == nil:
		return orderlog.NewCursor(p.orderName(shard), orderlog.Genesis(shard, fence.DedupeWindow)), nil
	}
	return orderlog.NewCursorAt(p.orderName(shard), h, fence), nil
}

// scan reads a shard's order log behind a head (nil: from the beginning) up to a cut (0: to its end). each, if set, hears
// of every entry that counts, with the cursor behind it.
func (p *Past) scan(ctx context.Context, shard int32, h *orderlog.Head, toCut uint64, each func(c *orderlog.Cursor, offset int64, entry any) error) (extent, error) {
	x := extent{next: map[projector.Source]int64{}}
	s, err := p.span(ctx, shard)
	if err != nil {
		return x, err
	}
	c, err := p.cursorBehind(ctx, shard, h)
	if err != nil {
		return x, err
	}
	if h != nil {
		x.n, x.seqs, x.orderNext, x.clusterID = h.Counters.N, h.Counters.Seqs, h.OrderNext, h.ClusterID
	}
	err = pipeline.ReadLog(ctx, p.Log, p.Config.OrderTopic, shard, c.Next, s.next, func(r *eventlog.Record) error {
		if toCut > 0 && c.Cut >= toCut {
			return errFound
		}
		entry, err := c.Step(r.Offset, r.Value)
		if err != nil {
			return err
		}
		x.add(c, entry, r.Offset)
		if each != nil && entry != nil {
			return each(c, r.Offset, entry)
		}
		return nil
	})
	if err == errFound {
		err = nil
	}
	if x.fence == nil {
		x.fence = c.Fence
	}
	return x, err
}

func (x *extent) add(c *orderlog.Cursor, entry any, offset int64) {
	switch e := entry.(type) {
	case *orderlog.Fence:
		x.fence, x.clusterID = e, e.ClusterID
	case *orderlog.Cut:
		x.cuts++
		x.last, x.orderNext = e, offset+1
		x.n += e.Records()
		for i, n := range e.Outputs.Counts {
			x.seqs[i] += n
		}
		for _, run := range e.Runs {
			x.next[projector.Source{Topic: c.Fence.Topics[run.Topic].Name, Partition: run.Partition}] = run.Next
		}
	}
}
