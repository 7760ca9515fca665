package standard

import (
	"math/big"

	"marginledger/projector/margin"
)

// Rank implements §9: profit ratio times effective leverage where there is profit, over it where
// there is loss. Pools without equity come first on the winning side.
func (p *Profile) Rank(pool *margin.Pool, position int, h *margin.Health) *big.Rat {
	return Rank(p.Figures(pool, position), &pool.Positions[position], h)
}

// Rank is (PnL/|entry|)·(N/E) of a position with profit, (PnL/|entry|)·(E/N) of one with loss; E and
// |entry| count as at least one unit.
func Rank(f margin.Figures, pos *margin.Position, h *margin.Health) *big.Rat {
	ratio := new(big.Rat).SetFrac(f.Unrealised.Big(), atLeastOne(pos.Entry.Abs().Big()))
	leverage := new(big.Rat).SetFrac(atLeastOne(f.Notional.Big()), atLeastOne(h.Equity.Big()))
	if f.Unrealised.Sign() < 0 {
		leverage.Inv(leverage)
	}
	return ratio.Mul(ratio, leverage)
}

func atLeastOne(v *big.Int) *big.Int {
	if v.Sign() <= 0 {
		return big.NewInt(1)
	}
	return v
}
