package reference

import (
	"slices"

	"marginledger/events"
	"marginledger/projector"
)

// § 4: what each account fact does. Rules (§ 6) are judged in rules.go, after it.

func (t *transaction) applyToAccount() string {
	e, v := t.event, t.venue
	key := accountKey{e.Owner, e.Subaccount}
	existed := v.accounts[key] != nil
	a := t.account(key)
	switch b := e.Body.(type) {
	case *events.AccountOpened:
		a.operator, a.backstop = b.Operator, b.MarginType == events.MarginBackstop
		if existed {
			t.breakRule("account_reopened", crossPool)
		}
	case *events.AccountOpeningState:
		if len(b.Claims) > 0 {
			return "not_supported"
		}
		return t.openingState(a, b)
	case *events.Deposit:
		if b.Market != "" {
			return "not_supported"
		}
		t.post(a, crossPool, b.Asset, b.Amount.Decimal(), "external", projector.CauseDeposit, "")
	case *events.Withdrawal:
		t.post(a, crossPool, b.Asset, b.Amount.Decimal().Neg(), "external", projector.CauseWithdrawal, "")
		t.judgeWithdrawal(a, b.Asset)
	case *events.Transfer:
		t.transfer(a, b)
	case *events.Fill:
		return t.fill(a, b)
	case *events.SpotFill:
		t.spotFill(a, b)
	case *events.AssetConverted:
		t.post(a, crossPool, b.FromAsset, b.FromAmount.Decimal().Neg(), "conversion", projector.CauseConversion, "")
		t.post(a, crossPool, b.ToAsset, b.ToAmount.Decimal(), "conversion", projector.CauseConversion, "")
		t.judgeBalances(a, b.FromAsset)
	case *events.InterestAccrued:
		t.post(a, crossPool, b.Asset, b.Amount.Decimal(), "interest", projector.CauseInterest, "")
	case *events.OrderMargin:
		o := order{b.BidSize.Decimal(), b.BidNotional.Decimal(), b.AskSize.Decimal(), b.AskNotional.Decimal()}
		a.orders[legKey{b.Market, b.Leg}] = o
		if o.bidSize.IsZero() && o.bidNotional.IsZero() && o.askSize.IsZero() && o.askNotional.IsZero() {
			delete(a.orders, legKey{b.Market, b.Leg})
		}
	case *events.LeverageSet:
		a.leverages[b.Market] = b.Leverage
		t.judgeLeverageSet(a, v.markets[b.Market], b.Leverage)
	case *events.LeverageCapSet:
		a.caps[b.Market] = b.MaxLeverage
		if b.MaxLeverage == 0 {
			delete(a.caps, b.Market)
		}
	case *events.MarginModeSet:
		return t.setMode(a, b)
	case *events.IsolatedMarginMoved:
		to := poolKey{b.Market, b.Leg}
		t.move(a, crossPool, to, b.Amount.Decimal())
		t.judgeIsolatedMargin(a, a.pool(to), b.Amount.Decimal())
	case *events.FundingPayment:
		return t.fundingPayment(a, b)
	case *events.PortfolioStopSet:
		a.stop = stop{
			armed:       b.EquityFloor.Present || b.RatioFloor.Present,
			equityFloor: b.EquityFloor,
			ratioFloor:  b.RatioFloor,
		}
	case *events.MarginCallLevelsSet:
		for _, p := range a.sortedPools() {
			t.announced = append(t.announced, t.clearCalls(a, p)...)
		}
		a.levels = nil
		for _, level := range b.Levels {
			a.levels = append(a.levels, level.Decimal())
		}
	case *events.BankruptcyCovered:
		to := poolKey{b.Market, b.Leg} // no market: the cross pool
		p := a.pool(to)
		if p.episode == nil || p.episode.stage != events.StageBankrupt || p.episode.id != b.Liquidation {
			t.breakRule("covers_no_bankruptcy", to)
		}
		t.post(a, to, v.settlement, b.Amount.Decimal(), "insurance", projector.CauseInsurance, "")
	case *events.TradeBusted:
		return t.bust(a, b)
	case *events.Adjustment:
		return t.adjust(a, b)
	case *events.PositionChanged, *events.AccountModeSet, *events.PoolBalanceObserved, *events.AccountParamsSet:
		return "not_supported"
	}
	return ""
}

