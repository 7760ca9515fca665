package audit

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// RowField is one field of a row, with its place in the value's bytes.
type RowField struct {
	Path     string // balances[0].amount
	Value    string
	from, to int
}

// rowParts returns the kind of a row and what its key names; ok is false where the page has no such key.
func rowParts(key []byte) (kind string, parts []string, ok bool) {
	if len(key) == 0 {
		return "", nil, false
	}
	kind = page().kinds[key[0]]
	if kind == "" {
		return "", nil, false
	}
	rest := key[1:]
	for _, part := range page().tables[kind].key {
		if strings.HasSuffix(part, " u32") {
			if len(rest) < 4 {
				return kind, nil, false
			}
			parts, rest = append(parts, strconv.FormatUint(uint64(binary.BigEndian.Uint32(rest)), 10)), rest[4:]
			continue
		}
		end := bytes.IndexByte(rest, 0)
		if end < 0 {
			return kind, nil, false
		}
		parts, rest = append(parts, string(rest[:end])), rest[end+1:]
	}
	return kind, parts, true
}

// RowName is how messages call a row: its kind and what its key names.
func RowName(key []byte) string {
	kind, parts, ok := rowParts(key)
	if !ok {
		return fmt.Sprintf("row %q", key)
	}
	return kind + " " + strings.Join(parts, "/")
}

// RowFields takes a row's value apart by its page. Where the value is damaged it returns the fields before the damage.
func RowFields(key, value []byte) ([]RowField, error) {
	if len(key) == 0 || page().kinds[key[0]] == "" {
		return nil, fmt.Errorf("no row of this build has the key %q", key)
	}
	d := &fieldReader{data: value}
	d.table(page().kinds[key[0]], "")
	if d.err == nil && d.pos < len(value) {
		d.err = fmt.Errorf("%d bytes too many", len(value)-d.pos)
	}
	return d.fields, d.err
}

// FieldDifference is a field that two values of a row do not share; "" where one of them does not have it.
type FieldDifference struct {
	Field string `json:"field"`
	A     string `json:"a"`
	B     string `json:"b"`
}

// DiffRow compares two values of a row, either of which may be nil: no such row. The first difference is that of the
// first byte that differs; where a value is damaged there, it is shown as bytes.
func DiffRow(key, a, b []byte) []FieldDifference {
	if bytes.Equal(a, b) && (a == nil) == (b == nil) {
		return nil
	}
	fa, errA := RowFields(key, a)
	fb, errB := RowFields(key, b)
	switch {
	case a == nil:
		return []FieldDifference{{Field: "row", A: "absent", B: "present"}}
	case b == nil:
		return []FieldDifference{{Field: "row", A: "present", B: "absent"}}
	case len(a) > 0 && len(b) > 0 && a[0] != b[0]: // the fields behind may be others
		return []FieldDifference{{Field: "version", A: strconv.Itoa(int(a[0])), B: strconv.Itoa(int(b[0]))}}
	case errA != nil && errB != nil:
		return []FieldDifference{{Field: "value", A: hex.EncodeToString(a), B: hex.EncodeToString(b)}}
	case errA != nil:
		return []FieldDifference{damaged(fb, a, b, fa, errA)}
	case errB != nil:
		d := damaged(fa, b, a, fb, errB)
		d.A, d.B = d.B, d.A
		return []FieldDifference{d}
	}
	if out := diffFields(fa, fb); len(out) > 0 {
		return out
	}
	return []FieldDifference{damaged(fb, a, b, nil, errors.New("another form of the same value"))}
}

// damaged names the field of the whole value in which the first byte of the damaged one differs.
func damaged(whole []RowField, bad, good []byte, parsed []RowField, err error) FieldDifference {
	at := 0
	for at < len(bad) && at < len(good) && bad[at] == good[at] {
		at++
	}
	out := FieldDifference{Field: "value", A: fmt.Sprintf("%x (%v)", bad, err), B: hex.EncodeToString(good)}
	for _, f := range whole {
		if at >= f.from && at < f.to {
			out.Field, out.B = f.Path, f.Value
		}
	}
	for _, f := range parsed {
		if f.Path == out.Field {
			out.A = fmt.Sprintf("%s, and the value does not end as a row does: %v", f.Value, err)
		}
	}
	return out
}

