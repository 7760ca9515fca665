package gmx

import (
	"math/big"

	"marginledger/projector/margin"
)

// payment is what leaves a position, in smallest units of the long or of the short token; negative: it
// comes in.
type payment struct {
	tokens    *big.Int
	longToken bool
	purpose   margin.Purpose
}

// pay turns what a decrease paid into moves, token by token. PnL and price impact, which the pool pays or
// receives, are what the others leave over: per token nothing is lost.
func (o *order) pay(before *Position, d *Decrease) error {
	main := []payment{
		{d.Funding, before.LongToken, margin.MoveFunding},
		{d.Fees, before.LongToken, margin.MoveFee},
		{d.Claimable, before.LongToken, margin.MoveHeld},
		{d.Output, before.LongToken, margin.MoveCross},
	}
	second := []payment{ // in the token of the side's profits, where that is another
		{d.FundingSecondary, before.IsLong, margin.MoveFunding},
		{d.FeesSecondary, before.IsLong, margin.MoveFee},
		{d.ClaimableSecondary, before.IsLong, margin.MoveHeld},
		{d.Secondary, before.IsLong, margin.MoveCross},
	}
	if err := o.moves(main, sub(d.Position.Collateral, before.Collateral)); err != nil {
		return err
	}
	return o.moves(second, zero)
}

// moves adds payments of one token, and first what the pool pays for them to leave so much more of it.
func (o *order) moves(list []payment, more *big.Int) error {
	realised := more
	for i := range list {
		realised = add(realised, list[i].tokens)
	}
	if err := o.move(realised, list[0].longToken, margin.MoveRealised); err != nil {
		return err
	}
	return o.payAll(list)
}

// payAll adds payments as moves.
func (o *order) payAll(list []payment) error {
	for i := range list {
		if err := o.move(neg(list[i].tokens), list[i].longToken, list[i].purpose); err != nil {
			return err
		}
	}
	return nil
}

// claim moves the funding that the position has received to what its trader may claim (§8). It never
// becomes collateral.
func (o *order) claim() error {
	if o.held == nil {
		return nil
	}
	claims := o.claims(&o.position, o.held)
	return o.payAll([]payment{
		{neg(claims.Long), true, margin.MoveFunding}, {claims.Long, true, margin.MoveClaimable},
		{neg(claims.Short), false, margin.MoveFunding}, {claims.Short, false, margin.MoveClaimable},
	})
}
