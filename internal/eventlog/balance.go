package eventlog

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// Held says that a member has a shard's state up to a cut.
type Held struct {
	Shard int32
	Cut   uint64
}

// heldVersion begins a member's user data; other versions are taken as "holds nothing".
const heldVersion = 1

// encodeHeld writes what a member tells the group's leader: version, count, then (shard, cut) as unsigned varints.
func encodeHeld(held []Held) []byte {
	b := append([]byte{heldVersion}, binary.AppendUvarint(nil, uint64(len(held)))...)
	for _, h := range held {
		b = binary.AppendUvarint(b, uint64(uint32(h.Shard)))
		b = binary.AppendUvarint(b, h.Cut)
	}
	return b
}

// decodeHeld reads it. What cannot be read counts as nothing held: the worst that comes of it is a shard that moves.
func decodeHeld(b []byte) []Held {
	if len(b) == 0 || b[0] != heldVersion {
		return nil
	}
	b = b[1:]
	number := func() (v uint64, ok bool) {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return 0, false
		}
		b = b[n:]
		return v, true
	}
	count, ok := number()
	if !ok || count > uint64(len(b)) {
		return nil
	}
	held := make([]Held, 0, count)
	for range count {
		shard, ok := number()
		if !ok || shard > 1<<31-1 {
			return nil
		}
		cut, ok := number()
		if !ok {
			return nil
		}
		held = append(held, Held{Shard: int32(shard), Cut: cut})
	}
	return held
}

// member is a group member with what it holds.
type member struct {
	id   string
	held []Held
}

// assign shares shards 0..n-1 out so that member counts differ by at most one, and as many shards as that allows stay
// with the member that has them at the highest cut. It depends on its arguments only, not on their order.
func assign(members []member, n int32) map[string][]int32 {
	out := make(map[string][]int32, len(members))
	if len(members) == 0 {
		return out
	}
	members = slices.Clone(members)
	slices.SortFunc(members, func(a, b member) int { return cmp.Compare(a.id, b.id) })

	// claims[shard] lists who has the shard, highest cut first.
	type claim struct {
		member int
		cut    uint64
	}
	claims := make([][]claim, n)
	first := make([]int, len(members)) // shards for which a member comes first
	for i, m := range members {
		for _, h := range m.held {
			if h.Shard >= 0 && h.Shard < n {
				claims[h.Shard] = append(claims[h.Shard], claim{i, h.Cut})
			}
		}
	}
	for _, c := range claims {
		slices.SortStableFunc(c, func(a, b claim) int { return cmp.Compare(b.cut, a.cut) })
		if len(c) > 0 {
			first[c[0].member]++
		}
	}

	// Who has most keeps one more, where the numbers do not divide.
	order := make([]int, len(members))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(first[b], first[a]) })
	room := make([]int, len(members))
	for rank, i := range order {
		room[i] = int(n) / len(members)
		if rank < int(n)%len(members) {
			room[i]++
		}
	}

	owner := make([]int, n)
	for s := range owner {
		owner[s] = -1
	}
	give := func(shard int32, i int) {
		owner[shard] = i
		room[i]--
	}
	// First the holders, then who else has some state, then whoever has room. Equal cuts were sorted by id.
	for rank := range len(members) {
		for s := range n {
			if owner[s] < 0 && rank < len(claims[s]) && room[claims[s][rank].member] > 0 {
				give(s, claims[s][rank].member)
			}
		}
	}
	for s := range n {
		for _, i := range order {
			if owner[s] < 0 && room[i] > 0 {
				give(s, i)
			}
		}
	}
	for s := range n {
		id := members[owner[s]].id
		out[id] = append(out[id], s)
	}
	return out
}
