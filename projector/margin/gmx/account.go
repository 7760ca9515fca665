package gmx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// Account.State is empty where the venue has set nothing for an account and it may claim nothing. Else: the
// version; the two discounts (§7), each as one more than the length of its bytes, and these, or 0 where none was told;
// and by (market, asset, kind) the claims (§8, §10.3): the two names, each after its length, the kind, and the amount,
// its bytes after their length. Version 1 has no discounts and no kinds: what it has counts as funding.

// accountVersion is the first byte of Account.State, claimsVersion that of states before kinds were told apart.
const (
	claimsVersion  = 1
	accountVersion = 2
)

// holder is what the profile keeps of an account: Account.State, decoded. It is never changed.
type holder struct {
	pro, referral *big.Int // factors; nil: not told
	claims        []margin.Claim
}

var errAccount = errors.New("gmx: damaged state of an account")

func (h *holder) encode() []byte {
	if h.pro == nil && h.referral == nil && len(h.claims) == 0 {
		return nil
	}
	out := []byte{accountVersion}
	for _, f := range [...]*big.Int{h.pro, h.referral} {
		if f == nil {
			out = append(out, 0)
			continue
		}
		b := f.Bytes()
		out = append(binary.AppendUvarint(out, uint64(len(b))+1), b...)
	}
	for i := range h.claims {
		c := &h.claims[i]
		out = appendPart(appendPart(out, []byte(c.Market)), []byte(c.Asset))
		out = appendPart(append(out, byte(c.Kind)), c.Amount.Big().Bytes())
	}
	return out
}

func appendPart(out, part []byte) []byte {
	return append(binary.AppendUvarint(out, uint64(len(part))), part...)
}

// decodeAccount is the inverse of encode, and the only other thing that it reads is version 1.
func decodeAccount(state []byte) (*holder, error) {
	h := &holder{}
	if len(state) == 0 {
		return h, nil
	}
	r := stateReader{rest: state[1:]}
	version := state[0]
	switch version {
	case claimsVersion:
	case accountVersion:
		h.pro, h.referral = r.factor(), r.factor()
	default:
		return nil, errAccount
	}
	for len(r.rest) > 0 && !r.damaged {
		c := margin.Claim{Market: string(r.part()), Asset: string(r.part()), Kind: events.ClaimFunding}
		if version == accountVersion {
			c.Kind = events.ClaimKind(r.byte())
		}
		var ok bool
		if c.Amount, ok = fixed.FromBig(new(big.Int).SetBytes(r.part())); !ok || c.Amount.Sign() == 0 || !margin.Within(c.Amount, margin.MaxAmount) {
			return nil, errAccount
		}
		if c.Kind != events.ClaimFunding && c.Kind != events.ClaimImpact {
			return nil, errAccount
		}
		if n := len(h.claims); n > 0 && compareClaims(h.claims[n-1], c) >= 0 {
			return nil, errAccount
		}
		h.claims = append(h.claims, c)
	}
	if r.damaged || version == claimsVersion && len(h.claims) == 0 || version == accountVersion && string(h.encode()) != string(state) {
		return nil, errAccount
	}
	return h, nil
}

// stateReader takes a state apart; what follows damage is empty.
type stateReader struct {
	rest    []byte
	damaged bool
}

func (r *stateReader) take(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.rest, r.damaged = nil, true
		return nil
	}
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out
}

func (r *stateReader) length() uint64 {
	n, used := binary.Uvarint(r.rest)
	if used <= 0 {
		r.rest, r.damaged = nil, true
		return 0
	}
	r.rest = r.rest[used:]
	return n
}

func (r *stateReader) part() []byte { return r.take(r.length()) }

func (r *stateReader) byte() byte {
	if b := r.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (r *stateReader) factor() *big.Int {
	n := r.length()
	if n == 0 {
		return nil
	}
	f := new(big.Int).SetBytes(r.take(n - 1))
	r.damaged = r.damaged || f.Cmp(unit) > 0
	return f
}

// holderOf returns what the profile keeps of an account; nil is one of which it keeps nothing.
func holderOf(a *margin.Account) *holder {
	if a == nil {
		return &holder{}
	}
	if h, ok := a.Own.(*holder); ok {
		return h
	}
	h, err := decodeAccount(a.State)
	if err != nil { // the fold stores what it was given, and checks what it loads
		panic(fmt.Sprintf("%v: %x", err, a.State))
	}
	a.Own = h
	return h
}

// discount returns the discounts on the position fee that the venue has set for an account (§7); nil: none was told.
// Who referred the trader gets a part of the fee, and no part of this: it is none of the trader's money.
func (h *holder) discount() *Discount {
	if h.pro == nil && h.referral == nil {
		return nil
	}
	return newDiscount(h.pro, h.referral)
}

func newDiscount(pro, referral *big.Int) *Discount {
	d := &Discount{Referred: referral != nil, Affiliate: zero, MinAffiliate: zero, Referral: referral, Pro: pro}
	if d.Pro == nil {
		d.Pro = zero
	}
	if d.Referral == nil {
		d.Referral = zero
	}
	return d
}

// accountFields are the params of an account, by name.
var accountFields = []string{"proDiscount", "referralDiscount"}

// SetParams implements margin.Keeper: the discounts of the account's tier and referral code.
func (p *Profile) SetParams(a *margin.Account, params []events.Param) ([]byte, error) {
	r := reader{list: params}
	h := &holder{claims: holderOf(a).claims}
	h.pro, h.referral = r.factor(accountFields[0]), r.factor(accountFields[1])
	return h.encode(), r.done()
}

// factor reads a factor from 0 to 1, nil where there is none of that name.
func (r *reader) factor(name string) *big.Int {
	if !r.has(name) {
		return nil
	}
	v := r.number(name, 30)
	if v.Sign() < 0 || v.Cmp(unit) > 0 {
		r.fail(name, margin.ErrOutOfRange)
	}
	return v
}

// with returns what is kept of an account whose claims are these.
func (h *holder) with(claims []margin.Claim) []byte {
	return (&holder{pro: h.pro, referral: h.referral, claims: claims}).encode()
}

// Adopt implements margin.Keeper.
func (p *Profile) Adopt(a *margin.Account, claims []margin.Claim) []byte {
	h := holderOf(a)
	all := append(slices.Clone(h.claims), claims...)
	slices.SortFunc(all, compareClaims)
	return h.with(all)
}
