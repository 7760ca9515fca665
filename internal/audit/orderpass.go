package audit

import (
	"context"
	"fmt"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
	"marginledger/internal/pipeline"
	"marginledger/projector"
)

// orderPass is what reading the order log alone tells.
type orderPass struct {
	toCut uint64                 // last cut up to which it holds together
	n     uint64                 // records up to it
	seqs  [events.Streams]uint64 // announcements up to it
	whole bool                   // it is read to its end
	next  map[projector.Source]int64
	ends  map[projector.Source]int64 // of the inputs' logs

	// Where entry toCut + 1 names another hash before it: which of the two entries lies, the fold tells.
	otherPrev *orderlog.Hash
	otherAt   int // index of the difference
}

// passedOver is a CUT entry that does not count.
type passedOver struct {
	offset int64
	cut    *orderlog.Cut
}

// readOrder reads the range of the order log and finds the first entry that contradicts those before it.
func (v *verifier) readOrder(ctx context.Context) error {
	x := &v.order
	x.next, x.ends = map[projector.Source]int64{}, map[projector.Source]int64{}
	if h := v.begun.head; h != nil {
		x.toCut, x.n, x.seqs = h.Cut, h.Counters.N, h.Counters.Seqs
		for i := range h.Sources {
			x.next[h.Sources[i].Source] = h.Sources[i].Next
		}
	}
	s, err := v.past.span(ctx, v.shard)
	if err != nil {
		return err
	}
	if s.from > 0 && v.begun.head == nil {
		v.add(Difference{Kind: KindOrder, Place: placeOf(v.past.orderName(v.shard), s.from), What: fmt.Sprintf("it begins at offset %d: the order log must be kept for ever", s.from)})
		return nil
	}
	c, err := v.past.cursorBehind(ctx, v.shard, v.begun.head)
	if err != nil {
		return v.orderBroken(ctx, err, s.from, nil)
	}
	var passed *passedOver
	err = pipeline.ReadLog(ctx, v.past.Log, v.past.Config.OrderTopic, v.shard, c.Next, s.next, func(r *eventlog.Record) error {
		if v.o.ToCut > 0 && c.Cut >= v.o.ToCut {
			return errFound
		}
		before := *c
		entry, err := c.Step(r.Offset, r.Value)
		if err != nil {
			v.orderDiffers(&before, r, passed, err)
			return errFound
		}
		if entry == nil {
			if e, err := orderlog.Decode(r.Value); err == nil {
				if cut, ok := e.(*orderlog.Cut); ok {
					passed = &passedOver{r.Offset, cut}
				}
			}
		}
		if cut, ok := entry.(*orderlog.Cut); ok {
			passed = nil
			return v.orderCut(ctx, c, cut, r.Offset)
		}
		return nil
	})
	if err == errFound {
		return v.rangeEnds(c)
	}
	x.whole = err == nil
	if err != nil {
		return v.orderBroken(ctx, err, c.Next, c)
	}
	return v.rangeEnds(c)
}

// rangeEnds refuses a range that the order log does not have.
func (v *verifier) rangeEnds(c *orderlog.Cursor) error {
	if len(v.report.Differences) == 0 && v.o.ToCut > 0 && c.Cut < v.o.ToCut {
		return usage("the order log ends with cut %d, before cut %d", c.Cut, v.o.ToCut)
	}
	if v.o.FromCut > 0 && v.o.ToCut > 0 && v.o.FromCut > v.o.ToCut {
		return usage("cuts %d to %d are no range", v.o.FromCut, v.o.ToCut)
	}
	return nil
}

// orderBroken notes an order log that cannot be read further.
func (v *verifier) orderBroken(ctx context.Context, err error, offset int64, c *orderlog.Cursor) error {
	if !pipeline.IsDifference(err) {
		return err
	}
	d := Difference{Kind: KindOrder, Place: placeOf(v.past.orderName(v.shard), offset), What: err.Error()}
	if c != nil {
		d.Cut = c.Cut + 1
	}
	if err := v.past.locateDamage(ctx, &d, err); err != nil {
		return err
	}
	v.add(d)
	return nil
}

