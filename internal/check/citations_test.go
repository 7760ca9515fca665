package check

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pageOf says which page the bare sections of a folder's code are of, as its package comment has it.
var pageOf = map[string]string{
	"projector":                    "docs/venues/standard.md",
	"projector/margin":             "docs/venues/standard.md",
	"projector/margin/standard":    "docs/venues/standard.md",
	"projector/margin/portfolio":   "docs/venues/portfolio.md",
	"projector/margin/hyperliquid": "docs/venues/hyperliquid.md",
	"projector/margin/dydx":        "docs/venues/dydx-v4.md",
	"projector/margin/gmx":         "docs/venues/gmx-v2.md",
	"internal/reference":           "docs/venues/standard.md",
}

// storyPages are the pages of stories, by the venue that their names begin with; others are of the standard profile.
var storyPages = map[string]string{"dydx": "docs/venues/dydx-v4.md", "gmx": "docs/venues/gmx-v2.md", "hyperliquid": "docs/venues/hyperliquid.md", "portfolio": "docs/venues/portfolio.md"}

var (
	pagePath = regexp.MustCompile(`docs/[\w/.-]+\.md`)
	cited    = regexp.MustCompile(`(?:([\w/.-]+\.md),? )?§§? ?(\d+(?:\.\d+)?)((?:(?:, §?| and §?| to §?|, and §?)\d+(?:\.\d+)?)*)`)
	number   = regexp.MustCompile(`\d+(?:\.\d+)?`)
	named    = regexp.MustCompile(`"(In the fold)"|page, "([A-Z][^"\\]+)"`)
)

// pages reads pages of docs and knows their sections.
type pages map[string]string

func (p pages) text(t *testing.T, path string) (string, bool) {
	t.Helper()
	if text, ok := p[path]; ok {
		return text, text != ""
	}
	text, err := os.ReadFile(filepath.Join("../..", path))
	p[path] = string(text)
	return string(text), err == nil
}

// has reports that a page has a section: "7" by its heading; "7.2" by a heading, or by item 2 of a list in section 7.
func (p pages) has(t *testing.T, path, section string) bool {
	t.Helper()
	text, ok := p.text(t, path)
	if !ok {
		return false
	}
	if regexp.MustCompile(`(?m)^#+ ` + regexp.QuoteMeta(section) + `\.? `).MatchString(text) {
		return true
	}
	whole, item, part := strings.Cut(section, ".")
	if !part {
		return false
	}
	_, rest, ok := strings.Cut(text, "\n## "+whole+". ")
	if !ok {
		return false
	}
	body, _, _ := strings.Cut(rest, "\n## ")
	return strings.Contains(body, "\n"+item+". ")
}

// TestCitations: every page that code or a story names is there, and every section that is cited, "§7.2" of the folder's own
// page or "ladder.md §8" of another.
func TestCitations(t *testing.T) {
	known := pages{}
	paths, sections := 0, 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(path, "../../"))
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && d.Name() != ".." || name == "events/eventspb") {
			return filepath.SkipDir
		}
		story := filepath.Dir(name) == "projector/testdata/scenarios"
		if d.IsDir() || !story && filepath.Ext(name) != ".go" || name == "internal/check/citations_test.go" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		page := pageOf[filepath.ToSlash(filepath.Dir(name))]
		if story {
			page = "docs/venues/standard.md"
			if venue, _, ok := strings.Cut(filepath.Base(name), "_"); ok && storyPages[venue] != "" {
				page = storyPages[venue]
			}
		}
		for i, line := range strings.Split(string(text), "\n") {
			for _, p := range pagePath.FindAllString(line, -1) {
				if paths++; !fileExists(p) {
					t.Errorf("%s:%d: there is no %s", name, i+1, p)
				}
			}
			for _, m := range cited.FindAllStringSubmatch(line, -1) {
				of := page
				switch {
				case m[1] != "":
					of = resolve(m[1])
				case page == "" || strings.Contains(line, "RFC "):
					continue
				}
				for _, section := range append([]string{m[2]}, number.FindAllString(m[3], -1)...) {
					if sections++; !known.has(t, of, section) {
						t.Errorf("%s:%d: %s has no section %s", name, i+1, of, section)
					}
				}
			}
			for _, m := range named.FindAllStringSubmatch(line, -1) {
				if heading, ok := known.text(t, page); page != "" && (!ok || !regexp.MustCompile(`(?m)^#+ (\d+\. )?`+regexp.QuoteMeta(m[1]+m[2])+`$`).MatchString(heading)) {
					t.Errorf("%s:%d: %s has no section %q", name, i+1, page, m[1]+m[2])
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if paths < 60 || sections < 350 {
		t.Errorf("found only %d paths and %d sections: does this test still know how code cites?", paths, sections)
	}
}

// resolve returns the path of a page that is named by its path, or by its name alone.
func resolve(name string) string {
	if strings.HasPrefix(name, "docs/") {
		return name
	}
	for _, dir := range []string{"docs", "docs/venues", "docs/formats"} {
		if path := dir + "/" + filepath.Base(name); fileExists(path) {
			return path
		}
	}
	return name
}

func fileExists(path string) bool {
	_, err := os.Stat(filepath.Join("../..", path))
	return err == nil
}
