// Package snapshot is the canonical form of a shard's state at one cut, and its store in a directory.
//
// A snapshot has a head (which cut, and where to go on) and a body: rows in key order, then the dedupe window. Any two
// folds of one order log have the same body at the same cut, so its identity is the SHA-256 of the uncompressed body.
// docs/formats/snapshot.md has the bytes. Recovery starts from the newest snapshot that verifies.
package snapshot

import (
	"errors"
	"fmt"

	"marginledger/internal/orderlog"
	"marginledger/projector"
)

// FormatVersion is the version of a snapshot file's format: its eighth byte.
const FormatVersion = 1

// magic begins every file; its last byte is the format version.
const magic = "MLSNAP\x00\x01"

const (
	blockHeader   = 12
	blockBytes    = 256 << 10 // of the body, uncompressed, as blocks are written; the last one is shorter
	maxPlainBytes = 1 << 20   // as they may be
	maxHeadBytes  = 16 << 20
	maxBlockBytes = 4 << 20 // compressed; zstd adds little to what it cannot compress
)

// ErrBad marks a snapshot that does not verify. It is passed over in favour of an older one.
var ErrBad = errors.New("bad snapshot")

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrBad, fmt.Errorf(format, args...))
}

// State is what a snapshot is taken of: a view of one cut.
type State interface {
	Head() (*orderlog.Head, error)
	// EachRow calls f with all rows in key order.
	EachRow(f func(projector.Row) error) error
	// EachSeen calls f with the dedupe window, in the order of sources and of application, in pieces.
	EachSeen(f func(src projector.Source, entries []byte) error) error
}
