package demo

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// asBroker makes the test's executable the broker process of the demos under test.
const asBroker = "run-as-broker"

func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == asBroker && os.Args[2] == "--dir" {
		if err := ServeBroker(context.Background(), os.Args[3], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func brokerCommand() []string { return []string{os.Args[0], asBroker} }

var smallDay = Day{Seed: 4, Events: 30_000, Accounts: 400, Shards: 2}

// once runs a small day in dir and expects everything to hold.
func once(t *testing.T, dir string) *Result {
	t.Helper()
	r, err := Once(t.Context(), Options{Day: smallDay, Dir: dir, Command: brokerCommand()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !r.OK() {
		t.Fatalf("checks: %+v", r.Checks)
	}
	return r
}

func TestOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "day")
	r := once(t, dir)
	if r.DeadLetters != 0 || r.Duplicates != 0 || r.Accounts != smallDay.Accounts || r.Markets != 24 {
		t.Errorf("%+v", r)
	}
	if r.Liquidations == 0 || r.MarginCalls == 0 || r.Events <= smallDay.Events || r.Cuts == 0 || len(r.Chain) != 64 {
		t.Errorf("%+v", r)
	}

	// The same directory again: nothing is left to do, and nothing changes.
	again := once(t, dir)
	if again.Events != r.Events || again.Cuts != r.Cuts || again.Chain != r.Chain {
		t.Errorf("a second start gave %+v\nafter %+v", again, r)
	}

	for _, how := range append([]string{""}, Sabotages...) {
		t.Run("check "+how, func(t *testing.T) {
			damaged := filepath.Join(t.TempDir(), "day")
			if err := os.CopyFS(damaged, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			if how != "" {
				if err := Sabotage(t.Context(), brokerCommand(), damaged, how); err != nil {
					t.Fatal(err)
				}
			}
			got, err := Check(t.Context(), brokerCommand(), damaged)
			if err != nil {
				t.Fatal(err)
			}
			want := Checks{ReplayAgrees: how != "lose-input", TrialBalanceZero: how != "flip-row", OutputsExactlyOnce: how != "drop-output" && how != "dup-output"}
			if got.ReplayAgrees != want.ReplayAgrees || got.TrialBalanceZero != want.TrialBalanceZero || got.OutputsExactlyOnce != want.OutputsExactlyOnce {
				t.Errorf("got %+v, want %+v", *got, want)
			}
			if !got.OK() && len(got.Why) != 1 {
				t.Errorf("reasons: %q", got.Why)
			}
			t.Log(got.Why)
		})
	}
}

func TestSabotageNeedsADay(t *testing.T) {
	for _, how := range Sabotages {
		if err := Sabotage(t.Context(), brokerCommand(), t.TempDir(), how); err == nil {
			t.Errorf("%s of nothing: no error", how)
		}
	}
}

// lines starts a live demo and hands over its lines; end ends it in order.
func lines(t *testing.T, dir string) (next func(like *regexp.Regexp) string, end func()) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	o := Options{Day: Day{Seed: 2, Events: 20_000, Accounts: 200, Shards: 1}, Dir: dir, Command: brokerCommand()}
	go func() {
		done <- Live(ctx, o, 10_000, w)
		w.Close()
	}()
	in := bufio.NewScanner(r)
	next = func(like *regexp.Regexp) string {
		t.Helper()
		for in.Scan() {
			if m := like.FindStringSubmatch(in.Text()); m != nil {
				return m[1]
			}
		}
		t.Fatalf("the demo ended before it said %v: %v", like, <-done)
		return ""
	}
	end = func() {
		t.Helper()
		cancel()
		for in.Scan() { // so that nothing blocks on the pipe
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		r.Close()
	}
	return next, end
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.ReplaceAll(text, ",", ""))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestLiveGoesOn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "live")
	next, end := lines(t, dir)
	made := regexp.MustCompile(`made ([0-9,]+) .* liquidations [1-9]`)
	before := next(made)
	end()
	checks, err := Check(t.Context(), brokerCommand(), dir)
	if err != nil || !checks.OK() {
		t.Fatalf("after the first run: %+v, %v", checks, err)
	}
	next, end = lines(t, dir)
	after := next(made) // from where it was
	end()
	if number(t, after) <= number(t, before) {
		t.Errorf("%s facts were made, and after the second start %s", before, after)
	}
	checks, err = Check(t.Context(), brokerCommand(), dir)
	if err != nil || !checks.OK() {
		t.Fatalf("after the second run: %+v, %v", checks, err)
	}
}

// A day that is cut off by the end of the process goes on later, without a fact lost or doubled.
func TestOnceGoesOn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "day")
	o := Options{Day: smallDay, Dir: dir, Command: brokerCommand()}
	ctx, cancel := context.WithCancel(t.Context())
	s, err := setUp(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.produce(smallDay.Events * 3 / 5); err != nil {
		t.Fatal(err)
	}
	s.startLedger()
	if err := s.wake(nil); err != nil {
		t.Fatal(err)
	}
	if err := s.await(func() (bool, error) { sent, _ := s.bot.figures(); return sent > 20, nil }, nil); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	r := once(t, dir)
	if r.DeadLetters != 0 || r.Accounts != smallDay.Accounts {
		t.Errorf("%+v", r)
	}
}

func TestBrokerThatDies(t *testing.T) {
	s, err := setUp(t.Context(), Options{Day: smallDay, Command: brokerCommand()})
	if err != nil {
		t.Fatal(err)
	}
	s.startLedger()
	if err := s.cluster.child.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.await(s.settled, nil); err == nil || !strings.Contains(err.Error(), "broker process ended") {
		t.Errorf("got %v", err)
	}
	if err := s.close(); err == nil {
		t.Error("the end of a killed broker is no error")
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestViewRenders(t *testing.T) {
	s := &screen{width: 120, height: 40}
	s.see(glance{made: 1000, applied: 900, markets: []ticker{{name: "BTC-PERP"}}}, time.Unix(100, 0))
	s.see(glance{made: 2000, applied: 1900, clock: time.Unix(1e9, 0), phase: "crash", note: "going on"}, time.Unix(101, 0))
	if v := s.View(); !strings.Contains(v, "2,000 facts made") || !strings.Contains(v, "crash") || !strings.Contains(v, "going on") {
		t.Error(v)
	}
}
