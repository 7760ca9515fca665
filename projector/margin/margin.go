// Package margin holds what a venue's margin rules are told, what they answer, and the arithmetic
// that they share. Each venue profile is a package below it.
//
// Everything here is a pure function of its arguments. Amounts are integers at the venue's value
// scale V, prices and sizes at their market's scales, K = 10^(V − price scale − size scale).
// Rates, multiples and factors are integers at their own fixed scales. docs/venues/ owns the
// formulas; comments cite its sections.
package margin

import (
	"errors"

	"marginledger/events"
	"marginledger/internal/fixed"
)

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

// Tier is a bracket of notional [Lower, next tier's Lower).
type Tier struct {
	Lower       fixed.Int128
	MaxLeverage int64
	Rate        int64        // maintenance, at RateScale
	Deduction   fixed.Int128 // Σ lower·(rate − rate before): makes maintenance continuous
}

// HaircutTier is a bracket of an asset's value.
type HaircutTier struct {
	Lower   fixed.Int128
	Haircut int64 // at RateScale
}

// Asset is a collateral asset of a venue.
type Asset struct {
	ID         int32 // interned; derived
	Name       string
	Settlement bool
	Price      int64 // settlement asset per unit at CollateralScale; 0: none yet
	PriceTime  int64
	Haircuts   []HaircutTier // empty for the settlement asset
}

// Market is a market of a venue: its rules and its latest prices.
type Market struct {
	ID                    int32 // interned; derived
	Name                  string
	Underlying            string
	PriceScale, SizeScale int
	K                     int64
	MaxPrice, MaxSize     int64

	Tiers          []Tier
	FundingMode    events.FundingMode
	MaxStaleness   int64 // nanoseconds; 0: never stale
	LiquidationFee int64 // at RateScale

	Mark, Index, Oracle, Min, Max int64 // 0: none yet
	LastFill                      int64
	MarkTime                      int64        // of the last MarkPrice with a mark
	PriceTime                     int64        // of the last MarkPrice
	FundingIndex                  fixed.Int128 // Σ rate·price at FundingScale + PriceScale
	Halted, Settled               bool
	OpenLong, OpenShort           fixed.Int128 // observed, at SizeScale

	State []byte // the profile's own, in a canonical encoding; the fold stores it unread
}

// Price returns the price that values positions (§2): the mark, else the index, else the last
// fill; 0 when there is none.
func (m *Market) Price() int64 {
	switch {
	case m.Mark != 0:
		return m.Mark
	case m.Index != 0:
		return m.Index
	}
	return m.LastFill
}

// Notional returns |size|·price·K.
func (m *Market) Notional(size, price int64) fixed.Int128 {
	return fixed.Product(abs(size), price).Mul(m.K)
}

// Value returns size·price·K, signed.
func (m *Market) Value(size, price int64) fixed.Int128 { return fixed.Product(size, price).Mul(m.K) }

// Tier returns the index of the tier of a notional: the last whose lower edge is ≤ it.
func (m *Market) Tier(notional fixed.Int128) int {
	i := len(m.Tiers) - 1
	for i > 0 && notional.Less(m.Tiers[i].Lower) {
		i--
	}
	return i
}

// TopRate returns the largest maintenance rate of the market.
func (m *Market) TopRate() int64 { return m.Tiers[len(m.Tiers)-1].Rate }

// Position is an open position. The fold owns Slot.
type Position struct {
	Market       *Market
	Leg          events.Leg
	Size         int64        // negative: short; never 0
	Entry        fixed.Int128 // signed cost of what is open
	FundingIndex fixed.Int128 // the market's at the last settlement
	Leverage     int64        // the account's setting; 0: none
	Slot         int32        // derived: place among the market's holders
}

// Balance is a holding of one asset, never 0 but for the settlement asset.
type Balance struct {
	Asset  *Asset
	Amount fixed.Int128
	Slot   int32 // derived: place among the asset's holders
}

// Pool is what carries equity and requirement: the cross pool of an account with its balances, or
// an isolated pool with its collateral.
type Pool struct {
	Balances   []Balance    // cross
	Collateral fixed.Int128 // isolated, settlement asset
	Positions  []Position   // by (market name, leg)

	State []byte // the profile's own, in a canonical encoding; the fold stores it unread
}

// Health is what a pool's status depends on.
type Health struct {
	Equity      fixed.Int128
	Initial     fixed.Int128
	Maintenance fixed.Int128
	Profit      fixed.Int128 // Σ max(0, unrealised PnL)
	Positions   int
	Unpriced    bool // valued without a mark somewhere: announces nothing
}

