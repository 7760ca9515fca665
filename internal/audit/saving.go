package audit

import (
	"fmt"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector"
)

// savings finds what would have saved the pool: each kind of change is tried on a copy of the account in front of the
// trigger, which then comes as it did.
func (w *whyMaker) savings(out *LiquidationWhy, settlement string) ([]Saving, error) {
	saved := []Saving{}
	for _, find := range []func(*LiquidationWhy, string) (*Saving, error){w.saveByMoney, w.saveByPrice} {
		s, err := find(out, settlement)
		if err != nil {
			return nil, err
		}
		if s != nil {
			saved = append(saved, *s)
		}
	}
	if w.pool != nil {
		for i := range w.pool.Positions {
			s, err := w.saveByClosing(&w.pool.Positions[i])
			if err != nil {
				return nil, err
			}
			if s != nil {
				saved = append(saved, *s)
			}
		}
	}
	return saved, nil
}

// happens tries a change, lets the trigger come, and reports whether it announces the same of the pool. A change that
// cannot be applied changes nothing.
func (w *whyMaker) happens(change func(*projector.Shard) error, trigger *projector.Record) (bool, error) {
	s, err := w.before.open()
	if err != nil {
		return false, err
	}
	if change != nil {
		if err := change(s); err != nil {
			return true, nil
		}
	}
	if p := poolOf(s, w.account, w.output.Pool); p != nil && p.Liquidation != "" {
		return true, nil // the change itself did it
	}
	fx := s.Apply(trigger)
	for i := range fx.Outputs {
		if o := &fx.Outputs[i]; o.Kind == w.output.Kind && o.Owner == w.account.Owner && o.Subaccount == w.account.Subaccount && o.Pool == w.output.Pool && o.Level == w.output.Level {
			return true, nil
		}
	}
	return false, nil
}

// least finds the least of 1 … most for which ok holds, which then holds for all above; 0: for none.
func least(most int64, ok func(int64) (bool, error)) (int64, error) {
	if most < 1 {
		return 0, nil
	}
	if holds, err := ok(most); err != nil || !holds {
		return 0, err
	}
	low, high := int64(0), most // not for low, but for high
	for high-low > 1 {
		mid := low + (high-low)/2
		holds, err := ok(mid)
		if err != nil {
			return 0, err
		}
		if holds {
			high = mid
		} else {
			low = mid
		}
	}
	return high, nil
}

// saveByMoney finds the least deposit or, into an isolated pool, margin. It is counted in units of the value scale, which
// may be many: first its size is found, then its digits.
func (w *whyMaker) saveByMoney(out *LiquidationWhy, settlement string) (*Saving, error) {
	s, err := w.before.open()
	if err != nil {
		return nil, err
	}
	scale := s.ValueScale(w.account.Venue)
	what := "deposit into the cross pool"
	give := func(amount fixed.Int128) func(*projector.Shard) error {
		return func(s *projector.Shard) error {
			_, err := try(s, w.account.Venue, w.account.Owner, w.account.Subaccount, w.clock, &events.Deposit{Asset: settlement, Amount: events.NumberOf(amount, scale)})
			return err
		}
	}
	if market, leg, ok := isolatedPool(w.output.Pool); ok {
		what = "margin moved into pool " + w.output.Pool + " (deposited first)"
		deposit := give
		give = func(amount fixed.Int128) func(*projector.Shard) error {
			return func(s *projector.Shard) error {
				if err := deposit(amount)(s); err != nil {
					return err
				}
				_, err := try(s, w.account.Venue, w.account.Owner, w.account.Subaccount, w.clock, &events.IsolatedMarginMoved{Market: market, Leg: leg, Amount: events.NumberOf(amount, scale)})
				return err
			}
		}
	}
	saves := func(amount fixed.Int128) (bool, error) {
		happens, err := w.happens(give(amount), w.record)
		return !happens, err
	}
	high := fixed.FromInt64(1)
	for i := 0; ; i++ {
		ok, err := saves(high)
		if err != nil {
			return nil, err
		}
		if ok {
			break
		}
		next, fits := high.MulOK(2)
		if !fits || i == 110 {
			return nil, nil
		}
		high = next
	}
	low := fixed.Int128{}
	for one := fixed.FromInt64(1); one.Less(high.Sub(low)); {
		half, _, _, _ := fixed.QuoRem(high.Sub(low), 1, 2)
		mid := low.Add(half)
		ok, err := saves(mid)
		if err != nil {
			return nil, err
		}
		if ok {
			high = mid
		} else {
			low = mid
		}
	}
	return &Saving{What: what, Amount: events.NumberOf(high, scale), Unit: settlement}, nil
}

