package audit

import (
	"bytes"
	"context"
	"strings"

	"marginledger/events"
	"marginledger/internal/pipeline"
	"marginledger/projector"
)

// rowReader is a fold that can be asked for one row.
type rowReader interface {
	Row(key []byte) []byte
}

// eventAt names a record that is being applied.
func eventAt(n uint64, r *projector.Record) *EventAt {
	e := &EventAt{N: n, Source: placeName(r.Source, r.Offset)}
	if r.Event != nil {
		e.ID, e.Type, e.Time = strings.Clone(r.Event.ID), r.Event.Type.String(), events.FormatTime(r.Event.Time)
	}
	return e
}

// lastMover folds again and finds the record, of those after n from, that changed a row last, up to n to (0: to the end
// of cut toCut). nil: none did, or the fold cannot be asked.
func (p *Past) lastMover(ctx context.Context, shard int32, b begin, key []byte, from, to, toCut uint64) (*EventAt, error) {
	var last *EventAt
	var reader rowReader
	var before []byte
	_, err := p.refold(ctx, shard, pipeline.RefoldOptions{
		From: b.state, ToCut: toCut, Unhashed: true,
		NewFold: func(c projector.Config) pipeline.Fold {
			f := p.newFold(c)
			reader, _ = f.(rowReader)
			return f
		},
		After: func(r *projector.Record, fx *projector.Effects) error {
			if reader == nil || to > 0 && fx.N > to {
				return pipeline.ErrStopRefold
			}
			now := reader.Row(key)
			if fx.N >= from && (!bytes.Equal(now, before) || (now == nil) != (before == nil)) {
				last = eventAt(fx.N, r)
			}
			before = append(before[:0:0], now...)
			if now == nil {
				before = nil
			}
			return nil
		},
	})
	if pipeline.IsDifference(err) { // the damage that is being named
		err = nil
	}
	return last, err
}

func (p *Past) newFold(c projector.Config) pipeline.Fold {
	if p.NewFold != nil {
		return p.NewFold(c)
	}
	return projector.New(c)
}

// nameEvents adds to what differs which event it is: of a wrong cut the one whose announcement differs, else the last of
// its records that changed the row; of another row the one that changed it last.
func (v *verifier) nameEvents(ctx context.Context) error {
	for i := range v.report.Differences {
		d := &v.report.Differences[i]
		if d.Event != nil || d.key == nil {
			continue
		}
		from, to, toCut := uint64(0), uint64(0), d.Cut
		if w := v.wrong; w != nil && w.changed[string(d.key)] {
			from, to, toCut = w.fromN, w.toN, w.cut
		}
		v.o.Progress.Begin("which event", 0)
		var err error
		if d.Event, err = v.past.lastMover(ctx, v.shard, v.begun, d.key, from, to, toCut); err != nil {
			return err
		}
	}
	if v.wrong == nil {
		return nil
	}
	d := &v.report.Differences[v.wrong.index]
	for i := range v.report.Differences {
		other := &v.report.Differences[i]
		inside := other.Event != nil && other.Event.N >= v.wrong.fromN && other.Event.N <= v.wrong.toN
		if d.Event == nil && inside && (other.Kind == KindOutput || other.Kind == KindRow || other.Kind == KindSnapshot) {
			d.Event, d.Row, d.Field, d.Have, d.Want = other.Event, other.Row, other.Field, other.Have, other.Want
		}
	}
	return nil
}
