// Package margin holds what a venue's margin rules are told, what they answer, and the arithmetic
// that they share. Each venue profile is a package below it.
//
// Everything here is a pure function of its arguments. Amounts are integers at the venue's value
// scale V, prices and sizes at their market's scales, K = 10^(V − price scale − size scale).
// Rates, multiples and factors are integers at their own fixed scales. docs/venues/ owns the
// formulas; comments cite its sections.
package margin

import "marginledger/internal/fixed"

// Fixed scales, in digits after the point.
const (
	RateScale       = 9  // maintenance rates, haircuts, fees
	MultipleScale   = 6  // call levels, factors
	FundingScale    = 12 // funding rates; an index has the market's price scale beside it
	CollateralScale = 12 // collateral prices
)

// One of each scale.
const (
	OneRate     = 1_000_000_000
	OneMultiple = 1_000_000
)

// Bounds at admission (docs/venues/standard.md §1). With them the figures of an admitted pool
// cannot overflow at any admitted price: docs/bounds.md.
const (
	MaxPositions       = 256                   // of a pool
	MaxAssets          = 256                   // of a venue
	MaxPriceOrSize     = 1_000_000_000_000_000 // coefficient
	MaxCollateralPrice = 9_000_000_000_000_000_000
)

// The wide bounds, at the value scale.
var (
	MaxAmount   = pow10(30) // of one event
	MaxCash     = pow10(33) // settlement balances, collateral, entries, funding indexes
	MaxBalance  = pow10(27) // balances of other assets
	MaxNotional = pow10(31)
)

func pow10(n int) fixed.Int128 { return fixed.FromInt64(fixed.Pow10(n - 18)).Mul(fixed.Pow10(18)) }

// Within reports |v| ≤ bound.
func Within(v, bound fixed.Int128) bool {
	return !bound.Less(v) && !v.Less(bound.Neg())
}

func abs(v int64) int64 {
	if v < 0 {
		return -v
	}
	return v
}
