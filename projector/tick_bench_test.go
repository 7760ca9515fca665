package projector_test

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector"
)

var tickAccounts = flag.Int("tick-accounts", 100_000, "accounts of BenchmarkTick")

const tickMarkets = 200

// tickWorld is a shard of accounts with 2.8 positions on average, in markets of Zipf popularity: the
// largest is held by four in ten. Accounts are as far from their first call as all their markets must move
// against them: uniformly between least and a half.
type tickWorld struct {
	shard  *projector.Shard
	rng    *rand.Rand
	prices [tickMarkets]float64
	names  [tickMarkets]string
	mark   events.MarkPrice
	record projector.Record
	event  events.Event
	seq    uint64

	announced int
}

func newTickWorld(accounts int, least float64) *tickWorld {
	w := &tickWorld{shard: projector.New(projector.Config{}), rng: rand.New(rand.NewPCG(1, 2))}
	w.apply("", &events.VenueProfileSet{Profile: "standard", ProfileVersion: "1", SettlementAsset: "USDC", ValueScale: 12})
	for m := range tickMarkets {
		w.names[m], w.prices[m] = fmt.Sprint("M", m), 1e6
		l := &events.MarketListed{Market: w.names[m], Underlying: "U", PriceScale: 4, SizeScale: 3,
			MaxPrice: events.MustNumber("100000"), MaxSize: events.MustNumber("1000000")}
		l.Rules.FundingMode = events.FundingByIndex
		l.Rules.Tiers = []events.Tier{
			{LowerNotional: events.MustNumber("0"), MaxLeverage: 50, MaintenanceRate: events.MustNumber("0.01"), Deduction: events.MustNumber("0")},
			{LowerNotional: events.MustNumber("100000"), MaxLeverage: 20, MaintenanceRate: events.MustNumber("0.02"), Deduction: events.MustNumber("1000")},
		}
		w.apply("", l)
		w.tick(m, 0)
	}
	deposit := &events.Deposit{Asset: "USDC"}
	fill := &events.Fill{Leg: events.LegNet, TradeID: "t", Reason: events.ReasonTrade, Price: units(1e6, 4)}
	for i := range accounts {
		owner := fmt.Sprintf("owner-%07d", i)
		sizes := map[int]int64{}
		for range []int{1, 1, 2, 2, 2, 3, 3, 4, 5, 6}[w.rng.IntN(10)] {
			m := int(float64(tickMarkets) * math.Pow(w.rng.Float64(), 3.1))
			sizes[m] = int64(math.Exp(6+w.rng.NormFloat64()*1.5)) + 1
		}
		notional := 0.0
		for _, s := range sizes {
			notional += float64(s) / 1000 * 100
		}
		far := least + (0.5-least)*w.rng.Float64()
		deposit.Amount = units(int64((far+2*0.01)*notional*1e6)+1, 6)
		w.apply(owner, deposit)
		for m := range tickMarkets {
			if s := sizes[m]; s > 0 {
				fill.Market, fill.Size, fill.Side = w.names[m], units(s, 3), events.Buy+events.Side(w.rng.IntN(2))
				w.apply(owner, fill)
			}
		}
		if i%1000 == 0 {
			w.shard.TakeChanged(func(projector.Row) {})
		}
	}
	w.shard.TakeChanged(func(projector.Row) {})
	return w
}

func units(v int64, scale int) events.Number { return events.NumberOf(fixed.FromInt64(v), scale) }

func (w *tickWorld) apply(owner string, body events.Body) {
	w.seq++
	w.event = events.Event{ID: "e", Type: body.EventType(), Version: 1, Venue: "x", Time: int64(w.seq), Producer: "p", Sequence: w.seq, Owner: owner, Body: body}
	w.record = projector.Record{Source: projector.Source{Topic: "t"}, Offset: int64(w.seq), Timestamp: 1e9,
		Key: []byte(owner), Role: body.EventType().Role(), Event: &w.event}
	fx := w.shard.Apply(&w.record)
	w.announced += len(fx.Outputs)
}

// tick moves a market by so many basis points.
func (w *tickWorld) tick(m int, bp float64) {
	w.prices[m] *= 1 + bp/10_000
	w.mark.Market, w.mark.Mark = w.names[m], units(int64(w.prices[m]), 4)
	w.apply("", &w.mark)
}

// round ticks every market once, by bp and up to three times that, and returns how long the largest took.
func (w *tickWorld) round(bp float64) time.Duration {
	for m := 1; m < tickMarkets; m++ {
		w.tick(m, w.step(bp))
	}
	if w.rng.IntN(5) == 0 {
		w.shard.TakeChanged(func(projector.Row) {})
	}
	step := w.step(bp)
	start := time.Now()
	w.tick(0, step)
	return time.Since(start)
}

func (w *tickWorld) step(bp float64) float64 {
	step := bp * (1 + 2*w.rng.Float64())
	if w.rng.IntN(2) == 0 {
		return -step
	}
	return step
}

// BenchmarkTick reports a tick of the largest market, the announcements and the work of all ticks.
func BenchmarkTick(b *testing.B) {
	for _, c := range []struct {
		name      string
		bp, least float64
	}{{"calm", 0.1, 0.01}, {"violent", 1, 0.003}} {
		b.Run(c.name, func(b *testing.B) {
			w := newTickWorld(*tickAccounts, c.least)
			before, announced := w.shard.Work(), w.announced
			var spent time.Duration
			b.ResetTimer()
			for range b.N {
				spent += w.round(c.bp)
			}
			after := w.shard.Work()
			b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N), "ns/largest")
			b.ReportMetric(float64(after.Judged-before.Judged)/float64(b.N), "judged/round")
			b.ReportMetric(float64(after.Crossed-before.Crossed)/float64(b.N), "crossed/round")
			b.ReportMetric(float64(after.Bounded-before.Bounded)/float64(b.N), "bounded/round")
			b.ReportMetric(float64(after.Jumps-before.Jumps), "jumps")
			b.ReportMetric(float64(w.announced-announced)/float64(b.N), "announced/round")
		})
	}
}

// BenchmarkJump moves the largest market by −5 %, and then all markets as in the violent BenchmarkTick. It
// reports the jump up to its last announcement, the ticks of the largest market after it, and a scan of its
// bounds.
func BenchmarkJump(b *testing.B) {
	for range b.N {
		w := newTickWorld(*tickAccounts, 0.01)
		for range 20 {
			w.round(0.1)
		}
		before, announced := w.shard.Work(), w.announced
		start := time.Now()
		w.tick(0, -500)
		jump := time.Since(start)
		work := w.shard.Work()
		announced = w.announced - announced
		var after []time.Duration
		for range 2000 {
			after = append(after, w.round(0.1))
		}
		next := after[0]
		slices.Sort(after)
		start = time.Now()
		holders, _ := w.shard.Scan("x", "M0")
		scan := time.Since(start)
		b.ReportMetric(float64(jump.Microseconds()), "µs/jump")
		b.ReportMetric(float64(next.Microseconds()), "µs/next")
		b.ReportMetric(float64(after[len(after)/2].Nanoseconds()), "ns/median-after")
		b.ReportMetric(float64(after[len(after)*999/1000].Nanoseconds()), "ns/p99.9-after")
		b.ReportMetric(float64(scan.Nanoseconds())/float64(holders), "ns/holder-scanned")
		b.ReportMetric(float64(holders), "holders")
		b.ReportMetric(float64(work.Judged-before.Judged), "judged")
		b.ReportMetric(float64(announced), "announced")
		b.ReportMetric(float64(work.Jumps-before.Jumps), "jumps")
	}
}
