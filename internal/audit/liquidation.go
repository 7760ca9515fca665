package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
	"marginledger/internal/pipeline"
	"marginledger/projector"
	"marginledger/snapshot"
)

// LiquidationWhy is why a pool was liquidated, or called: the record that did it, the figures on both sides of it, every
// term behind them, and what would have saved the pool.
type LiquidationWhy struct {
	ID           string          `json:"id"`
	Kind         string          `json:"kind"`
	Account      Account         `json:"account"`
	Pool         string          `json:"pool"`
	Stage        string          `json:"stage,omitempty"`
	Trigger      *EventAt        `json:"trigger"`
	Price        *PriceMove      `json:"price,omitempty"` // that the trigger moved
	Before       PoolFigures     `json:"before"`
	After        PoolFigures     `json:"after"`
	Reason       string          `json:"reason"`
	Saved        []Saving        `json:"saved"`
	Explanation  *Explanation    `json:"explanation"`
	History      []HistoryLine   `json:"history"` // of the episode, as it was announced
	Announcement json.RawMessage `json:"announcement"`
}

// PriceMove is a price before and behind a record.
type PriceMove struct {
	What string        `json:"what"`
	From events.Number `json:"from"`
	To   events.Number `json:"to"`

	scale int // of the market's prices
}

// PoolFigures are a pool's figures at one side of a record.
type PoolFigures struct {
	Equity      events.Number     `json:"equity"`
	Initial     events.Number     `json:"initialMargin"`
	Maintenance events.Number     `json:"maintenanceMargin"`
	Positions   []PositionFigures `json:"positions"`
}

// PositionFigures are those of a position.
type PositionFigures struct {
	Market      string        `json:"market"`
	Leg         string        `json:"leg"`
	Size        events.Number `json:"size"`
	Mark        events.Number `json:"mark"`
	Unrealised  events.Number `json:"unrealisedPnl"`
	Funding     events.Number `json:"unpostedFunding"`
	Maintenance events.Number `json:"maintenanceMargin"`
}

// Saving is a change before the trigger with which the same record would not have done it: the least of its kind, and it
// was tried.
type Saving struct {
	What   string        `json:"what"`
	Amount events.Number `json:"amount"`
	Unit   string        `json:"unit"`
}

// HistoryLine is an announcement of the episode.
type HistoryLine struct {
	N           uint64        `json:"n"`
	Seq         uint64        `json:"seq"`
	Kind        string        `json:"kind"`
	Stage       string        `json:"stage,omitempty"`
	Time        string        `json:"time,omitempty"`
	Source      string        `json:"source"`
	Type        string        `json:"type"`
	Equity      events.Number `json:"equity"`
	Maintenance events.Number `json:"maintenanceMargin"`
	Awaiting    bool          `json:"awaiting"`
}

// parseOutputID takes an announcement's id apart.
func parseOutputID(id string) (shard int32, n uint64, err error) {
	parts := strings.Split(id, "-")
	if len(parts) == 3 {
		s, err1 := strconv.ParseInt(parts[0], 10, 32)
		n, err2 := strconv.ParseUint(parts[1], 10, 63)
		_, err3 := strconv.ParseUint(parts[2], 10, 32)
		if err1 == nil && err2 == nil && err3 == nil && s >= 0 && n > 0 {
			return int32(s), n, nil
		}
	}
	return 0, 0, usage("%q is no id of an announcement: they are SHARD-N-INDEX", id)
}

// ExplainLiquidation explains an announcement; that of a later stage, or of what became of an episode, is traced back to
// the one that opened it.
func (p *Past) ExplainLiquidation(ctx context.Context, id string, progress Progress) (*LiquidationWhy, error) {
	o, err := p.announcement(ctx, id, progress)
	if err != nil {
		return nil, err
	}
	if o.Liquidation != "" && o.Liquidation != id {
		if o, err = p.announcement(ctx, o.Liquidation, progress); err != nil {
			return nil, err
		}
	}
	if o.Owner == "" || o.Kind.Stream() != events.StreamLiquidations {
		return nil, usage("%s is a %v: it is about no pool", id, o.Kind)
	}
	w := &whyMaker{past: p, output: o, account: Account{o.Venue, o.Owner, o.Subaccount}}
	return w.explain(ctx, progress)
}

