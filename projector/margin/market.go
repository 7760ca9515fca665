package margin

import (
	"marginledger/events"
	"marginledger/internal/fixed"
)

// Venue is what a profile is told of its venue.
type Venue struct {
	Name       string
	Scale      int // V: digits after the point of every amount
	Settlement *Asset
	Time       int64   // shard time: the greatest of an applied clock fact, nanoseconds
	Block      uint64  // height of the last BlockStarted; 0: none
	GatedUntil uint64  // observed: withdrawals of cross collateral are refused before this block
	Funds      []*Fund // observed; see Fund

	State []byte // the profile's own, in a canonical encoding; the fold stores it unread
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
	Min, Max   int64 // of venues with price pairs; 0: none yet
	PriceTime  int64
	Haircuts   []HaircutTier // empty for the settlement asset
	Cap        fixed.Int128  // with Capped: what a balance counts at most, at the value scale, ≥ 0
	Capped     bool
}

// Market is a market of a venue: its rules and its latest prices.
type Market struct {
	ID                    int32 // interned; derived
	Venue                 *Venue
	Name                  string
	Underlying            string
	LongToken, ShortToken *Asset // of the pool that is the counterparty; nil: the market has none
	PriceScale, SizeScale int
	K                     int64 // 10^(V − price scale − size scale); 0 where that is no integer
	MaxPrice, MaxSize     int64

	Tiers          []Tier
	Params         []events.Param // settings that the profile's page names
	Modes          events.MarginModes
	FundingMode    events.FundingMode
	MaxStaleness   int64 // nanoseconds; 0: never stale
	LiquidationFee int64 // at RateScale

	Mark, Index, Oracle, Min, Max int64 // 0: none yet
	LastFill                      int64
	MarkTime                      int64        // of the last MarkPrice with a mark
	PriceTime                     int64        // of the last MarkPrice
	FundingIndex                  fixed.Int128 // Σ rate·price at FundingScale + PriceScale
	Halted, Settled               bool
	OpenLong, OpenShort           fixed.Int128   // observed, at SizeScale
	OpenInterestKnown             bool           // an OpenInterest came
	Quantities                    []events.Param // observed: the last PoolState; nil: none yet
	GatedUntil                    uint64         // observed: withdrawals of its own pool are refused before this block

	State []byte // the profile's own, in a canonical encoding; the fold stores it unread
	Own   any    // what Admit made of rules, params and quantities; derived
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

// PriceNumber returns a price of the market as a number; 0 is none.
func (m *Market) PriceNumber(price int64) events.Number {
	if price == 0 {
		return events.Number{}
	}
	return events.Number{Coef: fixed.FromInt64(price), Scale: uint8(m.PriceScale), Present: true}
}

// SizeNumber returns a size of the market as a number.
func (m *Market) SizeNumber(size int64) events.Number {
	return events.Number{Coef: fixed.FromInt64(size), Scale: uint8(m.SizeScale), Present: true}
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
