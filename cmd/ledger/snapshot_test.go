package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"marginledger/internal/api"
	"marginledger/internal/config"
	"marginledger/internal/store"
	"marginledger/snapshot"
	"marginledger/snapshot/sumtree"
)

// An operator takes a snapshot of a running ledger, backs it up, loses the disk and restores it; the ledger goes on
// where it was. The root in the manifest is the one that an account's proof leads to.
func TestSnapshotBackupRestore(t *testing.T) {
	s := newService(t)
	data := t.TempDir()
	s.args = append(s.args, "--set", "dataDir="+data, "--set", "snapshots.auditKey="+strings.Repeat("5a", 32))
	s.start()
	before := s.await("/v1/accounts/v/alice/0", 200, `"mark":"110`)
	command := func(args ...string) []string { return append(args, s.args...) }

	out := wants(t, 0, []string{`"keyId": "`, `"liabilities": "1000"`}, command("snapshot", "--json")...)
	var answer struct{ Snapshots []api.Snapshot }
	if err := json.Unmarshal([]byte(out), &answer); err != nil || len(answer.Snapshots) != 1 {
		t.Fatalf("%v in %s", err, out)
	}
	taken := answer.Snapshots[0]
	wants(t, 0, []string{taken.Identity[:16], taken.Root.Hash}, command("snapshot", "--list")...)
	s.await("/v1/shards/0/snapshots", 200, taken.Root.Hash)
	wants(t, 1, []string{"--shard 7: the ledger has 1"}, command("snapshot", "--shard", "7")...)
	s.prove(data, &taken)

	backup, offline := filepath.Join(t.TempDir(), "backup"), t.TempDir()
	wants(t, 0, []string{"shard 0: cut", "verified"}, command("backup", "--to", backup)...)
	wants(t, 0, []string{taken.Name}, command("backup", "--latest", "--to", filepath.Join(t.TempDir(), "again"))...)
	wants(t, 1, []string{"only one ledger may run on it"}, command("backup", "--offline", "--to", offline)...)
	wants(t, 1, []string{"only one ledger may run on it"}, command("restore", "--from", backup)...)
	if status := s.end(); status != 0 {
		t.Fatalf("exit status %d", status)
	}
	wants(t, 1, []string{"take a snapshot of shard 0", "--offline"}, command("backup", "--to", backup)...)
	wants(t, 0, []string{taken.Identity[:16]}, command("backup", "--offline", "--to", offline)...)

	// The disk is lost, snapshots included; somebody restores the backup twice.
	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}
	wants(t, 0, []string{"restored cut"}, command("restore", "--from", backup)...)
	wants(t, 0, []string{"restored cut", "the store that was there is now"}, command("restore", "--from", offline, "--shard", "0")...)
	if aside := store.ShardDir(data, 0) + ".replaced-1"; !exists(aside) {
		t.Errorf("no %s", aside)
	}
	wants(t, 1, []string{"has no good snapshot of cut 9999"}, command("restore", "--from", backup, "--shard", "0", "--cut", "9999")...)
	wants(t, 1, []string{"has no good snapshot"}, command("restore", "--from", t.TempDir())...)
	wants(t, 1, []string{"set it back"}, command("restore", "--from", backup, "--set", "dedupeWindow=77")...)
	s.start()
	after := s.await("/v1/accounts/v/alice/0", 200, `"mark":"110`)
	if after != before {
		t.Errorf("before %s\nafter %s", before, after)
	}
	if status := s.end(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// prove makes alice's proof from the stored snapshot and checks it against the root that the ledger told.
func (s *service) prove(data string, taken *api.Snapshot) {
	s.t.Helper()
	c := config.Default()
	c.DataDir, c.Snapshots.AuditKey = data, strings.Repeat("5a", 32)
	from, err := c.SnapshotStore()
	if err != nil {
		s.t.Fatal(err)
	}
	key, err := c.AuditKey()
	if err != nil {
		s.t.Fatal(err)
	}
	manifests, damaged, err := snapshot.List(s.t.Context(), from, 0)
	if err != nil || len(damaged) > 0 || manifests[0].RootHash.String() != taken.Root.Hash || key.ID() != taken.Root.KeyID {
		s.t.Fatal(damaged, err)
	}
	f, done, err := snapshot.OpenFrom(s.t.Context(), from, manifests[0])
	if err != nil {
		s.t.Fatal(err)
	}
	defer done()
	head, err := f.Head()
	if err != nil {
		s.t.Fatal(err)
	}
	proof, err := sumtree.Prove(key, sumtree.AtHead(head), f.EachRow, sumtree.Account{Venue: "v", Owner: "alice"})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := proof.Check(*manifests[0].RootHash); err != nil || len(proof.Sums) != 1 {
		s.t.Error(proof.Sums, err)
	}
}
