package projector

import (
	"math"

	"marginledger/projector/margin"
)

// bounds keeps how far the variables of a market or an asset may go before its holders must be judged, by
// slot and lane: each variable in use has two lanes, for its fall and its rise. The bounds of a slot lie
// together, so that giving a holder new ones reads one cache line.
//
// To have one code for both sides, a rise is the fall of what is negated: a bound has the keys low and
// −high, and is left when the variable, or its negative, is < key. The largest key is the nearest.
//
// What is derived from history here (slots, limits) shows nowhere. docs/ladder.md §6.
type bounds struct {
	keys    []int64 // by slot and lane
	slots   int
	stride  int // lanes
	ladders [margin.Variables]*ladder
	hot     marks // slots without bounds, which every move leaves
}

// ladder finds the bounds of one variable that a move leaves, without looking at the others.
//
// Slots are grouped into leaves, leaves into blocks, blocks into larger ones. Of each the ladder has a
// limit, which no key in it exceeds. A new key raises the limits above it where it must; limits come down
// when a move has found nothing left below them. So a move that leaves no bound compares once, one that
// leaves a few reads their leaves, and a jump reads all keys in order.
type ladder struct {
	top    [2]int64 // by side: the limit of all
	lane   int
	limits [2][][]int64 // by side, level and group; the last level has one block at most
}

const (
	never    = math.MinInt64 // key of a bound that is never left
	leafBits = 4
	leaf     = 1 << leafBits // slots
	fanBits  = 6
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
	wide := make([]int64, 0, b.slots*(b.stride+2))
	for i := range b.slots {
		wide = append(wide, b.keys[i*b.stride:(i+1)*b.stride]...)
		wide = append(wide, never, never)
	}
	l := &ladder{lane: b.stride, top: [2]int64{never, never}}
	b.keys, b.stride, b.ladders[v] = wide, b.stride+2, l
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
	for d, key := range [2]int64{to.Low, -max(to.High, -math.MaxInt64)} {
		keys[d] = key
		if key != never {
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
		to.Low = keys[0]
		if keys[1] != never {
			to.High = -keys[1]
		}
	}
	return to
}

// raise raises limits from the leaf upwards, until one holds: those above it hold then, too.
func (l *ladder) raise(d int, slot int32, key int64) {
	i := slot >> leafBits
	for _, level := range l.limits[d] {
		if level[i] >= key {
			return
		}
		level[i] = key
		i >>= fanBits
	}
	l.top[d] = max(l.top[d], key)
}

// grow has limits cover so many slots.
func (l *ladder) grow(slots int) {
	for d := range l.limits {
		groups := (slots + leaf - 1) >> leafBits
		for level := 0; ; level++ {
			if level == len(l.limits[d]) {
				l.limits[d] = append(l.limits[d], []int64{l.top[d]}) // so far one group was all
			}
			for len(l.limits[d][level]) < groups {
				l.limits[d][level] = append(l.limits[d][level], never)
			}
			if groups <= fan {
				break
			}
			groups = (groups + fan - 1) >> fanBits
		}
	}
}

// leave appends the slots whose bound a variable leaves that is now at a value. They are to be given new
// bounds before it moves again.
func (b *bounds) leave(v margin.Variable, value int64, left []int32) []int32 {
	l := b.ladders[v]
	if l == nil {
		return left
	}
	if value < l.top[0] {
		left, l.top[0] = b.descend(l, 0, len(l.limits[0]), 0, value, left)
	}
	if -value < l.top[1] {
		left, l.top[1] = b.descend(l, 1, len(l.limits[1]), 0, -value, left)
	}
	return left
}

// descend looks at a group of a level, 0 being leaves; it appends the slots that are left, and returns the
// limit of those that are not.
func (b *bounds) descend(l *ladder, d, level, group int, value int64, left []int32) ([]int32, int64) {
	limit := int64(never)
	if level == 0 {
		at := group<<leafBits*b.stride + l.lane + d
		for slot := group << leafBits; slot < min((group+1)<<leafBits, b.slots); slot++ {
			if key := b.keys[at]; key > value {
				left = append(left, int32(slot))
			} else if key > limit {
				limit = key
			}
			at += b.stride
		}
		return left, limit
	}
	limits := l.limits[d][level-1]
	for i := group << fanBits; i < min((group+1)<<fanBits, len(limits)); i++ {
		if limits[i] > value {
			left, limits[i] = b.descend(l, d, level-1, i, value, left)
		}
		limit = max(limit, limits[i])
	}
	return left, limit
}
