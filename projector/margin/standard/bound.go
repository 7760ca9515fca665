package standard

import (
	"math"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// allowance is what rounding may take from the slack when variables move, in units of the value
// scale: per position one unit of maintenance, times the multiple, and one of unposted funding; per
// balance one of its value and one of each haircut tier, of which there are at most 16.
func allowance(multiple int64, positions, balances int) fixed.Int128 {
	each := multiple/margin.OneMultiple + 2
	return fixed.FromInt64(each*int64(positions) + 17*int64(balances))
}

// Slopes implements margin.Profile: equity moves with the value of positions, their unposted funding
// and the value of collateral; maintenance, continuous and convex, with notional. The proof is in
// docs/ladder.md.
func (p *Profile) Slopes(pool *margin.Pool, h *margin.Health, e margin.Edge, t *margin.Terms) {
	t.Slack = e.Slack(h).Sub(allowance(e.Multiple, len(pool.Positions), len(pool.Balances)))
	for i := range pool.Positions {
		pos := &pool.Positions[i]
		ofPosition(t.OfMarket(margin.VarPrice, i, pos.Market), pos, e)
		if pos.Market.FundingMode == events.FundingByIndex {
			t.OfFunding(i, pos, e)
		}
	}
	for i := range pool.Balances {
		if b := &pool.Balances[i]; !b.Asset.Settlement {
			OfBalance(t.OfBalance(i, b.Asset), b, e)
		}
	}
}

// ofPosition gives the price of a position its costs. Where the price rises and notional by ΔN,
// H = equity − l·maintenance moves by (±1 − l·r)·ΔN, + for a long, r the rates of the tiers passed;
// where it falls, by the opposite. A lower edge minds that H falls, an upper edge that it rises.
func ofPosition(t *margin.Term, pos *margin.Position, e margin.Edge) {
	m, side := pos.Market, int64(margin.OneRate)
	if pos.Size < 0 {
		side = -side
	}
	unit := fixed.Product(pos.Size, m.K).Abs()
	n := unit.Mul(t.Value)
	here := m.Tier(n)
	if e.Upper { // rates only rise with notional: none beyond here makes it worse
		rate := m.Tiers[here].Rate
		t.Up = cost(n, side-times(e.Multiple, rate, margin.Down))
		t.Down = cost(n, times(e.Multiple, rate, margin.Up)-side)
		return
	}
	// The box reaches down to the tier of half the notional, and up to the end of that of twice, but
	// where the rates beyond do not matter.
	above, last := here, len(m.Tiers)-1
	if times(e.Multiple, m.Tiers[last].Rate, margin.Up) > side {
		for twice := n.Add(n); above < last && m.Tiers[above+1].Lower.Less(twice); above++ {
		}
		if above < last {
			t.High = price(m.Tiers[above+1].Lower, unit, margin.Down)
		}
		t.Up = cost(n, times(e.Multiple, m.Tiers[above].Rate, margin.Up)-side)
	}
	if side > 0 {
		below := here
		for half := n.Shift(1); below > 0 && half.Less(m.Tiers[below].Lower); below-- {
		}
		if below > 0 {
			t.Low = price(m.Tiers[below].Lower, unit, margin.Up)
		}
		t.Down = cost(n, side-times(e.Multiple, m.Tiers[below].Rate, margin.Down))
	}
}

// times returns multiple · rate at RateScale: at most 10^10 · 10^9, which fits a word.
func times(multiple, rate int64, dir margin.Direction) int64 {
	v := uint64(multiple) * uint64(rate)
	if dir == margin.Up {
		v += margin.OneMultiple - 1
	}
	return int64(v / margin.OneMultiple)
}

// cost returns n·share, rounded up, share at RateScale; none where it is below 0.
func cost(n fixed.Int128, share int64) fixed.Int128 {
	switch {
	case share <= 0:
		return fixed.Int128{}
	case share == margin.OneRate:
		return n
	}
	return margin.MulDiv(n, share, margin.OneRate, margin.Up)
}

// price returns value/unit, the price at which so many units have that value ≥ 0; the largest int64
// where it is past any price.
func price(value, unit fixed.Int128, dir margin.Direction) int64 {
	q, inexact := fixed.Divide(value, unit)
	if inexact && dir == margin.Up {
		q = q.Add(fixed.FromInt64(1))
	}
	if p, ok := q.Int64(); ok {
		return p
	}
	return math.MaxInt64
}

// OfBalance gives the price of collateral its costs. What is owed counts in full, what is held less the
// haircut of its tier, which rises with value: so a rise counts most at the present tier, a fall at the
// lowest that it reaches. That is the tier of half the value; the box ends there. A cap is one more tier, in
// which nothing counts: no slope is greater for it.
func OfBalance(t *margin.Term, b *margin.Balance, e margin.Edge) {
	n := margin.MulDiv(b.Amount.Abs(), t.Scale, fixed.Pow10(margin.CollateralScale), margin.Up)
	tiers := b.Asset.Haircuts
	switch {
	case b.Amount.Sign() < 0 && e.Upper:
		t.Down = n
	case b.Amount.Sign() < 0:
		t.Up = n
	case len(tiers) == 0, b.Asset.Capped && b.Asset.Cap.IsZero(): // counts nothing
	case e.Upper:
		t.Up = cost(n, margin.OneRate-tiers[haircutTier(tiers, n.Sub(fixed.FromInt64(1)))].Haircut)
	default:
		below := haircutTier(tiers, n.Shift(1))
		const digits = 40 // bits of 10^CollateralScale
		if tiers[below].Lower.Bits()+digits > 127 {
			below = 0
		}
		if below > 0 {
			low := fixed.Multiply(tiers[below].Lower, fixed.FromInt64(fixed.Pow10(margin.CollateralScale)))
			t.Low = price(low, b.Amount, margin.Up)
		}
		t.Down = cost(n, margin.OneRate-tiers[below].Haircut)
	}
}

// haircutTier returns the last tier whose lower edge is ≤ a value, or the first.
func haircutTier(tiers []margin.HaircutTier, value fixed.Int128) int {
	i := len(tiers) - 1
	for i > 0 && value.Less(tiers[i].Lower) {
		i--
	}
	return i
}

// Least implements margin.Additive. Value is linear in the price and maintenance convex, so what the position adds is
// concave: least at one of the ends. A short's falls with the price; a long's rises with it where no rate takes more than the
// value adds. Maintenance is rounded up by less than a unit.
func (p *Profile) Least(pos *margin.Position, multiple, low, high int64) (least, known fixed.Int128) {
	if pos.Size < 0 {
		least = addedAt(pos, multiple, high)
	} else {
		least = addedAt(pos, multiple, low)
		if times(multiple, pos.Market.TopRate(), margin.Up) > margin.OneRate {
			if other := addedAt(pos, multiple, high); other.Less(least) {
				least = other
			}
		}
	}
	return least, least.Add(fixed.FromInt64(multiple/margin.OneMultiple + 2))
}

// addedAt is rounded down.
func addedAt(pos *margin.Position, multiple, price int64) fixed.Int128 {
	m := pos.Market
	value := m.Value(pos.Size, price)
	notional := value.Abs()
	due := margin.MulDiv(maintenance(&m.Tiers[m.Tier(notional)], notional), multiple, margin.OneMultiple, margin.Up)
	return value.Sub(pos.Entry).Sub(due)
}
