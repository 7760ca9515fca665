package projector_test

import (
	"bytes"
	"fmt"
	"testing"

	"marginledger/events"
	"marginledger/projector"
)

// opened returns a shard with a venue, and a maker of records of account facts.
func opened(cfg projector.Config) (*projector.Shard, func(id string, offset int64, body events.Body) *projector.Record) {
	s := projector.New(cfg)
	venue := &events.VenueProfileSet{Profile: "standard", ProfileVersion: "1", SettlementAsset: "USDC", ValueScale: 12}
	s.Apply(&projector.Record{Source: projector.Source{Topic: "config"}, Role: events.RoleConfig, Timestamp: 1000,
		Event: &events.Event{ID: "v", Type: venue.EventType(), Venue: "x", Time: 1e9, Body: venue}})
	return s, func(id string, offset int64, body events.Body) *projector.Record {
		return &projector.Record{
			Source: projector.Source{Topic: "accounts", Partition: 3}, Offset: offset, Timestamp: 5000, Key: []byte("alice"), Value: []byte(id + fmt.Sprint(body)),
			Role:  events.RoleAccounts,
			Event: &events.Event{ID: id, Type: body.EventType(), Venue: "x", Time: 5e9, Owner: "alice", Body: body},
		}
	}
}

func deposit(amount string) events.Body {
	return &events.Deposit{Asset: "USDC", Amount: events.MustNumber(amount)}
}

func balance(t *testing.T, s *projector.Shard) string {
	t.Helper()
	a := s.Account("x", "alice", 0)
	if a == nil {
		return "no account"
	}
	if len(a.Balances) == 0 {
		return "0"
	}
	return a.Balances[0].Amount.String()
}

// TestAdmission: what is wrong with a record itself makes it a dead letter that changes nothing, in a
// fixed order of checks.
func TestAdmission(t *testing.T) {
	for _, c := range []struct {
		name string
		harm func(r *projector.Record)
		want string
	}{
		{"skipped", func(r *projector.Record) { r.Skipped, r.Event = true, nil }, "skipped"},
		{"undecodable", func(r *projector.Record) { r.Event, r.Undecodable = nil, "bad_json" }, "bad_json"},
		{"role before partition", func(r *projector.Record) { r.Role, r.WrongPartition = events.RolePrices, true }, "wrong_role"},
		{"partition before time", func(r *projector.Record) { r.WrongPartition, r.Event.Time = true, 1e18 }, "wrong_partition"},
		{"key of another owner", func(r *projector.Record) { r.Key = []byte("bob") }, "wrong_partition"},
		{"60 s ahead and a nanosecond", func(r *projector.Record) { r.Event.Time = 65e9 + 1 }, "time_in_future"},
		{"60 s ahead", func(r *projector.Record) { r.Event.Time = 65e9 }, ""},
		{"a hostile timestamp", func(r *projector.Record) { r.Timestamp = -1 << 63 }, "time_in_future"},
		{"a late timestamp", func(r *projector.Record) { r.Timestamp = 1<<63 - 1 }, ""},
		{"venue", func(r *projector.Record) { r.Event.Venue = "y" }, "unknown_venue"},
		{"asset", func(r *projector.Record) { r.Event.Body.(*events.Deposit).Asset = "EUR" }, "unknown_asset"},
		{"digits", func(r *projector.Record) {
			r.Event.Body.(*events.Deposit).Amount = events.MustNumber("0.0000000000001")
		}, "too_many_digits"},
		{"largest amount", func(r *projector.Record) {
			r.Event.Body.(*events.Deposit).Amount = events.MustNumber("1000000000000000000")
		}, ""},
		{"past the largest amount", func(r *projector.Record) {
			r.Event.Body.(*events.Deposit).Amount = events.MustNumber("1000000000000000000.000000000001")
		}, "out_of_range"},
	} {
		s, record := opened(projector.Config{})
		r := record("d1", 7, deposit("10"))
		c.harm(r)
		fx := s.Apply(r)
		if c.want == "" {
			if len(fx.Outputs) != 0 || balance(t, s) == "no account" {
				t.Errorf("%s: %+v", c.name, fx.Outputs)
			}
			continue
		}
		if len(fx.Outputs) != 1 || fx.Outputs[0].Reason != c.want || len(fx.DeadLetters) != 1 || balance(t, s) != "no account" {
			t.Errorf("%s: want %s, announced %+v, balance %s", c.name, c.want, fx.Outputs, balance(t, s))
			continue
		}
		if o := fx.Outputs[0]; o.ID != "0-2-0" || fx.DeadLetters[0].ID != o.ID || o.Source != (events.Offset{Topic: "accounts", Partition: 3, Offset: 7}) {
			t.Errorf("%s: id %s, source %v", c.name, o.ID, o.Source)
		}
	}
}

