package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"marginledger/events"
	"marginledger/internal/orderlog"
	"marginledger/internal/pipeline"
	"marginledger/internal/store"
	"marginledger/projector"
)

// audited is what an audit found.
type audited struct {
	cuts, terms, liquidations, deadLetters uint64
	records, announcements                 int
}

// audit checks every shard, after all members have ended: a fold of the order log from its beginning gives the state
// and the chain of the last owner's store, row by row; every input record is in the order once; the output topics hold
// that fold's announcements, byte by byte, each once; the trial balance is zero.
func (w *world) audit() (all audited) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, 2*time.Minute)
	defer cancel()
	for id := range w.shards {
		if err := w.auditShard(ctx, id, &all); err != nil {
			w.t.Errorf("audit of shard %d: %v", id, err)
		}
	}
	return all
}

func (w *world) auditShard(ctx context.Context, id int32, all *audited) (err error) {
	cfg, log := w.settings(), pipeline.Kafka(w.client)
	view, head, closeStore, err := w.newest(id)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeStore()) }()

	// The ledger's own checks.
	var want [events.Streams][]announced
	folded, err := pipeline.Refold(ctx, cfg, log, id, pipeline.RefoldOptions{State: view, Visit: func(c *pipeline.FoldedCut) error {
		return c.Outputs(func(stream int, seq uint64, key, value []byte) error {
			want[stream] = append(want[stream], announced{seq, bytes.Clone(key), bytes.Clone(value)})
			return nil
		})
	}})
	if err != nil {
		return fmt.Errorf("fold again: %w", err)
	}
	if folded.Cut != head.Cut || folded.Chain != head.Chain {
		return fmt.Errorf("the last owner stored cut %d (%v), the order log ends with cut %d (%v)", head.Cut, head.Chain, folded.Cut, folded.Chain)
	}
	if err := pipeline.CheckOutputs(ctx, cfg, log, id, head); err != nil {
		return fmt.Errorf("outputs: %w", err)
	}
	if err := pipeline.CheckTrialBalance(id, view); err != nil {
		return err
	}

	// The same by other code, with another client.
	for stream, topic := range cfg.OutputTopics {
		if err := w.auditOutput(ctx, topic, id, want[stream]); err != nil {
			return err
		}
		all.announcements += len(want[stream])
	}
	if err := w.auditOrder(ctx, cfg.OrderTopic, id, folded, all); err != nil {
		return err
	}
	all.cuts += folded.Cut
	all.liquidations += folded.Counts.ByKind["LiquidationTriggered"]
	for _, n := range folded.Counts.Reasons {
		all.deadLetters += n
	}
	return nil
}

// announced is one announcement of a fold.
type announced struct {
	seq        uint64
	key, value []byte
}

// newest returns the stored state of the member that owned a shard last.
func (w *world) newest(id int32) (view *store.View, head *orderlog.Head, closeAll func() error, err error) {
	var best *store.Store
	for _, m := range w.members {
		dir := store.ShardDir(m.dir, id)
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		st, err := store.Open(dir, store.Options{DedupeWindow: projector.DefaultDedupeWindow, ReadOnly: true})
		if errors.Is(err, store.ErrTorn) {
			continue
		}
		if err != nil {
			return nil, nil, nil, fmt.Errorf("open the store of %s: %w", m.name, err)
		}
		h, err := st.Head()
		if err != nil || h == nil || head != nil && h.Cut <= head.Cut {
			if err := st.Close(); err != nil {
				return nil, nil, nil, err
			}
			continue
		}
		if best != nil {
			if err := best.Close(); err != nil {
				return nil, nil, nil, err
			}
		}
		best, head = st, h
	}
	if best == nil {
		return nil, nil, nil, errors.New("nobody has stored it")
	}
	if view, err = best.View(); err != nil {
		return nil, nil, nil, errors.Join(err, best.Close())
	}
	return view, head, func() error { return errors.Join(view.Close(), best.Close()) }, nil
}

