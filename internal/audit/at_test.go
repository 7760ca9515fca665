package audit

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"marginledger/events"
	"marginledger/projector"
)

// At any point, named any way, the state is what it was, to the byte: from the cluster and from an archive.
func TestAt(t *testing.T) {
	w := newWorld(t)
	w.noting = true
	rng := rngOf(seed(t))
	w.random(rng, 600)
	ctx := context.Background()
	pasts := []*Past{w.past(), w.archive(ArchiveOptions{Snapshots: true})}
	check := func(to Point, n int) {
		t.Helper()
		m, err := pasts[rng.IntN(2)].At(ctx, 0, to, nil)
		if err != nil {
			t.Fatalf("%v: %v", to, err)
		}
		wanted := &w.notes[n-1]
		if m.N != uint64(n) || digest(m.Fold) != wanted.rows {
			t.Fatalf("%v: the state after record %d, expected %d", to, m.N, n)
		}
		whole := n == len(w.notes) || w.notes[n].cut > wanted.cut
		if m.Inside() == whole || m.Last != nil && (m.Last.N != m.N || m.Last.Source != placeName(wanted.source, wanted.offset)) {
			t.Fatalf("%v: inside %v, last %v", to, m.Inside(), m.Last)
		}
		if at := m.When(); at.N != uint64(n) || at.Inside == whole || at.Cut != m.Head.Cut {
			t.Fatalf("%+v", at)
		}
	}
	for range 40 {
		n := 1 + rng.IntN(len(w.notes))
		at := &w.notes[n-1]
		check(Point{N: uint64(n)}, n)
		check(Point{Source: at.source, Offset: at.offset}, n)
		if at.clock > 0 {
			to := at.clock - int64(rng.IntN(2))
			last := 0
			for i := range w.notes {
				if w.notes[i].clock <= to {
					last = i + 1
				}
			}
			check(Point{Time: to}, last)
			check(Point{Time: to, Venue: "x"}, last)
		}
		c := rng.IntN(len(w.cuts))
		check(Point{Cut: uint64(c + 1)}, int(w.cuts[c].Head.Counters.N))
	}
	check(End, len(w.notes))
	for _, cut := range w.bases(t) { // where the fold begins
		check(Point{Cut: cut}, int(w.cuts[cut-1].Head.Counters.N))
		check(Point{N: w.cuts[cut-1].Head.Counters.N}, int(w.cuts[cut-1].Head.Counters.N))
	}
	check(Point{Time: day.UnixNano() + 1e18}, len(w.notes))

	for _, to := range []Point{{Cut: 1 << 40}, {N: 1 << 40}, {Source: projector.Source{Topic: "nowhere"}}, {Source: projector.Source{Topic: accountTopic}, Offset: 1 << 40},
		{Time: day.UnixNano(), Venue: "nowhere"}} {
		var bad *UsageError
		if _, err := w.past().At(ctx, 0, to, nil); !errors.As(err, &bad) {
			t.Errorf("%v: %v", to, err)
		}
	}
	ranged := w.archive(ArchiveOptions{FromCut: w.bases(t)[0] + 1})
	var bad *UsageError
	if _, err := ranged.At(ctx, 0, Point{N: 3}, nil); !errors.As(err, &bad) || !strings.Contains(err.Error(), "begins behind cut") {
		t.Errorf("before an archive's range: %v", err)
	}
}

// A mark of the future that is a dead letter does not pass the time, and the one behind it does.
func TestAtTimeBehindADeadLetter(t *testing.T) {
	w := newWorld(t)
	w.noting = true
	w.listed()
	e := &events.Event{ID: "bad", Type: events.TypeMarkPrice, Version: 1, Venue: "x", Time: day.UnixNano() + 9e9, Body: &events.MarkPrice{Market: "NONE", Mark: num(1)}}
	w.raw(priceTopic, []byte("x"), events.AppendProto(nil, e))
	w.deposit("alice", 5)
	w.at += 1e9
	w.mark("BTC", 50_001)
	w.cut()
	m, err := w.past().At(context.Background(), 0, Point{Time: day.UnixNano()}, nil)
	if err != nil || m.N != uint64(len(w.notes)-1) || digest(m.Fold) != w.notes[len(w.notes)-2].rows {
		t.Fatalf("record %d of %d, %v", m.N, len(w.notes), err)
	}
}

