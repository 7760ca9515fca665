package gmx_test

import (
	"errors"
	"math/big"
	"testing"

	"marginledger/projector/margin/gmx"
)

func n(x int64) *big.Int { return big.NewInt(x) }

func big10(t *testing.T, s string) *big.Int {
	t.Helper()
	x, ok := new(big.Int).SetString(s, 10)
	if !ok {
		t.Fatal(s)
	}
	return x
}

// small is a market in which every figure is a few units, so that each rounding and each choice between the two prices of a
// token shows, and can be followed by hand.
func small() (*gmx.Market, *gmx.Prices, *gmx.Position) {
	m := market()
	m.OpenInterest = gmx.Sides{Long: n(695), Short: n(0)}
	m.OpenInterestTokens = gmx.Sides{Long: n(100), Short: n(0)}
	m.Pool = gmx.Sides{Long: n(101), Short: n(100)}
	m.MaxImpact = gmx.Signs{Positive: usd(1, 1), Negative: usd(1, 1)}
	m.MaxPnLForTraders.Long = usd(100, 1)
	p := &gmx.Prices{Index: gmx.Pair{Min: n(9), Max: n(12)}, Long: gmx.Pair{Min: n(10), Max: n(11)}, Short: gmx.Pair{Min: n(5), Max: n(6)}}
	return m, p, &gmx.Position{IsLong: true, Size: n(695), Tokens: n(100), Collateral: n(100), PendingImpact: n(0)}
}

