package check

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// codes returns the values of the string constants of the named types in a package's folder.
func codes(t *testing.T, dir string, typeNames ...string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]string)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			named, ok := spec.Type.(*ast.Ident)
			for _, want := range typeNames {
				if !ok || named.Name != want {
					continue
				}
				for i, v := range spec.Values {
					if lit, ok := v.(*ast.BasicLit); ok && lit.Kind == token.STRING {
						if text, err := strconv.Unquote(lit.Value); err == nil && text != "" {
							out[spec.Names[i].Name] = text
						}
					}
				}
			}
			return true
		})
	}
	return out
}

// TestErrorCatalogue wants every code of the source in docs/errors.md, as code.
func TestErrorCatalogue(t *testing.T) {
	page, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, where := range []struct {
		dir   string
		types []string
		least int
	}{
		{"../../events", []string{"Reason", "SchemaKind"}, 15},
		{"../../projector", []string{"Reason"}, 25},
		{"../../projector/margin", []string{"Rule"}, 20},
	} {
		found := codes(t, where.dir, where.types...)
		if len(found) < where.least {
			t.Errorf("%s: found only %d codes: does this test still know where they are?", where.dir, len(found))
		}
		for name, code := range found {
			if !strings.Contains(string(page), "| `"+code+"` |") {
				t.Errorf("docs/errors.md does not explain %s (%s)", code, name)
			}
		}
	}
}

// messages returns what docs/errors.md says that messages say: the first cells of its last two tables.
func messages(t *testing.T) []string {
	t.Helper()
	page, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	_, stops, ok := strings.Cut(string(page), "\n## Stops\n")
	if !ok {
		t.Fatal("docs/errors.md has no section Stops")
	}
	var out []string
	for row := range strings.Lines(stops) {
		cell, _, _ := strings.Cut(strings.TrimPrefix(row, "| "), " |")
		if strings.HasPrefix(row, "| `") {
			out = append(out, strings.Split(strings.Trim(cell, "`"), "`, `")...)
		}
	}
	if len(out) < 15 {
		t.Fatalf("found only %d messages", len(out))
	}
	return out
}

// TestStopMessages wants every message of the page in the source, and every error that a package names on the page.
func TestStopMessages(t *testing.T) {
	var source strings.Builder
	for _, dir := range []string{"eventlog", "orderlog", "pipeline", "store", "topics", "../snapshot"} {
		files, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if text, err := os.ReadFile(name); err != nil {
				t.Fatal(err)
			} else if !strings.HasSuffix(name, "_test.go") {
				source.Write(text)
			}
		}
	}
	listed := messages(t)
	for _, m := range listed {
		if !strings.Contains(source.String(), m) {
			t.Errorf("docs/errors.md explains %q, which no message says", m)
		}
	}
	named := regexp.MustCompile(`(?m)^\s*(?:var )?Err\w+\s*=\s*errors\.New\("([^"]+)"\)`)
	quiet := []string{"closed", "store is closed", "shard is not ready on this node", "the record is already consumed"} // answers to a caller
	for _, m := range named.FindAllStringSubmatch(source.String(), -1) {
		if !slices.Contains(quiet, m[1]) && !slices.Contains(listed, m[1]) {
			t.Errorf("docs/errors.md does not explain %q", m[1])
		}
	}
}
