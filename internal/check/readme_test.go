package check

import (
	"os"
	"strings"
	"testing"

	"marginledger/events"
)

// TestReadmeExamples decodes every fact and announcement that the README shows.
func TestReadmeExamples(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```json\n")[1:]
	if len(blocks) != 2 {
		t.Fatalf("%d JSON blocks, want facts and announcements", len(blocks))
	}
	facts, _, _ := strings.Cut(blocks[0], "```")
	for _, line := range strings.Split(strings.TrimSpace(facts), "\n") {
		var d events.Decoder
		if _, err := d.Decode([]byte(line)); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	out, _, _ := strings.Cut(blocks[1], "```")
	joined := strings.ReplaceAll(strings.ReplaceAll(out, "\n  ", ""), "\n ", "")
	o, err := events.ParseOutput([]byte(joined))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(o.AppendJSON(nil)); got != strings.TrimSpace(joined) {
		t.Errorf("an announcement reads\n%s\nthe README has\n%s", got, joined)
	}
}
