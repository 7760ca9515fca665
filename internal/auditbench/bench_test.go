package auditbench

import (
	"context"
	"path/filepath"
	"testing"

	"marginledger/internal/audit"
)

// A made past is one that audits agree with: hashes, announcements, snapshots; and every snapshot is one to begin behind.
func TestMadePast(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "past")
	s := Size{Accounts: 100, Markets: 5, Facts: 2000, CutRecords: 64, SnapshotRecords: 500}
	if err := Make(t.Context(), dir, s, t.Logf); err != nil {
		t.Fatal(err)
	}
	p, err := audit.OpenArchive(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	r, err := audit.Verify(t.Context(), p, audit.VerifyOptions{})
	if err != nil || !r.Agrees || r.Shards[0].Records < 2000 {
		t.Fatalf("%v, %v", r, err)
	}
	if len(p.Archive.Shards[0].Snapshots) < 3 {
		t.Errorf("snapshots %q", p.Archive.Shards[0].Snapshots)
	}
	again := filepath.Join(t.TempDir(), "again")
	if err := Make(t.Context(), again, s, t.Logf); err != nil {
		t.Fatal(err)
	}
	q, err := audit.OpenArchive(again)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	if q.Archive.Digest != p.Archive.Digest {
		t.Error("the same size makes another past")
	}
}

// Every figure is measured, of pasts that are kept and used again.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 250,000 records")
	}
	dir := t.TempDir()
	doc, err := Run(t.Context(), Options{Quick: true, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if len(doc.Figures) != len(figures) {
		t.Errorf("%v", doc)
	}
	for _, f := range doc.Figures {
		if f.Value <= 0 {
			t.Errorf("%+v", f)
		}
	}
	if doc, err = Run(t.Context(), Options{Quick: true, Dir: dir, Only: []string{atDay}}); err != nil || len(doc.Figures) != 1 {
		t.Errorf("%v, %v", doc, err)
	}
	if _, err := Run(context.Background(), Options{Only: []string{"nothing"}}); err == nil {
		t.Error("there is a figure of that name")
	}
}
