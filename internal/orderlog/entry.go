package orderlog

import (
	"encoding/binary"
	"fmt"
	"slices"

	"marginledger/events"
	"marginledger/projector"
)

// Version is the format version that every entry begins with.
const Version = 1

// Kind says what an entry is.
type Kind byte

// The kinds.
const (
	KindFence     Kind = 1 // an owner begins its term
	KindCut       Kind = 2 // a run of consumed records is committed
	KindSkip      Kind = 3 // a person leaves a record out
	KindHeartbeat Kind = 4 // nothing: it keeps the producer's state on the broker alive
)

var kindNames = [...]string{"", "FENCE", "CUT", "SKIP", "HEARTBEAT"}

// String returns the kind's name.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", byte(k))
}

// Topic is an input topic as an owner saw it when its term began. The fold depends on all three fields.
type Topic struct {
	Name       string
	Role       events.Role
	Partitions int32
}

// Fence begins a term: the term is the offset of this entry.
type Fence struct {
	Shard        int32
	Address      string // of the owner's HTTP API; may be ""
	Build        string
	Rules        string // version of the rules of the build
	ClusterID    string
	DedupeWindow int
	Topics       []Topic // CUT entries of the term name topics by their index here
}

// TopicIndex returns the index of the topic of that name, or -1.
func (f *Fence) TopicIndex(name string) int {
	return slices.IndexFunc(f.Topics, func(t Topic) bool { return t.Name == name })
}

// Run is a number of records of one source that were applied one after the other.
type Run struct {
	Topic     int // index into the topics of the term's fence
	Partition int32
	Next      int64 // the source's next offset after the run
	Count     uint64
}

// Cut is a run of consumed records that is committed together.
type Cut struct {
	Term    int64
	Number  uint64
	Prev    Hash // of the cut before; Genesis for the first
	Hash    Hash
	Runs    []Run
	Outputs Outputs
	Acked   [events.Streams]uint64 // per output topic, the last sequence known to be published when this was written
}

// Records returns the number of records of the cut.
func (c *Cut) Records() (n uint64) {
	for i := range c.Runs {
		n += c.Runs[i].Count
	}
	return n
}

// Outputs is the count and digest of what a cut announces.
type Outputs struct {
	Counts [events.Streams]uint64
	Digest Hash
}

// Skip leaves a record out: it is consumed as a dead letter.
type Skip struct {
	Term   int64
	Source projector.Source
	Offset int64
	Record Hash // RecordDigest of the record
	Reason string
}

// Heartbeat says nothing.
type Heartbeat struct{ Term int64 }

// Append appends f's entry.
func (f *Fence) Append(b []byte) []byte {
	start := len(b)
	b = append(b, Version, byte(KindFence))
	b = binary.AppendUvarint(b, uint64(f.Shard))
	for _, s := range [...]string{f.Address, f.Build, f.Rules, f.ClusterID} {
		b = appendString(b, s)
	}
	b = binary.AppendUvarint(b, uint64(f.DedupeWindow))
	b = binary.AppendUvarint(b, uint64(len(f.Topics)))
	for _, t := range f.Topics {
		b = append(appendString(b, t.Name), byte(t.Role))
		b = binary.AppendUvarint(b, uint64(t.Partitions))
	}
	return seal(b, start)
}

// Append appends c's entry. The first run of a source in the cut has its next offset whole, later ones as the
// number of offsets that were passed over without a record.
func (c *Cut) Append(b []byte) []byte {
	start := len(b)
	b = append(b, Version, byte(KindCut))
	b = binary.AppendUvarint(b, uint64(c.Term))
	b = binary.AppendUvarint(b, c.Number)
	b = append(b, c.Prev[:]...)
	b = append(b, c.Hash[:]...)
	b = append(b, c.Outputs.Digest[:]...)
	for i := range c.Outputs.Counts {
		b = binary.AppendUvarint(b, c.Outputs.Counts[i])
		b = binary.AppendUvarint(b, c.Acked[i])
	}
	b = binary.AppendUvarint(b, uint64(len(c.Runs)))
	var seen nexts
	for _, r := range c.Runs {
		b = binary.AppendUvarint(b, uint64(r.Topic))
		b = binary.AppendUvarint(b, uint64(r.Partition))
		b = binary.AppendUvarint(b, r.Count)
		before := seen.of(r)
		if *before < 0 {
			b = binary.AppendUvarint(b, uint64(r.Next))
		} else {
			b = binary.AppendUvarint(b, uint64(r.Next-*before)-r.Count)
		}
		*before = r.Next
	}
	return seal(b, start)
}

