package runner

import (
	"slices"
	"testing"

	"marginledger/events"
	"marginledger/peers/task"
)

// reduce runs the world through the reference and through the integers of package task.
func reduce(t *testing.T, seed uint64) (ref, ints *outcome) {
	t.Helper()
	r, o := newReference(), new(outcome)
	accounts := make(map[string]*task.Account)
	n := 0
	err := newWorld(500, seed).facts(20_000, func(owner string, body events.Body) error {
		n++
		id := number(int64(n), 0).Decimal().String()
		r.apply(owner, id, body)
		a := accounts[owner]
		if a == nil {
			a = new(task.Account)
			accounts[owner] = a
		}
		fact, err := factOf(body)
		if err != nil {
			return err
		}
		alert, raised, err := a.Apply(fact)
		if raised {
			o.alerts = append(o.alerts, alertLine(owner, id, number(alert.Equity, task.CashScale).Decimal(), number(alert.Maintenance, task.CashScale).Decimal()))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for owner, a := range accounts {
		o.accounts = append(o.accounts, accountLine(owner, a))
	}
	o.sort()
	return r.outcome(), o
}

func factOf(body events.Body) (*task.Fact, error) {
	if d, ok := body.(*events.Deposit); ok {
		amount, err := d.Amount.Int64At(task.CashScale)
		return &task.Fact{Amount: amount}, err
	}
	f := body.(*events.Fill)
	size, err := f.Size.Int64At(task.SizeScale)
	if err != nil {
		return nil, err
	}
	if f.Side == events.Sell {
		size = -size
	}
	price, err := f.Price.Int64At(task.PriceScale)
	if err != nil {
		return nil, err
	}
	fee, err := f.Fee.Int64At(task.CashScale)
	return &task.Fact{Market: f.Market, Size: size, Price: price, Fee: fee}, err
}

// TestReference: decimals and integers agree, and about one fact in a hundred has an output.
func TestReference(t *testing.T) {
	digests := make(map[string]bool)
	for seed := range uint64(5) {
		ref, ints := reduce(t, seed)
		if err := ints.same(ref); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		if ints.digest() != ref.digest() {
			t.Errorf("seed %d: equal outcomes have digests %s and %s", seed, ints.digest(), ref.digest())
		}
		if n := len(ref.alerts); n < 180 || n > 240 {
			t.Errorf("seed %d: %d outputs of 20,000 facts", seed, n)
		}
		digests[ref.digest()] = true
	}
	if again, _ := reduce(t, 0); !digests[again.digest()] || len(digests) != 5 {
		t.Errorf("a seed must make the same facts again, and another one others: %v", digests)
	}
}

// TestCompare: whatever is changed is noticed, and counted as what it is.
func TestCompare(t *testing.T) {
	want := &outcome{accounts: []string{"a 1", "b 2", "c 3"}, alerts: []string{"a e1 5", "a e2 6", "b e3 7"}}
	for _, c := range []struct {
		name             string
		accounts, alerts []string
		counts           Crash
	}{
		{"equal", want.accounts, want.alerts, Crash{}},
		{"one account off", []string{"a 1", "b 2.000001", "c 3"}, want.alerts, Crash{Accounts: 1}},
		{"one account gone", []string{"a 1", "c 3"}, want.alerts, Crash{Accounts: 1}},
		{"one account more", []string{"a 1", "b 2", "bb 2", "c 3"}, want.alerts, Crash{Accounts: 1}},
		{"an output twice", want.accounts, []string{"a e1 5", "a e1 5", "a e2 6", "b e3 7"}, Crash{Twice: 1}},
		{"an output gone", want.accounts, []string{"a e1 5", "b e3 7"}, Crash{Lost: 1}},
		{"an output with other figures", want.accounts, []string{"a e1 5", "a e2 9", "b e3 7"}, Crash{Wrong: 1, Lost: 1}},
		{"an output beside the right one", want.accounts, []string{"a e1 5", "a e2 6", "a e2 9", "b e3 7"}, Crash{Wrong: 1}},
		{"nothing", nil, nil, Crash{Accounts: 3, Lost: 3}},
	} {
		have := &outcome{accounts: slices.Clone(c.accounts), alerts: slices.Clone(c.alerts)}
		err := have.same(want)
		if (err == nil) != (c.counts == Crash{}) {
			t.Errorf("%s: %v", c.name, err)
		}
		if (have.digest() == want.digest()) != (c.counts == Crash{}) {
			t.Errorf("%s: digest %s", c.name, have.digest())
		}
		if got := compare(have, want); *got != c.counts {
			t.Errorf("%s: counted %+v, wanted %+v", c.name, *got, c.counts)
		}
	}
}

func TestReport(t *testing.T) {
	r := &Report{Facts: 1000}
	for _, l := range []Lap{{Seconds: 4, CPU: 1}, {Seconds: 1, CPU: 3}, {Seconds: 2, CPU: 2}} {
		r.add("reduced", l)
	}
	e := r.Engines[0]
	if e.EPS != 500 || e.CPU != 2000 || len(e.Laps) != 3 {
		t.Errorf("the median of three laps: %+v", e)
	}
}
