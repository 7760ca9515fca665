package events

import (
	"fmt"
	"reflect"
	"strings"
	"unsafe"
)

// The structs of this package are the schema: the json and pb tags of their fields give the names
// and numbers on the wire, "omitzero" marks what is optional, and the order of the fields is the
// canonical order. Both codecs run over one table made from the tags, so they cannot drift apart.

// kind is what a field holds, and how both codecs read and write it.
type kind uint8

const (
	kindString  kind = iota // JSON string; string
	kindNumber              // JSON string; string
	kindEnum                // JSON string; enum
	kindUint                // JSON integer; uint32 or uint64, by width
	kindInt                 // JSON integer ≥ 0; int32 or int64, by width
	kindStruct              // JSON object; message, held by value
	kindPointer             // JSON object; message, held by pointer
	kindList                // JSON array of objects; repeated message
	kindNumbers             // JSON array of strings; repeated string

	// In the header only.
	kindType    // JSON string; in protobuf the number of the body says it
	kindVersion // JSON integer; uint32
	kindTime    // JSON string, RFC 3339; sfixed64 nanoseconds
	kindExt     // anything; bytes
)

// field is one field of a struct on the wire.
type field struct {
	name     string // JSON name
	number   uint32 // protobuf field number
	tag      uint8  // what a protobuf field begins with: its number is at most 15
	kind     kind
	optional bool
	width    uint8 // of integers: 32 or 64
	offset   uintptr
	texts    []string // of an enumeration: its text forms, "" for absent
	elem     *table   // of what is nested
	arena    arenaID  // of lists and pointers: where their elements live
}

// at returns the address of f in the struct at base.
func (f *field) at(base unsafe.Pointer) unsafe.Pointer { return unsafe.Add(base, f.offset) }

// table describes a struct on the wire.
type table struct {
	fields   []field
	keys     []string // `"name":` of each field, close together: the scanner runs over them
	words    []keyWord
	byNumber []int8    // index into fields by protobuf number; -1: none
	byTag    [128]int8 // the same by a tag of one byte, of the right wire type
	flat     bool      // nothing in it is nested
	required uint64    // fields that JSON must have, as bits by index
	size     uintptr
}

// lookup returns the index of the field with a JSON name, or -1.
func (t *table) lookup(name string) int {
	for i := range t.fields {
		if t.fields[i].name == name {
			return i
		}
	}
	return -1
}

// numbered returns the index of the field with a protobuf number, or -1.
func (t *table) numbered(number uint64) int {
	if number >= uint64(len(t.byNumber)) {
		return -1
	}
	return int(t.byNumber[number])
}

func newTable(fields []field) *table {
	t := &table{fields: fields, flat: true}
	for i := range t.byTag {
		t.byTag[i] = -1
	}
	for i := range t.fields {
		f := &t.fields[i]
		t.keys = append(t.keys, `"`+f.name+`":`)
		t.words = append(t.words, newKeyWord(t.keys[i]))
		if f.kind >= kindStruct && f.kind <= kindNumbers {
			t.flat = false
		}
		if !f.optional {
			t.required |= 1 << i
		}
		for int(f.number) >= len(t.byNumber) {
			t.byNumber = append(t.byNumber, -1)
		}
		if f.tag = byte(f.number<<3) | wireOf[f.kind]; f.number != 0 {
			t.byNumber[f.number] = int8(i)
			t.byTag[f.tag] = int8(i)
		}
	}
	return t
}

// enumTexts holds the text forms of every enumeration that a field may have.
var enumTexts = map[reflect.Type][]string{
	reflect.TypeFor[Leg]():                legNames[:],
	reflect.TypeFor[Side]():               sideNames[:],
	reflect.TypeFor[Liquidity]():          liquidityNames[:],
	reflect.TypeFor[FillReason]():         fillReasonNames[:],
	reflect.TypeFor[MarginMode]():         marginModeNames[:],
	reflect.TypeFor[MarginType]():         marginTypeNames[:],
	reflect.TypeFor[TransferKind]():       transferKindNames[:],
	reflect.TypeFor[FundingMode]():        fundingModeNames[:],
	reflect.TypeFor[MarginModes]():        marginModesNames[:],
	reflect.TypeFor[PositionChangeKind](): positionChangeNames[:],
	reflect.TypeFor[ClaimKind]():          claimKindNames[:],
}

// tableOf reads the tags of a struct. It panics on a struct that the codecs cannot carry: that is
// found when the package is loaded.
func tableOf(t reflect.Type) *table {
	var fields []field
	for i := range t.NumField() {
		sf := t.Field(i)
		name, options, _ := strings.Cut(sf.Tag.Get("json"), ",")
		f := field{name: name, optional: options == "omitzero", offset: sf.Offset}
		if _, err := fmt.Sscan(sf.Tag.Get("pb"), &f.number); err != nil || name == "" {
			panic(fmt.Sprintf("events: %s.%s lacks a json or pb tag", t, sf.Name))
		}
		f.setKind(sf.Type)
		fields = append(fields, f)
	}
	table := newTable(fields)
	table.size = t.Size()
	return table
}

