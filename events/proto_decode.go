package events

import (
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf8"
	"unsafe"
)

// Wire types of protobuf.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// wireOf is the wire type of each kind of field.
var wireOf = [...]uint8{
	kindString: wireBytes, kindNumber: wireBytes, kindEnum: wireVarint, kindUint: wireVarint, kindInt: wireVarint,
	kindStruct: wireBytes, kindPointer: wireBytes, kindList: wireBytes, kindNumbers: wireBytes,
	kindVersion: wireVarint, kindTime: wireFixed64, kindExt: wireBytes,
}

// varint reads a base-128 varint of at most 64 bits; n is 0 where there is none.
func varint(b []byte) (v uint64, n int) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	v, n = binary.Uvarint(b)
	return v, max(n, 0)
}

// protoScanner reads one record. Its methods return false when the input is malformed: the scan is
// over then. What is merely wrong is noted.
type protoScanner struct {
	trouble
	d *Decoder
}

// event decodes the protobuf message b into e.
func (s *protoScanner) event(d *Decoder, e *Event, b []byte) error {
	s.trouble, s.d = trouble{}, d
	s.members(e, b)
	if s.noted == 0 {
		return nil
	}
	return s.err(e)
}

// wireField is one field as it stands in a message.
type wireField struct {
	number uint64
	wire   uint8
	bits   uint64 // of a varint or fixed-width field
	data   []byte // of a length-delimited one
}

// read reads the field at the head of b and returns what follows it.
func (s *protoScanner) read(b []byte, w *wireField) ([]byte, bool) {
	tag, n := varint(b)
	if n == 0 || tag>>3 == 0 || tag > math.MaxUint32 {
		return nil, s.malform(BadProtobuf, "a malformed field tag")
	}
	b = b[n:]
	w.number, w.wire = tag>>3, uint8(tag&7)
	switch w.wire {
	case wireVarint:
		if w.bits, n = varint(b); n == 0 {
			return nil, s.malform(BadProtobuf, "a malformed varint")
		}
	case wireFixed64:
		if n = 8; len(b) < n {
			return nil, s.malform(BadProtobuf, "a fixed-width field that is cut off")
		}
		w.bits = binary.LittleEndian.Uint64(b)
	case wireFixed32:
		if n = 4; len(b) < n {
			return nil, s.malform(BadProtobuf, "a fixed-width field that is cut off")
		}
		w.bits = uint64(binary.LittleEndian.Uint32(b))
	case wireBytes:
		size, k := varint(b)
		if k == 0 || size > uint64(len(b)-k) {
			return nil, s.malform(BadProtobuf, "a length beyond the end of the message")
		}
		n = k + int(size)
		w.data = b[k:n:n]
	default:
		return nil, s.malform(BadProtobuf, "a group, or an unknown wire type")
	}
	return b[n:], true
}

// members decodes the fields of an Event: those of the header, and the body as one more.
func (s *protoScanner) members(e *Event, b []byte) bool {
	var seen uint64
	var w wireField
	hasBody := false
	for len(b) > 0 {
		var ok bool
		if b, ok = s.read(b, &w); !ok {
			return false
		}
		switch {
		case w.number <= bodyNumber:
			ok = s.member(header, unsafe.Pointer(e), &seen, &w)
		case hasBody:
			return s.malform(DuplicateKey, "two bodies")
		default:
			hasBody = true
			ok = s.body(e, &w)
		}
		if !ok {
			return false
		}
	}
	if !hasBody {
		s.noteField(MissingField, header.fields[headType].name, "no body")
	}
	// The body's field number says the type.
	s.noteMissing(header, seen|1<<headType)
	if producer, seq := seen>>headProducer&1, seen>>headSequence&1; producer != seq {
		s.noteUnpaired(producer != 0)
	}
	return true
}

// body decodes the body of e.
func (s *protoScanner) body(e *Event, w *wireField) bool {
	t := Type(0)
	if n := w.number - bodyNumber; n <= uint64(maxType) {
		t = Type(n)
	}
	if !t.Known() {
		s.noteUnknown(UnknownType, "with field number "+strconv.FormatUint(w.number, 10))
		return true
	}
	if w.wire != wireBytes {
		return s.malform(BadProtobuf, "a body that is no message")
	}
	e.Type = t
	return s.message(bodyInfos[t].table, s.d.newBody(e), w.data)
}

