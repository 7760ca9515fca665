package events

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
	"unsafe"
)

// jsonScanner reads one record. Its methods return false when the input is malformed: the scan is
// over then. What is merely wrong is noted, and the value skipped.
type jsonScanner struct {
	trouble
	d       *Decoder
	b       []byte
	i       int // next byte
	scratch []byte
}

// blank moves past white space.
func (s *jsonScanner) blank() {
	for s.i < len(s.b) && s.b[s.i] <= ' ' {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// peek returns the next byte, or 0 at the end: no token begins with 0.
func (s *jsonScanner) peek() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

// syntax notes a malformed token.
func (s *jsonScanner) syntax(want string) bool {
	if s.i >= len(s.b) {
		return s.malform(BadJSON, "cut off: expected "+want)
	}
	return s.malform(BadJSON, "expected "+want+" at byte "+itoa(s.i))
}

// open moves past an opening bracket; more is false if the closing one follows.
func (s *jsonScanner) open(closing byte) (more bool) {
	s.i++
	s.blank()
	if s.peek() == closing {
		s.i++
		return false
	}
	return true
}

// next moves past what follows a member: a comma (more) or the closing bracket.
func (s *jsonScanner) next(closing byte) (more, ok bool) {
	c := s.peek()
	if c <= ' ' {
		s.blank()
		c = s.peek()
	}
	switch c {
	case ',':
		s.i++
		s.blank()
		return true, true
	case closing:
		s.i++
		return false, true
	}
	return false, s.syntax("',' or '" + string(rune(closing)) + "'")
}

// match returns the index of the field whose key stands next as the canonical form writes it, and
// moves to its value; -1 where none does. It tries the fields from hint on first: keys mostly come
// in canonical order.
func (s *jsonScanner) match(t *table, hint int) int {
	rest := s.b[s.i:]
	if len(rest) < 2 {
		return -1
	}
	keys := t.keys
	for n, k := len(keys), hint; n > 0; n, k = n-1, k+1 {
		if k >= len(keys) {
			k = 0
		}
		key := keys[k]
		if key[1] == rest[1] && len(rest) >= len(key) && string(rest[:len(key)]) == key {
			s.i += len(key)
			s.blank()
			return k
		}
	}
	return -1
}

// name reads any key and moves to its value.
func (s *jsonScanner) name() (string, bool) {
	if s.peek() != '"' {
		return "", s.syntax("a key")
	}
	name, _, ok := s.str()
	if !ok {
		return "", false
	}
	s.blank()
	if s.peek() != ':' {
		return "", s.syntax("':'")
	}
	s.i++
	s.blank()
	return name, true
}

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// special returns a mask whose lowest set bit marks the first of eight bytes that is a control
// character, '"', '\', 0x7f or beyond ASCII; 0 where all are plain.
func special(w uint64) uint64 {
	quote, slash, del := w^'"'*lowBits, w^'\\'*lowBits, w^0x7f*lowBits
	low := (w - 0x20*lowBits) | (quote - lowBits) | (slash - lowBits) | (del - lowBits)
	return (low | w) & highBits
}

// str reads the string that begins at the quote under s.i. plain: printable ASCII only. The result
// is a view into the record; with escapes it is a copy.
func (s *jsonScanner) str() (text string, plain, ok bool) {
	start := s.i + 1
	i := start
	plain = true
	for {
		for i+8 <= len(s.b) {
			m := special(binary.LittleEndian.Uint64(s.b[i:]))
			if m != 0 {
				i += bits.TrailingZeros64(m) / 8
				break
			}
			i += 8
		}
		if i >= len(s.b) {
			s.i = i
			return "", false, s.syntax("the end of a string")
		}
		switch c := s.b[i]; {
		case c == '"':
			s.i = i + 1
			if i == start {
				return "", plain, true
			}
			return unsafe.String(&s.b[start], i-start), plain, true
		case c == '\\':
			text, ok = s.escaped(start, i)
			return text, false, ok
		case c < 0x20:
			s.i = i
			return "", false, s.malform(BadJSON, "a control character in a string at byte "+itoa(i))
		case c == 0x7f:
			plain = false
			i++
		case c >= utf8.RuneSelf:
			plain = false
			size := runeLen(s.b[i:])
			if size == 0 {
				return "", false, s.malform(BadUTF8, "byte "+itoa(i)+" is not UTF-8")
			}
			i += size
		default: // near the end of the record, or flagged by a borrow
			i++
		}
	}
}

// runeLen returns the length of the UTF-8 sequence at the head of b, 0 where it is none.
func runeLen(b []byte) int {
	r, size := utf8.DecodeRune(b)
	if r == utf8.RuneError && size == 1 {
		return 0
	}
	return size
}

// escaped goes on with a string that began at start and has its first escape at i.
func (s *jsonScanner) escaped(start, i int) (string, bool) {
	out := append(s.scratch[:0], s.b[start:i]...)
	defer func() { s.scratch = out[:0] }()
	for i < len(s.b) {
		switch c := s.b[i]; {
		case c == '"':
			s.i = i + 1
			return string(out), true
		case c == '\\':
			var n int
			if out, n = s.escape(out, i); n == 0 {
				return "", false
			}
			i += n
		case c < 0x20:
			s.i = i
			return "", s.malform(BadJSON, "a control character in a string at byte "+itoa(i))
		default:
			size := runeLen(s.b[i:])
			if size == 0 {
				return "", s.malform(BadUTF8, "byte "+itoa(i)+" is not UTF-8")
			}
			out = append(out, s.b[i:i+size]...)
			i += size
		}
	}
	s.i = i
	return "", s.syntax("the end of a string")
}

// escape appends what the escape at i stands for, and returns its length; 0 where it is malformed.
func (s *jsonScanner) escape(out []byte, i int) ([]byte, int) {
	if i+1 >= len(s.b) {
		s.i = len(s.b)
		s.syntax("an escape")
		return out, 0
	}
	switch c := s.b[i+1]; c {
	case '"', '\\', '/':
		return append(out, c), 2
	case 'b':
		return append(out, '\b'), 2
	case 'f':
		return append(out, '\f'), 2
	case 'n':
		return append(out, '\n'), 2
	case 'r':
		return append(out, '\r'), 2
	case 't':
		return append(out, '\t'), 2
	case 'u':
		r, ok := hex4(s.b[i+2:])
		if !ok {
			s.malform(BadJSON, "a malformed \\u escape at byte "+itoa(i))
			return out, 0
		}
		if r < 0xd800 || r > 0xdfff {
			return utf8.AppendRune(out, r), 6
		}
		if r < 0xdc00 && len(s.b) >= i+12 && s.b[i+6] == '\\' && s.b[i+7] == 'u' {
			if low, ok := hex4(s.b[i+8:]); ok && low >= 0xdc00 && low <= 0xdfff {
				return utf8.AppendRune(out, 0x10000+(r-0xd800)<<10+(low-0xdc00)), 12
			}
		}
		s.malform(BadUTF8, "half a surrogate pair at byte "+itoa(i))
		return out, 0
	}
	s.malform(BadJSON, "an unknown escape at byte "+itoa(i))
	return out, 0
}

func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// skip moves past one value of any kind, nested at most MaxDepth deep.
func (s *jsonScanner) skip() bool { return s.skipAt(1) }

func (s *jsonScanner) skipAt(depth int) bool {
	switch c := s.peek(); {
	case c == '"':
		_, _, ok := s.str()
		return ok
	case c == '{' || c == '[':
		if depth > MaxDepth {
			return s.malform(TooDeep, "nested more than "+itoa(MaxDepth)+" deep")
		}
		return s.skipNested(depth, c == '{')
	case c == '-' || (c >= '0' && c <= '9'):
		return s.skipNumber()
	}
	for _, word := range [...]string{"null", "true", "false"} {
		if rest := s.b[s.i:]; len(rest) >= len(word) && string(rest[:len(word)]) == word {
			s.i += len(word)
			return true
		}
	}
	return s.syntax("a value")
}

func (s *jsonScanner) skipNested(depth int, object bool) bool {
	closing := byte(']')
	if object {
		closing = '}'
	}
	for more, ok := s.open(closing), true; more; {
		if object {
			if _, ok = s.name(); !ok {
				return false
			}
		}
		if !s.skipAt(depth + 1) {
			return false
		}
		if more, ok = s.next(closing); !ok {
			return false
		}
	}
	return true
}

func (s *jsonScanner) skipNumber() bool {
	if s.peek() == '-' {
		s.i++
	}
	if s.peek() == '0' {
		s.i++
	} else if !s.digits() {
		return false
	}
	if s.peek() == '.' {
		s.i++
		if !s.digits() {
			return false
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.i++
		if c := s.peek(); c == '+' || c == '-' {
			s.i++
		}
		return s.digits()
	}
	return true
}

// digits moves past at least one digit.
func (s *jsonScanner) digits() bool {
	start := s.i
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		s.i++
	}
	return s.i > start || s.syntax("a digit")
}
