package gmx_test

import (
	"errors"
	"math/big"
	"math/rand/v2"
	"testing"

	"marginledger/projector/margin/gmx"
)

// usd returns n·1e30/d: USD, or a factor.
func usd(n, d int64) *big.Int {
	x := new(big.Int).Mul(big.NewInt(n), exp10(30))
	return x.Quo(x, big.NewInt(d))
}

func exp10(n int64) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(n), nil) }

// eth returns thousandths of a token of 18 decimals.
func eth(n int64) *big.Int { return new(big.Int).Mul(big.NewInt(n), exp10(15)) }

func same(x *big.Int) gmx.Pair { return gmx.Pair{Min: x, Max: x} }

// price is USD per token of 18 decimals.
func price(n int64) *big.Int { return new(big.Int).Mul(big.NewInt(n), exp10(12)) }

// dollar is the price of a token of 6 decimals at one USD.
func dollar() *big.Int { return exp10(24) }

func prices(index int64) *gmx.Prices {
	return &gmx.Prices{Index: same(price(index)), Long: same(price(index)), Short: same(dollar())}
}

// market has no impact, no fees, and a requirement of 1 %.
func market() *gmx.Market {
	none := new(big.Int)
	return &gmx.Market{
		OpenInterest:       gmx.Sides{Long: usd(200_000, 1), Short: none},
		OpenInterestTokens: gmx.Sides{Long: eth(40_000), Short: none},
		Pool:               gmx.Sides{Long: eth(1_000_000), Short: big.NewInt(1e12)},
		ImpactPool:         none, Lent: none,
		ImpactFactor: gmx.Signs{Positive: none, Negative: none}, ImpactExponent: gmx.Signs{Positive: usd(2, 1), Negative: usd(2, 1)},
		MaxImpact: gmx.Signs{Positive: usd(2, 100), Negative: usd(2, 100)}, MaxImpactForLiquidations: usd(1, 100),
		MaxLendableFactor: none, MaxLendUSD: none,
		MaxPnLForTraders: gmx.Sides{Long: usd(1, 2), Short: usd(1, 2)},
		PositionFee:      gmx.Signs{Positive: none, Negative: none}, LiquidationFee: none,
		FeeReceiver:      gmx.FeeReceivers{Position: none, Borrowing: none, Liquidation: none},
		MinCollateralUSD: usd(1, 1), MinCollateral: usd(1, 100), MinCollateralForLiquidation: usd(1, 200),
		MinCollateralPerOpenInterest: gmx.Sides{Long: none, Short: none},
		MaxPnLForADL:                 gmx.Sides{Long: usd(45, 100), Short: usd(45, 100)},
		MinPnLFactorPostADL:          gmx.Sides{Long: usd(40, 100), Short: usd(40, 100)},
	}
}

// long is 200,000 USD bought at 5000, with collateral in dollars.
func long(collateral int64) *gmx.Position {
	return &gmx.Position{IsLong: true, Size: usd(200_000, 1), Tokens: eth(40_000), Collateral: big.NewInt(collateral), PendingImpact: new(big.Int)}
}

func owed() gmx.Owed { return gmx.Owed{Funding: new(big.Int), Borrowing: new(big.Int)} }

