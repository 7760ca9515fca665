package gmx

import (
	"errors"
	"math/big"

	"marginledger/projector/margin"
)

// ErrRange is a number that the venue's fixed point does not hold: its contracts revert there.
var ErrRange = errors.New("gmx: out of the range of the fixed-point power")

var (
	wei     = pow10(18)
	halfWei = margin.Quo(pow10(18), two, margin.Down)
	float2w = pow10(12) // 1e30 is 1e18 · 1e12
)

// Power returns v^e for a USD value and an exponent (§3): below one USD it is 0, for e = 1 it is v, else
// the approximation of the venue on 18 digits. Squares are not exact.
func Power(v, e *big.Int) (*big.Int, error) {
	if v.Cmp(unit) < 0 {
		return new(big.Int), nil
	}
	if e.Cmp(unit) == 0 {
		return v, nil
	}
	x := margin.Quo(v, float2w, margin.Down)
	exponent := mulWei(log2(x), margin.Quo(e, float2w, margin.Down))
	out, err := exp2(exponent)
	if err != nil {
		return nil, err
	}
	return out.Mul(out, float2w), nil
}

// mulWei returns x·y/1e18, half up.
func mulWei(x, y *big.Int) *big.Int { return margin.Quo(mul(x, y), wei, margin.HalfUp) }

// log2 returns the binary logarithm of x ≥ 1e18, 18 digits: the integer part, then one bit for each
// squaring that passes 2. The weights of the bits are halved as integers, so there are 59 of them.
func log2(x *big.Int) *big.Int {
	n := uint(margin.Quo(x, wei, margin.Down).BitLen() - 1)
	out := new(big.Int).Mul(new(big.Int).SetUint64(uint64(n)), wei)
	y := new(big.Int).Rsh(x, n)
	if y.Cmp(wei) == 0 {
		return out
	}
	twoWei := mul(wei, two)
	for bit := new(big.Int).Set(halfWei); bit.Sign() > 0; bit.Rsh(bit, 1) {
		if y = margin.Quo(mul(y, y), wei, margin.Down); y.Cmp(twoWei) >= 0 {
			out.Add(out, bit)
			y.Rsh(y, 1)
		}
	}
	return out
}

// exp2 returns 2^x of 18 digits: the fraction as a product of roots of two in 64 binary digits, each
// product cut off there, then shifted by the integer part. x < 192.
func exp2(x *big.Int) (*big.Int, error) {
	if x.Cmp(mul(big.NewInt(192), wei)) >= 0 {
		return nil, ErrRange
	}
	binary := margin.Quo(new(big.Int).Lsh(x, 64), wei, margin.Down)
	whole := uint(new(big.Int).Rsh(binary, 64).Uint64())
	out := new(big.Int).Lsh(one, 191) // one half of what 192 bits hold
	for i, low := range rootsOfTwo {
		if binary.Bit(63-i) == 1 {
			root := new(big.Int).SetUint64(low)
			root.SetBit(root, 64, 1)
			out.Rsh(root.Mul(root, out), 64)
		}
	}
	out.Mul(out, wei)
	return out.Rsh(out, 191-whole), nil
}

// rootsOfTwo has 2^(2^-1), 2^(2^-2), … of 64 binary digits, without the leading 1. They are the
// constants of prb-math 2.4.3 (npm, public domain), not the roots rounded: the last digits matter.
var rootsOfTwo = [64]uint64{
	0x6a09e667f3bcc909, 0x306fe0a31b7152df, 0x172b83c7d517adce, 0x0b5586cf9890f62a,
	0x059b0d31585743ae, 0x02c9a3e778060ee7, 0x0163da9fb33356d8, 0x00b1afa5abcbed61,
	0x0058c86da1c09ea2, 0x002c605e2e8cec50, 0x00162f3904051fa1, 0x000b175effdc76ba,
	0x00058ba01fb9f96d, 0x0002c5cc37da9492, 0x000162e525ee0547, 0x0000b17255775c04,
	0x000058b91b5bc9ae, 0x00002c5c89d5ec6d, 0x0000162e43f4f831, 0x00000b1721bcfc9a,
	0x0000058b90cf1e6e, 0x000002c5c863b73f, 0x00000162e430e5a2, 0x000000b172183551,
	0x00000058b90c0b49, 0x0000002c5c8601cc, 0x000000162e42fff0, 0x0000000b17217fbb,
	0x000000058b90bfce, 0x00000002c5c85fe3, 0x0000000162e42ff1, 0x00000000b17217f8,
	0x0000000058b90bfc, 0x000000002c5c85fe, 0x00000000162e42ff, 0x000000000b17217f,
	0x00000000058b90c0, 0x0000000002c5c860, 0x000000000162e430, 0x0000000000b17218,
	0x000000000058b90c, 0x00000000002c5c86, 0x0000000000162e43, 0x00000000000b1721,
	0x0000000000058b91, 0x000000000002c5c8, 0x00000000000162e4, 0x000000000000b172,
	0x00000000000058b9, 0x0000000000002c5d, 0x000000000000162e, 0x0000000000000b17,
	0x000000000000058c, 0x00000000000002c6, 0x0000000000000163, 0x00000000000000b1,
	0x0000000000000059, 0x000000000000002c, 0x0000000000000016, 0x000000000000000b,
	0x0000000000000006, 0x0000000000000003, 0x0000000000000001, 0x0000000000000001,
}
