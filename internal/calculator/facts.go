package calculator

import (
	"fmt"
	"strings"

	"marginledger/events"
)

// fact is the body of an event with the place in the document that it comes from.
type fact struct {
	body  events.Body
	path  string            // of the whole
	names map[string]string // paths of the body's fields, where they are not below path under their own names
	parts []fact            // what the body puts together: searched for the culprit where it is refused
}

// at returns the path of a field of the body.
func (f *fact) at(field string) string {
	for name, path := range f.names { // unordered: no name is the beginning of another
		if rest, ok := strings.CutPrefix(field, name); ok {
			return path + rest
		}
	}
	return join(f.path, field)
}

// venueFacts are the rules of the venue, its assets and markets.
func (p *Portfolio) venueFacts(value uint32, markets map[string]*scales) ([]fact, error) {
	v := &p.Venue
	facts := []fact{{path: string(v.Path), names: paramNames(v.Path, v.Params, map[string]string{"profileVersion": v.Path.field("version")}),
		body: &events.VenueProfileSet{Profile: v.Profile, ProfileVersion: v.Version, SettlementAsset: v.SettlementAsset,
			ValueScale: value, Params: params(v.Params)}}}
	if v.Block != 0 {
		facts = append(facts, fact{path: v.Path.field("block"), body: &events.BlockStarted{Height: v.Block}})
	}
	if v.GatedUntil != 0 {
		facts = append(facts, fact{path: v.Path.field("gatedUntil"), body: &events.WithdrawalsGated{UntilBlock: v.GatedUntil}})
	}
	for i := range p.Assets {
		f, err := p.Assets[i].fact(v)
		if err != nil {
			return nil, err
		}
		facts = append(facts, f...)
	}
	for i := range p.Markets {
		f, err := p.Markets[i].facts(markets[p.Markets[i].Market])
		if err != nil {
			return nil, err
		}
		facts = append(facts, f...)
	}
	return facts, nil
}

func (a *AssetState) fact(v *VenueRules) ([]fact, error) {
	b := &events.CollateralChanged{Asset: a.Asset, Cap: a.Cap}
	for _, t := range a.Haircuts {
		b.Haircuts = append(b.Haircuts, events.HaircutTier{LowerValue: t.LowerValue, Haircut: t.Haircut})
	}
	switch {
	case a.Asset == v.SettlementAsset && (a.Haircuts != nil || a.Cap.Present):
		return nil, wrong(a.Path.field("haircuts"), "the settlement asset has none, and no cap")
	case a.Asset == v.SettlementAsset:
		return nil, nil
	case a.Haircuts == nil:
		return nil, wrong(a.Path.field("haircuts"), "is missing: for collateral that counts in full write a haircut of 0 from 0")
	}
	return []fact{{path: string(a.Path), body: b}}, nil
}

func (m *MarketState) facts(s *scales) ([]fact, error) {
	b := &events.MarketListed{Market: m.Market, Underlying: m.Underlying, PriceScale: s.price, SizeScale: s.size, MaxPrice: s.maxPrice, MaxSize: s.maxSize,
		LongToken: m.LongToken, ShortToken: m.ShortToken}
	if b.Underlying == "" {
		b.Underlying = m.Market
	}
	r := &b.Rules
	r.FundingMode, r.Modes = m.Funding.or(events.FundingByIndex), m.MarginModes.Value
	r.MakerFee, r.TakerFee, r.LiquidationFee, r.Params = m.MakerFee, m.TakerFee, m.LiquidationFee, params(m.Params)
	for i := range m.Tiers {
		t := &m.Tiers[i]
		deduction := t.Deduction
		if !deduction.Present {
			var err error
			if deduction, err = due(m.Tiers[:i+1], r.Tiers); err != nil {
				return nil, err
			}
		}
		r.Tiers = append(r.Tiers, events.Tier{LowerNotional: t.LowerNotional, MaxLeverage: t.MaxLeverage, MaintenanceRate: t.MaintenanceRate, Deduction: deduction})
	}
	names := paramNames(m.Path, m.Params, nil)
	for from, to := range map[string]string{"rules.tiers": "tiers", "rules.makerFee": "makerFee", "rules.takerFee": "takerFee", "rules.liquidationFee": "liquidationFee"} { // unordered: into a map
		names[from] = m.Path.field(to)
	}
	facts := []fact{{path: string(m.Path), body: b, names: names}}
	if m.Halted {
		facts = append(facts, fact{path: m.Path.field("halted"), body: &events.MarketHalted{Market: m.Market}})
	}
	if m.GatedUntil != 0 {
		facts = append(facts, fact{path: m.Path.field("gatedUntil"), body: &events.WithdrawalsGated{Market: m.Market, UntilBlock: m.GatedUntil}})
	}
	return facts, nil
}

// due is the deduction that makes maintenance continuous at the lower edge of the last of the tiers: that of
// the one before, which is done, and lower · (rate − rate before).
func due(tiers []Tier, done []events.Tier) (events.Number, error) {
	t := &tiers[len(tiers)-1]
	if len(tiers) == 1 {
		return events.MustNumber("0"), nil
	}
	before := &done[len(done)-1]
	step := t.LowerNotional.Decimal().Mul(t.MaintenanceRate.Decimal().Sub(before.MaintenanceRate.Decimal()))
	n, err := events.FromDecimal(before.Deduction.Decimal().Add(step))
	if err != nil {
		return n, wrong(t.Path.field("deduction"), "the one that makes maintenance continuous has more than 38 digits")
	}
	return n, nil
}

// observedFacts are what is observed of markets, then prices. The mark comes last: until a pool has all of its
// marks nothing is announced about it.
func (p *Portfolio) observedFacts() (facts []fact) {
	for i := range p.Markets {
		m := &p.Markets[i]
		if o := m.OpenInterest; o != nil {
			facts = append(facts, fact{path: string(o.Path), body: &events.OpenInterest{Market: m.Market, Long: o.Long, Short: o.Short}})
		}
		if m.Pool != nil {
			names := map[string]string{}
			for j := range m.Pool {
				names[fmt.Sprintf("quantities[%d]", j)] = m.Pool[j].path
			}
			facts = append(facts, fact{path: m.Path.field("pool"), names: names, body: &events.PoolState{Market: m.Market, Quantities: params(m.Pool)}})
		}
	}
	for i := range p.Assets {
		if a := &p.Assets[i]; a.Price.Present || a.Min.Present || a.Max.Present {
			facts = append(facts, fact{path: string(a.Path), body: &events.CollateralPrice{Asset: a.Asset, Price: a.Price, Min: a.Min, Max: a.Max}})
		}
	}
	for i := range p.Markets {
		m := &p.Markets[i]
		if m.Mark.Present || m.Index.Present || m.Oracle.Present || m.Min.Present || m.Max.Present {
			facts = append(facts, fact{path: string(m.Path), body: &events.MarkPrice{Market: m.Market, Mark: m.Mark, Index: m.Index, Oracle: m.Oracle, Min: m.Min, Max: m.Max}})
		}
	}
	return facts
}

func params(named Named[events.Number]) (list []events.Param) {
	for _, x := range named {
		list = append(list, events.Param{Name: x.Name, Value: x.Value})
	}
	return list
}

// paramNames adds the paths of params to names.
func paramNames(path Place, named Named[events.Number], names map[string]string) map[string]string {
	if names == nil {
		names = map[string]string{}
	}
	for i := range named {
		names[fmt.Sprintf("params[%d]", i)] = named[i].path
		names[fmt.Sprintf("rules.params[%d]", i)] = named[i].path
	}
	return names
}
