package reduced

import (
	"strings"
	"testing"

	"marginledger/events"
	"marginledger/projector"
)

// apply hands an event to the fold as the pipeline does: strings are views that change afterwards.
func apply(t *testing.T, f *fold, owner string, body events.Body) *projector.Effects {
	t.Helper()
	var d events.Decoder
	value := events.AppendProto(nil, &events.Event{ID: "e-1", Type: body.EventType(), Version: 1, Venue: "v", Time: 1, Owner: owner, Body: body})
	e, err := d.Decode(value)
	if err != nil {
		t.Fatal(err)
	}
	fx := *f.Apply(&projector.Record{Source: projector.Source{Topic: "t"}, Key: []byte(owner), Event: e})
	fx.Outputs = append([]events.Output(nil), fx.Outputs...)
	for i := range fx.Outputs {
		fx.Outputs[i].EventID = strings.Clone(fx.Outputs[i].EventID)
	}
	for i := range value {
		value[i] = 'x'
	}
	return &fx
}

// TestFold: an alert, the rows that changed since the last time in key order, and the same state from them.
func TestFold(t *testing.T) {
	firsts := 0
	f := newFold(projector.Config{Shard: 3}, func() { firsts++ })
	sell := &events.Fill{Market: "M", Leg: events.LegNet, Side: events.Sell, Size: events.MustNumber("1.5"), Price: events.MustNumber("100"), TradeID: "t", Reason: events.ReasonTrade}
	if fx := apply(t, f, "b", &events.Deposit{Asset: "USDC", Amount: events.MustNumber("1")}); len(fx.Outputs) != 0 {
		t.Errorf("a deposit announced %+v", fx.Outputs)
	}
	fx := apply(t, f, "b", sell)
	if len(fx.Outputs) != 1 {
		t.Fatalf("equity 1 of 7.5 announced %+v", fx.Outputs)
	}
	o := fx.Outputs[0]
	if o.ID != "3-2-0" || o.Seq != 1 || o.Owner != "b" || o.EventID != "e-1" || o.Equity != events.MustNumber("1") || o.Maintenance != events.MustNumber("7.5") {
		t.Errorf("announced %+v", o)
	}
	apply(t, f, "a", &events.Deposit{Asset: "USDC", Amount: events.MustNumber("2")})
	if firsts != 3 {
		t.Errorf("the first fact was told of %d times", firsts)
	}

	var keys []string
	again := newFold(projector.Config{}, func() {})
	f.TakeChanged(func(r projector.Row) {
		keys = append(keys, string(r.Key))
		if err := again.LoadRow(r.Key, r.Value); err != nil {
			t.Error(err)
		}
	})
	if strings.Join(keys, " ") != "a b" {
		t.Errorf("changed rows %v", keys)
	}
	f.TakeChanged(func(r projector.Row) { t.Errorf("%q has changed twice", r.Key) })
	if err := again.Loaded(f.Counters()); err != nil || again.Counters().N != 3 {
		t.Errorf("loaded: %v, %+v", err, again.Counters())
	}
	rows := func(f *fold) (all []string) {
		f.EachRow(func(r projector.Row) { all = append(all, string(r.Key)+"="+string(r.Value)) })
		return all
	}
	if a, b := rows(f), rows(again); strings.Join(a, "\n") != strings.Join(b, "\n") || len(a) != 2 {
		t.Errorf("loaded rows %q, made %q", b, a)
	}
}
