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

	"github.com/klauspost/compress/zstd"

	"marginledger/internal/orderlog"
)

// block is a piece of the body, unpacked.
type block struct {
	number int
	at     int64 // offset of its header in the file
	b      []byte
}

// fileReader takes the file apart: magic, head, blocks, trailer. It verifies every checksum and the identity.
type fileReader struct {
	in     *bufio.Reader
	zstd   *zstd.Decoder
	file   hash.Hash // of the file; nil: not wanted
	body   hash.Hash
	bytes  uint64 // of the body so far
	at     int64  // of the file so far
	number int    // of blocks so far
	z      []byte
}

func newFileReader(in io.Reader, hashFile bool) (*fileReader, error) {
	r := &fileReader{body: sha256.New()}
	if hashFile {
		r.file = sha256.New()
		in = io.TeeReader(in, r.file)
	}
	r.in = bufio.NewReaderSize(in, 1<<20)
	var err error
	r.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxBlockBytes))
	return r, err
}

// full reads the next n bytes, which hold until the next call.
func (r *fileReader) full(n int, what string) ([]byte, error) {
	if cap(r.z) < n {
		r.z = make([]byte, n)
	}
	r.z = r.z[:n]
	got, err := io.ReadFull(r.in, r.z)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, bad("cut off at byte %d of the file, in %s that begins at byte %d and has %d", r.at+int64(got), what, r.at, n)
	}
	r.at += int64(got)
	return r.z, err
}

func (r *fileReader) head() (*orderlog.Head, error) {
	b, err := r.full(len(magic)+4, "the magic")
	if err != nil {
		return nil, err
	}
	if got := string(b[:len(magic)-1]); got != magic[:len(magic)-1] {
		return nil, bad("begins with %q: not a snapshot", got)
	}
	if got := b[len(magic)-1]; got != FormatVersion {
		return nil, bad("has format version %d, this build reads %d", got, FormatVersion)
	}
	n := binary.BigEndian.Uint32(b[len(magic):])
	if n > maxHeadBytes {
		return nil, bad("a head of %d bytes, by the length at byte %d of the file", n, len(magic))
	}
	begin := r.at
	if b, err = r.full(int(n), "the head"); err != nil {
		return nil, err
	}
	h, err := orderlog.DecodeHead(b)
	if err != nil {
		return nil, bad("the head at byte %d of the file: %w", begin, err)
	}
	return h, nil
}

// next unpacks the next block into dst; nil behind the last.
func (r *fileReader) next(dst []byte) (*block, error) {
	b := &block{number: r.number + 1, at: r.at}
	damaged := func(format string, args ...any) error {
		return bad("block %d, at byte %d of the file: %w", b.number, b.at, fmt.Errorf(format, args...))
	}
	header, err := r.full(blockHeader, "a block's header")
	if err != nil {
		return nil, err
	}
	size, plain, sum := binary.BigEndian.Uint32(header), binary.BigEndian.Uint32(header[4:]), binary.BigEndian.Uint32(header[8:])
	if size == 0 && plain == 0 && sum == 0 {
		return nil, nil
	}
	if size > maxBlockBytes || plain > maxPlainBytes || plain == 0 {
		return nil, damaged("%d bytes, %d compressed: no block is like that", plain, size)
	}
	z, err := r.full(int(size), "a block")
	if err != nil {
		return nil, err
	}
	if got := crc32.Checksum(z, castagnoli); got != sum {
		return nil, damaged("it has checksum %08x, expected %08x", got, sum)
	}
	if b.b, err = r.zstd.DecodeAll(z, dst[:0]); err != nil {
		return nil, damaged("unpack: %w", err)
	}
	if len(b.b) != int(plain) {
		return nil, damaged("it unpacks to %d bytes, expected %d", len(b.b), plain)
	}
	r.body.Write(b.b)
	r.bytes += uint64(plain)
	r.number = b.number
	return b, nil
}

// trailer reads what stands behind the blocks, and the end of the file.
func (r *fileReader) trailer() (id orderlog.Hash, err error) {
	begin := r.at
	b, err := r.full(8+len(id)+4, "the trailer")
	if err != nil {
		return id, err
	}
	if got, want := crc32.Checksum(b[:8+len(id)], castagnoli), binary.BigEndian.Uint32(b[8+len(id):]); got != want {
		return id, bad("the trailer, at byte %d of the file, has checksum %08x, expected %08x", begin, got, want)
	}
	bytes := binary.BigEndian.Uint64(b)
	copy(id[:], b[8:])
	var got orderlog.Hash
	r.body.Sum(got[:0])
	if got != id || bytes != r.bytes {
		return id, bad("the body has hash %v and %d bytes, the trailer at byte %d of the file says %v and %d", got, r.bytes, begin, id, bytes)
	}
	if _, err := r.in.ReadByte(); !errors.Is(err, io.EOF) {
		return id, bad("more bytes behind the trailer, at byte %d of the file", r.at)
	}
	return id, nil
}
