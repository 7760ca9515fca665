package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sort"
	"time"

	"marginledger/internal/eventlog"
	"marginledger/internal/lz"
)

// File is a finished partition file. Any number of readers may read it at once.
type File struct {
	Head
	Next    int64 // it speaks of the offsets before this one
	Records uint64

	name   string
	in     io.ReaderAt
	size   int64
	blocks []blockInfo
	end    int64 // position behind the last block
	close  func() error
}

// OpenFile opens a partition file and reads its index. name is how messages call it.
func OpenFile(path, name string) (*File, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := in.Stat()
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	f, err := openFile(in, st.Size(), name)
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	f.close = in.Close
	return f, nil
}

func openFile(in io.ReaderAt, size int64, name string) (*File, error) {
	f := &File{name: name, in: in, size: size}
	begin, err := f.readHead()
	if err != nil {
		return nil, err
	}
	return f, f.readIndex(begin)
}

// Close ends the use of the file.
func (f *File) Close() error {
	if f.close == nil {
		return nil
	}
	return f.close()
}

func (f *File) damage(format string, args ...any) error {
	return &DamageError{File: f.name, Block: -1, What: fmt.Sprintf(format, args...)}
}

// read returns n bytes at a position; where they are not all there, damage.
func (f *File) read(pos int64, n int, what string) ([]byte, error) {
	if pos < 0 || pos > f.size || int64(n) > f.size-pos {
		return nil, f.damage("cut off in %s", what)
	}
	b := make([]byte, n)
	if _, err := f.in.ReadAt(b, pos); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s: %w", f.name, err)
	}
	return b, nil
}

// readHead returns the position behind the head.
func (f *File) readHead() (int64, error) {
	b, err := f.read(0, len(magic)+4, "the magic")
	if err != nil {
		return 0, err
	}
	if got := string(b[:len(magic)]); got != magic {
		if got[:len(magic)-1] == magic[:len(magic)-1] {
			return 0, f.damage("format version %d, this build reads %d", got[len(magic)-1], magic[len(magic)-1])
		}
		return 0, f.damage("begins with %q: no partition file", got)
	}
	n := binary.BigEndian.Uint32(b[len(magic):])
	if n > maxHeadBytes {
		return 0, f.damage("a head of %d bytes", n)
	}
	whole, err := f.read(0, len(b)+int(n)+4, "the head")
	if err != nil {
		return 0, err
	}
	sealed := whole[:len(whole)-4]
	if got, want := crc32.Checksum(sealed, castagnoli), binary.BigEndian.Uint32(whole[len(sealed):]); got != want {
		return 0, f.damage("the head has checksum %08x, expected %08x", got, want)
	}
	body := sealed[len(b):]
	if len(body) < 2 || len(body) != 2+int(binary.BigEndian.Uint16(body))+12 {
		return 0, f.damage("the head is malformed")
	}
	topic := body[2 : len(body)-12]
	f.Topic, body = string(topic), body[len(body)-12:]
	f.Partition, f.From = int32(binary.BigEndian.Uint32(body)), int64(binary.BigEndian.Uint64(body[4:]))
	if f.Partition < 0 || f.From < 0 {
		return 0, f.damage("the head is malformed")
	}
	return int64(len(whole)), nil
}

