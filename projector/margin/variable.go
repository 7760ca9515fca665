package margin

import (
	"fmt"
	"math"
	"math/bits"

	"marginledger/events"
	"marginledger/internal/fixed"
)

// Variable is one of the numbers, outside a pool, that its status depends on. The fold keeps each as
// an integer, its key, and compares keys with bounds.
type Variable uint8

// The variables. Those of a market have a bound per position, those of an asset one per balance,
// VarTime one per pool.
const (
	VarPrice         Variable = iota // Market.Price(), which values positions
	VarIndex                         // Market.Index
	VarOracle                        // Market.Oracle
	VarMin                           // Market.Min
	VarMax                           // Market.Max
	VarFunding                       // Market.FundingIndex
	VarCollateral                    // Asset.Price
	VarCollateralMin                 // Asset.Min
	VarCollateralMax                 // Asset.Max
	VarTime                          // Venue.Time: shard time, in nanoseconds

	Variables = VarTime + 1 // how many there are

	marketVariables = VarCollateral
	assetVariables  = VarTime - VarCollateral
)

// OfMarket reports that it is a market's.
func (v Variable) OfMarket() bool { return v < VarCollateral }

// OfAsset reports that it is an asset's.
func (v Variable) OfAsset() bool { return v >= VarCollateral && v < VarTime }

// isPrice reports that the variable is never below 1 once it is set.
func (v Variable) isPrice() bool { return v != VarFunding && v != VarTime }

// Key returns a market's variable as the integer that bounds are compared with.
func (m *Market) Key(v Variable) int64 {
	switch v {
	case VarPrice:
		return m.Price()
	case VarIndex:
		return m.Index
	case VarOracle:
		return m.Oracle
	case VarMin:
		return m.Min
	case VarMax:
		return m.Max
	case VarFunding:
		return m.FundingKey()
	}
	panic(fmt.Sprintf("margin: variable %d is none of a market", v))
}

// Key returns an asset's variable as the integer that bounds are compared with.
func (a *Asset) Key(v Variable) int64 {
	switch v {
	case VarCollateral:
		return a.Price
	case VarCollateralMin:
		return a.Min
	case VarCollateralMax:
		return a.Max
	}
	panic(fmt.Sprintf("margin: variable %d is none of an asset", v))
}

// FundingShift is how many bits a funding index has more than its key. An index is at most
// 1000 · MaxPrice · 10^12 < MaxPrice · 2^50, so a key is within ±2^62; the shift is fixed when the
// market is listed.
func (m *Market) FundingShift() int { return max(0, bits.Len64(uint64(m.MaxPrice))+50-62) }

// MostFunding returns the largest magnitude of a funding index at FundingScale + PriceScale: a thousand times the
// largest price.
func (m *Market) MostFunding() fixed.Int128 {
	return fixed.FromInt64(m.MaxPrice).Mul(1000).Mul(fixed.Pow10(FundingScale))
}

// FundingKey returns floor(index / 2^shift): a key that moves by d stands for an index that moves by
// more than d − 1 and less than d + 1 of its units.
func (m *Market) FundingKey() int64 {
	key, ok := m.FundingIndex.Shift(m.FundingShift()).Int64()
	if !ok {
		panic(fmt.Sprintf("margin: funding index %v of %s, largest price %d, is past its bound", m.FundingIndex, m.Name, m.MaxPrice))
	}
	return key
}

// Bound is how far a variable may move before the pool must be judged again: the status is proven
// unchanged while every variable of the pool lies within its bound, ends included.
type Bound struct{ Low, High int64 }

// Open is the bound that never asks for a judgement.
var Open = Bound{Low: math.MinInt64, High: math.MaxInt64}

// Bounds are the bounds of all variables of a pool. The zero value is ready for Reset.
type Bounds struct {
	list      []Bound
	positions int
}

// Reset opens every bound of a pool with so many positions and balances.
func (b *Bounds) Reset(positions, balances int) {
	n := positions*int(marketVariables) + balances*int(assetVariables) + 1
	if cap(b.list) < n {
		b.list = make([]Bound, n)
	}
	b.list, b.positions = b.list[:n], positions
	for i := range b.list {
		b.list[i] = Open
	}
}

// At returns the bound of a variable of the pool's position or balance of that index.
func (b *Bounds) At(v Variable, index int) *Bound {
	switch {
	case v.OfMarket():
		return &b.list[index*int(marketVariables)+int(v)]
	case v.OfAsset():
		return &b.list[b.positions*int(marketVariables)+index*int(assetVariables)+int(v-VarCollateral)]
	}
	return &b.list[len(b.list)-1]
}

// Slack returns how far a health is from the edge, rounded down: while what moves take from it is
// at most the slack, the status stays. An upper edge must not be met, so it is one unit less.
func (e Edge) Slack(h *Health) fixed.Int128 {
	if e.Upper {
		due := MulDiv(h.Maintenance, e.Multiple, OneMultiple, Down)
		return due.Add(e.Floor).Sub(h.Equity).Sub(fixed.FromInt64(1))
	}
	due := MulDiv(h.Maintenance, e.Multiple, OneMultiple, Up)
	return h.Equity.Sub(due).Sub(e.Floor)
}

// Above reports that a lower edge is met no later than another, whatever equity is, and maintenance ≥ 0.
func (e Edge) Above(f Edge) bool {
	return !e.Upper && !f.Upper && !f.Unknown && e.Multiple >= f.Multiple && !e.Floor.Less(f.Floor)
}

// FundingChange returns at most what unposted funding gains when a position becomes another of the same side: the least of
// the new over a bound of the index's key, less what the old one has at the end of it, rounded down. It holds for
// indexes of which −size · K / 10^12 per unit is posted (UnpostedFunding).
func FundingChange(was, is *Position, b Bound) fixed.Int128 {
	m := is.Market
	if m.FundingMode != events.FundingByIndex {
		return fixed.Int128{}
	}
	shift := m.FundingShift()
	worst, found := m.MostFunding(), m.MostFunding() // the greatest index for a long, the least for a short
	switch {
	case is.Size < 0 && b.Low > math.MinInt64:
		worst = leftShift(b.Low, shift)
		found = worst
	case is.Size < 0:
		worst, found = worst.Neg(), found.Neg()
	case b.High < math.MaxInt64:
		worst, found = leftShift(b.High+1, shift), leftShift(b.High, shift)
	}
	gone, gok := found.Sub(was.FundingIndex).MulOK(was.Size)
	due, dok := worst.Sub(is.FundingIndex).MulOK(is.Size)
	if change, ok := gone.SubOK(due); gok && dok && ok {
		return scaledProduct(change, 1, m.K, fixed.Pow10(FundingScale))
	}
	least := scaledProduct(worst.Sub(is.FundingIndex), -is.Size, m.K, fixed.Pow10(FundingScale))
	known := scaledProduct(found.Sub(was.FundingIndex), -was.Size, m.K, fixed.Pow10(FundingScale)).Add(fixed.FromInt64(1))
	return least.Sub(known)
}

// leftShift returns key · 2^shift, shift < 63.
func leftShift(key int64, shift int) fixed.Int128 {
	v := fixed.FromInt64(key)
	return fixed.Int128{Hi: v.Hi<<shift | int64(v.Lo>>(64-shift)), Lo: v.Lo << shift}
}
