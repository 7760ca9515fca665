package api

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
	"marginledger/internal/pipeline"
	"marginledger/internal/store"
	"marginledger/projector"
	"marginledger/snapshot"
)

// Node is the Ledger of a process that runs a pipeline.
type Node struct {
	Pipeline     *pipeline.Node
	Shards       int32  // of the whole ledger
	URL          string // of this process, as its fences say
	Liquidations *Topic
	Store        snapshot.Store // of snapshots; nil: none
	Before       func() error   // what keeps the pipeline from being started; nil result: it was
}

var _ Ledger = (*Node)(nil)

// ShardOf implements Ledger.
func (n *Node) ShardOf(owner string) int32 {
	return eventlog.Murmur2Partition([]byte(owner), n.Shards)
}

// Local implements Ledger.
func (n *Node) Local() []int32 {
	var out []int32
	for _, s := range n.Pipeline.Status() {
		if s.Ready {
			out = append(out, s.Shard)
		}
	}
	return out
}

// NotReady implements Ledger.
func (n *Node) NotReady() []string {
	err := n.Before()
	if err == nil {
		err = n.Pipeline.Ready()
	}
	if err == nil {
		return nil
	}
	return []string{err.Error()}
}

// Announcements implements Ledger. They come from the topic, so any process can tell those of any shard.
func (n *Node) Announcements(ctx context.Context, shard int32, since uint64, limit int) ([]Announcement, error) {
	if shard >= n.Shards {
		return nil, noShard(shard, n.Shards)
	}
	return n.Liquidations.Since(ctx, shard, since, limit)
}

// Read implements Ledger.
func (n *Node) Read(ctx context.Context, shard int32, minCut uint64) (Cut, error) {
	sh, err := n.shard(ctx, shard)
	if err != nil {
		return nil, err
	}
	if minCut > 0 {
		if err := sh.WaitCut(ctx, minCut); err != nil {
			return nil, &BehindError{Shard: shard, Cut: sh.Status().Cut, Want: minCut}
		}
	}
	v, err := sh.Snapshot()
	switch {
	case errors.Is(err, pipeline.ErrNotReady), errors.Is(err, store.ErrClosed):
		return nil, ErrTakeover
	case err != nil:
		return nil, err
	}
	head, err := v.Head()
	if err == nil && head == nil {
		head = &orderlog.Head{Shard: shard} // Before the first cut.
	}
	if err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return &nodeCut{v: v, head: head, rows: projector.OpenView(v.Get)}, nil
}

// elsewhere says who holds a shard that is not assigned to this process. A fence of our own is an old one.
func (n *Node) elsewhere(ctx context.Context, shard int32) error {
	if n.Before() != nil {
		return ErrTakeover
	}
	url, err := n.Pipeline.Owner(ctx, shard)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrTakeover, err)
	case url == "" || url == n.URL:
		return ErrTakeover
	}
	return &ElsewhereError{Shard: shard, URL: url}
}

// nodeCut is one stored cut.
type nodeCut struct {
	v    *store.View
	head *orderlog.Head
	rows *projector.View
}

func (c *nodeCut) Close() error { return c.v.Close() }

func (c *nodeCut) At() At {
	return At{Shard: c.head.Shard, Term: c.head.Term, Cut: c.head.Cut, Hash: c.head.Chain.String(), N: c.head.Counters.N}
}

func (c *nodeCut) Account(venue, owner string, subaccount uint32) (*Account, error) {
	f, err := c.rows.Account(venue, owner, subaccount)
	if f == nil || err != nil {
		return nil, err
	}
	return accountOf(f), nil
}

func (c *nodeCut) Family(venue, owner string, subaccount uint32) (*Family, error) {
	f, err := c.rows.Family(venue, owner, subaccount, c.v.Rows)
	if f == nil || err != nil {
		return nil, err
	}
	out := &Family{Venue: f.Venue, Owner: f.Owner, Parent: f.Parent, Equity: optional(f.Equity), Free: optional(f.Free)}
	for _, a := range f.Accounts {
		out.Accounts = append(out.Accounts, *accountOf(a))
	}
	return out, nil
}

func accountOf(f *projector.AccountFigures) *Account {
	a := &Account{
		Venue: f.Venue, Owner: f.Owner, Subaccount: f.Subaccount, Operator: f.Operator, MarginType: f.MarginType.String(),
		Incomplete: f.Incomplete, Stale: f.Stale, Balances: []Balance{}, Isolated: []Pool{},
		OrderMargin: decimal(f.OrderMargin), Free: optional(f.Free), Withdrawable: optional(f.Withdrawable),
	}
	if f.Child {
		a.Parent = &f.Parent
	}
	for _, b := range f.Balances {
		a.Balances = append(a.Balances, Balance{Asset: b.Asset, Amount: decimal(b.Amount), Value: optional(b.Value), Observed: optional(b.Observed)})
	}
	a.Claims = claimsOf(f.Claims)
	a.Cross = poolOf(&f.Pools[0])
	for i := range f.Pools[1:] {
		a.Isolated = append(a.Isolated, poolOf(&f.Pools[1+i]))
	}
	return a
}

