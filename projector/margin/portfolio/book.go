package portfolio

import (
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
	"marginledger/projector/margin/standard"
)

// book is a cross pool taken apart into what scenarios shock.
type book struct {
	p         *Profile
	positions int   // of the legs
	legs      []leg // of the positions, index by index, then of balances in the portfolio
	groups    []group
	pairs     []pair // offsets between groups of the pool, by share, falling
}

// leg is a position or a balance in the portfolio.
type leg struct {
	value fixed.Int128  // s·p·K, or floor(b·c)
	asset *margin.Asset // of a balance
	place int           // of the position or balance in the pool
	group int           // index
}

// group is a risk group that the pool is in.
type group struct {
	number int          // 0: of its own
	name   string       // of one of its own: the underlying
	gross  fixed.Int128 // Σ notional of positions
	result fixed.Int128 // in the scenario at hand
}

// pair is an offset between two groups of a pool.
type pair struct {
	a, b  int // indexes
	share int64
}

// memory has room for a pool of ordinary size, so that judging one allocates nothing.
type memory struct {
	legs   [12]leg
	groups [8]group
	pairs  [8]pair
}

// open takes a pool apart into the memory, and returns its health but for the requirement. (Books are handed
// on by value while they grow: through a pointer, their slices would not stay where they are.)
func (m *memory) open(p *Profile, pool *margin.Pool) (book, margin.Health) {
	b := book{p: p, positions: len(pool.Positions), legs: m.legs[:0], groups: m.groups[:0], pairs: m.pairs[:0]}
	h := margin.Health{Positions: len(pool.Positions)}
	for i := range pool.Positions {
		pos := &pool.Positions[i]
		x := pos.Market
		value := x.Value(pos.Size, x.Price())
		notional, profit := value.Abs(), value.Sub(pos.Entry)
		b = b.add(leg{value: value, place: i}, int(x.Own.(groupOf)), x.Underlying)
		g := &b.groups[b.legs[i].group]
		g.gross = g.gross.Add(notional)
		h.Notional = h.Notional.Add(notional)
		if profit.Sign() > 0 {
			h.Profit = h.Profit.Add(profit)
		}
		h.Equity = h.Equity.Add(profit).Add(margin.UnpostedFunding(pos))
		h.Unpriced = h.Unpriced || x.Mark == 0
	}
	for i := range pool.Balances {
		x := &pool.Balances[i]
		h.Equity = h.Equity.Add(p.CollateralValue(x))
		if number, ok := p.isMember(x); ok {
			b = b.add(leg{value: worth(x), asset: x.Asset, place: i}, number, x.Asset.Name)
		}
		h.Unpriced = h.Unpriced || x.Asset.Price == 0 && !x.Asset.Settlement && x.Amount.Sign() < 0
	}
	return b.paired(), h
}

// add returns the book with one leg more.
func (b book) add(l leg, number int, underlying string) book {
	for l.group < len(b.groups) {
		if g := &b.groups[l.group]; g.number == number && (number != 0 || g.name == underlying) {
			break
		}
		l.group++
	}
	if l.group == len(b.groups) {
		g := group{number: number}
		if number == 0 {
			g.name = underlying
		}
		b.groups = append(b.groups, g)
	}
	b.legs = append(b.legs, l)
	return b
}

// paired returns the book with the offsets between its groups.
func (b book) paired() book {
	if len(b.groups) < 2 || len(b.p.offsets) == 0 {
		return b
	}
	var at [MaxGroups + 1]int16 // 1 + index
	for i := range b.groups {
		if n := b.groups[i].number; n != 0 {
			at[n] = int16(i + 1)
		}
	}
	for _, o := range b.p.offsets {
		if i, j := at[o.a], at[o.b]; i != 0 && j != 0 && o.share > 0 {
			b.pairs = append(b.pairs, pair{a: int(i - 1), b: int(j - 1), share: o.share})
		}
	}
	return b
}

