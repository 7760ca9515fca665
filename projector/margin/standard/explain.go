package standard

import (
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// Explain implements §§2 and 3 once more, as steps.
func (p *Profile) Explain(pool *margin.Pool) []margin.Step {
	x := margin.NewExplanation(pool)
	if pool.Isolated {
		x.Pool("collateral", "b", "exact", "§3", pool.Collateral)
	}
	for i := range pool.Balances {
		p.ExplainBalance(x, &pool.Balances[i])
	}
	for i := range pool.Positions {
		p.explainPosition(x, pool, i)
	}
	h := p.Judge(pool)
	x.Pool("equity", "Σ collateral + Σ unrealised PnL + Σ unposted funding", "exact", "§3", h.Equity)
	x.Pool("initial", "Σ initial", "exact", "§3", h.Initial)
	x.Pool("maintenance", "Σ maintenance", "exact", "§3", h.Maintenance)
	return x.Steps
}

// ExplainBalance implements §3, the collateral value of one balance.
func (p *Profile) ExplainBalance(x *margin.Explanation, b *margin.Balance) {
	if b.Asset.Settlement {
		x.Pool("collateral", "b", "exact", "§3", b.Amount, x.Text("asset", b.Asset.Name))
		return
	}
	symbols := []margin.Symbol{x.Text("asset", b.Asset.Name), x.Amount("b", b.Amount),
		x.Number("c", fixed.FromInt64(b.Asset.Price), margin.CollateralScale)}
	for _, t := range b.Asset.Haircuts {
		symbols = append(symbols, x.Amount("tier from", t.Lower), x.Number("haircut", fixed.FromInt64(t.Haircut), margin.RateScale))
	}
	formula := "Σ over tiers floor(part of floor(b·c) · (1 − haircut)); b < 0: floor(b·c)"
	if b.Asset.Capped {
		formula = "min(cap, " + formula + ")"
		symbols = append(symbols, x.Amount("cap", b.Asset.Cap))
	}
	x.Pool("collateral", formula, "down to the value scale", "§3", p.CollateralValue(b), symbols...)
}

func (p *Profile) explainPosition(x *margin.Explanation, pool *margin.Pool, i int) {
	pos := &pool.Positions[i]
	f := p.Figures(pool, i)
	t := &pos.Market.Tiers[f.Tier]
	ExplainValue(x, pos, &f)
	x.Position(pos, "maintenance", "ceil(N·rate) − deduction", "up to the value scale", "§2", f.Maintenance, x.Amount("N", f.Notional),
		x.Amount("tier from", t.Lower), x.Number("rate", fixed.FromInt64(t.Rate), margin.RateScale), x.Amount("deduction", t.Deduction))
	x.Position(pos, "initial", "ceil(N/L)", "up to the value scale", "§2", f.Initial, x.Amount("N", f.Notional),
		x.Number("L", fixed.FromInt64(leverage(t, pos.Leverage)), 0))
}

// ExplainValue implements §2, what a position is worth.
func ExplainValue(x *margin.Explanation, pos *margin.Position, f *margin.Figures) {
	m := pos.Market
	size := x.Number("s", fixed.FromInt64(pos.Size), m.SizeScale)
	price := x.Number("p", fixed.FromInt64(f.Price), m.PriceScale)
	x.Position(pos, "notional", "|s|·p", "exact", "§2", f.Notional, size, price, x.Text("p is", PriceSource(m)))
	x.Position(pos, "unrealisedPnl", "s·p − e", "exact", "§2", f.Unrealised, size, price, x.Amount("e", pos.Entry))
	x.Position(pos, "unpostedFunding", "floor(−s·(I − i))", "down to the value scale", "§2", f.Funding, size,
		x.Number("I", m.FundingIndex, margin.FundingScale+m.PriceScale), x.Number("i", pos.FundingIndex, margin.FundingScale+m.PriceScale))
}

// PriceSource says which price values a market's positions.
func PriceSource(m *margin.Market) string {
	switch {
	case m.Mark != 0:
		return "mark"
	case m.Index != 0:
		return "index"
	}
	return "last fill"
}

var _ margin.Profile = (*Profile)(nil)
