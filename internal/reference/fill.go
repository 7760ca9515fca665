package reference

import (
	"github.com/shopspring/decimal"

	"marginledger/events"
	"marginledger/projector"
)

// § 4, Fill: the steps by which a position changes. Everything that changes a position takes them.

// change of a position.
type change struct {
	legKey
	size  decimal.Decimal // signed
	price decimal.Decimal

	fee      decimal.Decimal // positive: paid by the account
	feeAsset string

	movesMargin bool            // an opening in an isolated pool takes margin from cross (step 5)
	margin      decimal.Decimal // that amount, where named
	marginNamed bool
}

// changed is what a change did.
type changed struct {
	pool           *pool
	before         decimal.Decimal // the position's size
	after          decimal.Decimal
	closed, opened decimal.Decimal // ≥ 0
	shortOfMargin  bool            // a named margin is less than what step 5 asks for
}

func signed(side events.Side, size decimal.Decimal) decimal.Decimal {
	if side == events.Sell {
		return size.Neg()
	}
	return size
}

// poolFor is step 1: the pool of the position while it is open, else by the mode.
func (t *transaction) poolFor(a *account, key legKey) *pool {
	if p, pos := a.open(key); pos != nil {
		return p
	}
	if a.modes[key.market] == events.Isolated || t.venue.markets[key.market].rules.isolatedOnly {
		return a.pool(poolKey(key))
	}
	return a.pools[crossPool]
}

// changePosition takes the steps in order in pool p. It returns the reason why the change cannot
// be, or "".
func (t *transaction) changePosition(a *account, p *pool, c change) (changed, string) {
	v, m := t.venue, t.venue.markets[c.market]
	done := changed{pool: p}
	isolated := p.key != crossPool
	for _, leg := range a.openLegs(c.market) {
		if (leg == events.LegNet) != (c.leg == events.LegNet) {
			return done, "leg_mismatch"
		}
	}

	// Step 2: funding. A new position starts at the present index.
	pos := p.positions[c.legKey]
	if pos == nil {
		pos = &position{legKey: c.legKey}
		p.positions[c.legKey] = pos
	}
	t.post(a, p.key, v.settlement, v.unpostedFunding(m, pos), "funding/"+m.name, projector.CauseFunding, m.name)
	pos.index = m.funding
	done.before = pos.size
	held := p.collateral

	// Step 3: what closes, § 2 Entry.
	if pos.size.Sign()*c.size.Sign() < 0 {
		done.closed = smaller(pos.size.Abs(), c.size.Abs())
		share := quotient(pos.entry.Mul(done.closed), pos.size.Abs(), v.scale, trunc)
		part := done.closed
		if c.size.IsNegative() {
			part = part.Neg()
		}
		realised := part.Neg().Mul(c.price).Sub(share)
		pos.entry = pos.entry.Sub(share)
		pos.size = pos.size.Add(part)
		t.post(a, p.key, v.settlement, realised, "clearing/"+m.name, projector.CauseRealised, m.name)
	}
	done.opened = c.size.Abs().Sub(done.closed)

	// Step 4: a position that turns starts with empty hands.
	if isolated && done.closed.IsPositive() && done.opened.IsPositive() && p.collateral.IsPositive() {
		t.move(a, p.key, crossPool, p.collateral)
	}

	// Step 5: what opens.
	if done.opened.IsPositive() {
		part := done.opened
		if c.size.IsNegative() {
			part = part.Neg()
		}
		pos.size = pos.size.Add(part)
		pos.entry = pos.entry.Add(part.Mul(c.price))
		if isolated && c.movesMargin {
			leverage := a.leverage(m, pos.size.Abs().Mul(c.price))
			margin := quotient(done.opened.Mul(c.price), leverage, v.scale, ceil)
			if c.marginNamed {
				done.shortOfMargin = c.margin.Cmp(margin) < 0
				margin = c.margin
			}
			t.move(a, crossPool, p.key, margin)
		}
	}
	done.after = pos.size
	if (c.leg == events.LegLong && pos.size.IsNegative()) || (c.leg == events.LegShort && pos.size.IsPositive()) {
		return done, "leg_overclosed"
	}
	if pos.size.IsZero() {
		delete(p.positions, c.legKey)
	}
	t.touch(a, p.key)

	// Step 6: the fee.
	payer := crossPool
	if c.feeAsset == v.settlement {
		payer = p.key
	}
	t.post(a, payer, c.feeAsset, c.fee.Neg(), "fees", projector.CauseFee, "")

	// Step 7: what closing releases.
	if isolated && done.closed.IsPositive() && done.opened.IsZero() && p.collateral.IsPositive() {
		released := p.collateral
		if !done.after.IsZero() {
			share := quotient(held.Mul(done.closed), done.before.Abs(), v.scale, floor)
			lost := decimal.Max(zero, held.Sub(p.collateral))
			released = decimal.Max(zero, share.Sub(lost))
		}
		t.move(a, p.key, crossPool, released)
	}

	// Step 8.
	m.lastFill = c.price
	return done, ""
}
