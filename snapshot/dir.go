package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Dir is a directory of snapshots, of any number of shards. Several nodes may share it.
type Dir string

// TempPattern names what is being written. A crash leaves such a file; nobody takes it for anything.
const TempPattern = "*.tmp"

// staleAfter is when a temporary file is nobody's any more.
const staleAfter = 24 * time.Hour

// RemoveStale removes temporary files that were last written before a time: what crashes left. That it may fail is of
// no consequence.
func RemoveStale(dir string, before time.Time) {
	paths, err := filepath.Glob(filepath.Join(dir, TempPattern))
	if err != nil {
		return
	}
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && info.ModTime().Before(before) {
			_ = os.Remove(path) // The next one tries again.
		}
	}
}

// String returns the path.
func (d Dir) String() string { return string(d) }

// Put implements Store: written aside, synced, renamed.
func (d Dir) Put(_ context.Context, write func(io.Writer) (string, error)) (err error) {
	if err := os.MkdirAll(string(d), 0o755); err != nil {
		return fmt.Errorf("make the directory of snapshots: %w", err)
	}
	RemoveStale(string(d), time.Now().Add(-staleAfter))
	temp, err := os.CreateTemp(string(d), TempPattern)
	if err != nil {
		return fmt.Errorf("write a snapshot: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, temp.Close(), os.Remove(temp.Name()))
		}
	}()
	name, err := write(temp)
	if err != nil {
		return err
	}
	if err := errors.Join(temp.Chmod(0o644), temp.Sync()); err != nil {
		return fmt.Errorf("write a snapshot: %w", err)
	}
	if err := os.Rename(temp.Name(), filepath.Join(string(d), name)); err != nil {
		return fmt.Errorf("write a snapshot: %w", err)
	}
	if err := errors.Join(temp.Close(), syncDir(string(d))); err != nil {
		return fmt.Errorf("write a snapshot: %w", err)
	}
	return nil
}

// syncDir makes a rename durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Get implements Store.
func (d Dir) Get(_ context.Context, name string) ([]byte, error) {
	f, err := os.Open(filepath.Join(string(d), name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readSmall(f)
}

// readSmall reads all of a file that must be small.
func readSmall(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxManifestBytes+1))
	if err == nil && len(b) > maxManifestBytes {
		err = bad("a manifest of more than %d bytes", maxManifestBytes)
	}
	return b, err
}

// Fetch implements Store: the file lies here already.
func (d Dir) Fetch(_ context.Context, name string) (string, func(), error) {
	path := filepath.Join(string(d), name)
	_, err := os.Stat(path)
	return path, func() {}, err
}

// Names implements Store. A directory that is not there is empty.
func (d Dir) Names(_ context.Context, prefix string) ([]string, error) {
	entries, err := os.ReadDir(string(d))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && strings.HasPrefix(e.Name(), prefix) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// Remove implements Store.
func (d Dir) Remove(_ context.Context, name string) error {
	if err := os.Remove(filepath.Join(string(d), name)); err != nil && !isMissing(err) {
		return fmt.Errorf("remove a snapshot: %w", err)
	}
	return nil
}
