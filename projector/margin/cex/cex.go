// Package cex has what centralised venues and their clients print about linear perpetuals:
// liquidation prices, haircuts, tiered collateral.
//
// It is no profile: docs/venues/cex.md says which formula is whose. Numbers are exact rationals; a
// formula that a client works out in doubles is rounded as doubles are, step by step, because the
// published digits show it.
package cex

import (
	"math/big"

	"marginledger/projector/margin"
)

// Side is the direction of a position.
type Side int64

// The sides.
const (
	Long  Side = 1
	Short Side = -1
)

func (s Side) rat() *big.Rat { return big.NewRat(int64(s), 1) }

// Position is a position on Binance USD-M, signed size.
type Position struct {
	Size, Entry, Mark *big.Rat
	Rate              *big.Rat // maintenance rate of its bracket
	Deduction         *big.Rat // cum: maintenance amount of its bracket
}

// Unrealised returns size·(mark − entry).
func Unrealised(size, entry, mark *big.Rat) *big.Rat {
	pnl := new(big.Rat).Sub(mark, entry)
	return pnl.Mul(pnl, size)
}

// maintenance returns |size|·mark·rate − deduction.
func (p *Position) maintenance() *big.Rat {
	m := new(big.Rat).Abs(p.Size)
	m.Mul(m, p.Mark)
	m.Mul(m, p.Rate)
	return m.Sub(m, p.Deduction)
}

// BinanceLiquidation returns the liquidation price of a position, exactly:
// (wallet + Σ others (PnL − maintenance) + cum − size·entry)/(|size|·rate − size).
// Others are those of the same pool; none if it is isolated.
func BinanceLiquidation(wallet *big.Rat, p *Position, others []Position) *big.Rat {
	num := new(big.Rat).Add(wallet, p.Deduction)
	for i := range others {
		o := &others[i]
		num.Add(num, Unrealised(o.Size, o.Entry, o.Mark))
		num.Sub(num, o.maintenance())
	}
	num.Sub(num, new(big.Rat).Mul(p.Size, p.Entry))
	den := new(big.Rat).Abs(p.Size)
	den.Mul(den, p.Rate)
	return num.Quo(num, den.Sub(den, p.Size))
}

// BinanceClientLiquidation is BinanceLiquidation of one position as clients work it out in doubles:
// ((wallet + cum) − side·size·entry)/(size·rate − side·size).
func BinanceClientLiquidation(side Side, size, entry, wallet, rate, cum *big.Rat) *big.Rat {
	double := margin.Binary64
	q, signed := double(size), new(big.Rat).Mul(side.rat(), double(size))
	num := double(new(big.Rat).Add(double(wallet), double(cum)))
	num = double(num.Sub(num, double(new(big.Rat).Mul(signed, double(entry)))))
	den := double(new(big.Rat).Mul(q, double(rate)))
	return double(num.Quo(num, double(den.Sub(den, signed))))
}

// OKXLiquidation returns (entry ∓ margin/size)/(1 ∓ (rate + taker fee)) as clients work it out in
// doubles: an isolated position on OKX or Gate.
func OKXLiquidation(side Side, size, entry, collateral, rate, fee *big.Rat) *big.Rat {
	double := margin.Binary64
	share := double(new(big.Rat).Quo(double(collateral), double(size)))
	num := double(share.Sub(double(entry), share.Mul(share, side.rat())))
	part := double(new(big.Rat).Add(double(rate), double(fee)))
	den := double(part.Sub(big.NewRat(1, 1), part.Mul(part, side.rat())))
	return double(num.Quo(num, den))
}

// BybitLiquidation returns entry ∓ (entry/leverage − entry·rate), exactly: an isolated position.
func BybitLiquidation(side Side, entry, leverage, rate *big.Rat) *big.Rat {
	share := new(big.Rat).Inv(leverage)
	share.Sub(share, rate)
	share.Mul(share, entry)
	return share.Sub(entry, share.Mul(share, side.rat()))
}

// CrossLiquidation returns mark − (equity − maintenance)/size with maintenance as it is at the mark,
// exactly: a first estimate that some clients print. The price at which equity and maintenance meet
// lies beyond it, since maintenance moves with the mark.
func CrossLiquidation(size, mark, equity, otherMaintenance, rate *big.Rat) *big.Rat {
	own := new(big.Rat).Abs(size)
	own.Mul(own, mark)
	own.Mul(own, rate)
	free := new(big.Rat).Sub(equity, otherMaintenance)
	free.Sub(free, own)
	return free.Sub(mark, free.Quo(free, size))
}

// Needed returns how much of an asset covers a deficit at a collateral rate, exactly.
func Needed(deficit, rate *big.Rat) *big.Rat { return new(big.Rat).Quo(deficit, rate) }

// Tier is a bracket of quantity [From, To) and the share of its value that counts; To nil: no end.
type Tier struct{ From, To, Rate *big.Rat }

// TieredValue returns what a quantity counts as collateral: each part at its own tier's rate, what
// no tier names at nothing, a negative balance in full.
func TieredValue(quantity, price *big.Rat, tiers []Tier) *big.Rat {
	if quantity.Sign() < 0 {
		return new(big.Rat).Mul(quantity, price)
	}
	sum := new(big.Rat)
	for _, t := range tiers {
		end := quantity
		if t.To != nil && t.To.Cmp(end) < 0 {
			end = t.To
		}
		part := new(big.Rat).Sub(end, t.From)
		if part.Sign() > 0 {
			sum.Add(sum, part.Mul(part, t.Rate))
		}
	}
	return sum.Mul(sum, price)
}

// KnownValue is TieredValue where the tiers are only known up to the end of the last one: false
// beyond it.
func KnownValue(quantity, price *big.Rat, tiers []Tier) (*big.Rat, bool) {
	if len(tiers) == 0 {
		return nil, false
	}
	if end := tiers[len(tiers)-1].To; end != nil && end.Cmp(quantity) < 0 {
		return nil, false
	}
	return TieredValue(quantity, price, tiers), true
}
