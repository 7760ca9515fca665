package audit

import (
	"fmt"

	"marginledger/events"
	"marginledger/projector"
)

// slice is a shard with one owner's accounts only, and all that they refer to: small enough to try things on. Accounts
// share nothing, so what it says of them is what the whole shard would.
type slice struct {
	venue string
	rows  []projector.Row
	n     uint64
}

// sliceOf copies what an owner's accounts of a venue depend on.
func sliceOf(s *projector.Shard, venue, owner string) *slice {
	out := &slice{venue: venue, n: s.Counters().N}
	s.EachRow(func(r projector.Row) {
		kind, parts, ok := rowParts(r.Key)
		if !ok || kind == "producer" || kind == "system" || kind == "fund" {
			return
		}
		if kind == "incomplete" && parts[1] == owner || parts[0] == venue && (kind != "account" || parts[1] == owner) && kind != "incomplete" {
			out.rows = append(out.rows, projector.Row{Key: append([]byte(nil), r.Key...), Value: append([]byte(nil), r.Value...)})
		}
	})
	return out
}

// open makes the shard, as it was copied.
func (x *slice) open() (*projector.Shard, error) {
	s := projector.New(projector.Config{Postings: true})
	for _, r := range x.rows {
		if err := s.LoadRow(r.Key, r.Value); err != nil {
			return nil, fmt.Errorf("load a copy of the account: %w", err)
		}
	}
	return s, s.Loaded(projector.Counters{N: x.n})
}

// try applies a fact that somebody thought of, at a time of the venue's clock. It fails where the fact cannot be applied.
func try(s *projector.Shard, venue, owner string, sub uint32, time int64, body events.Body) (*projector.Effects, error) {
	n := s.Counters().N + 1
	e := &events.Event{ID: fmt.Sprintf("what-if-%d", n), Type: body.EventType(), Version: 1, Venue: venue, Time: time, Owner: owner, Subaccount: sub, Body: body}
	fx := s.Apply(&projector.Record{Source: projector.Source{Topic: "what-if"}, Offset: int64(n), Timestamp: time/1e6 + 1, Key: []byte(owner), Role: e.Type.Role(), Event: e})
	for i := range fx.Outputs {
		if fx.Outputs[i].Kind == events.KindDeadLetter {
			return nil, fmt.Errorf("%s is not applied: %s", e.Type, fx.Outputs[i].Reason)
		}
	}
	return fx, nil
}

// poolOf returns the state of one pool of an account; nil where there is none.
func poolOf(s *projector.Shard, a Account, pool string) (found *projector.PoolState) {
	_ = s.PoolsOf(a.Venue, a.Owner, a.Subaccount, func(p *projector.PoolState) error { // fn returns no error
		if p.Pool == pool {
			c := *p
			c.Positions = append([]projector.PositionState(nil), p.Positions...)
			c.Money = append([]projector.Money(nil), p.Money...)
			found = &c
		}
		return nil
	})
	return found
}
