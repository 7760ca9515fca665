package snapshot

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"runtime"

	"marginledger/internal/orderlog"
	"marginledger/projector"
)

// File is a snapshot that verified.
type File struct {
	Path      string
	Identity  orderlog.Hash
	BodyBytes uint64 // uncompressed
	FileBytes int64
	FileHash  orderlog.Hash // SHA-256 of the file
	Rows      uint64
	Seen      uint64 // entries of the dedupe window

	head     *orderlog.Head
	manifest *Manifest // that reading must agree with; nil: none, or it has
}

// Open reads a whole snapshot and verifies it: every checksum, the order of the rows, and the identity. What does not
// verify is ErrBad, and the error says where in the file.
func Open(path string) (*File, error) {
	f := &File{Path: path}
	if err := f.read(nil, nil, true); err != nil {
		return nil, fmt.Errorf("open snapshot %s: %w", path, err)
	}
	return f, nil
}

// Head returns which cut the snapshot is of.
func (f *File) Head() (*orderlog.Head, error) { return f.head, nil }

// EachRow calls fn with all rows in key order. The row's bytes hold during the call.
func (f *File) EachRow(fn func(projector.Row) error) error { return f.read(fn, nil, false) }

// EachSeen calls fn with the dedupe window of each source, in pieces.
func (f *File) EachSeen(fn func(src projector.Source, entries []byte) error) error {
	return f.read(nil, fn, false)
}

// Each calls row as EachRow does and then seen as EachSeen does, and reads the file once.
func (f *File) Each(row func(projector.Row) error, seen func(projector.Source, []byte) error) error {
	return f.read(row, seen, false)
}

func (f *File) read(row func(projector.Row) error, seen func(projector.Source, []byte) error, hashFile bool) error {
	in, err := os.Open(f.Path)
	if err != nil {
		return err
	}
	defer in.Close()
	got, err := read(in, row, seen, hashFile)
	if err != nil {
		return err
	}
	got.Path = f.Path
	if !hashFile {
		got.FileHash = f.FileHash
	}
	if f.manifest != nil {
		if !hashFile {
			got.FileHash = f.manifest.FileHash
		}
		if err := f.manifest.agrees(got); err != nil {
			return err
		}
	}
	*f = *got
	return nil
}

// openHead reads only which cut a snapshot is of.
func openHead(path string, m *Manifest) (*File, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	r, err := newFileReader(in, false)
	if err != nil {
		return nil, err
	}
	defer r.zstd.Close()
	f := &File{Path: path, Rows: m.Rows, manifest: m}
	f.head, err = r.head()
	return f, err
}

// describe fills in what a manifest says about the file.
func (f *File) describe(m *Manifest) {
	m.Name = nameOf(f.head.Shard, f.head.Cut, f.Identity, m.keyID())
	m.Identity, m.BodyBytes, m.FileBytes, m.FileHash, m.Rows, m.Seen = f.Identity, f.BodyBytes, f.FileBytes, f.FileHash, f.Rows, f.Seen
	m.Versions = Versions{File: FormatVersion, Head: orderlog.HeadVersion, Rules: f.head.Rules, Build: f.head.Build}
	m.Head = headOf(f.head)
}

// read reads and verifies a snapshot. What row and seen hear of is verified only once read has returned without an
// error.
func read(in io.Reader, row func(projector.Row) error, seen func(projector.Source, []byte) error, hashFile bool) (*File, error) {
	r, err := newFileReader(in, hashFile)
	if err != nil {
		return nil, err
	}
	defer r.zstd.Close()
	f := new(File)
	if f.head, err = r.head(); err != nil {
		return nil, err
	}
	b := unpack(r)
	err = b.body(row, seen)
	id, ended := b.stop()
	if err == nil {
		err = ended
	}
	if err != nil {
		return nil, err
	}
	f.Identity, f.BodyBytes, f.FileBytes, f.Rows, f.Seen = id, r.bytes, r.at, b.rowCount, b.seenCount
	if hashFile {
		r.file.Sum(f.FileHash[:0])
	}
	return f, nil
}

// bodyReader gives out the body as a stream of bytes, while the next blocks are being unpacked.
type bodyReader struct {
	blocks chan *block
	free   chan []byte
	quit   chan struct{}
	end    chan struct{} // closed: id and err hold
	id     orderlog.Hash
	err    error

	cur       *block
	b         []byte // what is left of cur
	before    uint64 // bytes of the body in front of cur
	buf       []byte
	polite    politeness
	rowCount  uint64
	seenCount uint64
}

// unpack begins to read blocks.
func unpack(r *fileReader) *bodyReader {
	const ahead = 4
	b := &bodyReader{blocks: make(chan *block, ahead), free: make(chan []byte, ahead+2), quit: make(chan struct{}), end: make(chan struct{})}
	for range ahead + 2 {
		b.free <- nil
	}
	go func() {
		defer close(b.end)
		defer close(b.blocks)
		for {
			var dst []byte
			select {
			case dst = <-b.free:
			case <-b.quit:
				return
			}
			next, err := r.next(dst)
			if err != nil {
				b.err = err
				return
			}
			if next == nil {
				b.id, b.err = r.trailer()
				return
			}
			b.blocks <- next // stop takes what nobody reads
			runtime.Gosched()
		}
	}()
	return b
}

