package dydx

import (
	"encoding/binary"
	"errors"
	"math/big"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// What an account has used up of the limits of a block (§7.3) is Account.State: empty where it was never
// liquidated, else stateVersion, the block's height as a uvarint, and two amounts of quote quanta: a byte with
// the number of bytes, then those, the most significant first, no leading zero.

// stateVersion is the first byte of Account.State.
const stateVersion = 1

// used is State, decoded: amounts ≥ 0.
type used struct {
	block    uint64
	notional fixed.Int128 // liquidated, at the oracle's price
	lost     fixed.Int128 // by the insurance fund
}

// ErrState is an Account.State that this package did not write.
var ErrState = errors.New("dydx: damaged state of an account")

func (u *used) encode() []byte {
	out := binary.AppendUvarint([]byte{stateVersion}, u.block)
	for _, v := range [...]fixed.Int128{u.notional, u.lost} {
		b := v.Big().Bytes()
		out = append(append(out, byte(len(b))), b...)
	}
	return out
}

func decodeUsed(state []byte) (u used, err error) {
	if len(state) == 0 {
		return u, nil
	}
	rest := state[1:]
	block, n := binary.Uvarint(rest)
	if state[0] != stateVersion || n <= 0 {
		return u, ErrState
	}
	u.block, rest = block, rest[n:]
	for _, v := range [...]*fixed.Int128{&u.notional, &u.lost} {
		if len(rest) == 0 || len(rest) <= int(rest[0]) {
			return u, ErrState
		}
		size := int(rest[0])
		var ok bool
		if *v, ok = fixed.FromBig(new(big.Int).SetBytes(rest[1 : 1+size])); !ok {
			return u, ErrState
		}
		rest = rest[1+size:]
	}
	if len(rest) > 0 || string(u.encode()) != string(state) {
		return u, ErrState
	}
	return u, nil
}

// usedOf is what an account has used up in the venue's present block.
func usedOf(a *margin.Account, v *margin.Venue) used {
	if a == nil || len(a.State) == 0 {
		return used{block: v.Block}
	}
	u, err := decodeUsed(a.State)
	if err != nil { // checked when it was loaded
		panic(err)
	}
	if u.block != v.Block {
		return used{block: v.Block}
	}
	return u
}

// Remembers implements margin.Rememberer.
func (p *Profile) Remembers(a *margin.Account) error {
	_, err := decodeUsed(a.State)
	return err
}

// Rests implements §9: who was liquidated is not again before the next block.
func (p *Profile) Rests(a *margin.Account, v *margin.Venue, _ events.Stage) int64 {
	if len(a.State) == 0 {
		return 0
	}
	if u, err := decodeUsed(a.State); err != nil || u.block != v.Block {
		return 0
	}
	return v.Time + 1 // the clock passes it with the next block
}

// Forced implements §§7.3 and 7.4: a fill adds its notional at the oracle's price, and what the insurance fund
// loses by it, to what the block has seen of the account. Exactly a limit passes. Before the first BlockStarted there
// is no block to have limits.
//
// An order was made when the account was liquidatable: its later fills, all in one block, may meet one that no
// longer is.
func (p *Profile) Forced(f *margin.ForcedFill) margin.Remembered {
	out := margin.Remembered{State: f.Account.State, Answers: p.Rests(f.Account, f.Market.Venue, 0) != 0}
	i := f.Position()
	if i < 0 {
		return out
	}
	u := usedOf(f.Account, f.Market.Venue)
	if f.Offset { // no limit counts it; but the account's turn in this block is over
		out.State = u.encode()
		return out
	}
	u.notional = sum(u.notional, rulesOf(f.Market).value(f.Closed, f.Market.Price(), margin.ToZero))
	u.lost = sum(u.lost, p.lostBy(f, i))
	if u.block != 0 && (fits(p.config.BlockNotional).Less(u.notional) || fits(p.config.BlockInsurance).Less(u.lost)) {
		out.Broken = append(out.Broken, margin.RuleBlockLimit)
	}
	out.State = u.encode()
	return out
}

// lostBy is what the insurance fund loses by a fill that closes part of a position.
func (p *Profile) lostBy(f *margin.ForcedFill, position int) fixed.Int128 {
	markets, account := portfolio(f.Pool)
	buy := f.Pool.Positions[position].Size < 0
	size := f.Closed
	if !buy {
		size = -size
	}
	quote := p.Cost(f.Market, size, f.Price).Neg()
	delta, err := markets.InsuranceDelta(account, uint32(position), buy, big.NewInt(f.Closed), quote.Big(), p.config.MaximumFee)
	if err != nil || delta.Sign() >= 0 { // without maintenance there is no bankruptcy price
		return fixed.Int128{}
	}
	return fits(neg(delta))
}

// fits is an amount that bounds at admission keep within 128 bits.
func fits(v *big.Int) fixed.Int128 {
	out, ok := fixed.FromBig(v)
	if !ok {
		panic("dydx: amount past 128 bits: " + v.String())
	}
	return out
}

// sum adds amounts ≥ 0; what no block can have stays at the largest.
func sum(a, b fixed.Int128) fixed.Int128 {
	if v, ok := a.AddOK(b); ok {
		return v
	}
	return a
}

var (
	_ margin.Rememberer = (*Profile)(nil)
	_ margin.Insurer    = (*Profile)(nil)
)