// openingState gives an account what it had at adoption.
func (t *transaction) openingState(a *account, b *events.AccountOpeningState) string {
	if a.touched {
		return "opening_state_not_first"
	}
	for _, balance := range b.Balances {
		t.post(a, crossPool, balance.Asset, balance.Amount.Decimal(), "opening", projector.CauseOpening, "")
	}
	for _, opening := range b.Positions {
		key := legKey{opening.Market, opening.Leg}
		p := a.pools[crossPool]
		if opening.Isolated.Present {
			a.modes[opening.Market] = events.Isolated
			p = a.pool(poolKey(key))
			t.post(a, p.key, t.venue.settlement, opening.Isolated.Decimal(), "opening", projector.CauseOpening, "")
		}
		_, reason := t.changePosition(a, p, change{legKey: key, size: opening.Size.Decimal(), price: opening.EntryPrice.Decimal()})
		if reason != "" {
			return reason
		}
	}
	return ""
}

func (t *transaction) transfer(a *account, b *events.Transfer) {
	amount, asset := b.Amount.Decimal(), b.Asset
	switch b.Kind {
	case events.TransferInternal:
		to := t.account(accountKey{a.key.owner, b.ToSubaccount})
		t.change(a, crossPool, asset, amount.Neg(), projector.CauseTransfer, "")
		t.change(to, crossPool, asset, amount, projector.CauseTransfer, "")
	case events.TransferOut:
		t.post(a, crossPool, asset, amount.Neg(), "transit", projector.CauseTransfer, "")
	case events.TransferIn:
		t.post(a, crossPool, asset, amount, "transit", projector.CauseTransfer, "")
		return
	}
	t.judgeWithdrawal(a, asset)
}

// fill applies one leg of a trade.
func (t *transaction) fill(a *account, b *events.Fill) string {
	key := legKey{b.Market, b.Leg}
	p := t.poolFor(a, key)
	before := p.episode
	done, reason := t.changePosition(a, p, change{
		legKey:      key,
		size:        signed(b.Side, b.Size.Decimal()),
		price:       b.Price.Decimal(),
		fee:         b.Fee.Decimal(),
		feeAsset:    b.FeeAsset,
		movesMargin: true,
		margin:      b.IsolatedMargin.Decimal(),
		marginNamed: b.IsolatedMargin.Present,
	})
	if reason != "" {
		return reason
	}
	// § 7: the first liquidation fill of a partial request starts a cool-down.
	if e := p.episode; b.Reason == events.ReasonLiquidation && e != nil && e.stage == events.StagePartial && !e.cooling {
		e.cooling, e.until = true, t.venue.time+t.venue.params.cooldownMs*1e6
	}
	t.judgeFill(a, b, done, before != nil)
	return ""
}

func (t *transaction) spotFill(a *account, b *events.SpotFill) {
	base, quote := b.Size.Decimal(), b.QuoteAmount.Decimal().Neg()
	left := []string{b.QuoteAsset}
	if b.Side == events.Sell {
		base, quote = base.Neg(), quote.Neg()
		left = []string{b.BaseAsset}
	}
	t.post(a, crossPool, b.BaseAsset, base, "spot", projector.CauseSpot, "")
	t.post(a, crossPool, b.QuoteAsset, quote, "spot", projector.CauseSpot, "")
	t.post(a, crossPool, b.FeeAsset, b.Fee.Decimal().Neg(), "fees", projector.CauseFee, "")
	if b.Fee.Sign() > 0 {
		left = append(left, b.FeeAsset)
	}
	t.judgeBalances(a, left...)
}

