package projector

import (
	"math"

	"marginledger/projector/margin"
)

// bounds keeps how far the variables of a market or an asset may go before its holders must be judged, by
// slot and lane: each variable in use has two lanes, for its fall and its rise. The bounds of a slot lie
// together, so that giving a holder new ones reads one cache line.
//
// For both sides to work alike, a rise is the fall of what is negated: a bound has the keys low and −high, as
// codes, and is left when the variable, or its negative, is < key. The largest key is the nearest.
//
// What is derived from history here (slots, limits) shows nowhere. docs/ladder.md §6.
type bounds struct {
	keys    []int32 // by slot and lane: codes
	slots   int
	stride  int // lanes
	ladders [margin.Variables]*ladder
	used    uint16 // the variables that have a ladder, as bits
	hot     marks  // slots without bounds, which every move leaves
	ahead   int32  // keeps the compiler from leaving out what is read ahead
}

// ladder finds the bounds of one variable that a move leaves, without looking at the others.
//
// Slots are grouped into leaves, leaves into blocks, blocks into larger ones. Of each the ladder has a
// limit, which no key in it exceeds. A new key raises the limits above it where it must; limits come down
// when a move has found nothing left below them. So a move that leaves no bound compares once, one that
// leaves a few reads their leaves, and a jump reads all keys in order.
type ladder struct {
	top    [2]int32     // by side: the limit of all
	lane   int          // of the fall; that of the rise is the next
	leaves [2][]int32   // limits by side and leaf
	blocks [2][][]int32 // limits by side, level and block; the last level has one
	found  []int32      // a buffer: leaves
}

const (
	none     = -1
	leafBits = 4
	leaf     = 1 << leafBits // slots
	fanBits  = 4
	fan      = 1 << fanBits // groups in a block
)

// grow adds a slot, without bounds.
func (b *bounds) grow() {
	b.slots++
	for range b.stride {
		b.keys = append(b.keys, never)
	}
	b.hot.grow(b.slots)
	for _, l := range b.ladders {
		if l != nil {
			l.grow(b.slots)
		}
	}
}

// widen adds the lanes of a variable.
func (b *bounds) widen(v margin.Variable) *ladder {
	wide := make([]int32, 0, b.slots*(b.stride+2))
	for i := range b.slots {
		wide = append(wide, b.keys[i*b.stride:(i+1)*b.stride]...)
		wide = append(wide, never, never)
	}
	l := &ladder{lane: b.stride, top: [2]int32{never, never}}
	b.keys, b.stride, b.ladders[v] = wide, b.stride+2, l
	b.used |= 1 << v
	l.grow(b.slots)
	return l
}

// set gives a slot the bound of a variable.
func (b *bounds) set(slot int32, v margin.Variable, to margin.Bound) {
	l := b.ladders[v]
	if l == nil {
		if to == margin.Open {
			return
		}
		l = b.widen(v)
	}
	keys := b.keys[int(slot)*b.stride+l.lane:][:2]
	low, high := int32(never), int32(never)
	if to.Low != math.MinInt64 {
		low = ceilCode(to.Low)
	}
	if to.High != math.MaxInt64 {
		high = ceilCode(-max(to.High, -math.MaxInt64))
	}
	for d, key := range [2]int32{low, high} {
		was := keys[d]
		if keys[d] = key; key > was { // else limits hold
			l.raise(d, slot, key)
		}
	}
}

// clear takes all bounds of a slot; every move leaves it if it is hot, and none if it is not.
func (b *bounds) clear(slot int32, hot bool) {
	keys := b.keys[int(slot)*b.stride:][:b.stride]
	for i := range keys {
		keys[i] = never
	}
	if hot {
		b.hot.set(slot)
	} else {
		b.hot.clear(slot)
	}
}

// get returns the bound of a variable.
func (b *bounds) get(slot int32, v margin.Variable) margin.Bound {
	to, l := margin.Open, b.ladders[v]
	if l != nil {
		keys := b.keys[int(slot)*b.stride+l.lane:][:2]
		if keys[0] != never {
			to.Low = decoded(keys[0])
		}
		if keys[1] != never {
			to.High = -decoded(keys[1])
		}
	}
	return to
}

// raise raises limits from the leaf upwards, until one holds: those above it hold then, too.
func (l *ladder) raise(d int, slot, key int32) {
	i := slot >> leafBits
	if l.leaves[d][i] >= key {
		return
	}
	l.leaves[d][i] = key
	for _, level := range l.blocks[d] {
		if i >>= fanBits; level[i] >= key {
			return
		}
		level[i] = key
	}
	l.top[d] = max(l.top[d], key)
}

