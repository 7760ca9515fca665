//go:build !unix

package broker

import (
	"io"
	"os"
)

// lockFile only opens the file: where there is no flock, keep brokers apart yourself.
func lockFile(path string) (io.Closer, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
}
