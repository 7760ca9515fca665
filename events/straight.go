package events

import (
	"encoding/binary"
	"unsafe"

	"marginledger/internal/fixed"
)

// The straight way. Nearly all records are as our encoders, or those of other careful producers, write them: keys as
// declared, printable ASCII, short numbers, nothing missing. Such a record is decoded in one loop that calls next to
// nothing (straight_json.go, straight_proto.go). Whatever else it meets, good or bad, it gives up, and the scanners begin
// anew: they alone say what is wrong. So the straight way must accept only what the scanners accept, with the same
// result, and need not accept everything.

// straightDigits is the longest text of a number on the straight way: its coefficient fits an int64.
const straightDigits = 18

// straightNumber parses what ParseNumber parses, unless it is long: the text of b[i:] up to end, or up to a quote where
// end is 0. It returns what follows the text; -1 where the straight way ends.
func straightNumber(b []byte, i, end int, to *Number) int {
	if end == 0 {
		end = min(len(b), i+straightDigits+1)
	}
	if i >= end || end > len(b) {
		return -1
	}
	negative := b[i] == '-'
	if negative {
		i++
	}
	start, point, v := i, 0, int64(0)
	for _, c := range b[i:end] {
		if d := c - '0'; d <= 9 {
			v = v*10 + int64(d)
		} else if c == '.' && point == 0 && i > start {
			point = i
		} else if c == '"' {
			break
		} else {
			return -1
		}
		i++
	}
	digits := i - start
	if digits == 0 || digits > straightDigits || b[start] == '0' && digits > 1 && point != start+1 {
		return -1
	}
	scale := 0
	if point > 0 {
		if scale = i - point - 1; scale == 0 {
			return -1
		}
		if b[i-1] == '0' {
			for scale > 0 && v%10 == 0 {
				v /= 10
				scale--
			}
		}
	}
	if negative {
		v = -v
	}
	*to = Number{Coef: fixed.FromInt64(v), Scale: uint8(scale), Present: true}
	return i
}

// plainText reports whether b[i:i+n], n > 0, is printable ASCII without '"' and '\'. It reads eight bytes at a time, also
// beyond the end where b goes on.
func plainText(b []byte, i, n int) bool {
	text := b[i:]
	if n > len(text) {
		return false
	}
	for ; n > 8 && len(text) >= 8; n, text = n-8, text[8:] {
		if special(binary.LittleEndian.Uint64(text)) != 0 {
			return false
		}
	}
	if len(text) >= 8 {
		beyond := ^uint64(0) << (8 * n) // nothing where n is 8: Go shifts it out
		return special(binary.LittleEndian.Uint64(text)&^beyond|beyond&('0'*lowBits)) == 0
	}
	return isPlain(text[:n])
}

// view returns b[i:i+n], n > 0, as a string without a copy.
func view(b []byte, i, n int) string { return unsafe.String(&b[i], n) }

// keyWord is a key as two words that overlap where it is short: what compares with a record in two steps.
type keyWord struct {
	first, mask uint64 // of the first eight bytes
	last        uint64 // the last eight, where the key is longer
	size        int    // 0: more than 16 bytes
}

func newKeyWord(key string) (w keyWord) {
	if len(key) > 16 {
		return w
	}
	var first [8]byte
	copy(first[:], key)
	w = keyWord{first: binary.LittleEndian.Uint64(first[:]), mask: ^uint64(0), size: len(key)}
	if len(key) < 8 {
		w.mask = 1<<(8*len(key)) - 1
	} else {
		w.last = binary.LittleEndian.Uint64([]byte(key[len(key)-8:]))
	}
	return w
}

// keyAt returns the index of the field whose key stands at b[i:], trying those from hint up to before end, or -1.
func (t *table) keyAt(b []byte, i, hint, end int) int {
	if len(b)-i < 16 { // near the end of a record, where a word might reach beyond
		for k := hint; k < end; k++ {
			if key := t.keys[k]; len(b)-i >= len(key) && string(b[i:i+len(key)]) == key {
				return k
			}
		}
		return -1
	}
	first := binary.LittleEndian.Uint64(b[i:])
	words := t.words[:end]
	for k := hint; k < len(words); k++ {
		w := &words[k]
		if first&w.mask != w.first {
			continue
		}
		if w.size > 8 && binary.LittleEndian.Uint64(b[i+w.size-8:]) != w.last {
			continue
		}
		if w.size == 0 {
			if key := t.keys[k]; len(b)-i < len(key) || string(b[i:i+len(key)]) != key {
				continue
			}
		}
		return k
	}
	return -1
}

// back undoes what the straight way did to e before it gave up.
func (d *Decoder) back(e *Event) {
	if e.Body != nil {
		d.bodies[e.Type].back()
	}
	*e = Event{}
}

// complete reports what a decoded record must have apart from its bounds: its required fields, and producer and sequence
// together.
func complete(seenHead, missing uint64) bool {
	return missing == 0 && seenHead>>headProducer&1 == seenHead>>headSequence&1
}
