package projector

import (
	"math/big"
	"slices"
	"strings"

	"marginledger/events"
	"marginledger/internal/fixed"
)

// QueueEntry is a position in the queue of deleveraging of one side of a market.
type QueueEntry struct {
	Owner      string
	Subaccount uint32
	Pool       string // cross, or that of the isolated pool
	Leg        events.Leg
	Size       events.Number // contracts; negative: short
	Notional   events.Number // settlement asset
	Rank       *big.Rat      // the profile's, exactly; nil: the venue draws among all
}

// ADLQueue returns the positions of this shard on one side of a market in the order in which they would be
// deleveraged: by the profile's rank, the greatest first, ties by account key and then by leg. Of a venue that
// draws, all that may be met stand by account key. Others that have no rank, as their figures are unknown or the
// venue does not deleverage by rank, are not in it. It reads; nothing changes.
func (s *Shard) ADLQueue(venue, market string, long bool) []QueueEntry {
	v := s.venues[venue]
	if v == nil || v.markets[market] == nil {
		return nil
	}
	var q queue
	for slot, p := range v.markets[market].holders.pools {
		if p != nil {
			q.add(p, v.markets[market], long, int32(slot))
		}
	}
	return q.sorted()
}

// ADLQueue is the Shard's, out of the rows of the venue's accounts, each read once and forgotten. rows calls its
// function with every row whose key begins with a prefix. nil without an error: the market is not listed.
func (w *View) ADLQueue(venue, market string, long bool, rows func(prefix []byte, f func(Row) error) error) ([]QueueEntry, error) {
	scan := OpenView(w.get) // so that no account of w is met again
	v, err := scan.venue(venue)
	if v == nil || err != nil {
		return nil, err
	}
	if err := v.missing(rowMarket, market); v.markets[market] == nil {
		return nil, err
	}
	q := queue{list: []QueueEntry{}}
	err = rows(appendName([]byte{rowAccount}, venue), func(r Row) error {
		if err := scan.shard.LoadRow(r.Key, r.Value); err != nil {
			return err
		}
		for _, a := range v.accounts {
			for _, p := range append([]*pool{&a.cross}, a.isolated...) {
				q.add(p, v.markets[market], long, anySlot)
			}
		}
		scan.shard.forgetAccounts(v)
		return nil
	})
	return q.sorted(), err
}

// forgetAccounts drops the accounts that a View has loaded.
func (s *Shard) forgetAccounts(v *venue) {
	clear(s.owners)
	clear(v.accounts)
	v.accounts, s.dirty.rows = v.accounts[:0], s.dirty.rows[:0]
}

// queue collects and sorts.
type queue struct{ list []QueueEntry }

// anySlot stands for all positions of a pool: places among holders are derived, and a View derives none.
const anySlot = -1

// add enters the positions of a pool on one side of a market.
func (q *queue) add(p *pool, m *market, long bool, slot int32) {
	v := m.venue
	for i := range p.Positions {
		pos := &p.Positions[i]
		if pos.Market != &m.Market || (pos.Size > 0) != long || slot != anySlot && pos.Slot != slot {
			continue
		}
		h := v.profile.Judge(&p.Pool)
		rank := v.profile.Rank(&p.Pool, i, &h)
		if rank == nil && !(v.traits.Draws && h.IsKnown()) {
			continue
		}
		f := v.profile.Figures(&p.Pool, i)
		size := f.Size
		if !size.Present {
			size = number(fixed.FromInt64(pos.Size), m.SizeScale)
		}
		q.list = append(q.list, QueueEntry{Owner: p.account.owner, Subaccount: p.account.Subaccount, Pool: p.name(), Leg: pos.Leg,
			Size: size, Notional: v.number(f.Notional), Rank: rank})
	}
}

func (q *queue) sorted() []QueueEntry {
	slices.SortFunc(q.list, compareQueued)
	return q.list
}

// compareQueued orders entries: the greatest rank first, then account, pool and leg, so that no two are equal.
func compareQueued(a, b QueueEntry) int {
	if a.Rank != nil && b.Rank != nil { // of one venue both have one, or none has
		if c := b.Rank.Cmp(a.Rank); c != 0 {
			return c
		}
	}
	if c := strings.Compare(a.Owner, b.Owner); c != 0 {
		return c
	}
	if c := compareUints(uint64(a.Subaccount), uint64(b.Subaccount)); c != 0 {
		return c
	}
	if c := int(a.Leg) - int(b.Leg); c != 0 {
		return c
	}
	return strings.Compare(a.Pool, b.Pool)
}
