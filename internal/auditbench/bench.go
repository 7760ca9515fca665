package auditbench

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"marginledger/internal/audit"
	"marginledger/internal/bench"
)

// Options say what is measured and how.
type Options struct {
	Only  []string  // names of figures; empty: all
	Quick bool      // a fiftieth of the size: for a look, not for the record
	Dir   string    // keep the made pasts here, and use those that are here; "": a directory that is removed afterwards
	Log   io.Writer // progress; nil: silent
}

// The figures.
const (
	verifyRate     = "verify_eps"
	verifyUnhashed = "verify_unhashed_eps"
	statement      = "statement_10m_s"
	statementIndex = "statement_index_10m_s"
	atDay          = "at_day_s"
)

var figures = []bench.Figure{
	{Name: verifyRate, Unit: "events/s", Goal: "> 1000000", Note: "records over CPU time of all threads: what one core does; better of two"},
	{Name: verifyUnhashed, Unit: "events/s", Note: "the same without hashes and comparisons"},
	{Name: statement, Unit: "s", Goal: "< 2", Note: "an active account, index there"},
	{Name: statementIndex, Unit: "s", Note: "making that index, once"},
	{Name: atDay, Unit: "s", Goal: "< 10", Note: "slowest of seven moments of a day with hourly snapshots"},
}

// Names returns every figure's name.
func Names() []string {
	var names []string
	for _, f := range figures {
		names = append(names, f.Name)
	}
	return names
}

// run is a measurement in the making.
type run struct {
	ctx    context.Context
	o      *Options
	dir    string
	values map[string]float64
	notes  map[string]string
}

