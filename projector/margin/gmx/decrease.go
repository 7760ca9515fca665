package gmx

import (
	"fmt"
	"math/big"

	"marginledger/projector/margin"
)

// Order is a decrease: how much of the size, and how much collateral leaves besides. Liquidations and
// deleveragings of the whole size may end insolvent; other orders are then refused.
type Order struct {
	Size         *big.Int // USD, at most the position's
	Collateral   *big.Int // tokens; more than there is counts as all, with the whole size as none
	Liquidation  bool     // the liquidation fee is charged
	Deleveraging bool

	// SwapProfit says that a profit in another token than the collateral is swapped for it, in the market
	// itself. The venue's liquidations and deleveragings do, and orders that ask for it, unless the swap would break
	// the market's reserve: the caller's decision. SwapOutput is what the swap gave, in collateral tokens; nil: what
	// it gives free of the market's swap fees and swap impact.
	SwapProfit bool
	SwapOutput *big.Int

	UIFee *big.Int // factor of the size; nil: the order named no receiver
}

// Step is a cost that a decrease pays, in the venue's words; in this order.
type Step string

// The steps.
const (
	PayFunding Step = "funding"
	PayPnL     Step = "pnl"
	PayFees    Step = "fees"
	PayImpact  Step = "impact"
	PayDiff    Step = "diff"
)

// InsufficientFunds is the refusal of a decrease that cannot pay a step.
type InsufficientFunds struct {
	Step Step
	USD  *big.Int // what is missing
}

// Error returns the step and the amount.
func (e *InsufficientFunds) Error() string {
	return fmt.Sprintf("gmx: insufficient funds to pay for %s: %v", e.Step, e.USD)
}

// Decrease is what a decrease does. The position and the market are those after it.
type Decrease struct {
	Position       Position // size 0: closed
	PnL            *big.Int // USD, realised, capped
	Tokens         *big.Int // given up
	Impact         *big.Int // USD, of this order, capped by its size
	ExecutionPrice *big.Int // index; nil: the impact takes it below zero, the venue refuses
	PendingTokens  *big.Int // the part of the pending impact that is settled
	PendingUSD     *big.Int
	TotalImpact    *big.Int // paid or received: both impacts, limited

	OtherToken *big.Int // gained in another token than the collateral, before any swap and cost

	Output    *big.Int // to the trader, in collateral tokens
	Secondary *big.Int // to the trader, in the token of the side's profits where that is another

	// Where the rest went, in collateral tokens and in the secondary token. Per token nothing is lost:
	// collateral before + what the pool gave = collateral after + output + these.
	Claimable, ClaimableSecondary *big.Int // impact beyond the limit: the trader may claim it later
	Funding, FundingSecondary     *big.Int // to claimants; in the wrong token: held for the pool
	Fees, FeesSecondary           *big.Int // paid for trading, borrowing and a liquidation, whoever gets them
	FeesElsewhere                 *big.Int // of Fees: shares that are not the pool's

	Pool             Sides
	ImpactPool, Lent *big.Int

	Insolvent Step // the cost at which the money ended; empty: all were paid
}

// decrease carries a Decrease through its steps.
type decrease struct {
	*Decrease
	m                          *Market
	collateral, profit         Pair // prices of the collateral, and of the token that profits are paid in
	longCollateral, longProfit bool // which tokens these are
	index                      Pair
	sameToken                  bool
}

