package audit

import (
	"fmt"
	"strings"

	"marginledger/events"
	"marginledger/projector"
	"marginledger/projector/margin"
)

// simulation decides what becomes of the facts that follow from episodes.
type simulation struct {
	run      *run
	closed   map[poolKey]bool
	happens  map[string]episode    // recorded episodes, by id
	standing map[poolKey]*standsIn // the newest episode of a pool in the other fold
	missed   map[poolKey]string    // recorded episode of which a fill was dropped
	over     []poolKey             // recorded episodes that the record ends
}

// episode is a recorded one.
type episode struct {
	pool poolKey
	from uint64 // n
}

// standsIn is an episode in the other fold.
type standsIn struct {
	from, to uint64        // records of the past; to 0: it is open
	asked    events.Output // its last announcement that asks for a size
}

func newSimulation(r *run) *simulation {
	return &simulation{r, map[poolKey]bool{}, map[string]episode{}, map[poolKey]*standsIn{}, map[poolKey]string{}, nil}
}

func poolKeyOf(o *events.Output) poolKey {
	return poolKey{Account{o.Venue, o.Owner, o.Subaccount}, o.Pool}
}

func (k poolKey) clone() poolKey { return poolKey{k.Account.clone(), strings.Clone(k.pool)} }

// begins reports that an announcement is the first of its episode.
func begins(o *events.Output) bool {
	return o.Liquidation != "" && o.ID == o.Liquidation
}

// happened notes the episodes that a record of the past began and ended.
func (s *simulation) happened(fx *projector.Effects) {
	s.over = s.over[:0]
	for i := range fx.Outputs {
		switch o := &fx.Outputs[i]; {
		case begins(o):
			s.happens[strings.Clone(o.ID)] = episode{poolKeyOf(o).clone(), fx.N}
		case o.Kind == events.KindLiquidationCleared:
			s.over = append(s.over, poolKeyOf(o).clone())
		}
	}
}

// goOn closes the pools whose recorded episode is over, and that are still in one: no recorded fill answers it any more.
func (s *simulation) goOn(rec *projector.Record, n uint64) error {
	for _, k := range s.over {
		at, p := s.standing[k], poolOf(s.run.other, k.Account, k.pool)
		if p == nil || p.Liquidation == "" || len(p.Positions) == 0 || s.closed[k] || at == nil {
			continue
		}
		o := at.asked
		o.Positions = nil
		for i := range p.Positions {
			q := &p.Positions[i]
			f := events.PositionFigures{Market: q.Market, Leg: q.Leg, Size: q.Size, Mark: q.Mark}
			for j := range at.asked.Positions {
				if a := &at.asked.Positions[j]; a.Market == q.Market && a.Leg == q.Leg {
					f.CloseSize, f.LiquidationFee = a.CloseSize, a.LiquidationFee
				}
			}
			o.Positions = append(o.Positions, f)
		}
		o.Time = ""
		if rec.Event != nil {
			o.Time = events.FormatTime(rec.Event.Time)
		}
		if err := s.closePool(k, p.Liquidation, &o, rec, n); err != nil {
			return err
		}
	}
	return nil
}

// leaveOut reports that a fact would not have been. fx is what it did in the past, real that fold behind it.
func (s *simulation) leaveOut(r *projector.Record, fx *projector.Effects, real *projector.Shard) bool {
	e := r.Event
	if e == nil || len(fx.DeadLetters) > 0 { // It was never applied: the other fold says what it makes of it.
		return false
	}
	m := &s.run.money
	a := Account{e.Venue, e.Owner, e.Subaccount}
	in := func(market string, leg events.Leg) poolKey {
		return poolKey{a, s.run.other.PoolFor(e.Venue, e.Owner, e.Subaccount, market, leg)}
	}
	switch b := e.Body.(type) {
	case *events.Fill:
		k := in(b.Market, b.Leg)
		answer := b.Reason == events.ReasonLiquidation || b.Reason == events.ReasonADL
		return s.trades(k, answer, b.Liquidation, fx, real)
	case *events.PositionChanged:
		k := poolKey{a, s.run.other.PoolIn(e.Venue, b.Market, b.Leg, b.Collateral)}
		answer := b.Change == events.ChangeLiquidation || b.Change == events.ChangeADL
		return s.trades(k, answer, b.Liquidation, fx, real)
	case *events.TradeBusted:
		return b.DeadLetter == nil && s.trades(in(b.Market, b.Leg), false, "", fx, real)
	case *events.FundingPayment:
		if s.closed[in(b.Market, b.Leg)] {
			m.Payments++
			return true
		}
	case *events.BankruptcyCovered:
		k := poolKey{a, "cross"}
		if b.Market != "" {
			k = in(b.Market, b.Leg)
		}
		if p := poolOf(s.run.other, a, k.pool); s.closed[k] || (p == nil || p.Stage != events.StageBankrupt) && !broke(fx, margin.RuleCoversNoBankruptcy) {
			m.Covers++
			return true
		}
	}
	return false
}

