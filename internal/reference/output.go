package reference

import (
	"cmp"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"marginledger/events"
	"marginledger/projector"
)

// announcement is an output that has no number yet, with what it is sorted by.
type announcement struct {
	events.Output
	of    poolOf
	level int // margin calls: index into the account's levels

	// opens is the episode that this announcement opens and gives its id.
	opens *episode
}

func sortAnnouncements(out []*announcement) {
	slices.SortStableFunc(out, func(a, b *announcement) int {
		return cmp.Or(
			compareAccounts(a.of.accountKey, b.of.accountKey),
			comparePools(a.of.poolKey, b.of.poolKey),
			cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.level, b.level))
	})
}

// number gives the announcements of this record their ids and sequences.
func (m *Model) number(announced []*announcement) []events.Output {
	var out []events.Output
	for i, a := range announced {
		a.Index = uint32(i)
		a.ID = events.OutputID(m.shard, m.n, a.Index)
		m.seqs[a.Kind.Stream()]++
		a.Seq = m.seqs[a.Kind.Stream()]
		if a.opens != nil {
			a.opens.id = a.ID
			a.Liquidation = a.ID
		}
		out = append(out, a.Output)
	}
	return out
}

// header returns what every output of a record says of it.
func (m *Model) header(r *projector.Record) events.Output {
	out := events.Output{Shard: m.shard, N: m.n, Source: offsetOf(r)}
	if e := r.Event; e != nil && !r.Skipped {
		out.EventID, out.Type, out.Time = e.ID, e.Type.String(), timeText(e.Time)
	}
	return out
}

func timeText(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339Nano) }

// violation announces a broken rule.
func (t *transaction) violation(b broken) *announcement {
	out := &announcement{Output: t.model.header(t.record), of: b.poolOf}
	out.Kind, out.Rule = events.KindViolation, b.rule
	out.Venue, out.Profile = t.venue.name, t.venue.profile
	if b.owner != "" {
		t.nameAccount(out, b.accountKey)
		out.Pool = b.poolKey.String()
	}
	return out
}

func (t *transaction) nameAccount(out *announcement, key accountKey) {
	out.Owner, out.Subaccount = key.owner, key.sub
	out.Incomplete = t.state.incomplete(t.venue.name, key)
}

// incomplete reports that a dead letter of an account, or of its owner at large, is unanswered.
func (s *state) incomplete(venue string, key accountKey) bool {
	return len(s.ofAccount[venueAccount{venue, key}]) > 0 || len(s.ofOwner[key.owner]) > 0
}

// ofPool starts an announcement about a pool, with its figures of now.
func (t *transaction) ofPool(a *account, p *pool, kind events.Kind) *announcement {
	v := t.venue
	f := v.poolFigures(a, p)
	out := &announcement{Output: t.model.header(t.record), of: poolOf{a.key, p.key}}
	out.Kind, out.Venue, out.Profile, out.Pool = kind, v.name, v.profile, p.key.String()
	t.nameAccount(out, a.key)
	out.Equity, out.Initial, out.Maintenance = number(f.equity), number(f.initial), number(f.maintenance)
	for _, pos := range p.sortedPositions() {
		out.Positions = append(out.Positions, v.positionOutput(a, p, pos, f))
		out.Stale = out.Stale || v.stale(v.markets[pos.market])
	}
	return out
}

// stale reports that the mark of m is older than the market allows.
func (v *venue) stale(m *market) bool {
	age := decimal.NewFromInt(v.time - m.markTime)
	limit := decimal.NewFromUint64(m.rules.maxStalenessMs).Mul(power(6))
	return m.mark.IsPositive() && limit.IsPositive() && age.Cmp(limit) > 0
}

func (v *venue) positionOutput(a *account, p *pool, pos *position, pf poolFigures) events.PositionFigures {
	m := v.markets[pos.market]
	f := v.positionFigures(a, pos)
	out := events.PositionFigures{
		Market:          pos.market,
		Leg:             pos.leg,
		Size:            number(pos.size),
		EntryPrice:      number(v.entryPrice(pos)),
		Notional:        number(f.notional),
		UnrealisedPnL:   number(f.pnl),
		UnpostedFunding: number(f.funding),
		Initial:         number(f.initial),
		Maintenance:     number(f.maintenance),
		Tier:            uint32(f.tier),
	}
	if m.mark.IsPositive() {
		out.Mark, out.MarkTime = number(m.mark), timeText(m.markTime)
	}
	price, ok := v.liquidationPrice(a, p, pos.market, false)
	switch {
	case ok:
		out.LiquidationPrice = number(price)
	case pf.equity.Cmp(pf.maintenance) < 0:
		out.NoLiquidationPrice = events.AlreadyLiquidatable
	default:
		out.NoLiquidationPrice = events.NoPrice
	}
	if price, ok := v.bankruptcyPrice(pos, f, pf); ok {
		out.BankruptcyPrice = number(price)
	}
	return out
}

// entryPrice is for display, § 2.
func (v *venue) entryPrice(pos *position) decimal.Decimal {
	return quotient(pos.entry.Abs(), pos.size.Abs(), v.markets[pos.market].priceScale, halfUp)
}

// call announces that a level is called or cleared.
func (t *transaction) call(a *account, p *pool, kind events.Kind, level int) *announcement {
	out := t.ofPool(a, p, kind)
	out.level, out.Level = level, number(a.levels[level])
	return out
}

// stopped announces that the portfolio stop was hit.
func (t *transaction) stopped(a *account, p *pool) *announcement {
	out := t.ofPool(a, p, events.KindPortfolioStopTriggered)
	out.EquityFloor, out.RatioFloor = a.stop.equityFloor, a.stop.ratioFloor
	return out
}

// liquidation announces something of the pool's episode: what it asks for now, or its end.
func (t *transaction) liquidation(a *account, p *pool, kind events.Kind) *announcement {
	v, e := t.venue, p.episode
	out := t.ofPool(a, p, kind)
	out.Stage, out.Liquidation = e.stage, e.id
	if e.id == "" {
		out.opens = e
	}
	if kind == events.KindLiquidationCleared {
		return out
	}
	if e.cooling {
		out.CooldownUntil = timeText(e.until)
	}
	for i, pos := range p.sortedPositions() {
		m := v.markets[pos.market]
		size := v.closeSize(e, pos)
		out.Positions[i].CloseSize = number(size)
		out.Positions[i].LiquidationFee = number(round(size.Mul(m.mark).Mul(m.rules.liquidationFee), v.scale, ceil))
		out.Awaiting = out.Awaiting || size.IsPositive()
	}
	return out
}
