// Package eventstest makes valid random events of every type: for property tests of whatever takes
// events. They are valid by themselves, not one after another: nobody has opened their markets.
package eventstest

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/shopspring/decimal"

	"marginledger/events"
	"marginledger/internal/fixed"
)

// Random returns a valid event of a random type. The same rng gives the same events.
func Random(rng *rand.Rand) *events.Event {
	types := events.Types()
	return RandomOf(rng, types[rng.IntN(len(types))])
}

// RandomOf returns a valid event of type t.
func RandomOf(rng *rand.Rand, t events.Type) *events.Event {
	g := generator{rng}
	e := &events.Event{
		ID:      g.text(events.MaxIDBytes),
		Type:    t,
		Version: events.SchemaVersion,
		Venue:   g.text(events.MaxNameBytes),
		Time:    g.time(),
	}
	if g.chance() {
		e.Producer, e.Sequence = g.text(events.MaxNameBytes), rng.Uint64()>>rng.IntN(64)
	}
	if t.OfAccount() {
		e.Owner = g.text(events.MaxIDBytes)
		if g.chance() {
			e.Subaccount = rng.Uint32() >> rng.IntN(32)
		}
	}
	e.Body = g.body(e)
	return e
}

type generator struct{ *rand.Rand }

func (g generator) chance() bool { return g.IntN(2) == 0 }

// runes are what names are made of: mostly plain, some that a codec must escape or keep whole.
var runes = []rune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@ " + `"\/` + "äß€→😀\u2028")

// text returns a string of 1 to most bytes.
func (g generator) text(most int) string {
	plain := g.IntN(4) > 0
	n := 1 + g.IntN(most)
	var b strings.Builder
	for {
		r := runes[g.IntN(62)]
		if !plain {
			r = runes[g.IntN(len(runes))]
		}
		if b.Len() > 0 && b.Len()+len(string(r)) > n {
			return b.String()
		}
		b.WriteRune(r)
	}
}

func (g generator) name() string { return g.text(events.MaxNameBytes) }
func (g generator) id() string   { return g.text(events.MaxIDBytes) }

// maybe returns what f makes, or "".
func (g generator) maybe(f func() string) string {
	if g.chance() {
		return ""
	}
	return f()
}

func (g generator) time() int64 {
	ns := g.Int64() >> g.IntN(30)
	switch g.IntN(3) {
	case 0:
		ns -= ns % 1e9
	case 1:
		ns -= ns % 1e6
	}
	return ns
}

// number returns any number.
func (g generator) number() events.Number {
	coef := fixed.FromUint64(g.Uint64() >> g.IntN(64))
	if g.IntN(4) == 0 {
		coef = coef.Mul(g.Int64N(1e18))
	}
	if g.chance() {
		coef = coef.Neg()
	}
	return events.NumberOf(coef, g.IntN(events.MaxNumberScale+1))
}

func (g generator) positive() events.Number {
	n := g.number()
	switch n.Sign() {
	case 0:
		return events.MustNumber("1")
	case -1:
		return n.Neg()
	}
	return n
}

func (g generator) notZero() events.Number {
	if g.chance() {
		return g.positive().Neg()
	}
	return g.positive()
}

func (g generator) atLeastZero() events.Number {
	if g.IntN(4) == 0 {
		return events.MustNumber("0")
	}
	return g.positive()
}

// optional returns what f makes, or an absent number.
func (g generator) optional(f func() events.Number) events.Number {
	if g.chance() {
		return events.Number{}
	}
	return f()
}

// scaled returns a number from least to most units of 10^-scale.
func (g generator) scaled(least, most int64, scale int) events.Number {
	return events.NumberOf(fixed.FromInt64(least+g.Int64N(most-least+1)), scale)
}

func (g generator) leg() events.Leg   { return events.Leg(1 + g.IntN(3)) }
func (g generator) side() events.Side { return events.Side(1 + g.IntN(2)) }

// count returns 0 to most, mostly small.
func (g generator) count(most int) int { return g.IntN(1 + most>>g.IntN(8)) }

// pick returns one of the values.
func pick(g generator, values ...uint32) uint32 { return values[g.IntN(len(values))] }

// pair returns a least and a greatest price of at most so many digits after the point, or neither.
func (g generator) pair(digits int) (least, greatest events.Number) {
	if g.chance() {
		return
	}
	low := 1 + g.Int64N(1e17)
	return events.NumberOf(fixed.FromInt64(low), digits), g.scaled(low, 1e18, digits)
}

// params returns at most so many named numbers.
func (g generator) params(most int) []events.Param {
	var out []events.Param
	for i := range g.count(most) {
		out = append(out, events.Param{Name: fmt.Sprintf("param%04d", i), Value: g.number()})
	}
	return out
}

func (g generator) deadLetter() *events.Offset {
	if g.chance() {
		return nil
	}
	return &events.Offset{Topic: g.name(), Partition: g.Int32() >> g.IntN(31), Offset: g.Int64() >> g.IntN(63)}
}

// rules returns rules whose tiers, if there are any, rise and whose maintenance is continuous.
func (g generator) rules() events.MarketRules {
	r := events.MarketRules{
		FundingMode:    events.FundingMode(1 + g.IntN(2)),
		MakerFee:       g.optional(g.number),
		TakerFee:       g.optional(g.number),
		LiquidationFee: g.optional(func() events.Number { return g.scaled(0, 1e6, 6) }),
		Params:         g.params(events.MaxParams),
		Modes:          events.MarginModes(g.IntN(4)),
	}
	if g.chance() {
		r.MaxStalenessMs = g.Uint64() >> g.IntN(64)
	}
	lower, rate, deduction := decimal.Zero, decimal.New(1+g.Int64N(1e6), -9), decimal.Zero
	leverage := uint32(1 + g.IntN(events.MaxLeverage))
	for range g.count(events.MaxTiers) {
		r.Tiers = append(r.Tiers, events.Tier{
			LowerNotional: of(lower), MaxLeverage: leverage, MaintenanceRate: of(rate), Deduction: of(deduction)})
		lower = lower.Add(decimal.New(1+g.Int64N(1e9), -int32(g.IntN(3))))
		step := decimal.New(g.Int64N(1e7), -9)
		rate, deduction = rate.Add(step), deduction.Add(lower.Mul(step))
		leverage -= min(leverage-1, uint32(g.IntN(50)))
	}
	return r
}

// of converts a decimal that is known to fit.
func of(d decimal.Decimal) events.Number {
	n, err := events.FromDecimal(d)
	if err != nil {
		panic(fmt.Sprintf("eventstest: %s: %v", d, err))
	}
	return n
}
