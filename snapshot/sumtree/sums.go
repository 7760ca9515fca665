package sumtree

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"marginledger/events"
	"marginledger/internal/fixed"
)

// Sum is what accounts have and owe of one asset at one venue, in units of 10^-Scale of the asset. Neither is ever
// negative, and each has at most 38 digits.
type Sum struct {
	Venue, Asset string
	Scale        uint8
	Liabilities  fixed.Int128 // what accounts have: the ledger owes it to them
	Receivables  fixed.Int128 // what accounts owe
}

// Sums are the sums of a node, in the order of (venue, asset). What would be 0 twice is absent.
type Sums []Sum

// errSums marks sums that no tree has.
var errSums = errors.New("impossible sums")

// tooMuch is the first number of 39 digits.
var tooMuch = fixed.FromInt64(1e18).Mul(1e18).Mul(100)

func inRange(v fixed.Int128) bool { return v.Sign() >= 0 && v.Less(tooMuch) }

func (s *Sum) compare(t *Sum) int {
	return cmp.Or(strings.Compare(s.Venue, t.Venue), strings.Compare(s.Asset, t.Asset))
}

// add appends a + b to dst. It fails where the sum of one asset has more than 38 digits, or two scales.
func (a Sums) add(dst, b Sums) (Sums, error) {
	for len(a) > 0 && len(b) > 0 {
		switch a[0].compare(&b[0]) {
		case -1:
			dst, a = append(dst, a[0]), a[1:]
			continue
		case 1:
			dst, b = append(dst, b[0]), b[1:]
			continue
		}
		s, t := a[0], &b[0]
		if s.Scale != t.Scale {
			return nil, fmt.Errorf("%w: %s at %s has amounts with %d and with %d digits after the point", errSums, s.Asset, s.Venue, s.Scale, t.Scale)
		}
		var ok, ok2 bool
		s.Liabilities, ok = s.Liabilities.AddOK(t.Liabilities)
		s.Receivables, ok2 = s.Receivables.AddOK(t.Receivables)
		if !ok || !ok2 || !inRange(s.Liabilities) || !inRange(s.Receivables) {
			return nil, fmt.Errorf("%w: those of %s at %s have more than 38 digits", errSums, s.Asset, s.Venue)
		}
		dst, a, b = append(dst, s), a[1:], b[1:]
	}
	return append(append(dst, a...), b...), nil
}

// check refuses what add does not make: wrong order, negative amounts, entries of nothing.
func (a Sums) check() error {
	for i := range a {
		s := &a[i]
		switch {
		case s.Venue == "" || s.Asset == "":
			return fmt.Errorf("%w: one without a venue or an asset", errSums)
		case i > 0 && a[i-1].compare(s) >= 0:
			return fmt.Errorf("%w: %s at %s is out of order", errSums, s.Asset, s.Venue)
		case !inRange(s.Liabilities) || !inRange(s.Receivables):
			return fmt.Errorf("%w: %s at %s is negative or has more than 38 digits", errSums, s.Asset, s.Venue)
		case s.Liabilities.IsZero() && s.Receivables.IsZero():
			return fmt.Errorf("%w: %s at %s is 0 and should be absent", errSums, s.Asset, s.Venue)
		case s.Scale > events.MaxNumberScale:
			return fmt.Errorf("%w: %s at %s has %d digits after the point", errSums, s.Asset, s.Venue, s.Scale)
		}
	}
	return nil
}

// append appends the sums as they are hashed.
func (a Sums) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(a)))
	for i := range a {
		s := &a[i]
		b = append(appendText(appendText(b, s.Venue), s.Asset), s.Scale)
		b = appendAmount(appendAmount(b, s.Liabilities), s.Receivables)
	}
	return b
}

// appendAmount appends an amount ≥ 0: the number of its bytes, then those, the most significant first and none of them
// a leading zero. So a wider amount than today's needs no other format.
func appendAmount(b []byte, v fixed.Int128) []byte {
	n := (v.Bits() + 7) / 8
	b = append(b, byte(n))
	for i := n - 1; i >= 0; i-- {
		word := v.Lo
		if i >= 8 {
			word = uint64(v.Hi)
		}
		b = append(b, byte(word>>(8*(i%8))))
	}
	return b
}

// sumJSON is how files show a Sum: amounts as decimals of the asset.
type sumJSON struct {
	Venue       string `json:"venue"`
	Asset       string `json:"asset"`
	Scale       uint8  `json:"scale"`
	Liabilities string `json:"liabilities"`
	Receivables string `json:"receivables"`
}

// MarshalJSON implements json.Marshaler.
func (s Sum) MarshalJSON() ([]byte, error) {
	return json.Marshal(sumJSON{s.Venue, s.Asset, s.Scale, string(s.Liabilities.Append(nil, int(s.Scale))), string(s.Receivables.Append(nil, int(s.Scale)))})
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *Sum) UnmarshalJSON(b []byte) error {
	var j sumJSON
	if err := strictJSON(b, &j); err != nil {
		return err
	}
	*s = Sum{Venue: j.Venue, Asset: j.Asset, Scale: j.Scale}
	var err error
	if s.Liabilities, err = parseAmount(j.Liabilities, j.Scale); err == nil {
		s.Receivables, err = parseAmount(j.Receivables, j.Scale)
	}
	return err
}

// parseAmount reads a decimal as a number of units of 10^-scale.
func parseAmount(text string, scale uint8) (fixed.Int128, error) {
	n, err := events.ParseNumber(text)
	if err != nil {
		return fixed.Int128{}, fmt.Errorf("amount %q: %w", text, err)
	}
	if n.Scale > scale {
		return fixed.Int128{}, fmt.Errorf("amount %q has more than %d digits after the point", text, scale)
	}
	v := n.Coef
	if v.Sign() < 0 {
		return v, fmt.Errorf("amount %q is negative", text)
	}
	for range scale - n.Scale {
		var ok bool
		if v, ok = v.MulOK(10); !ok {
			return v, fmt.Errorf("amount %q: %w", text, events.ErrNumberRange)
		}
	}
	if !inRange(v) {
		return v, fmt.Errorf("amount %q: %w", text, events.ErrNumberRange)
	}
	return v, nil
}
