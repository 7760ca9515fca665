package dydx

import (
	"errors"
	"fmt"
	"math/big"

	"marginledger/events"
	"marginledger/projector/margin"
	"marginledger/projector/margin/standard"
)

// Version is that of the rules: release line 9.
const Version = "9"

// Profile is the margin.Profile of dYdX v4 with its liquidation config (§9). What the venue does not
// have, margin calls, is the standard profile's.
type Profile struct {
	*standard.Profile
	config Config
}

var _ margin.Profile = (*Profile)(nil)

// settings are the params of VenueProfileSet: a place in a Config, digits after the point, the least
// and the largest value. All are required (§9).
var settings = [...]struct {
	name        string
	scale       int
	least, most int64
	place       func(*Config) **big.Int
}{
	{"bankruptcyAdjustmentPpm", 0, 1_000_000, 1_000_000_000, func(c *Config) **big.Int { return &c.BankruptcyAdjustment }},
	{"maxInsuranceLostPerBlock", QuoteDecimals, 0, maxAmount, func(c *Config) **big.Int { return &c.BlockInsurance }},
	{"maxLiquidationFeePpm", 0, 0, 1_000_000, func(c *Config) **big.Int { return &c.MaximumFee }},
	{"maxNotionalPerBlock", QuoteDecimals, 1, maxAmount, func(c *Config) **big.Int { return &c.BlockNotional }},
	{"maxPositionPortionPpm", 0, 1, 1_000_000, func(c *Config) **big.Int { return &c.MaximumPortion }},
	{"minPositionNotional", QuoteDecimals, 0, maxAmount, func(c *Config) **big.Int { return &c.MinimumNotional }},
	{"spreadToMaintenancePpm", 0, 0, 1_000_000_000, func(c *Config) **big.Int { return &c.Spread }},
}

// maxAmount is the largest limit or cap of governance, in quote quanta: 10^12 USDC.
const maxAmount = 1_000_000_000_000_000_000

// New returns the profile; it implements margin.Factory.
func New(version string, scale int, params []events.Param) (margin.Profile, error) {
	switch {
	case version != Version:
		return nil, fmt.Errorf("dydx: %w %q", margin.ErrUnknownVersion, version)
	case scale != QuoteDecimals:
		return nil, fmt.Errorf("dydx: amounts have %d digits after the point: quote quanta, not %d", QuoteDecimals, scale)
	}
	p := &Profile{}
	base, err := standard.Based(Name, version, params, p.set)
	if err != nil {
		return nil, fmt.Errorf("dydx: %w", err)
	}
	p.Profile = base
	for i := range settings {
		if *settings[i].place(&p.config) == nil {
			return nil, fmt.Errorf("dydx: param %s is required", settings[i].name)
		}
	}
	return p, nil
}

// set takes a setting; of the standard profile's it leaves callClearFactor.
func (p *Profile) set(s events.Param) (bool, error) {
	for i := range settings {
		if x := &settings[i]; x.name == s.Name {
			v, err := whole(s.Value, x.scale, x.least, x.most)
			*x.place(&p.config) = big.NewInt(v)
			return true, err
		}
	}
	if s.Name != "callClearFactor" {
		return true, errors.New("unknown")
	}
	return false, nil
}

// whole returns a number at a scale, within bounds.
func whole(n events.Number, scale int, least, most int64) (int64, error) {
	v, err := n.Int64At(scale)
	if err != nil {
		return 0, err
	}
	if v < least || v > most {
		return 0, fmt.Errorf("%s is out of range", n)
	}
	return v, nil
}

// Traits implements margin.Profile (§9).
func (p *Profile) Traits() margin.Traits {
	return margin.Traits{Blocks: true, SettlesPool: true, RestsOut: true, ComparesRisk: true, OpenInterest: true, SinglePool: true, Draws: true,
		Subaccounts: MaximumSubaccount, Parents: parents, NoRank: "the venue ranks none: who is deleveraged is drawn"}
}
