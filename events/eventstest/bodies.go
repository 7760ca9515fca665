package eventstest

import (
	"fmt"

	"marginledger/events"
)

// body returns a valid body for an event with e's header.
func (g generator) body(e *events.Event) events.Body {
	if e.Type.OfAccount() {
		return g.accountBody(e)
	}
	return g.marketBody(e.Type)
}

func (g generator) accountBody(e *events.Event) events.Body {
	switch e.Type {
	case events.TypeAccountOpened:
		return &events.AccountOpened{Operator: g.maybe(g.name), MarginType: events.MarginType(1 + g.IntN(2))}
	case events.TypeAccountOpeningState:
		return g.openingState()
	case events.TypeDeposit:
		b := &events.Deposit{Asset: g.name(), Amount: g.positive(), Reference: g.maybe(g.id), Market: g.maybe(g.name)}
		if b.Market != "" {
			b.Claim = events.ClaimKind(g.IntN(3))
		}
		return b
	case events.TypeWithdrawal:
		return &events.Withdrawal{Asset: g.name(), Amount: g.positive(), Reference: g.maybe(g.id)}
	case events.TypeTransfer:
		return g.transfer(e)
	case events.TypeFill:
		return g.fill()
	case events.TypeSpotFill:
		b := &events.SpotFill{BaseAsset: "b" + g.text(8), QuoteAsset: "q" + g.text(8), Side: g.side(), Size: g.positive(),
			QuoteAmount: g.positive(), TradeID: g.id(), OrderID: g.maybe(g.id)}
		b.Fee, b.FeeAsset = g.fee()
		return b
	case events.TypeAssetConverted:
		return &events.AssetConverted{FromAsset: "f" + g.text(8), FromAmount: g.positive(), ToAsset: "t" + g.text(8),
			ToAmount: g.positive(), Reference: g.maybe(g.id)}
	case events.TypeInterestAccrued:
		return &events.InterestAccrued{Asset: g.name(), Amount: g.notZero(), Reference: g.maybe(g.id)}
	case events.TypeOrderMargin:
		return &events.OrderMargin{Market: g.name(), Leg: g.leg(), BidSize: g.atLeastZero(), BidNotional: g.atLeastZero(),
			AskSize: g.atLeastZero(), AskNotional: g.atLeastZero()}
	case events.TypeLeverageSet:
		return &events.LeverageSet{Market: g.name(), Leverage: uint32(1 + g.IntN(events.MaxLeverage))}
	case events.TypeMarginModeSet:
		b := &events.MarginModeSet{Market: g.name(), Mode: events.MarginMode(1 + g.IntN(2))}
		if b.IsolatedMargin = g.optional(g.atLeastZero); b.Mode == events.Cross && b.IsolatedMargin.Present {
			b.IsolatedMargin = events.MustNumber("0")
		}
		return b
	case events.TypeIsolatedMarginMoved:
		return &events.IsolatedMarginMoved{Market: g.name(), Leg: g.leg(), Amount: g.notZero()}
	case events.TypeFundingPayment:
		return &events.FundingPayment{Market: g.name(), Leg: g.leg(), Amount: g.notZero()}
	case events.TypePortfolioStopSet:
		return &events.PortfolioStopSet{EquityFloor: g.optional(g.number),
			RatioFloor: g.optional(func() events.Number { return g.scaled(1, 1e8, 6) })}
	case events.TypeMarginCallLevelsSet:
		b := &events.MarginCallLevelsSet{}
		for n := g.IntN(events.MaxMarginCallLevels + 1); n > 0; n-- {
			b.Levels = append(b.Levels, g.scaled(1e6+int64(n)*1e5, 1e6+int64(n)*1e5+99_999, 6))
		}
		return b
	case events.TypeBankruptcyCovered:
		b := &events.BankruptcyCovered{Liquidation: g.id(), Amount: g.positive(), Fund: g.maybe(g.name)}
		if g.chance() {
			b.Market, b.Leg = g.name(), g.leg()
		}
		return b
	case events.TypeTradeBusted:
		b := &events.TradeBusted{TradeID: g.id(), Market: g.name(), Leg: g.leg(), Side: g.side(), Size: g.positive(),
			Price: g.positive(), DeadLetter: g.deadLetter()}
		b.Fee, b.FeeAsset = g.fee()
		return b
	case events.TypeAdjustment:
		return g.adjustment()
	}
	return g.venueAccountBody(e.Type)
}

