package portfolio

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// TestLiquidationPrice: at the printed price equity is at most the requirement, one unit before it is above. With
// offsets or caps it is the nearest such price; where none is printed there is none on that side.
func TestLiquidationPrice(t *testing.T) {
	found, walked, gaveUp, none := 0, 0, 0, 0
	eachSeed(t, 3000, func(t *testing.T, rng *rand.Rand) {
		p := newProfile(t, randomParams(rng))
		pool := randomPool(t, rng, p)
		if len(pool.Positions) == 0 {
			return
		}
		m := pool.Positions[rng.IntN(len(pool.Positions))].Market
		underlying := rng.IntN(2) == 0
		slack := slackAt(p, pool, m, underlying)
		v := p.shadow(pool, m, underlying)
		from, end, concave := m.Mark, v.end(), v.isConcave()
		n := p.LiquidationPrice(pool, m, underlying)
		if slack(from).Sign() < 0 {
			if n.Present {
				t.Errorf("liquidatable already, price %s", n)
			}
			return
		}
		step := int64(1)
		if end < from {
			step = -1
		}
		x, ok := end+step, false
		if n.Present {
			x, ok = n.Coef.Int64()
			if !ok || slack(x).Sign() > 0 || x != from && slack(x-step).Sign() <= 0 {
				t.Errorf("price %d of %d: slack there %v, one unit before %v", x, from, slack(x), slack(x-step))
			}
			found++
		} else {
			none++
		}
		if concave && n.Present { // one price, but for rounding
			return
		}
		if !concave {
			walked++
			if at, ok := v.walk(from, end); !ok && at != end {
				gaveUp++
			}
		}
		if (x-from)*step > 3000 {
			return
		}
		for y := from; y != x; y += step {
			if slack(y).Sign() <= 0 {
				t.Errorf("price %d from %d to %d, concave %v: %d is nearer", x, from, end, concave, y)
				return
			}
		}
	})
	t.Logf("%d prices, %d pools without, %d walks of which %d gave up", found, none, walked, gaveUp)
	if *seedFlag == 0 && (gaveUp > 0 || found < 300 || walked < 300 || none < 300) {
		t.Error("too few of a kind, or a walk that gave up")
	}
}

// slackAt returns equity − maintenance of a pool by the price of a market, by the pool's own markets.
func slackAt(p *Profile, pool *margin.Pool, m *margin.Market, underlying bool) func(x int64) fixed.Int128 {
	from := m.Mark
	return func(x int64) fixed.Int128 {
		at := func(price int64) int64 {
			return new(big.Int).Quo(new(big.Int).Mul(big.NewInt(price), big.NewInt(x)), big.NewInt(from)).Int64()
		}
		var undo []func()
		for i := range pool.Positions {
			o := pool.Positions[i].Market
			if was := o.Mark; o == m || underlying && o.Underlying == m.Underlying && (i == 0 || pool.Positions[i-1].Market != o) {
				undo = append(undo, func() { o.Mark = was })
				if o.Mark = at(was); o == m {
					o.Mark = x
				}
			}
		}
		for i := range pool.Balances {
			if a := pool.Balances[i].Asset; underlying && a.Name == m.Underlying {
				was := a.Price
				undo = append(undo, func() { a.Price = was })
				a.Price = at(was)
			}
		}
		h := p.Judge(pool)
		for i := len(undo) - 1; i >= 0; i-- {
			undo[i]()
		}
		return h.Equity.Sub(h.Maintenance)
	}
}

