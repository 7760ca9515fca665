package gmx_test

import (
	"errors"
	"math/big"
	"math/rand/v2"
	"testing"

	"marginledger/projector/margin/gmx"
)

// TestPower: below one USD 0, an exponent of one nothing, powers of two exact, other squares not; far too large is an
// error.
func TestPower(t *testing.T) {
	for _, c := range []struct {
		v, e *big.Int
		want string
	}{
		{new(big.Int).Sub(usd(1, 1), big.NewInt(1)), usd(2, 1), "0"},
		{usd(1, 1), usd(2, 1), usd(1, 1).String()},
		{usd(1, 3), usd(1, 1), "0"},
		{usd(100, 3), usd(1, 1), usd(100, 3).String()},
		{usd(1<<10, 1), usd(2, 1), usd(1<<20, 1).String()},
		{usd(1<<10, 1), usd(5, 2), usd(1<<25, 1).String()},
		{usd(1<<10, 1), new(big.Int), usd(1, 1).String()},
		{usd(200_000, 1), usd(2, 1), "39999999999999999258801871334000000000000"},
		// Of a second model of the algorithm, written apart; in the second of them half up shows.
		{usd(123456, 7), usd(17, 10), "16554042838987800707568642000000000000"},
		{usd(987_654_321, 1), usd(3, 2), "31038980793407111903265823026391000000000000"},
		{usd(3, 2), usd(22, 10), "2440061485194821822000000000000"},
		{usd(12345, 1), usd(1, 2), "111108055513540510676000000000000"},
		{usd(200_000, 1), new(big.Int).Add(usd(2, 1), big.NewInt(1)), "39999999999999999258801871334000000000000"}, // 18 digits count
	} {
		got, err := gmx.Power(c.v, c.e)
		if err != nil || got.String() != c.want {
			t.Errorf("%v^%v: %v, %v, want %s", c.v, c.e, got, err, c.want)
		}
	}
	if _, err := gmx.Power(exp10(60), usd(2, 1)); !errors.Is(err, gmx.ErrRange) { // 2^199
		t.Errorf("too large: %v", err)
	}
}

// TestPowerIsClose holds the approximation to squares and square roots of random values: 15 digits. A wrong digit in one
// of its constants would show.
func TestPowerIsClose(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 2))
	near := func(got, want *big.Int) bool {
		off := new(big.Int).Sub(got, want)
		return off.Abs(off).Mul(off, exp10(15)).Cmp(want) <= 0
	}
	for range 2000 {
		v := new(big.Int).Mul(big.NewInt(1e12+r.Int64N(9e18-1e12)), exp10(18+r.Int64N(9)))
		square := new(big.Int).Mul(v, v)
		if got, err := gmx.Power(v, usd(2, 1)); err != nil || !near(got, square.Quo(square, exp10(30))) {
			t.Fatalf("seed %d: %v²: %v, %v", seed, v, got, err)
		}
		root := new(big.Int).Mul(v, exp10(30))
		if got, err := gmx.Power(v, usd(1, 2)); err != nil || !near(got, root.Sqrt(root)) {
			t.Fatalf("seed %d: √%v: %v, %v", seed, v, got, err)
		}
	}
}
