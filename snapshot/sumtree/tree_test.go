package sumtree

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"marginledger/internal/fixed"
	"marginledger/internal/orderlog"
	"marginledger/projector"
)

var rewrite = flag.Bool("rewrite", false, "write the golden file anew")

var testAt = At{Shard: 3, Cut: 77, Chain: orderlog.Hash{1, 2, 3}}

func testKey(t testing.TB) *Key {
	t.Helper()
	key, err := ParseKey(strings.Repeat("07", MinKeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// randomAccounts returns n accounts in the order of their rows, with balances of up to three assets.
func randomAccounts(rng *rand.Rand, n int) []projector.AccountSums {
	out := make([]projector.AccountSums, n)
	for i := range out {
		a := &out[i]
		*a = projector.AccountSums{Venue: "v", Owner: fmt.Sprintf("owner-%06d", i/2), Subaccount: uint32(i % 2), Scale: 6}
		for _, asset := range []string{"BTC", "ETH", "USDC"} {
			x := projector.AssetSum{Asset: asset}
			switch rng.IntN(4) {
			case 0:
				continue
			case 1:
				x.Receivables = fixed.FromInt64(1 + rng.Int64N(1e12)).Mul(1 + rng.Int64N(1e12))
			case 2:
				x.Receivables = fixed.FromInt64(1)
				fallthrough
			default:
				x.Liabilities = fixed.FromInt64(1 + rng.Int64N(1e12))
			}
			a.Assets = append(a.Assets, x)
		}
	}
	return out
}

func treeOf(t testing.TB, accounts []projector.AccountSums, watch Account) (*Root, *Proof) {
	t.Helper()
	tree := New(testKey(t))
	if watch != (Account{}) {
		tree.Watch(watch)
	}
	for i := range accounts {
		if err := tree.Add(&accounts[i]); err != nil {
			t.Fatal(err)
		}
	}
	root, err := tree.Root(testAt)
	if err != nil {
		t.Fatal(err)
	}
	if watch == (Account{}) {
		return root, nil
	}
	p, err := tree.Proof(root)
	if err != nil {
		t.Fatal(err)
	}
	return root, p
}

func nameOf(a *projector.AccountSums) Account { return Account{a.Venue, a.Owner, a.Subaccount} }

// naive is the tree as its definition has it: all leaves in memory, split at the largest power of two.
func naive(key *Key, accounts []projector.AccountSums) (orderlog.Hash, Sums) {
	if len(accounts) == 0 {
		return emptyTree(), Sums{}
	}
	if len(accounts) == 1 {
		a := &accounts[0]
		sums := Sums{}
		for _, x := range a.Assets {
			sums = append(sums, Sum{a.Venue, x.Asset, uint8(a.Scale), x.Liabilities, x.Receivables})
		}
		h, _ := hashLeaf(nil, key.Salt(nameOf(a)), nameOf(a), sums)
		return h, sums
	}
	split := 1
	for 2*split < len(accounts) {
		split *= 2
	}
	lh, ls := naive(key, accounts[:split])
	rh, rs := naive(key, accounts[split:])
	sums, err := ls.add(nil, rs)
	if err != nil {
		panic(err)
	}
	h, _ := hashNode(nil, lh, ls, rh, rs)
	return h, sums
}

// The streamed tree is the one of the definition, for every small number of leaves; every account's proof holds, and
// the totals are the sums of the accounts.
func TestTreeAndProofs(t *testing.T) {
	for n := range 70 {
		rng := rand.New(rand.NewPCG(5, uint64(n)))
		accounts := randomAccounts(rng, n)
		root, _ := treeOf(t, accounts, Account{})
		tree, totals := naive(testKey(t), accounts)
		if root.Tree != tree || !slices.Equal(root.Totals, totals) || root.Accounts != uint64(n) {
			t.Fatalf("%d leaves: %v, want %v; %v, want %v", n, root.Tree, tree, root.Totals, totals)
		}
		for i := range accounts {
			again, p := treeOf(t, accounts, nameOf(&accounts[i]))
			if again.Hash() != root.Hash() {
				t.Fatalf("%d leaves: watching one changed the root", n)
			}
			if err := p.Check(root.Hash()); err != nil {
				t.Fatalf("leaf %d of %d: %v", i, n, err)
			}
		}
	}
}

// A proof of a state that differs in one account, or in what the root is of, does not hold against this root.
func TestRootCommits(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 1))
	accounts := randomAccounts(rng, 33)
	root, _ := treeOf(t, accounts, Account{})
	for i := range accounts {
		changed := slices.Clone(accounts)
		a := &changed[i]
		a.Assets = append(slices.Clone(a.Assets), projector.AssetSum{Asset: "ZZZ", Liabilities: fixed.FromInt64(1)})
		other, p := treeOf(t, changed, nameOf(a))
		if other.Hash() == root.Hash() {
			t.Fatalf("a balance of account %d does not show in the root", i)
		}
		if err := p.Check(root.Hash()); !errors.Is(err, ErrProof) {
			t.Fatalf("account %d: %v", i, err)
		}
	}
	for name, change := range map[string]func(r *Root){
		"key": func(r *Root) { r.KeyID += "0" }, "shard": func(r *Root) { r.Shard++ }, "cut": func(r *Root) { r.Cut++ },
		"chain": func(r *Root) { r.Chain[31]++ }, "accounts": func(r *Root) { r.Accounts++ }, "tree": func(r *Root) { r.Tree[0]++ },
		"totals": func(r *Root) { r.Totals = r.Totals[1:] },
	} {
		r := *root
		if change(&r); r.Hash() == root.Hash() {
			t.Errorf("the root does not commit to its %s", name)
		}
	}
}

// The golden proof must be readable, and hold, for ever.
func TestGoldenProof(t *testing.T) {
	path := filepath.Join("testdata", "proof.json")
	accounts := randomAccounts(rand.New(rand.NewPCG(5, 6)), 11)
	root, p := treeOf(t, accounts, nameOf(&accounts[6]))
	if *rewrite {
		file, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, file, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	golden, err := ParseProof(file)
	if err != nil {
		t.Fatal(err)
	}
	const want = "ccdd88f1f2fea4ac0da045ef975498f919aa570947c40ee74df284752286d1ad"
	var hash orderlog.Hash
	if err := hash.UnmarshalText([]byte(want)); err != nil {
		t.Fatal(err)
	}
	if err := golden.Check(hash); err != nil {
		t.Error(err)
	}
	if root.Hash() != hash || !reflect.DeepEqual(golden, p) {
		t.Errorf("the same accounts make root %v, want %v", root.Hash(), hash)
	}
}

// Any change to any byte of a proof file is found: it does not parse, or the proof does not hold.
func TestChangedProofs(t *testing.T) {
	accounts := randomAccounts(rand.New(rand.NewPCG(5, 2)), 21)
	root, p := treeOf(t, accounts, nameOf(&accounts[13]))
	file, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	check := func(b []byte) error {
		p, err := ParseProof(b)
		if err != nil {
			return err
		}
		return p.Check(root.Hash())
	}
	if err := check(file); err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, file); err != nil {
		t.Fatal(err)
	}
	if err := check(compact.Bytes()); err != nil {
		t.Fatalf("without blanks: %v", err)
	}
	for i := range compact.Len() {
		for _, x := range []byte{0x01, 0x20, 0x80} {
			b := bytes.Clone(compact.Bytes())
			if b[i] ^= x; check(b) == nil {
				t.Fatalf("byte %d changed from %q to %q, and the proof still holds", i, b[i]^x, b[i])
			}
		}
		if b := slices.Delete(bytes.Clone(compact.Bytes()), i, i+1); check(b) == nil {
			t.Fatalf("byte %d removed, and the proof still holds", i)
		}
	}
}

// What a dishonest operator might try: each is refused for what it is.
func TestForgedProofs(t *testing.T) {
	accounts := randomAccounts(rand.New(rand.NewPCG(5, 3)), 12)
	root, good := treeOf(t, accounts, nameOf(&accounts[5]))
	huge := tooMuch.Sub(fixed.FromInt64(1))
	for name, forge := range map[string]func(p *Proof){
		"a smaller balance":   func(p *Proof) { p.Sums[0].Liabilities = fixed.FromInt64(7) },
		"a negative balance":  func(p *Proof) { p.Sums[0].Liabilities = fixed.FromInt64(-1) },
		"another account":     func(p *Proof) { p.Account.Sub++ },
		"another venue's sum": func(p *Proof) { p.Sums[0].Venue = "u" },
		"another index":       func(p *Proof) { p.Index ^= 2 },
		"an index outside":    func(p *Proof) { p.Index = 12 },
		"a sibling's sums":    func(p *Proof) { p.Path[0].Sums = Sums{} },
		"sums that overflow": func(p *Proof) {
			p.Path[0].Sums = Sums{{"v", p.Sums[0].Asset, 6, huge, huge}}
		},
		"a negative sibling": func(p *Proof) {
			p.Path[1].Sums = Sums{{"v", "BTC", 6, fixed.FromInt64(-5), fixed.Int128{}}}
		},
		"another scale":      func(p *Proof) { p.Path[0].Sums = Sums{{"v", p.Sums[0].Asset, 7, huge, huge}} },
		"a path cut off":     func(p *Proof) { p.Path = p.Path[:2] },
		"a longer path":      func(p *Proof) { p.Path = append(p.Path, p.Path[0]) },
		"totals made up":     func(p *Proof) { p.Root.Totals = p.Root.Totals[:1] },
		"a leaf from inside": func(p *Proof) { p.Path = p.Path[1:]; p.Root.Accounts = 6; p.Index = 2 },
	} {
		b, err := json.Marshal(good)
		if err != nil {
			t.Fatal(err)
		}
		p := new(Proof)
		if err := json.Unmarshal(b, p); err != nil {
			t.Fatal(err)
		}
		if err := p.Check(root.Hash()); err != nil {
			t.Fatal(err)
		}
		forge(p)
		if err := p.Check(root.Hash()); !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
		if err := p.Check(p.Root.Hash()); !errors.Is(err, ErrProof) {
			t.Errorf("%s, under a root of its own: %v", name, err)
		}
	}
}

// Accounts out of order, twice, or with impossible sums make no tree; neither do totals of 39 digits.
func TestRefusedLeaves(t *testing.T) {
	account := func(owner string, liabilities fixed.Int128) *projector.AccountSums {
		return &projector.AccountSums{Venue: "v", Owner: owner, Scale: 6, Assets: []projector.AssetSum{{Asset: "USDC", Liabilities: liabilities}}}
	}
	one := fixed.FromInt64(1)
	for name, leaves := range map[string][]*projector.AccountSums{
		"out of order": {account("b", one), account("a", one)},
		"twice":        {account("a", one), account("a", one)},
		"negative":     {account("a", one.Neg())},
		"nothing":      {account("a", fixed.Int128{})},
		"39 digits":    {account("a", tooMuch)},
		"39 together":  {account("a", tooMuch.Sub(one)), account("b", one)},
		"another scale": {account("a", one),
			{Venue: "v", Owner: "b", Scale: 5, Assets: []projector.AssetSum{{Asset: "USDC", Liabilities: one}}}},
	} {
		tree := New(testKey(t))
		var err error
		for _, a := range leaves {
			if err == nil {
				err = tree.Add(a)
			}
		}
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A tree of a million leaves holds no more nodes than it has levels.
func TestMemory(t *testing.T) {
	tree := New(testKey(t))
	a := projector.AccountSums{Venue: "v", Scale: 6, Assets: []projector.AssetSum{{Asset: "USDC", Liabilities: fixed.FromInt64(5)}}}
	for i := range uint32(1 << 16) {
		a.Owner = fmt.Sprintf("owner-%08d", i)
		if err := tree.Add(&a); err != nil {
			t.Fatal(err)
		}
		if n := len(tree.stack) + len(tree.free); n > 2*18 {
			t.Fatalf("%d nodes after %d leaves", n, i+1)
		}
	}
}

// Keys tell nothing but their name.
func TestKey(t *testing.T) {
	key := testKey(t)
	if got := fmt.Sprintf("%v %s", key, key.ID()); strings.Contains(got, "0707") || len(key.ID()) != 16 {
		t.Error(got)
	}
	other, err := NewKey(bytes.Repeat([]byte{8}, 40))
	if err != nil || other.ID() == key.ID() {
		t.Error(other, err)
	}
	a := Account{"v", "alice", 0}
	if key.Salt(a) == other.Salt(a) || key.Salt(a) == key.Salt(Account{"v", "alice", 1}) || key.Salt(a) != key.Salt(Account{"v", "alice", 0}) {
		t.Error("salts do not depend on key and account alone")
	}
	for _, text := range []string{"", "07", strings.Repeat("07", 31), strings.Repeat("xy", 32)} {
		if _, err := ParseKey(text); err == nil || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzParseProof: whatever the file, no panic; what parses is written back the same.
func FuzzParseProof(f *testing.F) {
	accounts := randomAccounts(rand.New(rand.NewPCG(5, 4)), 5)
	_, p := treeOf(f, accounts, nameOf(&accounts[2]))
	file, err := p.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	f.Add([]byte(`{"format":"marginledger-proof/1"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseProof(b)
		if err != nil {
			return
		}
		again, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if q, err := ParseProof(again); err != nil || q.Root.Hash() != p.Root.Hash() {
			t.Fatal(err)
		}
		if err := p.Check(p.Root.Hash()); err != nil && !errors.Is(err, ErrProof) {
			t.Fatal(err)
		}
	})
}

// FuzzTree: any accounts, any number of them: the streamed root is the one of the definition, and proofs hold.
func FuzzTree(f *testing.F) {
	f.Add(uint64(1), uint16(3), uint16(1))
	f.Add(uint64(2), uint16(257), uint16(256))
	f.Fuzz(func(t *testing.T, seed uint64, n, which uint16) {
		accounts := randomAccounts(rand.New(rand.NewPCG(5, seed)), int(n%600)+1)
		a := &accounts[int(which)%len(accounts)]
		root, p := treeOf(t, accounts, nameOf(a))
		if tree, _ := naive(testKey(t), accounts); tree != root.Tree {
			t.Fatalf("%v, want %v", root.Tree, tree)
		}
		if err := p.Check(root.Hash()); err != nil {
			t.Fatal(err)
		}
	})
}
