package store

import (
	"math/rand/v2"
	"testing"
)

// TestRowSums compares the table with a map: keys that share their homes, at both ends and among each other; run it again
// with the seed that it prints.
func TestRowSums(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	var table rowSums
	want := map[uint64]uint64{}
	for step := range 200_000 {
		key := rng.Uint64N(6)<<61 + rng.Uint64N(2_000)
		if rng.IntN(8) == 0 {
			key = ^uint64(0) - rng.Uint64N(500)
		}
		if key == 0 || key == 1 {
			key = 1 // which are the same
		}
		if rng.IntN(5) < 2 {
			if got := table.take(key); got != want[key] {
				t.Fatalf("step %d: took %d, expected %d", step, got, want[key])
			}
			delete(want, key)
			continue
		}
		value := rng.Uint64()
		if got := table.put(key, value); got != want[key] {
			t.Fatalf("step %d: replaced %d, expected %d", step, got, want[key])
		}
		want[key] = value
	}
	if table.used != len(want) {
		t.Fatalf("%d keys, expected %d", table.used, len(want))
	}
	for key, value := range want {
		if i := table.find(key); table.slots[i] != (rowSum{key, value}) {
			t.Fatalf("key %d holds %v, expected %d", key, table.slots[i], value)
		}
	}
}
