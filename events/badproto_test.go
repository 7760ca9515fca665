package events_test

import (
	"errors"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"marginledger/events"
	"marginledger/events/eventspb"
	"marginledger/events/eventstest"
)

// headerOf returns the header of an event in protobuf, without body.
func headerOf(t *testing.T, typ events.Type) []byte {
	t.Helper()
	m := messageOf(t, typ)
	m.Body = nil
	return marshal(t, m)
}

func messageOf(t *testing.T, typ events.Type) *eventspb.Event {
	t.Helper()
	m := new(eventspb.Event)
	if err := proto.Unmarshal(events.AppendProto(nil, eventstest.Example(typ)), m); err != nil {
		t.Fatal(err)
	}
	return m
}

func marshal(t *testing.T, m proto.Message) []byte {
	t.Helper()
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// message appends a length-delimited field.
func message(dst []byte, number protowire.Number, content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(dst, number, protowire.BytesType), content)
}

func varintField(dst []byte, number protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(dst, number, protowire.VarintType), v)
}

func join(parts ...[]byte) (out []byte) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

const fillNumber, settledNumber, levelsNumber, bustedNumber = 16 + 6, 16 + 36, 16 + 16, 16 + 18

func TestBadProtobuf(t *testing.T) {
	head := headerOf(t, events.TypeFill)
	whole := events.AppendProto(nil, eventstest.Example(events.TypeFill))
	marketHead := headerOf(t, events.TypeMarketSettled)
	settled := func(price []byte) []byte {
		return join(marketHead, message(nil, settledNumber, message(message(nil, 1, []byte("X")), 2, price)))
	}
	tests := []struct {
		name   string
		value  []byte
		reason events.Reason
		field  string
	}{
		{"cut off", whole[:len(whole)-1], events.BadProtobuf, ""},
		{"text", []byte("hello"), events.BadProtobuf, ""},
		{"field number 0", join(whole, []byte{0x02, 0}), events.BadProtobuf, ""},
		{"group", join(whole, []byte{0x0b, 0x0c}), events.BadProtobuf, ""},
		{"varint of eleven bytes", join(whole, []byte{0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}), events.BadProtobuf, ""},
		{"varint cut off", join(whole, []byte{0x10, 0x80}), events.BadProtobuf, ""},
		{"tag cut off", join(whole, []byte{0x80}), events.BadProtobuf, ""},
		{"fixed64 cut off", join(whole, []byte{0x21, 1, 2}), events.BadProtobuf, ""},
		{"fixed32 cut off", join(whole, []byte{0x25, 1, 2}), events.BadProtobuf, ""},
		{"length beyond the end", join(whole, []byte{0x0a, 0x7f}), events.BadProtobuf, ""},
		{"length beyond int", join(whole, []byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}), events.BadProtobuf, ""},
		{"wire type of a header field", varintField(nil, 1, 5), events.BadProtobuf, "id"},
		{"wire type of a body", varintField(head, fillNumber, 5), events.BadProtobuf, ""},
		{"wire type of a body field", message(head, fillNumber, varintField(nil, 1, 5)), events.BadProtobuf, "market"},
		{"packed enum", message(head, fillNumber, message(nil, 2, []byte{1})), events.BadProtobuf, "leg"},
		{"repeated header field", join(whole, message(nil, 1, []byte("x"))), events.DuplicateKey, "id"},
		{"repeated body field", message(head, fillNumber, message(message(nil, 1, []byte("A")), 1, []byte("B"))), events.DuplicateKey, "market"},
		{"two bodies of a type", join(whole, message(nil, fillNumber, nil)), events.DuplicateKey, ""},
		{"two bodies of different types", join(whole, message(nil, settledNumber, nil)), events.DuplicateKey, ""},
		{"bad utf-8", join(marketHead, message(nil, settledNumber, message(nil, 1, []byte{0xff}))), events.BadUTF8, "market"},
		{"bad utf-8 in a decimal", settled([]byte{0xff}), events.BadUTF8, "price"},
		{"bad decimal", settled([]byte("1e5")), events.BadNumber, "price"},
		{"empty decimal", settled(nil), events.BadNumber, "price"},
		{"zero", settled([]byte("0.00")), events.BadValue, "price"},
		{"empty string", join(marketHead, message(nil, settledNumber, message(nil, 1, nil))), events.BadValue, "market"},
		{"control character", join(marketHead, message(nil, settledNumber, message(nil, 1, []byte("a\tb")))), events.BadValue, "market"},
		{"enum 0", message(head, fillNumber, varintField(nil, 2, 0)), events.BadValue, "leg"},
		{"enum past the last", message(head, fillNumber, varintField(nil, 2, 4)), events.BadValue, "leg"},
		{"enum that fits only modulo 256", message(head, fillNumber, varintField(nil, 2, 257)), events.BadValue, "leg"},
		{"subaccount beyond 32 bits", varintField(message(nil, 1, []byte("x")), 8, 1<<32), events.BadValue, "sub"},
		{"negative time", protowire.AppendFixed64(protowire.AppendTag(message(nil, 1, []byte("x")), 4, protowire.Fixed64Type), 1<<63), events.BadValue, "time"},
		{"negative partition", message(head, bustedNumber, message(nil, 9, varintField(nil, 2, 1<<64-1))), events.BadValue, "deadLetter.partition"},
		{"257 levels", message(head, levelsNumber, manyLevels(257)), events.BadValue, "levels"},
		{"no body", head, events.MissingField, "type"},
		{"ten megabytes", join(whole, message(nil, 9, make([]byte, 10<<20))), events.TooLarge, ""},
		{"prefix only", []byte{0, 0, 0, 0, 1}, events.BadProtobuf, ""},
		{"prefix with a negative count", []byte{0, 0, 0, 0, 1, 1, 0}, events.BadProtobuf, ""},
		{"prefix with an index cut off", []byte{0, 0, 0, 0, 1, 4, 0}, events.BadProtobuf, ""},
		{"prefix without message", []byte{0, 0, 0, 0, 1, 0}, events.MissingField, "type"},
		{"malformed after unknown", join(head, varintField(nil, 200, 1), []byte{0x80}), events.BadProtobuf, ""},
	}
	var d events.Decoder
	for _, test := range tests {
		_, err := d.Decode(test.value)
		var got *events.DecodeError
		if !errors.As(err, &got) || got.Reason != test.reason || got.Field != test.field {
			t.Errorf("%s: want %s of %q, got %v", test.name, test.reason, test.field, err)
		}
	}
}

