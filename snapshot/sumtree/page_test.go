package sumtree

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/big"
	"math/rand/v2"
	"testing"

	"marginledger/projector"
)

// The page of the format once more, by its tables and with nothing of this package: what an auditor would write.
type page struct{ b []byte }

func (p *page) text(s string) *page {
	p.b = append(binary.AppendUvarint(p.b, uint64(len(s))), s...)
	return p
}

func (p *page) amount(v *big.Int) *page {
	p.b = append(append(p.b, byte(len(v.Bytes()))), v.Bytes()...)
	return p
}

type pageSum struct {
	asset      string
	have, owed *big.Int
}

func (p *page) sums(venue string, scale byte, sums []pageSum) *page {
	p.b = binary.AppendUvarint(p.b, uint64(len(sums)))
	for _, s := range sums {
		p.text(venue).text(s.asset)
		p.b = append(p.b, scale)
		p.amount(s.have).amount(s.owed)
	}
	return p
}

func pageTree(key []byte, accounts []projector.AccountSums) (hash [32]byte, sums []pageSum) {
	if len(accounts) == 1 {
		a := accounts[0]
		for _, x := range a.Assets {
			sums = append(sums, pageSum{x.Asset, x.Liabilities.Big(), x.Receivables.Big()})
		}
		name := new(page).text(a.Venue).text(a.Owner)
		name.b = binary.BigEndian.AppendUint32(name.b, a.Subaccount)
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte("marginledger leaf 1\n"))
		mac.Write(name.b)
		leaf := &page{append(append([]byte{0}, mac.Sum(nil)...), name.b...)}
		return sha256.Sum256(leaf.sums(a.Venue, byte(a.Scale), sums).b), sums
	}
	split := 1
	for split*2 < len(accounts) {
		split *= 2
	}
	left, leftSums := pageTree(key, accounts[:split])
	right, rightSums := pageTree(key, accounts[split:])
	node := &page{append([]byte{1}, left[:]...)}
	node.sums("v", 6, leftSums)
	node.b = append(node.b, right[:]...)
	node.sums("v", 6, rightSums)
	for _, asset := range []string{"BTC", "ETH", "USDC"} {
		s := pageSum{asset, new(big.Int), new(big.Int)}
		for _, x := range append(append([]pageSum{}, leftSums...), rightSums...) {
			if x.asset == asset {
				s.have.Add(s.have, x.have)
				s.owed.Add(s.owed, x.owed)
			}
		}
		if s.have.Sign() != 0 || s.owed.Sign() != 0 {
			sums = append(sums, s)
		}
	}
	return sha256.Sum256(node.b), sums
}

// TestPage makes a root by the tables of docs/formats/root.md.
func TestPage(t *testing.T) {
	key := make([]byte, MinKeyBytes)
	for i := range key {
		key[i] = 7
	}
	for _, n := range []int{1, 2, 5, 11, 64} {
		accounts := randomAccounts(rand.New(rand.NewPCG(5, 6)), n)
		tree, sums := pageTree(key, accounts)
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte("marginledger audit key id 1\n"))
		p := &page{[]byte("marginledger root 1\n")}
		p.text(hex.EncodeToString(mac.Sum(nil)[:8]))
		p.b = binary.BigEndian.AppendUint32(p.b, 3)
		p.b = binary.BigEndian.AppendUint64(p.b, 77)
		p.b = append(append(p.b, 1, 2, 3), make([]byte, 29)...)
		p.b = binary.BigEndian.AppendUint64(p.b, uint64(n))
		p.b = append(p.b, tree[:]...)
		p.sums("v", 6, sums)
		root, _ := treeOf(t, accounts, Account{})
		if want := sha256.Sum256(p.b); root.Hash() != want {
			t.Errorf("%d accounts: root %v, by the page %x", n, root.Hash(), want)
		}
	}
}
