package projector

import "math/bits"

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
