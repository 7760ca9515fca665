package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/internal/orderlog"
	"marginledger/internal/postings"
	"marginledger/projector"
)

// StatementOptions say what a statement covers.
type StatementOptions struct {
	From     *Point // what is before it is in the opening balance; nil: the beginning of what is there
	To       Point  // last moment
	Index    string // directory of the index; it is made where it is not there
	Figures  bool   // the account at both ends too, as the API showed it: both are folded
	Progress Progress
}

// Statement is what moved an account's money. Amounts are in units of their asset; positive: the account gained.
type Statement struct {
	Account  Account       `json:"account"`
	Shard    int32         `json:"shard"`
	From     string        `json:"from"` // what is before it is in the opening balance
	To       string        `json:"to"`   // the last moment
	Chain    IndexEnd      `json:"chain"`
	Holdings []Holding     `json:"holdings"`
	Totals   []Total       `json:"totals"`
	Markets  []MarketTotal `json:"markets"`
	Lines    []Line        `json:"lines"`
	Opening  *AccountAt    `json:"openingFigures,omitempty"`
	Closing  *AccountAt    `json:"closingFigures,omitempty"`
}

// IndexEnd is how far what the statement was made from had been folded, with every hash compared.
type IndexEnd struct {
	Cut  uint64        `json:"cut"`
	N    uint64        `json:"n"`
	Hash orderlog.Hash `json:"hash"`
}

// Holding is what a pool held of an asset at both ends.
type Holding struct {
	Pool    string        `json:"pool"`
	Asset   string        `json:"asset"`
	Opening events.Number `json:"opening"`
	Closing events.Number `json:"closing"`
}

// Total is what one cause moved of an asset; moves between the account's own pools cancel out.
type Total struct {
	Cause  string        `json:"cause"`
	Asset  string        `json:"asset"`
	Amount events.Number `json:"amount"`
	Lines  int           `json:"lines"`
}

// MarketTotal is what a market brought.
type MarketTotal struct {
	Market   string        `json:"market"`
	Asset    string        `json:"asset"`
	Realised events.Number `json:"realisedPnl"`
	Funding  events.Number `json:"funding"`
}

// Line is one posting.
type Line struct {
	N       uint64        `json:"n"`
	Cut     uint64        `json:"cut"`
	Time    string        `json:"time,omitempty"` // of the event, RFC 3339
	Source  string        `json:"source"`         // topic/partition@offset
	Event   string        `json:"event"`          // id
	Type    string        `json:"type"`
	Cause   string        `json:"cause"`
	Pool    string        `json:"pool"`
	Asset   string        `json:"asset"`
	Market  string        `json:"market,omitempty"`
	Amount  events.Number `json:"amount"`
	Balance events.Number `json:"balance"` // of the pool and asset, behind it
	// Steps split funding by the rates that it settles.
	Steps []FundingStep `json:"steps,omitempty"`
}

// FundingStep is the share of one FundingRate in a line of funding: in proportion to what it moved the market's index, each
// rounded down at the line's scale; the last takes the rounding.
type FundingStep struct {
	N      uint64        `json:"n"`
	Time   string        `json:"time"`
	Source string        `json:"source"`
	Event  string        `json:"event"`
	Amount events.Number `json:"amount"`
}

// Statement makes an account's statement.
func (p *Past) Statement(ctx context.Context, a Account, o StatementOptions) (*Statement, error) {
	shard, err := p.ShardOf(ctx, a.Owner)
	if err != nil {
		return nil, err
	}
	x, err := p.Index(ctx, o.Index, shard, o.Progress)
	if err != nil {
		return nil, err
	}
	defer x.Close()
	s := &statementMaker{past: p, index: x, out: &Statement{Account: a, Shard: shard, From: "beginning", To: o.To.String(), Lines: []Line{}}}
	s.key = postings.Account{Venue: a.Venue, Owner: a.Owner, Subaccount: a.Subaccount}
	if end := x.end(); end != nil {
		s.out.Chain = IndexEnd{end.Number, end.N, end.Chain}
	}
	if s.to, err = p.bound(ctx, shard, o.To.of(a.Venue), x); err != nil {
		return nil, err
	}
	if o.From != nil {
		s.out.From = o.From.String()
		from, err := p.bound(ctx, shard, o.From.of(a.Venue), x)
		if err != nil {
			return nil, err
		}
		s.from = &from
	}
	if err := s.read(); err != nil {
		return nil, err
	}
	if o.Figures {
		err = s.figures(ctx, &o)
	}
	return s.out, err
}

// bound is a point as entries can be compared with it.
type bound struct {
	n, cut uint64
	clock  int64
}

// includes reports whether an entry lies at or before the bound.
func (b *bound) includes(e *postings.Entry) bool {
	switch {
	case b.cut > 0:
		return e.Cut <= b.cut
	case b.clock != 0:
		return e.Clock <= b.clock
	}
	return e.N <= b.n
}

