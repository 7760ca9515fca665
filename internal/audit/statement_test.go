package audit

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"marginledger/events"
	"marginledger/internal/orderlog"
	"marginledger/projector"
)

// Between any two points, of any account, the lines of a statement lead from what the account held to what it held.
func TestStatementAddsUp(t *testing.T) {
	w := newWorld(t)
	w.noting = true
	rng := rngOf(seed(t))
	w.random(rng, 500)
	ctx := context.Background()
	p := w.archive(ArchiveOptions{Snapshots: true})
	dir := t.TempDir()
	random := func() Point {
		n := rng.IntN(len(w.notes))
		switch at := &w.notes[n]; rng.IntN(4) {
		case 0:
			return Point{Source: at.source, Offset: at.offset}
		case 1:
			return Point{Cut: uint64(1 + rng.IntN(len(w.cuts)))}
		case 2:
			if at.clock > 0 {
				return Point{Time: at.clock}
			}
		}
		return Point{N: uint64(n + 1)}
	}
	lines := 0
	for range 60 {
		from, to := random(), random()
		a, err := p.At(ctx, 0, from, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := p.At(ctx, 0, to, nil)
		if err != nil {
			t.Fatal(err)
		}
		if a.N > b.N {
			from, to, a, b = to, from, b, a
		}
		account := Account{"x", fmt.Sprintf("owner-%d", rng.IntN(12)), 0}
		s, err := p.Statement(ctx, account, StatementOptions{From: &from, To: to, Index: dir})
		if err != nil {
			t.Fatalf("%v from %v to %v: %v", account, from, to, err)
		}
		for end, m := range map[string]*Moment{"opening": a, "closing": b} {
			held := map[holdingKey]events.Number{}
			for _, x := range m.Fold.Money(account.Venue, account.Owner, 0) {
				held[holdingKey{x.Pool, x.Asset}] = events.NumberOf(x.Amount, x.Scale)
			}
			for _, h := range s.Holdings {
				got := h.Opening
				if end == "closing" {
					got = h.Closing
				}
				want, ok := held[holdingKey{h.Pool, h.Asset}]
				if !ok {
					want = zero
				}
				if got != want {
					t.Fatalf("%v from %v to %v: %s %s in %s is %v, it held %v", account, from, to, end, h.Asset, h.Pool, got, want)
				}
				delete(held, holdingKey{h.Pool, h.Asset})
			}
			if len(held) > 0 {
				t.Fatalf("%v from %v to %v: %s lacks %v", account, from, to, end, held)
			}
		}
		sums := map[holdingKey]events.Number{}
		for _, h := range s.Holdings {
			sums[holdingKey{h.Pool, h.Asset}] = h.Opening
		}
		for i := range s.Lines {
			l := &s.Lines[i]
			k := holdingKey{l.Pool, l.Asset}
			sums[k] = sum(sums[k], l.Amount)
			if l.Balance != sums[k] {
				t.Fatalf("%v: behind line %d: %v, it says %v", account, i, sums[k], l.Balance)
			}
			if l.N <= a.N || l.N > b.N {
				t.Fatalf("%v: line of record %d, outside of %d to %d", account, l.N, a.N, b.N)
			}
			if n := w.notes[l.N-1]; l.Source != placeName(n.source, n.offset) || l.Cut != n.cut+1 {
				t.Fatalf("%v: record %d lies at %s in cut %d, the line says %s in cut %d", account, l.N, placeName(n.source, n.offset), n.cut+1, l.Source, l.Cut)
			}
			steps := zero
			for _, f := range l.Steps {
				steps = sum(steps, f.Amount)
			}
			if len(l.Steps) > 0 && steps != l.Amount {
				t.Fatalf("%v: steps of %v add up to %v", account, l.Amount, steps)
			}
			lines++
		}
		for _, h := range s.Holdings {
			if sums[holdingKey{h.Pool, h.Asset}] != h.Closing {
				t.Fatalf("%v: lines lead to %v, closing is %v", account, sums[holdingKey{h.Pool, h.Asset}], h.Closing)
			}
		}
	}
	if lines == 0 {
		t.Fatal("no line at all")
	}
}

// hours is a position over three rates of funding, settled twice.
func hours(t *testing.T) *world {
	w := newWorld(t)
	w.listed()
	w.deposit("ann", 10_000)
	w.trade("ann", "BTC", events.Buy, 2)
	w.cut()
	for i, rate := range []string{"0.0001", "-0.00003", "0.0000333333"} {
		w.at += 3600e9
		w.fact("", &events.FundingRate{Market: "BTC", Rate: num(rate), Price: num(50_000 + i)})
		w.mark("BTC", 50_000+int64(i))
		w.cut()
	}
	w.trade("ann", "BTC", events.Sell, 1)
	w.fact("", &events.FundingRate{Market: "BTC", Rate: num("0.0001"), Price: num(50_000)})
	w.trade("ann", "BTC", events.Sell, 1)
	w.cut()
	return w
}

// A line of funding is split by the rates that it settles; the last takes the rounding.
func TestStatementFunding(t *testing.T) {
	w := hours(t)
	s, err := w.past().Statement(context.Background(), Account{"x", "ann", 0}, StatementOptions{Index: t.TempDir(), Figures: true})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range s.Lines {
		if l.Cause == "funding" {
			text := l.Amount.String() + " ="
			for _, f := range l.Steps {
				text += " " + f.Amount.String()
			}
			got = append(got, text)
		}
	}
	// −2·0.0001·50000, −2·−0.00003·50001, −2·0.0000333333·50002; then −1·0.0001·50000.
	if text := strings.Join(got, "; "); text != "-10.3334033332 = -10 3.00006 -3.3334633332; -5 = -5" {
		t.Errorf("funding: %s", text)
	}
	if len(s.Markets) != 1 || s.Markets[0].Funding != num("-15.3334033332") || s.Markets[0].Realised != num(4) {
		t.Errorf("%+v", s.Markets)
	}
	if s.Closing == nil || num(*s.Closing.Account.Cross.Equity) != s.Holdings[0].Closing || s.Opening != nil {
		t.Errorf("%+v", s.Closing)
	}
}

// The index grows with the order log; what is damaged, or of another past, is made again.
func TestIndexGrows(t *testing.T) {
	w := newWorld(t)
	rng := rngOf(seed(t))
	dir, ctx, account := t.TempDir(), context.Background(), Account{"x", "owner-3", 0}
	check := func(segments int) {
		t.Helper()
		s, err := w.past().Statement(ctx, account, StatementOptions{Index: dir})
		if err != nil {
			t.Fatal(err)
		}
		fresh, err := w.past().Statement(ctx, account, StatementOptions{Index: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Lines) != len(fresh.Lines) || fmt.Sprint(s.Holdings, s.Totals, s.Markets) != fmt.Sprint(fresh.Holdings, fresh.Totals, fresh.Markets) || s.Chain != fresh.Chain {
			t.Fatalf("%v\nmade anew:\n%v", s, fresh)
		}
		files, err := filepath.Glob(filepath.Join(dir, "shard-000", "*.mlpost"))
		if err != nil || len(files) != segments {
			t.Fatalf("%q, expected %d segments", files, segments)
		}
	}
	for i := range 3 {
		w.random(rng, 200)
		check(i + 1)
	}
	check(3)

	damage := func(name string) {
		path := filepath.Join(dir, "shard-000", name)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)-20] ^= 1
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	damage("0001.mlpost") // and the state is of a later cut
	check(1)
	w.random(rng, 100)
	check(2)
	damage(indexState)
	w.random(rng, 100)
	check(1)

	w.cuts[0].Cut.Hash[0] ^= 1 // another ledger, as long
	other := newWorld(t)
	other.random(rngOf(77), 900)
	s, err := other.past().Statement(ctx, account, StatementOptions{Index: dir})
	if err != nil || s.Chain.Hash != other.last.Cut.Hash {
		t.Fatalf("%v, %v", s, err)
	}
}

// An index whose postings do not add up to what the account held is refused.
func TestIndexMustAddUp(t *testing.T) {
	w := hours(t)
	p := w.past()
	x, err := p.Index(context.Background(), t.TempDir(), 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	s := &statementMaker{past: p, index: x, out: &Statement{}, to: bound{n: 1 << 40}}
	s.key.Venue, s.key.Owner = "x", "ann"
	if err := s.read(); err != nil {
		t.Fatal(err)
	}
	s.held[holdingKey{"cross", "USDC"}].now = s.held[holdingKey{"cross", "USDC"}].now.Neg()
	carried := holdings{{"cross", "USDC"}: {now: s.held[holdingKey{"cross", "USDC"}].now.Neg()}}
	if err := s.compare(carried, x.end()); !orderlog.IsCorruption(err) {
		t.Fatal(err)
	}
	if err := s.compare(holdings{}, x.end()); !orderlog.IsCorruption(err) {
		t.Fatal(err)
	}
}

// Whatever ids and names are, a page has no markup of theirs and a spreadsheet no formula.
func TestStatementEscapes(t *testing.T) {
	w := newWorld(t)
	w.listed()
	owner := `<b>"&'=1+1`
	e := &events.Event{ID: `=HYPERLINK("http://x","y")<script>`, Type: events.TypeDeposit, Version: 1, Venue: "x", Time: day.UnixNano(), Owner: owner,
		Body: &events.Deposit{Asset: "USDC", Amount: num(5)}}
	w.raw(accountTopic, []byte(owner), events.AppendProto(nil, e))
	w.fact(owner, &events.Withdrawal{Asset: "USDC", Amount: num(2)})
	w.cut()
	s, err := w.past().Statement(context.Background(), Account{"x", owner, 0}, StatementOptions{Index: t.TempDir(), Figures: true})
	if err != nil {
		t.Fatal(err)
	}
	var page, table bytes.Buffer
	if err := errors.Join(s.WriteHTML(&page), s.WriteCSV(&table)); err != nil {
		t.Fatal(err)
	}
	if text := page.String(); strings.Contains(text, "<script") || strings.Contains(text, "<b>") || !strings.Contains(text, "&lt;script&gt;") || !strings.Contains(text, "@media print") {
		t.Errorf("%s", text)
	}
	rows, err := csv.NewReader(&table).ReadAll()
	if err != nil || len(rows) != 5 {
		t.Fatalf("%q, %v", rows, err)
	}
	if rows[2][4] != `'=HYPERLINK("http://x","y")<script>` || rows[3][10] != "-2" || rows[4][6] != "closing" || rows[4][11] != "3" {
		t.Errorf("%q", rows)
	}
}

// What cannot be told is said to be so.
func TestStatementRefuses(t *testing.T) {
	w := newWorld(t)
	w.random(rngOf(5), 300)
	ctx, dir := context.Background(), t.TempDir()
	ranged := w.archive(ArchiveOptions{FromCut: w.bases(t)[1] + 1})
	first := Point{N: 1}
	for what, ask := range map[string]func() error{
		"nobody": func() error {
			_, err := w.past().Statement(ctx, Account{"x", "nobody", 0}, StatementOptions{Index: dir})
			return err
		},
		"before the range": func() error {
			_, err := ranged.Statement(ctx, Account{"x", "owner-1", 0}, StatementOptions{From: &first, Index: t.TempDir()})
			return err
		},
		"behind the end": func() error {
			_, err := w.past().Statement(ctx, Account{"x", "owner-1", 0}, StatementOptions{To: Point{Cut: 1 << 40}, Index: dir})
			return err
		},
		"a place that is not there": func() error {
			_, err := w.past().Statement(ctx, Account{"x", "owner-1", 0}, StatementOptions{To: Point{Source: projector.Source{Topic: accountTopic}, Offset: 1 << 40}, Index: dir})
			return err
		},
	} {
		var bad *UsageError
		if err := ask(); !errors.As(err, &bad) {
			t.Errorf("%s: %v", what, err)
		}
	}
	s, err := ranged.Statement(ctx, Account{"x", "owner-1", 0}, StatementOptions{Index: t.TempDir()})
	if err != nil || len(s.Holdings) == 0 || s.Holdings[0].Opening == zero {
		t.Errorf("a range has an opening balance: %v, %v", s, err)
	}
}
