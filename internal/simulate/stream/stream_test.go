package stream

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"marginledger/events"
)

// The same seed gives the same records; every one decodes to its event, but those that say they do
// not; offsets are dense per source; and streams are about as long as was asked.
func TestRandom(t *testing.T) {
	types := map[events.Type]int{}
	for seed := range uint64(20) {
		records := Random(rand.New(rand.NewPCG(seed, 0)), Options{Records: 300})
		again := Random(rand.New(rand.NewPCG(seed, 0)), Options{Records: 300})
		if !reflect.DeepEqual(records, again) {
			t.Fatalf("seed %d: two streams", seed)
		}
		if len(records) < 300 || len(records) > 330 {
			t.Errorf("seed %d: %d records", seed, len(records))
		}
		next := map[string]int64{}
		for i, r := range records {
			if r.Offset != next[r.Source.Topic] {
				t.Fatalf("seed %d, record %d: offset %d of %s, want %d", seed, i, r.Offset, r.Source.Topic, next[r.Source.Topic])
			}
			next[r.Source.Topic]++
			if r.Event == nil {
				if r.Undecodable == "" && !r.Skipped {
					t.Errorf("seed %d, record %d: no event and no reason", seed, i)
				}
				continue
			}
			types[r.Event.Type]++
			var d events.Decoder
			e, err := d.Decode(r.Value)
			if err != nil {
				t.Fatalf("seed %d, record %d: %v\n%s", seed, i, err, r.Value)
			}
			if !reflect.DeepEqual(e, r.Event) {
				t.Fatalf("seed %d, record %d: %s decodes to\n%+v, want\n%+v", seed, i, r.Value, e, r.Event)
			}
		}
	}
	for _, kind := range events.Types() {
		if types[kind] == 0 {
			t.Errorf("no stream has a %s", kind)
		}
	}
}

// A clean stream has no nonsense.
func TestClean(t *testing.T) {
	for _, r := range Random(rand.New(rand.NewPCG(1, 0)), Options{Records: 500, Accounts: 10, Markets: 5, Clean: true}) {
		if r.Event == nil || r.WrongPartition || r.Role != r.Event.Type.Role() {
			t.Errorf("%+v", r)
		}
	}
}
