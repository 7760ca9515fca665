package projector

import (
	"marginledger/events"
	"marginledger/internal/fixed"
)

// What audits ask of a shard beside its rows and figures.

// Venues returns the names of the venues, in order.
func (s *Shard) Venues() []string {
	names := make([]string, len(s.venueList))
	for i, v := range s.venueList {
		names[i] = v.Name
	}
	return names
}

// Clock returns a venue's shard time, in nanoseconds since 1970 UTC; false where there is no such
// venue.
func (s *Shard) Clock(venue string) (int64, bool) {
	v := s.venues[venue]
	if v == nil {
		return 0, false
	}
	return v.Time, true
}

// Row returns the value of one row as EachRow has it; nil where there is no such row. The bytes
// hold until the next call.
func (s *Shard) Row(key []byte) []byte {
	r := s.rower(key)
	if r == nil {
		return nil
	}
	s.valueBuf = r.appendValue(s.valueBuf[:0])
	if len(s.valueBuf) == 0 {
		return nil
	}
	return s.valueBuf
}

// rower finds the piece of state that a row's key names, nil where there is none.
func (s *Shard) rower(key []byte) rower {
	if len(key) == 0 {
		return nil
	}
	k := &rowKey{key[1:]}
	var a, b, c string
	switch key[0] {
	case rowProducer:
		p := producerKey{}
		n, err := k.sourceName(&p)
		if err != nil || s.producers[n] == nil {
			return nil
		}
		return s.producers[n]
	case rowIncomplete, rowAccount:
		if k.names(&a, &b) != nil {
			return nil
		}
		sub, err := k.number()
		if err != nil {
			return nil
		}
		if key[0] == rowIncomplete {
			if in := s.open[incompleteKey{a, b, sub}]; in != nil {
				return in
			}
			return nil
		}
		if v := s.venues[a]; v != nil {
			if acc := s.owners[b].account(v, sub); acc != nil {
				return acc
			}
		}
		return nil
	}
	if k.names(&a) != nil || s.venues[a] == nil {
		return nil
	}
	v := s.venues[a]
	if key[0] == rowVenue {
		return v
	}
	if k.names(&b) != nil {
		return nil
	}
	if key[0] == rowSystem || key[0] == rowFund {
		if k.names(&c) != nil {
			return nil
		}
	}
	return v.rower(key[0], b, c)
}

// rower finds a piece of state of a venue by its kind and names.
func (v *venue) rower(kind byte, name, asset string) rower {
	switch kind {
	case rowAsset:
		if x := v.assets[name]; x != nil {
			return x
		}
	case rowMarket:
		if m := v.markets[name]; m != nil {
			return m
		}
	case rowSystem:
		if y := v.systems[systemKey{name, asset}]; y != nil {
			return y
		}
	case rowFund:
		if f := v.funds[systemKey{name, asset}]; f != nil {
			return f
		}
	}
	return nil
}

// sourceName reads what a producer's key names.
func (k *rowKey) sourceName(p *producerKey) (producerKey, error) {
	var err error
	if p.source.Topic, err = k.name(); err != nil {
		return *p, err
	}
	partition, err := k.number()
	if err != nil {
		return *p, err
	}
	p.source.Partition = int32(partition)
	p.name, err = k.name()
	return *p, err
}

// EachAccount calls fn with every account, venue by venue, in order of first appearance.
func (s *Shard) EachAccount(fn func(venue, owner string, subaccount uint32)) {
	for _, v := range s.venueList {
		for _, a := range v.accounts {
			fn(v.Name, a.owner, a.Subaccount)
		}
	}
}

// Money is what a pool holds of an asset: what its postings add up to.
type Money struct {
	Pool, Asset string
	Amount      fixed.Int128 // at the venue's value scale
	Scale       int
}

// Money returns what an account's pools hold, cross first; never 0.
func (s *Shard) Money(venue, owner string, subaccount uint32) (out []Money) {
	v := s.venues[venue]
	if v == nil {
		return nil
	}
	a := s.owners[owner].account(v, subaccount)
	if a == nil {
		return nil
	}
	add := func(p *pool, asset string, amount fixed.Int128) {
		if !amount.IsZero() {
			out = append(out, Money{p.name(), asset, amount, v.Scale})
		}
	}
	for i := range a.cross.Balances {
		add(&a.cross, a.cross.Balances[i].Asset.Name, a.cross.Balances[i].Amount)
	}
	for _, p := range a.isolated {
		add(p, v.settlement.Name, p.Collateral)
		for i := range p.Balances {
			add(p, p.Balances[i].Asset.Name, p.Balances[i].Amount)
		}
	}
	return out
}

// Settled returns a position's size at its market's scale, and the funding index at its last
// settlement; false where there is no such position.
func (s *Shard) Settled(venue, owner string, subaccount uint32, market string, leg events.Leg) (size int64, index fixed.Int128, ok bool) {
	v := s.venues[venue]
	if v == nil || v.markets[market] == nil {
		return 0, index, false
	}
	a := s.owners[owner].account(v, subaccount)
	if a == nil {
		return 0, index, false
	}
	_, pos := a.holding(v.markets[market], leg)
	if pos == nil {
		return 0, index, false
	}
	return pos.Size, pos.FundingIndex, true
}

// FundingIndex returns a market's index, in the profile's unit; false where there is no such market.
func (s *Shard) FundingIndex(venue, market string) (fixed.Int128, bool) {
	v := s.venues[venue]
	if v == nil || v.markets[market] == nil {
		return fixed.Int128{}, false
	}
	return v.markets[market].FundingIndex, true
}

