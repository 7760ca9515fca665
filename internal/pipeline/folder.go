package pipeline

import (
	"fmt"
	"slices"

	"marginledger/events"
	"marginledger/internal/orderlog"
	"marginledger/projector"
)

// folder consumes records and gathers what follows from them into cuts. Which record comes next is its caller's
// business: the merge rule when live, the order log when replaying. It belongs to one goroutine.
type folder struct {
	cfg     *Config
	shard   int32
	fold    Fold
	topics  []orderlog.Topic
	sources []*source // in the order of (topic, partition)
	skips   []orderlog.PendingSkip

	number uint64 // of the last closed cut
	cur    *cut   // open; nil where no record was consumed since
	room   room   // what the last closed cut took

	record projector.Record
	ahead  []*events.Event // a buffer

	// Of a refold whose caller watches; nil otherwise.
	before func(*projector.Record) error
	after  func(*projector.Record, *projector.Effects) error
}

// room is how many bytes of each kind a cut took.
type room struct {
	inputs, rows int
	text         [events.Streams]int
}

// open opens a cut with room for as much as the last one took: growing from nothing, all of it would be copied twice.
func (f *folder) open() *cut {
	c := &cut{entry: orderlog.Cut{Number: f.number + 1}, opened: f.cfg.clock()}
	c.inputs, c.rows = make([]byte, 0, f.room.inputs), make([]byte, 0, f.room.rows)
	for i, n := range f.room.text {
		if n > 0 {
			c.outputs[i].text = make([]byte, 0, n)
		}
	}
	return c
}

// isSkipped reports whether a SKIP is pending for a record.
func (f *folder) isSkipped(src projector.Source, offset int64) bool {
	return len(f.skips) > 0 && f.pendingSkip(src, offset) >= 0
}

func (f *folder) pendingSkip(src projector.Source, offset int64) int {
	return slices.IndexFunc(f.skips, func(s orderlog.PendingSkip) bool {
		return s.Skip.Offset == offset && s.Skip.Source == src
	})
}

// consume applies the head of a source. It fails where the record must not be applied: then nothing has changed.
func (f *folder) consume(s *source, it *item) error {
	skip, err := f.skipOf(s, it)
	if err != nil {
		return err
	}
	if it.schema != nil && skip == nil {
		return f.unknownSchema(s, it)
	}
	if f.cur == nil {
		f.cur = f.open()
	}
	c, r := f.cur, &f.record
	*r = projector.Record{
		Source: s.name, Offset: it.rec.Offset, Timestamp: it.rec.Timestamp, Key: it.rec.Key, Value: it.rec.Value,
		Role: s.role, Event: it.event, Undecodable: it.undecodable(), Detail: it.detail, WrongPartition: it.misplaced,
	}
	if skip != nil {
		r.Event, r.Undecodable, r.Skipped, r.Detail = nil, "", true, skip.Skip.Reason
		c.skips = append(c.skips, skip.Entry)
	}
	if f.before != nil {
		if err := f.before(r); err != nil {
			return err
		}
	}
	if s.role == events.RoleAccounts && s.pos >= s.ahead {
		f.readAhead(s)
	}
	fx := f.fold.Apply(r)
	c.run(s, it.rec.Offset+1)
	c.inputs = append(c.inputs, it.digest[:]...)
	c.announced(fx)
	c.tally.count(r, fx)
	s.advance(it)
	if f.after != nil {
		return f.after(r, fx)
	}
	return nil
}

// aheadFacts is for how many facts of a source memory is read before the first of them is applied.
const aheadFacts = 32

// readAhead tells the fold what comes next of a source.
func (f *folder) readAhead(s *source) {
	f.ahead = f.ahead[:0]
	if s.cur != nil {
		s.ahead = min(s.pos+aheadFacts, len(s.cur.items))
		for i := s.pos; i < s.ahead; i++ {
			f.ahead = append(f.ahead, s.cur.items[i].event)
		}
	}
	f.fold.ReadAhead(f.ahead)
}