// Decrease closes a part of a position, or all of it (§10).
func (m *Market) Decrease(p *Prices, pos *Position, order Order, owed Owed, discount *Discount) (*Decrease, error) {
	if order.Size.Sign() < 0 || order.Size.Cmp(pos.Size) > 0 || pos.Size.Sign() == 0 || pos.Tokens.Sign() == 0 {
		return nil, fmt.Errorf("gmx: decrease by %v of a size of %v, %v tokens", order.Size, pos.Size, pos.Tokens)
	}
	whole := order.Size.Cmp(pos.Size) == 0
	withdraw := least(order.Collateral, pos.Collateral)
	if whole {
		withdraw = zero
	}
	d := &decrease{
		Decrease: &Decrease{Position: *pos, Output: zero, Secondary: zero, Claimable: zero, ClaimableSecondary: zero,
			Funding: zero, FundingSecondary: zero, Fees: zero, FeesSecondary: zero, FeesElsewhere: zero, Pool: m.Pool, ImpactPool: m.ImpactPool, Lent: m.Lent},
		m: m, index: p.Index, collateral: p.token(pos.LongToken), profit: p.token(pos.IsLong),
		longCollateral: pos.LongToken, longProfit: pos.IsLong, sameToken: pos.LongToken == pos.IsLong || m.SingleToken,
	}
	d.Tokens = pos.TokensOf(order.Size)
	d.PnL = margin.Quo(mul(m.PnL(p, pos), d.Tokens), pos.Tokens, margin.ToZero)
	improved, err := d.price(pos, order.Size)
	if err != nil {
		return nil, err
	}
	if d.PnL.Sign() > 0 {
		d.payOut(d.PnL)
	}
	diff := d.settleImpact(p, pos, order.Size)
	d.OtherToken = d.Secondary
	if order.SwapProfit {
		d.swapProfit(order.SwapOutput)
	}
	f := m.closingFees(order.Size, d.collateral.Min, improved, order.Liquidation, owed, discount)
	f.add(UIFee(order.Size, order.UIFee, d.collateral.Min))

	step, missing := d.pay(owed.Funding, f, diff)
	switch {
	case step == "":
		d.withdraw(withdraw, diff)
	case !whole || !order.Liquidation && !order.Deleveraging:
		return nil, &InsufficientFunds{step, missing}
	}
	d.Insolvent = step
	d.finish(order.Size)
	return d.Decrease, nil
}

// price sets the order's own impact and its execution price, and reports whether it improves the balance.
func (d *decrease) price(pos *Position, size *big.Int) (improved bool, err error) {
	d.Impact, d.ExecutionPrice = zero, d.index.forPnL(pos.IsLong, false)
	if size.Sign() == 0 {
		return false, nil
	}
	impact, improved, err := d.m.Impact(d.index, pos.IsLong, neg(size), neg(d.Tokens))
	if err != nil {
		return false, err
	}
	d.Impact = d.m.capBySize(impact, size)

	// The impact per token of the part that is closed; the venue divides twice.
	adjusted := d.Impact
	if !pos.IsLong {
		adjusted = neg(adjusted)
	}
	perToken := margin.Quo(mul(pos.Size, adjusted), pos.Tokens, margin.ToZero)
	d.ExecutionPrice = add(d.ExecutionPrice, margin.Quo(perToken, size, margin.ToZero))
	if d.ExecutionPrice.Sign() < 0 || neg(adjusted).Cmp(size) > 0 {
		d.ExecutionPrice = nil
	}
	return improved, nil
}

// payOut moves a gain in USD from the pool to the trader, in the token of profits at its greatest price.
func (d *decrease) payOut(usd *big.Int) {
	tokens := margin.Quo(usd, d.profit.Max, margin.Down)
	d.toPool(d.longProfit, neg(tokens))
	if d.sameToken {
		d.Output = add(d.Output, tokens)
	} else {
		d.Secondary = add(d.Secondary, tokens)
	}
}

// settleImpact takes the pending impact's share, limits the total, pays a gain, and returns the loss beyond
// the limit.
func (d *decrease) settleImpact(p *Prices, pos *Position, size *big.Int) (diff *big.Int) {
	d.PendingTokens = margin.Quo(mul(pos.PendingImpact, size), pos.Size, margin.Down)
	d.PendingUSD = PendingUSD(d.index, d.PendingTokens)
	total := add(d.PendingUSD, d.Impact)
	worst := neg(Apply(size, d.m.MaxImpact.Negative))
	diff = greatest(sub(worst, total), zero)
	total = d.m.capBySize(greatest(total, worst), size)
	d.TotalImpact = d.m.capByPool(p, total)
	if d.TotalImpact.Sign() > 0 {
		d.toImpactPool(neg(margin.Quo(d.TotalImpact, d.index.Min, margin.Up)))
		d.payOut(d.TotalImpact)
	}
	return diff
}

