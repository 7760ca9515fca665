package simulate

import (
	"hash/fnv"
	"testing"
	"time"

	"marginledger/events"
)

// digest runs an exchange to its end and sums up everything it said.
func digest(t *testing.T, o Options) (sum uint64, byType map[events.Type]int) {
	t.Helper()
	h := fnv.New64a()
	byType = make(map[events.Type]int)
	var buf []byte
	last := int64(0)
	x := New(o)
	for f := x.Next(); f != nil; f = x.Next() {
		if f.Event.Time <= last {
			t.Fatalf("fact %d: time %d after %d", x.Made(), f.Event.Time, last)
		}
		last = f.Event.Time
		byType[f.Event.Type]++
		if f.Role != f.Event.Type.Role() {
			t.Fatalf("%s on a topic of role %s", f.Event.Type, f.Role)
		}
		if err := f.Event.Validate(); err != nil {
			t.Fatalf("fact %d: %v", x.Made(), err)
		}
		buf = events.AppendProto(buf[:0], &f.Event)
		h.Write(buf)
	}
	if x.Made() != o.Events {
		t.Fatalf("made %d facts, want %d", x.Made(), o.Events)
	}
	return h.Sum64(), byType
}

func TestSeeded(t *testing.T) {
	o := Options{Seed: 7, Accounts: 500, Events: 60_000}
	a, byType := digest(t, o)
	t.Log(byType)
	if b, _ := digest(t, o); a != b {
		t.Error("the same options give another day")
	}
	o.Seed = 8
	if b, _ := digest(t, o); a == b {
		t.Error("another seed gives the same day")
	}
	for _, want := range []events.Type{
		events.TypeAccountOpened, events.TypeDeposit, events.TypeWithdrawal, events.TypeTransfer, events.TypeFill, events.TypeSpotFill,
		events.TypeOrderMargin, events.TypeLeverageSet, events.TypeMarginModeSet, events.TypeIsolatedMarginMoved, events.TypePortfolioStopSet,
		events.TypeMarginCallLevelsSet, events.TypeMarketListed, events.TypeMarkPrice, events.TypeFundingRate, events.TypeCollateralPrice,
		events.TypeCollateralChanged, events.TypeVenueProfileSet, events.TypeOpenInterest,
	} {
		if byType[want] == 0 {
			t.Errorf("no %s in the day", want)
		}
	}
	if share := byType[events.TypeMarkPrice] * 100 / 60_000; share < 5 || share > 10 {
		t.Errorf("marks are %d %% of the facts", share)
	}
}

// Both sides of every trade are there, and nobody's sizes drift apart.
func TestTradesHaveTwoSides(t *testing.T) {
	x := New(Options{Seed: 3, Accounts: 300, Events: 40_000})
	open := make(map[string]*events.Fill)
	net := make(map[string]int64)
	for f := x.Next(); f != nil; f = x.Next() {
		fill, ok := f.Event.Body.(*events.Fill)
		if !ok {
			continue
		}
		size, err := fill.Size.Int64At(4)
		if err != nil {
			t.Fatal(err)
		}
		if fill.Side == events.Sell {
			size = -size
		}
		net[fill.Market] += size
		if first := open[fill.TradeID]; first == nil {
			c := *fill
			open[fill.TradeID] = &c
		} else {
			if first.Side == fill.Side || first.Size != fill.Size || first.Price != fill.Price || first.Market != fill.Market {
				t.Fatalf("trade %s: %+v against %+v", fill.TradeID, first, fill)
			}
			delete(open, fill.TradeID)
		}
	}
	if len(open) > 1 { // the day may end between two sides
		t.Errorf("%d trades with one side", len(open))
	}
	for m, n := range net {
		if n != 0 && len(open) == 0 {
			t.Errorf("%s: bought minus sold is %d", m, n)
		}
	}
}

func TestCrashAndRebound(t *testing.T) {
	x := New(Options{Seed: 5, Accounts: 200, Events: 50_000})
	first, low, last := map[string]int64{}, map[string]int64{}, map[string]int64{}
	for f := x.Next(); f != nil; f = x.Next() {
		m, ok := f.Event.Body.(*events.MarkPrice)
		if !ok {
			continue
		}
		p, err := m.Mark.Int64At(8)
		if err != nil {
			t.Fatal(err)
		}
		if first[m.Market] == 0 {
			first[m.Market], low[m.Market] = p, p
		}
		low[m.Market], last[m.Market] = min(low[m.Market], p), p
	}
	for i := range x.markets {
		m := &x.markets[i]
		fell := 100 - low[m.Name]*100/first[m.Name]
		from, to := int64(10), int64(22)
		switch m.class {
		case middle:
			from, to = 25, 50
		case small:
			from, to = 47, 84
		}
		if fell < from || fell > to {
			t.Errorf("%s fell by %d %%, want %d to %d", m.Name, fell, from, to)
		}
		if last[m.Name] <= low[m.Name]*102/100 {
			t.Errorf("%s did not recover: low %d, end %d", m.Name, low[m.Name], last[m.Name])
		}
	}
}

func TestEndlessDays(t *testing.T) {
	x := New(Options{Seed: 5, Accounts: 300, Events: 20_000, Endless: true, Start: time.Unix(1e9, 0)})
	last, again := int64(0), 0
	for range 100_000 {
		f := x.Next()
		if f.Event.Time <= last {
			t.Fatalf("fact %d: time %d after %d", x.Made(), f.Event.Time, last)
		}
		last = f.Event.Time
		if f.Event.Type == events.TypeAccountOpened && f.Event.Subaccount >= 2 {
			again++
		}
	}
	if x.day.number != 4 || again == 0 {
		t.Errorf("day %d, %d owners came back", x.day.number, again)
	}
}

func BenchmarkExchange(b *testing.B) {
	x := New(Options{Seed: 1, Events: 1_000_000, Endless: true})
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = events.AppendProto(buf[:0], &x.Next().Event)
	}
}
