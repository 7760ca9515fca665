package archive

import (
	"encoding/binary"
	"errors"
	"math"
	"unsafe"

	"marginledger/internal/eventlog"
)

// appendRecord appends a record as it stands in a block, given the offset and the timestamp of the one before it.
func appendRecord(b []byte, r *eventlog.Record, offset, timestamp int64) []byte {
	b = binary.AppendUvarint(b, uint64(r.Offset-offset-1))
	b = binary.AppendVarint(b, r.Timestamp-timestamp)
	b = appendField(b, r.Key)
	b = binary.AppendUvarint(b, uint64(len(r.Headers)))
	for i := range r.Headers {
		b = append(binary.AppendUvarint(b, uint64(len(r.Headers[i].Key))), r.Headers[i].Key...)
		b = appendField(b, r.Headers[i].Value)
	}
	return appendField(b, r.Value)
}

// appendField appends bytes that may be null: 0, or their length plus 1 and they.
func appendField(b, v []byte) []byte {
	if v == nil {
		return append(b, 0)
	}
	return append(binary.AppendUvarint(b, uint64(len(v))+1), v...)
}

// errRecord is what all failures of decoding records have in common: the checksum was right, and yet the contents are
// not what the header says.
var errRecord = errors.New("malformed record")

// decodeRecords appends the records of a block's plain bytes; they are views into it.
func decodeRecords(dst []eventlog.Record, b []byte, count int, first int64) ([]eventlog.Record, error) {
	offset, timestamp := first-1, int64(0)
	for range count {
		var r eventlog.Record
		var skipped uint64
		var ok bool
		if skipped, b, ok = uvarint(b); !ok || skipped > math.MaxInt64 || offset > math.MaxInt64-1-int64(skipped) {
			return dst, errRecord
		}
		r.Offset = offset + 1 + int64(skipped)
		delta, n := binary.Varint(b)
		if n <= 0 {
			return dst, errRecord
		}
		b = b[n:]
		r.Timestamp = timestamp + delta
		if r.Key, b, ok = field(b); !ok {
			return dst, errRecord
		}
		var headers uint64
		if headers, b, ok = uvarint(b); !ok || headers > uint64(len(b)) {
			return dst, errRecord
		}
		if headers > 0 {
			if r.Headers, b, ok = decodeHeaders(b, int(headers)); !ok {
				return dst, errRecord
			}
		}
		if r.Value, b, ok = field(b); !ok {
			return dst, errRecord
		}
		dst = append(dst, r)
		offset, timestamp = r.Offset, r.Timestamp
	}
	if len(b) > 0 {
		return dst, errRecord
	}
	return dst, nil
}

func decodeHeaders(b []byte, count int) ([]eventlog.Header, []byte, bool) {
	headers := make([]eventlog.Header, count)
	for i := range headers {
		n, rest, ok := uvarint(b)
		if !ok || n > uint64(len(rest)) {
			return nil, nil, false
		}
		// The block's bytes are never written again, so a string may share them.
		headers[i].Key, b = unsafe.String(unsafe.SliceData(rest), int(n)), rest[n:]
		if headers[i].Value, b, ok = field(b); !ok {
			return nil, nil, false
		}
	}
	return headers, b, true
}

func uvarint(b []byte) (uint64, []byte, bool) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), b[1:], true
	}
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, false
	}
	return v, b[n:], true
}

func field(b []byte) (value, rest []byte, ok bool) {
	n, b, ok := uvarint(b)
	switch {
	case !ok || n > uint64(len(b))+1:
		return nil, nil, false
	case n == 0:
		return nil, b, true
	}
	return b[: n-1 : n-1], b[n-1:], true
}
