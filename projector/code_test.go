package projector

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Codes rise with numbers, are exact where they can be, and err by less than 2^-25 elsewhere, on the side
// that they are asked for.
func TestCodes(t *testing.T) {
	numbers := []int64{0, 1, -1, 1<<26 - 1, 1 << 26, 1<<26 + 1, 1<<27 - 1, 1 << 27, 1<<27 + 1, math.MaxInt64, math.MaxInt64 - 1, -math.MaxInt64}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200_000 {
		v := int64(rng.Uint64() >> (1 + rng.IntN(63)))
		numbers = append(numbers, v, -v)
	}
	for i, v := range numbers {
		low, high := floorCode(v), ceilCode(v)
		if low < high-1 || low > high || low <= never {
			t.Fatalf("%d has the codes %d and %d", v, low, high)
		}
		a := decoded(low)
		if a > v || floorCode(a) != low || ceilCode(a) != low {
			t.Fatalf("%d: floor %d is %d, with the codes %d and %d", v, low, a, floorCode(a), ceilCode(a))
		}
		if v > -1<<26 && v < 1<<26 && (a != v || low != high) {
			t.Fatalf("%d is not exact: %d, %d", v, low, high)
		}
		if w := numbers[rng.IntN(i+1)]; v < w && (floorCode(v) >= ceilCode(w) || low > floorCode(w) || high > ceilCode(w)) {
			t.Fatalf("%d < %d: codes %d, %d and %d, %d", v, w, low, high, floorCode(w), ceilCode(w))
		}
		if b := decoded(high); high < 39<<25 && (b < v || float64(b-a) > math.Abs(float64(v))/(1<<25)) {
			t.Fatalf("%d lies between %d and %d", v, a, b)
		}
	}
}
