package eventlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"unsafe"
)

// fetchBudget bounds what one fetch unpacks: when it is used up, the batches that are left are fetched again. One
// batch may exceed it alone, up to its own limits.
const fetchBudget = 32 << 20

// recordCost is what one decoded record takes besides its bytes.
const recordCost = int(unsafe.Sizeof(Record{}))

// abortedTxn names a transaction that was aborted: the producer's transactional records from first on, up to its
// next abort marker, do not count.
type abortedTxn struct {
	producerID int64
	first      int64
}

// decoder turns the bytes of a fetch into records.
type decoder struct {
	from    int64        // records below were not asked for
	aborted []abortedTxn // not yet reached, in order of first
	open    map[int64]bool

	records []Record
	headers []Header // shared by all records of the fetch
	next    int64    // one past the last complete batch
}

// decodeBatches decodes the complete batches in data, of which the first may begin before from. It returns the
// records at or after from and the offset to go on at; that is from if data holds no complete batch.
func decodeBatches(data []byte, from int64, aborted []abortedTxn) (records []Record, next int64, err error) {
	d := decoder{from: from, next: from}
	if len(aborted) > 0 {
		d.aborted = slices.Clone(aborted)
		slices.SortFunc(d.aborted, func(a, b abortedTxn) int { return int(min(max(a.first-b.first, -1), 1)) })
		d.open = make(map[int64]bool)
	}
	end := int64(0) // of the batch before
	for budget := fetchBudget; len(data) > 0 && budget > 0; {
		b, rest, ok, reason := nextBatch(data)
		if reason != "" {
			return nil, 0, &CorruptBatchError{Offset: b.baseOffset, Reason: reason}
		}
		if !ok {
			break
		}
		if b.baseOffset < end {
			return nil, 0, &CorruptBatchError{Offset: b.baseOffset, Reason: fmt.Sprintf("the batch before ended at offset %d", end-1)}
		}
		data, end = rest, b.lastOffset()+1
		if end <= from {
			continue // A broker may begin earlier than asked, by whole batches.
		}
		used, err := d.batch(&b)
		if err != nil {
			return nil, 0, err
		}
		budget -= used
		d.next = end
	}
	return d.records, d.next, nil
}

// batch adds one batch and returns the memory that it took.
func (d *decoder) batch(b *batch) (int, error) {
	for len(d.aborted) > 0 && d.aborted[0].first <= b.lastOffset() {
		d.open[d.aborted[0].producerID] = true
		d.aborted = d.aborted[1:]
	}
	skip := b.control() || b.transactional() && d.open[b.producerID]
	if skip && !(b.control() && len(d.open) > 0) {
		return 0, nil
	}
	if int(b.count) > MaxBatchRecords {
		return 0, &TooLargeError{Offset: b.baseOffset, Bytes: MaxBatchBytes}
	}
	body := b.packed
	if b.codec() != None {
		var err error
		if body, err = unpack(b.codec(), b.packed, MaxBatchBytes); errors.Is(err, errUnpackLimit) {
			return 0, &TooLargeError{Offset: b.baseOffset, Bytes: MaxBatchBytes}
		} else if err != nil {
			return 0, &CorruptBatchError{Offset: b.baseOffset, Reason: fmt.Sprintf("%v: %v", b.codec(), err)}
		}
	}
	if b.control() {
		return 0, d.marker(b, body)
	}
	if int(b.count) > len(body)/minRecordBytes {
		return 0, &CorruptBatchError{Offset: b.baseOffset, Reason: fmt.Sprintf("%d records in %d bytes", b.count, len(body))}
	}
	used := int(b.count) * recordCost
	if b.codec() != None {
		used += len(body)
	}
	d.records = slices.Grow(d.records, int(b.count))
	return used, d.decode(b, body)
}

