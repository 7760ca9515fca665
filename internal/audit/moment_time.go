package audit

import (
	"bytes"
	"context"
	"slices"

	"marginledger/events"
	"marginledger/projector"
	"marginledger/snapshot"
)

// "At time T" of a venue means: after the last record before that venue's shard time exceeds T. Whether a record moves
// the clock is seen only once it is applied, so the state before the first one that might is kept.

// clock returns the shard time of the point's venue; false where the point is no time, or the venue has not begun.
func (w *walker) clock() (int64, bool) {
	if w.to.Time == 0 {
		return 0, false
	}
	if w.to.Venue != "" {
		return w.fold.Clock(w.to.Venue)
	}
	if names := w.fold.Venues(); len(names) > 0 {
		return w.fold.Clock(names[0])
	}
	return 0, false
}

// mightPass reports that a record may move the clock past the time.
func (w *walker) mightPass(r *projector.Record) bool {
	e := r.Event
	return e != nil && !e.Type.OfAccount() && e.Time > w.to.Time && (w.to.Venue == "" || e.Venue == w.to.Venue)
}

// beforePassing returns the state before the record that passed the time: as it was kept, or folded again.
func (w *walker) beforePassing(ctx context.Context, m *Moment) (*Moment, error) {
	if names := w.fold.Venues(); w.to.Venue == "" && len(names) > 1 {
		return nil, w.noVenue()
	}
	if w.frozen.n == w.passed-1 {
		return w.frozen.thaw(m)
	}
	again := &walker{past: w.past, shard: w.shard, to: Point{N: w.passed - 1}, o: walkOptions{from: w.o.from, progress: w.o.progress}}
	return again.walk(ctx)
}

func (w *walker) noVenue() error {
	names := w.fold.Venues()
	at := events.FormatTime(w.to.Time)
	switch {
	case w.to.Venue != "":
		return usage("there is no venue %q; there are %q", w.to.Venue, names)
	case len(names) > 1:
		return usage("each of the venues %q has a clock of its own: write the time as %s/VENUE", names, at)
	}
	return usage("shard %d has no venue yet", w.shard)
}

// frozen is a copy of a state.
type frozen struct {
	n    uint64
	last *EventAt
	rows []projector.Row
}

func freeze(w *walker) *frozen {
	f := &frozen{n: w.n}
	if w.place.Topic != "" {
		f.last = &EventAt{N: w.n, Source: placeName(w.place, w.offset)}
	}
	w.fold.EachRow(func(r projector.Row) {
		f.rows = append(f.rows, projector.Row{Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value)})
	})
	return f
}

// thaw makes the copied state the moment's.
func (f *frozen) thaw(m *Moment) (*Moment, error) {
	s := projector.New(projector.Config{Shard: m.Shard})
	for _, r := range f.rows {
		if err := s.LoadRow(r.Key, r.Value); err != nil {
			return nil, err
		}
	}
	c := m.Fold.Counters()
	c.N = f.n
	if err := s.Loaded(c); err != nil {
		return nil, err
	}
	m.Fold, m.N, m.Last = s, f.n, f.last
	return m, nil
}

// beginFor returns where to begin in order to come to a point.
func (p *Past) beginFor(ctx context.Context, shard int32, to Point) (begin, error) {
	fits := func(h *snapshot.Head) bool {
		switch {
		case to.Cut > 0:
			return h.Cut <= to.Cut
		case to.N > 0:
			return h.N <= to.N
		case to.Source.Topic != "":
			at := h.Place(to.Source)
			return at == nil || at.Next <= to.Offset
		}
		return true
	}
	if to.Time == 0 {
		return p.beginBefore(ctx, shard, fits, nil)
	}
	return p.beginBefore(ctx, shard, fits, func(s snapshot.State) (bool, error) {
		clocks, err := clocksOf(s)
		late := slices.ContainsFunc(clocks, func(c clockAt) bool { return (to.Venue == "" || c.venue == to.Venue) && c.time > to.Time })
		return !late, err
	})
}

// clockAt is the shard time of a venue.
type clockAt struct {
	venue string
	time  int64
}

// clocksOf reads the shard times out of the venues' rows.
func clocksOf(s snapshot.State) (out []clockAt, err error) {
	fold := projector.New(projector.Config{})
	const venueRow = 0x10 // docs/formats/rows.md: the first kind
	err = s.EachRow(func(r projector.Row) error {
		if r.Key[0] != venueRow {
			return errFound
		}
		return fold.LoadRow(r.Key, r.Value)
	})
	if err != nil && err != errFound {
		return nil, err
	}
	for _, name := range fold.Venues() {
		at, _ := fold.Clock(name)
		out = append(out, clockAt{name, at})
	}
	return out, nil
}
