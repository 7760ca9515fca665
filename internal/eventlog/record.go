package eventlog

import "time"

// Header is one header of a record.
type Header struct {
	Key   string
	Value []byte
}

// Record is one record of a partition. Key, Value and Headers are views into the buffer of its batch, which is never
// reused: they stay valid, and keep that buffer (about a megabyte) alive. Who keeps records for long copies them.
// A nil Key or Value is Kafka's null; an empty one is not nil.
type Record struct {
	Offset    int64
	Timestamp int64 // ms since 1970; the broker's clock where the topic has LogAppendTime
	Key       []byte
	Value     []byte
	Headers   []Header
}

// Fetch is the answer to one fetch of one partition.
type Fetch struct {
	Topic     string
	Partition int32
	Records   []Record // in the order of their offsets, which may have gaps

	// NextOffset is where to go on: one past the last batch, also if all of it was control or aborted records.
	NextOffset int64
	LogStart   int64     // the oldest offset that the broker has
	LastStable int64     // one past the newest offset that is readable
	At         time.Time // when the answer arrived
}

// ProduceRecord is a record to be appended.
type ProduceRecord struct {
	Key     []byte // nil: null
	Value   []byte // nil: null
	Headers []Header
	// Timestamp is in ms since 1970; 0 means now. A topic with LogAppendTime ignores it.
	Timestamp int64
}
