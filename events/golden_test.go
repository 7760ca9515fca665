package events_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"marginledger/events"
	"marginledger/events/eventspb"
	"marginledger/events/eventstest"
)

// TestGolden holds both codecs to the bytes that are committed: one event of every type.
func TestGolden(t *testing.T) {
	var d events.Decoder
	for _, typ := range events.Types() {
		t.Run(typ.String(), func(t *testing.T) {
			e := eventstest.Example(typ)
			if err := e.Validate(); err != nil {
				t.Fatal(err)
			}
			base := filepath.Join("testdata", "golden", typ.String())
			events.Agree(t, base+".json", append(events.AppendJSON(nil, e), '\n'))
			events.Agree(t, base+".binpb", events.AppendProto(nil, e))
			for _, ext := range []string{".json", ".binpb"} {
				value, err := os.ReadFile(base + ext)
				if err != nil {
					t.Fatal(err)
				}
				got, err := d.Decode(value)
				if err != nil {
					t.Fatalf("%s: %v", ext, err)
				}
				if !reflect.DeepEqual(got, e) {
					t.Errorf("%s: got %s", ext, events.AppendJSON(nil, got))
				}
			}
		})
	}
}

// TestExamplesAreWhole: the golden files leave no field out, but where two exclude each other.
func TestExamplesAreWhole(t *testing.T) {
	absent := map[string]bool{"Transfer.CounterpartyOwner": true} // excluded by ToSubaccount
	for _, typ := range events.Types() {
		body := reflect.ValueOf(eventstest.Example(typ).Body).Elem()
		for i := range body.NumField() {
			name := body.Type().Name() + "." + body.Type().Field(i).Name
			if body.Field(i).IsZero() && !absent[name] {
				t.Errorf("the example of %s has no %s", typ, name)
			}
		}
	}
}

// TestProtoAgainstGoogle: the generated types read what AppendProto writes, and write the same
// bytes; and the Confluent prefix changes nothing.
func TestProtoAgainstGoogle(t *testing.T) {
	var d events.Decoder
	for _, typ := range events.Types() {
		e := eventstest.Example(typ)
		value := events.AppendProto(nil, e)
		m := new(eventspb.Event)
		if err := proto.Unmarshal(value, m); err != nil {
			t.Fatalf("%s: %v", typ, err)
		}
		again, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again, value) {
			t.Errorf("%s: google writes\n%s\nand we\n%s", prototext.Format(m), hex.EncodeToString(again), hex.EncodeToString(value))
		}
		for _, prefix := range [][]byte{{0, 0, 0, 0, 7, 0}, {0, 0, 0, 0, 7, 2, 0}} {
			got, err := d.Decode(append(prefix, value...))
			if err != nil {
				t.Fatalf("%s with prefix %x: %v", typ, prefix, err)
			}
			if !reflect.DeepEqual(got, e) {
				t.Errorf("%s with prefix %x: got %s", typ, prefix, events.AppendJSON(nil, got))
			}
		}
		got, err := d.Decode(append([]byte{0, 0, 0, 0, 7}, events.AppendJSON(nil, e)...))
		if err != nil || !reflect.DeepEqual(got, e) {
			t.Errorf("%s: JSON with a prefix: %v, %v", typ, got, err)
		}
	}
}
