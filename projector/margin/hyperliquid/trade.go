package hyperliquid

import (
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// MaxLeverage is that of the tier of the position's notional; of any, the first tier's (§3).
func (p *Profile) MaxLeverage(m *margin.Market, size int64) int64 {
	own := ownOf(m)
	if size == 0 {
		return own.tiers[0].MaxLeverage
	}
	return own.tiers[TierOf(own.tiers, p.micro(m.Notional(size, m.Price())))].MaxLeverage
}

// IncreaseMargin is the initial margin of what was added at its price, floored as every initial margin is.
func (p *Profile) IncreaseMargin(m *margin.Market, lev, added, total, price int64) fixed.Int128 {
	own := ownOf(m)
	tier := TierOf(own.tiers, p.micro(m.Notional(total, price)))
	return p.value(Initial(p.micro(m.Notional(added, price)), own.leverage(tier, lev)))
}

// Release implements §11: the share of what closed, less what closing lost, floored at six digits.
func (p *Profile) Release(held, left fixed.Int128, closed, size int64) fixed.Int128 {
	return p.floor(p.Profile.Release(held, left, closed, size))
}

// Breaks implements §12, rules. Nothing is said against a cross pool whose figures are unknown.
func (p *Profile) Breaks(u *margin.Update, dst []margin.Rule) []margin.Rule {
	short := !u.Unknown && u.Free.Sign() < 0
	switch u.Kind {
	case margin.Traded:
		if u.Opened == 0 {
			return dst
		}
		if before := u.Size - u.Traded; u.Leverage > p.MaxLeverage(u.Market, u.Size) && abs(u.Size) > abs(before) {
			dst = append(dst, margin.RuleLeverage)
		}
		if short || u.Short {
			dst = append(dst, margin.RuleInitialMargin)
		}
	case margin.Left:
		if !u.Unknown && (u.Leaves.Sign() < 0 || u.Negative) {
			dst = append(dst, margin.RuleWithdrawal)
		}
	case margin.LeverageChosen:
		dst = p.leverageChosen(u, short, dst)
	case margin.MarginAdded:
		if short {
			dst = append(dst, margin.RuleIsolatedExceedsFree)
		}
	case margin.MarginRemoved:
		if u.Health.Equity.Less(p.transferRequirement(u.Health)) {
			dst = append(dst, margin.RuleIsolatedBelowInitial)
		}
	}
	return dst
}

// leverageChosen: raising is free, lowering must leave the initial margin covered (§11).
func (p *Profile) leverageChosen(u *margin.Update, short bool, dst []margin.Rule) []margin.Rule {
	most := p.MaxLeverage(u.Market, u.Size)
	if u.Leverage > most {
		dst = append(dst, margin.RuleLeverage)
	}
	was := u.Was
	if was == 0 {
		was = most
	}
	if u.Leverage < was && (short || u.Isolated != nil && u.Isolated.Equity.Less(u.Isolated.Initial)) {
		dst = append(dst, margin.RuleInitialMargin)
	}
	return dst
}

func abs(v int64) int64 { return max(v, -v) }
