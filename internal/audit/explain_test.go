package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"marginledger/events"
	"marginledger/projector"
)

// fallen is ann with 1 BTC bought at 50,000 on 2,000 USDC, a rate of funding paid, and a mark that takes her below her
// maintenance: 1 % of the notional.
func fallen(t *testing.T) (w *world, id string, marks [2]int64) {
	w = newWorld(t)
	w.listed()
	w.deposit("ann", 1500)
	w.deposit("ann", 500)
	w.trade("ann", "BTC", events.Buy, 1) // fee 0.5
	w.cut()
	w.fact("", &events.FundingRate{Market: "BTC", Rate: num("0.001"), Price: num(50_000)}) // 50
	marks[0] = w.mark("BTC", 48_700)
	w.cut()
	// Equity 2000 − 0.5 − 50 − 1300 = 649.5, maintenance 487. At 48,500: 449.5, 485.
	marks[1] = w.mark("BTC", 48_500)
	w.cut()
	for _, r := range w.log.parts["ledger.liquidations.v1/0"] {
		if o, err := events.ParseOutput(r.Value); err == nil && o.Kind == events.KindLiquidationTriggered {
			id = o.ID
		}
	}
	if id == "" {
		t.Fatal("nothing was triggered")
	}
	return w, id, marks
}

