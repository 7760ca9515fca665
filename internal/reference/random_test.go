package reference

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"marginledger/events"
	"marginledger/internal/simulate/stream"
	"marginledger/projector"
)

// randomStream makes the stream of a seed; its later facts answer what apply says is announced of
// the earlier ones.
func randomStream(seed uint64, o stream.Options, apply func(*projector.Record) []events.Output) []projector.Record {
	o.Watch = apply
	return stream.Random(rand.New(rand.NewPCG(seed, 0)), o)
}

// window is small, so that ids leave it.
const window = 40

// On random streams every asset sums to zero after every record, sequences are dense, ids say where
// an output stands, and everything that the profile can announce is announced by some stream:
// otherwise these streams would prove little of the fold that is held against the model.
func TestRandomStreams(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(60) {
		m, i := New(0, window), -1
		var seqs [events.Streams]uint64
		randomStream(seed, stream.Options{Records: 300}, func(r *projector.Record) []events.Output {
			i++
			out, dead, postings, duplicate := m.Apply(r)
			for _, venue := range stream.Venues {
				for asset, sum := range m.TrialBalance(venue) {
					if !sum.IsZero() {
						t.Fatalf("seed %d, record %d: %s of %s sums to %s", seed, i, asset, venue, sum)
					}
				}
			}
			if duplicate {
				seen["duplicate"]++
			}
			for k, o := range out {
				seen[o.Kind.String()+o.Rule+o.Reason]++
				seqs[o.Kind.Stream()]++
				if want := events.OutputID(0, uint64(i+1), uint32(k)); o.ID != want || o.Seq != seqs[o.Kind.Stream()] {
					t.Fatalf("seed %d, record %d: id %s seq %d, want %s %d", seed, i, o.ID, o.Seq, want, seqs[o.Kind.Stream()])
				}
			}
			seqs[events.StreamDeadLetters] += uint64(len(dead))
			for _, p := range postings {
				seen["posting "+p.Cause.String()]++
			}
			return out
		})
	}
	want := []string{"duplicate"}
	for _, rule := range ruleOrder {
		want = append(want, "Violation"+rule)
	}
	for k := events.KindMarginCallCleared; k <= events.KindPortfolioStopTriggered; k++ {
		want = append(want, k.String())
	}
	for c := projector.CauseDeposit; c <= projector.CauseMargin; c++ {
		want = append(want, "posting "+c.String())
	}
	for _, reason := range []string{
		"skipped", "bad_json", "wrong_role", "wrong_partition", "time_in_future", "sequence_reset", "id_reused", "unknown_venue",
		"unknown_market", "unknown_asset", "market_settled", "too_many_digits", "out_of_range", "leg_mismatch", "leg_overclosed",
		"mode_switch_without_margin", "opening_state_not_first", "wrong_funding_mode", "unknown_profile", "scale_changed", "bad_params", "already_listed", "bad_value", "not_supported",
	} {
		want = append(want, "DeadLetter"+reason)
	}
	for _, w := range want {
		if seen[w] == 0 {
			t.Errorf("no stream has: %s", w)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		t.Logf("%6d %s", seen[name], name)
	}
}
