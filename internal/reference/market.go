package reference

import (
	"github.com/shopspring/decimal"

	"marginledger/events"
)

// What each fact of a venue or a market does.

// profileName and profileVersion name the one profile that this package models.
const (
	profileName    = "standard"
	profileVersion = "1"
)

// maxAssets bounds the collateral assets of a venue, the settlement asset included, § 1.
const maxAssets = 256

func (t *transaction) applyToVenue() string {
	v := t.venue
	switch b := t.event.Body.(type) {
	case *events.VenueProfileSet:
		return t.setProfile(b)
	case *events.MarketListed:
		return v.list(b)
	case *events.MarketChanged:
		if reason := checkRules(b.Rules); reason != "" {
			return reason
		}
		v.markets[b.Market].rules = rulesOf(b.Rules)
	case *events.MarketHalted:
		v.markets[b.Market].halted = true
	case *events.MarketResumed:
		v.markets[b.Market].halted = false
	case *events.MarketSettled:
		return t.settle(v.markets[b.Market], b.Price.Decimal())
	case *events.MarkPrice:
		t.markPrice(v.markets[b.Market], b)
	case *events.FundingRate:
		m := v.markets[b.Market]
		if !m.rules.byIndex {
			return "wrong_funding_mode"
		}
		m.funding = m.funding.Add(b.Rate.Decimal().Mul(b.Price.Decimal()))
	case *events.WithdrawalsGated:
		return "not_supported"
	case *events.CollateralPrice:
		if b.Asset == v.settlement {
			return "bad_value"
		}
		t.collateralPrice(v.assets[b.Asset], b.Price.Decimal())
	case *events.CollateralChanged:
		if b.Asset == v.settlement {
			return "bad_value"
		}
		a := v.assets[b.Asset]
		if a == nil && len(v.assets)+2 > maxAssets { // with this one and the settlement asset
			return "out_of_range"
		}
		if a == nil {
			a = &asset{name: b.Asset}
			v.assets[b.Asset] = a
		}
		a.haircuts = nil
		for _, tier := range b.Haircuts {
			a.haircuts = append(a.haircuts, haircut{tier.LowerValue.Decimal(), tier.Haircut.Decimal()})
		}
		a.cap, a.capped = b.Cap.Decimal(), b.Cap.Present
	}
	// OpenInterest, InsuranceFundMoved, PoolState and BlockStarted mean nothing to this profile.
	return ""
}

func (t *transaction) setProfile(b *events.VenueProfileSet) string {
	if b.Profile != profileName || b.ProfileVersion != profileVersion {
		return "unknown_profile"
	}
	if v := t.venue; v != nil && (v.settlement != b.SettlementAsset || v.scale != int32(b.ValueScale)) {
		return "scale_changed"
	}
	p, ok := paramsOf(b.Params)
	if !ok {
		return "bad_params"
	}
	if t.venue == nil {
		t.venue = &venue{
			name:       t.event.Venue,
			settlement: b.SettlementAsset,
			scale:      int32(b.ValueScale),
			assets:     map[string]*asset{},
			markets:    map[string]*market{},
			accounts:   map[accountKey]*account{},
			system:     map[systemKey]decimal.Decimal{},
		}
		t.state.venues[t.venue.name] = t.venue
	}
	t.venue.profile = b.Profile + "@" + b.ProfileVersion
	t.venue.params = p
	return ""
}

func (v *venue) list(b *events.MarketListed) string {
	ps, ss := int32(b.PriceScale), int32(b.SizeScale)
	if v.markets[b.Market] != nil {
		return "already_listed"
	}
	if reason := checkRules(b.Rules); reason != "" {
		return reason
	}
	if ps+ss > v.scale {
		return "bad_value"
	}
	maxPrice, maxSize := b.MaxPrice.Decimal(), b.MaxSize.Decimal()
	if maxPrice.Mul(maxSize).Cmp(power(31-v.scale)) > 0 {
		return "out_of_range"
	}
	v.markets[b.Market] = &market{
		name: b.Market, underlying: b.Underlying,
		priceScale: ps, sizeScale: ss,
		maxPrice: maxPrice, maxSize: maxSize,
		rules: rulesOf(b.Rules),
	}
	return ""
}

// checkRules refuses what this profile does not have: it takes its rules from tiers alone.
func checkRules(r events.MarketRules) string {
	switch {
	case len(r.Tiers) == 0:
		return "bad_value"
	case len(r.Params) > 0:
		return "bad_params"
	}
	return ""
}

func rulesOf(r events.MarketRules) rules {
	out := rules{
		byIndex:        r.FundingMode == events.FundingByIndex,
		maxStalenessMs: r.MaxStalenessMs,
		liquidationFee: r.LiquidationFee.Decimal(),
		isolatedOnly:   r.Modes == events.ModesNoCross || r.Modes == events.ModesStrictIsolated,
		keepsMargin:    r.Modes == events.ModesStrictIsolated,
	}
	for _, t := range r.Tiers {
		out.tiers = append(out.tiers, tier{t.LowerNotional.Decimal(), t.MaintenanceRate.Decimal(), t.Deduction.Decimal(), t.MaxLeverage})
	}
	return out
}

// settle closes every position of a market at the price, and the market for good.
func (t *transaction) settle(m *market, price decimal.Decimal) string {
	for _, a := range t.venue.sortedAccounts() {
		for _, p := range a.sortedPools() {
			for _, pos := range p.sortedPositions() {
				if pos.market != m.name {
					continue
				}
				if _, reason := t.changePosition(a, p, change{legKey: pos.legKey, size: pos.size.Neg(), price: price}); reason != "" {
					return reason
				}
			}
		}
		for key := range a.orders {
			if key.market == m.name {
				delete(a.orders, key)
			}
		}
	}
	m.settled = true
	return ""
}

// markPrice moves the prices of a market, and with them the venue's shard time. Deadlines that have
// passed by then come first.
func (t *transaction) markPrice(m *market, b *events.MarkPrice) {
	now := t.event.Time
	if m.priced && now < m.lastTime {
		t.breakRule("mark_out_of_order", crossPool)
		return
	}
	if !t.venue.timed || now > t.venue.time {
		t.venue.time, t.venue.timed = now, true
		t.runDeadlines()
	}
	m.priced, m.lastTime = true, now
	if b.Mark.Present {
		m.mark, m.markTime = b.Mark.Decimal(), now
	}
	if b.Index.Present {
		m.index = b.Index.Decimal()
	}
}

func (t *transaction) collateralPrice(a *asset, price decimal.Decimal) {
	if a.price.IsPositive() && t.event.Time < a.time {
		t.breakRule("mark_out_of_order", crossPool)
		return
	}
	a.price, a.time = price, t.event.Time
}
