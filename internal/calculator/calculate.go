package calculator

import (
	"errors"

	"marginledger/events"
)

// Calculate answers what the margin of a portfolio is, and what each change does to it, one after the other. An
// error is an *InputError.
func Calculate(p *Portfolio, changes []Change, explain bool) (*Answer, error) {
	w, err := open(p, changes)
	if err != nil {
		return nil, err
	}
	out := &Answer{Profile: p.Venue.Profile + "@" + p.Venue.Version, SettlementAsset: p.Venue.SettlementAsset, ValueScale: w.value,
		Broken: append([]Broken{}, w.broken...), Figures: w.figures(explain)}
	before := out.Figures
	for i := range changes {
		o, err := w.change(&changes[i], &before, explain)
		if err != nil {
			return nil, err
		}
		out.Changes = append(out.Changes, *o)
		before = o.After
	}
	return out, nil
}

// change applies a change; what the venue would say to it is the answer, not an error.
func (w *world) change(c *Change, before *Figures, explain bool) (*Outcome, error) {
	body, err := w.body(c)
	if err != nil {
		return nil, err
	}
	fx, err := w.apply(body)
	var bad *events.DecodeError
	if errors.As(err, &bad) {
		return nil, c.wrong("%s %s", bad.Field, bad.Detail)
	}
	out := &Outcome{kind: c.Kind, Change: c.String(), Applied: true, Broken: []Broken{}, Announcements: []Announcement{}, Before: Summary{before.Equity,
		before.Initial, before.Maintenance, before.Free, before.Withdrawable, before.Liquidatable}}
	if fill, ok := body.(*events.Fill); ok {
		out.Fee = optional(fill.Fee)
	}
	for i := range fx.Outputs {
		switch o := &fx.Outputs[i]; o.Kind {
		case events.KindDeadLetter:
			out.Applied = false
			out.Broken = append(out.Broken, Broken{Rule: o.Reason, Text: w.why(body, o.Reason)})
		case events.KindViolation:
			out.Broken = append(out.Broken, Broken{Rule: o.Rule, Text: sentence(o.Rule)})
		default:
			a := Announcement{Kind: o.Kind.String(), Pool: o.Pool, Level: optional(o.Level)}
			if o.Stage != events.StageNone {
				a.Stage = o.Stage.String()
			}
			out.Announcements = append(out.Announcements, a)
		}
	}
	out.Accepted = len(out.Broken) == 0
	out.After = w.figures(explain)
	return out, nil
}
