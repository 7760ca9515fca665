package gmx

import (
	"math/big"

	"marginledger/projector/margin"
)

// Discount has the factors that lower a trader's position fee (§7). Referred says that the trader has a
// referral code: without one, only Pro counts.
type Discount struct {
	Referred     bool
	Affiliate    *big.Int // reward of who referred the trader
	Referral     *big.Int
	MinAffiliate *big.Int // the affiliate keeps at least this
	Pro          *big.Int // of the trader's tier; 0: none
}

// PositionFee is the fee for trading a size, in collateral tokens, and who gets it (§7).
type PositionFee struct {
	Fee             *big.Int // before discounts
	AffiliateFactor *big.Int
	Affiliate       *big.Int
	Referral, Pro   *big.Int // the two discounts; the greater one holds
	Discount        *big.Int
	Protocol        *big.Int // Fee − Affiliate − Discount
	Receiver, Pool  *big.Int // Protocol, divided
}

// Cost returns what the trader pays.
func (f *PositionFee) Cost() *big.Int { return sub(f.Fee, f.Discount) }

// NewPositionFee returns the fee for a size, of which receiver is the share that does not go to the
// pool. All of it is rounded down; d is nil for a trader without discounts.
func NewPositionFee(size, fee, collateralMin, receiver *big.Int, d *Discount) *PositionFee {
	f := &PositionFee{AffiliateFactor: zero, Affiliate: zero, Referral: zero, Pro: zero}
	f.Fee = margin.Quo(Apply(size, fee), collateralMin, margin.Down)
	if d != nil {
		f.Pro = Apply(f.Fee, d.Pro)
	}
	if d != nil && d.Referred {
		f.AffiliateFactor = d.affiliate()
		f.Affiliate = Apply(f.Fee, f.AffiliateFactor)
		f.Referral = Apply(f.Fee, d.Referral)
	}
	f.Discount = greatest(f.Pro, f.Referral)
	f.Protocol = sub(f.Cost(), f.Affiliate)
	f.Receiver = Apply(f.Protocol, receiver)
	f.Pool = sub(f.Protocol, f.Receiver)
	return f
}

// affiliate returns the affiliate's factor: what the tier takes beyond the referral discount comes out of
// it, down to its minimum.
func (d *Discount) affiliate() *big.Int {
	if d.Pro.Cmp(d.Referral) <= 0 {
		return d.Affiliate
	}
	return greatest(sub(add(d.Affiliate, d.Referral), d.Pro), d.MinAffiliate)
}

// fees are all that closing a size costs, in collateral tokens.
type fees struct {
	cost *big.Int // without funding
	pool *big.Int // what of cost goes to the pool
}

// add adds a fee that is not the pool's.
func (f *fees) add(tokens *big.Int) { f.cost = add(f.cost, tokens) }

// UIFee returns the fee of the interface that an order came through, for a size, in collateral tokens: down, twice
// (§7). factor nil: the order named no receiver.
func UIFee(size, factor, collateralMin *big.Int) *big.Int {
	if factor == nil {
		return new(big.Int)
	}
	return margin.Quo(Apply(size, factor), collateralMin, margin.Down)
}

// closingFees returns the fees for closing a size (§7). The fee of a liquidation is charged by one, and
// does not count in the test for one.
func (m *Market) closingFees(size, collateralMin *big.Int, improved, liquidation bool, owed Owed, d *Discount) fees {
	f := NewPositionFee(size, m.PositionFee.Of(improved), collateralMin, m.FeeReceiver.Position, d)
	borrowing := margin.Quo(owed.Borrowing, collateralMin, margin.Down)
	out := fees{add(f.Cost(), borrowing), add(f.Pool, sub(borrowing, Apply(borrowing, m.FeeReceiver.Borrowing)))}
	if liquidation {
		fee := margin.Quo(Apply(size, m.LiquidationFee), collateralMin, margin.Up)
		out.cost = add(out.cost, fee)
		out.pool = add(out.pool, sub(fee, Apply(fee, m.FeeReceiver.Liquidation)))
	}
	return out
}
