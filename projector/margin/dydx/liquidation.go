package dydx

import (
	"fmt"
	"math"
	"math/big"

	"marginledger/projector/margin"
)

// Config is what governance sets about liquidations; amounts in quote quanta, the rest in millionths.
type Config struct {
	MaximumFee           *big.Int // of the fill
	BankruptcyAdjustment *big.Int // ≥ 10⁶: how fast the price nears the bankruptcy price
	Spread               *big.Int // of the maintenance requirement: how far the price may be off
	MinimumNotional      *big.Int // smaller positions are closed whole
	MaximumPortion       *big.Int // of a position, in one step
	BlockNotional        *big.Int // per account and block
	BlockInsurance       *big.Int // loss of the insurance fund, per account and block
}

// checkDelta refuses a delta that does not reduce a position, or that turns it.
func checkDelta(size, delta *big.Int) error {
	if size.Sign()*delta.Sign() != -1 || delta.CmpAbs(size) > 0 {
		return fmt.Errorf("dydx: %v of %v: %w", delta, size, ErrSizeDelta)
	}
	return nil
}

// BankruptcyQuote returns the quote delta at which closing delta of a position uses up exactly the
// share of net collateral that belongs to the maintenance which it frees. That share is floored, so the
// account gains the fraction of a quantum: a fill at this quote brings the fund nothing and costs it
// nothing (§7.1). Funding is settled first.
func (ms Markets) BankruptcyQuote(a *Subaccount, market uint32, delta *big.Int) (*big.Int, error) {
	m, err := ms.Get(market)
	if err != nil {
		return nil, err
	}
	size := a.Size(market)
	if err := checkDelta(size, delta); err != nil {
		return nil, err
	}
	r, err := ms.SettledRisk(a)
	if err != nil {
		return nil, err
	}
	if r.Maintenance.Sign() == 0 {
		return nil, fmt.Errorf("dydx: bankruptcy price in market %d: %w", market, ErrNoMaintenance)
	}
	rest := add(size, delta)
	freed := abs(sub(m.maintenance(rest), m.maintenance(size)))
	given := margin.Quo(mul(r.Net, freed), r.Maintenance, margin.Down)
	return sub(sub(m.Notional(size), m.Notional(rest)), given), nil
}

// FillablePrice returns the worst price, in quote quanta per base quantum, at which a liquidation
// order may fill (§7.2). delta only has to be one that BankruptcyQuote takes.
func (ms Markets) FillablePrice(a *Subaccount, market uint32, delta *big.Int, c *Config) (*big.Rat, error) {
	m, err := ms.Get(market)
	if err != nil {
		return nil, err
	}
	size := a.Size(market)
	if err := checkDelta(size, delta); err != nil {
		return nil, err
	}
	r, err := ms.SettledRisk(a)
	if err != nil {
		return nil, err
	}
	if r.Maintenance.Sign() == 0 {
		return nil, fmt.Errorf("dydx: fillable price in market %d: %w", market, ErrNoMaintenance)
	}
	rating := new(big.Rat).SetFrac(mul(c.BankruptcyAdjustment, sub(r.Maintenance, r.Net)), mul(million, r.Maintenance))
	switch top := new(big.Rat).SetInt(one); {
	case rating.Sign() < 0:
		rating.SetInt(zero)
	case rating.Cmp(top) > 0:
		rating = top
	}
	off := rating.Mul(rating, new(big.Rat).SetFrac(mul(c.Spread, m.maintenance(size)), million))
	price := off.Sub(new(big.Rat).SetInt(m.Notional(size)), off)
	return price.Quo(price, new(big.Rat).SetInt(size)), nil
}

// Subticks returns a fillable price in subticks of 10^conversion quote quanta per base quantum,
// rounded toward the account's gain to a whole tick: up where a long is sold, down where a short is
// bought back; never below one tick, nor above the largest of 64 bits (§7.2).
func Subticks(price *big.Rat, long bool, conversion int, perTick *big.Int) (*big.Int, error) {
	if price.Sign() < 0 {
		return nil, fmt.Errorf("dydx: %v quote quanta: %w", price.RatString(), ErrNegativePrice)
	}
	dir := margin.Down
	if long {
		dir = margin.Up
	}
	exact := shiftRat(price, -conversion)
	ticks := margin.Quo(exact.Num(), mul(exact.Denom(), perTick), dir)
	top := margin.Quo(new(big.Int).SetUint64(math.MaxUint64), perTick, margin.Down)
	return mul(most(one, least(ticks, top)), perTick), nil
}

// NotionalBounds returns how much of a position one step liquidates, at least and at most (§7.3).
func (m *Market) NotionalBounds(size *big.Int, c *Config) (low, high *big.Int) {
	notional := abs(m.Notional(size))
	low = least(c.MinimumNotional, notional)
	return low, most(low, share(notional, c.MaximumPortion, margin.Down))
}

// OrderSize returns the delta that a liquidation order asks of a position, when done quote quanta of
// the account have been liquidated in this block (§7.3).
func (m *Market) OrderSize(size, step, done *big.Int, c *Config) *big.Int {
	_, limit := m.NotionalBounds(size, c)
	limit = least(limit, most(zero, sub(c.BlockNotional, done)))
	whole := abs(size)
	asked := whole
	if abs(m.Notional(size)).Cmp(limit) > 0 && whole.Cmp(step) > 0 {
		steps := margin.Quo(m.Base(limit), step, margin.Down)
		asked = least(most(mul(steps, step), step), whole)
	}
	if size.Sign() > 0 {
		return neg(asked)
	}
	return asked
}

// FillQuote returns the account's signed quote delta of a fill at a price in subticks: its amount
// floored, > 0 for a sale (§7.4).
func FillQuote(buy bool, base, subticks *big.Int, conversion int) *big.Int {
	return signed(buy, shift(mul(base, subticks), conversion, margin.Down))
}

func signed(buy bool, amount *big.Int) *big.Int {
	if buy {
		return neg(amount)
	}
	return amount
}

// InsuranceDelta returns what a liquidation fill brings the insurance fund; < 0: the fund pays. fill is
// the account's signed quote delta, before this is taken from it (§7.4).
func (ms Markets) InsuranceDelta(a *Subaccount, market uint32, buy bool, base, fill, maximumFee *big.Int) (*big.Int, error) {
	if base.Sign() == 0 {
		return nil, fmt.Errorf("dydx: insurance delta: %w", ErrEmptyFill)
	}
	delta := neg(base)
	if buy {
		delta = base
	}
	bankruptcy, err := ms.BankruptcyQuote(a, market, delta)
	if err != nil {
		return nil, err
	}
	better := sub(fill, bankruptcy)
	if better.Sign() <= 0 {
		return better, nil
	}
	return least(share(abs(fill), maximumFee, margin.Down), better), nil
}

// FundCovers reports that an insurance fund can take a delta (§7.4).
func FundCovers(balance, delta *big.Int) bool {
	return delta.Sign() >= 0 || add(balance, delta).Sign() >= 0
}

// Remaining returns what is left of a limit per account and block, in a market that was not liquidated
// in this block: one attempt each (§7.3).
func Remaining(market uint32, liquidated []uint32, used, limit *big.Int) (*big.Int, error) {
	for _, id := range liquidated {
		if id == market {
			return nil, fmt.Errorf("dydx: market %d: %w", market, ErrAlreadyLiquidated)
		}
	}
	if used.Cmp(limit) > 0 {
		return nil, fmt.Errorf("dydx: %v of %v: %w", used, limit, ErrOverLimit)
	}
	return sub(limit, used), nil
}
