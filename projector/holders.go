package projector

import (
	"math/bits"

	"marginledger/projector/margin"
)

// holders are the pools that the variables of a market, an asset or a venue can hurt, with the bounds within
// which they cannot.
type holders struct {
	market *margin.Market // or
	asset  *margin.Asset  // or
	venue  *margin.Venue  // whose variables they are

	pools []*pool // by slot; nil: free
	free  []int32
	bounds
}

func (h *holders) add(p *pool) int32 {
	if n := len(h.free) - 1; n >= 0 {
		slot := h.free[n]
		h.free, h.pools[slot] = h.free[:n], p
		return slot
	}
	h.pools = append(h.pools, p)
	h.grow()
	return int32(len(h.pools) - 1)
}

// remove takes a holder out, with its bounds.
func (h *holders) remove(slot int32) {
	h.clear(slot, false)
	h.pools[slot] = nil
	h.free = append(h.free, slot)
}

// size is the number of holders.
func (h *holders) size() int { return len(h.pools) - len(h.free) }

// key returns a variable as it is now.
func (h *holders) key(v margin.Variable) int64 {
	switch {
	case h.market != nil:
		return h.market.Key(v)
	case h.asset != nil:
		return h.asset.Key(v)
	}
	return h.venue.Time
}

// moved has those holders judged whose bound one of some variables has left, and those that are hot.
func (s *Shard) moved(h *holders, first, last margin.Variable) {
	if s.detection == DetectByJudging {
		s.enqueueHolders(h)
		return
	}
	left := h.hot.append(s.left[:0])
	for used := h.used >> first << first; used != 0; used &= used - 1 {
		v := margin.Variable(bits.TrailingZeros16(used))
		switch {
		case v > last:
		case s.detection == DetectByScan:
			left = h.scan(v, h.key(v), left)
		default:
			left = h.leave(v, h.key(v), left)
		}
	}
	if len(left) > s.jumpLeast && len(left)*jumpPart > h.size() {
		s.work.Jumps++
		s.deferring = true
	}
	s.work.Crossed += uint64(len(left))
	for _, slot := range left {
		s.enqueue(h.pools[slot])
	}
	s.left = left
}

// A move that leaves the bounds of a tenth of the holders, and of more than a few, is a jump: what it has
// to announce comes first, and the new bounds before the next record.
const jumpPart, jumpLeast = 10, 256

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
	Quiet   uint64 // trades that took of a pool's leeway only
	Jumps   uint64 // moves that left so many bounds that new ones came later
}

// Work returns the counts.
func (s *Shard) Work() Work {
	s.work.Judged = s.judgements
	return s.work
}

// Detection is how a move of a variable finds the pools whose status it may have changed. It shows in no row and in no
// announcement; what is not the ladder is there to be compared with it.
type Detection uint8

// The ways, from the fastest to the slowest.
const (
	DetectByLadder  Detection = iota // bounds are found by limits
	DetectByScan                     // every bound of the variable is read, in order of memory
	DetectByJudging                  // every holder is judged
)

// Detect sets how moves are detected from the next record on; a new shard has DetectByLadder.
func (s *Shard) Detect(d Detection) { s.detection = d }
