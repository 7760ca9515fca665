// Package fixed holds the exact integers that money is kept in.
//
// Nothing here rounds: division returns quotient and remainder, and the one place that rounds is
// projector/margin. Operations come in two forms. The plain ones panic when the result does not
// fit: the fold uses them where the bounds at admission make that impossible, so a panic means
// that we were wrong. Those ending in OK report it: they stand where numbers come in.
package fixed

import (
	"fmt"
	"math/big"
	"math/bits"
)

// Int128 is a signed 128-bit integer in two's complement, value Hi·2^64 + Lo.
// The zero value is 0. Int128 is comparable with ==.
type Int128 struct {
	Hi int64
	Lo uint64
}

// Max and Min are the bounds of Int128.
var (
	Max = Int128{Hi: 1<<63 - 1, Lo: 1<<64 - 1}
	Min = Int128{Hi: -1 << 63}
)

// FromInt64 returns v.
func FromInt64(v int64) Int128 { return Int128{Hi: v >> 63, Lo: uint64(v)} }

// FromUint64 returns v.
func FromUint64(v uint64) Int128 { return Int128{Lo: v} }

// Sign returns -1, 0 or 1.
func (a Int128) Sign() int {
	switch {
	case a.Hi < 0:
		return -1
	case a.Hi == 0 && a.Lo == 0:
		return 0
	}
	return 1
}

// IsZero reports a = 0.
func (a Int128) IsZero() bool { return a.Hi == 0 && a.Lo == 0 }

// Cmp returns -1, 0 or 1 as a is less than, equal to or greater than b.
func (a Int128) Cmp(b Int128) int {
	switch {
	case a.Hi < b.Hi:
		return -1
	case a.Hi > b.Hi:
		return 1
	case a.Lo < b.Lo:
		return -1
	case a.Lo > b.Lo:
		return 1
	}
	return 0
}

// Less reports a < b.
func (a Int128) Less(b Int128) bool { return a.Hi < b.Hi || (a.Hi == b.Hi && a.Lo < b.Lo) }

// AddOK returns a + b, and whether it fits.
func (a Int128) AddOK(b Int128) (Int128, bool) {
	lo, carry := bits.Add64(a.Lo, b.Lo, 0)
	hi, _ := bits.Add64(uint64(a.Hi), uint64(b.Hi), carry)
	r := Int128{Hi: int64(hi), Lo: lo}
	return r, (a.Hi^r.Hi)&(b.Hi^r.Hi) >= 0
}

// Add returns a + b; it panics when that does not fit.
func (a Int128) Add(b Int128) Int128 {
	r, ok := a.AddOK(b)
	if !ok {
		panic(fmt.Sprintf("fixed: %v + %v overflows 128 bits", a, b))
	}
	return r
}

// SubOK returns a − b, and whether it fits.
func (a Int128) SubOK(b Int128) (Int128, bool) {
	lo, borrow := bits.Sub64(a.Lo, b.Lo, 0)
	hi, _ := bits.Sub64(uint64(a.Hi), uint64(b.Hi), borrow)
	r := Int128{Hi: int64(hi), Lo: lo}
	return r, (a.Hi^b.Hi)&(a.Hi^r.Hi) >= 0
}

// Sub returns a − b; it panics when that does not fit.
func (a Int128) Sub(b Int128) Int128 {
	r, ok := a.SubOK(b)
	if !ok {
		panic(fmt.Sprintf("fixed: %v - %v overflows 128 bits", a, b))
	}
	return r
}

// Neg returns −a; it panics for Min.
func (a Int128) Neg() Int128 { return Int128{}.Sub(a) }

// Abs returns |a|; it panics for Min.
func (a Int128) Abs() Int128 {
	if a.Hi < 0 {
		return a.Neg()
	}
	return a
}

// magnitude returns |a| as two words; it holds for Min too.
func (a Int128) magnitude() (hi, lo uint64) {
	if a.Hi >= 0 {
		return uint64(a.Hi), a.Lo
	}
	lo, borrow := bits.Sub64(0, a.Lo, 0)
	hi, _ = bits.Sub64(0, uint64(a.Hi), borrow)
	return hi, lo
}

