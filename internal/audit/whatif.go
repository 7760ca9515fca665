package audit

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"marginledger/events"
	"marginledger/projector"
	"marginledger/projector/margin/registry"
)

// Mode says what a what-if does about what follows from its changes.
type Mode string

// The modes.
const (
	Observe  Mode = "observe"  // the same facts: first status changes only, no money
	Simulate Mode = "simulate" // episodes that would not have been fall out, new ones are closed: money is compared
)

// WhatIfOptions say what is asked.
type WhatIfOptions struct {
	Changes
	Mode     Mode
	Slippage events.Number // of simulated closings: share of the mark; absent: 0
	To       Point
	Shards   []int32
	Compare  []string                  // profiles NAME@VERSION, each in place of Changes.Profile; nil: no comparison
	Assumed  map[string]map[string]any // by profile name, what Changes.Assume is of it
	Progress Progress
}

// WhatIf is the past under other rules or with other facts, against what happened.
type WhatIf struct {
	Mode        Mode      `json:"mode"`
	Changes     []string  `json:"changes"`
	Assumptions []string  `json:"assumptions"`
	Cuts        []When    `json:"cuts"` // how far it goes, of every shard
	Answers     []Outcome `json:"answers"`
}

// Outcome is one answer: of one profile, where several are compared.
type Outcome struct {
	Profile string         `json:"profile,omitempty"`
	Assumed []string       `json:"assumed,omitempty"` // what the profile lacks and was told: --assume
	Unknown string         `json:"unknown,omitempty"` // "needs …": there is no answer
	Reason  string         `json:"reason,omitempty"`  // why, for people
	Counts  []StatusCounts `json:"counts"`
	Pools   []PoolOutcome  `json:"pools"` // whose outcome is another one, by the first record at which it is
	Money   *MoneyOutcome  `json:"money,omitempty"`
	Refused []Refusal      `json:"refused"` // facts that happened and cannot be applied under the change
	Unused  []string       `json:"unused"`  // changes that changed nothing
}

// StatusCounts is how many pools came to a status.
type StatusCounts struct {
	Status   string `json:"status"` // called, liquidated, bankrupt
	Happened int    `json:"happened"`
	Would    int    `json:"would"`
	OnlyThen int    `json:"onlyHappened"`
	OnlyIf   int    `json:"onlyWould"`
	Earlier  int    `json:"earlier"` // both, but it would have been earlier
	Later    int    `json:"later"`
}

// PoolOutcome is what happened to a pool and what would have.
type PoolOutcome struct {
	Account  Account     `json:"account"`
	Pool     string      `json:"pool"`
	Happened FirstStatus `json:"happened"`
	Would    FirstStatus `json:"would"`
}

// FirstStatus is when a pool first came to each status; nil: never.
type FirstStatus struct {
	Called     *StatusAt `json:"called"`
	Liquidated *StatusAt `json:"liquidated"`
	Bankrupt   *StatusAt `json:"bankrupt"`
}

// StatusAt is a status change.
type StatusAt struct {
	N           uint64        `json:"n"` // of the record of the past
	Time        string        `json:"time,omitempty"`
	Source      string        `json:"source"`
	Equity      events.Number `json:"equity"`
	Maintenance events.Number `json:"maintenanceMargin"`
}

// Refusal counts facts that are dead letters under the change and were none.
type Refusal struct {
	Type   string `json:"type"`
	Reason string `json:"reason"`
	Count  int    `json:"count"`
	First  string `json:"first"` // place
}

// The assumptions of every mode, and of each.
var (
	assumedAlways = []string{
		"the facts are those of the past but for the changes: nobody would have traded, paid in or taken out otherwise",
		"prices and funding rates are those of the past but for the changes",
	}
	assumedObserving = []string{
		"fills of liquidations and deleveraging are applied as they happened, whether the pool would have been liquidated or not",
		"so of each pool only the first call, liquidation and bankruptcy count, and no money is compared: what follows rests on facts that happened under the recorded rules",
		"a pool that falls at once from healthy to below zero is bankrupt, not liquidated: those are its announcements",
	}
	assumedSimulating = []string{
		"recorded fills of liquidations and deleveraging are dropped where the episode that they answer would not have been; their counterparties keep their side, but for a backstop that names the episode",
		"a pool with an episode that did not happen is closed whole at the trigger's mark, less the slippage, with the liquidation fee of its announcement; there is always somebody to trade with",
		"what it lacks then is covered by the insurance fund, which always has enough",
		"later fills and funding payments of such a pool, and recorded covers of it, are ignored and counted; deposits, withdrawals and transfers are not",
		"an episode that happened too is closed by the recorded fills: where it would have begun behind the first of them, it counts as one that did not happen; where it would have gone on behind the last, the rest is closed then, at the mark",
		"recorded covers of a pool that is not bankrupt are dropped",
	}
)