// marker ends the producer's aborted transaction if the batch is an abort marker.
func (d *decoder) marker(b *batch, body []byte) error {
	marker := decoder{}
	if err := marker.decode(b, body); err != nil {
		return err
	}
	for _, r := range marker.records {
		// The key is (int16 version, int16 type); type 0 is abort.
		if len(r.Key) >= 4 && binary.BigEndian.Uint16(r.Key[2:]) == 0 {
			delete(d.open, b.producerID)
		}
	}
	return nil
}

// decode reads the records of a batch out of its unpacked bytes. All failures are of one kind: the checksum was
// right and yet the contents are not what the header says.
func (d *decoder) decode(b *batch, body []byte) error {
	bad := func(i int32, what string) error {
		return &CorruptBatchError{Offset: b.baseOffset, Reason: fmt.Sprintf("record %d of %d: %s", i, b.count, what)}
	}
	previous := int64(-1)
	for i := range b.count {
		size, n := varint(body)
		if n <= 0 || size < 0 || size > int64(len(body)-n) {
			return bad(i, "length")
		}
		rec := body[n : n+int(size)]
		body = body[n+int(size):]
		if len(rec) < 1 {
			return bad(i, "attributes")
		}
		rec = rec[1:]
		timeDelta, n := varint(rec)
		if n <= 0 {
			return bad(i, "timestamp")
		}
		rec = rec[n:]
		offsetDelta, n := varint(rec)
		if n <= 0 || offsetDelta <= previous || offsetDelta > int64(b.lastOffsetDelta) {
			return bad(i, "offset")
		}
		previous = offsetDelta
		rec = rec[n:]
		key, rec, ok := field(rec)
		if !ok {
			return bad(i, "key")
		}
		value, rec, ok := field(rec)
		if !ok {
			return bad(i, "value")
		}
		first := len(d.headers)
		if rec, ok = d.readHeaders(rec); !ok || len(rec) != 0 {
			return bad(i, "headers")
		}
		if b.baseOffset+offsetDelta < d.from {
			d.headers = d.headers[:first]
			continue
		}
		r := Record{Offset: b.baseOffset + offsetDelta, Timestamp: b.baseTimestamp + timeDelta, Key: key, Value: value}
		if b.attributes&attrLogAppendTime != 0 {
			r.Timestamp = b.maxTimestamp
		}
		if len(d.headers) > first {
			r.Headers = d.headers[first:len(d.headers):len(d.headers)]
		}
		d.records = append(d.records, r)
	}
	if len(body) != 0 {
		return bad(b.count, fmt.Sprintf("%d bytes follow the last one", len(body)))
	}
	return nil
}

// readHeaders adds a record's headers to the shared ones.
func (d *decoder) readHeaders(rec []byte) (rest []byte, ok bool) {
	count, n := varint(rec)
	if n <= 0 || count < 0 || count > int64(len(rec)) {
		return nil, false
	}
	rec = rec[n:]
	for range count {
		key, after, ok := field(rec)
		if !ok || key == nil {
			return nil, false
		}
		value, after, ok := field(after)
		if !ok {
			return nil, false
		}
		// The buffer is never written again, so a string may share it.
		d.headers = append(d.headers, Header{Key: unsafe.String(unsafe.SliceData(key), len(key)), Value: value})
		rec = after
	}
	return rec, true
}

// field reads a length and that many bytes; a negative length is null.
func field(b []byte) (value, rest []byte, ok bool) {
	size, n := varint(b)
	if n <= 0 || size > int64(len(b)-n) {
		return nil, nil, false
	}
	if size < 0 {
		return nil, b[n:], true
	}
	end := n + int(size)
	return b[n:end:end], b[end:], true
}

// varint reads a zigzag number and the bytes it took; 0 or less means that b holds none.
func varint(b []byte) (int64, int) {
	if len(b) > 0 && b[0] < 0x80 {
		return int64(b[0]>>1) ^ -int64(b[0]&1), 1
	}
	return binary.Varint(b)
}
