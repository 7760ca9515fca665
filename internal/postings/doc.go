// Package postings is an index of a shard's postings by account: a file from which the lines of one account are read
// without folding anything. It is derived, and never trusted further than its head says: which cut, with which hash.
//
// Entries are gathered in buckets by a hash of the account; a statement reads the blocks of one bucket.
// docs/formats/postings.md has the bytes.
package postings

import (
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/internal/orderlog"
)

const (
	magic    = "MLPOST\x00\x01" // its last byte is the format version
	endMagic = "MLPOEND\x01"

	// Buckets is how many there are. The last one holds funding rates, of no account.
	Buckets     = 512
	rates       = Buckets - 1
	blockBytes  = 64 << 10 // of entries, before compression
	headerBytes = 19
	footerBytes = 8 + 4 + len(endMagic)
	maxPlain    = 8 << 20
	maxHead     = 64 << 10
	maxIndex    = 1 << 30
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrBad marks a file that is not a whole index: it is made again.
var ErrBad = errors.New("bad index of postings")

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrBad, fmt.Errorf(format, args...))
}

// Head says what an index is of.
type Head struct {
	Shard int32  `json:"shard"`
	Build string `json:"build"`
	Order string `json:"order"` // the order topic
	Base  Cut    `json:"base"`  // what lies before it is brought forward; Number 0: nothing does
	End   Cut    `json:"end"`
}

// Cut is a place in the chain.
type Cut struct {
	Number uint64        `json:"number"`
	N      uint64        `json:"n"`
	Chain  orderlog.Hash `json:"chain"`
	Next   int64         `json:"next"` // order-log offset behind it
}

// Account names an account.
type Account struct {
	Venue, Owner string
	Subaccount   uint32
}

// bucket returns the bucket of an account.
func (a *Account) bucket() int {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%s\x00%d", a.Venue, a.Owner, a.Subaccount)
	return int(h.Sum64() % rates)
}

// Entry is one posting of an account, or what is brought or carried forward; of no account it is a funding rate.
type Entry struct {
	Account
	N      uint64 // of the record
	Cut    uint64
	Time   int64 // of the event, nanoseconds since 1970 UTC; 0: none
	Clock  int64 // the venue's shard time after the record
	Topic  string
	Part   int32
	Offset int64
	Event  string // id; "" where it could not be decoded, and of what is brought forward
	Type   events.Type

	Pool   string
	Asset  string
	Market string
	Cause  uint8 // projector.Cause, or one of those below
	Amount fixed.Int128
	Scale  uint8

	// Of funding by index: the market's index when the position was last settled, by record Since, and now. Of a funding
	// rate, To is the market's index behind it.
	Since    uint64 // 0: not known
	From, To fixed.Int128
}

// Causes beside those of the projector.
const (
	BroughtForward = 0   // in front of the first posting: what an account held
	CarriedForward = 255 // behind the last one: what it holds, which all before must add up to
)
