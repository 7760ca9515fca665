package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"marginledger/internal/orderlog"
	"marginledger/snapshot"
	"marginledger/snapshot/sumtree"
)

// Proven is a proof that an account is counted in a root.
type Proven struct {
	Proof     *sumtree.Proof `json:"proof"`
	Root      orderlog.Hash  `json:"root"`
	Snapshot  string         `json:"snapshot,omitempty"` // whose manifest has the root; "": none has, it was made for this
	Published bool           `json:"published"`          // a manifest has it
}

// String is the proof for people.
func (p *Proven) String() string {
	var b strings.Builder
	r := &p.Proof.Root
	fmt.Fprintf(&b, "account %v is one of %d in the root of shard %d, cut %d (chain %v)\n", p.Proof.Account, r.Accounts, r.Shard, r.Cut, r.Chain)
	for _, s := range p.Proof.Sums {
		fmt.Fprintf(&b, "  it has %s %s and owes %s at %s\n", amountText(s.Liabilities.String(), s.Scale), s.Asset, amountText(s.Receivables.String(), s.Scale), s.Venue)
	}
	for _, s := range r.Totals {
		fmt.Fprintf(&b, "  all of them have %s %s and owe %s at %s\n", amountText(s.Liabilities.String(), s.Scale), s.Asset, amountText(s.Receivables.String(), s.Scale), s.Venue)
	}
	fmt.Fprintf(&b, "root %v\n", p.Root)
	if p.Published {
		fmt.Fprintf(&b, "the manifest of snapshot %s has this root\n", p.Snapshot)
	} else {
		b.WriteString("no manifest has this root: it was made for this proof, of the folded state\n")
	}
	return b.String()
}

// amountText is a coefficient at a scale, without zeros behind.
func amountText(coef string, scale uint8) string {
	text := shift(coef, int(scale))
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// Prove proves that an account is counted in the root of a snapshot: the newest with this key up to a point, which is a cut
// or the end. Where there is none, and made is set, a root is made of the state at the point.
func (p *Past) Prove(ctx context.Context, key *sumtree.Key, a Account, at Point, made bool, progress Progress) (*Proven, error) {
	if !at.isEnd() && at.Cut == 0 {
		return nil, usage("a root is of a whole cut: name it, or the end")
	}
	shard, err := p.ShardOf(ctx, a.Owner)
	if err != nil {
		return nil, err
	}
	list, _, err := p.manifests(ctx, shard)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(m *snapshot.Manifest) bool {
		return m.Root == nil || m.Root.KeyID != key.ID() || at.Cut > 0 && m.Head.Cut > at.Cut
	})
	if len(list) > 0 {
		return p.proveIn(ctx, key, a, list[len(list)-1], progress)
	}
	if !made {
		return nil, usage("shard %d has no snapshot with a root under audit key %s up to %v; --made makes a root of the folded state", shard, key.ID(), at)
	}
	m, err := p.At(ctx, shard, at, progress)
	if err != nil {
		return nil, err
	}
	return proveOf(key, a, sumtree.AtHead(m.Head), m.state())
}

// proveIn proves in a snapshot's root: from its file, or where only the manifest is here, from the state that is folded to
// its cut. The root must be the manifest's.
func (p *Past) proveIn(ctx context.Context, key *sumtree.Key, a Account, m *snapshot.Manifest, progress Progress) (*Proven, error) {
	here, err := p.hasFile(ctx, m)
	if err != nil {
		return nil, err
	}
	var state snapshot.State
	if here {
		state, err = p.openSnapshot(ctx, m)
	} else {
		var at *Moment
		if at, err = p.At(ctx, m.Head.Shard, Point{Cut: m.Head.Cut}, progress); err == nil {
			state = at.state()
		}
	}
	if err != nil {
		return nil, err
	}
	out, err := proveOf(key, a, sumtree.At{Shard: m.Head.Shard, Cut: m.Head.Cut, Chain: m.Head.Chain}, state)
	if err != nil {
		return nil, err
	}
	if out.Root != *m.RootHash {
		return nil, orderlog.Corrupt("the state of cut %d has root %v, the manifest of %s has %v", m.Head.Cut, out.Root, m.Name, *m.RootHash)
	}
	out.Snapshot, out.Published = m.Name, true
	return out, nil
}

func proveOf(key *sumtree.Key, a Account, at sumtree.At, state snapshot.State) (*Proven, error) {
	proof, err := sumtree.Prove(key, at, state.EachRow, sumtree.Account{Venue: a.Venue, Owner: a.Owner, Sub: a.Subaccount})
	if errors.Is(err, sumtree.ErrNoAccount) {
		return nil, usage("there is no account %v at cut %d of shard %d", a, at.Cut, at.Shard)
	}
	if err != nil {
		return nil, err
	}
	return &Proven{Proof: proof, Root: proof.Root.Hash()}, nil
}

// Checked is what a proof says, once it was checked.
type Checked struct {
	Account string         `json:"account"`
	Root    orderlog.Hash  `json:"root"`
	Holds   bool           `json:"holds"`
	Why     string         `json:"why,omitempty"`
	Proof   *sumtree.Proof `json:"proof,omitempty"`
}

// CheckProof checks a proof file against a root: nothing else is needed. An error is of a file that is no proof.
func CheckProof(file []byte, root orderlog.Hash) (*Checked, error) {
	proof, err := sumtree.ParseProof(file)
	if errors.Is(err, sumtree.ErrProof) {
		return &Checked{Root: root, Why: err.Error()}, nil
	}
	if err != nil {
		return nil, err
	}
	out := &Checked{Account: proof.Account.String(), Root: root, Proof: proof}
	if err := proof.Check(root); err != nil {
		out.Why = err.Error()
		return out, nil
	}
	out.Holds = true
	return out, nil
}

// String is the result for people.
func (c *Checked) String() string {
	if !c.Holds {
		return fmt.Sprintf("DIFFERENCE: %s\n", c.Why)
	}
	p := Proven{Proof: c.Proof, Root: c.Root}
	text, _, _ := strings.Cut(p.String(), "no manifest has this root")
	return text + "the proof holds\n"
}
