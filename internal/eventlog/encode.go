package eventlog

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/bits"
	"time"
)

// producerState is what makes a batch idempotent.
type producerState struct {
	id       int64 // -1: not idempotent
	epoch    int16
	sequence int32 // of the first record; the broker expects the next batch at this plus the number of records
}

// errNoRecords is a mistake of the caller.
var errNoRecords = errors.New("a batch needs at least one record")

// appendBatch encodes one record batch and appends it to dst.
func appendBatch(dst []byte, recs []ProduceRecord, p producerState, codec Compression) ([]byte, error) {
	if len(recs) == 0 {
		return nil, errNoRecords
	}
	start := len(dst)
	now := time.Now().UnixMilli()
	stamp := func(r *ProduceRecord) int64 {
		if r.Timestamp == 0 {
			return now
		}
		return r.Timestamp
	}
	base := stamp(&recs[0])
	newest := base
	for i := range recs {
		newest = max(newest, stamp(&recs[i]))
	}
	h := make([]byte, 0, batchHeader)
	h = binary.BigEndian.AppendUint64(h, 0)          // base offset: the broker's
	h = binary.BigEndian.AppendUint32(h, 0)          // length, below
	h = binary.BigEndian.AppendUint32(h, ^uint32(0)) // leader epoch: the broker's
	h = append(h, 2)
	h = binary.BigEndian.AppendUint32(h, 0) // checksum, below
	h = binary.BigEndian.AppendUint16(h, uint16(codec))
	h = binary.BigEndian.AppendUint32(h, uint32(len(recs)-1))
	h = binary.BigEndian.AppendUint64(h, uint64(base))
	h = binary.BigEndian.AppendUint64(h, uint64(newest))
	h = binary.BigEndian.AppendUint64(h, uint64(p.id))
	h = binary.BigEndian.AppendUint16(h, uint16(p.epoch))
	h = binary.BigEndian.AppendUint32(h, uint32(p.sequence))
	h = binary.BigEndian.AppendUint32(h, uint32(len(recs)))
	dst = append(dst, h...)

	if codec == None {
		for i := range recs {
			dst = appendRecord(dst, &recs[i], int64(i), stamp(&recs[i])-base)
		}
	} else {
		var body []byte
		for i := range recs {
			body = appendRecord(body, &recs[i], int64(i), stamp(&recs[i])-base)
		}
		var err error
		if dst, err = pack(codec, dst, body); err != nil {
			return nil, err
		}
	}
	b := dst[start:]
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-batchPrefix))
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[crcFrom:], castagnoli))
	return dst, nil
}

// appendRecord encodes one record of a batch.
func appendRecord(dst []byte, r *ProduceRecord, offsetDelta, timeDelta int64) []byte {
	size := 1 + varintSize(timeDelta) + varintSize(offsetDelta) + fieldSize(r.Key) + fieldSize(r.Value) + varintSize(int64(len(r.Headers)))
	for i := range r.Headers {
		h := &r.Headers[i]
		size += varintSize(int64(len(h.Key))) + len(h.Key) + fieldSize(h.Value)
	}
	dst = appendVarint(dst, int64(size))
	dst = append(dst, 0) // attributes
	dst = appendVarint(dst, timeDelta)
	dst = appendVarint(dst, offsetDelta)
	dst = appendField(dst, r.Key)
	dst = appendField(dst, r.Value)
	dst = appendVarint(dst, int64(len(r.Headers)))
	for i := range r.Headers {
		h := &r.Headers[i]
		dst = appendVarint(dst, int64(len(h.Key)))
		dst = append(dst, h.Key...)
		dst = appendField(dst, h.Value)
	}
	return dst
}

// recordSize is what a record takes in a batch, give or take the deltas.
func recordSize(r *ProduceRecord) int {
	n := 12 + fieldSize(r.Key) + fieldSize(r.Value)
	for i := range r.Headers {
		n += 5 + len(r.Headers[i].Key) + fieldSize(r.Headers[i].Value)
	}
	return n
}

func appendField(dst, v []byte) []byte {
	if v == nil {
		return append(dst, 1) // -1: null
	}
	return append(appendVarint(dst, int64(len(v))), v...)
}

func fieldSize(v []byte) int {
	if v == nil {
		return 1
	}
	return varintSize(int64(len(v))) + len(v)
}

func appendVarint(dst []byte, v int64) []byte {
	u := uint64(v)<<1 ^ uint64(v>>63)
	if u < 0x80 {
		return append(dst, byte(u))
	}
	return binary.AppendUvarint(dst, u)
}

func varintSize(v int64) int {
	u := uint64(v)<<1 ^ uint64(v>>63)
	return (bits.Len64(u|1) + 6) / 7
}