// stop ends the reading, and returns the identity if all of the file was read.
func (r *bodyReader) stop() (orderlog.Hash, error) {
	close(r.quit)
	for range r.blocks {
	}
	<-r.end
	return r.id, r.err
}

// more makes the next block current; false behind the last.
func (r *bodyReader) more() (bool, error) {
	if r.cur != nil {
		r.before += uint64(len(r.cur.b))
		r.free <- r.cur.b
		r.cur = nil
	}
	next, ok := <-r.blocks
	if !ok {
		<-r.end
		return false, r.err
	}
	r.cur, r.b = next, next.b
	return true, nil
}

// damaged says where in the body something is wrong.
func (r *bodyReader) damaged(format string, args ...any) error {
	if r.cur == nil {
		return bad("behind the last block: %w", fmt.Errorf(format, args...))
	}
	return bad("block %d, at byte %d of the file, byte %d of the body: %w", r.cur.number, r.cur.at,
		r.before+uint64(len(r.cur.b)-len(r.b)), fmt.Errorf(format, args...))
}

// ReadByte makes the body an io.ByteReader, for uvarints.
func (r *bodyReader) ReadByte() (byte, error) {
	for len(r.b) == 0 {
		ok, err := r.more()
		if err != nil {
			return 0, err
		}
		if !ok {
			return 0, r.damaged("the body ends too early")
		}
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c, nil
}

// uvarint reads a number in its one form.
func (r *bodyReader) uvarint() (uint64, error) {
	if v, n := binary.Uvarint(r.b); n == 1 || n > 1 && r.b[n-1] != 0 {
		r.b = r.b[n:]
		return v, nil
	}
	var v uint64
	for shift := 0; ; shift += 7 {
		c, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		if shift > 0 && c == 0 || shift == 63 && c > 1 {
			return 0, r.damaged("a number that is too long")
		}
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v, nil
		}
	}
}

// take returns the next n bytes of the body: of the block itself, or in spare where they span blocks.
func (r *bodyReader) take(spare []byte, n uint64) (b, grown []byte, err error) {
	if n <= uint64(len(r.b)) {
		b, r.b = r.b[:n], r.b[n:]
		return b, spare, nil
	}
	spare = spare[:0]
	for n > 0 {
		c, err := r.ReadByte()
		if err != nil {
			return nil, spare, err
		}
		spare = append(spare, c)
		more := r.b[:min(uint64(len(r.b)), n-1)]
		spare = append(spare, more...)
		r.b = r.b[len(more):]
		n -= uint64(1 + len(more))
	}
	return spare, spare, nil
}

func (r *bodyReader) body(row func(projector.Row) error, seen func(projector.Source, []byte) error) error {
	if err := r.rows(row); err != nil {
		return err
	}
	if err := r.windows(seen); err != nil {
		return err
	}
	if len(r.b) > 0 {
		return r.damaged("%d bytes behind the end of the body", len(r.b))
	}
	if ok, err := r.more(); ok {
		return r.damaged("a block behind the end of the body")
	} else if err != nil {
		return err
	}
	return nil
}

func (r *bodyReader) rows(f func(projector.Row) error) error {
	var last, value []byte
	for {
		n, err := r.uvarint()
		if err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		key, spare, err := r.take(r.buf, n)
		if err != nil {
			return err
		}
		r.buf = spare
		if string(key) <= string(last) {
			return r.damaged("row %q stands behind row %q", key, last)
		}
		last = append(last[:0], key...) // The key's block may go before the value has come.
		size, err := r.uvarint()
		if err != nil {
			return err
		}
		if size == 0 {
			return r.damaged("row %q is deleted", last)
		}
		var v []byte
		if v, value, err = r.take(value, size-1); err != nil {
			return err
		}
		r.rowCount++
		r.polite.tick()
		if f != nil {
			if err := f(projector.Row{Key: last, Value: v}); err != nil {
				return err
			}
		}
	}
}

func (r *bodyReader) windows(f func(projector.Source, []byte) error) error {
	var last projector.Source
	for {
		n, err := r.uvarint()
		if err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		topic, spare, err := r.take(r.buf, n)
		if err != nil {
			return err
		}
		r.buf = spare
		src := projector.Source{Topic: string(topic)}
		partition, err := r.uvarint()
		if err != nil {
			return err
		}
		if partition > 1<<31-1 {
			return r.damaged("partition %d of topic %q", partition, src.Topic)
		}
		src.Partition = int32(partition)
		if orderlog.CompareSources(src, last) <= 0 {
			return r.damaged("the window of %s/%d stands behind that of %s/%d", src.Topic, src.Partition, last.Topic, last.Partition)
		}
		last = src
		count, err := r.uvarint()
		if err != nil {
			return err
		}
		if count == 0 {
			return r.damaged("an empty window of %s/%d", src.Topic, src.Partition)
		}
		if err := r.window(src, count, f); err != nil {
			return err
		}
	}
}

func (r *bodyReader) window(src projector.Source, count uint64, f func(projector.Source, []byte) error) error {
	for count > 0 {
		n := min(count, maxPlainBytes/entryBytes)
		entries, spare, err := r.take(r.buf, n*entryBytes)
		if err != nil {
			return err
		}
		r.buf = spare
		r.seenCount += n
		if f != nil {
			if err := f(src, entries); err != nil {
				return err
			}
		}
		count -= n
	}
	return nil
}
