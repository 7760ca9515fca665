package events

import (
	"errors"
	"fmt"

	"github.com/shopspring/decimal"

	"marginledger/internal/fixed"
)

// Bounds of a number on the wire.
const (
	MaxNumberDigits = 38 // significant digits of the coefficient
	MaxNumberScale  = 38 // digits after the point
)

// Errors of numbers.
var (
	ErrNumberSyntax = errors.New("not a decimal number")
	ErrNumberRange  = errors.New("more than 38 digits")
	ErrNumberDigits = errors.New("more digits after the point than allowed")
)

// Number is a decimal as it came over the wire: Coef · 10^-Scale. It carries no unit; the field
// that holds it says which. Trailing zeros after the point are dropped when it is parsed, so equal
// numbers have equal fields and Number may be compared with ==. The zero value is an absent
// number; a present zero has Present set.
type Number struct {
	Coef    fixed.Int128
	Scale   uint8
	Present bool
}

// ParseNumber parses an optional minus sign, digits, and optionally a point followed by digits:
// no exponent, plus sign, blank or leading zero before another digit. It does not allocate unless
// it fails.
func ParseNumber[T string | []byte](s T) (Number, error) {
	i, negative := 0, false
	if i < len(s) && s[i] == '-' {
		negative, i = true, i+1
	}
	start, point, end := i, -1, len(s)
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c == '.' && point < 0 && i > start:
			point = i
		case c < '0' || c > '9':
			return Number{}, ErrNumberSyntax
		}
	}
	if start == end || point == end-1 || (s[start] == '0' && end-start > 1 && point != start+1) {
		return Number{}, ErrNumberSyntax
	}
	scale := 0
	if point >= 0 {
		for s[end-1] == '0' {
			end--
		}
		scale = end - point - 1
	}
	if scale > MaxNumberScale {
		return Number{}, ErrNumberRange
	}
	var coef fixed.Int128
	small, digits := uint64(0), 0
	for i = start; i < end; i++ {
		if i == point || (digits == 0 && s[i] == '0') { // leading zeros are not significant
			continue
		}
		if digits++; digits > MaxNumberDigits {
			return Number{}, ErrNumberRange
		}
		d := uint64(s[i] - '0')
		if digits <= 18 {
			small = small*10 + d
			continue
		}
		if digits == 19 {
			coef = fixed.FromUint64(small)
		}
		var ok bool
		if coef, ok = coef.MulOK(10); !ok {
			return Number{}, ErrNumberRange
		}
		if coef, ok = coef.AddOK(fixed.FromUint64(d)); !ok {
			return Number{}, ErrNumberRange
		}
	}
	if digits < 19 {
		coef = fixed.FromUint64(small)
	}
	if negative {
		coef = coef.Neg()
	}
	return Number{Coef: coef, Scale: uint8(scale), Present: true}, nil
}

// NumberOf returns coef · 10^-scale, without trailing zeros after the point.
func NumberOf(coef fixed.Int128, scale int) Number {
	for scale > 0 {
		q, inexact, negative, _ := fixed.QuoRem(coef, 1, 10)
		if inexact {
			break
		}
		if negative {
			q = q.Neg()
		}
		coef, scale = q, scale-1
	}
	return Number{Coef: coef, Scale: uint8(scale), Present: true}
}

// MustNumber parses s and panics when it is no number: for constants.
func MustNumber(s string) Number {
	n, err := ParseNumber(s)
	if err != nil {
		panic(fmt.Sprintf("events: %q: %v", s, err))
	}
	return n
}

// FromDecimal returns d as a Number.
func FromDecimal(d decimal.Decimal) (Number, error) { return ParseNumber(d.String()) }

// Decimal returns n as a decimal; an absent number is zero.
func (n Number) Decimal() decimal.Decimal {
	return decimal.NewFromBigInt(n.Coef.Big(), -int32(n.Scale))
}

// Sign returns -1, 0 or 1.
func (n Number) Sign() int { return n.Coef.Sign() }

// Cmp compares n and m; an absent number is zero.
func (n Number) Cmp(m Number) int {
	a, aErr := n.At(int(max(n.Scale, m.Scale)))
	b, bErr := m.At(int(max(n.Scale, m.Scale)))
	switch { // what does not fit at the other's scale has the larger magnitude; not both scale up
	case aErr != nil:
		return n.Sign()
	case bErr != nil:
		return -m.Sign()
	}
	return a.Cmp(b)
}

// Neg returns −n.
func (n Number) Neg() Number { n.Coef = n.Coef.Neg(); return n }

// Abs returns |n|.
func (n Number) Abs() Number { n.Coef = n.Coef.Abs(); return n }

// At returns the coefficient of n at a given scale. It fails with ErrNumberDigits where n has more
// digits after the point than that, and with ErrNumberRange where the coefficient does not fit.
func (n Number) At(scale int) (fixed.Int128, error) {
	shift := scale - int(n.Scale)
	if shift < 0 {
		return fixed.Int128{}, ErrNumberDigits
	}
	c := n.Coef
	for shift > 0 {
		step := min(shift, 18)
		var ok bool
		if c, ok = c.MulOK(fixed.Pow10(step)); !ok {
			return fixed.Int128{}, ErrNumberRange
		}
		shift -= step
	}
	return c, nil
}

// Int64At returns the coefficient of n at a given scale as an int64, with the errors of At.
func (n Number) Int64At(scale int) (int64, error) {
	c, err := n.At(scale)
	if err != nil {
		return 0, err
	}
	v, ok := c.Int64()
	if !ok {
		return 0, ErrNumberRange
	}
	return v, nil
}

// Append appends n's text: the form that ParseNumber reads.
func (n Number) Append(dst []byte) []byte { return n.Coef.Append(dst, int(n.Scale)) }

// String returns n's text, or "" where n is absent.
func (n Number) String() string {
	if !n.Present {
		return ""
	}
	return string(n.Append(nil))
}

// MarshalText implements encoding.TextMarshaler.
func (n Number) MarshalText() ([]byte, error) { return n.Append(nil), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *Number) UnmarshalText(text []byte) (err error) {
	*n, err = ParseNumber(text)
	return err
}

// IsZero reports that n is absent: what "omitzero" asks.
func (n Number) IsZero() bool { return !n.Present }
