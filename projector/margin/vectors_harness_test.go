package margin_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// kind runs the cases of one kind, of the venues named; none: of every venue.
type kind struct {
	venues []string
	run    func(*vector)
}

// The kinds of every venue, by name: two venues may give one name to different things.
var vectorKinds = map[string][]kind{}

// register makes a kind known; called from init functions of vectors_<venue>_test.go. A venue is
// the case's profile or venue, or the first part of its name, up to the first of @ / - _.
func register(name string, run func(*vector), venues ...string) {
	vectorKinds[name] = append(vectorKinds[name], kind{venues, run})
}

// vectorCase is one case as it stands in its file.
type vectorCase struct {
	name, kind, venue, profile, source, note string
	reproducible                             bool
	inputs, expected                         any
	unknown                                  []string
}

func vectorFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/vectors/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	return files
}

var caseFields = []string{"name", "kind", "profile", "venue", "source", "function", "inputs", "expected", "reproducible",
	"reproduced", "note", "recomputed"}

func readVectors(t *testing.T, file string) []*vectorCase {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var top struct {
		Meta  json.RawMessage  `json:"meta"`
		Cases []map[string]any `json:"cases"`
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	dec.DisallowUnknownFields()
	if err := dec.Decode(&top); err != nil || len(top.Cases) == 0 {
		t.Fatalf("%s: %d cases, %v", file, len(top.Cases), err)
	}
	out := make([]*vectorCase, len(top.Cases))
	for i, m := range top.Cases {
		text := func(key string) string { s, _ := m[key].(string); return s }
		c := &vectorCase{name: text("name"), kind: text("kind"), profile: text("profile"), source: text("source"), note: text("note"),
			inputs: m["inputs"], expected: m["expected"], reproducible: m["reproducible"] != false && m["reproduced"] != false}
		c.venue = c.profile
		if c.venue == "" {
			c.venue = text("venue")
		}
		if c.venue == "" {
			c.venue = c.name
		}
		if i := strings.IndexAny(c.venue, "@/-_"); i >= 0 {
			c.venue = c.venue[:i]
		}
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if !slices.Contains(caseFields, key) {
				c.unknown = append(c.unknown, key+": unknown field")
			}
		}
		out[i] = c
	}
	return out
}

func (c *vectorCase) find() (kind, error) { return c.findIn(vectorKinds) }

func (c *vectorCase) findIn(kinds map[string][]kind) (kind, error) {
	for _, k := range kinds[c.kind] {
		if len(k.venues) == 0 || slices.Contains(k.venues, c.venue) {
			return k, nil
		}
	}
	return kind{}, fmt.Errorf("unknown kind %q of venue %q", c.kind, c.venue)
}

// run compares the case, then looks for values that nobody looked at.
func (c *vectorCase) run(k kind) *vector {
	v := &vector{profile: c.profile, source: c.source, problems: slices.Clone(c.unknown), seen: map[string]bool{}, leaves: map[string]bool{},
		intervals: map[string][2]*big.Rat{}}
	v.flatten("inputs", c.inputs)
	v.flatten("expected", c.expected)
	v.in, v.want = &value{v, "inputs", c.inputs, true}, &value{v, "expected", c.expected, true}
	func() {
		defer func() {
			if r := recover(); r != nil && r != errStop {
				v.problem("panic: %v", r)
			}
		}()
		k.run(v)
	}()
	if len(v.expected()) == 0 {
		v.problem("nothing is expected")
	}
	for _, path := range slices.Sorted(maps.Keys(v.leaves)) {
		switch {
		case v.seen[path]:
		case isExpected(path):
			v.problem("%s: not compared", path)
		default:
			v.problem("%s: unknown field", path)
		}
	}
	return v
}

// vector is a case while it runs.
type vector struct {
	in, want *value
	profile  string // as the case has it, with its version
	source   string
	problems []string

	leaves    map[string]bool // every path with a value
	seen      map[string]bool // read if an input, compared if expected
	intervals map[string][2]*big.Rat
}

func isExpected(path string) bool {
	return strings.HasPrefix(path, "expected") || strings.Contains(path, ".expected")
}

