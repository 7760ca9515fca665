// Package lz packs blocks of bytes for files that are read often: LZ4, or as they are where that does not help.
package lz

import (
	"errors"
	"fmt"

	"github.com/pierrec/lz4/v4"
)

// Codec says how a block is stored.
type Codec byte

// The codecs; their numbers stand in files.
const (
	Stored Codec = 0
	LZ4    Codec = 1 // the block format
)

// maxRatio is of plain to stored bytes: LZ4 cannot do better, so more is a lie.
const maxRatio = 256

// errMalformed is a block that does not unpack to what its header says.
var errMalformed = errors.New("malformed block")

// Packer packs. The zero value is ready; it is not safe for concurrent use.
type Packer struct {
	codec lz4.Compressor
	buf   []byte
}

// Pack returns the bytes to store, which hold until the next call.
func (p *Packer) Pack(plain []byte) (Codec, []byte) {
	if bound := lz4.CompressBlockBound(len(plain)); cap(p.buf) < bound {
		p.buf = make([]byte, bound)
	}
	if n, err := p.codec.CompressBlock(plain, p.buf[:cap(p.buf)]); err == nil && n > 0 && n < len(plain) {
		return LZ4, p.buf[:n]
	}
	return Stored, plain
}

// Unpack returns the plain bytes, of which there must be so many; those of a stored block are the same slice.
func Unpack(c Codec, stored []byte, plain int) ([]byte, error) {
	switch {
	case plain < 0 || plain > maxRatio*(len(stored)+1):
		return nil, errMalformed
	case c == Stored && plain == len(stored):
		return stored, nil
	case c == Stored:
		return nil, errMalformed
	case c != LZ4:
		return nil, fmt.Errorf("codec %d, this build knows %d and %d", c, Stored, LZ4)
	}
	b := make([]byte, plain)
	if n, err := lz4.UncompressBlock(stored, b); err != nil || n != plain {
		return nil, fmt.Errorf("does not unpack to %d bytes", plain)
	}
	return b, nil
}
