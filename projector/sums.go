package projector

import (
	"cmp"
	"fmt"
	"slices"

	"marginledger/internal/fixed"
)

// AssetSum is what stands between a venue and an account in one asset. Both sides are ≥ 0, at the venue's value scale,
// and are kept apart: a debt of one pool is not paid by another one's collateral.
type AssetSum struct {
	Asset       string
	Liabilities fixed.Int128 // owed to the account: balances and isolated collateral above zero
	Receivables fixed.Int128 // owed by the account: balances and isolated collateral below zero
}

// AccountSums are the sums of one account over its pools. Profits that are not realised and funding that is not posted
// are in none of them.
type AccountSums struct {
	Venue, Owner string
	Subaccount   uint32
	Scale        int        // digits after the point of every amount
	Assets       []AssetSum // by name; an asset of which there is neither is absent
}

// Sums reads what accounts have and owe out of a state's rows, one row after the other: it remembers what accounts
// refer to, and no account.
type Sums struct {
	shard *Shard
	out   AccountSums
}

// NewSums returns a reader that has seen no row.
func NewSums() *Sums { return &Sums{shard: New(Config{})} }

// Row takes the next row, in key order. It returns the sums of the account that the row is of, which hold until the
// next call, or nil where it is another kind of row. An error means that the row is damaged; nothing more can be read then.
func (s *Sums) Row(key, value []byte) (*AccountSums, error) {
	if len(key) == 0 {
		return nil, fmt.Errorf("%w: empty key", errRow)
	}
	switch key[0] {
	case rowFund, rowIncomplete, rowProducer:
		return nil, nil
	}
	if err := s.shard.LoadRow(key, value); err != nil || key[0] != rowAccount {
		return nil, err
	}
	return s.take()
}

// take adds up the account that was loaded last, and forgets it.
func (s *Sums) take() (*AccountSums, error) {
	a := s.shard.dirty.rows[len(s.shard.dirty.rows)-1].(*account)
	v := a.venue
	s.out = AccountSums{Venue: v.Name, Owner: a.owner, Subaccount: a.Subaccount, Scale: v.Scale, Assets: s.out.Assets[:0]}
	ok := true
	for _, b := range a.cross.Balances {
		ok = s.add(b.Asset.Name, b.Amount) && ok
	}
	for _, p := range a.isolated {
		ok = s.add(v.settlement.Name, p.Collateral) && ok
		for _, b := range p.Balances {
			ok = s.add(b.Asset.Name, b.Amount) && ok
		}
	}
	if !ok {
		return nil, fmt.Errorf("%w: account %s/%s/%d: its balances add up to more than 127 bits", errRow, v.Name, a.owner, a.Subaccount)
	}
	slices.SortFunc(s.out.Assets, func(x, y AssetSum) int { return cmp.Compare(x.Asset, y.Asset) })
	delete(s.shard.owners, a.owner)
	clear(v.accounts)
	v.accounts = v.accounts[:0]
	clear(s.shard.dirty.rows)
	s.shard.dirty.rows = s.shard.dirty.rows[:0]
	return &s.out, nil
}

// add reports whether the sum fits.
func (s *Sums) add(asset string, amount fixed.Int128) (ok bool) {
	if amount.IsZero() {
		return true
	}
	i := slices.IndexFunc(s.out.Assets, func(x AssetSum) bool { return x.Asset == asset })
	if i < 0 {
		i = len(s.out.Assets)
		s.out.Assets = append(s.out.Assets, AssetSum{Asset: asset})
	}
	x := &s.out.Assets[i]
	if amount.Sign() > 0 {
		x.Liabilities, ok = x.Liabilities.AddOK(amount)
		return ok
	}
	x.Receivables, ok = x.Receivables.SubOK(amount)
	return ok
}

// Systems adds up the system accounts that were read, per venue and asset, in their order. In a state whose books
// balance, each is the receivables of all accounts less their liabilities.
func (s *Sums) Systems() []Sum { return s.shard.TrialBalance() }
