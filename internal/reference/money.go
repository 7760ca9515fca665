package reference

import (
	"fmt"

	"github.com/shopspring/decimal"

	"marginledger/projector"
)

// § 4: every change of a balance has its opposite, so each asset sums to zero.

// post moves amount of an asset to a pool from a system account; negative: from the pool. An
// isolated pool holds the settlement asset alone.
func (t *transaction) post(a *account, key poolKey, asset string, amount decimal.Decimal, system string, cause projector.Cause, market string) {
	if amount.IsZero() {
		return
	}
	t.change(a, key, asset, amount, cause, market)
	k := systemKey{system, asset}
	t.venue.system[k] = t.venue.system[k].Sub(amount)
	t.line(system, asset, amount.Neg(), cause, market)
}

// move moves amount of the settlement asset between two pools of an account.
func (t *transaction) move(a *account, from, to poolKey, amount decimal.Decimal) {
	if amount.IsZero() {
		return
	}
	t.change(a, from, t.venue.settlement, amount.Neg(), projector.CauseMargin, "")
	t.change(a, to, t.venue.settlement, amount, projector.CauseMargin, "")
}

// change is one line of an account.
func (t *transaction) change(a *account, key poolKey, asset string, amount decimal.Decimal, cause projector.Cause, market string) {
	name := fmt.Sprintf("%s/%d", a.key.owner, a.key.sub)
	if key == crossPool {
		a.balances[asset] = a.balances[asset].Add(amount)
	} else {
		p := a.pool(key)
		p.collateral = p.collateral.Add(amount)
		name += "/" + key.String()
	}
	t.touch(a, key)
	t.line(name, asset, amount, cause, market)
}

func (t *transaction) line(account, asset string, amount decimal.Decimal, cause projector.Cause, market string) {
	t.postings = append(t.postings, projector.Posting{
		Venue: t.venue.name, Asset: asset, Account: account, Cause: cause, Market: market, Amount: number(amount),
	})
}

// TrialBalance returns the sum over all accounts and system accounts of every asset of a venue:
// zero, each of them.
func (m *Model) TrialBalance(venue string) map[string]decimal.Decimal {
	v := m.state.venues[venue]
	if v == nil {
		return nil
	}
	sums := map[string]decimal.Decimal{}
	for key, b := range v.system {
		sums[key.asset] = sums[key.asset].Add(b)
	}
	for _, a := range v.accounts {
		for asset, b := range a.balances {
			sums[asset] = sums[asset].Add(b)
		}
		for _, p := range a.pools {
			sums[v.settlement] = sums[v.settlement].Add(p.collateral)
		}
	}
	return sums
}
