package snapshot

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/internal/orderlog"
	"marginledger/internal/simulate/stream"
	"marginledger/projector"
	"marginledger/snapshot/sumtree"
)

func testKey(t *testing.T) *sumtree.Key {
	t.Helper()
	key, err := sumtree.ParseKey(strings.Repeat("07", sumtree.MinKeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// folded is the state that random facts fold to.
func folded(seed uint64) *state {
	shard := projector.New(projector.Config{})
	records := stream.Random(rand.New(rand.NewPCG(13, seed)), stream.Options{Records: 1500})
	for i := range records {
		shard.Apply(&records[i])
	}
	s := &state{pieces: 1000, head: &orderlog.Head{Cut: 9, Chain: orderlog.Hash{1}, Sources: []orderlog.Place{}, Skips: []orderlog.PendingSkip{}}}
	shard.EachRow(func(r projector.Row) {
		s.rows = append(s.rows, projector.Row{Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value)})
	})
	return s
}

// The root of a taken snapshot is that of its rows, also as they are read back; its totals and the system accounts are
// nothing together; every account's proof holds; and without a key there is none.
func TestRootOfSnapshot(t *testing.T) {
	key := testKey(t)
	for seed := range uint64(4) {
		s := folded(seed)
		dir := Dir(t.TempDir())
		plain, err := Take(t.Context(), dir, s, TakeOptions{Now: someTime})
		if err != nil || plain.Root != nil || plain.RootHash != nil {
			t.Fatal(plain, err)
		}
		m, err := Take(t.Context(), dir, s, TakeOptions{Now: someTime, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		if m.Identity != plain.Identity || m.Name == plain.Name || *m.RootHash != m.Root.Hash() {
			t.Errorf("%+v, without a root %+v", m, plain)
		}
		f, done, err := OpenFrom(t.Context(), dir, m)
		if err != nil {
			t.Fatal(err)
		}
		defer done()
		b := sumtree.NewBuilder(key)
		var accounts []sumtree.Account
		if err := f.EachRow(func(r projector.Row) error {
			if owner, ok := bytes.CutPrefix(r.Key, projector.AccountKey(nil, "X", "", 0)[:3]); ok && r.Key[0] == projector.AccountKey(nil, "X", "", 0)[0] {
				name, sub, _ := bytes.Cut(owner, []byte{0})
				accounts = append(accounts, sumtree.Account{Venue: "X", Owner: string(name), Sub: uint32(sub[3])})
			}
			return b.Row(r)
		}); err != nil {
			t.Fatal(err)
		}
		again, err := b.Tree().Root(sumtree.AtHead(s.head))
		if err != nil || again.Hash() != *m.RootHash {
			t.Fatalf("%v, then %v, %v", *m.RootHash, again.Hash(), err)
		}
		for _, x := range b.Systems() {
			sum := fixed.Int128{}
			for _, total := range m.Root.Totals {
				if total.Venue == x.Venue && total.Asset == x.Asset {
					sum = total.Receivables.Sub(total.Liabilities)
					if want := string(sum.Append(nil, int(total.Scale))); x.Amount.String() != want {
						t.Errorf("seed %d: system accounts of %s at %s hold %s, the totals say %s", seed, x.Asset, x.Venue, x.Amount, want)
					}
				}
			}
			if sum.IsZero() && x.Amount != events.NumberOf(fixed.Int128{}, 0) && x.Amount.String() != "0" {
				t.Errorf("seed %d: system accounts of %s at %s hold %s, and no account has any", seed, x.Asset, x.Venue, x.Amount)
			}
		}
		if len(accounts) == 0 {
			t.Fatal("no accounts")
		}
		for _, a := range accounts {
			p, err := sumtree.Prove(key, sumtree.AtHead(s.head), f.EachRow, a)
			if err == nil {
				err = p.Check(*m.RootHash)
			}
			if err != nil {
				t.Errorf("seed %d: %v: %v", seed, a, err)
			}
		}
		if _, err := sumtree.Prove(key, sumtree.AtHead(s.head), f.EachRow, sumtree.Account{Venue: "X", Owner: "nobody"}); !errors.Is(err, sumtree.ErrNoAccount) {
			t.Error(err)
		}
	}
}

// A state whose account rows cannot be read makes no snapshot with a root.
func TestRootOfDamagedRow(t *testing.T) {
	s := folded(1)
	for i := range s.rows {
		if r := &s.rows[i]; r.Key[0] == projector.AccountKey(nil, "", "", 0)[0] {
			r.Value = r.Value[:len(r.Value)-1]
			break
		}
	}
	dir := Dir(t.TempDir())
	if _, err := Take(t.Context(), dir, s, TakeOptions{Key: testKey(t)}); err == nil || !strings.Contains(err.Error(), "damaged row") {
		t.Error(err)
	}
	if names, err := dir.Names(t.Context(), ""); err != nil || len(names) > 0 {
		t.Error(names, err)
	}
}
