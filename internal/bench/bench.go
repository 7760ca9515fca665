// Package bench measures what the project promises in figures: throughput, latency, memory, and how soon a shard is
// live again.
//
// Where a whole process is meant it runs one: the command itself, as a child, and the embedded broker as another.
// Small costs are measured in this process. Everything that production does is on. docs/performance.md says what
// each figure is, and has the last run.
package bench

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Options say what is measured and how.
type Options struct {
	Only    []string  // names of figures; empty: all, or with Quick those of ticks and folds
	Quick   bool      // small sizes and short runs: for a look, not for the record
	Most    int       // accounts at most, for tests; 0: as many as the figures mean
	Plot    string    // file that growth draws an SVG into; "": none
	Command []string  // that runs the ledger's command line; empty: this executable
	Log     io.Writer // progress; nil: silent
}

// Figure is one measured number.
type Figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Goal  Goal    `json:"goal"`
	Note  string  `json:"note,omitempty"` // what a reader must know to compare it
}

// Document is a run.
type Document struct {
	Machine Machine   `json:"machine"`
	Date    time.Time `json:"date"`
	Quick   bool      `json:"quick,omitempty"`
	Figures []Figure  `json:"figures"`
}

// benchmark measures some figures together.
type benchmark struct {
	figures []Figure // without values
	quick   bool     // runs with Quick unless Only says otherwise
	measure func(*run) (map[string]float64, error)
}

// benchmarks in the order in which they run: what needs the whole machine first.
var benchmarks = []benchmark{demoDay, nodes, latency, embeddedLatency, endToEnd, large, ticks, folds, durable, crashDay, foldFill, tick, codecs, yardstick, growth, snapshots}

// Names returns every figure's name.
func Names() []string {
	var names []string
	for _, b := range benchmarks {
		for _, f := range b.figures {
			names = append(names, f.Name)
		}
	}
	return names
}

// run is what a benchmark has at hand.
type run struct {
	ctx     context.Context
	quick   bool
	command []string
	log     io.Writer
	dir     string // empty and its own; removed afterwards
	wanted  func(name string) bool
	most    int
	plot    string
	kafka   []string          // addresses of a real Kafka; none: embedded brokers only
	notes   map[string]string // by figure: what this run adds to what the figure says of itself
}

// Run measures. Figures that cannot be measured on this system are left out, and the log says so.
func Run(ctx context.Context, o Options) (*Document, error) {
	for _, name := range o.Only {
		if !slices.Contains(Names(), name) {
			return nil, fmt.Errorf("there is no figure %q; there are %s", name, strings.Join(Names(), ", "))
		}
	}
	if len(o.Command) == 0 {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("find the executable to measure: %w", err)
		}
		o.Command = []string{self}
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	doc := &Document{Machine: thisMachine(), Date: time.Now().UTC().Truncate(time.Second), Quick: o.Quick, Figures: []Figure{}}
	for _, b := range benchmarks {
		wanted := func(name string) bool {
			return slices.Contains(o.Only, name) || len(o.Only) == 0 && (b.quick || !o.Quick)
		}
		if !slices.ContainsFunc(b.figures, func(f Figure) bool { return wanted(f.Name) }) {
			continue
		}
		r := &run{ctx: ctx, quick: o.Quick, command: o.Command, log: o.Log, wanted: wanted, most: o.Most, plot: o.Plot, notes: map[string]string{}, kafka: kafkaBrokers()}
		values, err := r.measure(&b)
		if err != nil {
			return nil, fmt.Errorf("measure %s: %w", b.figures[0].Name, err)
		}
		for _, f := range b.figures {
			if v, ok := values[f.Name]; ok && wanted(f.Name) {
				f.Value, f.Note = rounded(v), f.Note+r.notes[f.Name]
				doc.Figures = append(doc.Figures, f)
				r.say("%s = %v %s", f.Name, f.Value, f.Unit)
			}
		}
	}
	return doc, nil
}

// measure runs a benchmark in a directory of its own.
func (r *run) measure(b *benchmark) (_ map[string]float64, err error) {
	if r.dir, err = os.MkdirTemp("", "ledger-bench-"); err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(r.dir) // of no use to anybody, and no reason to fail
	return b.measure(r)
}

// say writes a line of progress.
func (r *run) say(format string, args ...any) { fmt.Fprintf(r.log, format+"\n", args...) }

// note adds to what a figure says of itself.
func (r *run) note(name, text string) { r.notes[name] += "; " + text }

// accounts returns how many accounts a large or a quick run has, as far as options allow.
func (r *run) accounts(full, small int) int {
	n := r.size(full, small)
	if r.most > 0 {
		n = min(n, r.most)
	}
	return n
}

// path returns a name in the benchmark's directory.
func (r *run) path(name string) string { return filepath.Join(r.dir, name) }

// rounded keeps four significant digits: more are noise.
func rounded(v float64) float64 {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return v
	}
	unit := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*unit) / unit
}
