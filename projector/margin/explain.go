package margin

import (
	"marginledger/events"
	"marginledger/internal/fixed"
)

// Explanation collects the steps behind a pool's figures.
type Explanation struct {
	Steps []Step
	scale int // V
}

// NewExplanation returns an empty one for a pool.
func NewExplanation(p *Pool) *Explanation { return &Explanation{scale: p.Venue.Scale} }

// Pool adds a step of the pool, its value an amount.
func (x *Explanation) Pool(figure, formula, rounding, section string, value fixed.Int128, symbols ...Symbol) {
	x.Steps = append(x.Steps, Step{Figure: figure, Formula: formula, Rounding: rounding, Section: section,
		Value: x.amount(value), Symbols: symbols})
}

// Position adds a step of a position, its value an amount.
func (x *Explanation) Position(p *Position, figure, formula, rounding, section string, value fixed.Int128, symbols ...Symbol) {
	x.Pool(figure, formula, rounding, section, value, symbols...)
	last := &x.Steps[len(x.Steps)-1]
	last.Market, last.Leg = p.Market.Name, p.Leg
}

// Amount is a symbol at the value scale.
func (x *Explanation) Amount(name string, v fixed.Int128) Symbol {
	return Symbol{Name: name, Value: x.amount(v)}
}

// Number is a symbol at a scale of its own.
func (x *Explanation) Number(name string, v fixed.Int128, scale int) Symbol {
	return Symbol{Name: name, Value: events.Number{Coef: v, Scale: uint8(scale), Present: true}}
}

// Text is a symbol that is no number.
func (x *Explanation) Text(name, text string) Symbol { return Symbol{Name: name, Text: text} }

func (x *Explanation) amount(v fixed.Int128) events.Number {
	return events.Number{Coef: v, Scale: uint8(x.scale), Present: true}
}
