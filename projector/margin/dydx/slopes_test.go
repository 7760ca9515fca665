package dydx

import (
	"math/rand/v2"
	"testing"

	"marginledger/internal/margintest"
)

// TestSlopes holds Slopes against Judge on random pools: some so small that every rounding shows, some
// up to the bounds.
func TestSlopes(t *testing.T) {
	eachSeed(t, 1500, func(t *testing.T, rng *rand.Rand) {
		p := profileOf(t, rng)
		margintest.Slopes(t, p, poolOf(t, p, rng), rng)
	})
}
