package api_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"marginledger/internal/api"
	"marginledger/internal/pipeline"
)

// TestMetricsAreDocumented compares the metrics of a shard that has everything with the list in docs/operations.md.
func TestMetricsAreDocumented(t *testing.T) {
	one := map[string]uint64{"x": 1}
	m := api.NewMetrics("test", func() []pipeline.Status {
		return []pipeline.Status{{Shard: 2, Ready: true, Cut: 7, ByType: one, ByKind: one, Reasons: one, Rules: one, Waiting: "ex/0",
			Sources: []pipeline.SourceStatus{{Topic: "ex", Partition: 3, Lag: 5, Failing: "away"}}}}
	})
	m.OrderAcked(2, time.Millisecond)
	m.Published(2, time.Millisecond)
	f := &fake{}
	s := serveWith(t, f, m.Registry)
	get(t, s.URL+"/v1/accounts/v/alice/0")
	_, body := get(t, s.URL+"/metrics")
	for _, want := range []string{
		`ledger_source_lag{partition="3",shard="2",topic="ex"} 5`, `ledger_source_failing{partition="3",shard="2",topic="ex"} 1`,
		`ledger_cut{shard="2"} 7`, `ledger_dead_letters_total{reason="x",shard="2"} 1`, `ledger_order_ack_seconds_count{shard="2"} 1`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
	served := make(map[string]bool)
	for _, match := range regexp.MustCompile(`(?m)^# TYPE (ledger_\w+) `).FindAllStringSubmatch(body, -1) {
		served[match[1]] = true
	}
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := make(map[string]bool)
	for _, match := range regexp.MustCompile("(?m)^\\| `(ledger_\\w+)` \\|").FindAllStringSubmatch(string(page), -1) {
		listed[match[1]] = true
		if !served[match[1]] {
			t.Errorf("docs/operations.md lists %s, which is not served", match[1])
		}
	}
	for name := range served {
		if !listed[name] {
			t.Errorf("docs/operations.md does not list %s", name)
		}
	}
}
