package hyperliquid

import (
	"math/big"

	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// Tier is a bracket of notional: [Lower, the next tier's Lower).
type Tier struct {
	Lower       fixed.Int128
	MaxLeverage int64 // maximum leverage; maintenance is 1/(2·that) of the notional
}

// Position is an open position at its mark.
type Position struct {
	Size     *big.Rat     // signed
	Notional fixed.Int128 // |size|·mark: exact, since prices have 6 − size digits after the point
	Leverage int64        // the account's setting
	Tiers    []Tier
}

// side is 1 for a long, −1 for a short.
func (p *Position) side() int64 { return int64(p.Size.Sign()) }

// Value returns size·mark.
func (p *Position) Value() fixed.Int128 {
	if p.Size.Sign() < 0 {
		return p.Notional.Neg()
	}
	return p.Notional
}

// tiers are the position's, or the flat one of a vault.
func (r Rules) tiers(p *Position) []Tier {
	if r.FlatMaximum != 0 {
		return []Tier{{MaxLeverage: r.FlatMaximum}}
	}
	return p.Tiers
}

// TierOf returns the index of the tier of a notional.
func TierOf(tiers []Tier, notional fixed.Int128) int {
	i := len(tiers) - 1
	for i > 0 && notional.Less(tiers[i].Lower) {
		i--
	}
	return i
}

func rate(t Tier) *big.Rat { return big.NewRat(1, 2*t.MaxLeverage) }

// Deduction returns d of the tier with that index, in USDC: Σ lower·(rate − rate of the tier
// before), exactly (§3).
func Deduction(tiers []Tier, index int) *big.Rat {
	d := new(big.Rat)
	for i := 1; i <= index; i++ {
		step := new(big.Rat).Sub(rate(tiers[i]), rate(tiers[i-1]))
		d.Add(d, step.Mul(step, Amount(tiers[i].Lower)))
	}
	return d
}

// maintenanceIn returns N·rate − d of one tier, exactly, even where the notional is not in it.
func maintenanceIn(tiers []Tier, index int, notional *big.Rat) *big.Rat {
	m := new(big.Rat).Mul(notional, rate(tiers[index]))
	return m.Sub(m, Deduction(tiers, index))
}

// Maintenance returns N·rate − d of the notional's tier, floored (§3).
func Maintenance(tiers []Tier, notional fixed.Int128) fixed.Int128 {
	if len(tiers) == 1 {
		return margin.MulDiv(notional, 1, 2*tiers[0].MaxLeverage, margin.Down)
	}
	return Micro(maintenanceIn(tiers, TierOf(tiers, notional), Amount(notional)), margin.Down)
}

// Maintenance returns that of a position.
func (r Rules) Maintenance(p *Position) fixed.Int128 { return Maintenance(r.tiers(p), p.Notional) }

// Initial returns N/leverage, floored (§3): what the venue calls margin used of a cross position,
// and what an open order holds.
func Initial(notional fixed.Int128, leverage int64) fixed.Int128 {
	return margin.MulDiv(notional, 1, leverage, margin.Down)
}

// Unrealised returns size·(mark − entry).
func Unrealised(p *Position, entry *big.Rat) *big.Rat {
	cost := new(big.Rat).Mul(p.Size, entry)
	return cost.Sub(Amount(p.Value()), cost)
}

// ReturnOnEquity returns the unrealised PnL over the initial margin at entry (§3).
func ReturnOnEquity(p *Position, unrealised *big.Rat) *big.Rat {
	cost := new(big.Rat).Sub(Amount(p.Value()), unrealised)
	out := new(big.Rat).Mul(unrealised, new(big.Rat).SetInt64(p.Leverage))
	return out.Quo(out, cost.Abs(cost))
}

// Summary is what the venue tells about the positions that share one equity.
type Summary struct {
	Equity      fixed.Int128 // the ledger + Σ size·mark
	Notional    fixed.Int128
	Initial     fixed.Int128
	Maintenance fixed.Int128 // Σ of what is floored for each
}

// Summarise returns the summary of positions over a ledger (totalRawUsd: deposits, realised PnL
// and the signed cost of what is open).
func (r Rules) Summarise(raw fixed.Int128, positions []Position) Summary {
	s := Summary{Equity: raw}
	for i := range positions {
		p := &positions[i]
		s.Equity = s.Equity.Add(p.Value())
		s.Notional = s.Notional.Add(p.Notional)
		s.Initial = s.Initial.Add(Initial(p.Notional, p.Leverage))
		s.Maintenance = s.Maintenance.Add(r.Maintenance(p))
	}
	return s
}

// TransferRequirement returns what must remain after a transfer (§4).
func (r Rules) TransferRequirement(initial, notional fixed.Int128) fixed.Int128 {
	if !r.TenPercent {
		return initial
	}
	if tenth := margin.MulDiv(notional, 1, 10, margin.Down); initial.Less(tenth) {
		return tenth
	}
	return initial
}

// Withdrawable returns what may leave beside open orders, 0 if nothing (§4).
func (r Rules) Withdrawable(s *Summary, orders fixed.Int128) fixed.Int128 {
	w := s.Equity.Sub(r.TransferRequirement(s.Initial, s.Notional)).Sub(orders)
	if w.Sign() < 0 {
		return fixed.Int128{}
	}
	return w
}
