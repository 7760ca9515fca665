package hyperliquid

import (
	"math/big"

	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// IsLiquidatable reports equity < maintenance: the summary of a cross pool, or an isolated position
// over its own ledger (§5).
func IsLiquidatable(s *Summary) bool { return s.Equity.Less(s.Maintenance) }

// LiquidationPrice returns the mark at which the pool of a position becomes liquidatable, in the
// doubles that the venue works in; nil where there is none above zero (§6). Equity is the pool's;
// other is the maintenance of its other positions, zero for an isolated one.
//
// The tier is the one that holds at the price found. With several, the nearest price counts.
func (r Rules) LiquidationPrice(p *Position, equity, other fixed.Int128) *big.Rat {
	var best, bestDistance *big.Rat
	mark := mark(p)
	tiers := r.tiers(p)
	for i := range tiers {
		x := r.priceIn(tiers, i, p, mark, equity, other)
		if x.Sign() <= 0 || !r.MarkedRate && tierAt(tiers, p, x) != i || r.MarkedRate && TierOf(tiers, p.Notional) != i {
			continue
		}
		distance := new(big.Rat).Sub(x, mark)
		if distance.Abs(distance); best == nil || distance.Cmp(bestDistance) < 0 {
			best, bestDistance = x, distance
		}
	}
	return best
}

// mark returns notional/|size|.
func mark(p *Position) *big.Rat {
	m := new(big.Rat).Quo(Amount(p.Notional), p.Size)
	return m.Abs(m)
}

// tierAt returns the tier of a position at another mark.
func tierAt(tiers []Tier, p *Position, price *big.Rat) int {
	n := new(big.Rat).Mul(price, p.Size)
	return TierOf(tiers, Micro(n.Abs(n), margin.Down))
}

// priceIn returns mark − side·(equity − maintenance)/|size|/(1 − side·rate) for one tier, each step
// rounded to a double in this order: the documentation's, and the last printed digits agree.
func (r Rules) priceIn(tiers []Tier, tier int, p *Position, mark *big.Rat, equity, other fixed.Int128) *big.Rat {
	own := maintenanceIn(tiers, tier, Amount(p.Notional))
	if r.FloorOwn {
		own = Amount(Micro(own, margin.Down))
	}
	double := margin.Binary64
	side := new(big.Rat).SetInt64(p.side())
	available := double(own.Sub(double(Amount(equity)), double(own.Add(own, Amount(other)))))
	x := double(new(big.Rat).Quo(available, double(new(big.Rat).Abs(p.Size))))
	if !r.MarkedRate {
		part := new(big.Rat).Mul(side, double(rate(tiers[tier])))
		x = double(x.Quo(x, double(part.Sub(big.NewRat(1, 1), part))))
	}
	return double(x.Sub(double(mark), x.Mul(x, side)))
}

// PriceFor returns (size·mark − equity)/(size − |size|·rate), exactly: the price at which a position
// alone over its equity has just its maintenance. A size without a price gives nil.
func PriceFor(size, mark, equity, rate *big.Rat) *big.Rat {
	den := new(big.Rat).Abs(size)
	den.Sub(size, den.Mul(den, rate))
	if den.Sign() == 0 {
		return nil
	}
	x := new(big.Rat).Mul(size, mark)
	return x.Quo(x.Sub(x, equity), den)
}

// ImpliedEquity is PriceFor turned around: the equity of the pool for which the venue printed a
// liquidation price, where the pool itself is not in the snapshot (§8).
func (r Rules) ImpliedEquity(p *Position, price *big.Rat, other fixed.Int128) *big.Rat {
	tiers := r.tiers(p)
	at := new(big.Rat).Mul(price, p.Size)
	notional := new(big.Rat).Abs(at)
	e := new(big.Rat).Sub(Amount(p.Value()), at)
	e.Add(e, maintenanceIn(tiers, tierAt(tiers, p, price), notional))
	return e.Add(e, Amount(other))
}

// FirstShare returns the share of a position that a liquidation closes first (§7): a fifth above the
// threshold, all of it at or below, and all of it during the cool-down.
func FirstShare(notional, threshold fixed.Int128, coolingDown bool) *big.Rat {
	if coolingDown || !threshold.Less(notional) {
		return big.NewRat(1, 1)
	}
	return big.NewRat(1, 5)
}

// CooldownSeconds is how long liquidations are full after a partial one (§7).
const CooldownSeconds = 30

// BackstopBelow returns the equity below which the liquidator vault takes over: two thirds of
// maintenance (§7).
func BackstopBelow(maintenance *big.Rat) *big.Rat {
	return new(big.Rat).Mul(maintenance, big.NewRat(2, 3))
}

// IsBackstop decides by amounts: 3·equity < 2·maintenance.
func IsBackstop(s *Summary) bool {
	return fixed.CmpProducts(s.Equity, 3, s.Maintenance, 2) < 0
}
