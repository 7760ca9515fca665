package events

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// validator is what every body implements beside Body: the bounds that need no state. Both codecs
// and Event.Validate check the same.
type validator interface {
	validate(e *Event, c *checker)
}

// Validate reports the first bound that e breaks, as a *DecodeError: the same that a decoder of
// e's encoding reports. A producer calls it before it sends.
func (e *Event) Validate() error {
	c := checker{text: true}
	if !e.Type.Known() || e.Body == nil || e.Body.EventType() != e.Type {
		return &DecodeError{Reason: BadValue, Field: "type", Detail: fmt.Sprintf("%s with a body %T", e.Type, e.Body)}
	}
	if e.Version != SchemaVersion {
		return &DecodeError{Reason: BadValue, Field: "v", Detail: fmt.Sprintf("must be %d", SchemaVersion)}
	}
	c.event(e)
	if c.err != nil {
		return c.err
	}
	return nil
}

// checker notes the first bound that is broken; after that its methods do nothing.
type checker struct {
	err *DecodeError

	text bool // check the bytes of strings too: a decoder already has

	place       // of the element that is checked
	outer place // of the element that its list is in
}

// place is an element of a list; "": the body itself.
type place struct {
	list  string // path of the list
	index int
}

// event checks a whole event: the header, then the body, each in the order of the fields.
func (c *checker) event(e *Event) {
	c.id("id", e.ID)
	c.name("venue", e.Venue)
	if e.Time < 0 {
		c.bad("time", "must not be before 1970")
	}
	c.optName("producer", e.Producer)
	if e.Producer == "" && e.Sequence != 0 {
		c.missing("producer")
	}
	switch {
	case e.Type.OfAccount():
		c.id("owner", e.Owner)
	case e.Owner != "":
		c.bad("owner", "only account facts have an owner")
	case e.Subaccount != 0:
		c.bad("sub", "only account facts have a subaccount")
	}
	if c.err == nil {
		e.Body.(validator).validate(e, c)
	}
}

func (c *checker) fail(reason Reason, field, detail string) {
	if c.err != nil {
		return
	}
	if c.list != "" {
		field = joinPath(fmt.Sprintf("%s[%d]", c.list, c.index), field)
	}
	if c.outer.list != "" {
		field = joinPath(fmt.Sprintf("%s[%d]", c.outer.list, c.outer.index), field)
	}
	c.err = &DecodeError{Reason: reason, Field: field, Detail: detail}
}

func (c *checker) bad(field, detail string) { c.fail(BadValue, field, detail) }

func (c *checker) missing(field string) { c.fail(MissingField, field, "the field is required") }

// check fails with detail unless ok holds.
func (c *checker) check(ok bool, field, detail string) {
	if !ok {
		c.bad(field, detail)
	}
}

// id, name and free check required strings; the opt forms also accept absent ones.

func (c *checker) id(field, s string)      { c.required(field, s, MaxIDBytes) }
func (c *checker) name(field, s string)    { c.required(field, s, MaxNameBytes) }
func (c *checker) free(field, s string)    { c.required(field, s, MaxTextBytes) }
func (c *checker) optID(field, s string)   { c.bytes(field, s, MaxIDBytes) }
func (c *checker) optName(field, s string) { c.bytes(field, s, MaxNameBytes) }
func (c *checker) optFree(field, s string) { c.bytes(field, s, MaxTextBytes) }

func (c *checker) required(field, s string, most int) {
	if s == "" {
		c.missing(field)
	}
	c.bytes(field, s, most)
}

// bytes has its common case apart, where it costs no call.
func (c *checker) bytes(field, s string, most int) {
	if c.text || len(s) > most {
		c.eachByte(field, s, most)
	}
}

func (c *checker) eachByte(field, s string, most int) {
	if len(s) > most {
		c.bad(field, fmt.Sprintf("%d bytes, at most %d", len(s), most))
	}
	if !c.text {
		return
	}
	if !utf8.ValidString(s) {
		c.fail(BadUTF8, field, "not UTF-8")
	}
	if hasControl(s) {
		c.bad(field, "has a control character")
	}
}

// hasControl reports whether s has a control character of ASCII or Latin-1.
func hasControl(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < 0x20 || (r >= 0x7f && r < 0xa0) }) >= 0
}

// enum checks a required enumeration: 0 is absent, and the last value is n-1.
func enum[T ~uint8](c *checker, field string, v T, texts []string) {
	if v == 0 || int(v) >= len(texts) {
		c.noEnum(field, v == 0)
	}
}

func (c *checker) noEnum(field string, absent bool) {
	if absent {
		c.missing(field)
	} else {
		c.bad(field, "is none of the values")
	}
}

// optEnum checks an optional enumeration.
func optEnum[T ~uint8](c *checker, field string, v T, texts []string) {
	if v != 0 {
		enum(c, field, v, texts)
	}
}

// any, positive, atLeastZero and notZero check required numbers.

func (c *checker) any(field string, n Number) {
	if !n.Present {
		c.missing(field)
	}
}

func (c *checker) positive(field string, n Number) {
	if n.Present && n.Coef.Sign() > 0 {
		return
	}
	c.any(field, n)
	c.optPositive(field, n)
}

func (c *checker) atLeastZero(field string, n Number) {
	c.any(field, n)
	c.optAtLeastZero(field, n)
}

func (c *checker) notZero(field string, n Number) {
	c.any(field, n)
	c.check(n.Sign() != 0, field, "must not be zero")
}

func (c *checker) optPositive(field string, n Number) {
	if n.Present && n.Sign() <= 0 {
		c.bad(field, "must be greater than zero")
	}
}

func (c *checker) optAtLeastZero(field string, n Number) {
	if n.Sign() < 0 {
		c.bad(field, "must not be negative")
	}
}

// digits bounds the digits after the point.
func (c *checker) digits(field string, n Number, most uint8) {
	if n.Scale > most {
		c.bad(field, fmt.Sprintf("%d digits after the point, at most %d", n.Scale, most))
	}
}

// integer checks bounds of an integer.
func (c *checker) integer(field string, v, least, most uint32) {
	if v < least || v > most {
		c.bad(field, fmt.Sprintf("must be from %d to %d", least, most))
	}
}

// length bounds the length of a list.
func (c *checker) length(field string, n, least, most int) {
	if n < least || n > most {
		c.bad(field, fmt.Sprintf("%d elements, must have %d to %d", n, least, most))
	}
}

// in says that what follows checks element i of a list; out ends that.
func (c *checker) in(list string, i int) { c.list, c.index = list, i }
func (c *checker) out()                  { c.list = "" }

// enter says that the lists that follow are within the element that is being checked, until leave.
func (c *checker) enter() { c.outer, c.place = c.place, place{} }
func (c *checker) leave() { c.place, c.outer = c.outer, place{} }