func (c *vector) flatten(path string, x any) {
	switch x := x.(type) {
	case map[string]any:
		for k, sub := range x {
			c.flatten(path+"."+k, sub)
		}
		if len(x) > 0 || strings.HasSuffix(path, "expected") || path == "inputs" {
			return
		}
	case []any:
		for i, sub := range x {
			c.flatten(fmt.Sprintf("%s[%d]", path, i), sub)
		}
		if len(x) > 0 {
			return
		}
	}
	c.leaves[path] = true
}

func (c *vector) problem(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

var errStop = fmt.Errorf("stop") // ends a case that cannot go on; the problem is noted

// stop notes a problem that leaves nothing to compare.
func (c *vector) stop(format string, args ...any) {
	c.problem(format, args...)
	panic(errStop)
}

// inside reports that a changed value still lies in the interval that was declared for it.
func (c *vector) inside(path string, x any) bool {
	text, _ := x.(string)
	i, ok := c.intervals[path]
	n, isNumber := new(big.Rat).SetString(text)
	return ok && isNumber && n.Cmp(i[0]) >= 0 && n.Cmp(i[1]) <= 0
}

// expected returns the paths of expected values, but for those of tolerances and of what is empty.
func (c *vector) expected() []string {
	var out []string
	for _, path := range slices.Sorted(maps.Keys(c.leaves)) {
		if isExpected(path) && !strings.HasSuffix(path, ".relTol") && !strings.HasSuffix(path, ".tolerance") && !strings.HasSuffix(path, "expected") {
			out = append(out, path)
		}
	}
	return out
}

// value is a place in a case. Reading an input, and comparing an expected value, marks it as seen.
type value struct {
	c    *vector
	path string
	x    any
	ok   bool // there
}

// get returns the field of an object; it may be missing.
func (v *value) get(key string) *value {
	m, _ := v.x.(map[string]any)
	x, ok := m[key]
	if v.ok && len(m) == 0 {
		v.c.seen[v.path] = true
	}
	return &value{v.c, v.path + "." + key, x, ok}
}

// has reports a field that is there, even if null.
func (v *value) has(key string) bool { return v.get(key).ok }

// keys returns the fields of an object, sorted.
func (v *value) keys() []string {
	m, ok := v.x.(map[string]any)
	if !ok {
		v.c.stop("%s: no object", v.path)
	}
	v.c.seen[v.path] = true
	return slices.Sorted(maps.Keys(m))
}

// list returns the elements of an array; none if it is missing.
func (v *value) list() []*value {
	a, ok := v.x.([]any)
	if v.ok && !ok {
		v.c.stop("%s: no array", v.path)
	}
	v.c.seen[v.path] = true
	out := make([]*value, len(a))
	for i, x := range a {
		out[i] = &value{v.c, fmt.Sprintf("%s[%d]", v.path, i), x, true}
	}
	return out
}

// known marks an input that says nothing that the rule needs: a name, a note.
func (v *value) known() { v.read() }

// read marks an input as used. An expected value is only marked by comparing it.
func (v *value) read() {
	if !isExpected(v.path) {
		v.c.seen[v.path] = true
	}
}

// tolerance returns how far a source says that it is off.
func (v *value) tolerance() *big.Rat {
	v.c.seen[v.path] = true
	return v.rat()
}

// isNull reports a null, or that nothing is there.
func (v *value) isNull() bool { return v.x == nil }

// text returns a string, or a number as it is written.
func (v *value) text() string {
	v.read()
	switch x := v.x.(type) {
	case string:
		return x
	case json.Number:
		return x.String()
	}
	if !v.ok {
		v.c.stop("%s: missing", v.path)
	}
	v.c.stop("%s: %v is no text", v.path, v.x)
	return ""
}

var decimalForm = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$`)

// rat returns a decimal, exactly.
func (v *value) rat() *big.Rat {
	text := v.text()
	r, ok := new(big.Rat).SetString(text)
	if !ok || !decimalForm.MatchString(text) {
		v.c.stop("%s: %q is no decimal", v.path, text)
	}
	return r
}

// decimals returns how many digits follow the point as it is written; 0 for a null.
func (v *value) decimals() int {
	if v.isNull() {
		return 0
	}
	_, digits, _ := strings.Cut(v.text(), ".")
	return len(digits)
}

// int returns an integer.
func (v *value) int() int64 {
	r := v.rat()
	if !r.IsInt() || !r.Num().IsInt64() {
		v.c.stop("%s: %v is no integer", v.path, v.x)
	}
	return r.Num().Int64()
}

// bool returns true or false; false if it is missing.
func (v *value) bool() bool {
	v.read()
	b, ok := v.x.(bool)
	if v.ok && !ok {
		v.c.stop("%s: %v is neither true nor false", v.path, v.x)
	}
	return b
}

// is compares a number with an expected one, to the last digit; nil is null.
func (v *value) is(got *big.Rat) {
	v.c.seen[v.path] = true
	switch {
	case !v.ok:
		v.c.problem("%s: missing", v.path)
	case got == nil || v.x == nil:
		if got != nil {
			v.c.problem("%s: %s, want null", v.path, show(got))
		} else if v.x != nil {
			v.c.problem("%s: null, want %v", v.path, v.x)
		}
	case v.rat().Cmp(got) != 0:
		v.c.problem("%s: %s, want %v", v.path, show(got), v.x)
	}
}

// isText compares text; a number is compared as a number.
func (v *value) isText(got string) {
	if r, ok := new(big.Rat).SetString(got); ok && decimalForm.MatchString(got) {
		v.is(r)
		return
	}
	v.c.seen[v.path] = true
	if want, ok := v.x.(string); !ok || want != got {
		v.c.problem("%s: %q, want %v", v.path, got, v.x)
	}
}

// isBool compares a truth.
func (v *value) isBool(got bool) {
	v.c.seen[v.path] = true
	if want, ok := v.x.(bool); !ok || want != got {
		v.c.problem("%s: %v, want %v", v.path, got, v.x)
	}
}

// within accepts an expected number in [low, high]: only where the source does not fix it further.
func (v *value) within(low, high *big.Rat) {
	v.c.seen[v.path] = true
	v.c.intervals[v.path] = [2]*big.Rat{low, high}
	if want := v.rat(); want.Cmp(low) < 0 || want.Cmp(high) > 0 {
		v.c.problem("%s: in [%s, %s], want %v", v.path, show(low), show(high), v.x)
	}
}

func show(r *big.Rat) string {
	if n, exact := r.FloatPrec(); exact {
		return r.FloatString(n)
	}
	return r.FloatString(40) + "…"
}

// at returns the value at a path.
func (c *vectorCase) at(path string) any {
	var out any
	c.walk(path, func(x any) any { out = x; return x })
	return out
}

// with returns a copy of the case with another value at a path.
func (c *vectorCase) with(path string, x any) *vectorCase {
	out := *c
	out.inputs, out.expected = clone(c.inputs), clone(c.expected)
	out.walk(path, func(any) any { return x })
	return &out
}

const digits = "0123456789"

var step = regexp.MustCompile(`[^.\[\]]+`)

// walk replaces the value at a path by what f makes of it.
func (c *vectorCase) walk(path string, f func(any) any) {
	var place any = map[string]any{"inputs": c.inputs, "expected": c.expected}
	steps := step.FindAllString(path, -1)
	for i, s := range steps {
		last := i == len(steps)-1
		switch p := place.(type) {
		case map[string]any:
			if last {
				p[s] = f(p[s])
			}
			place = p[s]
		case []any:
			var n int
			if _, err := fmt.Sscan(s, &n); err != nil {
				panic(path)
			}
			if last {
				p[n] = f(p[n])
			}
			place = p[n]
		default:
			panic(path)
		}
	}
}

func clone(x any) any {
	switch x := x.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, v := range x {
			out[k] = clone(v)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, v := range x {
			out[i] = clone(v)
		}
		return out
	}
	return x
}

// mutations returns wrong values near a right one: each digit one up and one down, or only the first
// and the last digit.
func mutations(x any, each bool) []any {
	var out []any
	change := func(s string) {
		first, last := strings.IndexAny(s, digits), strings.LastIndexAny(s, digits)
		for i := range s {
			if d := s[i]; d >= '0' && d <= '9' && (each || i == first || i == last) {
				for _, by := range []byte{1, 9} {
					wrong := []byte(s)
					wrong[i] = '0' + (d-'0'+by)%10
					out = append(out, string(wrong))
				}
			}
		}
	}
	switch x := x.(type) {
	case nil:
		out = append(out, "1", false)
	case bool:
		out = append(out, !x)
	case string:
		if change(x); len(out) == 0 {
			out = append(out, x+"x")
		}
	case json.Number:
		change(x.String())
	case []any:
		out = append(out, []any{"1"})
	case map[string]any:
		out = append(out, map[string]any{"x": "1"})
	}
	return out
}
