package projector

import (
	"strings"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// applyAccount applies an account fact: names first, then what its kind says.
func (s *Shard) applyAccount(v *venue, e *events.Event) Reason {
	if bust, ok := e.Body.(*events.TradeBusted); !ok || bust.DeadLetter == nil {
		if reason := v.knows(e.Body); reason != ReasonNone {
			return reason
		}
	}
	a, known := s.peek(v, e.Owner, e.Subaccount)
	if reason := s.applyTo(a, known, e); reason != ReasonNone {
		return reason
	}
	if !known {
		s.enter(a)
	}
	s.touchAccount(a)
	return ReasonNone
}

// knows checks that the markets and assets of a fact are listed and not settled.
func (v *venue) knows(body events.Body) Reason {
	if reason := v.unknown(body); reason != ReasonNone {
		return reason
	}
	switch b := body.(type) {
	case *events.Fill, *events.OrderMargin, *events.TradeBusted, *events.MarkPrice, *events.MarketSettled:
	case *events.AccountOpeningState:
		for i := range b.Positions {
			if v.markets[b.Positions[i].Market].Settled {
				return ReasonMarketSettled
			}
		}
		return ReasonNone
	case *events.Adjustment:
		if !b.Size.Present {
			return ReasonNone
		}
	default:
		return ReasonNone
	}
	for _, name := range marketsOf(body) {
		if name != "" && v.marketOf(name).Settled {
			return ReasonMarketSettled
		}
	}
	return ReasonNone
}

func (s *Shard) applyTo(a *account, known bool, e *events.Event) Reason {
	v := a.venue
	if reason := v.supports(e.Body); reason != ReasonNone {
		return reason
	}
	if !v.numbers(e) {
		return ReasonBadValue
	}
	switch b := e.Body.(type) {
	case *events.Fill:
		return s.fill(a, b)
	case *events.OrderMargin:
		return s.orderMargin(a, b)
	case *events.Deposit:
		return s.deposit(a, b)
	case *events.Withdrawal:
		before := s.healthBefore(a, &a.cross)
		reason := s.crossAmount(a, v.assets[b.Asset], b.Amount.Neg(), CauseWithdrawal, systemExternal)
		if reason == ReasonNone {
			s.judgeLeaving(a, v.assets[b.Asset], before, nil)
		}
		return reason
	case *events.Transfer:
		return s.transfer(a, b)
	case *events.SpotFill:
		return s.spotFill(a, b)
	case *events.AssetConverted:
		return s.assetConverted(a, b)
	case *events.InterestAccrued:
		return s.crossAmount(a, v.assets[b.Asset], b.Amount, CauseInterest, systemInterest)
	case *events.FundingPayment:
		return s.fundingPayment(a, b)
	case *events.LeverageSet:
		return s.leverageSet(a, b)
	case *events.MarginModeSet:
		return s.marginModeSet(a, b)
	case *events.IsolatedMarginMoved:
		return s.isolatedMarginMoved(a, b)
	case *events.BankruptcyCovered:
		return s.bankruptcyCovered(a, b)
	case *events.TradeBusted:
		return s.tradeBusted(a, b)
	case *events.Adjustment:
		return s.adjustment(a, b)
	case *events.AccountOpened:
		s.accountOpened(a, known, b)
		return ReasonNone
	case *events.AccountOpeningState:
		return s.openingState(a, b)
	case *events.PortfolioStopSet:
		return s.portfolioStopSet(a, b)
	case *events.MarginCallLevelsSet:
		return s.marginCallLevelsSet(a, b)
	case *events.LeverageCapSet:
		s.leverageCapSet(a, b)
		return ReasonNone
	case *events.AccountModeSet:
		return s.accountModeSet(a, b)
	case *events.PoolBalanceObserved:
		return s.poolBalanceObserved(a, b)
	case *events.PositionChanged:
		return s.positionChanged(a, b)
	case *events.AccountParamsSet:
		return s.accountParamsSet(a, b)
	}
	panic("projector: no rule for account fact " + e.Type.String())
}

// crossAmount adds a signed amount to the cross pool.
func (s *Shard) crossAmount(a *account, x *asset, n events.Number, cause Cause, against string) Reason {
	amount, reason := a.venue.amount(n)
	if reason != ReasonNone {
		return reason
	}
	if !x.admitsBalance(a.balance(x).Add(amount)) {
		return ReasonOutOfRange
	}
	s.post(&a.cross, x, amount, cause, nil, against)
	return ReasonNone
}

// judgeLeaving judges what may leave the cross pool, after it has; to is where it went, nil: elsewhere.
func (s *Shard) judgeLeaving(a *account, x *asset, before *margin.Health, to *margin.Pool) {
	if a.marginType != events.MarginBackstop {
		s.judgeUpdate(a, &a.cross, margin.Update{Kind: margin.Left, Before: before, Negative: a.balance(x).Sign() < 0, To: to})
	}
}

func (s *Shard) transfer(a *account, b *events.Transfer) Reason {
	x := a.venue.assets[b.Asset]
	switch b.Kind {
	case events.TransferIn:
		return s.crossAmount(a, x, b.Amount, CauseTransfer, systemTransit)
	case events.TransferOut:
		before := s.healthBefore(a, &a.cross)
		reason := s.crossAmount(a, x, b.Amount.Neg(), CauseTransfer, systemTransit)
		if reason == ReasonNone {
			s.judgeLeaving(a, x, before, nil)
		}
		return reason
	}
	amount, reason := a.venue.amount(b.Amount)
	if reason != ReasonNone {
		return reason
	}
	to, known := s.peek(a.venue, a.owner, b.ToSubaccount)
	if !x.admitsBalance(a.balance(x).Sub(amount)) || !x.admitsBalance(to.balance(x).Add(amount)) {
		return ReasonOutOfRange
	}
	before := s.healthBefore(a, &a.cross)
	s.moveAsset(&a.cross, &to.cross, x, amount, CauseTransfer, nil)
	if !known {
		s.enter(to)
	}
	s.judgeLeaving(a, x, before, &to.cross.Pool)
	return ReasonNone
}

// exchange is two moves of the cross pool against one system account.
func (s *Shard) exchange(a *account, out *asset, outAmount fixed.Int128, in *asset, inAmount fixed.Int128, fee fixed.Int128, feeAsset *asset, cause Cause, against string) Reason {
	after := func(x *asset) fixed.Int128 {
		b := a.balance(x)
		if x == out {
			b = b.Sub(outAmount)
		}
		if x == in {
			b = b.Add(inAmount)
		}
		if x == feeAsset {
			b = b.Sub(fee)
		}
		return b
	}
	for _, x := range [...]*asset{out, in, feeAsset} {
		if x != nil && !x.admitsBalance(after(x)) {
			return ReasonOutOfRange
		}
	}
	s.post(&a.cross, out, outAmount.Neg(), cause, nil, against)
	s.post(&a.cross, in, inAmount, cause, nil, against)
	if feeAsset != nil {
		s.post(&a.cross, feeAsset, fee.Neg(), CauseFee, nil, systemFees)
	}
	if a.balance(out).Sign() < 0 || feeAsset != nil && fee.Sign() > 0 && a.balance(feeAsset).Sign() < 0 {
		s.violate(a, &a.cross, margin.RuleNegativeBalance)
	}
	return ReasonNone
}

func (s *Shard) spotFill(a *account, b *events.SpotFill) Reason {
	v := a.venue
	size, reason := v.amount(b.Size)
	if reason != ReasonNone {
		return reason
	}
	quote, reason := v.amount(b.QuoteAmount)
	if reason != ReasonNone {
		return reason
	}
	var fee fixed.Int128
	var feeAsset *asset
	if b.Fee.Present {
		feeAsset = v.assets[b.FeeAsset]
		if fee, reason = v.amount(b.Fee); reason != ReasonNone {
			return reason
		}
	}
	base, quoted := v.assets[b.BaseAsset], v.assets[b.QuoteAsset]
	if b.Side == events.Buy {
		return s.exchange(a, quoted, quote, base, size, fee, feeAsset, CauseSpot, systemSpot)
	}
	return s.exchange(a, base, size, quoted, quote, fee, feeAsset, CauseSpot, systemSpot)
}

func (s *Shard) assetConverted(a *account, b *events.AssetConverted) Reason {
	v := a.venue
	from, reason := v.amount(b.FromAmount)
	if reason != ReasonNone {
		return reason
	}
	to, reason := v.amount(b.ToAmount)
	if reason != ReasonNone {
		return reason
	}
	return s.exchange(a, v.assets[b.FromAsset], from, v.assets[b.ToAsset], to, fixed.Int128{}, nil, CauseConversion, systemConversion)
}

// poolAmount adds a signed amount of the settlement asset to a pool of the account, made if need
// be: m nil is the cross pool.
func (s *Shard) poolAmount(a *account, m *market, leg events.Leg, n events.Number, cause Cause, posted *market, against string) (*pool, Reason) {
	amount, reason := a.venue.amount(n)
	if reason != ReasonNone {
		return nil, reason
	}
	p, before := &a.cross, a.balance(a.venue.settlement)
	if m != nil {
		before = fixed.Int128{}
		if p = a.find(m, leg); p != nil {
			before = p.Collateral
		}
	}
	if !margin.Within(before.Add(amount), margin.MaxCash) {
		return nil, ReasonOutOfRange
	}
	if p == nil {
		p = a.isolatedPool(m, leg)
	}
	s.post(p, a.venue.settlement, amount, cause, posted, against)
	return p, ReasonNone
}

func (s *Shard) fundingPayment(a *account, b *events.FundingPayment) Reason {
	m := a.venue.markets[b.Market]
	if m.FundingMode != events.FundingByPayments {
		return ReasonWrongFundingMode
	}
	held, pos := a.holding(m, b.Leg)
	var isolated *market
	if pos != nil {
		isolated = held.market
	}
	_, reason := s.poolAmount(a, isolated, b.Leg, b.Amount, CauseFunding, m, m.fundingName)
	if reason == ReasonNone && pos == nil {
		s.violate(a, &a.cross, margin.RuleFundingWithoutPosition)
	}
	return reason
}

func (s *Shard) orderMargin(a *account, b *events.OrderMargin) (reason Reason) {
	m := a.venue.markets[b.Market]
	var o margin.Orders
	if o.BidSize, reason = m.size(b.BidSize); reason != ReasonNone {
		return reason
	}
	if o.BidNotional, reason = a.venue.amount(b.BidNotional); reason != ReasonNone {
		return reason
	}
	if o.AskSize, reason = m.size(b.AskSize); reason != ReasonNone {
		return reason
	}
	if o.AskNotional, reason = a.venue.amount(b.AskNotional); reason != ReasonNone {
		return reason
	}
	set := a.setting(m)
	set.orders[b.Leg] = o
	a.store(set)
	return ReasonNone
}

func (s *Shard) leverageSet(a *account, b *events.LeverageSet) Reason {
	m := a.venue.markets[b.Market]
	set := a.setting(m)
	before := s.healthBefore(a, &a.cross)
	was := set.effective()
	set.leverage = int64(b.Leverage)
	a.adopt(set)
	if a.marginType != events.MarginBackstop {
		u := margin.Update{Kind: margin.LeverageChosen, Before: before, Market: &m.Market, Leverage: set.leverage, Was: was}
		for leg := events.LegNet; leg <= events.LegShort; leg++ {
			p, pos := a.holding(m, leg)
			if pos == nil {
				continue
			}
			u.Size = pos.Size
			if p.market != nil && (u.Isolated == nil || !u.Isolated.Equity.Less(u.Isolated.Initial)) {
				u.Isolated = s.health(p)
			}
		}
		s.judgeUpdate(a, &a.cross, u)
	}
	if set.cap != 0 && set.leverage > set.cap {
		s.violate(a, &a.cross, margin.RuleLeverage)
	}
	return ReasonNone
}

// adopt stores a setting and has the positions of its market take its leverage.
func (a *account) adopt(set setting) {
	a.store(set)
	for leg := events.LegNet; leg <= events.LegShort; leg++ {
		if p, pos := a.holding(set.market, leg); pos != nil {
			pos.Leverage = set.effective()
			p.healthN = 0
		}
	}
}

// leverageCapSet caps the leverage of an account in a market; a setting above it counts as the cap.
func (s *Shard) leverageCapSet(a *account, b *events.LeverageCapSet) {
	set := a.setting(a.venue.markets[b.Market])
	set.cap = int64(b.MaxLeverage)
	a.adopt(set)
}

// marginModeSet switches a market's mode (§4).
func (s *Shard) marginModeSet(a *account, b *events.MarginModeSet) Reason {
	m := a.venue.markets[b.Market]
	set := a.setting(m)
	isolated := b.Mode == events.Isolated
	if set.isolated == isolated {
		return ReasonNone
	}
	open, _ := a.hasPosition(m)
	if isolated && m.Modes > events.ModesAny && !a.inCross(m) {
		open = false // they are isolated already
	}
	if open {
		if !b.IsolatedMargin.Present {
			return ReasonModeSwitch
		}
		amount, reason := a.venue.amount(b.IsolatedMargin)
		if reason != ReasonNone {
			return reason
		}
		if isolated {
			reason = s.isolate(a, m, amount)
		} else {
			reason = s.unite(a, m, amount)
		}
		if reason != ReasonNone {
			return reason
		}
		s.violate(a, &a.cross, margin.RuleModeSwitch)
	}
	set.isolated = isolated
	a.store(set)
	if !isolated && m.Modes > events.ModesAny {
		s.violate(a, &a.cross, margin.RuleModeNotAllowed)
	}
	return ReasonNone
}

// inCross reports a cross position in a market.
func (a *account) inCross(m *market) bool {
	for leg := events.LegNet; leg <= events.LegShort; leg++ {
		if p, _ := a.holding(m, leg); p == &a.cross {
			return true
		}
	}
	return false
}

// isolate moves the cross positions of a market to pools of their own; the margin goes to the
// first of them by leg: net, long, short; or where none is cross, as in a market that admitted isolated margin
// only, to the first that is isolated already.
func (s *Shard) isolate(a *account, m *market, amount fixed.Int128) Reason {
	first, held, moves := events.Leg(0), fixed.Int128{}, a.inCross(m)
	for leg := events.LegShort; leg >= events.LegNet; leg-- {
		if p, pos := a.holding(m, leg); pos != nil && (p == &a.cross || !moves) {
			first = leg
		}
	}
	if p := a.find(m, first); p != nil {
		held = p.Collateral
	}
	if !margin.Within(a.balance(a.venue.settlement).Sub(amount), margin.MaxCash) || !margin.Within(held.Add(amount), margin.MaxCash) {
		return ReasonOutOfRange
	}
	for leg := events.LegNet; leg <= events.LegShort; leg++ {
		if p, _ := a.holding(m, leg); p == &a.cross {
			s.rehome(&a.cross, a.isolatedPool(m, leg), m, leg)
		}
	}
	s.move(&a.cross, a.isolatedPool(m, first), amount, CauseMargin, m)
	return ReasonNone
}

// unite moves the isolated positions of a market to the cross pool, with all of their collateral.
func (s *Shard) unite(a *account, m *market, amount fixed.Int128) Reason {
	if !amount.IsZero() {
		return ReasonBadValue
	}
	total, legs := a.balance(a.venue.settlement), 0
	for leg := events.LegNet; leg <= events.LegShort; leg++ {
		if p := a.find(m, leg); p != nil && len(p.Positions) > 0 {
			total = total.Add(p.Collateral)
			legs++
		}
	}
	switch {
	case len(a.cross.Positions)+legs > margin.MaxPositions:
		return ReasonTooManyPositions
	case !margin.Within(total, margin.MaxCash):
		return ReasonOutOfRange
	}
	for leg := events.LegNet; leg <= events.LegShort; leg++ {
		if p := a.find(m, leg); p != nil && len(p.Positions) > 0 {
			s.rehome(p, &a.cross, m, leg)
			s.move(p, &a.cross, p.Collateral, CauseMargin, m)
		}
	}
	return ReasonNone
}

// rehome moves a position to another pool, as it is.
func (s *Shard) rehome(from, to *pool, m *market, leg events.Leg) {
	var moved margin.Position
	for i := range from.Positions {
		if comparePosition(&from.Positions[i], m, leg) == 0 {
			moved = from.Positions[i]
		}
	}
	s.setPosition(from, m, leg, 0, fixed.Int128{})
	s.setPosition(to, m, leg, moved.Size, moved.Entry)
	for i := range to.Positions {
		if comparePosition(&to.Positions[i], m, leg) == 0 {
			to.Positions[i].FundingIndex = moved.FundingIndex
		}
	}
}

func (s *Shard) isolatedMarginMoved(a *account, b *events.IsolatedMarginMoved) Reason {
	m := a.venue.markets[b.Market]
	amount, reason := a.venue.amount(b.Amount)
	if reason != ReasonNone {
		return reason
	}
	var held fixed.Int128
	if p := a.find(m, b.Leg); p != nil {
		held = p.Collateral
	}
	if !margin.Within(a.balance(a.venue.settlement).Sub(amount), margin.MaxCash) || !margin.Within(held.Add(amount), margin.MaxCash) {
		return ReasonOutOfRange
	}
	p, set := a.isolatedPool(m, b.Leg), a.setting(m)
	s.move(&a.cross, p, amount, CauseMargin, m)
	u := margin.Update{Kind: margin.MarginAdded, Market: &m.Market, Leverage: set.leverage}
	if amount.Sign() < 0 {
		u.Kind = margin.MarginRemoved
		if m.Modes == events.ModesStrictIsolated && len(p.Positions) > 0 {
			s.violate(a, p, margin.RuleIsolatedNotRemovable)
		}
	}
	s.judgeUpdate(a, p, u)
	return ReasonNone
}

func (s *Shard) bankruptcyCovered(a *account, b *events.BankruptcyCovered) Reason {
	var m *market
	if b.Market != "" {
		m = a.venue.markets[b.Market]
	}
	p, reason := s.poolAmount(a, m, b.Leg, b.Amount, CauseInsurance, nil, systemInsurance)
	if reason != ReasonNone {
		return reason
	}
	if p.episode == nil || p.episode.stage != events.StageBankrupt || p.episode.id != b.Liquidation {
		s.violate(a, p, margin.RuleCoversNoBankruptcy)
	}
	return ReasonNone
}

// tradeBusted undoes a fill: the same trade the other way round, its fee returned.
func (s *Shard) tradeBusted(a *account, b *events.TradeBusted) Reason {
	if b.DeadLetter != nil {
		s.answers(a, b.DeadLetter)
		return ReasonNone
	}
	undone := events.Fill{Market: b.Market, Leg: b.Leg, Side: events.Buy + events.Sell - b.Side, Size: b.Size, Price: b.Price,
		Fee: b.Fee, FeeAsset: b.FeeAsset}
	t, reason := s.fillTrade(a, &undone)
	if reason != ReasonNone {
		return reason
	}
	t.fee, t.moves = t.fee.Neg(), false
	p, reason := s.plan(a, t)
	if reason == ReasonNone {
		s.commit(&p)
	}
	return reason
}

// answers answers a dead letter, or says that there is none.
func (s *Shard) answers(a *account, o *events.Offset) {
	if o != nil && !s.answer(a, o) {
		s.violate(a, &a.cross, margin.RuleUnknownDeadLetter)
	}
}

// adjustment corrects an amount, a position, or both: checks of both come before either.
func (s *Shard) adjustment(a *account, b *events.Adjustment) Reason {
	var m *market
	if b.Market != "" {
		m = a.venue.markets[b.Market]
	}
	var p tradePlan
	if b.Size.Present {
		t := trade{market: m, leg: b.Leg}
		var reason Reason
		if t.size, reason = m.traded(b.Size); reason != ReasonNone {
			return reason
		}
		if t.price, reason = m.price(b.EntryPrice); reason != ReasonNone {
			return reason
		}
		if p, reason = s.plan(a, t); reason != ReasonNone {
			return reason
		}
	}
	if b.Amount.Present {
		if reason := s.adjustAmount(a, m, b); reason != ReasonNone {
			return reason
		}
	}
	if b.Size.Present {
		// The plan's money was worked out before the amount; only its steps on an isolated pool's
		// collateral depend on it, so it is made again. Bounds hold: both have been checked.
		p, _ = s.plan(a, p.trade)
		s.commit(&p)
	}
	s.answers(a, b.DeadLetter)
	return ReasonNone
}

func (s *Shard) adjustAmount(a *account, m *market, b *events.Adjustment) Reason {
	x := a.venue.assets[b.Asset]
	if b.Amount.Sign() == 0 {
		return ReasonNone
	}
	if m != nil && x.Settlement {
		_, reason := s.poolAmount(a, m, b.Leg, b.Amount, CauseAdjustment, nil, systemAdjustment)
		return reason
	}
	return s.crossAmount(a, x, b.Amount, CauseAdjustment, systemAdjustment)
}

func (s *Shard) accountOpened(a *account, known bool, b *events.AccountOpened) {
	if known {
		s.violate(a, &a.cross, margin.RuleAccountReopened)
	}
	if a.marginType = b.MarginType; b.Operator != a.own().operator {
		a.change().operator = strings.Clone(b.Operator)
	}
	s.enqueueAccount(a)
}

// enqueueAccount has every pool of an account judged.
func (s *Shard) enqueueAccount(a *account) {
	s.enqueue(&a.cross)
	for _, p := range a.isolated {
		s.enqueue(p)
	}
}

func (s *Shard) portfolioStopSet(a *account, b *events.PortfolioStopSet) Reason {
	next := stop{armed: b.EquityFloor.Present || b.RatioFloor.Present, hasFloor: b.EquityFloor.Present, hasRatio: b.RatioFloor.Present}
	var reason Reason
	if next.hasFloor {
		if next.floor, reason = a.venue.amount(b.EquityFloor); reason != ReasonNone {
			return reason
		}
	}
	if next.hasRatio {
		if next.ratio, reason = scaled(b.RatioFloor, margin.MultipleScale, maxRatioFloor); reason != ReasonNone {
			return reason
		}
	}
	a.change().stop = next
	s.enqueue(&a.cross)
	return ReasonNone
}

// maxRatioFloor is 1,000 at MultipleScale.
const maxRatioFloor = 1000 * margin.OneMultiple

func (s *Shard) marginCallLevelsSet(a *account, b *events.MarginCallLevelsSet) Reason {
	levels := make([]int64, len(b.Levels))
	for i, n := range b.Levels {
		var reason Reason
		if levels[i], reason = scaled(n, margin.MultipleScale, 100*margin.OneMultiple); reason != ReasonNone {
			return reason
		}
	}
	s.clearCalls(&a.cross)
	for _, p := range a.isolated {
		s.clearCalls(p)
	}
	t := a.change()
	t.levels, t.ownLevels = levels, true
	s.enqueueAccount(a)
	return ReasonNone
}

// callLevels are the account's margin-call levels, falling.
func (a *account) callLevels() []int64 {
	if a.terms != nil && a.terms.ownLevels {
		return a.terms.levels
	}
	return a.venue.profile.CallLevels()
}

// openingState adopts an account from a running exchange.
func (s *Shard) openingState(a *account, b *events.AccountOpeningState) Reason {
	v := a.venue
	type line struct {
		market      *market
		size, price int64
		margin      fixed.Int128
	}
	lines := make([]line, len(b.Positions))
	amounts := make([]fixed.Int128, len(b.Balances))
	var reason Reason
	for i := range b.Balances {
		if amounts[i], reason = v.amount(b.Balances[i].Amount); reason != ReasonNone {
			return reason
		}
		if !v.assets[b.Balances[i].Asset].admitsBalance(amounts[i]) {
			return ReasonOutOfRange
		}
	}
	if v.keeper != nil {
		return s.openKept(a, b, amounts)
	}
	for i := range b.Positions {
		o, l := &b.Positions[i], &lines[i]
		l.market = v.markets[o.Market]
		if l.size, reason = l.market.size(o.Size); reason != ReasonNone {
			return reason
		}
		if l.price, reason = l.market.price(o.EntryPrice); reason != ReasonNone {
			return reason
		}
		if o.Isolated.Present {
			if l.margin, reason = v.amount(o.Isolated); reason != ReasonNone {
				return reason
			}
		}
	}
	if a.funded {
		return ReasonOpeningNotFirst
	}
	for i := range b.Positions {
		o, l := &b.Positions[i], &lines[i]
		if o.Leg == events.LegLong && l.size < 0 || o.Leg == events.LegShort && l.size > 0 {
			return ReasonLegOverclosed
		}
		for j := range i {
			if lines[j].market == l.market && (o.Leg == events.LegNet || b.Positions[j].Leg == events.LegNet) {
				return ReasonLegMismatch
			}
		}
	}
	for i := range amounts {
		s.post(&a.cross, v.assets[b.Balances[i].Asset], amounts[i], CauseOpening, nil, systemOpening)
	}
	for i := range lines {
		o, l := &b.Positions[i], &lines[i]
		p := &a.cross
		if o.Isolated.Present {
			set := a.setting(l.market)
			set.isolated = true
			a.store(set)
			p = a.isolatedPool(l.market, o.Leg)
		}
		s.setPosition(p, l.market, o.Leg, l.size, v.profile.Cost(&l.market.Market, l.size, l.price))
		s.post(p, v.settlement, l.margin, CauseOpening, nil, systemOpening)
		s.lastFill(l.market, l.price)
	}
	return ReasonNone
}
