package gmx

import (
	"math/big"

	"marginledger/projector/margin"
)

// Impact returns what a change of a side's open interest costs (negative) or brings, in USD, before any
// cap, and whether it improves the balance of longs and shorts (§3). usd is the signed change; tokens
// the same in index tokens, used if the balance is taken in tokens.
func (m *Market) Impact(index Pair, isLong bool, usd, tokens *big.Int) (*big.Int, bool, error) {
	before := m.OpenInterest
	virtual := m.VirtualInventory
	if m.BalanceInTokens {
		mid := index.Mid()
		before = Sides{mul(m.OpenInterestTokens.Long, mid), mul(m.OpenInterestTokens.Short, mid)}
		usd = mul(tokens, mid)
		if virtual != nil {
			virtual = mul(virtual, mid)
		}
	}
	impact, improved, err := m.impactOf(before, isLong, usd)
	if err != nil || impact.Sign() >= 0 || virtual == nil {
		return impact, improved, err
	}
	v := Sides{greatest(neg(virtual), zero), greatest(virtual, zero)}
	if usd.Sign() < 0 { // both sides up by the same: the balance stays, and no side falls below zero
		v = Sides{sub(v.Long, usd), sub(v.Short, usd)}
	}
	worse, worseImproved, err := m.impactOf(v, isLong, usd)
	if err != nil || worse.Cmp(impact) >= 0 {
		return impact, improved, err
	}
	return worse, worseImproved, nil
}

// impactOf returns the impact on two sides as they stand.
func (m *Market) impactOf(before Sides, isLong bool, usd *big.Int) (*big.Int, bool, error) {
	after := before
	if changed := greatest(add(before.Of(isLong), usd), zero); isLong {
		after.Long = changed
	} else {
		after.Short = changed
	}
	d0, d1 := abs(sub(before.Long, before.Short)), abs(sub(after.Long, after.Short))
	improved := d1.Cmp(d0) < 0
	factors, exponents := m.ImpactFactor.capped(), m.ImpactExponent.capped()

	// Which side is larger stays: one curve. It changes: down the good one, up the bad one.
	sameSide := (before.Long.Cmp(before.Short) <= 0) == (after.Long.Cmp(after.Short) <= 0)
	down, up := true, false
	if sameSide {
		down, up = improved, improved
	}
	gain, err := curve(d0, factors.Of(down), exponents.Of(down))
	if err != nil {
		return nil, false, err
	}
	loss, err := curve(d1, factors.Of(up), exponents.Of(up))
	if err != nil {
		return nil, false, err
	}
	impact := sub(gain, loss)
	if sameSide { // the sign comes from the balance, though the power is an approximation
		if impact.Abs(impact); !improved {
			impact.Neg(impact)
		}
	}
	return impact, improved, nil
}

// curve returns f·d^e, rounded down.
func curve(d, f, e *big.Int) (*big.Int, error) {
	p, err := Power(d, e)
	if err != nil {
		return nil, err
	}
	return Apply(p, f), nil
}

// capBySize limits what an impact brings to a part of the size (§3).
func (m *Market) capBySize(impact, size *big.Int) *big.Int {
	return least(impact, Apply(size, m.MaxImpact.capped().Positive))
}

// capByPool limits what an impact brings to what the impact pool has and may still borrow (§3).
func (m *Market) capByPool(p *Prices, impact *big.Int) *big.Int {
	has := mul(m.ImpactPool, p.Index.Min)
	if impact.Cmp(has) <= 0 {
		return impact
	}
	pool := add(m.PoolUSD(p, true, false), m.PoolUSD(p, false, false))
	lendable := least(Apply(pool, m.MaxLendableFactor), m.MaxLendUSD)
	lendable = greatest(sub(lendable, mul(m.Lent, p.Index.Max)), zero)
	return least(impact, add(has, lendable))
}

// PendingUSD values a pending impact: what it brings at the least price, what it costs at the greatest.
func PendingUSD(index Pair, tokens *big.Int) *big.Int {
	if tokens.Sign() > 0 {
		return mul(tokens, index.Min)
	}
	return mul(tokens, index.Max)
}

// Increase is what an order to increase a position comes to (§5).
type Increase struct {
	Impact         *big.Int // USD, signed
	ImpactTokens   *big.Int // added to the position's pending impact
	Tokens         *big.Int // added to its size in tokens: without the impact
	ExecutionPrice *big.Int // nil: the impact leaves no tokens, the venue refuses
	Improved       bool     // chooses the position fee
}

// Increase prices an order of size USD > 0.
func (m *Market) Increase(index Pair, isLong bool, size *big.Int) (*Increase, error) {
	out := &Increase{}
	if isLong {
		out.Tokens = margin.Quo(size, index.Max, margin.Down)
	} else {
		out.Tokens = margin.Quo(size, index.Min, margin.Up)
	}
	impact, improved, err := m.Impact(index, isLong, size, out.Tokens)
	if err != nil {
		return nil, err
	}
	out.Impact, out.Improved = m.capBySize(impact, size), improved

	// Against the trader either way: the gain in dear tokens, cut off; the loss in cheap ones, rounded
	// to the greater loss.
	price := index.Min
	if out.Impact.Sign() > 0 {
		price = index.Max
	}
	out.ImpactTokens = margin.Quo(out.Impact, price, margin.Down)

	tokens := add(out.Tokens, out.ImpactTokens)
	if !isLong {
		tokens = sub(out.Tokens, out.ImpactTokens)
	}
	if tokens.Sign() > 0 {
		out.ExecutionPrice = margin.Quo(size, tokens, margin.Down)
	}
	return out, nil
}
