package projector

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// pendingOutput is an announcement that has no place yet: announcements of one record are ordered
// by (account, pool, kind, level) once all are known.
type pendingOutput struct {
	events.Output
	pool    *pool    // nil: of no account
	account *account // nil: of no account
	level   int
	episode *episode // whose id it carries
}

func comparePending(a, b pendingOutput) int {
	switch {
	case a.account == nil || b.account == nil:
		if (a.account == nil) != (b.account == nil) {
			if a.account == nil {
				return -1
			}
			return 1
		}
	case a.account != b.account:
		return a.account.compare(b.account)
	}
	if a.pool != b.pool {
		return a.pool.compare(b.pool)
	}
	if a.Kind != b.Kind {
		return int(a.Kind) - int(b.Kind)
	}
	return a.level - b.level
}

// header fills in what every announcement of the record carries.
func (s *Shard) header(kind events.Kind, v *venue) events.Output {
	r := s.rec
	o := events.Output{
		Kind: kind, Shard: s.cfg.Shard, N: s.counters.N,
		Source: events.Offset{Topic: r.Source.Topic, Partition: r.Source.Partition, Offset: r.Offset},
	}
	if e := r.Event; e != nil {
		o.EventID, o.Type, o.Time = e.ID, e.Type.String(), s.eventTime.text(e.Time)
	}
	if v != nil {
		o.Venue = v.Name
		o.Profile = v.profile.Name() + "@" + v.profile.Version()
	}
	return o
}

// moment is a time with its text: many announcements of a record have the same.
type moment struct {
	at   int64
	said string
}

func (m *moment) text(at int64) string {
	if m.said == "" || m.at != at {
		m.at, m.said = at, events.FormatTime(at)
	}
	return m.said
}

// violate notes that the fact broke a rule; a is nil for facts of no account.
func (s *Shard) violate(a *account, pool *pool, rule Rule) {
	v := s.find(s.rec.Event.Venue)
	p := pendingOutput{Output: s.header(events.KindViolation, v), account: a, pool: pool, level: rule.Order()}
	p.Rule = string(rule)
	if a != nil {
		p.Owner, p.Subaccount, p.Pool = a.owner, a.Subaccount, pool.name()
	}
	s.pending = append(s.pending, p)
}

// deadLetter announces that the record was not applied, and why.
func (s *Shard) deadLetter(reason Reason, detail string) {
	r := s.rec
	s.markIncomplete()
	var v *venue
	if r.Event != nil {
		v = s.find(r.Event.Venue)
	}
	p := pendingOutput{Output: s.header(events.KindDeadLetter, v)}
	digest := sha256.Sum256(r.Value)
	p.Reason, p.Detail, p.Digest = string(reason), detail, hex.EncodeToString(digest[:])
	switch {
	case r.Event != nil:
		p.Venue = r.Event.Venue
		p.Owner, p.Subaccount = r.Event.Owner, r.Event.Subaccount
		p.Incomplete = r.Event.Type.OfAccount()
	case r.Role == events.RoleAccounts && validOwner(r.Key):
		p.Owner, p.Incomplete = string(r.Key), true
	}
	s.pending = append(s.pending, p)

	body := events.DeadLetterBody{
		Source: p.Source, Timestamp: r.Timestamp, Reason: p.Reason, Size: len(r.Value), Digest: p.Digest,
		Key: r.Key, Value: r.Value,
	}
	if len(body.Value) > events.MaxDeadLetterBody {
		body.Value, body.Truncated = body.Value[:events.MaxDeadLetterHead], true
	}
	if len(body.Key) > events.MaxDeadLetterHead {
		body.Key = body.Key[:events.MaxDeadLetterHead]
	}
	s.fx.DeadLetters = append(s.fx.DeadLetters, body)
}

// announce announces a pool's change of status, with its figures as they are now.
func (s *Shard) announce(p *pool, kind events.Kind, levels []int64, level int) {
	a, v := p.account, p.account.venue
	h := s.health(p)
	o := pendingOutput{Output: s.header(kind, v), pool: p, account: a, level: level}
	o.Owner, o.Subaccount, o.Pool = a.owner, a.Subaccount, p.name()
	o.Equity, o.Initial, o.Maintenance = v.number(h.Equity), v.number(h.Initial), v.number(h.Maintenance)
	switch kind {
	case events.KindMarginCall, events.KindMarginCallCleared:
		o.Level = multiple(levels[level])
	case events.KindPortfolioStopTriggered:
		st := &a.own().stop
		if st.hasFloor {
			o.EquityFloor = v.number(st.floor)
		}
		if st.hasRatio {
			o.RatioFloor = multiple(st.ratio)
		}
	case events.KindLiquidationCleared:
		o.episode = p.episode
		o.Stage = p.episode.stage
	default:
		o.episode = p.episode
		o.Stage = p.episode.stage
		if p.episode.cooldown != 0 {
			o.CooldownUntil = events.FormatTime(p.episode.cooldown)
		}
	}
	for i := range p.Positions {
		o.Stale = o.Stale || p.Positions[i].Market.IsStale(v.Time)
	}
	if o.episode != nil && kind != events.KindLiquidationCleared {
		o.Positions, o.Awaiting = s.asked(p, h)
	} else {
		o.Positions = s.told(p, h)
	}
	s.pending = append(s.pending, o)
}

// asked are the figures of a pool's positions with what its episode asks for.
func (s *Shard) asked(p *pool, h *margin.Health) (figures []events.PositionFigures, awaiting bool) {
	from, sizes := len(s.positions), s.asks(p, h)
	for i := range p.Positions {
		f := s.figures(p, i, h)
		s.ask(&f, p, i, sizes[i])
		awaiting = awaiting || sizes[i] > 0
		s.positions = append(s.positions, f)
	}
	return s.positions[from:len(s.positions):len(s.positions)], awaiting
}

