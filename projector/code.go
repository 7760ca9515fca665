package projector

import (
	"math"
	"math/bits"
)

// A code is an integer in 32 bits: monotone, exact up to 2^26, from there on with 26 significant bits. It
// halves what a move reads and what a holder takes. Bounds are coded towards the variable and variables
// away from their bounds, so that a bound may be left early by 2^-26 of the variable, and never late:
//
//	value < low  ⇒  floorCode(value) < ceilCode(low)
//
// For 0 ≤ m < 2^26 the code is m, beyond e·2^25 + floor(m / 2^e), with the e that leaves 26 bits: the next code
// is that of the next number of 26 significant bits. The code of −m is that of m, negated.
const (
	mantissa = 26
	// never is the code of a bound that is never left. All others are larger: at least −39·2^25.
	never = math.MinInt32
)

// floorCode returns the code of the largest number ≤ v that has one, ceilCode that of the smallest ≥ v.
func floorCode(v int64) int32 {
	if v < 0 {
		return -upper(uint64(-v))
	}
	return lower(uint64(v))
}

func ceilCode(v int64) int32 {
	if v < 0 {
		return -lower(uint64(-v))
	}
	return upper(uint64(v))
}

func lower(m uint64) int32 {
	e := max(bits.Len64(m)-mantissa, 0)
	return int32(e<<(mantissa-1)) + int32(m>>e)
}

func upper(m uint64) int32 {
	e := max(bits.Len64(m)-mantissa, 0)
	code := int32(e<<(mantissa-1)) + int32(m>>e)
	if m&(1<<e-1) != 0 {
		code++
	}
	return code
}

// decoded returns the number of a code.
func decoded(code int32) int64 {
	if code < 0 {
		return -decoded(-code)
	}
	e := max(code>>(mantissa-1)-1, 0)
	return int64(code-e<<(mantissa-1)) << e
}
