package events_test

import (
	"errors"
	"strings"
	"testing"

	"marginledger/events"
	"marginledger/events/eventstest"
)

// TestBadJSON edits the example of a type, or gives a whole record, and names what must be said.
func TestBadJSON(t *testing.T) {
	const fill = events.TypeFill
	size := `"size":"0.125"`
	tests := []struct {
		name     string
		typ      events.Type
		from, to string // from "": to is the whole record
		reason   events.Reason
		field    string
	}{
		{"empty", fill, "", "", events.EmptyRecord, ""},
		{"too large", fill, "", strings.Repeat(" ", events.MaxRecordBytes+1), events.TooLarge, ""},
		{"ten megabytes", fill, `{"id"`, `{"ext":"` + strings.Repeat("x", 10<<20) + `","id"`, events.TooLarge, ""},
		{"cut off", fill, `"liquidation":"0-48211-0"}`, `"liquidation":"0-4`, events.BadJSON, "liquidation"},
		{"only a brace", fill, "", "{", events.BadJSON, ""},
		{"cut off in an escape", fill, `"0-48211-0"}`, `"\`, events.BadJSON, "liquidation"},
		{"cut off in a number", fill, "", `{"seq":1`, events.BadJSON, ""},
		{"no colon", fill, size, `"size" "0.125"`, events.BadJSON, ""},
		{"no comma", fill, size + ",", size, events.BadJSON, ""},
		{"comma at the end", fill, `"0-48211-0"}`, `"0-48211-0",}`, events.BadJSON, ""},
		{"bare key", fill, size, `size:"0.125"`, events.BadJSON, ""},
		{"bare word", fill, size, `"size":none`, events.BadJSON, "size"},
		{"single quotes", fill, size, `"size":'1'`, events.BadJSON, "size"},
		{"control character", fill, `"t-123456"`, "\"t\n\"", events.BadJSON, "tradeId"},
		{"unknown escape", fill, `"t-123456"`, `"\x"`, events.BadJSON, "tradeId"},
		{"short \\u", fill, `"t-123456"`, `"\u12"`, events.BadJSON, "tradeId"},
		{"comment", fill, size, `/* */` + size, events.BadJSON, ""},
		{"leading zero", fill, `"seq":81264`, `"seq":081264`, events.BadJSON, "seq"},
		{"plus sign", fill, `"seq":81264`, `"seq":+81264`, events.BadJSON, "seq"},
		{"bad number in ext", fill, size, `"ext":1.,` + size, events.BadJSON, "ext"},
		{"bad exponent in ext", fill, size, `"ext":1e,` + size, events.BadJSON, "ext"},
		{"form feed", fill, size, "\f" + size, events.BadJSON, ""},
		{"byte after", fill, `"0-48211-0"}`, `"0-48211-0"}x`, events.TrailingData, ""},
		{"second object", fill, `"0-48211-0"}`, `"0-48211-0"} {}`, events.TrailingData, ""},
		{"repeated body key", fill, size, size + "," + size, events.DuplicateKey, "size"},
		{"repeated header key", fill, size, `"venue":"x",` + size, events.DuplicateKey, "venue"},
		{"repeated in another spelling", fill, size, size + `,"s\u0069ze":"1"`, events.DuplicateKey, "size"},
		{"repeated nested key", events.TypeTradeBusted, `"partition":3`, `"partition":3,"partition":3`, events.DuplicateKey, "deadLetter.partition"},
		{"repeated ext", fill, size, `"ext":1,"ext":2,` + size, events.DuplicateKey, "ext"},
		{"bad utf-8", fill, `"t-123456"`, "\"t\xff\"", events.BadUTF8, "tradeId"},
		{"overlong utf-8", fill, `"t-123456"`, "\"\xc0\xaf\"", events.BadUTF8, "tradeId"},
		{"utf-8 surrogate", fill, `"t-123456"`, "\"\xed\xa0\x80\"", events.BadUTF8, "tradeId"},
		{"bad utf-8 after an escape", fill, `"t-123456"`, "\"\\n\xff\"", events.BadUTF8, "tradeId"},
		{"bad utf-8 in ext", fill, size, "\"ext\":{\"a\":\"\xff\"}," + size, events.BadUTF8, "ext"},
		{"lone high surrogate", fill, `"t-123456"`, `"\ud83d"`, events.BadUTF8, "tradeId"},
		{"lone low surrogate", fill, `"t-123456"`, `"\ude00"`, events.BadUTF8, "tradeId"},
		{"two high surrogates", fill, `"t-123456"`, `"\ud83d\ud83d"`, events.BadUTF8, "tradeId"},
		{"too deep", fill, size, `"ext":` + strings.Repeat("[", 65) + strings.Repeat("]", 65) + "," + size, events.TooDeep, "ext"},
		{"far too deep", fill, size, `"ext":` + strings.Repeat(`{"a":`, 100_000), events.TooDeep, "ext"},

		{"null", fill, size, `"size":null`, events.BadValue, "size"},
		{"null for an optional field", fill, `"fee":"5.0625"`, `"fee":null`, events.BadValue, "fee"},
		{"number for a decimal", fill, size, `"size":0.125`, events.BadValue, "size"},
		{"number for a string", fill, `"t-123456"`, `17`, events.BadValue, "tradeId"},
		{"string for an integer", fill, `"seq":81264`, `"seq":"81264"`, events.BadValue, "seq"},
		{"bool", fill, `"seq":81264`, `"seq":true`, events.BadValue, "seq"},
		{"object for a string", fill, `"t-123456"`, `{"a":[1]}`, events.BadValue, "tradeId"},
		{"fraction", fill, `"seq":81264`, `"seq":81264.0`, events.BadValue, "seq"},
		{"exponent", fill, `"seq":81264`, `"seq":1e3`, events.BadValue, "seq"},
		{"negative", fill, `"seq":81264`, `"seq":-1`, events.BadValue, "seq"},
		{"minus zero", fill, `"seq":81264`, `"seq":-0`, events.BadValue, "seq"},
		{"beyond uint64", fill, `"seq":81264`, `"seq":18446744073709551616`, events.BadValue, "seq"},
		{"beyond uint32", fill, `"sub":1`, `"sub":4294967296`, events.BadValue, "sub"},
		{"beyond int32", events.TypeTradeBusted, `"partition":3`, `"partition":2147483648`, events.BadValue, "deadLetter.partition"},
		{"beyond int64", events.TypeTradeBusted, `"offset":90210`, `"offset":9223372036854775808`, events.BadValue, "deadLetter.offset"},
		{"negative offset", events.TypeTradeBusted, `"offset":90210`, `"offset":-1`, events.BadValue, "deadLetter.offset"},
		{"enum", fill, `"side":"sell"`, `"side":"SELL"`, events.BadValue, "side"},
		{"empty enum", fill, `"side":"sell"`, `"side":""`, events.BadValue, "side"},
		{"empty string", fill, `"BTC-PERP"`, `""`, events.BadValue, "market"},
		{"empty optional string", fill, `"o-987654"`, `""`, events.BadValue, "orderId"},
		{"empty id", fill, `"evt-0000000000000042"`, `""`, events.BadValue, "id"},
		{"escaped control character", fill, `"t-123456"`, `"\u0000"`, events.BadValue, "tradeId"},
		{"DEL", fill, `"t-123456"`, "\"\x7f\"", events.BadValue, "tradeId"},
		{"array for an object", events.TypeMarketChanged, `"rules":{`, `"rules":[],"ext":{`, events.BadValue, "rules"},
		{"object for an array", events.TypeMarginCallLevelsSet, `["3","2","1.25"]`, `{}`, events.BadValue, "levels"},
		{"numbers in an array", events.TypeMarginCallLevelsSet, `["3","2","1.25"]`, `["3",2]`, events.BadValue, "levels[1]"},
		{"string for an object", events.TypeTradeBusted, `"deadLetter":{`, `"deadLetter":"x","ext":{`, events.BadValue, "deadLetter"},
		{"no elements", events.TypeCollateralChanged, `[{"lowerValue":"0","haircut":"0.05"},{"lowerValue":"1000000","haircut":"0.1"}]`, `[]`, events.BadValue, "haircuts"},
		{"negative cap", events.TypeCollateralChanged, `"cap":"5000000"`, `"cap":"-1"`, events.BadValue, "cap"},
		{"number in an array of objects", events.TypeCollateralChanged, `{"lowerValue":"0","haircut":"0.05"}`, `1`, events.BadValue, "haircuts[0]"},
		{"a million elements", events.TypeMarginCallLevelsSet, `["3",`, `["3",` + strings.Repeat(`"2",`, 1_000_000), events.BadValue, "levels[4097]"},
		{"missing in an element", events.TypeMarketChanged, `"maxLeverage":25,`, ``, events.MissingField, "rules.tiers[1].maxLeverage"},
		{"missing in an object", events.TypeTradeBusted, `,"offset":90210`, ``, events.MissingField, "deadLetter.offset"},
		{"empty object", fill, "", `{}`, events.MissingField, "id"},

		{"blank in a decimal", fill, size, `"size":" 1"`, events.BadNumber, "size"},
		{"exponent in a decimal", fill, size, `"size":"1e3"`, events.BadNumber, "size"},
		{"plus in a decimal", fill, size, `"size":"+1"`, events.BadNumber, "size"},
		{"comma in a decimal", fill, size, `"size":"1,5"`, events.BadNumber, "size"},
		{"leading zero in a decimal", fill, size, `"size":"01"`, events.BadNumber, "size"},
		{"point at the end", fill, size, `"size":"1."`, events.BadNumber, "size"},
		{"point at the front", fill, size, `"size":".5"`, events.BadNumber, "size"},
		{"empty decimal", fill, size, `"size":""`, events.BadNumber, "size"},
		{"NaN", fill, size, `"size":"NaN"`, events.BadNumber, "size"},
		{"39 digits", fill, size, `"size":"1` + strings.Repeat("0", 38) + `"`, events.BadNumber, "size"},
		{"39 digits after the point", fill, size, `"size":"0.` + strings.Repeat("0", 38) + `1"`, events.BadNumber, "size"},

		{"local time", fill, `.123456789Z`, `+02:00`, events.BadValue, "time"},
		{"ten digits of a second", fill, `.123456789Z`, `.1234567890Z`, events.BadValue, "time"},
		{"no digits of a second", fill, `.123456789Z`, `.Z`, events.BadValue, "time"},
		{"comma in a time", fill, `.123456789Z`, `,5Z`, events.BadValue, "time"},
		{"small t", fill, `10T21`, `10t21`, events.BadValue, "time"},
		{"leap second", fill, `:03.123456789Z`, `:60Z`, events.BadValue, "time"},
		{"30 February", fill, `2025-10-10`, `2025-02-30`, events.BadValue, "time"},
		{"before 1970", fill, `2025-10-10`, `1969-12-31`, events.BadValue, "time"},
		{"beyond int64 nanoseconds", fill, `2025-10-10`, `2262-04-12`, events.BadValue, "time"},
		{"number for a time", fill, `"2025-10-10T21:15:03.123456789Z"`, `1760130903`, events.BadValue, "time"},
		{"number for a type", fill, `"type":"Fill"`, `"type":6`, events.BadValue, "type"},

		// What is malformed outranks what is unknown.
		{"malformed after an unknown field", fill, size, `"sise":"1",x`, events.BadJSON, ""},
		{"unknown field, then trailing data", fill, `"0-48211-0"}`, `"0-48211-0","x":1}}`, events.TrailingData, ""},
	}
	var d events.Decoder
	for _, test := range tests {
		_, err := d.Decode(edit(t, test.typ, test.from, test.to))
		var got *events.DecodeError
		if !errors.As(err, &got) || got.Reason != test.reason || got.Field != test.field {
			t.Errorf("%s: want %s of %q, got %v", test.name, test.reason, test.field, err)
		}
	}
}

// edit replaces from by to in the example of typ.
func edit(t *testing.T, typ events.Type, from, to string) []byte {
	t.Helper()
	if from == "" {
		return []byte(to)
	}
	text := string(events.AppendJSON(nil, eventstest.Example(typ)))
	if strings.Count(text, from) != 1 {
		t.Fatalf("%q is not there once in %s", from, text)
	}
	return []byte(strings.Replace(text, from, to, 1))
}

// TestUnknownJSON: what this build does not know stops the ledger, wherever it stands.
func TestUnknownJSON(t *testing.T) {
	const fill = events.TypeFill
	size := `"size":"0.125"`
	tests := []struct {
		name     string
		typ      events.Type
		from, to string
		want     events.SchemaError
	}{
		{"type", fill, `"type":"Fill"`, `"type":"Fil"`, events.SchemaError{Kind: events.UnknownType, Name: `"Fil"`}},
		{"type in another case", fill, `"type":"Fill"`, `"type":"fill"`, events.SchemaError{Kind: events.UnknownType, Name: `"fill"`}},
		{"version", fill, `"v":1`, `"v":2`, events.SchemaError{Kind: events.UnknownVersion, Type: "Fill", Name: "2"}},
		{"version 0", fill, `"v":1`, `"v":0`, events.SchemaError{Kind: events.UnknownVersion, Type: "Fill", Name: "0"}},
		{"large version", fill, `"v":1`, `"v":65537`, events.SchemaError{Kind: events.UnknownVersion, Type: "Fill", Name: "65537"}},
		{"field", fill, size, `"sizes":"1",` + size, events.SchemaError{Kind: events.UnknownField, Type: "Fill", Name: "sizes"}},
		{"field in another case", fill, size, `"Size":"0.125"`, events.SchemaError{Kind: events.UnknownField, Type: "Fill", Name: "Size"}},
		{"header field in another case", fill, `"sub":1`, `"Sub":1`, events.SchemaError{Kind: events.UnknownField, Type: "Fill", Name: "Sub"}},
		{"field of another type", fill, size, size + `,"amount":"1"`, events.SchemaError{Kind: events.UnknownField, Type: "Fill", Name: "amount"}},
		{"field before the type", fill, `"id":`, `"idd":1,"id":`, events.SchemaError{Kind: events.UnknownField, Type: "Fill", Name: "idd"}},
		{"field with a long name", fill, size, `"` + strings.Repeat("n", 1<<20) + `":1,` + size,
			events.SchemaError{Kind: events.UnknownField, Type: "Fill", Name: strings.Repeat("n", 48) + "…"}},
		{"nested field", events.TypeMarketChanged, `"maxLeverage":25`, `"maxLeverage":25,"imf":1`,
			events.SchemaError{Kind: events.UnknownField, Type: "MarketChanged", Name: "rules.tiers[1].imf"}},
		{"after a bad value", fill, size, `"size":"-1","x":{}`, events.SchemaError{Kind: events.UnknownField, Type: "Fill", Name: "x"}},
		{"version after a bad value", fill, `"v":1,"venue":"main"`, `"venue":"","v":7`,
			events.SchemaError{Kind: events.UnknownVersion, Type: "Fill", Name: "7"}},
	}
	var d events.Decoder
	for _, test := range tests {
		_, err := d.Decode(edit(t, test.typ, test.from, test.to))
		var got *events.SchemaError
		if !errors.As(err, &got) || *got != test.want {
			t.Errorf("%s: want %+v, got %v", test.name, test.want, err)
		}
		if err != nil && !strings.Contains(err.Error(), "upgrade the ledger") {
			t.Errorf("%s: the message does not say what to do: %v", test.name, err)
		}
	}
}

// TestGoodJSON: forms that are not canonical but good give the same event.
func TestGoodJSON(t *testing.T) {
	tests := []struct{ name, from, to string }{
		{"blanks", `"size":"0.125"`, "\r\n\t \"size\" \t:\n\"0.125\" "},
		{"a line's end", `"0-48211-0"}`, "\"0-48211-0\"}\r\n"},
		{"escaped key", `"size"`, `"\u0073ize"`},
		{"escaped value", `"0.125"`, `"\u0030.125"`},
		{"escaped type", `"Fill"`, `"F\u0069ll"`},
		{"trailing zeros", `"0.125"`, `"0.125000"`},
		{"body before the type", `{"id"`, `{"x":0,"id"`}, // replaced below
		{"ext", `"size":"0.125"`, `"ext":{"a":[null,true,false,-1.5e+3,"\ud83d\ude00",{"a":1,"a":2},[],{}]},"size":"0.125"`},
		{"ext at the bound", `"size":"0.125"`, `"ext":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `,"size":"0.125"`},
	}
	var d events.Decoder
	want := string(events.AppendJSON(nil, eventstest.Example(events.TypeFill)))
	for _, test := range tests {
		value := string(edit(t, events.TypeFill, test.from, test.to))
		if test.name == "body before the type" {
			value = strings.Replace(want, `,"size":"0.125"`, "", 1)
			value = strings.Replace(value, `{"id"`, `{"size":"0.125","id"`, 1)
		}
		e, err := d.Decode([]byte(value))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got := string(events.AppendJSON(nil, e)); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", test.name, got, want)
		}
	}
}
