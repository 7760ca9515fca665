package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/internal/store"
	"marginledger/peers/task"
	"marginledger/projector"
)

// each reads a topic, committed records only, in order of partitions.
func (b *bench) each(ctx context.Context, topic string, f func(eventlog.Record) error) error {
	for p := range b.in.partitions {
		from, to, err := b.client.Offsets(ctx, topic, p)
		if err == nil {
			err = b.client.ReadRange(ctx, topic, p, from, to, f)
		}
		if err != nil {
			return fmt.Errorf("read %s/%d: %w", topic, p, err)
		}
	}
	return nil
}

// changelog reads what goka and Streams leave: outputs as JSON, and the last value of every account in the topic that
// the state would be rebuilt from. The topics are deleted: each lap has its own.
func (e *peer) changelog(ctx context.Context, b *bench) (*outcome, error) {
	job := e.job
	o := new(outcome)
	err := b.each(ctx, job.Alerts, func(r eventlog.Record) error {
		var a struct {
			Owner, ID           string
			Equity, Maintenance int64
		}
		if err := json.Unmarshal(r.Value, &a); err != nil || a.Owner != string(r.Key) {
			return fmt.Errorf("output %q of %q: %w", r.Value, r.Key, err)
		}
		o.alerts = append(o.alerts, alertLine(a.Owner, a.ID, decimal.New(a.Equity, -task.CashScale), decimal.New(a.Maintenance, -task.CashScale)))
		return nil
	})
	if err != nil {
		return nil, err
	}
	state := e.state(job.Group)
	last := make(map[string][]byte)
	if err := b.each(ctx, state, func(r eventlog.Record) error {
		last[string(r.Key)] = slices.Clone(r.Value)
		return nil
	}); err != nil {
		return nil, err
	}
	for owner, value := range last {
		var a task.Account
		if err := a.ParseState(value); err != nil {
			return nil, fmt.Errorf("account %s: %w", owner, err)
		}
		o.accounts = append(o.accounts, accountLine(owner, &a))
	}
	o.sort()
	return o, b.drop(ctx, job.Alerts, state)
}

// drop deletes topics.
func (b *bench) drop(ctx context.Context, topics ...string) error {
	var errs []error
	for _, t := range topics {
		errs = append(errs, b.client.DeleteTopic(ctx, t))
	}
	return errors.Join(errs...)
}

// stored reads what the ledger's pipeline with the reduced fold leaves: announcements, and Pebble's rows.
func (e *peer) stored(ctx context.Context, b *bench) (*outcome, error) {
	job := e.job
	o := new(outcome)
	err := b.announcements(ctx, job.Alerts, func(a *events.Output, _ []byte) {
		o.alerts = append(o.alerts, alertLine(a.Owner, a.EventID, a.Equity.Decimal(), a.Maintenance.Decimal()))
	})
	if err != nil {
		return nil, err
	}
	err = eachRow(job.Dir, b.in.partitions, func(_ int32, r projector.Row) error {
		var a task.Account
		if err := a.ParseState(r.Value); err != nil {
			return fmt.Errorf("account %s: %w", r.Key, err)
		}
		o.accounts = append(o.accounts, accountLine(string(r.Key), &a))
		return nil
	}, nil)
	if err != nil {
		return nil, err
	}
	o.sort()
	return o, b.dropLedger(ctx, job.Alerts)
}

// announcements reads the ledger's outputs; fences are no announcements.
func (b *bench) announcements(ctx context.Context, prefix string, f func(o *events.Output, text []byte)) error {
	for _, s := range []events.Stream{events.StreamLiquidations, events.StreamNotices} {
		if err := b.each(ctx, prefix+s.String(), func(r eventlog.Record) error {
			if slices.ContainsFunc(r.Headers, func(h eventlog.Header) bool { return h.Key == "ledger-control" }) {
				return nil
			}
			a, err := events.ParseOutput(r.Value)
			if err == nil {
				f(a, r.Value)
			}
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// dropLedger deletes the topics that a ledger writes.
func (b *bench) dropLedger(ctx context.Context, prefix string) error {
	return b.drop(ctx, prefix+"ledger.order.v1", prefix+events.StreamLiquidations.String(), prefix+events.StreamNotices.String(),
		prefix+events.StreamDeadLetters.String())
}

// eachRow reads the rows of a ledger's data directory, shard by shard. end hears of a shard's head after its last row; it
// may be nil.
func eachRow(dir string, shards int32, f func(shard int32, r projector.Row) error, end func(shard int32, c projector.Counters) error) error {
	for id := range shards {
		st, err := store.Open(store.ShardDir(dir, id), store.Options{DedupeWindow: projector.DefaultDedupeWindow, ReadOnly: true})
		if err != nil {
			return err
		}
		err = eachRowOf(st, id, f, end)
		if err = errors.Join(err, st.Close()); err != nil {
			return fmt.Errorf("read the store of shard %d: %w", id, err)
		}
	}
	return nil
}

func eachRowOf(st *store.Store, id int32, f func(int32, projector.Row) error, end func(int32, projector.Counters) error) error {
	v, err := st.View()
	if err != nil {
		return err
	}
	defer v.Close()
	if err := v.EachRow(func(r projector.Row) error { return f(id, r) }); err != nil || end == nil {
		return err
	}
	head, err := v.Head()
	if err != nil {
		return err
	}
	if head == nil {
		return errors.New("it has no head")
	}
	return end(id, head.Counters)
}
