package projector

import (
	"math"
	"math/bits"

	"marginledger/projector/margin"
)

// ladder keeps the bounds of one variable: for every holder, by slot, how far the variable may fall
// and rise. A move looks at the bounds that it leaves, and at the rest of one bucket, and at no other.
//
// Each side sorts its bounds into buckets of equal width, a doubly linked list each. To have one code
// for both, a rise is the fall of what is negated: a bound has the key low, or −high, and is left when
// the variable, or its negative, is < key. The largest keys are the nearest.
//
// What a bucket holds and in which order depends on history; it shows nowhere. docs/ladder.md §6.
type ladder struct {
	sides [2]side
	slots [][2]rung // by slot; the arrays that a scan reads
	last  int64     // the variable, as last told
	reach int64     // how far buckets reach; farther bounds are in the first one
	bulk  bool      // bounds are being set in bulk: nothing is linked
}

// rung is one side of a holder's bound, and its place in a bucket.
type rung struct {
	key        int64
	next, prev int32 // slots; none: no neighbour
}

// side is what is below the variable, or above it.
type side struct {
	near    int64  // no key in a bucket is larger
	base    int64  // the least key of bucket 0, but for those farther off
	hot     bucket // of keys that are always left
	linked  int32
	shift   uint8    // a bucket is 2^shift wide
	buckets []bucket // by distance, the farthest first
}

type bucket struct{ first, count int32 }

const (
	none      = -1
	hotBucket = -2

	never  = math.MinInt64 // key of a bound that is never left: in no bucket
	always = math.MaxInt64 // key of what is hot: in a bucket of its own on the falling side

	fewBuckets  = 16
	manyBuckets = 1 << 16
	perBucket   = 8 // bounds, at most, as long as there may be more buckets

	scanShare = 10  // of the slots, a tenth, are enough to read them all
	scanLeast = 256 // and so many
)

// newLadder returns an empty ladder around a value.
func newLadder(value, reach int64) *ladder {
	l := &ladder{last: value, reach: reach}
	for d := range l.sides {
		l.rebuild(d)
	}
	return l
}

// set gives a slot its bound.
func (l *ladder) set(slot int32, b margin.Bound) {
	l.grow(slot)
	l.put(0, slot, b.Low)
	l.put(1, slot, -max(b.High, -math.MaxInt64))
}

// heat makes a slot one that is left by every move.
func (l *ladder) heat(slot int32) {
	l.grow(slot)
	l.put(0, slot, always)
	l.put(1, slot, never)
}

func (l *ladder) grow(slot int32) {
	for int(slot) >= len(l.slots) {
		l.slots = append(l.slots, [2]rung{{never, none, none}, {never, none, none}})
	}
}

// bound returns a slot's bound, and whether it is hot.
func (l *ladder) bound(slot int32) (b margin.Bound, hot bool) {
	b = margin.Open
	if int(slot) < len(l.slots) {
		r := &l.slots[slot]
		b.Low, hot = r[0].key, r[0].key == always
		if r[1].key != never {
			b.High = -r[1].key
		}
	}
	return b, hot
}

func (l *ladder) put(d int, slot int32, key int64) {
	r, s := &l.slots[slot][d], &l.sides[d]
	if key != always {
		s.near = max(s.near, key) // also of a bound that was left and stays
	}
	if l.bulk {
		r.key = key
		return
	}
	if r.key == key {
		return
	}
	from, to := s.bucket(r.key), s.bucket(key)
	if from != to && from != none {
		l.unlink(d, slot, from)
	}
	r.key = key
	if from != to && to != none {
		l.link(d, slot, to)
		if s.linked > int32(len(s.buckets))*perBucket && len(s.buckets) < manyBuckets {
			l.rebuild(d)
		}
	}
}

// bucket returns the index of a key's bucket.
func (s *side) bucket(key int64) int {
	switch {
	case key == never:
		return none
	case key == always:
		return hotBucket
	case key < s.base:
		return 0
	}
	return int(min((uint64(key)-uint64(s.base))>>s.shift, uint64(len(s.buckets)-1)))
}

func (s *side) at(i int) *bucket {
	if i == hotBucket {
		return &s.hot
	}
	return &s.buckets[i]
}

func (l *ladder) link(d int, slot int32, to int) {
	b, r := l.sides[d].at(to), &l.slots[slot][d]
	r.next, r.prev = b.first, none
	if b.first != none {
		l.slots[b.first][d].prev = slot
	}
	b.first = slot
	b.count++
	l.sides[d].linked++
}

