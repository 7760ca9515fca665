package main

import (
	"encoding/json"
	"errors"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// command runs the built command and returns its exit status and standard output.
func command(t *testing.T, binary string, args ...string) (status int, stdout string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	var errText strings.Builder
	cmd.Stderr = &errText
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	t.Logf("ledger %s: status %d\n%s", strings.Join(args, " "), cmd.ProcessState.ExitCode(), errText.String())
	return cmd.ProcessState.ExitCode(), string(out)
}

// oneObject parses standard output, which must be one JSON object on one line.
func oneObject(t *testing.T, stdout string) map[string]any {
	t.Helper()
	if strings.Count(stdout, "\n") != 1 || !strings.HasSuffix(stdout, "\n") {
		t.Fatalf("standard output is not one line: %q", stdout)
	}
	var o map[string]any
	if err := json.Unmarshal([]byte(stdout), &o); err != nil {
		t.Fatalf("%v: %q", err, stdout)
	}
	return o
}

// checks returns what an object says about replay, trial balance and outputs.
func checks(o map[string]any) [3]any {
	return [3]any{o["replay_agrees"], o["trial_balance_zero"], o["outputs_exactly_once"]}
}

func TestDemo(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "ledger")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	dir := filepath.Join(t.TempDir(), "day")
	status, out := command(t, binary, "demo", "--once", "--seed", "3", "--events", "20000", "--accounts", "300", "--json", "--dir", dir)
	o := oneObject(t, out)
	want := []string{"events", "cuts", "accounts", "markets", "liquidations", "margin_calls", "bankruptcies", "violations", "dead_letters",
		"duplicates", "chain", "replay_agrees", "trial_balance_zero", "outputs_exactly_once", "seconds", "events_per_second"}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(o)); !slices.Equal(got, want) {
		t.Errorf("keys %q, want %q", got, want)
	}
	if status != 0 || checks(o) != ([3]any{true, true, true}) {
		t.Errorf("status %d: %v", status, o)
	}
	if o["events"].(float64) < 20000 || o["accounts"] != 300.0 || o["dead_letters"] != 0.0 {
		t.Errorf("%v", o)
	}

	status, out = command(t, binary, "demo", "check", "--dir", dir, "--json")
	if o := oneObject(t, out); status != 0 || len(o) != 3 || checks(o) != ([3]any{true, true, true}) {
		t.Errorf("check: status %d, %v", status, o)
	}
	if status, out := command(t, binary, "demo", "--dir", dir, "--sabotage", "flip-row"); status != 0 || out != "" {
		t.Errorf("sabotage: status %d, %q", status, out)
	}
	status, out = command(t, binary, "demo", "check", "--dir", dir, "--json")
	if o := oneObject(t, out); status != 1 || checks(o) != ([3]any{true, false, true}) {
		t.Errorf("check of a flipped row: status %d, %v", status, o)
	}
	status, out = command(t, binary, "demo", "check", "--dir", dir, "--json", "--sabotage", "drop-output")
	if o := oneObject(t, out); status != 1 || checks(o) != ([3]any{true, false, false}) {
		t.Errorf("check of a dropped output: status %d, %v", status, o)
	}
}