// awaits reports that a pool's episode asks for a size.
func (s *Shard) awaits(p *pool, h *margin.Health) bool {
	return slices.ContainsFunc(s.asks(p, h), func(size int64) bool { return size > 0 })
}

// asks are the sizes that an episode asks for.
func (s *Shard) asks(p *pool, h *margin.Health) []int64 {
	n := len(p.Positions)
	s.sizes = slices.Grow(s.sizes[:0], n)[:n]
	clear(s.sizes)
	p.account.venue.profile.Ask(&p.Pool, h, margin.Asking{Stage: p.episode.stage, Resting: p.episode.cooldown != 0}, s.sizes)
	return s.sizes
}

// told are the figures of a pool's positions. Several announcements of one judgement share them.
func (s *Shard) told(p *pool, h *margin.Health) []events.PositionFigures {
	if s.tellings.pool == p && s.tellings.judgement == p.taken.judgement {
		return s.tellings.figures
	}
	from := len(s.positions)
	for i := range p.Positions {
		s.positions = append(s.positions, s.figures(p, i, h))
	}
	figures := s.positions[from:len(s.positions):len(s.positions)]
	s.tellings = tellings{p, p.taken.judgement, figures}
	return figures
}

// tellings are the figures last told, and of which judgement of which pool.
type tellings struct {
	pool      *pool
	judgement uint64
	figures   []events.PositionFigures
}

// figures are a position's figures in announcements and answers.
func (s *Shard) figures(p *pool, i int, h *margin.Health) events.PositionFigures {
	pos := &p.Positions[i]
	v, m := p.account.venue, pos.Market
	f := v.profile.Figures(&p.Pool, i)
	out := events.PositionFigures{
		Market: m.Name, Leg: pos.Leg,
		Size:            number(fixed.FromInt64(pos.Size), m.SizeScale),
		EntryPrice:      f.Entry,
		Notional:        v.number(f.Notional),
		UnrealisedPnL:   v.number(f.Unrealised),
		UnpostedFunding: v.number(f.Funding),
		Initial:         v.number(f.Initial),
		Maintenance:     v.number(f.Maintenance),
		Tier:            uint32(f.Tier),
	}
	if f.Size.Present {
		out.Size = f.Size
	}
	if !f.Entry.Present {
		out.EntryPrice = number(margin.EntryPrice(pos), m.PriceScale)
	}
	if p.market != nil && p.asset != v.settlement {
		out.Collateral = p.asset.Name
	}
	if m.Mark != 0 {
		out.Mark = number(fixed.FromInt64(m.Mark), m.PriceScale)
		out.MarkTime = s.markets[m.ID].markTime.text(m.MarkTime)
	}
	out.LiquidationPrice = v.profile.LiquidationPrice(&p.Pool, m, false)
	switch {
	case out.LiquidationPrice.Present:
	case h.Missing != "":
		out.NoLiquidationPrice = events.UnknownPrice
	case h.Equity.Less(h.Maintenance):
		out.NoLiquidationPrice = events.AlreadyLiquidatable
	default:
		out.NoLiquidationPrice = events.NoPrice
	}
	out.BankruptcyPrice = v.profile.BankruptcyPrice(&p.Pool, i, h)
	return out
}

// ask adds what an episode asks to close, and the fee on it.
func (s *Shard) ask(f *events.PositionFigures, p *pool, i int, closes int64) {
	v := p.account.venue
	f.CloseSize = number(fixed.FromInt64(closes), p.Positions[i].Market.SizeScale)
	if f.CloseSize.Coef == fixed.FromInt64(abs(p.Positions[i].Size)) {
		f.CloseSize = f.Size.Abs() // the whole, exactly
	}
	f.LiquidationFee = v.number(v.profile.LiquidationFee(&p.Pool, i, closes))
	s.backing(f, p, i, closes)
}

// number gives a coefficient its scale.
func number(coef fixed.Int128, scale int) events.Number {
	return events.Number{Coef: coef, Scale: uint8(scale), Present: true}
}

func (v *venue) number(amount fixed.Int128) events.Number { return number(amount, v.Scale) }

func multiple(v int64) events.Number { return number(fixed.FromInt64(v), margin.MultipleScale) }

// settle gives the announcements made since the last call their order, ids and sequences.
func (s *Shard) settle() {
	group := s.pending[s.settled:]
	if len(group) == 0 {
		return
	}
	slices.SortStableFunc(group, comparePending)
	for i := range group {
		o := &group[i]
		o.Index = uint32(s.settled + i)
		o.ID = events.OutputID(o.Shard, o.N, o.Index)
		stream := o.Kind.Stream()
		s.counters.Seqs[stream]++
		o.Seq = s.counters.Seqs[stream]
		if o.episode != nil {
			if o.episode.id == "" {
				o.episode.id = o.ID
			}
			o.Liquidation = o.episode.id
		}
	}
	s.settled = len(s.pending)
}

// finish hands the announcements over.
func (s *Shard) finish() {
	if len(s.pending) == 0 {
		return
	}
	s.settle()
	for i := range s.pending {
		p := &s.pending[i]
		if p.account != nil {
			p.Incomplete = p.account.incomplete > 0
		}
		s.fx.Outputs = append(s.fx.Outputs, p.Output)
	}
	for i := range s.fx.DeadLetters {
		s.counters.Seqs[events.StreamDeadLetters]++
		s.fx.DeadLetters[i].ID = s.fx.Outputs[i].ID // a dead letter's record announces nothing else
		s.fx.DeadLetters[i].Seq = s.counters.Seqs[events.StreamDeadLetters]
	}
	clear(s.pending)
}
