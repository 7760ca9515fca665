package margin

import (
	"math"
	"math/bits"

	"marginledger/internal/fixed"
)

// Term is a variable of a pool with what its moves can take from the slack to an edge.
//
// While the key stays within the box, a key that lies d above Value takes at most Up·d/Scale, one
// that lies d below at most Down·d/Scale: slopes as exact fractions. A side that can take nothing
// has cost 0; then only the box bounds it.
type Term struct {
	Variable  Variable
	Index     int          // of the position or balance in the pool
	Value     int64        // the key now
	Scale     int64        // > 0: how far the key goes, compared with the other variables
	Down, Up  fixed.Int128 // what a move by Scale takes, ≥ 0, rounded up
	Low, High int64        // the box; Low ≤ Value ≤ High
	Blur      int64        // a key that moves by d stands for a variable that moves by less than d + Blur

	down, up int // powers of two by which a side's share differs from Scale · slack / Σ weights
}

// Terms are what a profile says about one edge of a pool. A buffer: the fold owns it.
type Terms struct {
	// Slack is what may be taken before the edge is reached, rounded down, less an allowance for
	// every rounding in the figures that decide.
	Slack fixed.Int128
	List  []Term
}

// Reset empties the terms for the next edge.
func (t *Terms) Reset() { t.Slack, t.List = fixed.Int128{}, t.List[:0] }

// add returns a new term, valid until the next is added.
func (t *Terms) add() *Term {
	t.List = append(t.List, Term{})
	return &t.List[len(t.List)-1]
}

// OfMarket adds a price of the market of position i, without costs and box: Scale is the price
// itself, so that the costs are those of a move by 100 %.
func (t *Terms) OfMarket(v Variable, i int, m *Market) *Term { return t.ofPrice(v, i, m.Key(v)) }

// OfAsset adds a price of the asset of balance i, likewise.
func (t *Terms) OfAsset(v Variable, i int, a *Asset) *Term { return t.ofPrice(v, i, a.Key(v)) }

// OfBalance adds the price of the asset of balance i.
func (t *Terms) OfBalance(i int, a *Asset) *Term { return t.OfAsset(VarCollateral, i, a) }

func (t *Terms) ofPrice(v Variable, i int, key int64) *Term {
	term := t.add()
	*term = Term{Variable: v, Index: i, Value: key, Scale: max(key, 1), Low: math.MinInt64, High: math.MaxInt64}
	return term
}

// OfTime adds the venue's shard time, now; the costs are those of a move by scale nanoseconds.
func (t *Terms) OfTime(now, scale int64) *Term {
	term := t.add()
	*term = Term{Variable: VarTime, Value: now, Scale: scale, Low: math.MinInt64, High: math.MaxInt64}
	return term
}

// fundingShare: a funding index is expected to go a 256th of the way of its price.
const fundingShare = 8

// OfFunding adds the funding index of the market of position i with its costs, where equity counts
// unposted funding as UnpostedFunding does: −size · K / 10^12 for each unit of the index. What the
// position's rounding adds is the profile's to allow for: one unit.
func (t *Terms) OfFunding(i int, p *Position, e Edge) *Term {
	m, shift := p.Market, p.Market.FundingShift()
	// A 256th of the price, as an index: price · 10^12 / 2^8; as a key, rounded down.
	scale, _ := fixed.Product(m.Price(), fixed.Pow10(FundingScale)).Shift(fundingShare + shift).Int64()
	// |size|·K·index/10^12 ≤ |size|·K·price/2^8, as the scale is rounded down.
	cost := m.Notional(p.Size, m.Price()).Shift(fundingShare).Add(fixed.FromInt64(1))
	if scale == 0 { // the price is many orders below the largest admitted
		scale = 1
		cost = scaledProduct(fixed.FromInt64(1<<shift), abs(p.Size), m.K, fixed.Pow10(FundingScale)).Add(fixed.FromInt64(1))
	}
	term := t.add()
	*term = Term{Variable: VarFunding, Index: i, Value: m.FundingKey(), Scale: scale, Low: math.MinInt64, High: math.MaxInt64, Blur: 1}
	if (p.Size > 0) != e.Upper {
		term.Up = cost
	} else {
		term.Down = cost
	}
	return term
}

// Has reports that a variable of the pool is among the terms.
func (t *Terms) Has(v Variable) bool {
	for i := range t.List {
		if t.List[i].Variable == v {
			return true
		}
	}
	return false
}