// message decodes the fields of a message into the struct at base.
func (s *protoScanner) message(t *table, base unsafe.Pointer, b []byte) bool {
	var seen uint64
	var w wireField
	for len(b) > 0 {
		var ok bool
		if b, ok = s.read(b, &w); !ok || !s.member(t, base, &seen, &w) {
			return false
		}
	}
	for k := range t.fields {
		if f := &t.fields[k]; f.kind >= kindList && f.kind <= kindNumbers {
			s.d.lists[f.arena].commit(f.at(base))
		}
	}
	return true
}

// member decodes one field into the struct at base.
func (s *protoScanner) member(t *table, base unsafe.Pointer, seen *uint64, w *wireField) bool {
	k := t.numbered(w.number)
	if k < 0 {
		s.noteUnknown(UnknownField, "with number "+strconv.FormatUint(w.number, 10))
		return true
	}
	f := &t.fields[k]
	if w.wire != wireOf[f.kind] {
		return s.malformField(BadProtobuf, f.name, "wire type "+itoa(int(w.wire))+" instead of "+itoa(int(wireOf[f.kind])))
	}
	if f.kind != kindList && f.kind != kindNumbers {
		if *seen>>k&1 != 0 {
			return s.malformField(DuplicateKey, f.name, "the field is there twice")
		}
	}
	*seen |= 1 << k
	before := s.noted
	ok := s.value(f, f.at(base), w)
	if s.noted != before {
		s.in(before, f.name, -1)
	}
	return ok
}

// value decodes w into the field at p.
func (s *protoScanner) value(f *field, p unsafe.Pointer, w *wireField) bool {
	switch f.kind {
	case kindString, kindNumber, kindNumbers:
		return s.text(f, p, w.data)
	case kindEnum:
		if w.bits == 0 || w.bits >= uint64(len(f.texts)) {
			s.noteBad(BadValue, strconv.FormatUint(w.bits, 10)+" is none of the values")
			return true
		}
		*(*uint8)(p) = uint8(w.bits)
	case kindUint, kindInt:
		if !f.storeInteger(p, w.bits) {
			s.noteBad(BadValue, "must be an integer from 0 to "+strconv.FormatUint(f.maxInteger(), 10))
		}
	case kindVersion:
		s.version((*uint16)(p), w.bits, true)
	case kindTime:
		if int64(w.bits) < 0 {
			s.noteBad(BadValue, "must not be before 1970")
		}
		*(*int64)(p) = int64(w.bits)
	case kindStruct:
		return s.message(f.elem, p, w.data)
	case kindPointer:
		a := s.d.lists[f.arena]
		if !s.message(f.elem, a.add(), w.data) {
			return false
		}
		a.commitOne(p)
	case kindList:
		return s.element(f, w)
	}
	return true
}

// element decodes one element of a list, which is committed at the end of its message.
func (s *protoScanner) element(f *field, w *wireField) bool {
	a := s.d.lists[f.arena]
	n := a.pending()
	if n == maxListLength {
		s.noteBad(BadValue, "has more than "+itoa(maxListLength)+" elements")
		return true
	}
	before := s.noted
	ok := s.message(f.elem, a.add(), w.data)
	if s.noted != before {
		s.in(before, "", n)
	}
	return ok
}

// text stores a string, or a decimal, in the field at p.
func (s *protoScanner) text(f *field, p unsafe.Pointer, data []byte) bool {
	text := unsafe.String(unsafe.SliceData(data), len(data))
	plain := isPlain(data)
	if !plain && !utf8.Valid(data) {
		return s.malform(BadUTF8, "not UTF-8")
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
		a := s.d.lists[f.arena]
		if a.pending() == maxListLength {
			s.noteBad(BadValue, "has more than "+itoa(maxListLength)+" elements")
			return true
		}
		s.number((*Number)(a.add()), text)
	}
	return true
}

// isPlain reports whether b is printable ASCII without '"' and '\'.
func isPlain(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if special(binary.LittleEndian.Uint64(b)) != 0 {
			return false
		}
	}
	for _, c := range b {
		if c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