// Append appends s's entry.
func (s *Skip) Append(b []byte) []byte {
	start := len(b)
	b = append(b, Version, byte(KindSkip))
	b = binary.AppendUvarint(b, uint64(s.Term))
	b = appendString(b, s.Source.Topic)
	b = binary.AppendUvarint(b, uint64(s.Source.Partition))
	b = binary.AppendUvarint(b, uint64(s.Offset))
	b = append(b, s.Record[:]...)
	b = appendString(b, s.Reason)
	return seal(b, start)
}

// Append appends h's entry.
func (h Heartbeat) Append(b []byte) []byte {
	start := len(b)
	b = append(b, Version, byte(KindHeartbeat))
	return seal(binary.AppendUvarint(b, uint64(h.Term)), start)
}

// Decode reads an entry: a *Fence, *Cut, *Skip or *Heartbeat.
func Decode(value []byte) (any, error) {
	r, err := open("order log entry", value, Version)
	if err != nil {
		return nil, err
	}
	switch kind := Kind(r.byte()); kind {
	case KindFence:
		f := readFence(r)
		return f, r.end("FENCE")
	case KindCut:
		c := readCut(r)
		return c, r.end("CUT")
	case KindSkip:
		s := &Skip{Term: r.offset()}
		s.Source = projector.Source{Topic: r.string(), Partition: r.int32()}
		s.Offset, s.Record, s.Reason = r.offset(), r.hash(), r.string()
		return s, r.end("SKIP")
	case KindHeartbeat:
		h := &Heartbeat{Term: r.offset()}
		return h, r.end("HEARTBEAT")
	default:
		return nil, Corrupt("order log entry of unknown %v: written by a newer build?", kind)
	}
}

func readFence(r *reader) *Fence {
	f := &Fence{Shard: r.int32(), Address: r.string(), Build: r.string(), Rules: r.string(), ClusterID: r.string()}
	f.DedupeWindow = int(r.offset())
	f.Topics = make([]Topic, r.length(maxList))
	for i := range f.Topics {
		f.Topics[i] = Topic{Name: r.string(), Role: events.Role(r.byte()), Partitions: r.int32()}
	}
	return f
}

func readCut(r *reader) *Cut {
	c := &Cut{Term: r.offset(), Number: r.uvarint(), Prev: r.hash(), Hash: r.hash()}
	c.Outputs.Digest = r.hash()
	for i := range c.Outputs.Counts {
		c.Outputs.Counts[i], c.Acked[i] = r.uvarint(), r.uvarint()
	}
	c.Runs = make([]Run, r.length(maxList))
	var seen nexts
	for i := range c.Runs {
		run := Run{Topic: int(r.int32()), Partition: r.int32(), Count: r.uvarint(), Next: r.offset()}
		before := seen.of(run)
		if *before >= 0 {
			run.Next += *before + int64(run.Count)
		}
		*before = run.Next
		if run.Count == 0 || run.Count > 1<<62 || run.Next < 0 {
			r.bad = true
		}
		c.Runs[i] = run
	}
	return c
}

// nexts holds the next offset per source within one cut, -1 before the first run. A cut has few sources.
type nexts struct {
	runs []Run
}

func (s *nexts) of(r Run) *int64 {
	for i := range s.runs {
		if s.runs[i].Partition == r.Partition && s.runs[i].Topic == r.Topic {
			return &s.runs[i].Next
		}
	}
	s.runs = append(s.runs, Run{Topic: r.Topic, Partition: r.Partition, Next: -1})
	return &s.runs[len(s.runs)-1].Next
}
