package projector

import (
	"sort"
	"strings"
	"unicode/utf8"

	"marginledger/events"
)

// incompleteKey names an account, or with venue "" an owner at large: whom an undecodable record
// may have been about.
type incompleteKey struct {
	venue, owner string
	subaccount   uint32
}

// incomplete holds the unanswered dead letters of an account or of an owner at large.
type incomplete struct {
	incompleteKey
	offsets []events.Offset // sorted
	changed bool
}

func compareOffsets(a, b *events.Offset) int {
	if c := compareStrings(a.Topic, b.Topic); c != 0 {
		return c
	}
	if a.Partition != b.Partition {
		return int(a.Partition) - int(b.Partition)
	}
	return compareUints(uint64(a.Offset), uint64(b.Offset))
}

// markIncomplete notes the current record as an unanswered dead letter.
func (s *Shard) markIncomplete() {
	r := s.rec
	key := incompleteKey{}
	switch {
	case r.Event != nil && r.Event.Type.OfAccount():
		key = incompleteKey{r.Event.Venue, r.Event.Owner, r.Event.Subaccount}
	case r.Event == nil && r.Role == events.RoleAccounts && validOwner(r.Key):
		key.owner = string(r.Key)
	default:
		return
	}
	in := s.open[key]
	if in == nil {
		key.venue, key.owner = strings.Clone(key.venue), strings.Clone(key.owner)
		in = &incomplete{incompleteKey: key}
		s.open[key] = in
		s.others = append(s.others, in)
	}
	o := events.Offset{Topic: strings.Clone(r.Source.Topic), Partition: r.Source.Partition, Offset: r.Offset}
	i := in.find(&o)
	in.offsets = append(in.offsets, o)
	copy(in.offsets[i+1:], in.offsets[i:])
	in.offsets[i] = o
	s.touchIncomplete(in)
}

func (in *incomplete) find(o *events.Offset) int {
	return sort.Search(len(in.offsets), func(i int) bool { return compareOffsets(&in.offsets[i], o) >= 0 })
}

// validOwner reports that a record key can be an owner.
func validOwner(key []byte) bool {
	if len(key) == 0 || len(key) > events.MaxIDBytes || !utf8.Valid(key) {
		return false
	}
	for _, c := range key {
		if c < 0x20 || c == 0x7f {
			return false
		}
	}
	return true
}

// answer removes a dead letter that a correcting fact names; false where none of that offset is
// open for the account or its owner.
func (s *Shard) answer(a *account, o *events.Offset) bool {
	found := false
	for _, key := range [...]incompleteKey{{a.venue.Name, a.owner, a.Subaccount}, {owner: a.owner}} {
		in := s.open[key]
		if in == nil {
			continue
		}
		if i := in.find(o); i < len(in.offsets) && compareOffsets(&in.offsets[i], o) == 0 {
			in.offsets = append(in.offsets[:i], in.offsets[i+1:]...)
			s.touchIncomplete(in)
			found = true
		}
	}
	return found
}

// touchIncomplete brings the accounts' flags up to date and marks the row as changed.
func (s *Shard) touchIncomplete(in *incomplete) {
	for _, a := range s.owners[in.owner].all() {
		a.incomplete = s.openDeadLetters(a)
	}
	s.dirty.touch(&in.changed, in)
}

// openDeadLetters counts the unanswered dead letters of an account and of its owner at large.
func (s *Shard) openDeadLetters(a *account) int32 {
	n := 0
	if in := s.open[incompleteKey{a.venue.Name, a.owner, a.Subaccount}]; in != nil {
		n += len(in.offsets)
	}
	if in := s.open[incompleteKey{owner: a.owner}]; in != nil {
		n += len(in.offsets)
	}
	return int32(n)
}
