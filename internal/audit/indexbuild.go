package audit

import (
	"context"
	"errors"
	"fmt"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/internal/orderlog"
	"marginledger/internal/pipeline"
	"marginledger/internal/postings"
	"marginledger/projector"
)

// buildSegment folds from a state to the end of what is there and writes the postings on the way.
func (p *Past) buildSegment(ctx context.Context, dir string, shard int32, number int, from *begin, progress Progress) (*postings.Index, error) {
	path := indexPath(dir, shard, fmt.Sprintf("%04d.mlpost", number))
	w, err := postings.NewWriter(path)
	if err != nil {
		return nil, err
	}
	b := &indexBuilder{w: w, settled: map[settledKey]*settledAt{}, cut: from.cut() + 1}
	m, err := b.build(ctx, p, shard, from, progress)
	if err != nil {
		return nil, errors.Join(err, w.Abort())
	}
	h := &postings.Head{Shard: shard, Build: p.Config.Build, Order: p.Config.OrderTopic, End: placeInChain(m.Head)}
	if from.head != nil {
		h.Base = placeInChain(from.head)
	}
	if err := w.Finish(h); err != nil {
		return nil, err
	}
	if err := writeSnapshot(indexPath(dir, shard, indexState), m.state()); err != nil {
		return nil, err
	}
	return postings.Open(path)
}

func placeInChain(h *orderlog.Head) postings.Cut {
	return postings.Cut{Number: h.Cut, N: h.Counters.N, Chain: h.Chain, Next: h.OrderNext}
}

// indexBuilder makes entries of effects.
type indexBuilder struct {
	w       *postings.Writer
	cut     uint64 // that is open
	settled map[settledKey]*settledAt
	entry   postings.Entry
}

// settledKey names a position.
type settledKey struct {
	postings.Account
	market string
	leg    events.Leg
}

// settledAt is when, and at which index, a position's funding was settled last.
type settledAt struct {
	n     uint64
	index fixed.Int128
}

func (b *indexBuilder) build(ctx context.Context, p *Past, shard int32, from *begin, progress Progress) (*Moment, error) {
	if from.head != nil {
		s := projector.New(projector.Config{Shard: shard, DedupeWindow: from.head.DedupeWindow})
		err := from.state.EachRow(func(r projector.Row) error { return s.LoadRow(r.Key, r.Value) })
		if err == nil {
			err = s.Loaded(from.head.Counters)
		}
		if err == nil {
			err = b.forward(s, from.head, postings.BroughtForward)
		}
		if err != nil {
			return nil, fmt.Errorf("load the state of cut %d: %w", from.head.Cut, err)
		}
	}
	m, err := p.walk(ctx, shard, End, walkOptions{from: from, postings: true, progress: progress, after: b.record,
		cut: func(f *pipeline.FoldedCut) error {
			b.cut = f.Entry.Number + 1
			return nil
		}})
	if err != nil {
		return nil, err
	}
	return m, b.forward(m.Fold, m.Head, postings.CarriedForward)
}

// forward writes what every account holds.
func (b *indexBuilder) forward(s *projector.Shard, h *orderlog.Head, cause uint8) (err error) {
	s.EachAccount(func(venue, owner string, sub uint32) {
		clock, _ := s.Clock(venue)
		for _, m := range s.Money(venue, owner, sub) {
			e := postings.Entry{Account: postings.Account{Venue: venue, Owner: owner, Subaccount: sub}, N: h.Counters.N, Cut: h.Cut, Clock: clock,
				Cause: cause, Pool: m.Pool, Asset: m.Asset, Amount: m.Amount, Scale: uint8(m.Scale)}
			if err == nil {
				err = b.w.Add(&e)
			}
		}
	})
	return err
}

// record writes the postings of a record, and the rate of a FundingRate.
func (b *indexBuilder) record(r *projector.Record, fx *projector.Effects, s *projector.Shard) error {
	e := &b.entry
	*e = postings.Entry{N: fx.N, Cut: b.cut, Topic: r.Source.Topic, Part: r.Source.Partition, Offset: r.Offset}
	if r.Event != nil {
		e.Time, e.Event, e.Type, e.Venue = r.Event.Time, r.Event.ID, r.Event.Type, r.Event.Venue
		e.Clock, _ = s.Clock(r.Event.Venue)
	}
	if len(fx.DeadLetters) > 0 || fx.Duplicate || r.Event == nil {
		return nil
	}
	if rate, ok := r.Event.Body.(*events.FundingRate); ok {
		e.Market = rate.Market
		e.To, _ = s.FundingIndex(e.Venue, rate.Market)
		return b.w.AddRate(e)
	}
	for i := range fx.Postings {
		p := &fx.Postings[i]
		if p.Owner == "" {
			continue
		}
		if err := b.fill(e, p, s); err != nil {
			return err
		}
		b.funding(e, r, s)
		if err := b.w.Add(e); err != nil {
			return err
		}
	}
	b.settle(r, fx, s)
	return nil
}

// fill makes the entry that of a posting.
func (b *indexBuilder) fill(e *postings.Entry, p *projector.Posting, s *projector.Shard) (err error) {
	e.Account = postings.Account{Venue: p.Venue, Owner: p.Owner, Subaccount: p.Subaccount}
	e.Pool, e.Asset, e.Market, e.Cause = p.Pool, p.Asset, p.Market, uint8(p.Cause)
	e.Scale = uint8(s.ValueScale(p.Venue))
	if e.Amount, err = p.Amount.At(int(e.Scale)); err != nil {
		return fmt.Errorf("posting of record %d: %v %s: %w", e.N, p.Amount, p.Asset, err)
	}
	e.Since, e.From, e.To = 0, fixed.Int128{}, fixed.Int128{}
	return nil
}

// funding adds to a posting of funding from which index to which it was settled, where that is known.
func (b *indexBuilder) funding(e *postings.Entry, r *projector.Record, s *projector.Shard) {
	leg, ok := legOf(r.Event.Body)
	if projector.Cause(e.Cause) != projector.CauseFunding || !ok {
		return
	}
	if at, known := b.settled[settledKey{e.Account, e.Market, leg}]; known {
		e.Since, e.From = at.n, at.index
		e.To, _ = s.FundingIndex(e.Venue, e.Market)
	}
}

// settle notes the positions that a record settled.
func (b *indexBuilder) settle(r *projector.Record, fx *projector.Effects, s *projector.Shard) {
	leg, ok := legOf(r.Event.Body)
	market := marketOf(r.Event.Body)
	if !ok || market == "" {
		return
	}
	key := settledKey{postings.Account{Venue: r.Event.Venue, Owner: r.Event.Owner, Subaccount: r.Event.Subaccount}, market, leg}
	_, index, held := s.Settled(key.Venue, key.Owner, key.Subaccount, market, leg)
	at, known := b.settled[key]
	switch {
	case !held:
		delete(b.settled, key)
	case known:
		*at = settledAt{fx.N, index}
	default:
		b.settled[cloneKey(key)] = &settledAt{fx.N, index}
	}
}
