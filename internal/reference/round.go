package reference

import (
	"fmt"

	"github.com/shopspring/decimal"

	"marginledger/events"
)

// direction says where digits that are dropped go.
type direction int

const (
	floor  direction = iota // toward −∞
	ceil                    // toward +∞
	trunc                   // toward 0
	halfUp                  // to the nearest; halves toward +∞
)

var (
	zero = decimal.Zero
	one  = decimal.NewFromInt(1)
)

// round drops the digits of x after places digits behind the point.
func round(x decimal.Decimal, places int32, d direction) decimal.Decimal {
	return quotient(x, one, places, d)
}

// quotient returns a / b with places digits behind the point. b is not 0.
func quotient(a, b decimal.Decimal, places int32, d direction) decimal.Decimal {
	if b.IsNegative() {
		a, b = a.Neg(), b.Neg()
	}
	unit := decimal.New(1, -places)
	q, rest := a.QuoRem(b, places) // a = q·b + rest, truncated: rest has the sign of a
	switch {
	case rest.IsNegative() && d != trunc && d != ceil:
		q, rest = q.Sub(unit), rest.Add(unit.Mul(b)) // now floor
	case rest.IsPositive() && d == ceil:
		q = q.Add(unit)
	}
	if d == halfUp && rest.Mul(decimal.NewFromInt(2)).Cmp(unit.Mul(b)) >= 0 {
		q = q.Add(unit)
	}
	return q
}

// power returns 10^n.
func power(n int32) decimal.Decimal { return decimal.New(1, n) }

func smaller(a, b decimal.Decimal) decimal.Decimal { return decimal.Min(a, b) }
func larger(a, b decimal.Decimal) decimal.Decimal  { return decimal.Max(a, b) }

// number returns x as the events package writes it.
func number(x decimal.Decimal) events.Number {
	n, err := events.FromDecimal(x)
	if err != nil {
		panic(fmt.Sprintf("reference: %s is no number of an event: %v", x, err)) // § 1 bounds it
	}
	return n
}
