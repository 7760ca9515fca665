package stream

import (
	"math"

	"marginledger/events"
)

// What a fact is made of, drawn so that facts fit each other more often than not.

// leg is the leg that an account most often uses in a market: some of them hedge.
func (g *generator) leg(m market, a account) events.Leg {
	hedges := (len(m.name)+len(a.owner)+int(a.owner[len(a.owner)-1])+int(m.name[0]))%3 == 0
	switch {
	case g.chance(3):
		return pick(g, events.LegNet, events.LegLong, events.LegShort)
	case hedges:
		return pick(g, events.LegLong, events.LegShort)
	}
	return events.LegNet
}

// perhapsPlain rounds v now and then to its first digit, so that products meet edges exactly.
func (g *generator) perhapsPlain(v float64) float64 {
	if v <= 0 || g.chance(70) {
		return v
	}
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	return math.Floor(v/unit) * unit
}

// size is a size worth 10 to 20,000 at the present mark; in a giant market up to the largest.
func (g *generator) size(m market) events.Number {
	if m.giant {
		return decimal(m.maxSize*pick(g, g.Float64(), 1, 0.01*g.Float64()), m.sizeScale)
	}
	worth := pick(g, 10.0, 100.0, 1000.0, 1000.0, 5000.0) * (0.2 + 2*g.Float64())
	return decimal(g.perhapsPlain(worth/g.marks[m.name]), m.sizeScale)
}

func (g *generator) price(m market) events.Number {
	return decimal(math.Min(g.perhapsPlain(g.marks[m.name]*(0.99+0.02*g.Float64())), m.maxPrice), m.priceScale)
}

// money is an amount between a dust and 10,000.
func (g *generator) money() events.Number {
	return decimal(g.perhapsPlain(pick(g, 0.000001, 1.0, 50.0, 500.0, 5000.0)*(0.1+2*g.Float64())), g.scale)
}

func (g *generator) signed(n events.Number) events.Number {
	if g.chance(50) {
		return n.Neg()
	}
	return n
}

func (g *generator) asset() string {
	if len(g.assets) > 0 && g.chance(30) {
		return pick(g, g.assets...).name
	}
	return "USDC"
}

func (g *generator) side() events.Side { return pick(g, events.Buy, events.Sell) }

var zero = events.MustNumber("0")

func (g *generator) levels() []events.Number {
	var out []events.Number
	for _, l := range []string{"100", "12.5", "3", "2", "1.5", "1.2", "1.000001"} {
		if g.chance(40) {
			out = append(out, events.MustNumber(l))
		}
	}
	return out
}
