package hyperliquid

import (
	"math/big"

	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// Mode is where the equity of an account's cross pool lies (§8).
type Mode uint8

// The modes.
const (
	Standard        Mode = iota // in the perpetuals' ledger
	Unified                     // in the spot balance of the collateral token
	PortfolioMargin             // the same, with loans against other tokens
)

// Holding is a position of an account; an isolated one has a ledger of its own.
type Holding struct {
	Position
	Isolated bool
	Raw      fixed.Int128 // of the isolated pool
}

// Order is an open order that would open or increase a position.
type Order struct {
	Notional fixed.Int128 // remaining size·limit price
	Leverage int64
}

// Account is what the figures of an account follow from.
type Account struct {
	Raw      fixed.Int128 // ledger of the cross pool
	Holdings []Holding
	Orders   []Order
	Mode     Mode
	Pool     *fixed.Int128 // spot balance, in the modes that have their equity there; nil: not known
}

// HoldingFigures are the figures of one holding.
type HoldingFigures struct {
	Used        fixed.Int128 // margin: initial of a cross position, equity of an isolated one
	Maintenance fixed.Int128
	Liquidation *big.Rat // price; nil: none, or unknown
	Unknown     bool     // the pool lies elsewhere and nobody said how large it is
}

// Report is every figure of an account.
type Report struct {
	Cross        Summary
	Value        fixed.Int128 // cross and isolated
	Raw          fixed.Int128 // cross and isolated
	Notional     fixed.Int128
	Used         fixed.Int128
	Orders       fixed.Int128 // margin of open orders
	Withdrawable fixed.Int128 // in Standard mode only
	Holdings     []HoldingFigures
}

// Report returns the figures of an account under these rules.
func (r Rules) Report(a *Account) Report {
	var cross []Position
	var isolated, isolatedRaw, isolatedNotional fixed.Int128
	for i := range a.Holdings {
		h := &a.Holdings[i]
		if !h.Isolated {
			cross = append(cross, h.Position)
			continue
		}
		isolated = isolated.Add(h.equity())
		isolatedRaw = isolatedRaw.Add(h.Raw)
		isolatedNotional = isolatedNotional.Add(h.Notional)
	}
	s := r.Summarise(a.Raw, cross)
	out := Report{Cross: s, Value: s.Equity.Add(isolated), Raw: a.Raw.Add(isolatedRaw),
		Notional: s.Notional.Add(isolatedNotional), Used: s.Initial.Add(isolated), Orders: a.orderMargin()}
	if a.Mode == Standard {
		out.Withdrawable = r.Withdrawable(&s, out.Orders)
	}
	for i := range a.Holdings {
		out.Holdings = append(out.Holdings, r.holding(a, &a.Holdings[i], &s))
	}
	return out
}

func (h *Holding) equity() fixed.Int128 { return h.Raw.Add(h.Value()) }

func (r Rules) holding(a *Account, h *Holding, s *Summary) HoldingFigures {
	f := HoldingFigures{Maintenance: r.Maintenance(&h.Position)}
	if h.Isolated {
		f.Used = h.equity()
		f.Liquidation = r.LiquidationPrice(&h.Position, f.Used, fixed.Int128{})
		return f
	}
	f.Used = Initial(h.Notional, h.Leverage)
	equity := s.Equity
	if a.Mode != Standard {
		if f.Unknown = a.Pool == nil; f.Unknown {
			return f
		}
		equity = *a.Pool
	}
	f.Liquidation = r.LiquidationPrice(&h.Position, equity, s.Maintenance.Sub(f.Maintenance))
	return f
}

// orderMargin returns Σ of what open orders hold, a hundredth more in PortfolioMargin (§3).
func (a *Account) orderMargin() fixed.Int128 {
	var sum fixed.Int128
	for _, o := range a.Orders {
		m := Initial(o.Notional, o.Leverage)
		if a.Mode == PortfolioMargin {
			m = margin.MulDiv(m, 101, 100, margin.Down)
		}
		sum = sum.Add(m)
	}
	return sum
}

// Removable returns how much margin an isolated position may give back (§4, §11).
func (r Rules) Removable(h *Holding) fixed.Int128 {
	s := Summary{Equity: h.equity(), Notional: h.Notional, Initial: Initial(h.Notional, h.Leverage)}
	return r.Withdrawable(&s, fixed.Int128{})
}
