package dydx

import (
	"math/big"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// Explain implements §§2 to 5 and 7 once more, as steps.
func (p *Profile) Explain(pool *margin.Pool) []margin.Step {
	x := &explanation{margin.NewExplanation(pool)}
	h := p.Judge(pool)
	var owed, entries, values fixed.Int128
	for i := range pool.Positions {
		pos := &pool.Positions[i]
		r := rulesOf(pos.Market)
		x.position(p.Figures(pool, i), pos, r)
		owed, entries = owed.Add(r.due(pos)), entries.Add(pos.Entry)
		values = values.Add(r.value(pos.Size, pos.Market.Price(), margin.ToZero))
	}
	balance := h.Equity.Sub(values).Add(entries).Sub(floored(owed))
	x.Pool("usdc", "b − Σ e", "exact", "§9", balance.Sub(entries), x.Amount("b", balance), x.Amount("Σ e", entries))
	x.Pool("funding", "floor(Σ settlement / 10⁶)", "down to a quote quantum, once", "§5", floored(owed),
		x.Number("Σ settlement", owed, 2*QuoteDecimals))
	x.Pool("equity", "net = USDC + funding + Σ notional", "exact", "§4", h.Equity)
	x.Pool("initial", "Σ initial", "exact", "§4", h.Initial)
	x.Pool("maintenance", "Σ maintenance", "exact", "§4", h.Maintenance)
	if h.Maintenance.Sign() > 0 {
		p.explainLiquidation(x, pool, &h)
	}
	return x.Steps
}

type explanation struct{ *margin.Explanation }

// position adds the figures of a position.
func (x *explanation) position(f margin.Figures, pos *margin.Position, r *rules) {
	m := pos.Market
	size, price := x.Number("q", fixed.FromInt64(pos.Size), m.SizeScale), x.Number("p", fixed.FromInt64(f.Price), m.PriceScale)
	unit := events.Number{Coef: m.FundingIndex, Scale: uint8(margin.FundingScale + m.PriceScale), Present: true}
	n := x.Amount("N", f.Notional)
	x.Position(pos, "notional", "|trunc(q·p)|", "toward 0 to a quote quantum", "§2", f.Notional, size, price)
	x.Position(pos, "unrealisedPnl", "notional − e", "exact", "§9", f.Unrealised, x.Amount("e", pos.Entry))
	x.Position(pos, "unpostedFunding", "floor((i − I)·q)", "down to a quote quantum: the payment that is announced, the sign turned", "§5", f.Funding,
		size, margin.Symbol{Name: "I", Value: unit}, x.Number("i", pos.FundingIndex, margin.FundingScale+m.PriceScale))
	tier := x.ppm("tier", r.initial)
	fraction, known := r.fraction(m)
	from := x.Text("open interest", "none yet: the tier's")
	if known {
		from = x.Number("open interest", m.OpenLong, m.SizeScale)
	}
	x.Position(pos, "initial", "ceil(N · max(scaled, own))", "up to a quote quantum", "§3", f.Initial, n, tier, from,
		x.Amount("lower cap", fixed.FromInt64(r.lower)), x.Amount("upper cap", fixed.FromInt64(r.upper)),
		x.ppm("scaled", fraction), x.ppm("own", OwnFraction(pos.Leverage)))
	x.Position(pos, "maintenance", "ceil(ceil(N · tier) · fraction)", "up to a quote quantum, twice", "§3", f.Maintenance, n, tier,
		x.ppm("fraction", r.maintenance))
}

// ppm is a symbol in millionths.
func (x *explanation) ppm(name string, v int64) margin.Symbol {
	return x.Number(name, fixed.FromInt64(v), 6)
}

// explainLiquidation adds what a liquidation of each position would be held to, and which comes first.
func (p *Profile) explainLiquidation(x *explanation, pool *margin.Pool, h *margin.Health) {
	markets, account := portfolio(pool)
	chosen := choose(pool)
	for i := range pool.Positions {
		pos := &pool.Positions[i]
		m, r := pos.Market, rulesOf(pos.Market)
		x.Position(pos, "bankruptcyQuote", "notional(q) − floor(net · maintenance / Σ maintenance)", "down to a quote quantum", "§7.1",
			r.bankruptcyQuote(pos, h), x.Amount("net", h.Equity), x.Amount("Σ maintenance", h.Maintenance))
		if subticks, err := p.fillable(markets, account, r, uint32(i)); err == nil {
			x.Position(pos, "fillablePrice", "(notional(q) − rating · spread · maintenance) / q", "to a tick, a long's up, a short's down", "§7.2",
				fixed.Int128{}, x.ppm("bankruptcy adjustment", p.config.BankruptcyAdjustment.Int64()), x.ppm("spread", p.config.Spread.Int64()))
			x.Steps[len(x.Steps)-1].Value = dollars(subticks, r, m)
		}
		if i == chosen {
			x.Position(pos, "closeSize", "of the largest maintenance requirement: whole where N ≤ cap, else base(cap) in steps", "down to the step", "§7.3",
				fixed.Int128{}, x.Number("step", fixed.FromInt64(r.step), m.SizeScale))
			size := p.orderSize(pool, i)
			x.Steps[len(x.Steps)-1].Value = events.Number{Coef: fixed.FromInt64(size), Scale: uint8(m.SizeScale), Present: true}
			if delta, err := p.insurance(pool, i, size); err == nil {
				amount, _ := fixed.FromBig(delta) // a share of net collateral and of what is filled
				x.Position(pos, "insuranceDelta", "fill at fillablePrice − bankruptcyQuote(δ), at most largest fee · |fill|; < 0: the fund pays",
					"down to a quote quantum", "§7.4", amount, x.ppm("largest fee", p.config.MaximumFee.Int64()))
			}
		}
	}
}

// dollars returns a price in subticks as USD per coin: subticks · 10^(conversion − 6 + size scale).
func dollars(subticks *big.Int, r *rules, m *margin.Market) events.Number {
	scale := QuoteDecimals - m.SizeScale - int(r.conversion)
	if scale < 0 {
		subticks, scale = mul(subticks, power10(-scale)), 0
	}
	coef, ok := fixed.FromBig(subticks)
	return events.Number{Coef: coef, Scale: uint8(scale), Present: ok}
}
