package events

import (
	"math"
	"strconv"
	"strings"
	"unsafe"
)

func itoa(i int) string { return strconv.Itoa(i) }

// event decodes the JSON object b into e.
func (s *jsonScanner) event(d *Decoder, e *Event, b []byte) error {
	s.trouble, s.d, s.b, s.i = trouble{}, d, b, 0
	if s.members(e) {
		if s.blank(); s.i < len(s.b) {
			s.malform(TrailingData, "byte "+itoa(s.i)+" follows the object")
		}
	}
	s.b = nil
	if s.noted == 0 {
		return nil
	}
	return s.err(e)
}

// members decodes the members of the record's object: header and body lie flat in it.
func (s *jsonScanner) members(e *Event) bool {
	var (
		head, body         = unsafe.Pointer(e), unsafe.Pointer(nil)
		info               *table // of the body, once the type is known
		seenHead, seenBody uint64
		hintHead, hintBody int
		looked             bool // for a type that comes late
	)
	for more, ok := s.open('}'), true; more; {
		k, inBody := -1, false
		if hintBody > 0 {
			k = s.match(info, hintBody)
			inBody = k >= 0
		}
		if k < 0 {
			k = s.match(header, hintHead)
		}
		if k < 0 && info != nil && hintBody == 0 {
			k = s.match(info, 0)
			inBody = k >= 0
		}
		name := ""
		if k < 0 { // blanks, escapes, a type that comes later, or an unknown key
			if name, ok = s.name(); !ok {
				return false
			}
			k = header.lookup(name)
			if k < 0 && info == nil && !looked {
				looked = true
				if !s.findType(e) {
					return false
				}
				if e.Type.Known() {
					body, info = s.d.newBody(e), bodyInfos[e.Type].table
				}
			}
			if k < 0 && info != nil {
				k = info.lookup(name)
				inBody = k >= 0
			}
		}
		switch {
		case k < 0:
			if info != nil { // else the type is unknown, or missing: reported as that
				s.noteUnknown(UnknownField, clip(name))
			}
			ok = s.skip()
		case inBody:
			ok = s.member(&info.fields[k], body, &seenBody, k)
			hintBody = k + 1
		default:
			ok = s.member(&header.fields[k], head, &seenHead, k)
			hintHead = k + 1
			if k == headType && info == nil && e.Type.Known() {
				body, info = s.d.newBody(e), bodyInfos[e.Type].table
			}
		}
		if !ok {
			return false
		}
		if more, ok = s.next('}'); !ok {
			return false
		}
	}
	s.noteMissing(header, seenHead)
	if info != nil {
		s.noteMissing(info, seenBody)
	}
	if producer, seq := seenHead>>headProducer&1, seenHead>>headSequence&1; producer != seq {
		s.noteUnpaired(producer != 0)
	}
	return true
}

// member decodes the value of field f, the k-th of its table, into the struct at base.
func (s *jsonScanner) member(f *field, base unsafe.Pointer, seen *uint64, k int) bool {
	if *seen>>k&1 != 0 {
		return s.malformField(DuplicateKey, f.name, "the key is there twice")
	}
	*seen |= 1 << k
	before := s.noted
	ok := s.value(f, f.at(base))
	if s.noted != before {
		s.in(before, f.name, -1)
	}
	return ok
}

// findType looks ahead for the type, from the value under s.i on, and comes back.
func (s *jsonScanner) findType(e *Event) bool {
	start := s.i
	for {
		if !s.skip() {
			return false
		}
		more, ok := s.next('}')
		if !ok {
			return false
		}
		if !more {
			break
		}
		name, ok := s.name()
		if !ok {
			return false
		}
		if name == header.fields[headType].name {
			if s.peek() == '"' {
				if name, _, ok = s.str(); !ok {
					return false
				}
				e.Type, _ = TypeNamed(name)
			}
			break // of another JSON type: noted when the scan comes by
		}
	}
	s.i = start
	return true
}

// noteMissing notes the first required field of t that was not seen.
func (t *trouble) noteMissing(of *table, seen uint64) {
	if of.required&^seen == 0 {
		return
	}
	for k := range of.fields {
		if of.required&^seen>>k&1 != 0 {
			t.noteField(MissingField, of.fields[k].name, "the field is required")
			return
		}
	}
}

func (t *trouble) noteUnpaired(hasProducer bool) {
	name := header.fields[headProducer].name
	if hasProducer {
		name = header.fields[headSequence].name
	}
	t.noteField(MissingField, name, "producer and seq come together")
}

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

// object decodes a nested object into the struct at base.
func (s *jsonScanner) object(t *table, base unsafe.Pointer) bool {
	if s.peek() != '{' {
		return s.wrong("a JSON object")
	}
	var seen uint64
	hint := 0
	for more, ok := s.open('}'), true; more; {
		k := s.match(t, hint)
		if k < 0 {
			var name string
			if name, ok = s.name(); !ok {
				return false
			}
			if k = t.lookup(name); k < 0 {
				s.noteUnknown(UnknownField, clip(name))
				ok = s.skip()
			}
		}
		if k >= 0 {
			ok = s.member(&t.fields[k], base, &seen, k)
			hint = k + 1
		}
		if !ok {
			return false
		}
		if more, ok = s.next('}'); !ok {
			return false
		}
	}
	s.noteMissing(t, seen)
	return true
}

// list decodes an array into the slice at p.
func (s *jsonScanner) list(f *field, p unsafe.Pointer) bool {
	if s.peek() != '[' {
		return s.wrong("a JSON array")
	}
	a := s.d.lists[f.arena]
	for more, ok := s.open(']'), true; more; {
		before, n := s.noted, a.pending()
		switch {
		case n == maxListLength:
			s.noteBad(BadValue, "has more than "+itoa(maxListLength)+" elements")
			ok = s.skip()
		case f.kind == kindList:
			ok = s.object(f.elem, a.add())
		case s.peek() != '"':
			ok = s.wrong("a decimal in a JSON string")
		default:
			var text string
			if text, _, ok = s.str(); ok {
				s.number((*Number)(a.add()), text)
			}
		}
		if s.noted != before {
			s.in(before, "", n)
		}
		if !ok {
			return false
		}
		if more, ok = s.next(']'); !ok {
			return false
		}
	}
	a.commit(p)
	return true
}
