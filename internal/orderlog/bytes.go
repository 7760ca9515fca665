package orderlog

import (
	"encoding/binary"
	"hash/crc32"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Bounds of what is read back: larger is corruption, not memory.
const (
	maxString = 1 << 10
	maxList   = 1 << 20
)

// seal appends the checksum that ends every format of this package: CRC-32C of all bytes of it before, big endian.
func seal(b []byte, start int) []byte {
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

// open checks and cuts off the checksum and the version.
func open(what string, b []byte, version byte) (*reader, error) {
	if len(b) < 5 {
		return nil, Corrupt("%s of %d bytes", what, len(b))
	}
	body := b[:len(b)-4]
	if got, want := crc32.Checksum(body, castagnoli), binary.BigEndian.Uint32(b[len(body):]); got != want {
		return nil, Corrupt("%s: checksum %08x, expected %08x", what, got, want)
	}
	if body[0] != version {
		return nil, Corrupt("%s: format version %d, this build reads %d", what, body[0], version)
	}
	return &reader{b: body[1:]}, nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// reader takes fields off a byte slice. Once something is missing, all that follow are zero and bad is set.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || n > 1 && r.b[n-1] == 0 { // There is one form of each number.
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[n:]
	return v
}

// offset is a uvarint that fits an int64.
func (r *reader) offset() int64 {
	v := r.uvarint()
	if v > 1<<63-1 {
		r.bad = true
		return 0
	}
	return int64(v)
}

func (r *reader) int32() int32 {
	v := r.uvarint()
	if v > 1<<31-1 {
		r.bad = true
		return 0
	}
	return int32(v)
}

// length is a uvarint that is at most limit, and at most what the bytes left can hold at one byte each.
func (r *reader) length(limit int) int {
	v := r.uvarint()
	if v > uint64(limit) || v > uint64(len(r.b)) {
		r.bad = true
		return 0
	}
	return int(v)
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.b) {
		r.b, r.bad = nil, true
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) byte() byte {
	if v := r.bytes(1); len(v) == 1 {
		return v[0]
	}
	return 0
}

func (r *reader) string() string { return string(r.bytes(r.length(maxString))) }

func (r *reader) hash() (h Hash) {
	copy(h[:], r.bytes(len(h)))
	return h
}

// end returns an error unless everything was there and nothing is left.
func (r *reader) end(what string) error {
	if r.bad || len(r.b) > 0 {
		return Corrupt("%s: malformed", what)
	}
	return nil
}
