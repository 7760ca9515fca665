package portfolio

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// slow is the obvious reading of docs/venues/portfolio.md in fractions: params looked up by name, every
// scenario worked out group by group. It shares nothing with the profile but what a market and an asset are.
type slow struct {
	params map[string]*big.Rat
	pool   *margin.Pool
}

func rat(v fixed.Int128) *big.Rat { return new(big.Rat).SetInt(v.Big()) }
func ratio(a, b int64) *big.Rat   { return big.NewRat(a, b) }

func down(x *big.Rat) *big.Rat { return new(big.Rat).SetInt(floorInt(x)) }
func up(x *big.Rat) *big.Rat   { return new(big.Rat).Neg(down(new(big.Rat).Neg(x))) }

func floorInt(x *big.Rat) *big.Int {
	q, r := new(big.Int).QuoRem(x.Num(), x.Denom(), new(big.Int))
	if r.Sign() < 0 {
		q.Sub(q, big.NewInt(1))
	}
	return q
}

func times2(a, b *big.Rat) *big.Rat { return new(big.Rat).Mul(a, b) }
func minus(a, b *big.Rat) *big.Rat  { return new(big.Rat).Sub(a, b) }
func plus(a, b *big.Rat) *big.Rat   { return new(big.Rat).Add(a, b) }

func least(a, b *big.Rat) *big.Rat {
	if b.Cmp(a) < 0 {
		return b
	}
	return a
}

func newSlow(list []events.Param, pool *margin.Pool) *slow {
	s := &slow{params: map[string]*big.Rat{}, pool: pool}
	for _, p := range list {
		s.params[p.Name], _ = new(big.Rat).SetString(p.Value.String())
	}
	return s
}

// get looks up a param, by the first of the names that is set.
func (s *slow) get(fallback *big.Rat, names ...string) *big.Rat {
	for _, name := range names {
		if v := s.params[name]; v != nil {
			return v
		}
	}
	return fallback
}

// groupOf names the group of an underlying: its number, or itself.
func (s *slow) groupOf(underlying string) string {
	if v := s.params["group."+underlying]; v != nil {
		return v.RatString()
	}
	return "own " + underlying
}

// line is a scenario: its name, weight, and shock of a group.
type line struct {
	name   string
	weight *big.Rat
	shock  func(group string) *big.Rat
}

func (s *slow) grid() (lines []line) {
	flat := func(name string, shock, weight *big.Rat) {
		lines = append(lines, line{name, weight, func(string) *big.Rat { return shock }})
	}
	grid := s.get(new(big.Rat), "grid").Num().Int64()
	if grid == 1 || grid == 3 {
		width, step := s.get(ratio(15, 100), "range"), s.get(ratio(3, 100), "step")
		for x := new(big.Rat).Neg(width); x.Cmp(width) <= 0; x = plus(x, step) {
			if x.Sign() != 0 {
				flat(shown(x), x, ratio(1, 1))
			}
		}
	}
	if grid == 2 || grid == 3 {
		for _, t := range [][4]int64{{-66, 100, 24, 100}, {-33, 100, 48, 100}, {50, 100, 32, 100}, {100, 100, 16, 100},
			{200, 100, 8, 100}, {300, 100, 533, 10000}, {400, 100, 4, 100}, {500, 100, 32, 1000}} {
			shock, weight := ratio(t[0], t[1]), ratio(t[2], t[3])
			flat(shown(shock)+" x "+shown(weight)[1:], shock, weight)
		}
	}
	for k := 1; k <= 99; k++ {
		name := fmt.Sprintf("%02d", k)
		if shock := s.params["shock."+name]; shock != nil {
			lines = append(lines, line{name, s.get(ratio(1, 1), "weight."+name), func(group string) *big.Rat {
				return s.get(shock, "shock."+name+".g"+group)
			}})
		}
	}
	return lines
}

// shown is a share in per cent, with its sign.
func shown(x *big.Rat) string {
	text := times2(x, ratio(100, 1)).FloatString(4)
	text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	if x.Sign() >= 0 {
		text = "+" + text
	}
	return text + "%"
}

