package audit

import (
	"fmt"

	"marginledger/events"
	"marginledger/projector"
)

// needs finds out what an answer would need that is not there: then it is unknown, and not "nothing happened".
type needs struct {
	config  string // type of the first fact of configuration that cannot be applied
	why     string // that, for people
	fact    string // kind of a fact that the profile takes in place of one that was refused, or that it lacks for it
	facts   int    // that were refused for it
	missing string // kind of a fact without which figures of pools are unknown
	pools   int    // of them

	open map[Account]map[string]string // pools of a shard with positions whose figures are unknown now
}

// refused hears of a fact that happened and that the other fold has just refused.
func (x *needs) refused(s *projector.Shard, e *events.Event, o *events.Output, n uint64) {
	if e.Type.Role() == events.RoleConfig {
		if x.config == "" {
			x.config = e.Type.String()
			x.why = fmt.Sprintf("%s of record %d cannot be applied: %s", e.Type, n, o.Reason)
			if err := s.Refusal(e); err != nil {
				x.why += ", " + err.Error()
			}
		}
		return
	}
	fact := ""
	switch projector.Reason(o.Reason) {
	case projector.ReasonNotSupported:
		switch b := e.Body.(type) {
		case *events.Fill: // A venue takes trades as one or as the other, or it has no legs.
			if fact = events.TypePositionChanged.String(); b.Leg != events.LegNet {
				fact = "Fill of leg net, or PositionChanged"
			}
		case *events.PositionChanged:
			fact = events.TypeFill.String()
		}
	case projector.ReasonFactsMissing:
		fact = events.TypePoolState.String() // the only facts that another is worked out from
	}
	if fact != "" {
		if x.facts++; x.fact == "" {
			x.fact = fact
		}
	}
}

// after looks at the pools of the account that a record was of: one that loses its positions while its figures are unknown may have
// had any status before. What is unknown in the fold of the past too (real; nil: before it begins) is no lack of the change's.
func (x *needs) after(s *projector.Shard, r *projector.Record, real *projector.Shard) error {
	e := r.Event
	if e == nil || e.Owner == "" {
		return nil
	}
	var now map[string]string
	a := Account{e.Venue, e.Owner, e.Subaccount}
	held := map[string]bool{}
	before := x.open[a]
	err := s.PoolsOf(e.Venue, e.Owner, e.Subaccount, func(p *projector.PoolState) error {
		if len(p.Positions) == 0 {
			return nil
		}
		if before != nil {
			held[p.Pool] = true
		}
		if p.Missing != "" && !lackedIt(real, a, p.Pool) {
			if now == nil {
				now = map[string]string{}
			}
			now[p.Pool] = p.Missing
		}
		return nil
	})
	for pool, missing := range before { // unordered: counted
		if !held[pool] {
			x.lack(missing)
		}
	}
	switch {
	case now != nil:
		x.open[a.clone()] = now
	case before != nil:
		delete(x.open, a)
	}
	return err
}

// lackedIt reports that a pool's figures are unknown in the fold of the past.
func lackedIt(real *projector.Shard, a Account, pool string) bool {
	if real == nil {
		return false
	}
	p := poolOf(real, a, pool)
	return p != nil && p.Missing != ""
}

func (x *needs) lack(missing string) {
	if x.pools++; x.missing == "" {
		x.missing = missing
	}
}

// answer says what is needed, and why; "" where nothing is.
func (x *needs) answer() (unknown, why string) {
	switch {
	case x.config != "":
		return "needs " + x.config, x.why
	case x.fact != "":
		return "needs " + x.fact, fmt.Sprintf("%d facts of accounts cannot be applied without it", x.facts)
	case x.missing != "":
		return "needs " + x.missing, fmt.Sprintf("the figures of %d pools with positions are unknown without it", x.pools)
	}
	return "", ""
}