// Figures are the figures of one position (§2).
type Figures struct {
	Price       int64
	Notional    fixed.Int128
	Unrealised  fixed.Int128
	Funding     fixed.Int128 // unposted
	Initial     fixed.Int128
	Maintenance fixed.Int128
	Tier        int
}

// Orders is what open orders hold in a market and leg.
type Orders struct {
	BidSize, AskSize         int64
	BidNotional, AskNotional fixed.Int128
}

// IsZero reports that there are none.
func (o *Orders) IsZero() bool {
	return o.BidSize == 0 && o.AskSize == 0 && o.BidNotional.IsZero() && o.AskNotional.IsZero()
}

func abs(v int64) int64 {
	if v < 0 {
		return -v
	}
	return v
}

// Edge is a status edge of a pool as its judge sees it: the pool's status stays while
// equity ≥ Multiple·maintenance + Floor (a lower edge), or while equity < that (an upper edge).
type Edge struct {
	Multiple int64 // at MultipleScale, ≥ 0
	Floor    fixed.Int128
	Upper    bool
	Unknown  bool // there may be one, but no one can say where: the pool is judged whenever a variable moves
}

// Profile is a venue's set of margin rules at one version, with its settings. Profiles are
// immutable: VenueProfileSet makes a new one.
type Profile interface {
	// Name and Version are those of VenueProfileSet.
	Name() string
	Version() string

	// Judge returns the health of a pool.
	Judge(p *Pool) Health
	// Figures returns the figures of one position.
	Figures(p *Position) Figures
	// OrderMargin returns what open orders hold beside a position of that size; leverage is the
	// account's setting, 0 for none.
	OrderMargin(m *Market, leg events.Leg, size, leverage int64, o *Orders) fixed.Int128
	// IncreaseMargin returns what an isolated increase of size added at price moves from cross,
	// total being the position's size after it.
	IncreaseMargin(m *Market, leverage, added, total, price int64) fixed.Int128
	// Withdrawable returns what of free collateral may leave, before it is cut off at 0: profit is
	// the pool's unrealised profit.
	Withdrawable(free, profit fixed.Int128) fixed.Int128

	// Stage returns the stage that a health stands for, and Cleared whether an episode ends there.
	Stage(h *Health) events.Stage
	Cleared(h *Health) bool
	// StageEdge returns the lower edge above which the stage is none that is worse than the given, false
	// where there is none worse; ClearEdge the upper edge below which Cleared does not hold. Fractions of
	// maintenance are rounded so that the edge is met a little early.
	StageEdge(stage events.Stage) (Edge, bool)
	ClearEdge() Edge
	// CallCleared reports that a call of a level (at MultipleScale) is over.
	CallCleared(h *Health, level int64) bool
	// CallClearEdge returns the edge that CallCleared waits for.
	CallClearEdge(level int64) Edge
	// CallLevels are the levels of accounts that set none, falling, at MultipleScale.
	CallLevels() []int64
	// CloseSize returns how much of a position an episode at a stage asks to close, ≥ 0.
	CloseSize(stage events.Stage, size int64) int64
	// Cooldown returns how long a partial request rests after its first fill, in nanoseconds.
	Cooldown() int64

	// Slopes says how fast the pool can come to an edge: the slack, and for each variable that its
	// equity or maintenance depends on what a move of it can take. Health is that of the pool now; the
	// pool is priced. The contract, for S = equity − Multiple·maintenance − Floor, or for an upper edge
	// its negative, as the profile itself would compute them, rounding included:
	//
	//	S ≥ 0 (> 0) as long as Σ taken ≤ Slack, whatever the values of the variables in their boxes
	//
	// where taken is Up·d/Scale or Down·d/Scale (see Term). A variable that is not listed must not
	// matter. Facts that change rules, and all that is not a Variable, have every holder judged.
	Slopes(p *Pool, h *Health, e Edge, t *Terms)

	// LiquidationPrice, and that of everything of the underlying; 0: none. Health is the pool's.
	LiquidationPrice(p *Pool, m *Market, underlying bool) int64
	// BankruptcyPrice of one position; 0: none.
	BankruptcyPrice(p *Position, h *Health) int64
}

// ErrUnknownVersion marks a factory's refusal of a version.
var ErrUnknownVersion = errors.New("unknown version")

// Factory makes a profile from the settings of VenueProfileSet; an error makes the event a dead
// letter.
type Factory func(version string, params []events.Param) (Profile, error)
