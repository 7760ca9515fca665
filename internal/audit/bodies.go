package audit

import (
	"strings"

	"marginledger/events"
)

// legOf returns the leg of a position that a fact of an account changes; false for other facts.
func legOf(body events.Body) (events.Leg, bool) {
	switch b := body.(type) {
	case *events.Fill:
		return b.Leg, true
	case *events.TradeBusted:
		return b.Leg, true
	case *events.Adjustment:
		return b.Leg, b.Size.Present
	}
	return 0, false
}

// marketOf returns the market that such a fact names.
func marketOf(body events.Body) string {
	switch b := body.(type) {
	case *events.Fill:
		return b.Market
	case *events.TradeBusted:
		return b.Market
	case *events.Adjustment:
		return b.Market
	}
	return ""
}

// cloneKey copies what may not last.
func cloneKey(k settledKey) settledKey {
	k.Venue, k.Owner, k.market = strings.Clone(k.Venue), strings.Clone(k.Owner), strings.Clone(k.market)
	return k
}
