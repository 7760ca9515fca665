package events

import (
	"fmt"
	"unsafe"
)

// Bounds of a record.
const (
	MaxRecordBytes = 8 << 20
	MaxDepth       = 64 // nesting of JSON, and of ext in it

	maxListLength = MaxVenueParams + 1 // of no list the bound; one with more elements is not kept
)

// Decoder turns records into events. It holds their memory: events and bodies are valid until
// Reset, and their strings are views into the records, which must not change while an event is in
// use. In steady state it does not allocate, but for strings with JSON escapes. It is not safe for
// concurrent use. The zero value is ready.
type Decoder struct {
	events slab[Event]
	bodies [maxType + 1]bodySlab
	lists  [arenas]arena

	json  jsonScanner
	proto protoScanner
	check checker

	lastType Type // of the last record on the straight way of JSON
	minute   minute
}

// Reset takes back every event that was decoded since the last Reset.
func (d *Decoder) Reset() {
	d.events.reset()
	for _, s := range d.bodies {
		if s != nil {
			s.reset()
		}
	}
	for _, a := range d.lists {
		if a != nil {
			a.reset()
		}
	}
}

// Decode returns the event that a record's value holds. The codec shows in the first bytes:
//
//	'{'                                   JSON
//	0, schema id (4 bytes), '{'           JSON with a Confluent prefix
//	0, schema id (4 bytes), message index protobuf with a Confluent prefix
//	else                                  protobuf
//
// The error is a *DecodeError (the record is a dead letter) or a *SchemaError (stop). What is not
// well-formed is a DecodeError; else what is unknown is a SchemaError, wherever it stands; only
// then come values of a wrong form, missing fields, and bounds in the order of the fields.
func (d *Decoder) Decode(value []byte) (*Event, error) {
	if d.lists[0] == nil {
		d.lists = newArenas()
	}
	switch {
	case len(value) == 0:
		return nil, &DecodeError{Reason: EmptyRecord, Detail: "the record has no value"}
	case len(value) > MaxRecordBytes:
		return nil, &DecodeError{Reason: TooLarge, Detail: fmt.Sprintf("%d bytes, at most %d", len(value), MaxRecordBytes)}
	}
	e := d.events.next()
	err := d.decode(e, value)
	if err == nil {
		d.check = checker{}
		if d.check.event(e); d.check.err != nil {
			err = d.check.err
		}
	}
	if err != nil {
		for _, a := range d.lists {
			a.discard()
		}
		return nil, err
	}
	return e, nil
}

func (d *Decoder) decode(e *Event, value []byte) error {
	payload := value
	if value[0] == 0 {
		var err error
		if payload, err = stripConfluent(value); err != nil {
			return err
		}
	}
	if len(payload) > 0 && payload[0] == '{' {
		if d.straightJSON(e, payload) {
			return nil
		}
		d.back(e)
		return d.json.event(d, e, payload)
	}
	if d.straightProto(e, payload) {
		return nil
	}
	d.back(e)
	return d.proto.event(d, e, payload)
}

// stripConfluent returns what follows the Confluent wire-format prefix. The schema id is not
// looked up: what the fields say is what counts. Only the first message of the schema is an Event.
func stripConfluent(value []byte) ([]byte, error) {
	if len(value) < 6 {
		return nil, &DecodeError{Reason: BadProtobuf, Detail: "a Confluent prefix that is cut off"}
	}
	rest := value[5:]
	if rest[0] == '{' || rest[0] == 0 { // JSON, or the short form of message index [0]
		if rest[0] == 0 {
			rest = rest[1:]
		}
		return rest, nil
	}
	count, n := zigzag(rest)
	if n == 0 || count < 1 || count > 16 {
		return nil, &DecodeError{Reason: BadProtobuf, Detail: "a Confluent prefix with a malformed message index"}
	}
	rest = rest[n:]
	path := make([]int64, count)
	for i := range path {
		if path[i], n = zigzag(rest); n == 0 {
			return nil, &DecodeError{Reason: BadProtobuf, Detail: "a Confluent prefix with a malformed message index"}
		}
		rest = rest[n:]
	}
	if len(path) > 1 || path[0] != 0 {
		return nil, &SchemaError{Kind: UnknownMessage, Name: fmt.Sprint(path)}
	}
	return rest, nil
}

// zigzag reads a signed varint; n is 0 where there is none.
func zigzag(b []byte) (v int64, n int) {
	u, n := varint(b)
	return int64(u>>1) ^ -int64(u&1), n
}

// newBody gives e an empty body of its type and returns the body's address.
func (d *Decoder) newBody(e *Event) unsafe.Pointer {
	s := d.bodies[e.Type]
	if s == nil {
		s = bodyInfos[e.Type].newSlab()
		d.bodies[e.Type] = s
	}
	body, at := s.next()
	e.Body = body
	return at
}

// trouble collects what is wrong with a record: the first of each kind. Malformed input ends the
// scan; the others let it go on, since what is found later may outrank them.
type trouble struct {
	malformed *DecodeError
	unknown   *SchemaError
	bad       *DecodeError

	noted                         int // how many of the three there are
	malformedAt, unknownAt, badAt int // which of them it was: 1 to 3
}

// malform notes malformed input and returns false, for "stop".
func (t *trouble) malform(reason Reason, detail string) bool {
	return t.malformField(reason, "", detail)
}

func (t *trouble) malformField(reason Reason, name, detail string) bool {
	if t.malformed == nil {
		t.noted++
		t.malformed, t.malformedAt = &DecodeError{Reason: reason, Field: name, Detail: detail}, t.noted
	}
	return false
}

func (t *trouble) noteUnknown(kind SchemaKind, name string) {
	if t.unknown == nil {
		t.noted++
		t.unknown, t.unknownAt = &SchemaError{Kind: kind, Name: name}, t.noted
	}
}

func (t *trouble) noteBad(reason Reason, detail string) { t.noteField(reason, "", detail) }

func (t *trouble) noteField(reason Reason, name, detail string) {
	if t.bad == nil {
		t.noted++
		t.bad, t.badAt = &DecodeError{Reason: reason, Field: name, Detail: detail}, t.noted
	}
}

// in puts a field's name before the paths of what was found inside it: what was noted after the
// first since ones.
func (t *trouble) in(since int, name string, index int) {
	if index >= 0 {
		name = fmt.Sprintf("%s[%d]", name, index)
	}
	if t.malformed != nil && t.malformedAt > since {
		t.malformed.Field = joinPath(name, t.malformed.Field)
	}
	if t.unknown != nil && t.unknownAt > since && t.unknown.Kind == UnknownField {
		t.unknown.Name = joinPath(name, t.unknown.Name)
	}
	if t.bad != nil && t.badAt > since {
		t.bad.Field = joinPath(name, t.bad.Field)
	}
}

func joinPath(outer, inner string) string {
	switch {
	case inner == "":
		return outer
	case inner[0] == '[':
		return outer + inner
	}
	return outer + "." + inner
}

// err returns what outranks the rest, or nil.
func (t *trouble) err(e *Event) error {
	switch {
	case t.malformed != nil:
		return t.malformed
	case t.unknown != nil:
		if t.unknown.Kind != UnknownType && e.Type.Known() {
			t.unknown.Type = e.Type.String()
		}
		return t.unknown
	case t.bad != nil:
		return t.bad
	}
	return nil
}
