package audit

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector"
)

// Balance is the trial balance and the solvency of a ledger, over the shards at a vector of cuts.
type Balance struct {
	Cuts      []When            `json:"cuts"` // the vector
	Trial     []TrialSum        `json:"trial"`
	Assets    []AssetBalance    `json:"assets"`    // per venue and asset, over all shards
	PerShard  []AssetBalance    `json:"perShard"`  // likewise, of each shard; where there are several
	Operators []OperatorBalance `json:"operators"` // per venue and operator
	Markets   []MarketBalance   `json:"markets"`
	Funds     []FundBalance     `json:"funds"` // observed
	InFlight  InFlight          `json:"inFlight"`
	Balanced  bool              `json:"balanced"` // every trial balance is 0
}

// TrialSum is the sum of all balances of an asset on a shard: 0.
type TrialSum struct {
	Shard int32         `json:"shard"`
	Venue string        `json:"venue"`
	Asset string        `json:"asset"`
	Sum   events.Number `json:"sum"`
}

// AssetBalance is what accounts have and owe of an asset, and the system accounts that are the other side.
type AssetBalance struct {
	Shard       *int32         `json:"shard,omitempty"` // nil: all
	Venue       string         `json:"venue"`
	Asset       string         `json:"asset"`
	Liabilities events.Number  `json:"liabilities"` // what accounts have: balances and collateral above zero
	Receivables events.Number  `json:"receivables"` // what accounts owe
	Systems     []SystemAmount `json:"systems"`
	Sum         events.Number  `json:"sum"`     // liabilities − receivables + systems: 0
	Transit     events.Number  `json:"transit"` // of the system account: what transfers in flight explain
	Unexplained events.Number  `json:"unexplainedTransit"`
	Custody     events.Number  `json:"custody"` // what came from outside and did not leave: deposits, openings, transfers in, less what went
	BadDebt     events.Number  `json:"badDebt"` // Σ −equity of pools below zero; of the settlement asset
	Bankrupt    int            `json:"bankrupt"`
}

// SystemAmount is a system account's balance: minus what its postings gave to accounts.
type SystemAmount struct {
	Name   string        `json:"name"`
	Amount events.Number `json:"amount"`
}

// OperatorBalance is what the accounts of an operator have and owe.
type OperatorBalance struct {
	Venue       string        `json:"venue"`
	Operator    string        `json:"operator"` // "": accounts of no operator
	Asset       string        `json:"asset"`
	Accounts    int           `json:"accounts"` // that hold of the asset
	Liabilities events.Number `json:"liabilities"`
	Receivables events.Number `json:"receivables"`
	Equity      events.Number `json:"equity"` // of their pools, with the settlement asset; unknown equity is left out
	Unknown     int           `json:"unknown,omitempty"`
}

// MarketBalance is what must cancel out over all shards once no leg is in flight.
type MarketBalance struct {
	Venue    string        `json:"venue"`
	Market   string        `json:"market"`
	Long     events.Number `json:"long"`     // Σ size of longs
	Short    events.Number `json:"short"`    // Σ −size of shorts
	Net      events.Number `json:"net"`      // long − short
	InFlight events.Number `json:"inFlight"` // Σ signed size of trades of which a leg is not there: what net is if all trades are pairs
	Clearing events.Number `json:"clearing"` // of the system account, over all shards
	Cost     events.Number `json:"cost"`     // Σ entry + clearing: 0 if all trades are pairs and none is in flight
	Funding  events.Number `json:"funding"`  // of the system account: minus what was posted; what is unposted is not in it
}

// FundBalance is an observed fund.
type FundBalance struct {
	Venue   string        `json:"venue"`
	Fund    string        `json:"fund"`
	Asset   string        `json:"asset"`
	Balance events.Number `json:"balance"`
}

// BalanceOptions say of when and of what.
type BalanceOptions struct {
	At       Point
	Shards   []int32
	Legs     bool // look for legs in flight: every fact is looked at from the beginning, and trades are remembered
	Progress Progress
}

