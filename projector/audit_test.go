package projector_test

import (
	"bytes"
	"testing"

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
}
