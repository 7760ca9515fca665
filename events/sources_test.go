package events

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write golden files, the protobuf schema and docs/events.md anew")

// Agree compares text with the file at path, or rewrites it.
func Agree(t *testing.T, path string, text []byte) {
	t.Helper()
	if *rewrite {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (write it with: go test ./events -rewrite)", err)
	}
	if string(got) != string(text) {
		t.Errorf("%s is out of date: go test ./events -rewrite, then read the diff", path)
	}
}

// structDoc is what the source says of a struct or an enumeration.
type structDoc struct {
	doc    string
	fields map[string]string // comment of each field, or constant, by Go name
}

// sourceDocs reads the comments of this package's types and enumerations.
func sourceDocs(t *testing.T) map[string]structDoc {
	t.Helper()
	docs := map[string]structDoc{}
	fset := token.NewFileSet()
	for _, name := range []string{"account.go", "account_venues.go", "market.go", "enums.go"} {
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok || gen.Tok != token.TYPE {
				continue
			}
			for _, spec := range gen.Specs {
				ts := spec.(*ast.TypeSpec)
				d := structDoc{doc: oneLine(gen.Doc.Text()), fields: map[string]string{}}
				if st, ok := ts.Type.(*ast.StructType); ok {
					for _, f := range st.Fields.List {
						d.fields[f.Names[0].Name] = oneLine(f.Comment.Text())
					}
				}
				docs[ts.Name.Name] = d
			}
		}
	}
	return docs
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// bodyStructs returns the struct types of all bodies, in the order of their types' numbers.
func bodyStructs() []reflect.Type {
	var out []reflect.Type
	for _, t := range Types() {
		out = append(out, reflect.TypeOf(NewBody(t)).Elem())
	}
	return out
}

// nested returns the struct that a field holds, in whatever way, or nil.
func nested(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Struct && t != reflect.TypeFor[Number]() {
		return t
	}
	return nil
}

// snake turns camelCase into snake_case.
func snake(s string) string {
	var b strings.Builder
	for i, r := range s {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				b.WriteByte('_')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// wrap breaks text into comment lines.
func wrap(indent, prefix, text string) string {
	var b strings.Builder
	line := ""
	flush := func() {
		if line != "" {
			fmt.Fprintf(&b, "%s%s%s\n", indent, prefix, line)
		}
		line = ""
	}
	for _, word := range strings.Fields(text) {
		if len(line)+len(word) > 96 {
			flush()
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	flush()
	return b.String()
}
