package events

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

const protoPath = "proto/marginledger/events/v1/events.proto"

// TestProtoSchemaIsCurrent writes the protobuf schema from the structs and compares it with the
// one that is committed: the structs are the only source.
func TestProtoSchemaIsCurrent(t *testing.T) {
	w := protoWriter{docs: sourceDocs(t), written: map[string]bool{}}
	w.schema()
	Agree(t, protoPath, []byte(w.b.String()))
}

type protoWriter struct {
	b       strings.Builder
	docs    map[string]structDoc
	written map[string]bool
	later   []reflect.Type
}

const protoHead = `// Facts that enter the margin ledger. Written by "go test ./events -rewrite" from the structs of
// package events; read docs/formats/events-protobuf.md for the rules that a schema cannot say.
syntax = "proto3";

package marginledger.events.v1;

option go_package = "marginledger/events/eventspb";

// Event is one fact: a header and a body. It is the first message of this file, so its message
// index in the Confluent wire format is [0]. Decimals are text: "-12.5". A field that is unknown,
// or there twice, is an error.
message Event {
  // Unique per source; at most 64 bytes.
  string id = 1;
  // Schema version of the body's type: 1.
  uint32 version = 2;
  // At most 32 bytes.
  string venue = 3;
  // When it happened at the venue, nanoseconds since 1970 UTC. Required.
  optional sfixed64 time = 4;
  // Producer and sequence come together, or not at all.
  string producer = 5;
  optional uint64 sequence = 6;
  // The account of an account fact.
  string owner = 7;
  uint32 subaccount = 8;
  // The producer's own data: ignored.
  bytes ext = 9;
  reserved 10 to 16;
  oneof body {
`

func (w *protoWriter) schema() {
	w.b.WriteString(protoHead)
	for _, t := range Types() {
		fmt.Fprintf(&w.b, "    %s %s = %d;\n", t, snake(strings.ToLower(t.String()[:1])+t.String()[1:]), bodyNumber+int(t))
	}
	w.b.WriteString("  }\n}\n")
	for _, s := range bodyStructs() {
		w.message(s)
	}
	for len(w.later) > 0 {
		t := w.later[0]
		w.later = w.later[1:]
		if t.Kind() == reflect.Struct {
			w.message(t)
		} else {
			w.enum(t)
		}
	}
}

func (w *protoWriter) message(t reflect.Type) {
	if w.written[t.Name()] {
		return
	}
	w.written[t.Name()] = true
	w.b.WriteString("\n" + wrap("", "// ", w.docs[t.Name()].doc))
	fmt.Fprintf(&w.b, "message %s {\n", t.Name())
	for i := range t.NumField() {
		f := t.Field(i)
		w.b.WriteString(wrap("  ", "// ", w.docs[t.Name()].fields[f.Name]))
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fmt.Fprintf(&w.b, "  %s %s = %s;\n", w.typeOf(f.Type), snake(name), f.Tag.Get("pb"))
	}
	w.b.WriteString("}\n")
}

func (w *protoWriter) typeOf(t reflect.Type) string {
	if enumTexts[t] != nil {
		w.later = append(w.later, t)
		return t.Name()
	}
	if s := nested(t); s != nil {
		w.later = append(w.later, s)
		if t.Kind() == reflect.Slice {
			return "repeated " + s.Name()
		}
		return s.Name()
	}
	switch t {
	case reflect.TypeFor[Number]():
		return "string"
	case reflect.TypeFor[[]Number]():
		return "repeated string"
	}
	return t.Kind().String() // string, uint32, uint64, int32, int64 are called alike
}

func (w *protoWriter) enum(t reflect.Type) {
	if w.written[t.Name()] {
		return
	}
	w.written[t.Name()] = true
	prefix := strings.ToUpper(snake(strings.ToLower(t.Name()[:1]) + t.Name()[1:]))
	w.b.WriteString("\n" + wrap("", "// ", w.docs[t.Name()].doc))
	fmt.Fprintf(&w.b, "enum %s {\n  %s_UNSPECIFIED = 0;\n", t.Name(), prefix)
	for i, text := range enumTexts[t] {
		if i > 0 {
			fmt.Fprintf(&w.b, "  %s_%s = %d;\n", prefix, strings.ToUpper(snake(text)), i)
		}
	}
	w.b.WriteString("}\n")
}

// TestTables checks what the codecs take for granted of the structs.
func TestTables(t *testing.T) {
	for _, typ := range Types() {
		info := bodyInfos[typ].table
		if info == nil {
			t.Fatalf("%s is not registered", typ)
		}
		for _, f := range info.fields {
			if header.lookup(f.name) >= 0 {
				t.Errorf("%s.%s: the name is one of the header's", typ, f.name)
			}
		}
		checkTable(t, typ.String(), info)
	}
	for _, f := range header.fields {
		if f.number > 15 {
			t.Errorf("header field %s has number %d: an event could begin with any byte", f.name, f.number)
		}
	}
}

func checkTable(t *testing.T, path string, table *table) {
	if len(table.fields) > 64 {
		t.Errorf("%s has %d fields: \"seen\" has 64 bits", path, len(table.fields))
	}
	numbers, lists := map[uint32]bool{}, map[arenaID]bool{}
	for _, f := range table.fields {
		if f.number < 1 || f.number > 15 || numbers[f.number] {
			t.Errorf("%s.%s: number %d is taken, or not from 1 to 15", path, f.name, f.number)
		}
		numbers[f.number] = true
		if f.kind == kindList || f.kind == kindNumbers || f.kind == kindPointer {
			if lists[f.arena] {
				t.Errorf("%s.%s: a second list of its type", path, f.name)
			}
			lists[f.arena] = true
		}
		if f.elem != nil {
			checkTable(t, path+"."+f.name, f.elem)
		}
	}
}
