package margin

import (
	"errors"
	"math/big"

	"marginledger/events"
	"marginledger/internal/fixed"
)

// Profile is a venue's set of margin rules at one version, with its settings: the questions that
// the fold, the calculator and the audits ask. Profiles are immutable: VenueProfileSet makes a new
// one. Every answer is a function of the arguments alone.
type Profile interface {
	// Name and Version are those of VenueProfileSet.
	Name() string
	Version() string
	// Traits are what the fold asks once.
	Traits() Traits
	// Admit checks the rules, params and observed quantities of a market, and returns what the
	// profile keeps of them in Market.Own. An error makes the fact a dead letter. With it the figures
	// of an admitted pool cannot overflow at any admitted price.
	Admit(m *Market) (own any, err error)

	Valuation
	Trading
	Liquidation
	Derived
}

// Traits are fixed properties of a profile.
type Traits struct {
	// Blocks: BlockStarted is the venue's clock, not MarkPrice.
	Blocks bool
	// SettlesPool: every change of a pool first settles the funding of all its positions.
	SettlesPool bool
	// RestsOut: a cool-down runs to its end, also where the stage worsens.
	RestsOut bool
	// ComparesRisk: Breaks wants the health before the change.
	ComparesRisk bool
	// OpenInterest: statuses depend on it.
	OpenInterest bool
	// Observes: PoolBalanceObserved means something to it.
	Observes bool
	// Additive: the health of a pool is a sum over positions, Least says of what, and over balances.
	Additive bool
	// OpensOnly: a fill that opens nothing breaks no rule.
	OpensOnly bool
	// SinglePool: an account is one pool of net positions and the settlement asset. Facts of legs, margin
	// modes, isolated pools and other collateral are refused.
	SinglePool bool
	// Draws: who is deleveraged is drawn, or somebody chooses; Rank is nil, and the queue of deleveraging has everyone that may be met.
	Draws bool
	// Subaccounts is the greatest number of a subaccount; 0: any.
	Subaccounts uint32
	// Parents is how many subaccounts, the first ones, are parents: number mod Parents is that under which front ends
	// show another. Nothing is shared. 0: none are.
	Parents uint32
	// NoBankruptcyPrice and NoRank say why the venue has no such figure of any position; "": it has. A profile
	// that says so answers none.
	NoBankruptcyPrice, NoRank string
	// Modes are the account modes of AccountModeSet, the default first; nil: the venue has none.
	Modes []string
}

// Valuation says what pools and positions are worth and require.
type Valuation interface {
	// Judge returns the health of a pool.
	Judge(p *Pool) Health
	// Figures returns the figures of one position of a pool.
	Figures(p *Pool, position int) Figures
	// CollateralValue returns what a balance adds to equity, haircuts taken.
	CollateralValue(b *Balance) fixed.Int128
	// Settlement fills in what settling each position now would post to the pool, index by index.
	Settlement(p *Pool, lines []fixed.Int128)
	// NextFunding returns a market's funding index after a FundingRate; the unit of an index is the
	// profile's own. seconds is 0 where the fact does not say.
	NextFunding(m *Market, rate, price int64, seconds uint32) (fixed.Int128, error)
	// FundingIndex returns a market's index as settlement asset per contract, for people.
	FundingIndex(m *Market) events.Number
	// OrderMargin returns what open orders hold beside a position of that size; leverage is the
	// account's setting, 0 for none.
	OrderMargin(m *Market, leg events.Leg, size, leverage int64, o *Orders) fixed.Int128
	// Withdrawable returns what may leave the cross pool, before it is cut off at 0: orders is Σ order
	// margin.
	Withdrawable(h *Health, orders fixed.Int128) fixed.Int128
}

// Trading says what trades cost, and which rules a change broke.
type Trading interface {
	// Cost returns the signed cost of size contracts at a price: what they add to an entry.
	Cost(m *Market, size, price int64) fixed.Int128
	// MaxLeverage returns the most leverage of a position of that size; 0: of any.
	MaxLeverage(m *Market, size int64) int64
	// IncreaseMargin returns what an isolated increase of size added at price moves from cross,
	// total being the position's size after it.
	IncreaseMargin(m *Market, leverage, added, total, price int64) fixed.Int128
	// Release returns what an isolated reduction sends back to cross: held is the collateral before
	// it, left what profit, loss and fee leave of that, > 0; closed of size contracts close.
	Release(held, left fixed.Int128, closed, size int64) fixed.Int128
	// Breaks appends the rules that a change broke.
	Breaks(u *Update, dst []Rule) []Rule
}