// WhatIf answers. The past is folded once for each answer, beside it; its chain is compared on the way.
func (p *Past) WhatIf(ctx context.Context, o WhatIfOptions) (*WhatIf, error) {
	if o.Mode != Observe && o.Mode != Simulate {
		return nil, usage("there is no mode %q", o.Mode)
	}
	out := &WhatIf{Mode: o.Mode, Changes: o.describe(), Assumptions: slices.Clone(assumedAlways), Answers: []Outcome{}}
	out.Assumptions = append(out.Assumptions, map[Mode][]string{Observe: assumedObserving, Simulate: assumedSimulating}[o.Mode]...)
	shards, err := p.Shards(ctx, o.Shards)
	if err != nil {
		return nil, err
	}
	profiles := o.Compare
	if profiles == nil {
		profiles = []string{o.Profile}
	}
	for i, profile := range profiles {
		name, _, _ := strings.Cut(profile, "@")
		if profile != "" && !slices.Contains(registry.Names(), name) {
			return nil, usage("there is no profile %s in this build: it has %s", name, strings.Join(registry.Names(), ", "))
		}
		c := o.Changes
		c.Profile = profile
		if o.Assumed != nil {
			c.Assume = o.Assumed[name]
		}
		r := newRun(p, &o)
		for _, shard := range shards {
			m, err := r.shard(ctx, shard, &c)
			if err != nil {
				return nil, fmt.Errorf("shard %d: %w", shard, err)
			}
			if i == 0 {
				out.Cuts = append(out.Cuts, m.When())
			}
		}
		answer := r.outcome(profile)
		for _, path := range sortedKeys(c.Assume) {
			text, err := json.Marshal(c.Assume[path])
			if err != nil {
				return nil, err
			}
			answer.Assumed = append(answer.Assumed, path+" = "+string(text))
		}
		out.Answers = append(out.Answers, answer)
	}
	return out, nil
}

// describe lists the changes for people.
func (o *WhatIfOptions) describe() []string {
	out := []string{}
	if o.Profile != "" && o.Compare == nil {
		out = append(out, "profile "+o.Profile)
	}
	out = append(out, o.Set...)
	for _, m := range o.Marks {
		out = append(out, "mark "+m)
	}
	for _, d := range o.Drop {
		out = append(out, "without "+d)
	}
	if n := len(strings.Fields(strings.ReplaceAll(string(o.Correct), " ", ""))); n > 0 {
		out = append(out, fmt.Sprintf("%d corrected facts", n))
	}
	if o.Mode == Simulate && o.Slippage.Sign() > 0 {
		out = append(out, "slippage "+o.Slippage.String())
	}
	return out
}

type poolKey struct {
	Account
	pool string
}

type refusalKey struct{ typ, reason string }

// run is one answer in the making.
type run struct {
	past    *Past
	o       *WhatIfOptions
	edit    *editor
	other   *projector.Shard // under the change
	pools   map[poolKey]*PoolOutcome
	refused map[refusalKey]*Refusal
	unused  map[string]int // changes, by the number of shards that they changed nothing on
	shards  int
	needs   needs
	money   MoneyOutcome
	sim     *simulation
}

func newRun(p *Past, o *WhatIfOptions) *run {
	return &run{past: p, o: o, pools: map[poolKey]*PoolOutcome{}, refused: map[refusalKey]*Refusal{}, money: newMoneyOutcome()}
}

// shard folds one shard twice: as it was, and under the change.
func (r *run) shard(ctx context.Context, shard int32, c *Changes) (*Moment, error) {
	var err error
	if r.edit, err = newEditor(c); err != nil {
		return nil, err
	}
	from, err := r.past.oldest(ctx, shard)
	if err != nil {
		return nil, err
	}
	r.sim, r.needs.open = nil, map[Account]map[string]string{}
	if r.o.Mode == Simulate {
		r.sim = newSimulation(r)
	}
	if err := r.begin(shard, &from); err != nil {
		return nil, err
	}
	m, err := r.past.walk(ctx, shard, r.o.To, walkOptions{from: &from, postings: true, progress: r.o.Progress, after: r.record})
	if err != nil {
		return nil, err
	}
	if r.unused == nil {
		r.unused = map[string]int{}
	}
	r.shards++
	for _, what := range r.edit.unused() {
		r.unused[what]++
	}
	return m, r.end(m)
}

// begin makes the other fold, where the past begins.
func (r *run) begin(shard int32, from *begin) error {
	r.other = projector.New(projector.Config{Shard: shard, Postings: true})
	r.edit.listed = func(venue, market string) bool {
		_, ok := r.other.FundingIndex(venue, market)
		return ok
	}
	if from.head == nil {
		return nil
	}
	s := projector.New(projector.Config{Shard: shard, DedupeWindow: from.head.DedupeWindow, Postings: true})
	if err := from.state.EachRow(func(row projector.Row) error { return s.LoadRow(row.Key, row.Value) }); err != nil {
		return err
	}
	if err := from.state.EachSeen(func(src projector.Source, entries []byte) error {
		s.LoadSeen(src, entries)
		return nil
	}); err != nil {
		return err
	}
	if err := s.Loaded(from.head.Counters); err != nil {
		return err
	}
	r.other = s
	rules, err := standing(s)
	if err != nil {
		return err
	}
	for _, e := range rules {
		changed, err := r.edit.event(e)
		if err != nil {
			return err
		}
		if changed == e {
			continue
		}
		rec := r.edit.made(changed, &projector.Record{})
		fx := s.Apply(rec)
		r.look(rec, rec, fx, from.head.Counters.N)
		if err := r.follow(rec, rec, fx, from.head.Counters.N, nil); err != nil {
			return err
		}
	}
	return nil
}

