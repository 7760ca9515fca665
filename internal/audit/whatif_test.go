package audit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"marginledger/events"
	"marginledger/projector"
)

func whatIf(t *testing.T, p *Past, o WhatIfOptions) *WhatIf {
	t.Helper()
	if o.Mode == "" {
		o.Mode = Observe
	}
	w, err := p.WhatIf(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// status finds the outcome of a pool.
func status(t *testing.T, o *Outcome, owner, pool string) *PoolOutcome {
	t.Helper()
	for i := range o.Pools {
		if o.Pools[i].Account.Owner == owner && o.Pools[i].Pool == pool {
			return &o.Pools[i]
		}
	}
	t.Fatalf("%s, pool %s is not among those that differ: %+v", owner, pool, o)
	return nil
}

// ann is liquidated by the mark of 48,500 (equity 449.5 of 485); what if …
func TestWhatIfObserve(t *testing.T) {
	first, second := func(marks [2]int64) string { return fmt.Sprintf("%s/0@%d", priceTopic, marks[0]) }, func(marks [2]int64) string { return fmt.Sprintf("%s/0@%d", priceTopic, marks[1]) }
	for name, c := range map[string]struct {
		changes Changes
		would   func([2]int64) string // place of the trigger; nil: not
		equity  string
	}{
		"a rate of two percent":            {Changes{Set: []string{"market.BTC.tiers[0].maintenanceRate=0.02"}}, first, "649.5"}, // of 974
		"a rate of a half percent":         {Changes{Set: []string{"market.*.tiers[0].maintenanceRate=0.005"}}, nil, ""},         // of 242.5
		"without the second deposit":       {Changes{Drop: []string{"e-7"}}, first, "149.5"},
		"the same by its place":            {Changes{Drop: []string{accountTopic + "/0@1"}}, first, "149.5"},
		"a mark too early":                 {Changes{Marks: []string{"BTC=48000@2025-10-10T11:59:59Z"}}, second, "449.5"}, // before the market was listed: it cannot be applied
		"other marks":                      {Changes{Marks: []string{"BTC=49000@2025-10-10T12:00:00Z..2025-10-10T13:00:00Z"}}, nil, ""},
		"a corrected deposit":              {Changes{Correct: []byte(`{"replaces":"e-7","event":{"id":"e-7","type":"Deposit","v":1,"venue":"x","time":"2025-10-10T12:00:00Z","owner":"ann","sub":0,"asset":"USDC","amount":"501"}}`)}, second, "450.5"},
		"the same rate":                    {Changes{Set: []string{"market.BTC.tiers[0].maintenanceRate=0.01"}}, second, "449.5"},
		"other call levels of the venue":   {Changes{Set: []string{"venue.params.clearAt=1.5"}}, second, "449.5"},
		"rules of another venue":           {Changes{Venue: "y", Set: []string{"market.BTC.tiers[0].maintenanceRate=0.02"}}, second, "449.5"},
		"no second tier":                   {Changes{Set: []string{`market.BTC.tiers=[{"lowerNotional":0,"maxLeverage":50,"maintenanceRate":0.01,"deduction":0}]`}}, second, "449.5"},
		"another profile that is the same": {Changes{Profile: "standard@1"}, second, "449.5"},
	} {
		t.Run(name, func(t *testing.T) {
			w, _, marks := fallen(t)
			for _, p := range []*Past{w.past(), w.archive(ArchiveOptions{})} {
				x := whatIf(t, p, WhatIfOptions{Changes: c.changes})
				o := &x.Answers[0]
				if o.Unknown != "" || len(x.Assumptions) < 3 || len(x.Cuts) != 1 {
					t.Fatalf("%v", x)
				}
				liquidated := o.Counts[1]
				want := 0
				if c.would != nil {
					want = 1
				}
				if liquidated.Happened != 1 || liquidated.Would != want {
					t.Fatalf("%v", x)
				}
				if c.would == nil {
					continue
				}
				if c.would(marks) == second(marks) {
					if liquidated.Earlier+liquidated.Later > 0 {
						t.Fatalf("%v", x)
					}
					continue
				}
				s := status(t, o, "ann", "cross")
				if s.Would.Liquidated.Source != c.would(marks) || s.Happened.Liquidated.Source != second(marks) || s.Would.Liquidated.Equity.Cmp(num(c.equity)) != 0 || liquidated.Earlier != 1 {
					t.Fatalf("%+v: %+v", s, s.Would.Liquidated)
				}
			}
		})
	}
}

// A mark that is put in comes before the first fact that is later, and lasts until the next mark.
func TestWhatIfOneMark(t *testing.T) {
	w := newWorld(t)
	w.listed()
	w.deposit("ann", 2000)
	w.trade("ann", "BTC", events.Buy, 1)
	w.cut()
	w.at += 10e9
	w.mark("BTC", 49_900)
	w.at += 10e9
	at := w.mark("BTC", 49_800)
	w.cut()
	x := whatIf(t, w.past(), WhatIfOptions{Changes: Changes{Marks: []string{"BTC=48300@2025-10-10T12:00:15Z"}}})
	s := status(t, &x.Answers[0], "ann", "cross")
	if s.Would.Liquidated == nil || s.Would.Liquidated.N != uint64(w.n) || s.Happened.Liquidated != nil || s.Would.Liquidated.Equity.Cmp(num("299.5")) != 0 || s.Would.Bankrupt != nil {
		t.Errorf("%+v", s.Would)
	}
	if len(x.Answers[0].Unused) > 0 || at == 0 {
		t.Errorf("%q", x.Answers[0].Unused)
	}
	x = whatIf(t, w.past(), WhatIfOptions{Changes: Changes{Marks: []string{"BTC=48000@2025-10-10T13:00:15Z"}, Drop: []string{"nothing"}, Set: []string{"asset.ETH.cap=5"},
		Correct: []byte(`{"id":"late","type":"MarkPrice","v":1,"venue":"x","time":"2026-10-10T12:00:00Z","market":"BTC","mark":"1"}`)}})
	if len(x.Answers[0].Unused) != 4 {
		t.Errorf("%q", x.Answers[0].Unused)
	}
}

// liquidated is ann, who is liquidated and closed at 47,900 with a fee and a cover, and bob, who is not.
func liquidated(t *testing.T) *world {
	w := newWorld(t)
	w.listed()
	w.deposit("ann", 2000)
	w.deposit("bob", 2500)
	w.trade("ann", "BTC", events.Buy, 1)
	w.trade("bob", "BTC", events.Buy, 1)
	w.cut()
	w.mark("BTC", 48_300) // ann: 299.5 of 483; bob: 799.5
	w.cut()
	id := ""
	for _, r := range w.log.parts["ledger.liquidations.v1/0"] {
		if o, err := events.ParseOutput(r.Value); err == nil && o.Kind == events.KindLiquidationTriggered {
			id = o.ID
		}
	}
	w.mark("BTC", 47_900)
	w.fact("ann", &events.Fill{Market: "BTC", Leg: events.LegNet, Side: events.Sell, Size: num(1), Price: num(47_900), Fee: num(479), FeeAsset: "USDC", TradeID: "l",
		Reason: events.ReasonLiquidation, Liquidation: id}) // 2000 − 0.5 − 2100 − 479 = −579.5
	w.fact("ann", &events.BankruptcyCovered{Liquidation: id, Amount: num("579.5"), Fund: "main"})
	w.mark("BTC", 48_600)
	w.deposit("bob", 1)
	w.cut()
	return w
}

func TestWhatIfSimulate(t *testing.T) {
	w := liquidated(t)
	money := func(o *Outcome) string {
		m := o.Money
		if len(m.Assets) != 1 || m.Assets[0].Asset != "USDC" {
			t.Fatalf("%+v", m)
		}
		h, w := m.Assets[0].Happened, m.Assets[0].Would
		return fmt.Sprintf("fees %v/%v insurance %v/%v debt %v/%v closed %d dropped %d ignored %d covers %d failed %d", h.Fees, w.Fees, h.Insurance, w.Insurance,
			h.BadDebt, w.BadDebt, m.Closed, m.DroppedFills, m.IgnoredFills, m.Covers, m.Failed)
	}
	for name, c := range map[string]struct {
		set      string
		slippage string
		want     string
	}{
		"nothing changes": {"market.BTC.tiers[0].maintenanceRate=0.01", "0", "fees 479/479 insurance 579.5/579.5 debt 0/0 closed 0 dropped 0 ignored 0 covers 0 failed 0"},
		// Both at 48,300: ann as it happened; bob's 799.5 is below 966: closed at 48,300 less 0.1 % = 48,251.7 with 483 of fee: 2499.5 − 1748.3 − 483 = 268.2.
		"two percent": {"market.BTC.tiers[0].maintenanceRate=0.02", "0.001", "fees 479/962 insurance 579.5/579.5 debt 0/0 closed 1 dropped 0 ignored 0 covers 0 failed 0"},
	} {
		t.Run(name, func(t *testing.T) {
			x := whatIf(t, w.past(), WhatIfOptions{Mode: Simulate, Slippage: num(c.slippage), Changes: Changes{Set: []string{c.set}}})
			if got := money(&x.Answers[0]); got != c.want {
				t.Errorf("%s\nexpected %s\n%v", got, c.want, x)
			}
		})
	}
	// At a half percent neither is triggered at 48,300, nor bob at 47,900, where he was. There ann's pool is bankrupt, as it was: its
	// episode happened, so the recorded fill closes it.
	x := whatIf(t, w.past(), WhatIfOptions{Mode: Simulate, Changes: Changes{Set: []string{"market.BTC.tiers[0].maintenanceRate=0.005"}}})
	if o := &x.Answers[0]; o.Counts[1].OnlyThen != 2 || o.Counts[2].Happened != 1 || o.Counts[2].Would != 1 || money(o) != "fees 479/479 insurance 579.5/579.5 debt 0/0 closed 0 dropped 0 ignored 0 covers 0 failed 0" {
		t.Errorf("%v", x)
	}
	// Without the fall there is no episode: fill and cover are dropped, and ann keeps her position.
	x = whatIf(t, w.past(), WhatIfOptions{Mode: Simulate, Changes: Changes{Marks: []string{"BTC=50000@2025-10-10T12:00:00Z..2025-10-10T13:00:00Z"}}})
	if o := &x.Answers[0]; money(o) != "fees 479/0 insurance 579.5/0 debt 0/0 closed 0 dropped 1 ignored 0 covers 1 failed 0" {
		t.Errorf("%s\n%v", money(o), x)
	}
	// bob's pool, once closed, takes no later fills.
	w.trade("bob", "BTC", events.Buy, 1)
	w.trade("bob", "ETH", events.Buy, 1)
	w.cut()
	x = whatIf(t, w.past(), WhatIfOptions{Mode: Simulate, Changes: Changes{Set: []string{"market.BTC.tiers[0].maintenanceRate=0.02"}}})
	if m := x.Answers[0].Money; m.IgnoredFills != 2 || m.Closed != 1 {
		t.Errorf("%+v", m)
	}
}

// A change that changes nothing leaves every pool as it was, in both modes, also behind a snapshot.
func TestWhatIfNothing(t *testing.T) {
	w := newWorld(t)
	w.random(rngOf(seed(t)), 500)
	for _, p := range []*Past{w.past(), w.archive(ArchiveOptions{FromCut: w.bases(t)[0] + 1})} {
		for _, m := range []Mode{Observe, Simulate} {
			x := whatIf(t, p, WhatIfOptions{Mode: m, Changes: Changes{Set: []string{"market.*.tiers[0].maintenanceRate=0.01", "venue.params.partialShare=0.25", "market.BTC.liquidationFee=0.01"}}})
			o := &x.Answers[0]
			if len(o.Pools) > 0 || len(o.Refused) > 0 || len(o.Unused) > 0 || o.Unknown != "" || o.Counts[0].Happened == 0 {
				t.Fatalf("%v", x)
			}
			if o.Money == nil {
				continue
			}
			for _, a := range o.Money.Assets {
				if a.Happened != a.Would {
					t.Fatalf("%+v", a)
				}
			}
			if o.Money.Closed+o.Money.DroppedFills+o.Money.IgnoredFills+o.Money.Covers > 0 {
				t.Fatalf("%+v", o.Money)
			}
		}
	}
}

// Behind a snapshot too, other rules hold from the beginning of what is there.
func TestWhatIfBehindASnapshot(t *testing.T) {
	w := newWorld(t)
	w.listed()
	w.deposit("ann", 2000)
	w.trade("ann", "BTC", events.Buy, 1)
	w.snapshot()
	w.mark("BTC", 48_700)
	w.cut()
	x := whatIf(t, w.archive(ArchiveOptions{FromCut: uint64(len(w.cuts))}), WhatIfOptions{Changes: Changes{Set: []string{"market.BTC.tiers[0].maintenanceRate=0.02"}}})
	if s := status(t, &x.Answers[0], "ann", "cross"); s.Would.Liquidated == nil || s.Happened.Liquidated != nil {
		t.Errorf("%v", x)
	}
}

// The rules that stand in a state are those that made it: applied again, they change no row.
func TestStanding(t *testing.T) {
	w := newWorld(t)
	w.listed()
	w.fact("", &events.CollateralChanged{Asset: "ETH", Haircuts: []events.HaircutTier{{LowerValue: num(0), Haircut: num("0.05")}, {LowerValue: num(1000), Haircut: num("0.2")}}})
	s := w.rec.Fold().(*projector.Shard)
	rows := map[string]string{}
	s.EachRow(func(r projector.Row) { rows[string(r.Key)] = string(r.Value) })
	facts, err := standing(s)
	if err != nil || len(facts) != 4 {
		t.Fatalf("%d facts, %v", len(facts), err)
	}
	for i, e := range facts {
		fx := s.Apply(&projector.Record{Source: projector.Source{Topic: "standing"}, Offset: int64(i), Timestamp: e.Time/1e6 + 1, Role: e.Type.Role(), Event: e})
		if len(fx.DeadLetters) > 0 {
			t.Errorf("%s: %+v", e.Type, fx.Outputs)
		}
	}
	s.EachRow(func(r projector.Row) {
		if rows[string(r.Key)] != string(r.Value) {
			t.Errorf("%s became %v", RowName(r.Key), DiffRow(r.Key, []byte(rows[string(r.Key)]), r.Value))
		}
	})
}

// Other profiles: what they lack is unknown, and says what is needed; what is assumed of them counts.
func TestWhatIfVenues(t *testing.T) {
	w, _, _ := fallen(t)
	x := whatIf(t, w.past(), WhatIfOptions{Compare: []string{"standard@1", "gmx-v2@2.2", "hyperliquid@2025", "standard@77"},
		Assumed: map[string]map[string]any{"hyperliquid": {"market.*.tiers": []any{map[string]any{"lowerNotional": "0", "maxLeverage": "50", "maintenanceRate": "0.01"}}}}})
	if len(x.Answers) != 4 {
		t.Fatalf("%v", x)
	}
	if o := x.Answers[0]; o.Profile != "standard@1" || o.Unknown != "" || o.Counts[1].Would != 1 || len(o.Pools) > 0 {
		t.Errorf("%+v", o)
	}
	if o := x.Answers[1]; !strings.HasPrefix(o.Unknown, "needs ") || o.Reason == "" || len(o.Counts) > 0 {
		t.Errorf("%+v", o)
	}
	if o := x.Answers[2]; o.Unknown != "" || o.Counts[1].Would != 1 {
		t.Errorf("%+v", o)
	}
	if o := x.Answers[3]; o.Unknown != "needs VenueProfileSet" || !strings.Contains(o.Reason, "unknown_profile") {
		t.Errorf("%+v", o)
	}
	if text := x.String(); !strings.Contains(text, "under gmx-v2@2.2") || !strings.Contains(text, "unknown: needs ") {
		t.Error(text)
	}
}

// What cannot be changed so is refused with a reason.
func TestWhatIfRefuses(t *testing.T) {
	w, _, _ := fallen(t)
	for name, o := range map[string]WhatIfOptions{
		"mode":            {Mode: "dream"},
		"path":            {Changes: Changes{Set: []string{"account.ann.balance=5"}}},
		"no value":        {Changes: Changes{Set: []string{"market.BTC.tiers"}}},
		"unknown member":  {Changes: Changes{Set: []string{"market.BTC.tears=5"}}},
		"list":            {Changes: Changes{Set: []string{"market.BTC.tiers[7].maintenanceRate=0.1"}}},
		"not a rate":      {Changes: Changes{Set: []string{"market.BTC.tiers[0].maintenanceRate=much"}}},
		"profile":         {Changes: Changes{Profile: "standard"}},
		"no such profile": {Changes: Changes{Profile: "nowhere@1"}},
		"mark":            {Changes: Changes{Marks: []string{"BTC=0@2025-10-10T12:00:00Z"}}},
		"mark's time":     {Changes: Changes{Marks: []string{"BTC=5"}}},
		"mark's range":    {Changes: Changes{Marks: []string{"BTC=5@2025-10-10T12:00:00Z..2025-10-10T11:00:00Z"}}},
		"correction":      {Changes: Changes{Correct: []byte("{}")}},
		"facts":           {Changes: Changes{Assume: map[string]any{"facts": 5}}, Compare: []string{"standard@1"}, Assumed: map[string]map[string]any{"standard": {"facts": 5}}},
	} {
		if o.Mode == "" {
			o.Mode = Observe
		}
		var bad *UsageError
		if _, err := w.past().WhatIf(context.Background(), o); !errors.As(err, &bad) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ParseAssumed([]byte(`{"standard": 5}`)); err == nil {
		t.Error("a profile that is no object")
	}
	if a, err := ParseAssumed([]byte(`{"standard": {"market.BTC.tiers": null}}`)); err != nil || len(a) != 1 {
		t.Error(a, err)
	}
}

func TestSetPath(t *testing.T) {
	for _, c := range []struct{ doc, path, value, want string }{
		{`{"a":{"b":1}}`, "a.b", `2`, `{"a":{"b":"2"}}`},
		{`{"a":{"b":1}}`, "a.c", `"x"`, `{"a":{"b":1,"c":"x"}}`},
		{`{"a":[{"b":1},{"b":2}]}`, "a[1].b", `3`, `{"a":[{"b":1},{"b":"3"}]}`},
		{`{"a":[1,2,3]}`, "a[1]", ``, `{"a":[1,3]}`},
		{`{"a":{"b":1}}`, "a.b", ``, `{"a":{}}`},
		{`{"p":[{"name":"a","value":"1"},{"name":"c","value":"3"}]}`, "p.b", `2`, `{"p":[{"name":"a","value":"1"},{"name":"b","value":"2"},{"name":"c","value":"3"}]}`},
		{`{"p":[{"name":"a","value":"1"}]}`, "p.a", `2`, `{"p":[{"name":"a","value":"2"}]}`},
		{`{"p":[{"name":"a","value":"1"}]}`, "p.a", ``, `{"p":[]}`},
		{`{"p":[]}`, "p.a", ``, `{"p":[]}`},
		{`{}`, "a.b.c", `x`, `{"a":{"b":{"c":"x"}}}`},
		{`{"a":1}`, "a.b", `2`, ``},
		{`{"a":[1]}`, "a[4]", `2`, ``},
		{`{"a":{}}`, "a[0]", `2`, ``},
		{`{"p":[{"name":"a","value":"1"}]}`, "p.a.b", `2`, ``},
	} {
		doc, err := decodeJSON([]byte(c.doc))
		if err != nil {
			t.Fatal(err)
		}
		path, err := parsePath(c.path)
		if err != nil {
			t.Fatal(err)
		}
		var value any
		if c.value != "" {
			value = asTexts(parseValue(c.value))
		}
		got, err := setPath(doc, path, value)
		text := ""
		if err == nil {
			text = jsonOf(t, got)
		}
		if text != c.want {
			t.Errorf("%s, %s = %s: %s, %v, expected %s", c.doc, c.path, c.value, text, err, c.want)
		}
	}
	for _, path := range []string{"", "a..b", "a[", "a[x]", "a[-1]", "a[1]b", ".a"} {
		if _, err := parsePath(path); err == nil {
			t.Errorf("%q is a path", path)
		}
	}
}
