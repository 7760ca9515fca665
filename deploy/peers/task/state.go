package task

import (
	"encoding/binary"
	"fmt"
	"strconv"
)

// AppendState appends the account as engines that keep bytes keep it: what a RocksDB or LevelDB value, a changelog record
// or a row of the ledger's pipeline is here.
//
//	cash                                    8 bytes
//	per position, by market name:
//	  length of the name, name              1 + n
//	  size, price of the last fill          8 + 8
//
// Integers are in two's complement, the most significant byte first.
func (a *Account) AppendState(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(a.Cash))
	for i := range a.Positions {
		p := &a.Positions[i]
		dst = append(dst, byte(len(p.Market)))
		dst = append(dst, p.Market...)
		dst = binary.BigEndian.AppendUint64(dst, uint64(p.Size))
		dst = binary.BigEndian.AppendUint64(dst, uint64(p.Last))
	}
	return dst
}

// ParseState is the inverse of AppendState. It takes the account's memory over, and keeps none of b.
func (a *Account) ParseState(b []byte) error {
	whole := len(b)
	if whole < 8 {
		return fmt.Errorf("a state of %d bytes", whole)
	}
	a.Cash, a.Positions = int64(binary.BigEndian.Uint64(b)), a.Positions[:0]
	for b = b[8:]; len(b) > 0; {
		n := int(b[0])
		if len(b) < 1+n+16 {
			return fmt.Errorf("a state of %d bytes ends within a position", whole)
		}
		a.Positions = append(a.Positions, Position{Market: string(b[1 : 1+n]),
			Size: int64(binary.BigEndian.Uint64(b[1+n:])), Last: int64(binary.BigEndian.Uint64(b[1+n+8:]))})
		b = b[1+n+16:]
	}
	return nil
}

// AppendAlert appends an output as goka and Streams send it; the ledger's pipeline has an announcement of its own form.
func AppendAlert(dst []byte, owner, id string, a Alert) []byte {
	dst = append(dst, `{"owner":"`...)
	dst = append(dst, owner...) // names of this benchmark need no escapes
	dst = append(dst, `","id":"`...)
	dst = append(dst, id...)
	dst = append(dst, `","equity":`...)
	dst = strconv.AppendInt(dst, a.Equity, 10)
	dst = append(dst, `,"maintenance":`...)
	dst = strconv.AppendInt(dst, a.Maintenance, 10)
	return append(dst, '}')
}

// ParseDecimal reads an optional minus sign, digits, and optionally a point with digits, as an integer at a scale. More
// digits after the point than that, or an integer beyond 64 bits, is an error: nothing is rounded.
func ParseDecimal(s string, scale int) (int64, error) {
	text := s
	negative := len(text) > 0 && text[0] == '-'
	if negative {
		text = text[1:]
	}
	var c checked
	v, digits, point := int64(0), 0, -1
	for i := range len(text) {
		switch ch := text[i]; {
		case ch == '.' && point < 0 && digits > 0:
			point = digits
		case ch >= '0' && ch <= '9':
			v, digits = c.add(c.mul(v, 10), int64(ch-'0')), digits+1
		default:
			return 0, fmt.Errorf("%q is no decimal", s)
		}
	}
	after := 0
	if point >= 0 {
		after = digits - point
	}
	if digits == 0 || point >= 0 && after == 0 || after > scale {
		return 0, fmt.Errorf("%q is no decimal of %d digits after the point", s, scale)
	}
	for ; after < scale; after++ {
		v = c.mul(v, 10)
	}
	if negative {
		v = -v
	}
	return v, c.err()
}
