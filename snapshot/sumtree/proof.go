package sumtree

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"marginledger/internal/orderlog"
)

// ProofFormat names the format of a proof file and its version.
const ProofFormat = "marginledger-proof/1"

// Step is the sibling that a path passes, from the leaf upwards.
type Step struct {
	Hash orderlog.Hash `json:"hash"`
	Sums Sums          `json:"sums"`
}

// Proof shows that an account is a leaf of the tree of a root, with its sums. It tells its holder the sums of every
// sibling on the way: docs/audit.md says what that reveals.
type Proof struct {
	Account Account       `json:"account"`
	Salt    orderlog.Hash `json:"salt"`
	Sums    Sums          `json:"sums"`  // of the account
	Index   uint64        `json:"index"` // of its leaf, from 0
	Path    []Step        `json:"path"`
	Root    Root          `json:"root"`
}

// ErrProof marks a proof that does not hold.
var ErrProof = errors.New("the proof does not hold")

func wrong(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrProof, fmt.Errorf(format, args...))
}

// Check reports whether the proof leads from its account to a root hash. That hash must come from somewhere else than
// the proof.
func (p *Proof) Check(root orderlog.Hash) error {
	if got := p.Root.Hash(); got != root {
		return wrong("it is of root %v, not of %v", got, root)
	}
	if p.Index >= p.Root.Accounts {
		return wrong("leaf %d of a tree of %d", p.Index, p.Root.Accounts)
	}
	if err := p.Sums.check(); err != nil {
		return wrong("the account's sums: %w", err)
	}
	for i := range p.Sums {
		if p.Sums[i].Venue != p.Account.Venue {
			return wrong("a sum of venue %s in an account of %s", p.Sums[i].Venue, p.Account.Venue)
		}
	}
	hash, buf := hashLeaf(nil, p.Salt, p.Account, p.Sums)
	sums := p.Sums
	// As RFC 9162 §2.1.3.2: index and number of leaves fix how long the path is and which side each sibling stands on.
	at, last := p.Index, p.Root.Accounts-1
	for i := range p.Path {
		step := &p.Path[i]
		if last == 0 {
			return wrong("the path has %d steps too many", len(p.Path)-i)
		}
		if err := step.Sums.check(); err != nil {
			return wrong("step %d: %w", i+1, err)
		}
		if at%2 == 1 || at == last {
			hash, buf = hashNode(buf[:0], step.Hash, step.Sums, hash, sums)
			for at%2 == 0 && at != 0 {
				at, last = at/2, last/2
			}
		} else {
			hash, buf = hashNode(buf[:0], hash, sums, step.Hash, step.Sums)
		}
		at, last = at/2, last/2
		var err error
		if sums, err = sums.add(nil, step.Sums); err != nil {
			return wrong("step %d: %w", i+1, err)
		}
	}
	switch {
	case last != 0:
		return wrong("the path is too short")
	case hash != p.Root.Tree:
		return wrong("it leads to tree hash %v, the root has %v", hash, p.Root.Tree)
	case !bytes.Equal(sums.append(nil), p.Root.Totals.append(nil)):
		return wrong("its sums do not add up to the totals of the root")
	}
	return nil
}

// proofFile is a proof as a file.
type proofFile struct {
	Format string        `json:"format"`
	Hash   orderlog.Hash `json:"rootHash"`
	*Proof
}

// Encode returns the proof as a file.
func (p *Proof) Encode() ([]byte, error) {
	b, err := json.MarshalIndent(proofFile{ProofFormat, p.Root.Hash(), p}, "", "  ")
	return append(b, '\n'), err
}

// ParseProof reads a proof file; it does not check the proof. Blanks between its parts are free, nothing else is: what
// Encode would not have written is refused.
func ParseProof(b []byte) (*Proof, error) {
	f := proofFile{Proof: new(Proof)}
	if err := strictJSON(b, &f); err != nil {
		return nil, fmt.Errorf("read a proof: %w", err)
	}
	if f.Format != ProofFormat {
		return nil, fmt.Errorf("read a proof: its format is %q, this build reads %q", f.Format, ProofFormat)
	}
	if f.Hash != f.Root.Hash() {
		return nil, fmt.Errorf("read a proof: %w", wrong("it names root %v, but its root has hash %v", f.Hash, f.Root.Hash()))
	}
	again, err := f.Encode()
	if err != nil {
		return nil, err
	}
	var want, got bytes.Buffer
	if err := json.Compact(&want, again); err != nil {
		return nil, err
	}
	if err := json.Compact(&got, b); err != nil {
		return nil, err
	}
	if !bytes.Equal(want.Bytes(), got.Bytes()) {
		return nil, errors.New("read a proof: it is not in the form that proofs are written in")
	}
	return f.Proof, nil
}
