// Package pipeline runs shards: it reads the sources, decides which record comes next, folds it, and makes the effects
// durable, in this order and no other:
//
//	order log (acks=all) → output topics → Pebble (no sync)
//
// The order log is the commit point. Nothing derived is visible before its cut is acknowledged there, and Pebble never
// leads it. So a crash at any instant leaves a prefix of cuts, and what is missing behind the order log (outputs, rows)
// is made again by replaying it.
//
// One goroutine applies records; behind it, one hashes, one appends to the order log, one per output topic publishes
// and one commits, so that a cut is on its way while the next is being folded.
//
// # Errors
//
// A shard that is deposed, or that finds an offset other than it expected, steps down: it recovers anew if it is still
// assigned. What a person must look at (corruption, an unknown schema, an input that was trimmed or recreated) stops
// the shard; its message says what to do.
package pipeline

import (
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"marginledger/events"
	"marginledger/internal/orderlog"
	"marginledger/projector"
	"marginledger/snapshot"
	"marginledger/snapshot/sumtree"
)

// RulesVersion names the rules that this build folds by. A state that was folded by other rules is not continued: the
// order log is folded again from its beginning, and every hash in it must come out the same.
const RulesVersion = "1"

// Topic is an input topic and its role.
type Topic struct {
	Name string
	Role events.Role
}

// Config says what a process runs. The zero value of a limit or interval is its default.
type Config struct {
	Group        string // consumer group, and the prefix of the transactional ids
	Shards       int32
	Topics       []Topic
	OrderTopic   string
	OutputTopics [events.Streams]string // "" takes the stream's own name

	DataDir   string
	Snapshots SnapshotPolicy

	Cut           CutPolicy
	MaxSourceWait time.Duration // go on without a source that is not drained for so long; 0: wait for ever
	DedupeWindow  int           // part of the chain: it cannot be changed later
	BufferBytes   int           // of records read ahead, per shard; default 64 MiB
	InFlightBytes int           // of cuts closed and not yet stored, per shard; default 64 MiB
	StoreCache    int64         // bytes of Pebble's block cache, per shard

	Address        string // of this process's HTTP API, for others to redirect to
	Build          string
	SessionTimeout time.Duration // of the consumer group; default 6 s
	Heartbeat      time.Duration // between records on idle partitions; default 1 h
	Refresh        time.Duration // of the producer's epoch; default 24 h

	Log *zap.Logger // nil: silent
	// Observe hears of every applied record and committed cut; nil: nobody. It must not block.
	Observe Observer

	// NewFold makes the fold of a shard; nil: the ledger's. Another one is of use only to measure (deploy/peers) and to
	// test; its state goes on only under itself.
	NewFold func(projector.Config) Fold

	clock func() time.Time      // time.Now but for tests
	less  func(a, b *item) bool // the order of facts
	pause time.Duration         // before a deposed shard tries again; doubles
	// storing is asked before and after each commit to the store; tests end the process there.
	storing func(after bool) error
}

// SnapshotPolicy says where snapshots go, when one is due, and which are kept. Whatever comes first makes one due.
type SnapshotPolicy struct {
	Store snapshot.Store  // nil: none is taken, and none is looked for
	Key   *sumtree.Key    // of their roots; nil: they have none
	Cuts  uint64          // so many cuts after the last; default 10,000
	Bytes int64           // so many bytes of changed rows after the last; 0: whatever was changed
	Every time.Duration   // so long after the last, if anything has changed; 0: whatever the time
	Keep  snapshot.Policy // the default keeps the last 3
}

// CutPolicy says when a cut is closed. While the order log has a request under way, records gather in the open cut;
// when it is idle, the cut is closed as soon as nothing is left to apply or MaxAge has passed; 20 times MaxAge while more
// than MaxRecords wait to be applied.
type CutPolicy struct {
	MaxRecords int           // default 16,384, at most 50,000: an entry of the order log must fit a record
	MaxOutputs int           // default 20,000; one record may have more
	MaxAge     time.Duration // default 5 ms
}

// withDefaults returns c with every default filled in, or what is wrong with it.
func (c Config) withDefaults() (Config, error) {
	switch {
	case c.Group == "":
		return c, errors.New("pipeline: no consumer group")
	case c.Shards <= 0:
		return c, fmt.Errorf("pipeline: %d shards", c.Shards)
	case c.OrderTopic == "":
		return c, errors.New("pipeline: no order topic")
	}
	roles := map[string]events.Role{}
	for _, t := range c.Topics {
		if t.Name == "" || t.Role == events.RoleInvalid {
			return c, fmt.Errorf("pipeline: topic %q has role %v", t.Name, t.Role)
		}
		if _, twice := roles[t.Name]; twice {
			return c, fmt.Errorf("pipeline: topic %s is listed twice", t.Name)
		}
		roles[t.Name] = t.Role
	}
	if len(c.Topics) == 0 {
		return c, errors.New("pipeline: no input topics")
	}
	return c.filled(), nil
}

// filled returns c with every default filled in.
func (c Config) filled() Config {
	for s := range c.OutputTopics {
		setDefault(&c.OutputTopics[s], events.Stream(s).String())
	}
	setDefault(&c.Snapshots.Cuts, 10_000)
	setDefault(&c.Snapshots.Keep, snapshot.Policy{Last: 3})
	setDefault(&c.Cut.MaxRecords, 16_384)
	c.Cut.MaxRecords = min(c.Cut.MaxRecords, 50_000)
	setDefault(&c.Cut.MaxOutputs, 20_000)
	setDefault(&c.Cut.MaxAge, 5*time.Millisecond)
	setDefault(&c.DedupeWindow, projector.DefaultDedupeWindow)
	setDefault(&c.BufferBytes, 64<<20)
	setDefault(&c.InFlightBytes, 64<<20)
	setDefault(&c.StoreCache, 64<<20)
	setDefault(&c.SessionTimeout, 6*time.Second)
	setDefault(&c.Heartbeat, time.Hour)
	setDefault(&c.Refresh, 24*time.Hour)
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	if c.Observe == nil {
		c.Observe = nobody{}
	}
	if c.clock == nil {
		c.clock = time.Now
	}
	if c.NewFold == nil {
		c.NewFold = newFold
	}
	if c.less == nil {
		c.less = lessItem
	}
	setDefault(&c.pause, 300*time.Millisecond) // a little more than a heartbeat of the group
	if c.storing == nil {
		c.storing = func(bool) error { return nil }
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// errStepDown marks errors after which a shard that is still assigned recovers anew.
var errStepDown = errors.New("stepping down")

func stepDown(format string, args ...any) error {
	return fmt.Errorf("%w: %w", errStepDown, fmt.Errorf(format, args...))
}

// placeName is how messages name a place in a source.
func placeName(s projector.Source, offset int64) string {
	return fmt.Sprintf("%s/%d@%d", s.Topic, s.Partition, offset)
}

// partitionName is how messages name a partition.
func partitionName(topic string, partition int32) string {
	return fmt.Sprintf("%s/%d", topic, partition)
}

// genesis returns the hash before a shard's first cut.
func (c *Config) genesis(shard int32) orderlog.Hash { return orderlog.Genesis(shard, c.DedupeWindow) }