func (f *folder) unknownSchema(s *source, it *item) error {
	at := placeName(s.name, it.rec.Offset)
	return fmt.Errorf("shard %d stops at %s: %w (this record: \"ledger skip --at %s --reason …\")", f.shard, at, it.schema, at)
}

// skipOf takes the pending SKIP of a record, nil where there is none.
func (f *folder) skipOf(s *source, it *item) (*orderlog.PendingSkip, error) {
	if len(f.skips) == 0 {
		return nil, nil
	}
	i := f.pendingSkip(s.name, it.rec.Offset)
	if i < 0 {
		return nil, nil
	}
	p := f.skips[i]
	if p.Skip.Record != it.digest {
		return nil, orderlog.Corrupt("the record at %s is not the one that was skipped: digest %v, the SKIP has %v",
			placeName(s.name, it.rec.Offset), it.digest, p.Skip.Record)
	}
	f.skips = slices.Delete(slices.Clone(f.skips), i, i+1)
	return &p, nil
}

// run adds one record to the cut's runs.
func (c *cut) run(s *source, next int64) {
	if n := len(c.entry.Runs); n > 0 {
		if last := &c.entry.Runs[n-1]; last.Topic == s.topic && last.Partition == s.name.Partition {
			last.Next = next
			last.Count++
			return
		}
	}
	c.entry.Runs = append(c.entry.Runs, orderlog.Run{Topic: s.topic, Partition: s.name.Partition, Next: next, Count: 1})
}

// announced takes the outputs of one record over: effects hold until the next one only.
func (c *cut) announced(fx *projector.Effects) {
	for i := range fx.Outputs {
		out := &fx.Outputs[i]
		o := &c.outputs[out.Kind.Stream()]
		o.text = out.AppendJSON(o.text)
		key := out.Owner
		if key == "" {
			key = out.Venue
		}
		o.add(out.Seq, key)
	}
	for i := range fx.DeadLetters {
		o := &c.outputs[events.StreamDeadLetters]
		o.text = fx.DeadLetters[i].AppendJSON(o.text)
		o.add(fx.DeadLetters[i].Seq, string(fx.DeadLetters[i].Key))
	}
	c.announce += len(fx.Outputs) + len(fx.DeadLetters)
}

// close ends the open cut: changed rows, the dedupe window's additions, and where every source stands.
func (f *folder) close() *cut {
	c := f.cur
	f.cur = nil
	f.number = c.entry.Number
	f.fold.TakeChanged(func(r projector.Row) { c.rows = orderlog.AppendRow(c.rows, r.Key, r.Value) })
	f.fold.TakeSeen(func(src projector.Source, entries []byte) {
		c.seen = append(c.seen, seenRun{src, slices.Clone(entries)})
	})
	c.counters = f.fold.Counters()
	c.pending = f.skips
	c.places = make([]orderlog.Place, 0, len(f.sources))
	for _, s := range f.sources {
		if s.place.Last >= 0 {
			c.places = append(c.places, s.place)
			s.consumed.Store(s.place.Next)
		}
	}
	c.closed = f.cfg.clock()
	f.room.inputs, f.room.rows = len(c.inputs), len(c.rows)
	c.bytes = cap(c.rows) + cap(c.inputs) + 4096
	for _, s := range c.seen {
		c.bytes += len(s.entries)
	}
	for i := range c.outputs {
		f.room.text[i] = len(c.outputs[i].text)
		c.bytes += cap(c.outputs[i].text) + 32*c.outputs[i].len()
	}
	return c
}

// source returns the source of a run.
func (f *folder) source(topic string, partition int32) *source {
	i, ok := slices.BinarySearchFunc(f.sources, projector.Source{Topic: topic, Partition: partition},
		func(s *source, want projector.Source) int { return orderlog.CompareSources(s.name, want) })
	if !ok {
		return nil
	}
	return f.sources[i]
}
