package sumtree

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"marginledger/internal/orderlog"
	"marginledger/projector"
)

// At says which state a root is of.
type At struct {
	Shard int32         `json:"shard"`
	Cut   uint64        `json:"cut"`
	Chain orderlog.Hash `json:"chain"` // hash of the cut
}

// AtHead returns which state a head is of.
func AtHead(h *orderlog.Head) At { return At{Shard: h.Shard, Cut: h.Cut, Chain: h.Chain} }

// Root is what is published of a tree, with what its hash is of.
type Root struct {
	KeyID string `json:"keyId"` // which audit key salted the leaves
	At
	Accounts uint64        `json:"accounts"` // leaves
	Tree     orderlog.Hash `json:"tree"`     // hash of the topmost node
	Totals   Sums          `json:"totals"`   // sums of the topmost node
}

// Hash returns the one hash that commits to all of it.
func (r *Root) Hash() orderlog.Hash {
	b := appendText([]byte(rootName), r.KeyID)
	b = binary.BigEndian.AppendUint32(b, uint32(r.Shard))
	b = binary.BigEndian.AppendUint64(b, r.Cut)
	b = append(b, r.Chain[:]...)
	b = binary.BigEndian.AppendUint64(b, r.Accounts)
	b = append(b, r.Tree[:]...)
	return sha256.Sum256(r.Totals.append(b))
}

// Rows hands over all rows of a state in key order.
type Rows func(fn func(projector.Row) error) error

// Builder makes the tree of a state's rows.
type Builder struct {
	tree *Tree
	sums *projector.Sums
}

// NewBuilder returns a builder that has seen no row.
func NewBuilder(key *Key) *Builder { return &Builder{New(key), projector.NewSums()} }

// Row takes the next row, in key order. After an error the builder is of no use.
func (b *Builder) Row(r projector.Row) error {
	a, err := b.sums.Row(r.Key, r.Value)
	if err == nil && a != nil {
		err = b.tree.Add(a)
	}
	if err != nil {
		return fmt.Errorf("build the Merkle-sum tree: %w", err)
	}
	return nil
}

// Tree returns the tree of the rows so far.
func (b *Builder) Tree() *Tree { return b.tree }

// Systems returns the sums of the system accounts: each is the total's receivables less its liabilities.
func (b *Builder) Systems() []projector.Sum { return b.sums.Systems() }

// Build makes the root of a state.
func Build(key *Key, at At, rows Rows) (*Root, error) {
	b := NewBuilder(key)
	if err := rows(b.Row); err != nil {
		return nil, err
	}
	return b.tree.Root(at)
}

// Prove makes the root of a state and the proof of one of its accounts; ErrNoAccount where it has none of that name.
func Prove(key *Key, at At, rows Rows, a Account) (*Proof, error) {
	b := NewBuilder(key)
	b.tree.Watch(a)
	if err := rows(b.Row); err != nil {
		return nil, err
	}
	root, err := b.tree.Root(at)
	if err != nil {
		return nil, err
	}
	return b.tree.Proof(root)
}

// strictJSON decodes one JSON value and refuses names that it does not know.
func strictJSON(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return errors.New("more than one JSON value")
	}
	return nil
}