// setMode switches a market between cross and isolated.
func (t *transaction) setMode(a *account, b *events.MarginModeSet) string {
	mode := a.modes[b.Market]
	if mode == 0 {
		mode = events.Cross
	}
	legs := a.openLegs(b.Market)
	isolatedOnly := t.venue.markets[b.Market].rules.isolatedOnly
	inCross := slices.ContainsFunc(legs, func(leg events.Leg) bool {
		p, _ := a.open(legKey{b.Market, leg})
		return p.key == crossPool
	})
	if isolatedOnly && mode != b.Mode && b.Mode == events.Cross {
		defer func() {
			if a.modes[b.Market] == events.Cross { // it was applied
				t.breakRule("margin_mode_not_allowed", crossPool)
			}
		}()
	}
	switch {
	case len(legs) == 0, isolatedOnly && b.Mode == events.Isolated && !inCross:
		a.modes[b.Market] = b.Mode
		return ""
	case mode == b.Mode:
		return ""
	case !b.IsolatedMargin.Present:
		return "mode_switch_without_margin"
	case b.Mode == events.Cross && b.IsolatedMargin.Sign() != 0:
		return "bad_value"
	}
	a.modes[b.Market] = b.Mode
	given := legs[0] // the leg whose pool gets the margin: the first that moves, where any does
	for _, leg := range slices.Backward(legs) {
		if p, _ := a.open(legKey{b.Market, leg}); p.key == crossPool {
			given = leg
		}
	}
	for _, leg := range legs { // net, or long before short
		key := legKey{b.Market, leg}
		from, pos := a.open(key)
		to := a.pools[crossPool]
		if b.Mode == events.Isolated {
			to = a.pool(poolKey(key))
		}
		delete(from.positions, key)
		to.positions[key] = pos
		t.touch(a, from.key)
		t.touch(a, to.key)
		if b.Mode == events.Isolated && leg == given {
			t.move(a, crossPool, to.key, b.IsolatedMargin.Decimal())
		}
		if b.Mode == events.Cross && from != to {
			t.move(a, from.key, crossPool, from.collateral)
		}
	}
	t.breakRule("mode_switch_with_position", crossPool)
	return ""
}

func (t *transaction) fundingPayment(a *account, b *events.FundingPayment) string {
	m := t.venue.markets[b.Market]
	if m.rules.byIndex {
		return "wrong_funding_mode"
	}
	to, pos := a.open(legKey{b.Market, b.Leg})
	if pos == nil {
		to = a.pools[crossPool]
		t.breakRule("funding_without_position", crossPool)
	}
	t.post(a, to.key, t.venue.settlement, b.Amount.Decimal(), "funding/"+m.name, projector.CauseFunding, m.name)
	return ""
}

// bust undoes a fill: one of the other side, with the fee negated.
func (t *transaction) bust(a *account, b *events.TradeBusted) string {
	if b.DeadLetter != nil { // it was never applied
		t.answer(a, *b.DeadLetter)
		return ""
	}
	key := legKey{b.Market, b.Leg}
	_, reason := t.changePosition(a, t.poolFor(a, key), change{
		legKey:   key,
		size:     signed(b.Side, b.Size.Decimal()).Neg(),
		price:    b.Price.Decimal(),
		fee:      b.Fee.Decimal().Neg(),
		feeAsset: b.FeeAsset,
	})
	return reason
}

func (t *transaction) adjust(a *account, b *events.Adjustment) string {
	if b.DeadLetter != nil {
		t.answer(a, *b.DeadLetter)
	}
	key := legKey{b.Market, b.Leg}
	if b.Amount.Present {
		to := crossPool
		if b.Market != "" && b.Asset == t.venue.settlement {
			to = poolKey(key)
		}
		t.post(a, to, b.Asset, b.Amount.Decimal(), "adjustment", projector.CauseAdjustment, "")
	}
	if !b.Size.Present {
		return ""
	}
	_, reason := t.changePosition(a, t.poolFor(a, key), change{legKey: key, size: b.Size.Decimal(), price: b.EntryPrice.Decimal()})
	return reason
}

// answer takes a dead letter off the account and its owner.
func (t *transaction) answer(a *account, at events.Offset) {
	key := venueAccount{t.venue.name, a.key}
	if !t.state.ofAccount[key][at] && !t.state.ofOwner[a.key.owner][at] {
		t.breakRule("unknown_dead_letter", crossPool)
	}
	delete(t.state.ofAccount[key], at)
	delete(t.state.ofOwner[a.key.owner], at)
}
