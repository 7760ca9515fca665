package projector

import "fmt"

// maxExpected bounds what Expect makes room for: a wrong number must not cost more memory than this.
const maxExpected = 1 << 24

// Expect makes room for so many rows, before the first is loaded: maps that grow would copy themselves over and over.
// It changes nothing else.
func (s *Shard) Expect(rows uint64) {
	if len(s.owners) == 0 {
		s.owners = make(map[string]*owner, min(rows, maxExpected))
	}
}

// raw takes a text's bytes: they are those of the row.
func (r *rowReader) raw() []byte {
	n := r.count()
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

// rowMarket finds the market that a row names next, without a copy of the name: accounts name some millions.
func (v *venue) rowMarket(r *rowReader) (*market, error) {
	name := r.raw()
	if m := v.markets[string(name)]; m != nil {
		return m, nil
	}
	return v.marginMarket(string(name))
}

// rowAsset finds the asset that a row names next.
func (v *venue) rowAsset(r *rowReader) (*asset, error) {
	name := r.raw()
	if x := v.assets[string(name)]; x != nil {
		return x, nil
	}
	return v.marginAsset(string(name))
}

// ParsedAccount is an account that was read out of its row, and is not part of a shard yet.
type ParsedAccount struct{ account *account }

// ParseAccount reads an account's row for EnterAccount; ok is false for a row of another kind, which LoadRow restores.
// It reads what rows of lower kinds have made and changes nothing: so it may run beside EnterAccount, but not beside
// LoadRow. An error means that the row is damaged.
func (s *Shard) ParseAccount(key, value []byte) (parsed ParsedAccount, ok bool, err error) {
	if len(key) == 0 || key[0] != rowAccount {
		return parsed, false, nil
	}
	damaged := func(err error) (ParsedAccount, bool, error) {
		return ParsedAccount{}, false, fmt.Errorf("row %q: %w", key, err)
	}
	k, r := rowKey{key[1:]}, rowReader{data: value}
	if err := r.begin(); err != nil {
		return damaged(err)
	}
	v, err := s.keyVenue(&k)
	if err != nil {
		return damaged(err)
	}
	owner, err := k.name()
	if err != nil {
		return damaged(err)
	}
	sub, err := k.number()
	if err != nil {
		return damaged(err)
	}
	a := newAccount(v, owner, sub)
	if err := a.load(&r); err != nil {
		return damaged(err)
	}
	if err := r.done(); err != nil {
		return damaged(err)
	}
	return ParsedAccount{a}, true, nil
}

// EnterAccount makes a parsed account part of the shard, as LoadRow would have done. Accounts are entered in the order
// of their rows.
func (s *Shard) EnterAccount(p ParsedAccount) error { return s.enterLoaded(p.account) }