// Two venues have two clocks.
func TestAtTimeOfAVenue(t *testing.T) {
	w := newWorld(t)
	w.listed()
	e := &events.Event{ID: "other", Type: events.TypeVenueProfileSet, Version: 1, Venue: "y", Time: day.UnixNano(),
		Body: &events.VenueProfileSet{Profile: "standard", ProfileVersion: "1", SettlementAsset: "USDC", ValueScale: 12}}
	w.raw(configTopic, []byte("y"), events.AppendProto(nil, e))
	w.at += 1e9
	n := w.n
	w.mark("BTC", 50_001)
	w.cut()
	if _, err := w.past().At(context.Background(), 0, Point{Time: day.UnixNano()}, nil); err == nil || !strings.Contains(err.Error(), "clock of its own") {
		t.Fatal(err)
	}
	for venue, want := range map[string]uint64{"x": uint64(n + 1), "y": uint64(n + 2)} {
		m, err := w.past().At(context.Background(), 0, Point{Time: day.UnixNano(), Venue: venue}, nil)
		if err != nil || m.N != want {
			t.Fatalf("%s: %+v, %v", venue, m, err)
		}
	}
}

// What is shown of an account is what the API showed: the figures of the fold.
func TestAccountAt(t *testing.T) {
	w, _, _ := story(t)
	ctx := context.Background()
	bob := Account{"x", "bob", 0}
	a, err := w.past().AccountAt(ctx, bob, Point{Cut: 5}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text := a.String()
	if num(*a.Account.Cross.Equity).Cmp(num("4999.5")) != 0 || !strings.Contains(text, "account x/bob/0") || a.At.Cut != 5 || a.At.Inside {
		t.Fatalf("%s", text)
	}
	later, err := w.past().AccountAt(ctx, bob, End, nil)
	if err != nil || len(later.Account.Cross.CallLevels) == 0 || num(later.Account.Cross.Positions[0].UnrealisedPnL).Cmp(num(-3600)) != 0 {
		t.Fatalf("%v, %v", later, err)
	}
	if text, err := json.Marshal(later); err != nil || !strings.Contains(string(text), `"clocks":[{"venue":"x","time":"2025-10-10T12:00:00Z"}]`) {
		t.Fatalf("%s, %v", text, err)
	}
	var bad *UsageError
	if _, err := w.past().AccountAt(ctx, Account{"x", "bob", 0}, Point{Cut: 1}, nil); !errors.As(err, &bad) {
		t.Fatal(err)
	}
	l, err := w.past().LedgerAt(ctx, nil, Point{Cut: 6}, nil)
	if err != nil || len(l.Shards[0].Markets) != 2 || l.Shards[0].Markets[0].Market != "BTC" || num(*l.Shards[0].Markets[0].Mark).Cmp(num(48800)) != 0 || l.Shards[0].Totals.Accounts != 3 {
		t.Fatalf("%v, %v", l, err)
	}
}

func TestParsePoint(t *testing.T) {
	for _, text := range []string{"end", "cut:7", "n:9", "a.b-c/3@44", "2025-10-10T12:00:00Z", "2025-10-10T12:00:00.000000001Z/demo"} {
		p, err := ParsePoint(text)
		if err != nil || p.String() != text {
			t.Errorf("%q reads as %v, %v", text, p, err)
		}
	}
	for _, text := range []string{"", "7", "cut:", "cut:0", "cut:-1", "n:x", "a@4", "a/b@4", "a/-1@4", "a/1@-4", "/1@4", "yesterday", "1969-01-01T00:00:00Z", "2500-01-01T00:00:00Z", "n:99999999999999999999"} {
		if p, err := ParsePoint(text); err == nil {
			t.Errorf("%q reads as %v", text, p)
		}
	}
	if a, err := ParseAccount("x/we/ird/7"); err != nil || a != (Account{"x", "we/ird", 7}) || a.String() != "x/we/ird/7" {
		t.Errorf("%+v, %v", a, err)
	}
	for _, text := range []string{"", "x", "x/y", "x/y/z", "/y/0", "x//0", "x/y/-1", "x/y/4294967296"} {
		if a, err := ParseAccount(text); err == nil {
			t.Errorf("%q reads as %v", text, a)
		}
	}
}
