package task

import (
	"math"
	"reflect"
	"testing"
)

// TestStory follows one account to its first alert: two markets, a price that moves against it, a fee, a close.
func TestStory(t *testing.T) {
	const unit = 1_000_000 // of money
	var a Account
	for i, step := range []struct {
		fact  Fact
		alert *Alert
	}{
		{Fact{Amount: 30 * unit}, nil},
		// 2 contracts at 100: equity 29.95, maintenance 10.
		{Fact{Market: "B", Size: 2_000, Price: 100_00, Fee: 50_000}, nil},
		// −1 at 200 elsewhere: equity 29.95, maintenance 10 + 10.
		{Fact{Market: "A", Size: -1_000, Price: 200_00}, nil},
		// 0.001 more of B at 95.04: the two fall by 9.92; equity 20.03, maintenance (2.001 · 95.04 + 200) / 20 = 19.508752.
		{Fact{Market: "B", Size: 1, Price: 95_04}, nil},
		// At 94.50 they have fallen by 11 and 0.00054: equity 18.94946, maintenance (2.002 · 94.5 + 200) / 20 = 19.45945.
		{Fact{Market: "B", Size: 1, Price: 94_50}, &Alert{18_949_460, 19_459_450}},
		// Closed at 94.50; A remains: equity the same, maintenance 10.
		{Fact{Market: "B", Size: -2_002, Price: 94_50}, nil},
	} {
		alert, raised, err := a.Apply(&step.fact)
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		if raised != (step.alert != nil) || raised && alert != *step.alert {
			t.Errorf("step %d: alert %v %+v, wanted %+v", i, raised, alert, step.alert)
		}
	}
	want := Account{Cash: 218_949_460, Positions: []Position{{"A", -1_000, 200_00}}}
	if !reflect.DeepEqual(a, want) {
		t.Errorf("the account ends as %+v, wanted %+v", a, want)
	}
}

// TestMaintenanceEdge: equity that equals maintenance is enough; maintenance that is shown is rounded up.
func TestMaintenanceEdge(t *testing.T) {
	for _, c := range []struct {
		deposit int64
		raised  bool
		shown   int64
	}{
		{500, false, 0}, // one 0.001 at 10.00 needs 0.0005
		{499, true, 500},
	} {
		a := Account{Cash: c.deposit}
		alert, raised, err := a.Apply(&Fact{Market: "M", Size: 1, Price: 10_00})
		if err != nil || raised != c.raised || alert.Maintenance != c.shown {
			t.Errorf("deposit %d: %v %+v %v", c.deposit, raised, alert, err)
		}
	}
	var a Account
	if alert, raised, err := a.Apply(&Fact{Market: "M", Size: 1, Price: 1}); err != nil || !raised || alert != (Alert{0, 1}) {
		t.Errorf("a twentieth of 0.00001 rounds up to 0.000001: %v %+v %v", raised, alert, err)
	}
}

func TestDoesNotFit(t *testing.T) {
	for _, f := range []Fact{
		{Amount: math.MaxInt64},
		{Market: "M", Size: math.MaxInt64 / 5, Price: 10},
		{Market: "M", Size: math.MinInt64, Price: 1},
		{Market: "M", Size: 1, Price: 1, Fee: math.MinInt64},
	} {
		a := Account{Cash: 1}
		if _, _, err := a.Apply(&f); err == nil {
			t.Errorf("%+v was applied: %+v", f, a)
		}
	}
}

func TestStateRoundTrip(t *testing.T) {
	for _, a := range []Account{
		{},
		{Cash: math.MinInt64},
		{Cash: 5, Positions: []Position{{"A", -7, 1}, {"LONG-NAME-PERP", math.MaxInt64, math.MaxInt64}}},
	} {
		b := a.AppendState(nil)
		var back Account
		if err := back.ParseState(b); err != nil || string(back.AppendState(nil)) != string(b) {
			t.Errorf("%+v came back as %+v: %v", a, back, err)
		}
		for cut := range len(b) {
			var short Account
			if err := short.ParseState(b[:cut]); err == nil && string(short.AppendState(nil)) != string(b[:cut]) {
				t.Errorf("%d of %d bytes were read as %+v", cut, len(b), short)
			}
		}
	}
}

func TestParseDecimal(t *testing.T) {
	for _, c := range []struct {
		text  string
		scale int
		want  int64
		fails bool
	}{
		{"0", 2, 0, false},
		{"12.5", 2, 1250, false},
		{"-0.001", 3, -1, false},
		{"100", 0, 100, false},
		{"9223372036854775807", 0, math.MaxInt64, false},
		{"9223372036854775808", 0, 0, true},
		{"92233720368547758.07", 2, math.MaxInt64, false},
		{"92233720368547758.07", 3, 0, true},
		{"1.005", 2, 0, true},
		{"", 2, 0, true},
		{"-", 2, 0, true},
		{".5", 2, 0, true},
		{"5.", 2, 0, true},
		{"1.2.3", 4, 0, true},
		{"1e3", 4, 0, true},
	} {
		got, err := ParseDecimal(c.text, c.scale)
		if (err != nil) != c.fails || !c.fails && got != c.want {
			t.Errorf("%q at %d: %d, %v", c.text, c.scale, got, err)
		}
	}
}
