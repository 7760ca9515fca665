package hyperliquid

import (
	"math/big"

	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// Accounts in unified and portfolio-margin mode: the pool is the spot balance of a token, not the
// perpetuals' account value, so figures of such an account are unknown without that balance (§8).

const spotScale = 8 // digits after the point of spot balances

// UnifiedRatio returns Σ cross maintenance / (spot total − Σ isolated equity), nil where there is
// nothing left to divide by.
func UnifiedRatio(maintenance, spotTotal, isolated *big.Rat) *big.Rat {
	left := new(big.Rat).Sub(spotTotal, isolated)
	if left.Sign() <= 0 {
		return nil
	}
	return left.Quo(maintenance, left)
}

// Portfolio is a portfolio-margin account with one collateral token that it may borrow against.
type Portfolio struct {
	Net         *big.Rat // USDC, perpetuals included
	Isolated    *big.Rat // Σ equity of isolated positions
	Initial     *big.Rat // Σ of cross positions
	Maintenance *big.Rat // Σ of cross positions
	Orders      *big.Rat // initial margin of open orders
	OrderBuffer *big.Rat // share added to it: 0.01
	Quantity    *big.Rat // of the token
	Oracle      *big.Rat // its borrow oracle price
	LoanToValue *big.Rat
}

// BorrowCapacity returns quantity·oracle·LTV, exactly.
func (p *Portfolio) BorrowCapacity() *big.Rat {
	c := new(big.Rat).Mul(p.Quantity, p.Oracle)
	return c.Mul(c, p.LoanToValue)
}

// used returns what positions and orders take, orders with their buffer.
func (p *Portfolio) used() *big.Rat {
	u := new(big.Rat).Add(p.Isolated, p.Initial)
	u.Add(u, p.Orders)
	return u.Add(u, new(big.Rat).Mul(p.Orders, p.OrderBuffer))
}

// Hold returns what of the net equity is not available: what is used, less the borrow capacity,
// floored to the digits of a spot balance.
func (p *Portfolio) Hold() *big.Rat {
	h := new(big.Rat).Sub(p.used(), p.BorrowCapacity())
	return margin.Rounded(h, spotScale, margin.Down)
}

// Available returns net equity less hold.
func (p *Portfolio) Available() *big.Rat { return new(big.Rat).Sub(p.Net, p.Hold()) }

// Held returns how much of the token is locked: what is used beyond the net equity, at the token's
// loan value, floored to the digits of a spot balance.
func (p *Portfolio) Held() *big.Rat {
	short := new(big.Rat).Sub(p.used(), p.Net)
	if short.Sign() <= 0 {
		return new(big.Rat)
	}
	unit := new(big.Rat).Mul(p.Oracle, p.LoanToValue)
	return margin.Rounded(short.Quo(short, unit), spotScale, margin.Down)
}

// LiquidationCollateral returns quantity·oracle·(1 + LTV)/2, exactly.
func (p *Portfolio) LiquidationCollateral() *big.Rat {
	w := new(big.Rat).Add(p.LoanToValue, big.NewRat(1, 1))
	w.Mul(w, big.NewRat(1, 2))
	w.Mul(w, p.Quantity)
	return w.Mul(w, p.Oracle)
}

// MaintenanceBorrow returns what maintenance needs beyond the net equity of the cross pool.
func (p *Portfolio) MaintenanceBorrow() *big.Rat {
	cross := new(big.Rat).Sub(p.Net, p.Isolated)
	return cross.Sub(p.Maintenance, cross)
}

// AvailableAfterMaintenance returns liquidation collateral less maintenance borrow, floored to the
// digits of a spot balance.
func (p *Portfolio) AvailableAfterMaintenance() *big.Rat {
	a := p.LiquidationCollateral()
	return margin.Rounded(a.Sub(a, p.MaintenanceBorrow()), spotScale, margin.Down)
}

// Ratio returns the portfolio margin ratio of an account that borrows: (maintenance + borrow) /
// (liquidation collateral + maintenance). An account is liquidatable above 0.95.
func (p *Portfolio) Ratio() *big.Rat {
	den := p.LiquidationCollateral()
	den.Add(den, p.Maintenance)
	num := p.MaintenanceBorrow()
	return num.Quo(num.Add(num, p.Maintenance), den)
}

// RatioWithoutBorrow returns cross maintenance / the spot total in USDC. The 20 USDC that the
// documentation adds do not show in it.
func RatioWithoutBorrow(maintenance, total *big.Rat) *big.Rat {
	return new(big.Rat).Quo(maintenance, total)
}

// Transferable returns perpetuals' account value less hold, floored to the ledger's digits.
func Transferable(accountValue, hold *big.Rat) *big.Rat {
	t := new(big.Rat).Sub(accountValue, hold)
	return margin.Rounded(t, Scale, margin.Down)
}

// BorrowRate returns the yearly rate that borrowers of a token pay at a utilisation, the share of what is
// lent of what was supplied, 0 to 1: 0.05 + 4.75·max(0, utilisation − 0.8), exactly (§8).
func BorrowRate(utilisation *big.Rat) *big.Rat {
	rate := new(big.Rat).Sub(utilisation, big.NewRat(4, 5))
	if rate.Sign() < 0 {
		rate.SetInt64(0)
	}
	rate.Mul(rate, big.NewRat(19, 4))
	return rate.Add(rate, big.NewRat(1, 20))
}

// SupplyRate returns the yearly rate that suppliers of the token earn: what borrowers pay, a tenth of it to the
// venue, spread over all that was supplied, exactly (§8).
func SupplyRate(utilisation *big.Rat) *big.Rat {
	rate := new(big.Rat).Mul(BorrowRate(utilisation), utilisation)
	return rate.Mul(rate, big.NewRat(9, 10))
}

// LoanShare returns the share of a loan's collateral that one step of the backstop takes (§8): nothing up to the
// liquidation collateral, Σ v·(LTV + (1 − LTV)/2); a fifth up to Σ v·(LTV + (1 − LTV)·2/3), which is
// (4·liquidation collateral − borrow capacity)/3; beyond that all. Equality is the milder one.
func LoanShare(borrowed, liquidationCollateral, borrowCapacity fixed.Int128) *big.Rat {
	switch {
	case !liquidationCollateral.Less(borrowed):
		return new(big.Rat)
	case liquidationCollateral.Mul(4).Sub(borrowCapacity).Less(borrowed.Mul(3)):
		return big.NewRat(1, 1)
	}
	return big.NewRat(1, 5)
}
