package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"marginledger/internal/eventlog"
	"marginledger/internal/lz"
)

// Head says which records a partition file holds.
type Head struct {
	Topic     string
	Partition int32
	From      int64 // the first offset that it speaks of
}

// partSuffix ends the name of a file that is not finished.
const partSuffix = ".part"

// Writer writes a partition file. A file that is not finished goes on where its last whole block ends: the bytes are
// the same as if it had never been left.
type Writer struct {
	path string
	out  *os.File
	head Head

	pos     int64 // in the file
	blocks  []blockInfo
	records uint64

	plain     []byte
	count     int
	first     int64 // offset of the open block's first record
	last      int64 // of the last record; From - 1 before the first
	timestamp int64 // of the last record of the open block
	packer    lz.Packer
}

// blockInfo is a block's line in the index.
type blockInfo struct {
	pos     int64
	first   int64
	records int
	digest  [sha256.Size]byte // of header and stored bytes
}

// NewWriter begins a partition file, or goes on with one that was left.
func NewWriter(path string, h Head) (*Writer, error) {
	if len(h.Topic) > maxTopic || h.From < 0 {
		return nil, fmt.Errorf("archive %s: topic %q from offset %d", path, h.Topic, h.From)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	out, err := os.OpenFile(path+partSuffix, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	w := &Writer{path: path, out: out, head: h, last: h.From - 1}
	if err := w.resume(); err != nil {
		return nil, errors.Join(fmt.Errorf("archive %s: %w", path, err), out.Close())
	}
	return w, nil
}

// resume keeps the whole blocks of a file that was left, and cuts off what is behind them.
func (w *Writer) resume() error {
	head := appendHead(nil, &w.head)
	begun := make([]byte, len(head))
	if _, err := io.ReadFull(w.out, begun); err != nil || !bytes.Equal(begun, head) {
		if _, err := w.out.WriteAt(head, 0); err != nil {
			return err
		}
		w.pos = int64(len(head))
		return w.cutOff()
	}
	w.pos = int64(len(head))
	size, err := w.out.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	for {
		b, err := readBlock(w.out, size, w.pos, blockAny, nil)
		if err != nil || b == nil {
			return w.cutOff()
		}
		records, err := decodeRecords(nil, b.plain, b.records, b.first)
		if err != nil {
			return w.cutOff()
		}
		w.blocks = append(w.blocks, blockInfo{w.pos, b.first, b.records, b.digest()})
		w.records += uint64(b.records)
		w.pos += int64(len(b.stored))
		w.last = records[len(records)-1].Offset
	}
}

func (w *Writer) cutOff() error {
	if err := w.out.Truncate(w.pos); err != nil {
		return err
	}
	_, err := w.out.Seek(w.pos, io.SeekStart)
	return err
}

// Next returns the offset where writing goes on.
func (w *Writer) Next() int64 { return w.last + 1 }

// Add writes the next record. Offsets rise; they may have gaps.
func (w *Writer) Add(r *eventlog.Record) error {
	if r.Offset <= w.last {
		return fmt.Errorf("archive %s: offset %d behind %d", w.path, r.Offset, w.last)
	}
	if w.count == 0 {
		w.first, w.last, w.timestamp = r.Offset, r.Offset-1, 0
	}
	w.plain = appendRecord(w.plain, r, w.last, w.timestamp)
	w.count++
	w.last, w.timestamp = r.Offset, r.Timestamp
	if len(w.plain) >= blockBytes {
		return w.closeBlock()
	}
	return nil
}

func (w *Writer) closeBlock() error {
	codec, stored := w.packer.Pack(w.plain)
	b := make([]byte, 0, headerBytes+len(stored))
	b = binary.BigEndian.AppendUint32(b, uint32(len(stored)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(w.plain)))
	b = binary.BigEndian.AppendUint32(b, uint32(w.count))
	b = binary.BigEndian.AppendUint64(b, uint64(w.first))
	b = append(b, byte(codec))
	sum := crc32.Update(crc32.Checksum(b, castagnoli), castagnoli, stored)
	b = append(binary.BigEndian.AppendUint32(b, sum), stored...)
	if _, err := w.out.Write(b); err != nil {
		return fmt.Errorf("archive %s: %w", w.path, err)
	}
	w.blocks = append(w.blocks, blockInfo{w.pos, w.first, w.count, sha256.Sum256(b)})
	w.records += uint64(w.count)
	w.pos += int64(len(b))
	w.plain, w.count = w.plain[:0], 0
	return nil
}

// Finish ends the file: it speaks of all offsets up to, not including, next. Then it appears under its name.
func (w *Writer) Finish(next int64) error {
	if next <= w.last {
		return fmt.Errorf("archive %s: ends at offset %d, but holds %d", w.path, next, w.last)
	}
	if w.count > 0 {
		if err := w.closeBlock(); err != nil {
			return err
		}
	}
	b := append([]byte(nil), make([]byte, headerBytes)...) // zeros: no more blocks
	index := len(b)
	b = binary.BigEndian.AppendUint64(b, uint64(next))
	b = binary.BigEndian.AppendUint64(b, w.records)
	b = binary.BigEndian.AppendUint32(b, uint32(len(w.blocks)))
	for i := range w.blocks {
		k := &w.blocks[i]
		b = binary.BigEndian.AppendUint64(b, uint64(k.pos))
		b = binary.BigEndian.AppendUint64(b, uint64(k.first))
		b = binary.BigEndian.AppendUint32(b, uint32(k.records))
		b = append(b, k.digest[:]...)
	}
	sum := crc32.Checksum(b[index:], castagnoli)
	b = binary.BigEndian.AppendUint64(b, uint64(w.pos)+headerBytes)
	b = binary.BigEndian.AppendUint32(b, sum)
	b = append(b, endMagic...)
	if _, err := w.out.Write(b); err != nil {
		return fmt.Errorf("archive %s: %w", w.path, err)
	}
	if err := errors.Join(w.out.Sync(), w.out.Close()); err != nil {
		return fmt.Errorf("archive %s: %w", w.path, err)
	}
	if err := os.Rename(w.path+partSuffix, w.path); err != nil {
		return fmt.Errorf("archive %s: %w", w.path, err)
	}
	return nil
}

// Leave closes a file that is not finished: what is not in a whole block is written again when it goes on.
func (w *Writer) Leave() error { return w.out.Close() }

// Finished reports whether a partition file is there, under its name.
func Finished(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// appendHead appends what a file begins with.
func appendHead(b []byte, h *Head) []byte {
	start := len(b)
	b = append(b, magic...)
	body := binary.BigEndian.AppendUint16(nil, uint16(len(h.Topic)))
	body = append(body, h.Topic...)
	body = binary.BigEndian.AppendUint32(body, uint32(h.Partition))
	body = binary.BigEndian.AppendUint64(body, uint64(h.From))
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	b = append(b, body...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}
