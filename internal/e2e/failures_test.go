package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"marginledger/events"
)

// stops waits until a member has ended by itself with status 1, having said each text.
func (m *member) stops(texts ...string) {
	m.t.Helper()
	if status := m.wait(60 * time.Second); status != 1 {
		m.t.Errorf("%s ended with status %d, want 1", m.name, status)
	}
	said := strings.Join(m.log.all(), "\n")
	for _, text := range texts {
		if !strings.Contains(said, text) {
			m.t.Errorf("%s did not say %q:\n%s", m.name, text, m.log.text())
		}
	}
}

// folded is a world of one shard whose only member has folded the small market and has ended.
func folded(t *testing.T) (*world, *member, *hand) {
	t.Helper()
	w := newWorld(t, cluster(t), 1)
	h := w.hand()
	h.market()
	m := w.member()
	m.start()
	w.awaitCaughtUp()
	m.stop()
	return w, m, h
}

// Facts that a replay needs are gone: the process stops, and does not skip them. A snapshot that is newer helps.
func TestInputTrimmed(t *testing.T) {
	t.Parallel()
	w, m, h := folded(t)
	kept := filepath.Join(w.dir, "kept")
	if err := os.CopyFS(kept, os.DirFS(m.dir)); err != nil {
		t.Fatal(err)
	}
	m.loseData()
	if err := os.RemoveAll(filepath.Join(w.dir, "snapshots")); err != nil {
		t.Fatal(err)
	}
	if err := w.client.DeleteRecords(w.ctx, w.topic("accounts"), 0, 1); err != nil {
		t.Fatal(err)
	}
	m.start()
	m.stops(w.topic("accounts")+"/0", "restore")

	// With the state that has them, it goes on.
	m.loseData()
	if err := os.CopyFS(m.dir, os.DirFS(kept)); err != nil {
		t.Fatal(err)
	}
	m.start()
	m.await("/v1/accounts/v/alice/0", 200, `"amount":"1000`)
	m.stop()

	// Facts that nobody has folded yet are gone.
	h.of("alice", &events.Deposit{Asset: "USD", Amount: number("1")})
	h.of("alice", &events.Deposit{Asset: "USD", Amount: number("2")})
	if err := w.client.DeleteRecords(w.ctx, w.topic("accounts"), 0, 3); err != nil {
		t.Fatal(err)
	}
	m.start()
	m.stops(w.topic("accounts")+"/0 begins at offset 3, but the next one to consume is 2", "retention")
}

// Another topic of the same name is found out: at the start, and by a running process.
func TestTopicRecreated(t *testing.T) {
	t.Parallel()
	w, m, _ := folded(t)
	w.recreate("prices")
	m.start()
	m.stops(w.topic("prices")+"/0 ends at offset 0, but was consumed up to 1", "created again")
	w.hand().mark("111") // as many records as before
	m.start()
	m.stops("the record at "+w.topic("prices")+"/0@0 is not the one that was consumed", "created again")
}

func TestTopicRecreatedUnderway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cluster(t), 1)
	h := w.hand()
	h.market()
	m := w.member()
	m.start()
	w.awaitCaughtUp()
	w.recreate("prices")
	m.stops(w.topic("prices"))
}

// More partitions: keys land elsewhere.
func TestPartitionsAdded(t *testing.T) {
	t.Parallel()
	w, m, _ := folded(t)
	w.addPartitions("prices", 2)
	m.start()
	m.stops("topic "+w.topic("prices")+" had 1 partitions and now has 2", "ledger repartition")
}

// A running process finds it out, too.
func TestPartitionsAddedUnderway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cluster(t), 1)
	w.hand().market()
	m := w.member()
	m.start()
	w.awaitCaughtUp()
	w.addPartitions("prices", 2)
	m.stops("the topics have changed", "topic "+w.topic("prices")+" had 1 partitions and now has 2")
}

func TestAccountPartitionsAdded(t *testing.T) {
	t.Parallel()
	w, m, _ := folded(t)
	w.addPartitions("accounts", 2)
	m.start()
	m.stops(w.topic("accounts"), "has 2 partitions")
}

// A record that this build does not know stops every shard that reads it; the message has the command that leaves it
// out, and after that command the next owners go on.
func TestUnknownSchema(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cluster(t), 2)
	h := w.hand()
	h.market()
	h.of("bob", &events.Deposit{Asset: "USD", Amount: number("5")})
	a, b := w.member(), w.member()
	a.start()
	b.start()
	w.awaitCaughtUp()
	w.awaitLive()
	later := strings.Replace(string(h.json("", &events.MarkPrice{Market: "BTC-PERP", Mark: number("120")})), `"MarkPrice"`, `"MoonPhase"`, 1)
	h.put("prices", "BTC-PERP", []byte(later))
	h.mark("130")
	a.stops("MoonPhase")
	b.stops("MoonPhase")

	command := regexp.MustCompile(`ledger skip --at (\S+/0@\d+)`).FindStringSubmatch(a.log.text())
	if command == nil || command[1] != w.topic("prices")+"/0@1" {
		t.Fatalf("the message does not name the command: %v\n%s", command, a.log.text())
	}
	w.ledger(0, []string{"shard 0: skipped", "shard 1: skipped"}, "skip", "--at", command[1], "--reason", "a test")
	w.ledger(1, []string{"already skipped"}, "skip", "--at", command[1], "--reason", "a test")
	b.loseData() // the skip is in the order log, not in anybody's store
	b.start()
	w.awaitCaughtUp()
	b.await("/v1/markets/v/BTC-PERP", 200, `"mark":"130`)
	b.stop()
	if got := w.audit(); got.deadLetters != 2 {
		t.Errorf("%d dead letters, want one per shard", got.deadLetters)
	}
	w.ledger(1, []string{"already consumed"}, "skip", "--at", command[1], "--reason", "a test")
}

// Two processes do not share a data directory.
func TestSecondProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cluster(t), 1)
	w.hand().market()
	a := w.member()
	a.start()
	w.awaitCaughtUp()
	b := w.member()
	b.dir = a.dir
	b.start()
	b.stops("in use by another process", a.dir)
	w.members = w.members[:1]
	a.await("/v1/accounts/v/alice/0", 200, `"amount":"1000`)
	a.stop()
	w.audit()
}
