package projector_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	docsPlace = regexp.MustCompile("`([\\w./-]+\\.go): (\\w+)`")
	docsLink  = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
)

// TestDocsPlaces looks up every place in the code that a page of docs names as `folder/file.go: Name`,
// and every file that a page links to.
func TestDocsPlaces(t *testing.T) {
	places := 0
	err := filepath.WalkDir("../docs", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".md") {
			return err
		}
		page, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range docsPlace.FindAllStringSubmatch(string(page), -1) {
			places++
			code, err := os.ReadFile(filepath.Join("..", m[1]))
			if err != nil {
				t.Errorf("%s names %s: %v", path, m[0], err)
			} else if !regexp.MustCompile(`(?m)^(func (\([^)]*\) )?|type |const |var |\t?)` + m[2] + `\b`).Match(code) {
				t.Errorf("%s names %s, which declares nothing of that name", path, m[0])
			}
		}
		for _, m := range docsLink.FindAllStringSubmatch(string(page), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", path, m[1], err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if places < 50 {
		t.Errorf("found only %d places in the code: does this test still know how they are written?", places)
	}
}
