package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"
	"testing"

	"marginledger/internal/bench"
)

// asLedger, in the environment, makes this executable the ledger, and so whatever it starts: tests measure processes.
const asLedger = "MARGINLEDGER_TEST_PROCESS"

func TestMain(m *testing.M) {
	if os.Getenv(asLedger) == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:]))
}

// ledgerProcess returns the command that runs this executable as the ledger.
func ledgerProcess(t *testing.T) []string {
	t.Setenv(asLedger, "1")
	return os.Args[:1:1]
}

// TestBenchMeasuresProcesses runs what starts processes, at small sizes.
func TestBenchMeasuresProcesses(t *testing.T) {
	only := []string{"demo_eps", "demo_rss_mb", "restart_100k_s", "stop_takeover_s", "liq_latency_embedded_p50_ms", "liq_latency_embedded_p99_ms"}
	doc, err := bench.Run(t.Context(), bench.Options{Only: only, Quick: true, Command: ledgerProcess(t), Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range doc.Figures {
		if f.Value <= 0 {
			t.Errorf("%s is %v", f.Name, f.Value)
		}
		if f.Name != "demo_rss_mb" { // not every system says it
			names = append(names, f.Name)
		}
	}
	if want := slices.DeleteFunc(only, func(s string) bool { return s == "demo_rss_mb" }); !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
}

// TestBenchJSON holds standard output to one document.
func TestBenchJSON(t *testing.T) {
	process := ledgerProcess(t)
	out, err := exec.Command(process[0], append(process[1:], "bench", "--quick", "--json", "--only", "decode_json_ns,encode_ns,verify_eps")...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Machine map[string]any
		Date    string
		Figures []map[string]any
	}
	if err := json.Unmarshal(out, &doc); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	if len(doc.Figures) != 3 || doc.Figures[2]["name"] != "verify_eps" || doc.Figures[0]["name"] != "decode_json_ns" || doc.Figures[1]["name"] != "encode_ns" || doc.Machine["cores"] == nil || doc.Date == "" {
		t.Errorf("%s", out)
	}
	for _, key := range []string{"value", "unit", "goal"} {
		if _, ok := doc.Figures[0][key]; !ok {
			t.Errorf("a figure has no %s: %s", key, out)
		}
	}
}
