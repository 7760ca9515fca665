package gmx

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// RandomPool returns a position in a market, and whether its profit is capped. Numbers of half of them are
// tiny: tokens of a few units, prices of a few ticks.
func RandomPool(t testing.TB, rng *rand.Rand) (_ margin.Profile, _ *margin.Pool, capped bool) {
	profile, err := New(Version, 18, nil)
	if err != nil {
		t.Fatal(err)
	}
	tiny := rng.IntN(2) == 0
	upTo := func(small, ordinary int64, digits int64) *big.Int {
		if tiny {
			return big.NewInt(rng.Int64N(small + 1))
		}
		return mul(big.NewInt(rng.Int64N(ordinary*1_000_000+1)), pow10(digits-6))
	}
	factor := func(of ...int64) *big.Int { return mul(big.NewInt(of[rng.IntN(len(of))]), pow10(26)) }
	venue := &margin.Venue{Name: "x", Scale: []int{18, 12}[rng.IntN(2)]}
	s := &settings{known: true, indexDecimals: 18, longDecimals: 12, shortDecimals: 6, walletDigits: venue.Scale}
	s.indexUnit, s.longUnit, s.shortUnit = pow10(6), pow10(6), pow10(12)
	s.BalanceInTokens = rng.IntN(20) == 0
	s.OpenInterest = Sides{upTo(1e6, 3_000_000, 30), upTo(1e6, 3_000_000, 30)}
	s.OpenInterestTokens = Sides{upTo(1e6, 1_000, 18), upTo(1e6, 1_000, 18)}
	s.Pool = Sides{upTo(1e6, 1_000, 12), upTo(1e6, 1_000_000, 6)}
	s.ImpactPool, s.Lent, s.MaxLendUSD, s.MaxLendableFactor = zero, zero, zero, zero
	s.ImpactFactor, s.ImpactExponent = Signs{pow10(20), pow10(21)}, Signs{unit, mul(unit, two)}
	s.MaxImpact, s.MaxImpactForLiquidations = Signs{factor(10, 50), factor(10, 50)}, factor(0, 50, 5_000)
	s.MaxPnLForTraders = Sides{factor(10, 9_000), factor(10, 9_000)}
	s.PositionFee, s.FeeReceiver = Signs{factor(4), factor(6)}, FeeReceivers{zero, zero, zero}
	s.MinCollateralUSD, s.MinCollateral, s.MinCollateralForLiquidation = upTo(1e6, 10, 30), factor(100), factor(0, 50)
	s.MinCollateralPerOpenInterest = Sides{zero, zero}
	s.borrowing, s.fee, s.claim = Sides{zero, zero}, [2]Sides{{zero, zero}, {zero, zero}}, [2]Sides{{zero, zero}, {zero, zero}}

	prices := func(ordinary int64) (int64, int64) {
		low := 1 + rng.Int64N(50)
		if !tiny {
			low = ordinary/2 + rng.Int64N(ordinary)
		}
		return low, low + rng.Int64N(3)*rng.Int64N(low/100+2)
	}
	long, short := &margin.Asset{Name: "WETH"}, &margin.Asset{Name: "USDC"}
	long.Min, long.Max = prices(2_000e12)
	short.Min, short.Max = prices(1e12)
	long.Price, short.Price = long.Min, short.Min
	m := &margin.Market{Venue: venue, Name: "ETH", PriceScale: 6, SizeScale: 6, MaxPrice: 1e11, MaxSize: 1e12, LongToken: long, ShortToken: short, Own: s}
	m.Min, m.Max = prices(2_000e6)

	h := &held{tokens: add(one, upTo(1e6, 20, 18)), pendingImpact: upTo(100, 1, 16), borrowing: zero, fee: zero, claim: Sides{zero, zero}}
	if rng.IntN(2) == 0 {
		h.pendingImpact = neg(h.pendingImpact)
	}
	h.size = add(one, margin.Quo(mul(mul(h.tokens, s.price(m.Min)), big.NewInt(800+rng.Int64N(400))), big.NewInt(1000), margin.Down))
	collateral := &margin.Balance{Asset: long, Amount: fixed.FromInt64(rng.Int64N(1e6))}
	if rng.IntN(2) == 0 {
		collateral.Asset = short
	}
	if !tiny {
		collateral.Amount = fixed.FromInt64(rng.Int64N(5e17)).Mul(fixed.Pow10(venue.Scale - 12))
	}
	leg, size := events.LegLong, int64(1)
	if rng.IntN(2) == 0 {
		leg, size = events.LegShort, -1
	}
	pool := &margin.Pool{Venue: venue, Account: &margin.Account{}, Isolated: true, Asset: collateral.Asset, Balances: []margin.Balance{*collateral},
		Positions: []margin.Position{{Market: m, Leg: leg, Size: size}}, State: h.encode()}
	x, missing := weigh(pool)
	if missing != "" {
		t.Fatal(missing)
	}
	return profile, pool, x.health.PnL.Cmp(x.position.UncappedPnL(x.prices.Index.forPnL(x.position.IsLong, false))) != 0
}
