// Package margintest holds tests that every margin profile must pass, whatever its rules are.
package margintest

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// Slopes checks what a profile says about a pool (margin.Profile: Slopes) against what it decides: with
// random edges near the pool's health, it moves the variables within their boxes and wants the contract to
// hold in exact fractions, rounding included; then it moves them within the bounds that follow, to the
// corners above all, and wants the pool to be where it was. It moves the pool's markets and assets, and
// puts them back. The failure says what was moved; rng's seed repeats it.
func Slopes(t *testing.T, profile margin.Profile, pool *margin.Pool, rng *rand.Rand) {
	t.Helper()
	h := profile.Judge(pool)
	if !h.IsKnown() {
		return
	}
	for range 8 {
		c := &slopesCheck{T: t, Rand: rng, profile: profile, pool: pool, health: h, edge: randomEdge(rng, &h)}
		profile.Slopes(pool, &c.health, c.edge, &c.terms)
		if c.terms.Slack.Sign() <= 0 {
			continue
		}
		c.remember()
		c.bounds.Reset(len(pool.Positions), len(pool.Balances))
		c.terms.Narrow(&c.bounds)
		for range 12 {
			c.within(c.box)
			c.contract()
			c.within(c.bound)
			c.status()
			c.restore()
		}
	}
}

// randomEdge draws an edge that the health has not met, most often nearly.
func randomEdge(rng *rand.Rand, h *margin.Health) margin.Edge {
	e := margin.Edge{Multiple: []int64{0, 666_667, 1_000_000, 1_200_000, 2_000_000, 50_000_000, 1_000_000_000}[rng.IntN(7)], Upper: rng.IntN(2) == 0}
	slack := e.Slack(h)
	// A floor that leaves so much of it.
	left := fixed.FromInt64(rng.Int64N(1 << (1 + rng.IntN(40))))
	if e.Upper {
		e.Floor = left.Sub(slack)
	} else {
		e.Floor = slack.Sub(left)
	}
	return e
}

// slopesCheck is one edge of a pool.
type slopesCheck struct {
	*testing.T
	*rand.Rand
	profile margin.Profile
	pool    *margin.Pool
	health  margin.Health
	edge    margin.Edge
	terms   margin.Terms
	bounds  margin.Bounds

	indexes []fixed.Int128 // of terms of funding: the index as it was
}

func (c *slopesCheck) remember() {
	for i := range c.terms.List {
		var index fixed.Int128
		if t := &c.terms.List[i]; t.Variable == margin.VarFunding {
			index = c.pool.Positions[t.Index].Market.FundingIndex
		}
		c.indexes = append(c.indexes, index)
	}
}

func (c *slopesCheck) restore() {
	for i := range c.terms.List {
		c.putBack(i)
	}
}

func (c *slopesCheck) putBack(i int) {
	t := &c.terms.List[i]
	c.set(t, t.Value)
	if t.Variable == margin.VarFunding {
		c.pool.Positions[t.Index].Market.FundingIndex = c.indexes[i]
	}
}

func (c *slopesCheck) box(t *margin.Term) margin.Bound { return margin.Bound{Low: t.Low, High: t.High} }

func (c *slopesCheck) bound(t *margin.Term) margin.Bound { return *c.bounds.At(t.Variable, t.Index) }

// within moves every variable to somewhere within its range: those of terms that share it, taken together.
func (c *slopesCheck) within(rangeOf func(*margin.Term) margin.Bound) {
	for i := range c.terms.List {
		t := &c.terms.List[i]
		b := margin.Bound{Low: math.MinInt64, High: math.MaxInt64}
		for k := range c.terms.List {
			if u := &c.terms.List[k]; c.same(t, u) {
				r := rangeOf(u)
				b.Low, b.High = max(b.Low, r.Low), min(b.High, r.High)
			}
		}
		if key, ok := c.pick(t, b); ok {
			c.set(t, key)
		} else {
			c.putBack(i)
		}
	}
}

// same reports that two terms have one variable: two legs of a market.
func (c *slopesCheck) same(t, u *margin.Term) bool {
	if t.Variable != u.Variable {
		return false
	}
	if t.Variable.OfMarket() {
		return c.pool.Positions[t.Index].Market == c.pool.Positions[u.Index].Market
	}
	return t.Index == u.Index
}

// pick draws a key in a range: its ends, or near the present value, or as far as a few scales. A range may
// be empty: every move leaves it.
func (c *slopesCheck) pick(t *margin.Term, b margin.Bound) (key int64, ok bool) {
	low, high := b.Low, b.High
	switch {
	case t.Variable == margin.VarTime: // it does not go back
		low, high = t.Value, min(high, t.Value+16*t.Scale)
	case t.Variable == margin.VarFunding:
		low, high = max(low, t.Value-16*t.Scale), min(high, t.Value+16*t.Scale)
	case t.Variable.OfMarket():
		low, high = max(low, 1), min(high, max(4*t.Value, 8), c.pool.Positions[t.Index].Market.MaxPrice)
	default:
		low, high = max(low, 1), min(high, max(4*t.Value, 8))
	}
	if low > high {
		return 0, false
	}
	switch c.IntN(6) {
	case 0, 1:
		return low, true
	case 2, 3:
		return high, true
	case 4:
		return min(max(t.Value+c.Int64N(9)-4, low), high), true
	}
	return low + c.Int64N(high-low+1), true
}

