package calculator

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"marginledger/events"
)

// decode fills the value that dst points to. Objects are structs, whose members must all be known; one whose
// tag does not say omitzero must be there.
func decode(n *node, dst any) error { return decoder{}.into(n, dst) }

// decodePart is decode where nothing must be there.
func decodePart(n *node, dst any) error { return decoder{part: true}.into(n, dst) }

type decoder struct{ part bool }

func (d decoder) into(n *node, dst any) error { return d.value(n, reflect.ValueOf(dst).Elem()) }

// selfDecoder is a type with a form of its own.
type selfDecoder interface {
	decode(d decoder, n *node) error
}

func (d decoder) value(n *node, v reflect.Value) error {
	if d.part && n.kind == kindNull {
		return nil // takes a member away
	}
	switch dst := v.Addr().Interface().(type) {
	case selfDecoder:
		return dst.decode(d, n)
	case *events.Number:
		var err error
		*dst, err = n.number()
		return err
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return d.value(n, v.Elem())
	case reflect.Struct:
		return d.object(n, v)
	case reflect.Slice:
		return d.list(n, v)
	case reflect.Bool:
		if n.kind != kindBool {
			return n.mustBe(kindBool)
		}
		v.SetBool(n.text == "true")
	case reflect.String:
		if n.kind != kindString {
			return n.mustBe(kindString)
		}
		if n.text == "" {
			return n.wrong("must not be empty")
		}
		v.SetString(n.text)
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		return decodeInteger(n, v)
	default:
		panic(fmt.Sprintf("calculator: no JSON form for %s", v.Type()))
	}
	return nil
}

func (n *node) mustBe(k kind) error { return n.wrong("is %s, must be %s", n.kind, k) }

// number reads a decimal digit by digit, of a string or of a JSON number.
func (n *node) number() (events.Number, error) {
	if n.kind != kindString && n.kind != kindNumber {
		return events.Number{}, n.wrong("is %s, must be a decimal", n.kind)
	}
	x, err := events.ParseNumber(n.text)
	switch {
	case err == nil:
		return x, nil
	case errors.Is(err, events.ErrNumberRange):
		return x, n.wrong("%s has more than 38 digits", n.text)
	case strings.ContainsAny(n.text, "eE") && strings.Trim(n.text, "0123456789.+-eE") == "":
		return x, n.wrong("%q has an exponent: write the digits out", n.text)
	}
	return x, n.wrong("%q is no decimal", n.text)
}

func decodeInteger(n *node, v reflect.Value) error {
	if n.kind != kindNumber && n.kind != kindString {
		return n.wrong("is %s, must be an integer", n.kind)
	}
	x, err := strconv.ParseUint(n.text, 10, v.Type().Bits())
	if err != nil {
		return n.wrong("%q is no integer from 0 to %d", n.text, ^uint64(0)>>(64-v.Type().Bits()))
	}
	v.SetUint(x)
	return nil
}

func (d decoder) list(n *node, v reflect.Value) error {
	if n.kind != kindList {
		return n.mustBe(kindList)
	}
	list := reflect.MakeSlice(v.Type(), len(n.list), len(n.list))
	for i, e := range n.list {
		if err := d.value(e, list.Index(i)); err != nil {
			return err
		}
	}
	v.Set(list)
	return nil
}

func (d decoder) object(n *node, v reflect.Value) error {
	if n.kind != kindObject {
		return n.mustBe(kindObject)
	}
	fields := make(map[string]int, v.NumField())
	for i := range v.NumField() {
		name, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		fields[name] = i
		if options == "" && !d.part && n.member(name) == nil {
			return wrong(join(n.path, name), "is missing")
		}
	}
	if p := v.FieldByName("Path"); p.IsValid() {
		p.SetString(n.path)
	}
	for _, m := range n.members {
		i, ok := fields[m.name]
		if !ok {
			return m.value.wrong("unknown field")
		}
		if err := d.value(m.value, v.Field(i)); err != nil {
			return err
		}
	}
	return nil
}

// Place is where in its document a value stands: "positions[2]".
type Place string

func (p Place) field(name string) string { return join(string(p), name) }

// Named is an object whose members are names of the document's own, by name: settings, balances.
type Named[T any] []NamedValue[T]

// NamedValue is a member of a Named.
type NamedValue[T any] struct {
	Name  string
	Value T
	path  string
}

func (l *Named[T]) decode(d decoder, n *node) error {
	if n.kind != kindObject {
		return n.mustBe(kindObject)
	}
	for _, m := range n.members {
		x := NamedValue[T]{Name: m.name, path: m.value.path}
		if m.name == "" {
			return n.wrong("has a member without a name")
		}
		if err := d.into(m.value, &x.Value); err != nil {
			return err
		}
		*l = append(*l, x)
	}
	l.sort()
	return nil
}

// sort brings the members in order of their names, as facts have them.
func (l Named[T]) sort() {
	slices.SortFunc(l, func(a, b NamedValue[T]) int { return strings.Compare(a.Name, b.Name) })
}

// at returns the value of a name, and whether it is there.
func (l Named[T]) at(name string) (v T, ok bool) {
	for i := range l {
		if l[i].Name == name {
			return l[i].Value, true
		}
	}
	return v, false
}

// Enum is a value of an enumeration of package events, by its text.
type Enum[T ~uint8] struct{ Value T }

func (e *Enum[T]) decode(_ decoder, n *node) error {
	if n.kind != kindString {
		return n.mustBe(kindString)
	}
	v, err := parseEnum[T](n.text)
	if err != nil {
		return n.wrong("%v", err)
	}
	e.Value = v
	return nil
}

func parseEnum[T ~uint8](text string) (T, error) {
	var v any
	var err error
	switch any(T(0)).(type) {
	case events.Leg:
		v, err = events.ParseLeg(text)
	case events.Side:
		v, err = events.ParseSide(text)
	case events.MarginMode:
		v, err = events.ParseMarginMode(text)
	case events.MarginModes:
		v, err = events.ParseMarginModes(text)
	case events.MarginType:
		v, err = events.ParseMarginType(text)
	case events.FundingMode:
		v, err = events.ParseFundingMode(text)
	case events.ClaimKind:
		v, err = events.ParseClaimKind(text)
	case events.PositionChangeKind:
		v, err = events.ParsePositionChangeKind(text)
	default:
		panic(fmt.Sprintf("calculator: no text form for %T", T(0)))
	}
	return v.(T), err
}

// or returns the value, or a default where it is absent.
func (e Enum[T]) or(v T) T {
	if e.Value == 0 {
		return v
	}
	return e.Value
}

// Instant is a time of RFC 3339, as nanoseconds since 1970 UTC.
type Instant struct {
	Nanoseconds int64
	Present     bool
}

func (i *Instant) decode(_ decoder, n *node) error {
	if n.kind != kindString {
		return n.mustBe(kindString)
	}
	t, err := time.Parse(time.RFC3339Nano, n.text)
	if err != nil || t.Year() < 1970 || t.Year() >= 2262 {
		return n.wrong("%q is no time of RFC 3339 from 1970 to 2261", n.text)
	}
	i.Nanoseconds, i.Present = t.UnixNano(), true
	return nil
}
