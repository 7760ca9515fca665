package audit

import (
	"context"
	"fmt"
	"strings"

	"marginledger/events"
	"marginledger/projector"
)

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
	if err := r.needs.after(r.other, other, real); err != nil {
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
		if p.Missing != "" && len(p.Positions) > 0 && !lackedIt(m.Fold, Account{p.Venue, p.Owner, p.Subaccount}, p.Pool) {
			r.needs.lack(p.Missing)
		}
		if r.sim != nil && p.Liquidation != "" && len(p.Positions) > 0 {
			r.money.Open++
		}
		return nil
	})
}
