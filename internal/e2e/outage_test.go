package e2e

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"marginledger/internal/broker"
	"marginledger/internal/kafkatest"
)

// outage is a broker that can be taken away: an embedded one with a directory and a port of its own, or the node that
// deploy/kafka/run.sh runs. All tests share that one: there, those with an outage do not run in parallel.
type outage struct {
	t       *testing.T
	k       *kafkatest.Cluster
	options broker.Options
	broker  *broker.Broker // nil on a real Kafka
}

const runScript = "../../deploy/kafka/run.sh"

func newOutage(t *testing.T) *outage {
	t.Helper()
	if addrs := os.Getenv(kafkatest.Env); addrs != "" {
		out, err := exec.Command(runScript, "brokers").Output()
		if err != nil || strings.TrimSpace(string(out)) != addrs || strings.Contains(addrs, ",") {
			t.Skipf("the broker at %s is not the one node of %s (KAFKA_PORT)", addrs, runScript)
		}
		return &outage{t: t, k: kafkatest.Start(t)}
	}
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &outage{t: t, options: broker.Options{Dir: filepath.Join(t.TempDir(), "broker"), Addr: l.Addr().String()}}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if o.broker, err = broker.Start(o.options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.broker.Close() })
	o.k = &kafkatest.Cluster{Brokers: o.broker.Addrs()}
	return o
}

func (o *outage) script(args ...string) {
	o.t.Helper()
	if out, err := exec.Command(runScript, args...).CombinedOutput(); err != nil {
		o.t.Fatalf("%s %v: %v\n%s", runScript, args, err, out)
	}
}

// begin takes the broker away; a real one by kill -9.
func (o *outage) begin() {
	o.t.Helper()
	if o.broker == nil {
		o.script("kill", "1")
		return
	}
	o.broker.Close()
}

// end brings it back, with what it had.
func (o *outage) end() {
	o.t.Helper()
	if o.broker == nil {
		o.script("restart", "1")
		return
	}
	b, err := broker.Start(o.options)
	if err != nil {
		o.t.Fatal(err)
	}
	o.broker = b
}

// lasts lets time pass.
func (o *outage) lasts(d time.Duration) {
	o.t.Helper()
	until := time.Now().Add(d)
	awaitFor(o.t, d+time.Minute, "the outage", func() bool { return time.Now().After(until) }, nil)
}

// The service starts without a broker, says so, and begins when one comes.
func TestBrokerAwayAtStart(t *testing.T) {
	o := newOutage(t)
	w := newWorld(t, o.k, 1)
	w.hand().market()
	o.begin()
	m := w.member()
	m.start()
	m.await("/readyz", 503, "no broker answers yet")
	m.await("/healthz", 200, "ok")
	o.end()
	m.await("/v1/accounts/v/alice/0", 200, `"amount":"1000`)
	m.await("/readyz", 200, "ready")
	m.stop()
	w.audit()
}

// The broker goes away under two processes at work, for a moment and for a minute, ten times as long as their session lasts: they wait,
// and nothing is lost or there twice. One that is told to end meanwhile does.
func TestBrokerGoesAway(t *testing.T) {
	o := newOutage(t)
	w := newWorld(t, o.k, 2)
	x := w.trade(5, 200, 10_000)
	a, b, c := w.member(), w.member(), w.member()
	a.start()
	b.start()
	w.awaitLive()
	end := x.open(700)
	for _, d := range []time.Duration{500 * time.Millisecond, time.Minute} {
		x.more(500)
		o.begin()
		o.lasts(d)
		if d > time.Second {
			for _, m := range []*member{a, b} {
				if status, body := m.get("/healthz"); status != 200 {
					t.Errorf("%s is not healthy without a broker: %d %s", m.name, status, body)
				}
			}
			a.stop()
			c.start()
		}
		o.end()
		w.awaitLive()
	}
	x.silence() // Facts that came in late may have confused it: it might never end.
	end()
	b.stop()
	c.stop()
	if got := w.audit(); got.deadLetters > 0 || got.liquidations == 0 {
		t.Errorf("%+v", got)
	}
}
