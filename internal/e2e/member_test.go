package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// member is one place for a `ledger run`: a data directory, and the process that lives on it now, if any.
type member struct {
	t      *testing.T
	name   string
	dir    string // of its data
	config string // path
	extra  []string

	cmd    *exec.Cmd // nil while there is none
	log    *logLines
	ended  chan struct{} // closed when the process is gone
	status int           // after ended; -1: by a signal
	paused bool          // SIGSTOP
}

// logLines gathers what a process logs.
type logLines struct {
	mu    sync.Mutex
	rest  []byte
	lines []string
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, p...)
	for {
		line, rest, ok := strings.Cut(string(l.rest), "\n")
		if !ok {
			return len(p), nil
		}
		l.lines, l.rest = append(l.lines, line), []byte(rest)
	}
}

func (l *logLines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.lines...)
}

// field returns a field of the newest line with a message, "" where there is none.
func (l *logLines) field(msg, field string) string {
	lines := l.all()
	for i := len(lines) - 1; i >= 0; i-- {
		var line map[string]any
		if json.Unmarshal([]byte(lines[i]), &line) == nil && line["msg"] == msg {
			return fmt.Sprint(line[field])
		}
	}
	return ""
}

// text returns the last lines, without what comes every second.
func (l *logLines) text() string {
	lines := slices.DeleteFunc(l.all(), func(line string) bool { return strings.Contains(line, `"snapshot taken"`) })
	return strings.Join(lines[max(0, len(lines)-50):], "\n")
}

// start starts the process.
func (m *member) start() {
	m.t.Helper()
	if m.cmd != nil {
		m.t.Fatalf("%s runs already", m.name)
	}
	args := append([]string{"run", "--config", m.config, "--set", "dataDir=" + m.dir}, m.extra...)
	cmd := exec.Command(filepath.Join(binaries, "ledger"), args...)
	cmd.Env = environment()
	cmd.SysProcAttr = dieWithParent()
	m.log, m.ended = &logLines{}, make(chan struct{})
	cmd.Stdout, cmd.Stderr = m.log, m.log
	if err := cmd.Start(); err != nil {
		m.t.Fatalf("start %s: %v", m.name, err)
	}
	m.cmd, m.paused = cmd, false
	ended := m.ended
	go func() {
		_ = cmd.Wait() // the status says it
		m.status = cmd.ProcessState.ExitCode()
		close(ended)
	}()
}

// signal sends a signal to the process.
func (m *member) signal(s syscall.Signal) {
	m.t.Helper()
	if err := m.cmd.Process.Signal(s); err != nil {
		m.t.Fatalf("%v to %s: %v\n%s", s, m.name, err, m.log.text())
	}
}

// kill ends it at once, as a power cut would.
func (m *member) kill() {
	m.t.Helper()
	m.signal(syscall.SIGKILL)
	<-m.ended
	if m.status != -1 {
		m.t.Fatalf("%s ended with status %d before it was killed:\n%s", m.name, m.status, m.log.text())
	}
	m.cmd = nil
}

// stop ends it in order.
func (m *member) stop() {
	m.t.Helper()
	m.signal(syscall.SIGTERM)
	if status := m.wait(30 * time.Second); status != 0 {
		m.t.Fatalf("%s ended with status %d after SIGTERM:\n%s", m.name, status, m.log.text())
	}
}

// wait waits until it has ended by itself and returns its status.
func (m *member) wait(patience time.Duration) int {
	m.t.Helper()
	select {
	case <-m.ended:
	case <-time.After(patience):
		m.t.Fatalf("%s does not end:\n%s", m.name, m.log.text())
	}
	m.cmd = nil
	return m.status
}

// runs reports whether there is a process; one that has ended by itself fails the test.
func (m *member) runs() bool {
	m.t.Helper()
	if m.cmd == nil {
		return false
	}
	select {
	case <-m.ended:
		m.t.Fatalf("%s ended by itself with status %d:\n%s", m.name, m.status, m.log.text())
	default:
	}
	return true
}

// url is where it answers; "" before it listens.
func (m *member) url() string {
	if m.cmd == nil {
		return ""
	}
	return m.log.field("ledger starts", "http")
}

// patient asks, but not for long: a process may be paused.
var patient = &http.Client{Timeout: 2 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// get asks the process; status 0 means no answer.
func (m *member) get(path string) (status int, body string) {
	res, err := patient.Get(m.url() + path)
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

// metric is a metric of one shard.
type metric struct {
	name  string
	shard int32
}

// metrics returns the gauges that have a shard for their only label.
func (m *member) metrics() map[metric]int64 {
	all := make(map[metric]int64)
	if m.cmd == nil || m.paused {
		return all
	}
	status, body := m.get("/metrics")
	if status != http.StatusOK {
		return all
	}
	for line := range strings.Lines(body) {
		name, rest, ok := strings.Cut(strings.TrimSpace(line), `{shard="`)
		if !ok {
			continue
		}
		shard, value, ok := strings.Cut(rest, `"} `)
		if !ok {
			continue
		}
		id, err1 := strconv.ParseInt(shard, 10, 32)
		v, err2 := strconv.ParseFloat(value, 64)
		if err1 == nil && err2 == nil {
			all[metric{name, int32(id)}] = int64(v)
		}
	}
	return all
}

// await polls a path until its answer has a status and a text.
func (m *member) await(path string, status int, text string) string {
	m.t.Helper()
	var got int
	var body string
	awaitFor(m.t, 45*time.Second, fmt.Sprintf("%s of %s to answer %d with %q", path, m.name, status, text), func() bool {
		if m.log.field("ledger starts", "http") == "" {
			return false
		}
		got, body = m.get(path)
		return got == status && strings.Contains(body, text)
	}, func() string { return fmt.Sprintf("last answer: %d %s\n%s", got, body, m.log.text()) })
	return body
}

// awaitFor polls until f returns true; why says what to know if it never does.
func awaitFor(t *testing.T, patience time.Duration, what string, f func() bool, why func() string) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-deadline:
			text := ""
			if why != nil {
				text = why()
			}
			t.Fatalf("waited in vain for %s\n%s", what, text)
		case <-tick.C:
		}
	}
}
