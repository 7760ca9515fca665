package projector_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"marginledger/internal/simulate/stream"
	"marginledger/projector"
)

// Accounts that are parsed first and entered later make the state that loading their rows makes, and it goes on in the
// same way.
func TestParseAccount(t *testing.T) {
	for seed := range uint64(20) {
		s := projector.New(projector.Config{})
		records := stream.Random(rand.New(rand.NewPCG(19, seed)), stream.Options{Records: 900})
		for i := range records[:600] {
			s.Apply(&records[i])
		}
		loaded, parsed := projector.New(projector.Config{}), projector.New(projector.Config{})
		var waiting []projector.ParsedAccount
		enter := func() {
			for _, p := range waiting {
				if err := parsed.EnterAccount(p); err != nil {
					t.Fatal(err)
				}
			}
			waiting = nil
		}
		accounts := uint64(0)
		s.EachRow(func(r projector.Row) {
			if err := loaded.LoadRow(r.Key, r.Value); err != nil {
				t.Fatal(err)
			}
			parsed.Expect(accounts)
			p, ok, err := parsed.ParseAccount(r.Key, r.Value)
			if err != nil {
				t.Fatal(err)
			}
			if ok {
				accounts++
				waiting = append(waiting, p)
				return
			}
			enter()
			if err := parsed.LoadRow(r.Key, r.Value); err != nil {
				t.Fatal(err)
			}
		})
		enter()
		if accounts == 0 {
			t.Fatal("no accounts")
		}
		for _, x := range []*projector.Shard{loaded, parsed} {
			s.EachSeen(x.LoadSeen)
			if err := x.Loaded(s.Counters()); err != nil {
				t.Fatal(err)
			}
		}
		if rows(parsed) != rows(loaded) {
			t.Fatalf("seed %d: the rows differ", seed)
		}
		for i := range records[600:] {
			r := records[600+i]
			if want, got := announcements(loaded.Apply(&r)), announcements(parsed.Apply(&r)); got != want {
				t.Fatalf("seed %d: record %d: %s, want %s", seed, i, got, want)
			}
		}
		if rows(parsed) != rows(loaded) {
			t.Fatalf("seed %d: the rows differ in the end", seed)
		}
	}
}

// An account is entered once, and a damaged row is refused by both ways alike.
func FuzzParseAccount(f *testing.F) {
	s := projector.New(projector.Config{})
	records := stream.Random(rand.New(rand.NewPCG(3, 7)), stream.Options{Records: 300})
	for i := range records {
		s.Apply(&records[i])
	}
	var stored []projector.Row
	s.EachRow(func(r projector.Row) {
		stored = append(stored, projector.Row{Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value)})
		f.Add(r.Key, r.Value)
	})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		loaded, parsed := projector.New(projector.Config{}), projector.New(projector.Config{})
		for _, r := range stored {
			if bytes.Compare(r.Key, key) >= 0 {
				break
			}
			for _, x := range []*projector.Shard{loaded, parsed} {
				if err := x.LoadRow(r.Key, r.Value); err != nil {
					t.Fatal(err)
				}
			}
		}
		p, ok, err := parsed.ParseAccount(key, value)
		if !ok && err == nil {
			return
		}
		want := loaded.LoadRow(key, value)
		if (err == nil) != (want == nil) || err != nil && err.Error() != want.Error() {
			t.Fatalf("parsed: %v, loaded: %v", err, want)
		}
		if err != nil {
			return
		}
		if err := parsed.EnterAccount(p); err != nil || rows(parsed) != rows(loaded) {
			t.Fatalf("it was entered as something else (%v)", err)
		}
		if parsed.EnterAccount(p) == nil {
			t.Fatal("entered twice")
		}
	})
}
