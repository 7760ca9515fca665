package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"marginledger/events"
)

// Override is a setting given on the command line, as key=value.
type Override struct{ Key, Value string }

// Load reads the file at path (none if path is ""), then the environment, then the overrides, and checks the whole.
// All errors of one file are reported together, each as path:line: key: reason.
func Load(path string, env []string, overrides []Override) (*Config, error) {
	c := Default()
	l := loader{c: c, path: path, table: make(map[string]setting)}
	c.sources = make(map[string]string)
	for _, s := range c.settings() {
		l.table[s.key] = s
		c.sources[s.key] = "default"
	}
	c.sources["topics"] = "default"
	if path != "" {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read the configuration: %w", err)
		}
		l.file(data)
	}
	l.environment(env)
	for _, o := range overrides {
		l.assign(o.Key, o.Value, "flag", "--set "+o.Key)
	}
	if len(l.errs) == 0 {
		l.whole()
	}
	if len(l.errs) > 0 {
		return nil, errors.Join(l.errs...)
	}
	return c, nil
}

// loader carries the state of one Load.
type loader struct {
	c     *Config
	path  string
	table map[string]setting
	errs  []error
}

func (l *loader) fail(format string, args ...any) {
	l.errs = append(l.errs, fmt.Errorf(format, args...))
}

// assign sets one key; where names the place in an error, source is what is printed for a good value.
func (l *loader) assign(key, value, source, where string) {
	s, ok := l.table[key]
	if !ok {
		l.fail("%s: unknown key %s%s", where, key, l.nearest(key))
		return
	}
	if err := s.set(value); err != nil {
		l.fail("%s: %s: %w", where, key, err)
		return
	}
	l.c.sources[key] = source
}

// environment reads the variables of the known keys; others are not ours to judge.
func (l *loader) environment(env []string) {
	for _, s := range l.c.settings() {
		prefix := Env(s.key) + "="
		for _, kv := range env {
			if v, ok := strings.CutPrefix(kv, prefix); ok {
				l.assign(s.key, v, "env "+Env(s.key), "environment "+Env(s.key))
			}
		}
	}
}

// file reads the YAML document.
func (l *loader) file(data []byte) {
	doc, err := parser.ParseBytes(data, 0)
	if err != nil {
		var e yaml.Error
		if errors.As(err, &e) && e.GetToken() != nil {
			l.fail("%s:%d: %s", l.path, e.GetToken().Position.Line, e.GetMessage())
		} else {
			l.fail("%s: %w", l.path, err)
		}
		return
	}
	if len(doc.Docs) > 1 {
		l.fail("%s: holds %d documents, expected one", l.path, len(doc.Docs))
		return
	}
	if len(doc.Docs) == 1 && doc.Docs[0].Body != nil {
		l.mapping("", doc.Docs[0].Body)
	}
}

func line(n ast.Node) int { return n.GetToken().Position.Line }

func (l *loader) at(n ast.Node) string { return l.path + ":" + strconv.Itoa(line(n)) }

// members calls f with each key and value of a mapping, and reports anything that is none.
func (l *loader) members(path string, n ast.Node, f func(key string, at, value ast.Node)) {
	m, ok := n.(ast.MapNode)
	if !ok {
		l.fail("%s: %s: expected keys with values", l.at(n), orRoot(path))
		return
	}
	for it := m.MapRange(); it.Next(); {
		f(it.Key().GetToken().Value, it.Key(), it.Value())
	}
}

func orRoot(path string) string {
	if path == "" {
		return "the file"
	}
	return path
}

// mapping reads the members of the mapping at path, which is "" or a section such as "cut".
func (l *loader) mapping(path string, n ast.Node) {
	l.members(path, n, func(name string, at, value ast.Node) {
		key := name
		if path != "" {
			key = path + "." + name
		}
		_, known := l.table[key]
		switch {
		case key == "topics":
			l.topics(at, value)
		case known:
			if v, ok := l.scalar(key, value); ok {
				l.assign(key, v, l.at(value), l.at(at))
			}
		case l.section(key):
			if value.Type() != ast.NullType { // an empty section says nothing
				l.mapping(key, value)
			}
		default:
			l.fail("%s: unknown key %s%s", l.at(at), key, l.nearest(key))
		}
	})
}

// section says whether some key lies below path.
func (l *loader) section(path string) bool {
	for key := range l.table {
		if strings.HasPrefix(key, path+".") {
			return true
		}
	}
	return false
}

// scalar returns the text of a scalar, or of a list where the key takes one.
func (l *loader) scalar(key string, n ast.Node) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return v.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	case *ast.SequenceNode:
		if l.table[key].list {
			var parts []string
			for _, e := range v.Values {
				if part, ok := l.scalar(key, e); ok {
					parts = append(parts, part)
				}
			}
			return strings.Join(parts, ","), len(parts) == len(v.Values)
		}
	}
	l.fail("%s: %s: expected one value, found a %s", l.at(n), key, strings.ToLower(n.Type().String()))
	return "", false
}

// topics reads the list of input topics.
func (l *loader) topics(at, n ast.Node) {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		l.fail("%s: topics: expected a list of {name, role}", l.at(at))
		return
	}
	l.c.Topics = nil
	for i, e := range list.Values {
		l.topic(fmt.Sprintf("topics[%d]", i), e)
	}
	l.c.sources["topics"] = l.at(at)
}

func (l *loader) topic(path string, n ast.Node) {
	t := Topic{Partitions: 1}
	fields := []setting{
		text("name", "", &t.Name, topicName),
		{key: "role", set: func(v string) (err error) { t.Role, err = events.ParseRole(v); return err }},
		integer("partitions", "", &t.Partitions, 1, 100_000),
	}
	before := len(l.errs)
	l.members(path, n, func(name string, at, value ast.Node) {
		i := slices.IndexFunc(fields, func(s setting) bool { return s.key == name })
		if i < 0 {
			l.fail("%s: unknown key %s.%s: a topic has name, role and partitions", l.at(at), path, name)
			return
		}
		if v, ok := l.scalar(path+"."+name, value); ok {
			if err := fields[i].set(v); err != nil {
				l.fail("%s: %s.%s: %w", l.at(at), path, name, err)
			}
		}
	})
	if len(l.errs) > before {
		return
	}
	switch {
	case t.Name == "":
		l.fail("%s: %s: has no name", l.at(n), path)
	case t.Role == events.RoleInvalid:
		l.fail("%s: %s: %s has no role", l.at(n), path, t.Name)
	case slices.ContainsFunc(l.c.Topics, func(o Topic) bool { return o.Name == t.Name }):
		l.fail("%s: %s: %s is listed twice", l.at(n), path, t.Name)
	default:
		l.c.Topics = append(l.c.Topics, t)
	}
}

// nearest suggests a key that differs in letter case or by few letters.
func (l *loader) nearest(key string) string {
	best, bestAt := "", 4
	for _, s := range l.c.settings() {
		if d := distance(strings.ToLower(key), strings.ToLower(s.key)); d < bestAt {
			best, bestAt = s.key, d
		}
	}
	if best == "" {
		return ""
	}
	return " (did you mean " + best + "?)"
}

// distance is the number of letters to insert, delete or replace.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
