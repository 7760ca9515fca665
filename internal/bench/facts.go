package bench

import (
	"fmt"
	"time"

	"marginledger/events"
)

// Facts makes up the facts of a day, for benchmarks elsewhere: the same venue as here.
type Facts struct {
	numbered
	w *world
}

// NewFacts begins a venue that does not yet exist.
func NewFacts(accounts, markets int) *Facts { return &Facts{w: newWorld(accounts, markets)} }

// Venue is the name of the made-up venue.
const Venue = venue

// Owner returns the name of an owner; those with small numbers are the busiest.
func Owner(i int) string { return fmt.Sprintf("owner-%07d", i) }

// Open makes the venue, its markets and a first mark of each, and opens every account with one to four positions.
func (f *Facts) Open(out func(owner string, body events.Body) error) error {
	if err := f.w.found(out); err != nil {
		return err
	}
	return f.w.settle(out)
}

// Next makes one fact: a mark in a hundred, else a fill of somebody, few being busy. The body holds until out returns.
func (f *Facts) Next(i int, out func(owner string, body events.Body) error) error {
	if i%100 == 0 {
		return out("", f.w.markOf(f.w.markets[f.w.rng.IntN(len(f.w.markets))], firstPrice-20+f.w.rng.Int64N(40)))
	}
	owner, fill := f.w.trade()
	return out(owner, fill)
}

// Funding makes the rates of all markets.
func (f *Facts) Funding(out func(owner string, body events.Body) error) error {
	for _, name := range f.w.markets {
		err := out("", &events.FundingRate{Market: name, Rate: number(f.w.rng.Int64N(2e5)-1e5, 9), Price: number(firstPrice, priceScale)})
		if err != nil {
			return err
		}
	}
	return nil
}

// Event puts the header of a sequenced producer on a body; it holds until the next.
func (f *Facts) Event(owner string, body events.Body, at time.Time) *events.Event {
	return f.fact(owner, body, at.UnixNano())
}

// ThisMachine is what figures are measured on.
func ThisMachine() Machine { return thisMachine() }

// CPUTime returns the CPU time that the process has used: it stands still while the system runs somebody else.
func CPUTime() time.Duration { return cpuTime() }

// Rounded keeps four significant digits: more are noise.
func Rounded(v float64) float64 { return rounded(v) }
