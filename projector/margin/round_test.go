package margin_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"testing"

	"marginledger/projector/margin"
)

func TestQuoDirections(t *testing.T) {
	for _, c := range []struct {
		num, den int64
		want     [5]int64 // Down, Up, ToZero, HalfUp, HalfEven
	}{
		{7, 2, [5]int64{3, 4, 3, 4, 4}},
		{-7, 2, [5]int64{-4, -3, -3, -4, -4}},
		{5, 2, [5]int64{2, 3, 2, 3, 2}},
		{5, -2, [5]int64{-3, -2, -2, -3, -2}},
		{1, 3, [5]int64{0, 1, 0, 0, 0}},
		{-2, 3, [5]int64{-1, 0, 0, -1, -1}},
		{6, 3, [5]int64{2, 2, 2, 2, 2}},
	} {
		for i, want := range c.want {
			dir := margin.Direction(i)
			if got := margin.Quo(big.NewInt(c.num), big.NewInt(c.den), dir); got.Int64() != want {
				t.Errorf("%d/%d, direction %d: %v, want %d", c.num, c.den, dir, got, want)
			}
		}
	}
}

// TestBinary64 compares with the machine's doubles.
func TestBinary64(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		f := math.Float64frombits(rng.Uint64()&^(0x7ff<<52) | uint64(1023-60+rng.IntN(120))<<52)
		exact := new(big.Rat).SetFloat64(f)
		if got := margin.Binary64(exact); got.Cmp(exact) != 0 {
			t.Fatalf("%v is a double, became %v", f, got)
		}
		if got, want := margin.ShortestBinary64(exact), strconv.FormatFloat(f, 'f', -1, 64); math.Abs(f) < 1<<53 && show(got) != want {
			t.Fatalf("%v prints as %s, want %s", f, show(got), want)
		}
		r := big.NewRat(rng.Int64()-1<<62, 1+rng.Int64N(1<<uint(1+rng.IntN(62))))
		want, _ := r.Float64() // nearest, halves to even
		if got := margin.Binary64(r); got.Cmp(new(big.Rat).SetFloat64(want)) != 0 {
			t.Fatalf("%v: %v, want %v", r, got, want)
		}
	}
	half := new(big.Rat).SetFrac(new(big.Int).SetUint64(1<<54+2), big.NewInt(2)) // 2^53 + 1
	if got := margin.Binary64(half); got.Cmp(new(big.Rat).SetInt64(1<<53)) != 0 {
		t.Errorf("2^53 + 1 rounds to %v", got)
	}
}
