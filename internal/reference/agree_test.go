package reference

import (
	"cmp"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"marginledger/events"
	"marginledger/internal/simulate/stream"
	"marginledger/projector"
)

var (
	seedFlag    = flag.Uint64("seed", 0, "first seed of TestAgree")
	streamsFlag = flag.Uint64("streams", 150, "streams of TestAgree")
)

// The fold and the model announce the same bytes, post the same lines and find the same duplicates,
// record by record, on random streams; and at the end accounts have the same figures. A stream on
// which they differ is made as short as it can be before it is printed.
func TestAgree(t *testing.T) {
	for seed := *seedFlag; seed < *seedFlag+*streamsFlag; seed++ {
		records := randomStream(seed, 250)
		if disagree(records) == "" {
			continue
		}
		records = shrink(records, func(r []projector.Record) bool { return disagree(r) != "" })
		t.Fatalf("they disagree; to repeat:\n  go test ./internal/reference -run TestAgree -seed %d -streams 1\n%s\n%s", seed, listing(records), disagree(records))
	}
}

// disagree applies records to both and returns the first difference, or "".
func disagree(records []projector.Record) (difference string) {
	defer func() {
		if p := recover(); p != nil {
			difference = fmt.Sprintf("panic: %v", p)
		}
	}()
	model := New(0, window)
	shard := projector.New(projector.Config{Shard: 0, DedupeWindow: window, Postings: true})
	for i := range records {
		outputs, dead, postings, duplicate := model.Apply(&records[i])
		e := shard.Apply(&records[i])
		if d := compare(outputs, dead, postings, duplicate, e); d != "" {
			return fmt.Sprintf("at record %d of %d:\n%s", i+1, len(records), d)
		}
	}
	return ""
}

func compare(outputs []events.Output, dead []events.DeadLetterBody, postings []projector.Posting, duplicate bool, e *projector.Effects) string {
	want, got := lines(outputs, dead, postings), lines(e.Outputs, e.DeadLetters, e.Postings)
	if duplicate != e.Duplicate {
		return fmt.Sprintf("duplicate: model %v, fold %v", duplicate, e.Duplicate)
	}
	if slices.Equal(want, got) {
		return ""
	}
	var b strings.Builder
	for k := range max(len(want), len(got)) {
		at := func(list []string) string {
			if k < len(list) {
				return list[k]
			}
			return "nothing"
		}
		if at(want) != at(got) {
			fmt.Fprintf(&b, "model: %s\nfold:  %s\n", at(want), at(got))
		}
	}
	return b.String()
}

// lines writes effects as text. Postings are put in order: the books do not say which line is first.
func lines(outputs []events.Output, dead []events.DeadLetterBody, postings []projector.Posting) []string {
	var out []string
	for i := range outputs {
		out = append(out, string(outputs[i].AppendJSON(nil)))
	}
	for i := range dead {
		out = append(out, string(dead[i].AppendJSON(nil)))
	}
	sorted := slices.Clone(postings)
	slices.SortFunc(sorted, func(a, b projector.Posting) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Asset, b.Asset), cmp.Compare(a.Cause, b.Cause),
			cmp.Compare(a.Market, b.Market), a.Amount.Cmp(b.Amount))
	})
	for _, p := range sorted {
		out = append(out, fmt.Sprintf("posting %s %s %s %s %s %s", p.Venue, p.Account, p.Asset, p.Cause, p.Market, p.Amount))
	}
	return out
}

// shrink drops records, in ever smaller runs, for as long as what is left still fails.
func shrink(records []projector.Record, fails func([]projector.Record) bool) []projector.Record {
	for size := len(records) / 2; size > 0; size /= 2 {
		for at := len(records) - size; at >= 0; at -= size {
			if at+size > len(records) {
				continue
			}
			if less := slices.Delete(slices.Clone(records), at, at+size); fails(less) {
				records = less
			}
		}
	}
	return records
}

func listing(records []projector.Record) string {
	var b strings.Builder
	for i, r := range records {
		fmt.Fprintf(&b, "%3d %s@%d %s", i+1, r.Source.Topic, r.Offset, r.Value)
		if r.Event == nil || r.WrongPartition {
			fmt.Fprintf(&b, " key=%s undecodable=%q skipped=%v wrong partition=%v", r.Key, r.Undecodable, r.Skipped, r.WrongPartition)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Shrinking ends with a stream of which no record can be left out.
func TestShrink(t *testing.T) {
	records := randomStream(1, 100)
	needs := map[int64]bool{}
	for _, i := range []int{3, 40, 41, 90} {
		needs[records[i].Timestamp] = true
	}
	short := shrink(records, func(list []projector.Record) bool {
		found := map[int64]bool{}
		for _, r := range list {
			if needs[r.Timestamp] {
				found[r.Timestamp] = true
			}
		}
		return len(found) == len(needs)
	})
	if len(short) != len(needs) {
		t.Errorf("%d records left:\n%s", len(short), listing(short))
	}
	if stream.Venue != short[0].Event.Venue {
		t.Errorf("venue %s", short[0].Event.Venue)
	}
}