// follow notes what a record of the other fold led to: rec is the record of the past in whose place it came.
func (r *run) follow(rec, other *projector.Record, fx *projector.Effects, n uint64, real *projector.Shard) error {
	for i := range fx.Outputs {
		r.status(&fx.Outputs[i], n, true)
	}
	r.money.add(other, fx, true)
	if err := r.needs.after(r.other, other); err != nil {
		return err
	}
	if r.sim == nil {
		return nil
	}
	return r.sim.close(fx, rec, n, real)
}

// record lets a record of the past happen, and what comes in place of it.
func (r *run) record(rec *projector.Record, fx *projector.Effects, real *projector.Shard) error {
	for i := range fx.Outputs {
		r.status(&fx.Outputs[i], fx.N, false)
	}
	r.money.add(rec, fx, false)
	if r.sim != nil {
		r.sim.happened(fx)
	}
	records := r.edit.records
	if fx.Duplicate { // It changed nothing, and takes no place of what was left out: only what is due before it comes.
		records = r.edit.due
	}
	list, err := records(rec)
	if err != nil {
		return err
	}
	wasDead := len(fx.DeadLetters) > 0
	for _, other := range list {
		if r.sim != nil && r.sim.leaveOut(other, fx, real) {
			continue
		}
		ofx := r.other.Apply(other)
		if !wasDead || other != rec {
			r.look(rec, other, ofx, fx.N)
		}
		if err := r.follow(rec, other, ofx, fx.N, real); err != nil {
			return err
		}
	}
	if r.sim != nil {
		return r.sim.goOn(rec, fx.N)
	}
	return nil
}

// look notes a record that the change made a dead letter.
func (r *run) look(rec, other *projector.Record, fx *projector.Effects, n uint64) {
	for i := range fx.Outputs {
		o := &fx.Outputs[i]
		if o.Kind != events.KindDeadLetter {
			continue
		}
		k := refusalKey{o.Type, o.Reason}
		if r.refused[k] == nil {
			r.refused[refusalKey{strings.Clone(o.Type), strings.Clone(o.Reason)}] = &Refusal{Type: strings.Clone(o.Type), Reason: strings.Clone(o.Reason), First: placeName(rec.Source, rec.Offset)}
		}
		r.refused[k].Count++
		if other.Event != nil {
			r.needs.refused(r.other, other.Event, o, n)
		}
	}
}

// status notes the first change of a pool to a status.
func (r *run) status(o *events.Output, n uint64, would bool) {
	var which func(*FirstStatus) **StatusAt
	switch o.Kind {
	case events.KindMarginCall:
		which = func(f *FirstStatus) **StatusAt { return &f.Called }
	case events.KindLiquidationTriggered:
		which = func(f *FirstStatus) **StatusAt { return &f.Liquidated }
	case events.KindPoolBankrupt:
		which = func(f *FirstStatus) **StatusAt { return &f.Bankrupt }
	default:
		return
	}
	k := poolKey{Account{o.Venue, o.Owner, o.Subaccount}, o.Pool}
	p := r.pools[k]
	if p == nil {
		k = poolKey{Account{strings.Clone(o.Venue), strings.Clone(o.Owner), o.Subaccount}, strings.Clone(o.Pool)}
		p = &PoolOutcome{Account: k.Account, Pool: k.pool}
		r.pools[k] = p
	}
	f := &p.Happened
	if would {
		f = &p.Would
	}
	if at := which(f); *at == nil {
		*at = &StatusAt{N: n, Time: o.Time, Source: fmt.Sprintf("%s/%d@%d", o.Source.Topic, o.Source.Partition, o.Source.Offset), Equity: o.Equity, Maintenance: o.Maintenance}
	}
}

// end looks at what the shard came to.
func (r *run) end(m *Moment) error {
	err := m.Fold.EachPool(func(p *projector.PoolState) error {
		r.money.owes(p, m.Fold.Settlement(p.Venue), false)
		return nil
	})
	if err != nil {
		return err
	}
	return r.other.EachPool(func(p *projector.PoolState) error {
		r.money.owes(p, r.other.Settlement(p.Venue), true)
		if p.Missing != "" && len(p.Positions) > 0 {
			r.needs.lack(p.Missing)
		}
		if r.sim != nil && p.Liquidation != "" && len(p.Positions) > 0 {
			r.money.Open++
		}
		return nil
	})
}

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
