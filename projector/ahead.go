package projector

import "marginledger/events"

// ReadAhead reads what applying some facts will read, in loops so short that the memory of many is waited for at the
// same time: at a million accounts a fact mostly waits for memory. It changes nothing; facts that are not applied, or
// not next, cost only the time. A few dozen at a time fit the caches near a core.
func (s *Shard) ReadAhead(facts []*events.Event) {
	s.expected, s.expectedAt = s.expected[:0], 0
	for _, e := range facts {
		if e == nil || !e.Type.OfAccount() {
			continue
		}
		if o := s.owners[e.Owner]; o != nil {
			s.expected = append(s.expected, o)
		}
	}
	var sum int64
	for _, o := range s.expected {
		a := o.accounts[0]
		sum += int64(a.Subaccount) + int64(a.marginType) + int64(len(a.settings)) + int64(a.cross.called) + a.cross.leeway.multiple + int64(len(a.cross.Balances))
	}
	for _, o := range s.expected {
		a := o.accounts[0]
		if n := len(a.cross.Positions); n > 0 {
			sum += a.cross.Positions[0].Size + a.cross.Positions[n-1].Size
		}
		if len(a.cross.Balances) > 0 {
			sum += a.cross.Balances[0].Amount.Hi
		}
	}
	for _, o := range s.expected {
		a := o.accounts[0]
		for i := range min(len(a.cross.Positions), aheadPositions) {
			pos := &a.cross.Positions[i]
			if h := &s.markets[pos.Market.ID].holders; h.stride > 0 {
				sum += int64(h.keys[int(pos.Slot)*h.stride])
			}
		}
	}
	s.sum = sum
}

// ownerOf returns an owner, nil where there is none. Most are expected.
func (s *Shard) ownerOf(name string) *owner {
	for i := s.expectedAt; i < min(s.expectedAt+2, len(s.expected)); i++ {
		if s.expected[i].name == name {
			s.expectedAt = i
			return s.expected[i]
		}
	}
	return s.owners[name]
}

// aheadPositions is of how many positions of an account bounds are read ahead.
const aheadPositions = 4