// venueAccountBody returns a body of the account facts that only some venues have.
func (g generator) venueAccountBody(t events.Type) events.Body {
	switch t {
	case events.TypePositionChanged:
		return g.positionChanged()
	case events.TypeAccountModeSet:
		return &events.AccountModeSet{Mode: g.name()}
	case events.TypeLeverageCapSet:
		return &events.LeverageCapSet{Market: g.name(), MaxLeverage: uint32(g.IntN(events.MaxLeverage + 1))}
	case events.TypePoolBalanceObserved:
		return &events.PoolBalanceObserved{Asset: g.name(), Amount: g.number()}
	case events.TypeAccountParamsSet:
		return &events.AccountParamsSet{Params: g.params(events.MaxParams)}
	}
	panic(fmt.Sprintf("eventstest: no body for %s", t))
}

func (g generator) openingState() *events.AccountOpeningState {
	b := &events.AccountOpeningState{}
	for i := range g.count(events.MaxOpeningBalances) {
		b.Balances = append(b.Balances, events.OpeningBalance{Asset: fmt.Sprintf("%s%d", g.text(8), i), Amount: g.number()})
	}
	for i := range g.count(events.MaxOpeningPositions) {
		p := events.OpeningPosition{Market: fmt.Sprintf("%s%d", g.text(8), i), Leg: g.leg(), Size: g.notZero(), EntryPrice: g.positive()}
		if p.Leg != events.LegNet && g.chance() {
			p.Collateral, p.CollateralAmount, p.Params = g.name(), g.atLeastZero(), g.params(4)
		} else {
			p.Isolated = g.optional(g.atLeastZero)
		}
		b.Positions = append(b.Positions, p)
	}
	for i := range g.count(8) {
		b.Claims = append(b.Claims, events.OpeningClaim{Market: fmt.Sprintf("%s%d", g.text(8), i), Asset: g.name(), Kind: events.ClaimKind(1 + g.IntN(2)), Amount: g.positive()})
	}
	return b
}

func (g generator) transfer(e *events.Event) *events.Transfer {
	b := &events.Transfer{TransferID: g.id(), Kind: events.TransferKind(1 + g.IntN(3)), Asset: g.name(), Amount: g.positive()}
	if b.Kind != events.TransferInternal {
		b.CounterpartyOwner = g.id()
		return b
	}
	if b.ToSubaccount = g.Uint32() >> g.IntN(32); b.ToSubaccount == e.Subaccount {
		b.ToSubaccount++ // wraps: still another one
	}
	return b
}

// fee returns a fee with its asset, or neither.
func (g generator) fee() (events.Number, string) {
	if g.chance() {
		return events.Number{}, ""
	}
	return g.number(), g.name()
}

func (g generator) fill() *events.Fill {
	b := &events.Fill{Market: g.name(), Leg: g.leg(), Side: g.side(), Size: g.positive(), Price: g.positive(), TradeID: g.id(),
		OrderID: g.maybe(g.id), Liquidity: events.Liquidity(g.IntN(3)), Reason: events.FillReason(1 + g.IntN(4)),
		IsolatedMargin: g.optional(g.atLeastZero)}
	b.Fee, b.FeeAsset = g.fee()
	if b.Reason == events.ReasonLiquidation || b.Reason == events.ReasonADL {
		b.Liquidation = g.maybe(g.id)
	}
	return b
}

func (g generator) positionChanged() *events.PositionChanged {
	b := &events.PositionChanged{Market: g.name(), Collateral: g.name(), Leg: events.LegLong + events.Leg(g.IntN(2)),
		Change: events.PositionChangeKind(1 + g.IntN(4)), SizeUSD: g.atLeastZero(), CollateralDelta: g.atLeastZero(), OrderID: g.id()}
	if b.SizeUSD.Sign() == 0 {
		b.CollateralDelta = g.positive()
	}
	b.IndexMin, b.IndexMax = g.pair(18)
	b.LongMin, b.LongMax = g.pair(18)
	b.ShortMin, b.ShortMax = g.pair(18)
	if b.Change == events.ChangeLiquidation || b.Change == events.ChangeADL {
		b.Liquidation = g.maybe(g.id)
	}
	b.Params = g.params(4)
	return b
}