// announcement finds an announcement: on its topic, or where retention has removed it, by folding.
func (p *Past) announcement(ctx context.Context, id string, progress Progress) (*events.Output, error) {
	shard, n, err := parseOutputID(id)
	if err != nil {
		return nil, err
	}
	if _, err := p.Shards(ctx, []int32{shard}); err != nil {
		return nil, err
	}
	topic := p.Config.OutputTopics[events.StreamLiquidations]
	at, err := firstWith(ctx, p.Log, topic, shard, func(value []byte) (bool, error) {
		o, err := events.ParseOutput(value)
		if err != nil {
			return false, orderlog.Corrupt("an announcement of %s/%d: %w", topic, shard, err)
		}
		return o.N >= n, nil
	})
	if err != nil {
		return nil, err
	}
	var found *events.Output
	if err := p.announcementsFrom(ctx, shard, at, func(o *events.Output) bool {
		if o.ID == id {
			found = o
		}
		return found == nil && o.N <= n
	}); err != nil || found != nil {
		return found, err
	}
	_, err = p.walk(ctx, shard, Point{N: n}, walkOptions{progress: progress, after: func(_ *projector.Record, fx *projector.Effects, _ *projector.Shard) error {
		for i := range fx.Outputs {
			if fx.N == n && fx.Outputs[i].ID == id {
				if found, err = events.ParseOutput(fx.Outputs[i].AppendJSON(nil)); err != nil {
					return err
				}
			}
		}
		return nil
	}})
	if err == nil && found == nil {
		err = usage("record %d of shard %d announced no %s", n, shard, id)
	}
	return found, err
}

// announcementsFrom calls fn with the announcements of the liquidations topic from an offset on, until it returns false.
func (p *Past) announcementsFrom(ctx context.Context, shard int32, from int64, fn func(*events.Output) bool) error {
	topic := p.Config.OutputTopics[events.StreamLiquidations]
	_, end, err := p.Log.Offsets(ctx, topic, shard)
	if err != nil {
		return err
	}
	err = pipeline.ReadLog(ctx, p.Log, topic, shard, from, end, func(r *eventlog.Record) error {
		if orderlog.IsControl(r.Headers) {
			return nil
		}
		o, err := events.ParseOutput(r.Value)
		if err != nil {
			return orderlog.Corrupt("%s: %w", placeOf(fmt.Sprintf("%s/%d", topic, shard), r.Offset), err)
		}
		if !fn(o) {
			return errFound
		}
		return nil
	})
	if err == errFound {
		return nil
	}
	return err
}

// whyMaker explains one announcement.
type whyMaker struct {
	past    *Past
	output  *events.Output
	account Account
	before  *slice // the account in front of the trigger
	pool    *projector.PoolState
	clock   int64
	record  *projector.Record // the trigger
}

func (w *whyMaker) explain(ctx context.Context, progress Progress) (*LiquidationWhy, error) {
	shard, n := w.output.Shard, w.output.N
	oldest, err := w.past.oldest(ctx, shard)
	if err != nil {
		return nil, err
	}
	t := newTracker(w.account)
	if oldest.head != nil && oldest.head.Counters.N == n-1 {
		s, err := loadShard(oldest.state, oldest.head)
		if err != nil {
			return nil, err
		}
		w.inFront(s)
	}
	var after *projector.PoolState
	m, err := w.past.walk(ctx, shard, Point{N: n}, walkOptions{from: &oldest, postings: true, progress: progress,
		after: func(r *projector.Record, fx *projector.Effects, s *projector.Shard) error {
			t.record(r, fx, s)
			switch fx.N {
			case n - 1:
				w.inFront(s)
			case n:
				w.record = cloneRecord(r)
				after = poolOf(s, w.account, w.output.Pool)
			}
			return nil
		}})
	if err != nil {
		return nil, err
	}
	if w.before == nil || w.record == nil {
		return nil, usage("what is there begins with record %d itself", n)
	}
	out := &LiquidationWhy{ID: w.output.ID, Kind: w.output.Kind.String(), Account: w.account, Pool: w.output.Pool, Trigger: eventAt(n, w.record),
		Before: figuresOf(w.pool), After: figuresOf(after), Announcement: w.output.AppendJSON(nil), Saved: []Saving{}}
	if w.output.Stage != events.StageNone {
		out.Stage = w.output.Stage.String()
	}
	out.Price = w.priceMove(m)
	out.Reason = w.reason(out)
	if out.Explanation, err = m.explain(w.account, t); err != nil {
		return nil, err
	}
	if oldest.head != nil {
		out.Explanation.Since = oldest.head.Counters.N + 1
	}
	if out.Saved, err = w.savings(out, m.Fold.Settlement(w.account.Venue)); err != nil {
		return nil, err
	}
	out.History, err = w.history(ctx)
	return out, err
}

// inFront keeps the account as it was in front of the trigger.
func (w *whyMaker) inFront(s *projector.Shard) {
	w.before = sliceOf(s, w.account.Venue, w.account.Owner)
	w.pool = poolOf(s, w.account, w.output.Pool)
	w.clock, _ = s.Clock(w.account.Venue)
}

