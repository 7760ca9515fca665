package gmx

import (
	"errors"
	"fmt"
	"math/big"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// order is a PositionChanged being worked out.
type order struct {
	*settings
	market   *margin.Market
	fact     *events.PositionChanged
	pool     *margin.Pool
	prices   Prices
	position Position // before, then after
	held     *held    // before; nil: none
	owed     Owed
	size     *big.Int // USD
	delta    *big.Int // collateral tokens
	told     orderParams
	out      margin.Changed
}

// orderParams are the params of an executed order.
type orderParams struct {
	discount   *Discount // those of the account where the order names none; nil: none was told
	uiFee      *big.Int  // factor; nil: the order named no receiver
	swapOutput *big.Int  // collateral tokens that the swap of a profit gave, 0: there was none; nil: not told
}

// Change works out an executed order: an increase (§5), a decrease, a liquidation or a deleveraging (§10).
func (p *Profile) Change(pool *margin.Pool, m *margin.Market, b *events.PositionChanged) (margin.Changed, error) {
	o := &order{settings: settingsOf(m), market: m, fact: b, pool: pool}
	if err := o.read(); err != nil {
		return o.out, err
	}
	run := o.decrease
	if b.Change == events.ChangeIncrease {
		run = o.increase
	}
	if err := run(); err != nil {
		return o.out, err
	}
	if err := p.credit(o); err != nil {
		return o.out, err
	}
	return o.out, o.finish()
}

// Errors of facts that cannot be applied.
var (
	errCollateral = errors.New("gmx: the collateral is neither the market's long nor its short token")
	errNoPosition = errors.New("gmx: there is no position")
	errClosesAll  = errors.New("gmx: a liquidation closes all of a position")
	errNegative   = errors.New("gmx: the collateral does not cover fees and funding")
)

// read takes the fact's numbers, the prices and the position.
func (o *order) read() (err error) {
	m := o.market
	if o.pool.Asset != m.LongToken && o.pool.Asset != m.ShortToken {
		return errCollateral
	}
	longToken := o.pool.Asset == m.LongToken
	if o.size, err = scaled(o.fact.SizeUSD, 30); err != nil {
		return fmt.Errorf("sizeUsd: %w", err)
	}
	if o.delta, err = scaled(o.fact.CollateralDelta, o.decimals(longToken)); err != nil {
		return fmt.Errorf("collateralDelta: %w", err)
	}
	if o.size.Cmp(mostUSD) > 0 {
		return fmt.Errorf("sizeUsd: %w", margin.ErrOutOfRange)
	}
	if err := o.readParams(longToken); err != nil {
		return err
	}
	missing, err := o.readPrices()
	if err != nil {
		return err
	}
	if !o.known {
		missing |= kindPoolState
	}
	if missing != 0 {
		return fmt.Errorf("%w: %s", margin.ErrMissing, missing)
	}
	o.position = Position{IsLong: o.fact.Leg == events.LegLong, LongToken: longToken, Size: zero, Tokens: zero, Collateral: zero, PendingImpact: zero}
	o.owed = Owed{zero, zero}
	if len(o.pool.Positions) == 0 {
		return nil
	}
	o.held = heldOf(o.pool)
	o.position = o.positionOf(o.pool, o.held, o.fact.Leg)
	var behind bool
	if o.owed, behind = o.settings.owed(&o.position, o.held); behind {
		return fmt.Errorf("%w: the PoolState is older than the position", margin.ErrMissing)
	}
	return nil
}

// readParams takes what the fact says of discounts, the UI fee and a swap.
func (o *order) readParams(longToken bool) error {
	r := reader{list: o.fact.Params}
	o.told.discount = holderOf(o.pool.Account).discount()
	if pro, referral := r.factor("proDiscount"), r.factor("referralDiscount"); pro != nil || referral != nil {
		o.told.discount = newDiscount(pro, referral)
	}
	o.told.uiFee = r.factor("uiFee")
	if r.has("swapOutput") {
		o.told.swapOutput = r.number("swapOutput", o.decimals(longToken))
		if o.told.swapOutput.Sign() < 0 || o.fact.Change == events.ChangeIncrease {
			r.fail("swapOutput", margin.ErrOutOfRange)
		}
	}
	return r.done()
}

// readPrices takes each pair of the fact, or where it has none the latest.
func (o *order) readPrices() (missing kinds, err error) {
	m, b := o.market, o.fact
	o.prices, missing = o.latest(m)
	most := o.price(m.MaxPrice)
	if err := o.pair(&o.prices.Index, b.IndexMin, b.IndexMax, o.indexDecimals, most); err != nil {
		return 0, err
	}
	token := mul(big.NewInt(margin.MaxCollateralPrice), pow10(18))
	if err := o.pair(&o.prices.Long, b.LongMin, b.LongMax, o.longDecimals, token); err != nil {
		return 0, err
	}
	if err := o.pair(&o.prices.Short, b.ShortMin, b.ShortMax, o.shortDecimals, token); err != nil {
		return 0, err
	}
	if b.IndexMin.Present {
		missing &^= kindMarkPrice
	}
	if (b.LongMin.Present || m.LongToken.Min != 0) && (b.ShortMin.Present || m.ShortToken.Min != 0) {
		missing &^= kindCollateralPrice
	}
	return missing, nil
}

func (o *order) pair(to *Pair, low, high events.Number, decimals int, most *big.Int) (err error) {
	if !low.Present {
		return nil
	}
	if to.Min, err = scaled(low, 30-decimals); err != nil {
		return err
	}
	if to.Max, err = scaled(high, 30-decimals); err != nil {
		return err
	}
	if to.Max.Cmp(most) > 0 {
		return margin.ErrOutOfRange
	}
	return nil
}

// increase adds size and collateral (§5); without size it is a deposit.
func (o *order) increase() error {
	if o.size.Sign() == 0 && o.held == nil {
		return errNoPosition
	}
	pos, improved := &o.position, false
	tokens := zero
	if o.size.Sign() > 0 {
		x, err := o.Increase(o.prices.Index, pos.IsLong, o.size)
		if err != nil {
			return err
		}
		if x.ExecutionPrice == nil {
			o.breaks(margin.RuleImpact)
		}
		improved, tokens = x.Improved, x.Tokens
		pos.PendingImpact = add(pos.PendingImpact, x.ImpactTokens)
	}
	if err := o.claim(); err != nil {
		return err
	}
	fees := o.closingFees(o.size, o.collateral().Min, improved, false, o.owed, o.told.discount)
	fees.add(UIFee(o.size, o.told.uiFee, o.collateral().Min))
	pos.Size, pos.Tokens = add(pos.Size, o.size), add(pos.Tokens, tokens)
	pos.Collateral = sub(add(pos.Collateral, o.delta), add(fees.cost, o.owed.Funding))
	if pos.Collateral.Sign() < 0 {
		return errNegative
	}
	if pos.Tokens.Sign() == 0 {
		return fmt.Errorf("gmx: %v USD · 10^-30 are no token", o.size)
	}
	if err := o.payAll([]payment{
		{neg(o.delta), pos.LongToken, margin.MoveCross},
		{fees.cost, pos.LongToken, margin.MoveFee},
		{o.owed.Funding, pos.LongToken, margin.MoveFunding},
	}); err != nil {
		return err
	}
	after := o.traded(o.size, tokens)
	if pos.Size.Cmp(o.minPositionUSD) < 0 {
		o.breaks(margin.RulePositionTooSmall)
	}
	if o.size.Sign() > 0 && !o.sufficient(after, pos.Collateral, zero) {
		o.breaks(margin.RuleInitialMargin)
	}
	return o.test(after, Check{ForLiquidation: o.size.Sign() == 0, MinUSD: true})
}

// decrease takes size and collateral out (§10). A fact that asks for more than the position has, or a part
// that cannot pay its costs, cannot be applied.
func (o *order) decrease() error {
	if o.held == nil {
		return errNoPosition
	}
	kind := o.fact.Change
	forced := kind == events.ChangeLiquidation || kind == events.ChangeADL
	if kind == events.ChangeLiquidation && o.size.Cmp(o.position.Size) != 0 {
		return errClosesAll
	}
	if kind == events.ChangeADL && !o.IsADLEnabled(&o.prices, o.position.IsLong) {
		o.breaks(margin.RuleADLNotEnabled)
	}
	before := o.position
	d, err := o.Decrease(&o.prices, &before, Order{Size: o.size, Collateral: o.delta, Liquidation: kind == events.ChangeLiquidation,
		Deleveraging: kind == events.ChangeADL, SwapProfit: o.told.swapOutput != nil && o.told.swapOutput.Sign() > 0,
		SwapOutput: o.told.swapOutput, UIFee: o.told.uiFee}, o.owed, o.told.discount)
	if err != nil {
		return err
	}
	if forced && d.OtherToken.Sign() > 0 && o.told.swapOutput == nil {
		return fmt.Errorf("%w: swapOutput: what the swap of the profit gave", margin.ErrMissing)
	}
	if d.ExecutionPrice == nil && !forced {
		o.breaks(margin.RuleImpact)
	}
	if err := o.claim(); err != nil {
		return err
	}
	o.position = d.Position
	if err := o.pay(&before, d); err != nil {
		return err
	}
	if d.Position.Size.Sign() == 0 {
		return nil
	}
	after := o.traded(neg(o.size), neg(d.Tokens))
	return o.left(after, &before, d)
}

// left judges what a decrease leaves (§6, §4).
func (o *order) left(after *Market, before *Position, d *Decrease) error {
	pos := &o.position
	if pos.Size.Cmp(o.minPositionUSD) < 0 {
		o.breaks(margin.RulePositionTooSmall)
	}
	switch rest := sub(before.Collateral, o.delta); {
	case o.delta.Sign() == 0:
	case rest.Sign() < 0, !o.sufficient(after, rest, least(d.PnL, zero)):
		o.breaks(margin.RuleInitialMargin)
	case o.size.Sign() == 0:
		collateral, pnl := mul(rest, o.collateral().Min), after.PnL(&o.prices, before)
		if !MayWithdraw(pos.Size, collateral, pnl, after.OpenInterest.Of(pos.IsLong), after.MinCollateral,
			after.MinCollateralPerOpenInterest.Of(pos.IsLong), after.MinCollateralUSD) {
			o.breaks(margin.RuleInitialMargin)
		}
	}
	return o.test(after, Check{})
}

// sufficient is the requirement of §6 on tokens of collateral.
func (o *order) sufficient(after *Market, tokens, realised *big.Int) bool {
	isLong := o.position.IsLong
	ok, _ := IsSufficient(o.position.Size, mul(tokens, o.collateral().Min), realised, after.OpenInterest.Of(isLong), after.MinCollateral,
		after.MinCollateralPerOpenInterest.Of(isLong))
	return ok
}

// test is §4 on the position after the order, by the limits for orders.
func (o *order) test(after *Market, c Check) error {
	h, err := after.Health(&o.prices, &o.position, Owed{zero, zero}, o.told.discount, c)
	if err != nil {
		return err
	}
	if h.Reason != "" {
		o.breaks(margin.RuleLeftLiquidatable)
	}
	return nil
}

// traded returns the market with the open interest that an order leaves.
func (o *order) traded(usd, tokens *big.Int) *Market {
	m := o.Market
	change := func(s *Sides, by *big.Int) {
		if o.position.IsLong {
			s.Long = greatest(add(s.Long, by), zero)
		} else {
			s.Short = greatest(add(s.Short, by), zero)
		}
	}
	change(&m.OpenInterest, usd)
	change(&m.OpenInterestTokens, tokens)
	return &m
}

// collateral is the price of the position's collateral.
func (o *order) collateral() Pair { return o.prices.token(o.position.LongToken) }

func (o *order) breaks(r margin.Rule) { o.out.Rules = append(o.out.Rules, r) }

// move adds a move of a token's smallest units.
func (o *order) move(tokens *big.Int, longToken bool, purpose margin.Purpose) error {
	if tokens.Sign() == 0 {
		return nil
	}
	v, err := o.amount(tokens, longToken)
	asset := o.market.ShortToken
	if longToken {
		asset = o.market.LongToken
	}
	o.out.Moves = append(o.out.Moves, margin.Move{Asset: asset, Amount: v, Purpose: purpose})
	return err
}

// finish gives the position its new state, or none.
func (o *order) finish() (err error) {
	if o.position.Size.Sign() == 0 {
		return nil
	}
	side := sideOf(o.position.IsLong)
	h := &held{size: o.position.Size, tokens: o.position.Tokens, pendingImpact: o.position.PendingImpact,
		borrowing: o.borrowing.Of(o.position.IsLong), fee: o.fee[side].Of(o.position.LongToken), claim: o.settings.claim[side]}
	return o.keep(o.market, h, o.fact.Leg, &o.out)
}

// keep fills in what the fold shows and stores of a position.
func (s *settings) keep(m *margin.Market, h *held, leg events.Leg, out *margin.Changed) (err error) {
	if out.Size, err = s.display(m, h, leg); err != nil {
		return err
	}
	entry, ok := fixed.FromBig(margin.Quo(h.size, pow10(int64(30-m.Venue.Scale)), margin.Down))
	if !ok || !margin.Within(entry, margin.MaxCash) {
		return margin.ErrOutOfRange
	}
	if leg == events.LegShort {
		entry = entry.Neg()
	}
	out.Entry, out.State = entry, h.encode()
	return nil
}
