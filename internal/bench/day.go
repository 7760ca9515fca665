package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// demoDay is `ledger demo --once`: everything at once, the exchange and its broker included.
var demoDay = benchmark{
	figures: []Figure{
		{Name: "demo_eps", Unit: "events/s", Goal: "> 150000", Note: "demo --once; exchange, embedded broker and bot included"},
		{Name: "demo_rss_mb", Unit: "MB", Note: "largest resident memory in the second half of the folding; exchange and bot live in the same process"},
		{Name: "demo_rss_growth", Unit: "ratio", Goal: "< 1.5", Note: "second half over first half"},
	},
	measure: measureDay,
}

// committedMark begins the line with which the demo says that the folding is over; see demo.Once.
const committedMark = "all committed after"

// sample is the memory of a process at one moment.
type sample struct {
	at time.Time
	mb float64
}

func measureDay(r *run) (map[string]float64, error) {
	args := []string{"demo", "--once", "--seed", "1", "--events", strconv.Itoa(r.size(1_000_000, 40_000)), "--accounts", strconv.Itoa(r.size(10_000, 1000)), "--json"}
	cmd := r.child(append(args, "--dir", r.path("day"))...)
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("run the demo: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("run the demo: %w", err)
	}
	stop := make(chan struct{})
	var samples []sample
	var sampling sync.WaitGroup
	sampling.Go(func() { samples = watch(cmd.Process.Pid, stop) })

	var committed time.Time
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		r.say("demo: %s", lines.Text())
		if strings.HasPrefix(lines.Text(), committedMark) {
			committed = time.Now()
		}
	}
	close(stop)
	sampling.Wait()
	if err := errors.Join(lines.Err(), cmd.Wait()); err != nil {
		return nil, fmt.Errorf("run the demo: %w", err)
	}
	var result struct {
		Events          int64   `json:"events"`
		EventsPerSecond float64 `json:"events_per_second"`
		Seconds         float64 `json:"seconds"`
	}
	if err := json.Unmarshal(stdout.Bytes(), &result); err != nil {
		return nil, fmt.Errorf("read the demo's result: %w", err)
	}
	if result.Events == 0 || committed.IsZero() {
		return nil, fmt.Errorf("the demo gave no result: %s", stdout.Bytes())
	}
	values := map[string]float64{"demo_eps": result.EventsPerSecond}
	span := time.Duration(result.Seconds * float64(time.Second))
	first := peak(samples, committed.Add(-span), committed.Add(-span/2))
	second := peak(samples, committed.Add(-span/2), committed)
	if first == 0 || second == 0 {
		r.say("demo_rss_mb: this system does not say how much memory a process holds")
		return values, nil
	}
	values["demo_rss_mb"], values["demo_rss_growth"] = second, second/first
	return values, nil
}

// watch samples the memory of a process until stop is closed.
func watch(pid int, stop <-chan struct{}) (samples []sample) {
	every := time.NewTicker(10 * time.Millisecond)
	defer every.Stop()
	for {
		select {
		case <-stop:
			return samples
		case at := <-every.C:
			if mb, ok := residentMB(pid); ok {
				samples = append(samples, sample{at, mb})
			}
		}
	}
}

// peak returns the largest sample of a time; 0 where there is none.
func peak(samples []sample, from, to time.Time) float64 {
	most := 0.0
	for _, s := range samples {
		if s.at.After(from) && !s.at.After(to) {
			most = max(most, s.mb)
		}
	}
	return most
}
