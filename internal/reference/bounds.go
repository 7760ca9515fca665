package reference

import (
	"github.com/shopspring/decimal"

	"marginledger/events"
)

// § 1, the bounds of what an event leaves behind.

// maxPositions bounds the positions of a pool.
const maxPositions = 256

// checkBounds looks at what the event has changed.
func (t *transaction) checkBounds() string {
	if _, both := t.halves(); both {
		return "" // checkHalves has looked
	}
	return t.venue.checkBounds(t.model.state.venues[t.event.Venue])
}

// checkBounds looks at what differs from the state before the event; before is nil where the venue
// is new.
func (v *venue) checkBounds(before *venue) string {
	if before == nil {
		return ""
	}
	settlement, other := decimal.New(1, 33-v.scale), decimal.New(1, 27-v.scale)
	past := func(is, was, bound decimal.Decimal) bool { return !is.Equal(was) && is.Abs().Cmp(bound) > 0 }
	tooMany := false
	for key, a := range v.accounts {
		was := before.accounts[key]
		if was == nil {
			was = newAccount(key)
		}
		for name, b := range a.balances {
			bound := other
			if name == v.settlement {
				bound = settlement
			}
			if past(b, was.balances[name], bound) {
				return "out_of_range"
			}
		}
		for key, p := range a.pools {
			wasPool := was.pools[key]
			if wasPool == nil {
				wasPool = newPool(key)
			}
			if past(p.collateral, wasPool.collateral, settlement) {
				return "out_of_range"
			}
			for leg, pos := range p.positions {
				old := wasPool.positions[leg]
				if old == nil {
					old = &position{}
				}
				if past(pos.size, old.size, v.markets[leg.market].maxSize) || past(pos.entry, old.entry, settlement) {
					return "out_of_range"
				}
			}
			tooMany = tooMany || len(p.positions) > max(maxPositions, len(wasPool.positions))
		}
	}
	for name, m := range v.markets {
		if old := before.markets[name]; old != nil && past(m.funding, old.funding, m.maxPrice.Mul(decimal.NewFromInt(1000))) {
			return "out_of_range"
		}
	}
	if tooMany {
		return "too_many_positions"
	}
	return ""
}

// halves returns an Adjustment that has an amount and a size as two that have one each.
func (t *transaction) halves() (halves []*events.Adjustment, both bool) {
	b, ok := t.event.Body.(*events.Adjustment)
	if !ok || !b.Amount.Present || !b.Size.Present {
		return nil, false
	}
	amount, size := *b, *b
	amount.Size, size.Amount = events.Number{}, events.Number{}
	return []*events.Adjustment{&amount, &size}, true
}

// checkHalves checks an Adjustment that has an amount and a size: each alone, against the state
// before the event.
func (t *transaction) checkHalves() string {
	halves, _ := t.halves()
	for _, half := range halves {
		alone := t.model.begin(t.record, false)
		if reason := alone.adjust(alone.account(accountKey{t.event.Owner, t.event.Subaccount}), half); reason != "" {
			return reason
		}
		if reason := alone.venue.checkBounds(t.venue); reason != "" {
			return reason
		}
	}
	return ""
}