// isolatedPool takes the name of an isolated pool apart.
func isolatedPool(pool string) (market string, leg events.Leg, ok bool) {
	if pool == "cross" {
		return "", 0, false
	}
	market, leg = pool, events.LegNet
	if before, name, found := cutLast(pool, '/'); found {
		if l, err := events.ParseLeg(name); err == nil {
			market, leg = before, l
		}
	}
	return market, leg, true
}

// saveByPrice finds the mark nearest to the trigger's at which it would not have happened.
func (w *whyMaker) saveByPrice(out *LiquidationWhy, _ string) (*Saving, error) {
	if out.Price == nil || w.record.Event == nil {
		return nil, nil
	}
	b, ok := w.record.Event.Body.(*events.MarkPrice)
	if !ok || !out.Price.From.Present || !b.Mark.Present {
		return nil, nil
	}
	scale := out.Price.scale
	from, err := out.Price.From.Int64At(scale)
	if err != nil {
		return nil, nil
	}
	to, err := b.Mark.Int64At(scale)
	if err != nil || from == to {
		return nil, nil
	}
	// k units from the trigger's mark back to the one before.
	step, distance := int64(1), from-to
	if distance < 0 {
		step, distance = -1, -distance
	}
	k, err := least(distance, func(k int64) (bool, error) {
		changed, event, body := *w.record, *w.record.Event, *b
		body.Mark = events.NumberOf(fixed.FromInt64(to+k*step), scale)
		event.Body, changed.Event = &body, &event
		happens, err := w.happens(nil, &changed)
		return !happens, err
	})
	if err != nil || k == 0 {
		return nil, err
	}
	return &Saving{What: fmt.Sprintf("a mark of %s no further than this, instead of %v", b.Market, b.Mark), Amount: events.NumberOf(fixed.FromInt64(to+k*step), scale), Unit: "per contract"}, nil
}

// saveByClosing finds the least size of a position to close at the mark before the trigger, without a fee.
func (w *whyMaker) saveByClosing(q *projector.PositionState) (*Saving, error) {
	if !q.Mark.Present || q.Size.Sign() == 0 {
		return nil, nil
	}
	scale := int(q.Size.Scale)
	size, err := q.Size.Int64At(scale)
	if err != nil {
		return nil, nil
	}
	side := events.Sell
	if size < 0 {
		side, size = events.Buy, -size
	}
	k, err := least(size, func(k int64) (bool, error) {
		happens, err := w.happens(func(s *projector.Shard) error {
			_, err := try(s, w.account.Venue, w.account.Owner, w.account.Subaccount, w.clock, &events.Fill{Market: q.Market, Leg: q.Leg, Side: side,
				Size: events.NumberOf(fixed.FromInt64(k), scale), Price: events.NumberOf(q.Mark.Coef, int(q.Mark.Scale)), TradeID: "what-if", Reason: events.ReasonTrade})
			return err
		}, w.record)
		return !happens, err
	})
	if err != nil || k == 0 {
		return nil, err
	}
	return &Saving{What: fmt.Sprintf("closing this much of %s at the mark before, %v, without a fee", q.Market, orUnknown(q.Mark)), Amount: events.NumberOf(fixed.FromInt64(k), scale), Unit: "contracts"}, nil
}