// Balance adds up a ledger.
func (p *Past) Balance(ctx context.Context, o BalanceOptions) (*Balance, error) {
	shards, err := p.Shards(ctx, o.Shards)
	if err != nil {
		return nil, err
	}
	if len(shards) > 1 && (o.At.Cut > 0 || o.At.N > 0) {
		return nil, usage("%v is of one shard, and there are %d: name it", o.At, len(shards))
	}
	a := &adder{out: &Balance{Cuts: []When{}}, assets: map[assetKey]*assetSums{}, operators: map[operatorKey]*operatorSums{}, markets: map[marketKey]*marketSums{}}
	legs := newLegs()
	for _, shard := range shards {
		w := walkOptions{progress: o.Progress}
		if o.Legs {
			oldest, err := p.oldest(ctx, shard)
			if err != nil {
				return nil, err
			}
			legs.partial = legs.partial || oldest.cut() > 0
			w.from, w.after, legs.shard = &oldest, legs.record, shard
		}
		m, err := p.walk(ctx, shard, o.At, w)
		if err != nil {
			return nil, err
		}
		if err := a.shard(m); err != nil {
			return nil, err
		}
	}
	a.finish(legs, len(shards) > 1)
	a.out.InFlight.Looked = o.Legs
	return a.out, nil
}

type assetKey struct {
	shard        int32
	venue, asset string
}

type operatorKey struct{ venue, operator, asset string }

type marketKey struct{ venue, market string }

type assetSums struct {
	scale                             int
	liabilities, receivables, badDebt fixed.Int128
	systems                           map[string]fixed.Int128
	bankrupt                          int
}

type operatorSums struct {
	scale                            int
	accounts                         map[Account]bool
	liabilities, receivables, equity fixed.Int128
	unknown                          int
}

type marketSums struct {
	size, scale int
	long, short fixed.Int128 // at size
	entry       fixed.Int128 // at scale
}

// adder adds shards up.
type adder struct {
	out       *Balance
	assets    map[assetKey]*assetSums
	operators map[operatorKey]*operatorSums
	markets   map[marketKey]*marketSums
}

func (a *adder) shard(m *Moment) error {
	a.out.Cuts = append(a.out.Cuts, m.When())
	for _, s := range m.Fold.TrialBalance() {
		a.out.Trial = append(a.out.Trial, TrialSum{m.Shard, s.Venue, s.Asset, events.NumberOf(s.Amount.Coef, int(s.Amount.Scale))})
	}
	if err := m.Fold.EachPool(func(p *projector.PoolState) error { return a.pool(m, p) }); err != nil {
		return err
	}
	return a.others(m)
}

func (a *adder) asset(shard int32, venue, asset string, scale int) *assetSums {
	k := assetKey{shard, venue, asset}
	s := a.assets[k]
	if s == nil {
		s = &assetSums{scale: scale, systems: map[string]fixed.Int128{}}
		a.assets[k] = s
	}
	return s
}

// pool adds a pool's money, positions and equity.
func (a *adder) pool(m *Moment, p *projector.PoolState) error {
	scale := m.Fold.ValueScale(p.Venue)
	settlement := m.Fold.Settlement(p.Venue)
	for _, x := range p.Money {
		s, o := a.asset(m.Shard, p.Venue, x.Asset, scale), a.operator(p, x.Asset, scale)
		o.accounts[Account{p.Venue, p.Owner, p.Subaccount}] = true
		if x.Amount.Sign() > 0 {
			s.liabilities, o.liabilities = s.liabilities.Add(x.Amount), o.liabilities.Add(x.Amount)
		} else {
			s.receivables, o.receivables = s.receivables.Sub(x.Amount), o.receivables.Sub(x.Amount)
		}
	}
	for i := range p.Positions {
		if err := a.position(p.Venue, &p.Positions[i], scale); err != nil {
			return err
		}
	}
	if len(p.Money) == 0 && len(p.Positions) == 0 {
		return nil
	}
	o := a.operator(p, settlement, scale)
	if !p.Equity.Present {
		o.unknown++
		return nil
	}
	equity, err := p.Equity.At(scale)
	if err != nil {
		return err
	}
	o.equity = o.equity.Add(equity)
	if equity.Sign() < 0 {
		s := a.asset(m.Shard, p.Venue, settlement, scale)
		s.badDebt, s.bankrupt = s.badDebt.Sub(equity), s.bankrupt+1
	}
	return nil
}

