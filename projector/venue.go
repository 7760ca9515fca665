package projector

import (
	"slices"
	"sort"
	"strings"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// applyVenue applies a fact of a venue or a market.
func (s *Shard) applyVenue(v *venue, e *events.Event) Reason {
	if b, ok := e.Body.(*events.MarkPrice); ok { // most of them: one look-up
		if m := v.marketOf(b.Market); m != nil && !m.Settled {
			return s.markPrice(m, e, b)
		}
	}
	if reason := v.knows(e.Body); reason != ReasonNone {
		return reason
	}
	if reason := v.supports(e.Body); reason != ReasonNone {
		return reason
	}
	switch b := e.Body.(type) {
	case *events.FundingRate:
		return s.fundingRate(v.markets[b.Market], b)
	case *events.CollateralPrice:
		return s.collateralPrice(v.assets[b.Asset], e, b)
	case *events.CollateralChanged:
		return s.collateralChanged(v, b)
	case *events.MarketListed:
		return s.marketListed(v, b)
	case *events.MarketChanged:
		return s.marketChanged(v.markets[b.Market], b)
	case *events.MarketHalted:
		m := v.markets[b.Market]
		m.Halted, m.haltedFor = true, strings.Clone(b.Reason)
		s.touchMarket(m)
	case *events.MarketResumed:
		m := v.markets[b.Market]
		m.Halted, m.haltedFor = false, ""
		s.touchMarket(m)
	case *events.MarketSettled:
		return s.marketSettled(v.markets[b.Market], b)
	case *events.OpenInterest:
		return s.openInterest(v.markets[b.Market], b)
	case *events.InsuranceFundMoved:
		return s.insuranceFundMoved(v, b)
	case *events.PoolState:
		return s.poolState(v.markets[b.Market], b)
	case *events.BlockStarted:
		s.blockStarted(v, e, b)
	case *events.WithdrawalsGated:
		s.withdrawalsGated(v, b)
	default:
		panic("projector: no rule for venue fact " + e.Type.String())
	}
	return ReasonNone
}

func cloneParams(params []events.Param) []events.Param {
	out := make([]events.Param, len(params))
	for i, p := range params {
		out[i] = events.Param{Name: strings.Clone(p.Name), Value: p.Value}
	}
	return out
}

// venueProfileSet opens a venue, or switches its rules: every pool of the venue is judged anew.
func (s *Shard) venueProfileSet(v *venue, e *events.Event, b *events.VenueProfileSet) Reason {
	profile, reason := newProfile(b.Profile, b.ProfileVersion, int(b.ValueScale), b.Params)
	switch {
	case reason == ReasonUnknownProfile:
		return reason
	case v != nil && (v.settlement.Name != b.SettlementAsset || v.Scale != int(b.ValueScale)):
		return ReasonScaleChanged
	case reason != ReasonNone:
		return reason
	}
	if v == nil {
		v = s.openVenue(strings.Clone(e.Venue), strings.Clone(b.SettlementAsset), int(b.ValueScale))
	} else if reason := s.switches(v, profile); reason != ReasonNone {
		return reason
	}
	forgets := v.rememberer != nil && v.profile.Name() != profile.Name()
	v.follow(profile)
	v.params = cloneParams(b.Params)
	s.touchVenue(v)
	for _, a := range v.accounts {
		if forgets && len(a.State) > 0 {
			a.State = nil
			s.touchAccount(a)
		}
		s.enqueueAccount(a)
	}
	return ReasonNone
}

func (s *Shard) openVenue(name, settlement string, scale int) *venue {
	v := &venue{Venue: margin.Venue{Name: name, Scale: scale}, assets: map[string]*asset{}, markets: map[string]*market{},
		systems: map[systemKey]*system{}, funds: map[systemKey]*fund{}}
	v.holders = holders{venue: &v.Venue}
	s.venues[name] = v
	i := sort.Search(len(s.venueList), func(i int) bool { return s.venueList[i].Name > name })
	s.venueList = slices.Insert(s.venueList, i, v)
	v.settlement = s.openAsset(v, settlement)
	v.settlement.Asset.Settlement = true
	v.Venue.Settlement = &v.settlement.Asset
	return v
}

func (s *Shard) openAsset(v *venue, name string) *asset {
	x := &asset{venue: v, Asset: margin.Asset{ID: int32(len(s.assets)), Name: name}}
	x.holders = holders{asset: &x.Asset}
	s.assets = append(s.assets, x)
	v.assets[name] = x
	s.touchAsset(x)
	return x
}

func (s *Shard) openMarket(v *venue, name string) *market {
	m := &market{venue: v, Market: margin.Market{ID: int32(len(s.markets)), Venue: &v.Venue, Name: name},
		clearingName: clearingPrefix + name, fundingName: fundingPrefix + name}
	m.holders = holders{market: &m.Market}
	s.markets = append(s.markets, m)
	v.markets[name] = m
	return m
}

// marketListed opens a market; its bounds make evaluating any admitted pool unable to overflow.
func (s *Shard) marketListed(v *venue, b *events.MarketListed) Reason {
	maxPrice, reason := scaled(b.MaxPrice, int(b.PriceScale), margin.MaxPriceOrSize)
	if reason != ReasonNone {
		return reason
	}
	maxSize, reason := scaled(b.MaxSize, int(b.SizeScale), margin.MaxPriceOrSize)
	if reason != ReasonNone {
		return reason
	}
	rules, reason := v.rules(&b.Rules)
	if reason != ReasonNone && reason != ReasonTiersNotContinuous {
		return reason
	}
	if v.markets[b.Market] != nil {
		return ReasonAlreadyListed
	}
	next := margin.Market{Venue: &v.Venue, Name: b.Market, Underlying: b.Underlying, PriceScale: int(b.PriceScale), SizeScale: int(b.SizeScale),
		K: unit(v.Scale - int(b.PriceScale) - int(b.SizeScale)), MaxPrice: maxPrice, MaxSize: maxSize}
	rules.setOn(&next)
	if b.LongToken != "" {
		next.LongToken, next.ShortToken = &v.assets[b.LongToken].Asset, &v.assets[b.ShortToken].Asset
	}
	own, refusal := admitted(v.profile, &next)
	switch {
	case refusal != ReasonNone:
		return refusal
	case reason != ReasonNone:
		return reason
	}
	m := s.openMarket(v, strings.Clone(b.Market))
	m.Underlying = strings.Clone(b.Underlying)
	m.PriceScale, m.SizeScale, m.K = next.PriceScale, next.SizeScale, next.K
	m.MaxPrice, m.MaxSize = maxPrice, maxSize
	m.LongToken, m.ShortToken = next.LongToken, next.ShortToken
	m.adopt(rules, own)
	s.touchMarket(m)
	return ReasonNone
}

// unit is 10^n; 0 where that is no integer.
func unit(n int) int64 {
	if n < 0 {
		return 0
	}
	return fixed.Pow10(n)
}

// switches checks that a venue may go on with another profile: it admits every market, and positions
// with collateral of their own stay what they are.
func (s *Shard) switches(v *venue, p margin.Profile) Reason {
	if _, keeps := p.(margin.Keeper); keeps != (v.keeper != nil) {
		return ReasonBadValue
	}
	return s.readmit(v, p)
}

// marketRules are checked MarketRules.
type marketRules struct {
	tiers              []margin.Tier
	funding            events.FundingMode
	staleness          int64
	fee                int64
	makerFee, takerFee events.Number
	params             []events.Param
	modes              events.MarginModes
}

// rules checks a market's rules: among them that maintenance is continuous at every tier's edge.
func (v *venue) rules(b *events.MarketRules) (marketRules, Reason) {
	r := marketRules{funding: b.FundingMode, staleness: int64(b.MaxStalenessMs) * 1e6, makerFee: b.MakerFee, takerFee: b.TakerFee,
		params: cloneParams(b.Params), modes: b.Modes}
	if b.MaxStalenessMs > 1<<53/1_000_000 {
		return r, ReasonOutOfRange
	}
	var reason, broken Reason
	if b.LiquidationFee.Present {
		if r.fee, reason = scaled(b.LiquidationFee, margin.RateScale, margin.OneRate); reason != ReasonNone {
			return r, reason
		}
	}
	for i := range b.Tiers {
		t := margin.Tier{MaxLeverage: int64(b.Tiers[i].MaxLeverage)}
		if t.Lower, reason = v.amount(b.Tiers[i].LowerNotional); reason != ReasonNone {
			return r, reason
		}
		if t.Rate, reason = scaled(b.Tiers[i].MaintenanceRate, margin.RateScale, margin.OneRate); reason != ReasonNone {
			return r, reason
		}
		if t.Deduction, reason = v.amount(b.Tiers[i].Deduction); reason != ReasonNone {
			return r, reason
		}
		var due fixed.Int128
		if i > 0 {
			before := &r.tiers[i-1]
			step, inexact, _, _ := fixed.QuoRem(t.Lower, t.Rate-before.Rate, margin.OneRate)
			if inexact {
				broken = ReasonTiersNotContinuous
			}
			due = before.Deduction.Add(step)
		}
		if due != t.Deduction {
			broken = ReasonTiersNotContinuous
		}
		r.tiers = append(r.tiers, t)
	}
	return r, broken
}

// setOn gives a market the rules that a profile judges.
func (r *marketRules) setOn(m *margin.Market) {
	m.Tiers, m.FundingMode, m.MaxStaleness, m.LiquidationFee = r.tiers, r.funding, r.staleness, r.fee
	m.Params, m.Modes = r.params, r.modes
}

func (m *market) adopt(r marketRules, own any) {
	r.setOn(&m.Market)
	m.Own, m.makerFee, m.takerFee = own, r.makerFee, r.takerFee
}

func (s *Shard) marketChanged(m *market, b *events.MarketChanged) Reason {
	rules, reason := m.venue.rules(&b.Rules)
	if reason != ReasonNone {
		return reason
	}
	next := m.Market
	rules.setOn(&next)
	own, reason := admitted(m.venue.profile, &next)
	if reason != ReasonNone {
		return reason
	}
	m.adopt(rules, own)
	s.touchMarket(m)
	s.enqueueHolders(&m.holders)
	return ReasonNone
}

func (s *Shard) markPrice(m *market, e *events.Event, b *events.MarkPrice) Reason {
	var prices [5]int64
	for i, n := range [...]events.Number{b.Mark, b.Index, b.Oracle, b.Min, b.Max} {
		if !n.Present {
			continue
		}
		var reason Reason
		if prices[i], reason = m.price(n); reason != ReasonNone {
			return reason
		}
	}
	if e.Time < m.PriceTime {
		s.violate(nil, nil, margin.RuleMarkOutOfOrder)
		return ReasonNone
	}
	if !m.venue.traits.Blocks {
		s.passTime(m.venue, e.Time)
	}
	for i, field := range [...]*int64{&m.Mark, &m.Index, &m.Oracle, &m.Min, &m.Max} {
		if prices[i] != 0 {
			*field = prices[i]
		}
	}
	m.PriceTime = e.Time
	if prices[0] != 0 {
		m.MarkTime = e.Time
	}
	s.touchMarket(m)
	s.moved(&m.holders, margin.VarPrice, margin.VarMax)
	return ReasonNone
}

// passTime moves a venue's shard time on, and runs the deadlines that it passes, before the event
// that moved it changes anything.
func (s *Shard) passTime(v *venue, time int64) {
	if time <= v.Time {
		return
	}
	v.Time = time
	s.touchVenue(v)
	s.runDeadlines(v)
	s.moved(&v.holders, margin.VarTime, margin.VarTime)
}

func (s *Shard) fundingRate(m *market, b *events.FundingRate) Reason {
	if m.FundingMode != events.FundingByIndex {
		return ReasonWrongFundingMode
	}
	rate, reason := scaled(b.Rate, margin.FundingScale, fixed.Pow10(margin.FundingScale))
	if reason != ReasonNone {
		return reason
	}
	price, reason := m.price(b.Price)
	if reason != ReasonNone {
		return reason
	}
	index, err := m.venue.profile.NextFunding(&m.Market, rate, price, b.IntervalSeconds)
	if err != nil {
		return reasonOf(err)
	}
	m.FundingIndex = index
	s.touchMarket(m)
	if p, ok := m.venue.profile.(margin.FundingRules); ok {
		s.broken = p.FundingBreaks(&m.Market, rate, b.IntervalSeconds, s.broken[:0])
		for _, rule := range s.broken {
			s.violate(nil, nil, rule)
		}
	}
	s.moved(&m.holders, margin.VarFunding, margin.VarFunding)
	return ReasonNone
}

func (s *Shard) collateralPrice(x *asset, e *events.Event, b *events.CollateralPrice) Reason {
	price, reason := scaled(b.Price, margin.CollateralScale, margin.MaxCollateralPrice)
	if reason != ReasonNone {
		return reason
	}
	var low, high int64
	if b.Min.Present {
		if low, reason = scaled(b.Min, margin.CollateralScale, margin.MaxCollateralPrice); reason != ReasonNone {
			return reason
		}
		if high, reason = scaled(b.Max, margin.CollateralScale, margin.MaxCollateralPrice); reason != ReasonNone {
			return reason
		}
	}
	if x.Settlement && low == 0 {
		return ReasonBadValue
	}
	if e.Time < x.PriceTime {
		s.violate(nil, nil, margin.RuleMarkOutOfOrder)
		return ReasonNone
	}
	x.Price, x.PriceTime = price, e.Time
	if low != 0 {
		x.Min, x.Max = low, high
	}
	s.touchAsset(x)
	s.tokenMoved(x)
	s.moved(&x.holders, margin.VarCollateral, margin.VarCollateralMax)
	return ReasonNone
}

func (s *Shard) collateralChanged(v *venue, b *events.CollateralChanged) Reason {
	x := v.assets[b.Asset]
	if x == v.settlement {
		return ReasonBadValue
	}
	tiers := make([]margin.HaircutTier, len(b.Haircuts))
	for i := range b.Haircuts {
		var reason Reason
		if tiers[i].Lower, reason = v.amount(b.Haircuts[i].LowerValue); reason != ReasonNone {
			return reason
		}
		if tiers[i].Haircut, reason = scaled(b.Haircuts[i].Haircut, margin.RateScale, margin.OneRate); reason != ReasonNone {
			return reason
		}
	}
	var most fixed.Int128
	if b.Cap.Present {
		var reason Reason
		if most, reason = v.amount(b.Cap); reason != ReasonNone {
			return reason
		}
	}
	if x == nil {
		if len(v.assets) >= margin.MaxAssets {
			return ReasonOutOfRange
		}
		x = s.openAsset(v, strings.Clone(b.Asset))
	}
	x.Haircuts, x.Cap, x.Capped = tiers, most, b.Cap.Present
	s.touchAsset(x)
	s.enqueueHolders(&x.holders)
	return ReasonNone
}

// marketSettled closes every position of the market at the price, in order of pool, and the market
// for good. Bounds of balances do not stop it: one closing is far from the width of a balance.
func (s *Shard) marketSettled(m *market, b *events.MarketSettled) Reason {
	price, reason := m.price(b.Price)
	if reason != ReasonNone {
		return reason
	}
	pools := slices.DeleteFunc(slices.Clone(m.holders.pools), func(p *pool) bool { return p == nil })
	slices.SortFunc(pools, (*pool).compare)
	for _, p := range slices.Compact(pools) { // a pool with two legs holds twice
		for leg := events.LegNet; leg <= events.LegShort; leg++ {
			if held, pos := p.account.holding(m, leg); held == p {
				plan, _ := s.plan(p.account, trade{market: m, leg: leg, size: -pos.Size, price: price})
				s.commit(&plan)
			}
		}
	}
	for _, a := range m.venue.accounts {
		if set := a.setting(m); set.orders != [4]margin.Orders{} {
			set.orders = [4]margin.Orders{}
			a.store(set)
			s.touchAccount(a)
		}
	}
	m.Settled = true
	s.touchMarket(m)
	return ReasonNone
}

func (s *Shard) openInterest(m *market, b *events.OpenInterest) Reason {
	long, err := b.Long.At(m.SizeScale)
	short, err2 := b.Short.At(m.SizeScale)
	switch {
	case err == events.ErrNumberDigits, err2 == events.ErrNumberDigits:
		return ReasonTooManyDigits
	case err != nil, err2 != nil:
		return ReasonOutOfRange
	}
	m.OpenLong, m.OpenShort, m.OpenInterestKnown = long, short, true
	s.touchMarket(m)
	if m.venue.traits.OpenInterest {
		s.enqueueHolders(&m.holders)
	}
	return ReasonNone
}

// openFund makes an insurance fund known.
func (s *Shard) openFund(v *venue, name string, x *asset) *fund {
	f := &fund{venue: v, Fund: margin.Fund{Name: name, Asset: &x.Asset}}
	v.funds[systemKey{name, x.Name}] = f
	v.Funds = append(v.Funds, &f.Fund)
	s.others = append(s.others, f)
	return f
}

func (s *Shard) insuranceFundMoved(v *venue, b *events.InsuranceFundMoved) Reason {
	balance, reason := v.amount(b.Balance)
	if reason != ReasonNone {
		return reason
	}
	key := systemKey{b.Fund, b.Asset}
	f := v.funds[key]
	if f == nil {
		f = s.openFund(v, strings.Clone(b.Fund), v.assets[b.Asset])
	}
	f.Balance = balance
	s.touchFund(f)
	return ReasonNone
}
