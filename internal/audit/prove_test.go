package audit

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"marginledger/internal/orderlog"
	"marginledger/snapshot"
	"marginledger/snapshot/sumtree"
)

func auditKey(t testing.TB, fill byte) *sumtree.Key {
	key, err := sumtree.NewKey(bytes.Repeat([]byte{fill}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// rooted takes a snapshot of the last cut, with a root.
func (w *world) rooted(key *sumtree.Key) *snapshot.Manifest {
	w.cut()
	m, err := snapshot.Take(w.t.Context(), w.snapshots(), &foldedState{w.rec.Fold(), w.last.Head}, snapshot.TakeOptions{Key: key, Now: day})
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

// provable is a world with an account for whom there is something to prove, and a snapshot with a root before the last cut.
func provable(t *testing.T, key *sumtree.Key) (*world, *snapshot.Manifest) {
	w := newWorld(t)
	w.listed()
	w.deposit("alice", "1000.5")
	w.deposit("bob", 2500)
	w.cut()
	m := w.rooted(key)
	w.deposit("alice", 7)
	w.cut()
	return w, m
}

func check(t *testing.T, p *Proven, root orderlog.Hash) *Checked {
	t.Helper()
	file, err := p.Proof.Encode()
	if err != nil {
		t.Fatal(err)
	}
	c, err := CheckProof(file, root)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// An account is proven in the root that a manifest publishes, from the snapshot's file and from an archive that has the
// manifest alone; the proof holds for that root and no other.
func TestProve(t *testing.T) {
	key := auditKey(t, 7)
	w, m := provable(t, key)
	alice := Account{Venue: "x", Owner: "alice"}
	for _, p := range []*Past{w.past(), w.archive(ArchiveOptions{})} {
		proven, err := p.Prove(t.Context(), key, alice, Point{}, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !proven.Published || proven.Snapshot != m.Name || proven.Root != *m.RootHash || proven.Proof.Root.Cut != m.Head.Cut {
			t.Fatalf("%+v", proven)
		}
		if text := proven.String(); !strings.Contains(text, "it has 1000.5 USDC and owes 0 at x") || !strings.Contains(text, "all of them have 3500.5 USDC and owe 0 at x") ||
			!strings.Contains(text, "the manifest of snapshot "+m.Name+" has this root") {
			t.Error(text)
		}
		if c := check(t, proven, *m.RootHash); !c.Holds || c.Account != "x/alice/0" || !strings.HasSuffix(c.String(), "the proof holds\n") {
			t.Errorf("%v", c)
		}
		other := *m.RootHash
		other[3] ^= 1
		if c := check(t, proven, other); c.Holds || !strings.HasPrefix(c.String(), "DIFFERENCE: the proof does not hold: it is of root ") {
			t.Errorf("%v", c)
		}
	}
}

// Where no manifest has a root one can be made, of the state at a cut; it says that nobody has published it.
func TestProveMade(t *testing.T) {
	w, m := provable(t, nil)
	key, p := auditKey(t, 7), w.past()
	bob := Account{Venue: "x", Owner: "bob"}
	if _, err := p.Prove(t.Context(), key, bob, Point{}, false, nil); err == nil || !strings.Contains(err.Error(), "--made") {
		t.Fatalf("without a root: %v", err)
	}
	for _, at := range []Point{{}, {Cut: m.Head.Cut}} {
		proven, err := p.Prove(t.Context(), key, bob, at, true, nil)
		if err != nil {
			t.Fatal(err)
		}
		if proven.Published || !strings.Contains(proven.String(), "no manifest has this root") {
			t.Errorf("%v", proven)
		}
		if c := check(t, proven, proven.Root); !c.Holds {
			t.Errorf("%v", c)
		}
	}
}

// What cannot be proven is said.
func TestProveRefused(t *testing.T) {
	key := auditKey(t, 7)
	w, m := provable(t, key)
	p := w.past()
	for name, c := range map[string]struct {
		key *sumtree.Key
		a   Account
		at  Point
	}{
		"there is no account x/nobody/0":          {key, Account{Venue: "x", Owner: "nobody"}, Point{}},
		"no snapshot with a root under audit key": {auditKey(t, 8), Account{Venue: "x", Owner: "alice"}, Point{}},
		"up to cut:1":              {key, Account{Venue: "x", Owner: "alice"}, Point{Cut: 1}},
		"a root is of a whole cut": {key, Account{Venue: "x", Owner: "alice"}, Point{N: 2}},
	} {
		if _, err := p.Prove(context.Background(), c.key, c.a, c.at, false, nil); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, expected %q", err, name)
		}
	}
	if _, err := CheckProof([]byte("{}"), *m.RootHash); err == nil {
		t.Error("no proof was read as one")
	}
	// A manifest that publishes a root which is not that of its state.
	m.RootHash = forge(t, w, m)
	if _, err := p.Prove(t.Context(), key, Account{Venue: "x", Owner: "alice"}, Point{}, false, nil); !orderlog.IsCorruption(err) {
		t.Errorf("a forged root: %v", err)
	}
}

// forge replaces a manifest by one whose root counts one account more.
func forge(t *testing.T, w *world, m *snapshot.Manifest) *orderlog.Hash {
	t.Helper()
	root := *m.Root
	root.Accounts++
	hash := root.Hash()
	forged := *m
	forged.Root, forged.RootHash = &root, &hash
	b, err := forged.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(string(w.snapshots()), m.ManifestName()), b, 0o600); err != nil {
		t.Fatal(err)
	}
	return &hash
}

// Verification finds a root that is not the folded state's, if it has the key; without it says that it did not look.
func TestFaultRoot(t *testing.T) {
	key := auditKey(t, 7)
	w, m := provable(t, key)
	p := w.past()
	p.Config.Snapshots.Key = key
	if r := verify(t, p, VerifyOptions{}); !r.Agrees || strings.Contains(r.String(), "the root of snapshot") {
		t.Fatalf("the right root:\n%v", r)
	}
	forged := forge(t, w, m)
	want(t, one(t, verify(t, p, VerifyOptions{}), KindSnapshot), Difference{Cut: m.Head.Cut, Field: "root", Have: forged.String(), Want: m.RootHash.String()})

	p.Config.Snapshots.Key = nil
	r := verify(t, p, VerifyOptions{})
	if !r.Agrees || !strings.Contains(r.String(), "not compared: the root of snapshot "+m.Name+": it was made with audit key "+key.ID()) {
		t.Fatalf("without the key:\n%v", r)
	}
}
