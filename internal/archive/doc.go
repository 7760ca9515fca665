// Package archive is a ledger's past as portable files: what an audit without Kafka needs.
//
// An archive is a folder. A partition file holds the records of one partition, as they were, in blocks with checksums
// (File, Writer). MANIFEST.json says which files belong to what (Manifest), and SHA256SUMS, written last, has the digest
// of every file. An opened archive reads like a cluster (Archive is a pipeline.Log). docs/formats/archive.md has the
// bytes.
package archive

import (
	"errors"
	"fmt"
	"hash/crc32"

	"marginledger/internal/eventlog"
)

const (
	magic    = "MLARCH\x00\x01" // its last byte is the format version
	endMagic = "MLAREND\x01"

	blockBytes   = 256 << 10 // of records, before compression: a block is closed once it has as many
	headerBytes  = 25        // before each block
	footerBytes  = 8 + 4 + len(endMagic)
	maxTopic     = 249 // bytes, as Kafka's
	maxPlain     = 64 << 20
	maxIndex     = 1 << 30
	indexEntry   = 8 + 8 + 4 + 32
	maxHeadBytes = 4 + 2 + maxTopic + 4 + 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrUnfinished means that an archive was begun and not finished: SHA256SUMS is missing.
var ErrUnfinished = errors.New("the archive is not finished")

// DamageError says where a file of an archive is not what was written. It counts as corruption.
type DamageError struct {
	File  string
	Block int   // number of the block, from 0; -1: not in a block
	From  int64 // offsets of the block's records: from this one
	Next  int64 // up to, not including, this one
	What  string
}

// Error implements error.
func (e *DamageError) Error() string {
	if e.Block < 0 {
		return fmt.Sprintf("%s: %s", e.File, e.What)
	}
	return fmt.Sprintf("%s, block %d (offsets %d to %d): %s", e.File, e.Block, e.From, e.Next-1, e.What)
}

// Is makes a damaged archive corruption.
func (e *DamageError) Is(target error) bool { return target == eventlog.ErrCorruption }
