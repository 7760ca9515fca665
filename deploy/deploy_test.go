// Package deploy checks the files of this folder as far as that goes without a container engine.
package deploy

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"marginledger/internal/config"
)

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestParse reads every YAML and JSON file.
func TestParse(t *testing.T) {
	count := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		var v any
		switch filepath.Ext(path) {
		case ".yaml", ".yml":
			err = yaml.UnmarshalWithOptions([]byte(read(t, path)), &v, yaml.Strict())
		case ".json":
			err = json.Unmarshal([]byte(read(t, path)), &v)
		default:
			return nil
		}
		if count++; err != nil {
			t.Errorf("%s: %v", path, err)
		}
		return nil
	})
	if err != nil || count < 7 {
		t.Errorf("read %d files: %v", count, err)
	}
}

// TestExampleConfiguration loads the example as `ledger run` does.
func TestExampleConfiguration(t *testing.T) {
	if _, err := config.Load("ledger.yaml", nil, nil); err != nil {
		t.Error(err)
	}
}

// TestComposeNamesWhatIsThere looks for every file that a service mounts or is built from.
func TestComposeNamesWhatIsThere(t *testing.T) {
	var compose struct {
		Services map[string]struct {
			Image   string
			Command []string
			Volumes []string
			Build   struct{ Context, Dockerfile string }
		}
		Volumes map[string]any
	}
	if err := yaml.Unmarshal([]byte(read(t, "compose.yaml")), &compose); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"kafka", "topics", "ledger", "prometheus", "grafana"} {
		if _, ok := compose.Services[name]; !ok {
			t.Errorf("no service %s", name)
		}
	}
	for name, s := range compose.Services {
		if _, tag, _ := strings.Cut(s.Image, ":"); tag == "" || tag == "latest" {
			t.Errorf("%s: image %s has no exact tag", name, s.Image)
		}
		for _, v := range s.Volumes {
			from, _, _ := strings.Cut(v, ":")
			if !strings.HasPrefix(from, ".") {
				if _, ok := compose.Volumes[from]; !ok {
					t.Errorf("%s: volume %s is not declared", name, from)
				}
			} else if _, err := os.Stat(from); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if s.Build.Dockerfile != "" {
			if _, err := os.Stat(filepath.Join(s.Build.Context, s.Build.Dockerfile)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for _, m := range regexp.MustCompile(`\./cmd/\w+`).FindAllString(read(t, "Containerfile"), -1) {
		if _, err := os.Stat(filepath.Join("..", m)); err != nil {
			t.Errorf("Containerfile: %v", err)
		}
	}
}

// TestMetricsExist wants every metric of dashboard and alerts in the list of docs/operations.md.
func TestMetricsExist(t *testing.T) {
	listed := make(map[string]bool)
	for _, m := range regexp.MustCompile("(?m)^\\| `(ledger_\\w+)` \\|").FindAllStringSubmatch(read(t, "../docs/operations.md"), -1) {
		listed[m[1]] = true
	}
	if len(listed) < 20 {
		t.Fatalf("found only %d metrics in docs/operations.md", len(listed))
	}
	for _, file := range []string{"grafana/dashboards/ledger.json", "alerts.yml"} {
		used := regexp.MustCompile(`ledger_\w+`).FindAllString(read(t, file), -1)
		if len(used) < 5 {
			t.Errorf("%s uses only %d metrics", file, len(used))
		}
		for _, name := range used {
			if !listed[strings.TrimSuffix(name, "_bucket")] {
				t.Errorf("%s: no metric %s in docs/operations.md", file, name)
			}
		}
	}
}
