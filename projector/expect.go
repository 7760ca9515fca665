package projector

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
