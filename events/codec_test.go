package events_test

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"marginledger/events"
	"marginledger/events/eventstest"
)

// codecs are the two encodings, by name.
var codecs = map[string]func([]byte, *events.Event) []byte{
	"json":  events.AppendJSON,
	"proto": events.AppendProto,
}

// TestRoundTrip: decoding what was encoded gives the event again, for every type and codec, with
// all events of one decoder alive together, and again after Reset.
func TestRoundTrip(t *testing.T) {
	for name, encode := range codecs {
		t.Run(name, func(t *testing.T) {
			var d events.Decoder
			for seed := range uint64(20) {
				rng := rand.New(rand.NewPCG(seed, 1))
				var want, got []*events.Event
				for _, typ := range events.Types() {
					for range 10 {
						e := eventstest.RandomOf(rng, typ)
						if err := e.Validate(); err != nil {
							t.Fatalf("seed %d: %s: %v", seed, events.AppendJSON(nil, e), err)
						}
						decoded, err := d.Decode(encode(nil, e))
						if err != nil {
							t.Fatalf("seed %d: decode %s: %v", seed, events.AppendJSON(nil, e), err)
						}
						want, got = append(want, e), append(got, decoded)
					}
				}
				for i := range want {
					if !reflect.DeepEqual(got[i], want[i]) {
						t.Fatalf("seed %d: got\n%s\nwant\n%s", seed, events.AppendJSON(nil, got[i]), events.AppendJSON(nil, want[i]))
					}
				}
				d.Reset()
			}
		})
	}
}
