package postings

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"

	"marginledger/internal/lz"
)

// Writer writes an index. Entries come in the order of their records; an index that is not finished is none.
type Writer struct {
	path   string
	file   *os.File
	out    *bufio.Writer
	pos    int64
	bucket [Buckets]building
	blocks [Buckets][]blockAt
	packer lz.Packer
	err    error
}

// building is the open block of a bucket.
type building struct {
	plain []byte
	count int
	last  Entry
}

type blockAt struct {
	pos   int64
	bytes uint32
}

// NewWriter begins an index; it appears at the path once it is finished.
func NewWriter(path string) (*Writer, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("index of postings: %w", err)
	}
	file, err := os.Create(path + ".part")
	if err != nil {
		return nil, fmt.Errorf("index of postings: %w", err)
	}
	w := &Writer{path: path, file: file, out: bufio.NewWriterSize(file, 1<<20)}
	w.write([]byte(magic))
	return w, nil
}

func (w *Writer) write(b []byte) {
	if w.err == nil {
		_, w.err = w.out.Write(b)
	}
	w.pos += int64(len(b))
}

// Add adds an entry of an account.
func (w *Writer) Add(e *Entry) error { return w.add(e.bucket(), e) }

// AddRate adds a funding rate.
func (w *Writer) AddRate(e *Entry) error { return w.add(rates, e) }

func (w *Writer) add(bucket int, e *Entry) error {
	b := &w.bucket[bucket]
	b.plain = e.append(b.plain, &b.last)
	b.count++
	b.last = Entry{N: e.N, Cut: e.Cut, Time: e.Time, Clock: e.Clock, Offset: e.Offset} // its texts may not last
	if len(b.plain) >= blockBytes {
		w.closeBlock(bucket)
	}
	return w.err
}

func (w *Writer) closeBlock(bucket int) {
	b := &w.bucket[bucket]
	codec, stored := w.packer.Pack(b.plain)
	h := make([]byte, 0, headerBytes)
	h = binary.BigEndian.AppendUint32(h, uint32(len(stored)))
	h = binary.BigEndian.AppendUint32(h, uint32(len(b.plain)))
	h = binary.BigEndian.AppendUint32(h, uint32(b.count))
	h = binary.BigEndian.AppendUint16(h, uint16(bucket))
	h = append(h, byte(codec))
	h = binary.BigEndian.AppendUint32(h, crc32.Update(crc32.Checksum(h, castagnoli), castagnoli, stored))
	w.blocks[bucket] = append(w.blocks[bucket], blockAt{w.pos, uint32(len(h) + len(stored))})
	w.write(h)
	w.write(stored)
	*b = building{plain: b.plain[:0]}
}

// Finish ends the index.
func (w *Writer) Finish(h *Head) error {
	for i := range w.bucket {
		if w.bucket[i].count > 0 {
			w.closeBlock(i)
		}
	}
	head, err := json.Marshal(h)
	if err != nil {
		panic(fmt.Sprintf("postings: %v", err)) // integers and texts marshal
	}
	at := w.pos
	b := binary.BigEndian.AppendUint32(nil, uint32(len(head)))
	b = append(b, head...)
	for i := range w.blocks {
		b = binary.BigEndian.AppendUint32(b, uint32(len(w.blocks[i])))
		for _, k := range w.blocks[i] {
			b = binary.BigEndian.AppendUint64(b, uint64(k.pos))
			b = binary.BigEndian.AppendUint32(b, k.bytes)
		}
	}
	sum := crc32.Checksum(b, castagnoli)
	b = binary.BigEndian.AppendUint64(b, uint64(at))
	b = binary.BigEndian.AppendUint32(b, sum)
	w.write(append(b, endMagic...))
	if w.err == nil {
		w.err = w.out.Flush()
	}
	if err := errors.Join(w.err, w.file.Sync(), w.file.Close()); err != nil {
		return fmt.Errorf("index of postings: %w", err)
	}
	return os.Rename(w.path+".part", w.path)
}

// Abort removes what was written.
func (w *Writer) Abort() error {
	return errors.Join(w.file.Close(), os.Remove(w.path+".part"))
}
