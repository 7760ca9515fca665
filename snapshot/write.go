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
	"runtime"

	"github.com/klauspost/compress/zstd"

	"marginledger/internal/orderlog"
	"marginledger/projector"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// entryBytes is the size of one entry of the dedupe window.
const entryBytes = 24

// Write writes a snapshot of s and returns its identity.
func Write(out io.Writer, s State) (orderlog.Hash, error) {
	head, err := s.Head()
	if err != nil {
		return orderlog.Hash{}, fmt.Errorf("write snapshot: %w", err)
	}
	if head == nil {
		return orderlog.Hash{}, errors.New("write snapshot: there is no state yet")
	}
	w, err := newWriter(out)
	if err != nil {
		return orderlog.Hash{}, fmt.Errorf("write snapshot: %w", err)
	}
	w.head(head.Append(nil))
	if err := w.body(s); err != nil {
		return orderlog.Hash{}, fmt.Errorf("write snapshot: %w", err)
	}
	id := w.end()
	if w.err != nil {
		return orderlog.Hash{}, fmt.Errorf("write snapshot: %w", w.err)
	}
	return id, nil
}

// writer cuts the body into blocks. Its first error stays.
type writer struct {
	out   *bufio.Writer
	zstd  *zstd.Encoder
	sum   hash.Hash
	block []byte // uncompressed, not yet written
	z     []byte
	bytes uint64 // of the body
	err   error

	polite politeness
}

func newWriter(out io.Writer) (*writer, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return &writer{out: bufio.NewWriterSize(out, 1<<20), zstd: z, sum: sha256.New(), block: make([]byte, 0, blockBytes+64<<10)}, nil
}

func (w *writer) raw(b []byte) {
	if w.err == nil {
		_, w.err = w.out.Write(b)
	}
}

func (w *writer) head(head []byte) {
	w.raw([]byte(magic))
	w.raw(binary.BigEndian.AppendUint32(nil, uint32(len(head))))
	w.raw(head)
}

func (w *writer) body(s State) error {
	err := s.EachRow(func(r projector.Row) error {
		w.polite.tick()
		w.block = orderlog.AppendRow(w.block, r.Key, r.Value)
		w.flush(blockBytes)
		return w.err
	})
	if err != nil {
		return err
	}
	w.block = append(w.block, 0) // No row has an empty key.
	if err := w.seen(s); err != nil {
		return err
	}
	w.block = append(w.block, 0) // No topic has an empty name.
	w.flush(1)
	return w.err
}

// seen writes the dedupe window: topic, partition, count, entries. A window is held in memory whole, for its count.
func (w *writer) seen(s State) error {
	var src projector.Source
	var entries []byte
	put := func() {
		if len(entries) == 0 {
			return
		}
		b := binary.AppendUvarint(w.block, uint64(len(src.Topic)))
		b = binary.AppendUvarint(append(b, src.Topic...), uint64(src.Partition))
		w.block = binary.AppendUvarint(b, uint64(len(entries)/entryBytes))
		for len(entries) > 0 {
			n := min(len(entries), blockBytes)
			w.block = append(w.block, entries[:n]...)
			entries = entries[n:]
			w.flush(blockBytes)
		}
	}
	err := s.EachSeen(func(next projector.Source, e []byte) error {
		if next != src {
			put()
			src, entries = next, nil
		}
		entries = append(entries, e...)
		return w.err
	})
	put()
	return err
}

// flush writes blocks while at least limit bytes are waiting.
func (w *writer) flush(limit int) {
	for len(w.block) >= limit && w.err == nil {
		b := w.block[:min(len(w.block), blockBytes)]
		w.sum.Write(b)
		w.bytes += uint64(len(b))
		w.z = w.zstd.EncodeAll(b, w.z[:0])
		header := binary.BigEndian.AppendUint32(nil, uint32(len(w.z)))
		header = binary.BigEndian.AppendUint32(header, uint32(len(b)))
		w.raw(binary.BigEndian.AppendUint32(header, crc32.Checksum(w.z, castagnoli)))
		w.raw(w.z)
		w.block = append(w.block[:0], w.block[len(b):]...)
		runtime.Gosched()
	}
}

// end writes the block header that ends the blocks, and the trailer.
func (w *writer) end() (id orderlog.Hash) {
	w.sum.Sum(id[:0])
	w.raw(make([]byte, 12))
	trailer := binary.BigEndian.AppendUint64(nil, w.bytes)
	trailer = append(trailer, id[:]...)
	w.raw(binary.BigEndian.AppendUint32(trailer, crc32.Checksum(trailer, castagnoli)))
	if w.err == nil {
		w.err = w.out.Flush()
	}
	return id
}
