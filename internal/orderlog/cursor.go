package orderlog

import (
	"crypto/sha256"
	"fmt"
)

// Cursor reads a shard's order log in order and tells what counts.
type Cursor struct {
	Term  int64  // current; -1 before the first fence
	Fence *Fence // of the current term; nil before the first
	Cut   uint64 // last that counted
	Chain Hash   // its hash
	Next  int64  // offset after the last entry read

	at string // the partition, for messages
}

// NewCursor starts at the beginning of a shard's order log.
func NewCursor(at string, genesis Hash) *Cursor { return &Cursor{Term: -1, Chain: genesis, at: at} }

// NewCursorAt starts behind a stored head. fence is that of the head's term.
func NewCursorAt(at string, h *Head, fence *Fence) *Cursor {
	return &Cursor{Term: h.Term, Fence: fence, Cut: h.Cut, Chain: h.Chain, Next: h.OrderNext, at: at}
}

// Step reads the entry at an offset. It returns the entry if it counts (*Fence, *Cut, *PendingSkip or *Heartbeat), nil
// if it is passed over, and an error if the log contradicts itself.
func (c *Cursor) Step(offset int64, value []byte) (any, error) {
	entry, err := Decode(value)
	if err != nil {
		return nil, fmt.Errorf("read %s at offset %d: %w", c.at, offset, err)
	}
	c.Next = offset + 1
	switch e := entry.(type) {
	case *Fence:
		c.Term, c.Fence = offset, e
		return e, nil
	case *Skip:
		if e.Term != c.Term {
			return nil, nil
		}
		return &PendingSkip{Skip: *e, Entry: sha256.Sum256(value)}, nil
	case *Heartbeat:
		if e.Term != c.Term {
			return nil, nil
		}
		return e, nil
	case *Cut:
		if e.Term != c.Term || e.Number <= c.Cut {
			return nil, nil
		}
		if err := c.follows(e); err != nil {
			return nil, fmt.Errorf("read %s at offset %d: %w", c.at, offset, err)
		}
		c.Cut, c.Chain = e.Number, e.Hash
		return e, nil
	}
	return nil, nil
}

// follows checks that a cut of the current term is the next one.
func (c *Cursor) follows(e *Cut) error {
	if e.Number != c.Cut+1 {
		return Corrupt("cut %d follows cut %d: entries are missing", e.Number, c.Cut)
	}
	if e.Prev != c.Chain {
		if c.Cut == 0 {
			return Corrupt("cut 1 begins with hash %v, expected %v: another shard number or dedupe window", e.Prev, c.Chain)
		}
		return Corrupt("cut %d names %v as the hash before it, which is %v", e.Number, e.Prev, c.Chain)
	}
	for _, r := range e.Runs {
		if r.Topic >= len(c.Fence.Topics) || r.Partition >= c.Fence.Topics[r.Topic].Partitions {
			return Corrupt("cut %d has a run of topic %d, partition %d, which its term's fence does not have", e.Number, r.Topic, r.Partition)
		}
	}
	return nil
}
