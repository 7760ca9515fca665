package gmx

import "math/big"

// PnLFactor returns what the traders of one side have won, as a factor of that side's pool, at the price that
// makes it greatest (§11); 0 if the pool is empty.
func (m *Market) PnLFactor(p *Prices, isLong bool) *big.Int {
	pool := m.PoolUSD(p, isLong, false)
	if pool.Sign() == 0 {
		return new(big.Int)
	}
	return factor(m.SidePnL(p.Index, isLong, true), pool)
}

// IsADLEnabled reports that a side has won more of its pool than it may, so that keepers may close its
// positions.
func (m *Market) IsADLEnabled(p *Prices, isLong bool) bool {
	f := m.PnLFactor(p, isLong)
	return f.Sign() > 0 && f.Cmp(m.MaxPnLForADL.Of(isLong)) > 0
}

// MayADL reports that a deleveraging that moves the factor so is one: it lowers it, and not below the
// limit.
func (m *Market) MayADL(isLong bool, before, after *big.Int) bool {
	return before.Cmp(m.MaxPnLForADL.Of(isLong)) > 0 && after.Cmp(before) < 0 &&
		after.Cmp(m.MinPnLFactorPostADL.Of(isLong)) >= 0
}