func TestExplainLiquidation(t *testing.T) {
	w, id, marks := fallen(t)
	for _, p := range []*Past{w.past(), w.archive(ArchiveOptions{})} {
		x, err := p.ExplainLiquidation(context.Background(), id, nil)
		if err != nil {
			t.Fatal(err)
		}
		if x.Account != (Account{"x", "ann", 0}) || x.Pool != "cross" || x.Stage != "partial" || x.Trigger.Source != placeName(projector.Source{Topic: priceTopic}, marks[1]) {
			t.Errorf("%+v, trigger %v", x, x.Trigger)
		}
		if x.Price == nil || x.Price.What != "mark of BTC" || x.Price.From.Cmp(num(48_700)) != 0 || x.Price.To.Cmp(num(48_500)) != 0 {
			t.Errorf("%+v", x.Price)
		}
		if x.Before.Equity.Cmp(num("649.5")) != 0 || x.Before.Maintenance.Cmp(num(487)) != 0 || x.After.Equity.Cmp(num("449.5")) != 0 || x.After.Maintenance.Cmp(num(485)) != 0 {
			t.Errorf("before %+v, after %+v", x.Before, x.After)
		}
		// 485 − 449.5; the mark at which 2000 − 50.5 − (50,000 − p) ≥ 0.01·p: p ≥ 48,050.5 / 0.99 = 48,535.858…;
		// at 48,700, then 48,500: closing c leaves 449.5 + 200·c ≥ 485·(1 − c): c ≥ 35.5/685 = 0.05182….
		want := []Saving{{"deposit into the cross pool", num("35.5"), "USDC"}, {"", num("48535.86"), "per contract"}, {"", num("0.0519"), "contracts"}}
		if len(x.Saved) != len(want) {
			t.Fatalf("%+v", x.Saved)
		}
		for i, s := range x.Saved {
			if s.Amount != want[i].Amount || s.Unit != want[i].Unit || want[i].What != "" && s.What != want[i].What {
				t.Errorf("%+v, expected %+v", s, want[i])
			}
		}
		if len(x.History) != 1 || x.History[0].Kind != "LiquidationTriggered" || x.History[0].N != x.Trigger.N {
			t.Errorf("%+v", x.History)
		}
		if text := x.String(); !strings.Contains(text, "equity of pool cross went from 649.5 to 449.5, below its maintenance of 485 (487 before)") {
			t.Error(text)
		}
		if _, err := json.Marshal(x); err != nil {
			t.Error(err)
		}
	}
	// Also where retention has removed the announcement.
	w.log.parts["ledger.liquidations.v1/0"] = w.log.parts["ledger.liquidations.v1/0"][:1]
	if x, err := w.past().ExplainLiquidation(context.Background(), id, nil); err != nil || len(x.Saved) != 3 || len(x.History) != 0 {
		t.Errorf("%v, %v", x, err)
	}
	var bad *UsageError
	for _, id := range []string{"", "0-1", "7-1-0", "0-1-0", "0-99999-0", "a-b-c", "0-0-0"} {
		if _, err := w.past().ExplainLiquidation(context.Background(), id, nil); !errors.As(err, &bad) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// An isolated pool is saved by margin that is moved into it; a call is explained like a liquidation; an announcement of a
// later stage is traced back.
func TestExplainIsolated(t *testing.T) {
	w := newWorld(t)
	w.listed()
	w.deposit("ann", 2000)
	w.fact("ann", &events.MarginModeSet{Market: "ETH", Mode: events.Isolated})
	w.fact("ann", &events.LeverageSet{Market: "ETH", Leverage: 10})
	w.trade("ann", "ETH", events.Sell, 1) // 300 of margin, fee 0.5
	w.cut()
	w.mark("ETH", 3_240)
	w.cut()
	w.mark("ETH", 3_268)
	w.cut()
	w.mark("ETH", 3_300)
	w.cut()
	ids := map[events.Kind]string{}
	for _, r := range w.log.parts["ledger.liquidations.v1/0"] {
		o, err := events.ParseOutput(r.Value)
		if err != nil {
			t.Fatal(err)
		}
		if ids[o.Kind] == "" || o.Kind == events.KindPoolBankrupt {
			ids[o.Kind] = o.ID
		}
	}
	trigger, err := w.past().ExplainLiquidation(context.Background(), ids[events.KindLiquidationTriggered], nil)
	if err != nil {
		t.Fatal(err)
	}
	// Equity 300 − 0.5 − 268 = 31.5, maintenance 32.68.
	if s := trigger.Saved[0]; trigger.Pool != "ETH" || !strings.Contains(s.What, "margin moved into pool ETH") || s.Amount != num("1.18") {
		t.Errorf("%+v", trigger.Saved)
	}
	later, err := w.past().ExplainLiquidation(context.Background(), ids[events.KindPoolBankrupt], nil)
	if err != nil || later.ID != trigger.ID || len(later.History) != 2 || later.History[1].Kind != "PoolBankrupt" {
		t.Errorf("%+v, %v", later, err)
	}
	call, err := w.past().ExplainLiquidation(context.Background(), ids[events.KindMarginCall], nil)
	if err != nil || call.Kind != "MarginCall" || !strings.Contains(call.Reason, "below 2 times its maintenance") || len(call.History) != 1 {
		t.Errorf("%+v, %v", call, err)
	}
}

// Every term of an account names the record that moved it last, and the liquidation price is shown to be one.
func TestExplainAccount(t *testing.T) {
	w, _, marks := fallen(t)
	x, err := w.past().Explain(context.Background(), Account{"x", "ann", 0}, Point{Cut: 4}, nil)
	if err != nil {
		t.Fatal(err)
	}
	moved := map[string]string{}
	figures := map[string]string{}
	for _, s := range x.Pools[0].Steps {
		figures[s.Figure] = s.Value.String()
		for _, m := range s.Moved {
			if m.Event != nil {
				moved[m.What] = m.Event.Source
			}
		}
	}
	for what, source := range map[string]string{
		"price of BTC": fmt.Sprintf("%s/0@%d", priceTopic, marks[0]), "position in BTC net": accountTopic + "/0@2", "balance of USDC in pool cross": accountTopic + "/0@2",
		"funding index of BTC": fundingTopic + "/0@0", "rules of BTC": configTopic + "/0@1",
	} {
		if moved[what] != source {
			t.Errorf("%s was moved by %s, expected %s", what, moved[what], source)
		}
	}
	if x.Profile == nil || x.Profile.Source != configTopic+"/0@0" || num(figures["equity"]).Cmp(num("649.5")) != 0 || num(figures["maintenance"]).Cmp(num(487)) != 0 {
		t.Errorf("%v, profile %v", figures, x.Profile)
	}
	p := x.Pools[0].Prices
	if len(p) != 1 || p[0].Price == nil || len(p[0].At) != 2 || !p[0].At[0].Liquidatable || p[0].At[1].Liquidatable || p[0].At[1].Mark.Cmp(num("48535.86")) != 0 {
		t.Errorf("%+v", p)
	}
	if text := x.String(); !strings.Contains(text, "leverage in BTC") || !strings.Contains(text, "none that is there") || !strings.Contains(text, "is liquidation price") && !strings.Contains(text, "has liquidation price") {
		t.Error(text)
	}
	var bad *UsageError
	if _, err := w.past().Explain(context.Background(), Account{"x", "nobody", 0}, End, nil); !errors.As(err, &bad) {
		t.Error(err)
	}
}

// A slice answers for its owner what the whole shard does.
func TestSliceIsTheShard(t *testing.T) {
	w := newWorld(t)
	rng := rngOf(seed(t))
	w.random(rng, 400)
	s := w.rec.Fold().(*projector.Shard)
	for i := range 12 {
		a := Account{"x", fmt.Sprintf("owner-%d", i), 0}
		copied, err := sliceOf(s, a.Venue, a.Owner).open()
		if err != nil {
			t.Fatal(err)
		}
		if x, y := fmt.Sprintf("%+v", poolOf(s, a, "cross")), fmt.Sprintf("%+v", poolOf(copied, a, "cross")); x != y {
			t.Errorf("%v is %s, its slice says %s", a, x, y)
		}
	}
}
