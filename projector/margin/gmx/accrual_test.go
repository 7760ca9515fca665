package gmx_test

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"marginledger/projector/margin/gmx"
)

// TestFundingPaysNoMoreThanItTakes: what one side may claim is never more than what the other owes, whatever the sizes.
func TestFundingPaysNoMoreThanItTakes(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 3))
	for range 2000 {
		paying, receiving := usd(1+r.Int64N(1e12), 7), usd(1+r.Int64N(1e12), 13)
		tokenPrice := big.NewInt(1 + r.Int64N(1e18))
		rate, seconds := big.NewInt(r.Int64N(1e18)), r.Int64N(1e6)
		flow := gmx.Flow(rate, seconds, paying, paying, receiving, tokenPrice)
		claims := int64(1)
		if r.Int64N(2) == 0 {
			flow, claims = gmx.SingleTokenFlow(rate, seconds, paying, receiving, tokenPrice), 2
		}
		owed := gmx.FundingFee(paying, flow.Fee, new(big.Int))
		claim := gmx.FundingClaim(receiving, flow.Claimable, new(big.Int))
		if claim.Mul(claim, big.NewInt(claims)).Cmp(owed) > 0 {
			t.Fatalf("seed %d: %v claimed of %v", seed, claim, owed)
		}
	}
}

// TestAdaptiveFunding: the edges of the thresholds, the turn of the skew, the least and the greatest rate.
func TestAdaptiveFunding(t *testing.T) {
	f := gmx.Funding{Exponent: usd(1, 1), Increase: usd(1, 1_000_000), Decrease: usd(1, 50_000_000), Stable: usd(5, 100), Below: usd(3, 100),
		Least: usd(1, 1_000_000), Most: usd(1, 1000)}
	e := func(n int64) *big.Int { return new(big.Int).Mul(big.NewInt(n), exp10(20)) } // 1e-10
	for _, c := range []struct {
		name              string
		long, short       int64
		saved, next, rate *big.Int
		seconds           int64
		longsPay          bool
	}{
		{"at the stable threshold", 105, 95, e(1e6), e(1e6), e(1e6), 100, true},
		{"above", 106, 94, e(1e6), e(1e6 + 60_000), e(1e6 + 60_000), 100, true},
		{"at the lower threshold", 103, 97, e(1e6), e(1e6), e(1e6), 100, true},
		{"below", 102, 98, e(1e6), e(1e6 - 20_000), e(1e6 - 20_000), 100, true},
		{"shorts pay, below", 98, 102, e(-1e6), e(-1e6 + 20_000), e(1e6 - 20_000), 100, false},
		{"down to one, and the least", 102, 98, e(1e4), big.NewInt(1), e(1e4), 100, true},
		{"turned", 98, 102, e(1e6), e(1e6 - 20_000), e(1e6 - 20_000), 100, true},
		{"from nothing", 90, 110, new(big.Int), e(-1e5), e(1e5), 100, false},
		{"the most", 200, 0, e(1e6), e(1e7), e(1e7), 1e6, true},
		{"balanced, nothing saved", 100, 100, new(big.Int), new(big.Int), e(1e4), 100, true},
	} {
		got, err := f.Rate(gmx.Sides{Long: usd(c.long, 1), Short: usd(c.short, 1)}, c.saved, c.seconds)
		if err != nil {
			t.Fatal(err)
		}
		if got.Saved.Cmp(c.next) != 0 || got.PerSecond.Cmp(c.rate) != 0 || got.LongsPay != c.longsPay {
			t.Errorf("%s: %v, %v, %v, want %v, %v, %v", c.name, got.Saved, got.PerSecond, got.LongsPay, c.next, c.rate, c.longsPay)
		}
	}
}

// TestStaticFunding: no skew, no rate; the limit.
func TestStaticFunding(t *testing.T) {
	f := gmx.Funding{Factor: usd(1, 1000), Exponent: usd(1, 1), Most: usd(1, 4000)}
	for _, c := range []struct {
		long, short int64
		want        *big.Int
		longsPay    bool
	}{{100, 100, new(big.Int), true}, {110, 90, usd(1, 10_000), true}, {90, 110, usd(1, 10_000), false}, {0, 100, usd(1, 4000), false}} {
		got, err := f.Rate(gmx.Sides{Long: usd(c.long, 1), Short: usd(c.short, 1)}, new(big.Int), 1)
		if err != nil || got.PerSecond.Cmp(c.want) != 0 || got.LongsPay != c.longsPay {
			t.Errorf("%d, %d: %+v, %v", c.long, c.short, got, err)
		}
	}
}

func TestBorrowing(t *testing.T) {
	k := gmx.Kink{Optimal: usd(75, 100), Base: usd(6, 1000), Above: usd(14, 1000)}
	equal(t, "below", k.Rate(usd(50, 100)), usd(3, 1000))
	equal(t, "at", k.Rate(usd(75, 100)), usd(45, 10_000))
	equal(t, "above", k.Rate(usd(1, 1)), usd(14, 1000))
	k.Above = usd(1, 1000)
	equal(t, "above, not steeper", k.Rate(usd(1, 1)), usd(6, 1000))
	equal(t, "unused", gmx.UsageFactor(new(big.Int), usd(1, 1), usd(1, 2)), new(big.Int))
	if rate, err := gmx.BorrowingRate(usd(1<<20, 1), usd(1<<10, 1), usd(1, 1000), usd(1, 2)); err != nil || rate.Cmp(usd(1, 1000)) != 0 {
		t.Errorf("%v, %v", rate, err)
	}
}