func health(t *testing.T, m *gmx.Market, p *gmx.Prices, pos *gmx.Position, check gmx.Check) *gmx.Health {
	t.Helper()
	h, err := m.Health(p, pos, owed(), nil, check)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// equal wants two integers to be the same.
func equal(t *testing.T, what string, got, want *big.Int) {
	t.Helper()
	if got == nil || want == nil || got.Cmp(want) != 0 {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// TestEqualityIsSafe: at the requirement for its size a position is not liquidatable, one unit below it is; nothing
// left is, in words of its own, and the least collateral comes first.
func TestEqualityIsSafe(t *testing.T) {
	liquidation := gmx.Check{ForLiquidation: true, MinUSD: true}
	for _, c := range []struct {
		collateral int64 // millionths of a USD
		check      gmx.Check
		want       gmx.Reason
	}{
		{1_000_000_000, liquidation, ""}, // 0.5 % of 200,000
		{999_999_999, liquidation, gmx.MinCollateralForLeverage},
		{1_999_999_999, gmx.Check{MinUSD: true}, gmx.MinCollateralForLeverage}, // an order: 1 %
		{2_000_000_000, gmx.Check{MinUSD: true}, ""},
		{1_000_000, liquidation, gmx.MinCollateralForLeverage}, // at the least collateral, too, equality is safe
		{999_999, liquidation, gmx.MinCollateral},
		{999_999, gmx.Check{}, gmx.MinCollateralForLeverage}, // what a decrease leaves: not asked
		{0, gmx.Check{}, gmx.NothingLeft},
	} {
		if h := health(t, market(), prices(5000), long(c.collateral), c.check); h.Reason != c.want {
			t.Errorf("%d, %+v: %q, want %q", c.collateral, c.check, h.Reason, c.want)
		}
	}
}

// TestImpactInLiquidations: the loss by impact counts up to the limit of liquidations, and a gain does not count.
func TestImpactInLiquidations(t *testing.T) {
	m := market()
	m.ImpactFactor = gmx.Signs{Positive: usd(1, 10_000_000), Negative: usd(1, 10_000_000)}
	m.OpenInterest.Short = usd(400_000, 1) // closing the long moves 200,000 to 400,000: −12,000 or so
	check := gmx.Check{ForLiquidation: true, MinUSD: true}
	equal(t, "limited", health(t, m, prices(5000), long(50e9), check).Impact, usd(-2000, 1))
	m.MaxImpactForLiquidations = usd(1, 1)
	impact, improved, err := m.Impact(prices(5000).Index, true, usd(-200_000, 1), eth(-40_000))
	if err != nil || improved || impact.Cmp(usd(-11_999, 1)) > 0 || impact.Cmp(usd(-12_001, 1)) < 0 {
		t.Fatalf("%v, %v, %v", impact, improved, err)
	}
	equal(t, "not limited", health(t, m, prices(5000), long(50e9), check).Impact, impact)

	m.OpenInterest.Short = new(big.Int)
	equal(t, "gain", health(t, m, prices(5000), long(50e9), check).Impact, new(big.Int))
	m.MaxImpact.Positive = usd(1, 100) // a gain of 2000, and 3000 pending against it
	pos := long(50e9)
	pos.PendingImpact = eth(-600)
	equal(t, "net", health(t, m, prices(5000), pos, check).Impact, usd(-1000, 1))
}

// TestSizeInTokens: a long's tokens are rounded down at the greater price, a short's up at the lesser one, and the impact
// against the trader.
func TestSizeInTokens(t *testing.T) {
	index := gmx.Pair{Min: price(2999), Max: price(3001)}
	for _, c := range []struct {
		isLong bool
		want   string
	}{{true, "33322225924691769"}, {false, "33344448149383128"}} { // 100/3001 = 0.033322225924691769 41; 100/2999 = 0.033344448149383127 7
		x, err := market().Increase(index, c.isLong, usd(100, 1))
		if err != nil {
			t.Fatal(err)
		}
		if x.Tokens.String() != c.want {
			t.Errorf("long %v: %v, want %s", c.isLong, x.Tokens, c.want)
		}
	}

	m := market()
	m.ImpactFactor = gmx.Signs{Positive: usd(1, 10_000_000), Negative: usd(1, 10_000_000)}
	m.OpenInterest = gmx.Sides{Long: new(big.Int), Short: usd(100_000, 1)}
	gain, _ := m.Increase(index, true, usd(50_000, 1))
	loss, _ := m.Increase(index, false, usd(50_000, 1))
	equal(t, "gain", gain.ImpactTokens, new(big.Int).Div(gain.Impact, index.Max))
	equal(t, "loss", loss.ImpactTokens, new(big.Int).Div(loss.Impact, index.Min)) // Div rounds down: a greater loss
	if gain.Impact.Sign() <= 0 || loss.Impact.Sign() >= 0 || !gain.Improved || loss.Improved {
		t.Errorf("%+v, %+v", gain, loss)
	}
}

// TestSufficient: the requirement is the greater of two factors; the one by open interest grows with the side.
func TestSufficient(t *testing.T) {
	const multiplier = 2_000_000 // 1/multiplier per USD: at 200,000 10 %
	for _, c := range []struct {
		collateral, loss, openInterest int64
		want                           bool
	}{
		{20_000, 0, 200_000, true},
		{19_999, 0, 200_000, false},
		{10_000, 0, 100_000, true}, // less open interest, lower factor
		{9_999, 0, 100_000, false},
		{2_000, 0, 10_000, true}, // 0.5 %: the market's 1 % holds
		{1_999, 0, 10_000, false},
		{20_500, -500, 200_000, true}, // a loss counts
		{20_499, -500, 200_000, false},
		{19_999, 500, 200_000, false}, // a profit does not
		{400, -500, 0, false},
	} {
		ok, _ := gmx.IsSufficient(usd(200_000, 1), usd(c.collateral, 1), usd(c.loss, 1), usd(c.openInterest, 1), usd(1, 100), usd(1, multiplier))
		if ok != c.want {
			t.Errorf("%+v: %v", c, ok)
		}
	}
}

// TestDecreaseKeepsTokens: in any decrease no token appears or is lost, in each of the two tokens.
func TestDecreaseKeepsTokens(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	insolvent := 0
	for range 3000 {
		m, p := market(), prices(3000+r.Int64N(5000))
		m.ImpactFactor = gmx.Signs{Positive: usd(r.Int64N(100), 1_000_000_000), Negative: usd(r.Int64N(100), 1_000_000_000)}
		m.OpenInterest = gmx.Sides{Long: usd(200_000+r.Int64N(200_000), 1), Short: usd(200_000+r.Int64N(200_000), 1)}
		m.OpenInterestTokens = gmx.Sides{Long: eth(40_000 + r.Int64N(40_000)), Short: eth(40_000 + r.Int64N(40_000))}
		m.MaxImpact.Negative = usd(r.Int64N(100), 1000)
		m.ImpactPool, m.Lent = eth(r.Int64N(2)*r.Int64N(100)), eth(r.Int64N(2)*r.Int64N(100))
		m.MaxLendableFactor, m.MaxLendUSD = usd(1, 10), usd(r.Int64N(10_000), 1)
		m.PositionFee = gmx.Signs{Positive: usd(1, 2000), Negative: usd(1, 1000)}
		m.LiquidationFee = usd(2, 1000)
		m.FeeReceiver = gmx.FeeReceivers{Position: usd(37, 100), Borrowing: usd(37, 100), Liquidation: usd(1, 2)}
		m.SingleToken = r.Int64N(4) == 0
		if m.SingleToken {
			p.Long = p.Short
		}
		pos := &gmx.Position{IsLong: r.Int64N(2) == 0, LongToken: r.Int64N(2) == 0, Size: usd(200_000, 1), Tokens: eth(30_000 + r.Int64N(20_000)),
			PendingImpact: eth(r.Int64N(200) - 100)}
		if pos.Collateral = big.NewInt(r.Int64N(100e9)); pos.LongToken && !m.SingleToken {
			pos.Collateral = eth(r.Int64N(20_000))
		}
		o := gmx.Owed{Funding: new(big.Int).Rsh(pos.Collateral, uint(r.Int64N(20))), Borrowing: usd(r.Int64N(1000), 1)}
		order := gmx.Order{Size: usd(r.Int64N(4)*50_000+50_000, 1), Collateral: new(big.Int).Rsh(pos.Collateral, 2), Liquidation: r.Int64N(2) == 0,
			SwapProfit: r.Int64N(2) == 0}
		x, err := m.Decrease(p, pos, order, o, nil)
		var refused *gmx.InsufficientFunds
		if errors.As(err, &refused) && !(order.Liquidation && order.Size.Cmp(pos.Size) == 0) {
			continue
		}
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if x.Insolvent != "" {
			insolvent++
		}
		sum := func(xs ...*big.Int) *big.Int {
			s := new(big.Int)
			for _, x := range xs {
				s.Add(s, x)
			}
			return s
		}
		gave := func(longToken bool) *big.Int {
			return sum(m.Pool.Of(longToken), new(big.Int).Neg(x.Pool.Of(longToken)))
		}
		collateral := sum(x.Position.Collateral, x.Output, x.Claimable, x.Funding, x.FeesElsewhere)
		second := sum(x.Secondary, x.ClaimableSecondary, x.FundingSecondary)
		if m.SingleToken || pos.LongToken == pos.IsLong {
			equal(t, "tokens", sum(collateral, second), sum(pos.Collateral, gave(true), gave(false)))
		} else {
			equal(t, "collateral tokens", collateral, sum(pos.Collateral, gave(pos.LongToken)))
			equal(t, "other tokens", second, gave(pos.IsLong))
		}
		for _, x := range []*big.Int{x.Position.Collateral, x.Output, x.Secondary, x.Lent, x.ImpactPool, x.Position.Tokens} {
			if x.Sign() < 0 {
				t.Errorf("below zero: %v", x)
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d: %+v", seed, x)
		}
	}
	if insolvent == 0 {
		t.Error("none was insolvent")
	}
}

// TestInsolvent: a liquidation of the whole size pays what there is, in order; another order is refused.
func TestInsolvent(t *testing.T) {
	pos := long(5e9) // 5000 USD against a loss of 40,000
	order := gmx.Order{Size: pos.Size, Collateral: new(big.Int), Liquidation: true}
	x, err := market().Decrease(prices(4000), pos, order, owed(), nil)
	if err != nil || x.Insolvent != gmx.PayPnL {
		t.Fatalf("%+v, %v", x, err)
	}
	equal(t, "pool", x.Pool.Short, big.NewInt(1e12+5e9))
	equal(t, "output", x.Output, new(big.Int))
	for _, o := range []gmx.Order{{Size: order.Size, Collateral: new(big.Int)}, {Size: usd(150_000, 1), Collateral: new(big.Int), Liquidation: true}} {
		_, err := market().Decrease(prices(4000), pos, o, owed(), nil)
		var refused *gmx.InsufficientFunds
		if !errors.As(err, &refused) || refused.Step != gmx.PayPnL {
			t.Errorf("%+v: %v", o, err)
		}
	}
	order.Liquidation, order.Deleveraging = false, true
	if x, err := market().Decrease(prices(4000), pos, order, owed(), nil); err != nil || x.Insolvent != gmx.PayPnL {
		t.Errorf("%+v, %v", x, err)
	}
	if _, err := market().Decrease(prices(4000), pos, gmx.Order{Size: usd(200_001, 1), Collateral: new(big.Int)}, owed(), nil); err == nil {
		t.Error("more than the size")
	}
}

// TestImpactPoolRepaysFirst: what the impact pool receives lowers its debt, then raises it.
func TestImpactPoolRepaysFirst(t *testing.T) {
	m := market()
	m.Lent = eth(100)
	pos := long(50e9)
	pos.PendingImpact = eth(-300) // −1500 USD
	x, err := m.Decrease(prices(5000), pos, gmx.Order{Size: pos.Size, Collateral: new(big.Int)}, owed(), nil)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "lent", x.Lent, new(big.Int))
	equal(t, "impact pool", x.ImpactPool, eth(200))
	equal(t, "output", x.Output, big.NewInt(48_500e6))
}
