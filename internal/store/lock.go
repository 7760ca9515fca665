package store

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// LockDir takes a data directory for this process, creating it if needed. The lock ends with Close or the process.
func LockDir(dir string) (io.Closer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("create data directory: %w", err)
	}
	lock, err := vfs.Default.Lock(filepath.Join(dir, "LOCK"))
	if err != nil {
		return nil, fmt.Errorf("data directory %s is %w: only one ledger may run on it; stop the other one, or give this one a directory of its own (%v)",
			dir, ErrLocked, err)
	}
	return lock, nil
}
