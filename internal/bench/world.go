package bench

import (
	"fmt"
	"math/rand/v2"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector"
)

// The made-up venue: markets of Zipf popularity, rich accounts with one to four positions. All of it follows from a
// constant seed.
const (
	venue      = "bench"
	asset      = "USDC"
	priceScale = 2
	sizeScale  = 3
	firstPrice = 100_00 // of every market, at the price scale
)

// world makes up facts for a venue that does not yet exist.
type world struct {
	rng     *rand.Rand
	popular *rand.Zipf // markets
	active  *rand.Zipf // accounts
	markets []string
	owners  []string
	first   []int32 // by account: of its positions; and the end
	held    []int32 // markets of the positions that settle opens
	fill    events.Fill
	mark    events.MarkPrice
}

func newWorld(accounts, markets int) *world {
	w := &world{rng: rand.New(rand.NewPCG(7, 11))}
	w.popular = rand.NewZipf(w.rng, 1.2, 2, uint64(markets-1))
	w.active = rand.NewZipf(w.rng, 1.1, 8, uint64(accounts-1))
	for m := range markets {
		w.markets = append(w.markets, fmt.Sprintf("M%03d-PERP", m))
	}
	for i := range accounts {
		w.owners = append(w.owners, Owner(i))
	}
	return w
}

// emit takes a made-up fact. The body holds until it returns.
type emit func(owner string, body events.Body) error

// found makes the venue, its markets, and a first mark of each.
func (w *world) found(out emit) error {
	err := out("", &events.VenueProfileSet{Profile: "standard", ProfileVersion: "1", SettlementAsset: asset, ValueScale: 12})
	for _, name := range w.markets {
		if err == nil {
			err = out("", &events.MarketListed{Market: name, Underlying: "U", PriceScale: priceScale, SizeScale: sizeScale,
				MaxPrice: events.MustNumber("1000000"), MaxSize: events.MustNumber("1000000"), Rules: events.MarketRules{
					FundingMode: events.FundingByIndex,
					Tiers:       []events.Tier{{LowerNotional: events.MustNumber("0"), MaxLeverage: 20, MaintenanceRate: events.MustNumber("0.025"), Deduction: events.MustNumber("0")}},
				}})
		}
	}
	for _, name := range w.markets {
		if err == nil {
			err = out("", w.markOf(name, firstPrice))
		}
	}
	return err
}

// settle opens every account: a deposit that covers what it trades, and fills in one to four markets.
func (w *world) settle(out emit) error {
	for _, owner := range w.owners {
		if err := out(owner, &events.Deposit{Asset: asset, Amount: events.MustNumber("100000")}); err != nil {
			return err
		}
		w.first = append(w.first, int32(len(w.held)))
		for range 1 + w.rng.IntN(4) {
			w.held = append(w.held, w.market())
			if err := out(owner, w.tradeIn(w.held[len(w.held)-1])); err != nil {
				return err
			}
		}
	}
	w.first = append(w.first, int32(len(w.held)))
	return nil
}

// trade makes up a fill of somebody in a market that they hold; few accounts are busy.
func (w *world) trade() (owner string, fill *events.Fill) {
	k := w.active.Uint64()
	held := w.held[w.first[k]:w.first[k+1]]
	return w.owners[k], w.tradeIn(held[w.rng.IntN(len(held))])
}

// market draws a market: few are popular.
func (w *world) market() int32 { return int32(w.popular.Uint64()) }

// tradeIn makes up a fill in a market.
func (w *world) tradeIn(market int32) *events.Fill {
	w.fill = events.Fill{Market: w.markets[market], Leg: events.LegNet, Side: events.Buy + events.Side(w.rng.IntN(2)),
		Size: number(1+w.rng.Int64N(5000), sizeScale), Price: number(firstPrice-50+w.rng.Int64N(100), priceScale),
		Fee: number(5, 2), FeeAsset: asset, TradeID: "t-000000001", OrderID: "o-000000001", Liquidity: events.Taker, Reason: events.ReasonTrade}
	return &w.fill
}

func (w *world) markOf(market string, price int64) *events.MarkPrice {
	w.mark = events.MarkPrice{Market: market, Mark: number(price, priceScale)}
	return &w.mark
}

func number(coef int64, scale int) events.Number {
	return events.NumberOf(fixed.FromInt64(coef), scale)
}

// numbered puts headers on facts: as sequenced producers do, one sequence per topic.
type numbered struct {
	event     events.Event
	sequences [events.RoleBlocks + 1]uint64
}

// fact returns the event of a body; it holds until the next.
func (n *numbered) fact(owner string, body events.Body, time int64) *events.Event {
	t := body.EventType()
	n.sequences[t.Role()]++
	n.event = events.Event{ID: "e-000000000001", Type: t, Version: 1, Venue: venue, Time: time,
		Producer: "bench", Sequence: n.sequences[t.Role()], Owner: owner, Body: body}
	return &n.event
}

// fold is a shard in this process, fed without a log.
type fold struct {
	numbered
	shard  *projector.Shard
	record projector.Record
	key    []byte
	now    int64
}

func newFold() *fold { return &fold{shard: projector.New(projector.Config{}), now: 1_760_000_000e9} }

// next makes the record of one fact.
func (f *fold) next(owner string, body events.Body) {
	f.now += 1000
	e := f.fact(owner, body, f.now)
	f.key = append(f.key[:0], owner...)
	f.record = projector.Record{Source: projector.Source{Topic: e.Type.Role().String()}, Offset: int64(e.Sequence), Timestamp: f.now / 1e6,
		Key: f.key, Role: e.Type.Role(), Event: e}
}

// apply folds one fact.
func (f *fold) apply(owner string, body events.Body) error {
	f.next(owner, body)
	fx := f.shard.Apply(&f.record)
	if len(fx.DeadLetters) > 0 {
		return fmt.Errorf("the fold refused a made-up fact: %v", fx.Outputs)
	}
	return nil
}

// settled returns a fold that holds a whole world.
func settled(w *world) (*fold, error) {
	f := newFold()
	for _, part := range []func(emit) error{w.found, w.settle} {
		if err := part(f.apply); err != nil {
			return nil, err
		}
	}
	f.shard.TakeChanged(func(projector.Row) {})
	return f, nil
}
