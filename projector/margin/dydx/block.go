package dydx

import (
	"errors"
	"fmt"
	"math/big"
	"slices"

	"marginledger/projector/margin"
)

// Resting is an order on the book; orders of one price fill in the order of the list.
type Resting struct {
	Account int // index into the accounts of the block
	Buy     bool
	Size    *big.Int // base quanta, > 0
	Price   *big.Rat // quote quanta per base quantum
}

// Block is what one pass of liquidations works on, and changes. Nobody pays trading fees (§7.6).
type Block struct {
	Markets         Markets
	Accounts        []Subaccount
	Book            []Resting // of one market
	Market          uint32
	Step            *big.Int // sizes of liquidation orders are multiples of it, base quanta
	FinalSettlement bool     // of that market: its book is closed, every position is offset
	Fund            *big.Int
	Config          Config

	used []usage // by account, in this block
}

// usage is what an account has used up of the block's limits.
type usage struct {
	notional, insurance *big.Int
	liquidated          []uint32
}

// Event is what happened to an account of a Block: a fill of its liquidation order, or an offset.
type Event struct {
	Account   int
	Against   int
	Buy       bool     // of the account
	Size      *big.Int // base quanta, > 0
	Quote     *big.Int // the account's delta, before what the fund takes
	Price     *big.Rat // of a fill
	Insurance *big.Int // of a fill: what the fund receives
	At        DeleverageAt
}

// candidate is an account to liquidate, with what decides about its turn.
type candidate struct {
	account  int
	distance *big.Rat // |fillable − oracle| / oracle
	notional *big.Int // of the order
}

// Run liquidates the accounts of a list against the book, one order each, and then offsets the
// positions of those that filled nothing, or of all if the market is in final settlement (§7.6).
func (b *Block) Run(listed []int) ([]Event, error) {
	b.used = make([]usage, len(b.Accounts))
	for i := range b.used {
		b.used[i] = usage{notional: zero, insurance: zero}
	}
	var events []Event
	var unfilled []int
	if b.FinalSettlement {
		for i := range b.Accounts {
			unfilled = append(unfilled, i)
		}
	} else {
		candidates, err := b.candidates(listed)
		if err != nil {
			return nil, err
		}
		for _, c := range candidates {
			fills, err := b.liquidate(c.account)
			if err != nil {
				return events, fmt.Errorf("liquidate account %d: %w", c.account, err)
			}
			if events = append(events, fills...); len(fills) == 0 {
				unfilled = append(unfilled, c.account)
			}
		}
	}
	for _, i := range unfilled {
		offsets, err := b.offset(i)
		if err != nil {
			return events, fmt.Errorf("deleverage account %d: %w", i, err)
		}
		events = append(events, offsets...)
	}
	return events, nil
}

// candidates returns the liquidatable ones of a list, the farthest price first, then the largest
// notional; ties stay in the list's order, where the venue takes that of the orders' hashes.
func (b *Block) candidates(listed []int) ([]candidate, error) {
	m, err := b.Markets.Get(b.Market)
	if err != nil {
		return nil, err
	}
	var out []candidate
	for _, i := range listed {
		a := &b.Accounts[i]
		if ok, err := b.liquidatable(i); err != nil {
			return nil, err
		} else if !ok {
			continue
		}
		delta := m.OrderSize(a.Size(b.Market), b.Step, b.used[i].notional, &b.Config)
		price, err := b.Markets.FillablePrice(a, b.Market, delta, &b.Config)
		if err != nil {
			return nil, err
		}
		oracle := m.PerQuantum(shiftRat(new(big.Rat).SetInt(m.Price), m.Exponent))
		distance := new(big.Rat).Sub(price, oracle)
		out = append(out, candidate{i, distance.Abs(distance.Quo(distance, oracle)), abs(m.Notional(delta))})
	}
	slices.SortStableFunc(out, func(x, y candidate) int {
		if c := y.distance.Cmp(x.distance); c != 0 {
			return c
		}
		return y.notional.Cmp(x.notional)
	})
	return out, nil
}

// liquidatable reports that an account's risk allows to liquidate its position in the block's market.
func (b *Block) liquidatable(i int) (bool, error) {
	r, err := b.Markets.SettledRisk(&b.Accounts[i])
	return err == nil && r.Liquidatable() && b.Accounts[i].Size(b.Market).Sign() != 0, err
}