// ValueScale returns a venue's value scale; 0 where there is no such venue.
func (s *Shard) ValueScale(venue string) int {
	if v := s.venues[venue]; v != nil {
		return v.Scale
	}
	return 0
}

// PoolState is a pool with its money, its positions and its status. It holds until the next one.
type PoolState struct {
	Venue, Owner string
	Subaccount   uint32
	Operator     string
	MarginType   events.MarginType
	Incomplete   bool
	Pool         string
	Money        []Money
	Positions    []PositionState

	Equity, Initial, Maintenance events.Number
	Unpriced                     bool
	Missing                      string // kind of the fact without which equity is unknown; "": none
	Called                       int    // margin-call levels that are called
	Liquidation                  string // id of the open episode; "": none
	Stage                        events.Stage
}

// PositionState is a position with its figures.
type PositionState struct {
	Market     string
	Leg        events.Leg
	Size       events.Number // negative: short
	Entry      events.Number // signed cost of what is open
	Mark       events.Number
	Notional   events.Number
	Unrealised events.Number
	Funding    events.Number // unposted
	Initial    events.Number
	Margin     events.Number // maintenance
	Tier       int
}

// EachPool calls fn with every pool of every account, venue by venue, accounts in order of first
// appearance, cross first. It takes every pool's health.
func (s *Shard) EachPool(fn func(*PoolState) error) error {
	var out PoolState
	for _, v := range s.venueList {
		for _, a := range v.accounts {
			if err := s.eachPool(&out, a, fn); err != nil {
				return err
			}
		}
	}
	return nil
}

// PoolsOf calls fn with the pools of one account, cross first.
func (s *Shard) PoolsOf(venue, owner string, subaccount uint32, fn func(*PoolState) error) error {
	v := s.venues[venue]
	if v == nil {
		return nil
	}
	a := s.owners[owner].account(v, subaccount)
	if a == nil {
		return nil
	}
	return s.eachPool(new(PoolState), a, fn)
}

func (s *Shard) eachPool(out *PoolState, a *account, fn func(*PoolState) error) error {
	money := s.Money(a.venue.Name, a.owner, a.Subaccount)
	for _, p := range append([]*pool{&a.cross}, a.isolated...) {
		a.venue.poolState(out, p, money)
		if err := fn(out); err != nil {
			return err
		}
	}
	return nil
}

func (v *venue) poolState(out *PoolState, p *pool, money []Money) {
	a, h := p.account, v.profile.Judge(&p.Pool)
	*out = PoolState{Venue: v.Name, Owner: a.owner, Subaccount: a.Subaccount, Operator: a.own().operator, MarginType: a.marginType, Incomplete: a.incomplete > 0,
		Pool: p.name(), Money: out.Money[:0], Positions: out.Positions[:0], Unpriced: h.Unpriced, Missing: h.Missing, Called: p.called}
	if h.Missing == "" {
		out.Equity, out.Initial, out.Maintenance = v.number(h.Equity), v.number(h.Initial), v.number(h.Maintenance)
	}
	if p.episode != nil {
		out.Liquidation, out.Stage = p.episode.id, p.episode.stage
	}
	for _, m := range money {
		if m.Pool == out.Pool {
			out.Money = append(out.Money, m)
		}
	}
	for i := range p.Positions {
		pos := &p.Positions[i]
		f, m := v.profile.Figures(&p.Pool, i), pos.Market
		out.Positions = append(out.Positions, PositionState{Market: m.Name, Leg: pos.Leg, Size: number(fixed.FromInt64(pos.Size), m.SizeScale),
			Entry: v.number(pos.Entry), Mark: m.PriceNumber(m.Mark), Notional: v.number(f.Notional), Unrealised: v.number(f.Unrealised),
			Funding: v.number(f.Funding), Initial: v.number(f.Initial), Margin: v.number(f.Maintenance), Tier: f.Tier})
	}
}

// PoolFor returns the name of the pool that a trade of an account in a market and leg would be of.
func (s *Shard) PoolFor(venue, owner string, subaccount uint32, market string, leg events.Leg) string {
	const cross = "cross"
	v := s.venues[venue]
	if v == nil || v.markets[market] == nil {
		return cross
	}
	m := v.markets[market]
	a, _ := s.peek(v, owner, subaccount)
	if held, pos := a.holding(m, leg); pos != nil {
		return held.name()
	}
	if set := a.setting(m); !set.isolated && m.Modes <= events.ModesAny {
		return cross
	}
	if p := a.find(m, leg); p != nil {
		return p.name()
	}
	return (&pool{account: a, market: m, leg: leg, asset: v.settlement}).name()
}

// PoolIn returns the name of the pool of a position with collateral of its own; "" where the venue does not know the market or the asset.
func (s *Shard) PoolIn(venue, market string, leg events.Leg, collateral string) string {
	v := s.venues[venue]
	if v == nil || v.markets[market] == nil || v.assets[collateral] == nil {
		return ""
	}
	return (&pool{account: &account{venue: v}, market: v.markets[market], leg: leg, asset: v.assets[collateral]}).name()
}

// Settlement returns a venue's settlement asset; "" where there is no such venue.
func (s *Shard) Settlement(venue string) string {
	if v := s.venues[venue]; v != nil {
		return v.settlement.Name
	}
	return ""
}
