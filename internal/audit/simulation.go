package audit

import (
	"fmt"
	"strings"

	"marginledger/events"
	"marginledger/projector"
)

// MoneyOutcome compares what liquidations cost. Amounts are in the settlement asset.
type MoneyOutcome struct {
	Happened MoneySums `json:"happened"`
	Would    MoneySums `json:"would"`

	Closed       int `json:"closedEpisodes"` // new episodes that were closed at the mark
	DroppedFills int `json:"droppedFills"`   // of liquidations that would not have been
	IgnoredFills int `json:"ignoredFills"`   // of pools that were closed
	Covers       int `json:"droppedCovers"`  // of bankruptcies that would not have been, or that were covered already
	Failed       int `json:"failedClosings"` // fills that could not be made
}

// MoneySums are the sums of one side.
type MoneySums struct {
	Fees      events.Number `json:"liquidationFees"` // on fills of liquidations
	Insurance events.Number `json:"insurance"`       // that the fund paid
	BadDebt   events.Number `json:"badDebt"`         // Σ −equity of pools below zero at the end
}

func (m *MoneySums) add(r *projector.Record, fx *projector.Effects) {
	if r.Event == nil {
		return
	}
	fill, ok := r.Event.Body.(*events.Fill)
	liquidation := ok && fill.Reason == events.ReasonLiquidation
	for i := range fx.Postings {
		p := &fx.Postings[i]
		switch {
		case p.Owner == "":
		case p.Cause == projector.CauseFee && liquidation:
			m.Fees = plus(m.Fees, p.Amount.Neg())
		case p.Cause == projector.CauseInsurance:
			m.Insurance = plus(m.Insurance, p.Amount)
		}
	}
}

func (m *MoneySums) owes(p *projector.PoolState) {
	if p.Equity.Sign() < 0 {
		m.BadDebt = plus(m.BadDebt, events.NumberOf(p.Equity.Coef.Neg(), int(p.Equity.Scale)))
	}
}

// plus adds to a sum that may not be there yet.
func plus(a, b events.Number) events.Number {
	if !a.Present {
		a = zero
	}
	return sum(a, b)
}

// finish makes what did not happen zero.
func (m *MoneyOutcome) finish() {
	for _, s := range []*MoneySums{&m.Happened, &m.Would} {
		for _, n := range []*events.Number{&s.Fees, &s.Insurance, &s.BadDebt} {
			if !n.Present {
				*n = zero
			}
		}
	}
}

// simulation decides what becomes of the facts that follow from episodes.
type simulation struct {
	run    *run
	closed map[poolKey]bool
}

func newSimulation(r *run) *simulation { return &simulation{r, map[poolKey]bool{}} }

// leaveOut reports that a fact would not have been.
func (s *simulation) leaveOut(r *projector.Record) bool {
	e := r.Event
	if e == nil {
		return false
	}
	a := Account{e.Venue, e.Owner, e.Subaccount}
	switch b := e.Body.(type) {
	case *events.Fill:
		pool := s.run.other.PoolFor(e.Venue, e.Owner, e.Subaccount, b.Market, b.Leg)
		if s.closed[poolKey{a, pool}] {
			s.run.money.IgnoredFills++
			return true
		}
		if b.Reason != events.ReasonLiquidation && b.Reason != events.ReasonADL {
			return false
		}
		if p := poolOf(s.run.other, a, pool); p == nil || p.Liquidation == "" {
			s.run.money.DroppedFills++
			return true
		}
	case *events.BankruptcyCovered:
		pool := "cross"
		if b.Market != "" {
			pool = s.run.other.PoolFor(e.Venue, e.Owner, e.Subaccount, b.Market, b.Leg)
		}
		if p := poolOf(s.run.other, a, pool); s.closed[poolKey{a, pool}] || p == nil || p.Stage != events.StageBankrupt {
			s.run.money.Covers++
			return true
		}
	}
	return false
}

