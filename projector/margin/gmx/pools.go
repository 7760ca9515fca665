package gmx

import (
	"math/big"

	"marginledger/projector/margin"
)

// What a decrease moves in the pools.

// swapProfit swaps the secondary output for collateral (§10.3): for what the swap gave, or where that is not told its
// least price against the greatest of the collateral, down, and then not if the pool has too little. The fees of a
// swap stay in the pool here: who got which part of them is not told.
func (d *decrease) swapProfit(out *big.Int) {
	if d.Secondary.Sign() == 0 {
		return
	}
	if out == nil {
		out = margin.Quo(mul(d.Secondary, d.profit.Min), d.collateral.Max, margin.Down)
		if out.Cmp(d.Pool.Of(d.longCollateral)) > 0 {
			return
		}
	}
	d.toPool(d.longProfit, d.Secondary)
	d.toPool(d.longCollateral, neg(out))
	d.Output, d.Secondary = add(d.Output, out), zero
}

// bothToPool adds collateral and secondary tokens to the pool.
func (d *decrease) bothToPool(paid, second *big.Int) {
	d.toPool(d.longCollateral, paid)
	d.toPool(d.longProfit, second)
}

func (d *decrease) toPool(longToken bool, tokens *big.Int) {
	if longToken || d.m.SingleToken {
		d.Pool.Long = add(d.Pool.Long, tokens)
	} else {
		d.Pool.Short = add(d.Pool.Short, tokens)
	}
}

// toImpactPool adds to the impact pool, after it has repaid what it was lent; what it lacks is lent to it.
func (d *decrease) toImpactPool(tokens *big.Int) {
	if tokens.Sign() >= 0 {
		repaid := least(d.Lent, tokens)
		d.Lent = sub(d.Lent, repaid)
		d.ImpactPool = add(d.ImpactPool, sub(tokens, repaid))
		return
	}
	had := least(d.ImpactPool, neg(tokens))
	d.ImpactPool = sub(d.ImpactPool, had)
	d.Lent = sub(d.Lent, add(tokens, had))
}