// TestOffsetsAreBounded: in no scenario does a pool lose less than all of its results together, nor more than
// those that lose.
func TestOffsetsAreBounded(t *testing.T) {
	eachSeed(t, 2000, func(t *testing.T, rng *rand.Rand) {
		p := newProfile(t, randomParams(rng))
		pool := randomPool(t, rng, p)
		var room memory
		b, _ := room.open(p, pool)
		for k := range p.grid {
			loss, credit := b.loss(&p.grid[k])
			pairs := b.pairs
			b.pairs = nil
			whole, _ := b.loss(&p.grid[k])
			b.pairs = pairs
			var together fixed.Int128
			for i := range b.groups {
				together = together.Sub(b.groups[i].result)
			}
			if loss.Less(together) || loss.Sign() < 0 || whole.Less(loss) || credit.Sign() < 0 || loss.Add(credit) != whole {
				t.Errorf("scenario %s: loss %v, credit %v; losses %v, all together %v", p.grid[k].name, loss, credit, whole, together)
			}
		}
	})
}

// TestBankruptcyPrice: closing each position at its price uses up all equity, but for a unit of price each, where
// every position has a share.
func TestBankruptcyPrice(t *testing.T) {
	checked := 0
	eachSeed(t, 1500, func(t *testing.T, rng *rand.Rand) {
		p := newProfile(t, randomParams(rng))
		pool := randomPool(t, rng, p)
		h := p.Judge(pool)
		left, slip := h.Equity.Big(), new(big.Int)
		for i := range pool.Positions {
			pos := &pool.Positions[i]
			n := p.BankruptcyPrice(pool, i, &h)
			if !n.Present {
				return
			}
			x, _ := n.Coef.Int64()
			left.Add(left, pos.Market.Value(pos.Size, x-pos.Market.Mark).Big())
			slip.Add(slip, pos.Market.Value(pos.Size, 1).Abs().Big())
		}
		if len(pool.Positions) == 0 {
			return
		}
		checked++
		if left.Sign() < 0 || left.CmpAbs(slip) > 0 {
			t.Errorf("%v of equity %v is left, a unit of each price is %v", left, h.Equity, slip)
		}
	})
	if *seedFlag == 0 && checked < 200 {
		t.Errorf("only %d pools", checked)
	}
}

// TestExplain: the steps add up to the figures.
func TestExplain(t *testing.T) {
	eachSeed(t, 1500, func(t *testing.T, rng *rand.Rand) {
		p := newProfile(t, randomParams(rng))
		pool := randomPool(t, rng, p)
		h, w := p.Judge(pool), p.Worst(pool)
		sums := map[string]fixed.Int128{}
		for _, s := range p.Explain(pool) {
			sums[s.Figure] = sums[s.Figure].Add(s.Value.Coef)
			if s.Section == "" || s.Rounding == "" || s.Formula == "" {
				t.Errorf("step without a source: %+v", s)
			}
		}
		want := map[string]fixed.Int128{"equity": h.Equity, "maintenance": h.Maintenance, "initial": h.Initial}
		if w != nil {
			want["scenarioLoss"], want["offset"], want["contingency"] = w.Loss, w.Offsets, w.Contingency
			for _, loss := range append(w.Positions, w.Balances...) {
				want["scenarioResult"] = want["scenarioResult"].Sub(loss)
			}
			want["groupResult"] = want["scenarioResult"]
		}
		want["equity sum"] = h.Equity
		sums["equity sum"] = sums["collateral"].Add(sums["unrealisedPnl"]).Add(sums["unpostedFunding"])
		for figure, v := range want {
			if sums[figure] != v {
				t.Errorf("%s: steps say %v, the figure is %v", figure, sums[figure], v)
			}
		}
	})
}