func (f *File) readIndex(begin int64) error {
	foot, err := f.read(f.size-int64(footerBytes), footerBytes, "the footer")
	if err != nil {
		return err
	}
	if !bytes.Equal(foot[12:], []byte(endMagic)) {
		return f.damage("does not end as a partition file: it is cut off, or not finished")
	}
	pos, sum := int64(binary.BigEndian.Uint64(foot)), binary.BigEndian.Uint32(foot[8:])
	n := f.size - int64(footerBytes) - pos
	if pos < begin+headerBytes || n < 20 || n > maxIndex {
		return f.damage("the footer is malformed")
	}
	b, err := f.read(pos, int(n), "the index")
	if err != nil {
		return err
	}
	if got := crc32.Checksum(b, castagnoli); got != sum {
		return f.damage("the index has checksum %08x, expected %08x", got, sum)
	}
	f.Next, f.Records = int64(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint64(b[8:])
	count := binary.BigEndian.Uint32(b[16:])
	b = b[20:]
	if int64(count)*indexEntry != int64(len(b)) || f.Next < f.From {
		return f.damage("the index is malformed")
	}
	f.end = pos - headerBytes
	f.blocks = make([]blockInfo, count)
	at, offset, records := begin, f.From, uint64(0)
	for i := range f.blocks {
		e := b[i*indexEntry:]
		k := &f.blocks[i]
		k.pos, k.first = int64(binary.BigEndian.Uint64(e)), int64(binary.BigEndian.Uint64(e[8:]))
		k.records = int(binary.BigEndian.Uint32(e[16:]))
		copy(k.digest[:], e[20:])
		if (i == 0 && k.pos != at) || k.pos < at || k.pos >= f.end || k.first < offset || k.first >= f.Next || k.records == 0 {
			return f.damage("the index is malformed at block %d", i)
		}
		at, offset, records = k.pos+headerBytes, k.first+int64(k.records), records+uint64(k.records)
	}
	if records != f.Records {
		return f.damage("the index counts %d records, its blocks have %d", f.Records, records)
	}
	return nil
}

// block is one block as it was read.
type block struct {
	stored  []byte // header and stored bytes
	plain   []byte
	records int
	first   int64
}

func (b *block) digest() [sha256.Size]byte { return sha256.Sum256(b.stored) }

// blockAny is the size of a block that the index does not know yet.
const blockAny = -1

// readBlock reads the block at a position; nil at the end of the blocks. size bounds the file, want is the number of
// bytes that the block takes, or blockAny. room is used for the stored bytes where it is large enough; nil: none. Its errors say
// what is wrong, not where.
func readBlock(in io.ReaderAt, size, pos, want int64, room []byte) (*block, error) {
	var header [headerBytes]byte
	n := want
	var stored []byte
	if want == blockAny {
		if size-pos < headerBytes {
			return nil, errors.New("cut off")
		}
		if _, err := in.ReadAt(header[:], pos); err != nil {
			return nil, err
		}
		if header == [headerBytes]byte{} {
			return nil, nil
		}
		n = headerBytes + int64(binary.BigEndian.Uint32(header[:]))
	}
	if n < headerBytes || n > size-pos {
		return nil, errors.New("cut off")
	}
	if stored = room[:cap(room)]; int64(len(stored)) < n {
		stored = make([]byte, n)
	}
	stored = stored[:n]
	if _, err := in.ReadAt(stored, pos); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	b := &block{stored: stored, records: int(binary.BigEndian.Uint32(stored[8:])), first: int64(binary.BigEndian.Uint64(stored[12:]))}
	packed := stored[headerBytes:]
	sum := crc32.Update(crc32.Checksum(stored[:headerBytes-4], castagnoli), castagnoli, packed)
	if want := binary.BigEndian.Uint32(stored[headerBytes-4:]); sum != want {
		return nil, fmt.Errorf("checksum %08x, expected %08x", sum, want)
	}
	plain := binary.BigEndian.Uint32(stored[4:])
	if int(binary.BigEndian.Uint32(stored)) != len(packed) || plain > maxPlain || b.records <= 0 || b.records > int(plain) || b.first < 0 {
		return nil, errors.New("its header is malformed")
	}
	var err error
	if b.plain, err = lz.Unpack(lz.Codec(stored[20]), packed, int(plain)); err != nil {
		return nil, err
	}
	return b, nil
}

// bounds returns the offsets that block i speaks of.
func (f *File) bounds(i int) (from, next int64) {
	next = f.Next
	if i+1 < len(f.blocks) {
		next = f.blocks[i+1].first
	}
	return f.blocks[i].first, next
}

func (f *File) blockEnd(i int) int64 {
	if i+1 < len(f.blocks) {
		return f.blocks[i+1].pos
	}
	return f.end
}

// blockDamage says what is wrong with block i.
func (f *File) blockDamage(i int, what string) error {
	from, next := f.bounds(i)
	return &DamageError{File: f.name, Block: i, From: from, Next: next, What: what}
}

// records reads block i. The bytes as they are stored are read into room, which is kept for the next.
func (f *File) records(i int, room *[]byte) ([]eventlog.Record, error) {
	k := &f.blocks[i]
	b, err := readBlock(f.in, f.size, k.pos, f.blockEnd(i)-k.pos, *room)
	if err != nil {
		return nil, f.blockDamage(i, err.Error())
	}
	if *room = b.stored; lz.Codec(b.stored[20]) == lz.Stored {
		*room = nil // The records are views into it.
	}
	from, next := f.bounds(i)
	if b.first != from || b.records != k.records {
		return nil, f.blockDamage(i, fmt.Sprintf("its header has %d records from offset %d, the index %d from %d", b.records, b.first, k.records, from))
	}
	records, err := decodeRecords(make([]eventlog.Record, 0, b.records), b.plain, b.records, b.first)
	if err != nil {
		return nil, f.blockDamage(i, err.Error())
	}
	if last := records[len(records)-1].Offset; last >= next {
		return nil, f.blockDamage(i, fmt.Sprintf("holds offset %d, and the index says that it ends before %d", last, next))
	}
	return records, nil
}

// CheckBlocks compares every block with its digest in the index.
func (f *File) CheckBlocks(ctx context.Context) error {
	for i := range f.blocks {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := f.read(f.blocks[i].pos, int(f.blockEnd(i)-f.blocks[i].pos), "a block")
		if err != nil {
			return err
		}
		if got := sha256.Sum256(b); got != f.blocks[i].digest {
			return f.blockDamage(i, fmt.Sprintf("digest %x, the index has %x: it was edited after it was written", got, f.blocks[i].digest))
		}
	}
	return nil
}

// Reader reads a partition file as a partition is read. It is a pipeline.Reader.
type Reader struct {
	f      *File
	offset int64
	block  int
	ended  bool
	room   []byte // for stored bytes
}

// Reader makes a reader whose first fetch begins at offset.
func (f *File) Reader(offset int64) *Reader {
	i := sort.Search(len(f.blocks), func(i int) bool {
		_, next := f.bounds(i)
		return next > offset
	})
	return &Reader{f: f, offset: offset, block: i}
}

// Fetch returns the records of the next block. At the end it answers once that there are none; whoever asks again waits
// for ever: nothing more will come.
func (r *Reader) Fetch(ctx context.Context) (eventlog.Fetch, error) {
	f := r.f
	if r.offset < f.From || r.offset > f.Next {
		return eventlog.Fetch{}, &eventlog.OutOfRangeError{Topic: f.Topic, Partition: f.Partition, Offset: r.offset, LogStart: f.From, LogEnd: f.Next}
	}
	out := eventlog.Fetch{Topic: f.Topic, Partition: f.Partition, NextOffset: f.Next, LogStart: f.From, LastStable: f.Next, At: time.Now()}
	if r.block >= len(f.blocks) {
		if r.ended {
			<-ctx.Done()
			return eventlog.Fetch{}, ctx.Err()
		}
		r.offset, r.ended = f.Next, true
		return out, nil
	}
	records, err := f.records(r.block, &r.room)
	if err != nil {
		return eventlog.Fetch{}, err
	}
	_, out.NextOffset = f.bounds(r.block)
	i := sort.Search(len(records), func(i int) bool { return records[i].Offset >= r.offset })
	out.Records = records[i:]
	r.offset, r.block = out.NextOffset, r.block+1
	return out, nil
}

// Failing implements pipeline.Reader: a file does not come back.
func (r *Reader) Failing() error { return nil }
