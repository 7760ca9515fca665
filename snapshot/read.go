package snapshot

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"

	"marginledger/internal/orderlog"
	"marginledger/projector"
)

// File is a snapshot that verified.
type File struct {
	Path     string
	Identity orderlog.Hash
	Bytes    uint64 // of the body, uncompressed

	head *orderlog.Head
}

// Open reads a whole snapshot and verifies it: every checksum, the order of the rows, and the identity. What does not
// verify is ErrBad.
func Open(path string) (*File, error) {
	f := &File{Path: path}
	if err := f.read(nil, nil); err != nil {
		return nil, fmt.Errorf("open snapshot %s: %w", path, err)
	}
	return f, nil
}

// Head returns which cut the snapshot is of.
func (f *File) Head() (*orderlog.Head, error) { return f.head, nil }

// EachRow calls fn with all rows in key order. The row's bytes hold during the call.
func (f *File) EachRow(fn func(projector.Row) error) error { return f.read(fn, nil) }

// EachSeen calls fn with the dedupe window of each source, in pieces.
func (f *File) EachSeen(fn func(src projector.Source, entries []byte) error) error {
	return f.read(nil, fn)
}

func (f *File) read(row func(projector.Row) error, seen func(projector.Source, []byte) error) error {
	in, err := os.Open(f.Path)
	if err != nil {
		return err
	}
	defer in.Close()
	r := &reader{in: bufio.NewReaderSize(in, 1<<20), sum: sha256.New()}
	if r.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxBlockBytes)); err != nil {
		return err
	}
	defer r.zstd.Close()
	if f.head, err = r.head(); err != nil {
		return err
	}
	if err := r.body(row, seen); err != nil {
		return err
	}
	f.Identity, f.Bytes, err = r.trailer()
	return err
}

// reader gives out the body as a stream of bytes, block by block.
type reader struct {
	in    *bufio.Reader
	zstd  *zstd.Decoder
	sum   hash.Hash
	z     []byte
	block []byte // the current block
	b     []byte // what is left of it
	bytes uint64
	ended bool
	buf   []byte
}

func (r *reader) full(n int, what string) ([]byte, error) {
	if cap(r.z) < n {
		r.z = make([]byte, n)
	}
	r.z = r.z[:n]
	if _, err := io.ReadFull(r.in, r.z); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, bad("cut off in %s", what)
		}
		return nil, err
	}
	return r.z, nil
}

func (r *reader) head() (*orderlog.Head, error) {
	b, err := r.full(len(magic)+4, "the magic")
	if err != nil {
		return nil, err
	}
	if got := string(b[:len(magic)]); got != magic {
		return nil, bad("begins with %q: no snapshot, or one of another format version", got)
	}
	n := binary.BigEndian.Uint32(b[len(magic):])
	if n > maxHeadBytes {
		return nil, bad("a head of %d bytes", n)
	}
	if b, err = r.full(int(n), "the head"); err != nil {
		return nil, err
	}
	h, err := orderlog.DecodeHead(b)
	if err != nil {
		return nil, bad("%w", err)
	}
	return h, nil
}

// next makes the next block current; r.ended is set behind the last.
func (r *reader) next() error {
	header, err := r.full(12, "a block's header")
	if err != nil {
		return err
	}
	size, plain, sum := binary.BigEndian.Uint32(header), binary.BigEndian.Uint32(header[4:]), binary.BigEndian.Uint32(header[8:])
	if size == 0 && plain == 0 && sum == 0 {
		r.ended = true
		return nil
	}
	if size > maxBlockBytes || plain > blockBytes || plain == 0 {
		return bad("a block of %d bytes, %d compressed", plain, size)
	}
	z, err := r.full(int(size), "a block")
	if err != nil {
		return err
	}
	if got := crc32.Checksum(z, castagnoli); got != sum {
		return bad("a block has checksum %08x, expected %08x", got, sum)
	}
	if r.block, err = r.zstd.DecodeAll(z, r.block[:0]); err != nil {
		return bad("unpack a block: %w", err)
	}
	if len(r.block) != int(plain) {
		return bad("a block unpacks to %d bytes, expected %d", len(r.block), plain)
	}
	r.sum.Write(r.block)
	r.bytes += uint64(plain)
	r.b = r.block
	return nil
}

