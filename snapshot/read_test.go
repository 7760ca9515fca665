package snapshot

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"marginledger/projector"
)

// written returns a snapshot's file, and where its blocks begin in it.
func written(t testing.TB, s State) (file []byte, blocks []int) {
	t.Helper()
	var b bytes.Buffer
	if _, err := Write(&b, s); err != nil {
		t.Fatal(err)
	}
	file = b.Bytes()
	at := len(magic) + 4 + int(binary.BigEndian.Uint32(file[len(magic):]))
	for {
		size := int(binary.BigEndian.Uint32(file[at:]))
		if size == 0 {
			return file, blocks
		}
		blocks = append(blocks, at)
		at += blockHeader + size
	}
}

// file makes a snapshot's file of a body, in blocks of the given size, whatever the body is.
func fileOf(t testing.TB, body []byte, size int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := newWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	w.head(stateOf(7, 0, 0).head.Append(nil))
	for len(body) > 0 {
		n := min(size, len(body))
		w.block = append(w.block, body[:n]...)
		w.flush(1)
		body = body[n:]
	}
	w.end()
	if w.err != nil {
		t.Fatal(w.err)
	}
	return out.Bytes()
}

func readBytes(b []byte) (*File, error) { return read(bytes.NewReader(b), nil, nil, true) }

// Every kind of damage is found, and the message says what is wrong and where: which block, which byte.
func TestDamage(t *testing.T) {
	good, blocks := written(t, stateOf(7, 40_000, 100)) // five blocks and more
	if len(blocks) < 5 {
		t.Fatalf("%d blocks", len(blocks))
	}
	if _, err := readBytes(good); err != nil {
		t.Fatal(err)
	}
	third := blocks[2]
	headAt := len(magic) + 4
	trailer := len(good) - 44
	checksum := func(b []byte) { // makes the third block's checksum right again
		size := binary.BigEndian.Uint32(b[third:])
		binary.BigEndian.PutUint32(b[third+8:], crc32.Checksum(b[third+blockHeader:third+blockHeader+int(size)], castagnoli))
	}
	sealed := func(b []byte) {
		binary.BigEndian.PutUint32(b[len(b)-4:], crc32.Checksum(b[trailer:len(b)-4], castagnoli))
	}
	for _, c := range []struct {
		name   string
		damage func(b []byte) []byte
		want   []string
	}{
		{"no snapshot", func(b []byte) []byte { b[0] = 'X'; return b }, []string{`begins with "XLSNAP\x00"`, "not a snapshot"}},
		{"another version", func(b []byte) []byte { b[7] = 9; return b }, []string{"format version 9, this build reads 1"}},
		{"empty", func([]byte) []byte { return nil }, []string{"cut off at byte 0", "the magic"}},
		{"huge head", func(b []byte) []byte { b[8] = 0xff; return b }, []string{"a head of", "byte 8"}},
		{"head", func(b []byte) []byte { b[headAt+3] ^= 1; return b }, []string{fmt.Sprintf("the head at byte %d", headAt), "checksum"}},
		{"cut in the head", func(b []byte) []byte { return b[:headAt+5] }, []string{fmt.Sprintf("cut off at byte %d", headAt+5), "the head"}},
		{"block", func(b []byte) []byte { b[third+500] ^= 1; return b }, []string{"block 3,", fmt.Sprintf("at byte %d", third), "checksum"}},
		{"block's checksum", func(b []byte) []byte { b[third+8] ^= 1; return b }, []string{"block 3,", fmt.Sprintf("at byte %d", third), "checksum"}},
		{"block's size", func(b []byte) []byte { b[third] = 0xff; return b }, []string{"block 3,", "no block is like that"}},
		{"block's plain size", func(b []byte) []byte { b[third+5] = 0x0f; return b }, []string{"block 3,", "it unpacks to"}},
		{"block is no zstd", func(b []byte) []byte { b[third+blockHeader] ^= 1; checksum(b); return b }, []string{"block 3,", "unpack"}},
		{"cut in a block", func(b []byte) []byte { return b[:third+200] }, []string{fmt.Sprintf("cut off at byte %d", third+200), fmt.Sprintf("begins at byte %d", third+blockHeader)}},
		{"cut in a block's header", func(b []byte) []byte { return b[:third+5] }, []string{fmt.Sprintf("cut off at byte %d", third+5), "a block's header"}},
		{"a block missing", func(b []byte) []byte { return append(b[:third:third], b[blocks[3]:]...) }, nil},
		{"blocks swapped", func(b []byte) []byte {
			swapped := append([]byte{}, b[:third]...)
			swapped = append(append(swapped, b[blocks[3]:blocks[4]]...), b[third:blocks[3]]...)
			return append(swapped, b[blocks[4]:]...)
		}, nil},
		{"trailer", func(b []byte) []byte { b[trailer+9] ^= 1; return b }, []string{fmt.Sprintf("the trailer, at byte %d", trailer), "checksum"}},
		{"another identity", func(b []byte) []byte { b[trailer+9] ^= 1; sealed(b); return b }, []string{"the body has hash", fmt.Sprintf("byte %d", trailer)}},
		{"another length", func(b []byte) []byte { b[trailer+7] ^= 1; sealed(b); return b }, []string{"the body has hash", "bytes"}},
		{"cut in the trailer", func(b []byte) []byte { return b[:len(b)-1] }, []string{"the trailer"}},
		{"more behind", func(b []byte) []byte { return append(b, 0) }, []string{"more bytes behind the trailer", fmt.Sprint(len(good))}},
	} {
		_, err := readBytes(c.damage(bytes.Clone(good)))
		if !errors.Is(err, ErrBad) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: no %q in: %v", c.name, want, err)
			}
		}
	}
}

