// Package gmx is the arithmetic of GMX v2.2: what a position is worth, when it is liquidatable, what an
// increase does and what a decrease pays, in the integers of the venue's contracts.
//
// Units: USD, factors and exponents are integers of 1e-30; a price is USD per smallest unit of a token,
// 1e30/10^decimals, always a pair; amounts are smallest units of a token. There is no account-level
// margin: each position, named by account, market, collateral token and side, stands alone. What the
// pool holds and the open interest of both sides come from outside, never from the accounts at hand.
//
// The rules are in docs/venues/gmx-v2.md; comments cite its sections. A *big.Int that is passed in is
// never changed. Unless its comment allows nil, every field must be set: nothing is assumed in silence.
package gmx

import (
	"math/big"

	"marginledger/projector/margin"
)

var (
	zero    = new(big.Int)
	one     = big.NewInt(1)
	two     = big.NewInt(2)
	unit    = pow10(30) // 1 as a factor, and one USD
	perSize = pow10(45) // a per-size figure of 1 (§8)
)

// Pair is the least and the greatest price of a token.
type Pair struct{ Min, Max *big.Int }

// Mid returns the mean, rounded down.
func (p Pair) Mid() *big.Int { return margin.Quo(add(p.Min, p.Max), two, margin.Down) }

// forPnL returns the price that gives a side its least PnL, or its greatest.
func (p Pair) forPnL(isLong, greatest bool) *big.Int {
	if isLong == greatest {
		return p.Max
	}
	return p.Min
}

// Prices are those of a market's three tokens.
type Prices struct{ Index, Long, Short Pair }

// token returns the price of the long or of the short token.
func (p *Prices) token(isLong bool) Pair {
	if isLong {
		return p.Long
	}
	return p.Short
}

// Sides has a figure for longs, or the long token, and one for shorts, or the short token.
type Sides struct{ Long, Short *big.Int }

// Of returns the figure of one side.
func (s Sides) Of(isLong bool) *big.Int {
	if isLong {
		return s.Long
	}
	return s.Short
}

// Signs has a figure for what improves the balance of longs and shorts, and one for what worsens it.
type Signs struct{ Positive, Negative *big.Int }

// Of returns the figure of one sign.
func (s Signs) Of(positive bool) *big.Int {
	if positive {
		return s.Positive
	}
	return s.Negative
}

// capped returns s with a positive figure that is at most the negative one.
func (s Signs) capped() Signs { return Signs{least(s.Positive, s.Negative), s.Negative} }

// Market is the state of a market and its settings. Settings are the venue's governance.
type Market struct {
	OpenInterest       Sides    // USD
	OpenInterestTokens Sides    // index tokens
	Pool               Sides    // long and short tokens; of a single-token market, the sum of both counts
	ImpactPool, Lent   *big.Int // index tokens; Lent: what the pool lent to the impact pool
	VirtualInventory   *big.Int // USD, or index tokens if BalanceInTokens; nil: the market has none

	SingleToken     bool // the long token is the short token
	BalanceInTokens bool // the balance of longs and shorts is taken in tokens at the mid price

	ImpactFactor, ImpactExponent  Signs
	MaxImpact                     Signs    // of the size
	MaxImpactForLiquidations      *big.Int // of the size
	MaxLendableFactor, MaxLendUSD *big.Int
	MaxPnLForTraders              Sides // of the pool's value

	PositionFee    Signs // of the size
	LiquidationFee *big.Int
	FeeReceiver    FeeReceivers

	MinCollateralUSD                  *big.Int
	MinCollateral                     *big.Int // of the size
	MinCollateralForLiquidation       *big.Int // of the size
	MinCollateralPerOpenInterest      Sides    // factor per USD of open interest
	MaxPnLForADL, MinPnLFactorPostADL Sides
}

// FeeReceivers are the shares of the fees that do not go to the pool.
type FeeReceivers struct{ Position, Borrowing, Liquidation *big.Int }

// poolOf returns how much of the long or short token counts as that side's pool.
func (m *Market) poolOf(longToken bool) *big.Int {
	if m.SingleToken {
		return margin.Quo(add(m.Pool.Long, m.Pool.Short), two, margin.Down)
	}
	return m.Pool.Of(longToken)
}

// PoolUSD returns the value of one side's pool without its traders' PnL, at the least price or the
// greatest.
func (m *Market) PoolUSD(p *Prices, isLong, greatest bool) *big.Int {
	price := p.token(isLong).Min
	if greatest {
		price = p.token(isLong).Max
	}
	return mul(m.poolOf(isLong), price)
}

// Position is one position, with its own collateral.
type Position struct {
	IsLong        bool
	LongToken     bool     // the collateral is the market's long token
	Size          *big.Int // USD, what the tokens cost
	Tokens        *big.Int // index tokens
	Collateral    *big.Int // collateral tokens
	PendingImpact *big.Int // index tokens; signed, settled when the position is decreased
}

// Owed is what has accrued to a position since it was last touched (§8, §9).
type Owed struct {
	Funding   *big.Int // collateral tokens
	Borrowing *big.Int // USD
}

// Apply returns v·f for a factor, rounded toward zero.
func Apply(v, f *big.Int) *big.Int { return margin.Quo(mul(v, f), unit, margin.ToZero) }

// factor returns v/of as a factor, rounded toward zero.
func factor(v, of *big.Int) *big.Int {
	if v.Sign() == 0 {
		return new(big.Int)
	}
	return margin.Quo(mul(v, unit), of, margin.ToZero)
}

func add(a, b *big.Int) *big.Int { return new(big.Int).Add(a, b) }
func sub(a, b *big.Int) *big.Int { return new(big.Int).Sub(a, b) }
func mul(a, b *big.Int) *big.Int { return new(big.Int).Mul(a, b) }
func neg(a *big.Int) *big.Int    { return new(big.Int).Neg(a) }
func abs(a *big.Int) *big.Int    { return new(big.Int).Abs(a) }

func least(a, b *big.Int) *big.Int {
	if a.Cmp(b) <= 0 {
		return a
	}
	return b
}

func greatest(a, b *big.Int) *big.Int {
	if a.Cmp(b) >= 0 {
		return a
	}
	return b
}

func pow10(n int64) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(n), nil) }
