package audit

import (
	"encoding/json"
	"fmt"

	"marginledger/events"
	"marginledger/projector"
)

// standing returns the rules that hold in a state, as the facts that would set them: for a past that begins behind a
// snapshot, whose own such facts lie before it.
func standing(s *projector.Shard) ([]*events.Event, error) {
	var out []*events.Event
	var failed error
	var d events.Decoder
	s.EachRow(func(r projector.Row) {
		kind, parts, ok := rowParts(r.Key)
		if !ok || failed != nil {
			return
		}
		fields, err := RowFields(r.Key, r.Value)
		if err != nil {
			failed = err
			return
		}
		at, _ := s.Clock(parts[0])
		doc := map[string]any{"id": "standing-" + RowName(r.Key), "v": 1, "venue": parts[0], "time": events.FormatTime(max(at, 1))}
		f := newFieldList(fields)
		switch kind {
		case "venue":
			doc["type"], doc["profile"], doc["profileVersion"] = "VenueProfileSet", f.text("profile"), f.text("profileVersion")
			doc["settlementAsset"], doc["valueScale"] = f.text("settlementAsset"), json.Number(f.text("valueScale"))
			doc["params"] = f.params("params")
		case "market":
			doc["type"], doc["market"], doc["rules"] = "MarketChanged", parts[1], f.marketRules(s.ValueScale(parts[0]))
		case "asset":
			if f.count("haircuts") == 0 {
				return
			}
			doc["type"], doc["asset"], doc["haircuts"] = "CollateralChanged", parts[1], f.haircuts(s.ValueScale(parts[0]))
		default:
			return
		}
		text, err := json.Marshal(doc)
		if err != nil {
			failed = err
			return
		}
		e, err := d.Decode(text)
		if err != nil {
			failed = fmt.Errorf("the rules of %s: %w", RowName(r.Key), err)
			return
		}
		out = append(out, e)
	})
	return out, failed
}

// fieldList looks fields up by their path.
type fieldList map[string]string

func newFieldList(fields []RowField) fieldList {
	l := make(fieldList, len(fields))
	for _, f := range fields {
		l[f.Path] = f.Value
	}
	return l
}

func (l fieldList) text(path string) string { return l[path] }

func (l fieldList) count(path string) (n int) {
	if _, err := fmt.Sscan(l[path+".length"], &n); err != nil {
		return 0
	}
	return n
}

// decimal is a coefficient at a scale.
func (l fieldList) decimal(path string, scale int) string {
	n, err := events.ParseNumber(shift(l[path], scale))
	if err != nil {
		return l[path]
	}
	return n.String()
}

func (l fieldList) params(path string) []any {
	out := []any{}
	for i := range l.count(path) {
		at := fmt.Sprintf("%s[%d]", path, i)
		out = append(out, map[string]any{"name": l[at+".name"], "value": l[at+".value"]})
	}
	return out
}

// Scales of docs/formats/rows.md.
const rateDigits = 9

func (l fieldList) marketRules(scale int) map[string]any {
	rules := map[string]any{"funding": map[string]string{"1": "index", "2": "payments"}[l["fundingMode"]], "liquidationFee": l.decimal("liquidationFee", rateDigits)}
	var ns int64
	if _, err := fmt.Sscan(l["maxStaleness"], &ns); err == nil && ns > 0 {
		rules["maxStalenessMs"] = json.Number(fmt.Sprint(ns / 1e6))
	}
	for _, fee := range []string{"makerFee", "takerFee"} {
		if l[fee] != "" {
			rules[fee] = l[fee]
		}
	}
	if n := l.count("tiers"); n > 0 {
		tiers := []any{}
		for i := range n {
			at := fmt.Sprintf("tiers[%d]", i)
			tiers = append(tiers, map[string]any{"lowerNotional": l.decimal(at+".lower", scale), "maxLeverage": json.Number(l[at+".maxLeverage"]),
				"maintenanceRate": l.decimal(at+".rate", rateDigits), "deduction": l.decimal(at+".deduction", scale)})
		}
		rules["tiers"] = tiers
	}
	if params := l.params("params"); len(params) > 0 {
		rules["params"] = params
	}
	if mode := map[string]string{"2": "noCross", "3": "strictIsolated"}[l["modes"]]; mode != "" {
		rules["marginModes"] = mode
	}
	return rules
}

func (l fieldList) haircuts(scale int) []any {
	out := []any{}
	for i := range l.count("haircuts") {
		at := fmt.Sprintf("haircuts[%d]", i)
		out = append(out, map[string]any{"lowerValue": l.decimal(at+".lower", scale), "haircut": l.decimal(at+".share", rateDigits)})
	}
	return out
}
