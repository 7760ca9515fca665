package dydx

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// TestSlopes holds Slopes against Judge: whatever prices and funding indexes do, the slack to a random
// edge falls by no more than was said, rounding included (docs/ladder.md, contract C), and while they stay
// in their bounds the edge is not met.
func TestSlopes(t *testing.T) {
	checked := 0
	eachSeed(t, 6000, func(t *testing.T, rng *rand.Rand) {
		p := profileOf(t, rng)
		pool := poolOf(t, p, rng)
		h := p.Judge(pool)
		for range 4 {
			e := edgeNear(rng, &h)
			var terms margin.Terms
			p.Slopes(pool, &h, e, &terms)
			var bounds margin.Bounds
			bounds.Reset(len(pool.Positions), len(pool.Balances))
			if !terms.Narrow(&bounds) {
				continue
			}
			checked++
			for range 6 {
				holdsContract(t, p, pool, e, &terms, rng)
				holdsStatus(t, p, pool, e, &terms, &bounds, rng)
			}
		}
	})
	if *foldSeed == 0 && checked < 1500 {
		t.Errorf("checked %d edges", checked)
	}
}

// edgeNear draws an edge that a health has not met, most often nearly.
func edgeNear(rng *rand.Rand, h *margin.Health) margin.Edge {
	e := margin.Edge{Multiple: []int64{0, 1_000_000, 1_200_000, 2_000_000, 50_000_000, 1_000_000_000}[rng.IntN(6)], Upper: rng.IntN(2) == 0}
	left := fixed.FromInt64(number(rng, 50))
	if e.Upper {
		e.Floor = left.Sub(e.Slack(h))
	} else {
		e.Floor = e.Slack(h).Sub(left)
	}
	return e
}

// slackOf is how far a health is from an edge, exactly.
func slackOf(h *margin.Health, e margin.Edge) *big.Rat {
	s := new(big.Rat).SetFrac(mul(h.Maintenance.Big(), big.NewInt(e.Multiple)), million)
	s.Add(s, new(big.Rat).SetInt(e.Floor.Big())).Sub(s, new(big.Rat).SetInt(h.Equity.Big()))
	if !e.Upper {
		s.Neg(s)
	}
	return s
}

// moving keeps what a test moves, to put it back.
type moving struct {
	marks   []int64
	indexes []fixed.Int128
}

func remember(pool *margin.Pool) (k moving) {
	for i := range pool.Positions {
		k.marks = append(k.marks, pool.Positions[i].Market.Mark)
		k.indexes = append(k.indexes, pool.Positions[i].Market.FundingIndex)
	}
	return k
}

func (k moving) putBack(pool *margin.Pool) {
	for i := range pool.Positions {
		pool.Positions[i].Market.Mark, pool.Positions[i].Market.FundingIndex = k.marks[i], k.indexes[i]
	}
}

// holdsContract moves everything anywhere.
func holdsContract(t *testing.T, p *Profile, pool *margin.Pool, e margin.Edge, terms *margin.Terms, rng *rand.Rand) {
	t.Helper()
	was := remember(pool)
	defer was.putBack(pool)
	taken := new(big.Rat)
	for i := range terms.List {
		x := &terms.List[i]
		m := pool.Positions[x.Index].Market
		moved := new(big.Rat)
		if x.Variable == margin.VarPrice {
			m.Mark = 1 + rng.Int64N(m.MaxPrice)
			if rng.IntN(2) == 0 {
				m.Mark = min(max(was.marks[x.Index]+rng.Int64N(9)-4, 1), m.MaxPrice)
			}
			moved.SetInt64(m.Mark - was.marks[x.Index])
		} else {
			m.FundingIndex = indexOf(m, rng)
			moved.SetFrac(m.FundingIndex.Sub(was.indexes[x.Index]).Big(), keyUnit(m))
		}
		cost := x.Up
		if moved.Sign() < 0 {
			cost = x.Down
			moved.Neg(moved)
		}
		moved.Mul(moved, new(big.Rat).SetFrac(cost.Big(), big.NewInt(x.Scale)))
		taken.Add(taken, moved)
	}
	h := p.Judge(pool)
	least := new(big.Rat).Sub(new(big.Rat).SetInt(terms.Slack.Big()), taken)
	if s := slackOf(&h, e); s.Cmp(least) < 0 {
		t.Errorf("edge %+v: slack %s, at least %s was said", e, s.FloatString(3), least.FloatString(3))
	}
}

// keyUnit is what one unit of the key of a market's index stands for: 2^shift units of it (docs/ladder.md §1).
func keyUnit(m *margin.Market) *big.Int {
	bits := new(big.Int).SetInt64(m.MaxPrice).BitLen()
	return new(big.Int).Lsh(one, uint(max(0, bits+50-62)))
}

// holdsStatus moves prices to the corners of their bounds, and indexes within theirs.
func holdsStatus(t *testing.T, p *Profile, pool *margin.Pool, e margin.Edge, terms *margin.Terms, bounds *margin.Bounds, rng *rand.Rand) {
	t.Helper()
	was := remember(pool)
	defer was.putBack(pool)
	for i := range terms.List {
		x := &terms.List[i]
		m, b := pool.Positions[x.Index].Market, *bounds.At(x.Variable, x.Index)
		if x.Variable == margin.VarPrice {
			low, high := max(b.Low, 1), min(b.High, m.MaxPrice)
			m.Mark = []int64{low, high, low + rng.Int64N(max(high-low, 0)+1)}[rng.IntN(3)]
			continue
		}
		for range 4 {
			m.FundingIndex = indexOf(m, rng)
			if b.Low != math.MinInt64 && rng.IntN(2) == 0 { // just within a bound
				m.FundingIndex = wholeUnits(m, big.NewInt(b.Low))
			} else if b.High != math.MaxInt64 && rng.IntN(2) == 0 {
				m.FundingIndex = wholeUnits(m, big.NewInt(b.High))
			}
			if key := m.FundingKey(); key >= b.Low && key <= b.High {
				break
			}
			m.FundingIndex = was.indexes[x.Index]
		}
	}
	h := p.Judge(pool)
	if s := slackOf(&h, e); s.Sign() < 0 || e.Upper && s.Sign() == 0 {
		t.Errorf("edge %+v is met, %s, and no variable has left its bound", e, s.FloatString(3))
	}
}

// wholeUnits is a funding index in whole units of the venue near a key.
func wholeUnits(m *margin.Market, key *big.Int) fixed.Int128 {
	unit := big.NewInt(rulesOf(m).indexUnit)
	v := mul(margin.Quo(mul(key, keyUnit(m)), unit, margin.Up), unit)
	bound := fixed.FromInt64(m.MaxPrice).Mul(1000).Mul(fixed.Pow10(margin.FundingScale))
	if index, ok := fixed.FromBig(v); ok && margin.Within(index, bound) {
		return index
	}
	return m.FundingIndex
}
