package gmx

import (
	"math/big"

	"marginledger/projector/margin"
)

// UsageFactor returns how much of what may be reserved is reserved (§9).
func UsageFactor(reserved, pool, reserveFactor *big.Int) *big.Int {
	return factor(reserved, Apply(pool, reserveFactor))
}

// BorrowingRate returns the borrowing factor per second of the power curve (§9). reserved and pool are USD,
// pool > 0.
func BorrowingRate(reserved, pool, rate, exponent *big.Int) (*big.Int, error) {
	p, err := Power(reserved, exponent)
	if err != nil {
		return nil, err
	}
	return Apply(factor(p, pool), rate), nil
}

// Kink is the borrowing curve of two slopes (§9).
type Kink struct{ Optimal, Base, Above *big.Int }

// Rate returns the borrowing factor per second at a usage.
func (k Kink) Rate(usage *big.Int) *big.Int {
	out := Apply(usage, k.Base)
	if usage.Cmp(k.Optimal) > 0 && k.Optimal.Cmp(unit) < 0 {
		extra := mul(greatest(sub(k.Above, k.Base), zero), sub(usage, k.Optimal))
		out.Add(out, margin.Quo(extra, sub(unit, k.Optimal), margin.Down))
	}
	return out
}

// BorrowingFee returns what a position owes in USD since its cumulative factor was last taken.
func BorrowingFee(size, cumulative, taken *big.Int) *big.Int {
	return Apply(size, sub(cumulative, taken))
}

// Funding is the setting of a market's funding (§8). Increase nil or 0: the static rate, else the adaptive one.
type Funding struct {
	Factor, Exponent   *big.Int
	Increase, Decrease *big.Int // per second
	Stable, Below      *big.Int // thresholds: above Stable the rate grows, below Below it shrinks
	Least, Most        *big.Int // per second; Most nil: no limit
}

// FundingRate is what one second costs per USD of the paying side.
type FundingRate struct {
	PerSecond *big.Int
	LongsPay  bool
	Saved     *big.Int // signed, positive if longs pay; the next rate starts from it; 0 if static
}

// Rate returns the rate after seconds with an open interest that is not empty; saved is the rate before.
func (f *Funding) Rate(openInterest Sides, saved *big.Int, seconds int64) (*FundingRate, error) {
	diff := sub(openInterest.Long, openInterest.Short)
	static := f.Increase == nil || f.Increase.Sign() == 0
	if static && diff.Sign() == 0 {
		return &FundingRate{new(big.Int), true, new(big.Int)}, nil
	}
	p, err := Power(abs(diff), f.Exponent)
	if err != nil {
		return nil, err
	}
	skew := factor(p, add(openInterest.Long, openInterest.Short))
	if static {
		return &FundingRate{f.most(Apply(skew, f.Factor)), diff.Sign() > 0, new(big.Int)}, nil
	}
	next := f.next(saved, skew, diff.Sign(), big.NewInt(seconds))
	next = withSign(f.most(abs(next)), next)
	bounded := withSign(f.most(greatest(abs(next), f.Least)), next)
	return &FundingRate{abs(bounded), bounded.Sign() > 0, next}, nil
}

// next returns the adaptive rate after some seconds: it grows toward the larger side unless that side
// pays already and the skew is moderate.
func (f *Funding) next(saved, skew *big.Int, side int, seconds *big.Int) *big.Int {
	switch along := saved.Sign() != 0 && saved.Sign() == side; {
	case !along || skew.Cmp(f.Stable) > 0:
		grown := mul(Apply(skew, f.Increase), seconds)
		if side < 0 {
			grown.Neg(grown)
		}
		return add(saved, grown)
	case skew.Cmp(f.Below) < 0:
		left := sub(abs(saved), mul(f.Decrease, seconds))
		return withSign(greatest(left, one), saved) // never 0, which would forget who pays
	}
	return saved
}

func (f *Funding) most(x *big.Int) *big.Int {
	if f.Most == nil {
		return x
	}
	return least(x, f.Most)
}

// withSign returns a magnitude with the sign of s; that of 0 is plus.
func withSign(x, s *big.Int) *big.Int {
	if s.Sign() < 0 {
		return neg(x)
	}
	return x
}

// FundingFlow is one step of funding in one collateral token (§8): what the paying side owes per USD of
// its size held in that token, and what the receiving side may claim per USD of its size. Both in 1e-45
// of an amount per 1e-30 USD.
type FundingFlow struct{ Fee, Claimable *big.Int }

// Flow returns what a rate moves in some seconds in a market of two tokens. paying is the open interest of
// the paying side in that collateral, total > 0 that of the whole paying side, receiving that of the whole
// other side, all USD; price is the greatest of the token.
func Flow(rate *big.Int, seconds int64, paying, total, receiving, price *big.Int) FundingFlow {
	usd := Apply(total, mul(rate, big.NewInt(seconds)))
	usd = margin.Quo(mul(usd, paying), total, margin.Down)
	return FundingFlow{perSizeOf(usd, paying, price, margin.Up), perSizeOf(usd, receiving, price, margin.Down)}
}

// SingleTokenFlow is Flow in a market whose long token is its short token: every figure is halved, and
// what the two halves give is added. The fee comes out whole; each of the two claims of a position is half
// of what its side receives.
func SingleTokenFlow(rate *big.Int, seconds int64, paying, receiving, price *big.Int) FundingFlow {
	half := margin.Quo(paying, two, margin.Down)
	paying, receiving = mul(half, two), mul(margin.Quo(receiving, two, margin.Down), two)
	usd := margin.Quo(Apply(paying, mul(rate, big.NewInt(seconds))), two, margin.Down)
	usd = margin.Quo(mul(usd, half), paying, margin.Down)
	fee, claim := perSizeOf(usd, half, price, margin.Up), perSizeOf(usd, receiving, price, margin.Down)
	return FundingFlow{mul(fee, two), mul(claim, two)}
}

func perSizeOf(usd, openInterest, price *big.Int, dir margin.Direction) *big.Int {
	if usd.Sign() == 0 || openInterest.Sign() == 0 {
		return new(big.Int)
	}
	return margin.Quo(margin.Quo(mul(usd, perSize), openInterest, dir), price, dir)
}

// FundingFee returns what a position of some size owes since its per-size figure was last taken, in
// tokens: up.
func FundingFee(size, now, taken *big.Int) *big.Int {
	return margin.Quo(mul(size, sub(now, taken)), perSize, margin.Up)
}

// FundingClaim returns what a position may claim since then: down. It goes to the account's claimable
// balance, not to the collateral.
func FundingClaim(size, now, taken *big.Int) *big.Int {
	return margin.Quo(mul(size, sub(now, taken)), perSize, margin.Down)
}