func (f *field) setKind(t reflect.Type) {
	if texts, ok := enumTexts[t]; ok {
		f.kind, f.texts = kindEnum, texts
		return
	}
	switch {
	case t == reflect.TypeFor[Number]():
		f.kind = kindNumber
	case t == reflect.TypeFor[[]Number]():
		f.kind, f.arena = kindNumbers, arenaOf[t.Elem()]
	case t.Kind() == reflect.String:
		f.kind = kindString
	case t.Kind() == reflect.Uint32 || t.Kind() == reflect.Uint64:
		f.kind, f.width = kindUint, uint8(t.Bits())
	case t.Kind() == reflect.Int32 || t.Kind() == reflect.Int64:
		f.kind, f.width = kindInt, uint8(t.Bits())
	case t.Kind() == reflect.Struct:
		f.kind, f.elem = kindStruct, tableOf(t)
	case t.Kind() == reflect.Pointer:
		f.kind, f.elem, f.arena = kindPointer, tableOf(t.Elem()), arenaOf[t.Elem()]
	case t.Kind() == reflect.Slice:
		f.kind, f.elem, f.arena = kindList, tableOf(t.Elem()), arenaOf[t.Elem()]
	default:
		panic(fmt.Sprintf("events: no codec for a field of type %s", t))
	}
}

// Indexes of the header's fields in its table.
const (
	headID = iota
	headType
	headVersion
	headVenue
	headTime
	headProducer
	headSequence
	headOwner
	headSubaccount
	headExt
)

// header describes the header of an event. In protobuf its numbers are below bodyNumber, so that
// no record begins with '{' or with the zero of a Confluent prefix.
var header = newTable([]field{
	headID:         {name: "id", number: 1, kind: kindString, offset: unsafe.Offsetof(Event{}.ID)},
	headType:       {name: "type", kind: kindType, offset: unsafe.Offsetof(Event{}.Type)},
	headVersion:    {name: "v", number: 2, kind: kindVersion, offset: unsafe.Offsetof(Event{}.Version)},
	headVenue:      {name: "venue", number: 3, kind: kindString, offset: unsafe.Offsetof(Event{}.Venue)},
	headTime:       {name: "time", number: 4, kind: kindTime, offset: unsafe.Offsetof(Event{}.Time)},
	headProducer:   {name: "producer", number: 5, kind: kindString, offset: unsafe.Offsetof(Event{}.Producer), optional: true},
	headSequence:   {name: "seq", number: 6, kind: kindUint, width: 64, offset: unsafe.Offsetof(Event{}.Sequence), optional: true},
	headOwner:      {name: "owner", number: 7, kind: kindString, offset: unsafe.Offsetof(Event{}.Owner), optional: true},
	headSubaccount: {name: "sub", number: 8, kind: kindUint, width: 32, offset: unsafe.Offsetof(Event{}.Subaccount), optional: true},
	headExt:        {name: "ext", number: 9, kind: kindExt, optional: true},
})

// bodyNumber plus the number of a type is the protobuf field of its body.
const bodyNumber = 16

// bodyInfo is what the codecs know of a type.
type bodyInfo struct {
	table   *table
	newBody func() Body
	newSlab func() bodySlab
}

var bodyInfos [maxType + 1]bodyInfo

const maxType = TypeWithdrawalsGated

func init() {
	register[AccountOpened]()
	register[AccountOpeningState]()
	register[Deposit]()
	register[Withdrawal]()
	register[Transfer]()
	register[Fill]()
	register[SpotFill]()
	register[AssetConverted]()
	register[InterestAccrued]()
	register[OrderMargin]()
	register[LeverageSet]()
	register[MarginModeSet]()
	register[IsolatedMarginMoved]()
	register[FundingPayment]()
	register[PortfolioStopSet]()
	register[MarginCallLevelsSet]()
	register[BankruptcyCovered]()
	register[TradeBusted]()
	register[Adjustment]()
	register[PositionChanged]()
	register[AccountModeSet]()
	register[LeverageCapSet]()
	register[PoolBalanceObserved]()
	register[AccountParamsSet]()
	register[MarketListed]()
	register[MarketChanged]()
	register[MarketHalted]()
	register[MarketResumed]()
	register[MarketSettled]()
	register[MarkPrice]()
	register[FundingRate]()
	register[CollateralPrice]()
	register[CollateralChanged]()
	register[VenueProfileSet]()
	register[OpenInterest]()
	register[InsuranceFundMoved]()
	register[PoolState]()
	register[BlockStarted]()
	register[WithdrawalsGated]()
}

func register[T any, P bodyOf[T]]() {
	bodyInfos[P(nil).EventType()] = bodyInfo{
		table:   tableOf(reflect.TypeFor[T]()),
		newBody: func() Body { return P(new(T)) },
		newSlab: func() bodySlab { return new(slabOf[T, P]) },
	}
}

// NewBody returns an empty body for events of type t, or nil where t is not known.
func NewBody(t Type) Body {
	if !t.Known() {
		return nil
	}
	return bodyInfos[t].newBody()
}

// bodyAddress returns the address of the struct that a body is.
func bodyAddress(b Body) unsafe.Pointer { return reflect.ValueOf(b).UnsafePointer() }

// SchemaVersion is the schema version of every type.
const SchemaVersion = 1
