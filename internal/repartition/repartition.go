// Package repartition copies an exchange's topic that is keyed by market into one that is keyed by owner.
//
// The ledger wants every fact of an account on one partition; a matching engine often keys its fills by market. The
// copier decodes each record, makes the owner its key, and appends it to the partition that murmur2 gives. Values are
// copied byte for byte, and so are timestamps and headers.
//
// # Once each, over restarts and crashes
//
// There is no state but the target. The last record of every batch carries the copier's progress in a header:
//
//	low   per source partition: everything below is in the target, on whichever partition
//	next  per source partition: everything below that belongs to this target partition is in it
//
// Kafka appends a batch whole or not at all, so the newest record of each target partition says what is missing.
// A second copier of the same two topics deposes the first through their transactional id; each also compares the
// offset of every batch with the one it expects, and stops when somebody else has written in between. What a deposed
// copier may have appended in that instant is a repetition, which the ledger recognises by its event id.
package repartition

import (
	"context"
	"errors"
	"fmt"

	"marginledger/events"
	"marginledger/internal/eventlog"
)

// Headers of the copied records.
const (
	HeaderSource   = "repartition.source"   // topic/partition@offset of the original
	HeaderProgress = "repartition.progress" // on the last record of a batch
	HeaderNote     = "repartition.note"     // why a record kept its own key
)

// Options say what is copied.
type Options struct {
	From, To string
	Once     bool           // end when everything that was there at the start is copied
	Progress func(Progress) // called after every round; nil: not at all
	Round    int            // records per round at most; default 10,000

	// Produced, if set, is called after each acknowledged batch, from several goroutines. Its error ends the run on the
	// spot, as a crash would.
	Produced func(partition int) error
}

// Progress is how far a copier has come in this run.
type Progress struct {
	Copied    uint64 // records appended
	Skipped   uint64 // records that the target had already
	Undecoded uint64 // copied under their own key: undecodable, or of no account
	Lag       int64  // offsets not yet read, over all source partitions
}

// ErrOther means that somebody else writes to the target.
var ErrOther = errors.New("somebody else writes to the target topic")

// Run copies until the context ends (that is no error), or with Once until the end.
func Run(ctx context.Context, client *eventlog.Client, o Options) (Progress, error) {
	c, err := open(ctx, client, o)
	switch {
	case ctx.Err() != nil:
		return Progress{}, nil
	case err != nil:
		return Progress{}, fmt.Errorf("repartition %s to %s: %w", o.From, o.To, err)
	}
	for !c.done() && ctx.Err() == nil {
		if err := c.round(ctx); err != nil {
			if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
				return c.progress, nil
			}
			return c.progress, fmt.Errorf("repartition %s to %s: %w", o.From, o.To, err)
		}
		if o.Progress != nil {
			o.Progress(c.progress)
		}
	}
	return c.progress, nil
}

// copier is one run. One goroutine owns it; a round's goroutines touch disjoint parts.
type copier struct {
	opts     Options
	client   *eventlog.Client
	producer *eventlog.Producer
	decoder  events.Decoder
	sources  []*source // by partition
	targets  []*target // by partition
	progress Progress
	resumed  bool // some target partition had records
}

// source is one partition that is read.
type source struct {
	reader  *eventlog.Reader
	buffer  []eventlog.Record
	end     int64 // last stable offset of the newest fetch
	goal    int64 // where Once ends
	next    int64 // everything below has been taken into a round
	low     int64 // everything below is in the target
	drained bool  // the newest fetch reached the end
}

// target is one partition that is written.
type target struct {
	end  int64   // offset of the next record, if we are alone
	next []int64 // by source partition, see HeaderProgress
	todo []outgoing

	copied uint64 // records acknowledged in this round
}

// outgoing is a record on its way, with where it came from.
type outgoing struct {
	record eventlog.ProduceRecord
	source int
	offset int64
}

// open looks at both topics, deposes an earlier copier, and finds out where to go on.
func open(ctx context.Context, client *eventlog.Client, o Options) (*copier, error) {
	if o.From == o.To {
		return nil, errors.New("source and target are the same topic")
	}
	if o.Round <= 0 {
		o.Round = 10_000
	}
	infos, err := client.DescribeTopics(ctx, []string{o.From, o.To})
	if err != nil {
		return nil, err
	}
	for _, name := range []string{o.From, o.To} {
		if _, ok := infos[name]; !ok {
			return nil, fmt.Errorf("the cluster has no topic %q", name)
		}
	}
	c := &copier{opts: o, client: client}
	if c.producer, err = client.NewProducer(ctx, "repartition/"+o.From+"/"+o.To); err != nil {
		return nil, err
	}
	c.producer.Compression = eventlog.Lz4
	n := len(infos[o.From].Partitions)
	c.sources = make([]*source, n)
	for i := range c.sources {
		c.sources[i] = &source{}
	}
	for p := range infos[o.To].Partitions {
		t, err := c.recover(ctx, int32(p), n)
		if err != nil {
			return nil, err
		}
		c.targets = append(c.targets, t)
	}
	for p, s := range c.sources {
		if err := c.start(ctx, int32(p), s); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// recover reads the progress from the newest record of a target partition.
func (c *copier) recover(ctx context.Context, p int32, sources int) (*target, error) {
	begin, end, err := c.client.Offsets(ctx, c.opts.To, p)
	if err != nil {
		return nil, err
	}
	t := &target{end: end, next: make([]int64, sources)}
	if end == 0 {
		return t, nil
	}
	c.resumed = true
	if begin == end {
		return nil, fmt.Errorf("%s/%d: its newest records are gone, so nobody knows what was copied; use a new topic", c.opts.To, p)
	}
	err = c.client.ReadRange(ctx, c.opts.To, p, end-1, end, func(r eventlog.Record) error {
		for _, h := range r.Headers {
			if h.Key == HeaderProgress {
				low, next, err := parseProgress(string(h.Value), sources)
				if err != nil {
					return fmt.Errorf("%s/%d@%d: %w", c.opts.To, p, r.Offset, err)
				}
				t.next = next
				for i, v := range low {
					c.sources[i].low = max(c.sources[i].low, v)
				}
				return nil
			}
		}
		return fmt.Errorf("%s/%d@%d has no header %s: %w", c.opts.To, p, r.Offset, HeaderProgress, ErrOther)
	})
	return t, err
}

// start opens the reader of a source partition at the first record that some target partition may lack.
func (c *copier) start(ctx context.Context, p int32, s *source) error {
	begin, end, err := c.client.Offsets(ctx, c.opts.From, p)
	if err != nil {
		return err
	}
	least := int64(-1)
	for _, t := range c.targets {
		if least < 0 || t.next[p] < least {
			least = t.next[p]
		}
	}
	at := max(s.low, least)
	if !c.resumed {
		at = begin // Nothing was ever copied: begin with what is there.
	}
	if at < begin || at > end {
		return &eventlog.OutOfRangeError{Topic: c.opts.From, Partition: p, Offset: at, LogStart: begin, LogEnd: end}
	}
	s.next, s.low, s.end, s.goal = at, at, end, end
	s.drained = at == end
	s.reader = c.client.NewReader(c.opts.From, p, at, readerOptions)
	return nil
}

// done says whether a run with Once has reached its goal.
func (c *copier) done() bool {
	if !c.opts.Once {
		return false
	}
	for _, s := range c.sources {
		if s.next < s.goal {
			return false
		}
	}
	return true
}
