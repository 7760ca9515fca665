package eventlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Compression is how the records of a batch are packed; the numbers are Kafka's.
type Compression int8

// The codecs.
const (
	None   Compression = 0
	Gzip   Compression = 1
	Snappy Compression = 2
	Lz4    Compression = 3
	Zstd   Compression = 4
)

func (c Compression) String() string {
	names := [...]string{"none", "gzip", "snappy", "lz4", "zstd"}
	if c < 0 || int(c) >= len(names) {
		return fmt.Sprintf("codec %d", int8(c))
	}
	return names[c]
}

// errUnpackLimit means that a batch unpacks to more than was allowed.
var errUnpackLimit = errors.New("unpacks to more than the limit")

var (
	gzipReaders = sync.Pool{New: func() any { return new(gzip.Reader) }}
	lz4Readers  = sync.Pool{New: func() any { return lz4.NewReader(nil) }}
	gzipWriters = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}
	lz4Writers  = sync.Pool{New: func() any { return lz4.NewWriter(nil) }}

	zstdReader = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(MaxBatchBytes),
			zstd.WithDecoderMaxWindow(MaxBatchBytes))
		if err != nil {
			panic(err) // The options are constants.
		}
		return d
	})
	zstdWriter = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false))
		if err != nil {
			panic(err) // The options are constants.
		}
		return e
	})
)

// unpack returns the uncompressed records in a buffer of their own, at most limit bytes of them: a small batch that
// claims to be huge costs no more than that.
func unpack(codec Compression, packed []byte, limit int) ([]byte, error) {
	switch codec {
	case Gzip:
		r := gzipReaders.Get().(*gzip.Reader)
		defer gzipReaders.Put(r)
		if err := r.Reset(bytes.NewReader(packed)); err != nil {
			return nil, err
		}
		return readAll(r, len(packed), limit)
	case Lz4:
		r := lz4Readers.Get().(*lz4.Reader)
		defer lz4Readers.Put(r)
		r.Reset(bytes.NewReader(packed))
		return readAll(r, len(packed), limit)
	case Snappy:
		return unpackSnappy(packed, limit)
	case Zstd:
		out, err := zstdReader().DecodeAll(packed, nil)
		if errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) || len(out) > limit {
			return nil, errUnpackLimit
		}
		return out, err
	}
	return nil, fmt.Errorf("unknown compression codec %d", int8(codec))
}

// readAll reads at most limit bytes.
func readAll(r io.Reader, packed, limit int) ([]byte, error) {
	out := make([]byte, 0, min(4*packed+512, limit+1))
	for {
		if len(out) == cap(out) {
			out = append(out, 0)[:len(out)]
		}
		n, err := r.Read(out[len(out):cap(out)])
		out = out[:len(out)+n]
		switch {
		case len(out) > limit:
			return nil, errUnpackLimit
		case err == io.EOF:
			return out, nil
		case err != nil:
			return nil, err
		}
	}
}

// xerial is the framing that Java's snappy puts around blocks: a magic, two versions, then (int32 length, block)s.
var xerial = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

const xerialHeader = 16

func unpackSnappy(packed []byte, limit int) ([]byte, error) {
	if len(packed) < xerialHeader || !bytes.HasPrefix(packed, xerial) {
		return appendSnappyBlock(nil, packed, limit)
	}
	out := make([]byte, 0, min(4*len(packed), limit))
	for rest := packed[xerialHeader:]; len(rest) > 0; {
		if len(rest) < 4 {
			return nil, io.ErrUnexpectedEOF
		}
		n := int(int32(binary.BigEndian.Uint32(rest)))
		rest = rest[4:]
		if n < 0 || n > len(rest) {
			return nil, io.ErrUnexpectedEOF
		}
		var err error
		if out, err = appendSnappyBlock(out, rest[:n], limit); err != nil {
			return nil, err
		}
		rest = rest[n:]
	}
	return out, nil
}

func appendSnappyBlock(out, block []byte, limit int) ([]byte, error) {
	n, err := snappy.DecodedLen(block)
	if err != nil {
		return nil, err
	}
	if len(out)+n > limit {
		return nil, errUnpackLimit
	}
	// A block cannot expand by more than 64 to 1 or so: a length that claims more is a lie, found before allocating.
	if n > 128*len(block)+64 {
		return nil, snappy.ErrCorrupt
	}
	out = slices.Grow(out, n)
	if _, err := snappy.Decode(out[len(out):len(out)+n], block); err != nil {
		return nil, err
	}
	return out[:len(out)+n], nil
}

// pack appends the compressed records to dst.
func pack(codec Compression, dst, records []byte) ([]byte, error) {
	switch codec {
	case None:
		return append(dst, records...), nil
	case Gzip:
		out := bytes.NewBuffer(dst)
		w := gzipWriters.Get().(*gzip.Writer)
		defer gzipWriters.Put(w)
		w.Reset(out)
		if _, err := w.Write(records); err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		return out.Bytes(), nil
	case Lz4:
		out := bytes.NewBuffer(dst)
		w := lz4Writers.Get().(*lz4.Writer)
		defer lz4Writers.Put(w)
		w.Reset(out)
		if _, err := w.Write(records); err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		return out.Bytes(), nil
	case Snappy:
		const block = 32 << 10 // What Java uses.
		dst = append(dst, xerial...)
		dst = binary.BigEndian.AppendUint32(dst, 1)
		dst = binary.BigEndian.AppendUint32(dst, 1)
		for len(records) > 0 {
			n := min(block, len(records))
			b := snappy.Encode(nil, records[:n])
			dst = binary.BigEndian.AppendUint32(dst, uint32(len(b)))
			dst = append(dst, b...)
			records = records[n:]
		}
		return dst, nil
	case Zstd:
		return zstdWriter().EncodeAll(records, dst), nil
	}
	return nil, fmt.Errorf("unknown compression codec %d", int8(codec))
}
