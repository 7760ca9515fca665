package hyperliquid

import (
	"math/big"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
	"marginledger/projector/margin/standard"
)

// Explain implements §§3 to 8 once more, as steps.
func (p *Profile) Explain(pool *margin.Pool) []margin.Step {
	x, s := margin.NewExplanation(pool), p.sum(pool)
	if pool.Isolated {
		x.Pool("collateral", "b", "exact", "§3", pool.Collateral)
	} else {
		p.explainBalances(x, pool, s.mode)
	}
	for i := range pool.Positions {
		p.explainPosition(x, pool, i, &s)
	}
	if s.unknown {
		x.Steps = append(x.Steps, margin.Step{Figure: "equity", Formula: "unknown: needs " + PoolFact, Section: "§8"})
		return x.Steps
	}
	h := p.Judge(pool)
	x.Pool("accountValue", "Σ balance + Σ unrealised PnL + Σ unposted funding", "exact", "§3", s.equity)
	x.Pool("crossMaintenance", "Σ maintenance", "exact", "§3", s.maintenance)
	if s.mode == PortfolioMargin {
		x.Pool("borrowCapacity", "Σ v·LTV", "down to the value scale", "§8", s.borrowable)
		x.Pool("liquidationCollateral", "Σ v·(1 + LTV)/2", "down to the value scale", "§8", s.weighted)
		x.Pool("maintenanceBorrow", "max(0, M − E)", "exact", "§8", s.borrow(), x.Amount("M", s.maintenance), x.Amount("E", s.equity))
		if s.equity.Sign() < 0 {
			x.Pool("loanStep", "share of the tokens that a step of the backstop takes of a loan of −E: 0 up to C, 0.2 up to (4·C − B)/3, else 1", "exact", "§8",
				fixed.Int128{}, x.Amount("E", s.equity), x.Amount("C", s.weighted), x.Amount("B", s.borrowable))
			share, _ := fixed.FromBig(margin.Scaled(LoanShare(s.equity.Neg(), s.weighted, s.borrowable), 1, margin.Down))
			x.Steps[len(x.Steps)-1].Value = events.NumberOf(share, 1)
		}
		x.Pool("equity", "E + C", "exact", "§12", h.Equity, x.Amount("E", s.equity), x.Amount("C", s.weighted))
		x.Pool("initial", "Σ initial + C − borrow capacity", "exact", "§12", h.Initial, x.Amount("C", s.weighted))
		x.Pool("maintenance", "(20·M + max(0, M − E))/19", "up to the value scale", "§12", h.Maintenance, x.Amount("M", s.maintenance))
		return x.Steps
	}
	x.Pool("equity", "account value", "exact", "§3", h.Equity)
	x.Pool("initial", "Σ initial", "exact", "§3", h.Initial)
	x.Pool("maintenance", "Σ maintenance", "exact", "§3", h.Maintenance)
	formula := "Σ initial"
	if p.rules.TenPercent {
		formula = "max(Σ initial, Σ N/10)"
	}
	x.Pool("transferRequirement", formula, "the tenth down to 6 digits", "§4", p.transferRequirement(&h), x.Amount("Σ N", h.Notional))
	return x.Steps
}

func (p *Profile) explainBalances(x *margin.Explanation, pool *margin.Pool, mode Mode) {
	for i := range pool.Balances {
		b := &pool.Balances[i]
		symbols := []margin.Symbol{x.Text("asset", b.Asset.Name), x.Amount("b", b.Amount)}
		formula, rounding := "b", "exact"
		if all := held(pool.Account, b); mode == PortfolioMargin && !b.Asset.Settlement {
			symbols[1] = x.Amount("b", all.Amount) // with what was told of it
		}
		switch {
		case b.Asset.Settlement:
		case mode != PortfolioMargin:
			formula = "0: no collateral in this mode"
		default:
			formula, rounding = "Σ over brackets floor(part of floor(b·c) · LTV); b < 0: floor(b·c)", "down to the value scale"
			symbols = append(symbols, x.Number("c", fixed.FromInt64(b.Asset.Price), margin.CollateralScale))
			for _, t := range b.Asset.Haircuts {
				symbols = append(symbols, x.Amount("bracket from", t.Lower), x.Number("LTV", fixed.FromInt64(margin.OneRate-t.Haircut), margin.RateScale))
			}
		}
		x.Pool("collateral", formula, rounding, "§8", p.BalanceValue(pool.Account, b), symbols...)
	}
	if mode == Standard {
		return
	}
	for i := range pool.Account.Observed {
		if o := &pool.Account.Observed[i]; o.Asset.Settlement {
			x.Pool("observed", "what the pool held more than the ledger when it was told", "exact", "§8", o.Amount, x.Text("asset", o.Asset.Name))
		}
	}
}

