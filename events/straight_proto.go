package events

import (
	"encoding/binary"
	"unsafe"
)

// straightProto decodes the protobuf message b into e, or gives up.
func (d *Decoder) straightProto(e *Event, b []byte) bool {
	seen, i := header.straight(unsafe.Pointer(e), b)
	if !complete(seen, header.required&^(seen|1<<headType)) || len(b)-i < 3 {
		return false
	}
	// The header's tags take one byte, the body's two: it comes last, as its number is the largest.
	tag := uint(b[i]&0x7f) | uint(b[i+1])<<7
	t := Type(tag>>3 - bodyNumber)
	if b[i+1] >= 0x80 || tag&7 != wireBytes || tag>>3 < bodyNumber || tag>>3-bodyNumber > uint(maxType) || !t.Known() {
		return false
	}
	i += 2
	size, n := varint(b[i:])
	info := bodyInfos[t].table
	if i += n; n == 0 || size != uint64(len(b)-i) || !info.flat {
		return false
	}
	e.Type = t
	_, end := info.straight(d.newBody(e), b[i:])
	return end == int(size)
}

// straight decodes the fields of a message up to the end or the first one that it leaves alone, and returns where that
// is.
func (t *table) straight(base unsafe.Pointer, b []byte) (seen uint64, i int) {
	for len(b)-i >= 2 && b[i] < 0x80 {
		k := t.byTag[b[i]]
		if k < 0 || seen>>(k&63)&1 != 0 {
			return seen, i
		}
		f := &t.fields[k]
		p := f.at(base)
		n := int(b[i+1]) // the length of a text, or a small integer
		switch f.kind {
		case kindString:
			if n == 0 || n >= 0x80 || !plainText(b, i+2, n) {
				return seen, i
			}
			*(*string)(p) = view(b, i+2, n)
			i += 2 + n
		case kindNumber:
			if n == 0 || n > straightDigits || straightNumber(b, i+2, i+2+n, (*Number)(p)) != i+2+n {
				return seen, i
			}
			i += 2 + n
		case kindEnum:
			if n == 0 || n >= len(f.texts) {
				return seen, i
			}
			*(*uint8)(p) = uint8(n)
			i += 2
		case kindUint, kindInt:
			v, size := varint(b[i+1:])
			if size == 0 || !f.storeInteger(p, v) {
				return seen, i
			}
			i += 1 + size
		case kindVersion:
			if n != SchemaVersion {
				return seen, i
			}
			*(*uint16)(p) = SchemaVersion
			i += 2
		case kindTime:
			if len(b)-i < 9 {
				return seen, i
			}
			ns := int64(binary.LittleEndian.Uint64(b[i+1:]))
			if ns < 0 {
				return seen, i
			}
			*(*int64)(p) = ns
			i += 9
		default:
			return seen, i
		}
		seen |= 1 << (k & 63)
	}
	return seen, i
}