// TestDuplicatesByID: within the window the same id counts once; with another body it is a dead
// letter; what fell out of the window is new again.
func TestDuplicatesByID(t *testing.T) {
	s, record := opened(projector.Config{DedupeWindow: 2})
	steps := []struct{ id, amount, want, reason string }{
		{"a", "1", "1", ""},
		{"a", "1", "1", "duplicate"},
		{"a", "2", "1", "id_reused"},
		{"b", "1", "2", ""},
		{"a", "1", "2", "duplicate"}, // a duplicate takes no place
		{"c", "1", "3", ""},          // a falls out
		{"a", "1", "4", ""},          // b falls out
		{"c", "1", "4", "duplicate"},
		{"b", "1", "5", ""},
	}
	for i, st := range steps {
		fx := s.Apply(record(st.id, int64(i), deposit(st.amount)))
		got := ""
		if fx.Duplicate {
			got = "duplicate"
		} else if len(fx.Outputs) > 0 {
			got = fx.Outputs[0].Reason
		}
		if got != st.reason || balance(t, s) != st.want {
			t.Errorf("step %d %v: %q, balance %s", i, st, got, balance(t, s))
		}
	}
}

// TestDuplicatesBySequence: a producer's sequence is exact for ever, a gap is told, and one that starts
// anew is not mistaken for old records.
func TestDuplicatesBySequence(t *testing.T) {
	s, record := opened(projector.Config{})
	steps := []struct {
		sequence uint64
		time     int64
		want     string
		says     string
	}{
		{5, 10, "1", ""}, {6, 10, "2", ""}, {6, 10, "2", "duplicate"}, {5, 9, "2", "duplicate"},
		{9, 11, "3", "sequence_gap"}, {7, 11, "3", "duplicate"}, {1, 12, "3", "sequence_reset"}, {10, 11, "4", ""},
	}
	for i, st := range steps {
		r := record("same id, no matter", int64(i), deposit("1"))
		r.Event.Producer, r.Event.Sequence, r.Event.Time = "p", st.sequence, st.time
		fx := s.Apply(r)
		got := ""
		if fx.Duplicate {
			got = "duplicate"
		} else if len(fx.Outputs) > 0 {
			got = fx.Outputs[0].Rule + fx.Outputs[0].Reason
		}
		if got != st.says || balance(t, s) != st.want {
			t.Errorf("step %d %v: %q, balance %s", i, st, got, balance(t, s))
		}
	}
}

// TestIncomplete: an account is incomplete from its first dead letter until a correcting fact names
// the record; an undecodable record makes every account of its key's owner so.
func TestIncomplete(t *testing.T) {
	s, record := opened(projector.Config{})
	incomplete := func() bool { return s.Account("x", "alice", 0).Incomplete }
	s.Apply(record("d", 1, deposit("1")))
	broken := record("e", 2, deposit("1"))
	broken.Event, broken.Undecodable = nil, "bad_json"
	s.Apply(broken)
	foreign := record("f", 3, &events.Deposit{Asset: "EUR", Amount: events.MustNumber("1")})
	s.Apply(foreign)
	if !incomplete() {
		t.Fatal("complete after two dead letters")
	}
	answer := func(id string, offset int64) *projector.Effects {
		return s.Apply(record(id, 10+offset, &events.Adjustment{Reason: "r", DeadLetter: &events.Offset{Topic: "accounts", Partition: 3, Offset: offset}}))
	}
	if fx := answer("g", 2); !incomplete() || len(fx.Outputs) != 0 {
		t.Fatal("one of two answered:", incomplete(), fx.Outputs)
	}
	if fx := answer("h", 3); incomplete() || len(fx.Outputs) != 0 {
		t.Fatal("both answered:", incomplete(), fx.Outputs)
	}
	if fx := answer("i", 3); len(fx.Outputs) != 1 || fx.Outputs[0].Rule != "unknown_dead_letter" {
		t.Fatal("answered twice:", fx.Outputs)
	}
}