// bound finds the record at a point.
func (p *Past) bound(ctx context.Context, shard int32, to Point, x *Index) (bound, error) {
	end := x.end()
	switch {
	case to.isEnd() && end == nil:
		return bound{n: 1}, nil
	case to.isEnd():
		return bound{n: end.N}, nil
	case to.Cut > 0 && (end == nil || to.Cut > end.Number):
		return bound{}, usage("the order log of shard %d ends before cut %d", shard, to.Cut)
	case to.N > 0 && (end == nil || to.N > end.N):
		return bound{}, usage("the order log of shard %d ends before record %d", shard, to.N)
	case to.Cut > 0:
		return bound{cut: to.Cut}, nil
	case to.Time != 0:
		return bound{clock: to.Time}, nil
	case to.Source.Topic != "":
		n, err := p.numberOf(ctx, shard, to)
		return bound{n: n}, err
	}
	return bound{n: to.N}, nil
}

// numberOf returns the number of the record at a place: from the order log alone where the source has no gaps there, else
// by folding.
func (p *Past) numberOf(ctx context.Context, shard int32, to Point) (uint64, error) {
	b, err := p.oldest(ctx, shard)
	if err != nil {
		return 0, err
	}
	var n, found uint64
	before := int64(-1)
	if b.head != nil {
		n = b.head.Counters.N
		if at := b.head.Place(to.Source); at != nil {
			before = at.Next
		}
	}
	_, err = p.scan(ctx, shard, b.head, 0, func(c *orderlog.Cursor, _ int64, entry any) error {
		cut, ok := entry.(*orderlog.Cut)
		if !ok {
			return nil
		}
		for _, run := range cut.Runs {
			n += run.Count
			if c.Fence.Topics[run.Topic].Name != to.Source.Topic || run.Partition != to.Source.Partition {
				continue
			}
			if to.Offset < run.Next && to.Offset >= before {
				if before >= 0 && run.Next-before == int64(run.Count) || run.Count == uint64(run.Next-to.Offset) {
					found = n - uint64(run.Next-1-to.Offset)
				}
				return errFound
			}
			before = run.Next
		}
		return nil
	})
	if err != nil && err != errFound {
		return 0, err
	}
	if found > 0 {
		return found, nil
	}
	m, err := p.At(ctx, shard, to, nil)
	if err != nil {
		return 0, err
	}
	return m.N, nil
}

type statementMaker struct {
	past  *Past
	index *Index
	key   postings.Account
	from  *bound // nil: the beginning
	to    bound
	out   *Statement
	held  holdings
	rates map[string][]postings.Entry // by market
	known bool                        // the account is in the index
}

// holdings are the sums of pools and assets.
type holdings map[holdingKey]*holding

type holdingKey struct{ pool, asset string }

type holding struct {
	now, opening, closing fixed.Int128 // at the venue's value scale, which never changes
	scale                 int
}

func (h holdings) add(e *postings.Entry) *holding {
	k := holdingKey{e.Pool, e.Asset}
	x := h[k]
	if x == nil {
		x = &holding{scale: int(e.Scale)}
		h[k] = x
	}
	x.now = x.now.Add(e.Amount)
	return x
}

// read reads the account's entries, segment by segment.
func (s *statementMaker) read() error {
	s.held, s.rates = holdings{}, map[string][]postings.Entry{}
	for i, x := range s.index.segments {
		if i == 0 && s.from != nil && x.Base.Number > 0 {
			if err := s.notBefore(x); err != nil {
				return err
			}
		}
		carried := holdings{}
		err := x.Each(s.key, func(e *postings.Entry) error {
			s.known = true
			switch {
			case e.Cause == postings.CarriedForward:
				carried.add(e)
				return nil
			case e.Cause == postings.BroughtForward && i > 0:
				return nil
			}
			return s.entry(e)
		})
		if err != nil {
			return err
		}
		if err := s.compare(carried, &x.End); err != nil {
			return err
		}
	}
	if !s.known {
		return usage("no posting of %v is known up to record %d of shard %d", s.out.Account, s.out.Chain.N, s.out.Shard)
	}
	s.summarise()
	return nil
}

// notBefore refuses a statement that begins before what is there.
func (s *statementMaker) notBefore(x *postings.Index) error {
	if b := s.from; b.cut > 0 && b.cut < x.Base.Number || b.clock == 0 && b.cut == 0 && b.n < x.Base.N {
		return usage("what is there begins behind cut %d, record %d", x.Base.Number, x.Base.N)
	}
	return nil
}

// entry takes a posting into the statement.
func (s *statementMaker) entry(e *postings.Entry) error {
	h := s.held.add(e)
	before := e.Cause == postings.BroughtForward || s.from != nil && s.from.includes(e)
	if before {
		h.opening = h.now
	}
	if before || s.to.includes(e) {
		h.closing = h.now
	}
	if before || !s.to.includes(e) {
		return nil
	}
	l := Line{N: e.N, Cut: e.Cut, Source: fmt.Sprintf("%s/%d@%d", e.Topic, e.Part, e.Offset), Event: e.Event, Type: e.Type.String(),
		Cause: projector.Cause(e.Cause).String(), Pool: e.Pool, Asset: e.Asset, Market: e.Market,
		Amount: events.NumberOf(e.Amount, int(e.Scale)), Balance: events.NumberOf(h.now, h.scale)}
	if e.Time != 0 {
		l.Time = events.FormatTime(e.Time)
	}
	if e.Since > 0 {
		var err error
		if l.Steps, err = s.steps(e); err != nil {
			return err
		}
	}
	s.out.Lines = append(s.out.Lines, l)
	return nil
}

