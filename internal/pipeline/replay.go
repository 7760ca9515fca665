package pipeline

import (
	"context"
	"errors"
	"fmt"

	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
	"marginledger/projector"
)

// replay folds what the order log says, from where the cursor is: exactly its runs, in its order.
type replay struct {
	log    Log
	topic  string
	shard  int32
	to     int64 // order-log offset at which it ends; negative: follow the log for ever
	toCut  uint64
	cursor *orderlog.Cursor
	folder *folder
	feed   *feed
	fence  func(*orderlog.Fence) error // hears of every fence on the way; may be nil
}

// errEnough ends a replay at toCut.
var errEnough = errors.New("enough")

// run hands every cut to submit, with the entry that it must agree with.
func (r *replay) run(ctx context.Context, submit func(*cut) error) error {
	if r == nil {
		return nil
	}
	err := ReadLog(ctx, r.log, r.topic, r.shard, r.cursor.Next, r.to, func(rec *eventlog.Record) error {
		entry, err := r.cursor.Step(rec.Offset, rec.Value)
		if err != nil {
			return err
		}
		switch e := entry.(type) {
		case *orderlog.Fence:
			if r.fence != nil {
				return r.fence(e)
			}
		case *orderlog.PendingSkip:
			r.addSkip(e)
		case *orderlog.Cut:
			c, err := r.fold(ctx, e)
			if err != nil {
				return fmt.Errorf("replay cut %d of shard %d: %w", e.Number, r.shard, err)
			}
			c.replayed, c.next = e, rec.Offset+1
			if err := submit(c); err != nil {
				return err
			}
			if e.Number == r.toCut {
				return errEnough
			}
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// addSkip notes a SKIP, unless its record is consumed already.
func (r *replay) addSkip(p *orderlog.PendingSkip) {
	s := r.folder.source(p.Skip.Source.Topic, p.Skip.Source.Partition)
	if s != nil && p.Skip.Offset < s.place.Next || r.folder.isSkipped(p.Skip.Source, p.Skip.Offset) {
		return
	}
	r.folder.skips = append(r.folder.skips[:len(r.folder.skips):len(r.folder.skips)], *p)
}

// InputError says that a source does not have the records that a cut consumed.
type InputError struct {
	Cut    uint64
	Source projector.Source
	Next   int64  // the run consumed the offsets before this one
	Short  uint64 // how many of its records are not there; 0: there are others
	// Gaps are the offsets that are not there, behind the first record of the run: if they are as many as Short, these
	// are the missing records. A compacted topic has gaps too.
	Gaps []int64
	Err  error
}

// Error implements error.
func (e *InputError) Error() string { return e.Err.Error() }

// Unwrap implements errors.Wrapper.
func (e *InputError) Unwrap() error { return e.Err }

// maxGaps bounds the offsets that an InputError names.
const maxGaps = 64

// fold applies the records of one cut.
func (r *replay) fold(ctx context.Context, e *orderlog.Cut) (*cut, error) {
	for i := range e.Runs {
		if err := r.foldRun(ctx, e, &e.Runs[i]); err != nil {
			return nil, err
		}
	}
	if r.folder.cur == nil {
		return nil, orderlog.Corrupt("the cut is empty")
	}
	return r.folder.close(), nil
}

func (r *replay) foldRun(ctx context.Context, e *orderlog.Cut, run *orderlog.Run) error {
	topic := r.cursor.Fence.Topics[run.Topic].Name
	s := r.folder.source(topic, run.Partition)
	if s == nil {
		return fmt.Errorf("%s was consumed, but is not among the configured topics", partitionName(topic, run.Partition))
	}
	bad := &InputError{Cut: e.Number, Source: s.name, Next: run.Next}
	for i := range run.Count {
		var it *item
		var err error
		if s.place.Next < run.Next {
			it, err = r.feed.await(ctx, s, run.Next)
		}
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			return sourceError(r.shard, err)
		}
		if it == nil || it.rec.Offset >= run.Next {
			bad.Short = run.Count - i
			bad.gap(s.place.Next, run.Next)
			bad.Err = orderlog.Corrupt("%s has fewer records before offset %d than were consumed: retention or compaction removed facts that the replay needs; "+
				"restore them, or recover from a newer snapshot", partitionName(topic, run.Partition), run.Next)
			return bad
		}
		if it.rec.Offset != s.place.Next {
			bad.gap(s.place.Next, it.rec.Offset)
		}
		if err := r.folder.consume(s, it); err != nil {
			return err
		}
	}
	if s.place.Next != run.Next {
		bad.Err = orderlog.Corrupt("%s has other records before offset %d than were consumed: it was rewritten", partitionName(topic, run.Partition), run.Next)
		return bad
	}
	return nil
}

// gap notes the offsets of [from, to) as not there; nothing is known of those before a source's first record.
func (e *InputError) gap(from, to int64) {
	for o := from; from >= 0 && o < to && len(e.Gaps) < maxGaps; o++ {
		e.Gaps = append(e.Gaps, o)
	}
}

// extent is what a stretch of the order log consumed and says.
type extent struct {
	last *orderlog.Cut // nil where it has none
	next map[projector.Source]int64
}

// scan reads a stretch of the order log without folding, up to an offset and, unless that is 0, a cut. c is moved to its
// end.
func scan(ctx context.Context, log Log, topic string, shard int32, c *orderlog.Cursor, to int64, toCut uint64, each func(offset int64, entry any) error) (extent, error) {
	x := extent{next: make(map[projector.Source]int64)}
	err := ReadLog(ctx, log, topic, shard, c.Next, to, func(rec *eventlog.Record) error {
		entry, err := c.Step(rec.Offset, rec.Value)
		if err != nil {
			return err
		}
		if cut, ok := entry.(*orderlog.Cut); ok {
			x.last = cut
			for _, run := range cut.Runs {
				x.next[projector.Source{Topic: c.Fence.Topics[run.Topic].Name, Partition: run.Partition}] = run.Next
			}
		}
		if each != nil && entry != nil {
			if err := each(rec.Offset, entry); err != nil {
				return err
			}
		}
		if toCut > 0 && c.Cut >= toCut {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return x, fmt.Errorf("read the order log of shard %d: %w", shard, err)
	}
	return x, nil
}