func (p *Profile) explainPosition(x *margin.Explanation, pool *margin.Pool, i int, s *sums) {
	pos := &pool.Positions[i]
	m, own, f := pos.Market, ownOf(pos.Market), p.Figures(pool, i)
	t := &own.tiers[f.Tier]
	size := x.Number("s", fixed.FromInt64(pos.Size), m.SizeScale)
	price := x.Number("p", fixed.FromInt64(f.Price), m.PriceScale)
	x.Position(pos, "notional", "|s|·p", "exact", "§3", f.Notional, size, price, x.Text("p is", standard.PriceSource(m)))
	x.Position(pos, "unrealisedPnl", "s·p − e", "exact", "§3", f.Unrealised, size, price, x.Amount("e", pos.Entry))
	x.Position(pos, "unpostedFunding", "floor(−s·(I − i))", "down to 6 digits", "§9", f.Funding, size,
		x.Number("I", m.FundingIndex, margin.FundingScale+m.PriceScale), x.Number("i", pos.FundingIndex, margin.FundingScale+m.PriceScale), x.Text("I grows by", "oracle · rate"), x.Text("rate", p.rules.Regime().Formula()))
	d := Deduction(own.tiers, f.Tier)
	x.Position(pos, "maintenance", "floor(N/(2·maxLeverage) − d)", "down to 6 digits", "§3", f.Maintenance, x.Amount("N", f.Notional),
		x.Amount("tier from", p.value(t.Lower)), x.Number("maxLeverage", fixed.FromInt64(t.MaxLeverage), 0), x.Text("d", d.RatString()))
	x.Position(pos, "initial", "floor(N/L)", "down to 6 digits", "§3", f.Initial, x.Amount("N", f.Notional),
		x.Number("L", fixed.FromInt64(own.leverage(f.Tier, pos.Leverage)), 0))
	p.explainPrice(x, pool, pos, &f, s)
}

// explainPrice adds the liquidation price, as it is printed.
func (p *Profile) explainPrice(x *margin.Explanation, pool *margin.Pool, pos *margin.Position, f *margin.Figures, s *sums) {
	price := p.LiquidationPrice(pool, pos.Market, false)
	if !price.Present {
		return
	}
	formula, rounding := "p − side·(E − M)/|s|/(1 − side·r)", "each step to a double, then to the printed digits"
	if p.rules.MarkedRate {
		formula = "p − side·(E − M)/|s|"
	}
	side := int64(1)
	if pos.Size < 0 {
		side = -1
	}
	own := ownOf(pos.Market)
	rates := new(big.Rat).SetFrac64(1, 2*own.tiers[f.Tier].MaxLeverage)
	x.Position(pos, "liquidationPrice", formula, rounding, "§6", fixed.Int128{}, x.Number("p", fixed.FromInt64(f.Price), pos.Market.PriceScale),
		x.Number("side", fixed.FromInt64(side), 0), x.Amount("E", p.floor(s.equity)), x.Amount("M", s.maintenance),
		x.Number("|s|", fixed.FromInt64(abs(pos.Size)), pos.Market.SizeScale), x.Text("r here", rates.RatString()))
	x.Steps[len(x.Steps)-1].Value = price
}