// liquidate makes the order of an account as it stands now, and fills it.
func (b *Block) liquidate(account int) ([]Event, error) {
	if ok, err := b.liquidatable(account); err != nil || !ok {
		return nil, err
	}
	m, err := b.Markets.Get(b.Market)
	if err != nil {
		return nil, err
	}
	u := &b.used[account]
	switch _, err := Remaining(b.Market, u.liquidated, u.notional, b.Config.BlockNotional); {
	case errors.Is(err, ErrAlreadyLiquidated):
		return nil, nil
	case err != nil:
		return nil, err
	}
	delta := m.OrderSize(b.Accounts[account].Size(b.Market), b.Step, u.notional, &b.Config)
	limit, err := b.Markets.FillablePrice(&b.Accounts[account], b.Market, delta, &b.Config)
	if err != nil {
		return nil, err
	}
	u.liquidated = append(u.liquidated, b.Market)

	var events []Event
	buy, left := delta.Sign() > 0, abs(delta)
	for _, i := range b.levels(buy, limit) {
		maker := &b.Book[i]
		if left.Sign() == 0 {
			break
		}
		if maker.Account == account || maker.Size.Sign() == 0 {
			continue // an order does not fill against its own account's
		}
		e, next, err := b.fill(account, maker, least(left, maker.Size))
		if err != nil {
			return events, err
		}
		if next == stop {
			break
		}
		if next == skip {
			continue
		}
		events = append(events, e)
		left = sub(left, e.Size)
		maker.Size = sub(maker.Size, e.Size)
	}
	return events, nil
}

// levels returns the orders that a price limit reaches, best first.
func (b *Block) levels(buy bool, limit *big.Rat) []int {
	sign := 1
	if !buy {
		sign = -1
	}
	var out []int
	for i := range b.Book {
		if b.Book[i].Buy != buy && sign*b.Book[i].Price.Cmp(limit) <= 0 {
			out = append(out, i)
		}
	}
	slices.SortStableFunc(out, func(x, y int) int { return sign * b.Book[x].Price.Cmp(b.Book[y].Price) })
	return out
}

// outcome says how matching goes on.
type outcome uint8

const (
	filled outcome = iota
	skip           // the maker cannot: the next one
	stop           // the account, the fund or a limit cannot
)

// fill matches part of a liquidation order with a resting one, if both accounts, the insurance fund and
// the block's limit on its loss allow it.
func (b *Block) fill(account int, maker *Resting, size *big.Int) (Event, outcome, error) {
	taker := &b.Accounts[account]
	buy := !maker.Buy
	amount := new(big.Rat).Mul(maker.Price, new(big.Rat).SetInt(size))
	quote := signed(buy, margin.Quo(amount.Num(), amount.Denom(), margin.Down))
	insurance, err := b.Markets.InsuranceDelta(taker, b.Market, buy, size, quote, b.Config.MaximumFee)
	if err != nil {
		return Event{}, stop, err
	}
	m, err := b.Markets.Get(b.Market)
	if err != nil {
		return Event{}, stop, err
	}
	u := &b.used[account]
	liquidated, lost := add(u.notional, abs(m.Notional(size))), add(u.insurance, most(zero, neg(insurance)))
	if !FundCovers(b.Fund, insurance) || liquidated.Cmp(b.Config.BlockNotional) > 0 || lost.Cmp(b.Config.BlockInsurance) > 0 {
		return Event{}, stop, nil
	}
	delta := neg(signed(buy, size))
	updates := []Update{
		{Account: *taker, USDC: sub(quote, insurance), Deltas: []Delta{{b.Market, delta}}},
		{Account: b.Accounts[maker.Account], USDC: neg(quote), Deltas: []Delta{{b.Market, neg(delta)}}},
	}
	results, updated, markets, err := b.Markets.match(updates)
	switch {
	case err != nil:
		return Event{}, stop, err
	case results[0] != Success:
		return Event{}, stop, nil
	case results[1] != Success:
		return Event{}, skip, nil
	}
	b.Markets, b.Fund = markets, add(b.Fund, insurance)
	b.Accounts[account], b.Accounts[maker.Account] = updated[0].Account, updated[1].Account
	u.notional, u.insurance = liquidated, lost
	return Event{Account: account, Against: maker.Account, Buy: buy, Size: size, Quote: quote, Price: maker.Price,
		Insurance: insurance}, filled, nil
}

// offset closes what an account holds against the others, if it may be deleveraged.
func (b *Block) offset(account int) ([]Event, error) {
	size := b.Accounts[account].Size(b.Market)
	if size.Sign() == 0 {
		return nil, nil
	}
	r, err := b.Markets.SettledRisk(&b.Accounts[account])
	if err != nil {
		return nil, err
	}
	at := CanDeleverage(r, b.FinalSettlement)
	if at == NotDeleveraged {
		return nil, nil
	}
	parts, _, err := b.Markets.OffsetAll(b.Accounts, account, b.Market, neg(size), at)
	events := make([]Event, len(parts))
	for i, p := range parts {
		events[i] = Event{Account: account, Against: p.Against, Buy: size.Sign() < 0, Size: p.Size, Quote: p.Quote, At: at}
	}
	return events, err
}
