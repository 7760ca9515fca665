package audit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"marginledger/events"
)

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
