package reference

import (
	"marginledger/events"
	"marginledger/projector"
)

// transaction applies one event to a copy of the state.
type transaction struct {
	model     *Model
	state     *state
	record    *projector.Record
	event     *events.Event
	venue     *venue // nil before the venue's first VenueProfileSet
	gap       bool   // a sequence gap lies before this record
	postings  []projector.Posting
	touched   map[poolOf]bool // pools whose balances, collateral or positions have changed
	broken    []broken        // rules of § 6
	due       []*announcement // of due deadlines: these come first
	announced []*announcement // of the event
}

type poolOf struct {
	accountKey
	poolKey
}

// broken is a rule that the event broke; of no account where owner is "".
type broken struct {
	poolOf
	rule string
}

func (m *Model) begin(r *projector.Record, gap bool) *transaction {
	t := &transaction{model: m, state: m.state.clone(), record: r, event: r.Event, gap: gap, touched: map[poolOf]bool{}}
	t.venue = t.state.venues[r.Event.Venue]
	return t
}

// run checks and applies the event. It returns the reason why it is a dead letter, or "".
func (t *transaction) run() string {
	for _, step := range []func() string{t.check, t.checkHalves, t.apply, t.checkBounds} {
		if reason := step(); reason != "" {
			return reason
		}
	}
	if t.gap {
		t.breakRule("sequence_gap", crossPool)
	}
	sortBroken(t.broken)
	for _, b := range t.broken {
		t.announced = append(t.announced, t.violation(b))
	}
	for _, a := range t.venue.sortedAccounts() {
		for _, p := range a.sortedPools() {
			byAccount := t.event.Type.OfAccount() && t.touched[poolOf{a.key, p.key}]
			t.announced = append(t.announced, t.judge(a, p, byAccount)...)
		}
	}
	sortAnnouncements(t.announced)
	return ""
}

func (t *transaction) apply() string {
	if t.event.Type.OfAccount() {
		return t.applyToAccount()
	}
	return t.applyToVenue()
}

// breakRule notes a broken rule of the event's account and one of its pools, or of the market
// event.
func (t *transaction) breakRule(rule string, key poolKey) {
	var of poolOf
	if t.event.Type.OfAccount() {
		of = poolOf{accountKey{t.event.Owner, t.event.Subaccount}, key}
	}
	t.broken = append(t.broken, broken{of, rule})
}

// touch notes that a pool's balances, collateral or positions have changed.
func (t *transaction) touch(a *account, key poolKey) {
	t.touched[poolOf{a.key, key}] = true
	a.touched = true
}

// account returns an account of the venue; one that was never announced opens as a standard one.
func (t *transaction) account(key accountKey) *account {
	if t.venue.accounts[key] == nil {
		t.venue.accounts[key] = newAccount(key)
	}
	return t.venue.accounts[key]
}
