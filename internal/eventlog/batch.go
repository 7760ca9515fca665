package eventlog

import (
	"encoding/binary"
	"hash/crc32"
)

// A record batch, format 2, as it is stored and sent (big endian):
//
//	 0  int64  base offset
//	 8  int32  length of what follows
//	12  int32  partition leader epoch      (not covered by the checksum)
//	16  int8   magic = 2
//	17  uint32 CRC-32C of everything below
//	21  int16  attributes: 0-2 codec, 3 log append time, 4 transactional, 5 control, 6 delete horizon
//	23  int32  last offset delta           (stays when compaction removes the last records)
//	27  int64  base timestamp
//	35  int64  max timestamp
//	43  int64  producer id, -1 none
//	51  int16  producer epoch
//	53  int32  base sequence
//	57  int32  number of records
//	61         records, packed together by the codec
const (
	batchPrefix = 12 // base offset and length
	batchHeader = 61
	crcFrom     = 21

	attrCodec         = 0x07
	attrLogAppendTime = 0x08
	attrTransactional = 0x10
	attrControl       = 0x20
)

// Limits of one batch, so that a few damaged or hostile bytes cannot cost unbounded memory.
const (
	MaxBatchBytes   = 64 << 20 // unpacked
	MaxBatchRecords = 1 << 20

	// minRecordBytes: length, attributes, timestamp and offset deltas, two lengths and the count of headers, one
	// byte each.
	minRecordBytes = 7
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// batch is the header of a batch with its packed records.
type batch struct {
	baseOffset      int64
	attributes      int16
	lastOffsetDelta int32
	baseTimestamp   int64
	maxTimestamp    int64
	producerID      int64
	producerEpoch   int16
	baseSequence    int32
	count           int32
	packed          []byte
}

func (b *batch) lastOffset() int64   { return b.baseOffset + int64(b.lastOffsetDelta) }
func (b *batch) codec() Compression  { return Compression(b.attributes & attrCodec) }
func (b *batch) control() bool       { return b.attributes&attrControl != 0 }
func (b *batch) transactional() bool { return b.attributes&attrTransactional != 0 }

// nextBatch cuts the first batch off data and checks it. A reason that is not empty says why the batch is corrupt.
// ok is false if data ends inside the batch, as the end of a fetch does.
func nextBatch(data []byte) (b batch, rest []byte, ok bool, reason string) {
	if len(data) < batchPrefix {
		return b, nil, false, ""
	}
	b.baseOffset = int64(binary.BigEndian.Uint64(data))
	length := int(int32(binary.BigEndian.Uint32(data[8:])))
	if len(data) > 16 && data[16] != 2 {
		return b, nil, true, "message format is not 2 (a log written by Kafka before 0.11?)"
	}
	if length < batchHeader-batchPrefix {
		return b, nil, true, "length is shorter than a header"
	}
	if length > len(data)-batchPrefix {
		return b, nil, false, ""
	}
	d := data[:batchPrefix+length]
	if crc32.Checksum(d[crcFrom:], castagnoli) != binary.BigEndian.Uint32(d[17:]) {
		return b, nil, true, "checksum differs"
	}
	b.attributes = int16(binary.BigEndian.Uint16(d[21:]))
	b.lastOffsetDelta = int32(binary.BigEndian.Uint32(d[23:]))
	b.baseTimestamp = int64(binary.BigEndian.Uint64(d[27:]))
	b.maxTimestamp = int64(binary.BigEndian.Uint64(d[35:]))
	b.producerID = int64(binary.BigEndian.Uint64(d[43:]))
	b.producerEpoch = int16(binary.BigEndian.Uint16(d[51:]))
	b.baseSequence = int32(binary.BigEndian.Uint32(d[53:]))
	b.count = int32(binary.BigEndian.Uint32(d[57:]))
	b.packed = d[batchHeader:]
	switch {
	case b.baseOffset < 0 || b.lastOffsetDelta < 0 || b.lastOffset() < b.baseOffset:
		return b, nil, true, "negative offset"
	case b.count < 0:
		return b, nil, true, "negative number of records"
	}
	return b, data[len(d):], true, ""
}
