package events

import (
	"math"
	"strconv"
	"strings"
	"unsafe"
)

// wrong notes a value of another JSON type and skips it.
func (s *jsonScanner) wrong(want string) bool {
	s.noteBad(BadValue, "must be "+want)
	return s.skip()
}

// value decodes the value under s.i into the field at p.
func (s *jsonScanner) value(f *field, p unsafe.Pointer) bool {
	switch f.kind {
	case kindString, kindNumber, kindEnum, kindType, kindTime:
		if s.peek() != '"' {
			return s.wrong("a JSON string")
		}
		text, plain, ok := s.str()
		if !ok {
			return false
		}
		switch f.kind {
		case kindString:
			*(*string)(p) = text
			if !plain || text == "" {
				s.noteText(text, plain)
			}
		case kindNumber:
			s.number((*Number)(p), text)
		default:
			s.text(f, p, text)
		}
		return true
	case kindUint, kindInt, kindVersion:
		return s.integer(f, p)
	case kindStruct:
		return s.object(f.elem, p)
	case kindPointer:
		if s.peek() != '{' {
			return s.wrong("a JSON object")
		}
		a := s.d.lists[f.arena]
		if !s.object(f.elem, a.add()) {
			return false
		}
		a.commitOne(p)
		return true
	case kindList, kindNumbers:
		return s.list(f, p)
	}
	return s.skip() // ext
}

// text stores what a string stands for in the field at p.
func (s *jsonScanner) text(f *field, p unsafe.Pointer, text string) {
	switch f.kind {
	case kindEnum:
		for i, form := range f.texts {
			if form == text && i > 0 {
				*(*uint8)(p) = uint8(i)
				return
			}
		}
		s.noteBad(BadValue, strconv.Quote(clip(text))+" is none of the values")
	case kindType:
		t, ok := TypeNamed(text)
		if !ok {
			s.noteUnknown(UnknownType, strconv.Quote(clip(text)))
		}
		*(*Type)(p) = t
	case kindTime:
		ns, ok := parseTime(text)
		if !ok {
			s.noteBad(BadValue, "must be RFC 3339 in UTC, with at most nine digits of a second: 2025-10-10T21:15:00.000000001Z")
		}
		*(*int64)(p) = ns
	}
}

// noteText notes what no string of an event may be.
func (t *trouble) noteText(text string, plain bool) {
	switch {
	case text == "":
		t.noteBad(BadValue, "must not be empty: leave an optional field out")
	case !plain && hasControl(text):
		t.noteBad(BadValue, "has a control character")
	}
}

func (t *trouble) number(p *Number, text string) {
	n, err := ParseNumber(text)
	if err != nil {
		t.noteBad(BadNumber, strconv.Quote(clip(text))+": "+err.Error())
	}
	*p = n
}

// clip shortens what a detail quotes.
func clip(s string) string {
	const most = 48
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// integer decodes a JSON integer: digits only, no sign, point or exponent.
func (s *jsonScanner) integer(f *field, p unsafe.Pointer) bool {
	start := s.i
	v, fits := uint64(0), true
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		d := uint64(c - '0')
		if v > (math.MaxUint64-d)/10 {
			fits = false
		}
		v = v*10 + d
		s.i++
	}
	if c := s.peek(); s.i == start || c == '.' || c == 'e' || c == 'E' {
		s.i = start
		return s.wrong("a JSON integer without sign, point and exponent")
	}
	if s.b[start] == '0' && s.i > start+1 {
		s.i = start + 1
		return s.syntax("',' or '}'")
	}
	if f.kind == kindVersion {
		s.version((*uint16)(p), v, fits)
		return true
	}
	if !fits || !f.storeInteger(p, v) {
		s.noteBad(BadValue, "must be an integer from 0 to "+strconv.FormatUint(f.maxInteger(), 10))
	}
	return true
}

// maxInteger returns the largest value of an integer field.
func (f *field) maxInteger() uint64 {
	if f.kind == kindInt {
		return 1<<(f.width-1) - 1
	}
	return math.MaxUint64 >> (64 - f.width)
}

// storeInteger stores v in the integer field at p; false where it does not fit.
func (f *field) storeInteger(p unsafe.Pointer, v uint64) bool {
	if v > f.maxInteger() {
		return false
	}
	if f.width == 32 {
		*(*uint32)(p) = uint32(v)
	} else {
		*(*uint64)(p) = v
	}
	return true
}

func (t *trouble) version(p *uint16, v uint64, fits bool) {
	if !fits || v != SchemaVersion {
		name := strconv.FormatUint(v, 10)
		if !fits {
			name = "beyond 64 bits"
		}
		t.noteUnknown(UnknownVersion, name)
		return
	}
	*p = uint16(v)
}
