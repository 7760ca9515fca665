package portfolio

import (
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// Worst implements margin.Scenarios.
func (p *Profile) Worst(pool *margin.Pool) *margin.Worst {
	if pool.Isolated {
		return nil
	}
	var room memory
	b, _ := room.open(p, pool)
	if len(b.legs) == 0 {
		return nil
	}
	k, loss, credit := b.worst()
	line := &p.grid[k]
	w := &margin.Worst{Name: line.name, Weight: line.weight, Loss: loss, Offsets: credit, Contingency: b.contingency(),
		Positions: make([]fixed.Int128, len(pool.Positions)), Balances: make([]fixed.Int128, len(pool.Balances))}
	for i := range b.legs {
		l := &b.legs[i]
		lost := l.shocked(line.at(b.groups[l.group].number)).Neg()
		if i < b.positions {
			w.Positions[l.place] = lost
		} else {
			w.Balances[l.place] = lost
		}
	}
	return w
}
