package e2e

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"marginledger/events"
	"marginledger/internal/eventlog"
)

// The service as a user meets it: a configuration, topics, a doctor that has nothing to say, facts in, answers out.
func TestService(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cluster(t), 2)
	w.ledger(0, []string{"0 fail"}, "doctor")
	if out := w.ledger(0, nil, "topics", "create"); strings.Contains(out, "created") {
		t.Errorf("topics were made twice:\n%s", out)
	}
	w.ledger(0, []string{"shards: 2  # " + w.config + ":4"}, "run", "--print-config")

	h := w.hand()
	h.market()
	m := w.member()
	m.dir = filepath.Join(w.dir, "data") // as the configuration says
	m.start()
	m.await("/readyz", 200, "ready")
	m.await("/healthz", 200, "ok")
	var answer struct {
		At struct {
			Shard int32
			Cut   uint64
			Hash  string
		}
		Account struct {
			Cross struct {
				Equity, MaintenanceMargin string
				Positions                 []struct{ Market, Size, UnrealisedPnL string }
			}
		}
	}
	if err := json.Unmarshal([]byte(m.await("/v1/accounts/v/alice/0", 200, `"mark":"110`)), &answer); err != nil {
		t.Fatal(err)
	}
	cross := answer.Account.Cross
	if cross.Equity != "1020" || cross.MaintenanceMargin != "5.5" || len(cross.Positions) != 1 || cross.Positions[0].UnrealisedPnL != "20" {
		t.Errorf("alice is %+v", answer)
	}
	h.of("alice", &events.Withdrawal{Asset: "USD", Amount: number("900")})
	h.mark("40")
	w.awaitCaughtUp()
	m.await("/v1/accounts/v/alice/0", 200, `"stage":"bankrupt"`)
	shard := []string{"0", "1"}[answer.At.Shard]
	m.await("/v1/liquidations?shard="+shard, 200, "PoolBankrupt")
	m.await("/metrics", 200, `ledger_announcements_total{kind="PoolBankrupt",shard="`+shard+`"} 1`)
	m.await("/openapi.json", 200, "/v1/accounts/{venue}/{owner}/{sub}")
	m.stop()
	if !strings.Contains(m.log.text(), "ledger has ended") {
		t.Errorf("it says nothing at its end:\n%s", m.log.text())
	}
	if got := w.audit(); got.deadLetters > 0 {
		t.Errorf("%+v", got)
	}
	verify := []string{"verify", "--config", w.config}
	wants(w.ctx, t, 0, []string{"shard 0", "shard 1"}, "replay", verify...)

	// An announcement that is there twice is found.
	topic := w.settings().OutputTopics[events.StreamLiquidations]
	got, err := w.read(w.ctx, topic, answer.At.Shard)
	if err != nil || len(got) == 0 {
		t.Fatalf("%d records, %v", len(got), err)
	}
	again := got[len(got)-1]
	if _, err := h.producer.Produce(w.ctx, topic, answer.At.Shard, []eventlog.ProduceRecord{{Key: again.Key, Value: again.Value}}); err != nil {
		t.Fatal(err)
	}
	wants(w.ctx, t, 1, []string{"difference", topic}, "replay", verify...)
}
