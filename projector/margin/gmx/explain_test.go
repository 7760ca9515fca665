package gmx_test

import (
	"math/rand/v2"
	"testing"

	"marginledger/internal/fixed"
	"marginledger/projector/margin/gmx"
)

// TestExplain: the terms add up to equity, each rounded down once, and equity and requirements are those
// that Judge returns.
func TestExplain(t *testing.T) {
	for seed := range uint64(300) {
		profile, pool, _ := gmx.RandomPool(t, rand.New(rand.NewPCG(seed, 5)))
		h := profile.Judge(pool)
		var sum, equity fixed.Int128
		terms := 0
		for _, step := range profile.Explain(pool) {
			switch step.Figure {
			case "collateral", "unrealisedPnl", "priceImpact", "positionFee", "borrowing", "funding":
				terms++
				sum = sum.Add(step.Value.Coef)
			case "equity":
				equity = step.Value.Coef
			case "maintenance":
				if step.Value.Coef != h.Maintenance {
					t.Errorf("seed %d: maintenance %v, judged %v", seed, step.Value.Coef, h.Maintenance)
				}
			case "initial":
				if step.Value.Coef != h.Initial {
					t.Errorf("seed %d: initial %v, judged %v", seed, step.Value.Coef, h.Initial)
				}
			}
		}
		if lost := equity.Sub(sum); terms != 6 || equity != h.Equity || lost.Sign() < 0 || fixed.FromInt64(6).Less(lost) {
			t.Errorf("seed %d: %d terms add up to %v, equity %v, judged %v", seed, terms, sum, equity, h.Equity)
		}
	}
	_, pool, _ := gmx.RandomPool(t, rand.New(rand.NewPCG(1, 5)))
	profile, _ := gmx.New(gmx.Version, 18, nil)
	pool.Positions[0].Market.Min = 0
	steps := profile.Explain(pool)
	if len(steps) != 1 || steps[0].Value.Present || steps[0].Symbols[0].Text != "MarkPrice" {
		t.Errorf("without a price pair: %+v", steps)
	}
}
