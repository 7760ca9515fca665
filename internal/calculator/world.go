package calculator

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"marginledger/events"
	"marginledger/projector"
	"marginledger/projector/margin/registry"
)

// world is a shard with the portfolio on it.
type world struct {
	portfolio *Portfolio
	shard     *projector.Shard
	value     uint32 // scale
	markets   map[string]*scales
	facts     []fact // that made it
	broken    []Broken
	venue     string
	owner     string
	now       int64
	offset    int64
}

// epoch is the time of facts whose document names none.
const epoch = 946_684_800e9 // 2000-01-01

// open makes the world of a portfolio. An error is an *InputError: what the document has wrong, and where.
func open(p *Portfolio, changes []Change) (*world, error) {
	w := newWorld(p)
	var err error
	if w.value, w.markets, err = p.settle(changes); err != nil {
		return nil, err
	}
	facts, err := p.venueFacts(w.value, w.markets)
	if err != nil {
		return nil, err
	}
	account, err := p.accountFacts(w.markets)
	if err != nil {
		return nil, err
	}
	if p.keepsCollateral() { // what a position owes is counted from what is observed of its pool
		facts = append(append(facts, p.observedFacts()...), account...)
	} else {
		facts = append(append(facts, account...), p.observedFacts()...)
	}
	facts = append(facts, p.tradeFacts()...)
	for i := range facts {
		if err := w.take(&facts[i]); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// keepsCollateral reports that positions have collateral of their own.
func (p *Portfolio) keepsCollateral() bool {
	return slices.ContainsFunc(p.Positions, func(h Holding) bool { return h.Collateral != "" })
}

func newWorld(p *Portfolio) *world {
	w := &world{portfolio: p, shard: projector.New(projector.Config{}), venue: p.Venue.Name, owner: p.Owner, now: epoch}
	if w.venue == "" {
		w.venue = "venue"
	}
	if w.owner == "" {
		w.owner = "account"
	}
	if p.Venue.Time.Present {
		w.now = p.Venue.Time.Nanoseconds
	}
	return w
}

// take applies a fact of the document. One that breaks a rule is taken, and the rule noted.
func (w *world) take(f *fact) error {
	fx, err := w.apply(f.body)
	var bad *events.DecodeError
	if errors.As(err, &bad) {
		return wrong(f.at(bad.Field), "%s", bad.Detail)
	}
	for i := range fx.Outputs {
		switch o := &fx.Outputs[i]; o.Kind {
		case events.KindDeadLetter:
			return w.refused(f, o.Reason)
		case events.KindViolation:
			w.broken = append(w.broken, Broken{Rule: o.Rule, Text: sentence(o.Rule), Path: f.path})
		}
	}
	w.facts = append(w.facts, *f)
	return nil
}

// apply applies a fact. It fails only with a *events.DecodeError, where the fact is not even well-formed.
func (w *world) apply(body events.Body) (*projector.Effects, error) {
	e := w.event(body)
	if err := e.Validate(); err != nil {
		return nil, err
	}
	return w.shard.Apply(&projector.Record{Source: projector.Source{Topic: e.Type.Role().String()}, Offset: w.offset, Timestamp: w.now / 1e6,
		Key: []byte(e.Owner), Value: []byte(e.ID), Role: e.Type.Role(), Event: e}), nil
}

func (w *world) event(body events.Body) *events.Event {
	w.offset++
	e := &events.Event{ID: strconv.FormatInt(w.offset, 10), Type: body.EventType(), Version: events.SchemaVersion, Venue: w.venue, Time: w.now, Body: body}
	if e.Type.OfAccount() {
		e.Owner, e.Subaccount = w.owner, w.portfolio.Subaccount
	}
	return e
}

// why says what a refusal means: the code's sentence, and what the profile has against the fact.
func (w *world) why(body events.Body, reason string) string {
	if err := w.shard.Refusal(w.event(body)); err != nil {
		return sentence(reason) + ": " + err.Error()
	}
	if b, ok := body.(*events.VenueProfileSet); ok && registry.Find(b.Profile) == nil {
		return sentence(reason) + has(registry.Names())
	}
	switch b, _ := body.(*events.MarginModeSet); {
	case reason == string(projector.ReasonNotSupported):
		return sentence(reason) + ": " + w.portfolio.Venue.Profile + " takes no " + body.EventType().String() + " like this"
	case reason == string(projector.ReasonModeSwitch) && b != nil:
		moves := "AMOUNT"
		if b.Mode == events.Cross {
			moves = "0"
		}
		return sentence(reason) + ": write " + b.Market + "=" + b.Mode.String() + ":" + moves
	}
	return sentence(reason)
}

// refused says why a fact of the document cannot be applied, and which part of it is to blame.
func (w *world) refused(f *fact, reason string) error {
	for i := range f.parts {
		again := newWorld(w.portfolio)
		again.value, again.markets = w.value, w.markets
		for j := range w.facts {
			if err := again.take(&w.facts[j]); err != nil {
				panic(fmt.Sprintf("calculator: %s was applied before: %v", w.facts[j].path, err))
			}
		}
		part := f.parts[i]
		part.parts = nil
		if err := again.take(&part); err != nil {
			return err
		}
	}
	return &refusal{fact: f.body, InputError: InputError{Path: w.blamed(f, reason), Detail: reason + ": " + w.why(f.body, reason)}}
}

// blamed is the path of a refused fact, or of the field that a reason is about.
func (w *world) blamed(f *fact, reason string) string {
	if path := w.blamedParam(f); path != "" {
		return path
	}
	b, ok := f.body.(*events.VenueProfileSet)
	switch {
	case !ok || reason != string(projector.ReasonUnknownProfile):
		return f.path
	case registry.Find(b.Profile) == nil:
		return f.at("profile")
	}
	return f.at("version")
}

// blamedParam is the path of the param, or the quantity, that the profile names where it refuses a fact; "": none of the fact's.
func (w *world) blamedParam(f *fact) string {
	var list []events.Param
	field := "params"
	switch b := f.body.(type) {
	case *events.VenueProfileSet:
		list = b.Params
	case *events.MarketListed:
		list, field = b.Rules.Params, "rules.params"
	case *events.PoolState:
		list, field = b.Quantities, "quantities"
	case *events.AccountParamsSet:
		list = b.Params
	case *events.PositionChanged:
		list = b.Params
	}
	err := w.shard.Refusal(w.event(f.body))
	if err == nil {
		return ""
	}
	for i := range list {
		if strings.Contains(err.Error(), " "+list[i].Name+":") {
			return f.at(fmt.Sprintf("%s[%d]", field, i))
		}
	}
	return ""
}

// refusal is an InputError: a venue has no place for a fact of the document.
type refusal struct {
	InputError
	fact events.Body
}

// Unwrap makes it the InputError that it is.
func (r *refusal) Unwrap() error { return &r.InputError }
