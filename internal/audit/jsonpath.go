package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// Edits of facts are made on their JSON, and read back by the decoder of facts: so an edited fact is one that could have
// come, or it is refused.

// pathStep is a step of a path: a member, or an index.
type pathStep struct {
	name  string
	index int // -1: a member
}

// parsePath reads a.b[2].c.
func parsePath(text string) ([]pathStep, error) {
	var out []pathStep
	for _, part := range strings.Split(text, ".") {
		name, rest, indexed := strings.Cut(part, "[")
		if name == "" {
			return nil, fmt.Errorf("%q is no path", text)
		}
		out = append(out, pathStep{name, -1})
		for indexed {
			digits, after, ok := strings.Cut(rest, "]")
			i, err := strconv.Atoi(digits)
			if !ok || err != nil || i < 0 {
				return nil, fmt.Errorf("%q is no path", text)
			}
			out = append(out, pathStep{"", i})
			if rest, indexed = strings.CutPrefix(after, "["); !indexed && after != "" {
				return nil, fmt.Errorf("%q is no path", text)
			}
		}
	}
	return out, nil
}

// setPath sets what lies at a path, or with a nil value removes it. A list of {"name", "value"} is also entered by name.
func setPath(at any, path []pathStep, value any) (any, error) {
	if len(path) == 0 {
		return value, nil
	}
	step := path[0]
	switch x := at.(type) {
	case map[string]any:
		if step.index >= 0 {
			return nil, fmt.Errorf("[%d] is of no list", step.index)
		}
		child, err := setPath(orObject(x[step.name], path[1:]), path[1:], value)
		if err != nil {
			return nil, err
		}
		if child == nil {
			delete(x, step.name)
		} else {
			x[step.name] = child
		}
		return x, nil
	case []any:
		if step.index < 0 {
			return setNamed(x, step.name, path[1:], value)
		}
		if step.index >= len(x) {
			return nil, fmt.Errorf("there is no [%d]: the list has %d", step.index, len(x))
		}
		child, err := setPath(x[step.index], path[1:], value)
		if err != nil {
			return nil, err
		}
		if child == nil {
			return append(x[:step.index:step.index], x[step.index+1:]...), nil
		}
		x[step.index] = child
		return x, nil
	}
	return nil, fmt.Errorf("%s is of no object", step.name)
}

// orObject makes an object for what is not there and has more of a path; settings have a list.
func orObject(at any, rest []pathStep) any {
	if at != nil || len(rest) == 0 {
		return at
	}
	return map[string]any{}
}

// setNamed sets a setting in a list of {"name", "value"}, whose names rise.
func setNamed(list []any, name string, rest []pathStep, value any) (any, error) {
	if len(rest) > 0 {
		return nil, fmt.Errorf("a setting has no member %s", rest[0].name)
	}
	i := sort.Search(len(list), func(i int) bool { return settingName(list[i]) >= name })
	there := i < len(list) && settingName(list[i]) == name
	switch {
	case value == nil && there:
		return append(list[:i:i], list[i+1:]...), nil
	case value == nil:
		return list, nil
	case there:
		list[i] = map[string]any{"name": name, "value": value}
		return list, nil
	}
	out := append(list[:i:i], map[string]any{"name": name, "value": value})
	return append(out, list[i:]...), nil
}

func settingName(at any) string {
	if m, ok := at.(map[string]any); ok {
		name, _ := m["name"].(string)
		return name
	}
	return ""
}

// parseValue reads what stands behind the = of a setting: JSON, or else a text.
func parseValue(text string) any {
	if text == "" {
		return ""
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil || dec.More() {
		return text
	}
	return v
}

// asTexts turns numbers into texts, as facts write their decimals; integers of the schema stay where decoding wants them.
func asTexts(v any) any {
	switch x := v.(type) {
	case json.Number:
		return x.String()
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = asTexts(x[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, y := range x { // unordered: into another map
			out[k] = asTexts(y)
			if text, ok := out[k].(string); ok && integerFields[k] {
				out[k] = json.Number(text)
			}
		}
		return out
	}
	return v
}

// integerFields are the members of rules that are integers; all other numbers are decimals.
var integerFields = map[string]bool{"maxLeverage": true, "maxStalenessMs": true, "priceScale": true, "sizeScale": true, "valueScale": true}

// decodeJSON reads a document with its numbers as they are written.
func decodeJSON(text []byte) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v map[string]any
	return v, dec.Decode(&v)
}
