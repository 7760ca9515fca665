package events

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"unsafe"
)

// AppendJSON appends e in its canonical form: the header, then the body, in the order of their
// fields, absent ones left out, no blanks. It does not check e: see Event.Validate.
func AppendJSON(dst []byte, e *Event) []byte {
	base := unsafe.Pointer(e)
	dst = append(dst, '{')
	for k := range header.fields {
		f := &header.fields[k]
		switch k {
		case headProducer, headSequence:
			if e.Producer == "" {
				continue
			}
		case headOwner:
			if e.Owner == "" {
				continue
			}
		case headSubaccount:
			if e.Subaccount == 0 {
				continue
			}
		case headExt:
			continue
		}
		dst = appendKey(dst, header.keys[k])
		switch f.kind {
		case kindType:
			dst = append(append(append(dst, '"'), e.Body.EventType().String()...), '"')
		case kindVersion:
			dst = strconv.AppendUint(dst, uint64(e.Version), 10)
		case kindTime:
			dst = append(appendTime(append(dst, '"'), e.Time), '"')
		default:
			dst = appendJSONValue(dst, f, f.at(base))
		}
	}
	return append(appendJSONFields(dst, bodyInfos[e.Body.EventType()].table, bodyAddress(e.Body)), '}')
}

// appendKey appends a comma, unless the field is the first, and the key.
func appendKey(dst []byte, key string) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	return append(dst, key...)
}

func appendJSONFields(dst []byte, t *table, base unsafe.Pointer) []byte {
	for k := range t.fields {
		f := &t.fields[k]
		if p := f.at(base); !f.optional || !f.isZero(p) {
			dst = appendJSONValue(appendKey(dst, t.keys[k]), f, p)
		}
	}
	return dst
}

// isZero reports whether the field at p has its zero value: what an absent optional field has.
func (f *field) isZero(p unsafe.Pointer) bool {
	switch f.kind {
	case kindString:
		return *(*string)(p) == ""
	case kindNumber:
		return !(*Number)(p).Present
	case kindEnum:
		return *(*uint8)(p) == 0
	case kindUint, kindInt:
		return f.loadInteger(p) == 0
	case kindPointer:
		return *(*unsafe.Pointer)(p) == nil
	case kindList, kindNumbers:
		return f.length(p) == 0
	}
	return false
}

// loadInteger returns the integer at p; a negative one, which is not valid, as two's complement.
func (f *field) loadInteger(p unsafe.Pointer) uint64 {
	if f.width == 32 {
		return uint64(*(*uint32)(p))
	}
	return *(*uint64)(p)
}

// sliceHeader is the layout of every slice.
type sliceHeader struct {
	data     unsafe.Pointer
	len, cap int
}

// length returns the length of the list at p.
func (f *field) length(p unsafe.Pointer) int { return (*sliceHeader)(p).len }

// element returns the address of the i-th element of the list of structs at p.
func (f *field) element(p unsafe.Pointer, i int) unsafe.Pointer {
	return unsafe.Add((*sliceHeader)(p).data, uintptr(i)*f.elem.size)
}

func appendJSONValue(dst []byte, f *field, p unsafe.Pointer) []byte {
	switch f.kind {
	case kindString:
		return appendString(dst, *(*string)(p))
	case kindNumber:
		return appendJSONNumber(dst, *(*Number)(p))
	case kindEnum:
		return append(append(append(dst, '"'), f.texts[*(*uint8)(p)]...), '"')
	case kindUint, kindInt:
		return strconv.AppendUint(dst, f.loadInteger(p), 10)
	case kindStruct:
		return append(appendJSONFields(append(dst, '{'), f.elem, p), '}')
	case kindPointer:
		return append(appendJSONFields(append(dst, '{'), f.elem, *(*unsafe.Pointer)(p)), '}')
	case kindNumbers:
		dst = append(dst, '[')
		for i, n := range *(*[]Number)(p) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSONNumber(dst, n)
		}
		return append(dst, ']')
	case kindList:
		dst = append(dst, '[')
		for i := range f.length(p) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendJSONFields(append(dst, '{'), f.elem, f.element(p, i)), '}')
		}
		return append(dst, ']')
	}
	panic(fmt.Sprintf("events: no JSON for %s of kind %d", f.name, f.kind)) // the header's kinds have their own
}