func (g generator) adjustment() *events.Adjustment {
	b := &events.Adjustment{Reason: g.text(events.MaxTextBytes), Reference: g.maybe(g.id), DeadLetter: g.deadLetter()}
	if g.chance() {
		b.Asset, b.Amount = g.name(), g.number()
		if g.chance() {
			b.Market, b.Leg = g.name(), g.leg()
		}
	}
	if g.chance() {
		b.Market, b.Leg, b.Size, b.EntryPrice = g.name(), g.leg(), g.notZero(), g.positive()
	}
	if !b.Amount.Present && !b.Size.Present && b.DeadLetter == nil {
		b.DeadLetter = &events.Offset{Topic: g.name()}
	}
	return b
}

func (g generator) marketBody(t events.Type) events.Body {
	switch t {
	case events.TypeMarketListed:
		price := uint32(g.IntN(events.MaxValueScale + 1))
		size := uint32(g.IntN(events.MaxValueScale + 1 - int(price)))
		b := &events.MarketListed{Market: g.name(), Underlying: g.name(), PriceScale: price, SizeScale: size,
			MaxPrice: g.scaled(1, 1e15, int(price)), MaxSize: g.scaled(1, 1e15, int(size)), Rules: g.rules()}
		if g.chance() {
			b.LongToken, b.ShortToken = g.name(), g.name()
		}
		return b
	case events.TypeMarketChanged:
		return &events.MarketChanged{Market: g.name(), Rules: g.rules()}
	case events.TypeMarketHalted:
		return &events.MarketHalted{Market: g.name(), Reason: g.maybe(func() string { return g.text(events.MaxTextBytes) })}
	case events.TypeMarketResumed:
		return &events.MarketResumed{Market: g.name()}
	case events.TypeMarketSettled:
		return &events.MarketSettled{Market: g.name(), Price: g.positive()}
	case events.TypeMarkPrice:
		b := &events.MarkPrice{Market: g.name(), Mark: g.optional(g.positive), Index: g.optional(g.positive), Oracle: g.optional(g.positive)}
		if !b.Index.Present {
			b.Mark = g.positive()
		}
		if g.chance() {
			b.Min, b.Max = g.scaled(1, 1e9, 4), g.scaled(1e9, 2e9, 4)
		}
		return b
	case events.TypeFundingRate:
		return &events.FundingRate{Market: g.name(), Rate: g.scaled(-1e12, 1e12, 12), Price: g.positive(),
			IntervalSeconds: pick(g, 0, 1, 3600, 28_800, 86_400)}
	case events.TypeCollateralPrice:
		b := &events.CollateralPrice{Asset: g.name(), Price: g.scaled(1, 1e18, 12)}
		b.Min, b.Max = g.pair(12)
		return b
	case events.TypeCollateralChanged:
		b := &events.CollateralChanged{Asset: g.name()}
		if g.IntN(2) == 0 {
			b.Cap = g.atLeastZero()
		}
		for i := range 1 + g.count(events.MaxHaircutTiers-1) {
			low := int64(i) * 1e7
			lower := events.MustNumber("0")
			if i > 0 {
				lower = g.scaled(low, low+9_999_999, 2)
			}
			b.Haircuts = append(b.Haircuts, events.HaircutTier{LowerValue: lower, Haircut: g.scaled(low*5, low*5+9_999_999, 9)})
		}
		return b
	case events.TypeVenueProfileSet:
		return &events.VenueProfileSet{Profile: g.name(), ProfileVersion: g.name(), SettlementAsset: g.name(),
			ValueScale: uint32(events.MinValueScale + g.IntN(events.MaxValueScale-events.MinValueScale+1)), Params: g.params(events.MaxVenueParams)}
	case events.TypeOpenInterest:
		return &events.OpenInterest{Market: g.name(), Long: g.atLeastZero(), Short: g.atLeastZero()}
	case events.TypeInsuranceFundMoved:
		return &events.InsuranceFundMoved{Fund: g.name(), Asset: g.name(), Balance: g.number()}
	case events.TypePoolState:
		return &events.PoolState{Market: g.name(), Quantities: g.params(events.MaxQuantities)}
	case events.TypeBlockStarted:
		return &events.BlockStarted{Height: g.Uint64() >> g.IntN(64)}
	case events.TypeWithdrawalsGated:
		return &events.WithdrawalsGated{Market: g.maybe(g.name), UntilBlock: g.Uint64() >> g.IntN(64)}
	}
	panic(fmt.Sprintf("eventstest: no body for %s", t))
}
