package margin

import "math/big"

// Some venues and clients work out what they print in IEEE 754 doubles, and the noise of that is in
// their last digits. These functions round as doubles do, on exact rationals: the core has no
// floats, and what it prints must not depend on a compiler that fuses a multiplication with an
// addition. Underflow and overflow are not modelled: no price or amount comes near.

const mantissa = 53 // bits of a double, the hidden one included

// Binary64 returns the double nearest to x, halves to even, as a rational.
func Binary64(x *big.Rat) *big.Rat {
	if x.Sign() == 0 {
		return new(big.Rat)
	}
	num, den := new(big.Int).Set(x.Num()), new(big.Int).Set(x.Denom())
	shift := mantissa - num.BitLen() + den.BitLen() // |x|·2^shift is in (2^52, 2^54)
	scale(num, den, shift)
	if limit := new(big.Int).Lsh(den, mantissa); num.CmpAbs(limit) >= 0 {
		scale(num, den, -1)
		shift--
	}
	q, one := Quo(num, den, HalfEven), big.NewInt(1)
	scale(q, one, -shift)
	return new(big.Rat).SetFrac(q, one)
}

// scale multiplies num/den by 2^shift.
func scale(num, den *big.Int, shift int) {
	if shift >= 0 {
		num.Lsh(num, uint(shift))
		return
	}
	den.Lsh(den, uint(-shift))
}

// ShortestBinary64 returns the decimal with the fewest digits after the point that reads back as the
// double nearest to x: what most languages print, below 2^53.
func ShortestBinary64(x *big.Rat) *big.Rat {
	d := Binary64(x)
	for scale := 0; ; scale++ { // a double has finitely many digits
		if s := Rounded(d, scale, HalfEven); Binary64(s).Cmp(d) == 0 {
			return s
		}
	}
}
