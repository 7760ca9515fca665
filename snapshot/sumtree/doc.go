// Package sumtree is a Merkle-sum tree over the accounts of a shard: one hash that commits to what every account has and
// owes, and proofs by which an account checks that it is counted.
//
// Every node has a hash and, per venue and asset, two sums that are never negative and never netted: liabilities (what
// accounts have) and receivables (what they owe).
//
//	leaf = H(0 ‖ salt ‖ account ‖ sums)          salt = HMAC(audit key, account)
//	node = H(1 ‖ left hash ‖ left sums ‖ right hash ‖ right sums), its sums being left + right
//	root = H(name ‖ key id ‖ shard ‖ cut ‖ chain ‖ number of accounts ‖ tree hash ‖ tree sums)
//
// H is SHA-256. Both children's sums are hashed, each by itself: were only their total hashed, a node could name less
// than its children have. Leaves stand in the order of account rows, and the tree has the shape of RFC 6962, so the
// root follows from the rows alone. docs/formats/root.md has the bytes, docs/audit.md says what a root proves.
package sumtree

import (
	"encoding/binary"
	"fmt"
)

// The first byte of what is hashed, so that no leaf can be taken for a node.
const (
	tagLeaf  = 0
	tagNode  = 1
	tagEmpty = 2
)

// rootName begins what the root's hash is of; its number is the version of all of it, leaves and nodes included.
const rootName = "marginledger root 1\n"

// Account names an account.
type Account struct {
	Venue string `json:"venue"`
	Owner string `json:"owner"`
	Sub   uint32 `json:"sub"`
}

// String returns venue/owner/subaccount.
func (a Account) String() string { return fmt.Sprintf("%s/%s/%d", a.Venue, a.Owner, a.Sub) }

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// append appends the account as it is hashed.
func (a Account) append(b []byte) []byte {
	return binary.BigEndian.AppendUint32(appendText(appendText(b, a.Venue), a.Owner), a.Sub)
}
