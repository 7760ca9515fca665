package pipeline

import (
	"fmt"
	"slices"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
	"marginledger/projector"
)

// Recorder makes the past of a shard without a cluster: it folds records in the order in which it is given them, and
// hands out what an owner would have appended to the order log and to the output topics. Benchmarks and tests of audits
// make their ledgers with it.
type Recorder struct {
	cfg     Config
	folder  folder
	chunk   chunk
	digests orderlog.Recorder
	hasher  orderlog.OutputHasher
	base    orderlog.Head
	term    int64
	chain   orderlog.Hash
}

// NewRecorder begins an empty shard whose first owner's fence is at an offset of the order log.
func NewRecorder(fence *orderlog.Fence, offset int64) *Recorder {
	r := &Recorder{cfg: Config{DedupeWindow: fence.DedupeWindow}.filled()}
	r.chain = r.cfg.genesis(fence.Shard)
	r.base = orderlog.Head{Shard: fence.Shard, DedupeWindow: r.cfg.DedupeWindow, ClusterID: fence.ClusterID, Rules: fence.Rules, Build: fence.Build}
	r.folder = folder{cfg: &r.cfg, shard: fence.Shard, fold: r.cfg.NewFold(r.cfg.projectorConfig(fence.Shard))}
	r.Fence(fence, offset)
	return r
}

// Fence begins the term of another owner; no cut may be open.
func (r *Recorder) Fence(fence *orderlog.Fence, offset int64) {
	r.term, r.folder.topics = offset, fence.Topics
	for i, t := range fence.Topics {
		for p := range t.Partitions {
			if t.Role == events.RoleAccounts && p != fence.Shard {
				continue
			}
			name := projector.Source{Topic: t.Name, Partition: p}
			if s := r.folder.source(t.Name, p); s != nil {
				s.topic = i
				continue
			}
			r.folder.sources = append(r.folder.sources, newSource(name, i, t, 0, r.cfg.clock, func() {}))
			slices.SortFunc(r.folder.sources, func(a, b *source) int { return orderlog.CompareSources(a.name, b.name) })
		}
	}
}

// Apply folds the next record of a source.
func (r *Recorder) Apply(src projector.Source, rec *eventlog.Record) error {
	s := r.folder.source(src.Topic, src.Partition)
	if s == nil {
		return fmt.Errorf("%s is no source of shard %d", partitionName(src.Topic, src.Partition), r.folder.shard)
	}
	it := s.decode(&r.chunk, rec, &r.digests)
	return r.folder.consume(s, &it)
}

// Fold returns the state after the last record.
func (r *Recorder) Fold() Fold { return r.folder.fold }

// RecordedCut is what an owner appends for one cut.
type RecordedCut struct {
	Cut     orderlog.Cut
	Outputs [events.Streams][]eventlog.ProduceRecord
	Head    *orderlog.Head // that a store or a snapshot of it has
}

// Cut closes the open cut, whose entry goes to an offset of the order log; nil where no record was applied since the
// last one.
func (r *Recorder) Cut(offset int64) *RecordedCut {
	if r.folder.cur == nil {
		return nil
	}
	c := r.folder.close()
	r.chunk.decoder.Reset()
	c.entry.Term, c.next = r.term, offset+1
	for i, seq := range c.counters.Seqs {
		c.entry.Acked[i] = seq - uint64(c.outputs[i].len())
	}
	c.seal(r.chain, r.folder.topics, &r.hasher)
	r.chain = c.entry.Hash
	out := &RecordedCut{Cut: c.entry, Head: c.head(&r.base)}
	for i := range c.outputs {
		for j := range c.outputs[i].len() {
			out.Outputs[i] = append(out.Outputs[i], c.outputs[i].record(j))
		}
	}
	return out
}