// pay pays the costs one after the other and returns the first that is not paid in full.
func (d *decrease) pay(funding *big.Int, f fees, diff *big.Int) (Step, *big.Int) {
	price := d.collateral.Min
	var paid, second, missing *big.Int
	d.Funding, d.FundingSecondary, missing = d.take(mul(funding, price))
	if missing.Sign() > 0 {
		return PayFunding, missing
	}
	if d.PnL.Sign() < 0 {
		paid, second, missing = d.take(neg(d.PnL))
		d.bothToPool(paid, second)
		if missing.Sign() > 0 {
			return PayPnL, missing
		}
	}
	paid, second, missing = d.take(mul(f.cost, price))
	d.Fees, d.FeesSecondary = paid, second
	if missing.Sign() == 0 && second.Sign() == 0 {
		d.toPool(d.longCollateral, f.pool)
		d.FeesElsewhere = sub(f.cost, f.pool)
	} else {
		d.bothToPool(paid, second) // not paid as it should be: the pool gets all
	}
	if missing.Sign() > 0 {
		return PayFees, missing
	}
	if d.TotalImpact.Sign() < 0 {
		paid, second, missing = d.take(neg(d.TotalImpact))
		d.bothToPool(paid, second)
		d.toImpactPool(margin.Quo(mul(paid, price), d.index.Max, margin.Down))
		d.toImpactPool(margin.Quo(mul(second, d.profit.Min), d.index.Max, margin.Down))
		if missing.Sign() > 0 {
			return PayImpact, missing
		}
	}
	d.Claimable, d.ClaimableSecondary, missing = d.take(diff)
	if missing.Sign() > 0 {
		return PayDiff, missing
	}
	return "", zero
}

// take pays a cost in USD: collateral tokens rounded up, out of the output, then the collateral; then, in
// the other token rounded down, out of the secondary output. It returns what was paid in each, and the
// USD that are missing.
func (d *decrease) take(usd *big.Int) (paid, second, missing *big.Int) {
	need := margin.Quo(usd, d.collateral.Min, margin.Up)
	fromOutput := least(d.Output, need)
	d.Output, need = sub(d.Output, fromOutput), sub(need, fromOutput)
	fromCollateral := least(d.Position.Collateral, need)
	d.Position.Collateral, need = sub(d.Position.Collateral, fromCollateral), sub(need, fromCollateral)

	need = margin.Quo(mul(need, d.collateral.Min), d.profit.Min, margin.Down)
	second = least(d.Secondary, need)
	d.Secondary, need = sub(d.Secondary, second), sub(need, second)
	return add(fromOutput, fromCollateral), second, mul(need, d.profit.Min)
}

// withdraw moves collateral to the output; a claimable loss lowers what was asked for.
func (d *decrease) withdraw(tokens, diff *big.Int) {
	tokens = greatest(sub(tokens, margin.Quo(diff, d.collateral.Min, margin.Down)), zero)
	tokens = least(tokens, d.Position.Collateral)
	d.Position.Collateral = sub(d.Position.Collateral, tokens)
	d.Output = add(d.Output, tokens)
}

// finish lowers the position; a closed one returns its collateral.
func (d *decrease) finish(size *big.Int) {
	pos := &d.Position
	pos.Size = sub(pos.Size, size)
	pos.Tokens = sub(pos.Tokens, d.Tokens)
	pos.PendingImpact = sub(pos.PendingImpact, d.PendingTokens)
	if pos.Size.Sign() == 0 || pos.Tokens.Sign() == 0 {
		d.Output = add(d.Output, pos.Collateral)
		pos.Size, pos.Tokens, pos.Collateral = zero, zero, zero
	}
}
