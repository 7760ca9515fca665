package projector_test

import (
	"math/rand/v2"
	"testing"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/internal/simulate/stream"
	"marginledger/projector"
)

// scaled returns n as a number of units of 10^-scale.
func scaled(t *testing.T, n events.Number, scale int) fixed.Int128 {
	t.Helper()
	v := n.Coef
	for range scale - int(n.Scale) {
		v = v.Mul(10)
	}
	return v
}

// What Sums reads out of rows is what accounts have: balances and collateral, each side by itself; and together with
// the system accounts it is nothing.
func TestSums(t *testing.T) {
	for seed := range uint64(5) {
		s := projector.New(projector.Config{})
		records := stream.Random(rand.New(rand.NewPCG(11, seed)), stream.Options{Records: 2000})
		for i := range records {
			s.Apply(&records[i])
		}
		sums := projector.NewSums()
		accounts, mixed := 0, 0
		net := map[string]fixed.Int128{} // receivables − liabilities
		scale := map[string]int{}
		s.EachRow(func(r projector.Row) {
			a, err := sums.Row(r.Key, r.Value)
			if err != nil {
				t.Fatalf("seed %d: row %q: %v", seed, r.Key, err)
			}
			if a == nil {
				return
			}
			accounts++
			scale[a.Venue] = a.Scale
			f := s.Account(a.Venue, a.Owner, a.Subaccount)
			if f == nil {
				t.Fatalf("seed %d: no account %s/%s/%d", seed, a.Venue, a.Owner, a.Subaccount)
			}
			have, owe := map[string]fixed.Int128{}, map[string]fixed.Int128{}
			add := func(asset string, n events.Number) {
				if v := scaled(t, n, a.Scale); v.Sign() > 0 {
					have[asset] = have[asset].Add(v)
				} else {
					owe[asset] = owe[asset].Sub(v)
				}
			}
			for _, b := range f.Balances {
				add(b.Asset, b.Amount)
			}
			for _, p := range f.Pools[1:] {
				add("USDC", p.Collateral)
			}
			last := ""
			for _, x := range a.Assets {
				if x.Asset <= last {
					t.Errorf("%s behind %s", x.Asset, last)
				}
				last = x.Asset
				if x.Liabilities != have[x.Asset] || x.Receivables != owe[x.Asset] {
					t.Errorf("seed %d: %s/%s/%d has %v and owes %v of %s, want %v and %v", seed, a.Venue, a.Owner, a.Subaccount,
						x.Liabilities, x.Receivables, x.Asset, have[x.Asset], owe[x.Asset])
				}
				if !x.Liabilities.IsZero() && !x.Receivables.IsZero() {
					mixed++
				}
				delete(have, x.Asset)
				delete(owe, x.Asset)
				k := a.Venue + " " + x.Asset
				net[k] = net[k].Add(x.Receivables).Sub(x.Liabilities)
			}
			for asset, v := range have {
				if !v.IsZero() || !owe[asset].IsZero() {
					t.Errorf("seed %d: %s/%s/%d lacks %s", seed, a.Venue, a.Owner, a.Subaccount, asset)
				}
			}
		})
		t.Logf("seed %d: %d accounts, %d sums with both sides", seed, accounts, mixed)
		if accounts == 0 {
			t.Fatal("no accounts")
		}
		seen := map[string]bool{}
		for _, x := range sums.Systems() {
			k := x.Venue + " " + x.Asset
			seen[k] = true
			want := string(net[k].Append(nil, scale[x.Venue]))
			if x.Amount.String() != want {
				t.Errorf("seed %d: system accounts hold %s of %s, accounts owe %s more than they have", seed, x.Amount, k, want)
			}
		}
		for k, v := range net {
			if !seen[k] && !v.IsZero() {
				t.Errorf("seed %d: no system account of %s", seed, k)
			}
		}
	}
}

// FuzzSums: damaged rows are refused, never a panic.
func FuzzSums(f *testing.F) {
	s := projector.New(projector.Config{})
	records := stream.Random(rand.New(rand.NewPCG(3, 7)), stream.Options{Records: 300})
	for i := range records {
		s.Apply(&records[i])
	}
	var rows []projector.Row
	s.EachRow(func(r projector.Row) {
		rows = append(rows, projector.Row{Key: append([]byte(nil), r.Key...), Value: append([]byte(nil), r.Value...)})
		f.Add(r.Key, r.Value)
	})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		sums := projector.NewSums()
		for _, r := range rows {
			if string(r.Key) >= string(key) {
				break
			}
			if _, err := sums.Row(r.Key, r.Value); err != nil {
				t.Fatal(err)
			}
		}
		a, err := sums.Row(key, value)
		if err != nil || a == nil {
			return
		}
		for _, x := range a.Assets {
			if x.Liabilities.Sign() < 0 || x.Receivables.Sign() < 0 {
				t.Fatalf("%+v", a)
			}
		}
	})
}
