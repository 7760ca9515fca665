package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"marginledger/events"
	"marginledger/internal/api"
	"marginledger/internal/config"
	"marginledger/internal/eventlog"
	"marginledger/internal/kafkatest"
)

func number(text string) events.Number {
	n, err := events.ParseNumber(text)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", text, err))
	}
	return n
}

// fact encodes an event with a number for its id.
func fact(i int, owner string, body events.Body) []byte {
	return events.AppendJSON(nil, &events.Event{
		ID: fmt.Sprintf("e-%d", i), Type: body.EventType(), Version: 1, Venue: "v",
		Time: time.Date(2026, 1, 1, 0, 0, i, 0, time.UTC).UnixNano(), Owner: owner, Body: body,
	})
}

// service is a running `ledger run` with its cluster.
type service struct {
	t        *testing.T
	cluster  *kafkatest.Cluster
	client   *eventlog.Client
	producer *eventlog.Producer
	file     string
	url      string
	args     []string
	stop     context.CancelFunc
	ended    chan int
	stderr   string // path of what it logs
}

// newService creates the topics and fills them with a small market: alice deposits 1,000 and buys 2 at 100.
func newService(t *testing.T) *service {
	k := kafkatest.Start(t)
	s := &service{t: t, cluster: k, client: k.Client(t), file: configFile(t, k)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s.url = "http://" + address
	s.args = []string{"-c", s.file, "--set", "http.address=" + address, "--set", "shards=1"}
	wants(t, 0, nil, append([]string{"topics", "create"}, s.args...)...)
	if s.producer, err = s.client.NewProducer(kafkatest.Context(t), ""); err != nil {
		t.Fatal(err)
	}
	s.produce("ex.config.v1", "v", fact(1, "", &events.VenueProfileSet{Profile: "standard", ProfileVersion: "1", SettlementAsset: "USD", ValueScale: 8}))
	s.produce("ex.config.v1", "v", fact(2, "", &events.MarketListed{Market: "BTC-PERP", Underlying: "BTC", PriceScale: 2, SizeScale: 3,
		MaxPrice: number("1000000"), MaxSize: number("1000000"), Rules: events.MarketRules{FundingMode: events.FundingByIndex,
			Tiers: []events.Tier{{LowerNotional: number("0"), MaxLeverage: 20, MaintenanceRate: number("0.025"), Deduction: number("0")}}}}))
	s.produce("ex.accounts.v1", "alice", fact(3, "alice", &events.Deposit{Asset: "USD", Amount: number("1000")}))
	s.produce("ex.accounts.v1", "alice", fact(4, "alice", &events.Fill{Market: "BTC-PERP", Leg: events.LegNet, Side: events.Buy,
		Size: number("2"), Price: number("100"), TradeID: "t", Reason: events.ReasonTrade}))
	s.produce("ex.prices.v1", "BTC-PERP", fact(5, "", &events.MarkPrice{Market: "BTC-PERP", Mark: number("110")}))
	return s
}

func (s *service) produce(topic, key string, value []byte) {
	s.t.Helper()
	_, err := s.producer.Produce(kafkatest.Context(s.t), s.cluster.Name(topic), 0, []eventlog.ProduceRecord{{Key: []byte(key), Value: value}})
	if err != nil {
		s.t.Fatal(err)
	}
}

// start runs the service in this process.
func (s *service) start() {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	s.stop, s.ended = cancel, make(chan int, 1)
	args := append([]string{"run"}, s.args...)
	log, err := os.Create(filepath.Join(s.t.TempDir(), "log"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.stderr = log.Name()
	before := os.Stderr
	os.Stderr = log
	ended := s.ended
	go func() { ended <- run(ctx, args) }()
	s.t.Cleanup(func() {
		cancel()
		os.Stderr = before
		if text, err := os.ReadFile(log.Name()); s.t.Failed() && err == nil {
			s.t.Logf("it said:\n%s", text)
		}
	})
}

// end stops it and returns its exit status.
func (s *service) end() int {
	s.stop()
	return <-s.ended
}

func (s *service) get(path string) (int, string) {
	res, err := http.Get(s.url + path)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(body)
}

// await polls a path until its answer has a status and a text.
func (s *service) await(path string, status int, text string) string {
	s.t.Helper()
	var got int
	var body string
	kafkatest.Await(s.t, fmt.Sprintf("%s to answer %d with %q", path, status, text), func() bool {
		got, body = s.get(path)
		return got == status && strings.Contains(body, text)
	})
	return body
}

func TestRunServes(t *testing.T) {
	s := newService(t)
	s.start()
	s.await("/readyz", 200, "ready")
	body := s.await("/v1/accounts/v/alice/0", 200, `"mark":"110`)
	var answer struct {
		At      api.At
		Account api.Account
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	cross := answer.Account.Cross
	if (cross.Equity == nil || *cross.Equity != "1020") || cross.Maintenance != "5.5" || answer.Account.Incomplete || len(cross.Positions) != 1 || cross.Positions[0].UnrealisedPnL != "20" {
		t.Errorf("got %s", body)
	}
	s.await(fmt.Sprintf("/v1/accounts/v/alice/0?min_cut=%d", answer.At.Cut), 200, answer.At.Hash)
	s.await("/v1/markets/v/BTC-PERP", 200, `"mark":"110`)
	s.await("/v1/accounts/v/bob/0", 404, "no account")

	// A crash of the price: alice owes money.
	s.produce("ex.accounts.v1", "alice", fact(6, "alice", &events.Withdrawal{Asset: "USD", Amount: number("900")}))
	s.produce("ex.prices.v1", "BTC-PERP", fact(7, "", &events.MarkPrice{Market: "BTC-PERP", Mark: number("40")}))
	s.await("/v1/liquidations?shard=0", 200, "PoolBankrupt")
	s.await("/v1/accounts/v/alice/0", 200, `"stage":"bankrupt"`)
	s.await("/metrics", 200, `ledger_announcements_total{kind="PoolBankrupt",shard="0"} 1`)
	if status := s.end(); status != 0 {
		t.Errorf("exit status %d", status)
	}

	// A restart goes on where it was.
	s.start()
	s.await("/v1/accounts/v/alice/0", 200, `"stage":"bankrupt"`)
	if status := s.end(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// TestRunRefuses starts on topics under which data would be lost.
func TestRunRefuses(t *testing.T) {
	s := newService(t)
	s.args = append(s.args, "--set", "snapshots.horizon=9000h")
	s.start()
	if status := <-s.ended; status != 1 {
		t.Errorf("exit status %d, want 1", status)
	}
	log, err := os.ReadFile(s.stderr)
	if err != nil || !strings.Contains(string(log), "the topics are not fit for a ledger") || !strings.Contains(string(log), "is below snapshots.horizon") {
		t.Errorf("%v:\n%s", err, log)
	}
}

// TestRunWaitsForABroker starts without one, and says so; a signal ends it cleanly.
func TestRunWaitsForABroker(t *testing.T) {
	s := newService(t)
	s.args = append(s.args, "--set", "brokers=127.0.0.1:1")
	s.start()
	s.await("/readyz", 503, "no broker answers yet")
	s.await("/healthz", 200, "ok")
	s.await("/v1/accounts/v/alice/0", 503, "being taken over")
	if status := s.end(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// TestSkip lets an unknown schema stop the shard, skips the record, and starts again.
func TestSkip(t *testing.T) {
	s := newService(t)
	s.start()
	s.await("/v1/accounts/v/alice/0", 200, `"amount":"1000`)
	if status := s.end(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	s.produce("ex.accounts.v1", "alice", []byte(strings.Replace(string(fact(8, "alice", &events.Deposit{Asset: "USD", Amount: number("1")})), `"Deposit"`, `"Donation"`, 1)))
	s.produce("ex.accounts.v1", "alice", fact(9, "alice", &events.Deposit{Asset: "USD", Amount: number("7")}))
	s.start()
	if status := <-s.ended; status != 1 {
		t.Errorf("exit status %d, want 1", status)
	}
	at := s.cluster.Name("ex.accounts.v1") + "/0@2"
	if log, err := os.ReadFile(s.stderr); err != nil || !strings.Contains(string(log), at) || !strings.Contains(string(log), "Donation") {
		t.Errorf("%v: the log does not name %s:\n%s", err, at, log)
	}
	skip := func(at string) []string {
		return append([]string{"skip", "--at", at, "--reason", "a test"}, s.args...)
	}
	wants(t, 1, []string{"already consumed"}, skip(s.cluster.Name("ex.accounts.v1")+"/0@0")...)
	wants(t, 0, []string{"shard 0: skipped"}, skip(at)...)
	s.start()
	body := s.await("/v1/accounts/v/alice/0", 200, `"amount":"1007`)
	if !strings.Contains(body, `"incomplete":true`) {
		t.Errorf("the account is not incomplete: %s", body)
	}
	s.await("/metrics", 200, `ledger_dead_letters_total{reason="skipped",shard="0"} 1`)
	if status := s.end(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

func TestRecordAt(t *testing.T) {
	var r recordAt
	if err := r.UnmarshalText([]byte("ex.fills.v1/3@120")); err != nil || r.source.Topic != "ex.fills.v1" || r.source.Partition != 3 || r.offset != 120 {
		t.Errorf("%+v, %v", r, err)
	}
	for _, bad := range []string{"", "t", "t/1", "t@1", "/1@1", "t/x@1", "t/1@x", "t/1@-1", "t/-1@1", "t/9999999999@1"} {
		if err := r.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestPrintConfig(t *testing.T) {
	file := configFile(t, &kafkatest.Cluster{Brokers: []string{"127.0.0.1:1"}})
	wants(t, 0, []string{"shards: 2  # " + file + ":4", "maxAge: 5ms  # default", "level: debug  # flag"},
		"run", "-c", file, "--print-config", "--set", "log.level=debug")
	wants(t, 0, []string{"MARGINLEDGER_CUT_MAX_AGE"}, "run", "--settings")
}

func TestAdvertisedURL(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	c := config.Default()
	for address, want := range map[string]string{"127.0.0.1:80": "http://127.0.0.1:80", "0.0.0.0:80": "http://" + host + ":80", "[::]:80": "http://" + host + ":80"} {
		a, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if got := advertisedURL(c, a); got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
	c.HTTP.Advertise = "https://ledger.example/"
	if got := advertisedURL(c, &net.TCPAddr{}); got != "https://ledger.example" {
		t.Errorf("got %s", got)
	}
}

// TestKafkaConfig gives TLS files that are wrong: the setting is named.
func TestKafkaConfig(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		tls  config.TLS
		want string
	}{
		{config.TLS{Enabled: true, CAFile: empty}, "tls.caFile: no certificate"},
		{config.TLS{Enabled: true, CAFile: "none.pem"}, "tls.caFile: open none.pem"},
		{config.TLS{Enabled: true, CertFile: empty, KeyFile: empty}, "tls.certFile"},
		{config.TLS{Enabled: true}, ""},
	} {
		cfg := config.Default()
		cfg.TLS = c.tls
		cfg.SASL = config.SASL{Mechanism: "SCRAM-SHA-256", User: "u", Password: "p"}
		k, err := kafkaConfig(cfg)
		switch {
		case c.want == "" && (err != nil || k.TLS == nil || k.SASL == nil || k.SASL.Mechanism != "SCRAM-SHA-256"):
			t.Errorf("%+v: %+v, %v", c.tls, k, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%+v: got %v, want %s", c.tls, err, c.want)
		}
	}
}
