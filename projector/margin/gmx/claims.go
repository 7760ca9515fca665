package gmx

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// What an account may claim (§8, §10.3) is Account.State: empty where that is nothing, else the version, and by
// (market, asset) the two names, each after its length, and the amount, its bytes after their length.

// claimsVersion is the first byte of Account.State.
const claimsVersion = 1

var errClaims = errors.New("gmx: damaged claimable balances of an account")

func encodeClaims(claims []margin.Claim) []byte {
	if len(claims) == 0 {
		return nil
	}
	out := []byte{claimsVersion}
	for i := range claims {
		c := &claims[i]
		for _, part := range [][]byte{[]byte(c.Market), []byte(c.Asset), c.Amount.Big().Bytes()} {
			out = append(binary.AppendUvarint(out, uint64(len(part))), part...)
		}
	}
	return out
}

// Claims implements margin.Keeper.
func (p *Profile) Claims(a *margin.Account) ([]margin.Claim, error) {
	if len(a.State) == 0 {
		return nil, nil
	}
	if a.State[0] != claimsVersion {
		return nil, errClaims
	}
	var claims []margin.Claim
	for rest := a.State[1:]; len(rest) > 0; {
		var parts [3][]byte
		for i := range parts {
			n, used := binary.Uvarint(rest)
			if used <= 0 || n > uint64(len(rest)-used) {
				return nil, errClaims
			}
			parts[i], rest = rest[used:used+int(n)], rest[used+int(n):]
		}
		c := margin.Claim{Market: string(parts[0]), Asset: string(parts[1])}
		var ok bool
		if c.Amount, ok = fixed.FromBig(new(big.Int).SetBytes(parts[2])); !ok || c.Amount.Sign() == 0 || !margin.Within(c.Amount, margin.MaxAmount) {
			return nil, errClaims
		}
		if n := len(claims); n > 0 && compareClaims(claims[n-1], c) >= 0 {
			return nil, errClaims
		}
		claims = append(claims, c)
	}
	if len(claims) == 0 || string(encodeClaims(claims)) != string(a.State) {
		return nil, errClaims
	}
	return claims, nil
}

func compareClaims(a, b margin.Claim) int {
	return cmp.Or(cmp.Compare(a.Market, b.Market), cmp.Compare(a.Asset, b.Asset))
}

// claimsOf returns what an account of the fold may claim.
func (p *Profile) claimsOf(a *margin.Account) []margin.Claim {
	claims, err := p.Claims(a)
	if err != nil { // the fold stores what it was given, and checks what it loads
		panic(fmt.Sprintf("%v: %x", err, a.State))
	}
	return claims
}

// Claimed implements margin.Keeper.
func (p *Profile) Claimed(a *margin.Account, c margin.Claim) (state []byte, known fixed.Int128) {
	claims := p.claimsOf(a)
	i, ok := slices.BinarySearchFunc(claims, c, compareClaims)
	if !ok {
		return a.State, fixed.Int128{}
	}
	if known = c.Amount; claims[i].Amount.Less(known) {
		known = claims[i].Amount
	}
	if claims[i].Amount = claims[i].Amount.Sub(known); claims[i].Amount.IsZero() {
		claims = slices.Delete(claims, i, i+1)
	}
	return encodeClaims(claims), known
}

// credit adds what an order moved to claimable to what its account may claim.
func (p *Profile) credit(o *order) error {
	var claims []margin.Claim
	for i := range o.out.Moves {
		move := &o.out.Moves[i]
		if move.Purpose != margin.MoveClaimable {
			continue
		}
		if claims == nil {
			claims = p.claimsOf(o.pool.Account)
		}
		c := margin.Claim{Market: o.market.Name, Asset: move.Asset.Name, Amount: move.Amount.Neg()} // out of the pool
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
		o.out.Account = encodeClaims(claims)
	}
	return nil
}