func (l *ladder) unlink(d int, slot int32, from int) {
	b, r := l.sides[d].at(from), &l.slots[slot][d]
	if r.next != none {
		l.slots[r.next][d].prev = r.prev
	}
	if r.prev != none {
		l.slots[r.prev][d].next = r.next
	} else {
		b.first = r.next
	}
	b.count--
	l.sides[d].linked--
}

// move tells the variable's new value, and appends the slots whose bound it leaves. Those stay where
// they are until they are set: all must be, before the next move. scanned says that there were so many,
// more than least, that every slot was looked at.
func (l *ladder) move(value, reach int64, least int, left []int32) (_ []int32, scanned bool) {
	l.reach = reach
	for d := range l.sides {
		if l.sides[d].strays(l.toward(d, l.last)) {
			l.rebuild(d)
		}
	}
	l.last = value
	for d := range l.sides {
		if key := l.toward(d, value); key < l.sides[d].near {
			var all bool
			left, all = l.leave(d, key, least, left)
			scanned = scanned || all
		}
	}
	return left, scanned
}

// toward returns a value as a key of a side.
func (l *ladder) toward(d int, value int64) int64 {
	if d == 0 {
		return value
	}
	return -value
}

// hot appends the slots that every move leaves.
func (l *ladder) hot(left []int32) []int32 { return l.append(left, 0, l.sides[0].hot.first) }

// append appends a bucket's slots.
func (l *ladder) append(left []int32, d int, slot int32) []int32 {
	for ; slot != none; slot = l.slots[slot][d].next {
		left = append(left, slot)
	}
	return left
}

// leave appends the slots of a side with a key above a value that is below near. The counts of the
// buckets say beforehand whether following their links or reading all slots is the shorter way.
func (l *ladder) leave(d int, value int64, least int, left []int32) (_ []int32, scanned bool) {
	s := &l.sides[d]
	top, end, count := s.bucket(s.near), s.bucket(value), 0
	for i := top; i >= end; i-- {
		count += int(s.buckets[i].count)
	}
	if count > least && count*scanShare > len(l.slots) {
		for i := range l.slots {
			if key := l.slots[i][d].key; key > value && key != always {
				left = append(left, int32(i))
			}
		}
		return left, true // near stays: the next move finds the nearest
	}
	for i := top; i > end; i-- {
		left = l.append(left, d, s.buckets[i].first)
	}
	s.near = never
	if end > 0 {
		s.near = s.edge(end) - 1
	}
	for slot := s.buckets[end].first; slot != none; slot = l.slots[slot][d].next {
		if key := l.slots[slot][d].key; key > value {
			left = append(left, slot)
		} else {
			s.near = max(s.near, key)
		}
	}
	return left, false
}

// edge returns the least key of a bucket other than the first.
func (s *side) edge(i int) int64 {
	if e := int64(uint64(s.base) + uint64(i)<<s.shift); e >= s.base {
		return e
	}
	return always - 1 // past the largest key
}

// linkAll makes buckets of what has been set in bulk.
func (l *ladder) linkAll() {
	l.bulk = false
	for d := range l.sides {
		l.sides[d].linked = int32(len(l.slots)) // about as many
		l.rebuild(d)
	}
}

// strays reports that the variable has come too near to an end of the buckets.
func (s *side) strays(value int64) bool {
	span := uint64(len(s.buckets)) << s.shift
	distance := uint64(value) - uint64(s.base)
	return value < s.base || distance < span/4 || distance > span
}

// rebuild lays the buckets of a side anew: as many as its bounds ask for, three quarters of them ahead of
// the variable.
func (l *ladder) rebuild(d int) {
	s := &l.sides[d]
	n := fewBuckets
	for n < manyBuckets && n*perBucket/2 < int(s.linked) {
		n *= 2
	}
	if len(s.buckets) != n {
		s.buckets = make([]bucket, n)
	}
	for i := range s.buckets {
		s.buckets[i] = bucket{first: none}
	}
	s.hot = bucket{first: none}
	s.shift = uint8(bits.Len64(uint64(max(min(l.reach, 1<<61), 1)) * 4 / 3 / uint64(n)))
	s.base = below(l.toward(d, l.last), int64(n)<<s.shift/4*3)
	s.near, s.linked = never, 0
	for i := range l.slots {
		key := l.slots[i][d].key
		if to := s.bucket(key); to != none {
			l.link(d, int32(i), to)
			if key != always {
				s.near = max(s.near, key)
			}
		}
	}
}

// below returns a − b, b ≥ 0, or the least key.
func below(a, b int64) int64 {
	if d := a - b; d <= a {
		return d
	}
	return never
}