// TestDeadLetterBody: a value is kept whole up to 512 KiB; of a 10 MB record the head stays, with its
// size and digest.
func TestDeadLetterBody(t *testing.T) {
	s, record := opened(projector.Config{})
	for i, c := range []struct {
		size, kept int
		truncated  bool
	}{{events.MaxDeadLetterBody, events.MaxDeadLetterBody, false}, {events.MaxDeadLetterBody + 1, events.MaxDeadLetterHead, true}, {10 << 20, events.MaxDeadLetterHead, true}} {
		r := record("x", int64(i), deposit("1"))
		r.Event, r.Undecodable, r.Value = nil, "too_large", bytes.Repeat([]byte{'x'}, c.size)
		b := s.Apply(r).DeadLetters[0]
		if b.Size != c.size || len(b.Value) != c.kept || b.Truncated != c.truncated || len(b.Digest) != 64 || b.Seq != uint64(i+1) {
			t.Errorf("%d bytes: size %d, kept %d, truncated %v, seq %d", c.size, b.Size, len(b.Value), b.Truncated, b.Seq)
		}
	}
}

// TestLargestAccount: 256 positions at the largest admitted size and price, judged at the largest
// price, fit; one more position does not enter.
func TestLargestAccount(t *testing.T) {
	s, record := opened(projector.Config{})
	config := func(body events.Body) {
		r := record("c", 0, deposit("1"))
		r.Role, r.Key, r.Source = body.EventType().Role(), nil, projector.Source{Topic: body.EventType().Role().String()}
		r.Value = []byte(fmt.Sprint(body))
		r.Event = &events.Event{ID: string(r.Value), Type: body.EventType(), Venue: "x", Time: 5e9, Body: body}
		if fx := s.Apply(r); len(fx.DeadLetters) > 0 {
			t.Fatalf("%s: %s", body.EventType(), fx.Outputs[0].Reason)
		}
	}
	// 10^4 · 10^15 · K = 10^31 at scale 12.
	for i := range 257 {
		m := &events.MarketListed{Market: fmt.Sprint("M", i), Underlying: "U", PriceScale: 0, SizeScale: 0,
			MaxPrice: events.MustNumber("10000"), MaxSize: events.MustNumber("1000000000000000")}
		m.Rules = events.MarketRules{FundingMode: events.FundingByIndex, Tiers: []events.Tier{
			{LowerNotional: events.MustNumber("0"), MaxLeverage: 1, MaintenanceRate: events.MustNumber("1"), Deduction: events.MustNumber("0")}}}
		config(m)
		config(&events.MarkPrice{Market: m.Market, Mark: events.MustNumber("1")})
	}
	for i := range 257 {
		fx := s.Apply(record(fmt.Sprint("f", i), int64(i), &events.Fill{Market: fmt.Sprint("M", i), Leg: events.LegNet, Side: events.Sell,
			Size: events.MustNumber("1000000000000000"), Price: events.MustNumber("1"), TradeID: "t", Reason: events.ReasonTrade}))
		if dead := len(fx.DeadLetters) > 0; dead != (i == 256) {
			t.Fatalf("position %d: dead letter %v %+v", i, dead, fx.Outputs)
		} else if dead && fx.Outputs[0].Reason != "too_many_positions" {
			t.Fatal(fx.Outputs[0].Reason)
		}
	}
	for i := range 256 {
		config(&events.MarkPrice{Market: fmt.Sprint("M", i), Mark: events.MustNumber("10000")})
		config(&events.FundingRate{Market: fmt.Sprint("M", i), Rate: events.MustNumber("-1"), Price: events.MustNumber("10000")})
	}
	cross := s.Account("x", "alice", 0).Pools[0]
	// 256 · 10^15 · (1 − 10,000), and 10,000 more per contract of funding paid by shorts.
	if want := "-5119744000000000000000"; cross.Equity.String() != want || cross.Stage != events.StageBankrupt {
		t.Errorf("equity %s at stage %s, want %s", cross.Equity, cross.Stage, want)
	}
}
