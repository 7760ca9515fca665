package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"marginledger/internal/auditbench"
)

// made makes an archive of a small day of the venue "bench".
func made(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "made")
	if err := auditbench.Make(t.Context(), dir, auditbench.Size{Accounts: 60, Markets: 4, Facts: 1500, CutRecords: 50, SnapshotRecords: 500}, func(string, ...any) {}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Every command answers from an archive alone: for people, and with --json as one document. What was asked wrongly is status 2.
func TestCommands(t *testing.T) {
	dir := made(t)
	const account = "bench/owner-0000003/0"
	key := filepath.Join(t.TempDir(), "key")
	correct := filepath.Join(t.TempDir(), "facts.json")
	assume := filepath.Join(t.TempDir(), "assume.json")
	for path, text := range map[string]string{key: strings.Repeat("5a", 32), assume: `{"hyperliquid":{"venue.params":null}}`,
		correct: `{"id":"extra","type":"Deposit","v":1,"venue":"bench","time":"2026-01-05T12:00:00Z","owner":"owner-0000003","sub":0,"asset":"USDC","amount":"200"}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args []string
		want string // in what it says to people
	}{
		{[]string{"verify"}, "everything agrees"},
		{[]string{"verify", "--from-cut", "20", "--work", filepath.Join(t.TempDir(), "w")}, "everything agrees"},
		{[]string{"at", "--cut", "5", account}, "pool cross"},
		{[]string{"at", "--n", "333"}, "inside cut 7"},
		{[]string{"at", "--time", "2026-01-05T12:00:00Z", account}, "shard time 2026-01-05T"},
		{[]string{"at", "--offset", "bench.accounts/0@70"}, "bench.accounts/0@70"},
		{[]string{"at", "--end"}, "60 accounts"},
		{[]string{"explain", account}, "equity"},
		{[]string{"diff", "cut:5", "cut:5"}, "0 rows changed"},
		{[]string{"statement", account, "--from", "cut:9", "--figures"}, "opening"},
		{[]string{"whatif", "--set", "market.*.tiers[0].maintenanceRate=0.04"}, "would have"},
		{[]string{"whatif", "--mode", "simulate", "--slippage", "0.01", "--set", "market.*.tiers[0].maintenanceRate=0.04"}, "episodes closed at the mark"},
		{[]string{"whatif", "--mark", "M000-PERP=50@2026-01-05T12:00:00Z", "--correct", correct}, "1 corrected facts"},
		{[]string{"whatif", "--drop", "bench.accounts/0@7"}, "without bench.accounts/0@7"},
		{[]string{"whatif", "--profile", "hyperliquid@2025"}, "under hyperliquid@2025"},
		{[]string{"whatif", "--compare-venues", "standard@1,hyperliquid@2025,gmx-v2@2.2", "--assume", assume}, "unknown: needs "},
		{[]string{"prove", account, "--made", "--key-file", key}, "is one of 60"},
		{[]string{"balance"}, "USDC"},
		{[]string{"export", "--format", "csv", "--out", filepath.Join(t.TempDir(), "csv")}, "postings.csv"},
		{[]string{"export", "--out", filepath.Join(t.TempDir(), "parquet")}, "postings.parquet"},
	} {
		t.Run(strings.Join(c.args[:min(len(c.args), 2)], " "), func(t *testing.T) {
			args := append([]string{c.args[0], "--archive", dir}, c.args[1:]...)
			if status, stdout, stderr := replay(args...); status != statusAgrees || !strings.Contains(stdout, c.want) || stderr != "" {
				t.Errorf("%q: status %d\n%s%s\nexpected %q", args, status, stdout, stderr, c.want)
			}
			for i, arg := range args { // An export goes to an empty folder.
				if arg == "--out" {
					args[i+1] += "-json"
				}
			}
			status, stdout, _ := replay(append(args, "--json")...)
			var v map[string]any
			if err := json.Unmarshal([]byte(stdout), &v); err != nil || status != statusAgrees || len(v) == 0 {
				t.Errorf("%q --json: status %d, %v: %s", args, status, err, stdout)
			}
		})
	}
	for _, args := range [][]string{{"at", "--cut", "999999"}, {"at", "--end", "bench/nobody/0"}, {"explain", "0-1-77"}, {"statement", "nonsense"}, {"whatif"}, {"whatif", "--set", "x"},
		{"whatif", "--drop", "e", "--slippage", "2"}, {"prove", account, "--key-file", key}, {"prove", account}, {"diff", "cut:1", "nowhere"}, {"export", "--format", "xml", "--out", "x"}} {
		if status, _, stderr := replay(append([]string{args[0], "--archive", dir}, args[1:]...)...); status != statusFailed || stderr == "" {
			t.Errorf("%q: status %d: %s", args, status, stderr)
		}
	}
	if status, _, stderr := replay("bench", "--only", "nothing"); status != statusFailed || !strings.Contains(stderr, "verify_eps") {
		t.Errorf("status %d: %s", status, stderr)
	}
}

// Differences are status 1: between two points, and of a proof that does not hold; and an archive that was edited.
func TestDifferences(t *testing.T) {
	dir := made(t)
	if status, stdout, _ := replay("diff", "--archive", dir, "cut:5", "cut:6"); status != statusDiffers || !strings.Contains(stdout, "account bench/owner-") {
		t.Errorf("status %d: %s", status, stdout)
	}
	t.Setenv("MARGINLEDGER_SNAPSHOTS_AUDIT_KEY", strings.Repeat("5a", 32))
	proof := filepath.Join(t.TempDir(), "proof.json")
	status, stdout, stderr := replay("prove", "--archive", dir, "bench/owner-0000003/0", "--made", "--out", proof)
	if status != statusAgrees {
		t.Fatalf("status %d: %s%s", status, stdout, stderr)
	}
	_, root, _ := strings.Cut(stdout, "\nroot ")
	root, _, _ = strings.Cut(root, "\n")
	if status, stdout, _ := replay("check-proof", proof, root); status != statusAgrees || !strings.HasSuffix(stdout, "the proof holds\n") {
		t.Errorf("status %d: %s", status, stdout)
	}
	if status, stdout, _ := replay("check-proof", proof, strings.Repeat("0", 64), "--json"); status != statusDiffers || !strings.Contains(stdout, `"holds":false`) {
		t.Errorf("another root: status %d: %s", status, stdout)
	}
	if status, _, _ := replay("check-proof", proof, "no root"); status != statusFailed {
		t.Errorf("no root: status %d", status)
	}
	path := filepath.Join(dir, "in", "bench.accounts-000.mlarch")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"verify"}, {"at", "--end"}, {"balance"}} {
		status, stdout, stderr := replay(append([]string{args[0], "--archive", dir}, args[1:]...)...)
		if status != statusDiffers || !strings.Contains(stdout+stderr, "in/bench.accounts-000.mlarch") {
			t.Errorf("%q of an edited archive: status %d: %s%s", args, status, stdout, stderr)
		}
	}
}

// A command that is interrupted says so, with status 2.
func TestInterrupted(t *testing.T) {
	dir := made(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range [][]string{{"verify", "--archive", dir}, {"whatif", "--archive", dir, "--drop", "x"}, {"balance", "--archive", dir}, {"at", "--archive", dir, "--end"},
		{"bench", "--quick", "--only", "verify_eps"}} {
		var out, errs strings.Builder
		if status := run(ctx, args, &out, &errs); status != statusFailed || !strings.Contains(errs.String(), "interrupted") {
			t.Errorf("%q: status %d: %s%s", args, status, out.String(), errs.String())
		}
	}
}