// compare compares what the postings add up to with what the account held at the end of a segment.
func (s *statementMaker) compare(carried holdings, end *postings.Cut) error {
	for k, x := range carried { // unordered: each is compared for itself
		y := s.held[k]
		if y == nil || x.now != y.now {
			return orderlog.Corrupt("the postings of %v do not add up to what pool %s held of %s at cut %d: remove the index", s.out.Account, k.pool, k.asset, end.Number)
		}
	}
	for k, y := range s.held { // unordered: likewise
		if carried[k] == nil && !y.now.IsZero() {
			return orderlog.Corrupt("the postings of %v add up to %v %s in pool %s, which held none at cut %d: remove the index", s.out.Account,
				events.NumberOf(y.now, y.scale), k.asset, k.pool, end.Number)
		}
	}
	return nil
}

// summarise adds up the lines.
func (s *statementMaker) summarise() {
	for k, x := range s.held { // unordered: sorted below
		if !x.opening.IsZero() || !x.closing.IsZero() || slices.ContainsFunc(s.out.Lines, func(l Line) bool { return l.Pool == k.pool && l.Asset == k.asset }) {
			s.out.Holdings = append(s.out.Holdings, Holding{k.pool, k.asset, events.NumberOf(x.opening, x.scale), events.NumberOf(x.closing, x.scale)})
		}
	}
	slices.SortFunc(s.out.Holdings, func(a, b Holding) int {
		return cmp.Or(cmp.Compare(b2i(a.Pool != "cross"), b2i(b.Pool != "cross")), cmp.Compare(a.Pool, b.Pool), cmp.Compare(a.Asset, b.Asset))
	})
	type causeKey struct{ cause, asset string }
	type marketKey struct{ market, asset string }
	causes, markets := map[causeKey]*Total{}, map[marketKey]*MarketTotal{}
	for i := range s.out.Lines {
		l := &s.out.Lines[i]
		t := causes[causeKey{l.Cause, l.Asset}]
		if t == nil {
			t = &Total{Cause: l.Cause, Asset: l.Asset, Amount: zero}
			causes[causeKey{l.Cause, l.Asset}] = t
		}
		t.Amount, t.Lines = sum(t.Amount, l.Amount), t.Lines+1
		if l.Market == "" {
			continue
		}
		m := markets[marketKey{l.Market, l.Asset}]
		if m == nil {
			m = &MarketTotal{Market: l.Market, Asset: l.Asset, Realised: zero, Funding: zero}
			markets[marketKey{l.Market, l.Asset}] = m
		}
		if l.Cause == projector.CauseFunding.String() {
			m.Funding = sum(m.Funding, l.Amount)
		} else {
			m.Realised = sum(m.Realised, l.Amount)
		}
	}
	s.out.Totals, s.out.Markets = []Total{}, []MarketTotal{}
	for _, t := range causes { // unordered: sorted below
		s.out.Totals = append(s.out.Totals, *t)
	}
	for _, m := range markets { // unordered: likewise
		s.out.Markets = append(s.out.Markets, *m)
	}
	slices.SortFunc(s.out.Totals, func(a, b Total) int { return cmp.Or(cmp.Compare(a.Cause, b.Cause), cmp.Compare(a.Asset, b.Asset)) })
	slices.SortFunc(s.out.Markets, func(a, b MarketTotal) int {
		return cmp.Or(cmp.Compare(a.Market, b.Market), cmp.Compare(a.Asset, b.Asset))
	})
}

// zero is the number 0.
var zero = events.MustNumber("0")

// sum adds numbers that are small enough: those of one ledger's balances.
func sum(a, b events.Number) events.Number {
	scale := int(max(a.Scale, b.Scale))
	x, errX := a.At(scale)
	y, errY := b.At(scale)
	if errX != nil || errY != nil {
		panic(fmt.Sprintf("audit: %v + %v does not fit", a, b)) // both are bounded at admission
	}
	return events.NumberOf(x.Add(y), scale)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// figures adds the account at both ends.
func (s *statementMaker) figures(ctx context.Context, o *StatementOptions) (err error) {
	if o.From != nil {
		s.out.Opening, err = s.past.AccountAt(ctx, s.out.Account, *o.From, o.Progress)
		var none *UsageError
		if errors.As(err, &none) { // It was opened later.
			err = nil
		}
		if err != nil {
			return err
		}
	}
	s.out.Closing, err = s.past.AccountAt(ctx, s.out.Account, o.To, o.Progress)
	return err
}