// orderCut checks what a cut's entry says beside the chain, and takes it over.
func (v *verifier) orderCut(ctx context.Context, c *orderlog.Cursor, e *orderlog.Cut, offset int64) error {
	x := &v.order
	d := Difference{Kind: KindOrder, Cut: e.Number, Place: placeOf(v.past.orderName(v.shard), offset)}
	for i, acked := range e.Acked {
		if acked > x.seqs[i] {
			d.Field, d.Have, d.Want = fmt.Sprintf("acknowledged of %s", v.past.Config.OutputTopics[i]), fmt.Sprint(acked), fmt.Sprintf("at most %d", x.seqs[i])
			d.What = "the entry says that announcements were published before they were made"
			v.add(d)
		}
	}
	for i, run := range e.Runs {
		src := projector.Source{Topic: c.Fence.Topics[run.Topic].Name, Partition: run.Partition}
		if before, ok := x.next[src]; ok && run.Next-before < int64(run.Count) {
			d.Field, d.Have, d.Want = fmt.Sprintf("runs[%d]", i), fmt.Sprintf("%d records up to offset %d", run.Count, run.Next-1), fmt.Sprintf("at most those from offset %d on", before)
			d.What = fmt.Sprintf("the entry counts more records of %s/%d than there are offsets", src.Topic, src.Partition)
			v.add(d)
			return errFound
		}
		lost, err := v.lost(ctx, src, run.Next)
		if err != nil {
			return err
		}
		if lost != "" {
			d.Kind, d.Place, d.Have, d.Want, d.What = KindInput, placeName(src, run.Next-1), "no record", "a record that was consumed", lost
			v.add(d)
			return errFound
		}
		x.next[src] = run.Next
	}
	x.toCut, x.n = e.Number, x.n+e.Records()
	for i, n := range e.Outputs.Counts {
		x.seqs[i] += n
	}
	return nil
}

// lost says that a source ends before what was consumed of it; "" where it does not.
func (v *verifier) lost(ctx context.Context, src projector.Source, next int64) (string, error) {
	end, ok := v.order.ends[src]
	if !ok {
		var err error
		if _, end, err = v.past.Log.Offsets(ctx, src.Topic, src.Partition); err != nil {
			return "", err
		}
		v.order.ends[src] = end
	}
	if next <= end {
		return "", nil
	}
	return fmt.Sprintf("%s/%d ends at offset %d, but was consumed up to %d: the topic was created again or lost records, or the entry was changed", src.Topic, src.Partition, end, next), nil
}

// orderDiffers names the field of an entry that contradicts those before it.
func (v *verifier) orderDiffers(before *orderlog.Cursor, r *eventlog.Record, passed *passedOver, err error) {
	d := Difference{Kind: KindOrder, Cut: before.Cut + 1, Place: placeOf(v.past.orderName(v.shard), r.Offset), What: err.Error()}
	entry, decodeErr := orderlog.Decode(r.Value)
	e, isCut := entry.(*orderlog.Cut)
	switch {
	case decodeErr != nil, !isCut:
	case e.Number != before.Cut+1 && passed != nil && passed.cut.Number == before.Cut+1:
		d.Place, d.Field = placeOf(v.past.orderName(v.shard), passed.offset), "term"
		d.Have, d.Want = fmt.Sprint(passed.cut.Term), fmt.Sprint(before.Term)
		d.What = fmt.Sprintf("the entry of cut %d is of another term and does not count, yet cut %d follows", passed.cut.Number, e.Number)
	case e.Number != before.Cut+1:
		d.Field, d.Have, d.Want = "number", fmt.Sprint(e.Number), fmt.Sprint(before.Cut+1)
	case e.Prev != before.Chain:
		d.Field, d.Have, d.Want = "previous", e.Prev.String(), before.Chain.String()
		v.order.otherPrev = &e.Prev
	default:
		d.Field = "runs"
	}
	v.order.otherAt = v.add(d)
}

// placeOf names an offset of a partition.
func placeOf(partition string, offset int64) string { return fmt.Sprintf("%s@%d", partition, offset) }