// diffFields compares by path: both are in the order of the page.
func diffFields(a, b []RowField) (out []FieldDifference) {
	values := make(map[string]string, len(b))
	for _, f := range b {
		values[f.Path] = f.Value
	}
	for _, f := range a {
		other, ok := values[f.Path]
		delete(values, f.Path)
		if !ok || other != f.Value {
			out = append(out, FieldDifference{Field: f.Path, A: f.Value, B: other})
		}
	}
	for _, f := range b {
		if _, left := values[f.Path]; left {
			out = append(out, FieldDifference{Field: f.Path, B: f.Value})
		}
	}
	return out
}

// fieldReader reads a value by the page; the first failure sticks.
type fieldReader struct {
	data   []byte
	pos    int
	fields []RowField
	err    error
}

var errField = errors.New("the value ends too early")

func (d *fieldReader) table(name, path string) {
	set := map[string]bool{}
	for _, c := range page().tables[name].fields {
		if d.err != nil {
			return
		}
		if c.when == "" || set[c.when] {
			set[c.name] = d.field(c.typ, path+c.name) == "true"
		}
	}
}

// field reads one field, or all of a list or a part, and returns a single field's text.
func (d *fieldReader) field(typ, path string) string {
	from := d.pos
	if item, ok := strings.CutPrefix(typ, "list of "); ok {
		n := d.uvarint()
		if n > uint64(len(d.data)-d.pos) {
			d.err = errField
		}
		d.add(path+".length", from, strconv.FormatUint(n, 10))
		for i := uint64(0); i < n && d.err == nil; i++ {
			d.field(item, fmt.Sprintf("%s[%d]", path, i))
		}
		return ""
	}
	if page().tables[typ] != nil {
		d.table(typ, path+".")
		return ""
	}
	text := d.scalar(typ)
	d.add(path, from, text)
	return text
}

func (d *fieldReader) add(path string, from int, text string) {
	if d.err == nil {
		d.fields = append(d.fields, RowField{Path: path, Value: text, from: from, to: d.pos})
	}
}

func (d *fieldReader) scalar(typ string) string {
	switch typ {
	case "byte":
		return strconv.Itoa(int(d.byte()))
	case "bool":
		return strconv.FormatBool(d.bool())
	case "uint":
		return strconv.FormatUint(d.uvarint(), 10)
	case "int":
		n := d.uvarint()
		return strconv.FormatInt(int64(n>>1)^-int64(n&1), 10)
	case "text":
		return string(d.take(d.uvarint()))
	case "bytes":
		return hex.EncodeToString(d.take(d.uvarint()))
	case "wide":
		return d.wide()
	case "number":
		present, scale := d.bool(), d.byte()
		if text := shift(d.wide(), int(scale)); present {
			return text
		}
		return ""
	}
	if d.err == nil {
		d.err = fmt.Errorf("docs/formats/rows.md names the type %q, which this build cannot read", typ)
	}
	return ""
}

// shift puts the point of a decimal.
func shift(coef string, scale int) string {
	if scale == 0 {
		return coef
	}
	digits, negative := strings.CutPrefix(coef, "-")
	for len(digits) <= scale {
		digits = "0" + digits
	}
	text := digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
	if negative {
		return "-" + text
	}
	return text
}

func (d *fieldReader) wide() string {
	head := d.byte()
	v := new(big.Int).SetBytes(d.take(uint64(head >> 1)))
	if head&1 == 1 {
		v.Neg(v)
	}
	return v.String()
}

func (d *fieldReader) byte() byte {
	if b := d.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (d *fieldReader) bool() bool {
	b := d.byte()
	if b > 1 && d.err == nil {
		d.err = fmt.Errorf("a bool of %d", b)
	}
	return b == 1
}

func (d *fieldReader) uvarint() uint64 {
	v, n := binary.Uvarint(d.data[d.pos:])
	if n <= 0 {
		d.fail()
		return 0
	}
	d.pos += n
	return v
}

func (d *fieldReader) take(n uint64) []byte {
	if n > uint64(len(d.data)-d.pos) {
		d.fail()
		return nil
	}
	b := d.data[d.pos : d.pos+int(n)]
	d.pos += int(n)
	return b
}

// fail ends the reading.
func (d *fieldReader) fail() {
	if d.err == nil {
		d.err = errField
	}
	d.pos = len(d.data)
}
