package projector

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// TestMovesTouchFew: among a thousand healthy accounts, a mark, a funding rate and a collateral price that hurt
// nobody have nobody judged; one that hurts one account has that one judged.
func TestMovesTouchFew(t *testing.T) {
	w := newBoundsWorld(t)
	w.venue(&events.VenueProfileSet{Profile: "standard", ProfileVersion: "1", SettlementAsset: "USD", ValueScale: 6})
	m := &events.MarketListed{Market: "m", Underlying: "u", PriceScale: 2, SizeScale: 0, MaxPrice: units(1e8, 2), MaxSize: units(1e6, 0)}
	m.Rules = events.MarketRules{FundingMode: events.FundingByIndex, Tiers: []events.Tier{
		{LowerNotional: units(0, 0), MaxLeverage: 50, MaintenanceRate: units(10_000_000, 9), Deduction: units(0, 0)}}}
	w.venue(m)
	w.venue(&events.CollateralChanged{Asset: "C", Haircuts: []events.HaircutTier{{LowerValue: units(0, 0), Haircut: units(0, 0)}}})
	w.venue(&events.MarkPrice{Market: "m", Mark: units(100_00, 2)})
	w.venue(&events.CollateralPrice{Asset: "C", Price: units(1, 0)})
	open := func(owner string, dollars int64) {
		w.applied(&events.Deposit{Asset: "USD", Amount: units(dollars, 0)}, owner)
		w.applied(&events.Deposit{Asset: "C", Amount: units(1, 0)}, owner)
		w.applied(&events.Fill{Market: "m", Leg: events.LegNet, Side: events.Buy, Size: units(1, 0), Price: units(100_00, 2), TradeID: "t", Reason: events.ReasonTrade}, owner)
	}
	for i := range int64(1000) {
		open(fmt.Sprint("healthy", i), 20+i%50)
	}
	open("ann", 5) // her first call comes at a mark of about 96
	before := w.shard.Work()
	judged := func(body events.Body) uint64 {
		w.venue(body)
		after := w.shard.Work()
		n := after.Judged - before.Judged
		before = after
		return n
	}
	for _, c := range []struct {
		body events.Body
		want uint64
	}{
		{&events.MarkPrice{Market: "m", Mark: units(99_00, 2)}, 0},
		{&events.MarkPrice{Market: "m", Mark: units(150_00, 2)}, 0},
		{&events.MarkPrice{Market: "m", Mark: units(98_00, 2)}, 0},
		{&events.FundingRate{Market: "m", Rate: units(100, 6), Price: units(98_00, 2)}, 0},
		{&events.CollateralPrice{Asset: "C", Price: units(99, 2)}, 0},
		{&events.MarkPrice{Market: "m", Mark: units(96_00, 2)}, 1},
		{&events.FundingRate{Market: "m", Rate: units(100, 6), Price: units(98_00, 2)}, 1},
	} {
		if n := judged(c.body); n != c.want {
			t.Errorf("%+v has %d pools judged, want %d", c.body, n, c.want)
		}
	}
}

// feeding is the standard profile of a venue where every pool with positions pays 2,000 units a
// second: a status that shard time alone changes.
type feeding struct{ margin.Profile }

func (f feeding) fee(p *margin.Pool) fixed.Int128 {
	if len(p.Positions) == 0 {
		return fixed.Int128{}
	}
	return margin.MulDiv(fixed.FromInt64(p.Venue.Time), 2000, 1e9, margin.Up)
}

func (f feeding) Judge(p *margin.Pool) margin.Health {
	h := f.Profile.Judge(p)
	h.Equity = h.Equity.Sub(f.fee(p))
	return h
}

func (f feeding) Slopes(p *margin.Pool, h *margin.Health, e margin.Edge, t *margin.Terms) {
	f.Profile.Slopes(p, h, e, t)
	t.Slack = t.Slack.Sub(fixed.FromInt64(1))
	const hour = 3600
	if term := t.OfTime(p.Venue.Time, hour*1e9); !e.Upper && len(p.Positions) > 0 {
		term.Up = fixed.FromInt64(hour * 2000)
	}
}

// TestTimeIsAVariable: pools are judged when time has used up what they had left, and not before: what is
// announced is what judging everything announces.
func TestTimeIsAVariable(t *testing.T) {
	var worlds [2]*boundsWorld
	for i := range worlds {
		w := newBoundsWorld(t)
		worlds[i] = w
		w.venue(&events.VenueProfileSet{Profile: "standard", ProfileVersion: "1", SettlementAsset: "USD", ValueScale: 6})
		w.shard.venueList[0].profile = feeding{w.shard.venueList[0].profile}
		for _, name := range []string{"m", "n"} {
			m := &events.MarketListed{Market: name, Underlying: "u", MaxPrice: units(1_000_000, 0), MaxSize: units(100_000, 0)}
			m.Rules = events.MarketRules{FundingMode: events.FundingByPayments, Tiers: []events.Tier{
				{LowerNotional: units(0, 0), MaxLeverage: 1000, MaintenanceRate: units(1000, 9), Deduction: units(0, 0)}}}
			w.venue(m)
			w.venue(&events.MarkPrice{Market: name, Mark: units(1000, 0)})
		}
		for k := range int64(40) {
			owner := fmt.Sprint("owner", k)
			w.applied(&events.Deposit{Asset: "USD", Amount: units(1_002_500_000+4_000_000*k, 6)}, owner)
			w.applied(&events.MarginModeSet{Market: "m", Mode: events.Cross + events.MarginMode(k%2)}, owner)
			w.applied(&events.Fill{Market: "m", Leg: events.LegNet, Side: events.Buy, Size: units(1, 0), Price: units(1000, 0), TradeID: "t", Reason: events.ReasonTrade,
				IsolatedMargin: units(2500+4_000_000*k, 6)}, owner)
		}
	}
	ladder, all := worlds[0], worlds[1]
	all.shard.Detect(DetectByJudging)
	rng, announced := rand.New(rand.NewPCG(1, 1)), 0
	before := ladder.shard.Work()
	const marks = 3000
	for i := range marks {
		mark := &events.MarkPrice{Market: []string{"m", "n"}[i%2], Mark: units(1000, 0)}
		step := rng.Int64N(40)
		ladder.offset, all.offset = ladder.offset+step, all.offset+step // later, as its time is its offset
		a, b := ladder.apply(mark, ""), all.apply(mark, "")
		if len(a.Outputs) != len(b.Outputs) {
			t.Fatalf("mark %d: %d announcements, judging everything %d", i, len(a.Outputs), len(b.Outputs))
		}
		for k := range a.Outputs {
			if x, y := string(a.Outputs[k].AppendJSON(nil)), string(b.Outputs[k].AppendJSON(nil)); x != y {
				t.Fatalf("mark %d: announced\n%s\njudging everything\n%s", i, x, y)
			}
		}
		announced += len(a.Outputs)
		if err := ladder.shard.CheckLadders(); err != nil {
			t.Fatal(err)
		}
	}
	if announced < 40 {
		t.Errorf("%d announcements: time hurt few", announced)
	}
	if judged := ladder.shard.Work().Judged - before.Judged; judged > marks {
		t.Errorf("%d judgements for %d marks", judged, marks)
	}
}
