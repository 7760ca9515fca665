package margin

import (
	"fmt"
	"math/big"

	"marginledger/internal/fixed"
)

// Direction says which way a division rounds.
type Direction uint8

// The directions.
const (
	Down     Direction = iota // toward −∞
	Up                        // toward +∞
	ToZero                    // toward 0
	HalfUp                    // to nearest, halves away from 0; for display only
	HalfEven                  // to nearest, halves to the even neighbour: how doubles round
)

// MulDiv returns a·b/d, rounded in one direction: the one place where money is rounded. The
// product is exact. It panics where the quotient does not fit 128 bits or d is 0: bounds at
// admission exclude both.
func MulDiv(a fixed.Int128, b, d int64, dir Direction) fixed.Int128 {
	q, inexact, negative, ok := fixed.QuoRem(a, b, d)
	if !ok || dir == HalfUp || dir == HalfEven {
		return mulDivBig(a, fixed.FromInt64(b), fixed.FromInt64(d), dir)
	}
	if inexact && ((dir == Up && !negative) || (dir == Down && negative)) {
		q = q.Add(fixed.FromInt64(1))
	}
	if negative {
		q = q.Neg()
	}
	return q
}

// MulDivWide is MulDiv for wide factors; it allocates, and serves what is reported or rare.
func MulDivWide(a, b, d fixed.Int128, dir Direction) fixed.Int128 { return mulDivBig(a, b, d, dir) }

func mulDivBig(a, b, d fixed.Int128, dir Direction) fixed.Int128 {
	if d.IsZero() {
		panic(fmt.Sprintf("margin: %v · %v / 0", a, b))
	}
	q := Quo(new(big.Int).Mul(a.Big(), b.Big()), d.Big(), dir)
	out, ok := fixed.FromBig(q)
	if !ok {
		panic(fmt.Sprintf("margin: %v · %v / %v does not fit 128 bits", a, b, d))
	}
	return out
}

// Quo returns num/den, den ≠ 0, rounded in one direction, at any width.
func Quo(num, den *big.Int, dir Direction) *big.Int {
	q, r := new(big.Int).QuoRem(num, den, new(big.Int)) // toward 0
	if r.Sign() == 0 {
		return q
	}
	sign := num.Sign() * den.Sign()
	away := false
	switch dir {
	case Down:
		away = sign < 0
	case Up:
		away = sign > 0
	case HalfUp, HalfEven:
		half := r.Lsh(r, 1).CmpAbs(den)
		away = half > 0 || half == 0 && (dir == HalfUp || q.Bit(0) == 1)
	}
	if away {
		q.Add(q, big.NewInt(int64(sign)))
	}
	return q
}

// Scaled returns x·10^scale, rounded in one direction.
func Scaled(x *big.Rat, scale int, dir Direction) *big.Int {
	return Quo(new(big.Int).Mul(x.Num(), power10(scale)), x.Denom(), dir)
}

// Rounded returns x at a scale, rounded in one direction.
func Rounded(x *big.Rat, scale int, dir Direction) *big.Rat {
	return new(big.Rat).SetFrac(Scaled(x, scale, dir), power10(scale))
}

func power10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// ClosingPrice returns price − equity·share/(whole·size·k), rounded in one direction; 0 where that
// is not in [1, 10^18].
func ClosingPrice(price int64, equity, share, whole fixed.Int128, size, k int64, dir Direction) int64 {
	if whole.Bits()+fixed.Product(abs(size), k).Bits() <= 126 && equity.Bits()+share.Bits() <= 126 && equity.Sign() >= 0 && share.Sign() >= 0 {
		return closingPrice(price, equity, share, whole, size, k, dir)
	}
	den := new(big.Int).Mul(whole.Big(), big.NewInt(size))
	den.Mul(den, big.NewInt(k))
	num := new(big.Int).Mul(equity.Big(), share.Big())
	num.Sub(new(big.Int).Mul(big.NewInt(price), den), num)
	if den.Sign() < 0 {
		num.Neg(num)
		den.Neg(den)
	}
	q, r := new(big.Int).DivMod(num, den, new(big.Int)) // den > 0: rounds down
	if dir == Up && r.Sign() != 0 {
		q.Add(q, big.NewInt(1))
	}
	if q.Sign() <= 0 || q.Cmp(big.NewInt(1e18)) > 0 {
		return 0
	}
	return q.Int64()
}

// closingPrice is ClosingPrice for equity ≥ 0 where both products fit 128 bits: nearly always.
func closingPrice(price int64, equity, share, whole fixed.Int128, size, k int64, dir Direction) int64 {
	unit := fixed.Product(abs(size), k)
	moved, inexact := fixed.Divide(fixed.Multiply(equity, share), fixed.Multiply(whole, unit))
	// A long's is price − moved, a short's price + moved.
	if inexact && (dir == Up) == (size < 0) {
		moved = moved.Add(fixed.FromInt64(1))
	}
	if size > 0 {
		moved = moved.Neg()
	}
	p, ok := fixed.FromInt64(price).Add(moved).Int64()
	if !ok || p <= 0 || p > 1e18 {
		return 0
	}
	return p
}

// UnpostedFunding returns what settling a position now would post to its pool: −size · the
// index's move, at the value scale, rounded down. Sizes, prices and K fix the value scale:
// K = 10^(V − ps − ss), so the exponent between the scales is FundingScale − digits of K.
func UnpostedFunding(p *Position) fixed.Int128 {
	moved := p.Market.FundingIndex.Sub(p.FundingIndex)
	if moved.IsZero() {
		return moved
	}
	return scaledProduct(moved, -p.Size, p.Market.K, fixed.Pow10(FundingScale))
}

// scaledProduct returns floor(a·b·k/d), k and d powers of ten.
func scaledProduct(a fixed.Int128, b, k, d int64) fixed.Int128 {
	if k >= d {
		return MulDiv(a, b, 1, Down).Mul(k / d)
	}
	return MulDiv(a, b, d/k, Down)
}

// EntryPrice returns a position's average entry at the market's price scale, to the nearest unit:
// for display only.
func EntryPrice(p *Position) fixed.Int128 {
	entry, unit := p.Entry.Abs(), fixed.Product(abs(p.Size), p.Market.K)
	if u, ok := unit.Int64(); ok && u < 1<<62 && entry.Bits() < 120 {
		// Half up: floor((2·entry + unit) / 2·unit).
		return MulDiv(entry.Add(entry).Add(unit), 1, 2*u, Down)
	}
	return mulDivBig(entry, fixed.FromInt64(1), unit, HalfUp)
}

// IsStale reports that the market's mark is older than its rules allow.
func (m *Market) IsStale(now int64) bool {
	return m.Mark != 0 && m.MaxStaleness > 0 && now-m.MarkTime > m.MaxStaleness
}
