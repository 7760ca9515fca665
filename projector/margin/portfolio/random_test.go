package portfolio

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

var seedFlag = flag.Uint64("portfolio-seed", 0, "the one seed of random tests; 0: a fixed range")

// eachSeed runs a random test with many seeds, and says how to repeat one that fails.
func eachSeed(t *testing.T, last uint64, run func(t *testing.T, rng *rand.Rand)) {
	first := uint64(1)
	if *seedFlag != 0 {
		first, last = *seedFlag, *seedFlag
	}
	for seed := first; seed <= last && !t.Failed(); seed++ {
		run(t, rand.New(rand.NewPCG(seed, 7)))
		if t.Failed() {
			t.Logf("repeat: go test ./projector/margin/portfolio -run %s -portfolio-seed %d", t.Name(), seed)
		}
	}
}

var underlyings = []string{"A", "B", "C", "D", "E"}

// randomParams are settings that fit together: A, B, C and sometimes D are in groups, E never.
func randomParams(rng *rand.Rand) []events.Param {
	values := map[string]string{}
	set := func(name string, low, high int64) {
		values[name] = string(fixed.FromInt64(low+rng.Int64N(high-low+1)).Append(nil, margin.MultipleScale))
	}
	set("group.A", 1_000_000, 1_000_000)
	groups := []int{1}
	for i, u := range underlyings[1:4] {
		if g := rng.IntN(i + 3); g != 0 {
			values["group."+u] = fmt.Sprint(g)
			groups = append(groups, g)
		}
	}
	slices.Sort(groups)
	groups = slices.Compact(groups)
	for i, a := range groups {
		for _, b := range groups[i+1:] {
			if rng.IntN(3) != 0 {
				set(fmt.Sprintf("offset.%d.%d", a, b), 0, 1_000_000)
			}
		}
		if rng.IntN(4) == 0 {
			set(fmt.Sprintf("contingency.%d", a), 0, 100_000)
		}
	}
	values["grid"] = fmt.Sprint(rng.IntN(4))
	if values["grid"] == "1" && rng.IntN(2) == 0 {
		values["range"], values["step"] = "0.3", "0.05"
	}
	for k := range rng.IntN(6) {
		if values["grid"] != "0" && rng.IntN(2) == 0 {
			continue
		}
		name := fmt.Sprintf(".%02d", 3*k+1)
		set("shock"+name, -1_000_000, 3_000_000)
		if rng.IntN(2) == 0 {
			set("weight"+name, 1, 1_000_000)
		}
		for _, g := range groups {
			if rng.IntN(2) == 0 {
				set(fmt.Sprintf("shock%s.g%d", name, g), -1_000_000, 5_000_000)
			}
		}
	}
	set("shock.99", -500_000, 500_000)
	if rng.IntN(2) == 0 {
		set("contingency", 0, 50_000)
	}
	if rng.IntN(2) == 0 {
		set("initialFactor", 1_000_000, 3_000_000)
	}
	return params(values)
}

func params(values map[string]string) []events.Param {
	var list []events.Param
	for name, v := range values {
		list = append(list, events.Param{Name: name, Value: events.MustNumber(v)})
	}
	slices.SortFunc(list, func(a, b events.Param) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func newProfile(t testing.TB, list []events.Param) *Profile {
	t.Helper()
	p, err := New(Version, 6, list)
	if err != nil {
		t.Fatalf("%v: %v", list, err)
	}
	return p.(*Profile)
}

// randomPool has positions in a few markets, and balances of coins that are in the portfolio and of some
// that are not. Its numbers are so small that every rounding shows, or of ordinary size.
func randomPool(t testing.TB, rng *rand.Rand, p *Profile) *margin.Pool {
	t.Helper()
	size := int64(1) << (3 + rng.IntN(20)) // of numbers
	pool := &margin.Pool{Venue: &margin.Venue{Scale: 6}}
	pool.Balances = append(pool.Balances, margin.Balance{Asset: &margin.Asset{Name: "USDC", Settlement: true}, Amount: fixed.FromInt64(rng.Int64N(size * size))})
	for i := range rng.IntN(6) {
		u := underlyings[rng.IntN(len(underlyings))]
		pool.Positions = append(pool.Positions, randomPositions(t, rng, p, fmt.Sprint(u, i), u, size)...)
	}
	for _, u := range append(underlyings, "X", "Y") {
		if rng.IntN(3) != 0 {
			continue
		}
		a := &margin.Asset{Name: u, Price: 1 + rng.Int64N(2_000_000_000_000), Haircuts: []margin.HaircutTier{{Haircut: rng.Int64N(300_000_000)}}}
		if rng.IntN(2) == 0 {
			a.Haircuts = append(a.Haircuts, margin.HaircutTier{Lower: fixed.FromInt64(1 + rng.Int64N(size)), Haircut: 500_000_000})
		}
		if rng.IntN(3) == 0 {
			a.Capped, a.Cap = true, fixed.FromInt64(rng.Int64N(3*size))
		}
		amount := 1 + rng.Int64N(4*size)
		if rng.IntN(3) == 0 {
			amount = -amount
		}
		pool.Balances = append(pool.Balances, margin.Balance{Asset: a, Amount: fixed.FromInt64(amount)})
	}
	return pool
}

// randomPositions is one, or two legs, of a market.
func randomPositions(t testing.TB, rng *rand.Rand, p *Profile, name, underlying string, size int64) (list []margin.Position) {
	t.Helper()
	m := &margin.Market{Name: name, Underlying: underlying, K: fixed.Pow10(rng.IntN(4) * rng.IntN(3)), Mark: 1 + rng.Int64N(size), MaxSize: 4 * size,
		Tiers: []margin.Tier{{MaxLeverage: 20, Rate: 25_000_000}}, FundingMode: events.FundingByIndex + events.FundingMode(rng.IntN(4)/3)}
	m.MaxPrice = 10 * m.Mark << rng.IntN(8)
	if m.FundingMode == events.FundingByIndex {
		m.FundingIndex = fixed.FromInt64(rng.Int64N(2*size) - size).Mul(rng.Int64N(1_000_000_000))
	}
	var err error
	if m.Own, err = p.Admit(m); err != nil {
		t.Fatal(err)
	}
	for leg := range 1 + rng.IntN(5)/4 {
		pos := margin.Position{Market: m, Leg: events.LegNet + events.Leg(leg), Size: 1 + rng.Int64N(size)}
		if rng.IntN(2) == 0 {
			pos.Size = -pos.Size
		}
		pos.Entry = m.Value(pos.Size, 1+rng.Int64N(2*m.Mark))
		list = append(list, pos)
	}
	return list
}
