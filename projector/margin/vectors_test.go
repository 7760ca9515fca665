package margin_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestVectors runs every case of every file in testdata/vectors, one subtest per case. A case fails
// if an expected value differs, if one is not compared, and if its kind or a field of it is not
// known. vectors_<venue>_test.go registers the kinds of a venue.
func TestVectors(t *testing.T) {
	for _, file := range vectorFiles(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			for _, c := range readVectors(t, file) {
				t.Run(c.name, func(t *testing.T) {
					run, err := c.find()
					if err != nil {
						t.Fatal(err)
					}
					if !c.reproducible {
						t.Skip("not reproducible: " + c.note)
					}
					for _, p := range c.run(run).problems {
						t.Error(p)
					}
				})
			}
		})
	}
}

// TestVectorDigits changes every digit of every expected value (in files of many cases the
// first and the last), and expects each change to fail its case. Where a comparison declared an
// interval, a change that stays inside is let pass.
func TestVectorDigits(t *testing.T) {
	for _, file := range vectorFiles(t) {
		changes, inside := 0, 0
		cases := readVectors(t, file)
		for _, c := range cases {
			run, err := c.find()
			if err != nil || !c.reproducible {
				continue // TestVectors says so
			}
			for _, path := range c.run(run).expected() {
				for _, wrong := range mutations(c.at(path), len(cases) <= 100) {
					got := c.with(path, wrong).run(run)
					switch changes++; {
					case len(got.problems) > 0:
					case got.inside(path, wrong):
						inside++
					default:
						t.Errorf("%s: %s: %v passes for %v", c.name, path, wrong, c.at(path))
					}
				}
			}
		}
		t.Logf("%s: %d changes, %d of them inside a declared interval", filepath.Base(file), changes, inside)
		if changes == 0 {
			t.Errorf("%s: nothing to change", file)
		}
	}
}

// TestVectorHarness gives the harness what it must refuse.
func TestVectorHarness(t *testing.T) {
	kinds := map[string][]kind{"add": {{run: func(c *vector) {
		sum := c.in.get("a").rat()
		sum.Add(sum, c.in.get("b").rat())
		for _, p := range c.in.get("list").list() {
			p.get("note").known()
			p.get("expected").get("x").is(p.get("x").rat())
		}
		if c.want.has("sum") {
			c.want.get("sum").is(sum)
		}
	}}}, "panic": {{run: func(c *vector) { panic("no") }}}}
	for _, test := range []struct{ name, json, want string }{
		{"right", `{"kind":"add","inputs":{"a":"1","b":2,"list":[]},"expected":{"sum":"3"}}`, ""},
		{"nested", `{"kind":"add","inputs":{"a":"1","b":2,"list":[{"x":"1.5","expected":{"x":"1.50"}}]},"expected":{}}`, ""},
		{"nested, wrong", `{"kind":"add","inputs":{"a":"1","b":2,"list":[{"x":"1.5","expected":{"x":"1.51"}}]},"expected":{}}`,
			"inputs.list[0].expected.x: 1.5, want 1.51"},
		{"wrong", `{"kind":"add","inputs":{"a":"1","b":2,"list":[]},"expected":{"sum":"4"}}`, "expected.sum: 3, want 4"},
		{"null", `{"kind":"add","inputs":{"a":"1","b":2,"list":[]},"expected":{"sum":null}}`, "expected.sum: 3, want null"},
		{"input field", `{"kind":"add","inputs":{"a":"1","b":2,"c":"","list":[]},"expected":{"sum":"3"}}`, "inputs.c: unknown field"},
		{"expected field", `{"kind":"add","inputs":{"a":"1","b":2,"list":[]},"expected":{"sum":"3","more":"1"}}`,
			"expected.more: not compared"},
		{"nested field", `{"kind":"add","inputs":{"a":"1","b":2,"list":[{"x":"1","expected":{"x":"1","y":null}}]},"expected":{}}`,
			"inputs.list[0].expected.y: not compared"},
		{"missing", `{"kind":"add","inputs":{"a":"1","list":[]},"expected":{"sum":"3"}}`, "inputs.b: missing"},
		{"no number", `{"kind":"add","inputs":{"a":"1/2","b":2,"list":[]},"expected":{"sum":"3"}}`, `inputs.a: "1/2" is no decimal`},
		{"nothing expected", `{"kind":"add","inputs":{"a":"1","b":2,"list":[{"x":"1","expected":{}}]},"expected":{}}`, "nothing is expected"},
		{"no expected", `{"kind":"add","inputs":{"a":"1","b":2,"list":[]}}`, "nothing is expected"},
		{"no inputs", `{"kind":"add","expected":{"sum":"3"}}`, "inputs.a: missing"},
		{"object for a number", `{"kind":"add","inputs":{"a":"1","b":2,"list":[]},"expected":{"sum":{"value":"3"}}}`, "expected.sum.value: not compared"},
		{"array for an object", `{"kind":"add","inputs":[],"expected":{"sum":"3"}}`, "inputs.a: missing"},
		{"kind", `{"kind":"subtract","inputs":{},"expected":{}}`, `unknown kind "subtract"`},
		{"case field", `{"kind":"add","inputs":{},"expected":{},"extra":1}`, "extra: unknown field"},
		{"panic", `{"kind":"panic","inputs":{},"expected":{}}`, "panic: no"},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "x.json")
			text := strings.Replace(`{"cases":[CASE]}`, "CASE", strings.Replace(test.json, "{", `{"name":"c",`, 1), 1)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			c := readVectors(t, file)[0]
			var got []string
			if k, err := c.findIn(kinds); err != nil {
				got = []string{err.Error()}
			} else {
				got = c.run(k).problems
			}
			if test.want == "" && len(got) > 0 || test.want != "" && !strings.Contains(strings.Join(got, "\n"), test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
