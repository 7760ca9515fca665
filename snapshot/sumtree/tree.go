package sumtree

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"

	"marginledger/internal/orderlog"
	"marginledger/projector"
)

// node is a subtree: what its parent hashes.
type node struct {
	hash    orderlog.Hash
	sums    Sums
	leaves  uint64
	watched bool // holds the leaf that a proof is wanted of
}

// Tree is built leaf by leaf, in the order of account rows. It holds one node per level and never all leaves; the root
// depends on nothing but the leaves. It is not safe for concurrent use. After an error it is of no use.
type Tree struct {
	key    *Key
	salter *salter
	stack  []*node // perfect subtrees, each smaller than the one before
	free   []*node
	count  uint64
	last   []byte // row key of the last leaf
	buf    []byte

	watch *Proof // nil: no proof is wanted
}

// New returns an empty tree.
func New(key *Key) *Tree { return &Tree{key: key, salter: newSalter(key)} }

// Watch asks for a proof of an account, before any leaf is added.
func (t *Tree) Watch(a Account) { t.watch = &Proof{Account: a} }

// Add adds the next account's leaf. It keeps nothing of a.
func (t *Tree) Add(a *projector.AccountSums) error {
	account := Account{Venue: a.Venue, Owner: a.Owner, Sub: a.Subaccount}
	t.buf = projector.AccountKey(t.buf[:0], a.Venue, a.Owner, a.Subaccount)
	if bytes.Compare(t.buf, t.last) <= 0 {
		return fmt.Errorf("account %v does not stand behind the one before", account)
	}
	t.last = append(t.last[:0], t.buf...)

	n := t.take()
	for i := range a.Assets {
		x := &a.Assets[i]
		n.sums = append(n.sums, Sum{a.Venue, x.Asset, uint8(a.Scale), x.Liabilities, x.Receivables})
	}
	if err := n.sums.check(); err != nil {
		return fmt.Errorf("account %v: %w", account, err)
	}
	t.buf = account.append(t.buf[:0])
	salt := t.salter.salt(t.buf)
	n.hash, t.buf = hashLeaf(t.buf[:0], salt, account, n.sums)
	n.leaves, n.watched = 1, t.watch != nil && t.watch.Account == account
	if n.watched {
		t.watch.Salt, t.watch.Index = salt, t.count
		t.watch.Sums = append(Sums{}, n.sums...)
	}
	t.count++
	t.stack = append(t.stack, n)
	for len(t.stack) > 1 && t.stack[len(t.stack)-2].leaves == t.stack[len(t.stack)-1].leaves {
		if err := t.merge(); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tree) take() *node {
	if i := len(t.free) - 1; i >= 0 {
		n := t.free[i]
		t.free = t.free[:i]
		n.sums = n.sums[:0]
		return n
	}
	return new(node)
}

// merge makes the last two subtrees one.
func (t *Tree) merge() (err error) {
	i := len(t.stack) - 2
	l, r, n := t.stack[i], t.stack[i+1], t.take()
	if n.sums, err = l.sums.add(n.sums, r.sums); err != nil {
		return err
	}
	n.hash, t.buf = hashNode(t.buf[:0], l.hash, l.sums, r.hash, r.sums)
	n.leaves, n.watched = l.leaves+r.leaves, l.watched || r.watched
	if n.watched {
		sibling := l
		if l.watched {
			sibling = r
		}
		t.watch.Path = append(t.watch.Path, Step{sibling.hash, append(Sums{}, sibling.sums...)})
	}
	t.free = append(t.free, l, r)
	t.stack = append(t.stack[:i], n)
	return nil
}

// Root ends the tree: nothing can be added any more.
func (t *Tree) Root(at At) (*Root, error) {
	for len(t.stack) > 1 {
		if err := t.merge(); err != nil {
			return nil, err
		}
	}
	r := &Root{KeyID: t.key.id, At: at, Accounts: t.count, Tree: emptyTree(), Totals: Sums{}}
	if len(t.stack) == 1 {
		r.Tree, r.Totals = t.stack[0].hash, append(r.Totals, t.stack[0].sums...)
	}
	return r, nil
}

// ErrNoAccount means that the tree has no leaf of the account that a proof is wanted of.
var ErrNoAccount = errors.New("no such account in the tree")

// Proof returns the proof of the account that was watched, against a root of this tree.
func (t *Tree) Proof(root *Root) (*Proof, error) {
	p := t.watch
	if p == nil || p.Salt == (orderlog.Hash{}) {
		return nil, ErrNoAccount
	}
	p.Root = *root
	if p.Path == nil {
		p.Path = []Step{}
	}
	return p, nil
}

func emptyTree() orderlog.Hash { return sha256.Sum256([]byte{tagEmpty}) }

// hashLeaf and hashNode return the hash and the buffer.
func hashLeaf(buf []byte, salt orderlog.Hash, a Account, s Sums) (orderlog.Hash, []byte) {
	buf = append(append(buf, tagLeaf), salt[:]...)
	buf = s.append(a.append(buf))
	return sha256.Sum256(buf), buf
}

func hashNode(buf []byte, left orderlog.Hash, leftSums Sums, right orderlog.Hash, rightSums Sums) (orderlog.Hash, []byte) {
	buf = leftSums.append(append(append(buf, tagNode), left[:]...))
	buf = rightSums.append(append(buf, right[:]...))
	return sha256.Sum256(buf), buf
}