// shocked is what a leg gains in a scenario: floor(value·shock); of a balance with a cap, what it then
// counts more than now.
func (l *leg) shocked(shock int64) fixed.Int128 {
	gain := margin.MulDiv(l.value, shock, margin.OneMultiple, margin.Down)
	if l.asset == nil || !l.asset.Capped {
		return gain
	}
	return standard.AtMostCap(l.asset, l.value.Add(gain)).Sub(standard.AtMostCap(l.asset, l.value))
}

// loss returns what the pool loses in a scenario, ≥ 0 and not weighted, offsets taken, and the credit for
// those.
func (b *book) loss(line *scenario) (loss, credit fixed.Int128) {
	for i := range b.groups {
		b.groups[i].result = fixed.Int128{}
	}
	for i := range b.legs {
		l := &b.legs[i]
		g := &b.groups[l.group]
		g.result = g.result.Add(l.shocked(line.at(g.number)))
	}
	for i := range b.groups {
		if r := b.groups[i].result; r.Sign() < 0 {
			loss = loss.Sub(r)
		}
	}
	for i := range b.pairs {
		credit = credit.Add(b.offset(&b.pairs[i]))
	}
	return loss.Sub(credit), credit
}

// offset uses up the smaller of two opposite results, and returns the credit for it. Every result is
// used once at most, so that credits never pass losses.
func (b *book) offset(x *pair) fixed.Int128 {
	lost, won := &b.groups[x.a].result, &b.groups[x.b].result
	if won.Sign() < 0 {
		lost, won = won, lost
	}
	if lost.Sign() >= 0 || won.Sign() <= 0 {
		return fixed.Int128{}
	}
	used := lost.Neg()
	if won.Less(used) {
		used = *won
	}
	*lost, *won = lost.Add(used), won.Sub(used)
	return margin.MulDiv(used, x.share, margin.OneMultiple, margin.Down)
}

// worst returns the index of the scenario with the greatest weighted loss, of equal ones the first; its
// loss, rounded up, and the credit in it before it is weighted.
func (b *book) worst() (k int, loss, credit fixed.Int128) {
	for i := range b.p.grid {
		line := &b.p.grid[i]
		l, c := b.loss(line)
		l = margin.MulDiv(l, line.weight, margin.OneMultiple, margin.Up)
		if i == 0 || loss.Less(l) {
			k, loss, credit = i, l, c
		}
	}
	return k, loss, credit
}

// contingency is Σ over groups of ceil(share · gross notional).
func (b *book) contingency() (sum fixed.Int128) {
	for i := range b.groups {
		sum = sum.Add(b.contingencyOf(&b.groups[i]))
	}
	return sum
}

func (b *book) contingencyOf(g *group) fixed.Int128 {
	return margin.MulDiv(g.gross, b.p.settings.contingency[g.number], margin.OneMultiple, margin.Up)
}

// requirement implements §4.
func (b *book) requirement() fixed.Int128 {
	if len(b.legs) == 0 {
		return fixed.Int128{}
	}
	_, loss, _ := b.worst()
	return atMost(loss.Add(b.contingency()))
}

func atMost(requirement fixed.Int128) fixed.Int128 {
	if MaxRequirement.Less(requirement) {
		return MaxRequirement
	}
	return requirement
}

// share implements §5: what a position adds to the requirement in scenario k, ≥ 0.
func (b *book) share(k, position int) fixed.Int128 {
	l, line := &b.legs[position], &b.p.grid[k]
	number := b.groups[l.group].number
	share := margin.MulDiv(l.value.Abs(), b.p.settings.contingency[number], margin.OneMultiple, margin.Up)
	if r := l.shocked(line.at(number)); r.Sign() < 0 {
		share = share.Add(margin.MulDiv(r.Neg(), line.weight, margin.OneMultiple, margin.Up))
	}
	return share
}
