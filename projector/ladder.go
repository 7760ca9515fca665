package projector

import (
	"math"
	"math/bits"

	"marginledger/projector/margin"
)

// ladder keeps the bounds of one variable: for every holder, by slot, how far the variable may fall
// and rise. A move finds the bounds that it leaves without looking at the others.
//
// To have one code for both sides, a rise is the fall of what is negated: a bound has the keys low and
// −high, and is left when the variable, or its negative, is < key. The largest key is the nearest.
//
// Slots are grouped by 64 in blocks, blocks by 64 in larger ones, and so on. Of each the ladder knows a
// limit that no key in it exceeds. A new key raises the limits above it where it must; limits come down
// when a move has found nothing left below them. So a move that leaves no bound compares once, one that
// leaves some reads their blocks, and a jump reads all keys in order.
//
// What the limits are depends on history; it shows nowhere. docs/ladder.md §6.
type ladder struct {
	top    [2]int64     // the limit of all, by side
	keys   [][2]int64   // by slot and side
	limits [2][][]int64 // by side, level and block; the last level has at most 64
	hot    marks        // slots that every move leaves
}

const (
	never   = math.MinInt64 // key of a bound that is never left
	fanBits = 6
	fan     = 1 << fanBits
)

// set gives a slot its bound.
func (l *ladder) set(slot int32, b margin.Bound) {
	l.grow(slot)
	l.hot.clear(slot)
	l.put(0, slot, b.Low)
	l.put(1, slot, -max(b.High, -math.MaxInt64))
}

// heat makes a slot one that every move leaves.
func (l *ladder) heat(slot int32) {
	l.grow(slot)
	l.hot.set(slot)
	l.put(0, slot, never)
	l.put(1, slot, never)
}

func (l *ladder) put(d int, slot int32, key int64) {
	l.keys[slot][d] = key
	if key == never {
		return
	}
	// Upwards until a limit holds: those above it hold then, too.
	i := slot >> fanBits
	for _, level := range l.limits[d] {
		if level[i] >= key {
			return
		}
		level[i] = key
		i >>= fanBits
	}
	l.top[d] = max(l.top[d], key)
}

// grow makes room for a slot.
func (l *ladder) grow(slot int32) {
	if int(slot) < len(l.keys) {
		return
	}
	if l.keys == nil {
		l.top = [2]int64{never, never}
	}
	for int(slot) >= len(l.keys) {
		l.keys = append(l.keys, [2]int64{never, never})
	}
	l.hot.grow(len(l.keys))
	for d := range l.limits {
		below := len(l.keys)
		for level := 0; below > fan; level++ {
			below = (below + fan - 1) / fan
			if level == len(l.limits[d]) {
				l.limits[d] = append(l.limits[d], []int64{l.top[d]}) // so far one block was all
			}
			for len(l.limits[d][level]) < below {
				l.limits[d][level] = append(l.limits[d][level], never)
			}
		}
	}
}

// bound returns a slot's bound, and whether it is hot.
func (l *ladder) bound(slot int32) (b margin.Bound, hot bool) {
	b = margin.Open
	if int(slot) >= len(l.keys) {
		return b, false
	}
	b.Low = l.keys[slot][0]
	if high := l.keys[slot][1]; high != never {
		b.High = -high
	}
	return b, l.hot.has(slot)
}

// leave appends the slots whose bound a variable leaves that is now at a value. They are to be given
// new bounds before it moves again.
func (l *ladder) leave(value int64, left []int32) []int32 {
	if value < l.top[0] {
		left = l.visit(0, value, left)
	}
	if -value < l.top[1] {
		left = l.visit(1, -value, left)
	}
	return left
}

func (l *ladder) visit(d int, value int64, left []int32) []int32 {
	left, l.top[d] = l.descend(d, len(l.limits[d]), 0, value, left)
	return left
}

// descend looks at a block of a level, 0 being that of slots; it appends those left, and returns the limit
// of what remains.
func (l *ladder) descend(d, level int, block int, value int64, left []int32) ([]int32, int64) {
	limit := int64(never)
	if level == 0 {
		from := block << fanBits
		keys := l.keys[from:min(from+fan, len(l.keys))]
		for i := range keys {
			if key := keys[i][d]; key > value {
				left = append(left, int32(from+i))
			} else if key > limit {
				limit = key
			}
		}
		return left, limit
	}
	limits := l.limits[d][level-1]
	for i := block << fanBits; i < min((block+1)<<fanBits, len(limits)); i++ {
		if limits[i] > value {
			left, limits[i] = l.descend(d, level-1, i, value, left)
		}
		limit = max(limit, limits[i])
	}
	return left, limit
}

// marks is a set of slots, as bits; a second level marks the words of the first that are not 0.
type marks struct {
	words, used []uint64
	count       int
}

func (m *marks) grow(n int) {
	for len(m.words) < (n+63)/64 {
		m.words = append(m.words, 0)
	}
	for len(m.used) < (len(m.words)+63)/64 {
		m.used = append(m.used, 0)
	}
}

func (m *marks) has(slot int32) bool { return m.words[slot>>6]>>(slot&63)&1 != 0 }

func (m *marks) set(slot int32) {
	if !m.has(slot) {
		m.words[slot>>6] |= 1 << (slot & 63)
		m.used[slot>>12] |= 1 << (slot >> 6 & 63)
		m.count++
	}
}

func (m *marks) clear(slot int32) {
	if m.count == 0 || !m.has(slot) {
		return
	}
	m.count--
	if m.words[slot>>6] &^= 1 << (slot & 63); m.words[slot>>6] == 0 {
		m.used[slot>>12] &^= 1 << (slot >> 6 & 63)
	}
}

// append appends the slots of the set.
func (m *marks) append(to []int32) []int32 {
	if m.count == 0 {
		return to
	}
	for u, used := range m.used {
		for ; used != 0; used &= used - 1 {
			w := u<<6 + bits.TrailingZeros64(used)
			for word := m.words[w]; word != 0; word &= word - 1 {
				to = append(to, int32(w<<6+bits.TrailingZeros64(word)))
			}
		}
	}
	return to
}