// A body that its checksums cover, and that no writer would write, is refused with the place in it.
func TestMalformedBody(t *testing.T) {
	row := func(key, value string) []byte {
		b := append([]byte{byte(len(key))}, key...)
		return append(append(b, byte(len(value)+1)), value...)
	}
	window := func(topic string, partition, count byte, entries int) []byte {
		b := append([]byte{byte(len(topic))}, topic...)
		return append(append(b, partition, count), make([]byte, entries*entryBytes)...)
	}
	end := []byte{0}
	for _, c := range []struct {
		name string
		body [][]byte
		want string
	}{
		{"good", [][]byte{row("a", "1"), row("b", ""), end, window("t", 0, 2, 2), end}, ""},
		{"nothing", nil, "the body ends too early"},
		{"no end of rows", [][]byte{row("a", "1")}, "the body ends too early"},
		{"no end of windows", [][]byte{row("a", "1"), end}, "the body ends too early"},
		{"rows out of order", [][]byte{row("b", "1"), row("a", "1"), end, end}, `row "a" stands behind row "b"`},
		{"a row twice", [][]byte{row("a", "1"), row("a", "1"), end, end}, `row "a" stands behind row "a"`},
		{"a deleted row", [][]byte{{1, 'a', 0}, end, end}, `row "a" is deleted`},
		{"a length too long", [][]byte{{0x81, 0x00}, end, end}, "a number that is too long"},
		{"a length over 64 bits", [][]byte{bytes.Repeat([]byte{0xff}, 10), end, end}, "a number that is too long"},
		{"a key as long as the world", [][]byte{{0xff, 0xff, 0xff, 0xff, 0x7f}, end, end}, "the body ends too early"},
		{"windows out of order", [][]byte{end, window("t", 1, 1, 1), window("t", 0, 1, 1), end}, "the window of t/0 stands behind that of t/1"},
		{"an empty window", [][]byte{end, window("t", 0, 0, 0), end}, "an empty window of t/0"},
		{"a partition too large", [][]byte{end, {1, 't', 0x80, 0x80, 0x80, 0x80, 0x08, 1}, end}, "partition 2147483648"},
		{"a window cut off", [][]byte{end, window("t", 0, 2, 1), end}, "the body ends too early"},
		{"more behind", [][]byte{end, end, end}, "behind the end of the body"},
	} {
		body := bytes.Join(c.body, nil)
		for _, size := range []int{1 << 20, 1, 7} {
			_, err := readBytes(fileOf(t, body, size))
			switch {
			case c.want == "" && err != nil:
				t.Errorf("%s, blocks of %d: %v", c.name, size, err)
			case c.want != "" && (!errors.Is(err, ErrBad) || !strings.Contains(err.Error(), c.want)) &&
				!(c.name == "more behind" && err != nil && strings.Contains(err.Error(), "a block behind")):
				t.Errorf("%s, blocks of %d: %v", c.name, size, err)
			}
		}
	}
	// The place is that of the fault, not of the beginning.
	rows := bytes.Join([][]byte{row("a", strings.Repeat("x", 30)), row("b", strings.Repeat("y", 30)), row("a", "z"), end, end}, nil)
	_, err := readBytes(fileOf(t, rows, 16))
	if err == nil || !strings.Contains(err.Error(), "block 5,") || !strings.Contains(err.Error(), "byte 68 of the body") {
		t.Error(err)
	}
}

