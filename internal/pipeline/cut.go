package pipeline

import (
	"crypto/sha256"
	"time"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
	"marginledger/projector"
)

// cut is a run of consumed records on its way: what the fold said about them, and their entry in the order log.
type cut struct {
	entry    orderlog.Cut // Prev, Hash and Acked are set behind the fold
	inputs   []byte       // digests of the records
	rows     []byte       // changed rows, as orderlog.AppendRow writes them
	seen     []seenRun
	skips    []orderlog.Hash
	outputs  [events.Streams]outputs
	announce int // outputs so far

	// The head after the cut. Places are of the sources that have one.
	counters projector.Counters
	places   []orderlog.Place
	pending  []orderlog.PendingSkip
	next     int64 // order-log offset after the entry

	replayed *orderlog.Cut // the entry that this must agree with; nil for a new cut
	opened   time.Time
	closed   time.Time
	acked    time.Time
	tally    tally
	bytes    int // of memory, about; fixed when it is closed
}

// seenRun is what one source added to the dedupe window.
type seenRun struct {
	source  projector.Source
	entries []byte
}

// outputs are the announcements of a cut on one topic: record i is text[ends[i-1]:ends[i]].
type outputs struct {
	first uint64 // sequence of the first
	text  []byte
	ends  []int
	keys  []string
}

func (o *outputs) len() int { return len(o.ends) }

func (o *outputs) value(i int) []byte {
	start := 0
	if i > 0 {
		start = o.ends[i-1]
	}
	return o.text[start:o.ends[i]:o.ends[i]]
}

// key returns the record's key: the owner, else the venue; null where there is neither.
func (o *outputs) key(i int) []byte {
	if o.keys[i] == "" {
		return nil
	}
	return []byte(o.keys[i])
}

func (o *outputs) add(seq uint64, key string) {
	if len(o.ends) == 0 {
		o.first = seq
	}
	o.ends = append(o.ends, len(o.text))
	o.keys = append(o.keys, key)
}

func (o *outputs) record(i int) eventlog.ProduceRecord {
	return eventlog.ProduceRecord{Key: o.key(i), Value: o.value(i)}
}

// seal computes the digests and the hash of a cut, given the one before.
func (c *cut) seal(prev orderlog.Hash, topics []orderlog.Topic, h *orderlog.OutputHasher) {
	for s := range c.outputs {
		o := &c.outputs[s]
		for i := range o.len() {
			h.Add(events.Stream(s), o.key(i), o.value(i))
		}
	}
	var skips []byte
	for _, s := range c.skips {
		skips = append(skips, s[:]...)
	}
	c.entry.Prev, c.entry.Outputs = prev, h.Take()
	c.entry.Hash = orderlog.Link(&c.entry, topics, &orderlog.Digests{
		Inputs: sha256.Sum256(c.inputs), Rows: sha256.Sum256(c.rows), Skips: sha256.Sum256(skips),
	})
	c.inputs = nil
}

// agrees compares a replayed cut with its entry in the order log.
func (c *cut) agrees() error {
	want := c.replayed
	if want == nil || c.entry.Hash == want.Hash {
		return nil
	}
	hint := "the inputs differ from those that were folded, or this build folds by other rules"
	if c.entry.Outputs != want.Outputs {
		hint = "its announcements differ: this build folds by other rules, or the inputs were changed"
	}
	return orderlog.Corrupt("cut %d folds to hash %v, the order log has %v: %s", c.entry.Number, c.entry.Hash, want.Hash, hint)
}

// head returns the stored head after the cut.
func (c *cut) head(base *orderlog.Head) *orderlog.Head {
	h := *base
	h.Cut, h.Term, h.OrderNext, h.Chain = c.entry.Number, c.entry.Term, c.next, c.entry.Hash
	h.Counters, h.Sources, h.Skips = c.counters, c.places, c.pending
	return &h
}
