package projector_test

import (
	"fmt"
	"strings"
	"testing"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// parsePerp lists a market whose maintenance is half of the initial margin at the maximum leverage of each tier.
func parsePerp(t *testing.T, words []string) events.Body {
	b := &events.MarketListed{Market: words[1], Underlying: words[1], PriceScale: 1, SizeScale: 5,
		MaxPrice: events.MustNumber("1000000"), MaxSize: events.MustNumber("100000")}
	b.Rules.FundingMode = events.FundingByIndex
	if modes := setting(words, "modes", ""); modes != "" {
		var err error
		if b.Rules.Modes, err = events.ParseMarginModes(modes); err != nil {
			t.Fatal(err)
		}
	}
	if v := setting(words, "noBackstop", ""); v != "" {
		b.Rules.Params = append(b.Rules.Params, events.Param{Name: "noBackstop", Value: number(t, v)})
	}
	var deduction fixed.Int128 // at 6 digits
	rate := int64(0)
	for i, tier := range strings.Split(setting(words, "leverage", "50"), ",") {
		lower, most, two := strings.Cut(tier, ":")
		if !two {
			lower, most = "0", lower
		}
		leverage := num2(t, most)
		next := int64(margin.OneRate / (2 * leverage))
		from, err := number(t, lower).At(6)
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			deduction = deduction.Add(margin.MulDiv(from, next-rate, margin.OneRate, margin.Down))
		}
		rate = next
		b.Rules.Tiers = append(b.Rules.Tiers, events.Tier{LowerNotional: number(t, lower), MaxLeverage: uint32(leverage),
			MaintenanceRate: events.NumberOf(fixed.FromInt64(rate), margin.RateScale), Deduction: events.NumberOf(deduction, 6)})
	}
	return b
}

// queue prints the queue of deleveraging of one side of a market.
func (w *world) queue(market string, long bool) string {
	var b strings.Builder
	for i, q := range w.shard.ADLQueue("x", market, long) {
		rank := ", drawn"
		if q.Rank != nil {
			rank = ", rank " + q.Rank.FloatString(6)
		}
		fmt.Fprintf(&b, "%d. %s %s %s%s\n", i+1, q.Owner, q.Pool, q.Size, rank)
	}
	return b.String()
}