// However the body is cut into blocks: the same rows, windows and identity come out.
func TestBlocksDoNotShow(t *testing.T) {
	s := stateOf(7, 300, 70)
	whole, _ := written(t, s)
	want, err := readBytes(whole)
	if err != nil {
		t.Fatal(err)
	}
	var body []byte
	r, err := newFileReader(bytes.NewReader(whole), false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.head(); err != nil {
		t.Fatal(err)
	}
	for b, err := r.next(nil); b != nil; b, err = r.next(nil) {
		if err != nil {
			t.Fatal(err)
		}
		body = append(body, b.b...)
	}
	for _, size := range []int{1, 2, 3, 10, 97, 4096} {
		var rows []projector.Row
		seen := 0
		got, err := read(bytes.NewReader(fileOf(t, body, size)), func(r projector.Row) error {
			rows = append(rows, projector.Row{Key: bytes.Clone(r.Key), Value: append([]byte{}, r.Value...)})
			return nil
		}, func(_ projector.Source, e []byte) error {
			seen += len(e) / entryBytes
			return nil
		}, false)
		if err != nil {
			t.Fatalf("blocks of %d: %v", size, err)
		}
		if got.Identity != want.Identity || !reflect.DeepEqual(rows, s.rows) || seen != 600 || got.Rows != 300 || got.Seen != 600 {
			t.Errorf("blocks of %d: %+v", size, got)
		}
	}
}

// A reader that stops early stops reading, whatever is ahead of it.
func TestReaderStops(t *testing.T) {
	good, _ := written(t, stateOf(7, 60_000, 100))
	stop := errors.New("enough")
	for _, after := range []int{0, 1, 5000, 59_999} {
		n := 0
		_, err := read(bytes.NewReader(good), func(projector.Row) error {
			if n++; n > after {
				return stop
			}
			return nil
		}, nil, false)
		if !errors.Is(err, stop) || n != after+1 {
			t.Errorf("after %d rows: %v", n, err)
		}
	}
	broken := io.MultiReader(bytes.NewReader(good[:len(good)/2]), failingReader{})
	if _, err := read(broken, nil, nil, false); !errors.Is(err, errDisk) || errors.Is(err, ErrBad) {
		t.Errorf("a failing disk is %v", err)
	}
}

var errDisk = errors.New("input/output error")

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errDisk }

// FuzzFile: whatever the bytes, no panic: a bad snapshot, or one that is written back the same.
func FuzzFile(f *testing.F) {
	for _, s := range []*state{stateOf(1, 0, 0), stateOf(7, 3, 5)} {
		file, _ := written(f, s)
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) { roundTrip(t, file) })
}

// FuzzBody: whatever the body, behind good checksums.
func FuzzBody(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 1))
	f.Add([]byte{1, 'a', 2, '1', 0, 0}, uint8(3))
	f.Add([]byte{0, 1, 't', 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 0}, uint8(200))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0x0f, byte(rng.Uint32())}, uint8(0))
	f.Fuzz(func(t *testing.T, body []byte, size uint8) { roundTrip(t, fileOf(t, body, int(size)+1)) })
}

// memory is what was read of a file.
type memory struct {
	state
	pieces []window
}

func (m *memory) EachSeen(f func(projector.Source, []byte) error) error {
	for _, w := range m.pieces {
		if err := f(w.source, []byte(w.entries)); err != nil {
			return err
		}
	}
	return nil
}

func roundTrip(t *testing.T, file []byte) {
	var m memory
	got, err := read(bytes.NewReader(file), func(r projector.Row) error {
		m.rows = append(m.rows, projector.Row{Key: bytes.Clone(r.Key), Value: append([]byte{}, r.Value...)})
		return nil
	}, func(src projector.Source, e []byte) error {
		m.pieces = append(m.pieces, window{src, string(e)})
		return nil
	}, true)
	if err != nil {
		if !errors.Is(err, ErrBad) {
			t.Fatalf("not marked as bad: %v", err)
		}
		return
	}
	m.head = got.head
	if id, err := Write(io.Discard, &m); err != nil || id != got.Identity {
		t.Fatalf("identity %v, read %v, %v", id, got.Identity, err)
	}
}
