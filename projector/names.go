package projector

import "marginledger/events"

// marketsOf returns the markets that an account or market fact names, "" where fewer.
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
	case *events.AccountOpeningState:
		// Its lists are looked up one by one; the first stands for them here.
		if len(b.Positions) > 0 {
			names[0] = b.Positions[0].Market
		}
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
	}
	return names
}

// assetsOf returns the assets that a fact names, "" where fewer.
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
	case *events.AccountOpeningState:
		if len(b.Balances) > 0 {
			names[0] = b.Balances[0].Asset
		}
	case *events.CollateralPrice:
		names[0] = b.Asset
	case *events.InsuranceFundMoved:
		names[0] = b.Asset
	}
	return names
}
