package projector

import (
	"marginledger/events"
	"marginledger/projector/margin"
)

// backing adds to what an episode asks to close what stands behind it.
func (s *Shard) backing(f *events.PositionFigures, p *pool, i int, closes int64) {
	v := p.account.venue
	if v.insurer == nil || closes == 0 {
		return
	}
	in := v.insurer.Insurance(&p.Pool, i, closes)
	if in.Ordered {
		f.InsuranceDelta, f.InsuranceCovers = v.number(in.Delta), in.Covers.String()
	}
	if in.Offset > 0 {
		f.DeleverageSize, f.DeleveragePrice = p.Positions[i].Market.SizeNumber(in.Offset), in.At
	}
}

// What liquidations leave behind with their account, and what rests for it: see margin.Rememberer.

// forced has a profile remember a fill that a liquidation ordered, before it changes anything.
func (s *Shard) forced(a *account, b *events.Fill, p *tradePlan) {
	v := a.venue
	offset := b.Reason == events.ReasonADL && p.pool != nil && p.pool.episode != nil // else that of a counterparty
	if b.Reason != events.ReasonLiquidation && !offset || v.rememberer == nil || a.marginType == events.MarginBackstop {
		return
	}
	f := margin.ForcedFill{Account: &a.Account, Market: &p.market.Market, Leg: p.leg, Closed: p.closed, Left: p.size, Price: p.price,
		Offset: offset}
	if p.pool != nil {
		f.Pool = &p.pool.Pool
	}
	p.forced = v.rememberer.Forced(&f)
	a.State = p.forced.State
	s.touchAccount(a)
}

// rest has episodes rest after a fill that a liquidation ordered: that of its pool, or where the venue's profile
// remembers, every one of the account that what it now remembers concerns.
func (s *Shard) rest(a *account, b *events.Fill, filled *pool) {
	v := a.venue
	switch {
	case b.Reason != events.ReasonLiquidation && b.Reason != events.ReasonADL:
		return
	case v.rememberer == nil:
		if ep := filled.episode; ep != nil && ep.cooldown == 0 && b.Reason == events.ReasonLiquidation {
			s.startCooldown(filled, v.Time)
		}
		return
	}
	if s.keepResting(&a.cross) {
		s.touch(&a.cross)
	}
	for _, p := range a.isolated {
		if s.keepResting(p) {
			s.touch(p)
		}
	}
}

// keepResting has a pool's episode rest as long as its account's past liquidations say; true where that changed what
// it asks for.
func (s *Shard) keepResting(p *pool) bool {
	v := p.account.venue
	if v.rememberer == nil || p.episode == nil {
		return false
	}
	until := v.rememberer.Rests(&p.account.Account, &v.Venue, p.episode.stage)
	if until == 0 || until == p.episode.cooldown {
		return false
	}
	s.stopCooldown(p)
	p.episode.cooldown = until
	s.addDeadline(p)
	return true
}
