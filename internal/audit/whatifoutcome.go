package audit

import (
	"cmp"
	"slices"
)

// outcome is the answer.
func (r *run) outcome(profile string) Outcome {
	out := Outcome{Profile: profile, Counts: []StatusCounts{}, Pools: []PoolOutcome{}, Refused: []Refusal{}, Unused: []string{}}
	for _, what := range sortedKeys(r.unused) {
		if r.unused[what] == r.shards {
			out.Unused = append(out.Unused, what)
		}
	}
	for _, f := range r.refused { // unordered: sorted below
		out.Refused = append(out.Refused, *f)
	}
	slices.SortFunc(out.Refused, func(a, b Refusal) int { return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Reason, b.Reason)) })
	if out.Unknown, out.Reason = r.needs.answer(); out.Unknown != "" {
		return out
	}
	r.count(&out)
	if r.sim != nil {
		r.money.finish()
		out.Money = &r.money
	}
	return out
}

// count compares pool by pool.
func (r *run) count(out *Outcome) {
	counts := [3]StatusCounts{{Status: "called"}, {Status: "liquidated"}, {Status: "bankrupt"}}
	for _, p := range r.pools { // unordered: sorted below
		differs := false
		for i, pair := range [3][2]*StatusAt{{p.Happened.Called, p.Would.Called}, {p.Happened.Liquidated, p.Would.Liquidated}, {p.Happened.Bankrupt, p.Would.Bankrupt}} {
			differs = counts[i].add(pair[0], pair[1]) || differs
		}
		if differs {
			out.Pools = append(out.Pools, *p)
		}
	}
	out.Counts = counts[:]
	slices.SortFunc(out.Pools, func(a, b PoolOutcome) int {
		return cmp.Or(cmp.Compare(a.first(), b.first()), cmp.Compare(a.Account.String(), b.Account.String()), cmp.Compare(a.Pool, b.Pool))
	})
}

// add counts a pool, and reports whether the two differ.
func (c *StatusCounts) add(happened, would *StatusAt) bool {
	if happened != nil {
		c.Happened++
	}
	if would != nil {
		c.Would++
	}
	switch {
	case happened == nil && would == nil:
		return false
	case would == nil:
		c.OnlyThen++
	case happened == nil:
		c.OnlyIf++
	case would.N < happened.N:
		c.Earlier++
	case would.N > happened.N:
		c.Later++
	default:
		return false
	}
	return true
}

// first is the first record at which the two differ.
func (p *PoolOutcome) first() uint64 {
	first := ^uint64(0)
	for _, pair := range [3][2]*StatusAt{{p.Happened.Called, p.Would.Called}, {p.Happened.Liquidated, p.Would.Liquidated}, {p.Happened.Bankrupt, p.Would.Bankrupt}} {
		a, b := ^uint64(0), ^uint64(0)
		if pair[0] != nil {
			a = pair[0].N
		}
		if pair[1] != nil {
			b = pair[1].N
		}
		if a != b {
			first = min(first, a, b)
		}
	}
	return first
}
