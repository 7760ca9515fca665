package gmx

import "math/big"

// Reason is which of the three tests a position failed, in the venue's words.
type Reason string

// The reasons, in the order of the tests.
const (
	MinCollateral            Reason = "min collateral"
	NothingLeft              Reason = "< 0"
	MinCollateralForLeverage Reason = "min collateral for leverage"
)

// Check says which limits hold: those of a liquidation, or those of an order.
type Check struct {
	ForLiquidation bool // the lower factor: liquidations, and deposits without a change of size
	MinUSD         bool // whether the least collateral counts: not for what a decrease leaves
}

// Health is the outcome of the test for liquidation, with its terms; all in USD.
type Health struct {
	Reason     Reason // empty: not liquidatable
	Collateral *big.Int
	PnL        *big.Int
	Impact     *big.Int // ≤ 0
	Costs      *big.Int
	Remaining  *big.Int // Collateral + PnL + Impact − Costs
	Required   *big.Int // for leverage
}

// Health tests a position (§4). Remaining below the least collateral, not above zero, or below the
// requirement for its size: liquidatable, for the first of these reasons. At the requirement it is safe.
func (m *Market) Health(p *Prices, pos *Position, owed Owed, d *Discount, check Check) (*Health, error) {
	c, err := m.closing(p.Index, pos)
	if err != nil {
		return nil, err
	}
	return m.healthOf(p, pos, owed, d, check, c), nil
}

// closing is the impact of closing all of a position, before any cap: what of §4 takes long to work out.
type closing struct {
	impact   *big.Int
	improved bool
}

// closing works it out. The index price matters only where the balance is taken in tokens.
func (m *Market) closing(index Pair, pos *Position) (c closing, err error) {
	c.impact, c.improved, err = m.Impact(index, pos.IsLong, neg(pos.Size), neg(pos.Tokens))
	return c, err
}

// healthOf is Health with the impact of closing given.
func (m *Market) healthOf(p *Prices, pos *Position, owed Owed, d *Discount, check Check, c closing) *Health {
	price := p.token(pos.LongToken).Min
	f := m.closingFees(pos.Size, price, c.improved, false, owed, d)
	h := &Health{
		Collateral: mul(pos.Collateral, price),
		PnL:        m.PnL(p, pos),
		Impact:     m.impactForLiquidation(p.Index, pos, c.impact),
		Costs:      mul(add(f.cost, owed.Funding), price),
	}
	h.Remaining = sub(add(add(h.Collateral, h.PnL), h.Impact), h.Costs)
	least := m.MinCollateral
	if check.ForLiquidation {
		least = m.MinCollateralForLiquidation
	}
	h.Required = Apply(pos.Size, least)

	switch {
	case check.MinUSD && h.Remaining.Cmp(m.MinCollateralUSD) < 0:
		h.Reason = MinCollateral
	case h.Remaining.Sign() <= 0:
		h.Reason = NothingLeft
	case h.Remaining.Cmp(h.Required) < 0:
		h.Reason = MinCollateralForLeverage
	}
	return h
}

// impactForLiquidation returns the impact that counts against a position: never a gain, which another
// trade could take away, and never a loss above the limit, so that one liquidation does not bring the
// next.
func (m *Market) impactForLiquidation(index Pair, pos *Position, impact *big.Int) *big.Int {
	impact = add(m.capBySize(impact, pos.Size), PendingUSD(index, pos.PendingImpact))
	worst := neg(Apply(pos.Size, m.MaxImpactForLiquidations))
	return least(greatest(impact, worst), zero)
}

// MinCollateralFactorFor returns the least collateral per size that the open interest of a side asks for.
func MinCollateralFactorFor(openInterest, perUSD *big.Int) *big.Int {
	return Apply(openInterest, perUSD)
}

// IsSufficient is the initial requirement of what a change leaves (§6): collateral USD, less a realised
// loss, is at least the size times the greater of two factors. Neither PnL nor fees count.
// openInterest is the side's after the change. Also returned: the collateral after the loss.
func IsSufficient(size, collateral, realised, openInterest, minFactor, perUSD *big.Int) (bool, *big.Int) {
	rest := add(collateral, least(realised, zero))
	if rest.Sign() < 0 {
		return false, rest
	}
	f := greatest(minFactor, MinCollateralFactorFor(openInterest, perUSD))
	return rest.Cmp(Apply(size, f)) >= 0, rest
}

// MayWithdraw reports whether collateral may leave a position of some size without a change of size (§6):
// what stays is sufficient, and with the PnL at least the least collateral. All in USD.
func MayWithdraw(size, collateral, pnl, openInterest, minFactor, perUSD, minUSD *big.Int) bool {
	ok, rest := IsSufficient(size, collateral, zero, openInterest, minFactor, perUSD)
	return ok && add(rest, pnl).Cmp(minUSD) >= 0
}
