package standard

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/internal/margintest"
	"marginledger/projector/margin"
)

var slopesSeed = flag.Uint64("slopes-seed", 0, "seed of TestSlopes; 0: a fixed range")

// TestSlopes holds Slopes against Judge on random pools: some so small that every rounding shows, some of
// ordinary size.
func TestSlopes(t *testing.T) {
	first, last := uint64(1), uint64(4000)
	if *slopesSeed != 0 {
		first, last = *slopesSeed, *slopesSeed
	}
	p, err := New(Version, 12, nil)
	if err != nil {
		t.Fatal(err)
	}
	for seed := first; seed <= last && !t.Failed(); seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 5))
			margintest.Slopes(t, p, randomPool(rng), rng)
			if t.Failed() {
				t.Logf("repeat: go test ./projector/margin/standard -run TestSlopes -slopes-seed %d", seed)
			}
		})
	}
}

func randomPool(rng *rand.Rand) *margin.Pool {
	size := int64(1) << (3 + rng.IntN(20)) // of numbers
	p := &margin.Pool{Collateral: fixed.FromInt64(rng.Int64N(size * size))}
	for i := range []int{0, 0, 1, 1, 1, 1, 2, 4}[rng.IntN(8)] {
		m := &margin.Market{ID: int32(i), Name: fmt.Sprint("m", i), K: fixed.Pow10(rng.IntN(4) * rng.IntN(5)), Tiers: randomTiers(rng, size),
			FundingMode: events.FundingByIndex + events.FundingMode(rng.IntN(4)/3), Mark: 1 + rng.Int64N(size)}
		m.MaxPrice = 10 * m.Mark << rng.IntN(12)
		if m.FundingMode == events.FundingByIndex {
			m.FundingIndex = fixed.FromInt64(rng.Int64N(2*size) - size).Mul(rng.Int64N(1_000_000_000))
		}
		for leg := range 1 + rng.IntN(5)/4 {
			pos := margin.Position{Market: m, Leg: events.LegNet + events.Leg(leg), Size: 1 + rng.Int64N(size), FundingIndex: m.FundingIndex}
			if rng.IntN(2) == 0 {
				pos.Size = -pos.Size
			}
			pos.Entry = m.Value(pos.Size, 1+rng.Int64N(2*m.Mark))
			p.Positions = append(p.Positions, pos)
		}
	}
	for i := range []int{0, 1, 1, 3}[rng.IntN(4)] {
		a := &margin.Asset{ID: int32(i), Name: fmt.Sprint("a", i), Price: 1 + rng.Int64N(2_000_000_000_000)}
		haircut, lower := int64(0), int64(0)
		for range 1 + rng.IntN(3) {
			haircut = min(haircut+rng.Int64N(500_000_000), margin.OneRate)
			a.Haircuts = append(a.Haircuts, margin.HaircutTier{Lower: fixed.FromInt64(lower), Haircut: haircut})
			lower += 1 + rng.Int64N(size)
		}
		amount := 1 + rng.Int64N(4*size)
		if rng.IntN(3) == 0 {
			amount = -amount
		}
		p.Balances = append(p.Balances, margin.Balance{Asset: a, Amount: fixed.FromInt64(amount)})
	}
	return p
}

// randomTiers are continuous: edges and steps of the rate are such that deductions are whole.
func randomTiers(rng *rand.Rand, size int64) []margin.Tier {
	rate := 1 + rng.Int64N(margin.OneRate)>>rng.IntN(30)
	list := []margin.Tier{{MaxLeverage: 100, Rate: rate}}
	var lower, deduction int64
	for range rng.IntN(4) {
		step := rng.Int64N(300) * 1_000_000
		if rate += step; rate > margin.OneRate {
			break
		}
		lower += (1 + rng.Int64N(1+size*size/1000)) * 1000
		deduction += lower / 1000 * (step / 1_000_000)
		list = append(list, margin.Tier{Lower: fixed.FromInt64(lower), MaxLeverage: 50, Rate: rate, Deduction: fixed.FromInt64(deduction)})
	}
	return list
}
