package snapshot

import (
	"context"
	"errors"
	"io"
	"io/fs"
)

// Store keeps files under names. Nodes may share one: a file appears whole and is never changed, so all that can happen
// to it is that it is removed. Its methods try again what may pass; an error has been tried often enough.
type Store interface {
	// Put stores what write writes under the name that it returns: whole or not at all. write may be called again.
	Put(ctx context.Context, write func(w io.Writer) (name string, err error)) error
	// Get returns a small file. Where there is none the error is fs.ErrNotExist.
	Get(ctx context.Context, name string) ([]byte, error)
	// Fetch makes a file readable at a path until done is called.
	Fetch(ctx context.Context, name string) (path string, done func(), err error)
	// Names lists the names that begin with a prefix, in order.
	Names(ctx context.Context, prefix string) ([]string, error)
	// Remove removes a file; one that is not there is no error.
	Remove(ctx context.Context, name string) error
	// String says where the store is.
	String() string
}

// maxManifestBytes bounds what Get returns.
const maxManifestBytes = 64 << 20

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
