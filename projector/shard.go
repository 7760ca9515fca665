// Package projector is the fold: it applies facts to the margin state of one shard and says what
// follows from them.
//
// It is pure. Nothing here reads a clock, starts a goroutine, ranges over a map, or does I/O; the
// same records in the same order give the same rows and the same announcements, to the byte. What
// is derived (interned numbers, holders, bounds, the deadline queue) is never stored and never
// orders anything that is.
//
// docs/venues/standard.md specifies the rules; sections are cited as §.
package projector

import (
	"errors"
	"strings"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
	"marginledger/projector/margin/registry"
)

// maxFuture is how far an event's time may lie after its record's timestamp.
const maxFuture = 60e9

// Shard is the state of one shard. It is not safe for concurrent use.
type Shard struct {
	cfg      Config
	counters Counters

	venues    map[string]*venue
	venueList []*venue // sorted by name
	markets   []*market
	assets    []*asset
	owners    map[string]*owner

	open       map[incompleteKey]*incomplete
	producers  map[producerKey]*producer
	windows    map[Source]*window
	windowList []*window // by source
	deadlines  deadlines

	others []rower // system accounts, funds, producers, open dead letters: in order of appearance
	dirty  dirty   // what changed since the last TakeChanged

	// Of the record before: derived.
	venue    *venue
	producer *producer

	// Bounds. All of it is derived.
	bounds     margin.Bounds
	terms      margin.Terms
	edges      []margin.Edge // a buffer
	left       []int32       // slots
	drawn      []drawn
	sum        int64    // keeps the compiler from leaving out what is read ahead
	expected   []*owner // whose facts come next, as ReadAhead was told
	expectedAt int
	unbound    []*pool // judged, and still to be given bounds
	jumpLeast  int
	detection  Detection
	work       Work

	// Buffers of TakeChanged and EachRow.
	keyBuf, valueBuf []byte
	refBuf           []rowRef
	order            []rowOrder

	// Of the record being applied.
	rec        *Record
	fx         Effects
	pending    []pendingOutput
	positions  []events.PositionFigures // of the record's announcements, one after the other
	tellings   tellings
	judgements uint64
	healths    healths
	queue      []*pool        // to be judged
	lines      []fixed.Int128 // a buffer: funding of a pool's positions
	sizes      []int64        // a buffer: what an episode asks for
	broken     []margin.Rule  // a buffer
	update     margin.Update  // a buffer
	deferring  bool           // its pools get their bounds before the next record
	eventTime  moment
	settled    int  // outputs before this index are final: those of due deadlines
	gap        bool // its sequence left a gap
}

// New returns the empty state of a shard.
func New(cfg Config) *Shard {
	if cfg.DedupeWindow == 0 {
		cfg.DedupeWindow = DefaultDedupeWindow
	}
	return &Shard{
		cfg:       cfg,
		venues:    map[string]*venue{},
		owners:    map[string]*owner{},
		open:      map[incompleteKey]*incomplete{},
		producers: map[producerKey]*producer{},
		windows:   map[Source]*window{},
		jumpLeast: jumpLeast,
	}
}

// Counters returns the numbers of the last record and announcements.
func (s *Shard) Counters() Counters { return s.counters }

// Apply applies one record. It cannot fail: a fact that cannot be applied becomes a dead letter. The
// effects hold until the next Apply.
func (s *Shard) Apply(r *Record) *Effects {
	if len(s.unbound) > 0 {
		s.boundDeferred() // while health is that of the last record
	}
	s.counters.N++
	s.healths.next()
	s.rec = r
	s.positions, s.tellings = s.positions[:0], tellings{}
	s.fx = Effects{N: s.counters.N, Outputs: s.fx.Outputs[:0], DeadLetters: s.fx.DeadLetters[:0], Postings: s.fx.Postings[:0]}
	s.pending, s.queue, s.settled, s.gap = s.pending[:0], s.queue[:0], 0, false
	s.deferring = false

	reason, detail := s.admit(r)
	if reason == ReasonNone && !s.fx.Duplicate {
		reason = s.apply(r.Event)
	}
	if reason != ReasonNone {
		s.deadLetter(reason, detail)
	} else if s.gap {
		a := s.eventAccount()
		if a == nil {
			s.violate(nil, nil, margin.RuleSequenceGap)
		} else {
			s.violate(a, &a.cross, margin.RuleSequenceGap)
		}
	}
	s.judgeQueued()
	s.finish()
	return &s.fx
}

