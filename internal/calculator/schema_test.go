package calculator

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const (
	inputSchema  = "../../docs/formats/margin-input.schema.json"
	outputSchema = "../../docs/formats/margin-output.schema.json"
	examples     = "../../docs/venues/examples"
)

func schema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func valid(t *testing.T, s *jsonschema.Schema, data []byte) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

// encoded is an answer as the command prints it.
func encoded(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// inputs are the examples of the documentation, by path.
func inputs(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(examples, "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no examples in %s: %v", examples, err)
	}
	return slices.DeleteFunc(paths, func(p string) bool { return strings.Contains(filepath.Base(p), "assume") })
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestSchemas holds examples and their answers to the schemas.
func TestSchemas(t *testing.T) {
	in, out := schema(t, inputSchema), schema(t, outputSchema)
	for _, path := range inputs(t) {
		data := read(t, path)
		if err := valid(t, in, data); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		p, err := Read(data)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		var changes []Change
		if m := p.Markets[0]; m.Mark.Present {
			for kind, text := range map[string]string{ChangePrice: m.Market + "=" + m.Mark.String(), ChangeOrder: m.Market + " buy 1 @ " + m.Mark.String(), ChangeSwitch: m.Market + "=isolated"} {
				c, err := ParseChange(kind, text)
				if err != nil {
					t.Fatal(err)
				}
				changes = append(changes, c)
			}
		}
		answer, err := Calculate(p, changes, true)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if err := valid(t, out, encoded(t, answer)); err != nil {
			t.Errorf("the answer to %s: %v", path, err)
		}
		comparison, err := Compare(data, nil, []string{p.Venue.Profile + "@" + p.Venue.Version, "standard@none"})
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if err := valid(t, out, encoded(t, comparison)); err != nil {
			t.Errorf("the comparison of %s: %v", path, err)
		}
	}
}

// TestSchemaRefuses: what the code refuses for its form the schema refuses too.
func TestSchemaRefuses(t *testing.T) {
	in := schema(t, inputSchema)
	for _, text := range []string{`{}`, `{"venue":{"profile":"standard","version":"1"}}`, `{"venue":{"profile":"standard","version":"1","settlementAsset":"USDC"},"positons":[]}`,
		`{"venue":{"profile":"standard","version":"1","settlementAsset":"USDC"},"balances":{"USDC":"1e3"}}`,
		`{"venue":{"profile":"standard","version":"1","settlementAsset":"USDC"},"markets":[{"market":"BTC"}],"positions":[{"market":"BTC","size":"1"}]}`} {
		p, err := Read([]byte(text))
		if err == nil {
			_, err = Calculate(p, nil, false)
		}
		if err == nil {
			t.Errorf("answered: %s", text)
		}
		if err := valid(t, in, []byte(text)); err == nil {
			t.Errorf("valid: %s", text)
		}
	}
}

// TestSchemaFields: the schemas have the fields of the Go types, and ask for those that must be there.
func TestSchemaFields(t *testing.T) {
	in, out := document(t, inputSchema), document(t, outputSchema)
	w := &walker{t: t, root: in, input: true}
	portfolio := in["properties"].(map[string]any)
	delete(portfolio, profilesField) // of comparisons, and no part of a Portfolio
	w.object("portfolio", reflect.TypeFor[Portfolio](), in)
	w = &walker{t: t, root: out}
	w.object("answer", reflect.TypeFor[Answer](), w.resolve(map[string]any{"$ref": "#/$defs/answer"}))
	w.object("comparison", reflect.TypeFor[Comparison](), w.resolve(map[string]any{"$ref": "#/$defs/comparison"}))
}

func document(t *testing.T, path string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(read(t, path), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// walker compares Go types with the objects of a schema.
type walker struct {
	t     *testing.T
	root  map[string]any
	input bool // what is required has no omitzero; of output no omitempty
	seen  []reflect.Type
}

func (w *walker) resolve(s map[string]any) map[string]any {
	if ref, ok := s["$ref"].(string); ok {
		return w.root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
	}
	return s
}

func (w *walker) object(path string, typ reflect.Type, s map[string]any) {
	s = w.resolve(s)
	properties, _ := s["properties"].(map[string]any)
	var required []string
	list, _ := s["required"].([]any)
	for _, r := range list {
		required = append(required, r.(string))
	}
	fields := map[string]bool{}
	w.fields(path, typ, properties, required, fields)
	for name := range properties {
		if !fields[name] {
			w.t.Errorf("%s.%s: in the schema, not in %s", path, name, typ)
		}
	}
	if s["additionalProperties"] != false {
		w.t.Errorf("%s: the schema admits unknown fields", path)
	}
}

func (w *walker) fields(path string, typ reflect.Type, properties map[string]any, required []string, seen map[string]bool) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous {
			embedded, inherited := f.Type, required
			if embedded.Kind() == reflect.Pointer { // may be absent as a whole
				embedded, inherited = embedded.Elem(), nil
			}
			w.fields(path, embedded, properties, inherited, seen)
			continue
		}
		if name == "-" || name == "" {
			continue
		}
		seen[name] = true
		p, ok := properties[name].(map[string]any)
		if !ok {
			w.t.Errorf("%s.%s: in %s, not in the schema", path, name, typ)
			continue
		}
		if must := options == ""; required != nil && must != slices.Contains(required, name) {
			w.t.Errorf("%s.%s: required is %v in Go, not in the schema", path, name, must)
		}
		w.value(path+"."+name, f.Type, w.resolve(p))
	}
}

func (w *walker) value(path string, typ reflect.Type, s map[string]any) {
	switch {
	case typ.Kind() == reflect.Pointer:
		w.value(path, typ.Elem(), s)
	case strings.HasPrefix(typ.Name(), "Named["), typ == reflect.TypeFor[Decimal](), typ == reflect.TypeFor[Instant](), strings.HasPrefix(typ.Name(), "Enum["):
	case typ.Kind() == reflect.Slice:
		if items, ok := s["items"].(map[string]any); ok {
			w.value(path+"[]", typ.Elem(), w.resolve(items))
		} else {
			w.t.Errorf("%s: a list in Go, not in the schema", path)
		}
	case typ.Kind() == reflect.Struct && s["type"] == "object" && !slices.Contains(w.seen, typ):
		w.seen = append(w.seen, typ)
		w.object(path, typ, s)
	}
}

// TestSentences: the calculator says of every rule, and of every reason of a fact that does not fit the state, what
// docs/errors.md says.
func TestSentences(t *testing.T) {
	page := string(read(t, "../../docs/errors.md"))
	_, rules, _ := strings.Cut(page, "\n## Violations\n")
	rules, _, _ = strings.Cut(rules, "\n## ")
	_, reasons, _ := strings.Cut(page, "\n### Facts that do not fit the state\n")
	reasons, _, _ = strings.Cut(reasons, "\n## ")
	rows := regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (.*) \\|$").FindAllStringSubmatch(rules+"\n"+reasons, -1)
	if len(rows) < 35 {
		t.Fatalf("found only %d codes", len(rows))
	}
	for _, row := range rows {
		if want := strings.ReplaceAll(row[2], "`", ""); sentences[row[1]] != want {
			t.Errorf("why.go says of %s %q, docs/errors.md %q", row[1], sentences[row[1]], want)
		}
	}
}