// ReadByte makes the body an io.ByteReader, for uvarints.
func (r *reader) ReadByte() (byte, error) {
	for len(r.b) == 0 {
		if r.ended {
			return 0, bad("the body ends too early")
		}
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c, nil
}

func (r *reader) uvarint() (uint64, error) { return binary.ReadUvarint(r) }

// take appends the next n bytes of the body to dst.
func (r *reader) take(dst []byte, n uint64) ([]byte, error) {
	for n > 0 {
		c, err := r.ReadByte()
		if err != nil {
			return nil, err
		}
		dst = append(dst, c)
		more := r.b[:min(uint64(len(r.b)), n-1)]
		dst = append(dst, more...)
		r.b = r.b[len(more):]
		n -= uint64(1 + len(more))
	}
	return dst, nil
}

// field reads a uvarint length and as many bytes into dst.
func (r *reader) field(dst []byte) ([]byte, error) {
	n, err := r.uvarint()
	if err != nil {
		return nil, err
	}
	return r.take(dst, n)
}

func (r *reader) body(row func(projector.Row) error, seen func(projector.Source, []byte) error) error {
	if err := r.rows(row); err != nil {
		return err
	}
	if err := r.windows(seen); err != nil {
		return err
	}
	if len(r.b) > 0 {
		return bad("%d bytes behind the end of the body", len(r.b))
	}
	if err := r.next(); err != nil {
		return err
	}
	if !r.ended {
		return bad("a block behind the end of the body")
	}
	return nil
}

func (r *reader) rows(f func(projector.Row) error) error {
	var last, value []byte
	for {
		key, err := r.field(r.buf[:0])
		if err != nil {
			return err
		}
		if len(key) == 0 {
			return nil
		}
		if string(key) <= string(last) {
			return bad("row %q stands behind row %q", key, last)
		}
		n, err := r.uvarint()
		if err != nil {
			return err
		}
		if n == 0 {
			return bad("row %q is deleted", key)
		}
		if value, err = r.take(value[:0], n-1); err != nil {
			return err
		}
		if f != nil {
			if err := f(projector.Row{Key: key, Value: value}); err != nil {
				return err
			}
		}
		last, r.buf = key, last
	}
}

func (r *reader) windows(f func(projector.Source, []byte) error) error {
	for {
		topic, err := r.field(nil)
		if err != nil {
			return err
		}
		if len(topic) == 0 {
			return nil
		}
		partition, err := r.uvarint()
		if err != nil {
			return err
		}
		count, err := r.uvarint()
		if err != nil {
			return err
		}
		src := projector.Source{Topic: string(topic), Partition: int32(partition)}
		for count > 0 {
			n := min(count, blockBytes/entryBytes)
			if r.buf, err = r.take(r.buf[:0], n*entryBytes); err != nil {
				return err
			}
			if f != nil {
				if err := f(src, r.buf); err != nil {
					return err
				}
			}
			count -= n
		}
	}
}

func (r *reader) trailer() (id orderlog.Hash, bytes uint64, err error) {
	b, err := r.full(8+len(id)+4, "the trailer")
	if err != nil {
		return id, 0, err
	}
	if got, want := crc32.Checksum(b[:8+len(id)], castagnoli), binary.BigEndian.Uint32(b[8+len(id):]); got != want {
		return id, 0, bad("the trailer has checksum %08x, expected %08x", got, want)
	}
	bytes = binary.BigEndian.Uint64(b)
	copy(id[:], b[8:])
	var got orderlog.Hash
	r.sum.Sum(got[:0])
	if got != id || bytes != r.bytes {
		return id, 0, bad("the body has hash %v and %d bytes, expected %v and %d", got, r.bytes, id, bytes)
	}
	if _, err := r.in.ReadByte(); !errors.Is(err, io.EOF) {
		return id, 0, bad("bytes behind the trailer")
	}
	return id, bytes, nil
}
