// Package simulate makes up an exchange and a liquidator: a seeded stream of facts, and the answers
// of a bot to what the ledger announces. It does no I/O and knows no ledger.
//
// # What holds between the two
//
// The exchange keeps a book of what its own facts add up to, and judges an account at the worst
// prices since it last looked (see account.endangered) before it makes up another fact of it. An
// account that may have come near a liquidation is left alone from then on; its owner comes back the
// next day under another subaccount. So
//
//   - a generated fill never rests on a position that a liquidation may have changed meanwhile,
//   - only the bot moves accounts that have an episode, which makes its own bookkeeping exact,
//   - the exchange needs to hear nothing back: the stream is a function of the options alone, and a
//     later start repeats it to where it stopped.
//
// All arithmetic is on integers: the stream is the same on every machine.
package simulate

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"marginledger/events"
)

// Names of the made-up venue. Insurance is the owner of the reserved account that takes over what
// is liquidated.
const (
	Venue            = "demo"
	Settlement       = "USDT"
	Insurance        = "insurance-fund"
	valueScale       = 8 // digits of an amount; int64 amounts reach 92 billion USDT
	one        int64 = 1e8
)

// Options say which exchange is made up.
type Options struct {
	Seed     uint64
	Accounts int       // default 10,000; at most an eighth of Events are opened
	Markets  int       // default and most: 24
	Events   int64     // facts of a day; default 1,000,000
	Endless  bool      // another day follows, for ever
	Start    time.Time // of the first day; default 2025-10-10 00:00 UTC
}

// Fact is one fact with where it belongs.
type Fact struct {
	Role  events.Role
	Key   string // of the Kafka record: owner, market or asset
	Event events.Event
}

// Exchange is the stream of facts.
type Exchange struct {
	opt     Options
	rng     *rand.Rand
	made    int64 // facts of all days so far
	day     day
	markets []market
	assets  []asset

	accounts []account
	makers   int     // accounts[:makers] are market makers
	active   []int32 // opened and not retired
	opened   int     // ever
	opening  []int32 // still to be opened today, last first
	toOpen   int     // len(opening) when the day began

	queue     []Fact // made up, not yet handed out; from head on
	head      int
	fills     [2]events.Fill // bodies of the trade in the queue: there is never more than one
	nextPrice int            // round robin over markets, then assets
	prices    int64          // marks and collateral prices of today
	stamp     int64          // marks and collateral prices of all days
	ids       uint64
	nextHour  int64
}

// New makes up an exchange.
func New(opt Options) *Exchange {
	if opt.Accounts <= 0 {
		opt.Accounts = 10_000
	}
	if opt.Markets <= 0 || opt.Markets > len(specs) {
		opt.Markets = len(specs)
	}
	if opt.Events <= 0 {
		opt.Events = 1_000_000
	}
	if opt.Start.IsZero() {
		opt.Start = time.Date(2025, 10, 10, 0, 0, 0, 0, time.UTC)
	}
	x := &Exchange{opt: opt, rng: rand.New(rand.NewPCG(opt.Seed, 0x6c6564676572))}
	for i := range opt.Markets {
		x.markets = append(x.markets, newMarket(&specs[i], x.rng))
	}
	for _, m := range x.markets {
		if i := len(x.assets); i < len(assetNames) && m.Underlying == assetNames[i] {
			x.assets = append(x.assets, asset{name: m.Underlying, market: i})
		}
	}
	x.makeAccounts()
	x.startDay(0)
	x.openVenue()
	x.planOpenings()
	return x
}

// Day returns the number of facts in a day and the simulated time that a day spans.
func (x *Exchange) Day() (facts int64, span time.Duration) {
	return x.opt.Events, time.Duration(x.day.span)
}

// Made returns the number of facts handed out.
func (x *Exchange) Made() int64 { return x.made }

// Opened returns the number of accounts opened so far, the insurance fund's not counted.
func (x *Exchange) Opened() int { return x.opened }

// Next returns the next fact, or nil at the end. It belongs to the exchange and holds until the
// next call. Times rise strictly.
func (x *Exchange) Next() *Fact {
	today := x.made - x.day.first
	if today == x.opt.Events {
		if !x.opt.Endless {
			return nil
		}
		x.startDay(x.day.number + 1)
		x.planOpenings()
		today = 0
	}
	now := x.day.timeOf(today)
	if x.head == len(x.queue) {
		x.queue, x.head = x.queue[:0], 0
		x.think(today, now)
	}
	f := &x.queue[x.head]
	x.head++
	x.made++
	f.Event.Time = now
	return f
}

// think puts at least one fact into the queue.
func (x *Exchange) think(today, now int64) {
	if now >= x.nextHour {
		x.nextHour += int64(time.Hour)
		x.fund()
		return
	}
	// Prices are one fact in twelve. The tail of the day has them too: cool-downs run on them.
	if today/12 > x.prices {
		x.tick(today)
		return
	}
	if n := len(x.opening); n > 0 && int64(x.toOpen-n) <= int64(x.toOpen)*today/max(x.opt.Events*3/10, 1) {
		x.open(x.opening[n-1])
		x.opening = x.opening[:n-1]
		return
	}
	for range 8 {
		if x.act(); len(x.queue) > 0 {
			return
		}
	}
	x.tick(today) // nobody can or wants to do anything: time goes on
}

// add queues a fact of the venue or a market.
func (x *Exchange) add(key string, body events.Body) {
	t := body.EventType()
	x.queue = append(x.queue, Fact{Role: t.Role(), Key: key, Event: events.Event{
		ID: x.id('e'), Type: t, Version: 1, Venue: Venue, Body: body,
	}})
}

// addOf queues a fact of an account.
func (x *Exchange) addOf(a *account, body events.Body) {
	x.add(a.owner, body)
	e := &x.queue[len(x.queue)-1].Event
	e.Owner, e.Subaccount = a.owner, a.sub
}

// id returns a new id: a letter for its kind, and a number.
func (x *Exchange) id(kind byte) string {
	x.ids++
	var buf [24]byte
	return string(strconv.AppendUint(append(buf[:0], kind), x.ids, 10))
}

// openVenue queues the rules: the venue, its collateral, its markets; then the reserved account.
func (x *Exchange) openVenue() {
	x.add(Venue, &events.VenueProfileSet{
		Profile: "standard", ProfileVersion: "1", SettlementAsset: Settlement, ValueScale: valueScale,
	})
	for i := range x.assets {
		x.add(x.assets[i].name, &events.CollateralChanged{Asset: x.assets[i].name, Haircuts: haircuts})
	}
	for i := range x.markets {
		x.add(x.markets[i].Name, x.markets[i].listed())
	}
	for range len(x.markets) + len(x.assets) { // prices before anybody trades
		x.tick(0)
	}
	fund := &account{owner: Insurance}
	x.addOf(fund, &events.AccountOpened{MarginType: events.MarginBackstop})
	x.addOf(fund, &events.Deposit{Asset: Settlement, Amount: amount(1_000_000_000 * one), Reference: "seed capital"})
}

// amount returns v at the value scale as a number.
func amount(v int64) events.Number { return number(v, valueScale) }

// number returns coef · 10^-scale without trailing zeros, as events.NumberOf does, in int64.
func number(coef int64, scale int) events.Number {
	for scale > 0 && coef%10 == 0 {
		coef, scale = coef/10, scale-1
	}
	return events.NumberOf(int128(coef), scale)
}

// ownerName returns the name of the i-th owner.
func ownerName(i int) string { return fmt.Sprintf("u%07d", i) }
