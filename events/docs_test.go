package events

import (
	"bytes"
	"encoding/json"
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

const docsPath = "../docs/events.md"

// TestDocsAreCurrent writes the tables of docs/events.md from the structs, their comments and the
// golden files, and compares them with what is committed.
func TestDocsAreCurrent(t *testing.T) {
	text, err := os.ReadFile(docsPath)
	if err != nil {
		t.Fatal(err)
	}
	page := between(t, string(text), "reasons", reasonTable(t))
	page = between(t, page, "types", typePages(t))
	Agree(t, docsPath, []byte(page))
}

// between replaces what lies between the marks of a generated part.
func between(t *testing.T, page, part, text string) string {
	t.Helper()
	start := fmt.Sprintf("<!-- generated:%s -->\n", part)
	before, rest, ok := strings.Cut(page, start)
	_, after, ok2 := strings.Cut(rest, "<!-- end -->")
	if !ok || !ok2 {
		t.Fatalf("%s has no part %s", docsPath, part)
	}
	return before + start + text + "<!-- end -->" + after
}

// reasonTable lists the reasons with the comments of their constants.
func reasonTable(t *testing.T) string {
	file, err := parser.ParseFile(token.NewFileSet(), "errors.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("| Reason | Meaning |\n|---|---|\n")
	for _, decl := range file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.CONST {
			continue
		}
		for _, spec := range gen.Specs {
			vs := spec.(*ast.ValueSpec)
			if typ, ok := vs.Type.(*ast.Ident); ok && typ.Name == "Reason" {
				code := strings.Trim(vs.Values[0].(*ast.BasicLit).Value, `"`)
				fmt.Fprintf(&b, "| `%s` | %s |\n", code, oneLine(vs.Comment.Text()))
			}
		}
	}
	return b.String()
}

func typePages(t *testing.T) string {
	w := docWriter{t: t, docs: sourceDocs(t), written: map[string]bool{}}
	w.b.WriteString("\n## Account facts\n\nProducer: the exchange's account service and matching engine. Role `accounts`.\n")
	for _, typ := range Types() {
		if typ == TypeMarketListed {
			w.b.WriteString("\n## Facts of venues and markets\n\nEvery shard sees all of them.\n")
		}
		w.page(typ)
	}
	w.b.WriteString("\n## Nested objects\n")
	for len(w.later) > 0 {
		s := w.later[0]
		w.later = w.later[1:]
		if !w.written[s.Name()] {
			w.written[s.Name()] = true
			fmt.Fprintf(&w.b, "\n### %s\n\n%s\n\n", s.Name(), w.docs[s.Name()].doc)
			w.fields(s)
		}
	}
	return w.b.String()
}

type docWriter struct {
	t       *testing.T
	b       strings.Builder
	docs    map[string]structDoc
	later   []reflect.Type
	written map[string]bool
}

func (w *docWriter) page(typ Type) {
	s := reflect.TypeOf(NewBody(typ)).Elem()
	fmt.Fprintf(&w.b, "\n### %s\n\nType %d, role `%s`. %s\n\n", typ, typ, typ.Role(), w.names(s, w.docs[s.Name()].doc))
	w.fields(s)
	value, err := os.ReadFile(filepath.Join("testdata", "golden", typ.String()+".json"))
	if err != nil {
		w.t.Fatal(err)
	}
	fmt.Fprintf(&w.b, "\n```json\n%s\n```\n", w.layOut(value))
}

// usual says of fields without a comment what their name says in every struct.
var usual = map[string]string{
	"market":    "name of the market, ≤ 32 bytes",
	"asset":     "name of the asset, ≤ 32 bytes",
	"baseAsset": "name of the asset, ≤ 32 bytes",
	"fromAsset": "name of the asset, ≤ 32 bytes",
	"leg":       "which position of the market: the net one, or in hedge mode the long or the short one",
}

func (w *docWriter) fields(s reflect.Type) {
	w.b.WriteString("| Field | JSON | Meaning and bounds |\n|---|---|---|\n")
	for i := range s.NumField() {
		f := s.Field(i)
		name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		kind := w.kind(f.Type)
		if option == "omitzero" {
			kind += ", optional"
		}
		meaning := w.names(s, w.docs[s.Name()].fields[f.Name])
		if meaning == "" {
			meaning = usual[name]
		}
		if meaning == "" {
			w.t.Errorf("%s.%s has no comment", s, f.Name)
		}
		fmt.Fprintf(&w.b, "| `%s` | %s | %s |\n", name, kind, meaning)
	}
}

func (w *docWriter) kind(t reflect.Type) string {
	if texts := enumTexts[t]; texts != nil {
		return "`" + strings.Join(texts[1:], "`, `") + "`"
	}
	if s := nested(t); s != nil {
		w.later = append(w.later, s)
		link := fmt.Sprintf("[%s](#%s)", s.Name(), strings.ToLower(s.Name()))
		if t.Kind() == reflect.Slice {
			return "array of " + link
		}
		return link
	}
	switch t {
	case reflect.TypeFor[Number]():
		return "decimal"
	case reflect.TypeFor[[]Number]():
		return "array of decimals"
	}
	if t.Kind() == reflect.String {
		return "string"
	}
	return "integer"
}

// names turns the Go names of fields that a comment mentions into their JSON names.
func (w *docWriter) names(s reflect.Type, text string) string {
	for i := range s.NumField() {
		f := s.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if strings.ToLower(f.Name[1:]) != f.Name[1:] { // a single word may be just that
			text = strings.ReplaceAll(text, f.Name, "`"+name+"`")
		}
	}
	return text
}

// layOut breaks a golden record into the lines of an example: the header, then the body.
func (w *docWriter) layOut(value []byte) string {
	dec := json.NewDecoder(bytes.NewReader(value))
	if _, err := dec.Token(); err != nil {
		w.t.Fatal(err)
	}
	var lines []string
	line, inBody := "{", false
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			w.t.Fatal(err)
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			w.t.Fatal(err)
		}
		name := token.(string)
		member := fmt.Sprintf("%q: %s", name, raw)
		starts := !inBody && header.lookup(name) < 0
		inBody = inBody || starts
		if line != "{" {
			line += ","
			if starts || len(line)+len(member) > 110 {
				lines = append(lines, line)
				line = ""
			}
			line += " "
		}
		line += member
	}
	return strings.Join(append(lines, line+"}"), "\n")
}