// set gives a term's variable a key.
func (c *slopesCheck) set(t *margin.Term, key int64) {
	switch t.Variable {
	case margin.VarTime:
		c.pool.Venue.Time = key
	case margin.VarCollateral:
		c.asset(t).Price = key
	case margin.VarCollateralMin:
		c.asset(t).Min = key
	case margin.VarCollateralMax:
		c.asset(t).Max = key
	case margin.VarPrice:
		c.market(t).Mark = key
	case margin.VarIndex:
		c.market(t).Index = key
	case margin.VarOracle:
		c.market(t).Oracle = key
	case margin.VarMin:
		c.market(t).Min = key
	case margin.VarMax:
		c.market(t).Max = key
	case margin.VarFunding:
		unit := int64(1) << c.market(t).FundingShift()
		c.market(t).FundingIndex = fixed.FromInt64(key).Mul(unit).Add(fixed.FromInt64(c.Int64N(unit)))
	default:
		c.Fatalf("variable %d cannot be moved", t.Variable)
	}
}

func (c *slopesCheck) market(t *margin.Term) *margin.Market { return c.pool.Positions[t.Index].Market }
func (c *slopesCheck) asset(t *margin.Term) *margin.Asset   { return c.pool.Balances[t.Index].Asset }

// contract wants S ≥ Slack − Σ cost, as fractions.
func (c *slopesCheck) contract() {
	c.Helper()
	h := c.profile.Judge(c.pool)
	if h.Missing != "" { // a least price above the greatest: nothing is decided there
		return
	}
	floor := new(big.Rat).SetInt(c.terms.Slack.Big())
	for i := range c.terms.List {
		t := &c.terms.List[i]
		cost := new(big.Rat).SetInt(t.Up.Big())
		move := c.moved(i)
		if move.Sign() < 0 {
			cost.SetInt(t.Down.Big())
			move.Neg(move)
		}
		floor.Sub(floor, cost.Mul(cost, move).Quo(cost, new(big.Rat).SetInt64(t.Scale)))
	}
	if s := c.slack(&h); s.Cmp(floor) < 0 {
		c.Fatalf("%s\nmoved by so much, the slack may be %s at least, and is %s", c.said(), floor.FloatString(3), s.FloatString(3))
	}
}

// moved returns how far a term's variable is from where it was, in units of its key.
func (c *slopesCheck) moved(i int) *big.Rat {
	t := &c.terms.List[i]
	switch {
	case t.Variable == margin.VarTime:
		return new(big.Rat).SetInt64(c.pool.Venue.Time - t.Value)
	case t.Variable.OfAsset():
		return new(big.Rat).SetInt64(c.asset(t).Key(t.Variable) - t.Value)
	case t.Variable == margin.VarFunding:
		m := c.market(t)
		return new(big.Rat).SetFrac(m.FundingIndex.Sub(c.indexes[i]).Big(), new(big.Int).Lsh(big.NewInt(1), uint(m.FundingShift())))
	}
	return new(big.Rat).SetInt64(c.market(t).Key(t.Variable) - t.Value)
}

// slack is how far a health is from the edge, as a fraction: negative behind a lower edge, not positive
// behind an upper one.
func (c *slopesCheck) slack(h *margin.Health) *big.Rat {
	due := new(big.Int).Mul(h.Maintenance.Big(), big.NewInt(c.edge.Multiple))
	s := new(big.Rat).SetFrac(due, big.NewInt(margin.OneMultiple))
	s.Add(s, new(big.Rat).SetInt(c.edge.Floor.Big())).Sub(s, new(big.Rat).SetInt(h.Equity.Big()))
	if !c.edge.Upper {
		s.Neg(s)
	}
	return s
}

// status wants the pool on the side of the edge where it was.
func (c *slopesCheck) status() {
	c.Helper()
	h := c.profile.Judge(c.pool)
	if h.Missing != "" {
		return
	}
	if s := c.slack(&h); s.Sign() < 0 || c.edge.Upper && s.Sign() == 0 {
		c.Fatalf("%s\nno variable has left its bound, and the edge is met: %s", c.said(), s.FloatString(3))
	}
}

func (c *slopesCheck) said() string {
	text := fmt.Sprintf("edge %+v, equity %v, maintenance %v, slack %v", c.edge, c.health.Equity, c.health.Maintenance, c.terms.Slack)
	for i := range c.terms.List {
		t := &c.terms.List[i]
		text += fmt.Sprintf("\n variable %d of %d: %d in [%d, %d], scale %d, costs down %v, up %v, bound %+v, moved %s", t.Variable, t.Index, t.Value, t.Low, t.High,
			t.Scale, t.Down, t.Up, *c.bounds.At(t.Variable, t.Index), c.moved(i).FloatString(3))
	}
	for i := range c.pool.Positions {
		p := &c.pool.Positions[i]
		text += fmt.Sprintf("\n position %d: %s size %d entry %v index %v, market %+v", i, p.Leg, p.Size, p.Entry, p.FundingIndex, *p.Market)
	}
	for i := range c.pool.Balances {
		b := &c.pool.Balances[i]
		text += fmt.Sprintf("\n balance %d: %v of %+v", i, b.Amount, *b.Asset)
	}
	return text
}
