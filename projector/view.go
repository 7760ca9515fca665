package projector

import (
	"fmt"
	"math/big"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// View reads figures out of stored rows, without a live shard: it loads the rows of what is asked
// for, and what they refer to, and evaluates them with the code of the fold.
type View struct {
	shard *Shard
	get   func(key []byte) ([]byte, bool, error)
}

// OpenView returns a view of rows; get returns the value of a key, and whether it is there. All of
// a view's rows should be of one cut.
func OpenView(get func(key []byte) ([]byte, bool, error)) *View {
	w := &View{shard: New(Config{}), get: get}
	w.shard.counters.N = 1 // healths are taken per record; record 0 has none
	return w
}

// load loads the row of a key; false where there is none.
func (w *View) load(key []byte) (bool, error) {
	value, ok, err := w.get(key)
	if err != nil || !ok {
		return false, err
	}
	return true, w.shard.LoadRow(key, value)
}

// venue loads a venue, nil where there is none; what its accounts refer to is loaded as it is met.
func (w *View) venue(name string) (*venue, error) {
	if v := w.shard.venues[name]; v != nil {
		return v, nil
	}
	if ok, err := w.load(appendName([]byte{rowVenue}, name)); !ok {
		return nil, err
	}
	v := w.shard.venues[name]
	v.missing = func(kind byte, what string) error {
		_, err := w.load(appendName([]byte{kind}, name, what))
		return err
	}
	return v, v.missing(rowAsset, v.settlement.Name)
}

// Account returns the figures of an account, nil where the ledger has none of that name.
func (w *View) Account(venue, owner string, subaccount uint32) (*AccountFigures, error) {
	v, err := w.venue(venue)
	if v == nil || err != nil {
		return nil, err
	}
	for _, in := range [...]incomplete{{incompleteKey: incompleteKey{venue, owner, subaccount}}, {incompleteKey: incompleteKey{owner: owner}}} {
		if w.shard.open[in.incompleteKey] == nil {
			if _, err := w.load(in.appendKey(nil)); err != nil {
				return nil, err
			}
		}
	}
	if a := w.shard.owners[owner].account(v, subaccount); a == nil {
		if ok, err := w.load(AccountKey(nil, venue, owner, subaccount)); !ok {
			return nil, err
		}
	}
	return w.shard.Account(venue, owner, subaccount), nil
}

// Market returns what the ledger knows of a market, nil where it is not listed.
func (w *View) Market(venue, name string) (*MarketFigures, error) {
	v, err := w.venue(venue)
	if v == nil || err != nil {
		return nil, err
	}
	if v.markets[name] == nil {
		if err := v.missing(rowMarket, name); err != nil {
			return nil, err
		}
	}
	m := v.markets[name]
	if m == nil {
		return nil, nil
	}
	return m.figures(), nil
}

// marginMarket finds the market of a stored position.
func (v *venue) marginMarket(name string) (*market, error) {
	if v.markets[name] == nil && v.missing != nil {
		if err := v.missing(rowMarket, name); err != nil {
			return nil, err
		}
	}
	if m := v.markets[name]; m != nil {
		return m, nil
	}
	return nil, fmt.Errorf("%w: market %q has no row", errRow, name)
}

// marginAsset finds the asset of a stored balance.
func (v *venue) marginAsset(name string) (*asset, error) {
	if v.assets[name] == nil && v.missing != nil {
		if err := v.missing(rowAsset, name); err != nil {
			return nil, err
		}
	}
	if x := v.assets[name]; x != nil {
		return x, nil
	}
	return nil, fmt.Errorf("%w: asset %q has no row", errRow, name)
}

// AccountFigures are the figures of an account; amounts are in the settlement asset.
type AccountFigures struct {
	Venue, Owner string
	Subaccount   uint32
	Parent       uint32 // of a child: the subaccount that front ends show it under
	Child        bool   // it is one (margin.Traits.Parents)
	Operator     string
	MarginType   events.MarginType
	Incomplete   bool
	Stale        bool
	Balances     []BalanceFigures
	Claims       []ClaimFigures // by (market, asset, kind): counted nowhere
	Pools        []PoolFigures  // cross first, then isolated by (market, leg)
	OrderMargin  events.Number
	Free         events.Number // absent: unknown, as the cross pool's figures are
	Withdrawable events.Number // ≥ 0; absent likewise
}

// BalanceFigures are those of one balance of the cross pool.
type BalanceFigures struct {
	Asset  string
	Amount events.Number
	Value  events.Number // after haircut; absent: the asset has no price yet; of Observed too

	Observed events.Number // how much more the pool holds outside of this ledger; absent: nothing was told
}

// ClaimFigures are what an account may claim of a market in an asset: > 0, units of the asset.
type ClaimFigures struct {
	Market, Asset string
	Kind          events.ClaimKind
	Amount        events.Number
}

// PoolFigures are those of one pool.
type PoolFigures struct {
	Pool          string
	Collateral    events.Number // isolated pools
	Missing       string        // kind of the fact without which figures are unknown: no equity then; "": none
	Equity        events.Number // absent: unknown
	Initial       events.Number
	Maintenance   events.Number
	MarginRatio   events.Number // maintenance / equity, 6 digits, half up; absent where equity ≤ 0
	Unpriced      bool
	Calls         []events.Number // open call levels
	Liquidation   string          // id of the open episode, "" without
	Stage         events.Stage
	CooldownUntil int64 // shard time; 0: not running
	Awaiting      bool
	Positions     []PositionReport
	Worst         WorstFigures // of profiles whose requirement is that of a scenario
}

// WorstFigures are the scenario that decides a pool's requirement, and what each position and balance
// loses in it; negative: gains. Name "": there is none.
type WorstFigures struct {
	Name        string
	Weight      events.Number // share of the loss that counts
	Loss        events.Number // of the pool, offsets and weight taken
	Offsets     events.Number // what gains of other groups took off, before the weight
	Contingency events.Number // that the requirement adds
	Losses      []LegLoss     // positions, then balances that are shocked; before the weight
}

// LegLoss is what a position, or a balance, loses.
type LegLoss struct {
	Market string // "": a balance
	Leg    events.Leg
	Asset  string // of a balance
	Loss   events.Number
}

// PositionReport is a position's figures with the price that only answers carry.
type PositionReport struct {
	events.PositionFigures
	LiquidationPriceUnderlying events.Number
	NoBankruptcyPrice          string         // why there is none: events.NoPrice, events.UnknownPrice, or that the venue has none; "": there is
	Rank                       *big.Rat       // place in the queue of deleveraging: the greatest is closed first; nil: NoRank says why
	NoRank                     string         // events.UnknownPrice, or that the venue ranks none
	Accrued                    AccruedFigures // of profiles whose positions owe more than funding
}

// AccruedFigures are margin.Accrued; absent where the profile has no such, or facts are missing.
type AccruedFigures struct {
	Borrowing, Fee, Impact events.Number
	Claims                 []ClaimFigures
}

// Account returns the figures of an account, nil where there is none of that name.
func (s *Shard) Account(venue, owner string, subaccount uint32) *AccountFigures {
	v := s.venues[venue]
	if v == nil {
		return nil
	}
	a := s.owners[owner].account(v, subaccount)
	if a == nil {
		return nil
	}
	out := &AccountFigures{Venue: v.Name, Owner: a.owner, Subaccount: a.Subaccount, Operator: a.own().operator,
		MarginType: a.marginType, Incomplete: s.openDeadLetters(a) > 0}
	if parent, ok := v.parent(a.Subaccount); ok && parent != a.Subaccount {
		out.Parent, out.Child = parent, true
	}
	for i := range a.cross.Balances {
		out.Balances = append(out.Balances, v.balanceFigures(a, &a.cross.Balances[i]))
	}
	out.Claims = v.claims(a)
	a.cross.healthN = 0
	free, orders, h := s.free(a)
	out.OrderMargin = v.number(orders)
	if h.Missing == "" {
		w := s.withdrawable(a)
		if w.Sign() < 0 {
			w = fixed.Int128{}
		}
		out.Free, out.Withdrawable = v.number(free), v.number(w)
	}
	for _, p := range append([]*pool{&a.cross}, a.isolated...) {
		p.healthN = 0
		out.Pools = append(out.Pools, s.poolFigures(p))
		p.healthN = 0
		for i := range p.Positions {
			out.Stale = out.Stale || p.Positions[i].Market.IsStale(v.Time)
		}
	}
	s.healths.next() // many accounts may be looked at
	return out
}

// claims are what an account may claim, where the venue's profile keeps that.
func (v *venue) claims(a *account) (out []ClaimFigures) {
	if v.keeper == nil {
		return nil
	}
	claims, err := v.keeper.Claims(&a.Account)
	if err != nil { // checked when it was loaded
		panic(fmt.Sprintf("projector: %s/%d: %v", a.owner, a.Subaccount, err))
	}
	for _, c := range claims {
		out = append(out, ClaimFigures{Market: c.Market, Asset: c.Asset, Kind: c.Kind, Amount: v.number(c.Amount)})
	}
	return out
}

// balanceValue is what a balance of an account counts.
func (v *venue) balanceValue(a *account, b *margin.Balance) fixed.Int128 {
	if v.modal != nil {
		return v.modal.BalanceValue(&a.Account, b)
	}
	return v.profile.CollateralValue(b)
}

func (v *venue) balanceFigures(a *account, b *margin.Balance) BalanceFigures {
	f := BalanceFigures{Asset: b.Asset.Name, Amount: v.number(b.Amount)}
	for i := range a.Observed {
		if o := &a.Observed[i]; o.Asset == b.Asset {
			f.Observed = v.number(o.Amount)
		}
	}
	if b.Asset.Settlement || b.Asset.Price != 0 {
		f.Value = v.number(v.balanceValue(a, b))
	}
	return f
}

func (s *Shard) poolFigures(p *pool) PoolFigures {
	v := p.account.venue
	h := s.health(p)
	f := PoolFigures{Pool: p.name(), Missing: h.Missing, Initial: v.number(h.Initial), Maintenance: v.number(h.Maintenance),
		Unpriced: h.Unpriced}
	if p.market != nil {
		f.Collateral = v.number(p.collateral())
	}
	if h.Missing == "" {
		f.Equity = v.number(h.Equity)
	}
	if f.Equity.Sign() > 0 {
		f.MarginRatio = ratio(h)
	}
	for _, l := range p.account.callLevels()[:p.called] {
		f.Calls = append(f.Calls, multiple(l))
	}
	if ep := p.episode; ep != nil {
		f.Liquidation, f.Stage, f.CooldownUntil = ep.id, ep.stage, ep.cooldown
		f.Awaiting = s.awaits(p, h)
	}
	for i := range p.Positions {
		f.Positions = append(f.Positions, s.report(p, i, h))
	}
	if g, ok := v.profile.(margin.Scenarios); ok {
		f.Worst = v.worst(p, g.Worst(&p.Pool))
	}
	return f
}

// report adds what only answers carry to a position's figures.
func (s *Shard) report(p *pool, i int, h *margin.Health) PositionReport {
	v := p.account.venue
	r := PositionReport{PositionFigures: s.figures(p, i, h), LiquidationPriceUnderlying: v.profile.LiquidationPrice(&p.Pool, p.Positions[i].Market, true)}
	if !r.BankruptcyPrice.Present {
		r.NoBankruptcyPrice = absence(v.traits.NoBankruptcyPrice, h)
	}
	if h.Missing == "" {
		r.Rank = v.profile.Rank(&p.Pool, i, h)
	}
	if r.Rank == nil {
		r.NoRank = absence(v.traits.NoRank, h)
	}
	x, ok := v.profile.(margin.Accruing)
	if !ok {
		return r
	}
	if a := x.Accrued(&p.Pool, i); a != nil {
		r.Accrued = AccruedFigures{Borrowing: v.number(a.Borrowing), Fee: v.number(a.Fee), Impact: v.number(a.Impact)}
		for _, c := range a.Claims {
			r.Accrued.Claims = append(r.Accrued.Claims, ClaimFigures{Market: c.Market, Asset: c.Asset, Kind: c.Kind, Amount: v.number(c.Amount)})
		}
	}
	return r
}

// absence says why a figure is absent: a venue may have no such figure at all, and facts may be missing.
func absence(venue string, h *margin.Health) string {
	switch {
	case venue != "":
		return venue
	case h.Missing != "":
		return events.UnknownPrice
	}
	return events.NoPrice
}

func (v *venue) worst(p *pool, w *margin.Worst) (f WorstFigures) {
	if w == nil {
		return f
	}
	f = WorstFigures{Name: w.Name, Weight: multiple(w.Weight), Loss: v.number(w.Loss), Offsets: v.number(w.Offsets), Contingency: v.number(w.Contingency)}
	for i := range p.Positions {
		f.Losses = append(f.Losses, LegLoss{Market: p.Positions[i].Market.Name, Leg: p.Positions[i].Leg, Loss: v.number(w.Positions[i])})
	}
	for i := range p.Balances {
		if !w.Balances[i].IsZero() {
			f.Losses = append(f.Losses, LegLoss{Asset: p.Balances[i].Asset.Name, Loss: v.number(w.Balances[i])})
		}
	}
	return f
}

// ratio is maintenance / equity, for equity > 0; absent past 10^6.
func ratio(h *margin.Health) events.Number {
	const most = 1_000_000
	if fixed.CmpProducts(h.Equity, 2*most, h.Maintenance, 1) < 0 { // the quotient may not fit
		return events.Number{}
	}
	r := margin.MulDivWide(h.Maintenance, fixed.FromInt64(margin.OneMultiple), h.Equity, margin.HalfUp)
	if fixed.FromInt64(most * margin.OneMultiple).Less(r) {
		return events.Number{}
	}
	return number(r, margin.MultipleScale)
}

// MarketFigures are what the ledger knows of a market.
type MarketFigures struct {
	Venue, Market, Underlying string
	Halted, Settled           bool
	PriceScale, SizeScale     int
	Mark, Index               events.Number
	MarkTime                  int64
	Stale                     bool
	FundingMode               events.FundingMode
	FundingIndex              events.Number // settlement asset per contract
	Tiers                     []TierFigures
}

// TierFigures are those of a tier.
type TierFigures struct {
	LowerNotional   events.Number
	MaxLeverage     uint32
	MaintenanceRate events.Number
	Deduction       events.Number
}

func (m *market) figures() *MarketFigures {
	v := m.venue
	f := &MarketFigures{Venue: v.Name, Market: m.Name, Underlying: m.Underlying, Halted: m.Halted, Settled: m.Settled,
		PriceScale: m.PriceScale, SizeScale: m.SizeScale, Mark: m.PriceNumber(m.Mark), Index: m.PriceNumber(m.Index),
		MarkTime: m.MarkTime, Stale: m.IsStale(v.Time), FundingMode: m.FundingMode,
		FundingIndex: v.profile.FundingIndex(&m.Market)}
	for _, t := range m.Tiers {
		f.Tiers = append(f.Tiers, TierFigures{LowerNotional: v.number(t.Lower), MaxLeverage: uint32(t.MaxLeverage),
			MaintenanceRate: number(fixed.FromInt64(t.Rate), margin.RateScale), Deduction: v.number(t.Deduction)})
	}
	return f
}

// Totals counts what a shard holds, for live displays.
type Totals struct {
	Accounts, Markets, Positions, Episodes, Awaiting, Called int
}

// Totals counts pools by their status. It visits every account.
func (s *Shard) Totals() Totals {
	t := Totals{Markets: len(s.markets)}
	for _, v := range s.venueList {
		t.Accounts += len(v.accounts)
		for _, a := range v.accounts {
			t.add(s, &a.cross)
			for _, p := range a.isolated {
				t.add(s, p)
			}
		}
	}
	return t
}

func (t *Totals) add(s *Shard, p *pool) {
	t.Positions += len(p.Positions)
	if p.called > 0 {
		t.Called++
	}
	if p.episode != nil {
		t.Episodes++
		if h := p.account.venue.profile.Judge(&p.Pool); s.awaits(p, &h) {
			t.Awaiting++
		}
	}
}
