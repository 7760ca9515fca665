package margin

import (
	"marginledger/events"
	"marginledger/internal/fixed"
)

// Rememberer is a profile for which a liquidation leaves something behind that outlives its episode, and
// holds for every pool of the account: a window, what limits of a block are used up. It keeps that in
// Account.State, which a switch to a profile of another name empties. Cooldown is not asked.
type Rememberer interface {
	Profile
	// Forced is asked about a fill that a liquidation ordered, before it changes the pool.
	Forced(f *ForcedFill) Remembered
	// Rests returns the shard time, after v.Time, until which the account's past liquidations have an episode at a
	// stage rest (Asking.Resting); 0: they do not.
	Rests(a *Account, v *Venue, stage events.Stage) int64
	// Remembers returns an error where an account's State is damaged.
	Remembers(a *Account) error
}

// ForcedFill is a fill that a liquidation ordered.
type ForcedFill struct {
	Account *Account
	Market  *Market
	Pool    *Pool // before the fill; nil: there is none, and the fill closes nothing
	Leg     events.Leg
	Closed  int64 // contracts that it closes, ≥ 0
	Left    int64 // contracts that are open after it, signed
	Price   int64
	Offset  bool // not on the book: a deleveraging of the account that is being liquidated
}

// Remembered is what a profile makes of a ForcedFill.
type Remembered struct {
	State   []byte // of the account
	Broken  []Rule // that the fill broke
	Answers bool   // it is one more of an order that was placed, also where an earlier fill of it has ended the episode
}

// Position returns the index of the position that the fill closes; −1 where it closes none.
func (f *ForcedFill) Position() int {
	if f.Pool == nil || f.Closed == 0 {
		return -1
	}
	for i := range f.Pool.Positions {
		if p := &f.Pool.Positions[i]; p.Market == f.Market && p.Leg == f.Leg {
			return i
		}
	}
	return -1
}

// Insurer is a profile of a venue that says of every liquidation order what it costs the insurance fund,
// and what happens where the fund does not pay.
type Insurer interface {
	Profile
	// Insurance returns that of an order which closes size contracts of a position, > 0.
	Insurance(p *Pool, position int, size int64) Insurance
}

// Insurance is what stands behind a liquidation order.
type Insurance struct {
	Ordered bool         // there is an order: Delta and Covers count
	Delta   fixed.Int128 // what the fund receives where all fills at the worst admitted price; negative: it pays
	Covers  Cover
	Offset  int64 // contracts that are closed against other accounts if the order fills nothing, ≥ 0
	At      events.Number
}

// Cover says whether a fund may pay what it would have to.
type Cover uint8

// The answers.
const (
	CoverUnknown Cover = iota // nobody told its balance
	CoverYes
	CoverNo // the balance, or what a limit leaves of it, is less
)

var coverNames = [...]string{"unknown", "yes", "no"}

// String returns the answer as announcements have it.
func (c Cover) String() string { return coverNames[c] }

// Fund is an observed insurance fund.
type Fund struct {
	Name    string
	Asset   *Asset
	Balance fixed.Int128
}

// Fund returns the balance of an insurance fund in the settlement asset, as an InsuranceFundMoved told
// it; false: none did.
func (v *Venue) Fund(name string) (fixed.Int128, bool) {
	for _, f := range v.Funds {
		if f.Name == name && f.Asset == v.Settlement {
			return f.Balance, true
		}
	}
	return fixed.Int128{}, false
}
