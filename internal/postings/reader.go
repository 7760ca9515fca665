package postings

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"marginledger/internal/lz"
)

// Index is a finished index. Any number of goroutines may read it.
type Index struct {
	Head
	name   string
	in     io.ReaderAt
	size   int64
	blocks [Buckets][]blockAt
	close  func() error
}

// Open opens an index. What is not a whole one is ErrBad; where there is none, fs.ErrNotExist.
func Open(path string) (*Index, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	x, err := open(f, st.Size(), path)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	x.close = f.Close
	return x, nil
}

// Close ends the use of the index.
func (x *Index) Close() error { return x.close() }

func (x *Index) read(pos int64, n int64) ([]byte, error) {
	if pos < 0 || n < 0 || pos > x.size || n > x.size-pos {
		return nil, bad("%s: cut off", x.name)
	}
	b := make([]byte, n)
	if _, err := x.in.ReadAt(b, pos); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s: %w", x.name, err)
	}
	return b, nil
}

func open(in io.ReaderAt, size int64, name string) (*Index, error) {
	x := &Index{name: name, in: in, size: size}
	begin, err := x.read(0, int64(len(magic)))
	if err != nil {
		return nil, err
	}
	if string(begin) != magic {
		return nil, bad("%s: begins with %q: no index, or one of another format version", name, begin)
	}
	foot, err := x.read(size-int64(footerBytes), int64(footerBytes))
	if err != nil {
		return nil, err
	}
	pos := int64(binary.BigEndian.Uint64(foot))
	n := size - int64(footerBytes) - pos
	if string(foot[12:]) != endMagic || pos < int64(len(magic)) || n < 0 || n > maxIndex {
		return nil, bad("%s: it is not finished", name)
	}
	b, err := x.read(pos, n)
	if err != nil {
		return nil, err
	}
	if got, want := crc32.Checksum(b, castagnoli), binary.BigEndian.Uint32(foot[8:]); got != want {
		return nil, bad("%s: its directory has checksum %08x, expected %08x", name, got, want)
	}
	return x, x.directory(b, pos)
}

func (x *Index) directory(b []byte, end int64) error {
	malformed := bad("%s: its directory is malformed", x.name)
	u32 := func() (v uint32, ok bool) {
		if len(b) < 4 {
			return 0, false
		}
		v, b = binary.BigEndian.Uint32(b), b[4:]
		return v, true
	}
	n, ok := u32()
	if !ok || n > maxHead || int(n) > len(b) {
		return malformed
	}
	if err := json.Unmarshal(b[:n], &x.Head); err != nil {
		return bad("%s: its head: %w", x.name, err)
	}
	b = b[n:]
	for i := range x.blocks {
		count, ok := u32()
		if !ok || int64(count)*12 > int64(len(b)) {
			return malformed
		}
		for range count {
			k := blockAt{int64(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint32(b[8:])}
			b = b[12:]
			if k.pos < int64(len(magic)) || k.bytes < headerBytes || k.pos > end-int64(k.bytes) {
				return malformed
			}
			x.blocks[i] = append(x.blocks[i], k)
		}
	}
	if len(b) > 0 {
		return malformed
	}
	return nil
}

// Each calls fn with the entries of an account, in the order of their records.
func (x *Index) Each(a Account, fn func(*Entry) error) error {
	return x.each(a.bucket(), func(e *Entry) error {
		if e.Account != a {
			return nil
		}
		return fn(e)
	})
}

// Rates calls fn with the funding rates of a market, in order.
func (x *Index) Rates(venue, market string, fn func(*Entry) error) error {
	return x.each(rates, func(e *Entry) error {
		if e.Venue != venue || e.Market != market {
			return nil
		}
		return fn(e)
	})
}

func (x *Index) each(bucket int, fn func(*Entry) error) error {
	for _, k := range x.blocks[bucket] {
		plain, count, err := x.block(k, bucket)
		if err != nil {
			return err
		}
		d := &decoder{b: plain}
		var e Entry
		for range count {
			if e, err = d.entry(&e); err != nil {
				return bad("%s: the block at %d: %w", x.name, k.pos, err)
			}
			if err := fn(&e); err != nil {
				return err
			}
		}
		if len(d.b) > 0 {
			return bad("%s: the block at %d has more than its entries", x.name, k.pos)
		}
	}
	return nil
}

func (x *Index) block(k blockAt, bucket int) (plain []byte, count uint32, err error) {
	b, err := x.read(k.pos, int64(k.bytes))
	if err != nil {
		return nil, 0, err
	}
	stored := b[headerBytes:]
	sum := crc32.Update(crc32.Checksum(b[:headerBytes-4], castagnoli), castagnoli, stored)
	size := binary.BigEndian.Uint32(b[4:])
	count = binary.BigEndian.Uint32(b[8:])
	switch {
	case sum != binary.BigEndian.Uint32(b[headerBytes-4:]):
		return nil, 0, bad("%s: the block at %d has checksum %08x, expected %08x", x.name, k.pos, sum, binary.BigEndian.Uint32(b[headerBytes-4:]))
	case int(binary.BigEndian.Uint32(b)) != len(stored) || int(binary.BigEndian.Uint16(b[12:])) != bucket || size > maxPlain || count > size:
		return nil, 0, bad("%s: the block at %d is malformed", x.name, k.pos)
	}
	if plain, err = lz.Unpack(lz.Codec(b[14]), stored, int(size)); err != nil {
		return nil, 0, bad("%s: the block at %d: %w", x.name, k.pos, err)
	}
	return plain, count, nil
}