// Run measures.
func Run(ctx context.Context, o Options) (_ *bench.Document, err error) {
	for _, name := range o.Only {
		if !slices.Contains(Names(), name) {
			return nil, fmt.Errorf("there is no figure %q; there are %s", name, strings.Join(Names(), ", "))
		}
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	r := &run{ctx: ctx, o: &o, dir: o.Dir, values: map[string]float64{}, notes: map[string]string{}}
	if r.dir == "" {
		if r.dir, err = os.MkdirTemp("", "replay-bench-"); err != nil {
			return nil, fmt.Errorf("make a directory: %w", err)
		}
		defer os.RemoveAll(r.dir) // of no use to anybody, and no reason to fail
	}
	doc := &bench.Document{Machine: bench.ThisMachine(), Date: time.Now().UTC().Truncate(time.Second), Quick: o.Quick, Figures: []bench.Figure{}}
	if r.wanted(verifyRate, verifyUnhashed) {
		if err := r.verify(); err != nil {
			return nil, fmt.Errorf("measure %s: %w", verifyRate, err)
		}
	}
	if r.wanted(statement, statementIndex, atDay) {
		if err := r.day(); err != nil {
			return nil, fmt.Errorf("measure %s: %w", statement, err)
		}
	}
	for _, f := range figures {
		if v, ok := r.values[f.Name]; ok && r.wanted(f.Name) {
			f.Value = bench.Rounded(v)
			f.Note += r.notes[f.Name]
			doc.Figures = append(doc.Figures, f)
		}
	}
	return doc, nil
}

func (r *run) wanted(names ...string) bool {
	return len(r.o.Only) == 0 || slices.ContainsFunc(names, func(name string) bool { return slices.Contains(r.o.Only, name) })
}

func (r *run) say(format string, args ...any) { fmt.Fprintf(r.o.Log, format+"\n", args...) }

// past opens a made past, which is made where it is not there.
func (r *run) past(name string, s Size) (*audit.Past, error) {
	if r.o.Quick {
		name += "-quick"
		s.Accounts, s.Facts, s.SnapshotRecords = s.Accounts/50, s.Facts/50, s.SnapshotRecords/50
	}
	dir := filepath.Join(r.dir, name)
	if p, err := audit.OpenArchive(dir); err == nil {
		r.say("%s is there", dir)
		return p, nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := Make(r.ctx, dir, s, r.say); err != nil {
		return nil, fmt.Errorf("make a past: %w", err)
	}
	r.say("made %s in %v", dir, time.Since(begin).Round(time.Second))
	return audit.OpenArchive(dir)
}

// verify verifies an archive of protobuf facts of 100,000 accounts, whole and without hashes, in turn.
func (r *run) verify() error {
	p, err := r.past("verify", Size{Accounts: 100_000, Markets: 200, Facts: 2_000_000, CutRecords: 1024})
	if err != nil {
		return err
	}
	defer p.Close()
	var cpu, wall [2]time.Duration
	var records uint64
	for i := range 4 { // in turn, and the lesser of two each
		begin, used := time.Now(), bench.CPUTime()
		report, err := audit.Verify(r.ctx, p, audit.VerifyOptions{Unhashed: i%2 == 1})
		if err != nil {
			return err
		}
		if !report.Agrees {
			return fmt.Errorf("the made past does not agree with itself:\n%v", report)
		}
		records = report.Shards[0].Records
		if took := bench.CPUTime() - used; i < 2 || took < cpu[i%2] {
			cpu[i%2], wall[i%2] = took, time.Since(begin)
		}
		r.say("%d records, %v of CPU", records, bench.CPUTime()-used)
	}
	for i, name := range []string{verifyRate, verifyUnhashed} {
		r.values[name] = float64(records) / cpu[i].Seconds()
		r.notes[name] = fmt.Sprintf("; %d records; %.4g a second of the wall's", records, float64(records)/wall[i].Seconds())
	}
	r.notes[verifyRate] += fmt.Sprintf("; chain and comparisons take %.0f %% of it", 100*(1-cpu[1].Seconds()/cpu[0].Seconds()))
	return nil
}

// day makes a day of 10M facts with a snapshot every hour, the index of its postings, statements and states of it.
func (r *run) day() error {
	const hour = 10_400_000 / 24 // records, with those that open 100,000 accounts
	p, err := r.past("day", Size{Accounts: 100_000, Markets: 200, Facts: 10_000_000, CutRecords: 1024, SnapshotRecords: hour})
	if err != nil {
		return err
	}
	defer p.Close()
	if r.wanted(statement, statementIndex) {
		if err := r.statements(p); err != nil {
			return err
		}
	}
	if r.wanted(atDay) {
		return r.moments(p)
	}
	return nil
}

// account is an active one: a hundred are more so. In quick runs too.
var account = audit.Account{Venue: bench.Venue, Owner: bench.Owner(100)}

func (r *run) statements(p *audit.Past) error {
	o := audit.StatementOptions{Index: filepath.Join(r.dir, "index")}
	if err := os.RemoveAll(o.Index); err != nil {
		return err
	}
	for _, name := range []string{statementIndex, statement} { // The first makes the index.
		begin := time.Now()
		s, err := p.Statement(r.ctx, account, o)
		if err != nil {
			return err
		}
		r.values[name] = time.Since(begin).Seconds()
		r.notes[name] = fmt.Sprintf("; %d lines out of %d records", len(s.Lines), s.Chain.N)
		if len(s.Lines) == 0 {
			return fmt.Errorf("the statement of %v is empty", account)
		}
	}
	return nil
}

// moments asks for the state at times that are spread over the day, so that some lie right before a snapshot.
func (r *run) moments(p *audit.Past) error {
	for i := range 7 {
		at := dayBegins.Add(24*time.Hour*time.Duration(i+1)/7 - time.Second)
		begin := time.Now()
		if _, err := p.AccountAt(r.ctx, account, audit.Point{Time: at.UnixNano()}, nil); err != nil {
			return err
		}
		took := time.Since(begin).Seconds()
		r.say("the state at %s took %.3g s", at.Format(time.TimeOnly), took)
		r.values[atDay] = max(r.values[atDay], took)
	}
	return nil
}
