package calculator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// node is a JSON value as it was written, with its place: numbers keep their digits.
type node struct {
	path    string
	kind    kind
	text    string // of a string or number; "true" or "false"
	members []member
	list    []*node
}

type member struct {
	name  string
	value *node
}

type kind string

const (
	kindNull   kind = "null"
	kindBool   kind = "true or false"
	kindNumber kind = "a number"
	kindString kind = "a string"
	kindList   kind = "a list"
	kindObject kind = "an object"
)

// maxNesting is deeper than any document that is understood.
const maxNesting = 16

// InputError is what is wrong with a document, or a change, and where.
type InputError struct {
	Path   string // of JSON: "positions[2].size"; of a change: its text
	Detail string
}

// Error gives the place first.
func (e *InputError) Error() string {
	if e.Path == "" {
		return e.Detail
	}
	return e.Path + ": " + e.Detail
}

func wrong(path, format string, args ...any) error {
	return &InputError{Path: path, Detail: fmt.Sprintf(format, args...)}
}

func (n *node) wrong(format string, args ...any) error { return wrong(n.path, format, args...) }

// parse reads one JSON document; root is the path of its value.
func parse(data []byte, root string) (*node, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	n, err := parseValue(d, root, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, wrong(root, "something stands behind the JSON document")
	}
	return n, nil
}

func parseValue(d *json.Decoder, path string, depth int) (*node, error) {
	t, err := d.Token()
	if err != nil {
		return nil, notJSON(d, path, err)
	}
	n := &node{path: path}
	switch t := t.(type) {
	case nil:
		n.kind = kindNull
	case bool:
		n.kind, n.text = kindBool, fmt.Sprint(t)
	case json.Number:
		n.kind, n.text = kindNumber, t.String()
	case string:
		n.kind, n.text = kindString, t
	case json.Delim:
		if depth == maxNesting {
			return nil, n.wrong("nested more than %d deep", maxNesting)
		}
		return n, n.parseInside(d, t, depth)
	}
	return n, nil
}

func (n *node) parseInside(d *json.Decoder, open json.Delim, depth int) error {
	if open == '[' {
		n.kind = kindList
		for d.More() {
			v, err := parseValue(d, fmt.Sprintf("%s[%d]", n.path, len(n.list)), depth+1)
			if err != nil {
				return err
			}
			n.list = append(n.list, v)
		}
	} else {
		n.kind = kindObject
		for d.More() {
			t, err := d.Token()
			if err != nil {
				return notJSON(d, n.path, err)
			}
			name, _ := t.(string) // the decoder has seen to it
			v, err := parseValue(d, join(n.path, name), depth+1)
			if err != nil {
				return err
			}
			if n.member(name) != nil {
				return v.wrong("is there twice")
			}
			n.members = append(n.members, member{name, v})
		}
	}
	if _, err := d.Token(); err != nil {
		return notJSON(d, n.path, err)
	}
	return nil
}

func notJSON(d *json.Decoder, path string, err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return wrong(path, "not JSON, at byte %d: %v", d.InputOffset(), err)
}

// join is a member's path; a path that ends in a blank is a file's name.
func join(path, name string) string {
	if path == "" || path[len(path)-1] == ' ' {
		return path + name
	}
	return path + "." + name
}

// member returns a member of an object, nil where there is none.
func (n *node) member(name string) *node {
	for i := range n.members {
		if n.members[i].name == name {
			return n.members[i].value
		}
	}
	return nil
}

// without returns an object less one member, and that member.
func (n *node) without(name string) (rest, taken *node) {
	rest = &node{path: n.path, kind: n.kind, text: n.text, list: n.list}
	for _, m := range n.members {
		if m.name == name {
			taken = m.value
			continue
		}
		rest.members = append(rest.members, m)
	}
	return rest, taken
}

// merge lays one value over another: objects member by member, where null takes a member away; lists of
// markets and assets entry by entry, by name; everything else as a whole.
func merge(base, over *node) *node {
	switch {
	case base == nil:
		return over
	case over == nil:
		return base
	case base.kind == kindList && over.kind == kindList && listKey(base, over) != "":
		return mergeLists(base, over, listKey(base, over))
	case base.kind != kindObject || over.kind != kindObject:
		return over
	}
	out := &node{path: base.path, kind: kindObject, members: slices.Clone(base.members)}
	for _, m := range over.members {
		i := slices.IndexFunc(out.members, func(x member) bool { return x.name == m.name })
		switch {
		case m.value.kind == kindNull && i >= 0:
			out.members = slices.Delete(out.members, i, i+1)
		case m.value.kind == kindNull:
		case i >= 0:
			out.members[i].value = merge(out.members[i].value, m.value)
		default:
			out.members = append(out.members, m)
		}
	}
	return out
}

// listKey returns the member by which the entries of both lists are told apart, "" where there is none: of
// markets and assets, whose entries have no size or amount.
func listKey(lists ...*node) string {
	for _, key := range [...]string{"market", "asset"} {
		ok := true
		for _, l := range lists {
			for _, e := range l.list {
				ok = ok && e.member(key) != nil && e.member("size") == nil
			}
		}
		if ok {
			return key
		}
	}
	return ""
}

func mergeLists(base, over *node, key string) *node {
	out := &node{path: base.path, kind: kindList, list: slices.Clone(base.list)}
	for _, e := range over.list {
		name := e.member(key).text
		i := slices.IndexFunc(out.list, func(x *node) bool { return x.member(key).text == name })
		if i >= 0 {
			out.list[i] = merge(out.list[i], e)
		} else {
			out.list = append(out.list, e)
		}
	}
	return out
}
