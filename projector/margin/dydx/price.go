package dydx

import (
	"fmt"
	"math/big"
)

// LiquidationPrice returns the oracle price, in USD per coin, at which an account's collateral is
// down to its maintenance requirement when only that market moves; nil if there is none above 0. What
// the venue's front end shows: exact, without the roundings of the trigger, which it can miss by less
// than three quote quanta of collateral (§7.7).
func (ms Markets) LiquidationPrice(a *Subaccount, market uint32) (*big.Rat, error) {
	m, err := ms.Get(market)
	if err != nil {
		return nil, err
	}
	size := a.Size(market)
	if size.Sign() == 0 {
		return nil, fmt.Errorf("dydx: liquidation price in market %d: %w", market, ErrNoPosition)
	}
	r, err := ms.SettledRisk(a)
	if err != nil {
		return nil, err
	}
	// (equity − value − maintenance of the others) / (|size|·fraction − size), in quote quanta per base quantum
	rest := sub(sub(r.Net, m.Notional(size)), sub(r.Maintenance, m.maintenance(size)))
	fraction := mul(m.Tier.Initial, m.Tier.Maintenance)
	slope := new(big.Rat).SetFrac(mul(abs(size), fraction), mul(million, million))
	slope.Sub(slope, new(big.Rat).SetInt(size))
	if slope.Sign() == 0 { // a long that maintenance covers whole: no price decides
		return nil, nil
	}
	price := new(big.Rat).SetInt(rest)
	if price.Quo(price, slope); price.Sign() <= 0 {
		return nil, nil
	}
	return m.PerCoin(price), nil
}
