// Package child is how an engine's process is told what to do. It is told in lines on its standard input, and answers in
// lines on its standard output, so that the same runner drives a Go process and a JVM, and nothing but the engine runs in
// the process whose CPU time is counted.
//
//	run facts=T alerts=T group=G brokers=A,B partitions=2 intervalMs=100 dir=D counts=N,N
//	stop
//
// The answers: "first" when the first fact reaches the engine's own code; "half" and "done" from an engine that knows itself
// that half of the facts, or all, are durable; "stopped" once a stop is through, or "failed …". The end of the input ends
// the process.
package child

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Job is one run of an engine, from an empty state.
type Job struct {
	Facts      string // topic; its keys are partitioned as Java's producer does it
	Alerts     string // topic; of the ledger's pipeline the prefix of its topics
	Group      string // consumer group, application id
	Brokers    []string
	Partitions int32
	Interval   time.Duration // between commits
	Dir        string        // of local state; empty
	Counts     []int64       // facts by partition
}

// String is the job as the line that starts it.
func (j *Job) String() string {
	counts := make([]string, len(j.Counts))
	for i, n := range j.Counts {
		counts[i] = strconv.FormatInt(n, 10)
	}
	return fmt.Sprintf("run facts=%s alerts=%s group=%s brokers=%s partitions=%d intervalMs=%d dir=%s counts=%s",
		j.Facts, j.Alerts, j.Group, strings.Join(j.Brokers, ","), j.Partitions, j.Interval.Milliseconds(), j.Dir, strings.Join(counts, ","))
}

// parseJob is the inverse of String.
func parseJob(line string) (*Job, error) {
	var j Job
	for _, field := range strings.Fields(line)[1:] {
		key, value, _ := strings.Cut(field, "=")
		var n int64
		var err error
		switch key {
		case "facts":
			j.Facts = value
		case "alerts":
			j.Alerts = value
		case "group":
			j.Group = value
		case "brokers":
			j.Brokers = strings.Split(value, ",")
		case "partitions":
			n, err = strconv.ParseInt(value, 10, 32)
			j.Partitions = int32(n)
		case "intervalMs":
			n, err = strconv.ParseInt(value, 10, 32)
			j.Interval = time.Duration(n) * time.Millisecond
		case "dir":
			j.Dir = value
		case "counts":
			for _, text := range strings.Split(value, ",") {
				if n, err = strconv.ParseInt(text, 10, 64); err != nil {
					break
				}
				j.Counts = append(j.Counts, n)
			}
		default:
			err = fmt.Errorf("unknown field")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", field, err)
		}
	}
	return &j, nil
}

// Said is how an engine answers while it runs.
type Said struct {
	First func() // the first fact is here; it may be called many times, from any goroutine
	Half  func() // half of the facts are durable; only of engines that know it, as
	Done  func() // everything is
}

// Engine runs a job until the context ends, then stops in order. An error is why it could not.
type Engine func(context.Context, *Job, Said) error

// Serve obeys the lines of r until they end.
func Serve(r io.Reader, w io.Writer, run Engine) error {
	var mu sync.Mutex
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(w, format+"\n", args...)
	}
	var stop context.CancelFunc
	var running sync.WaitGroup
	end := func() {
		if stop != nil {
			stop()
			running.Wait()
			stop = nil
		}
	}
	defer end()
	for lines := bufio.NewScanner(r); lines.Scan(); {
		verb, _, _ := strings.Cut(lines.Text(), " ")
		switch verb {
		case "stop":
			end()
			say("stopped")
		case "run":
			job, err := parseJob(lines.Text())
			if err != nil {
				return err
			}
			end()
			ctx, cancel := context.WithCancel(context.Background())
			stop = cancel
			said := Said{First: once(func() { say("first") }), Half: once(func() { say("half") }), Done: once(func() { say("done") })}
			running.Go(func() {
				if err := run(ctx, job, said); err != nil {
					say("failed %s", strings.ReplaceAll(err.Error(), "\n", "; "))
				}
			})
		default:
			return fmt.Errorf("no such command: %q", lines.Text())
		}
	}
	return nil
}

// once is cheap enough to be called for every fact.
func once(f func()) func() {
	var o sync.Once
	return func() { o.Do(f) }
}
