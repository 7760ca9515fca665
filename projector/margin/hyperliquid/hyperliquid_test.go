package hyperliquid_test

import (
	"errors"
	"math/big"
	"math/rand/v2"
	"testing"

	"marginledger/internal/fixed"
	"marginledger/projector/margin"
	"marginledger/projector/margin/hyperliquid"
)

func TestVersions(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"2023-03", "2023-03"}, {"2023-12-31", "2023-07-15"}, {"2024", "2024"}, {"2024-10", "2024"}, {"2025-01", "2025-01"},
		{"2025-01-31", "2025-01"}, {"2025-02", "2025"}, {"2025", "2025"}, {"2026", "2025"}, {"2026-09-08", "2025"},
		{"2025/hlp-vault", "2025/hlp-vault"},
	} {
		if r, err := hyperliquid.For(c.name); err != nil || r.Version != c.want {
			t.Errorf("%s: %s, %v, want %s", c.name, r.Version, err, c.want)
		}
	}
	for _, name := range []string{"", "2022", "2023-02-28", "9", "latest", "2025/x", "20-25-01"} {
		if _, err := hyperliquid.For(name); !errors.Is(err, margin.ErrUnknownVersion) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestFundingAt(t *testing.T) {
	for _, c := range []struct{ hour, want string }{
		{"2023-04-01T00:00Z", "2023-05..06-08"}, {"2023-06-08T00:00Z", "2023-05..06-08"},
		{"2023-06-08T01:00Z", "2023-06-08..06-16"}, {"2023-06-16T20:00Z", "2023-06-08..06-16"},
		{"2023-06-16T21:00Z", "2023-06-16..07-15"}, {"2023-07-15T03:00Z", "2023-07-15..now"}, {"2030-01-01T00:00Z", "2023-07-15..now"},
	} {
		if got := hyperliquid.FundingAt(c.hour); got.Name != c.want {
			t.Errorf("%s: %s, want %s", c.hour, got.Name, c.want)
		}
	}
	// The cap binds at ±4 % an hour.
	r := hyperliquid.FundingAt("2030").Rate(big.NewRat(-1, 1))
	if low := big.NewRat(-4, 100); margin.Rounded(r, 10, margin.HalfEven).Cmp(low) != 0 {
		t.Errorf("rate %s", r.FloatString(12))
	}
}

// TestTransferRule: before and after the ten percent.
func TestTransferRule(t *testing.T) {
	s := hyperliquid.Summary{Equity: usdc(100), Notional: usdc(800), Initial: usdc(20)}
	for version, want := range map[string]int64{"2024-10": 80, "2025": 20} {
		r, _ := hyperliquid.For(version)
		if got := r.Withdrawable(&s, fixed.Int128{}); got != usdc(want) {
			t.Errorf("%s: %v", version, got)
		}
	}
	r, _ := hyperliquid.For("2025")
	if got := r.Withdrawable(&s, usdc(21)); !got.IsZero() {
		t.Errorf("below zero: %v", got)
	}
}

func TestStages(t *testing.T) {
	at := func(equity int64) *hyperliquid.Summary {
		return &hyperliquid.Summary{Equity: fixed.FromInt64(equity), Maintenance: fixed.FromInt64(30)}
	}
	for _, c := range []struct {
		equity              int64
		liquidate, backstop bool
	}{{30, false, false}, {29, true, false}, {20, true, false}, {19, true, true}, {-1, true, true}} {
		if s := at(c.equity); hyperliquid.IsLiquidatable(s) != c.liquidate || hyperliquid.IsBackstop(s) != c.backstop {
			t.Errorf("equity %d: %v %v", c.equity, hyperliquid.IsLiquidatable(s), hyperliquid.IsBackstop(s))
		}
	}
}

// TestMaintenanceIsContinuous: at a tier's edge both tiers agree, and the slow sum over brackets
// gives the same everywhere.
func TestMaintenanceIsContinuous(t *testing.T) {
	tiers := []hyperliquid.Tier{{MaxLeverage: 40}, {Lower: usdc(10_000), MaxLeverage: 25}, {Lower: usdc(50_000), MaxLeverage: 10}}
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 2000 {
		n := fixed.FromInt64(rng.Int64N(200_000_000_000))
		if i < 2 {
			n = tiers[i+1].Lower
		}
		slow := new(big.Rat)
		for j, tier := range tiers {
			part := new(big.Rat).Set(hyperliquid.Amount(n))
			if j+1 < len(tiers) && tiers[j+1].Lower.Less(n) {
				part.Set(hyperliquid.Amount(tiers[j+1].Lower))
			}
			if part.Sub(part, hyperliquid.Amount(tier.Lower)); part.Sign() > 0 {
				slow.Add(slow, part.Quo(part, big.NewRat(2*tier.MaxLeverage, 1)))
			}
		}
		if got := hyperliquid.Maintenance(tiers, n); got != hyperliquid.Micro(slow, margin.Down) {
			t.Fatalf("%v: %v, want %s", n, got, slow.FloatString(8))
		}
	}
}

// TestLiquidationPriceMeetsTheTrigger is the law of §6: at the printed price equity and maintenance
// meet, within a micro-USDC for the floor and what the printed digits are worth in USDC; and one
// basis point to the safe side the pool is not liquidatable.
func TestLiquidationPriceMeetsTheTrigger(t *testing.T) {
	r, _ := hyperliquid.For("2025")
	rng := rand.New(rand.NewPCG(5, 6))
	found, second := 0, 0
	for range 3000 {
		mark := big.NewRat(1+rng.Int64N(1e7), 100)
		size := big.NewRat(1+rng.Int64N(1e6), 10_000)
		n := hyperliquid.Micro(new(big.Rat).Mul(mark, size), margin.Down)
		if rng.IntN(2) == 0 {
			size.Neg(size)
		}
		p := hyperliquid.Position{Size: size, Notional: n, Leverage: 10, Tiers: []hyperliquid.Tier{{MaxLeverage: 40},
			{Lower: fixed.FromInt64(1 + rng.Int64N(2e12)), MaxLeverage: 20}}}
		other := fixed.FromInt64(rng.Int64N(1e9))
		equity := r.Maintenance(&p).Add(other).Add(fixed.FromInt64(1 + rng.Int64N(1e11)))
		x := r.LiquidationPrice(&p, equity, other)
		if x == nil {
			if size.Sign() < 0 {
				t.Fatalf("a short always has a price: %v %v", size, n)
			}
			continue
		}
		found++
		x = r.Print(x)
		if (x.Cmp(mark) < 0) != (size.Sign() > 0) {
			t.Fatalf("price %s on the wrong side of %s for %s", x.FloatString(4), mark.FloatString(4), size.FloatString(4))
		}
		slack := func(price *big.Rat) *big.Rat { // equity − maintenance there
			moved := new(big.Rat).Sub(price, mark)
			moved.Mul(moved, size).Add(moved, hyperliquid.Amount(equity.Sub(other)))
			there := hyperliquid.Micro(new(big.Rat).Abs(new(big.Rat).Mul(price, size)), margin.Down)
			if hyperliquid.TierOf(p.Tiers, there) == 1 {
				second++
			}
			return moved.Sub(moved, hyperliquid.Amount(hyperliquid.Maintenance(p.Tiers, there)))
		}
		bound := big.NewRat(3, 1e6)                                                                  // floors of notional and maintenance
		digits := new(big.Rat).Mul(new(big.Rat).Abs(size), new(big.Rat).Mul(x, big.NewRat(1, 1e14))) // doubles
		bound.Add(bound, digits).Add(bound, new(big.Rat).Mul(new(big.Rat).Abs(size), big.NewRat(1, 1e10)))
		if s := slack(x); s.Abs(s).Cmp(bound) > 0 {
			t.Fatalf("slack %s at %s, bound %s", s.FloatString(12), x.FloatString(12), bound.FloatString(12))
		}
		safe := new(big.Rat).Mul(x, big.NewRat(10_000+int64(size.Sign()), 10_000))
		if safe.Cmp(mark) < 0 == (size.Sign() > 0) && slack(safe).Sign() < 0 {
			t.Fatalf("liquidatable on the safe side of %s", x.FloatString(12))
		}
	}
	if found < 1000 || second < 500 {
		t.Errorf("only %d prices, %d in the second tier", found, second)
	}
}

// TestModes: with the pool elsewhere a cross liquidation price is unknown until the pool is told, an
// isolated one is not; portfolio margin holds a hundredth more for orders.
func TestModes(t *testing.T) {
	r, _ := hyperliquid.For("2025")
	position := func(n int64) hyperliquid.Position {
		return hyperliquid.Position{Size: big.NewRat(2, 1), Notional: usdc(n), Leverage: 10, Tiers: []hyperliquid.Tier{{MaxLeverage: 40}}}
	}
	a := hyperliquid.Account{Raw: usdc(-150), Orders: []hyperliquid.Order{{Notional: usdc(1000), Leverage: 10}},
		Holdings: []hyperliquid.Holding{{Position: position(200)}, {Position: position(100), Isolated: true, Raw: usdc(-80)}}}
	standard := r.Report(&a)
	if x := standard.Holdings[0].Liquidation; x == nil || !standard.Withdrawable.IsZero() || standard.Orders != usdc(100) {
		t.Errorf("standard: %+v", standard)
	}
	a.Mode = hyperliquid.PortfolioMargin
	unknown := r.Report(&a)
	if h := unknown.Holdings; !h[0].Unknown || h[0].Liquidation != nil || h[1].Unknown || h[1].Liquidation == nil || unknown.Orders != usdc(101) {
		t.Errorf("pool elsewhere: %+v", unknown)
	}
	pool := standard.Cross.Equity
	a.Pool = &pool
	if x := r.Report(&a).Holdings[0]; x.Unknown || x.Liquidation.Cmp(standard.Holdings[0].Liquidation) != 0 {
		t.Errorf("pool told: %+v", x)
	}
	// 20 in the isolated pool, 10 of them initial margin, which is a tenth of the notional too.
	if got := r.Removable(&a.Holdings[1]); got != usdc(10) {
		t.Errorf("removable %v", got)
	}
}

func TestImpliedEquity(t *testing.T) {
	r, _ := hyperliquid.For("2025")
	p := hyperliquid.Position{Size: big.NewRat(45, 10), Notional: usdc(377_667), Tiers: []hyperliquid.Tier{{MaxLeverage: 40}}}
	equity, other := usdc(46_599), usdc(7)
	x := r.LiquidationPrice(&p, equity, other)
	if got := margin.Rounded(r.ImpliedEquity(&p, x, other), 6, margin.HalfEven); got.Cmp(hyperliquid.Amount(equity)) != 0 {
		t.Errorf("%s", got.FloatString(8))
	}
}

// TestRanks: a long from 100 to 150 and a short from 100 to 50 are ordered alike by two of the ranks;
// the documented one sees twice the price against half of it.
func TestRanks(t *testing.T) {
	rat := func(n, d int64) *big.Rat { return big.NewRat(n, d) }
	long := hyperliquid.Candidate{Position: &hyperliquid.Position{Size: rat(2, 1), Notional: usdc(300)},
		Unrealised: rat(100, 1), Equity: rat(600, 1), Margin: rat(50, 1)}
	short := hyperliquid.Candidate{Position: &hyperliquid.Position{Size: rat(-2, 1), Notional: usdc(100)},
		Unrealised: rat(100, 1), Equity: rat(200, 1), Margin: rat(50, 1)}
	broke := hyperliquid.Candidate{Position: &hyperliquid.Position{Size: rat(1, 1), Notional: usdc(50)},
		Unrealised: rat(-50, 1), Equity: rat(-10, 1), Margin: new(big.Rat)}
	for _, c := range []struct {
		name        string
		long, short *big.Rat
	}{
		{hyperliquid.RankDocumented, rat(3, 4), rat(1, 1)}, // 300/200·300/600; 200/100·100/200
		{hyperliquid.RankScored, rat(1, 4), rat(1, 4)},     // 100/200·1/2 both
		{hyperliquid.RankReturn, rat(2, 1), rat(2, 1)},
	} {
		rank, ok := hyperliquid.RankByName(c.name)
		if !ok || rank(&long).Cmp(c.long) != 0 || rank(&short).Cmp(c.short) != 0 {
			t.Errorf("%s: %v, long %s, short %s", c.name, ok, rank(&long), rank(&short))
		}
		rank(&broke) // nothing left to divide by is no panic
	}
	if _, ok := hyperliquid.RankByName("by feeling"); ok {
		t.Error("an unknown rank is known")
	}
}

func usdc(n int64) fixed.Int128 { return fixed.FromInt64(n * 1e6) }