// loadShard makes a shard of a state.
func loadShard(from snapshot.State, head *orderlog.Head) (*projector.Shard, error) {
	s := projector.New(projector.Config{Shard: head.Shard, DedupeWindow: head.DedupeWindow})
	if err := from.EachRow(func(r projector.Row) error { return s.LoadRow(r.Key, r.Value) }); err != nil {
		return nil, fmt.Errorf("load the state of cut %d: %w", head.Cut, err)
	}
	return s, s.Loaded(head.Counters)
}

// cloneRecord copies a record with its event, which would not last.
func cloneRecord(r *projector.Record) *projector.Record {
	c := *r
	c.Key, c.Value = bytes.Clone(r.Key), bytes.Clone(r.Value)
	if r.Event != nil {
		var d events.Decoder
		e, err := d.Decode(c.Value)
		if err != nil {
			panic(fmt.Sprintf("audit: %s does not decode again: %v", placeName(r.Source, r.Offset), err)) // it just did
		}
		c.Event = e
	}
	return &c
}

func figuresOf(p *projector.PoolState) PoolFigures {
	f := PoolFigures{Positions: []PositionFigures{}}
	if p == nil {
		return f
	}
	f.Equity, f.Initial, f.Maintenance = p.Equity, p.Initial, p.Maintenance
	for i := range p.Positions {
		q := &p.Positions[i]
		f.Positions = append(f.Positions, PositionFigures{q.Market, q.Leg.String(), q.Size, q.Mark, q.Unrealised, q.Funding, q.Margin})
	}
	return f
}

// priceMove says which price the trigger moved, if it is one.
func (w *whyMaker) priceMove(m *Moment) *PriceMove {
	e := w.record.Event
	if e == nil {
		return nil
	}
	switch b := e.Body.(type) {
	case *events.MarkPrice:
		move := &PriceMove{What: "mark of " + b.Market, To: b.Mark}
		if s, err := w.before.open(); err == nil {
			cut := (&Moment{Fold: s, Head: &orderlog.Head{}}).API()
			if market, err := cut.Market(e.Venue, b.Market); err == nil && market != nil && market.Mark != nil {
				move.From, _ = events.ParseNumber(string(*market.Mark))
				move.scale = int(market.PriceScale)
			}
		}
		return move
	case *events.CollateralPrice:
		return &PriceMove{What: "price of collateral " + b.Asset, To: b.Price}
	}
	return nil
}

// reason says in a sentence what decided.
func (w *whyMaker) reason(out *LiquidationWhy) string {
	what := fmt.Sprintf("record %d, %s of %s", w.output.N, out.Trigger.Type, out.Trigger.Source)
	if out.Price != nil {
		what += fmt.Sprintf(", moved the %s from %s to %s", out.Price.What, orUnknown(out.Price.From), out.Price.To)
	}
	text := fmt.Sprintf("%s: equity of pool %s went from %s to %s", what, out.Pool, orUnknown(out.Before.Equity), orUnknown(out.After.Equity))
	switch w.output.Kind {
	case events.KindMarginCall:
		return fmt.Sprintf("%s, below %v times its maintenance of %s", text, w.output.Level, orUnknown(out.After.Maintenance))
	case events.KindPoolBankrupt:
		return text + ", below zero"
	case events.KindLiquidationTriggered:
		if out.After.Equity.Cmp(out.After.Maintenance) >= 0 {
			return fmt.Sprintf("%s, which the venue's profile takes for stage %s", text, out.Stage)
		}
		return fmt.Sprintf("%s, below its maintenance of %s (%s before)", text, orUnknown(out.After.Maintenance), orUnknown(out.Before.Maintenance))
	}
	return text
}

func orUnknown(n events.Number) string {
	if !n.Present {
		return "unknown"
	}
	return events.NumberOf(n.Coef, int(n.Scale)).String()
}

// history is the episode as it was announced, from the trigger to its end or to that of what is there.
func (w *whyMaker) history(ctx context.Context) ([]HistoryLine, error) {
	out := []HistoryLine{}
	topic := w.past.Config.OutputTopics[events.StreamLiquidations]
	at, err := seqOffset(ctx, w.past.Log, topic, w.output.Shard, w.output.Seq)
	if err != nil {
		return nil, err
	}
	err = w.past.announcementsFrom(ctx, w.output.Shard, at, func(o *events.Output) bool {
		if o.ID != w.output.ID && (o.Liquidation == "" || o.Liquidation != w.output.Liquidation) {
			return true
		}
		l := HistoryLine{N: o.N, Seq: o.Seq, Kind: o.Kind.String(), Time: o.Time, Source: fmt.Sprintf("%s/%d@%d", o.Source.Topic, o.Source.Partition, o.Source.Offset),
			Type: o.Type, Equity: o.Equity, Maintenance: o.Maintenance, Awaiting: o.Awaiting}
		if o.Stage != events.StageNone {
			l.Stage = o.Stage.String()
		}
		out = append(out, l)
		return o.Liquidation != "" && o.Kind != events.KindLiquidationCleared
	})
	return out, err
}
