package projector

import (
	"marginledger/projector/margin"
)

// holders are the pools that a market's or an asset's variables can hurt, and for each variable the
// bounds within which it cannot. A holder has the same slot in every ladder.
type holders struct {
	market *margin.Market // nil: of an asset
	asset  *margin.Asset

	pools   []*pool // by slot; nil: free
	free    []int32
	ladders [margin.Variables]*ladder // nil: no bound has been set
	hot     margin.Variable           // whose ladder has what is judged whenever any variable moves
}

func (h *holders) add(p *pool) int32 {
	if n := len(h.free) - 1; n >= 0 {
		slot := h.free[n]
		h.free, h.pools[slot] = h.free[:n], p
		return slot
	}
	h.pools = append(h.pools, p)
	return int32(len(h.pools) - 1)
}

// remove takes a holder out, with its bounds.
func (h *holders) remove(slot int32) {
	for _, l := range h.ladders {
		if l != nil && int(slot) < len(l.slots) {
			l.set(slot, margin.Open)
		}
	}
	h.pools[slot] = nil
	h.free = append(h.free, slot)
}

// size is the number of holders.
func (h *holders) size() int { return len(h.pools) - len(h.free) }

// linkAll ends the setting of bounds in bulk.
func (h *holders) linkAll() {
	for _, l := range h.ladders {
		if l != nil {
			l.linkAll()
		}
	}
}

// key returns a variable as it is now, and reach how far it is likely to go.
func (h *holders) key(v margin.Variable) int64 {
	if h.market == nil {
		return h.asset.Price
	}
	return h.market.Key(v)
}

func (h *holders) reach(v margin.Variable) int64 {
	if v == margin.VarFunding {
		return h.market.FundingReach()
	}
	return h.key(v) / 2
}

// moved has those holders judged whose bound one of some variables has left, and those that are hot.
func (s *Shard) moved(h *holders, first, last margin.Variable) {
	if s.judgeAll {
		s.enqueueHolders(h)
		return
	}
	s.left = s.left[:0]
	if l := h.ladders[h.hot]; l != nil {
		s.left = l.hot(s.left)
	}
	for v := first; v <= last; v++ {
		if l := h.ladders[v]; l != nil {
			var scanned bool
			if s.left, scanned = l.move(h.key(v), h.reach(v), s.scanLeast, s.left); scanned {
				s.work.Scans++
				s.deferring = true
			}
		}
	}
	s.work.Crossed += uint64(len(s.left))
	for _, slot := range s.left {
		s.enqueue(h.pools[slot])
	}
}

// enqueueHolders has every holder judged.
func (s *Shard) enqueueHolders(h *holders) {
	for _, p := range h.pools {
		if p != nil {
			s.enqueue(p)
		}
	}
}

// Work counts what the fold has done to find out whose status changed. It shows in no row and no
// output, and starts anew with the process.
type Work struct {
	Judged  uint64 // health of a pool taken
	Crossed uint64 // bounds left, and hot pools met, by variables that moved
	Bounded uint64 // pools that were given bounds
	Scans   uint64 // moves for which all bounds of a variable were read
}

// Work returns the counts.
func (s *Shard) Work() Work {
	s.work.Judged = s.judgements
	return s.work
}
