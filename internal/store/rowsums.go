package store

import "math/bits"

// rowSums holds a hash per row by the hash of its key. It is a table with linear probing, in the order of the keys but for
// the probing: one access replaces a value, where a map needs two, and it grows by a quarter, in one sweep.
type rowSums struct {
	slots []rowSum
	used  int
}

// rowSum is a slot; the key is 0 in an empty one.
type rowSum struct{ key, value uint64 }

// home is where a key belongs.
func (t *rowSums) home(key uint64) int {
	at, _ := bits.Mul64(key, uint64(len(t.slots)))
	return int(at)
}

// find returns the slot of a key, or the empty one where it would be.
func (t *rowSums) find(key uint64) int {
	i := t.home(key)
	for t.slots[i].key != key && t.slots[i].key != 0 {
		if i++; i == len(t.slots) {
			i = 0
		}
	}
	return i
}

// put sets the value of a key and returns what it was, 0 where it had none.
func (t *rowSums) put(key, value uint64) (before uint64) {
	key = max(key, 1)
	if t.used >= len(t.slots)/8*7 {
		t.grow()
	}
	s := &t.slots[t.find(key)]
	if s.key == 0 {
		t.used++
	}
	before = s.value
	*s = rowSum{key, value}
	return before
}

func (t *rowSums) grow() {
	old := t.slots
	t.slots = make([]rowSum, max(1024, len(old)/4*5))
	for _, s := range old {
		if s.key != 0 {
			t.slots[t.find(s.key)] = s
		}
	}
}

// take removes a key and returns its value, 0 where it had none.
func (t *rowSums) take(key uint64) (before uint64) {
	if t.used == 0 {
		return 0
	}
	i := t.find(max(key, 1))
	if t.slots[i].key == 0 {
		return 0
	}
	before = t.slots[i].value
	t.used--
	// What was put behind because its home was taken moves up.
	for k := i; ; {
		if k++; k == len(t.slots) {
			k = 0
		}
		s := t.slots[k]
		if s.key == 0 {
			break
		}
		if home := t.home(s.key); (k-home+len(t.slots))%len(t.slots) >= (k-i+len(t.slots))%len(t.slots) {
			t.slots[i] = s
			i = k
		}
	}
	t.slots[i] = rowSum{}
	return before
}
