package dydx

import (
	"errors"
	"fmt"
	"math/big"
)

// DeleverageAt says at which price a position is taken from its account without the book.
type DeleverageAt uint8

// The prices.
const (
	NotDeleveraged DeleverageAt = iota
	AtBankruptcy                // an account below 0 pays with all that its share of collateral is
	AtOracle                    // the market is being settled, the account is not below 0
)

// CanDeleverage returns the price at which an account of that risk may be deleveraged (§7.5).
func CanDeleverage(r Risk, finalSettlement bool) DeleverageAt {
	switch {
	case r.Net.Sign() < 0:
		return AtBankruptcy
	case finalSettlement:
		return AtOracle
	}
	return NotDeleveraged
}

// Deleverage closes delta of a position of one account against the opposite one of another. Both must
// pass the check of a match; ErrUpdateRejected if not. quote is the first account's delta (§7.5).
func (ms Markets) Deleverage(from, against *Subaccount, market uint32, delta *big.Int, at DeleverageAt) (
	after [2]Subaccount, quote *big.Int, err error,
) {
	m, err := ms.Get(market)
	if err != nil {
		return after, nil, err
	}
	if at == AtOracle {
		quote = neg(m.Notional(delta))
	} else if quote, err = ms.BankruptcyQuote(from, market, delta); err != nil {
		return after, nil, err
	}
	for _, err := range []error{checkDelta(from.Size(market), delta), checkDelta(against.Size(market), neg(delta))} {
		if err != nil {
			return after, nil, err
		}
	}
	updates := []Update{
		{Account: *from, USDC: quote, Deltas: []Delta{{market, delta}}},
		{Account: *against, USDC: neg(quote), Deltas: []Delta{{market, neg(delta)}}},
	}
	results, updated, _, err := ms.match(updates)
	if err != nil {
		return after, nil, err
	}
	if updated == nil {
		return after, nil, fmt.Errorf("dydx: deleverage %v of market %d: %w: %v", delta, market, ErrUpdateRejected, results)
	}
	return [2]Subaccount{updated[0].Account, updated[1].Account}, quote, nil
}

// match checks updates under the open interest that they lead to, and returns it with them.
func (ms Markets) match(updates []Update) ([]Result, []Updated, Markets, error) {
	after, err := ms.Matched(updates)
	if err != nil {
		return nil, nil, nil, err
	}
	results, updated, err := after.Check(updates)
	return results, updated, after, err
}

// Offset is a deleveraged part of a position.
type Offset struct {
	Against int // index of the account
	Size    *big.Int
	Quote   *big.Int // delta of the account whose position is closed
}

// OffsetAll closes delta of the position of accounts[from] against opposite positions of the others,
// in their order from the first on; those that do not pass are left out. It changes the accounts and
// the markets' open interest, and returns the parts and what remains (§7.5).
func (ms Markets) OffsetAll(accounts []Subaccount, from int, market uint32, delta *big.Int, at DeleverageAt) (
	[]Offset, *big.Int, error,
) {
	var out []Offset
	for i := range accounts {
		opposite := accounts[i].Size(market)
		if delta.Sign() == 0 || i == from || opposite.Sign() != delta.Sign() {
			continue
		}
		part := delta
		if opposite.CmpAbs(delta) < 0 {
			part = opposite
		}
		after, quote, err := ms.Deleverage(&accounts[from], &accounts[i], market, part, at)
		switch {
		case errors.Is(err, ErrUpdateRejected):
			continue
		case err != nil:
			return out, delta, err
		}
		m, err := ms.Get(market)
		if err != nil {
			return out, delta, err
		}
		interest := add(OpenInterestDelta(accounts[from].Size(market), part), OpenInterestDelta(opposite, neg(part)))
		m.OpenInterest = add(m.OpenInterest, interest)
		accounts[from], accounts[i] = after[0], after[1]
		out = append(out, Offset{i, abs(part), quote})
		delta = sub(delta, part)
	}
	return out, delta, nil
}
