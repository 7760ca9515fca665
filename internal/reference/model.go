package reference

import (
	"crypto/sha256"
	"encoding/hex"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"marginledger/events"
	"marginledger/projector"
)

// Model is the reference model of one shard.
type Model struct {
	shard  int32
	window int
	n      uint64
	seqs   [events.Streams]uint64
	memory map[projector.Source]*memory
	state  *state
}

// New returns the model of a shard that has consumed nothing and remembers dedupeWindow unsequenced
// records per source.
func New(shard int32, dedupeWindow int) *Model {
	if dedupeWindow == 0 {
		dedupeWindow = projector.DefaultDedupeWindow
	}
	return &Model{shard: shard, window: dedupeWindow, memory: map[projector.Source]*memory{}, state: newState()}
}

// Apply consumes one record: it announces outputs and dead letters and posts postings, or finds
// that the record is a duplicate of one seen before. The model keeps strings of r.Event: what they
// are views of must not change.
func (m *Model) Apply(r *projector.Record) (outputs []events.Output, deadLetters []events.DeadLetterBody, postings []projector.Posting, duplicate bool) {
	m.n++
	reason, gap := refusal(r), false
	if reason == "" {
		switch m.remember(r) {
		case seenBefore:
			return nil, nil, nil, true
		case sequenceReset:
			reason = "sequence_reset"
		case idReused:
			reason = "id_reused"
		case sequenceGap:
			gap = true
		}
	}
	var t *transaction
	if reason == "" {
		t = m.begin(r, gap)
		reason = t.run()
	}
	if reason != "" {
		outputs, deadLetters = m.deadLetter(r, reason)
		return outputs, deadLetters, nil, false
	}
	m.state = t.state
	return m.number(append(t.due, t.announced...)), nil, t.postings, false
}

// refusal makes the checks of § 5 that need no state; "" where r passes them.
func refusal(r *projector.Record) string {
	e := r.Event
	switch {
	case r.Skipped:
		return "skipped"
	case e == nil:
		return r.Undecodable
	case e.Type.Role() != r.Role:
		return "wrong_role"
	case e.Type.OfAccount() && (r.WrongPartition || string(r.Key) != e.Owner):
		return "wrong_partition"
	case decimal.NewFromInt(e.Time).Cmp(decimal.New(r.Timestamp, 6).Add(decimal.New(60, 9))) > 0:
		return "time_in_future"
	}
	return ""
}

// deadLetter announces r as a dead letter. It changes nothing but what its account, or the owner
// that its key names, has unanswered (§ 5).
func (m *Model) deadLetter(r *projector.Record, reason string) ([]events.Output, []events.DeadLetterBody) {
	at := offsetOf(r)
	digest := sha256.Sum256(r.Value)
	out := m.header(r)
	out.Kind, out.Reason, out.Digest = events.KindDeadLetter, reason, hex.EncodeToString(digest[:])
	switch e := r.Event; {
	case e == nil || r.Skipped:
		out.Detail = r.Detail
		if r.Role == events.RoleAccounts && len(r.Key) > 0 && len(r.Key) <= events.MaxIDBytes && utf8.Valid(r.Key) {
			out.Owner = string(r.Key)
			remember(m.state.ofOwner, out.Owner, at)
			out.Incomplete = true
		}
	default:
		out.Venue = e.Venue
		if v := m.state.venues[e.Venue]; v != nil {
			out.Profile = v.profile
		}
		if e.Type.OfAccount() {
			out.Owner, out.Subaccount = e.Owner, e.Subaccount
			remember(m.state.ofAccount, venueAccount{e.Venue, accountKey{e.Owner, e.Subaccount}}, at)
			out.Incomplete = true
		}
	}
	m.seqs[events.StreamDeadLetters]++
	body := events.DeadLetterBody{
		ID:        events.OutputID(m.shard, m.n, 0),
		Seq:       m.seqs[events.StreamDeadLetters],
		Source:    at,
		Timestamp: r.Timestamp,
		Reason:    reason,
		Size:      len(r.Value),
		Digest:    out.Digest,
		Key:       r.Key,
		Value:     r.Value,
	}
	if len(r.Value) > events.MaxDeadLetterBody {
		body.Value, body.Truncated = r.Value[:events.MaxDeadLetterHead], true
	}
	return m.number([]*announcement{{Output: out}}), []events.DeadLetterBody{body}
}

func remember[K comparable](open map[K]map[events.Offset]bool, key K, at events.Offset) {
	if open[key] == nil {
		open[key] = map[events.Offset]bool{}
	}
	open[key][at] = true
}

func offsetOf(r *projector.Record) events.Offset {
	return events.Offset{Topic: r.Source.Topic, Partition: r.Source.Partition, Offset: r.Offset}
}
