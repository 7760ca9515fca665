package calculator

import (
	"math/big"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector"
	"marginledger/projector/margin"
)

func dec(n events.Number) Decimal { return Decimal{n} }

func optional(n events.Number) *Decimal {
	if !n.Present {
		return nil
	}
	return &Decimal{n}
}

// figures are those of the account as it is now.
func (w *world) figures(explain bool) Figures {
	a := w.shard.Account(w.venue, w.owner, w.portfolio.Subaccount)
	xs := w.shard.Explain(w.venue, w.owner, w.portfolio.Subaccount)
	f := Figures{OrderMargin: dec(a.OrderMargin), Free: dec(a.Free), Withdrawable: dec(a.Withdrawable), Balances: []Balance{}, Isolated: []Pool{}}
	for _, b := range a.Balances {
		f.Balances = append(f.Balances, Balance{b.Asset, dec(b.Amount), dec(b.Value)})
	}
	f.Claims = claims(a.Claims)
	f.Cross = poolOf(&a.Pools[0], &xs[0])
	for i := 1; i < len(a.Pools); i++ {
		f.Isolated = append(f.Isolated, poolOf(&a.Pools[i], &xs[i]))
	}
	if xs[0].Missing != "" {
		f.OrderMargin, f.Free, f.Withdrawable = Decimal{}, Decimal{}, Decimal{}
	}
	f.sum()
	if explain {
		for i := range xs {
			f.Explanation = append(f.Explanation, steps(&xs[i])...)
		}
	}
	return f
}

// sum adds up the pools. One that is liquidatable decides; else one that is unknown does.
func (f *Figures) sum() {
	liquidatable, unknown := false, false
	add := func(p *Pool) {
		f.Equity, f.Initial, f.Maintenance = plus(f.Equity, p.Equity), plus(f.Initial, p.Initial), plus(f.Maintenance, p.Maintenance)
		liquidatable = liquidatable || p.Liquidatable != nil && *p.Liquidatable
		unknown = unknown || p.Liquidatable == nil
	}
	zero := f.Cross.Equity
	zero.Coef = fixed.Int128{}
	f.Equity, f.Initial, f.Maintenance = zero, zero, zero
	add(&f.Cross)
	for i := range f.Isolated {
		add(&f.Isolated[i])
	}
	if liquidatable || !unknown {
		f.Liquidatable = &liquidatable
	}
	f.MarginRatio = f.ratio()
}

// ratio is the margin ratio of the pool that is closest to liquidation; absent where one with a requirement has none: its
// equity is not above zero, or unknown.
func (f *Figures) ratio() Decimal {
	out := f.Cross.MarginRatio
	for _, p := range append([]Pool{f.Cross}, f.Isolated...) {
		switch {
		case p.Unknown != "", !p.MarginRatio.Present && p.Maintenance.Sign() > 0:
			return Decimal{}
		case p.MarginRatio.Present && (!out.Present || out.Cmp(p.MarginRatio.Number) < 0):
			out = p.MarginRatio
		}
	}
	return out
}

// plus adds amounts of one scale; absent with anything is absent.
func plus(a, b Decimal) Decimal {
	if !a.Present || !b.Present {
		return Decimal{}
	}
	a.Coef = a.Coef.Add(b.Coef)
	return a
}

func poolOf(p *projector.PoolFigures, x *projector.PoolExplanation) Pool {
	out := Pool{Pool: p.Pool, Unpriced: x.Unpriced, Collateral: optional(p.Collateral), Stage: x.Stage.String(), CallLevels: []Decimal{}, Positions: []Position{}}
	for i := range p.Positions {
		out.Positions = append(out.Positions, positionOf(&p.Positions[i], x, i))
	}
	if x.Missing != "" {
		out.Unknown = "needs " + x.Missing
		return out
	}
	out.Equity, out.Initial, out.Maintenance, out.MarginRatio = dec(p.Equity), dec(p.Initial), dec(p.Maintenance), dec(p.MarginRatio)
	if !x.Unpriced {
		liquidatable := x.Stage != events.StageNone
		out.Liquidatable = &liquidatable
	}
	for _, l := range p.Calls {
		out.CallLevels = append(out.CallLevels, dec(l))
	}
	if w := &p.Worst; w.Name != "" {
		out.Worst = &Worst{Name: w.Name, Weight: dec(w.Weight), Loss: dec(w.Loss), Offsets: dec(w.Offsets), Contingency: dec(w.Contingency), Losses: []LegLoss{}}
		for _, l := range w.Losses {
			loss := LegLoss{Market: l.Market, Asset: l.Asset, Loss: dec(l.Loss)}
			if l.Market != "" {
				loss.Leg = l.Leg.String()
			}
			out.Worst.Losses = append(out.Worst.Losses, loss)
		}
	}
	return out
}

func positionOf(p *projector.PositionReport, x *projector.PoolExplanation, i int) Position {
	out := Position{Market: p.Market, Leg: p.Leg.String(), Collateral: p.Collateral, Size: dec(p.Size), EntryPrice: dec(p.EntryPrice),
		Mark: dec(p.Mark), NoLiquidationPrice: p.NoLiquidationPrice, NoBankruptcyPrice: p.NoBankruptcyPrice, NoADLRank: p.NoRank}
	if x.Missing != "" {
		return out
	}
	out.Notional, out.UnrealisedPnL, out.UnpostedFunding = dec(p.Notional), dec(p.UnrealisedPnL), dec(p.UnpostedFunding)
	out.Initial, out.Maintenance, out.Tier = dec(p.Initial), dec(p.Maintenance), p.Tier
	out.LiquidationPrice, out.LiquidationPriceUnderlying = dec(p.LiquidationPrice), dec(p.LiquidationPriceUnderlying)
	out.BankruptcyPrice, out.ADLRank = dec(p.BankruptcyPrice), rank(p.Rank)
	out.UnpostedBorrowing, out.ClosingFee, out.ClosingImpact = optional(p.Accrued.Borrowing), optional(p.Accrued.Fee), optional(p.Accrued.Impact)
	out.UnpostedClaims = claims(p.Accrued.Claims)
	if x.CloseSize != nil {
		out.CloseSize, out.LiquidationFee = optional(x.CloseSize[i]), optional(x.Fees[i])
	}
	return out
}

func claims(list []projector.ClaimFigures) (out []Claim) {
	for _, c := range list {
		out = append(out, Claim{c.Market, c.Asset, c.Kind.String(), dec(c.Amount)})
	}
	return out
}

// rankDigits are those of a rank after the point.
const rankDigits = 9

func rank(r *big.Rat) Decimal {
	if r == nil {
		return Decimal{}
	}
	n, err := events.ParseNumber(margin.Rounded(r, rankDigits, margin.HalfUp).FloatString(rankDigits))
	if err != nil {
		return Decimal{} // past any use: more than 38 digits
	}
	return dec(n)
}

func steps(x *projector.PoolExplanation) (out []PoolStep) {
	for i := range x.Steps {
		s := &x.Steps[i]
		p := PoolStep{Pool: x.Pool, Market: s.Market, Figure: s.Figure, Value: dec(s.Value), Formula: s.Formula, Rounding: s.Rounding, Section: s.Section}
		if s.Market != "" {
			p.Leg = s.Leg.String()
		}
		for _, y := range s.Symbols {
			text := y.Text
			if text == "" {
				text = y.Value.String()
			}
			p.Symbols = append(p.Symbols, StepSymbol{y.Name, text})
		}
		out = append(out, p)
	}
	return out
}
