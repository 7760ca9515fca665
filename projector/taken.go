package projector

import "marginledger/projector/margin"

// taken is the health of a pool in the record being applied. It lies beside the pool, as only pools that the record touches
// have one: there are millions of others.
type taken struct {
	margin.Health
	pool      *pool
	round     uint64 // of healths, in which it is the pool's
	judgement uint64 // its number among all that were taken
}

// healths hands out places for the healths of a record. A place keeps its address and is the pool's until the next round.
type healths struct {
	chunks []*[takenChunk]taken
	used   int
	round  uint64
}

const (
	takenChunk = 256
	takenKept  = 16 // chunks that are kept after a record that took more
)

// next begins a round: the places of the last one are given anew.
func (h *healths) next() {
	h.round++
	h.used = 0
	if len(h.chunks) > takenKept {
		clear(h.chunks[takenKept:])
		h.chunks = h.chunks[:takenKept]
	}
}

// of returns the place of a pool, and whether it had it already.
func (h *healths) of(p *pool) (_ *taken, had bool) {
	if t := p.taken; t != nil && t.pool == p && t.round == h.round {
		return t, true
	}
	c := h.used / takenChunk
	if c == len(h.chunks) {
		h.chunks = append(h.chunks, new([takenChunk]taken))
	}
	p.taken = &h.chunks[c][h.used%takenChunk]
	h.used++
	p.taken.pool, p.taken.round = p, h.round
	return p.taken, false
}

// health returns a pool's health, taken once after the record's changes.
func (s *Shard) health(p *pool) *margin.Health {
	t, had := s.healths.of(p)
	if !had || p.healthN != s.counters.N {
		t.Health = p.account.venue.profile.Judge(&p.Pool)
		p.healthN = s.counters.N
		s.judgements++
		t.judgement = s.judgements
	}
	return &t.Health
}