// read returns all records of a partition, with a client that is not ours.
func (w *world) read(ctx context.Context, topic string, partition int32) ([]*kgo.Record, error) {
	_, end, err := w.client.Offsets(ctx, topic, partition)
	if err != nil || end == 0 {
		return nil, err
	}
	c, err := kgo.NewClient(kgo.SeedBrokers(w.k.Brokers...),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().AtStart()}}))
	if err != nil {
		return nil, fmt.Errorf("open a client: %w", err)
	}
	defer c.Close()
	var all []*kgo.Record
	for len(all) == 0 || all[len(all)-1].Offset+1 < end {
		f := c.PollFetches(ctx)
		if err := f.Err(); err != nil {
			return nil, fmt.Errorf("read %s/%d: %w", topic, partition, err)
		}
		all = append(all, f.Records()...)
	}
	return all, nil
}

// auditOutput holds an output partition against a fold's announcements.
func (w *world) auditOutput(ctx context.Context, topic string, partition int32, want []announced) error {
	got, err := w.read(ctx, topic, partition)
	if err != nil {
		return err
	}
	next := 0
	for _, r := range got {
		control := false
		for _, h := range r.Headers {
			control = control || h.Key == orderlog.ControlHeader
		}
		if control {
			continue
		}
		var body struct {
			Seq uint64 `json:"seq"`
		}
		if err := json.Unmarshal(r.Value, &body); err != nil {
			return fmt.Errorf("%s/%d@%d: %w", topic, partition, r.Offset, err)
		}
		at := fmt.Sprintf("%s/%d@%d has seq %d", topic, partition, r.Offset, body.Seq)
		switch {
		case next == len(want):
			return fmt.Errorf("%s, but the fold has only %d announcements", at, len(want))
		case body.Seq != want[next].seq || body.Seq != uint64(next)+1:
			return fmt.Errorf("%s, expected %d", at, next+1)
		case !bytes.Equal(r.Value, want[next].value) || !bytes.Equal(r.Key, want[next].key):
			return fmt.Errorf("%s: it is %s, the fold has %s", at, r.Value, want[next].value)
		}
		next++
	}
	if next != len(want) {
		return fmt.Errorf("%s/%d has %d announcements, the fold %d", topic, partition, next, len(want))
	}
	return nil
}

// auditOrder walks the order log: terms are the offsets of fences, cuts count where their term is current, and the runs
// of the cuts that count cover every input from its beginning to its end.
func (w *world) auditOrder(ctx context.Context, topic string, id int32, folded *pipeline.Refolded, all *audited) error {
	entries, err := w.read(ctx, topic, id)
	if err != nil {
		return err
	}
	var (
		fence *orderlog.Fence
		term  = int64(-1)
		last  orderlog.Cut
		next  = make(map[projector.Source]int64)
	)
	for _, r := range entries {
		entry, err := orderlog.Decode(r.Value)
		if err != nil {
			return fmt.Errorf("%s/%d@%d: %w", topic, id, r.Offset, err)
		}
		switch e := entry.(type) {
		case *orderlog.Fence:
			fence, term = e, r.Offset
			all.terms++
		case *orderlog.Cut:
			if e.Term != term {
				continue
			}
			if e.Number != last.Number+1 || last.Number > 0 && e.Prev != last.Hash {
				return fmt.Errorf("%s/%d@%d: cut %d does not follow cut %d", topic, id, r.Offset, e.Number, last.Number)
			}
			last = *e
			for _, run := range e.Runs {
				src := projector.Source{Topic: fence.Topics[run.Topic].Name, Partition: run.Partition}
				if next[src]+int64(run.Count) != run.Next {
					return fmt.Errorf("cut %d takes %d records of %v up to offset %d, but %d were taken before", e.Number, run.Count, src, run.Next, next[src])
				}
				next[src] = run.Next
				all.records += int(run.Count)
			}
		}
	}
	if last.Number != folded.Cut || last.Hash != folded.Chain {
		return fmt.Errorf("%s/%d ends with cut %d (%v), the fold with %d (%v)", topic, id, last.Number, last.Hash, folded.Cut, folded.Chain)
	}
	ends, _ := w.sources(id)
	for src, end := range ends {
		if next[src] != end {
			return fmt.Errorf("%v has %d records, %d are in the order", src, end, next[src])
		}
	}
	return nil
}
