package projector

import (
	"fmt"

	"marginledger/projector/margin"
)

// JudgeAll has every holder judged whenever a variable moves: what the ladder must not be told from.
func (s *Shard) JudgeAll() { s.judgeAll = true }

// JumpSoon has every move be a jump that leaves a tenth of the bounds, however few they are.
func (s *Shard) JumpSoon() { s.jumpLeast = 0 }

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
	for v, l := range h.ladders {
		if l == nil {
			continue
		}
		if err := l.check(); err != nil {
			return fmt.Errorf("variable %d: %w", v, err)
		}
		value, hot := h.key(margin.Variable(v)), 0
		for slot := range l.keys {
			b, always := l.bound(int32(slot))
			if always {
				hot++
			}
			switch free := slot < len(h.pools) && h.pools[slot] == nil; {
			case (free || always) && b != margin.Open:
				return fmt.Errorf("variable %d: slot %d, free %v, hot %v, has the bound %+v", v, slot, free, always, b)
			case free && always:
				return fmt.Errorf("variable %d: slot %d is free and hot", v, slot)
			case margin.Variable(v) != margin.VarFunding && (value < b.Low || value > b.High):
				return fmt.Errorf("variable %d is %d, outside of %+v of slot %d", v, value, b, slot)
			}
		}
		if hot != l.hot.count || len(l.hot.append(nil)) != hot {
			return fmt.Errorf("variable %d: %d are hot, counted %d, found %d", v, hot, l.hot.count, len(l.hot.append(nil)))
		}
	}
	return nil
}

func (l *ladder) check() error {
	for d := range l.limits {
		for slot := range l.keys {
			key, at := l.keys[slot][d], slot
			for level, limits := range l.limits[d] {
				if at >>= fanBits; key > limits[at] {
					return fmt.Errorf("side %d: key %d of slot %d is above the limit %d of level %d", d, key, slot, limits[at], level)
				}
			}
			if key > l.top[d] {
				return fmt.Errorf("side %d: key %d of slot %d is above %d", d, key, slot, l.top[d])
			}
		}
		if n := len(l.limits[d]); n == 0 && len(l.keys) > fan || n > 0 && len(l.limits[d][n-1]) > fan {
			return fmt.Errorf("side %d: %d levels for %d slots", d, n, len(l.keys))
		}
	}
	return nil
}
