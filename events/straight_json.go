package events

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// straightJSON decodes the JSON object b into e, or gives up.
func (d *Decoder) straightJSON(e *Event, b []byte) bool {
	var (
		i                  = 1 // after '{'
		info               *table
		body               unsafe.Pointer
		seenHead, seenBody uint64
		nextHead, nextBody int // the fields after the last ones: keys mostly come in their order
	)
	for {
		t, base, seen, k := header, unsafe.Pointer(e), &seenHead, -1
		if nextBody == 0 {
			k = header.keyAt(b, i, nextHead, len(header.keys))
		}
		if k < 0 && info != nil {
			if k = info.keyAt(b, i, nextBody, len(info.keys)); k < 0 {
				k = info.keyAt(b, i, 0, nextBody)
			}
			if k >= 0 {
				t, base, seen, nextBody = info, body, &seenBody, k+1
			}
		}
		if k < 0 {
			if k = header.keyAt(b, i, 0, len(header.keys)); k < 0 {
				return false
			}
		}
		if t == header {
			nextHead = k + 1
		}
		if *seen>>(k&63)&1 != 0 {
			return false
		}
		*seen |= 1 << (k & 63)
		i += len(t.keys[k])
		if i < len(b) && b[i] == ' ' {
			i++
		}
		f := &t.fields[k]
		if i = d.straightValue(f, f.at(base), b, i); i < 0 || i >= len(b) {
			return false
		}
		if k == headType && t == header {
			if info = bodyInfos[e.Type].table; !info.flat {
				return false
			}
			body = d.newBody(e)
		}
		if b[i] != ',' {
			break
		}
		if i++; i < len(b) && b[i] == ' ' {
			i++
		}
	}
	return b[i] == '}' && i+1 == len(b) && info != nil && complete(seenHead, header.required&^seenHead|info.required&^seenBody)
}

// straightValue decodes the value at b[i:] into the field at p and returns what follows it; -1 where the straight way
// ends.
func (d *Decoder) straightValue(f *field, p unsafe.Pointer, b []byte, i int) int {
	if i >= len(b) {
		return -1
	}
	if b[i] != '"' {
		return f.straightInteger(p, b, i)
	}
	i++
	if f.kind == kindNumber {
		if i = straightNumber(b, i, 0, (*Number)(p)); i < 0 || i >= len(b) || b[i] != '"' {
			return -1
		}
		return i + 1
	}
	end := straightEnd(b, i)
	if end <= i {
		return -1
	}
	switch f.kind {
	case kindString:
		*(*string)(p) = view(b, i, end-i)
		return end + 1
	case kindEnum:
		for v, form := range f.texts {
			if form == string(b[i:end]) {
				*(*uint8)(p) = uint8(v)
				return end + 1
			}
		}
	case kindTime:
		ns, ok := d.minute.parse(view(b, i, end-i))
		if !ok {
			return -1
		}
		*(*int64)(p) = ns
		return end + 1
	case kindType:
		if t := d.lastType; t.Known() && typeInfos[t].name == string(b[i:end]) {
			*(*Type)(p) = t
			return end + 1
		}
		if t, ok := TypeNamed(string(b[i:end])); ok {
			*(*Type)(p), d.lastType = t, t
			return end + 1
		}
	}
	return -1
}

// straightEnd returns the end of the text that begins at i: where its quote is; -1 where it is not plain.
func straightEnd(b []byte, i int) int {
	for ; len(b)-i >= 8; i += 8 {
		if m := special(binary.LittleEndian.Uint64(b[i:])); m != 0 {
			if i += bits.TrailingZeros64(m) / 8; b[i] == '"' {
				return i
			}
			return -1
		}
	}
	for ; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return i
		case c < 0x20 || c >= 0x7f || c == '\\':
			return -1
		}
	}
	return -1
}

// straightInteger decodes the integer at b[i:].
func (f *field) straightInteger(p unsafe.Pointer, b []byte, i int) int {
	start, v := i, uint64(0)
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		v = v*10 + uint64(b[i]-'0')
	}
	if i == start || i > start+straightDigits || b[start] == '0' && i > start+1 {
		return -1
	}
	switch f.kind {
	case kindUint, kindInt:
		if f.storeInteger(p, v) {
			return i
		}
	case kindVersion:
		if v == SchemaVersion {
			*(*uint16)(p) = SchemaVersion
			return i
		}
	}
	return -1
}
