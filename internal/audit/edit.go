package audit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

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

// assumeFacts takes facts that a profile lacks: each is put in at its time.
func (x *editor) assumeFacts(v any) error {
	list, ok := v.([]any)
	if !ok {
		return usage("facts must be a list of events")
	}
	var lines []string
	for _, fact := range list {
		text, err := json.Marshal(fact)
		if err != nil {
			return err
		}
		lines = append(lines, string(text))
	}
	return x.correct([]byte(strings.Join(lines, "\n")))
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m { // unordered: sorted below
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (x *editor) set(path string, value any) error {
	of, rest, ok := strings.Cut(path, ".")
	if !ok || !slices.Contains([]string{"market", "asset", "venue"}, of) {
		return usage("%q is no path of rules: write market.NAME.…, asset.NAME.… or venue.…", path)
	}
	x.settings = append(x.settings, &setting{text: path, of: of, rest: rest, value: asTexts(value)})
	return nil
}

// parseMark reads MARKET=PRICE@TIME or MARKET=PRICE@FROM..TO.
func parseMark(text string) (*markEdit, error) {
	bad := usage("%q is no mark: write MARKET=PRICE@TIME or MARKET=PRICE@FROM..TO", text)
	rest, when, ok := cutLast(text, '@')
	market, price, ok2 := cutLast(rest, '=')
	mark, err := events.ParseNumber(price)
	if !ok || !ok2 || err != nil || mark.Sign() <= 0 {
		return nil, bad
	}
	from, to, ranged := strings.Cut(when, "..")
	m := &markEdit{text: text, market: market, mark: mark, passed: map[string]bool{}}
	a, err := ParsePoint(from)
	if err != nil || a.Time == 0 {
		return nil, bad
	}
	m.from = a.Time
	if ranged {
		b, err := ParsePoint(to)
		if err != nil || b.Time <= a.Time {
			return nil, bad
		}
		m.to = b.Time
	}
	return m, nil
}

// correct reads the lines of corrected facts.
func (x *editor) correct(text []byte) error {
	for i, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		var wrapped struct {
			Replaces string          `json:"replaces"`
			Event    json.RawMessage `json:"event"`
		}
		c := &correction{}
		value := []byte(line)
		if err := json.Unmarshal(value, &wrapped); err == nil && wrapped.Event != nil {
			c.replaces, value = wrapped.Replaces, wrapped.Event
		}
		var err error
		if c.event, err = x.decoder.Decode(value); err != nil {
			return usage("line %d of the corrected facts: %v", i+1, err)
		}
		x.corrections = append(x.corrections, c)
		if c.replaces == "" {
			x.pending = append(x.pending, c)
		}
	}
	slices.SortStableFunc(x.pending, func(a, b *correction) int { return int(a.event.Time - b.event.Time) })
	return nil
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

// listedFields are the members of a MarketListed that are not of its rules.
var listedFields = []string{"underlying", "maxPrice", "maxSize", "longToken", "shortToken"}

// rules edits a fact of configuration.
func (x *editor) rules(e *events.Event, of, name string) (*events.Event, error) {
	switching := of == "venue" && x.profile != ""
	var mine []*setting
	for _, s := range x.settings {
		if s.of == of && (of == "venue" || strings.HasPrefix(s.rest, name+".") || strings.HasPrefix(s.rest, "*.")) {
			mine = append(mine, s)
		}
	}
	if len(mine) == 0 && !switching {
		return e, nil
	}
	doc, err := decodeJSON(events.AppendJSON(nil, e))
	if err != nil {
		return nil, err
	}
	if switching {
		doc["profile"], doc["profileVersion"] = x.profile, x.version
		delete(doc, "params")
	}
	for _, s := range mine {
		path := s.rest
		if of != "venue" {
			path = strings.TrimPrefix(strings.TrimPrefix(path, name), "*")[1:]
		}
		if err := edit(doc, of, path, s); err != nil {
			return nil, usage("%s: %v", s.text, err)
		}
	}
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	changed, err := x.decoder.Decode(text)
	if err != nil {
		return nil, usage("the changed %s of %s%s: %v", e.Type, e.Venue, slash(name), err)
	}
	return changed, nil
}

func slash(name string) string {
	if name == "" {
		return ""
	}
	return "/" + name
}

// edit makes one edit of a document.
func edit(doc map[string]any, of, path string, s *setting) error {
	if of == "market" {
		first, _, _ := strings.Cut(path, ".")
		if !slices.Contains(listedFields, first) {
			path = "rules." + path
		} else if doc["type"] != events.TypeMarketListed.String() {
			return nil
		}
	}
	steps, err := parsePath(path)
	if err != nil {
		return err
	}
	value := s.value
	if last := steps[len(steps)-1].name; integerFields[last] {
		if text, ok := value.(string); ok {
			value = json.Number(text)
		}
	}
	if len(steps) > 1 && steps[len(steps)-2].name == "params" {
		makeList(doc, steps[:len(steps)-1])
	}
	if _, err := setPath(doc, steps, value); err != nil {
		return err
	}
	s.used = true
	if of == "market" && strings.HasPrefix(path, "rules.tiers") && !strings.Contains(path, "deduction") {
		return continuous(doc)
	}
	return nil
}

// makeList makes an empty list of settings where there is none yet.
func makeList(doc map[string]any, path []pathStep) {
	at := doc
	for i, step := range path {
		if i == len(path)-1 {
			if at[step.name] == nil {
				at[step.name] = []any{}
			}
			return
		}
		next, ok := at[step.name].(map[string]any)
		if !ok {
			return
		}
		at = next
	}
}

// continuous gives tiers the deductions that make maintenance continuous at their edges.
func continuous(doc map[string]any) error {
	rules, _ := doc["rules"].(map[string]any)
	tiers, _ := rules["tiers"].([]any)
	number := func(t map[string]any, name string) (decimal.Decimal, error) {
		return decimal.NewFromString(fmt.Sprint(t[name]))
	}
	deduction, before := decimal.Zero, decimal.Zero
	for i := range tiers {
		t, ok := tiers[i].(map[string]any)
		if !ok {
			return fmt.Errorf("tier %d is no object", i)
		}
		lower, err := number(t, "lowerNotional")
		if err != nil {
			return fmt.Errorf("tier %d: lowerNotional: %w", i, err)
		}
		rate, err := number(t, "maintenanceRate")
		if err != nil {
			return fmt.Errorf("tier %d: maintenanceRate: %w", i, err)
		}
		if i > 0 {
			deduction = deduction.Add(lower.Mul(rate.Sub(before)))
		}
		before = rate
		t["deduction"] = deduction.String()
	}
	return nil
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
