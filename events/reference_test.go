package events_test

import (
	"bytes"
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"marginledger/events"
)

// referenceJSON decodes a record with a strict JSON library and reflection, as slowly and plainly
// as can be. The fuzz test holds the hand-written scanner against it.
func referenceJSON(value []byte) (*events.Event, error) {
	members, err := topLevel(value)
	if err != nil {
		return nil, err
	}
	head, body := map[string]jsontext.Value{}, map[string]jsontext.Value{}
	headType := reflect.TypeFor[referenceHeader]()
	for name, raw := range members {
		if _, ok := memberOf(headType, name); ok {
			head[name] = raw
		} else if name != "ext" {
			body[name] = raw
		}
	}
	var h referenceHeader
	if err := strict(head, &h); err != nil {
		return nil, err
	}
	typ, ok := events.TypeNamed(h.Type)
	if !ok {
		return nil, fmt.Errorf("type %q", h.Type)
	}
	e := &events.Event{ID: h.ID, Type: typ, Version: h.Version, Venue: h.Venue, Producer: h.Producer, Sequence: h.Sequence,
		Owner: h.Owner, Subaccount: h.Subaccount, Body: events.NewBody(typ)}
	if e.Time, err = referenceTime(h.Time); err != nil {
		return nil, err
	}
	if (head["producer"] == nil) != (head["seq"] == nil) {
		return nil, fmt.Errorf("producer without seq, or seq without producer")
	}
	if err := strict(body, e.Body); err != nil {
		return nil, err
	}
	return e, e.Validate()
}

type referenceHeader struct {
	ID         string `json:"id"`
	Type       string `json:"type"`
	Version    uint16 `json:"v"`
	Venue      string `json:"venue"`
	Time       string `json:"time"`
	Producer   string `json:"producer,omitzero"`
	Sequence   uint64 `json:"seq,omitzero"`
	Owner      string `json:"owner,omitzero"`
	Subaccount uint32 `json:"sub,omitzero"`
}

// topLevel returns the members of the object. Repeated keys are refused, but not inside of ext.
func topLevel(value []byte) (map[string]jsontext.Value, error) {
	if len(value) == 0 || value[0] != '{' {
		return nil, fmt.Errorf("does not begin with a brace")
	}
	dec := jsontext.NewDecoder(bytes.NewReader(value), jsontext.AllowDuplicateNames(true))
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
	members := map[string]jsontext.Value{}
	for dec.PeekKind() == '"' {
		token, err := dec.ReadToken()
		if err != nil {
			return nil, err
		}
		name := token.String()
		raw, err := dec.ReadValue()
		if err != nil {
			return nil, err
		}
		if members[name] != nil {
			return nil, fmt.Errorf("%q is there twice", name)
		}
		members[name] = raw.Clone()
		if err := plain(name, members[name]); err != nil {
			return nil, err
		}
	}
	if _, err := dec.ReadToken(); err != nil { // the closing brace
		return nil, err
	}
	if rest := bytes.Trim(value[dec.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return nil, fmt.Errorf("trailing %q", rest)
	}
	return members, nil
}

var integer = regexp.MustCompile(`^(0|[1-9][0-9]*)$`)

// plain refuses what no field of an event may hold; of ext it only bounds the depth.
func plain(name string, raw jsontext.Value) error {
	if name != "ext" && !raw.IsValid() {
		return fmt.Errorf("%s: a repeated key", name)
	}
	dec := jsontext.NewDecoder(bytes.NewReader(raw), jsontext.AllowDuplicateNames(true))
	for {
		token, err := dec.ReadToken()
		if err != nil {
			return nil // the end: raw is one valid value
		}
		if dec.StackDepth() > events.MaxDepth {
			return fmt.Errorf("%s: too deep", name)
		}
		if name == "ext" {
			continue
		}
		text := token.String()
		switch token.Kind() {
		case 'n', 't', 'f':
			return fmt.Errorf("%s: %s", name, text)
		case '0':
			if !integer.MatchString(text) {
				return fmt.Errorf("%s: %s", name, text)
			}
		case '"':
			if text == "" {
				return fmt.Errorf("%s: an empty string", name)
			}
		}
	}
}

// strict decodes members into the struct at out: no unknown ones, and all that are required.
func strict(members map[string]jsontext.Value, out any) error {
	raw, err := json.Marshal(members)
	if err != nil {
		return err
	}
	if err := required(raw, reflect.TypeOf(out).Elem()); err != nil {
		return err
	}
	return json.Unmarshal(raw, out, json.RejectUnknownMembers(true), json.WithUnmarshalers(json.JoinUnmarshalers(
		enumOf(events.ParseSide), enumOf(events.ParseLiquidity), enumOf(events.ParseFillReason), enumOf(events.ParseMarginMode),
		enumOf(events.ParseMarginType), enumOf(events.ParseTransferKind), enumOf(events.ParseFundingMode),
		enumOf(events.ParseMarginModes), enumOf(events.ParsePositionChangeKind), enumOf(events.ParseClaimKind))))
}

func enumOf[T any](parse func(string) (T, error)) *json.Unmarshalers {
	return json.UnmarshalFunc(func(raw []byte, v *T) error {
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return err
		}
		var err error
		*v, err = parse(text)
		return err
	})
}

// required checks that an object has the fields of struct t that are not optional, all the way in.
func required(raw jsontext.Value, t reflect.Type) error {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(raw, &members); err != nil {
		return err
	}
	for i := range t.NumField() {
		name, option, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if members[name] == nil {
			if option == "" {
				return fmt.Errorf("%s is missing", name)
			}
			continue
		}
		if err := requiredWithin(members[name], t.Field(i).Type); err != nil {
			return err
		}
	}
	return nil
}

func requiredWithin(raw jsontext.Value, t reflect.Type) error {
	switch {
	case t.Kind() == reflect.Pointer:
		return requiredWithin(raw, t.Elem())
	case t.Kind() == reflect.Slice:
		var elements []jsontext.Value
		if err := json.Unmarshal(raw, &elements); err != nil {
			return err
		}
		for _, element := range elements {
			if err := requiredWithin(element, t.Elem()); err != nil {
				return err
			}
		}
	case t.Kind() == reflect.Struct && !t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return required(raw, t)
	}
	return nil
}

func memberOf(t reflect.Type, name string) (reflect.StructField, bool) {
	return t.FieldByNameFunc(func(field string) bool {
		f, _ := t.FieldByName(field)
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		return tag == name
	})
}

var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$`)

func referenceTime(text string) (int64, error) {
	if !rfc3339.MatchString(text) {
		return 0, fmt.Errorf("time %q", text)
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0, err
	}
	if at.Before(time.Unix(0, 0)) || at.After(time.Unix(0, 1<<63-1)) {
		return 0, fmt.Errorf("time %q", text)
	}
	return at.UnixNano(), nil
}