// close closes the pools whose episodes began with a record and did not happen.
func (s *simulation) close(fx *projector.Effects, rec *projector.Record, n uint64, real *projector.Shard) error {
	type begun struct {
		key poolKey
		id  string
		out events.Output
	}
	var list []begun // fx holds until the next record is applied
	for i := range fx.Outputs {
		o := &fx.Outputs[i]
		if o.ID != o.Liquidation || o.Kind != events.KindLiquidationTriggered && o.Kind != events.KindPoolBankrupt {
			continue
		}
		k := poolKey{Account{o.Venue, o.Owner, o.Subaccount}, o.Pool}
		if p := poolOf(real, k.Account, k.pool); p != nil && p.Liquidation != "" {
			continue // it happened
		}
		c := *o
		c.Positions = append([]events.PositionFigures(nil), o.Positions...)
		list = append(list, begun{k, o.Liquidation, c})
	}
	for i := range list {
		if err := s.closePool(list[i].key, list[i].id, &list[i].out, rec, n); err != nil {
			return err
		}
	}
	return nil
}

// closePool closes every position of a pool at its mark, less the slippage, and covers what it lacks then.
func (s *simulation) closePool(k poolKey, id string, o *events.Output, rec *projector.Record, n uint64) error {
	key := poolKey{Account{strings.Clone(k.Venue), strings.Clone(k.Owner), k.Subaccount}, strings.Clone(k.pool)}
	s.closed[key] = true
	s.run.money.Closed++
	clock, _ := s.run.other.Clock(k.Venue)
	settlement := s.run.other.Settlement(k.Venue)
	for i := range o.Positions {
		q := &o.Positions[i]
		fill, err := s.fill(q, id, settlement)
		if err != nil {
			return fmt.Errorf("close %v, pool %s: %w", k.Account, k.pool, err)
		}
		s.put(k, clock, fill, rec, n)
	}
	p := poolOf(s.run.other, k.Account, k.pool)
	if p == nil || !p.Equity.Present || p.Equity.Sign() >= 0 {
		return nil
	}
	cover := &events.BankruptcyCovered{Liquidation: p.Liquidation, Amount: events.NumberOf(p.Equity.Coef.Neg(), int(p.Equity.Scale))}
	if market, leg, ok := isolatedPool(k.pool); ok {
		cover.Market, cover.Leg = market, leg
	}
	s.put(k, clock, cover, rec, n)
	return nil
}

// put applies a simulated fact.
func (s *simulation) put(k poolKey, clock int64, body events.Body, rec *projector.Record, n uint64) {
	fx, err := try(s.run.other, k.Venue, k.Owner, k.Subaccount, clock, body)
	if err != nil {
		s.run.money.Failed++
		return
	}
	made := &projector.Record{Event: &events.Event{Type: body.EventType(), Body: body}}
	for i := range fx.Outputs {
		o := fx.Outputs[i]
		o.Source, o.Time = events.Offset{Topic: rec.Source.Topic, Partition: rec.Source.Partition, Offset: rec.Offset}, ""
		s.run.status(&o, n, true)
	}
	s.run.money.Would.add(made, fx)
}

// fill is the closing of a position: at the mark, less the slippage, which always costs; with its share of the fee that
// the announcement names.
func (s *simulation) fill(q *events.PositionFigures, id, settlement string) (*events.Fill, error) {
	f := &events.Fill{Market: q.Market, Leg: q.Leg, Side: events.Sell, Size: events.NumberOf(q.Size.Coef, int(q.Size.Scale)), TradeID: "what-if", Reason: events.ReasonLiquidation, Liquidation: id}
	if q.Size.Sign() < 0 {
		f.Side, f.Size = events.Buy, f.Size.Neg()
	}
	if !q.Mark.Present {
		return nil, fmt.Errorf("position in %s has no mark", q.Market)
	}
	slip := q.Mark.Decimal().Mul(s.run.o.Slippage.Decimal())
	price := q.Mark.Decimal()
	digits := int32(q.Mark.Scale)
	if f.Side == events.Sell {
		price = price.Sub(slip).RoundFloor(digits)
	} else {
		price = price.Add(slip).RoundCeil(digits)
	}
	var err error
	if f.Price, err = events.FromDecimal(price); err != nil {
		return nil, err
	}
	if q.LiquidationFee.Sign() > 0 && q.CloseSize.Sign() > 0 {
		fee := q.LiquidationFee.Decimal().Mul(f.Size.Decimal()).DivRound(q.CloseSize.Decimal(), int32(q.LiquidationFee.Scale)+4).RoundCeil(int32(q.LiquidationFee.Scale))
		if f.Fee, err = events.FromDecimal(fee); err != nil {
			return nil, err
		}
		f.FeeAsset = settlement
	}
	return f, nil
}
