package projector_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector"
)

// benchWorld is a shard with accounts that trade markets of Zipf popularity.
type benchWorld struct {
	shard  *projector.Shard
	rng    *rand.Rand
	zipf   *rand.Zipf
	owners []string
	record projector.Record
	event  events.Event
	seq    uint64
}

const benchMarkets = 50

func newBenchWorld(accounts int) *benchWorld {
	w := &benchWorld{shard: projector.New(projector.Config{}), rng: rand.New(rand.NewPCG(1, 2))}
	w.zipf = rand.NewZipf(w.rng, 1.1, 1, uint64(accounts-1))
	w.apply("", &events.VenueProfileSet{Profile: "standard", ProfileVersion: "1", SettlementAsset: "USDC", ValueScale: 12})
	for m := range benchMarkets {
		l := &events.MarketListed{Market: fmt.Sprint("M", m), Underlying: "U", PriceScale: 2, SizeScale: 3,
			MaxPrice: events.MustNumber("1000000"), MaxSize: events.MustNumber("1000000")}
		l.Rules.FundingMode = events.FundingByIndex
		l.Rules.Tiers = []events.Tier{{LowerNotional: events.MustNumber("0"), MaxLeverage: 20, MaintenanceRate: events.MustNumber("0.02"), Deduction: events.MustNumber("0")}}
		w.apply("", l)
		w.apply("", &events.MarkPrice{Market: l.Market, Mark: events.MustNumber("100")})
	}
	for i := range accounts {
		w.owners = append(w.owners, fmt.Sprintf("owner-%07d", i))
		w.apply(w.owners[i], &events.Deposit{Asset: "USDC", Amount: events.MustNumber("1000000")})
	}
	w.shard.TakeChanged(func(projector.Row) {})
	return w
}

func (w *benchWorld) apply(owner string, body events.Body) *projector.Effects {
	w.seq++
	w.event = events.Event{ID: "e", Type: body.EventType(), Version: 1, Venue: "x", Time: int64(w.seq), Producer: "p", Sequence: w.seq, Owner: owner, Body: body}
	w.record = projector.Record{Source: projector.Source{Topic: "t"}, Offset: int64(w.seq), Timestamp: 1e9,
		Key: []byte(owner), Role: body.EventType().Role(), Event: &w.event}
	return w.shard.Apply(&w.record)
}

func BenchmarkFoldFill(b *testing.B) {
	for _, accounts := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(accounts), func(b *testing.B) {
			w := newBenchWorld(accounts)
			fills := make([]events.Fill, 4096)
			owners := make([]string, len(fills))
			for i := range fills {
				m := w.rng.IntN(benchMarkets)
				m = min(m, w.rng.IntN(benchMarkets), w.rng.IntN(benchMarkets))
				fills[i] = events.Fill{Market: fmt.Sprint("M", m), Leg: events.LegNet, Side: events.Buy + events.Side(i&1),
					Size: events.NumberOf(fixed.FromInt64(int64(w.rng.IntN(5000)+1)), 3), Price: events.NumberOf(fixed.FromInt64(10000+int64(w.rng.IntN(100))), 2),
					Fee: events.MustNumber("0.05"), FeeAsset: "USDC", TradeID: "t", Reason: events.ReasonTrade}
				owners[i] = w.owners[w.zipf.Uint64()]
			}
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				w.apply(owners[n&4095], &fills[n&4095])
				if n++; n&1023 == 0 {
					w.shard.TakeChanged(func(projector.Row) {})
				}
			}
		})
	}
}
