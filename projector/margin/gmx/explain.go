package gmx

import (
	"math/big"
	"strings"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// Explain returns the terms of §4, the requirements and what may be claimed, in USD at the value scale; the
// symbols are exact.
func (p *Profile) Explain(pool *margin.Pool) []margin.Step {
	x := margin.NewExplanation(pool)
	if len(pool.Positions) == 0 {
		for i := range pool.Balances {
			b := &pool.Balances[i]
			x.Pool("balance", "b·c", "down to the value scale", "In the fold", p.CollateralValue(b), x.Text("asset", b.Asset.Name),
				x.Amount("b", b.Amount), x.Number("c", fixed.FromInt64(b.Asset.Min), margin.CollateralScale))
		}
		return x.Steps
	}
	w, missing := weigh(pool)
	if missing != "" {
		return append(x.Steps, margin.Step{Figure: "equity", Formula: "unknown", Section: "§1", Symbols: []margin.Symbol{x.Text("needs", missing)}})
	}
	e := explainer{x, w, pool}
	e.terms()
	e.requirements()
	e.claims()
	return x.Steps
}

type explainer struct {
	*margin.Explanation
	w    *weighed
	pool *margin.Pool
}

// usd adds a step in USD.
func (e *explainer) usd(figure, formula, section string, v *big.Int, dir margin.Direction, symbols ...margin.Symbol) {
	scale := e.pool.Venue.Scale
	rounding := "down to the value scale"
	if dir == margin.Up {
		rounding = "up to the value scale"
	}
	e.Position(&e.pool.Positions[0], figure, formula, rounding, section, value(v, scale, dir), symbols...)
}

// exact is a symbol in the integers of the contracts. What is per size has 45 digits after the point, more than a Number
// has.
func (e *explainer) exact(name string, v *big.Int, scale int) margin.Symbol {
	if coef, ok := fixed.FromBig(v); ok && scale <= events.MaxNumberScale {
		return e.Number(name, coef, scale)
	}
	text := new(big.Rat).SetFrac(v, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)).FloatString(scale)
	if scale > 0 {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	return e.Text(name, text)
}

func (e *explainer) terms() {
	w := e.w
	pos, price := &w.position, w.collateral().Min
	decimals := w.decimals(pos.LongToken)
	c := e.exact("c", price, 30-decimals)
	size, tokens := e.exact("S", pos.Size, 30), e.exact("n", pos.Tokens, w.indexDecimals)
	index := e.exact("index", w.prices.Index.forPnL(pos.IsLong, false), 30-w.indexDecimals)
	e.usd("collateral", "collateral·c", "§4", w.health.Collateral, margin.Down, e.exact("collateral", pos.Collateral, decimals), c)
	formula := "n·index − S, capped by the pool"
	if !pos.IsLong {
		formula = "S − n·index, capped by the pool"
	}
	e.usd("unrealisedPnl", formula, "§2", w.health.PnL, margin.Down, size, tokens, index)
	e.usd("priceImpact", "min(0, max(impact of closing + pending impact, −S·maximum))", "§3, §4", w.health.Impact, margin.Down,
		e.exact("pending", pos.PendingImpact, w.indexDecimals), e.exact("maximum", w.MaxImpactForLiquidations, 30))
	borrowing, fee := w.costs()
	e.usd("positionFee", "−fee·c", "§7", neg(mul(fee, price)), margin.Down, e.exact("fee", fee, decimals), c, e.discount("pro"), e.discount("referral"))
	e.usd("borrowing", "−borrowing·c", "§9", neg(mul(borrowing, price)), margin.Down, e.exact("borrowing", borrowing, decimals), c,
		e.exact("cumulative", w.borrowing.Of(pos.IsLong), 30), e.exact("taken", w.held.borrowing, 30))
	e.usd("funding", "−funding·c", "§8", neg(mul(w.owed.Funding, price)), margin.Down, e.exact("funding", w.owed.Funding, decimals), c,
		e.exact("perSize", w.fee[sideOf(pos.IsLong)].Of(pos.LongToken), 45), e.exact("taken", w.held.fee, 45))
	e.usd("equity", "collateral + PnL + impact − fees − funding", "§4", w.health.Remaining, margin.Down)
}

// discount is one of the two discounts on the position fee, of which the greater holds.
func (e *explainer) discount(name string) margin.Symbol {
	h := holderOf(e.pool.Account)
	f := h.referral
	if name == "pro" {
		f = h.pro
	}
	if f == nil {
		return e.Text(name+" discount", "none told: counts as none")
	}
	return e.exact(name+" discount", f, 30)
}

func (e *explainer) requirements() {
	w := e.w
	size := e.exact("S", w.position.Size, 30)
	reason := string(w.health.Reason)
	if reason == "" {
		reason = "none"
	}
	e.usd("maintenance", "max(least, S·f)", "§4", w.required(), margin.Up, e.exact("least", w.MinCollateralUSD, 30), size,
		e.exact("f", w.MinCollateralForLiquidation, 30), e.Text("liquidatable for", reason))
	e.usd("initial", "S·max(f, OI·perOI)", "§6", w.initial(), margin.Up, size, e.exact("f", w.MinCollateral, 30),
		e.exact("OI", w.OpenInterest.Of(w.position.IsLong), 30), e.exact("perOI", w.MinCollateralPerOpenInterest.Of(w.position.IsLong), 30))
}

// claims adds what the position has received and its trader may claim: it counts nowhere else.
func (e *explainer) claims() {
	w := e.w
	claims, m := w.settings.claims(&w.position, w.held), e.pool.Positions[0].Market
	e.usd("claimable", "S·Δ of each token", "§8", add(mul(claims.Long, w.prices.Long.Min), mul(claims.Short, w.prices.Short.Min)), margin.Down,
		e.exact(m.LongToken.Name, claims.Long, w.longDecimals), e.exact(m.ShortToken.Name, claims.Short, w.shortDecimals))
}