// admit makes the checks that need no knowledge of the event's kind, in the order of §5.
func (s *Shard) admit(r *Record) (Reason, string) {
	e := r.Event
	switch {
	case r.Skipped:
		return ReasonSkipped, r.Detail
	case e == nil:
		return Reason(r.Undecodable), r.Detail
	case e.Type.Role() != r.Role:
		return ReasonWrongRole, ""
	case r.WrongPartition, e.Type.OfAccount() && string(r.Key) != e.Owner:
		return ReasonWrongPartition, ""
	case e.Time-maxFuture > milliseconds(r.Timestamp):
		return ReasonTimeInFuture, ""
	}
	return s.seen(r), ""
}

// milliseconds returns a record's timestamp in nanoseconds, the largest or smallest for those that
// no clock shows.
func milliseconds(ms int64) int64 { return max(min(ms, maxMillis), -maxMillis) * 1e6 }

const maxMillis = (1<<63 - 1) / 1_000_000

// apply applies an admitted event; a reason other than ReasonNone means that nothing changed.
func (s *Shard) apply(e *events.Event) Reason {
	v := s.find(e.Venue)
	if body, ok := e.Body.(*events.VenueProfileSet); ok {
		return s.venueProfileSet(v, e, body)
	}
	if v == nil {
		return ReasonUnknownVenue
	}
	if e.Type.OfAccount() {
		return s.applyAccount(v, e)
	}
	return s.applyVenue(v, e)
}

// find returns a venue by its name, nil where there is none. Most records are of the venue of the one before.
func (s *Shard) find(name string) *venue {
	if v := s.venue; v != nil && v.Name == name {
		return v
	}
	v := s.venues[name]
	if v != nil {
		s.venue = v
	}
	return v
}

// Waits reports that an event names a venue, market or asset that is not known yet. The shell
// holds it back until the configuration topics are drained.
func (s *Shard) Waits(e *events.Event) bool {
	if e.Type.Role() == events.RoleConfig {
		return false
	}
	v := s.find(e.Venue)
	if v == nil {
		return true
	}
	return v.unknown(e.Body) != ReasonNone
}

// eventAccount returns the account of the record's event, nil where it has none yet or is no
// account event.
func (s *Shard) eventAccount() *account {
	e := s.rec.Event
	if e == nil || !e.Type.OfAccount() {
		return nil
	}
	v := s.find(e.Venue)
	if v == nil {
		return nil
	}
	return s.owners[e.Owner].account(v, e.Subaccount)
}

// peek returns an account; one that is not there yet is made, but not entered: that is for
// enter, once it is certain that the fact is applied.
func (s *Shard) peek(v *venue, owner string, sub uint32) (a *account, entered bool) {
	if a = s.ownerOf(owner).account(v, sub); a != nil {
		return a, true
	}
	return newAccount(v, owner, sub), false
}

// newAccount makes an account that nobody knows yet.
func newAccount(v *venue, owner string, sub uint32) *account {
	a := &account{Account: margin.Account{Subaccount: sub}, venue: v, owner: owner, marginType: events.MarginStandard}
	a.cross.account, a.cross.asset = a, v.settlement
	a.cross.Venue, a.cross.Account = &v.Venue, &a.Account
	return a
}

// enter makes a new account known.
func (s *Shard) enter(a *account) {
	o := s.owners[a.owner]
	if o == nil {
		o = &owner{name: strings.Clone(a.owner)}
		s.owners[o.name] = o
	}
	a.owner = o.name
	o.add(a)
	a.venue.accounts = append(a.venue.accounts, a)
	a.incomplete = s.openDeadLetters(a)
	s.touchAccount(a)
}

// reasonOf is the reason of a dead letter for a profile's refusal.
func reasonOf(err error) Reason {
	switch {
	case err == nil:
		return ReasonNone
	case errors.Is(err, margin.ErrOutOfRange):
		return ReasonOutOfRange
	case errors.Is(err, margin.ErrParams):
		return ReasonBadParams
	case errors.Is(err, events.ErrNumberDigits):
		return ReasonTooManyDigits
	case errors.Is(err, margin.ErrMissing):
		return ReasonFactsMissing
	}
	return ReasonBadValue
}

// newProfile builds a profile from its settings.
func newProfile(name, version string, scale int, params []events.Param) (margin.Profile, Reason) {
	factory := registry.Find(name)
	if factory == nil {
		return nil, ReasonUnknownProfile
	}
	p, err := factory(version, scale, params)
	switch {
	case err == nil:
		return p, ReasonNone
	case errors.Is(err, margin.ErrUnknownVersion):
		return nil, ReasonUnknownProfile
	}
	return nil, ReasonBadParams
}
