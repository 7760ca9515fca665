package portfolio

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// TestSlopes holds Slopes against Judge on random pools: however prices and indexes move, the slack to an edge is
// at least what Slack and the costs leave of it, in fractions, rounding included; and while every variable is
// within its bound the edge is not met.
func TestSlopes(t *testing.T) {
	room := 0
	eachSeed(t, 1500, func(t *testing.T, rng *rand.Rand) {
		p := newProfile(t, randomParams(rng))
		pool := randomPool(t, rng, p)
		h := p.Judge(pool)
		if h.Unpriced {
			return
		}
		for range 6 {
			c := &mover{rng: rng, pool: pool, edge: randomEdge(rng, &h)}
			p.Slopes(pool, &h, c.edge, &c.terms)
			c.bounds.Reset(len(pool.Positions), len(pool.Balances))
			if !c.terms.Narrow(&c.bounds) {
				continue
			}
			room++
			for range 10 {
				c.move(false)
				if s, least := c.slack(p.Judge(pool)), c.promised(); s.Cmp(least) < 0 {
					t.Fatalf("edge %+v of %+v: slack %s, promised %s; terms %+v", c.edge, h, s.FloatString(3), least.FloatString(3), c.terms.List)
				}
				c.restore()
				c.move(true)
				if s := c.slack(p.Judge(pool)); s.Sign() < 0 || c.edge.Upper && s.Sign() == 0 {
					t.Fatalf("edge %+v of %+v met within bounds: %s", c.edge, h, s.FloatString(3))
				}
				c.restore()
			}
		}
	})
	if *seedFlag == 0 && room < 4_000 {
		t.Errorf("only %d edges with room", room)
	}
}

// mover moves the variables of a pool, and puts them back.
type mover struct {
	rng    *rand.Rand
	pool   *margin.Pool
	edge   margin.Edge
	terms  margin.Terms
	bounds margin.Bounds
	moved  []int64 // by term: how far, in units of the key
	undo   []func()
}

// randomEdge is one that the health has not met, most often nearly.
func randomEdge(rng *rand.Rand, h *margin.Health) margin.Edge {
	e := margin.Edge{Multiple: []int64{0, 666_667, 1_000_000, 1_200_000, 2_000_000, 50_000_000}[rng.IntN(6)], Upper: rng.IntN(2) == 0}
	left, slack := fixed.FromInt64(rng.Int64N(1<<(1+rng.IntN(40)))), e.Slack(h)
	if e.Floor = slack.Sub(left); e.Upper {
		e.Floor = left.Sub(slack)
	}
	return e
}

// move gives every variable a new value: anywhere in its box, or within its bound. Legs of one market have a variable
// in common.
func (c *mover) move(within bool) {
	c.moved = make([]int64, len(c.terms.List))
	for i := range c.terms.List {
		t := &c.terms.List[i]
		low, high, first := t.Low, t.High, i
		for k := len(c.terms.List) - 1; k >= 0; k-- {
			if u := &c.terms.List[k]; c.same(t, u) {
				first = k
				low, high = max(low, u.Low), min(high, u.High)
				if b := c.bounds.At(u.Variable, u.Index); within {
					low, high = max(low, b.Low), min(high, b.High)
				}
			}
		}
		if first < i {
			c.moved[i] = c.moved[first]
			continue
		}
		if low > high { // any move leaves it
			continue
		}
		if t.Variable == margin.VarFunding {
			low, high = max(low, t.Value-16*t.Scale), min(high, t.Value+16*t.Scale)
		} else {
			low, high = max(low, 1), min(high, max(4*t.Value, 8))
		}
		key := []int64{low, high, t.Value, low + c.rng.Int64N(high-low+1)}[c.rng.IntN(4)]
		c.moved[i] = key - t.Value
		c.set(t, key)
	}
}

func (c *mover) same(t, u *margin.Term) bool {
	if t.Variable != u.Variable {
		return false
	}
	if t.Variable == margin.VarCollateral {
		return t.Index == u.Index
	}
	return c.pool.Positions[t.Index].Market == c.pool.Positions[u.Index].Market
}

// set gives a variable a key. A funding index keeps what its key leaves out, so that it moves by as much.
func (c *mover) set(t *margin.Term, key int64) {
	if t.Variable == margin.VarCollateral {
		a := c.pool.Balances[t.Index].Asset
		c.undo = append(c.undo, func() { a.Price = t.Value })
		a.Price = key
		return
	}
	m := c.pool.Positions[t.Index].Market
	if t.Variable == margin.VarPrice {
		c.undo = append(c.undo, func() { m.Mark = t.Value })
		m.Mark = key
		return
	}
	was, unit := m.FundingIndex, int64(1)
	for probe := *m; ; unit *= 2 { // how much of the index a unit of the key is
		if probe.FundingIndex = was.Add(fixed.FromInt64(unit)); probe.FundingKey() != m.FundingKey() {
			break
		}
		if probe.FundingIndex = was.Sub(fixed.FromInt64(unit)); unit > 1<<40 {
			break
		}
	}
	c.undo = append(c.undo, func() { m.FundingIndex = was })
	for d := key - t.Value; m.FundingKey() != key; {
		m.FundingIndex = was.Add(fixed.FromInt64(d).Mul(unit))
		if unit /= 2; unit == 0 {
			break
		}
	}
}

func (c *mover) restore() {
	for _, undo := range c.undo {
		undo()
	}
	c.undo = c.undo[:0]
}

// slack is how far a health is from the edge, as a fraction.
func (c *mover) slack(h margin.Health) *big.Rat {
	due := big.NewRat(c.edge.Multiple, margin.OneMultiple)
	s := minus(rat(h.Equity), plus(due.Mul(due, rat(h.Maintenance)), rat(c.edge.Floor)))
	if c.edge.Upper {
		s.Neg(s)
	}
	return s
}

// promised is Slack less the costs of the moves, an upper edge not met: one unit more.
func (c *mover) promised() *big.Rat {
	sum := rat(c.terms.Slack)
	for i := range c.terms.List {
		t := &c.terms.List[i]
		cost, by := t.Up, c.moved[i]
		if by < 0 {
			cost, by = t.Down, -by
		}
		sum = minus(sum, times2(rat(cost), ratio(by, t.Scale)))
	}
	return sum
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
