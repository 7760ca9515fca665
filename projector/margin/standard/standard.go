// Package standard is the margin profile of an exchange with no rules of its own: linear
// perpetuals in one settlement asset, cross and isolated margin, collateral with haircuts.
//
// docs/venues/standard.md is its specification; sections are cited as §.
package standard

import (
	"errors"
	"fmt"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// Name is the profile's name in VenueProfileSet.
const Name = "standard"

// Version is the only version so far.
const Version = "1"

// Profile is the standard profile: the settings of §"params", at the scales of package margin. Other
// profiles embed it for what they have in common with it.
type Profile struct {
	name, version            string
	partialShare             int64 // at MultipleScale
	cooldown                 int64 // nanoseconds
	fullBelow, clearAt       int64 // at MultipleScale
	callClearFactor          int64 // at MultipleScale
	backstopNum, backstopDen int64
	excludeProfit            bool
	alone                    bool // it is not embedded in another, which would judge otherwise
}

// New returns the profile with the given settings over the defaults.
func New(version string, _ int, params []events.Param) (margin.Profile, error) {
	if version != Version {
		return nil, fmt.Errorf("standard: %w %q", margin.ErrUnknownVersion, version)
	}
	p, err := Based(Name, version, params, nil)
	if err != nil {
		return nil, err
	}
	p.alone = true
	return p, nil
}

// Based returns the standard profile under another name, to be embedded; own takes the settings
// that are not the standard profile's, and says whether it knows them.
func Based(name, version string, params []events.Param, own func(events.Param) (known bool, err error)) (*Profile, error) {
	p := &Profile{
		name: name, version: version, partialShare: 250_000, cooldown: 30e9, fullBelow: 800_000, clearAt: margin.OneMultiple,
		callClearFactor: 1_050_000, backstopNum: 2, backstopDen: 3,
	}
	for _, s := range params {
		if own != nil {
			if known, err := own(s); err != nil {
				return nil, fmt.Errorf("param %s: %w", s.Name, err)
			} else if known {
				continue
			}
		}
		if err := p.set(s); err != nil {
			return nil, fmt.Errorf("param %s: %w", s.Name, err)
		}
	}
	if p.backstopNum > p.backstopDen {
		return nil, fmt.Errorf("backstop below %d/%d of maintenance is above it", p.backstopNum, p.backstopDen)
	}
	return p, nil
}

func (p *Profile) set(s events.Param) error {
	scaled := func(dst *int64, scale int, low, high int64) error {
		v, err := s.Value.Int64At(scale)
		if err != nil {
			return err
		}
		if v < low || v > high {
			return fmt.Errorf("%s is out of range", s.Value)
		}
		*dst = v
		return nil
	}
	const hundred = 100 * margin.OneMultiple
	switch s.Name {
	case "partialShare":
		return scaled(&p.partialShare, margin.MultipleScale, 1, margin.OneMultiple)
	case "cooldownMs":
		err := scaled(&p.cooldown, 0, 0, 86_400_000)
		p.cooldown *= 1e6
		return err
	case "fullBelow":
		return scaled(&p.fullBelow, margin.MultipleScale, 0, margin.OneMultiple)
	case "clearAt":
		return scaled(&p.clearAt, margin.MultipleScale, margin.OneMultiple, hundred)
	case "callClearFactor":
		return scaled(&p.callClearFactor, margin.MultipleScale, margin.OneMultiple, hundred)
	case "backstopBelowNum":
		return scaled(&p.backstopNum, 0, 1, 1_000_000)
	case "backstopBelowDen":
		return scaled(&p.backstopDen, 0, 1, 1_000_000)
	case "withdrawExcludesUpnl":
		var v int64
		err := scaled(&v, 0, 0, 1)
		p.excludeProfit = v == 1
		return err
	}
	return fmt.Errorf("unknown")
}

// Name and Version are those of VenueProfileSet.
func (p *Profile) Name() string { return p.name }

// Version is that of VenueProfileSet.
func (p *Profile) Version() string { return p.version }

// Traits are the defaults, and those of what is exactly this profile.
func (p *Profile) Traits() margin.Traits { return margin.Traits{Additive: p.alone, OpensOnly: p.alone} }

// Errors of Admit.
var (
	ErrScales = errors.New("price and size scale together pass the value scale")
	ErrWidth  = errors.New("maxPrice · maxSize passes 10^31 units of value")
	ErrTiers  = errors.New("needs tiers")
)

// Admit implements §1: no figure of an admitted pool overflows at any admitted price.
func (p *Profile) Admit(m *margin.Market) (any, error) {
	switch n, ok := fixed.Product(m.MaxPrice, m.MaxSize).MulOK(m.K); {
	case len(m.Tiers) == 0:
		return nil, ErrTiers
	case len(m.Params) > 0:
		return nil, fmt.Errorf("%w: this profile has none of a market", margin.ErrParams)
	case m.K == 0:
		return nil, ErrScales
	case !ok || !margin.Within(n, margin.MaxNotional):
		return nil, fmt.Errorf("%w: %w", margin.ErrOutOfRange, ErrWidth)
	}
	return nil, nil
}

// Judge implements §3: equity, Σ maintenance and Σ initial of a pool.
func (p *Profile) Judge(pool *margin.Pool) margin.Health {
	h := margin.Health{Equity: pool.Collateral, Positions: len(pool.Positions)}
	for i := range pool.Balances {
		b := &pool.Balances[i]
		h.Equity = h.Equity.Add(p.CollateralValue(b))
		if b.Asset.Price == 0 && !b.Asset.Settlement && b.Amount.Sign() < 0 {
			h.Unpriced = true
		}
	}
	for i := range pool.Positions {
		pos := &pool.Positions[i]
		f := figuresAt(pos, pos.Market.Price())
		h.Notional = h.Notional.Add(f.Notional)
		h.Equity = h.Equity.Add(f.Unrealised).Add(f.Funding)
		h.Maintenance = h.Maintenance.Add(f.Maintenance)
		h.Initial = h.Initial.Add(f.Initial)
		if f.Unrealised.Sign() > 0 {
			h.Profit = h.Profit.Add(f.Unrealised)
		}
		if pos.Market.Mark == 0 {
			h.Unpriced = true
		}
	}
	return h
}

// Figures implements §2.
func (p *Profile) Figures(pool *margin.Pool, position int) margin.Figures {
	pos := &pool.Positions[position]
	return figuresAt(pos, pos.Market.Price())
}

// CollateralValue implements §3.
func (p *Profile) CollateralValue(b *margin.Balance) fixed.Int128 {
	return CollateralValue(b.Asset, b.Amount, b.Asset.Price)
}

// Settlement implements §2: unposted funding, floored position by position.
func (p *Profile) Settlement(pool *margin.Pool, lines []fixed.Int128) {
	for i := range pool.Positions {
		lines[i] = margin.UnpostedFunding(&pool.Positions[i])
	}
}

// NextFunding adds rate·price, exactly, at FundingScale + price scale.
func (p *Profile) NextFunding(m *margin.Market, rate, price int64, _ uint32) (fixed.Int128, error) {
	index := m.FundingIndex.Add(fixed.Product(rate, price))
	if !margin.Within(index, m.MostFunding()) {
		return index, margin.ErrOutOfRange
	}
	return index, nil
}

// FundingIndex is the index as it is kept.
func (p *Profile) FundingIndex(m *margin.Market) events.Number {
	return events.Number{Coef: m.FundingIndex, Scale: uint8(margin.FundingScale + m.PriceScale), Present: true}
}

func figuresAt(pos *margin.Position, price int64) margin.Figures {
	m := pos.Market
	f := margin.Figures{Price: price}
	value := m.Value(pos.Size, price)
	f.Unrealised = value.Sub(pos.Entry)
	f.Notional = value.Abs()
	f.Funding = margin.UnpostedFunding(pos)
	f.Tier = m.Tier(f.Notional)
	t := &m.Tiers[f.Tier]
	f.Maintenance = maintenance(t, f.Notional)
	f.Initial = divUp(f.Notional, leverage(t, pos.Leverage))
	return f
}

// maintenance is ceil(N·rate) − deduction, never below 0; the deduction is exact, so rounding the
// product rounds the difference.
func maintenance(t *margin.Tier, notional fixed.Int128) fixed.Int128 {
	v := margin.MulDiv(notional, t.Rate, margin.OneRate, margin.Up).Sub(t.Deduction)
	if v.Sign() < 0 {
		return fixed.Int128{}
	}
	return v
}

func divUp(v fixed.Int128, d int64) fixed.Int128 { return margin.MulDiv(v, 1, d, margin.Up) }

// leverage is the account's setting, at most the tier's maximum; without one the tier's.
func leverage(t *margin.Tier, set int64) int64 {
	if set == 0 || set > t.MaxLeverage {
		return t.MaxLeverage
	}
	return set
}

// CollateralValue implements §3, collateral value of an amount at a price at CollateralScale.
func CollateralValue(a *margin.Asset, amount fixed.Int128, price int64) fixed.Int128 {
	if a.Settlement {
		return amount
	}
	v := margin.MulDiv(amount, price, fixed.Pow10(margin.CollateralScale), margin.Down)
	if v.Sign() <= 0 {
		return v
	}
	var sum fixed.Int128
	for i := range a.Haircuts {
		part := v
		if i+1 < len(a.Haircuts) && a.Haircuts[i+1].Lower.Less(part) {
			part = a.Haircuts[i+1].Lower
		}
		part = part.Sub(a.Haircuts[i].Lower)
		if part.Sign() <= 0 {
			break
		}
		sum = sum.Add(margin.MulDiv(part, margin.OneRate-a.Haircuts[i].Haircut, margin.OneRate, margin.Down))
	}
	return AtMostCap(a, sum)
}

// AtMostCap returns what a value counts under the asset's cap.
func AtMostCap(a *margin.Asset, value fixed.Int128) fixed.Int128 {
	if a.Capped && a.Cap.Less(value) {
		return a.Cap
	}
	return value
}

// OrderMargin implements §3, order margin.
func (p *Profile) OrderMargin(m *margin.Market, leg events.Leg, size, lev int64, o *margin.Orders) fixed.Int128 {
	price := m.Price()
	initial := func(n fixed.Int128) fixed.Int128 {
		return divUp(n, leverage(&m.Tiers[m.Tier(n)], lev))
	}
	bids := afterOrders(m, size, price, o.BidSize, o.BidNotional, leg != events.LegShort)
	asks := afterOrders(m, -size, price, o.AskSize, o.AskNotional, leg != events.LegLong)
	worst := initial(bids)
	if a := initial(asks); worst.Less(a) {
		worst = a
	}
	worst = worst.Sub(initial(m.Notional(size, price)))
	if worst.Sign() < 0 {
		return fixed.Int128{}
	}
	return worst
}

// afterOrders returns the notional of a position once orders of one side are filled, size signed
// so that those orders add to it; opens says that they may open past a close.
func afterOrders(m *margin.Market, size, price, orders int64, notional fixed.Int128, opens bool) fixed.Int128 {
	switch {
	case size > 0, size == 0 && opens:
		return m.Notional(size, price).Add(notional)
	case orders <= -size:
		return m.Notional(-size-orders, price)
	case !opens:
		return fixed.Int128{}
	}
	return margin.MulDiv(notional, orders+size, orders, margin.Up)
}

// Withdrawable implements §3.
func (p *Profile) Withdrawable(h *margin.Health, orders fixed.Int128) fixed.Int128 {
	free := h.Equity.Sub(h.Initial).Sub(orders)
	if p.excludeProfit && h.Profit.Sign() > 0 {
		return free.Sub(h.Profit)
	}
	return free
}