func poolOf(f *projector.PoolFigures) Pool {
	p := Pool{
		Pool: f.Pool, Collateral: optional(f.Collateral), Missing: f.Missing, Equity: optional(f.Equity), Initial: decimal(f.Initial),
		Maintenance: decimal(f.Maintenance), MarginRatio: optional(f.MarginRatio), Unpriced: f.Unpriced,
		CallLevels: []Decimal{}, Positions: []Position{},
	}
	for _, level := range f.Calls {
		p.CallLevels = append(p.CallLevels, decimal(level))
	}
	if f.Liquidation != "" {
		p.Episode = &Episode{Liquidation: f.Liquidation, Stage: f.Stage.String(), Awaiting: f.Awaiting, CooldownUntil: timeOf(f.CooldownUntil)}
	}
	for i := range f.Positions {
		r := &f.Positions[i]
		p.Positions = append(p.Positions, Position{
			Market: r.Market, Leg: r.Leg.String(), Size: decimal(r.Size), EntryPrice: decimal(r.EntryPrice), Mark: optional(r.Mark),
			MarkTime: r.MarkTime, Notional: decimal(r.Notional), UnrealisedPnL: decimal(r.UnrealisedPnL),
			UnpostedFunding: decimal(r.UnpostedFunding), Initial: decimal(r.Initial), Maintenance: decimal(r.Maintenance), Tier: r.Tier,
			LiquidationPrice: optional(r.LiquidationPrice), NoLiquidationPrice: r.NoLiquidationPrice, LiquidationPriceUnderlying: optional(r.LiquidationPriceUnderlying),
			BankruptcyPrice: optional(r.BankruptcyPrice), NoBankruptcyPrice: r.NoBankruptcyPrice, ADLRank: rankOf(r.Rank), NoADLRank: r.NoRank,
			UnpostedBorrowing: optional(r.Accrued.Borrowing), ClosingFee: optional(r.Accrued.Fee), ClosingImpact: optional(r.Accrued.Impact),
			UnpostedClaims: claimsOf(r.Accrued.Claims),
		})
	}
	p.Worst = scenarioOf(&f.Worst)
	return p
}

func scenarioOf(f *projector.WorstFigures) *Scenario {
	if f.Name == "" {
		return nil
	}
	s := &Scenario{Name: f.Name, Weight: decimal(f.Weight), Loss: decimal(f.Loss), Offsets: decimal(f.Offsets), Contingency: decimal(f.Contingency),
		Losses: []ScenarioLoss{}}
	for _, l := range f.Losses {
		loss := ScenarioLoss{Market: l.Market, Asset: l.Asset, Loss: decimal(l.Loss)}
		if l.Market != "" {
			loss.Leg = l.Leg.String()
		}
		s.Losses = append(s.Losses, loss)
	}
	return s
}

func (c *nodeCut) Market(venue, market string) (*Market, error) {
	f, err := c.rows.Market(venue, market)
	if f == nil || err != nil {
		return nil, err
	}
	m := &Market{
		Venue: f.Venue, Market: f.Market, Underlying: f.Underlying, Status: "trading", PriceScale: uint32(f.PriceScale),
		SizeScale: uint32(f.SizeScale), Mark: optional(f.Mark), MarkTime: timeOf(f.MarkTime), Index: optional(f.Index),
		FundingMode: f.FundingMode.String(), FundingIndex: decimal(f.FundingIndex), Stale: f.Stale, Tiers: []Tier{},
	}
	switch {
	case f.Settled:
		m.Status = "settled"
	case f.Halted:
		m.Status = "halted"
	}
	for _, t := range f.Tiers {
		m.Tiers = append(m.Tiers, Tier{LowerNotional: decimal(t.LowerNotional), MaxLeverage: t.MaxLeverage,
			MaintenanceRate: decimal(t.MaintenanceRate), Deduction: decimal(t.Deduction)})
	}
	return m, nil
}

func (c *nodeCut) Queue(venue, market string, long bool) ([]Queued, error) {
	list, err := c.rows.ADLQueue(venue, market, long, c.v.Rows)
	if list == nil || err != nil {
		return nil, err
	}
	out := make([]Queued, len(list))
	for i := range list {
		q := &list[i]
		out[i] = Queued{Owner: q.Owner, Subaccount: q.Subaccount, Pool: q.Pool, Leg: q.Leg.String(), Size: decimal(q.Size),
			Notional: decimal(q.Notional)}
		if rank := rankOf(q.Rank); rank != nil {
			out[i].Rank = *rank
		}
	}
	return out, nil
}

func claimsOf(list []projector.ClaimFigures) (out []Claim) {
	for _, c := range list {
		out = append(out, Claim{Market: c.Market, Asset: c.Asset, Kind: c.Kind.String(), Amount: decimal(c.Amount)})
	}
	return out
}

// rankDigits are those of a rank after the point, for display.
const rankDigits = 12

func rankOf(r *big.Rat) *Decimal {
	if r == nil {
		return nil
	}
	d := Decimal(r.FloatString(rankDigits))
	return &d
}

func decimal(n events.Number) Decimal { return Decimal(n.Append(nil)) }

func optional(n events.Number) *Decimal {
	if !n.Present {
		return nil
	}
	d := decimal(n)
	return &d
}

// timeOf returns a time in nanoseconds as RFC 3339; "" for 0, which means never.
func timeOf(ns int64) string {
	if ns == 0 {
		return ""
	}
	return time.Unix(0, ns).UTC().Format(time.RFC3339Nano)
}
