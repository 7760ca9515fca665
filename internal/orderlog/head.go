package orderlog

import (
	"cmp"
	"encoding/binary"
	"slices"

	"marginledger/projector"
)

// HeadVersion is the format version of a stored head.
const HeadVersion = 1

// Head says which state a store or a snapshot holds, and from where on it continues. It is always that of a whole cut.
type Head struct {
	Shard        int32
	DedupeWindow int
	ClusterID    string
	Rules        string // version of the rules that folded it
	Build        string

	Cut       uint64
	Term      int64 // of that cut
	OrderNext int64 // order-log offset after the cut: where reading goes on
	Chain     Hash  // of the cut
	Counters  projector.Counters
	Sources   []Place       // in the order of (topic, partition)
	Skips     []PendingSkip // read from the order log, not yet consumed
}

// Place is how far a source is consumed.
type Place struct {
	Source projector.Source
	Next   int64 // where reading goes on
	Last   int64 // offset of the last consumed record, < Next
	Digest Hash  // of that record
}

// PendingSkip is a SKIP whose record is yet to come.
type PendingSkip struct {
	Skip  Skip
	Entry Hash // digest of the SKIP's entry: part of the hash of the cut that consumes the record
}

// CompareSources orders sources by (topic, partition).
func CompareSources(a, b projector.Source) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
}

// Place returns the place of a source, nil where none of its records was consumed.
func (h *Head) Place(s projector.Source) *Place {
	i, ok := slices.BinarySearchFunc(h.Sources, s, func(p Place, s projector.Source) int { return CompareSources(p.Source, s) })
	if !ok {
		return nil
	}
	return &h.Sources[i]
}

// Append appends h's stored form.
func (h *Head) Append(b []byte) []byte {
	start := len(b)
	b = append(b, HeadVersion)
	b = binary.AppendUvarint(b, uint64(h.Shard))
	b = binary.AppendUvarint(b, uint64(h.DedupeWindow))
	for _, s := range [...]string{h.ClusterID, h.Rules, h.Build} {
		b = appendString(b, s)
	}
	b = binary.AppendUvarint(b, h.Cut)
	b = binary.AppendUvarint(b, uint64(h.Term))
	b = binary.AppendUvarint(b, uint64(h.OrderNext))
	b = append(b, h.Chain[:]...)
	b = binary.AppendUvarint(b, h.Counters.N)
	for _, seq := range h.Counters.Seqs {
		b = binary.AppendUvarint(b, seq)
	}
	b = binary.AppendUvarint(b, uint64(len(h.Sources)))
	for i := range h.Sources {
		p := &h.Sources[i]
		b = appendString(b, p.Source.Topic)
		b = binary.AppendUvarint(b, uint64(p.Source.Partition))
		b = binary.AppendUvarint(b, uint64(p.Next))
		b = binary.AppendUvarint(b, uint64(p.Last))
		b = append(b, p.Digest[:]...)
	}
	b = binary.AppendUvarint(b, uint64(len(h.Skips)))
	for i := range h.Skips {
		entry := h.Skips[i].Skip.Append(nil)
		b = append(binary.AppendUvarint(b, uint64(len(entry))), entry...)
		b = append(b, h.Skips[i].Entry[:]...)
	}
	return seal(b, start)
}

// DecodeHead reads a stored head.
func DecodeHead(b []byte) (*Head, error) {
	r, err := open("stored head", b, HeadVersion)
	if err != nil {
		return nil, err
	}
	h := &Head{Shard: r.int32(), DedupeWindow: int(r.offset()), ClusterID: r.string(), Rules: r.string(), Build: r.string()}
	h.Cut, h.Term, h.OrderNext, h.Chain = r.uvarint(), r.offset(), r.offset(), r.hash()
	h.Counters.N = r.uvarint()
	for i := range h.Counters.Seqs {
		h.Counters.Seqs[i] = r.uvarint()
	}
	h.Sources = make([]Place, r.length(maxList))
	for i := range h.Sources {
		h.Sources[i] = Place{Source: projector.Source{Topic: r.string(), Partition: r.int32()},
			Next: r.offset(), Last: r.offset(), Digest: r.hash()}
	}
	h.Skips = make([]PendingSkip, r.length(maxList))
	for i := range h.Skips {
		entry, err := Decode(r.bytes(r.length(len(r.b))))
		if err != nil {
			return nil, err
		}
		s, ok := entry.(*Skip)
		if !ok {
			return nil, Corrupt("stored head: a %T among the skips", entry)
		}
		h.Skips[i] = PendingSkip{Skip: *s, Entry: r.hash()}
	}
	if !slices.IsSortedFunc(h.Sources, func(a, b Place) int { return CompareSources(a.Source, b.Source) }) {
		r.bad = true
	}
	return h, r.end("stored head")
}
