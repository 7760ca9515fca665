package projector

import (
	"fmt"

	"marginledger/projector/margin"
)

// JudgeAll has every holder judged whenever a variable moves: what the ladder must not be told from.
func (s *Shard) JudgeAll() { s.Detect(DetectByJudging) }

// JumpSoon has every move be a jump that leaves a tenth of the bounds, however few they are.
func (s *Shard) JumpSoon() { s.jumpLeast = 0 }

// Scan reads all bounds of a market's price in order, and counts those that the price has left.
func (s *Shard) Scan(venue, market string) (holders, left int) {
	h := &s.venues[venue].markets[market].holders
	return h.size(), len(h.scan(margin.VarPrice, h.key(margin.VarPrice), nil))
}

// CheckLadders checks what is derived: no variable has left the bound of a pool that will not be judged, no key
// is above a limit, free slots have no bounds.
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
	if h.slots != len(h.pools) || len(h.keys) != h.slots*h.stride {
		return fmt.Errorf("%d slots, %d pools, %d keys of %d lanes", h.slots, len(h.pools), len(h.keys), h.stride)
	}
	hot := map[int32]bool{}
	for _, slot := range h.hot.append(nil) {
		if hot[slot] = true; h.pools[slot] == nil {
			return fmt.Errorf("slot %d is free and hot", slot)
		}
	}
	if len(hot) != h.hot.count {
		return fmt.Errorf("%d are hot, counted %d", len(hot), h.hot.count)
	}
	for v := range margin.Variables {
		l := h.ladders[v]
		if l == nil {
			continue
		}
		if err := h.limited(l); err != nil {
			return fmt.Errorf("variable %d: %w", v, err)
		}
		value := h.key(v)
		for slot := range int32(h.slots) {
			switch b := h.get(slot, v); {
			case (h.pools[slot] == nil || hot[slot]) && b != margin.Open:
				return fmt.Errorf("variable %d: slot %d, hot %v, has the bound %+v", v, slot, hot[slot], b)
			case v != margin.VarFunding && (value < b.Low && b.Low-value > value>>20 || value > b.High && value-b.High > value>>20):
				return fmt.Errorf("variable %d is %d, outside of %+v of slot %d", v, value, b, slot)
			}
		}
	}
	return nil
}

// limited checks that no key is above a limit.
func (b *bounds) limited(l *ladder) error {
	for d := range l.leaves {
		for slot := range b.slots {
			key, at := b.keys[slot*b.stride+l.lane+d], slot>>leafBits
			levels := append([][]int32{l.leaves[d]}, l.blocks[d]...)
			for level, limits := range levels {
				if key > limits[at] {
					return fmt.Errorf("side %d: key %d of slot %d is above the limit %d of level %d", d, key, slot, limits[at], level)
				}
				at >>= fanBits
			}
			if key > l.top[d] {
				return fmt.Errorf("side %d: key %d of slot %d is above %d", d, key, slot, l.top[d])
			}
			if len(levels[len(levels)-1]) > fan {
				return fmt.Errorf("side %d: %d levels for %d slots", d, len(levels), b.slots)
			}
		}
	}
	return nil
}
