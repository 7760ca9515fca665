package audit

import (
	"encoding/json"
	"slices"
	"strings"

	"marginledger/events"
)

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
