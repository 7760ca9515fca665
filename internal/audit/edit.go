package audit

import (
	"fmt"
	"strings"

	"marginledger/events"
	"marginledger/projector"
)

// Changes are what a what-if changes of the past.
type Changes struct {
	Venue   string         // only this venue; "": every
	Set     []string       // market.NAME.PATH=VALUE, asset.NAME.PATH=VALUE, venue.PATH=VALUE; * is every name
	Profile string         // NAME@VERSION: the venue's rules from the beginning, without the settings of its own
	Assume  map[string]any // what the profile lacks: PATH as in Set, and value (null removes); "facts": events that are put in at their time
	Marks   []string       // MARKET=PRICE@TIME: one more mark; MARKET=PRICE@FROM..TO: in place of those between
	Drop    []string       // ids of facts, or their places
	Correct []byte         // lines of JSON: {"replaces": id or place, "event": …}, or an event, which comes at its time
}

// setting is one edit of rules.
type setting struct {
	text  string
	of    string // market, asset or venue
	rest  string // name and path
	value any    // nil: removes
	used  bool
}

// markEdit is one edit of marks.
type markEdit struct {
	text     string
	market   string
	mark     events.Number
	from, to int64           // to 0: one more mark at from
	passed   map[string]bool // one more mark: the venues whose facts have passed its time
	used     bool
}

// correction is a fact that replaces another, or that is put in.
type correction struct {
	replaces string // "": it is put in at its time
	event    *events.Event
	used     bool
}

// editor changes records on their way to a fold.
type editor struct {
	venue       string
	profile     string
	version     string
	settings    []*setting
	marks       []*markEdit
	drops       map[string]bool // found yet
	corrections []*correction
	pending     []*correction // that are put in, by time
	decoder     events.Decoder
	n           int                             // records that were put in
	listed      func(venue, market string) bool // what the other fold knows; nil: everything
}

func newEditor(c *Changes) (*editor, error) {
	x := &editor{venue: c.Venue, drops: map[string]bool{}}
	if c.Profile != "" {
		var ok bool
		if x.profile, x.version, ok = strings.Cut(c.Profile, "@"); !ok {
			return nil, usage("%q is no profile: write NAME@VERSION", c.Profile)
		}
	}
	for _, path := range sortedKeys(c.Assume) {
		if path == "facts" {
			if err := x.assumeFacts(c.Assume[path]); err != nil {
				return nil, err
			}
			continue
		}
		if err := x.set(path, c.Assume[path]); err != nil {
			return nil, err
		}
	}
	for _, text := range c.Set {
		path, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, usage("%q sets nothing: write PATH=VALUE", text)
		}
		if err := x.set(path, parseValue(value)); err != nil {
			return nil, err
		}
	}
	for _, text := range c.Marks {
		m, err := parseMark(text)
		if err != nil {
			return nil, err
		}
		x.marks = append(x.marks, m)
	}
	for _, what := range c.Drop {
		x.drops[what] = false
	}
	return x, x.correct(c.Correct)
}

// unused returns what changed nothing.
func (x *editor) unused() (out []string) {
	for _, s := range x.settings {
		if !s.used {
			out = append(out, s.text)
		}
	}
	for _, m := range x.marks {
		if !m.used {
			out = append(out, "mark "+m.text)
		}
	}
	for _, what := range sortedKeys(x.drops) {
		if !x.drops[what] {
			out = append(out, "drop "+what)
		}
	}
	for _, c := range x.corrections {
		if !c.used {
			out = append(out, "correction "+c.event.ID)
		}
	}
	return out
}

// records returns what comes in place of a record. They hold until the next call.
func (x *editor) records(r *projector.Record) ([]*projector.Record, error) {
	e := r.Event
	out, err := x.due(r)
	if err != nil {
		return nil, err
	}
	place := ""
	if len(x.drops) > 0 || len(x.corrections) > 0 {
		place = placeName(r.Source, r.Offset)
	}
	if x.dropped(r, place) {
		return out, nil
	}
	if c := x.corrected(r, place); c != nil {
		changed := *r
		changed.Undecodable, changed.Detail, changed.Skipped = "", "", false
		if changed.Event, err = x.event(c.event); err != nil {
			return nil, err
		}
		if c.event.Type.OfAccount() {
			changed.Key, changed.WrongPartition = []byte(c.event.Owner), false
		}
		return append(out, &changed), nil
	}
	if e == nil || x.venue != "" && e.Venue != x.venue {
		return append(out, r), nil
	}
	event, err := x.event(e)
	if err != nil {
		return nil, err
	}
	if event != e {
		changed := *r
		changed.Event = event
		r = &changed
	}
	return append(out, r), nil
}

