package gmx_test

import (
	"flag"
	"math/rand/v2"
	"testing"

	"marginledger/internal/margintest"
	"marginledger/projector/margin/gmx"
)

var boundSeed = flag.Uint64("bound-seed", 0, "seed of TestSlopes; 0: a fixed range")

// TestSlopes holds what the profile says about bounds against what it decides, on random positions: tiny
// numbers, so that each rounding shows, and ordinary ones; with caps and without.
func TestSlopes(t *testing.T) {
	first, last := uint64(1), uint64(1500)
	if *boundSeed != 0 {
		first, last = *boundSeed, *boundSeed
	}
	bounded := 0
	for seed := first; seed <= last && !t.Failed(); seed++ {
		rng := rand.New(rand.NewPCG(seed, 3))
		profile, pool, capped := gmx.RandomPool(t, rng)
		if capped {
			bounded++
		}
		margintest.Slopes(t, profile, pool, rng)
		if t.Failed() {
			t.Logf("repeat: go test ./projector/margin/gmx -run TestSlopes -bound-seed %d", seed)
		}
	}
	if *boundSeed == 0 && bounded < 100 {
		t.Errorf("only %d positions had a profit that is capped", bounded)
	}
}
