package reference

import (
	"cmp"
	"maps"
	"slices"
)

// The orders in which things are visited and printed.

func compareAccounts(a, b accountKey) int {
	return cmp.Or(cmp.Compare(a.owner, b.owner), cmp.Compare(a.sub, b.sub))
}

func compareLegs(a, b legKey) int {
	return cmp.Or(cmp.Compare(a.market, b.market), cmp.Compare(a.leg, b.leg))
}

func comparePools(a, b poolKey) int { return compareLegs(legKey(a), legKey(b)) }

func (v *venue) sortedAccounts() []*account {
	var out []*account
	for _, key := range slices.SortedFunc(maps.Keys(v.accounts), compareAccounts) {
		out = append(out, v.accounts[key])
	}
	return out
}

func (a *account) sortedPools() []*pool {
	var out []*pool
	for _, key := range slices.SortedFunc(maps.Keys(a.pools), comparePools) {
		out = append(out, a.pools[key])
	}
	return out
}

func (p *pool) sortedPositions() []*position {
	var out []*position
	for _, key := range slices.SortedFunc(maps.Keys(p.positions), compareLegs) {
		out = append(out, p.positions[key])
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
