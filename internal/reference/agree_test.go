package reference

import (
	"bytes"
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
	streamsFlag = flag.Uint64("streams", 120, "streams of TestAgree")
)

// The fold and the model announce the same bytes, post the same lines and find the same duplicates,
// record by record, on random streams; and at the end accounts have the same figures, in the live
// shard and in its rows. A stream on which they differ is made as short as it can be before it is
// printed.
func TestAgree(t *testing.T) {
	for seed := *seedFlag; seed < *seedFlag+*streamsFlag; seed++ {
		agree(t, seed, stream.Options{Records: 250})
	}
}

// They agree too where a market has many holders and its mark moves little and often: there the fold
// must know, without looking at most pools, which of them it could hurt.
func TestAgreeOnManyAccounts(t *testing.T) {
	for seed := *seedFlag; seed < *seedFlag+max(1, *streamsFlag/50); seed++ {
		agree(t, seed, stream.Options{Records: 2500, Accounts: 40, Markets: 2, Calm: 70})
	}
}

// They agree on which ids are still remembered where a repeat is as old as the window is long.
func TestAgreeOnTheWindow(t *testing.T) {
	x := newExchange(t)
	p := newPair()
	var deposits []*projector.Record
	for i := range 4 * window {
		deposits = append(deposits, x.record("a", 0, &events.Deposit{Asset: "USDC", Amount: n("1")}))
		p.apply(deposits[i])
		if age := window - 1 + i%3; i >= age && i%7 == 0 {
			p.apply(deposits[i-age])
		}
	}
	if d := p.end(); d != nil {
		t.Error(d.text)
	}
}

func agree(t *testing.T, seed uint64, o stream.Options) {
	t.Helper()
	p := newPair()
	records := randomStream(seed, o, p.apply)
	first := p.end()
	if first == nil {
		return
	}
	records = shrink(records, func(less []projector.Record) bool {
		d := disagree(less)
		return d != nil && d.sort == first.sort // else shrinking ends at another difference
	})
	t.Fatalf("they disagree; to repeat:\n  go test ./internal/reference -run '^%s$' -seed %d -streams 1\n%s\n%s",
		t.Name(), seed, listing(records), disagree(records).text)
}

// pair applies the same records to the model and to the fold.
type pair struct {
	model *Model
	shard *projector.Shard
	n     int
	first *difference // nil while they agree
}

// difference is where the fold and the model part.
type difference struct {
	sort string // of the first lines that differ
	text string
}

func newPair() *pair {
	return &pair{model: New(0, window), shard: projector.New(projector.Config{Shard: 0, DedupeWindow: window, Postings: true})}
}

func (p *pair) apply(r *projector.Record) []events.Output {
	p.n++
	outputs, dead, postings, duplicate := p.model.Apply(r)
	if p.first != nil {
		return outputs
	}
	defer func() {
		if panicked := recover(); panicked != nil {
			p.first = &difference{"panic", fmt.Sprintf("record %d: panic: %v", p.n, panicked)}
		}
	}()
	e := p.shard.Apply(r)
	if d := compare(lines(outputs, dead, postings, duplicate), lines(e.Outputs, e.DeadLetters, e.Postings, e.Duplicate)); d != nil {
		p.first = &difference{d.sort, fmt.Sprintf("record %d:\n%s", p.n, d.text)}
	}
	return outputs
}

// end compares the figures of all accounts and returns the first difference of the run, or nil.
func (p *pair) end() *difference {
	rows := map[string][]byte{}
	p.shard.EachRow(func(r projector.Row) { rows[string(r.Key)] = bytes.Clone(r.Value) })
	view := projector.OpenView(func(key []byte) ([]byte, bool, error) {
		value, ok := rows[string(key)]
		return value, ok, nil
	})
	for _, venue := range stream.Venues {
		owners, subs := p.model.Accounts(venue)
		for i, owner := range owners {
			want := modelFigures(p.model.Account(venue, owner, subs[i]))
			stored, err := view.Account(venue, owner, subs[i])
			if err != nil {
				return &difference{"view", err.Error()}
			}
			for name, f := range map[string]*projector.AccountFigures{"live": p.shard.Account(venue, owner, subs[i]), "stored": stored} {
				if p.first != nil || f == nil {
					return cmp.Or(p.first, &difference{"no account", owner})
				}
				if d := compare(want, foldFigures(f)); d != nil {
					return &difference{"figures " + d.sort, fmt.Sprintf("%s figures of %s/%s/%d\n%s", name, venue, owner, subs[i], d.text)}
				}
			}
		}
	}
	return p.first
}

// disagree applies records to both and returns the first difference, or nil.
func disagree(records []projector.Record) *difference {
	p := newPair()
	for i := range records {
		p.apply(&records[i])
	}
	return p.end()
}

func compare(want, got []line) *difference {
	var d *difference
	for k := range max(len(want), len(got)) {
		at := func(list []line) line {
			if k < len(list) {
				return list[k]
			}
			return line{"nothing", "nothing"}
		}
		w, g := at(want), at(got)
		if w == g {
			continue
		}
		if d == nil {
			d = &difference{sort: w.sort + " against " + g.sort}
		}
		d.text += fmt.Sprintf("model: %s\nfold:  %s\n", w.text, g.text)
	}
	return d
}

// line is one effect of a record.
type line struct{ sort, text string }

// lines writes effects as text. Postings are put in order: the books do not say which line is first.
func lines(outputs []events.Output, dead []events.DeadLetterBody, postings []projector.Posting, duplicate bool) []line {
	var out []line
	if duplicate {
		out = append(out, line{"duplicate", "duplicate"})
	}
	for i := range outputs {
		o := &outputs[i]
		out = append(out, line{fmt.Sprint(o.Kind, o.Rule, o.Reason, o.Stale), string(o.AppendJSON(nil))})
	}
	for i := range dead {
		out = append(out, line{"body", string(dead[i].AppendJSON(nil))})
	}
	sorted := slices.Clone(postings)
	slices.SortFunc(sorted, func(a, b projector.Posting) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Asset, b.Asset), cmp.Compare(a.Cause, b.Cause),
			cmp.Compare(a.Market, b.Market), a.Amount.Cmp(b.Amount))
	})
	for _, p := range sorted {
		text := fmt.Sprintf("posting %s %s %s %s %s %s", p.Venue, p.Account, p.Asset, p.Cause, p.Market, p.Amount)
		out = append(out, line{"posting " + p.Cause.String(), text})
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
	records := randomStream(1, stream.Options{Records: 100}, nil)
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
}