func (a *adder) operator(p *projector.PoolState, asset string, scale int) *operatorSums {
	k := operatorKey{p.Venue, p.Operator, asset}
	o := a.operators[k]
	if o == nil {
		o = &operatorSums{scale: scale, accounts: map[Account]bool{}}
		a.operators[k] = o
	}
	return o
}

func (a *adder) position(venue string, q *projector.PositionState, scale int) error {
	k := marketKey{venue, q.Market}
	s := a.markets[k]
	if s == nil {
		s = &marketSums{size: int(q.Size.Scale), scale: scale} // positions have their market's scale
		a.markets[k] = s
	}
	size, err := q.Size.At(s.size)
	if err != nil {
		return err
	}
	entry, err := q.Entry.At(scale)
	if err != nil {
		return err
	}
	if size.Sign() > 0 {
		s.long = s.long.Add(size)
	} else {
		s.short = s.short.Sub(size)
	}
	s.entry = s.entry.Add(entry)
	return nil
}

// others adds the system accounts and the funds, by their rows.
func (a *adder) others(m *Moment) (err error) {
	m.Fold.EachRow(func(r projector.Row) {
		kind, parts, ok := rowParts(r.Key)
		if err != nil || !ok || kind != "system" && kind != "fund" {
			return
		}
		var fields []RowField
		if fields, err = RowFields(r.Key, r.Value); err != nil {
			return
		}
		scale := m.Fold.ValueScale(parts[0])
		var n events.Number
		if n, err = events.ParseNumber(shift(fieldNamed(fields, "balance"), scale)); err != nil {
			return
		}
		if kind == "fund" {
			f := FundBalance{parts[0], parts[1], parts[2], n}
			if !slices.Contains(a.out.Funds, f) { // every shard observes it
				a.out.Funds = append(a.out.Funds, f)
			}
			return
		}
		s := a.asset(m.Shard, parts[0], parts[2], scale)
		var v fixed.Int128
		v, err = n.At(scale)
		s.systems[parts[1]] = s.systems[parts[1]].Add(v)
	})
	return err
}

func fieldNamed(fields []RowField, path string) string {
	for _, f := range fields {
		if f.Path == path {
			return f.Value
		}
	}
	return "0"
}

func (a *adder) finish(legs *legs, several bool) {
	whole := map[assetKey]*assetSums{}
	for k, s := range a.assets { // unordered: sums; sorted below
		if several {
			shard := k.shard
			b := s.balance(k)
			b.Shard = &shard
			a.out.PerShard = append(a.out.PerShard, b)
		}
		k.shard = 0
		w := whole[k]
		if w == nil {
			w = &assetSums{scale: s.scale, systems: map[string]fixed.Int128{}}
			whole[k] = w
		}
		w.liabilities, w.receivables, w.badDebt = w.liabilities.Add(s.liabilities), w.receivables.Add(s.receivables), w.badDebt.Add(s.badDebt)
		w.bankrupt += s.bankrupt
		for name, v := range s.systems { // unordered: sums
			w.systems[name] = w.systems[name].Add(v)
		}
	}
	for k, s := range whole { // unordered: sorted below
		b := s.balance(k)
		b.Unexplained = sum(b.Transit, legs.transitOf(k.venue, k.asset).Neg())
		a.out.Assets = append(a.out.Assets, b)
	}
	order := func(x, y AssetBalance) int {
		shards := 0
		if x.Shard != nil && y.Shard != nil {
			shards = cmp.Compare(*x.Shard, *y.Shard)
		}
		return cmp.Or(shards, cmp.Compare(x.Venue, y.Venue), cmp.Compare(x.Asset, y.Asset))
	}
	slices.SortFunc(a.out.Assets, order)
	slices.SortFunc(a.out.PerShard, order)
	a.finishOperators()
	legs.finish(&a.out.InFlight)
	a.finishMarkets(whole, legs)
	a.out.Balanced = !slices.ContainsFunc(a.out.Trial, func(s TrialSum) bool { return s.Sum != zero })
}

