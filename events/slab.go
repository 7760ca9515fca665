package events

import (
	"reflect"
	"unsafe"
)

// Memory of decoded events. A slab hands out structs from chunks that it keeps; reset clears and
// reuses them, so that decoding does not allocate in steady state, and nothing of an old record
// stays referenced.

const (
	slabChunk = 128
	listChunk = 256 // elements; a longer list has a chunk of its own
)

type slab[T any] struct {
	chunks [][]T
	used   int
}

// next returns a zeroed T that stays valid until reset.
func (s *slab[T]) next() *T {
	c := s.used / slabChunk
	if c == len(s.chunks) {
		s.chunks = append(s.chunks, make([]T, slabChunk))
	}
	p := &s.chunks[c][s.used%slabChunk]
	s.used++
	return p
}

func (s *slab[T]) reset() {
	for c := 0; s.used > 0; c++ {
		n := min(s.used, slabChunk)
		clear(s.chunks[c][:n])
		s.used -= n
	}
}

// bodyOf is the pointer type of a body struct.
type bodyOf[T any] interface {
	*T
	Body
	validator
}

// bodySlab hands out the bodies of one type.
type bodySlab interface {
	next() (Body, unsafe.Pointer)
	back() // takes back what next returned last
	reset()
}

type slabOf[T any, P bodyOf[T]] struct{ slab slab[T] }

func (s *slabOf[T, P]) next() (Body, unsafe.Pointer) {
	p := s.slab.next()
	return P(p), unsafe.Pointer(p)
}

func (s *slabOf[T, P]) back() {
	var zero T
	s.slab.used--
	s.slab.chunks[s.slab.used/slabChunk][s.slab.used%slabChunk] = zero
}

func (s *slabOf[T, P]) reset() { s.slab.reset() }

// arenaID names the arena of a type of list element.
type arenaID uint8

const (
	arenaNumber arenaID = iota
	arenaParam
	arenaTier
	arenaHaircut
	arenaBalance
	arenaPosition
	arenaOffset
	arenaClaim
	arenas
)

var arenaOf = map[reflect.Type]arenaID{
	reflect.TypeFor[Number]():          arenaNumber,
	reflect.TypeFor[Param]():           arenaParam,
	reflect.TypeFor[Tier]():            arenaTier,
	reflect.TypeFor[HaircutTier]():     arenaHaircut,
	reflect.TypeFor[OpeningBalance]():  arenaBalance,
	reflect.TypeFor[OpeningPosition](): arenaPosition,
	reflect.TypeFor[Offset]():          arenaOffset,
	reflect.TypeFor[OpeningClaim]():    arenaClaim,
}

func newArenas() [arenas]arena {
	return [arenas]arena{
		arenaNumber:   new(listArena[Number]),
		arenaParam:    new(listArena[Param]),
		arenaTier:     new(listArena[Tier]),
		arenaHaircut:  new(listArena[HaircutTier]),
		arenaBalance:  new(listArena[OpeningBalance]),
		arenaPosition: new(listArena[OpeningPosition]),
		arenaOffset:   new(listArena[Offset]),
		arenaClaim:    new(listArena[OpeningClaim]),
	}
}

// arena holds the elements of lists of one type. A list is built in scratch, since its length is
// not known, and moved to a chunk when it is complete. No struct has two lists of one type.
type arena interface {
	add() unsafe.Pointer         // a zeroed element of the list being built, valid until the next add
	pending() int                // elements of the list being built
	commit(list unsafe.Pointer)  // ends the list: stores it in the slice at list, nil if it is empty
	commitOne(at unsafe.Pointer) // ends a list of one: stores its address in the pointer at at
	discard()                    // drops the list being built
	reset()                      // frees all lists
}

type listArena[T any] struct {
	scratch []T
	chunks  [][]T // len: used
	chunk   int   // the one that is being filled
}

func (a *listArena[T]) add() unsafe.Pointer {
	var zero T
	a.scratch = append(a.scratch, zero)
	return unsafe.Pointer(&a.scratch[len(a.scratch)-1])
}

func (a *listArena[T]) pending() int { return len(a.scratch) }

// take moves the list being built into a chunk.
func (a *listArena[T]) take() []T {
	n := len(a.scratch)
	for a.chunk < len(a.chunks) && cap(a.chunks[a.chunk])-len(a.chunks[a.chunk]) < n {
		a.chunk++
	}
	if a.chunk == len(a.chunks) {
		a.chunks = append(a.chunks, make([]T, 0, max(n, listChunk)))
	}
	c := &a.chunks[a.chunk]
	start := len(*c)
	*c = append(*c, a.scratch...)
	a.discard()
	return (*c)[start : start+n : start+n]
}

func (a *listArena[T]) commit(list unsafe.Pointer) {
	if len(a.scratch) > 0 {
		*(*[]T)(list) = a.take()
	}
}

func (a *listArena[T]) commitOne(at unsafe.Pointer) { *(**T)(at) = &a.take()[0] }

func (a *listArena[T]) discard() {
	clear(a.scratch)
	a.scratch = a.scratch[:0]
}

func (a *listArena[T]) reset() {
	a.discard()
	for i := range a.chunks {
		clear(a.chunks[i])
		a.chunks[i] = a.chunks[i][:0]
	}
	a.chunk = 0
}
