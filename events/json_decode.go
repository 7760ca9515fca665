package events

import (
	"strconv"
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
