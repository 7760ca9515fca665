package events_test

import (
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"marginledger/events"
	"marginledger/events/eventspb"
)

// TestGeneratedIsCurrent: the generated code is that of the committed schema, which
// TestProtoSchemaIsCurrent holds against the structs.
func TestGeneratedIsCurrent(t *testing.T) {
	body := new(eventspb.Event).ProtoReflect().Descriptor().Oneofs().ByName("body").Fields()
	if got, want := body.Len(), len(events.Types()); got != want {
		t.Errorf("%d bodies, want %d", got, want)
	}
	for _, typ := range events.Types() {
		f := body.ByNumber(protoreflect.FieldNumber(16 + int(typ)))
		if f == nil || string(f.Message().Name()) != typ.String() {
			t.Errorf("%s: the generated field is %v", typ, f)
			continue
		}
		sameFields(t, f.Message(), reflect.TypeOf(events.NewBody(typ)).Elem())
	}
}

func sameFields(t *testing.T, m protoreflect.MessageDescriptor, s reflect.Type) {
	if m.Fields().Len() != s.NumField() {
		t.Errorf("%s: %d fields, want %d", m.Name(), m.Fields().Len(), s.NumField())
	}
	for i := range s.NumField() {
		name, _, _ := strings.Cut(s.Field(i).Tag.Get("json"), ",")
		number, err := strconv.Atoi(s.Field(i).Tag.Get("pb"))
		f := m.Fields().ByNumber(protoreflect.FieldNumber(number))
		if err != nil || f == nil || f.JSONName() != name || f.IsList() != (s.Field(i).Type.Kind() == reflect.Slice) {
			t.Errorf("%s.%s: the generated field is %v", s.Name(), name, f)
			continue
		}
		if f.Message() != nil {
			inner := s.Field(i).Type
			for inner.Kind() == reflect.Slice || inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			sameFields(t, f.Message(), inner)
		}
	}
}

// TestSchemaOnlyGrows: every message, field and enum value of the baseline is still there, with its
// number, name and kind. "buf breaking" says the same, and more.
func TestSchemaOnlyGrows(t *testing.T) {
	raw, err := os.ReadFile("eventspb/baseline.binpb")
	if err != nil {
		t.Fatal(err)
	}
	var image descriptorpb.FileDescriptorSet // a buf image is one, with more in unknown fields
	if err := proto.Unmarshal(raw, &image); err != nil {
		t.Fatal(err)
	}
	now := eventspb.File_marginledger_events_v1_events_proto
	for _, file := range image.File {
		for _, m := range file.MessageType {
			current := now.Messages().ByName(protoreflect.Name(m.GetName()))
			if current == nil {
				t.Errorf("message %s is gone", m.GetName())
				continue
			}
			for _, f := range m.Field {
				g := current.Fields().ByNumber(protoreflect.FieldNumber(f.GetNumber()))
				if g == nil || string(g.Name()) != f.GetName() || int32(g.Kind()) != int32(f.GetType()) || int32(g.Cardinality()) != int32(f.GetLabel()) {
					t.Errorf("%s.%s = %d is now %v", m.GetName(), f.GetName(), f.GetNumber(), g)
				}
			}
		}
		for _, e := range file.EnumType {
			current := now.Enums().ByName(protoreflect.Name(e.GetName()))
			for _, v := range e.Value {
				if current == nil || current.Values().ByNumber(protoreflect.EnumNumber(v.GetNumber())) == nil {
					t.Errorf("%s = %d is gone", v.GetName(), v.GetNumber())
				}
			}
		}
	}
}