func manyLevels(n int) (out []byte) {
	for range n {
		out = message(out, 1, []byte("2"))
	}
	return out
}

func TestUnknownProtobuf(t *testing.T) {
	head := headerOf(t, events.TypeFill)
	whole := events.AppendProto(nil, eventstest.Example(events.TypeFill))
	rulesHead := headerOf(t, events.TypeMarketChanged)
	version := func(v uint64) []byte {
		m := messageOf(t, events.TypeFill)
		m.Version = uint32(v)
		return marshal(t, m)
	}
	tests := []struct {
		name  string
		value []byte
		want  events.SchemaError
	}{
		{"type", message(head, 99, nil), events.SchemaError{Kind: events.UnknownType, Name: "with field number 99"}},
		{"type beyond a byte", message(head, 16+256+6, nil), events.SchemaError{Kind: events.UnknownType, Name: "with field number 278"}},
		{"header field", join(whole, varintField(nil, 12, 1)), events.SchemaError{Kind: events.UnknownField, Type: "Fill", Name: "with number 12"}},
		{"field 16", join(whole, varintField(nil, 16, 1)), events.SchemaError{Kind: events.UnknownField, Type: "Fill", Name: "with number 16"}},
		{"body field", message(head, fillNumber, varintField(nil, 77, 1)), events.SchemaError{Kind: events.UnknownField, Type: "Fill", Name: "with number 77"}},
		{"nested field", message(rulesHead, 16+33, message(nil, 2, message(nil, 1, varintField(nil, 9, 1)))),
			events.SchemaError{Kind: events.UnknownField, Type: "MarketChanged", Name: "rules.tiers[0].with number 9"}},
		{"version", version(2), events.SchemaError{Kind: events.UnknownVersion, Type: "Fill", Name: "2"}},
		{"after a bad value", join(head, message(nil, fillNumber, varintField(message(nil, 4, []byte("x")), 77, 1))),
			events.SchemaError{Kind: events.UnknownField, Type: "Fill", Name: "with number 77"}},
		{"message index", join([]byte{0, 0, 0, 0, 1, 2, 2}, whole), events.SchemaError{Kind: events.UnknownMessage, Name: "[1]"}},
		{"nested message index", join([]byte{0, 0, 0, 0, 1, 4, 0, 2}, whole), events.SchemaError{Kind: events.UnknownMessage, Name: "[0 1]"}},
	}
	var d events.Decoder
	for _, test := range tests {
		_, err := d.Decode(test.value)
		var got *events.SchemaError
		if !errors.As(err, &got) || *got != test.want {
			t.Errorf("%s: want %+v, got %v", test.name, test.want, err)
		}
	}
}

