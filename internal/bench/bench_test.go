package bench

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"marginledger/events"
	"marginledger/projector"
)

func TestGoal(t *testing.T) {
	for _, c := range []struct {
		goal    Goal
		value   float64
		met, ok bool
	}{
		{"", 1, false, false}, {"< 10", 9.9, true, true}, {"< 10", 10, false, true}, {"> 150000", 150_001, true, true}, {"> 150000", 3, false, true},
		{"<= 1.3", 1.3, true, true}, {"<= 1.3", 1.31, false, true}, {">= 2", 2, true, true}, {">= 2", 1.9, false, true},
	} {
		if met, ok := c.goal.Met(c.value); met != c.met || ok != c.ok {
			t.Errorf("%q of %v: %v, %v", c.goal, c.value, met, ok)
		}
	}
}

func TestRounded(t *testing.T) {
	for v, want := range map[float64]float64{0: 0, 1234567: 1235000, 0.123456: 0.1235, 9.99999: 10, -12.3456: -12.35} {
		if got := rounded(v); got != want {
			t.Errorf("rounded(%v) = %v, want %v", v, got, want)
		}
	}
}

// Names are a promise to those who compare runs; goals must parse.
func TestFigures(t *testing.T) {
	names := Names()
	slices.Sort(names)
	if len(slices.Compact(names)) != len(Names()) {
		t.Errorf("a name comes twice: %v", names)
	}
	for _, b := range benchmarks {
		for _, f := range b.figures {
			f.Goal.Met(0)
			if f.Unit == "" {
				t.Errorf("%s has no unit", f.Name)
			}
		}
	}
}

func TestOnlyUnknown(t *testing.T) {
	if _, err := Run(t.Context(), Options{Only: []string{"warp_factor"}}); err == nil || !strings.Contains(err.Error(), "demo_eps") {
		t.Errorf("%v", err)
	}
}

func TestQuickRunsTicksAndFolds(t *testing.T) {
	doc, err := Run(t.Context(), Options{Quick: true, Most: 20_000})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range doc.Figures {
		names = append(names, f.Name)
		if f.Value < 0 || f.Value == 0 && f.Name != "fold_allocs" {
			t.Errorf("%s is %v", f.Name, f.Value)
		}
	}
	if want := []string{"tick_calm_ns", "tick_calm_scan_ratio", "tick_violent_ns", "tick_violent_scan_ratio", "tick_jump_scan_ratio", "tick_after_jump_scan_ratio", "tick_scan_ns",
		"fold_100k_eps", "fold_1m_eps", "fold_allocs", "fold_fill_ns", "tick_ns", "decode_json_ns", "decode_proto_ns", "encode_ns", "machine_sha256_ns", "machine_memory_ns"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
	if text := doc.String(); !strings.Contains(text, "tick_ns") || !strings.Contains(text, "quick") {
		t.Error(text)
	}
}

func TestTableSaysWhatWasReached(t *testing.T) {
	d := &Document{Date: time.Unix(0, 0), Figures: []Figure{{Name: "a", Value: 1, Goal: "< 2"}, {Name: "b", Value: 3, Goal: "< 2"}, {Name: "c", Value: 250000}}}
	lines := strings.Split(d.String(), "\n")
	for i, want := range []string{"reached", "MISSED", "250000"} {
		if !strings.Contains(lines[4+i], want) {
			t.Errorf("line %q, want %s", lines[4+i], want)
		}
	}
}

// Each mark must liquidate exactly the next victim, or the latency is that of something else.
func TestVictimsFallOneByOne(t *testing.T) {
	const many = 300
	w := newWorld(20, 5)
	v := &victims{market: w.markets[0]}
	f, err := settled(w)
	if err != nil {
		t.Fatal(err)
	}
	for k := range many {
		if err := v.open(k, f.apply); err != nil {
			t.Fatal(err)
		}
	}
	for k := range many {
		e := f.fact("", w.markOf(v.market, v.price(k)), f.now)
		fx := f.shard.Apply(&projector.Record{Source: projector.Source{Topic: "prices"}, Timestamp: f.now / 1e6, Role: events.RolePrices, Event: e})
		var fell []string
		for _, o := range fx.Outputs {
			if o.Kind == events.KindLiquidationTriggered {
				fell = append(fell, o.Owner)
			}
		}
		if want := []string{fmt.Sprint(victimPrefix, k)}; !slices.Equal(fell, want) {
			t.Fatalf("mark %d liquidates %v, want %v", k, fell, want)
		}
	}
}

// The crowd's scan and the fold compute the same: who is below maintenance after a jump is in an episode, and nobody else
// but those whom the end of an episode still waits for.
func TestScanAgreesWithTheFold(t *testing.T) {
	c, err := newCrowd(3000, 0.003)
	if err != nil {
		t.Fatal(err)
	}
	s := c.scanOf()
	if got := s.move(crowdPrice); len(got) > 0 {
		t.Fatalf("%d are below maintenance before anything moved", len(got))
	}
	c.step(0, -2000)
	if _, err := c.tick(0); err != nil {
		t.Fatal(err)
	}
	below := 0
	for range s.move(int64(c.prices[0])) {
		below++
	}
	if below == 0 || below != c.triggered {
		t.Errorf("%d holders are below maintenance, %d liquidations were announced", below, c.triggered)
	}
	if err := s.agrees(c); err != nil {
		t.Error(err)
	}
	c.open[s.move(int64(c.prices[0]))[0]] = false
	if s.agrees(c) == nil {
		t.Error("a liquidation that was not announced is not found")
	}
}

func TestPlot(t *testing.T) {
	text := plot([]point{{10_000, 200, 2000}, {100_000, 210, 2500}})
	for _, want := range []string{"<svg", "</svg>", ">10000<", ">100000<", "1000 ns", "a calm price"} {
		if !strings.Contains(text, want) {
			t.Errorf("the plot has no %q:\n%s", want, text)
		}
	}
}

// A day of few accounts shows that rows are committed, and that somebody falls.
func TestCrashDay(t *testing.T) {
	doc, err := Run(t.Context(), Options{Quick: true, Most: 1000, Only: []string{"crash_day_s", "durable_json_eps", "durable_proto_eps"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(doc.Figures) != 3 || !strings.Contains(doc.Figures[2].Note, "in an episode at the end") {
		t.Errorf("%+v", doc.Figures)
	}
}