// fromMagnitude returns ±(hi·2^64 + lo), and whether it fits.
func fromMagnitude(hi, lo uint64, negative bool) (Int128, bool) {
	if !negative {
		return Int128{Hi: int64(hi), Lo: lo}, hi>>63 == 0
	}
	nlo, borrow := bits.Sub64(0, lo, 0)
	nhi, _ := bits.Sub64(0, hi, borrow)
	return Int128{Hi: int64(nhi), Lo: nlo}, hi < 1<<63 || (hi == 1<<63 && lo == 0)
}

// Product returns a·b, which always fits.
func Product(a, b int64) Int128 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	h := int64(hi)
	if a < 0 {
		h -= b
	}
	if b < 0 {
		h -= a
	}
	return Int128{Hi: h, Lo: lo}
}

// absInt64 returns |v| as a word; it holds for the smallest int64 too.
func absInt64(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

// MulOK returns a·b, and whether it fits.
func (a Int128) MulOK(b int64) (Int128, bool) {
	ah, al := a.magnitude()
	m := absInt64(b)
	over, hi1 := bits.Mul64(ah, m)
	carry, lo := bits.Mul64(al, m)
	hi, c := bits.Add64(hi1, carry, 0)
	r, ok := fromMagnitude(hi, lo, (a.Hi < 0) != (b < 0))
	return r, ok && over == 0 && c == 0
}

// Mul returns a·b; it panics when that does not fit.
func (a Int128) Mul(b int64) Int128 {
	r, ok := a.MulOK(b)
	if !ok {
		panic(fmt.Sprintf("fixed: %v * %d overflows 128 bits", a, b))
	}
	return r
}

// QuoRem returns |a·b / d| truncated, the remainder's being non-zero, and whether the result is
// negative: what a rounding site needs. The product is taken in 192 bits; ok is false when the
// quotient does not fit 128 bits. d must not be 0.
func QuoRem(a Int128, b, d int64) (quo Int128, inexact, negative, ok bool) {
	w2, w1, w0 := product192(a, absInt64(b))
	n := absInt64(d)
	if w2 == 0 && w1 < n { // the quotient fits a word: most do
		q, r := bits.Div64(w1, w0, n)
		return Int128{Lo: q}, r != 0, ((a.Hi < 0) != (b < 0)) != (d < 0), true
	}
	q2, r := w2/n, w2%n
	q1, r := bits.Div64(r, w1, n)
	q0, r := bits.Div64(r, w0, n)
	negative = ((a.Hi < 0) != (b < 0)) != (d < 0)
	return Int128{Hi: int64(q1), Lo: q0}, r != 0, negative, q2 == 0 && q1>>63 == 0
}

// Int64 returns a as an int64, and whether it fits.
func (a Int128) Int64() (int64, bool) {
	return int64(a.Lo), a.Hi == int64(a.Lo)>>63
}

// Big returns a as a big.Int.
func (a Int128) Big() *big.Int {
	r := new(big.Int).SetInt64(a.Hi)
	r.Lsh(r, 64)
	return r.Add(r, new(big.Int).SetUint64(a.Lo))
}

// FromBig returns v, and whether it fits.
func FromBig(v *big.Int) (Int128, bool) {
	if v.BitLen() > 127 && v.Cmp(Min.Big()) != 0 {
		return Int128{}, false
	}
	var w [16]byte
	new(big.Int).Abs(v).FillBytes(w[:])
	var hi, lo uint64
	for i := range 8 {
		hi = hi<<8 | uint64(w[i])
		lo = lo<<8 | uint64(w[8+i])
	}
	return fromMagnitude(hi, lo, v.Sign() < 0)
}

// pow10 holds the powers of ten that fit an int64.
var pow10 = [19]int64{1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// Pow10 returns 10^n for 0 ≤ n ≤ 18; it panics outside.
func Pow10(n int) int64 { return pow10[n] }

// String returns a in decimal digits.
func (a Int128) String() string {
	if v, ok := a.Int64(); ok {
		return fmt.Sprint(v)
	}
	return a.Big().String()
}

// Append appends the decimal digits of a, with scale digits after a point, without trailing
// zeros or a bare point: the one text form of an amount. It does not allocate.
func (a Int128) Append(dst []byte, scale int) []byte {
	if a.Hi < 0 {
		dst = append(dst, '-')
	}
	hi, lo := a.magnitude()
	var digits [40]byte
	n := len(digits)
	for hi == 0 && lo != 0 { // mostly
		n--
		digits[n] = byte('0' + lo%10)
		lo /= 10
	}
	for hi != 0 || lo != 0 {
		var r uint64
		hi, r = hi/1e18, hi%1e18
		lo, r = bits.Div64(r, lo, 1e18)
		for k := 0; k < 18 && (r != 0 || hi != 0 || lo != 0); k++ {
			n--
			digits[n] = byte('0' + r%10)
			r /= 10
		}
	}
	for len(digits)-n <= scale && n > 0 { // at least one digit before the point
		n--
		digits[n] = '0'
	}
	if n == len(digits) {
		n--
		digits[n] = '0'
	}
	point := len(digits) - scale
	dst = append(dst, digits[n:point]...)
	end := len(digits)
	for end > point && digits[end-1] == '0' {
		end--
	}
	if end > point {
		dst = append(dst, '.')
		dst = append(dst, digits[point:end]...)
	}
	return dst
}

// CmpProducts compares a·x with b·y exactly, for x, y ≥ 0: -1, 0 or 1.
func CmpProducts(a Int128, x int64, b Int128, y int64) int {
	sa, sb := a.Sign(), b.Sign()
	if x == 0 {
		sa = 0
	}
	if y == 0 {
		sb = 0
	}
	if sa != sb || sa == 0 {
		return min(max(sa-sb, -1), 1)
	}
	a2, a1, a0 := product192(a, uint64(x))
	b2, b1, b0 := product192(b, uint64(y))
	switch {
	case a2 != b2:
		return cmpWords(a2, b2) * sa
	case a1 != b1:
		return cmpWords(a1, b1) * sa
	case a0 != b0:
		return cmpWords(a0, b0) * sa
	}
	return 0
}

func cmpWords(a, b uint64) int {
	if a < b {
		return -1
	}
	return 1
}

// product192 returns |a|·m.
func product192(a Int128, m uint64) (w2, w1, w0 uint64) {
	ah, al := a.magnitude()
	w2, w1 = bits.Mul64(ah, m)
	c, w0 := bits.Mul64(al, m)
	w1, c = bits.Add64(w1, c, 0)
	return w2 + c, w1, w0
}

// Bits returns the number of bits of |a|.
func (a Int128) Bits() int {
	hi, lo := a.magnitude()
	if hi != 0 {
		return 64 + bits.Len64(hi)
	}
	return bits.Len64(lo)
}

// Shift returns a / 2^n for 0 ≤ n < 128, rounded toward −∞.
func (a Int128) Shift(n int) Int128 {
	switch {
	case n == 0:
		return a
	case n >= 64:
		return FromInt64(a.Hi >> (n - 64))
	}
	return Int128{Hi: a.Hi >> n, Lo: a.Lo>>n | uint64(a.Hi)<<(64-n)}
}

// Divide returns a/d truncated and whether something remains, for a ≥ 0 and d > 0.
func Divide(a, d Int128) (quo Int128, inexact bool) {
	ah, al, dh, dl := uint64(a.Hi), a.Lo, uint64(d.Hi), d.Lo
	if dh == 0 {
		q1, r := ah/dl, ah%dl
		q0, r := bits.Div64(r, al, dl)
		return Int128{Hi: int64(q1), Lo: q0}, r != 0
	}
	// The quotient fits a word. Half of a, by d's top word brought up to 64 bits, is at most one more
	// than it (Hacker's Delight, divlu).
	n := bits.LeadingZeros64(dh)
	top := dh<<n | dl>>(64-n)
	q, _ := bits.Div64(ah>>1, ah<<63|al>>1, top)
	q >>= 63 - n
	if q > 0 {
		q--
	}
	rest := a.Sub(FromUint64(q).timesWord(d))
	if !rest.Less(d) {
		q++
		rest = rest.Sub(d)
	}
	return Int128{Lo: q}, !rest.IsZero()
}

// timesWord returns d times a, which is a single word; the caller knows that it fits.
func (a Int128) timesWord(d Int128) Int128 {
	hi, lo := bits.Mul64(d.Lo, a.Lo)
	return Int128{Hi: int64(hi + uint64(d.Hi)*a.Lo), Lo: lo}
}

// Multiply returns a·b for a, b ≥ 0 with Bits that add up to at most 127; it panics where they do
// not fit.
func Multiply(a, b Int128) Int128 {
	if a.Hi != 0 {
		a, b = b, a
	}
	if a.Hi != 0 || a.Bits()+b.Bits() > 127 {
		panic(fmt.Sprintf("fixed: %v * %v may not fit 128 bits", a, b))
	}
	return a.timesWord(b)
}
