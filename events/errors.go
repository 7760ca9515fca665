package events

import "fmt"

// Reason is the stable code of why a record is no event: what a dead letter carries.
type Reason string

// The reasons.
const (
	EmptyRecord  Reason = "empty_record"  // no value at all, as a tombstone has
	TooLarge     Reason = "too_large"     // beyond MaxRecordBytes
	TooDeep      Reason = "too_deep"      // nested beyond MaxDepth
	BadJSON      Reason = "bad_json"      // not well-formed JSON
	BadProtobuf  Reason = "bad_protobuf"  // not well-formed protobuf, or a field of another wire type
	BadUTF8      Reason = "bad_utf8"      // a string that is not UTF-8, or half a surrogate pair
	TrailingData Reason = "trailing_data" // something behind the JSON object
	DuplicateKey Reason = "duplicate_key" // a JSON key, or a singular protobuf field, that is there twice
	MissingField Reason = "missing_field" // a required field is absent
	BadNumber    Reason = "bad_number"    // a decimal that is none, or has more than 38 digits
	BadValue     Reason = "bad_value"     // a value of the wrong JSON type, or past the bounds of its field
)

// DecodeError says why a record is no event. The record is a fact that cannot be applied: a dead
// letter.
type DecodeError struct {
	Reason Reason
	Field  string // path of the field in its JSON names, "rules.tiers[2].deduction"; may be ""
	Detail string // for people
}

// Error implements error.
func (e *DecodeError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("%s: %s", e.Reason, e.Detail)
	}
	return fmt.Sprintf("%s: %s: %s", e.Reason, e.Field, e.Detail)
}

// SchemaKind says what a build does not know.
type SchemaKind string

// What may be unknown.
const (
	UnknownType    SchemaKind = "unknown_type"
	UnknownVersion SchemaKind = "unknown_version"
	UnknownField   SchemaKind = "unknown_field"
	UnknownMessage SchemaKind = "unknown_message" // a Confluent prefix that names another message than Event
)

// SchemaError says that a well-formed record follows a schema that this build does not know. What
// it means cannot be guessed: the ledger stops.
type SchemaError struct {
	Kind SchemaKind
	Type string // event type, where it is known
	Name string // the unknown type, version, or path of the field
}

// Error implements error. It says what to do.
func (e *SchemaError) Error() string {
	what := ""
	switch e.Kind {
	case UnknownType:
		what = fmt.Sprintf("event type %s", e.Name)
	case UnknownVersion:
		what = fmt.Sprintf("version %s of %s", e.Name, e.Type)
	case UnknownMessage:
		what = fmt.Sprintf("protobuf message with index %s", e.Name)
	default:
		what = fmt.Sprintf("field %s of %s", e.Name, e.Type)
	}
	return fmt.Sprintf("%s: %s is not part of the schema of this build; upgrade the ledger to a build that knows it, "+
		"or, if the producer was wrong, leave this record out with \"ledger skip --at topic/partition@offset --reason …\" "+
		"(own data belongs into \"ext\")", e.Kind, what)
}
