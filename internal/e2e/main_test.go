package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// binaries is the directory of the commands under test; they are built once.
var binaries string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		// They wait more than they work: for sessions to end, for brokers to come back.
		err := flag.Set("test.parallel", "8")
		if err != nil {
			panic(fmt.Sprintf("e2e: %v", err)) // testing's own flag
		}
		if binaries, err = os.MkdirTemp("", "ledger-e2e-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(binaries)
		build := exec.Command("go", "build", "-o", binaries, "marginledger/cmd/ledger", "marginledger/cmd/replay")
		build.Stdout, build.Stderr = os.Stdout, os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "build the commands:", err)
			return 1
		}
		return m.Run()
	}())
}

// environment is ours without what would change a configuration.
func environment() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "MARGINLEDGER_") {
			env = append(env, v)
		}
	}
	return env
}

// execute runs a command to its end and returns its exit status and everything that it wrote.
func execute(ctx context.Context, t *testing.T, name string, args ...string) (status int, output string) {
	t.Helper()
	cmd := exec.CommandContext(ctx, filepath.Join(binaries, name), args...)
	cmd.Env = environment()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// wants runs a command and checks its status, and that its output has each text.
func wants(ctx context.Context, t *testing.T, status int, texts []string, name string, args ...string) string {
	t.Helper()
	got, output := execute(ctx, t, name, args...)
	if got != status {
		t.Fatalf("%s %s: status %d, want %d\n%s", name, strings.Join(args, " "), got, status, output)
	}
	for _, text := range texts {
		if !strings.Contains(output, text) {
			t.Errorf("%s %s: no %q in\n%s", name, strings.Join(args, " "), text, output)
		}
	}
	return output
}
