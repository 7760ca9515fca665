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