// TestProtobufRequired clears every required field of every message but integers, whose zero
// protobuf does not send.
func TestProtobufRequired(t *testing.T) {
	var d events.Decoder
	for _, typ := range events.Types() {
		m := messageOf(t, typ)
		body := m.ProtoReflect().WhichOneof(m.ProtoReflect().Descriptor().Oneofs().ByName("body"))
		fields := body.Message().Fields()
		for i := range fields.Len() {
			f := fields.Get(i)
			members := requiredJSON(typ)
			if !members[f.JSONName()] || f.Kind() == protoreflect.Uint32Kind || f.Kind() == protoreflect.Uint64Kind {
				continue
			}
			m := messageOf(t, typ)
			m.ProtoReflect().Mutable(body).Message().Clear(f)
			_, err := d.Decode(marshal(t, m))
			switch {
			case f.JSONName() == "levels" || f.JSONName() == "quantities": // none are good
				if err != nil {
					t.Errorf("%s without %s: %v", typ, f.JSONName(), err)
				}
			case f.JSONName() == "rules": // as if it were there, and empty
				wantDecodeError(t, err, events.MissingField, "rules.funding")
			case f.IsList():
				wantDecodeError(t, err, events.BadValue, f.JSONName())
			default:
				wantDecodeError(t, err, events.MissingField, f.JSONName())
			}
		}
	}
}

func wantDecodeError(t *testing.T, err error, reason events.Reason, field string) {
	t.Helper()
	var got *events.DecodeError
	if !errors.As(err, &got) || got.Reason != reason || got.Field != field {
		t.Errorf("want %s of %q, got %v", reason, field, err)
	}
}

// TestProtobufOrder: fields may come in any order, the body first.
func TestProtobufOrder(t *testing.T) {
	var d events.Decoder
	for _, typ := range events.Types() {
		e := eventstest.Example(typ)
		value := events.AppendProto(nil, e)
		head := headerOf(t, typ)
		if string(value[:len(head)]) != string(head) {
			t.Fatalf("%s: the header does not come first", typ)
		}
		got, err := d.Decode(join(value[len(head):], head))
		if err != nil {
			t.Fatalf("%s: %v", typ, err)
		}
		if string(events.AppendJSON(nil, got)) != string(events.AppendJSON(nil, e)) {
			t.Errorf("%s: got %s", typ, events.AppendJSON(nil, got))
		}
	}
}
