package events_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"marginledger/events"
	"marginledger/events/eventspb"
	"marginledger/events/eventstest"
)

// mutants is how many mutated records an ordinary run checks, per codec; "go test -fuzz" goes on.
const mutants = 30_000

func golden(t testing.TB, pattern string) (values [][]byte) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "golden", pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, path := range paths {
		value, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, value)
	}
	return values
}

// checkJSON: scanner and reference accept the same records, with equal events.
func checkJSON(t *testing.T, d *events.Decoder, value []byte) {
	if len(value) == 0 || value[0] != '{' {
		return
	}
	d.Reset()
	got, err := d.Decode(value)
	want, wantErr := referenceJSON(value)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%q:\nscanner:   %v\nreference: %v", value, err, wantErr)
	}
	if err != nil {
		return
	}
	trim(want)
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%q:\nscanner:   %s\nreference: %s", value, events.AppendJSON(nil, got), events.AppendJSON(nil, want))
	}
	again, err := d.Decode(events.AppendJSON(nil, got))
	if err != nil || !reflect.DeepEqual(again, want) {
		t.Fatalf("%q: its canonical form: %v", value, err)
	}
}

// trim replaces empty lists by nil ones: the decoder does not tell them apart.
func trim(e *events.Event) {
	body := reflect.ValueOf(e.Body).Elem()
	for i := range body.NumField() {
		if f := body.Field(i); f.Kind() == reflect.Slice && f.Len() == 0 {
			f.SetZero()
		}
	}
}

func FuzzJSON(f *testing.F) {
	for _, value := range golden(f, "*.json") {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		var d events.Decoder
		checkJSON(t, &d, value)
	})
}

// fragments are what a mutation puts in: tokens, and what a decoder trips over.
var fragments = []string{`"`, `\`, `{`, `}`, `[`, `]`, `,`, `:`, `null`, `true`, `0`, `-0`, `1.5`, `1e3`, `""`, `"x"`, ` `, "\n", "\x00",
	"\x7f", "\xff", "ä", `\u0041`, `\ud83d\ude00`, `\ud83d`, `\n`, `"size":"1",`, `"ext":{"a":1,"a":2},`, `"v":1,`, `"id":"x",`, `"Type":"Fill",`,
	`"sub":0,`, `"owner":"o",`, `"seq":18446744073709551615,`, `"seq":18446744073709551616,`, `"0.10"`, `"-0"`, `{"a":[]}`}

// mutate returns a copy of one of values with a few random edits.
func mutate(rng *rand.Rand, values [][]byte) []byte {
	value := append([]byte(nil), values[rng.IntN(len(values))]...)
	for range 1 + rng.IntN(3) {
		i := rng.IntN(len(value) + 1)
		j := i + rng.IntN(min(len(value)-i, 20)+1)
		var insert []byte
		switch rng.IntN(5) {
		case 0:
			insert = []byte(fragments[rng.IntN(len(fragments))])
			j = i
		case 1:
			insert = []byte(fragments[rng.IntN(len(fragments))])
		case 2: // a piece of another record
			other := values[rng.IntN(len(values))]
			k := rng.IntN(len(other))
			insert = other[k : k+rng.IntN(min(len(other)-k, 40)+1)]
		case 3:
			insert = []byte{byte(rng.Uint32())}
			j = min(i+1, len(value))
		}
		value = append(append(append([]byte(nil), value[:i]...), insert...), value[j:]...)
	}
	return value
}

// TestMutatedJSON runs the check of FuzzJSON on a fixed set of mutated golden files.
func TestMutatedJSON(t *testing.T) {
	rng, values := rand.New(rand.NewPCG(1, 2)), golden(t, "*.json")
	var d events.Decoder
	for range mutants {
		checkJSON(t, &d, mutate(rng, values))
	}
}

// TestRandomJSON: the reference agrees on what is good, too.
func TestRandomJSON(t *testing.T) {
	var d events.Decoder
	for seed := range uint64(2000) {
		checkJSON(t, &d, events.AppendJSON(nil, eventstest.Random(rand.New(rand.NewPCG(seed, 3)))))
	}
}

// checkProto: what our decoder accepts, google's accepts with equal values; what ours calls
// malformed, google's refuses, or holds as an unknown field.
func checkProto(t *testing.T, d *events.Decoder, value []byte) {
	if len(value) == 0 || value[0] == 0 || value[0] == '{' {
		return
	}
	d.Reset()
	got, err := d.Decode(value)
	m := new(eventspb.Event)
	googleErr := proto.Unmarshal(value, m)
	var bad *events.DecodeError
	switch {
	case err == nil:
		if googleErr != nil || unknown(m.ProtoReflect()) {
			t.Fatalf("%x: accepted as %s, but google: %v", value, events.AppendJSON(nil, got), googleErr)
		}
		m.Ext = nil
		again, err := d.Decode(marshalAny(t, m))
		if err != nil || !reflect.DeepEqual(again, got) {
			t.Fatalf("%x: google reads %v, %v", value, m, err)
		}
		again, err = d.Decode(events.AppendProto(nil, got))
		if err != nil || !reflect.DeepEqual(again, got) {
			t.Fatalf("%x: its canonical form: %v", value, err)
		}
	case errors.As(err, &bad):
		malformed := bad.Reason == events.BadProtobuf || bad.Reason == events.BadUTF8
		if malformed && googleErr == nil && !unknown(m.ProtoReflect()) {
			t.Fatalf("%x: %v, but google reads %v", value, err, m)
		}
	default: // a schema error
		if googleErr == nil && !unknown(m.ProtoReflect()) && m.Version == events.SchemaVersion {
			t.Fatalf("%x: %v, but google reads %v", value, err, m)
		}
	}
}

func marshalAny(t *testing.T, m proto.Message) []byte {
	value, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// unknown reports whether m holds a field that the schema does not know, however deep.
func unknown(m protoreflect.Message) bool {
	if len(m.GetUnknown()) > 0 {
		return true
	}
	found := false
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Kind() != protoreflect.MessageKind:
		case f.IsList():
			for i := range v.List().Len() {
				found = found || unknown(v.List().Get(i).Message())
			}
		default:
			found = found || unknown(v.Message())
		}
		return !found
	})
	return found
}

func FuzzProto(f *testing.F) {
	for _, value := range golden(f, "*.binpb") {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		var d events.Decoder
		checkProto(t, &d, value)
	})
}

// TestMutatedProto runs the check of FuzzProto on a fixed set of mutated golden files.
func TestMutatedProto(t *testing.T) {
	rng, values := rand.New(rand.NewPCG(4, 5)), golden(t, "*.binpb")
	var d events.Decoder
	for range mutants {
		checkProto(t, &d, mutate(rng, values))
	}
}

// TestRandomProto: google reads what we write, and writes the same bytes.
func TestRandomProto(t *testing.T) {
	var d events.Decoder
	for seed := range uint64(2000) {
		value := events.AppendProto(nil, eventstest.Random(rand.New(rand.NewPCG(seed, 6))))
		checkProto(t, &d, value)
		m := new(eventspb.Event)
		if err := proto.Unmarshal(value, m); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if again := marshal(t, m); string(again) != string(value) {
			t.Fatalf("seed %d: google writes\n%x\nand we\n%x", seed, again, value)
		}
	}
}
