package audit

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"marginledger/internal/archive"
	"marginledger/internal/eventlog"
	"marginledger/internal/pipeline"
)

// stopper ends a context after some units of work.
type stopper struct {
	left   int64
	cancel context.CancelFunc
}

func (s *stopper) Begin(string, int64) {}
func (s *stopper) Add(n int64) {
	if s.left -= n; s.left < 0 {
		s.cancel()
	}
}

// A verification that is left again and again, and gone on with, comes to the same as one in one go.
func TestVerifyIsResumed(t *testing.T) {
	w := newWorld(t)
	w.random(rngOf(seed(t)), 600)
	w.store()
	whole := verify(t, w.past(), VerifyOptions{})
	if !whole.Agrees {
		t.Fatal(whole)
	}
	work := filepath.Join(t.TempDir(), "work")
	for left := 0; ; left++ {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := Verify(ctx, w.past(), VerifyOptions{Work: work, Progress: &stopper{100, cancel}})
		cancel()
		if err == nil {
			if left < 3 {
				t.Fatalf("left only %d times", left)
			}
			if !reflect.DeepEqual(r, whole) {
				t.Fatalf("left %d times:\n%v\nin one go:\n%v", left, r, whole)
			}
			break
		}
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "left behind cut") {
			t.Fatal(err)
		}
		if _, err := Verify(t.Context(), w.past(), VerifyOptions{Work: work, ToCut: 3}); err == nil || !strings.Contains(err.Error(), "another verification") {
			t.Fatalf("other options: %v", err)
		}
	}
	if files, err := os.ReadDir(work); err != nil || len(files) > 0 {
		t.Fatalf("%v, %v", files, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := Verify(ctx, w.past(), VerifyOptions{Progress: &stopper{100, cancel}}); !errors.Is(err, context.Canceled) {
		t.Fatalf("without a directory: %v", err)
	}
}

// cutOff fails after some fetches, as a connection may.
type cutOff struct {
	pipeline.Log
	left int
}

var errCutOff = errors.New("the cable was pulled")

func (c *cutOff) Reader(topic string, n int32, offset int64) pipeline.Reader {
	return &cutOffReader{c.Log.Reader(topic, n, offset), c}
}

type cutOffReader struct {
	pipeline.Reader
	c *cutOff
}

func (r *cutOffReader) Fetch(ctx context.Context) (eventlog.Fetch, error) {
	if r.c.left--; r.c.left < 0 {
		return eventlog.Fetch{}, errCutOff
	}
	return r.Reader.Fetch(ctx)
}

// An archive that is left at any fetch, and gone on with while the ledger runs on, has the bytes of the range that it was
// begun with.
func TestArchiveIsResumed(t *testing.T) {
	w := newWorld(t)
	rng := rngOf(seed(t))
	w.random(rng, 500)
	whole := w.archive(ArchiveOptions{FromCut: 20})
	dir := filepath.Join(t.TempDir(), "archive")
	for attempt := range 1000 {
		p := w.past()
		p.Log = &cutOff{w.log, 10 * (attempt + 1)}
		made, err := MakeArchive(t.Context(), p, dir, ArchiveOptions{FromCut: 20, Now: day, Build: "test"})
		if err == nil {
			if attempt < 2 || !made.Resumed || made.Digest != whole.Archive.Digest {
				t.Fatalf("attempt %d: %+v, expected digest %v", attempt, made, whole.Archive.Digest)
			}
			break
		}
		if !errors.Is(err, errCutOff) {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, archive.PlanName)); err != nil {
			continue // its range is not fixed yet
		}
		if _, err := OpenArchive(dir); !errors.Is(err, archive.ErrUnfinished) {
			t.Fatalf("an unfinished archive opens: %v", err)
		}
		w.deposit("late", 1)
		w.cut()
	}
	if r := verify(t, w.open(dir), VerifyOptions{}); !r.Agrees {
		t.Fatal(r)
	}
	var bad *UsageError
	if _, err := MakeArchive(t.Context(), w.past(), dir, ArchiveOptions{}); !errors.As(err, &bad) {
		t.Fatalf("onto a finished archive: %v", err)
	}
}

// A file of an archive that is missing, of another place or not in the sums is told.
func TestArchiveFiles(t *testing.T) {
	w, _, _ := story(t)
	name := "in/" + priceTopic + "-000.mlarch"
	p := w.archive(ArchiveOptions{})
	if err := os.Rename(filepath.Join(p.Where, name), filepath.Join(p.Where, "in/other")); err != nil {
		t.Fatal(err)
	}
	var damage *archive.DamageError
	if _, err := OpenArchive(p.Where); !errors.As(err, &damage) || damage.File != name || !pipeline.IsDifference(err) {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(p.Where, "in", configTopic+"-000.mlarch"), filepath.Join(p.Where, name)); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenArchive(p.Where); !errors.As(err, &damage) || damage.File != "in/"+configTopic+"-000.mlarch" {
		t.Fatal(err)
	}

	p = w.archive(ArchiveOptions{})
	sums := filepath.Join(p.Where, archive.SumsName)
	text, err := os.ReadFile(sums)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n")
	if err := os.WriteFile(sums, []byte(rest), 0o600); err != nil {
		t.Fatal(err)
	}
	d := one(t, verify(t, w.open(p.Where), VerifyOptions{}), KindArchive)
	if d.Place != archive.ManifestName || !strings.Contains(d.What, "is not in SHA256SUMS") {
		t.Fatal(d)
	}
	if err := os.WriteFile(sums, []byte("nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenArchive(p.Where); !errors.As(err, &damage) || damage.File != archive.SumsName {
		t.Fatal(err)
	}
	if _, err := OpenArchive(t.TempDir()); err == nil || pipeline.IsDifference(err) {
		t.Fatalf("an empty folder: %v", err)
	}
}
