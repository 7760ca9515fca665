package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"marginledger/events"
	"marginledger/internal/demo"
	"marginledger/internal/eventlog"
)

// child returns a command of the ledger's command line. The end of the run ends it in order.
func (r *run) child(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(r.ctx, r.command[0], append(append([]string{}, r.command[1:]...), args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// Cuts between snapshots. Where another process takes over they are taken often, as those of a day's facts would be in a
// day: it begins with one.
const (
	oftenSnapshots   = 8
	defaultSnapshots = 10_000 // the service's own
)

// cluster is a Kafka with the topics and the configuration of a ledger of one shard: an embedded broker in a process of its
// own, or a real one.
type cluster struct {
	run     *run
	broker  *demo.BrokerChild // nil: a real Kafka
	brokers []string
	client  *eventlog.Client
	prefix  string // of topics and the group: a real Kafka keeps those of other runs
	config  string // file
	data    string // directory of the nodes' data
}

// newCluster makes the topics, on brokers that are there or on a broker that it starts. The name is one directory's.
// cuts is how many there are between snapshots.
func newCluster(r *run, name string, brokers []string, cuts int) (_ *cluster, err error) {
	c := &cluster{run: r, config: r.path(name + ".yaml"), data: r.path(name), brokers: brokers, prefix: fmt.Sprintf("b%d.", time.Now().UnixNano())}
	if len(brokers) == 0 {
		if c.broker, err = demo.StartBroker(r.ctx, append(append([]string{}, r.command...), "demo", "broker"), r.path(name+"-broker")); err != nil {
			return nil, err
		}
		c.brokers = []string{c.broker.Addr}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	text := fmt.Sprintf("brokers: [%s]\ngroup: %sledger\ntopicPrefix: %s\nshards: 1\nreplication: 1\nminInsync: 1\nsnapshots: {dir: %q, cuts: %d}\nlog: {level: warn}\ntopics:\n",
		strings.Join(c.brokers, ", "), c.prefix, c.prefix, r.path(name+"-snapshots"), cuts)
	for _, role := range []events.Role{events.RoleConfig, events.RoleAccounts, events.RolePrices} {
		text += fmt.Sprintf("  - {name: %s, role: %v}\n", c.prefix+topicOf[role], role)
	}
	if err := os.WriteFile(c.config, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("write the configuration: %w", err)
	}
	if out, err := r.child("topics", "create", "-c", c.config).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("make the topics: %w: %s", err, out)
	}
	c.client, err = eventlog.Open(eventlog.Config{Brokers: c.brokers, ClientID: "marginledger-bench"})
	return c, err
}

func (c *cluster) close() error {
	if c.client != nil {
		c.client.Close()
	}
	if c.broker == nil {
		return nil
	}
	return c.broker.Close()
}

// node is one ledger process.
type node struct {
	name  string
	cmd   *exec.Cmd
	url   string
	ended chan error
}

// start starts a process on the data directory of that name.
func (c *cluster) start(name string) (*node, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	n := &node{name: name, url: "http://" + address, ended: make(chan error, 1)}
	n.cmd = c.run.child("run", "-c", c.config, "--set", "http.address="+address, "--set", "dataDir="+c.data+"-data-"+name)
	n.cmd.Stderr = c.run.log
	if err := n.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start node %s: %w", name, err)
	}
	go func() { n.ended <- n.cmd.Wait() }()
	return n, nil
}

// stop ends the node as a service manager does, and waits for it.
func (n *node) stop() error {
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop node %s: %w", n.name, err)
	}
	if err := <-n.ended; err != nil {
		return fmt.Errorf("node %s: %w", n.name, err)
	}
	return nil
}

// kill ends the node as a power cut of the process does. It is the benchmark's own child.
func (n *node) kill() {
	n.cmd.Process.Kill() //nolint:errcheck // it fails where the process has ended, which is what is wanted
	<-n.ended
}

// client does not follow redirects: 307 says that another node has the shard. It keeps no connection, so that a new
// process on an address is not asked through an old one's.
var client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Timeout:       5 * time.Second,
}

// get asks the node; 0 where it does not answer.
func (n *node) get(ctx context.Context, path string) (status int, body string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.url+path, nil)
	if err != nil {
		panic(fmt.Sprintf("bench: %v", err)) // our own URL
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(text)
}

// patience is how long anything here may take.
const patience = 10 * time.Minute

// await polls the node until its answer is as wanted, and returns when it was.
func (n *node) await(ctx context.Context, path string, holds func(status int, body string) bool) (time.Time, error) {
	return n.awaitEvery(ctx, 5*time.Millisecond, path, holds)
}

func (n *node) awaitEvery(ctx context.Context, pause time.Duration, path string, holds func(status int, body string) bool) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		status, body := n.get(ctx, path)
		if holds(status, body) {
			return time.Now(), nil
		}
		select {
		case <-tick.C:
		case err := <-n.ended:
			n.ended <- err
			return time.Time{}, fmt.Errorf("node %s ended while %s was awaited: %w", n.name, path, errors.Join(err, errors.New("it should run")))
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("wait for %s of node %s, which says %d %.200s: %w", path, n.name, status, body, ctx.Err())
		}
	}
}

func is200(status int, _ string) bool { return status == http.StatusOK }

// consumed waits until the node has stored what follows from that many facts. It asks seldom: an answer takes the node
// milliseconds, of seconds that are measured.
func (n *node) consumed(ctx context.Context, facts int) error {
	const metric = `ledger_records{shard="0"} `
	_, err := n.awaitEvery(ctx, 50*time.Millisecond, "/metrics", func(_ int, body string) bool {
		_, rest, found := strings.Cut(body, "\n"+metric)
		text, _, _ := strings.Cut(rest, "\n")
		have, err := strconv.ParseFloat(text, 64)
		return found && err == nil && have >= float64(facts)
	})
	return err
}

// freeAddress returns an address that was free a moment ago.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}
