package projector

import (
	"fmt"

	"marginledger/projector/margin"
)

// JudgeAll has every holder judged whenever a variable moves: what the ladder must not be told from.
func (s *Shard) JudgeAll() { s.judgeAll = true }

// ScanSoon has bounds read in order even where there are few.
func (s *Shard) ScanSoon() { s.scanLeast = 0 }

// CheckLadders checks what is derived: every holder stands where its bounds say, in buckets that are
// counted right, and no variable has left the bound of a pool that will not be judged.
func (s *Shard) CheckLadders() error {
	s.boundDeferred()
	for _, m := range s.markets {
		if err := m.holders.check(); err != nil {
			return fmt.Errorf("market %s: %w", m.Name, err)
		}
	}
	for _, x := range s.assets {
		if err := x.holders.check(); err != nil {
			return fmt.Errorf("asset %s: %w", x.Name, err)
		}
	}
	return nil
}

func (h *holders) check() error {
	for v, l := range h.ladders {
		if l == nil {
			continue
		}
		if err := l.check(h.key(margin.Variable(v))); err != nil {
			return fmt.Errorf("variable %d: %w", v, err)
		}
		for slot := range l.slots {
			b, hot := l.bound(int32(slot))
			if slot < len(h.pools) && h.pools[slot] == nil && (b != margin.Open || hot) {
				return fmt.Errorf("variable %d: free slot %d has the bound %+v", v, slot, b)
			}
		}
	}
	return nil
}

func (l *ladder) check(value int64) error {
	for d := range l.sides {
		s, seen := &l.sides[d], map[int32]bool{}
		for i := hotBucket; i < len(s.buckets); i++ {
			if i == none {
				continue
			}
			b, count, prev := s.at(i), int32(0), int32(none)
			for slot := b.first; slot != none; slot = l.slots[slot][d].next {
				r := &l.slots[slot][d]
				switch {
				case seen[slot]:
					return fmt.Errorf("side %d: slot %d is linked twice", d, slot)
				case r.prev != prev:
					return fmt.Errorf("side %d: slot %d comes after %d, and says %d", d, slot, prev, r.prev)
				case s.bucket(r.key) != i:
					return fmt.Errorf("side %d: slot %d with key %d is in bucket %d", d, slot, r.key, i)
				case r.key != always && r.key > s.near:
					return fmt.Errorf("side %d: key %d of slot %d is nearer than %d", d, r.key, slot, s.near)
				}
				seen[slot], prev = true, slot
				count++
			}
			if count != b.count {
				return fmt.Errorf("side %d: bucket %d has %d, counts %d", d, i, count, b.count)
			}
		}
		if len(seen) != int(s.linked) {
			return fmt.Errorf("side %d: %d linked, counted %d", d, len(seen), s.linked)
		}
		for slot := range l.slots {
			if key := l.slots[slot][d].key; (key != never) != seen[int32(slot)] {
				return fmt.Errorf("side %d: slot %d with key %d: linked is %v", d, slot, key, seen[int32(slot)])
			}
		}
	}
	return nil
}
