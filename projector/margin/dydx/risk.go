package dydx

import (
	"math/big"

	"marginledger/projector/margin"
)

// Tier is a liquidity tier: what governance asks of a market.
type Tier struct {
	Initial     *big.Int // millionths of the notional
	Maintenance *big.Int // millionths of the initial requirement
	LowerCap    *big.Int // of open interest, quote quanta
	UpperCap    *big.Int // 0: the requirement does not depend on open interest
}

// MaintenanceFraction returns the maintenance requirement in millionths of the notional, floored: for
// display, and for the bound of the funding rate (§3).
func (t *Tier) MaintenanceFraction() *big.Int { return share(t.Initial, t.Maintenance, margin.Down) }

// InitialFraction returns the initial requirement, in millionths of the notional, at an open interest
// in quote quanta (§3).
func (t *Tier) InitialFraction(openInterest *big.Int) *big.Int {
	switch {
	case t.UpperCap.Sign() == 0 || openInterest.Cmp(t.LowerCap) <= 0:
		return t.Initial
	case openInterest.Cmp(t.UpperCap) >= 0:
		return million
	}
	rise := mul(sub(million, t.Initial), sub(openInterest, t.LowerCap))
	return add(t.Initial, margin.Quo(rise, sub(t.UpperCap, t.LowerCap), margin.Down))
}

// InitialOf returns the initial requirement of a notional ≥ 0, ceiled. custom is the fraction that the
// account has set, in millionths; 0: none (§3).
func (t *Tier) InitialOf(notional, openInterest, custom *big.Int) *big.Int {
	return share(notional, most(t.InitialFraction(openInterest), custom), margin.Up)
}

// MaintenanceOf returns the maintenance requirement of a notional ≥ 0: two ceilings, on the fraction
// that open interest does not scale (§3).
func (t *Tier) MaintenanceOf(notional *big.Int) *big.Int {
	return share(share(notional, t.Initial, margin.Up), t.Maintenance, margin.Up)
}

// Risk is what decides about an account, in quote quanta.
type Risk struct {
	Net         *big.Int // net collateral; may be below 0
	Initial     *big.Int
	Maintenance *big.Int
}

// MeetsInitial reports net collateral ≥ the initial requirement.
func (r Risk) MeetsInitial() bool { return r.Net.Cmp(r.Initial) >= 0 }

// MeetsMaintenance reports net collateral ≥ the maintenance requirement.
func (r Risk) MeetsMaintenance() bool { return r.Net.Cmp(r.Maintenance) >= 0 }

// Liquidatable reports a maintenance requirement > 0 and > net collateral: without one there is
// nothing to liquidate (§4).
func (r Risk) Liquidatable() bool { return r.Maintenance.Sign() > 0 && !r.MeetsMaintenance() }

// Compare returns 1 if r is riskier than s, −1 if safer: maintenance/net compared by
// cross-multiplying; a tie goes to more maintenance, or without any to less collateral (§4).
func (r Risk) Compare(s Risk) int {
	if c := mul(s.Net, r.Maintenance).Cmp(mul(r.Net, s.Maintenance)); c != 0 {
		return c
	}
	if r.Maintenance.Sign() == 0 && s.Maintenance.Sign() == 0 {
		return s.Net.Cmp(r.Net)
	}
	return r.Maintenance.Cmp(s.Maintenance)
}

// Requirements returns the initial and the maintenance requirement of a size (§3).
func (m *Market) Requirements(size, custom *big.Int) (initial, maintenance *big.Int) {
	notional := abs(m.Notional(size))
	return m.Tier.InitialOf(notional, m.Notional(m.OpenInterest), custom), m.Tier.MaintenanceOf(notional)
}

// maintenance is that of a size.
func (m *Market) maintenance(size *big.Int) *big.Int {
	return m.Tier.MaintenanceOf(abs(m.Notional(size)))
}

// Risk returns that of an account whose funding is settled (§4).
func (ms Markets) Risk(a *Subaccount) (Risk, error) {
	r := Risk{Net: a.USDC, Initial: zero, Maintenance: zero}
	for i := range a.Positions {
		p := &a.Positions[i]
		m, err := ms.Get(p.Market)
		if err != nil {
			return Risk{}, err
		}
		initial, maintenance := m.Requirements(p.Size, p.custom())
		r.Net = add(r.Net, m.Notional(p.Size))
		r.Initial = add(r.Initial, initial)
		r.Maintenance = add(r.Maintenance, maintenance)
	}
	return r, nil
}

// SettledRisk settles funding and returns the risk that results.
func (ms Markets) SettledRisk(a *Subaccount) (Risk, error) {
	settled, _, err := ms.Settle(a)
	if err != nil {
		return Risk{}, err
	}
	return ms.Risk(&settled)
}
