package standard

import (
	"math/rand/v2"
	"testing"

	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// benchPool is a cross pool of three positions in two-tier markets.
func benchPool() *margin.Pool {
	rng := rand.New(rand.NewPCG(1, 1))
	p := &margin.Pool{Collateral: fixed.FromInt64(4_000_000_000_000_000)}
	for i := range 3 {
		m := &margin.Market{K: 100_000, PriceScale: 4, SizeScale: 3, MaxPrice: 1e9, Mark: 1_000_000, FundingMode: 1, Tiers: []margin.Tier{
			{MaxLeverage: 50, Rate: 10_000_000},
			{Lower: fixed.FromInt64(100_000_000_000_000_000), MaxLeverage: 20, Rate: 20_000_000, Deduction: fixed.FromInt64(1_000_000_000_000_000)}}}
		size := (1000 + rng.Int64N(100_000)) * int64(1-2*(i&1))
		p.Positions = append(p.Positions, margin.Position{Market: m, Leg: 1, Size: size, Entry: m.Value(size, m.Mark)})
	}
	return p
}

func BenchmarkJudge(b *testing.B) {
	prof, _ := New(Version, 12, nil)
	p := benchPool()
	for b.Loop() {
		prof.Judge(p)
	}
}

func BenchmarkSlopes(b *testing.B) {
	prof, _ := New(Version, 12, nil)
	p := benchPool()
	h := prof.Judge(p)
	var t margin.Terms
	for b.Loop() {
		t.Reset()
		prof.Slopes(p, &h, margin.Edge{Multiple: 2_000_000}, &t)
	}
}

func BenchmarkNarrow(b *testing.B) {
	prof, _ := New(Version, 12, nil)
	p := benchPool()
	h := prof.Judge(p)
	var t margin.Terms
	var bounds margin.Bounds
	prof.Slopes(p, &h, margin.Edge{Multiple: 2_000_000}, &t)
	if t.Slack.Sign() <= 0 {
		b.Fatal("no slack")
	}
	for b.Loop() {
		bounds.Reset(3, 0)
		t.Narrow(&bounds)
	}
}

func BenchmarkLiquidationPrice(b *testing.B) {
	prof, _ := New(Version, 12, nil)
	p := benchPool()
	for b.Loop() {
		prof.LiquidationPrice(p, p.Positions[0].Market, false)
	}
}
