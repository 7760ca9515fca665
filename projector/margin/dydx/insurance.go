package dydx

import (
	"math/big"

	"marginledger/projector/margin"
)

// insuranceFund is the name of the cross markets' fund; that of an isolated market has the market behind
// it (§9).
const insuranceFund = "insurance-fund"

// fundOf names the insurance fund of a market.
func fundOf(m *margin.Market) string {
	if rulesOf(m).isolated == 1 {
		return insuranceFund + ":" + m.Name
	}
	return insuranceFund
}

// Insurance implements §§7.4 and 7.5 for an order that fills at the fillable price, the worst one. A market in
// final settlement has no book: its positions are offset, at the oracle's price where net collateral is not
// below 0.
func (p *Profile) Insurance(pool *margin.Pool, position int, size int64) (in margin.Insurance) {
	pos := &pool.Positions[position]
	h, final := p.Judge(pool), rulesOf(pos.Market).final == 1
	switch CanDeleverage(riskOf(&h), final) {
	case AtBankruptcy:
		in.At = p.BankruptcyPrice(pool, position, &h)
	case AtOracle:
		in.At = pos.Market.PriceNumber(pos.Market.Price())
	}
	if in.At.Present {
		in.Offset = max(pos.Size, -pos.Size)
	}
	if final {
		return in
	}
	delta, err := p.insurance(pool, position, size)
	if err != nil { // a fillable price below 0: nothing can be sold
		return in
	}
	in.Ordered, in.Delta = true, fits(delta)
	in.Covers = p.covers(pool, pos.Market, delta)
	return in
}

// covers says whether an insurance fund may take a delta: by its balance, and by what the block's limit
// has left (§7.3).
func (p *Profile) covers(pool *margin.Pool, m *margin.Market, delta *big.Int) margin.Cover {
	if delta.Sign() >= 0 {
		return margin.CoverYes
	}
	u := usedOf(pool.Account, pool.Venue)
	if fits(p.config.BlockInsurance).Less(sum(u.lost, fits(neg(delta)))) {
		return margin.CoverNo
	}
	balance, known := pool.Venue.Fund(fundOf(m))
	switch {
	case !known:
		return margin.CoverUnknown
	case FundCovers(balance.Big(), delta):
		return margin.CoverYes
	}
	return margin.CoverNo
}