// Narrow narrows the pool's bounds so that no more than the slack can be taken while every variable
// lies within its own; it returns false where there is no slack, and any move may matter.
// docs/ladder.md has the proof.
//
// Variable i has the weight w = ceil(c/2^r), c its larger cost and r a third of the bits of c, and may
// take w·slack/Σw. Any weights are sound. These are about c^(2/3): the split that has the least
// visits where variables wander by Scale, each on its own, as the rate of visits is then Σ (c/share)².
func (t *Terms) Narrow(b *Bounds) bool {
	if t.Slack.Sign() <= 0 {
		return false
	}
	var weights fixed.Int128
	for i := range t.List {
		weights = weights.Add(t.List[i].weigh())
	}
	share := quotient(t.Slack, weights)
	for i := range t.List {
		t.List[i].narrow(b.At(t.List[i].Variable, t.List[i].Index), share)
	}
	return true
}

// weigh returns the term's weight. A side that costs less than half of the other may go twice as far.
func (t *Term) weigh() fixed.Int128 {
	c, other := t.Down, t.Up
	if c.Less(other) {
		c, other = other, c
	}
	n := c.Bits()
	if n == 0 {
		return c
	}
	root := n / 3
	t.down, t.up = -root, -root
	if !other.IsZero() {
		more := max(n-other.Bits()-1, 0)
		if t.Down.Less(t.Up) {
			t.down += more
		} else {
			t.up += more
		}
	}
	if c.Hi == 0 {
		return fixed.FromUint64(c.Lo>>root + 1)
	}
	return c.Shift(root).Add(fixed.FromInt64(1))
}

func (t *Term) narrow(b *Bound, share binary) {
	low, high := t.Low, t.High
	if !t.Down.IsZero() {
		low = max(low, saturated(t.Value, -share.times(t.Scale, t.down), t.Blur))
	}
	if !t.Up.IsZero() {
		high = min(high, saturated(t.Value, share.times(t.Scale, t.up), -t.Blur))
	}
	if low <= 0 && t.Variable.isPrice() {
		low = math.MinInt64
	}
	b.Low, b.High = max(b.Low, low), min(b.High, high)
}

// saturated returns value + move + blur, cut off at the ends of int64.
func saturated(value, move, blur int64) int64 {
	v := value + move
	switch {
	case move > 0 && v < value:
		return math.MaxInt64
	case move < 0 && v > value:
		return math.MinInt64
	case blur > 0 && v > math.MaxInt64-blur, blur < 0 && v < math.MinInt64-blur:
		return v
	}
	return v + blur
}

// binary is mantissa · 2^exponent.
type binary struct {
	mantissa uint64
	exponent int
}

// normal returns a > 0 with 64 significant bits, rounded down, or up.
func normal(a fixed.Int128, up bool) binary {
	n := a.Bits()
	if n <= 64 {
		return binary{a.Lo << (64 - n), n - 64}
	}
	m := binary{a.Shift(n - 64).Lo, n - 64}
	if up && a.Lo<<(128-n) != 0 {
		if m.mantissa++; m.mantissa == 0 {
			return binary{1 << 63, n - 63}
		}
	}
	return m
}

// quotient returns a/b rounded down, for a > 0 and b ≥ 0; where b is 0 nothing is divided by it.
func quotient(a, b fixed.Int128) binary {
	if b.IsZero() {
		return binary{}
	}
	n, d := normal(a, false), normal(b, true)
	q, _ := bits.Div64(n.mantissa>>1, n.mantissa<<63, d.mantissa) // n.mantissa·2^63 / d.mantissa, d ≥ 2^63
	return binary{q, n.exponent - d.exponent - 63}
}

// times returns scale · q · 2^shift rounded down, scale ≥ 0, cut off at the largest int64.
func (q binary) times(scale int64, shift int) int64 {
	hi, lo := bits.Mul64(uint64(scale), q.mantissa)
	shift += q.exponent
	switch {
	case hi|lo == 0, shift <= -128:
		return 0
	case shift >= 0:
		if hi != 0 || bits.Len64(lo)+shift > 63 {
			return math.MaxInt64
		}
		return int64(lo << shift)
	case shift <= -64:
		return int64(hi >> (-shift - 64)) // hi < 2^63, as scale is
	case hi>>(-shift-1) != 0: // 63 bits at most
		return math.MaxInt64
	}
	return int64(hi<<(64+shift) | lo>>-shift)
}
