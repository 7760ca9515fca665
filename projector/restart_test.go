package projector_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"marginledger/events"
	"marginledger/internal/simulate/stream"
	"marginledger/projector"
)

var restartSeed = flag.Uint64("restart-seed", 0, "seed of TestRestart; 0: a fixed range")

// TestRestart folds random streams twice: in one go, and with the state thrown away and restored
// from rows at random places. Announcements, dead letters and rows are the same: what is derived
// is derived completely, and shows nowhere.
func TestRestart(t *testing.T) {
	first, last := uint64(1), uint64(60)
	if *restartSeed != 0 {
		first, last = *restartSeed, *restartSeed
	}
	for seed := first; seed <= last; seed++ {
		rng := rand.New(rand.NewPCG(seed, 7))
		watched := projector.New(projector.Config{}) // so that later facts answer what was announced
		records := stream.Random(rng, stream.Options{Records: 400, Watch: func(r *projector.Record) []events.Output {
			return watched.Apply(r).Outputs
		}})
		cfg := projector.Config{DedupeWindow: 64}
		steady, restarted := projector.New(cfg), projector.New(cfg)
		kept := map[string][]byte{} // rows as a store would hold them, from TakeChanged alone
		for i := range records {
			a := announcements(steady.Apply(&records[i]))
			b := announcements(restarted.Apply(&records[i]))
			if a != b {
				t.Fatalf("seed %d, record %d: announced\n%s\nafter a restart\n%s\nrepeat: go test ./projector -run TestRestart -restart-seed %d", seed, i, a, b, seed)
			}
			if rng.IntN(20) == 0 {
				restarted = restart(t, restarted, cfg, kept)
			}
		}
		if a, b := rows(steady), rows(restarted); a != b {
			t.Fatalf("seed %d: rows differ:\n%s\nafter restarts\n%s", seed, a, b)
		}
	}
}

// restart stores what changed, and restores a shard from all that was stored.
func restart(t *testing.T, s *projector.Shard, cfg projector.Config, kept map[string][]byte) *projector.Shard {
	t.Helper()
	var last []byte
	s.TakeChanged(func(r projector.Row) {
		if bytes.Compare(last, r.Key) >= 0 {
			t.Fatalf("row %q after %q", r.Key, last)
		}
		last = bytes.Clone(r.Key)
		if r.Value == nil {
			delete(kept, string(r.Key))
			return
		}
		kept[string(r.Key)] = bytes.Clone(r.Value)
	})
	next, n := projector.New(cfg), 0
	s.EachRow(func(r projector.Row) {
		n++
		if stored := kept[string(r.Key)]; !bytes.Equal(stored, r.Value) {
			t.Fatalf("row %q is %x, stored %x: a change was not handed over", r.Key, r.Value, stored)
		}
		if err := next.LoadRow(r.Key, r.Value); err != nil {
			t.Fatal(err)
		}
	})
	if n != len(kept) {
		t.Fatalf("%d rows, %d stored: a deletion was not handed over", n, len(kept))
	}
	s.EachSeen(next.LoadSeen)
	if err := next.Loaded(s.Counters()); err != nil {
		t.Fatal(err)
	}
	return next
}

func announcements(fx *projector.Effects) string {
	var b []byte
	for i := range fx.Outputs {
		b = append(fx.Outputs[i].AppendJSON(b), '\n')
	}
	for i := range fx.DeadLetters {
		b = append(fx.DeadLetters[i].AppendJSON(b), '\n')
	}
	return fmt.Sprintf("%sduplicate %v\n", b, fx.Duplicate)
}

func rows(s *projector.Shard) string {
	var b bytes.Buffer
	s.EachRow(func(r projector.Row) { fmt.Fprintf(&b, "%q = %x\n", r.Key, r.Value) })
	return b.String()
}

// FuzzLoadRow: damaged rows are refused, never a panic.
func FuzzLoadRow(f *testing.F) {
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
		s := projector.New(projector.Config{})
		for _, r := range stored {
			if !bytes.Equal(r.Key, key) {
				if s.LoadRow(r.Key, r.Value) != nil {
					return // what refers to the row under test
				}
			} else if s.LoadRow(key, value) != nil {
				return
			}
		}
	})
}
