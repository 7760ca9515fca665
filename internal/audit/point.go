package audit

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"marginledger/events"
	"marginledger/projector"
)

// Point names a moment of a shard's past. The zero value is the end of what is there.
type Point struct {
	Cut    uint64 // after this cut
	N      uint64 // after this record
	Time   int64  // after the last record before the venue's shard time exceeds this one: nanoseconds since 1970 UTC
	Venue  string // of Time; "": the only one
	Source projector.Source
	Offset int64 // with Source: after the record at this offset
}

// End is the end of what is there.
var End = Point{}

func (p Point) isEnd() bool { return p == End }

// String is the form that ParsePoint reads.
func (p Point) String() string {
	switch {
	case p.Source.Topic != "":
		return placeName(p.Source, p.Offset)
	case p.Cut > 0:
		return fmt.Sprintf("cut:%d", p.Cut)
	case p.N > 0:
		return fmt.Sprintf("n:%d", p.N)
	case p.Time != 0 && p.Venue != "":
		return events.FormatTime(p.Time) + "/" + p.Venue
	case p.Time != 0:
		return events.FormatTime(p.Time)
	}
	return "end"
}

// PointForms is what people may write.
const PointForms = "cut:N, n:N, topic/partition@offset, a time (RFC 3339, with /VENUE behind it where there are several), or end"

// ParsePoint reads a point.
func ParsePoint(text string) (Point, error) {
	bad := fmt.Errorf("%q is no point in time: %s", text, PointForms)
	number := func(digits string) (uint64, error) {
		n, err := strconv.ParseUint(digits, 10, 63)
		if err != nil || n == 0 {
			return 0, bad
		}
		return n, nil
	}
	if text == "end" {
		return End, nil
	}
	if digits, ok := strings.CutPrefix(text, "cut:"); ok {
		n, err := number(digits)
		return Point{Cut: n}, err
	}
	if digits, ok := strings.CutPrefix(text, "n:"); ok {
		n, err := number(digits)
		return Point{N: n}, err
	}
	if place, offset, ok := cutLast(text, '@'); ok {
		topic, partition, ok := cutLast(place, '/')
		p, err := strconv.ParseInt(partition, 10, 32)
		o, err2 := strconv.ParseInt(offset, 10, 64)
		if !ok || err != nil || err2 != nil || topic == "" || p < 0 || o < 0 {
			return End, bad
		}
		return Point{Source: projector.Source{Topic: topic, Partition: int32(p)}, Offset: o}, nil
	}
	clock, venue, _ := strings.Cut(text, "/")
	t, err := time.Parse(time.RFC3339Nano, clock)
	if err != nil || t.UnixNano() <= 0 || t.Year() > 2261 {
		return End, bad
	}
	return Point{Time: t.UnixNano(), Venue: venue}, nil
}

func cutLast(s string, sep byte) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}