// Liquidation says when, what and how much is closed.
type Liquidation interface {
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
	// Ask fills in how much of each position an episode asks to close, ≥ 0, index by index.
	Ask(p *Pool, h *Health, e Asking, sizes []int64)
	// LiquidationFee returns the fee on closing size contracts of a position, ≥ 0.
	LiquidationFee(p *Pool, position int, size int64) fixed.Int128
	// Cooldown returns how long an episode at a stage rests after its first fill, in nanoseconds of
	// shard time; 0: not at all.
	Cooldown(stage events.Stage) int64

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
}

// Asking is the state of an episode that Ask answers for.
type Asking struct {
	Stage   events.Stage
	Resting bool // the cool-down runs
}

// Derived prices and ranks: reported, never decided on.
type Derived interface {
	// LiquidationPrice returns that of a market in a pool; with underlying that of everything of the
	// market's underlying. Absent: none, or it cannot be known (Health.Missing).
	LiquidationPrice(p *Pool, m *Market, underlying bool) events.Number
	// BankruptcyPrice of one position; absent: none. Health is the pool's.
	BankruptcyPrice(p *Pool, position int, h *Health) events.Number
	// Rank returns a position's place in the queue of deleveraging: the greatest is closed first.
	// nil: the venue does not rank, or figures are unknown.
	Rank(p *Pool, position int, h *Health) *big.Rat
	// Explain returns every term, tier, deduction and rounding behind a pool's figures, in order.
	Explain(p *Pool) []Step
}

// Step is one line of an explanation.
type Step struct {
	Figure   string        // "equity", "maintenance", …
	Market   string        // of the position; "": of the pool
	Leg      events.Leg    // with Market
	Formula  string        // in the symbols of the profile's page
	Symbols  []Symbol      // what stands in the formula
	Value    events.Number // what comes out
	Rounding string        // "exact", "up to 6 digits", …
	Section  string        // of the profile's page
}

// Symbol is a symbol of a formula with its value.
type Symbol struct {
	Name  string
	Value events.Number
	Text  string // of one that is no number; "": Value counts
}

// Scenarios is a profile whose requirement is the worst loss over a grid: the answers show it.
type Scenarios interface {
	// Worst returns the scenario that decides a pool's requirement; nil where nothing of the pool is
	// shocked.
	Worst(p *Pool) *Worst
}

// FundingRules is a profile whose version says how the venue's rates come about: it judges those that come as
// facts. They are applied as they are.
type FundingRules interface {
	Profile
	// FundingBreaks appends the rules that a FundingRate broke; rate is at FundingScale, seconds 0 where the fact
	// does not say.
	FundingBreaks(m *Market, rate int64, seconds uint32, dst []Rule) []Rule
}

// Modal is a profile whose account modes decide what balances count and what open orders hold.
type Modal interface {
	Profile
	// BalanceValue is CollateralValue for an account in its mode.
	BalanceValue(a *Account, b *Balance) fixed.Int128
	// OrderHold returns what an OrderMargin > 0 takes of the free collateral of an account in its mode.
	OrderHold(a *Account, orderMargin fixed.Int128) fixed.Int128
}

// Additive is a profile whose pools are sums: Traits say whether it is one.
type Additive interface {
	// Least returns, of what a position adds to equity − multiple·maintenance, its funding apart, two bounds in
	// units of value: least is at most all of it at prices from low to high, 0 ≤ low ≤ high ≤ MaxPrice; known is
	// at least what it is at one of them. Both are of the exact figures, before maintenance is rounded.
	Least(pos *Position, multiple, low, high int64) (least, known fixed.Int128)
}

// Worst is a scenario with what each position and balance loses in it, settlement asset, before its
// weight; negative: it gains.
type Worst struct {
	Name        string
	Weight      int64          // share of the loss that counts, at MultipleScale
	Loss        fixed.Int128   // of the pool, offsets and weight taken
	Offsets     fixed.Int128   // what gains of other groups took off, before the weight
	Contingency fixed.Int128   // that the requirement adds to the loss
	Positions   []fixed.Int128 // index by index
	Balances    []fixed.Int128 // likewise; 0 of one that is not shocked
}

// Update is a change of an account that its venue's rules may forbid.
type Update struct {
	Kind     UpdateKind
	Pool     *Pool        // that it concerns, after the change
	Health   *Health      // of Pool, after
	Before   *Health      // of Pool, before; only with Traits.ComparesRisk
	Free     fixed.Int128 // cross: equity − initial − order margin, after
	Leaves   fixed.Int128 // cross: withdrawable, after; negative where too much has left
	Market   *Market      // of a trade, a setting, or an isolated pool
	Opened   int64        // contracts that a trade opened, ≥ 0
	Traded   int64        // contracts of the trade, signed
	Size     int64        // of the position after a trade, or whose leverage was chosen; 0: none
	Leverage int64        // the account's setting; 0: none
	Short    bool         // an isolated increase named less margin than IncreaseMargin asks for
	Negative bool         // the balance of an asset that left is < 0
	To       *Pool        // of a transfer to another subaccount: where it went, after the change
	Unknown  bool         // figures of the cross pool are unknown (Health.Missing): Free and Leaves say nothing
	Was      int64        // of LeverageChosen: the setting before it, a cap taken; 0: none
	Isolated *Health      // of LeverageChosen: of the market's isolated position, after; nil: none
}

