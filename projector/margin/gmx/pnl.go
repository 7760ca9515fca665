package gmx

import (
	"math/big"

	"marginledger/projector/margin"
)

// UncappedPnL returns what the whole position has won or lost, in USD, at one index price (§2).
func (p *Position) UncappedPnL(price *big.Int) *big.Int {
	return pnl(p.IsLong, p.Size, p.Tokens, price)
}

func pnl(isLong bool, size, tokens, price *big.Int) *big.Int {
	if isLong {
		return sub(mul(tokens, price), size)
	}
	return sub(size, mul(tokens, price))
}

// SidePnL returns the PnL of all positions of one side, at the price that makes it greatest or least.
func (m *Market) SidePnL(index Pair, isLong, greatest bool) *big.Int {
	size, tokens := m.OpenInterest.Of(isLong), m.OpenInterestTokens.Of(isLong)
	if size.Sign() == 0 || tokens.Sign() == 0 {
		return new(big.Int)
	}
	return pnl(isLong, size, tokens, index.forPnL(isLong, greatest))
}

// PnL returns the whole position's PnL at its worse price; a profit is scaled down where its side has won
// more than the share of the pool that traders may take (§2).
func (m *Market) PnL(p *Prices, pos *Position) *big.Int {
	out := pos.UncappedPnL(p.Index.forPnL(pos.IsLong, false))
	if out.Sign() <= 0 {
		return out
	}
	all := m.SidePnL(p.Index, pos.IsLong, true)
	most := Apply(m.PoolUSD(p, pos.IsLong, false), m.MaxPnLForTraders.Of(pos.IsLong))
	if most.Sign() > 0 && all.Cmp(most) > 0 {
		return margin.Quo(mul(out, most), all, margin.Down)
	}
	return out
}

// TokensOf returns how many of its tokens a position gives up with a part of its size, 0 ≤ part ≤ size:
// a long's up, a short's down, so that the rest never gains by it (§2).
func (p *Position) TokensOf(part *big.Int) *big.Int {
	switch {
	case part.Cmp(p.Size) == 0:
		return p.Tokens
	case p.IsLong:
		return margin.Quo(mul(p.Tokens, part), p.Size, margin.Up)
	}
	return margin.Quo(mul(p.Tokens, part), p.Size, margin.Down)
}
