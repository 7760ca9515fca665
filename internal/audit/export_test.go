package audit

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"marginledger/events"
	"marginledger/internal/table"
)

// Both formats hold the same: every posting of the range, whose sums are zero, its announcements, and what there is at its
// end.
func TestExport(t *testing.T) {
	w := newWorld(t)
	w.random(rngOf(seed(t)), 400)
	ctx, p := context.Background(), w.archive(ArchiveOptions{Snapshots: true})
	from, to := Point{N: 100}, Point{Cut: uint64(len(w.cuts) - 2)}
	m, err := p.At(ctx, 0, to, nil)
	if err != nil {
		t.Fatal(err)
	}
	dirs := map[table.Format]string{}
	var exports []*Export
	for _, f := range []table.Format{table.Parquet, table.CSV} {
		dirs[f] = t.TempDir()
		x, err := p.Export(ctx, ExportOptions{From: &from, To: to, Format: f, Dir: dirs[f]})
		if err != nil || x.Cuts[0].N != m.N {
			t.Fatalf("%+v, %v", x, err)
		}
		exports = append(exports, x)
	}
	postings, err := parquet.ReadFile[postingRow](filepath.Join(dirs[table.Parquet], "postings.parquet"))
	if err != nil || int64(len(postings)) != exports[0].Tables["postings.parquet"] || len(postings) == 0 {
		t.Fatalf("%d postings of %v, %v", len(postings), exports[0].Tables, err)
	}
	sums := map[string]events.Number{}
	for i := range postings {
		r := &postings[i]
		if r.N <= 100 || uint64(r.N) > m.N || (r.Owner == "") == (r.System == "") {
			t.Fatalf("%+v", r)
		}
		k := fmt.Sprint(r.N, r.Asset)
		if _, ok := sums[k]; !ok {
			sums[k] = zero
		}
		sums[k] = sum(sums[k], num(r.Amount.String()))
	}
	for k, s := range sums { // unordered: each must be zero
		if s != zero {
			t.Errorf("record and asset %s: postings sum to %v", k, s)
		}
	}
	accounts, err := parquet.ReadFile[accountRow](filepath.Join(dirs[table.Parquet], "accounts.parquet"))
	if err != nil || len(accounts) == 0 {
		t.Fatal(err)
	}
	a := m.Fold.Account("x", accounts[0].Owner, 0)
	if accounts[0].Equity.String() != events.NumberOf(a.Pools[0].Equity.Coef, int(a.Pools[0].Equity.Scale)).String() {
		t.Errorf("equity %v, expected %v", accounts[0].Equity, a.Pools[0].Equity)
	}
	liquidations, err := parquet.ReadFile[liquidationRow](filepath.Join(dirs[table.Parquet], "liquidations.parquet"))
	if err != nil || len(liquidations) == 0 {
		t.Fatalf("no announcements: %v", err)
	}
	if o, err := events.ParseOutput([]byte(liquidations[0].Value)); err != nil || o.ID != liquidations[0].ID {
		t.Errorf("%+v, %v", liquidations[0], err)
	}
	for file, rows := range exports[1].Tables { // unordered: each is compared for itself
		name := strings.TrimSuffix(file, ".csv")
		if other := exports[0].Tables[name+".parquet"]; other != rows {
			t.Errorf("%s has %d rows as CSV and %d as Parquet", name, rows, other)
		}
		f, err := os.Open(filepath.Join(dirs[table.CSV], file))
		if err != nil {
			t.Fatal(err)
		}
		cells, err := csv.NewReader(f).ReadAll()
		f.Close()
		if err != nil || int64(len(cells)) != rows+1 {
			t.Errorf("%s has %d lines for %d rows: %v", file, len(cells), rows, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dirs[table.CSV], "export.json")); err != nil {
		t.Error(err)
	}
	if _, err := p.Export(ctx, ExportOptions{From: &to, To: from, Format: table.CSV, Dir: t.TempDir()}); err == nil {
		t.Error("a range that ends before it begins")
	}
}
