package gmx

import (
	"math"
	"math/big"

	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// Slopes bounds what the two index prices can do to what remains (§4). Prices of the pool's tokens and its
// state have every holder judged, so that the rest of the terms are constants here:
//
//   - PnL moves with the price that is worse for the side, by the size in tokens. As long as the side's own
//     PnL is below the cap that is all of it: the box ends where the cap begins. Where the cap holds, a
//     profit counts as 0 against a lower edge, and as if there were no cap against an upper one.
//   - Pending impact moves by its tokens with the price that it is taken at; limits of the impact only take
//     from that.
//   - The balance in tokens moves all of the impact: then the position is judged at every move.
//
// The requirement is a constant. What remains is rounded once: one unit of allowance. A wallet has no status.
func (p *Profile) Slopes(pool *margin.Pool, h *margin.Health, e margin.Edge, t *margin.Terms) {
	if len(pool.Positions) == 0 {
		t.Slack = fixed.FromInt64(1)
		return
	}
	x, missing := weigh(pool)
	if missing != "" || x.BalanceInTokens {
		return
	}
	m, pos := pool.Positions[0].Market, &x.position
	uncapped := pos.UncappedPnL(x.prices.Index.forPnL(pos.IsLong, false))
	capped := x.PnL(&x.prices, pos).Cmp(uncapped) != 0
	counts := uncapped
	if capped && !e.Upper {
		counts = zero
	}
	at := *h
	at.Equity = value(add(sub(x.health.Remaining, x.health.PnL), counts), pool.Venue.Scale, margin.Down)
	t.Slack = e.Slack(&at).Sub(fixed.FromInt64(1))

	low := *t.OfMarket(margin.VarMin, 0, m)
	high := *t.OfMarket(margin.VarMax, 0, m)
	x.cost(&low, &high, e.Upper)
	if !capped && !e.Upper {
		x.box(&low, &high)
	}
	t.List[len(t.List)-2], t.List[len(t.List)-1] = low, high
}

// cost gives the two prices their costs: tokens that are lost when a price falls, or rises.
func (x *weighed) cost(low, high *margin.Term, upper bool) {
	pos := &x.position
	least, greatest := zero, zero // tokens whose value rises with the least price, falls with the greatest
	if pos.IsLong {
		least = pos.Tokens
	} else {
		greatest = pos.Tokens
	}
	if pos.PendingImpact.Sign() > 0 {
		least = add(least, pos.PendingImpact)
	} else {
		greatest = sub(greatest, pos.PendingImpact)
	}
	if upper {
		low.Up, high.Down = x.worth(least, low.Scale), x.worth(greatest, high.Scale)
	} else {
		low.Down, high.Up = x.worth(least, low.Scale), x.worth(greatest, high.Scale)
	}
}

// worth is what a move of the index price by so many of its units is to some tokens, rounded up.
func (x *weighed) worth(tokens *big.Int, units int64) fixed.Int128 {
	return value(mul(tokens, x.price(units)), x.walletDigits, margin.Up)
}

// box ends where the side's PnL, at the price that is better for it, would pass the cap.
func (x *weighed) box(low, high *margin.Term) {
	isLong := x.position.IsLong
	most := Apply(x.PoolUSD(&x.prices, isLong, false), x.MaxPnLForTraders.Of(isLong))
	size, tokens := x.OpenInterest.Of(isLong), x.OpenInterestTokens.Of(isLong)
	if most.Sign() == 0 || size.Sign() == 0 || tokens.Sign() == 0 {
		return // no cap
	}
	unit := mul(tokens, x.indexUnit)
	if isLong { // tokens·greatest − size ≤ most
		high.High = max(high.Value, key(margin.Quo(add(most, size), unit, margin.Down)))
		return
	}
	low.Low = min(low.Value, key(margin.Quo(sub(size, most), unit, margin.Up)))
}

// key returns a price as a key, cut off at what none reaches.
func key(price *big.Int) int64 {
	if !price.IsInt64() {
		if price.Sign() < 0 {
			return math.MinInt64
		}
		return math.MaxInt64
	}
	return price.Int64()
}
