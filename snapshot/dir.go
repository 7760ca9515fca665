package snapshot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Dir is a directory of snapshots, of any number of shards. Several nodes may share it: files appear whole, under names
// that say what they are, and are never changed.
type Dir string

// prefix begins the names of a shard's snapshots; the rest sorts by cut.
func prefix(shard int32) string { return fmt.Sprintf("shard-%03d-cut-", shard) }

const (
	suffix     = ".mlsnap"
	tempSuffix = ".tmp"
)

// Take writes a snapshot of s and returns its path. A crash leaves at most a temporary file, which no reader takes
// for a snapshot.
func (d Dir) Take(s State) (path string, err error) {
	head, err := s.Head()
	if err != nil {
		return "", fmt.Errorf("take snapshot: %w", err)
	}
	if head == nil {
		return "", errors.New("take snapshot: there is no state yet")
	}
	if err := os.MkdirAll(string(d), 0o755); err != nil {
		return "", fmt.Errorf("take snapshot: %w", err)
	}
	temp, err := os.CreateTemp(string(d), prefix(head.Shard)+"*"+tempSuffix)
	if err != nil {
		return "", fmt.Errorf("take snapshot: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, temp.Close(), os.Remove(temp.Name()))
		}
	}()
	id, err := Write(temp, s)
	if err != nil {
		return "", err
	}
	if err := temp.Sync(); err != nil {
		return "", fmt.Errorf("take snapshot: %w", err)
	}
	path = filepath.Join(string(d), fmt.Sprintf("%s%020d-%s%s", prefix(head.Shard), head.Cut, id.String()[:16], suffix))
	if err := os.Rename(temp.Name(), path); err != nil {
		return "", fmt.Errorf("take snapshot: %w", err)
	}
	if err := errors.Join(temp.Close(), syncDir(string(d))); err != nil {
		return "", fmt.Errorf("take snapshot: %w", err)
	}
	return path, nil
}

// syncDir makes a rename durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// List returns the paths of a shard's snapshots, newest cut first. None of them is verified.
func (d Dir) List(shard int32) ([]string, error) {
	entries, err := os.ReadDir(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	var paths []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix(shard)) && strings.HasSuffix(e.Name(), suffix) {
			paths = append(paths, filepath.Join(string(d), e.Name()))
		}
	}
	slices.Sort(paths)
	slices.Reverse(paths)
	return paths, nil
}

// Retain removes all but the newest keep snapshots of a shard.
func (d Dir) Retain(shard int32, keep int) error {
	paths, err := d.List(shard)
	if err != nil {
		return err
	}
	for _, p := range paths[min(max(keep, 1), len(paths)):] {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove old snapshot: %w", err)
		}
	}
	return nil
}
