package dydx

import (
	"cmp"
	"math/big"
	"slices"

	"marginledger/projector/margin"
)

// Position is an open position.
type Position struct {
	Market       uint32
	Size         *big.Int // base quanta, signed, never 0
	FundingIndex *big.Int // the market's at the last settlement
	Custom       *big.Int // initial fraction that the account has set, millionths; nil: none (§3)
}

func (p *Position) custom() *big.Int {
	if p.Custom == nil {
		return zero
	}
	return p.Custom
}

// Subaccount is the unit of margin: nothing outside it helps, or is touched (§8).
type Subaccount struct {
	USDC      *big.Int   // quote quanta; may be below 0
	Positions []Position // in order of their market's number
}

func (a *Subaccount) index(market uint32) (int, bool) {
	return slices.BinarySearchFunc(a.Positions, market, func(p Position, id uint32) int { return cmp.Compare(p.Market, id) })
}

// Size returns the size of a position; 0 without one.
func (a *Subaccount) Size(market uint32) *big.Int {
	if i, ok := a.index(market); ok {
		return a.Positions[i].Size
	}
	return zero
}

// Payment is the funding of one position since its last settlement, as the venue announces it.
type Payment struct {
	Market uint32
	Paid   *big.Int // quote quanta; > 0: the account pays
}

// Settlement returns what funding owes a position, in millionths of a quote quantum: > 0: the account
// receives (§5).
func Settlement(market, position, size *big.Int) *big.Int { return mul(sub(position, market), size) }

// Settle returns the account with its funding settled, and the payment of each position that has one.
// The balance moves by the floor of the sum, the payments are rounded one by one: their sum may be
// more than the move, by less than one quantum per position (§5).
func (ms Markets) Settle(a *Subaccount) (Subaccount, []Payment, error) {
	out := Subaccount{Positions: slices.Clone(a.Positions)}
	sum := zero
	var payments []Payment
	for i := range out.Positions {
		p := &out.Positions[i]
		m, err := ms.Get(p.Market)
		if err != nil {
			return Subaccount{}, nil, err
		}
		due := Settlement(m.FundingIndex, p.FundingIndex, p.Size)
		if due.Sign() != 0 {
			payments = append(payments, Payment{p.Market, neg(margin.Quo(due, million, margin.Down))})
		}
		sum = add(sum, due)
		p.FundingIndex = m.FundingIndex
	}
	out.USDC = add(a.USDC, margin.Quo(sum, million, margin.Down))
	return out, payments, nil
}

// Delta is a change of one position.
type Delta struct {
	Market uint32
	Size   *big.Int // base quanta, signed
}

// with returns a settled account after changes; a new position takes the market's funding index.
func (ms Markets) with(a *Subaccount, usdc *big.Int, deltas []Delta) (Subaccount, error) {
	out := Subaccount{USDC: add(a.USDC, usdc), Positions: slices.Clone(a.Positions)}
	for _, d := range deltas {
		m, err := ms.Get(d.Market)
		if err != nil {
			return Subaccount{}, err
		}
		i, ok := out.index(d.Market)
		if !ok {
			out.Positions = slices.Insert(out.Positions, i, Position{Market: d.Market, Size: zero, FundingIndex: m.FundingIndex})
		}
		out.Positions[i].Size = add(out.Positions[i].Size, d.Size)
		if out.Positions[i].Size.Sign() == 0 {
			out.Positions = slices.Delete(out.Positions, i, i+1)
		}
	}
	return out, nil
}

// MaximumRate returns the bound of a funding rate, in millionths per 8 hours (§5).
func (t *Tier) MaximumRate(clampFactor *big.Int) *big.Int {
	return share(sub(t.Initial, t.MaintenanceFraction()), clampFactor, margin.Down)
}

// secondsPerRate is the time that a funding rate is quoted for.
const secondsPerRate = 8 * 60 * 60

// IndexDelta returns the move of a market's funding index after some seconds at a rate in millionths
// per 8 hours: truncated as a notional, and again (§5).
func (m *Market) IndexDelta(rate *big.Int, seconds int64) *big.Int {
	return margin.Quo(m.Notional(mul(rate, big.NewInt(seconds))), big.NewInt(secondsPerRate), margin.ToZero)
}
