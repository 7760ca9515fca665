package projector

// What audits ask of a shard beside its rows and figures.

// Venues returns the names of the venues, in order.
func (s *Shard) Venues() []string {
	names := make([]string, len(s.venueList))
	for i, v := range s.venueList {
		names[i] = v.Name
	}
	return names
}

// Clock returns a venue's shard time, in nanoseconds since 1970 UTC; false where there is no such
// venue.
func (s *Shard) Clock(venue string) (int64, bool) {
	v := s.venues[venue]
	if v == nil {
		return 0, false
	}
	return v.Time, true
}

// Row returns the value of one row as EachRow has it; nil where there is no such row. The bytes
// hold until the next call.
func (s *Shard) Row(key []byte) []byte {
	r := s.rower(key)
	if r == nil {
		return nil
	}
	s.valueBuf = r.appendValue(s.valueBuf[:0])
	if len(s.valueBuf) == 0 {
		return nil
	}
	return s.valueBuf
}

// rower finds the piece of state that a row's key names, nil where there is none.
func (s *Shard) rower(key []byte) rower {
	if len(key) == 0 {
		return nil
	}
	k := &rowKey{key[1:]}
	var a, b, c string
	switch key[0] {
	case rowProducer:
		p := producerKey{}
		n, err := k.sourceName(&p)
		if err != nil || s.producers[n] == nil {
			return nil
		}
		return s.producers[n]
	case rowIncomplete, rowAccount:
		if k.names(&a, &b) != nil {
			return nil
		}
		sub, err := k.number()
		if err != nil {
			return nil
		}
		if key[0] == rowIncomplete {
			if in := s.open[incompleteKey{a, b, sub}]; in != nil {
				return in
			}
			return nil
		}
		if v := s.venues[a]; v != nil {
			if acc := s.owners[b].account(v, sub); acc != nil {
				return acc
			}
		}
		return nil
	}
	if k.names(&a) != nil || s.venues[a] == nil {
		return nil
	}
	v := s.venues[a]
	if key[0] == rowVenue {
		return v
	}
	if k.names(&b) != nil {
		return nil
	}
	if key[0] == rowSystem || key[0] == rowFund {
		if k.names(&c) != nil {
			return nil
		}
	}
	return v.rower(key[0], b, c)
}

// rower finds a piece of state of a venue by its kind and names.
func (v *venue) rower(kind byte, name, asset string) rower {
	switch kind {
	case rowAsset:
		if x := v.assets[name]; x != nil {
			return x
		}
	case rowMarket:
		if m := v.markets[name]; m != nil {
			return m
		}
	case rowSystem:
		if y := v.systems[systemKey{name, asset}]; y != nil {
			return y
		}
	case rowFund:
		if f := v.funds[systemKey{name, asset}]; f != nil {
			return f
		}
	}
	return nil
}

// sourceName reads what a producer's key names.
func (k *rowKey) sourceName(p *producerKey) (producerKey, error) {
	var err error
	if p.source.Topic, err = k.name(); err != nil {
		return *p, err
	}
	partition, err := k.number()
	if err != nil {
		return *p, err
	}
	p.source.Partition = int32(partition)
	p.name, err = k.name()
	return *p, err
}
