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
