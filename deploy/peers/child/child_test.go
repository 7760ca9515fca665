package child

import (
	"bufio"
	"context"
	"errors"
	"io"
	"reflect"
	"testing"
	"time"
)

func TestJobRoundTrip(t *testing.T) {
	j := &Job{Facts: "p1.facts", Alerts: "p1.alerts", Group: "p1.goka-0", Brokers: []string{"127.0.0.1:1", "127.0.0.1:2"}, Partitions: 2,
		Interval: 100 * time.Millisecond, Dir: "/tmp/x", Counts: []int64{5, 1 << 40}}
	back, err := parseJob(j.String())
	if err != nil || !reflect.DeepEqual(back, j) {
		t.Errorf("%q came back as %+v, %v", j.String(), back, err)
	}
	for _, line := range []string{"run partitions=x", "run counts=1,y", "run other=1"} {
		if j, err := parseJob(line); err == nil {
			t.Errorf("%q was read as %+v", line, j)
		}
	}
}

// TestServe: an engine is started, heard once, stopped before the next one, and its failure is said.
func TestServe(t *testing.T) {
	in, tell := io.Pipe()
	hear, out := io.Pipe()
	running := 0
	engine := func(ctx context.Context, j *Job, s Said) error {
		if running++; running > 1 {
			t.Error("an engine was started before the last had ended")
		}
		defer func() { running-- }()
		s.First()
		s.First()
		<-ctx.Done()
		if j.Group == "bad" {
			return errors.New("two\nlines")
		}
		return nil
	}
	served := make(chan error)
	go func() { served <- Serve(in, out, engine); out.Close() }()
	lines := bufio.NewScanner(hear)
	for _, step := range []struct {
		say  string
		hear []string
	}{
		{"run group=good", []string{"first"}},
		{"run group=good", []string{"first"}},
		{"stop", []string{"stopped"}},
		{"run group=bad", []string{"first"}},
		{"stop", []string{"failed two; lines", "stopped"}},
		{"stop", []string{"stopped"}},
	} {
		if _, err := io.WriteString(tell, step.say+"\n"); err != nil {
			t.Fatal(err)
		}
		for _, want := range step.hear {
			if !lines.Scan() || lines.Text() != want {
				t.Fatalf("after %q: %q, wanted %q", step.say, lines.Text(), want)
			}
		}
	}
	tell.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
}
