package main

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var rewritePages = flag.Bool("rewrite-pages", false, "write what ledger margin says into the pages that show it")

// shown is a call of the calculator that a page shows, with what it said.
var shown = regexp.MustCompile("(?s)```sh\n(go run \\./cmd/ledger margin [^`]*?)\n```\n\n```(text|json)\n(.*?)```")

// TestMarginPages runs every call of the calculator that a page of docs shows, and compares.
// `go test ./cmd/ledger -run TestMarginPages -rewrite-pages` writes the answers anew; read the diff.
func TestMarginPages(t *testing.T) {
	t.Chdir("../..")
	pages, err := filepath.Glob("docs/*/*.md")
	if err != nil {
		t.Fatal(err)
	}
	calls, used := 0, ""
	for _, page := range append(pages, "README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		now := shown.ReplaceAllStringFunc(string(text), func(block string) string {
			calls++
			m := shown.FindStringSubmatch(block)
			used += m[1]
			args := words(t, strings.ReplaceAll(m[1], "\\\n", " "))[3:]
			status, output := capture(t, args...)
			if status != 0 && status != badInput {
				t.Errorf("%s: %s: exit status %d\n%s", page, m[1], status, output)
			}
			if !*rewritePages && output != m[3] {
				t.Errorf("%s: %s says\n%s\nthe page shows\n%s", page, m[1], output, m[3])
			}
			return "```sh\n" + m[1] + "\n```\n\n```" + m[2] + "\n" + output + "```"
		})
		if *rewritePages && now != string(text) {
			if err := os.WriteFile(page, []byte(now), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, pattern := range []string{"docs/venues/examples/*.json", "docs/formats/examples/*.json"} {
		examples, err := filepath.Glob(pattern)
		if err != nil || len(examples) == 0 {
			t.Errorf("%s: %d examples, %v", pattern, len(examples), err)
		}
		for _, name := range examples {
			if !strings.Contains(used, filepath.ToSlash(name)) {
				t.Errorf("no page shows what ledger margin says to %s", name)
			}
		}
	}
	if calls < 4 {
		t.Errorf("found only %d calls: does this test still know how pages show them?", calls)
	}
}

// words splits a command line as a shell does that knows double quotes only.
func words(t *testing.T, line string) (list []string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`"([^"]*)"|(\S+)`).FindAllStringSubmatch(line, -1) {
		list = append(list, m[1]+m[2])
	}
	return list
}

// TestMarginStatus: 2 and the place for what cannot be understood, 0 for what a venue would refuse.
func TestMarginStatus(t *testing.T) {
	const file = "../../docs/venues/examples/standard.json"
	wants(t, 0, []string{`"change": "--withdraw \"5000\""`, `"withdrawal_exceeds_withdrawable"`}, "margin", file, "--withdraw", "5000", "--deposit", "1")
	wants(t, badInput, []string{`ledger margin: --order "BTC buy": must read: `}, "margin", file, "--order", "BTC buy")
	wants(t, badInput, []string{"--assume needs --compare"}, "margin", file, "--assume", file)
	wants(t, badInput, []string{"ledger margin: --compare: names no profile"}, "margin", file, "--compare", "")
	bad := filepath.Join(t.TempDir(), "bad.json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bad, []byte(strings.Replace(string(text), `"size": "-20"`, `"size": "-0"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	wants(t, badInput, []string{"ledger margin: positions[1].size: must not be zero\n"}, "margin", bad)
}

// TestMarginOrder: changes apply in the order of their flags, whatever their kinds.
func TestMarginOrder(t *testing.T) {
	const file = "../../docs/venues/examples/standard.json"
	first := []string{"--deposit", "5000", "--withdraw", "1000", "--deposit", "1"}
	status, output := capture(t, append([]string{"margin", file}, first...)...)
	if status != 0 {
		t.Fatal(output)
	}
	at := 0
	for i := 0; i < len(first); i += 2 {
		change := `"change": "` + first[i] + ` \"` + first[i+1] + `\""`
		next := strings.Index(output[at:], change)
		if next < 0 {
			t.Fatalf("%s is not there, or not in its place:\n%s", change, output)
		}
		at += next
	}
}
