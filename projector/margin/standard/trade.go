package standard

import (
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// Cost is size·price·K, exactly.
func (p *Profile) Cost(m *margin.Market, size, price int64) fixed.Int128 { return m.Value(size, price) }

// MaxLeverage is that of the tier of the position's notional; of any, the first tier's.
func (p *Profile) MaxLeverage(m *margin.Market, size int64) int64 {
	if size == 0 {
		return m.Tiers[0].MaxLeverage
	}
	return m.Tiers[m.Tier(m.Notional(size, m.Price()))].MaxLeverage
}

// IncreaseMargin implements §4, fill, step 5.
func (p *Profile) IncreaseMargin(m *margin.Market, lev, added, total, price int64) fixed.Int128 {
	t := &m.Tiers[m.Tier(m.Notional(total, price))]
	return divUp(m.Notional(added, price), leverage(t, lev))
}

// Release implements §4, fill, step 7: the share of what closed, less what closing lost. So the
// pool's equity falls at most in proportion, and a partial liquidation cannot make it bankrupt.
func (p *Profile) Release(held, left fixed.Int128, closed, size int64) fixed.Int128 {
	r := margin.MulDiv(held, closed, size, margin.Down)
	if lost := held.Sub(left); lost.Sign() > 0 {
		r = r.Sub(lost)
	}
	if r.Sign() < 0 {
		return fixed.Int128{}
	}
	return r
}

// Breaks implements §6.
func (p *Profile) Breaks(u *margin.Update, dst []margin.Rule) []margin.Rule {
	switch u.Kind {
	case margin.Traded:
		if u.Opened == 0 {
			return dst
		}
		if before := u.Size - u.Traded; u.Leverage > p.MaxLeverage(u.Market, u.Size) && abs(u.Size) > abs(before) {
			dst = append(dst, margin.RuleLeverage)
		}
		if u.Free.Sign() < 0 || u.Short {
			dst = append(dst, margin.RuleInitialMargin)
		}
	case margin.Left:
		if u.Leaves.Sign() < 0 || u.Negative {
			dst = append(dst, margin.RuleWithdrawal)
		}
	case margin.LeverageChosen:
		if u.Leverage > p.MaxLeverage(u.Market, 0) {
			dst = append(dst, margin.RuleLeverage)
		}
	case margin.MarginAdded:
		if u.Free.Sign() < 0 {
			dst = append(dst, margin.RuleIsolatedExceedsFree)
		}
	case margin.MarginRemoved:
		if u.Health.Equity.Less(u.Health.Initial) || u.Pool.Collateral.Sign() < 0 {
			dst = append(dst, margin.RuleIsolatedBelowInitial)
		}
	}
	return dst
}

func abs(v int64) int64 { return max(v, -v) }
