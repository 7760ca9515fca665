package runner

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// Report is a run of all engines.
type Report struct {
	Machine    string    `json:"machine"`
	Load       string    `json:"load"`      // averages over 1, 5 and 15 minutes before the run
	LoadAfter  string    `json:"loadAfter"` // likewise, its own load in them: beyond what its two or three busy processes make, figures are noise
	Date       time.Time `json:"date"`
	Facts      int       `json:"facts"`
	Accounts   int       `json:"accounts"`
	Partitions int32     `json:"partitions"`
	IntervalMs int64     `json:"commitIntervalMs"`
	Seed       uint64    `json:"seed"`
	Outputs    int       `json:"outputs"` // of the reduced task
	Digest     string    `json:"digest"`  // likewise, over outputs and final accounts
	Engines    []*Result `json:"engines"`
}

// Result is what one engine reached.
type Result struct {
	Name    string  `json:"name"`
	Version string  `json:"version"`
	EPS     float64 `json:"eventsPerSecond"` // of the lap of median time
	CPU     float64 `json:"cpuPerEventUs"`   // median of the laps
	Outputs int     `json:"outputs"`
	Broker  float64 `json:"brokerCpuPerEventUs"` // likewise; 0: the broker's process is not known
	Laps    []Lap   `json:"laps"`
	Crash   *Crash  `json:"crash,omitempty"`
}

// Lap is one measured pass of one engine.
type Lap struct {
	Seconds   float64 `json:"seconds"`   // from the first fact to the last commit
	CPU       float64 `json:"cpu"`       // seconds of the engine's process meanwhile
	BrokerCPU float64 `json:"brokerCpu"` // of the broker's
	Outputs   int     `json:"outputs"`
	Digest    string  `json:"digest"` // over outputs and final accounts; of the reduced task that of the reference
}

// Crash is what is wrong after the process was killed with half of the facts durable, and started again.
type Crash struct {
	Accounts int     `json:"accountsWrong"`
	Twice    int     `json:"outputsTwice"` // equal ones
	Wrong    int     `json:"outputsWrong"` // with figures that are not the reference's, or of no fact that has one
	Lost     int     `json:"outputsLost"`
	Idle     float64 `json:"idleSeconds"` // from the kill until the next fact reached the engine
}

// String says it for people.
func (c *Crash) String() string {
	if c.Accounts+c.Twice+c.Wrong+c.Lost == 0 {
		return "nothing wrong"
	}
	return fmt.Sprintf("%s accounts wrong; outputs: %d twice, %d wrong, %d lost", grouped(c.Accounts), c.Twice, c.Wrong, c.Lost)
}

func newReport(o *Options) *Report {
	r := &Report{Machine: machine(), Load: load(), Date: time.Now().UTC().Truncate(time.Second), Facts: o.Facts, Accounts: o.Accounts,
		Partitions: o.Partitions, IntervalMs: o.Interval.Milliseconds(), Seed: o.Seed}
	return r
}

// add adds a measured lap; the figures are those of all laps so far.
func (r *Report) add(name string, l Lap) {
	i := slices.IndexFunc(r.Engines, func(e *Result) bool { return e.Name == name })
	if i < 0 {
		i = len(r.Engines)
		r.Engines = append(r.Engines, &Result{Name: name, Version: version(name)})
	}
	e := r.Engines[i]
	e.Laps, e.Outputs = append(e.Laps, l), l.Outputs
	e.EPS = float64(r.Facts) / median(e.Laps, func(l Lap) float64 { return l.Seconds })
	e.CPU = median(e.Laps, func(l Lap) float64 { return l.CPU }) / float64(r.Facts) * 1e6
	e.Broker = median(e.Laps, func(l Lap) float64 { return l.BrokerCPU }) / float64(r.Facts) * 1e6
}

// median of an even number is the larger of the two in the middle: the worse one.
func median(laps []Lap, of func(Lap) float64) float64 {
	values := make([]float64, len(laps))
	for i, l := range laps {
		values[i] = of(l)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// titles say what an engine is, in a table.
var titles = map[string]string{
	"ledger":  "marginledger, whole",
	"reduced": "marginledger, reduced",
	"goka":    "goka, reduced",
	"streams": "Kafka Streams, reduced",
}

// Markdown is the run as a part of docs/performance.md.
func (r *Report) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s. %s, load %s before and %s after. %d facts of %d accounts, %d partitions, commits every %d ms, %d outputs (%.2f %%), digest %s; median of %s.\n\n",
		r.Date.Format("2006-01-02 15:04 UTC"), r.Machine, r.Load, r.LoadAfter, r.Facts, r.Accounts, r.Partitions, r.IntervalMs, r.Outputs,
		100*float64(r.Outputs)/float64(r.Facts), r.Digest, lapsText(r))
	b.WriteString("| Engine | Version | events/s | CPU, µs per event | of the broker | Outputs | Laps, s | After kill -9 halfway | idle, s |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, e := range r.Engines {
		var laps []string
		for _, l := range e.Laps {
			laps = append(laps, fmt.Sprintf("%.2f", l.Seconds))
		}
		crash, idle := "not tried", ""
		if e.Crash != nil {
			crash, idle = e.Crash.String(), fmt.Sprintf("%.1f", e.Crash.Idle)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %.2f | %.2f | %s | %s | %s | %s |\n", titles[e.Name], e.Version, grouped(int(e.EPS)), e.CPU, e.Broker,
			grouped(e.Outputs), strings.Join(laps, ", "), crash, idle)
	}
	return b.String()
}

func lapsText(r *Report) string {
	if len(r.Engines) == 0 {
		return "none"
	}
	return fmt.Sprintf("%d, after one to warm up", len(r.Engines[0].Laps))
}

// JSON is the run for programs.
func (r *Report) JSON() ([]byte, error) {
	text, err := json.MarshalIndent(r, "", "  ")
	return append(text, '\n'), err
}

// grouped writes an integer with commas.
func grouped(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// version names what an engine is built of.
func version(name string) string {
	info, _ := debug.ReadBuildInfo()
	switch name {
	case "goka":
		return module(info, "github.com/lovoo/goka") + ", sarama " + module(info, "github.com/IBM/sarama")
	case "streams":
		return os.Getenv("PEERS_STREAMS_VERSION")
	}
	return os.Getenv("PEERS_LEDGER_VERSION")
}

func module(info *debug.BuildInfo, path string) string {
	if info != nil {
		for _, m := range info.Deps {
			if m.Path == path {
				return m.Version
			}
		}
	}
	return "?"
}

// machine describes what this runs on, as far as Linux says.
func machine() string {
	name := runtime.GOARCH
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				name = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d cores, %s", name, runtime.NumCPU(), runtime.Version())
}

func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}
