package projector

import "marginledger/events"

// unknown returns why a fact names a market or asset that is not listed; markets come first.
func (v *venue) unknown(body events.Body) Reason {
	if b, ok := body.(*events.AccountOpeningState); ok {
		return v.unknownOpening(b)
	}
	for _, name := range marketsOf(body) {
		if name != "" && v.marketOf(name) == nil {
			return ReasonUnknownMarket
		}
	}
	for _, name := range assetsOf(body) {
		if name != "" && v.assetOf(name) == nil {
			return ReasonUnknownAsset
		}
	}
	return ReasonNone
}

// unknownOpening is unknown for the one fact that has lists of names.
func (v *venue) unknownOpening(b *events.AccountOpeningState) Reason {
	for i := range b.Positions {
		if v.markets[b.Positions[i].Market] == nil {
			return ReasonUnknownMarket
		}
	}
	for i := range b.Claims {
		if v.markets[b.Claims[i].Market] == nil {
			return ReasonUnknownMarket
		}
	}
	for i := range b.Balances {
		if v.assets[b.Balances[i].Asset] == nil {
			return ReasonUnknownAsset
		}
	}
	for i := range b.Claims {
		if v.assets[b.Claims[i].Asset] == nil {
			return ReasonUnknownAsset
		}
	}
	for i := range b.Positions {
		if name := b.Positions[i].Collateral; name != "" && v.assets[name] == nil {
			return ReasonUnknownAsset
		}
	}
	return ReasonNone
}

// marketsOf returns the markets that a fact without lists names, "" where fewer.
func marketsOf(body events.Body) (names [1]string) {
	switch b := body.(type) {
	case *events.Fill:
		names[0] = b.Market
	case *events.OrderMargin:
		names[0] = b.Market
	case *events.LeverageSet:
		names[0] = b.Market
	case *events.MarginModeSet:
		names[0] = b.Market
	case *events.IsolatedMarginMoved:
		names[0] = b.Market
	case *events.FundingPayment:
		names[0] = b.Market
	case *events.BankruptcyCovered:
		names[0] = b.Market
	case *events.TradeBusted:
		names[0] = b.Market
	case *events.Adjustment:
		names[0] = b.Market
	case *events.MarkPrice:
		names[0] = b.Market
	case *events.FundingRate:
		names[0] = b.Market
	case *events.OpenInterest:
		names[0] = b.Market
	case *events.PoolState:
		names[0] = b.Market
	case *events.MarketChanged:
		names[0] = b.Market
	case *events.MarketHalted:
		names[0] = b.Market
	case *events.MarketResumed:
		names[0] = b.Market
	case *events.MarketSettled:
		names[0] = b.Market
	case *events.PositionChanged:
		names[0] = b.Market
	case *events.LeverageCapSet:
		names[0] = b.Market
	case *events.Deposit:
		names[0] = b.Market
	case *events.WithdrawalsGated:
		names[0] = b.Market
	}
	return names
}

// assetsOf returns the assets that a fact without lists names, "" where fewer.
func assetsOf(body events.Body) (names [3]string) {
	switch b := body.(type) {
	case *events.Deposit:
		names[0] = b.Asset
	case *events.Withdrawal:
		names[0] = b.Asset
	case *events.Transfer:
		names[0] = b.Asset
	case *events.Fill:
		names[0] = b.FeeAsset
	case *events.SpotFill:
		names = [3]string{b.BaseAsset, b.QuoteAsset, b.FeeAsset}
	case *events.AssetConverted:
		names[0], names[1] = b.FromAsset, b.ToAsset
	case *events.InterestAccrued:
		names[0] = b.Asset
	case *events.TradeBusted:
		names[0] = b.FeeAsset
	case *events.Adjustment:
		names[0] = b.Asset
	case *events.CollateralPrice:
		names[0] = b.Asset
	case *events.MarketListed:
		names[0], names[1] = b.LongToken, b.ShortToken
	case *events.InsuranceFundMoved:
		names[0] = b.Asset
	case *events.PositionChanged:
		names[0] = b.Collateral
	case *events.PoolBalanceObserved:
		names[0] = b.Asset
	}
	return names
}
