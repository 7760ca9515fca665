package projector

import (
	"slices"

	"marginledger/events"
	"marginledger/internal/fixed"
)

// Family is a parent subaccount and its children, as a venue's front ends show them together: nothing is shared
// between them (margin.Traits.Parents).
type Family struct {
	Venue, Owner string
	Parent       uint32            // its number
	Accounts     []*AccountFigures // those that the ledger has, by number: the parent, where it has it, first
	Equity       events.Number     // Σ over all pools; absent: that of one is unknown
	Free         events.Number     // Σ over the accounts, ≥ 0 of each; absent likewise
}

// parent returns the number of the subaccount that another one is shown under, or its own; false where the venue has no
// parents.
func (v *venue) parent(number uint32) (uint32, bool) {
	n := v.traits.Parents
	if n == 0 {
		return 0, false
	}
	return number % n, true
}

// Family returns the family that a subaccount is of; nil where its venue has no parents, or the ledger none of its
// accounts.
func (s *Shard) Family(venue, owner string, number uint32) *Family {
	v := s.venues[venue]
	if v == nil {
		return nil
	}
	parent, ok := v.parent(number)
	if !ok {
		return nil
	}
	f := &Family{Venue: venue, Owner: owner, Parent: parent}
	for _, a := range s.owners[owner].all() {
		if p, _ := v.parent(a.Subaccount); a.venue == v && p == parent {
			f.Accounts = append(f.Accounts, s.Account(venue, owner, a.Subaccount))
		}
	}
	if f.Accounts == nil {
		return nil
	}
	slices.SortFunc(f.Accounts, func(a, b *AccountFigures) int { return compareUints(uint64(a.Subaccount), uint64(b.Subaccount)) })
	f.sum(v)
	return f
}

// sum adds the accounts up.
func (f *Family) sum(v *venue) {
	var equity, free fixed.Int128
	known, settled := true, true
	for _, a := range f.Accounts {
		for i := range a.Pools {
			known = known && a.Pools[i].Equity.Present
			equity = equity.Add(a.Pools[i].Equity.Coef)
		}
		settled = settled && a.Free.Present
		if a.Free.Sign() > 0 {
			free = free.Add(a.Free.Coef)
		}
	}
	if known {
		f.Equity = v.number(equity)
	}
	if settled {
		f.Free = v.number(free)
	}
}

// Family is the Shard's, out of the rows of the owner's accounts; rows is as of ADLQueue.
func (w *View) Family(venue, owner string, number uint32, rows func(prefix []byte, f func(Row) error) error) (*Family, error) {
	scan := OpenView(w.get) // so that no account of w is met again
	v, err := scan.venue(venue)
	if v == nil || err != nil {
		return nil, err
	}
	if _, ok := v.parent(number); !ok {
		return nil, nil
	}
	err = rows(appendName([]byte{rowAccount}, venue, owner), func(r Row) error { return scan.shard.LoadRow(r.Key, r.Value) })
	if err != nil {
		return nil, err
	}
	for _, a := range v.accounts {
		if _, err := scan.Account(venue, owner, a.Subaccount); err != nil { // with its open dead letters
			return nil, err
		}
	}
	return scan.shard.Family(venue, owner, number), nil
}
