// Package stream makes random streams of records for property tests of folds: few accounts and
// markets, so that everything meets everything, and marks that crash and rebound, so that it hurts.
//
// A stream is meaningful rather than clean: most facts can be applied, some break rules, some are
// dead letters, repeats or nonsense, and some numbers lie at their bounds. The same seed gives the
// same stream.
package stream

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"marginledger/events"
	"marginledger/projector"
)

// Options shape a stream. The zero value is a good default.
type Options struct {
	Records  int  // after the opening ones; 0: 200
	Accounts int  // owners, each with up to two subaccounts; 0: 4
	Markets  int  // 1 to 5; 0: 3
	Calm     int  // percent of the records after the opening ones that are small moves of a price; 0: none more
	Clean    bool // without bad records, duplicates and numbers past their bounds

	// Watch, when set, is given every record as it is made and returns what a ledger announces of
	// it. Later facts answer that: liquidation fills, and funds that cover what is bankrupt.
	Watch func(*projector.Record) []events.Output
}

// Venues are the names of the venues that a stream may have. The first is where most happens.
var Venues = []string{"X", "Y"}

// Random returns a stream. Every record carries its event and the JSON that decodes to it.
func Random(rng *rand.Rand, o Options) []projector.Record {
	if o.Records == 0 {
		o.Records = 200
	}
	if o.Accounts == 0 {
		o.Accounts = 4
	}
	if o.Markets == 0 {
		o.Markets = 3
	}
	g := &generator{
		Rand:    rng,
		o:       o,
		now:     1_770_000_000_000_000_000,
		offsets: map[projector.Source]int64{},
		marks:   map[string]float64{},
		scale:   uint32(pick(rng, 6, 7, 9, 12, 18)),
		tick:    pick[int64](rng, 1, 1e9, 1e9),
		venues:  Venues[:1+rng.IntN(2)],
	}
	for _, g.venue = range g.venues {
		g.open()
	}
	for len(g.records) < o.Records {
		g.step()
	}
	return g.records
}

// generator remembers just enough of what it said to go on meaningfully; it does not fold.
type generator struct {
	*rand.Rand
	o       Options
	records []projector.Record
	offsets map[projector.Source]int64 // next, by source
	now     int64
	tick    int64 // times are multiples of it: where it is a second, some are equal
	ids     int

	venues   []string
	venue    string // of what is said now
	scale    uint32 // V
	markets  []market
	assets   []asset
	accounts []account
	marks    map[string]float64 // present level of prices; what is sent is rounded to a price
	sequence uint64             // of the sequenced producer
	awaiting []events.Output    // the last of each episode, as far as Watch told
	dead     []events.Offset    // of records that are dead letters for certain
}

type market struct {
	name, underlying      string
	priceScale, sizeScale uint32
	payments              bool
	base                  float64
	maxPrice, maxSize     float64
	giant                 bool // its bounds are the largest that are admitted, and prices and sizes come near them
}

type asset struct {
	name  string
	price float64
}

type account struct {
	owner string
	sub   uint32
}

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

func pick[T any](g interface{ IntN(int) int }, list ...T) T { return list[g.IntN(len(list))] }

func (g *generator) market() market   { return g.markets[g.IntN(len(g.markets))] }
func (g *generator) account() account { return g.accounts[g.IntN(len(g.accounts))] }

// decimal returns v rounded down to digits places, or one unit of them where that is zero.
func decimal(v float64, digits uint32) events.Number {
	text := fmt.Sprintf("%.*f", min(digits, 9), v)
	n := events.MustNumber(text)
	if n.Sign() == 0 {
		unit := "1"
		if digits > 0 {
			unit = fmt.Sprintf("0.%0*d", digits, 1)
		}
		return events.MustNumber(unit)
	}
	return n
}

// put appends the record of a fact. What it changes of the record comes last.
func (g *generator) put(of account, body events.Body, change ...func(*projector.Record)) {
	t := body.EventType()
	g.ids++
	e := &events.Event{
		ID: fmt.Sprintf("e%d", g.ids), Type: t, Version: events.SchemaVersion, Venue: g.venue, Time: g.now,
		Owner: of.owner, Subaccount: of.sub, Body: body,
	}
	source := projector.Source{Topic: t.Role().String()}
	if t == events.TypeFill && g.sequence > 0 { // fills come from a producer that counts
		source.Topic = "fills"
		e.Producer, e.Sequence = "engine", g.sequence
		g.sequence++
	}
	r := projector.Record{
		Source: source, Offset: g.offsets[source], Timestamp: g.now/1e6 + g.Int64N(50),
		Key: []byte(of.owner), Role: t.Role(), Event: e,
	}
	if of.owner == "" {
		r.Key = []byte(g.venue)
	}
	for _, f := range change {
		f(&r)
	}
	if r.Event != nil {
		if err := r.Event.Validate(); err != nil {
			panic(fmt.Sprintf("stream: %s %+v: %v", t, body, err)) // a bug of this package
		}
		r.Value = events.AppendJSON(nil, r.Event)
	}
	g.offsets[source]++
	g.add(r)
}

// add appends a record and watches what follows from it.
func (g *generator) add(r projector.Record) {
	g.records = append(g.records, r)
	if g.o.Watch == nil {
		return
	}
	for _, o := range g.o.Watch(&g.records[len(g.records)-1]) {
		switch o.Kind {
		case events.KindLiquidationTriggered, events.KindLiquidationUpdated, events.KindLiquidationCleared, events.KindPoolBankrupt:
			g.awaiting = slices.DeleteFunc(g.awaiting, func(old events.Output) bool { return old.Liquidation == o.Liquidation })
			if o.Kind != events.KindLiquidationCleared {
				g.awaiting = append(g.awaiting, o)
			}
		}
	}
}

var nobody account
