package portfolio

import (
	"math/rand/v2"
	"testing"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/internal/margintest"
	"marginledger/projector/margin"
)

// TestSlopes holds Slopes against Judge on random pools.
func TestSlopes(t *testing.T) {
	eachSeed(t, 2000, func(t *testing.T, rng *rand.Rand) {
		p := newProfile(t, randomParams(rng))
		margintest.Slopes(t, p, randomPool(t, rng, p), rng)
	})
}

// TestSlopesOfGreatCollateral: where costs may not fit, the pool has no room, and is judged at every move.
func TestSlopesOfGreatCollateral(t *testing.T) {
	p := newProfile(t, params(map[string]string{"grid": "3", "group.A": "1"}))
	pool := randomPool(t, rand.New(rand.NewPCG(1, 1)), p)
	pool.Balances = []margin.Balance{{Asset: &margin.Asset{Name: "A", Price: margin.MaxCollateralPrice}, Amount: margin.MaxBalance.Neg()}}
	h := p.Judge(pool)
	var terms margin.Terms
	p.Slopes(pool, &h, margin.Edge{Multiple: 10_000_000_000}, &terms)
	if terms.Slack.Sign() != 0 || terms.List[len(terms.List)-1].Variable != margin.VarCollateral {
		t.Errorf("slack %v: a balance past the width of costs has no bounds, but is listed", terms.Slack)
	}
}

// TestBounds evaluates a pool with everything at its bound, through every answer: nothing leaves its width.
func TestBounds(t *testing.T) {
	values := map[string]string{"grid": "3", "range": "1", "step": "0.02", "contingency": "1", "initialFactor": "10", "shock.01": "5"}
	for _, u := range underlyings[:3] {
		values["group."+u] = string('1' + u[0] - 'A')
	}
	values["offset.1.2"], values["offset.2.3"], values["shock.02"], values["shock.02.g1"] = "1", "0.999999", "-1", "5"
	p := newProfile(t, params(values))
	for _, sign := range []int64{1, -1} {
		pool := &margin.Pool{Venue: &margin.Venue{Scale: 6}}
		for i := range margin.MaxPositions {
			m := &margin.Market{Name: string(rune('a' + i)), Underlying: underlyings[i%5], K: 1000, MaxPrice: 1e14, MaxSize: 1e14, Mark: 1e14, PriceScale: 3,
				Tiers: []margin.Tier{{MaxLeverage: 1, Rate: margin.OneRate}}, FundingMode: events.FundingByIndex}
			var err error
			if m.Own, err = p.Admit(m); err != nil {
				t.Fatal(err)
			}
			pos := margin.Position{Market: m, Leg: events.LegNet, Size: 1e14 * sign, Entry: margin.MaxCash.Mul(-sign)}
			m.FundingIndex = fixed.FromInt64(m.MaxPrice).Mul(1000).Mul(fixed.Pow10(margin.FundingScale)).Mul(-sign)
			pool.Positions = append(pool.Positions, pos)
		}
		pool.Balances = []margin.Balance{{Asset: &margin.Asset{Name: "USDC", Settlement: true}, Amount: margin.MaxCash.Mul(sign)}}
		for i := range margin.MaxAssets - 1 {
			a := &margin.Asset{Name: underlyings[i%4], Price: margin.MaxCollateralPrice, Capped: i%3 == 0, Cap: margin.MaxAmount, Haircuts: []margin.HaircutTier{{}}}
			pool.Balances = append(pool.Balances, margin.Balance{Asset: a, Amount: margin.MaxBalance.Mul(sign)})
		}
		h := p.Judge(pool)
		if h.Maintenance != MaxRequirement {
			t.Errorf("requirement %v is not cut off", h.Maintenance)
		}
		if want := newSlow(params(values), pool); rat(h.Equity).Cmp(want.equity()) != 0 {
			t.Errorf("equity %v, want %s", h.Equity, want.equity().RatString())
		}
		everyAnswer(p, pool, &h)
	}
}

// everyAnswer asks all that a pool can be asked.
func everyAnswer(p *Profile, pool *margin.Pool, h *margin.Health) {
	p.Explain(pool)
	p.Worst(pool)
	var terms margin.Terms
	for _, e := range []margin.Edge{{}, {Multiple: 10_000_000_000}, {Multiple: 10_000_000_000, Upper: true}} {
		terms.Reset()
		p.Slopes(pool, h, e, &terms)
		var b margin.Bounds
		b.Reset(len(pool.Positions), len(pool.Balances))
		terms.Narrow(&b)
	}
	p.CallCleared(h, 100_000_000)
	p.Withdrawable(h, fixed.Int128{})
	m := pool.Positions[0].Market
	p.LiquidationPrice(pool, m, false)
	p.LiquidationPrice(pool, m, true)
	p.Figures(pool, 0)
	p.BankruptcyPrice(pool, 0, h)
	p.Rank(pool, 0, h)
}
