package hyperliquid

import "math/big"

// Candidate is a position on the other side of one that must be deleveraged.
type Candidate struct {
	Position   *Position
	Unrealised *big.Rat // USDC
	Equity     *big.Rat // of its account, USDC
	Margin     *big.Rat // what it uses: initial margin, or the equity of its isolated pool
}

// Rank orders candidates: the highest is closed first, ties by account. The venue publishes no
// queue and three sources disagree (§10), so a rank has a name.
type Rank func(*Candidate) *big.Rat

// Ranks.
const (
	RankDocumented = "documented"       // (mark/entry)·(notional/account value), the inverse ratio for shorts
	RankScored     = "scored"           // notional/account value · profit/entry notional
	RankReturn     = "return-on-margin" // unrealised PnL/margin
)

// RankByName returns a rank.
func RankByName(name string) (Rank, bool) {
	switch name {
	case RankDocumented:
		return rankDocumented, true
	case RankScored:
		return rankScored, true
	case RankReturn:
		return rankReturn, true
	}
	return nil, false
}

var least = big.NewRat(1, 1e8) // no denominator is less

func ratio(num, den *big.Rat) *big.Rat {
	if den.Cmp(least) < 0 {
		den = least
	}
	return new(big.Rat).Quo(num, den)
}

// entryNotional returns |size|·entry: what is left of the value without the PnL.
func (c *Candidate) entryNotional() *big.Rat {
	n := new(big.Rat).Sub(Amount(c.Position.Value()), c.Unrealised)
	return n.Abs(n)
}

func rankDocumented(c *Candidate) *big.Rat {
	n, entry := Amount(c.Position.Notional), c.entryNotional()
	move := ratio(n, entry)
	if c.Position.side() < 0 {
		move = ratio(entry, n)
	}
	return move.Mul(move, ratio(n, c.Equity))
}

func rankScored(c *Candidate) *big.Rat {
	profit := c.Unrealised
	if profit.Sign() < 0 {
		profit = new(big.Rat)
	}
	r := ratio(profit, c.entryNotional())
	return r.Mul(r, ratio(Amount(c.Position.Notional), c.Equity))
}

func rankReturn(c *Candidate) *big.Rat { return ratio(c.Unrealised, c.Margin) }
