package gmx

import (
	"cmp"
	"fmt"
	"slices"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// What an account may claim: funding that it received (§8), which the venue pays on request, and price impact beyond the
// limit (§10.3), which it holds until it releases some of it. Both are credited by orders and lowered by claims.

// Claims implements margin.Keeper.
func (p *Profile) Claims(a *margin.Account) ([]margin.Claim, error) {
	h, err := decodeAccount(a.State)
	if err != nil {
		return nil, err
	}
	return h.claims, nil
}

func compareClaims(a, b margin.Claim) int {
	return cmp.Or(cmp.Compare(a.Market, b.Market), cmp.Compare(a.Asset, b.Asset), cmp.Compare(a.Kind, b.Kind))
}

// Claimed implements margin.Keeper.
func (p *Profile) Claimed(a *margin.Account, c margin.Claim) (state []byte, known fixed.Int128) {
	h := holderOf(a)
	i, ok := slices.BinarySearchFunc(h.claims, c, compareClaims)
	if !ok {
		return a.State, fixed.Int128{}
	}
	claims := slices.Clone(h.claims)
	if known = c.Amount; claims[i].Amount.Less(known) {
		known = claims[i].Amount
	}
	if claims[i].Amount = claims[i].Amount.Sub(known); claims[i].Amount.IsZero() {
		claims = slices.Delete(claims, i, i+1)
	}
	return h.with(claims), known
}

// credit adds what an order moved to claimable to what its account may claim.
func (p *Profile) credit(o *order) error {
	h := holderOf(o.pool.Account)
	var claims []margin.Claim
	for i := range o.out.Moves {
		move := &o.out.Moves[i]
		if move.Purpose != margin.MoveClaimable && move.Purpose != margin.MoveHeld {
			continue
		}
		if claims == nil {
			claims = slices.Clone(h.claims)
		}
		c := margin.Claim{Market: o.market.Name, Asset: move.Asset.Name, Kind: events.ClaimFunding, Amount: move.Amount.Neg()} // out of the pool
		if move.Purpose == margin.MoveHeld {
			c.Kind = events.ClaimImpact
		}
		at, ok := slices.BinarySearchFunc(claims, c, compareClaims)
		if !ok {
			claims = slices.Insert(claims, at, c)
			continue
		}
		sum := claims[at].Amount.Add(c.Amount)
		if !margin.Within(sum, margin.MaxAmount) {
			return fmt.Errorf("%w: claimable of %s", margin.ErrOutOfRange, c.Asset)
		}
		claims[at].Amount = sum
	}
	if claims != nil {
		o.out.Account = h.with(claims)
	}
	return nil
}
