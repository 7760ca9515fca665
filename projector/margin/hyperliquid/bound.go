package hyperliquid

import (
	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// Slopes implements margin.Profile. Equity moves with value and unposted funding; maintenance, continuous
// and rising, with notional, at a rate between the first and the last tier's.
//
// Portfolio margin: S = E + C − l·(20·M + max(0, M − E))/19 − F, E being equity, C the weighted tokens and M
// maintenance before the ratio. A move of E takes at most 1 + l/19 of it, one of M 21·l/19, one of C the whole.
func (p *Profile) Slopes(pool *margin.Pool, h *margin.Health, e margin.Edge, t *margin.Terms) {
	portfolio := Mode(h.Own&ownMode) == PortfolioMargin
	t.Slack = e.Slack(h).Sub(p.allowance(pool, e.Multiple, portfolio))
	whole := margin.OneRate + up(e.Multiple*(margin.OneRate/margin.OneMultiple), 19) // 1 + l/19
	for i := range pool.Positions {
		pos := &pool.Positions[i]
		term := t.OfMarket(margin.VarPrice, i, pos.Market)
		if portfolio {
			own := ownOf(pos.Market)
			top := times(e.Multiple, own.brackets[len(own.brackets)-1].high, margin.Up)
			term.Down = cost(pos.Market.Notional(pos.Size, term.Value), whole+up(top*21, 19))
			term.Up = term.Down
		} else {
			p.ofPosition(term, pos, e)
		}
		if pos.Market.FundingMode == events.FundingByIndex {
			f := t.OfFunding(i, pos, e)
			if portfolio {
				f.Down, f.Up = cost(f.Down, whole), cost(f.Up, whole)
			}
		}
	}
	for i := range pool.Balances {
		if b := &pool.Balances[i]; portfolio && !b.Asset.Settlement {
			term := t.OfBalance(i, b.Asset)
			term.Down = margin.MulDiv(held(pool.Account, b).Amount.Abs(), term.Scale, fixed.Pow10(margin.CollateralScale), margin.Up)
			term.Up = term.Down
		}
	}
}

// allowance is what rounding may take: of each position a micro-USDC of funding, and of maintenance one for its
// floor and one for that of a notional finer than six digits, times the multiple; in portfolio margin
// 21/19 of that, the last rounding, and of each token two units a bracket, of which there are at most 16.
func (p *Profile) allowance(pool *margin.Pool, multiple int64, portfolio bool) fixed.Int128 {
	l, n := multiple/margin.OneMultiple+1, int64(len(pool.Positions))
	if portfolio {
		return fixed.FromInt64((5*l + 2) * n).Mul(p.unit).Add(fixed.FromInt64(2*l + 40*int64(len(pool.Balances))))
	}
	return fixed.FromInt64((2*l + 1) * n).Mul(p.unit)
}

// ofPosition gives a price its costs: S moves by (±1 − l·r) of ΔN, + for a long, r the rates passed. A rise meets
// rates from here to the last tier's, a fall those from the first to here.
func (p *Profile) ofPosition(t *margin.Term, pos *margin.Position, e margin.Edge) {
	own, side := ownOf(pos.Market), int64(margin.OneRate)
	if pos.Size < 0 {
		side = -side
	}
	n := pos.Market.Notional(pos.Size, t.Value)
	first, here, last := &own.brackets[0], &own.brackets[TierOf(own.tiers, p.micro(n))], &own.brackets[len(own.brackets)-1]
	if e.Upper {
		t.Up = cost(n, side-times(e.Multiple, here.low, margin.Down))
		t.Down = cost(n, times(e.Multiple, here.high, margin.Up)-side)
		return
	}
	t.Up = cost(n, times(e.Multiple, last.high, margin.Up)-side)
	t.Down = cost(n, side-times(e.Multiple, first.low, margin.Down))
}

// times returns multiple · rate at RateScale: at most 10^10 · 10^9/2, which fits a word.
func times(multiple, rate int64, dir margin.Direction) int64 {
	v := multiple * rate
	if dir == margin.Up {
		v += margin.OneMultiple - 1
	}
	return v / margin.OneMultiple
}

// cost returns n·share, rounded up, share at RateScale; none where it is below 0.
func cost(n fixed.Int128, share int64) fixed.Int128 {
	if share <= 0 {
		return fixed.Int128{}
	}
	return margin.MulDiv(n, share, margin.OneRate, margin.Up)
}