// counted is what a value counts of a capped asset.
func counted(a *margin.Asset, v *big.Rat) *big.Rat {
	if a.Capped {
		return least(v, rat(a.Cap))
	}
	return v
}

func (s *slow) value(b *margin.Balance) *big.Rat {
	return down(times2(rat(b.Amount), ratio(b.Asset.Price, 1_000_000_000_000)))
}

func (s *slow) member(b *margin.Balance) bool { return s.params["group."+b.Asset.Name] != nil }

func worthOf(p *margin.Position) *big.Rat {
	return times2(times2(ratio(p.Size, 1), ratio(p.Market.Mark, 1)), ratio(p.Market.K, 1))
}

func (s *slow) equity() *big.Rat {
	sum := new(big.Rat)
	for i := range s.pool.Balances {
		b := &s.pool.Balances[i]
		switch {
		case b.Asset.Settlement:
			sum = plus(sum, rat(b.Amount))
		case s.member(b):
			sum = plus(sum, counted(b.Asset, s.value(b)))
		default:
			sum = plus(sum, counted(b.Asset, s.haircut(b)))
		}
	}
	for i := range s.pool.Positions {
		p := &s.pool.Positions[i]
		funding := times2(rat(p.FundingIndex.Sub(p.Market.FundingIndex)), times2(ratio(p.Size, 1), ratio(p.Market.K, 1_000_000_000_000)))
		sum = plus(sum, plus(minus(worthOf(p), rat(p.Entry)), down(funding)))
	}
	return sum
}

func (s *slow) haircut(b *margin.Balance) *big.Rat {
	v := s.value(b)
	if v.Sign() <= 0 {
		return v
	}
	sum, tiers := new(big.Rat), b.Asset.Haircuts
	for i, t := range tiers {
		part := minus(v, rat(t.Lower))
		if i+1 < len(tiers) {
			part = least(part, minus(rat(tiers[i+1].Lower), rat(t.Lower)))
		}
		if part.Sign() > 0 {
			sum = plus(sum, down(times2(part, minus(ratio(1, 1), ratio(t.Haircut, 1_000_000_000)))))
		}
	}
	return sum
}

// verdict is what a pool requires, and why.
type verdict struct {
	maintenance, initial, loss, credit, contingency *big.Rat
	name                                            string
	positions, balances                             []*big.Rat // losses
}

func (s *slow) judge() verdict {
	v := verdict{contingency: s.contingency()}
	for i, l := range s.grid() {
		losses, credit, positions, balances := s.scenario(l)
		loss := up(times2(minus(losses, credit), l.weight))
		if i == 0 || loss.Cmp(v.loss) > 0 {
			v.name, v.loss, v.credit, v.positions, v.balances = l.name, loss, credit, positions, balances
		}
	}
	v.maintenance = plus(v.loss, v.contingency)
	v.initial = up(times2(v.maintenance, s.get(ratio(125, 100), "initialFactor")))
	if len(s.pool.Positions) == 0 {
		v.maintenance = new(big.Rat)
	}
	return v
}

func (s *slow) contingency() *big.Rat {
	gross := map[string]*big.Rat{}
	for i := range s.pool.Positions {
		p := &s.pool.Positions[i]
		g := s.groupOf(p.Market.Underlying)
		if gross[g] == nil {
			gross[g] = new(big.Rat)
		}
		gross[g] = plus(gross[g], new(big.Rat).Abs(worthOf(p)))
	}
	sum := new(big.Rat)
	for g, n := range gross {
		sum = plus(sum, up(times2(n, s.get(new(big.Rat), "contingency."+g, "contingency"))))
	}
	return sum
}

