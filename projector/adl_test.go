package projector

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"marginledger/events"
)

// TestADLQueue: on random streams the queue of a shard and that of its rows are the same, hold every position that has
// a rank once, and are in order.
func TestADLQueue(t *testing.T) {
	entries := 0
	for seed := range uint64(10) {
		g := &perpStream{Rand: rand.New(rand.NewPCG(seed, 29)), marks: map[string]int64{}}
		s := New(Config{})
		for i := range 200 {
			body, owner := g.next(i)
			applyAt(s, i, body, owner)
		}
		stored := map[string][]byte{}
		var keys []string
		s.EachRow(func(r Row) {
			keys = append(keys, string(r.Key))
			stored[string(r.Key)] = append([]byte(nil), r.Value...)
		})
		view := OpenView(func(key []byte) ([]byte, bool, error) {
			v, ok := stored[string(key)]
			return v, ok, nil
		})
		rows := func(prefix []byte, f func(Row) error) error {
			for _, key := range keys {
				if strings.HasPrefix(key, string(prefix)) {
					if err := f(Row{Key: []byte(key), Value: stored[key]}); err != nil {
						return err
					}
				}
			}
			return nil
		}
		for _, market := range perpMarkets {
			for _, long := range []bool{true, false} {
				q := s.ADLQueue("x", market, long)
				entries += len(q)
				inOrder(t, q)
				if got, want := len(q), ranked(s, market, long); got != want {
					t.Errorf("seed %d: %d in the queue of %s, %d have a rank", seed, got, market, want)
				}
				viewed, err := view.ADLQueue("x", market, long, rows)
				if a, b := fmt.Sprintf("%+v", viewed), fmt.Sprintf("%+v", q); err != nil || a != b && len(q) > 0 {
					t.Errorf("seed %d: viewed (%v)\n%s\nwant\n%s", seed, err, a, b)
				}
			}
		}
		if q, err := view.ADLQueue("x", "none", true, rows); q != nil || err != nil || s.ADLQueue("x", "none", true) != nil || s.ADLQueue("y", "BTC", true) != nil {
			t.Errorf("a market that is not listed has a queue: %v %v", q, err)
		}
	}
	if entries < 50 {
		t.Errorf("only %d entries", entries)
	}
}

// inOrder wants the greatest rank first, and accounts in order where ranks are equal.
func inOrder(t *testing.T, q []QueueEntry) {
	t.Helper()
	for i := 1; i < len(q); i++ {
		a, b := &q[i-1], &q[i]
		switch c := a.Rank.Cmp(b.Rank); {
		case c < 0, c == 0 && (a.Owner > b.Owner || a.Owner == b.Owner && a.Subaccount > b.Subaccount):
			t.Errorf("%+v before %+v", a, b)
		}
	}
}

// ranked counts positions with a rank, account by account.
func ranked(s *Shard, market string, long bool) (n int) {
	v := s.venues["x"]
	for _, a := range v.accounts {
		for leg := events.LegNet; leg <= events.LegShort; leg++ {
			p, pos := a.holding(v.markets[market], leg)
			if pos == nil || (pos.Size > 0) != long {
				continue
			}
			for i := range p.Positions {
				h := v.profile.Judge(&p.Pool)
				if &p.Positions[i] == pos && v.profile.Rank(&p.Pool, i, &h) != nil {
					n++
				}
			}
		}
	}
	return n
}

// TestADLQueueOfTies: the standard profile ranks too; equal ranks stand by owner, then by subaccount.
func TestADLQueueOfTies(t *testing.T) {
	w := newBoundsWorld(t)
	w.venue(&events.VenueProfileSet{Profile: "standard", ProfileVersion: "1", SettlementAsset: "USD", ValueScale: 8})
	m := &events.MarketListed{Market: "m", Underlying: "u", PriceScale: 2, SizeScale: 2, MaxPrice: events.MustNumber("1000"), MaxSize: events.MustNumber("1000")}
	m.Rules = events.MarketRules{FundingMode: events.FundingByIndex, Tiers: []events.Tier{
		{LowerNotional: events.MustNumber("0"), MaxLeverage: 10, MaintenanceRate: events.MustNumber("0.01"), Deduction: events.MustNumber("0")}}}
	w.venue(m)
	w.venue(&events.MarkPrice{Market: "m", Mark: events.MustNumber("100")})
	for _, a := range []struct{ owner, deposit string }{{"zoe", "100"}, {"bob", "100"}, {"amy", "200"}, {"cal", "50"}} {
		w.applied(&events.Deposit{Asset: "USD", Amount: events.MustNumber(a.deposit)}, a.owner)
		w.applied(&events.Fill{Market: "m", Leg: events.LegNet, Side: events.Buy, Size: events.MustNumber("1"), Price: events.MustNumber("90"),
			TradeID: "t", Reason: events.ReasonTrade}, a.owner)
	}
	var got []string
	for _, e := range w.shard.ADLQueue("x", "m", true) {
		got = append(got, fmt.Sprintf("%s %s %s", e.Owner, e.Size, e.Rank.FloatString(4)))
	}
	// (PnL/|entry|)·(N/E): 10/90·100/110 of bob and zoe, of cal 100/60, of amy 100/210.
	if want := "[cal 1 0.1852 bob 1 0.1010 zoe 1 0.1010 amy 1 0.0529]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	if q := w.shard.ADLQueue("x", "m", false); len(q) != 0 {
		t.Errorf("shorts: %+v", q)
	}
}
