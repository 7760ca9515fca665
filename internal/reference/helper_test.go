package reference

import (
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"marginledger/events"
	"marginledger/projector"
)

// day is the time at which every test starts.
var day = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixNano()

// exchange feeds a model with facts of one venue, and checks after each that the books balance.
type exchange struct {
	testing.TB
	model    *Model
	offset   int64
	now      int64
	out      []events.Output // of the last fact
	dead     []events.DeadLetterBody
	postings []projector.Posting
	twice    bool
}

var n = events.MustNumber

// newExchange opens venue X: value scale 6, BTC and ETH at price scale 1 and size scale 3, one tier
// up to 20x at 1 % and a second from 100,000 up to 10x at 2 %.
func newExchange(t testing.TB, params ...events.Param) *exchange {
	x := &exchange{TB: t, model: New(0, 100), now: day}
	x.venue(&events.VenueProfileSet{Profile: "standard", ProfileVersion: "1", SettlementAsset: "USDC", ValueScale: 6, Params: params})
	x.list("BTC", events.FundingByIndex)
	x.list("ETH", events.FundingByIndex)
	return x
}

var testTiers = []events.Tier{
	{LowerNotional: n("0"), MaxLeverage: 20, MaintenanceRate: n("0.01"), Deduction: n("0")},
	{LowerNotional: n("100000"), MaxLeverage: 10, MaintenanceRate: n("0.02"), Deduction: n("1000")},
}

func (x *exchange) list(market string, funding events.FundingMode) {
	x.venue(&events.MarketListed{
		Market: market, Underlying: market, PriceScale: 1, SizeScale: 3, MaxPrice: n("1000000"), MaxSize: n("1000"),
		Rules: events.MarketRules{Tiers: testTiers, FundingMode: funding, LiquidationFee: n("0.005"), MaxStalenessMs: 60000},
	})
}

// record makes the record of a fact of owner, or of the venue where owner is "".
func (x *exchange) record(owner string, sub uint32, body events.Body) *projector.Record {
	x.offset++
	e := &events.Event{
		ID: fmt.Sprint("e", x.offset), Type: body.EventType(), Version: 1, Venue: "X", Time: x.now,
		Owner: owner, Subaccount: sub, Body: body,
	}
	if err := e.Validate(); err != nil {
		x.Fatalf("%T: %v", body, err)
	}
	r := &projector.Record{
		Source: projector.Source{Topic: e.Type.Role().String()}, Offset: x.offset, Timestamp: x.now / 1e6,
		Key: []byte(owner), Role: e.Type.Role(), Event: e, Value: events.AppendJSON(nil, e),
	}
	return r
}

func (x *exchange) apply(r *projector.Record) {
	x.Helper()
	x.out, x.dead, x.postings, x.twice = x.model.Apply(r)
	for asset, sum := range x.model.TrialBalance("X") {
		if !sum.IsZero() {
			x.Fatalf("offset %d: %s sums to %s", r.Offset, asset, sum)
		}
	}
	sums := map[string]decimal.Decimal{}
	for _, p := range x.postings {
		sums[p.Asset] = sums[p.Asset].Add(p.Amount.Decimal())
	}
	for asset, sum := range sums {
		if !sum.IsZero() {
			x.Fatalf("offset %d: its postings of %s sum to %s", r.Offset, asset, sum)
		}
	}
}

func (x *exchange) venue(body events.Body) *exchange { return x.fact("", body) }

func (x *exchange) fact(owner string, body events.Body) *exchange {
	x.Helper()
	x.now += 1e9
	x.apply(x.record(owner, 0, body))
	return x
}

func (x *exchange) mark(market, price string) *exchange {
	x.Helper()
	return x.venue(&events.MarkPrice{Market: market, Mark: n(price)})
}

func (x *exchange) deposit(owner, amount string) *exchange {
	x.Helper()
	return x.fact(owner, &events.Deposit{Asset: "USDC", Amount: n(amount)})
}

// fill is a trade without a fee: a negative size sells.
func (x *exchange) fill(owner, market, size, price string) *exchange {
	x.Helper()
	return x.fact(owner, fillOf(market, events.LegNet, size, price))
}

func fillOf(market string, leg events.Leg, size, price string) *events.Fill {
	f := &events.Fill{
		Market: market, Leg: leg, Side: events.Buy, Size: n(size), Price: n(price), TradeID: "t", Reason: events.ReasonTrade,
	}
	if f.Size.Sign() < 0 {
		f.Side, f.Size = events.Sell, f.Size.Neg()
	}
	return f
}

// says checks what the last fact announced, each as "kind pool" with rule, reason, level or stage.
func (x *exchange) says(want ...string) {
	x.Helper()
	var got []string
	for i := range x.out {
		o := &x.out[i]
		text := o.Kind.String()
		for _, part := range []string{o.Pool, o.Rule, o.Reason, o.Level.String()} {
			if part != "" {
				text += " " + part
			}
		}
		if o.Stage != 0 {
			text += " " + o.Stage.String()
		}
		got = append(got, text)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		x.Errorf("offset %d: announced %q, want %q", x.offset, got, want)
	}
}

func (x *exchange) account(owner string) Figures { return x.model.Account("X", owner, 0) }

// pool returns the figures of a pool.
func (x *exchange) pool(owner, name string) PoolFigures {
	x.Helper()
	for _, p := range x.account(owner).Pools {
		if p.Pool == name {
			return p
		}
	}
	x.Fatalf("%s has no pool %s", owner, name)
	return PoolFigures{}
}

// is checks a figure.
func is[T fmt.Stringer](t testing.TB, what string, got T, want string) {
	t.Helper()
	if got.String() != want {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}
