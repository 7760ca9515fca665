package dydx

import (
	"errors"
	"math/big"

	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// ErrRate is a funding rate without its seconds, or finer than a millionth.
var ErrRate = errors.New("a funding rate is in millionths per 8 hours, for a number of seconds")

// Cost is the quote quanta of a fill: FillQuote with the sign turned, its amount floored.
func (p *Profile) Cost(m *margin.Market, size, price int64) fixed.Int128 {
	return rulesOf(m).value(size, price, margin.ToZero)
}

// MaxLeverage is 10⁶ / the tier's initial fraction, rounded down: at any size.
func (p *Profile) MaxLeverage(m *margin.Market, _ int64) int64 { return ppm / rulesOf(m).initial }

// IncreaseMargin is nothing: there are no isolated pools (§8).
func (p *Profile) IncreaseMargin(*margin.Market, int64, int64, int64, int64) fixed.Int128 {
	return fixed.Int128{}
}

// Breaks implements §§6 and 8, in the venue's order: of a refusal it names the first rule.
func (p *Profile) Breaks(u *margin.Update, dst []margin.Rule) []margin.Rule {
	switch u.Kind {
	case margin.Traded:
		if rulesOf(u.Market).final == 1 && !u.Market.Halted {
			dst = append(dst, margin.RuleMarketHalted)
		}
		if !alone(u.Pool, u.Market) {
			return append(dst, margin.RuleIsolatedMarket)
		}
		return append(dst, transition(u)...)
	case margin.Left:
		if gated(u.Pool) || u.To != nil && gated(u.To) {
			return append(dst, margin.RuleWithdrawalsGated)
		}
		return append(dst, transition(u)...)
	case margin.LeverageChosen:
		return p.chosen(u, dst)
	}
	return dst
}

// alone reports that an account which trades in a market obeys the rule of isolated markets.
func alone(p *margin.Pool, traded *margin.Market) bool {
	isolated, others := rulesOf(traded).isolated == 1, false
	for i := range p.Positions {
		if m := p.Positions[i].Market; m != traded {
			isolated, others = isolated || rulesOf(m).isolated == 1, true
		}
	}
	return !isolated || !others
}

// gated reports that the pool in which an account's collateral lies lets nothing out in this block.
func gated(p *margin.Pool) bool {
	until := p.Venue.GatedUntil
	for i := range p.Positions {
		if m := p.Positions[i].Market; rulesOf(m).isolated == 1 {
			until = m.GatedUntil
		}
	}
	return p.Venue.Block < until
}

// transition is the rule that an update broke by the collateral that it leaves, if any.
func transition(u *margin.Update) []margin.Rule {
	after := riskOf(u.Health)
	if u.Health.Missing != "" || after.MeetsInitial() {
		return nil
	}
	switch Transition(riskOf(u.Before), after) {
	case NewlyUndercollateralized:
		return []margin.Rule{margin.RuleNewlyUndercollateral}
	case StillUndercollateralized:
		return []margin.Rule{margin.RuleStillUndercollateral}
	}
	return nil
}

func riskOf(h *margin.Health) Risk {
	return Risk{Net: h.Equity.Big(), Initial: h.Initial.Big(), Maintenance: h.Maintenance.Big()}
}

// chosen judges a LeverageSet: the fraction is no less than the tier's, and collateral covers the
// initial requirement, which the venue takes without the fractions that were set before (§3).
func (p *Profile) chosen(u *margin.Update, dst []margin.Rule) []margin.Rule {
	own := OwnFraction(u.Leverage)
	if own < rulesOf(u.Market).initial {
		return append(dst, margin.RuleLeverage)
	}
	if u.Health.Missing != "" {
		return dst
	}
	var initial fixed.Int128
	for i := range u.Pool.Positions {
		pos, leverage := &u.Pool.Positions[i], int64(0)
		if pos.Market == u.Market {
			leverage = u.Leverage
		}
		r := rulesOf(pos.Market)
		v, _ := r.initialOf(r.value(pos.Size, pos.Market.Price(), margin.ToZero).Abs(), pos.Market, leverage)
		initial = initial.Add(v)
	}
	if u.Health.Equity.Less(initial) {
		dst = append(dst, margin.RuleInitialMargin)
	}
	return dst
}

// template returns a market in the numbers of any width: its facts but those of positions.
func template(m *margin.Market) Market {
	r := rulesOf(m)
	return Market{
		Resolution: -m.SizeScale, Price: big.NewInt(m.Price()), Exponent: -m.PriceScale,
		FundingIndex: r.index(m.FundingIndex), OpenInterest: m.OpenLong.Big(), Isolated: r.isolated == 1,
		Tier: Tier{Initial: big.NewInt(r.initial), Maintenance: big.NewInt(r.maintenance), LowerCap: big.NewInt(r.lower), UpperCap: big.NewInt(r.upper)},
	}
}

// index returns a funding index in the venue's unit.
func (r *rules) index(v fixed.Int128) *big.Int {
	return margin.Quo(v.Big(), big.NewInt(r.indexUnit), margin.Down)
}

// portfolio returns a pool in the numbers of any width; a market's number is the place of its position.
func portfolio(p *margin.Pool) (Markets, *Subaccount) {
	markets, usdc := make(Markets, len(p.Positions)), p.Collateral
	for i := range p.Balances {
		if p.Balances[i].Asset.Settlement {
			usdc = usdc.Add(p.Balances[i].Amount)
		}
	}
	a := &Subaccount{Positions: make([]Position, len(p.Positions))}
	for i := range p.Positions {
		pos := &p.Positions[i]
		usdc = usdc.Sub(pos.Entry)
		markets[i] = template(pos.Market)
		markets[i].ID = uint32(i)
		a.Positions[i] = Position{Market: uint32(i), Size: big.NewInt(pos.Size), FundingIndex: rulesOf(pos.Market).index(pos.FundingIndex)}
		if own := OwnFraction(pos.Leverage); own > 0 {
			a.Positions[i].Custom = big.NewInt(own)
		}
	}
	a.USDC = usdc.Big()
	return markets, a
}