// trades decides about a trade of a pool: whether it answers an episode, and which, if it says so.
func (s *simulation) trades(k poolKey, answer bool, id string, fx *projector.Effects, real *projector.Shard) bool {
	if s.closed[k] {
		s.run.money.IgnoredFills++
		return true
	}
	if !answer {
		return false
	}
	p := poolOf(s.run.other, k.Account, k.pool)
	of, known := s.happens[id]
	if !known { // It names none, or one that began before.
		of = episode{pool: k}
	}
	at := s.standing[of.pool]
	there := at != nil && known && (at.to == 0 || at.to >= of.from) && !s.closed[of.pool]
	if of.pool == k && !there {
		there = p != nil && (p.Liquidation != "" || p.MarginType == events.MarginBackstop) ||
			!known && !hadEpisode(k, fx, real) // nor had it one in the past: it is a counterparty's, or it answered none
	}
	if there {
		return false
	}
	s.run.money.DroppedFills++
	if known {
		s.missed[of.pool] = strings.Clone(id)
	} else if p := poolOf(real, k.Account, k.pool); p != nil && p.Liquidation != "" {
		s.missed[k.clone()] = p.Liquidation
	}
	return true
}

// hadEpisode reports that a pool was in an episode before a record of the past.
func hadEpisode(k poolKey, fx *projector.Effects, real *projector.Shard) bool {
	began := false
	for i := range fx.Outputs {
		o := &fx.Outputs[i]
		if poolKeyOf(o) != k {
			continue
		}
		if o.Kind == events.KindLiquidationCleared {
			return true
		}
		began = began || begins(o)
	}
	p := poolOf(real, k.Account, k.pool)
	return p != nil && p.Liquidation != "" && !began
}

// broke reports that a record broke a rule.
func broke(fx *projector.Effects, rule margin.Rule) bool {
	for i := range fx.Outputs {
		if o := &fx.Outputs[i]; o.Kind == events.KindViolation && o.Rule == string(rule) {
			return true
		}
	}
	return false
}

// close closes the pools whose episodes began with a record and did not happen. real is the fold of the past; nil: before it begins.
func (s *simulation) close(fx *projector.Effects, rec *projector.Record, n uint64, real *projector.Shard) error {
	var list []events.Output // fx holds until the next record is applied
	for i := range fx.Outputs {
		o := &fx.Outputs[i]
		switch {
		case o.Kind == events.KindLiquidationCleared:
			if at := s.standing[poolKeyOf(o)]; at != nil {
				at.to = n
			}
		case begins(o):
			c := copied(o)
			s.standing[poolKeyOf(&c)] = &standsIn{from: n, asked: c}
			if !s.answered(o, real) {
				list = append(list, c)
			}
		case o.Liquidation != "" && o.Awaiting:
			if at := s.standing[poolKeyOf(o)]; at != nil {
				at.asked = copied(o)
			}
		}
	}
	for i := range list {
		o := &list[i]
		if err := s.closePool(poolKeyOf(o), o.Liquidation, o, rec, n); err != nil {
			return err
		}
	}
	return nil
}

// copied is an announcement of a pool in memory of its own.
func copied(o *events.Output) events.Output {
	c := events.Output{Kind: o.Kind, Time: strings.Clone(o.Time), Liquidation: strings.Clone(o.Liquidation), Stage: o.Stage, Pool: strings.Clone(o.Pool),
		Venue: strings.Clone(o.Venue), Owner: strings.Clone(o.Owner), Subaccount: o.Subaccount}
	c.Positions = append([]events.PositionFigures(nil), o.Positions...) // their names are the fold's
	return c
}

// answered reports that the pool is in an episode in the past too, whose fills are all to come.
func (s *simulation) answered(o *events.Output, real *projector.Shard) bool {
	if real == nil {
		return false
	}
	k := poolKeyOf(o)
	p := poolOf(real, k.Account, k.pool)
	return p != nil && p.Liquidation != "" && p.Liquidation != s.missed[k] && (len(p.Positions) > 0 || len(o.Positions) == 0)
}

// closePool closes every position of a pool at its mark, less the slippage, and covers what it lacks then.
func (s *simulation) closePool(k poolKey, id string, o *events.Output, rec *projector.Record, n uint64) error {
	s.closed[k.clone()] = true
	s.run.money.Closed++
	clock, _ := s.run.other.Clock(k.Venue)
	settlement := s.run.other.Settlement(k.Venue)
	for i := range o.Positions {
		q := &o.Positions[i]
		fill, err := s.fill(q, id, settlement)
		if err != nil {
			return fmt.Errorf("close %v, pool %s: %w", k.Account, k.pool, err)
		}
		s.put(k, clock, fill, o, rec, n)
	}
	p := poolOf(s.run.other, k.Account, k.pool)
	if p == nil || !p.Equity.Present || p.Equity.Sign() >= 0 {
		return nil
	}
	cover := &events.BankruptcyCovered{Liquidation: p.Liquidation, Amount: events.NumberOf(p.Equity.Coef.Neg(), int(p.Equity.Scale))}
	if market, leg, ok := isolatedPool(k.pool); ok {
		cover.Market, cover.Leg = market, leg
	}
	s.put(k, clock, cover, o, rec, n)
	return nil
}

// put applies a simulated fact, in answer to an announcement.
func (s *simulation) put(k poolKey, clock int64, body events.Body, to *events.Output, rec *projector.Record, n uint64) {
	fx, err := try(s.run.other, k.Venue, k.Owner, k.Subaccount, clock, body)
	if err != nil {
		s.run.money.Failed++
		return
	}
	made := &projector.Record{Event: &events.Event{Type: body.EventType(), Body: body}}
	for i := range fx.Outputs {
		o := fx.Outputs[i]
		o.Source, o.Time = events.Offset{Topic: rec.Source.Topic, Partition: rec.Source.Partition, Offset: rec.Offset}, to.Time
		s.run.status(&o, n, true)
	}
	s.run.money.add(made, fx, true)
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