// grow has limits cover so many slots.
func (l *ladder) grow(slots int) {
	for d := range l.leaves {
		n := (slots + leaf - 1) >> leafBits
		l.leaves[d] = filled(l.leaves[d], n)
		for level := 0; n > fan; level++ {
			n = (n + fan - 1) >> fanBits
			if level == len(l.blocks[d]) {
				l.blocks[d] = append(l.blocks[d], []int32{l.top[d]}) // so far one block was all
			}
			l.blocks[d][level] = filled(l.blocks[d][level], n)
		}
	}
}

// filled lengthens limits to n; new ones have nothing below them.
func filled(limits []int32, n int) []int32 {
	for len(limits) < n {
		limits = append(limits, never)
	}
	return limits
}

// leave appends the slots whose bound a variable leaves that is now at a value. They are to be given new
// bounds before it moves again.
func (b *bounds) leave(v margin.Variable, value int64, left []int32) []int32 {
	l := b.ladders[v]
	if l == nil {
		return left
	}
	if fall := floorCode(value); fall < l.top[0] {
		left = b.visit(l, 0, fall, left)
	}
	if rise := floorCode(-value); rise < l.top[1] {
		left = b.visit(l, 1, rise, left)
	}
	return left
}

// scan does what leave does by reading every key: it needs no limits. Those that remain hold as before.
func (b *bounds) scan(v margin.Variable, value int64, left []int32) []int32 {
	l := b.ladders[v]
	fall, rise := floorCode(value), floorCode(-value)
	at := l.lane
	for slot := range b.slots {
		keys := b.keys[at:][:2]
		if keys[0] > fall {
			keys[0], left = never, append(left, int32(slot))
		}
		if keys[1] > rise {
			keys[1], left = never, append(left, int32(slot))
		}
		at += b.stride
	}
	return left
}

// visit appends the slots of a side that are left, and brings limits down to what is not.
func (b *bounds) visit(l *ladder, d int, value int32, left []int32) []int32 {
	l.found = l.find(d, len(l.blocks[d]), 0, value, l.found[:0])
	b.readAhead(l.found)
	for _, i := range l.found {
		left, l.leaves[d][i] = b.read(l, d, int(i), value, left)
	}
	below := l.leaves[d]
	for _, limits := range l.blocks[d] {
		done := int32(none)
		for k, i := range l.found { // in rising order
			if i >>= fanBits; i != done {
				limits[i] = largest(below, i)
			}
			l.found[k], done = i, i
		}
		below = limits
	}
	l.top[d] = largest(below, 0)
	return left
}

// find appends the leaves of a block with a limit above a value.
func (l *ladder) find(d, level int, block, value int32, found []int32) []int32 {
	limits := l.leaves[d]
	if level > 0 {
		limits = l.blocks[d][level-1]
	}
	for i := block << fanBits; i < min((block+1)<<fanBits, int32(len(limits))); i++ {
		switch {
		case limits[i] <= value:
		case level == 0:
			found = append(found, i)
		default:
			found = l.find(d, level-1, i, value, found)
		}
	}
	return found
}

// readAhead reads a little of every leaf that is to be read, so that the memory of many is waited for at
// the same time.
func (b *bounds) readAhead(leaves []int32) {
	if len(leaves) < 2 {
		return
	}
	const line = 16 // keys
	sum := int32(0)
	for _, i := range leaves {
		from := int(i) << leafBits * b.stride
		for at := from; at < min(from+leaf*b.stride, len(b.keys)); at += line {
			sum += b.keys[at]
		}
	}
	b.ahead = sum
}

// read appends the slots of a leaf that are left, which have no key from then on, and returns the limit of
// the others.
func (b *bounds) read(l *ladder, d, i int, value int32, left []int32) ([]int32, int32) {
	limit := int32(never)
	at := i<<leafBits*b.stride + l.lane + d
	for slot := i << leafBits; slot < min((i+1)<<leafBits, b.slots); slot++ {
		if key := b.keys[at]; key > value {
			b.keys[at] = never
			left = append(left, int32(slot))
		} else if key > limit {
			limit = key
		}
		at += b.stride
	}
	return left, limit
}

// largest returns the largest limit of a block.
func largest(limits []int32, block int32) int32 {
	most := int32(never)
	for _, limit := range limits[block<<fanBits : min(int(block+1)<<fanBits, len(limits))] {
		most = max(most, limit)
	}
	return most
}
