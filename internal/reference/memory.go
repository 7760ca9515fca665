package reference

import (
	"crypto/sha256"

	"marginledger/projector"
)

// memory is what a source remembers of its records to know duplicates, § 5. Dead letters move it
// like any other record.
type memory struct {
	marks  map[string]mark // by producer
	window []seenRecord    // the last W unsequenced records
}

type mark struct {
	sequence uint64
	time     int64
}

type seenRecord struct {
	id   string
	body [sha256.Size]byte
}

type freshness int

const (
	fresh freshness = iota
	seenBefore
	sequenceReset
	sequenceGap
	idReused
)

// remember says whether r has been seen before, and remembers it if not.
func (m *Model) remember(r *projector.Record) freshness {
	s := m.memory[r.Source]
	if s == nil {
		s = &memory{marks: map[string]mark{}}
		m.memory[r.Source] = s
	}
	e := r.Event
	if e.Producer != "" {
		last, known := s.marks[e.Producer]
		switch {
		case known && e.Sequence <= last.sequence && e.Time <= last.time:
			return seenBefore
		case known && e.Sequence <= last.sequence:
			return sequenceReset
		}
		s.marks[e.Producer] = mark{e.Sequence, e.Time}
		if known && e.Sequence > last.sequence+1 {
			return sequenceGap
		}
		return fresh
	}
	body := sha256.Sum256(r.Value)
	for _, seen := range s.window {
		if seen.id == e.ID && seen.body == body {
			return seenBefore
		}
		if seen.id == e.ID {
			return idReused
		}
	}
	s.window = append(s.window, seenRecord{e.ID, body})
	if len(s.window) > m.window {
		s.window = s.window[1:]
	}
	return fresh
}
