package portfolio

import (
	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
	"marginledger/projector/margin/standard"
)

// maxCosted is the greatest value of a leg whose costs fit 128 bits; a pool with one that is greater is
// judged at every move.
var maxCosted = margin.MaxCash

// Slopes implements margin.Profile. What a pool loses in a scenario changes by at most |shock| times
// what the values of its legs do, whatever offsets do: §6, the proof in docs/ladder.md. So no box is needed, and no
// scenario has to be looked at.
func (p *Profile) Slopes(pool *margin.Pool, h *margin.Health, e margin.Edge, t *margin.Terms) {
	if pool.Isolated {
		p.Profile.Slopes(pool, h, e, t)
		return
	}
	if len(pool.Positions) == 0 { // no maintenance
		e.Multiple = 0
	}
	members, others, fits := 0, 0, true
	for i := range pool.Positions {
		pos := &pool.Positions[i]
		g := pos.Market.Own.(groupOf)
		term := t.OfMarket(margin.VarPrice, i, pos.Market)
		p.costs(term, pos.Market.Notional(pos.Size, term.Value), pos.Size > 0, int(g), p.settings.contingency[g], e)
		if pos.Market.FundingMode == events.FundingByIndex {
			t.OfFunding(i, pos, e)
		}
	}
	for i := range pool.Balances {
		b := &pool.Balances[i]
		switch g, member := p.isMember(b); {
		case member:
			members++
			fits = p.ofMember(t.OfBalance(i, b.Asset), b, g, e) && fits
		case !b.Asset.Settlement:
			others++
			standard.OfBalance(t.OfBalance(i, b.Asset), b, e)
		}
	}
	if fits {
		t.Slack = e.Slack(h).Sub(allowance(e.Multiple, len(pool.Positions), members, others))
	}
}

// allowance is what rounding may take from the slack when variables move. Equity: a unit of funding per
// position, one per balance in the portfolio, 17 per other balance. Maintenance, times the multiple: in the scenario
// that decides, a unit per position; 8 per balance, whose value's unit is shocked by up to 500 % and
// counted before and after; a unit per credit, of which there are fewer than groups; one per group's
// contingency; one for the weight. There are no more groups than legs.
func allowance(multiple int64, positions, members, others int) fixed.Int128 {
	p, m := int64(positions), int64(members)
	times := multiple/margin.OneMultiple + 1
	return fixed.FromInt64(times*(3*p+10*m+1) + p + m + 17*int64(others))
}

// costs gives a price its costs: n is the value of what moves with it, ≥ 0, held or owed. Where what is held
// rises by 1, equity rises by 1 and the requirement changes by between −falls and rises of the group;
// where it falls, by between −rises and falls; the contingency share follows the price both ways.
func (p *Profile) costs(t *margin.Term, n fixed.Int128, held bool, g int, contingency int64, e margin.Edge) {
	rises, falls := p.rises[g], p.falls[g] // what the requirement gains where the value rises, and falls
	if e.Upper {
		rises, falls = falls, rises // what it loses
	}
	up, down := rises, falls
	if !held {
		up, down = falls, rises
	}
	if e.Upper {
		contingency = -contingency // what it loses where the price rises
	}
	side := int64(margin.OneMultiple)
	if held == e.Upper {
		side = -side
	}
	// side is what equity takes from the slack where the price falls.
	t.Up = cost(n, -side+times(e.Multiple, max(0, up+contingency)))
	t.Down = cost(n, side+times(e.Multiple, max(0, down-contingency)))
}

// ofMember gives the price of a balance in the portfolio its costs; false where they may not fit.
func (p *Profile) ofMember(t *margin.Term, b *margin.Balance, g int, e margin.Edge) bool {
	n := margin.MulDiv(b.Amount.Abs(), t.Scale, fixed.Pow10(margin.CollateralScale), margin.Up)
	if maxCosted.Less(n) {
		return false
	}
	if !b.Asset.Capped || b.Amount.Sign() < 0 {
		p.costs(t, n, b.Amount.Sign() > 0, g, 0, e)
		return true
	}
	// What counts now and what would count rise by between nothing and their values.
	t.Up = cost(n, times(e.Multiple, p.capped[g]))
	t.Down = t.Up
	if e.Upper {
		t.Up = t.Up.Add(n)
	} else {
		t.Down = t.Down.Add(n)
	}
	return true
}

// times returns multiple · rate, rounded up, both at MultipleScale: at most 10^10 · 6·10^6, which fits a word.
func times(multiple, rate int64) int64 {
	return (multiple*rate + margin.OneMultiple - 1) / margin.OneMultiple
}

// cost returns n·share, rounded up; none where it is below 0.
func cost(n fixed.Int128, share int64) fixed.Int128 {
	if share <= 0 {
		return fixed.Int128{}
	}
	return margin.MulDiv(n, share, margin.OneMultiple, margin.Up)
}
