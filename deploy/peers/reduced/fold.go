// Package reduced is the reduced task in the ledger's own pipeline: the same sources, merge, cuts, hash chain, order log,
// announcements and Pebble as `ledger run`, with a fold in place of the ledger's that does the reduced task and no more.
package reduced

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/internal/pipeline"
	"marginledger/peers/task"
	"marginledger/projector"
)

// fold is the state of one shard. It has no dedupe, no dead letters and no rules to break: as for the other engines, a
// fact that it cannot apply ends the run.
type fold struct {
	shard    int32
	counters projector.Counters
	accounts map[string]*account
	markets  map[string]string // names that outlive the records that they came in
	changed  []*account
	fx       projector.Effects
	row      []byte
	first    func()
}

type account struct {
	task.Account
	owner   string
	changed bool // since rows were last taken
}

func newFold(c projector.Config, first func()) *fold {
	return &fold{shard: c.Shard, accounts: make(map[string]*account), markets: make(map[string]string), first: first}
}

var _ pipeline.Fold = (*fold)(nil)

// Apply implements pipeline.Fold.
func (f *fold) Apply(r *projector.Record) *projector.Effects {
	f.first()
	f.counters.N++
	f.fx = projector.Effects{N: f.counters.N, Outputs: f.fx.Outputs[:0]}
	if err := f.apply(r); err != nil {
		panic(fmt.Sprintf("reduced: %s/%d@%d: %v", r.Source.Topic, r.Source.Partition, r.Offset, err))
	}
	return &f.fx
}

func (f *fold) apply(r *projector.Record) error {
	e := r.Event
	if e == nil || r.WrongPartition {
		return fmt.Errorf("the record is no fact of its partition: %s", r.Undecodable)
	}
	var fact task.Fact
	if err := f.read(&fact, e.Body); err != nil {
		return err
	}
	a := f.account(e.Owner)
	alert, raised, err := a.Apply(&fact)
	if err != nil || !raised {
		return err
	}
	f.counters.Seqs[events.StreamLiquidations]++
	f.fx.Outputs = append(f.fx.Outputs, events.Output{
		ID: events.OutputID(f.shard, f.counters.N, 0), Seq: f.counters.Seqs[events.StreamLiquidations],
		Kind: events.KindLiquidationTriggered, Shard: f.shard, N: f.counters.N,
		Source:  events.Offset{Topic: r.Source.Topic, Partition: r.Source.Partition, Offset: r.Offset},
		EventID: e.ID, Owner: a.owner, Equity: money(alert.Equity), Maintenance: money(alert.Maintenance),
	})
	return nil
}

// account returns an account, marked as changed.
func (f *fold) account(owner string) *account {
	a := f.accounts[owner]
	if a == nil {
		a = &account{owner: strings.Clone(owner)}
		f.accounts[a.owner] = a
	}
	if !a.changed {
		a.changed = true
		f.changed = append(f.changed, a)
	}
	return a
}

// read makes a fact of the task out of one that our decoder has decoded.
func (f *fold) read(fact *task.Fact, body events.Body) (err error) {
	switch b := body.(type) {
	case *events.Deposit:
		fact.Amount, err = b.Amount.Int64At(task.CashScale)
		return err
	case *events.Fill:
		fact.Market = f.market(b.Market)
		if fact.Size, err = b.Size.Int64At(task.SizeScale); err != nil {
			return err
		}
		if b.Side == events.Sell {
			fact.Size = -fact.Size
		}
		if fact.Price, err = b.Price.Int64At(task.PriceScale); err != nil {
			return err
		}
		fact.Fee, err = b.Fee.Int64At(task.CashScale)
		return err
	}
	return fmt.Errorf("a %T is not of this task", body)
}

// market returns a market's name: strings of an event are views of its record.
func (f *fold) market(view string) string {
	name, known := f.markets[view]
	if !known {
		name = strings.Clone(view)
		f.markets[name] = name
	}
	return name
}

func money(v int64) events.Number { return events.NumberOf(fixed.FromInt64(v), task.CashScale) }

// ReadAhead implements pipeline.Fold: the accounts of this task are small, and it does without.
func (*fold) ReadAhead([]*events.Event) {}

// Waits implements pipeline.Fold: nothing here waits for a configuration.
func (*fold) Waits(*events.Event) bool { return false }

// Counters implements pipeline.Fold.
func (f *fold) Counters() projector.Counters { return f.counters }

// TakeChanged implements pipeline.Fold.
func (f *fold) TakeChanged(fn func(projector.Row)) {
	slices.SortFunc(f.changed, func(a, b *account) int { return cmp.Compare(a.owner, b.owner) })
	for _, a := range f.changed {
		a.changed = false
		f.hand(a, fn)
	}
	f.changed = f.changed[:0]
}

func (f *fold) hand(a *account, fn func(projector.Row)) {
	f.row = append(f.row[:0], a.owner...)
	f.row = a.AppendState(f.row)
	n := len(a.owner)
	fn(projector.Row{Key: f.row[:n:n], Value: f.row[n:]})
}

// EachRow implements pipeline.Fold.
func (f *fold) EachRow(fn func(projector.Row)) {
	all := make([]*account, 0, len(f.accounts))
	for _, a := range f.accounts {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b *account) int { return cmp.Compare(a.owner, b.owner) })
	for _, a := range all {
		f.hand(a, fn)
	}
}

// LoadRow implements pipeline.Fold.
func (f *fold) LoadRow(key, value []byte) error {
	a := &account{owner: string(key)}
	f.accounts[a.owner] = a
	return a.ParseState(value)
}

// Loaded implements pipeline.Fold.
func (f *fold) Loaded(c projector.Counters) error { f.counters = c; return nil }

// TakeSeen implements pipeline.Fold: there is no dedupe window.
func (*fold) TakeSeen(func(projector.Source, []byte)) {}

// LoadSeen implements pipeline.Fold.
func (*fold) LoadSeen(projector.Source, []byte) {}
