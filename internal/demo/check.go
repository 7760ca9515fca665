package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"marginledger/internal/orderlog"
	"marginledger/internal/pipeline"
	"marginledger/internal/store"
	"marginledger/projector"
)

// Checks is what was recomputed from what lies on disk. Why says, for each that is false, where the
// first difference is.
type Checks struct {
	ReplayAgrees       bool `json:"replay_agrees"`        // refolding the inputs gives every hash in the order log, and the stored head's
	TrialBalanceZero   bool `json:"trial_balance_zero"`   // the stored rows of accounts and system accounts sum to zero, per asset
	OutputsExactlyOnce bool `json:"outputs_exactly_once"` // dense in sequence, and as the order log counts and hashes them

	Why []string `json:"-"`
}

// OK reports whether all hold.
func (c *Checks) OK() bool { return c.ReplayAgrees && c.TrialBalanceZero && c.OutputsExactlyOnce }

// tally is what the refold of all shards came to.
type tally struct {
	cuts        uint64
	accounts    int
	markets     int
	byKind      map[string]uint64
	duplicates  uint64
	awaiting    int
	chain       string
	deadLetters uint64
	violations  uint64
	chains      []orderlog.Hash
}

// Check recomputes the checks of the day kept in dir. It starts the broker on it.
func Check(ctx context.Context, command []string, dir string) (_ *Checks, err error) {
	d, err := keptDay(dir)
	if err != nil {
		return nil, err
	}
	c, err := startCluster(ctx, command, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	checks, _, err := check(ctx, c, d, dir)
	return checks, err
}

// check recomputes the checks; the ledger must not run. An error means that something could not be
// compared, not that it differs.
func check(ctx context.Context, c *cluster, d Day, dir string) (*Checks, *tally, error) {
	k := &Checks{ReplayAgrees: true, TrialBalanceZero: true, OutputsExactlyOnce: true}
	t := &tally{byKind: make(map[string]uint64)}
	cfg := d.ledger(dir)
	log := pipeline.Kafka(c.client)
	for id := range d.Shards {
		head, err := k.balance(cfg.DataDir, id)
		if err != nil {
			return nil, nil, err
		}
		err = pipeline.CheckOutputs(ctx, cfg, log, id, head)
		if err = k.note(&k.OutputsExactlyOnce, err); err != nil {
			return nil, nil, fmt.Errorf("check the outputs of shard %d: %w", id, err)
		}
		err = t.refold(ctx, cfg, log, id, head)
		if err = k.note(&k.ReplayAgrees, err); err != nil {
			return nil, nil, fmt.Errorf("fold shard %d again: %w", id, err)
		}
	}
	t.chain = chainOf(t.chains)
	return k, t, nil
}

// note turns a difference into a false check; other errors stay errors.
func (c *Checks) note(holds *bool, err error) error {
	if err == nil || !pipeline.IsDifference(err) {
		return err
	}
	*holds = false
	c.Why = append(c.Why, err.Error())
	return nil
}

// balance sums a shard's stored rows and returns the stored head, nil where there is none.
func (c *Checks) balance(dataDir string, id int32) (head *orderlog.Head, err error) {
	st, err := store.Open(store.ShardDir(dataDir, id), store.Options{DedupeWindow: projector.DefaultDedupeWindow, ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("open the store of shard %d: %w", id, err)
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	view, err := st.View()
	if err != nil {
		return nil, fmt.Errorf("read the store of shard %d: %w", id, err)
	}
	defer func() { err = errors.Join(err, view.Close()) }()
	if head, err = view.Head(); err != nil {
		return nil, fmt.Errorf("read the store of shard %d: %w", id, err)
	}
	if err := c.note(&c.TrialBalanceZero, pipeline.CheckTrialBalance(id, view)); err != nil {
		return nil, fmt.Errorf("sum the rows of shard %d: %w", id, err)
	}
	return head, nil
}

// refold folds a shard's order log again, and compares the chain at the stored head's cut. Rows are
// not compared here: that is what replay verify does, row by row.
func (t *tally) refold(ctx context.Context, cfg pipeline.Config, log pipeline.Log, id int32, head *orderlog.Head) error {
	found := head == nil
	r, err := pipeline.Refold(ctx, cfg, log, id, pipeline.RefoldOptions{Visit: func(f *pipeline.FoldedCut) error {
		if head == nil || f.Entry.Number != head.Cut {
			return nil
		}
		found = true
		if f.Entry.Hash != head.Chain || f.Counters != head.Counters {
			return &pipeline.Difference{Shard: id, Cut: head.Cut, What: "the stored head is not that of the fold"}
		}
		return nil
	}})
	if err != nil {
		return err
	}
	if !found {
		return &pipeline.Difference{Shard: id, Cut: head.Cut, What: "the store holds this cut, but the order log ends with cut " + fmt.Sprint(r.Cut)}
	}
	t.add(r)
	return nil
}

// add adds a shard. Markets are those of any shard: every shard has all of them.
func (t *tally) add(r *pipeline.Refolded) {
	t.cuts += r.Cut
	t.chains = append(t.chains, r.Chain)
	for k, n := range r.Counts.ByKind {
		t.byKind[k] += n
	}
	t.duplicates += r.Counts.Repeated
	for _, n := range r.Counts.Reasons {
		t.deadLetters += n
	}
	for _, n := range r.Counts.Rules {
		t.violations += n
	}
	if f, ok := r.Fold.(interface{ Totals() projector.Totals }); ok {
		totals := f.Totals()
		t.accounts += totals.Accounts
		t.markets = max(t.markets, totals.Markets)
		t.awaiting += totals.Awaiting
	}
}

// chainOf returns the hash of the last cut; of several shards, the hash of theirs in order.
func chainOf(chains []orderlog.Hash) string {
	if len(chains) == 1 {
		return chains[0].String()
	}
	h := sha256.New()
	for i := range chains {
		h.Write(chains[i][:])
	}
	return hex.EncodeToString(h.Sum(nil))
}
