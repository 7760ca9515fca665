package dydx

import (
	"fmt"
	"math/big"
	"slices"
)

// Result is the venue's answer to an update of an account, in its words.
type Result string

// The results.
const (
	Success                  Result = "Success"
	NewlyUndercollateralized Result = "NewlyUndercollateralized"
	StillUndercollateralized Result = "StillUndercollateralized"
	ViolatesIsolated         Result = "ViolatesIsolatedSubaccountConstraints"
)

// Update is a change that the venue takes or refuses as a whole.
type Update struct {
	Account Subaccount // before it, funding not settled
	USDC    *big.Int
	Deltas  []Delta
}

// Updated is an account after an update that was taken.
type Updated struct {
	Account  Subaccount
	Payments []Payment // of the settlement before the update
}

// Transition decides about an account that does not meet its initial requirement after an update: it
// must not become riskier, nor owe more maintenance (§6).
func Transition(current, updated Risk) Result {
	refusal := StillUndercollateralized
	if current.MeetsInitial() {
		refusal = NewlyUndercollateralized
	}
	bare, wasBare := updated.Maintenance.Sign() == 0, current.Maintenance.Sign() == 0
	switch {
	case updated.Maintenance.Cmp(current.Maintenance) > 0:
		return refusal
	case bare || wasBare:
		if bare && wasBare && updated.Net.Cmp(current.Net) > 0 {
			return Success
		}
		return refusal
	case updated.Compare(current) > 0:
		return refusal
	}
	return Success
}

// OpenInterestDelta returns what a change of one account's position adds to open interest: longs are
// counted (§6).
func OpenInterestDelta(size, delta *big.Int) *big.Int {
	return sub(most(add(size, delta), zero), most(size, zero))
}

// Matched returns the markets with the open interest after the updates of a match (§6).
func (ms Markets) Matched(updates []Update) (Markets, error) {
	out := slices.Clone(ms)
	for i := range updates {
		u := &updates[i]
		a := u.Account
		for _, d := range u.Deltas {
			m, err := out.Get(d.Market)
			if err != nil {
				return nil, err
			}
			m.OpenInterest = add(m.OpenInterest, OpenInterestDelta(a.Size(d.Market), d.Size))
			if a, err = out.with(&a, zero, []Delta{d}); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// isolated reports that an update obeys the rule of isolated markets: who holds or trades one does so
// alone, and one delta at a time (§8).
func (ms Markets) isolated(u *Update) (bool, error) {
	if len(u.Deltas) == 0 {
		return true, nil
	}
	ids := make([]uint32, 0, len(u.Deltas)+len(u.Account.Positions))
	for _, d := range u.Deltas {
		ids = append(ids, d.Market)
	}
	for i := range u.Account.Positions {
		ids = append(ids, u.Account.Positions[i].Market)
	}
	alone, mixed := false, false
	for _, id := range ids {
		m, err := ms.Get(id)
		if err != nil {
			return false, err
		}
		alone = alone || m.Isolated
		mixed = mixed || id != ids[0]
	}
	return !alone || !mixed && len(u.Deltas) == 1, nil
}

// Check returns the venue's answer to each update, each against the account that it names, and the
// accounts if all were taken. For a match, ms are the markets after it: see Matched (§6).
func (ms Markets) Check(updates []Update) ([]Result, []Updated, error) {
	results, out := make([]Result, len(updates)), make([]Updated, len(updates))
	fail := false
	for i := range updates {
		ok, err := ms.isolated(&updates[i])
		if err != nil {
			return nil, nil, fmt.Errorf("check update %d: %w", i, err)
		}
		if results[i] = Success; !ok {
			results[i], fail = ViolatesIsolated, true
		}
	}
	if fail { // the venue looks at collateral only when this rule holds for all
		return results, nil, nil
	}
	for i := range updates {
		var err error
		if results[i], out[i], err = ms.check(&updates[i]); err != nil {
			return nil, nil, fmt.Errorf("check update %d: %w", i, err)
		}
		fail = fail || results[i] != Success
	}
	if fail {
		return results, nil, nil
	}
	return results, out, nil
}

func (ms Markets) check(u *Update) (Result, Updated, error) {
	settled, payments, err := ms.Settle(&u.Account)
	if err != nil {
		return "", Updated{}, err
	}
	account, err := ms.with(&settled, u.USDC, u.Deltas)
	if err != nil {
		return "", Updated{}, err
	}
	after, err := ms.Risk(&account)
	if err != nil {
		return "", Updated{}, err
	}
	out := Updated{account, payments}
	if after.MeetsInitial() {
		return Success, out, nil
	}
	before, err := ms.Risk(&settled)
	if err != nil {
		return "", Updated{}, err
	}
	return Transition(before, after), out, nil
}

// RiskAfter returns the settled risk of an account after an update, taken or not.
func (ms Markets) RiskAfter(u *Update) (Risk, error) {
	settled, _, err := ms.Settle(&u.Account)
	if err != nil {
		return Risk{}, err
	}
	account, err := ms.with(&settled, u.USDC, u.Deltas)
	if err != nil {
		return Risk{}, err
	}
	return ms.Risk(&account)
}
