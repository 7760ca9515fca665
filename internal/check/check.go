// Package check holds the rules of the core that a program can see, and the tests that enforce them.
//
// The core (events, internal/fixed, projector and what lies below it) must give the same bytes for the same log on
// every machine. So it has no clock, no goroutine, no float, no order of a map, and no library that could bring one in.
package check

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Problem is one place where code breaks a rule.
type Problem struct {
	Pos  token.Position
	Rule string
}

// String returns the problem as editors read it.
func (p Problem) String() string { return fmt.Sprintf("%s: %s", p.Pos, p.Rule) }

// Unordered marks a range over a map whose result does not depend on the order; a reason follows it, on the same line.
const Unordered = "// unordered:"

// Package is what `go list` says about one.
type Package struct {
	ImportPath string
	Dir        string
	Export     string // file with its types
	GoFiles    []string
	Imports    []string
	Standard   bool
}

// List returns the packages that patterns name and all that they depend on.
func List(dir string, patterns ...string) ([]Package, error) {
	cmd := exec.Command("go", append([]string{"list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles,Imports,Standard"}, patterns...)...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, stderr.String())
	}
	var list []Package
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p Package
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, fmt.Errorf("read the answer of go list: %w", err)
		}
		list = append(list, p)
	}
}

// Source checks the files of one package, whose dependencies are among all.
func Source(p Package, all []Package) ([]Problem, error) {
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files2problems(fset, p.ImportPath, files, exports(fset, all))
}

// exports imports packages from the export data that go list named.
func exports(fset *token.FileSet, all []Package) types.Importer {
	return importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		i := slices.IndexFunc(all, func(p Package) bool { return p.ImportPath == path })
		if i < 0 || all[i].Export == "" {
			return nil, fmt.Errorf("no export data for %s", path)
		}
		return os.Open(all[i].Export)
	})
}

func files2problems(fset *token.FileSet, path string, files []*ast.File, imp types.Importer) ([]Problem, error) {
	info := &types.Info{Types: make(map[ast.Expr]types.TypeAndValue), Uses: make(map[*ast.Ident]types.Object)}
	if _, err := (&types.Config{Importer: imp}).Check(path, fset, files, info); err != nil {
		return nil, fmt.Errorf("check types of %s: %w", path, err)
	}
	c := &checker{fset: fset, info: info}
	for _, f := range files {
		c.excused = excuses(fset, f)
		ast.Inspect(f, c.node)
	}
	return c.problems, nil
}

// checker walks the files of one package.
type checker struct {
	fset     *token.FileSet
	info     *types.Info
	excused  map[int]bool // lines with an Unordered comment
	problems []Problem
}

// excuses returns the lines of f on which a map may be ranged over.
func excuses(fset *token.FileSet, f *ast.File) map[int]bool {
	lines := make(map[int]bool)
	for _, group := range f.Comments {
		for _, c := range group.List {
			if reason, ok := strings.CutPrefix(c.Text, Unordered); ok && strings.TrimSpace(reason) != "" {
				lines[fset.Position(c.Pos()).Line] = true
			}
		}
	}
	return lines
}

func (c *checker) report(n ast.Node, rule string) {
	c.problems = append(c.problems, Problem{c.fset.Position(n.Pos()), rule})
}

// clocks are the functions of package time that look at a clock or wait.
var clocks = []string{"Now", "Since", "Until", "After", "AfterFunc", "Tick", "Sleep", "NewTimer", "NewTicker"}

func (c *checker) node(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.RangeStmt:
		if t := c.info.TypeOf(n.X); t != nil && isMap(t) && !c.excused[c.fset.Position(n.Pos()).Line] {
			c.report(n, "ranges over a map: sort its keys, or say why order does not matter with "+Unordered)
		}
	case *ast.GoStmt:
		c.report(n, "starts a goroutine")
	case *ast.SelectStmt:
		c.report(n, "selects")
	case *ast.ChanType:
		c.report(n, "uses a channel")
	case *ast.Ident:
		switch obj := c.info.Uses[n].(type) {
		case *types.TypeName:
			if isFloat(obj.Type()) {
				c.report(n, "uses a float")
			}
		case *types.Func:
			if obj.Pkg() != nil && obj.Pkg().Path() == "time" && slices.Contains(clocks, obj.Name()) {
				c.report(n, "uses a clock: time."+obj.Name())
			}
		}
	case ast.Expr:
		// Also values that get their type from somewhere else: a literal 0.5, the result of a call.
		if tv := c.info.Types[n]; tv.Type != nil && isFloat(tv.Type) && !isWhole(tv) {
			c.report(n, "uses a float")
			return false
		}
	}
	return true
}

// isWhole says whether an expression is an untyped constant such as 1e9, which is exact.
func isWhole(tv types.TypeAndValue) bool {
	return tv.Value != nil && tv.Type == types.Typ[types.UntypedFloat] && constant.ToInt(tv.Value).Kind() == constant.Int
}

func isMap(t types.Type) bool {
	_, ok := t.Underlying().(*types.Map)
	return ok
}

func isFloat(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&(types.IsFloat|types.IsComplex) != 0
}
