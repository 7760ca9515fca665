package gmx

import (
	"math/big"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// Stage is full where the position is liquidatable (§4), bankrupt where in addition nothing but a debt
// remains; never partial. A wallet owes nothing.
func (p *Profile) Stage(h *margin.Health) events.Stage {
	switch {
	case h.Own != liquidatable:
		return events.StageNone
	case h.Equity.Sign() < 0:
		return events.StageBankrupt
	}
	return events.StageFull
}

// Cleared reports that the position is closed, or no longer liquidatable.
func (p *Profile) Cleared(h *margin.Health) bool { return h.Own != liquidatable }

// StageEdge is the requirement, then 0. The requirement is rounded up and what remains down, so that above it
// the position is safe, but for one that asks for nothing: that is safe above 0.
func (p *Profile) StageEdge(stage events.Stage) (margin.Edge, bool) {
	switch stage {
	case events.StageNone:
		return margin.Edge{Multiple: margin.OneMultiple, Floor: fixed.FromInt64(1)}, true
	case events.StageBankrupt:
		return margin.Edge{}, false
	}
	return margin.Edge{}, true
}

// ClearEdge is the requirement, less the unit that the two roundings may hide.
func (p *Profile) ClearEdge() margin.Edge {
	return margin.Edge{Multiple: margin.OneMultiple, Floor: fixed.FromInt64(-1), Upper: true}
}

// Ask asks for all.
func (p *Profile) Ask(pool *margin.Pool, _ *margin.Health, _ margin.Asking, sizes []int64) {
	for i := range pool.Positions {
		sizes[i] = max(pool.Positions[i].Size, -pool.Positions[i].Size)
	}
}

// LiquidationFee is what a liquidation of the size costs beside the other fees (§7), in USD rounded up.
func (p *Profile) LiquidationFee(pool *margin.Pool, position int, size int64) fixed.Int128 {
	pos := &pool.Positions[position]
	s, h := settingsOf(pos.Market), heldOf(pool)
	whole := max(pos.Size, -pos.Size)
	usd := margin.Quo(mul(h.size, big.NewInt(size)), big.NewInt(whole), margin.Up)
	return value(Apply(usd, s.LiquidationFee), pool.Venue.Scale, margin.Up)
}

// Cooldown is none.
func (p *Profile) Cooldown(events.Stage) int64 { return 0 }

// LiquidationPrice is the index price at which the position first fails §4, in the units of the contracts.
// There is one market to a position: with underlying it is the same.
func (p *Profile) LiquidationPrice(pool *margin.Pool, m *margin.Market, _ bool) events.Number {
	if len(pool.Positions) == 0 || pool.Positions[0].Market != m {
		return events.Number{}
	}
	x, missing := weigh(pool)
	if missing != "" {
		return events.Number{}
	}
	price, err := x.Market.LiquidationPrice(&x.prices, &x.position, x.owed, x.discount, x.longIsIndex)
	if err != nil || price == nil { // past the range of the power there is none
		return events.Number{}
	}
	coef, ok := fixed.FromBig(price)
	if !ok {
		return events.Number{}
	}
	return events.NumberOf(coef, 30-x.indexDecimals)
}

// BankruptcyPrice is none: the venue has no such price, the pool bears what is missing.
func (p *Profile) BankruptcyPrice(*margin.Pool, int, *margin.Health) events.Number {
	return events.Number{}
}

// Rank is that of the venue param adlRank (§11); nil without one, or where facts are missing.
func (p *Profile) Rank(pool *margin.Pool, _ int, _ *margin.Health) *big.Rat {
	if p.rank == nil {
		return nil
	}
	x, missing := weigh(pool)
	if missing != "" {
		return nil
	}
	return p.rank(x)
}

// rank gives a position its place in the queue of deleveraging.
type rank func(*weighed) *big.Rat

// ranks are those of the venue param adlRank, from 1 on: by the position's profit, and by its size, both in USD.
var ranks = [...]rank{
	func(x *weighed) *big.Rat { return new(big.Rat).SetFrac(x.health.PnL, unit) },
	func(x *weighed) *big.Rat { return new(big.Rat).SetFrac(x.position.Size, unit) },
}

// Accrued implements margin.Accruing.
func (p *Profile) Accrued(pool *margin.Pool, _ int) *margin.Accrued {
	x, missing := weigh(pool)
	if missing != "" {
		return nil
	}
	scale, price := pool.Venue.Scale, x.collateral().Min
	borrowing, fee := x.costs()
	usd := func(tokens *big.Int) fixed.Int128 { return value(neg(mul(tokens, price)), scale, margin.Down) }
	out := &margin.Accrued{Borrowing: usd(borrowing), Fee: usd(fee), Impact: value(x.health.Impact, scale, margin.Down)}
	claims, m := x.settings.claims(&x.position, x.held), pool.Positions[0].Market
	if x.SingleToken {
		claims = Sides{add(claims.Long, claims.Short), zero}
	}
	for _, longToken := range [...]bool{true, false} {
		tokens, asset := claims.Of(longToken), m.ShortToken.Name
		if longToken {
			asset = m.LongToken.Name
		}
		if amount, err := x.amount(tokens, longToken); err == nil && tokens.Sign() > 0 {
			out.Claims = append(out.Claims, margin.Claim{Market: m.Name, Asset: asset, Kind: events.ClaimFunding, Amount: amount})
		}
	}
	return out
}

// costs are what the position owes for borrowing, and the fee for closing all of it, in tokens.
func (x *weighed) costs() (borrowing, fee *big.Int) {
	price := x.collateral().Min
	borrowing = margin.Quo(x.owed.Borrowing, price, margin.Down)
	return borrowing, sub(sub(margin.Quo(x.health.Costs, price, margin.Down), borrowing), x.owed.Funding)
}
