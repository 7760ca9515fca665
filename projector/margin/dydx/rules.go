package dydx

import (
	"errors"
	"fmt"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// rules are what Admit makes of a market: its params, and what follows from them.
type rules struct {
	initial, maintenance int64 // millionths: of notional, of the initial requirement
	lower, upper         int64 // caps on open interest, quote quanta; upper 0: none
	step                 int64 // base quanta
	conversion           int64 // exponent of subticks
	perTick              int64 // subticks
	isolated, final      int64 // 1: so it is

	digits       int   // 6 − price scale − size scale: notional is size · price · 10^digits
	indexUnit    int64 // one unit of the venue's funding index in those of the market: 10^(price scale + size scale)
	slope, steep int64 // maintenance per notional at RateScale, rounded down and up
}

// rulesOf returns those of an admitted market.
func rulesOf(m *margin.Market) *rules { return m.Own.(*rules) }

// param is a setting of a market: its place, digits after the point, and bounds.
type param struct {
	name        string
	value       *int64
	scale       int
	least, most int64
	optional    bool // 0 without it
}

// params are those of MarketRules (§9).
func (r *rules) params() []param {
	return []param{
		{name: "finalSettlement", value: &r.final, most: 1, optional: true},
		{name: "initialMarginPpm", value: &r.initial, least: 1, most: 1_000_000},
		{name: "isolated", value: &r.isolated, most: 1},
		{name: "lowerCap", value: &r.lower, scale: QuoteDecimals, most: maxAmount},
		{name: "maintenanceFractionPpm", value: &r.maintenance, least: 1, most: 1_000_000},
		{name: "quantumConversionExponent", value: &r.conversion, least: -18, most: 18},
		{name: "stepBaseQuantums", value: &r.step, least: 1, most: margin.MaxPriceOrSize},
		{name: "subticksPerTick", value: &r.perTick, least: 1, most: maxAmount},
		{name: "upperCap", value: &r.upper, scale: QuoteDecimals, most: maxAmount},
	}
}

// set takes the params of MarketRules, which come with rising names.
func (r *rules) set(given []events.Param) error {
	known := r.params()
	for i := range known {
		p := &known[i]
		switch {
		case len(given) > 0 && given[0].Name < p.name:
			return fmt.Errorf("unknown param %s", given[0].Name)
		case len(given) == 0 || given[0].Name != p.name:
			if !p.optional {
				return fmt.Errorf("param %s is required", p.name)
			}
			continue
		}
		v, err := whole(given[0].Value, p.scale, p.least, p.most)
		if err != nil {
			return fmt.Errorf("param %s: %w", p.name, err)
		}
		*p.value, given = v, given[1:]
	}
	if len(given) > 0 {
		return fmt.Errorf("unknown param %s", given[0].Name)
	}
	if r.upper > 0 && r.upper < r.lower {
		return errors.New("upperCap is below lowerCap")
	}
	return nil
}

// maxNotional bounds maxPrice · maxSize, in quote quanta: 10^20 USDC. With it what settles a whole pool
// fits 128 bits (§9).
var maxNotional = fixed.FromInt64(fixed.Pow10(18)).Mul(fixed.Pow10(8))

// Errors of Admit.
var (
	ErrTiers    = errors.New("this profile takes its rules from params, not from tiers")
	ErrModes    = errors.New("this venue isolates by subaccount")
	ErrPayments = errors.New("payments drift from the one floor of a settlement: funding must be by index")
	ErrWidth    = errors.New("maxPrice · maxSize passes 10^20 USDC")
)

// Admit implements §9: no figure of an admitted pool overflows at any admitted price.
func (p *Profile) Admit(m *margin.Market) (any, error) {
	switch {
	case len(m.Tiers) > 0:
		return nil, ErrTiers
	case m.Modes > events.ModesAny:
		return nil, ErrModes
	case m.FundingMode != events.FundingByIndex:
		return nil, ErrPayments
	case len(m.Quantities) > 0:
		return nil, errors.New("this venue has no pools that are counterparties")
	}
	r := &rules{digits: QuoteDecimals - m.PriceScale - m.SizeScale, indexUnit: fixed.Pow10(m.PriceScale + m.SizeScale)}
	if err := r.set(m.Params); err != nil {
		return nil, fmt.Errorf("%w: %w", margin.ErrParams, err)
	}
	if n, ok := r.shifted(fixed.Product(m.MaxPrice, m.MaxSize), margin.Up); !ok || maxNotional.Less(n) {
		return nil, fmt.Errorf("%w: %w", margin.ErrOutOfRange, ErrWidth)
	}
	r.slope = r.initial * r.maintenance / 1000 // 10^12 is one
	r.steep = (r.initial*r.maintenance + 999) / 1000
	return r, nil
}

// shifted returns a product of size and price in quote quanta, and whether it fits.
func (r *rules) shifted(v fixed.Int128, dir margin.Direction) (fixed.Int128, bool) {
	if r.digits >= 0 {
		return v.MulOK(fixed.Pow10(r.digits))
	}
	return margin.MulDiv(v, 1, fixed.Pow10(-r.digits), dir), true
}