func decrease(t *testing.T, m *gmx.Market, p *gmx.Prices, pos *gmx.Position, order gmx.Order, o gmx.Owed) *gmx.Decrease {
	t.Helper()
	x, err := m.Decrease(p, pos, order, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestSmallDecrease closes 333 of 695: 48 of 100 tokens (47.9), a profit of (900 − 695)·48/100 = 98.4, 98.
func TestSmallDecrease(t *testing.T) {
	part := gmx.Order{Size: n(333), Collateral: n(0)}

	m, p, pos := small()
	pos.PendingImpact = n(-5) // of it −2.4: −3, at 12 −36
	m.PositionFee = gmx.Signs{Positive: usd(5, 100), Negative: usd(5, 100)}
	x := decrease(t, m, p, pos, part, gmx.Owed{Funding: n(0), Borrowing: n(9)})
	equal(t, "pnl", x.PnL, n(98))
	equal(t, "tokens", x.Tokens, n(48))
	equal(t, "secondary", x.Secondary, n(8)) // 98/11
	equal(t, "pending", x.Position.PendingImpact, n(-2))
	equal(t, "collateral", x.Position.Collateral, n(100-4-8)) // fee 16/5: 3; borrowing 9/5: 1; impact 36/5: 8
	equal(t, "short pool", x.Pool.Short, n(100+4+8))
	equal(t, "long pool", x.Pool.Long, n(101-8))
	equal(t, "impact pool", x.ImpactPool, n(3)) // 8·5/12

	m, p, pos = small()
	pos.PendingImpact = n(5) // of it 2, at 9: 18
	m.ImpactPool, m.Lent = n(1), n(1)
	m.MaxLendableFactor, m.MaxLendUSD = usd(1, 100), n(20) // 1 % of 1510: 15, less 12 that are lent: 3, and 9 are there
	x = decrease(t, m, p, pos, part, owed())
	equal(t, "paid", x.TotalImpact, n(12))
	equal(t, "impact pool", x.ImpactPool, n(0))
	equal(t, "lent", x.Lent, n(2)) // 12/9: 2, of which 1 was there
	equal(t, "secondary", x.Secondary, n(8+1))
	m.MaxLendUSD = n(14)
	equal(t, "paid, by the limit in USD", decrease(t, m, p, pos, part, owed()).TotalImpact, n(11))

	m, p, pos = small()
	m.MaxImpact.Negative, pos.PendingImpact = usd(4, 100), n(-5) // −36, of which 13 at once
	x = decrease(t, m, p, pos, gmx.Order{Size: n(333), Collateral: n(10)}, owed())
	equal(t, "claimable", x.Claimable, n(5))                    // 23/5, up
	equal(t, "output", x.Output, n(10-4))                       // 23/5, down
	equal(t, "collateral", x.Position.Collateral, n(100-3-5-6)) // 13/5, up

	p.Index = gmx.Pair{Min: n(6), Max: n(6)} // a loss of 95·48/100 = 45.6
	pos.PendingImpact = n(0)
	equal(t, "loss", decrease(t, m, p, pos, part, owed()).PnL, n(-45))

	short := &gmx.Position{Size: n(1500), Tokens: n(100), Collateral: n(100), PendingImpact: n(0)}
	m, p, _ = small()
	x = decrease(t, m, p, short, part, owed()) // 22.2 tokens: 22; 300·22/100 = 66; 66/6 = 11 in the collateral
	equal(t, "short's tokens", x.Tokens, n(22))
	equal(t, "short's pnl", x.PnL, n(66))
	equal(t, "short's output", x.Output, n(11))
}

// TestSmallSecondary: without collateral, costs come out of the profit in the other token, rounded down.
func TestSmallSecondary(t *testing.T) {
	part := gmx.Order{Size: n(333), Collateral: n(0)}
	m, p, pos := small()
	pos.Collateral = n(2)
	x := decrease(t, m, p, pos, part, gmx.Owed{Funding: n(8), Borrowing: n(0)})
	equal(t, "funding", x.Funding, n(2))
	equal(t, "funding held", x.FundingSecondary, n(3)) // 6·5/10
	x = decrease(t, m, p, pos, part, gmx.Owed{Funding: n(9), Borrowing: n(0)})
	equal(t, "funding held, rounded", x.FundingSecondary, n(3)) // 7·5/10

	pos.Collateral, pos.PendingImpact = n(0), n(-12) // of it −6, −72: 15 tokens, 7.5 of the other
	x = decrease(t, m, p, pos, part, owed())
	equal(t, "secondary", x.Secondary, n(8-7))
	equal(t, "long pool", x.Pool.Long, n(101-8+7))
	equal(t, "impact pool", x.ImpactPool, n(5)) // 7·10/12

	pos.PendingImpact = n(-18) // −9, −108: 22 tokens, 11 of the other, 8 are there
	_, err := m.Decrease(p, pos, part, owed(), nil)
	var refused *gmx.InsufficientFunds
	if !errors.As(err, &refused) || refused.Step != gmx.PayImpact || refused.USD.Cmp(n(30)) != 0 {
		t.Errorf("%v", err)
	}

	m, p, pos = small()
	m.LiquidationFee, m.FeeReceiver.Liquidation = usd(2, 100), usd(1, 2)
	x = decrease(t, m, p, pos, gmx.Order{Size: n(695), Collateral: n(0), Liquidation: true}, owed())
	equal(t, "output", x.Output, n(100-3)) // 13/5, up
	equal(t, "fees elsewhere", x.FeesElsewhere, n(1))
}

// TestSmallSwap: the profit of 8 long tokens, 10 each, buys 80/6 = 13.3 short tokens, if the pool has 13.
func TestSmallSwap(t *testing.T) {
	part := gmx.Order{Size: n(333), Collateral: n(0), SwapProfit: true}
	m, p, pos := small()
	m.Pool.Short = n(13)
	x := decrease(t, m, p, pos, part, gmx.Owed{Funding: n(3), Borrowing: n(0)})
	equal(t, "output", x.Output, n(13-3)) // costs come out of it first
	equal(t, "secondary", x.Secondary, n(0))
	equal(t, "collateral", x.Position.Collateral, n(100))
	equal(t, "long pool", x.Pool.Long, n(101))
	equal(t, "short pool", x.Pool.Short, n(0))

	m.Pool.Short = n(12)
	x = decrease(t, m, p, pos, part, owed())
	equal(t, "output, not swapped", x.Output, n(0))
	equal(t, "secondary, not swapped", x.Secondary, n(8))
	equal(t, "long pool, not swapped", x.Pool.Long, n(101-8))
}

// TestSmallExecutionPrice: 5 USD on 3889 of 70000, 90 tokens: 3888.9 per token, cut off before it is divided again.
func TestSmallExecutionPrice(t *testing.T) {
	m, p, pos := small()
	pos.Size, pos.Tokens = n(70_000), n(90)
	m.OpenInterest.Long = usd(10, 1)
	m.ImpactFactor, m.ImpactExponent = gmx.Signs{Positive: usd(1, 1), Negative: usd(1, 1)}, gmx.Signs{Positive: usd(1, 1), Negative: usd(1, 1)}
	m.MaxImpact = gmx.Signs{Positive: usd(13, 10_000), Negative: usd(1, 1)}
	p.Index = gmx.Pair{Min: n(900), Max: n(900)}
	x := decrease(t, m, p, pos, gmx.Order{Size: n(3889), Collateral: n(0)}, owed())
	equal(t, "impact", x.Impact, n(5))
	equal(t, "price", x.ExecutionPrice, n(900))
	x = decrease(t, m, p, pos, gmx.Order{Size: n(3888), Collateral: n(0)}, owed())
	equal(t, "price", x.ExecutionPrice, n(901))
}

// TestSmallHealth: collateral at its lesser price, a pending gain at the lesser and a loss at the greater.
func TestSmallHealth(t *testing.T) {
	m, p, pos := small()
	m.OpenInterest = gmx.Sides{Long: n(1000), Short: usd(2, 1)}
	m.ImpactFactor, m.ImpactExponent = gmx.Signs{Positive: usd(1, 10), Negative: usd(1, 10)}, gmx.Signs{Positive: usd(1, 1), Negative: usd(1, 1)}
	m.MaxImpactForLiquidations = usd(1, 1)
	for _, c := range []struct{ pending, impact int64 }{{0, -69}, {2, -69 + 18}, {-2, -69 - 24}} {
		pos.PendingImpact = n(c.pending)
		h := health(t, m, p, pos, gmx.Check{})
		equal(t, "impact", h.Impact, n(c.impact))
		equal(t, "collateral", h.Collateral, n(500))
		equal(t, "pnl", h.PnL, n(205))
	}
}

// TestSmallPools: the cap of a profit, half of a single token, the mid price, the PnL of sides.
func TestSmallPools(t *testing.T) {
	m, p, pos := small()
	m.MaxPnLForTraders.Long = usd(5, 101)                    // 5 % of 1010: 49 after rounding twice
	equal(t, "capped", m.PnL(p, pos), n(19))                 // 205·49/505 = 19.9
	equal(t, "side", m.SidePnL(p.Index, true, true), n(505)) // 1200 − 695
	equal(t, "side, least", m.SidePnL(p.Index, true, false), n(205))
	equal(t, "pool", m.PoolUSD(p, true, false), n(1010))
	equal(t, "pool, greatest", m.PoolUSD(p, true, true), n(1111))
	m.SingleToken = true
	equal(t, "half", m.PoolUSD(p, true, false), n(1000)) // 201/2

	m.OpenInterest.Short, m.OpenInterestTokens.Short = n(1500), n(100)
	equal(t, "shorts", m.SidePnL(p.Index, false, true), n(600))
	equal(t, "shorts, least", m.SidePnL(p.Index, false, false), n(300))

	m.BalanceInTokens, m.OpenInterestTokens = true, gmx.Sides{Long: exp10(30), Short: n(0)}
	m.ImpactFactor, m.ImpactExponent = gmx.Signs{Positive: usd(1, 1), Negative: usd(1, 1)}, gmx.Signs{Positive: usd(1, 1), Negative: usd(1, 1)}
	impact, _, err := m.Impact(p.Index, true, n(0), n(1))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "at the mid price", impact, n(-10)) // (9 + 12)/2
}

// TestBalance: a trade that mirrors the balance does not improve it.
func TestBalance(t *testing.T) {
	m := market()
	m.ImpactFactor = gmx.Signs{Positive: usd(1, 1000), Negative: usd(1, 500)}
	m.ImpactExponent = gmx.Signs{Positive: usd(1, 1), Negative: usd(1, 1)}
	m.OpenInterest = gmx.Sides{Long: usd(300, 1), Short: usd(100, 1)}
	for _, c := range []struct {
		size     int64
		milli    int64
		improved bool
	}{{400, -200, false}, {399, 200 - 2*199, true}, {200, 200, true}, {100, 100, true}} {
		impact, improved, err := m.Impact(prices(5000).Index, false, usd(c.size, 1), eth(1))
		if err != nil || improved != c.improved || impact.Cmp(usd(c.milli, 1000)) != 0 {
			t.Errorf("%+v: %v, %v, %v", c, impact, improved, err)
		}
	}
}

// TestSmallAccrual: each rounding of funding and of the kinked curve.
func TestSmallAccrual(t *testing.T) {
	flow := gmx.Flow(usd(1, 2), 1, n(3), n(7), n(4), n(7)) // 3.5: 3; of it 3/7: 1
	equal(t, "fee", flow.Fee, big10(t, "47619047619047619047619047619047619047619048"))
	equal(t, "claim", flow.Claimable, big10(t, "35714285714285714285714285714285714285714285"))
	flow = gmx.SingleTokenFlow(usd(12, 10), 1, n(7), n(5), n(7)) // 3 + 3 of 7, 2 + 2 of 5; 7.2: 7, half 3, of it half 1
	equal(t, "fee, twice", flow.Fee, big10(t, "95238095238095238095238095238095238095238096"))
	equal(t, "claim, twice", flow.Claimable, big10(t, "71428571428571428571428571428571428571428570"))
	equal(t, "kink", gmx.Kink{Optimal: usd(1, 4), Base: n(0), Above: n(1)}.Rate(usd(3, 4)), n(0)) // 2/3
	equal(t, "no kink", gmx.Kink{Optimal: usd(1, 1), Base: usd(1, 2), Above: usd(1, 1)}.Rate(usd(2, 1)), usd(1, 1))
	equal(t, "usage", gmx.UsageFactor(n(1), n(3), usd(1, 1)), usd(1, 3))

	// At the referral's discount the tier takes nothing from the affiliate, nor gives it its minimum.
	d := &gmx.Discount{Referred: true, Affiliate: usd(3, 100), Referral: usd(10, 100), MinAffiliate: usd(5, 100), Pro: usd(10, 100)}
	equal(t, "affiliate", gmx.NewPositionFee(n(100), usd(1, 1), n(1), n(0), d).Affiliate, n(3))
	if !gmx.MayWithdraw(n(100), n(10), n(5), n(0), usd(1, 100), n(0), n(15)) || gmx.MayWithdraw(n(100), n(10), n(5), n(0), usd(1, 100), n(0), n(16)) {
		t.Error("a withdrawal down to the least collateral")
	}
}
