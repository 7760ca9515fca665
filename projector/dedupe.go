package projector

import (
	"encoding/binary"
	"slices"
	"sort"
	"strings"

	"github.com/zeebo/xxh3"
)

// producerKey names a producer within one source.
type producerKey struct {
	source Source
	name   string
}

// producer is the high-water mark of a producer: exact for ever.
type producer struct {
	producerKey
	sequence uint64
	time     int64
	changed  bool
}

// seenID is the 128-bit hash of a record's id.
type seenID struct{ hi, lo uint64 }

// seenEntry is a remembered record: its id and the 64-bit digest of its body.
type seenEntry struct {
	id   seenID
	body uint64
}

// seenEntryBytes is the size of an entry in TakeSeen, LoadSeen and EachSeen.
const seenEntryBytes = 24

// window remembers the last records without a sequence of one source, in order of application.
type window struct {
	source Source
	ring   []seenEntry // oldest at next, once full
	next   int
	bodies map[seenID]uint64
	added  []byte // entries since the last TakeSeen
}

// seen finds duplicates (§5), and remembers the record if it is none.
func (s *Shard) seen(r *Record) Reason {
	e := r.Event
	if e.Producer != "" {
		return s.seenSequence(r)
	}
	w := s.windows[r.Source]
	if w == nil {
		w = s.newWindow(r.Source)
	}
	h := xxh3.HashString128(e.ID)
	entry := seenEntry{id: seenID{h.Hi, h.Lo}, body: xxh3.Hash(r.Value)}
	if body, ok := w.bodies[entry.id]; ok {
		if body != entry.body {
			return ReasonIDReused
		}
		s.fx.Duplicate = true
		return ReasonNone
	}
	w.add(entry, s.cfg.DedupeWindow)
	w.added = appendEntry(w.added, entry)
	return ReasonNone
}

func (s *Shard) newWindow(source Source) *window {
	source.Topic = strings.Clone(source.Topic)
	w := &window{source: source, bodies: map[seenID]uint64{}}
	s.windows[source] = w
	i := sort.Search(len(s.windowList), func(i int) bool { return source.compare(s.windowList[i].source) < 0 })
	s.windowList = slices.Insert(s.windowList, i, w)
	return w
}

// add remembers an entry and forgets the one that falls out of the last size.
func (w *window) add(e seenEntry, size int) {
	if len(w.ring) < size {
		w.ring = append(w.ring, e)
	} else {
		delete(w.bodies, w.ring[w.next].id)
		w.ring[w.next] = e
		w.next = (w.next + 1) % size
	}
	w.bodies[e.id] = e.body
}

func appendEntry(dst []byte, e seenEntry) []byte {
	dst = binary.BigEndian.AppendUint64(dst, e.id.hi)
	dst = binary.BigEndian.AppendUint64(dst, e.id.lo)
	return binary.BigEndian.AppendUint64(dst, e.body)
}

func (s *Shard) seenSequence(r *Record) Reason {
	e := r.Event
	key := producerKey{r.Source, e.Producer}
	p := s.producer
	if p == nil || p.producerKey != key {
		p = s.producers[key]
	}
	switch {
	case p == nil:
		key.name, key.source.Topic = strings.Clone(key.name), strings.Clone(key.source.Topic)
		p = &producer{producerKey: key}
		s.producers[key] = p
		s.others = append(s.others, p)
	case e.Sequence <= p.sequence && e.Time <= p.time:
		s.fx.Duplicate = true
		return ReasonNone
	case e.Sequence <= p.sequence:
		return ReasonSequenceReset
	case e.Sequence > p.sequence+1:
		s.gap = true
	}
	p.sequence, p.time = e.Sequence, e.Time
	s.producer = p
	s.touchProducer(p)
	return ReasonNone
}

// TakeSeen hands over the entries that were added since the last call, by source (topic,
// partition), entries in order of application. The bytes hold during the call.
func (s *Shard) TakeSeen(fn func(src Source, entries []byte)) {
	for _, w := range s.windowList {
		if len(w.added) > 0 {
			fn(w.source, w.added)
			w.added = w.added[:0]
		}
	}
}

// EachSeen hands over the whole window of every source, by (topic, partition).
func (s *Shard) EachSeen(fn func(src Source, entries []byte)) {
	for _, w := range s.windowList {
		buf := make([]byte, 0, len(w.ring)*seenEntryBytes)
		for i := range w.ring {
			buf = appendEntry(buf, w.ring[(w.next+i)%len(w.ring)])
		}
		fn(w.source, buf)
	}
}

// LoadSeen restores entries in order of application.
func (s *Shard) LoadSeen(src Source, entries []byte) {
	w := s.windows[src]
	if w == nil {
		w = s.newWindow(src)
	}
	for ; len(entries) >= seenEntryBytes; entries = entries[seenEntryBytes:] {
		w.add(seenEntry{
			id:   seenID{binary.BigEndian.Uint64(entries), binary.BigEndian.Uint64(entries[8:])},
			body: binary.BigEndian.Uint64(entries[16:]),
		}, s.cfg.DedupeWindow)
	}
}