func appendJSONNumber(dst []byte, n Number) []byte {
	return append(n.Append(append(dst, '"')), '"')
}

// AppendProto appends e as a protobuf Event, without prefix, its fields in ascending order: the
// bytes that protobuf's deterministic encoding gives. It does not check e.
func AppendProto(dst []byte, e *Event) []byte {
	base := unsafe.Pointer(e)
	for k := range header.fields {
		f := &header.fields[k]
		switch f.kind {
		case kindVersion:
			dst = binary.AppendUvarint(appendTag(dst, f), uint64(e.Version))
		case kindTime:
			dst = binary.LittleEndian.AppendUint64(appendTag(dst, f), uint64(e.Time))
		case kindString:
			dst = appendProtoField(dst, f, f.at(base))
		case kindUint:
			if k == headSequence && e.Producer != "" { // present, also when it is zero
				dst = binary.AppendUvarint(appendTag(dst, f), e.Sequence)
			} else if k == headSubaccount {
				dst = appendProtoField(dst, f, f.at(base))
			}
		}
	}
	t := e.Body.EventType()
	dst = binary.AppendUvarint(dst, uint64(bodyNumber+t)<<3|wireBytes)
	return appendMessage(dst, bodyInfos[t].table, bodyAddress(e.Body))
}

func appendTag(dst []byte, f *field) []byte {
	return append(dst, f.tag)
}

// appendMessage appends the length and the fields of the struct at base.
func appendMessage(dst []byte, t *table, base unsafe.Pointer) []byte {
	start := len(dst)
	dst = append(dst, 0)
	for k := range t.fields {
		f := &t.fields[k]
		dst = appendProtoField(dst, f, f.at(base))
	}
	return setLength(dst, start)
}

// setLength puts the length of what follows the one byte kept at start there, moving it where the
// length takes more.
func setLength(dst []byte, start int) []byte {
	size := len(dst) - start - 1
	if size < 0x80 {
		dst[start] = byte(size)
		return dst
	}
	var prefix [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(prefix[:], uint64(size))
	dst = append(dst, prefix[:n-1]...) // room
	copy(dst[start+n:], dst[start+1:start+1+size])
	copy(dst[start:], prefix[:n])
	return dst
}

// appendProtoField appends the field at p, unless it has its zero value.
func appendProtoField(dst []byte, f *field, p unsafe.Pointer) []byte {
	if f.isZero(p) {
		return dst
	}
	switch f.kind {
	case kindString:
		s := *(*string)(p)
		if len(s) < 0x80 {
			return append(append(dst, f.tag, byte(len(s))), s...)
		}
		dst = binary.AppendUvarint(appendTag(dst, f), uint64(len(s)))
		return append(dst, s...)
	case kindNumber:
		return appendProtoNumber(dst, f, *(*Number)(p))
	case kindEnum:
		return append(dst, f.tag, *(*uint8)(p))
	case kindUint, kindInt:
		return binary.AppendUvarint(appendTag(dst, f), f.loadInteger(p))
	case kindStruct:
		return appendMessage(appendTag(dst, f), f.elem, p)
	case kindPointer:
		return appendMessage(appendTag(dst, f), f.elem, *(*unsafe.Pointer)(p))
	case kindNumbers:
		for _, n := range *(*[]Number)(p) {
			dst = appendProtoNumber(dst, f, n)
		}
		return dst
	case kindList:
		for i := range f.length(p) {
			dst = appendMessage(appendTag(dst, f), f.elem, f.element(p, i))
		}
		return dst
	}
	panic(fmt.Sprintf("events: no protobuf for %s of kind %d", f.name, f.kind))
}

func appendProtoNumber(dst []byte, f *field, n Number) []byte {
	dst = append(dst, f.tag, 0)
	start := len(dst) - 1
	dst = n.Append(dst)
	dst[start] = byte(len(dst) - start - 1) // at most 40 characters
	return dst
}
