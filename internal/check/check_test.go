package check

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// allowed is what the core may import, besides itself: pure functions on values.
var allowed = []string{
	"bytes", "cmp", "crypto/sha256", "encoding/base64", "encoding/binary", "encoding/hex", "encoding/json", "errors",
	"fmt", "hash", "iter", "math", "math/big", "math/bits", "reflect", "slices", "sort", "strconv", "strings", "unicode/utf8", "unsafe",
}

// allowedHere are exceptions of single packages.
var allowedHere = map[string][]string{
	// Accessors at the edge, and RFC 3339.
	"marginledger/events": {"github.com/shopspring/decimal", "time"},
	// 128-bit hashes of event ids: a pure function.
	"marginledger/projector": {"github.com/zeebo/xxh3"},
}

// inCore says whether the rules of the core hold for a package. Generated schema code below events is the shell's.
func inCore(path string) bool {
	return path == "marginledger/events" || path == "marginledger/internal/fixed" ||
		path == "marginledger/projector" || strings.HasPrefix(path, "marginledger/projector/")
}

func core(t *testing.T) (core, all []Package) {
	t.Helper()
	all, err := List("../..", "./events", "./internal/fixed", "./projector/...")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if inCore(p.ImportPath) {
			core = append(core, p)
		}
	}
	if len(core) < 3 {
		t.Fatalf("found only %d packages of the core", len(core))
	}
	return core, all
}

func TestCoreImports(t *testing.T) {
	packages, _ := core(t)
	for _, p := range packages {
		for _, path := range p.Imports {
			if !inCore(path) && !slices.Contains(allowed, path) && !slices.Contains(allowedHere[p.ImportPath], path) {
				t.Errorf("%s imports %s: not on the core's list", p.ImportPath, path)
			}
		}
	}
}

func TestCoreIsDeterministic(t *testing.T) {
	packages, all := core(t)
	for _, p := range packages {
		problems, err := Source(p, all)
		if err != nil {
			t.Fatal(err)
		}
		for _, problem := range problems {
			t.Error(problem)
		}
	}
}

// TestRules shows each rule a line that breaks it, and some that do not.
func TestRules(t *testing.T) {
	fset := token.NewFileSet()
	imp := importer.ForCompiler(fset, "source", nil)
	for _, c := range []struct{ body, want string }{
		{"for range map[int]int{} {}", "ranges over a map"},
		{"type m map[string]bool; for range (m{}) {}", "ranges over a map"},
		{"for range map[int]int{} {} // unordered: counts only", ""},
		{"for range map[int]int{} {} // unordered:", "ranges over a map"},
		{"for range []int{} {}", ""},
		{"go func() {}()", "starts a goroutine"},
		{"select {}", "selects"},
		{"_ = make(chan int)", "uses a channel"},
		{"var x float64; _ = x", "uses a float"},
		{"x := 0.5; _ = x", "uses a float"},
		{"type price float32", "uses a float"},
		{"_ = time.Now()", "uses a clock: time.Now"},
		{"_ = time.Since", "uses a clock: time.Since"},
		{"_ = time.Unix(1, 0)", ""},
		{"_ = 1 << 3", ""},
		{"const day = 24 * 3600 * 1e9; _ = int64(day)", ""},
		{"const half = 1e9 / 16e9; _ = half", "uses a float"},
	} {
		src := "package p\nimport \"time\"\nvar _ time.Duration\nfunc f() {\n" + c.body + "\n}\n"
		f, err := parser.ParseFile(fset, "p.go", src, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		problems, err := files2problems(fset, "p", []*ast.File{f}, imp)
		if err != nil {
			t.Fatalf("%s: %v", c.body, err)
		}
		switch {
		case c.want == "" && len(problems) > 0:
			t.Errorf("%s: got %v, want nothing", c.body, problems)
		case c.want != "" && (len(problems) == 0 || !strings.Contains(problems[0].Rule, c.want)):
			t.Errorf("%s: got %v, want %s", c.body, problems, c.want)
		}
	}
}
