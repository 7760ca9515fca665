package standard

import (
	"math"

	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// allowance is what rounding may add to equity − multiple·maintenance when prices move, in units
// of the value scale: per position one unit of maintenance, times the multiple; per balance one of
// its value and one of each haircut tier, of which there are at most 16; one of the slack itself.
func allowance(multiple int64, positions, balances int) fixed.Int128 {
	each := multiple/margin.OneMultiple + 1
	return fixed.FromInt64(each*int64(positions) + 18*int64(balances) + 1)
}

// Bound splits the slack to an edge over the pool's prices in proportion to what each can cost.
//
// With multiple l, H = equity − l·maintenance moves with the mark of a long of notional N at most
// by N·max(1, l·r − 1) per unit of relative change, r the market's top rate: falling, equity falls by
// N while maintenance only falls; rising, equity rises by N and l·maintenance by at most l·r·N. A short
// is the mirror: rising costs N·(1 + l·r), falling costs N·max(0, l·r − 1). A balance moves by at
// most its value. So if every price stays within p ± p·slack/Σweights, H moves by at most the
// slack. For an upper edge it is −H that must not fall, with the sides exchanged.
func (p *profile) Bound(pool *margin.Pool, h *margin.Health, e margin.Edge, positions, balances []margin.Bound) {
	slack := h.Equity.Sub(margin.MulDiv(h.Maintenance, e.Multiple, margin.OneMultiple, margin.Up)).Sub(e.Floor)
	if e.Upper {
		slack = slack.Neg()
	}
	slack = slack.Sub(allowance(e.Multiple, len(positions), len(balances)))
	if slack.Sign() <= 0 {
		shut(positions)
		shut(balances)
		return
	}
	var weights fixed.Int128
	for i := range pool.Positions {
		toward, away := slopes(&pool.Positions[i], e)
		n := pool.Positions[i].Market.Value(pool.Positions[i].Size, pool.Positions[i].Market.Price()).Abs()
		if cost := max(toward, away); cost != margin.OneRate {
			n = margin.MulDiv(n, cost, margin.OneRate, margin.Up)
		}
		weights = weights.Add(n)
	}
	for i := range pool.Balances {
		b := &pool.Balances[i]
		if !b.Asset.Settlement {
			v := margin.MulDiv(b.Amount.Abs(), b.Asset.Price, fixed.Pow10(margin.CollateralScale), margin.Up)
			weights = weights.Add(v)
		}
	}
	num, den := ratio(slack, weights)
	for i := range pool.Positions {
		pos := &pool.Positions[i]
		toward, away := slopes(pos, e)
		down, up := toward, away // of a long, a lower edge: the fall is toward the edge
		if (pos.Size < 0) != e.Upper {
			down, up = away, toward
		}
		narrow(&positions[i], pos.Market.Price(), num, den, down > 0, up > 0)
	}
	for i := range pool.Balances {
		if b := &pool.Balances[i]; !b.Asset.Settlement {
			falls := (b.Amount.Sign() > 0) != e.Upper
			narrow(&balances[i], b.Asset.Price, num, den, falls, !falls)
		}
	}
}

// slopes returns, at RateScale, how much of its notional a position costs per unit of relative
// change toward the edge (against the position for a lower edge, with it for an upper one), and
// away from it.
func slopes(pos *margin.Position, e margin.Edge) (toward, away int64) {
	// l·r, rounded up, at RateScale: at most 10^10 · 10^9, which fits a word.
	v := int64((uint64(e.Multiple)*uint64(pos.Market.TopRate()) + margin.OneMultiple - 1) / margin.OneMultiple)
	toward, away = margin.OneRate, max(0, v-margin.OneRate)
	// The side on which maintenance adds to the change: a short's rise for a lower edge, its fall
	// for an upper one; a short's fall and rise are toward and away in both.
	if pos.Size < 0 {
		toward += v
	}
	return toward, away
}

// ratio returns slack/weights as num/den that fit 62 bits, rounded down.
func ratio(slack, weights fixed.Int128) (num, den int64) {
	shift := max(0, max(slack.Bits(), weights.Bits())-61)
	num, _ = slack.Shift(shift).Int64()
	den, _ = weights.Shift(shift).Int64()
	return num, den + 1 // the shift rounds down; one more is never less than the exact weights
}

// narrow cuts a bound to price·(1 ± num/den), on the sides that matter.
func narrow(b *margin.Bound, price, num, den int64, down, up bool) {
	delta, ok := margin.MulDiv(fixed.FromInt64(price), num, den, margin.Down).Int64()
	if !ok {
		return // further than any price
	}
	if down && delta < price {
		b.Low = max(b.Low, price-delta)
	}
	if up && delta < math.MaxInt64-price {
		b.High = min(b.High, price+delta)
	}
}

func shut(bounds []margin.Bound) {
	for i := range bounds {
		bounds[i] = margin.Shut
	}
}