func (s *slow) scenario(l line) (losses, credit *big.Rat, positions, balances []*big.Rat) {
	results := map[string]*big.Rat{}
	add := func(group string, r *big.Rat) *big.Rat {
		if results[group] == nil {
			results[group] = new(big.Rat)
		}
		results[group] = plus(results[group], r)
		return new(big.Rat).Neg(r)
	}
	for i := range s.pool.Positions {
		p := &s.pool.Positions[i]
		g := s.groupOf(p.Market.Underlying)
		positions = append(positions, add(g, down(times2(worthOf(p), l.shock(g)))))
	}
	for i := range s.pool.Balances {
		b := &s.pool.Balances[i]
		if b.Asset.Settlement || !s.member(b) {
			balances = append(balances, new(big.Rat))
			continue
		}
		g, v := s.groupOf(b.Asset.Name), s.value(b)
		after := plus(v, down(times2(v, l.shock(g))))
		balances = append(balances, add(g, minus(counted(b.Asset, after), counted(b.Asset, v))))
	}
	losses, credit = new(big.Rat), new(big.Rat)
	for _, r := range results {
		if r.Sign() < 0 {
			losses = minus(losses, r)
		}
	}
	for _, o := range s.offsets() {
		a, b := results[o.a], results[o.b]
		if a == nil || b == nil || a.Sign()*b.Sign() >= 0 {
			continue
		}
		used := least(new(big.Rat).Abs(a), new(big.Rat).Abs(b))
		credit = plus(credit, down(times2(used, o.share)))
		toward := func(r *big.Rat) *big.Rat {
			if r.Sign() > 0 {
				return minus(r, used)
			}
			return plus(r, used)
		}
		results[o.a], results[o.b] = toward(a), toward(b)
	}
	return losses, credit, positions, balances
}

type slowOffset struct {
	a, b  string
	key   int
	share *big.Rat
}

func (s *slow) offsets() (list []slowOffset) {
	for a := 1; a <= 9; a++ {
		for b := a + 1; b <= 9; b++ {
			if share := s.params[fmt.Sprintf("offset.%d.%d", a, b)]; share != nil {
				list = append(list, slowOffset{fmt.Sprint(a), fmt.Sprint(b), 10*a + b, share})
			}
		}
	}
	slices.SortStableFunc(list, func(x, y slowOffset) int {
		if c := y.share.Cmp(x.share); c != 0 {
			return c
		}
		return x.key - y.key
	})
	return list
}

// TestAgainstSlow: the profile's figures and the slow ones are the same, to the last digit.
func TestAgainstSlow(t *testing.T) {
	offset, capped := 0, 0
	eachSeed(t, 4000, func(t *testing.T, rng *rand.Rand) {
		list := randomParams(rng)
		p := newProfile(t, list)
		pool := randomPool(t, rng, p)
		h, s := p.Judge(pool), newSlow(list, pool)
		equal(t, "equity", h.Equity, s.equity())
		w := p.Worst(pool)
		if w == nil {
			if !h.Maintenance.IsZero() || !h.Initial.IsZero() {
				t.Errorf("requires %v without a scenario", h.Maintenance)
			}
			return
		}
		v := s.judge()
		equal(t, "maintenance", h.Maintenance, v.maintenance)
		equal(t, "initial", h.Initial, v.initial)
		equal(t, "loss", w.Loss, v.loss)
		equal(t, "offsets", w.Offsets, v.credit)
		equal(t, "contingency", w.Contingency, v.contingency)
		if w.Name != v.name {
			t.Errorf("worst scenario %s, want %s", w.Name, v.name)
		}
		for i := range w.Positions {
			equal(t, fmt.Sprint("position ", i), w.Positions[i], v.positions[i])
		}
		for i := range w.Balances {
			equal(t, fmt.Sprint("balance ", i), w.Balances[i], v.balances[i])
			if a := pool.Balances[i].Asset; a.Capped && !w.Balances[i].IsZero() {
				capped++
			}
		}
		if !w.Offsets.IsZero() {
			offset++
		}
	})
	if *seedFlag == 0 && (offset < 100 || capped < 100) {
		t.Errorf("only %d pools with offsets, %d with a capped balance that is shocked", offset, capped)
	}
}

func equal(t *testing.T, what string, got fixed.Int128, want *big.Rat) {
	t.Helper()
	if rat(got).Cmp(want) != 0 {
		t.Errorf("%s %v, want %s", what, got, want.FloatString(3))
	}
}
