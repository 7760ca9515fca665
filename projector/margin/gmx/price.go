package gmx

import "math/big"

// farthest is where the search for a price ends: 2^128 units.
var farthest = new(big.Int).Lsh(one, 128)

// LiquidationPrice returns the index price at which a position becomes liquidatable (§4): there it is, one
// unit of price on the safe side it is not. nil: it is already, or no price on the losing side is one.
// The index has no spread there; the two other tokens keep their prices, but for one that is the index
// token and moves along. Open interest, the pool and what is owed stay as they are.
func (m *Market) LiquidationPrice(p *Prices, pos *Position, owed Owed, d *Discount, longIsIndex bool) (*big.Int, error) {
	c, err := m.closing(p.Index, pos)
	if err != nil {
		return nil, err
	}
	isSafe := func(x *big.Int) (bool, error) {
		at := *p
		at.Index = Pair{x, x}
		if longIsIndex {
			at.Long = at.Index
			if m.SingleToken {
				at.Short = at.Index
			}
		}
		if m.BalanceInTokens {
			if c, err = m.closing(at.Index, pos); err != nil {
				return false, err
			}
		}
		return m.healthOf(&at, pos, owed, d, forLiquidation, c).Reason == "", nil
	}
	safe := p.Index.forPnL(pos.IsLong, false)
	if ok, err := isSafe(safe); !ok {
		return nil, err
	}
	lost := one
	if !pos.IsLong {
		for lost = mul(safe, two); ; lost = mul(lost, two) {
			if ok, err := isSafe(lost); err != nil || !ok {
				break
			}
			if safe = lost; lost.Cmp(farthest) > 0 {
				return nil, nil
			}
		}
	}
	if ok, err := isSafe(lost); ok || err != nil {
		return nil, err
	}
	for abs(sub(safe, lost)).Cmp(one) > 0 {
		middle := new(big.Int).Rsh(add(safe, lost), 1)
		switch ok, err := isSafe(middle); {
		case err != nil:
			return nil, err
		case ok:
			safe = middle
		default:
			lost = middle
		}
	}
	return lost, nil
}