// maxAhead is how far a fact's own time may lie after its record's timestamp for the order of facts, in nanoseconds: docs/architecture.md,
// which record comes next.
const maxAhead = 60e9

// mergeTime is the time by which a record came in its order.
func mergeTime(r *projector.Record) int64 {
	at := r.Timestamp * 1e6
	if r.Event != nil {
		return min(r.Event.Time, at+maxAhead)
	}
	return at
}

// due returns what is put in before a record: every fact whose time is before that by which the record came in its order.
func (x *editor) due(r *projector.Record) (out []*projector.Record, err error) {
	if len(x.pending) == 0 && len(x.marks) == 0 {
		return nil, nil
	}
	at := mergeTime(r)
	for len(x.pending) > 0 && x.pending[0].event.Time < at {
		c := x.pending[0]
		x.pending, c.used = x.pending[1:], true
		e, err := x.event(c.event)
		if err != nil {
			return nil, err
		}
		out = append(out, x.made(e, r))
	}
	if r.Event == nil || x.venue != "" && r.Event.Venue != x.venue {
		return out, nil
	}
	venue := r.Event.Venue
	for _, m := range x.marks {
		if m.to != 0 || m.from >= at || m.passed[venue] {
			continue
		}
		m.passed[strings.Clone(venue)] = true
		if x.listed != nil && !x.listed(venue, m.market) {
			continue
		}
		m.used = true
		out = append(out, x.made(&events.Event{ID: "what-if-mark-" + m.market, Type: events.TypeMarkPrice, Version: 1, Venue: strings.Clone(venue), Time: m.from,
			Body: &events.MarkPrice{Market: m.market, Mark: m.mark}}, r))
	}
	return out, nil
}

// made is a record of a fact that nobody sent. It has a source of its own, so that it is no duplicate.
func (x *editor) made(e *events.Event, like *projector.Record) *projector.Record {
	x.n++
	return &projector.Record{Source: projector.Source{Topic: "what-if"}, Offset: int64(x.n), Timestamp: max(like.Timestamp, e.Time/1e6+1), Key: []byte(e.Owner), Role: e.Type.Role(), Event: e}
}

func (x *editor) dropped(r *projector.Record, place string) bool {
	if len(x.drops) == 0 {
		return false
	}
	names := []string{place}
	if r.Event != nil {
		names = append(names, r.Event.ID)
	}
	for _, name := range names {
		if _, ok := x.drops[name]; ok {
			x.drops[strings.Clone(name)] = true
			return true
		}
	}
	return false
}

func (x *editor) corrected(r *projector.Record, place string) *correction {
	for _, c := range x.corrections {
		if c.replaces != "" && (c.replaces == place || r.Event != nil && c.replaces == r.Event.ID) {
			c.used = true
			return c
		}
	}
	return nil
}

// event returns the fact as it is after the edits: the same where none concerns it.
func (x *editor) event(e *events.Event) (*events.Event, error) {
	switch b := e.Body.(type) {
	case *events.MarkPrice:
		for _, m := range x.marks {
			if m.to > 0 && m.market == b.Market && e.Time >= m.from && e.Time <= m.to {
				m.used = true
				changed, body := *e, *b
				body.Mark = m.mark
				if body.Min.Present || body.Max.Present { // of a price pair both
					body.Min, body.Max = m.mark, m.mark
				}
				changed.Body = &body
				return &changed, nil
			}
		}
	case *events.MarketListed:
		return x.rules(e, "market", b.Market)
	case *events.MarketChanged:
		return x.rules(e, "market", b.Market)
	case *events.CollateralChanged:
		return x.rules(e, "asset", b.Asset)
	case *events.VenueProfileSet:
		return x.rules(e, "venue", "")
	}
	return e, nil
}

// ParseAssumed reads what profiles lack: by profile name, paths as in Changes.Set, and values.
func ParseAssumed(text []byte) (map[string]map[string]any, error) {
	doc, err := decodeJSON(text)
	if err != nil {
		return nil, err
	}
	out := make(map[string]map[string]any, len(doc))
	for name, v := range doc { // unordered: into another map
		paths, ok := v.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s must be an object of paths and values", name)
		}
		out[name] = paths
	}
	return out, nil
}