// TestPnLCap: where a side has won more than its share of the pool, each position has its part of that.
func TestPnLCap(t *testing.T) {
	m, p := market(), prices(10_000) // 200,000 won, by the one long of 40 tokens
	equal(t, "in full", m.PnL(p, long(0)), usd(200_000, 1))
	m.Pool.Long = eth(30_000) // 300,000: half of it is the limit
	equal(t, "capped", m.PnL(p, long(0)), usd(150_000, 1))
	m.OpenInterest.Long, m.OpenInterestTokens.Long = usd(400_000, 1), eth(80_000)
	equal(t, "shared", m.PnL(p, long(0)), usd(75_000, 1))
	equal(t, "a loss", m.PnL(prices(4000), long(0)), usd(-40_000, 1))
	m.SingleToken, m.Pool = true, gmx.Sides{Long: eth(60_001), Short: new(big.Int)}
	equal(t, "half of a single token", m.PoolUSD(p, false, false), new(big.Int).Mul(new(big.Int).Rsh(eth(60_001), 1), dollar()))
}

// TestADL: enabled above the limit; a deleveraging must lower the factor, not too far.
func TestADL(t *testing.T) {
	m, p := market(), prices(10_000)
	m.Pool.Long = eth(40_000) // 400,000 for 200,000
	equal(t, "factor", m.PnLFactor(p, true), usd(1, 2))
	if !m.IsADLEnabled(p, true) || m.IsADLEnabled(p, false) || m.IsADLEnabled(prices(5000), true) {
		t.Error("enabled")
	}
	m.MaxPnLForADL.Long = usd(1, 2)
	if m.IsADLEnabled(p, true) {
		t.Error("at the limit")
	}
	m.MaxPnLForADL.Long = usd(45, 100)
	for _, c := range []struct {
		before, after int64
		want          bool
	}{{50, 42, true}, {50, 40, true}, {50, 39, false}, {50, 50, false}, {45, 42, false}} {
		if got := m.MayADL(true, usd(c.before, 100), usd(c.after, 100)); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// TestVirtualInventory: it makes a cost worse, never a gain; in tokens the balance is taken at the mid price.
func TestVirtualInventory(t *testing.T) {
	m := market()
	m.ImpactFactor = gmx.Signs{Positive: usd(1, 10_000_000), Negative: usd(1, 10_000_000)}
	index := prices(5000).Index
	impact := func(isLong bool, size int64) *big.Int {
		x, _, err := m.Impact(index, isLong, usd(size, 1), eth(size/5))
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	alone, gain := impact(true, 100_000), impact(false, 100_000)
	m.VirtualInventory = usd(-1_000_000, 1) // bought from the pool: longs
	if worse := impact(true, 100_000); worse.Cmp(alone) >= 0 {
		t.Errorf("%v, alone %v", worse, alone)
	}
	equal(t, "gain", impact(false, 100_000), gain)
	m.VirtualInventory = usd(1_000_000, 1)
	equal(t, "would be better", impact(true, 100_000), alone)

	m.OpenInterest = gmx.Sides{Long: new(big.Int), Short: usd(200_000, 1)}
	if cost := impact(false, 100_000); cost.Cmp(usd(-21_001, 1)) < 0 || cost.Cmp(usd(-20_999, 1)) > 0 { // 1.1² − 1² of 1e12
		t.Errorf("sold to the pool: %v", cost)
	}
	m.OpenInterest = market().OpenInterest

	m.VirtualInventory, m.BalanceInTokens = nil, true
	equal(t, "in tokens at the price of entry", impact(true, 100_000), alone)
	index = prices(6000).Index
	if other := impact(true, 100_000); other.Cmp(alone) >= 0 {
		t.Errorf("in tokens at 6000: %v, %v", other, alone)
	}
}

// TestDiscount: the affiliate's part when a tier's discount outweighs the referral's.
func TestDiscount(t *testing.T) {
	d := &gmx.Discount{Referred: true, Affiliate: usd(10, 100), Referral: usd(10, 100), MinAffiliate: usd(5, 100)}
	for _, c := range []struct{ pro, affiliate, discount int64 }{{0, 10, 10}, {5, 10, 10}, {10, 10, 10}, {13, 7, 13}, {18, 5, 18}, {25, 5, 25}} {
		d.Pro = usd(c.pro, 100)
		f := gmx.NewPositionFee(usd(100_000, 1), usd(1, 1000), dollar(), new(big.Int), d)
		equal(t, "affiliate", f.Affiliate, big.NewInt(c.affiliate*1e6))
		equal(t, "discount", f.Discount, big.NewInt(c.discount*1e6))
		equal(t, "pool", f.Pool, big.NewInt((100-c.affiliate-c.discount)*1e6))
	}
	d.Referred, d.Pro = false, usd(5, 100)
	equal(t, "not referred", gmx.NewPositionFee(usd(100_000, 1), usd(1, 1000), dollar(), new(big.Int), d).Cost(), big.NewInt(95e6))
	equal(t, "none", gmx.NewPositionFee(usd(100_000, 1), usd(1, 1000), dollar(), new(big.Int), nil).Cost(), big.NewInt(100e6))
}
