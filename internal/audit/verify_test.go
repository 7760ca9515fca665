package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"marginledger/events"
	"marginledger/internal/archive"
	"marginledger/internal/eventlog"
	"marginledger/internal/orderlog"
	"marginledger/internal/pipeline"
	"marginledger/internal/store"
	"marginledger/projector"
	"marginledger/projector/margin"
	"marginledger/snapshot"
)

func verify(t testing.TB, p *Past, o VerifyOptions) *Report {
	t.Helper()
	r, err := Verify(context.Background(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// one expects exactly one difference of a kind and returns it.
func one(t testing.TB, r *Report, kind Kind) *Difference {
	t.Helper()
	var found *Difference
	for _, d := range r.Differences() {
		if d.Kind == kind {
			if found != nil {
				t.Fatalf("more than one of kind %s:\n%v", kind, r)
			}
			found = &d
		}
	}
	if found == nil || r.Agrees {
		t.Fatalf("no difference of kind %s:\n%v", kind, r)
	}
	return found
}

// want compares what a difference names; "" and 0 do not matter.
func want(t testing.TB, d *Difference, w Difference) {
	t.Helper()
	differs := func(what, got, want string) {
		if want != "" && got != want {
			t.Errorf("%s is %q, expected %q\n%v", what, got, want, d)
		}
	}
	if w.Cut > 0 && d.Cut != w.Cut {
		t.Errorf("cut %d, expected %d\n%v", d.Cut, w.Cut, d)
	}
	if w.Event != nil {
		if d.Event == nil {
			t.Fatalf("no event is named\n%v", d)
		}
		differs("source", d.Event.Source, w.Event.Source)
		differs("type", d.Event.Type, w.Event.Type)
		differs("id", d.Event.ID, w.Event.ID)
	}
	differs("place", d.Place, w.Place)
	differs("row", d.Row, w.Row)
	differs("field", d.Field, w.Field)
	differs("have", d.Have, w.Have)
	differs("want", d.Want, w.Want)
}

// A random day agrees, from the cluster with its store and snapshots, and from an archive of all of it or of a range.
func TestVerifyAgrees(t *testing.T) {
	w := newWorld(t)
	w.random(rngOf(seed(t)), 900)
	w.store()
	r := verify(t, w.past(), VerifyOptions{})
	s := &r.Shards[0]
	if !r.Agrees || len(s.States) != 3 || s.Records != w.last.Head.Counters.N || s.Hash != w.last.Cut.Hash || s.ToCut != w.last.Cut.Number || len(s.Notes) > 0 {
		t.Fatalf("%v", r)
	}
	compared := uint64(0)
	for _, o := range s.Outputs {
		compared += o.Compared
	}
	if seqs := w.last.Head.Counters.Seqs; compared != seqs[0]+seqs[1]+seqs[2] || seqs[0] == 0 || seqs[1] == 0 || seqs[2] == 0 {
		t.Fatalf("%d announcements compared of %v", compared, seqs)
	}

	whole := verify(t, w.archive(ArchiveOptions{}), VerifyOptions{})
	if !whole.Agrees || whole.Shards[0].Hash != s.Hash || whole.Shards[0].Records != s.Records || len(whole.Shards[0].States) != 2 || whole.Shards[0].Believed != 0 {
		t.Fatalf("%v", whole)
	}
	cuts := w.bases(t)
	from := cuts[0] + 3
	p := w.archive(ArchiveOptions{FromCut: from, Snapshots: true})
	if m := p.Archive.Shards[0]; m.FromCut != cuts[0]+1 || m.Base == "" || len(m.Snapshots) != 1 {
		t.Fatalf("%+v", m)
	}
	part := verify(t, p, VerifyOptions{})
	if !part.Agrees || part.Shards[0].Hash != s.Hash || part.Shards[0].Believed != cuts[0] || part.Shards[0].Records >= s.Records || len(part.Shards[0].States) != 1 {
		t.Fatalf("%v", part)
	}
	short := w.archive(ArchiveOptions{FromCut: from, ToCut: cuts[1] - 1})
	r = verify(t, short, VerifyOptions{})
	if !r.Agrees || r.Shards[0].ToCut != cuts[1]-1 {
		t.Fatalf("%v", r)
	}
	ranged := verify(t, w.past(), VerifyOptions{FromCut: from, ToCut: cuts[1]})
	if s := ranged.Shards[0]; !ranged.Agrees || s.Believed != cuts[0] || s.ToCut != cuts[1] || len(s.States) != 1 || len(s.Notes) != 1 {
		t.Fatalf("%v", ranged)
	}
	for _, o := range []VerifyOptions{{ToCut: 1 << 40}, {FromCut: 9, ToCut: 8}, {Shards: []int32{1}}} {
		var bad *UsageError
		if _, err := Verify(context.Background(), w.past(), o); !errors.As(err, &bad) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := Verify(context.Background(), short, VerifyOptions{FromCut: 1}); err != nil {
		t.Errorf("an archive of a range is verified behind its base: %v", err)
	}
}

// bases returns the cuts of the two snapshots of a random day.
func (w *world) bases(t *testing.T) (cuts []uint64) {
	list, damaged, err := w.past().manifests(t.Context(), 0)
	if err != nil || len(list) != 2 || len(damaged) > 0 {
		t.Fatalf("%v, %v, %v", list, damaged, err)
	}
	return []uint64{list[0].Head.Cut, list[1].Head.Cut}
}

// story is a short ledger whose every record is known: alice's last deposit is cut 5, and her row is not touched later.
func story(t *testing.T) (w *world, deposit, mark int64) {
	w = newWorld(t)
	w.listed() // cuts 1 and 2
	w.deposit("alice", 1000)
	w.deposit("bob", 5000)
	w.cut() // 3
	w.trade("bob", "BTC", events.Buy, 3)
	w.cut() // 4
	deposit = w.deposit("alice", 234)
	w.deposit("carol", 7)
	w.cut() // 5
	mark = w.mark("BTC", 48_800)
	w.cut() // 6
	w.mark("ETH", 3_100)
	w.cut() // 7
	w.store()
	return w, deposit, mark
}

// changeRow changes a stored row, as a fault of the store would.
func (w *world) changeRow(t *testing.T, key []byte, change func([]byte) []byte) {
	t.Helper()
	st, err := store.Open(store.ShardDir(filepath.Join(w.dir, "data"), 0), store.Options{DedupeWindow: 1000})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	view, err := st.View()
	if err != nil {
		t.Fatal(err)
	}
	value, ok, err := view.Get(key)
	if err != nil || !ok {
		t.Fatalf("row %q: %v %v", key, ok, err)
	}
	head, err := view.Head()
	if err != nil {
		t.Fatal(err)
	}
	view.Close()
	b := st.NewBatch()
	b.Row(key, change(value))
	if err := b.Commit(head); err != nil {
		t.Fatal(err)
	}
}

// One byte in a cold stored row is named by row, field, both values, and the event that wrote the row last.
func TestFaultStoredRow(t *testing.T) {
	w, deposit, _ := story(t)
	alice := projector.AccountKey(nil, "x", "alice", 0)
	fields, err := RowFields(alice, w.row(alice))
	if err != nil {
		t.Fatal(err)
	}
	at := -1
	for _, f := range fields {
		if f.Path == "balances[0].amount" {
			at = f.to - 1
		}
	}
	w.changeRow(t, alice, func(b []byte) []byte { b[at] ^= 1; return b })
	r := verify(t, w.past(), VerifyOptions{})
	d := one(t, r, KindRow)
	want(t, d, Difference{Cut: 7, Row: "account x/alice/0", Field: "balances[0].amount", Have: "1234000000000001", Want: "1234000000000000",
		Event: &EventAt{Source: fmt.Sprintf("%s/0@%d", accountTopic, deposit), Type: "Deposit"}})
	if len(r.Differences()) != 1 {
		t.Errorf("%v", r)
	}

	w.changeRow(t, alice, func([]byte) []byte { return nil })
	d = one(t, verify(t, w.past(), VerifyOptions{}), KindRow)
	want(t, d, Difference{Row: "account x/alice/0", Field: "row", Have: "absent", Want: "present"})
}

func (w *world) row(key []byte) []byte {
	return bytes.Clone(w.rec.Fold().(*projector.Shard).Row(key))
}

// A byte on disk that Pebble's own checksum finds: the rows of the block are named.
func TestFaultStoreBlock(t *testing.T) {
	w := newWorld(t)
	w.listed()
	for i := range 3000 {
		w.deposit(fmt.Sprintf("owner-%04d", i), 1+i)
	}
	w.store()
	dir := store.ShardDir(filepath.Join(w.dir, "data"), 0)
	st, err := store.Open(dir, store.Options{DedupeWindow: 1000}) // opening again flushes the log to a table
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("opening a store again made no table: %v", err)
	}
	b, err := os.ReadFile(tables[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(tables[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	d := one(t, verify(t, w.past(), VerifyOptions{}), KindRow)
	if d.Row == "" || !strings.Contains(d.Have, "cannot be read") || d.Want == "" {
		t.Errorf("%v", d)
	}
}

// otherRules folds with another rate of maintenance from the listing on: a build whose rules were changed.
type otherRules struct{ *projector.Shard }

func (f otherRules) Apply(r *projector.Record) *projector.Effects {
	if r.Event != nil {
		if listed, ok := r.Event.Body.(*events.MarketListed); ok && listed.Market == "ETH" {
			listed.Rules.Tiers[0].MaintenanceRate = num("0.02")
			listed.Rules.Tiers[1].Deduction = num(500)
		}
	}
	return f.Shard.Apply(r)
}

// A changed rule is named by the first cut that it changed, the row and the field, and the event.
func TestFaultChangedRule(t *testing.T) {
	w, _, _ := story(t)
	p := w.past()
	p.NewFold = func(c projector.Config) pipeline.Fold { return otherRules{projector.New(c)} }
	r := verify(t, p, VerifyOptions{})
	listing := &EventAt{Source: configTopic + "/0@2", Type: "MarketListed"}
	want(t, one(t, r, KindChain), Difference{Cut: 1, Event: listing, Row: "market x/ETH", Field: "tiers[0].rate", Have: "10000000", Want: "20000000"})
	want(t, one(t, r, KindRow), Difference{Cut: 7, Event: listing, Row: "market x/ETH", Field: "tiers[0].rate"})
}

// laterCalls announces calls with another level: the announcement is named, with the event.
type laterCalls struct{ *projector.Shard }

func (f laterCalls) Apply(r *projector.Record) *projector.Effects {
	fx := f.Shard.Apply(r)
	for i := range fx.Outputs {
		if fx.Outputs[i].Kind == events.KindMarginCall && fx.Outputs[i].Level.Cmp(num("1.5")) == 0 {
			fx.Outputs[i].Equity = events.Number{Coef: fx.Outputs[i].Equity.Coef.Add(margin.MaxBalance), Scale: 12, Present: true}
		}
	}
	return fx
}

func TestFaultChangedRuleOfAnnouncements(t *testing.T) {
	w, _, mark := story(t)
	p := w.past()
	p.NewFold = func(c projector.Config) pipeline.Fold { return laterCalls{projector.New(c)} }
	r := verify(t, p, VerifyOptions{})
	cause := &EventAt{Source: fmt.Sprintf("%s/0@%d", priceTopic, mark), Type: "MarkPrice"}
	d := one(t, r, KindOutput)
	want(t, d, Difference{Cut: 6, Event: cause, Field: "equity", Have: "1399.5", Want: "1000000000001399.5"})
	want(t, one(t, r, KindChain), Difference{Cut: 6, Event: cause, Field: "equity"})
}

// A dropped event, of an input, is named by its place; of an output topic, by its sequence and what it said.
func TestFaultDroppedEvent(t *testing.T) {
	t.Run("input", func(t *testing.T) {
		w, deposit, _ := story(t)
		w.drop(accountTopic, deposit)
		want(t, one(t, verify(t, w.past(), VerifyOptions{}), KindInput), Difference{Cut: 5, Place: fmt.Sprintf("%s/0@%d", accountTopic, deposit), Have: "no record"})
	})
	t.Run("input, from an archive", func(t *testing.T) {
		w, deposit, _ := story(t)
		w.drop(accountTopic, deposit)
		want(t, one(t, verify(t, w.archive(ArchiveOptions{}), VerifyOptions{}), KindInput), Difference{Cut: 5, Place: fmt.Sprintf("%s/0@%d", accountTopic, deposit)})
	})
	t.Run("input, offsets closed up", func(t *testing.T) {
		w, deposit, _ := story(t)
		recs := w.log.parts[partName(accountTopic, 0)]
		w.drop(accountTopic, deposit)
		for o := deposit + 1; o < int64(len(recs)); o++ {
			w.edit(accountTopic, o, func(r *eventlog.Record) { r.Offset-- })
		}
		want(t, one(t, verify(t, w.past(), VerifyOptions{}), KindInput), Difference{Cut: 5, Place: fmt.Sprintf("%s/0@%d", accountTopic, deposit+1)})

		// With a record behind, nothing is missing: the chain tells, and the row of the record that came in between.
		e := &events.Event{ID: "late", Type: events.TypeDeposit, Version: 1, Venue: "x", Time: day.UnixNano(), Owner: "dave", Body: &events.Deposit{Asset: "USDC", Amount: num(1)}}
		w.append(accountTopic, []byte("dave"), events.AppendProto(nil, e))
		r := verify(t, w.past(), VerifyOptions{})
		dave := Difference{Row: "account x/dave/0", Field: "row", Have: "absent", Want: "present", Event: &EventAt{Source: fmt.Sprintf("%s/0@%d", accountTopic, deposit+1), ID: "late"}}
		want(t, one(t, r, KindRow), dave)
		dave.Cut = 5
		want(t, one(t, r, KindChain), dave)
	})
	t.Run("announcement", func(t *testing.T) {
		w, _, mark := story(t)
		w.drop("ledger.liquidations.v1", 1)
		d := one(t, verify(t, w.past(), VerifyOptions{}), KindOutput)
		want(t, d, Difference{Cut: 6, Event: &EventAt{Source: fmt.Sprintf("%s/0@%d", priceTopic, mark), Type: "MarkPrice"}})
		if d.Have != "" || !strings.Contains(d.Want, `"seq":2,`) || !strings.Contains(d.What, "sequence 2 is missing") {
			t.Errorf("%v", d)
		}
	})
	t.Run("last announcement", func(t *testing.T) {
		w, _, _ := story(t)
		n := len(w.log.parts["ledger.liquidations.v1/0"])
		w.drop("ledger.liquidations.v1", int64(n-1))
		d := one(t, verify(t, w.past(), VerifyOptions{}), KindOutput)
		want(t, d, Difference{Have: fmt.Sprintf("up to sequence %d", n-1), Want: fmt.Sprintf("up to sequence %d", n)})
	})
}

// Announcements that come twice, or of which the order log knows nothing, are named.
func TestFaultAnnouncements(t *testing.T) {
	w, _, _ := story(t)
	first := w.log.parts["ledger.liquidations.v1/0"][0]
	n := w.append("ledger.liquidations.v1", first.Key, first.Value)
	d := one(t, verify(t, w.past(), VerifyOptions{}), KindOutput)
	want(t, d, Difference{Place: fmt.Sprintf("ledger.liquidations.v1/0@%d", n), Have: string(first.Value), Want: "nothing"})

	w, _, _ = story(t)
	w.edit("ledger.liquidations.v1", 0, func(r *eventlog.Record) {
		r.Value = bytes.Replace(r.Value, []byte(`"pool":"cross"`), []byte(`"pool":"crass"`), 1)
	})
	d = one(t, verify(t, w.past(), VerifyOptions{}), KindOutput)
	want(t, d, Difference{Cut: 6, Place: "ledger.liquidations.v1/0@0", Field: "pool", Have: "crass", Want: "cross"})
}

// An edited input is named by the first cut, and by the row that the event changed.
func TestFaultEditedInput(t *testing.T) {
	w, deposit, _ := story(t)
	w.edit(accountTopic, deposit, func(r *eventlog.Record) { r.Value = bytes.Replace(r.Value, []byte("234"), []byte("934"), 1) })
	r := verify(t, w.past(), VerifyOptions{})
	want(t, one(t, r, KindChain), Difference{Cut: 5, Event: &EventAt{Source: fmt.Sprintf("%s/0@%d", accountTopic, deposit), Type: "Deposit"},
		Row: "account x/alice/0", Field: "balances[0].amount", Have: "1234000000000000", Want: "1934000000000000"})
}

// An edited block of an archive is named by file, block and offsets, and by the first cut that needs it; whoever mends its
// checksum too is found by the digests, and who mends those, by the chain.
func TestFaultArchiveBlock(t *testing.T) {
	w, deposit, _ := story(t)
	p := w.archive(ArchiveOptions{})
	name := "in/" + accountTopic + "-000.mlarch"
	path := filepath.Join(p.Where, name)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(b, []byte("alice"))
	b[at] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	r := verify(t, w.open(p.Where), VerifyOptions{})
	place := fmt.Sprintf("%s, block 0, offsets 0 to %d", name, len(w.log.parts[partName(accountTopic, 0)])-1)
	ds := r.Differences()
	if len(ds) != 2 || ds[0].Kind != KindArchive || ds[1].Kind != KindArchive {
		t.Fatalf("%v", r)
	}
	for i := range ds {
		want(t, &ds[i], Difference{Cut: 3, Place: place})
	}

	// The same edit with everything mended that can be.
	w.edit(accountTopic, deposit, func(r *eventlog.Record) { r.Value = bytes.Replace(r.Value, []byte("234"), []byte("934"), 1) })
	mended := filepath.Join(t.TempDir(), "f")
	f, err := archive.NewWriter(mended, archive.Head{Topic: accountTopic})
	if err != nil {
		t.Fatal(err)
	}
	recs := w.log.parts[partName(accountTopic, 0)]
	for i := range recs {
		if err := f.Add(&recs[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Finish(int64(len(recs))); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(mended, path); err != nil {
		t.Fatal(err)
	}
	r = verify(t, w.open(p.Where), VerifyOptions{})
	d := one(t, r, KindArchive)
	if d.Place != name || !strings.Contains(d.What, "the index was edited too") {
		t.Errorf("%v", d)
	}
	want(t, one(t, r, KindChain), Difference{Cut: 5})
	if _, err := archive.Seal(context.Background(), p.Where, nil); err != nil {
		t.Fatal(err)
	}
	r = verify(t, w.open(p.Where), VerifyOptions{})
	if d := one(t, r, KindChain); len(r.Differences()) != 1 || d.Cut != 5 {
		t.Errorf("%v", r)
	}
}

// An edited entry of the order log is named by its place, its cut and the field.
func TestFaultOrderLog(t *testing.T) {
	type fault struct {
		name   string
		cut    uint64
		change func(*orderlog.Cut)
		kind   Kind
		field  string
	}
	for _, f := range []fault{
		{"hash", 4, func(c *orderlog.Cut) { c.Hash[3] ^= 1 }, KindOrder, "hash"},
		{"hash of the last", 7, func(c *orderlog.Cut) { c.Hash[3] ^= 1 }, KindOrder, "hash"},
		{"previous", 4, func(c *orderlog.Cut) { c.Prev[3] ^= 1 }, KindOrder, "previous"},
		{"number", 4, func(c *orderlog.Cut) { c.Number = 9 }, KindOrder, "number"},
		{"term", 4, func(c *orderlog.Cut) { c.Term = 1 }, KindOrder, "term"},
		{"digest of outputs", 6, func(c *orderlog.Cut) { c.Outputs.Digest[0] ^= 1 }, KindOrder, "outputs"},
		{"count of outputs", 4, func(c *orderlog.Cut) { c.Outputs.Counts[0] = 1 }, KindOrder, "outputs"},
		{"acknowledged", 4, func(c *orderlog.Cut) { c.Acked[0] = 77 }, KindOrder, "acknowledged of ledger.liquidations.v1"},
		{"more records", 4, func(c *orderlog.Cut) { c.Runs[0].Count++ }, KindOrder, "runs[0]"},
		{"fewer records", 3, func(c *orderlog.Cut) { c.Runs[0].Count-- }, KindInput, ""},
		{"unknown topic", 4, func(c *orderlog.Cut) { c.Runs[0].Topic = 44 }, KindOrder, "runs"},
		{"another source", 7, func(c *orderlog.Cut) { c.Runs[0].Topic = 0; c.Runs[0].Next = 9 }, KindInput, ""},
	} {
		t.Run(f.name, func(t *testing.T) {
			w, _, _ := story(t)
			offset := int64(f.cut) // behind one fence
			w.edit(orderTopic, offset, func(r *eventlog.Record) {
				entry, err := orderlog.Decode(r.Value)
				if err != nil {
					t.Fatal(err)
				}
				c := entry.(*orderlog.Cut)
				if c.Number != f.cut {
					t.Fatalf("cut %d at offset %d", c.Number, offset)
				}
				f.change(c)
				r.Value = c.Append(nil)
			})
			r := verify(t, w.past(), VerifyOptions{})
			d := Difference{Cut: f.cut, Field: f.field}
			if f.kind == KindOrder {
				d.Place = fmt.Sprintf("%s/0@%d", orderTopic, offset)
			}
			want(t, one(t, r, f.kind), d)
		})
	}
	t.Run("a flipped byte", func(t *testing.T) {
		w, _, _ := story(t)
		w.edit(orderTopic, 4, func(r *eventlog.Record) { r.Value[20] ^= 1 })
		d := one(t, verify(t, w.past(), VerifyOptions{}), KindOrder)
		want(t, d, Difference{Cut: 4, Place: orderTopic + "/0@4"})
		if !strings.Contains(d.What, "checksum") {
			t.Errorf("%v", d)
		}
	})
	t.Run("order of runs", func(t *testing.T) {
		w := newWorld(t)
		w.listed()
		w.deposit("alice", 1)
		w.mark("BTC", 49_000)
		w.cut()
		w.edit(orderTopic, 3, func(r *eventlog.Record) {
			entry, err := orderlog.Decode(r.Value)
			if err != nil {
				t.Fatal(err)
			}
			c := entry.(*orderlog.Cut)
			c.Runs[0], c.Runs[1] = c.Runs[1], c.Runs[0]
			r.Value = c.Append(nil)
		})
		want(t, one(t, verify(t, w.past(), VerifyOptions{}), KindChain), Difference{Cut: 3, Place: orderTopic + "/0@3"})
	})
}

// A snapshot that is of another state than the fold, and one that does not verify.
func TestFaultSnapshot(t *testing.T) {
	w := newWorld(t)
	w.listed()
	w.deposit("alice", 1000)
	w.cut()
	alice := projector.AccountKey(nil, "x", "alice", 0)
	state := &foldedState{rowChanger{w.rec.Fold().(*projector.Shard), alice}, w.last.Head}
	m, err := snapshot.Take(t.Context(), w.snapshots(), state, snapshot.TakeOptions{Now: day})
	if err != nil {
		t.Fatal(err)
	}
	place := fmt.Sprintf("%s in %v", m.FileName(), w.snapshots())
	w.mark("BTC", 49_000)
	w.cut()
	d := one(t, verify(t, w.past(), VerifyOptions{}), KindSnapshot)
	want(t, d, Difference{Cut: 3, Place: place, Row: "account x/alice/0", Field: "funded", Have: "false", Want: "true", Event: &EventAt{Type: "Deposit"}})
	d = one(t, verify(t, w.archive(ArchiveOptions{}), VerifyOptions{}), KindSnapshot)
	want(t, d, Difference{Cut: 3, Field: "identity"})

	path := filepath.Join(string(w.snapshots()), m.FileName())
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, one(t, verify(t, w.past(), VerifyOptions{}), KindSnapshot), Difference{Cut: 3, Place: place})
	path = filepath.Join(string(w.snapshots()), m.ManifestName())
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, one(t, verify(t, w.past(), VerifyOptions{}), KindSnapshot), Difference{Place: w.snapshots().String()})
}

// rowChanger hands out one row with another byte.
type rowChanger struct {
	*projector.Shard
	key []byte
}

func (f rowChanger) EachRow(fn func(projector.Row)) {
	f.Shard.EachRow(func(r projector.Row) {
		if bytes.Equal(r.Key, f.key) {
			fields, err := RowFields(r.Key, r.Value)
			if err != nil {
				panic(err)
			}
			r.Value = bytes.Clone(r.Value)
			for _, x := range fields {
				if x.Path == "funded" {
					r.Value[x.from] = 0
				}
			}
		}
		fn(r)
	})
}

// A store ahead of its order log, or of another chain, is told.
func TestFaultHead(t *testing.T) {
	w, _, _ := story(t)
	w.log.parts[orderTopic+"/0"] = w.log.parts[orderTopic+"/0"][:5]
	want(t, one(t, verify(t, w.past(), VerifyOptions{}), KindHead), Difference{Cut: 7, Field: "cut", Have: "7", Want: "at most 4"})

	w, _, _ = story(t)
	head := *w.last.Head
	head.Chain[0] ^= 1
	w.storeOf(w.rec.Fold(), &head)
	want(t, one(t, verify(t, w.past(), VerifyOptions{}), KindHead), Difference{Cut: 7, Field: "chain", Want: w.last.Cut.Hash.String()})

	w, _, _ = story(t)
	head = *w.last.Head
	head.Counters.N--
	w.storeOf(w.rec.Fold(), &head)
	want(t, one(t, verify(t, w.past(), VerifyOptions{}), KindHead), Difference{Cut: 7, Field: "counters"})
}

// A dedupe window that is not the fold's.
func TestFaultWindow(t *testing.T) {
	w, _, _ := story(t)
	st, err := store.Open(store.ShardDir(filepath.Join(w.dir, "data"), 0), store.Options{DedupeWindow: 1000})
	if err != nil {
		t.Fatal(err)
	}
	b := st.NewBatch()
	b.Seen(projector.Source{Topic: accountTopic}, make([]byte, store.EntryBytes))
	if err := b.Commit(w.last.Head); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	want(t, one(t, verify(t, w.past(), VerifyOptions{}), KindWindow), Difference{Cut: 7, Have: strings.Repeat("0", 2*store.EntryBytes), Want: "none"})
}
