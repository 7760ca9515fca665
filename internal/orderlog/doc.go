// Package orderlog is the format of the order log, the chain of hashes in it, and the rule of what counts in it.
//
// The order log is one partition per shard. It records in which order events of different sources were applied, and is
// the commit point: a cut exists once it is acknowledged there. docs/formats/order-log.md has the bytes.
//
// What counts:
//
//   - A FENCE at offset f begins term f.
//   - A CUT, SKIP or HEARTBEAT counts iff its term is the current one: what a deposed owner appends after a FENCE is
//     passed over.
//   - A CUT that counts has the number of the last one plus 1, and names the last one's hash. A repetition of an older
//     number is passed over; anything else is corruption.
package orderlog

import (
	"errors"
	"fmt"

	"marginledger/internal/eventlog"
)

// Corrupt returns an error that is marked as corruption: the data lies, and a person has to look.
func Corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %w", eventlog.ErrCorruption, fmt.Errorf(format, args...))
}

// IsCorruption reports whether err is marked as corruption.
func IsCorruption(err error) bool { return errors.Is(err, eventlog.ErrCorruption) }

// ControlHeader marks records on output topics that are no announcements: fences and heartbeats. Clients skip records
// that have it. Its value says which.
const ControlHeader = "ledger-control"

// IsControl reports whether a record of an output topic is a control record.
func IsControl(headers []eventlog.Header) bool {
	for i := range headers {
		if headers[i].Key == ControlHeader {
			return true
		}
	}
	return false
}
