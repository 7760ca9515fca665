package projector_test

import (
	"bytes"
	"testing"

	"marginledger/events"
	"marginledger/projector"
)

// Row finds every row that EachRow hands over, and nothing under a key that names none.
func TestRowOfKey(t *testing.T) {
	s := formatStory(t)
	n := 0
	var keys [][]byte
	values := map[string][]byte{}
	s.EachRow(func(r projector.Row) {
		keys = append(keys, bytes.Clone(r.Key))
		values[string(r.Key)] = bytes.Clone(r.Value)
	})
	for _, key := range keys {
		if got := s.Row(key); !bytes.Equal(got, values[string(key)]) {
			t.Errorf("row %q is %x, expected %x", key, got, values[string(key)])
		}
		n++
		for i := range key {
			other := bytes.Clone(key)
			other[i] ^= 1
			if got := s.Row(other); got != nil && !bytes.Equal(got, values[string(other)]) {
				t.Errorf("row %q is %x, and is not handed over", other, got)
			}
			if got := s.Row(key[:i]); got != nil {
				t.Errorf("row %q is %x", key[:i], got)
			}
		}
	}
	if n < 10 {
		t.Fatalf("only %d rows", n)
	}
	if at, ok := s.Clock("exch"); !ok || at == 0 || len(s.Venues()) != 1 || s.Venues()[0] != "exch" {
		t.Errorf("venues %v, clock %d", s.Venues(), at)
	}
	if _, ok := s.Clock("nowhere"); ok {
		t.Error("a venue that is not there has a clock")
	}
	accounts, held := 0, 0
	s.EachAccount(func(venue, owner string, sub uint32) {
		accounts++
		held += len(s.Money(venue, owner, sub))
	})
	if accounts != 2 || held != 4 {
		t.Errorf("%d accounts hold %d amounts", accounts, held)
	}
	for _, m := range s.Money("exch", "ann", 0) {
		if m.Amount.IsZero() || m.Scale != 12 {
			t.Errorf("%+v", m)
		}
	}
	market, ok := s.FundingIndex("exch", "BTC-PERP")
	size, index, held2 := s.Settled("exch", "ann", 0, "BTC-PERP", events.LegNet)
	if !ok || !held2 || size != 990 || index != market || market.IsZero() {
		t.Errorf("size %d, index %v of %v", size, index, market)
	}
	if _, _, ok := s.Settled("exch", "ann", 0, "BTC-PERP", events.LegLong); ok || s.Money("exch", "nobody", 0) != nil {
		t.Error("what is not there is held")
	}
}
