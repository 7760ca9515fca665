package reference

import (
	"github.com/shopspring/decimal"

	"marginledger/events"
)

// params are the settings of the profile: the table at the head of the page.
type params struct {
	partialShare             decimal.Decimal
	cooldownMs               int64
	fullBelow                decimal.Decimal
	backstopNum, backstopDen decimal.Decimal
	clearAt, callClearFactor decimal.Decimal
	withdrawExcludesUpnl     bool
}

var paramDefaults = map[string]string{
	"partialShare":         "0.25",
	"cooldownMs":           "30000",
	"fullBelow":            "0.8",
	"backstopBelowNum":     "2",
	"backstopBelowDen":     "3",
	"clearAt":              "1",
	"callClearFactor":      "1.05",
	"withdrawExcludesUpnl": "0",
}

// paramsOf reads the settings of an event; ok is false for an unknown name or a value outside its
// range.
func paramsOf(given []events.Param) (p params, ok bool) {
	value := map[string]decimal.Decimal{}
	for name, text := range paramDefaults {
		value[name] = decimal.RequireFromString(text)
	}
	for _, g := range given {
		if _, known := value[g.Name]; !known || g.Value.Scale > 6 {
			return params{}, false
		}
		value[g.Name] = g.Value.Decimal()
	}
	within := func(name string, low, high int64) bool {
		return value[name].Cmp(decimal.NewFromInt(low)) >= 0 && value[name].Cmp(decimal.NewFromInt(high)) <= 0
	}
	ok = within("partialShare", 0, 1) && value["partialShare"].IsPositive() &&
		within("cooldownMs", 0, 86400000) && value["cooldownMs"].IsInteger() &&
		within("fullBelow", 0, 1) && within("clearAt", 1, 100) && within("callClearFactor", 1, 100) &&
		within("backstopBelowNum", 1, 1000000) && value["backstopBelowNum"].IsInteger() &&
		within("backstopBelowDen", 1, 1000000) && value["backstopBelowDen"].IsInteger() &&
		value["backstopBelowNum"].Cmp(value["backstopBelowDen"]) <= 0 &&
		within("withdrawExcludesUpnl", 0, 1) && value["withdrawExcludesUpnl"].IsInteger()
	if !ok {
		return params{}, false
	}
	return params{
		partialShare:         value["partialShare"],
		cooldownMs:           value["cooldownMs"].IntPart(),
		fullBelow:            value["fullBelow"],
		backstopNum:          value["backstopBelowNum"],
		backstopDen:          value["backstopBelowDen"],
		clearAt:              value["clearAt"],
		callClearFactor:      value["callClearFactor"],
		withdrawExcludesUpnl: value["withdrawExcludesUpnl"].IsPositive(),
	}, true
}
