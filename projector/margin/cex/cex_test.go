package cex_test

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"marginledger/projector/margin/cex"
)

// TestLiquidationMeetsMaintenance: at Binance's price, wallet + Σ PnL = Σ maintenance, exactly; and
// clients' doubles are that price to 13 digits.
func TestLiquidationMeetsMaintenance(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	number := func(n, d int64) *big.Rat { return big.NewRat(1+rng.Int64N(n), d) }
	for range 500 {
		p := cex.Position{Size: number(1e6, 1e3), Entry: number(1e7, 100), Rate: number(100, 1000), Deduction: number(1e6, 100)}
		side := cex.Long
		if rng.IntN(2) == 0 {
			p.Size.Neg(p.Size)
			side = cex.Short
		}
		other := cex.Position{Size: number(1e4, 1e3), Entry: number(1e7, 100), Mark: number(1e7, 100), Rate: number(100, 1000), Deduction: new(big.Rat)}
		wallet := number(1e9, 100)
		x := cex.BinanceLiquidation(wallet, &p, []cex.Position{other})
		left := new(big.Rat).Add(wallet, cex.Unrealised(p.Size, p.Entry, x))
		left.Add(left, cex.Unrealised(other.Size, other.Entry, other.Mark))
		for _, q := range []cex.Position{{Size: p.Size, Mark: x, Rate: p.Rate, Deduction: p.Deduction}, other} {
			m := new(big.Rat).Abs(q.Size)
			m.Mul(m, q.Mark).Mul(m, q.Rate)
			left.Sub(left, m.Sub(m, q.Deduction))
		}
		if x.Sign() > 0 && left.Sign() != 0 {
			t.Fatalf("%s left at %s", left, x)
		}

		alone := cex.BinanceLiquidation(wallet, &p, nil)
		client := cex.BinanceClientLiquidation(side, new(big.Rat).Abs(p.Size), p.Entry, wallet, p.Rate, p.Deduction)
		scale := new(big.Rat).Add(wallet, new(big.Rat).Abs(new(big.Rat).Mul(p.Size, p.Entry)))
		scale.Quo(scale, new(big.Rat).Abs(p.Size)) // where the difference is small, the noise is that of its terms
		off := new(big.Rat).Sub(alone, client)
		if off.Abs(off).Cmp(scale.Mul(scale, big.NewRat(1, 1e13))) > 0 {
			t.Fatalf("client %s, exact %s", client.FloatString(12), alone.FloatString(12))
		}
	}
}

func TestTieredValue(t *testing.T) {
	r := func(s string) *big.Rat { x, _ := new(big.Rat).SetString(s); return x }
	tiers := []cex.Tier{{From: r("0"), To: r("10"), Rate: r("0.98")}, {From: r("10"), To: r("20"), Rate: r("0.95")}}
	for _, c := range []struct{ quantity, want string }{
		{"0", "0"}, {"10", "980"}, {"15", "1455"}, {"20", "1930"}, {"21", "1930"}, {"-1", "-100"},
	} {
		if got := cex.TieredValue(r(c.quantity), r("100"), tiers); got.Cmp(r(c.want)) != 0 {
			t.Errorf("%s: %s, want %s", c.quantity, got, c.want)
		}
	}
	if _, ok := cex.KnownValue(r("20.01"), r("1"), tiers); ok {
		t.Error("beyond the known tiers a value is known")
	}
	if v, ok := cex.KnownValue(r("20"), r("1"), tiers); !ok || v.Cmp(r("19.3")) != 0 {
		t.Errorf("at their end: %s, %v", v, ok)
	}
}
