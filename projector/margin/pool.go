package margin

import (
	"marginledger/events"
	"marginledger/internal/fixed"
)

// Account is what a profile is told of the account that it margins.
type Account struct {
	Subaccount uint32
	Mode       string     // of AccountModeSet; "": the profile's first
	Observed   []Observed // by asset name: what pools hold that lie outside of the ledger

	State []byte // the profile's own, in a canonical encoding; the fold stores it unread
	Own   any    // what the profile decoded of State; derived, nil where State was changed
}

// Observed is what a PoolBalanceObserved told: how much more the pool holds of an asset than this ledger's
// cross balance of it. So what is posted after it counts at once, and the next one replaces it.
type Observed struct {
	Asset  *Asset
	Amount fixed.Int128
}

// Position is an open position. The fold owns Slot.
type Position struct {
	Market       *Market
	Size         int64        // negative: short; never 0
	Entry        fixed.Int128 // signed cost of what is open
	FundingIndex fixed.Int128 // the market's at the last settlement
	Leverage     int64        // the account's setting; 0: none
	Slot         int32        // derived: place among the market's holders
	Leg          events.Leg
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
	Venue      *Venue
	Account    *Account
	Isolated   bool
	Balances   []Balance    // cross
	Asset      *Asset       // isolated: of the collateral; the settlement asset but under a Keeper
	Collateral fixed.Int128 // isolated
	Positions  []Position   // by (market name, leg)

	State []byte // the profile's own, in a canonical encoding; the fold stores it unread
	Own   any    // what the profile decoded of State; derived
}

// Health is what a pool's status depends on.
type Health struct {
	Equity      fixed.Int128
	Initial     fixed.Int128
	Maintenance fixed.Int128
	Notional    fixed.Int128
	Profit      fixed.Int128 // Σ max(0, unrealised PnL)
	Positions   int
	Unpriced    bool   // valued without a mark somewhere: announces nothing
	Missing     string // kind of the fact without which the figures are unknown: announces nothing; "": none
	Own         uint8  // the profile's own, for Stage and Cleared
}

// IsKnown reports that the health can decide something.
func (h *Health) IsKnown() bool { return !h.Unpriced && h.Missing == "" }

// Figures are the figures of one position (§2).
type Figures struct {
	Price       int64
	Notional    fixed.Int128
	Unrealised  fixed.Int128
	Funding     fixed.Int128 // unposted
	Initial     fixed.Int128
	Maintenance fixed.Int128
	Tier        int
	Size        events.Number // where Position.Size is not exact; absent elsewhere
	Entry       events.Number // entry price, where it is not Position.Entry over size; absent elsewhere
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
