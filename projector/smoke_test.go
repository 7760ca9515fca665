package projector

import (
	"testing"

	"marginledger/events"
)

func TestSmoke(t *testing.T) {
	s := New(Config{Postings: true})
	off := int64(0)
	do := func(owner string, body events.Body) *Effects {
		off++
		e := &events.Event{ID: string(rune('a' + off)), Type: body.EventType(), Version: 1, Venue: "x", Time: off * 1e9, Owner: owner, Body: body}
		fx := s.Apply(&Record{Source: Source{"t", 0}, Offset: off, Timestamp: off * 1000, Key: []byte(owner), Value: []byte(e.ID), Role: body.EventType().Role(), Event: e})
		for _, o := range fx.Outputs {
			t.Logf("%s", o.AppendJSON(nil))
		}
		for _, p := range fx.Postings {
			t.Logf("   %+v %s", p.Account, p.Amount)
		}
		for _, sum := range s.TrialBalance() {
			if sum.Amount.Coef.Sign() != 0 {
				t.Fatal(sum)
			}
		}
		return fx
	}
	n := events.MustNumber
	do("", &events.VenueProfileSet{Profile: "standard", ProfileVersion: "1", SettlementAsset: "USDC", ValueScale: 12})
	do("", &events.MarketListed{Market: "BTC", Underlying: "BTC", PriceScale: 1, SizeScale: 5, MaxPrice: n("10000000"), MaxSize: n("10000"),
		Rules: events.MarketRules{FundingMode: events.FundingByIndex, Tiers: []events.Tier{{LowerNotional: n("0"), MaxLeverage: 50, MaintenanceRate: n("0.01"), Deduction: n("0")}}}})
	do("", &events.MarkPrice{Market: "BTC", Mark: n("50000")})
	do("alice", &events.Deposit{Asset: "USDC", Amount: n("10000")})
	do("alice", &events.Fill{Market: "BTC", Leg: events.LegNet, Side: events.Buy, Size: n("1"), Price: n("50000"), Fee: n("5"), FeeAsset: "USDC", TradeID: "1", Reason: events.ReasonTrade})
	for _, p := range []string{"45000", "41000", "40800", "40500", "40395", "40200", "50000"} {
		do("", &events.MarkPrice{Market: "BTC", Mark: n(p)})
	}
	rows := 0
	s2 := New(Config{})
	s.EachRow(func(r Row) {
		rows++
		if err := s2.LoadRow(r.Key, r.Value); err != nil {
			t.Fatal(err)
		}
	})
	if err := s2.Loaded(s.Counters()); err != nil {
		t.Fatal(err)
	}
	t.Log(rows)
}