// UpdateKind is what an Update does.
type UpdateKind uint8

// The kinds.
const (
	Traded         UpdateKind = 1 + iota // a fill with reason trade
	Left                                 // a withdrawal, or a transfer out
	MarginAdded                          // to an isolated pool
	MarginRemoved                        // from an isolated pool
	LeverageChosen                       // a LeverageSet
)

// Keeper is a profile whose positions have collateral of their own: it keeps them in the state of
// their pools, and works out what an executed order does to one.
type Keeper interface {
	Profile
	// Change returns what a PositionChanged does to its pool; an error makes it a dead letter.
	Change(p *Pool, m *Market, b *events.PositionChanged) (Changed, error)
	// Open returns how an empty pool adopts a position of an AccountOpeningState, its collateral apart;
	// an error makes the fact a dead letter.
	Open(p *Pool, m *Market, b *events.OpeningPosition) (Changed, error)
	// Load decodes a pool's State to Own; an error means that it is damaged.
	Load(p *Pool) error
	// Claims returns what an account may claim, by (market, asset, kind); an error means that its State is damaged.
	Claims(a *Account) ([]Claim, error)
	// Claimed returns the State of an account that has claimed an amount, and how much of it was known to
	// be claimable: no more than there was.
	Claimed(a *Account, c Claim) (state []byte, known fixed.Int128)
	// Adopt returns the State of an account that may claim these amounts besides, each at most MaxAmount; no two
	// are of one market, asset and kind.
	Adopt(a *Account, claims []Claim) (state []byte)
	// SetParams returns the State of an account for which the venue has set these; an error makes the fact
	// a dead letter.
	SetParams(a *Account, params []events.Param) (state []byte, err error)
}

// Claim is what an account may claim of a market in an asset: > 0, at the value scale.
type Claim struct {
	Market, Asset string
	Kind          events.ClaimKind
	Amount        fixed.Int128
}

// Accruing is a profile whose positions owe and receive more than one sum of funding: answers show the parts.
type Accruing interface {
	// Accrued returns what has accrued to a position since its last order; nil where facts are missing.
	Accrued(p *Pool, position int) *Accrued
}

// Accrued is what a position owes beside funding, and what its trader may claim besides; settlement asset,
// each rounded down; negative: it lowers equity.
type Accrued struct {
	Borrowing fixed.Int128
	Fee       fixed.Int128 // for closing all of it
	Impact    fixed.Int128 // price impact of closing all of it, as far as it counts
	Claims    []Claim      // received, not credited to the account yet: it counts nowhere; by asset
}

// Changed is what a PositionChanged does.
type Changed struct {
	Size    int64        // of the position after it, in contracts, rounded down; its exact size is in State
	Entry   fixed.Int128 // signed cost, at the value scale
	State   []byte       // of the pool; nil: closed
	Account []byte       // State of the account; nil: as it was
	Moves   []Move
	Rules   []Rule // that the order broke, in their order
}

// Move is an amount that an order moves into the position's pool; negative: out of it.
type Move struct {
	Asset   *Asset
	Amount  fixed.Int128
	Purpose Purpose
}

// Purpose says between what a Move moves.
type Purpose uint8

// The purposes; all but the first are against a system account.
const (
	MoveCross     Purpose = 1 + iota // the account's cross pool
	MoveRealised                     // the market's clearing account: profit, loss, price impact
	MoveFee                          // fees
	MoveFunding                      // the market's funding account
	MoveClaimable                    // what the trader may claim at once
	MoveHeld                         // what the trader may claim once the venue releases it
)

// Errors that decide about the reason of a dead letter; every other is bad_value, of a factory
// bad_params.
var (
	ErrUnknownVersion = errors.New("unknown version") // of a factory
	ErrOutOfRange     = errors.New("out of range")
	ErrParams         = errors.New("params")        // of a market
	ErrMissing        = errors.New("facts missing") // that a change needs
)

// Factory makes a profile from the settings of VenueProfileSet; an error makes the event a dead
// letter.
type Factory func(version string, scale int, params []events.Param) (Profile, error)
