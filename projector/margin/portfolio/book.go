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

func (m *memory) book() book {
	return book{legs: m.legs[:0], groups: m.groups[:0], pairs: m.pairs[:0]}
}

// open takes a pool apart, and returns its health but for the requirement.
func (b *book) open(p *Profile, pool *margin.Pool) margin.Health {
	b.p, b.positions = p, len(pool.Positions)
	h := margin.Health{Positions: len(pool.Positions)}
	for i := range pool.Positions {
		pos := &pool.Positions[i]
		m := pos.Market
		value := m.Value(pos.Size, m.Price())
		g := b.group(int(m.Own.(groupOf)), m.Underlying)
		b.legs = append(b.legs, leg{value: value, place: i, group: g})
		b.groups[g].gross = b.groups[g].gross.Add(value.Abs())
		h.Notional = h.Notional.Add(value.Abs())
		profit := value.Sub(pos.Entry)
		if profit.Sign() > 0 {
			h.Profit = h.Profit.Add(profit)
		}
		h.Equity = h.Equity.Add(profit).Add(margin.UnpostedFunding(pos))
		h.Unpriced = h.Unpriced || m.Mark == 0
	}
	for i := range pool.Balances {
		x := &pool.Balances[i]
		h.Equity = h.Equity.Add(b.balance(x, i))
		h.Unpriced = h.Unpriced || x.Asset.Price == 0 && !x.Asset.Settlement && x.Amount.Sign() < 0
	}
	b.pair()
	return h
}

// balance adds a balance to the legs if it is one, and returns what it adds to equity.
func (b *book) balance(x *margin.Balance, place int) fixed.Int128 {
	number, ok := b.p.isMember(x)
	if !ok {
		return b.p.Profile.CollateralValue(x)
	}
	value := worth(x)
	b.legs = append(b.legs, leg{value: value, asset: x.Asset, place: place, group: b.group(number, x.Asset.Name)})
	return standard.AtMostCap(x.Asset, value)
}

// group returns the index of a group, and adds it where it is new.
func (b *book) group(number int, underlying string) int {
	for i := range b.groups {
		if g := &b.groups[i]; g.number == number && (number != 0 || g.name == underlying) {
			return i
		}
	}
	g := group{number: number}
	if number == 0 {
		g.name = underlying
	}
	b.groups = append(b.groups, g)
	return len(b.groups) - 1
}

// pair finds the offsets between the groups at hand.
func (b *book) pair() {
	if len(b.groups) < 2 || len(b.p.offsets) == 0 {
		return
	}
	var at [MaxGroups + 1]int16
	for i := range b.groups {
		at[b.groups[i].number] = int16(i + 1)
	}
	at[0] = 0
	for _, o := range b.p.offsets {
		if i, j := at[o.a], at[o.b]; i != 0 && j != 0 && o.share > 0 {
			b.pairs = append(b.pairs, pair{a: int(i - 1), b: int(j - 1), share: o.share})
		}
	}
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