// TestIsolatedIsStandard: an isolated pool has the standard profile's answers.
func TestIsolatedIsStandard(t *testing.T) {
	eachSeed(t, 200, func(t *testing.T, rng *rand.Rand) {
		p := newProfile(t, randomParams(rng))
		pool := randomPool(t, rng, p)
		if len(pool.Positions) == 0 {
			return
		}
		pool.Isolated, pool.Positions, pool.Balances = true, pool.Positions[:1], nil
		pool.Collateral = fixed.FromInt64(rng.Int64N(1 << 30))
		h, m := p.Judge(pool), pool.Positions[0].Market
		if want := p.Profile.Judge(pool); h != want {
			t.Errorf("health %+v, want %+v", h, want)
		}
		if got, want := p.Figures(pool, 0), p.Profile.Figures(pool, 0); got != want {
			t.Errorf("figures %+v, want %+v", got, want)
		}
		if got, want := p.LiquidationPrice(pool, m, true), p.Profile.LiquidationPrice(pool, m, true); got != want {
			t.Errorf("liquidation price %s, want %s", got, want)
		}
		if got, want := p.BankruptcyPrice(pool, 0, &h), p.Profile.BankruptcyPrice(pool, 0, &h); got != want {
			t.Errorf("bankruptcy price %s, want %s", got, want)
		}
		if p.Worst(pool) != nil {
			t.Error("an isolated pool has a scenario")
		}
	})
}

// tradersPool is a pool of ordinary size: a basis trade, and three other positions.
func tradersPool(tb testing.TB, p *Profile) *margin.Pool {
	pool := &margin.Pool{Venue: &margin.Venue{Scale: 6}, Balances: []margin.Balance{
		{Asset: &margin.Asset{Name: "A", Price: 60_000_000_000_000_000}, Amount: fixed.FromInt64(10_000_000)},
		{Asset: &margin.Asset{Name: "USDC", Settlement: true}, Amount: fixed.FromInt64(1e12)}}}
	rng := rand.New(rand.NewPCG(2, 2))
	for i, u := range underlyings[:4] {
		pool.Positions = append(pool.Positions, randomPositions(tb, rng, p, u, u, 1<<20)[0])
		pool.Positions[i].Market.FundingMode = 1
	}
	return pool
}

// TestJudgeAllocatesNothing: for a pool of ordinary size.
func TestJudgeAllocatesNothing(t *testing.T) {
	p := newProfile(t, params(map[string]string{"grid": "3", "group.A": "1", "group.B": "2", "offset.1.2": "0.5"}))
	pool := tradersPool(t, p)
	h := p.Judge(pool)
	var terms margin.Terms
	if n := testing.AllocsPerRun(100, func() {
		h = p.Judge(pool)
		terms.Reset()
		p.Slopes(pool, &h, margin.Edge{Multiple: margin.OneMultiple}, &terms)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkJudge(b *testing.B) {
	p := newProfile(b, params(map[string]string{"grid": "3", "group.A": "1", "group.B": "2", "offset.1.2": "0.5"}))
	pool := tradersPool(b, p)
	b.ReportAllocs()
	for b.Loop() {
		p.Judge(pool)
	}
}

func BenchmarkSlopes(b *testing.B) {
	p := newProfile(b, params(map[string]string{"grid": "3", "group.A": "1", "group.B": "2", "offset.1.2": "0.5"}))
	pool := tradersPool(b, p)
	h := p.Judge(pool)
	var terms margin.Terms
	b.ReportAllocs()
	for b.Loop() {
		terms.Reset()
		p.Slopes(pool, &h, margin.Edge{Multiple: margin.OneMultiple}, &terms)
	}
}

func BenchmarkLiquidationPrice(b *testing.B) {
	p := newProfile(b, params(map[string]string{"grid": "3", "group.A": "1", "group.B": "2", "offset.1.2": "0.5"}))
	pool := tradersPool(b, p)
	m := pool.Positions[0].Market
	if h := p.Judge(pool); h.Equity.Less(h.Maintenance) {
		pool.Balances[1].Amount = pool.Balances[1].Amount.Add(h.Maintenance.Sub(h.Equity)).Add(h.Notional)
	}
	b.Logf("%s of %d", p.LiquidationPrice(pool, m, false), m.Mark)
	b.ReportAllocs()
	for b.Loop() {
		p.LiquidationPrice(pool, m, false)
	}
}
