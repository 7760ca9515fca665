package postings

import (
	"encoding/binary"
	"errors"

	"marginledger/events"
	"marginledger/internal/fixed"
)

// append appends an entry as it stands in a block; before is the one before it there.
func (e *Entry) append(b []byte, before *Entry) []byte {
	b = binary.AppendUvarint(b, e.N-before.N)
	b = binary.AppendUvarint(b, e.Cut-before.Cut)
	b = binary.AppendVarint(b, e.Time-before.Time)
	b = binary.AppendVarint(b, e.Clock-before.Clock)
	b = appendText(b, e.Topic)
	b = binary.AppendUvarint(b, uint64(e.Part))
	b = binary.AppendVarint(b, e.Offset-before.Offset)
	b = appendText(b, e.Event)
	b = append(b, byte(e.Type))
	b = appendText(appendText(b, e.Venue), e.Owner)
	b = binary.AppendUvarint(b, uint64(e.Subaccount))
	b = appendText(appendText(appendText(b, e.Pool), e.Asset), e.Market)
	b = append(b, e.Cause, e.Scale)
	b = binary.AppendUvarint(b, e.Since)
	for _, v := range [...]fixed.Int128{e.Amount, e.From, e.To} {
		b = appendWide(b, v)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendWide appends an Int128 as its zigzag halves.
func appendWide(b []byte, v fixed.Int128) []byte {
	return binary.AppendUvarint(binary.AppendVarint(b, v.Hi), v.Lo)
}

var errEntry = errors.New("malformed entry")

// decoder takes fields off a block; the first failure sticks.
type decoder struct {
	b    []byte
	fail bool
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.b, d.fail = nil, true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.b, d.fail = nil, true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail = true
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) text() string {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.b, d.fail = nil, true
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

func (d *decoder) wide() fixed.Int128 { return fixed.Int128{Hi: d.varint(), Lo: d.uvarint()} }

// entry decodes the next entry; before is the one before it.
func (d *decoder) entry(before *Entry) (Entry, error) {
	var e Entry
	e.N = before.N + d.uvarint()
	e.Cut = before.Cut + d.uvarint()
	e.Time = before.Time + d.varint()
	e.Clock = before.Clock + d.varint()
	e.Topic = d.text()
	e.Part = int32(d.uvarint())
	e.Offset = before.Offset + d.varint()
	e.Event, e.Type = d.text(), events.Type(d.byte())
	e.Venue, e.Owner = d.text(), d.text()
	e.Subaccount = uint32(d.uvarint())
	e.Pool, e.Asset, e.Market = d.text(), d.text(), d.text()
	e.Cause, e.Scale = d.byte(), d.byte()
	e.Since = d.uvarint()
	for _, v := range [...]*fixed.Int128{&e.Amount, &e.From, &e.To} {
		*v = d.wide()
	}
	if d.fail {
		return e, errEntry
	}
	return e, nil
}
