package gmx

import (
	"fmt"
	"math/big"

	"marginledger/events"
	"marginledger/projector/margin"
)

// weighed is a pool's position at the latest facts, with the outcome of the test for liquidation.
type weighed struct {
	*settings
	prices   Prices
	position Position
	held     *held
	owed     Owed
	discount *Discount // nil: the venue has told of none
	health   *Health
}

// forLiquidation is the test that keepers make.
var forLiquidation = Check{ForLiquidation: true, MinUSD: true}

// weigh works out a pool's position, or names the kinds of facts without which it cannot be known.
func weigh(pool *margin.Pool) (*weighed, string) {
	pos := &pool.Positions[0]
	m := pos.Market
	x := &weighed{settings: settingsOf(m), held: heldOf(pool)}
	missing := x.latest(m)
	if !x.known {
		return nil, missing.add(kindPoolState).String()
	}
	x.position = x.positionOf(pool, x.held, pos.Leg)
	var behind bool
	if x.owed, behind = x.settings.owed(&x.position, x.held); behind {
		missing = missing.add(kindPoolState)
	}
	if missing != 0 {
		return nil, missing.String()
	}
	x.discount = holderOf(pool.Account).discount()
	x.health = x.healthOf(&x.prices, &x.position, x.owed, x.discount, forLiquidation, x.closing())
	return x, ""
}

// closing is the impact of closing all, kept with the position until the pool's state changes.
func (x *weighed) closing() closing {
	if x.held.of == x.settings && !x.BalanceInTokens {
		return x.held.closing
	}
	c, err := x.Market.closing(x.prices.Index, &x.position)
	if err != nil {
		panic(fmt.Sprintf("gmx: %v: position %+v, past the bounds of admission", err, x.position))
	}
	x.held.of, x.held.closing = x.settings, c
	return c
}

// kinds are kinds of facts that are missing.
type kinds uint8

const (
	kindCollateralPrice kinds = 1 << iota
	kindMarkPrice
	kindPoolState
)

// kindNames are the names of every set of kinds, in order of names.
var kindNames = [...]string{"", "CollateralPrice", "MarkPrice", "CollateralPrice,MarkPrice", "PoolState", "CollateralPrice,PoolState",
	"MarkPrice,PoolState", "CollateralPrice,MarkPrice,PoolState"}

func (k kinds) add(other kinds) kinds { return k | other }
func (k kinds) String() string        { return kindNames[k] }

// latest takes the latest prices of the market and its tokens: pairs, or they are missing.
func (x *weighed) latest(m *margin.Market) (missing kinds) {
	x.prices, missing = x.settings.latest(m)
	return missing
}

func (s *settings) latest(m *margin.Market) (p Prices, missing kinds) {
	if m.Min == 0 || m.Max < m.Min {
		missing |= kindMarkPrice
	}
	if m.LongToken.Min == 0 || m.ShortToken.Min == 0 {
		missing |= kindCollateralPrice
	}
	return Prices{
		Index: Pair{s.price(m.Min), s.price(m.Max)},
		Long:  pairOf(m.LongToken, s.longUnit),
		Short: pairOf(m.ShortToken, s.shortUnit),
	}, missing
}

func pairOf(a *margin.Asset, unit *big.Int) Pair {
	return Pair{mul(big.NewInt(a.Min), unit), mul(big.NewInt(a.Max), unit)}
}

// positionOf returns a pool's position in the integers of the contracts.
func (s *settings) positionOf(pool *margin.Pool, h *held, leg events.Leg) Position {
	longToken := pool.Asset == pool.Positions[0].Market.LongToken
	return Position{IsLong: leg == events.LegLong, LongToken: longToken, Size: h.size, Tokens: h.tokens,
		Collateral: s.tokensIn(pool, longToken), PendingImpact: h.pendingImpact}
}

// owed is what a position owes since it was last changed. It is behind where it has seen more than the
// pool's state says: that is older than the position.
func (s *settings) owed(pos *Position, h *held) (out Owed, behind bool) {
	side := sideOf(pos.IsLong)
	fee, claim, borrowing := s.fee[side].Of(pos.LongToken), s.claim[side], s.borrowing.Of(pos.IsLong)
	behind = fee.Cmp(h.fee) < 0 || borrowing.Cmp(h.borrowing) < 0 || claim.Long.Cmp(h.claim.Long) < 0 || claim.Short.Cmp(h.claim.Short) < 0
	return Owed{Funding: FundingFee(pos.Size, fee, h.fee), Borrowing: BorrowingFee(pos.Size, borrowing, h.borrowing)}, behind
}

// claims is what a position may claim since then, of each token.
func (s *settings) claims(pos *Position, h *held) Sides {
	now := s.claim[sideOf(pos.IsLong)]
	return Sides{FundingClaim(pos.Size, now.Long, h.claim.Long), FundingClaim(pos.Size, now.Short, h.claim.Short)}
}

func sideOf(isLong bool) int {
	if isLong {
		return 0
	}
	return 1
}

// collateral is the price of the position's collateral.
func (x *weighed) collateral() Pair { return x.prices.token(x.position.LongToken) }

// required is what remaining must reach: the greater of the two limits of §4.
func (x *weighed) required() *big.Int { return greatest(x.health.Required, x.MinCollateralUSD) }

// initial is what the collateral must reach after an increase (§6).
func (x *weighed) initial() *big.Int {
	isLong := x.position.IsLong
	f := greatest(x.MinCollateral, MinCollateralFactorFor(x.OpenInterest.Of(isLong), x.MinCollateralPerOpenInterest.Of(isLong)))
	return Apply(x.position.Size, f)
}

// notional is the size in tokens at the price that PnL is taken at.
func (x *weighed) notional() *big.Int {
	return mul(x.position.Tokens, x.prices.Index.forPnL(x.position.IsLong, false))
}
