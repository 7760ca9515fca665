// Package audit asks a ledger's past: it folds what the order log says again, and compares, reads, explains and proves.
//
// A Past is where it lies: a cluster, a kept day of the demo, or an archive. It is only read. Every command of
// cmd/replay is a function here; what it returns marshals to JSON and prints itself for people.
package audit

import (
	"errors"
	"fmt"
)

// Progress hears how far a long work has come. Its methods may be called from one goroutine at a time.
type Progress interface {
	// Begin starts a stretch of work of so many units; 0: nobody knows how many.
	Begin(what string, total int64)
	// Add says that some more are done.
	Add(n int64)
}

// quiet tells nobody.
type quiet struct{}

func (quiet) Begin(string, int64) {}
func (quiet) Add(int64)           {}

func progressOr(p Progress) Progress {
	if p == nil {
		return quiet{}
	}
	return p
}

// UsageError says that what was asked for cannot be answered: there is no such cut, account or venue.
type UsageError struct{ What string }

// Error implements error.
func (e *UsageError) Error() string { return e.What }

func usage(format string, args ...any) error { return &UsageError{fmt.Sprintf(format, args...)} }

// errFound ends the reading of a log once what was looked for is there.
var errFound = errors.New("found")