// balance is the sums as they are shown.
func (s *assetSums) balance(k assetKey) AssetBalance {
	b := AssetBalance{Venue: k.venue, Asset: k.asset, Liabilities: events.NumberOf(s.liabilities, s.scale), Receivables: events.NumberOf(s.receivables, s.scale),
		BadDebt: events.NumberOf(s.badDebt, s.scale), Bankrupt: s.bankrupt, Systems: []SystemAmount{},
		Transit: events.NumberOf(s.systems["transit"], s.scale), Unexplained: zero}
	total := s.liabilities.Sub(s.receivables)
	var custody fixed.Int128
	for name, v := range s.systems { // unordered: sums; sorted below
		total = total.Add(v)
		if name == "external" || name == "opening" {
			custody = custody.Sub(v)
		}
		b.Systems = append(b.Systems, SystemAmount{name, events.NumberOf(v, s.scale)})
	}
	slices.SortFunc(b.Systems, func(x, y SystemAmount) int { return strings.Compare(x.Name, y.Name) })
	b.Sum, b.Custody = events.NumberOf(total, s.scale), events.NumberOf(custody, s.scale)
	return b
}

func (a *adder) finishOperators() {
	for k, o := range a.operators { // unordered: sorted below
		a.out.Operators = append(a.out.Operators, OperatorBalance{k.venue, k.operator, k.asset, len(o.accounts), events.NumberOf(o.liabilities, o.scale),
			events.NumberOf(o.receivables, o.scale), events.NumberOf(o.equity, o.scale), o.unknown})
	}
	slices.SortFunc(a.out.Operators, func(x, y OperatorBalance) int {
		return cmp.Or(cmp.Compare(x.Venue, y.Venue), cmp.Compare(x.Operator, y.Operator), cmp.Compare(x.Asset, y.Asset))
	})
}

// finishMarkets puts positions, clearing accounts and legs in flight side by side.
func (a *adder) finishMarkets(assets map[assetKey]*assetSums, legs *legs) {
	for k, s := range assets { // unordered: sorted below
		for name := range s.systems { // unordered: likewise
			if market, ok := strings.CutPrefix(name, "clearing/"); ok && a.markets[marketKey{k.venue, market}] == nil {
				a.markets[marketKey{k.venue, market}] = &marketSums{scale: s.scale}
			}
		}
	}
	for k, s := range a.markets { // unordered: sorted below
		var clearing, funding fixed.Int128
		for ak, as := range assets { // unordered: sums
			if ak.venue == k.venue {
				clearing, funding = clearing.Add(as.systems["clearing/"+k.market]), funding.Add(as.systems["funding/"+k.market])
			}
		}
		a.out.Markets = append(a.out.Markets, MarketBalance{Venue: k.venue, Market: k.market, Long: events.NumberOf(s.long, s.size), Short: events.NumberOf(s.short, s.size),
			Net: events.NumberOf(s.long.Sub(s.short), s.size), InFlight: legs.netOf(k), Clearing: events.NumberOf(clearing, s.scale),
			Cost: events.NumberOf(s.entry.Add(clearing), s.scale), Funding: events.NumberOf(funding, s.scale)})
	}
	slices.SortFunc(a.out.Markets, func(x, y MarketBalance) int {
		return cmp.Or(cmp.Compare(x.Venue, y.Venue), cmp.Compare(x.Market, y.Market))
	})
}
