// Package dydx is the margin arithmetic of dYdX v4, to the quantum.
//
// docs/venues/dydx-v4.md is its specification; sections are cited as §. The venue computes in
// integers without a bound: quote quanta (10⁻⁶ USDC), base quanta (10^resolution coins), parts per
// million. So does this package, in big.Int; a rational only where the venue has one, in the fillable
// price. A *big.Int that was given or returned is never changed: every result is a new one. Tiers,
// limits, fees and open interest come from outside: they are governance values and facts.
package dydx

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"marginledger/projector/margin"
)

// Name is the profile's name.
const Name = "dydx-v4"

// QuoteDecimals is how many digits after the point an amount of USDC has.
const QuoteDecimals = 6

// Errors of the package; wrapped with what was being done.
var (
	ErrSizeDelta         = errors.New("size delta does not reduce the position")
	ErrEmptyFill         = errors.New("fill of nothing")
	ErrUpdateRejected    = errors.New("update rejected")
	ErrNoPosition        = errors.New("no position")
	ErrSubaccount        = errors.New("no subaccount has the number")
	ErrUnknownMarket     = errors.New("unknown market")
	ErrNoMaintenance     = errors.New("no maintenance requirement to share by")
	ErrNegativePrice     = errors.New("fillable price below zero")
	ErrAlreadyLiquidated = errors.New("already liquidated in this block")
	ErrOverLimit         = errors.New("liquidated beyond the limit of the block")
)

var (
	zero    = new(big.Int)
	one     = big.NewInt(1)
	million = big.NewInt(1_000_000)
)

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

func most(a, b *big.Int) *big.Int {
	if a.Cmp(b) >= 0 {
		return a
	}
	return b
}

// share returns x·ppm/10⁶, rounded in one direction.
func share(x, ppm *big.Int, dir margin.Direction) *big.Int {
	return margin.Quo(mul(x, ppm), million, dir)
}

func power10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// shift returns x·10^n, rounded in one direction where n < 0.
func shift(x *big.Int, n int, dir margin.Direction) *big.Int {
	if n >= 0 {
		return mul(x, power10(n))
	}
	return margin.Quo(x, power10(-n), dir)
}

// shiftRat returns x·10^n exactly.
func shiftRat(x *big.Rat, n int) *big.Rat {
	if n >= 0 {
		return new(big.Rat).Mul(x, new(big.Rat).SetInt(power10(n)))
	}
	return new(big.Rat).Mul(x, new(big.Rat).SetFrac(one, power10(-n)))
}

// Market is a perpetual with the facts of the moment.
type Market struct {
	ID           uint32
	Resolution   int      // a base quantum is 10^Resolution coins
	Price        *big.Int // of the oracle: a coin costs Price·10^Exponent USD
	Exponent     int
	FundingIndex *big.Int // millionths of a quote quantum per base quantum
	OpenInterest *big.Int // base quanta, of the whole market
	Tier         Tier
	Isolated     bool // a subaccount that holds it holds nothing else
}

// Notional returns the signed quote quanta of q base quanta at the oracle price, truncated (§2).
func (m *Market) Notional(q *big.Int) *big.Int {
	return shift(mul(q, m.Price), m.Exponent+m.Resolution+QuoteDecimals, margin.ToZero)
}

// Base returns the base quanta that quote quanta buy at the oracle price, truncated twice (§2).
func (m *Market) Base(quote *big.Int) *big.Int {
	return margin.Quo(shift(quote, -(m.Exponent+m.Resolution+QuoteDecimals), margin.ToZero), m.Price, margin.ToZero)
}

// PerCoin returns a price in USD per coin, from one in quote quanta per base quantum.
func (m *Market) PerCoin(price *big.Rat) *big.Rat {
	return shiftRat(price, -QuoteDecimals-m.Resolution)
}

// PerQuantum is the inverse of PerCoin.
func (m *Market) PerQuantum(usd *big.Rat) *big.Rat { return shiftRat(usd, QuoteDecimals+m.Resolution) }

// Markets are in order of their number, each once.
type Markets []Market

func (ms Markets) index(id uint32) (int, bool) {
	return slices.BinarySearchFunc(ms, id, func(m Market, id uint32) int { return cmp.Compare(m.ID, id) })
}

// Get returns the market of a number.
func (ms Markets) Get(id uint32) (*Market, error) {
	i, ok := ms.index(id)
	if !ok {
		return nil, fmt.Errorf("dydx: %w %d", ErrUnknownMarket, id)
	}
	return &ms[i], nil
}
