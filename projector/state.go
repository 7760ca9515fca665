package projector

import (
	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// venue is a venue's state on this shard. Maps here and below are for look-up only: nothing ranges
// over one.
type venue struct {
	margin.Venue
	profile    margin.Profile
	traits     margin.Traits // of profile
	keeper     margin.Keeper // the profile, if it is one; nil elsewhere
	modal      margin.Modal  // likewise, as the next
	rememberer margin.Rememberer
	insurer    margin.Insurer
	additive   margin.Additive // nil, too, where Traits do not say so
	params     []events.Param
	settlement *asset

	assets  map[string]*asset
	markets map[string]*market
	systems map[systemKey]*system
	funds   map[systemKey]*fund

	// What was looked up last, or often: derived.
	lastMarket *market
	lastAsset  *asset
	fees       *system // of the settlement asset

	holders  holders                            // pools that shard time can hurt
	accounts []*account                         // in order of first appearance; derived
	missing  func(kind byte, name string) error // of a View: loads a row that is referred to
	changed  bool
}

// marketOf returns a market by its name, nil where there is none. A fact looks its market up several times.
func (v *venue) marketOf(name string) *market {
	if m := v.lastMarket; m != nil && m.Name == name {
		return m
	}
	m := v.markets[name]
	if m != nil {
		v.lastMarket = m
	}
	return m
}

// assetOf returns an asset by its name, nil where there is none.
func (v *venue) assetOf(name string) *asset {
	if x := v.lastAsset; x != nil && x.Name == name {
		return x
	}
	x := v.assets[name]
	if x != nil {
		v.lastAsset = x
	}
	return x
}

// asset is a collateral asset with those who hold it.
type asset struct {
	margin.Asset
	venue   *venue
	holders holders
	changed bool
}

// market is a market with those who have a position in it.
type market struct {
	margin.Market
	venue     *venue
	haltedFor string
	makerFee  events.Number
	takerFee  events.Number

	clearingName, fundingName string  // its system accounts
	clearing, funding         *system // the same, of the settlement asset; nil: not looked up yet
	markTime                  moment
	holders                   holders
	changed                   bool
}

// systemKey names a system account, or a fund, and its asset.
type systemKey struct{ name, asset string }

// system is a system account: the other side of postings on this shard.
type system struct {
	systemKey
	venue   *venue
	balance fixed.Int128
	changed bool
}

// fund is an observed insurance fund.
type fund struct {
	margin.Fund
	venue   *venue
	changed bool
}

// account is (venue, owner, subaccount) with its pools.
type account struct {
	margin.Account
	venue *venue
	owner string

	settings   []setting // by (market, leg): sparse
	cross      pool
	isolated   []*pool // by (market, leg)
	terms      *terms  // nil: the common ones
	incomplete int32   // derived: open dead letters of the account and of its owner
	marginType events.MarginType
	funded     bool // has, or had, a balance or a position
	changed    bool
}

// terms are what few accounts have of their own.
type terms struct {
	operator  string
	levels    []int64 // of margin calls, at MultipleScale
	ownLevels bool    // else the profile's
	stop      stop
}

// commonTerms are those of an account that has none of its own.
var commonTerms terms

// own returns an account's terms, to be read.
func (a *account) own() *terms {
	if a.terms == nil {
		return &commonTerms
	}
	return a.terms
}

// change returns an account's terms, to be changed.
func (a *account) change() *terms {
	if a.terms == nil {
		a.terms = new(terms)
	}
	return a.terms
}

// stop is a portfolio stop.
type stop struct {
	armed    bool
	floor    fixed.Int128
	hasFloor bool
	ratio    int64 // at MultipleScale
	hasRatio bool
}

// setting is what an account has set, and holds in orders, in a market.
type setting struct {
	market   *market
	isolated bool
	leverage int64            // 0: not set
	cap      int64            // on leverage, by venue or operator; 0: none
	orders   [4]margin.Orders // by leg
}

func (s *setting) isDefault() bool {
	return !s.isolated && s.leverage == 0 && s.cap == 0 && s.orders == [4]margin.Orders{}
}

// effective is the leverage that margin is asked for by; 0: the venue's maximum.
func (s *setting) effective() int64 {
	if s.cap != 0 && (s.leverage == 0 || s.leverage > s.cap) {
		return s.cap
	}
	return s.leverage
}

// pool is a margin.Pool with its status.
type pool struct {
	margin.Pool
	account *account
	market  *market    // nil: the cross pool
	leg     events.Leg // of an isolated pool
	asset   *asset     // of its collateral; the settlement asset but under a margin.Keeper

	called  int // margin-call levels called
	episode *episode

	slot   int32  // derived: place among the venue's holders, plus 1; 0: none
	leeway leeway // derived

	// Of the record being applied.
	touched bool   // changed by it
	queued  bool   // to be judged
	healthN uint64 // the record after whose changes health was taken; 0: none
	taken   *taken // its place; another pool's, later
}

// episode is an open liquidation.
type episode struct {
	id       string
	stage    events.Stage
	cooldown int64 // shard time until which its cool-down runs; 0: not running
}

// name returns the pool's name in announcements.
func (p *pool) name() string {
	if p.market == nil {
		return "cross"
	}
	name := p.market.Name
	if p.leg != events.LegNet {
		name += "/" + p.leg.String()
	}
	if p.asset != p.account.venue.settlement {
		name += "/" + p.asset.Name
	}
	return name
}

// compare orders pools: by account, then cross before isolated by (market, leg).
func (p *pool) compare(q *pool) int {
	if p == q {
		return 0
	}
	if c := p.account.compare(q.account); c != 0 {
		return c
	}
	switch {
	case p.market == q.market && p.leg == q.leg:
		return compareStrings(p.asset.Name, q.asset.Name)
	case p.market == q.market:
		return int(p.leg) - int(q.leg)
	case p.market == nil:
		return -1
	case q.market == nil:
		return 1
	}
	return compareStrings(p.market.Name, q.market.Name)
}

// compare orders accounts by (venue, owner, subaccount).
func (a *account) compare(b *account) int {
	if a == b {
		return 0
	}
	if c := compareStrings(a.venue.Name, b.venue.Name); c != 0 {
		return c
	}
	if c := compareStrings(a.owner, b.owner); c != 0 {
		return c
	}
	return compareUints(uint64(a.Subaccount), uint64(b.Subaccount))
}

func compareStrings(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func compareUints(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// owner is who holds accounts. Most hold few: they are looked through; of many there is an index.
type owner struct {
	name     string
	accounts []*account
	index    map[subaccountKey]*account // nil up to fewAccounts
}

type subaccountKey struct {
	venue  *venue
	number uint32
}

const fewAccounts = 8

// all returns the owner's accounts; an unknown owner, nil, has none.
func (o *owner) all() []*account {
	if o == nil {
		return nil
	}
	return o.accounts
}

// account returns the owner's account of a venue and number, nil if there is none.
func (o *owner) account(v *venue, number uint32) *account {
	if o == nil {
		return nil
	}
	if o.index != nil {
		return o.index[subaccountKey{v, number}]
	}
	for _, a := range o.accounts {
		if a.Subaccount == number && a.venue == v {
			return a
		}
	}
	return nil
}

func (o *owner) add(a *account) {
	o.accounts = append(o.accounts, a)
	if o.index == nil && len(o.accounts) > fewAccounts {
		o.index = make(map[subaccountKey]*account, 2*fewAccounts)
		for _, b := range o.accounts {
			o.index[subaccountKey{b.venue, b.Subaccount}] = b
		}
	}
	if o.index != nil {
		o.index[subaccountKey{a.venue, a.Subaccount}] = a
	}
}

// keeps reports that the pool's collateral is a balance: that of a position of a margin.Keeper.
func (p *pool) keeps() bool { return p.account.venue.keeper != nil }

// collateral is what an isolated pool was given, or what a position of a margin.Keeper has of its own.
func (p *pool) collateral() fixed.Int128 {
	for i := range p.Balances {
		if p.Balances[i].Asset == &p.asset.Asset {
			return p.Balances[i].Amount
		}
	}
	return p.Collateral
}

// effective is the leverage that the account's margin in a market is asked for by; 0: the maximum.
func (a *account) effective(m *market) int64 {
	set := a.setting(m)
	return set.effective()
}

// setting returns the account's setting in a market, or a default one that is not stored.
func (a *account) setting(m *market) setting {
	for i := range a.settings {
		if a.settings[i].market == m {
			return a.settings[i]
		}
	}
	return setting{market: m}
}

// store puts a setting in its place; a default one is dropped.
func (a *account) store(s setting) {
	i := 0
	for i < len(a.settings) && a.settings[i].market.Name < s.market.Name {
		i++
	}
	found := i < len(a.settings) && a.settings[i].market == s.market
	switch {
	case found && s.isDefault():
		a.settings = append(a.settings[:i], a.settings[i+1:]...)
	case found:
		a.settings[i] = s
	case !s.isDefault():
		a.settings = append(a.settings, setting{})
		copy(a.settings[i+1:], a.settings[i:])
		a.settings[i] = s
	}
}

// find returns the isolated pool of a market and leg in the settlement asset, nil if there is none.
func (a *account) find(m *market, leg events.Leg) *pool {
	return a.findIn(m, leg, a.venue.settlement)
}

// findIn returns the isolated pool of a market, leg and collateral asset, nil if there is none.
func (a *account) findIn(m *market, leg events.Leg, x *asset) *pool {
	for _, p := range a.isolated {
		if p.market == m && p.leg == leg && p.asset == x {
			return p
		}
	}
	return nil
}

// isolatedPool returns the isolated pool of a market and leg, made if need be.
func (a *account) isolatedPool(m *market, leg events.Leg) *pool {
	return a.isolatedIn(m, leg, a.venue.settlement)
}

// isolatedIn is isolatedPool with the collateral's asset.
func (a *account) isolatedIn(m *market, leg events.Leg, x *asset) *pool {
	if p := a.findIn(m, leg, x); p != nil {
		return p
	}
	p := a.newPool(m, leg, x)
	i := 0
	for i < len(a.isolated) && a.isolated[i].compare(p) < 0 {
		i++
	}
	a.isolated = append(a.isolated, nil)
	copy(a.isolated[i+1:], a.isolated[i:])
	a.isolated[i] = p
	return p
}

// newPool returns an empty isolated pool that is not entered yet.
func (a *account) newPool(m *market, leg events.Leg, x *asset) *pool {
	return &pool{account: a, market: m, leg: leg, asset: x,
		Pool: margin.Pool{Venue: &a.venue.Venue, Account: &a.Account, Isolated: true, Asset: &x.Asset}}
}

// holding returns the account's position in a market and leg with its pool; nil without one.
func (a *account) holding(m *market, leg events.Leg) (*pool, *margin.Position) {
	for i := range a.cross.Positions {
		if p := &a.cross.Positions[i]; p.Market == &m.Market && p.Leg == leg {
			return &a.cross, p
		}
	}
	if p := a.find(m, leg); p != nil && len(p.Positions) > 0 {
		return p, &p.Positions[0]
	}
	return nil, nil
}

// hasPosition reports a position in any leg of a market, and whether one of them is net.
func (a *account) hasPosition(m *market) (any, net bool) {
	for i := range a.cross.Positions {
		if p := &a.cross.Positions[i]; p.Market == &m.Market {
			any, net = true, net || p.Leg == events.LegNet
		}
	}
	for _, p := range a.isolated {
		if p.market == m && len(p.Positions) > 0 {
			any, net = true, net || p.leg == events.LegNet
		}
	}
	return any, net
}

// balance returns the cross balance of an asset.
func (a *account) balance(x *asset) fixed.Int128 {
	for i := range a.cross.Balances {
		if a.cross.Balances[i].Asset == &x.Asset {
			return a.cross.Balances[i].Amount
		}
	}
	return fixed.Int128{}
}
