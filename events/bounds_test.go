package events_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"marginledger/events"
	"marginledger/events/eventstest"
)

// with returns a change to the body of an event of one type.
func with[B events.Body](change func(B)) func(*events.Event) {
	return func(e *events.Event) { change(e.Body.(B)) }
}

func long(n int) string { return strings.Repeat("x", n) }

// TestBounds breaks every bound that needs no state, one at a time. Validate and both decoders must
// say the same.
func TestBounds(t *testing.T) {
	num := events.MustNumber
	type body = func(*events.Event)
	tests := []struct {
		typ    events.Type
		change body
		field  string
	}{
		{events.TypeFill, func(e *events.Event) { e.ID = long(65) }, "id"},
		{events.TypeFill, func(e *events.Event) { e.ID = "a\nb" }, "id"},
		{events.TypeFill, func(e *events.Event) { e.ID = "a\x7f" }, "id"},
		{events.TypeFill, func(e *events.Event) { e.ID = "a\u0085" }, "id"},
		{events.TypeFill, func(e *events.Event) { e.ID = strings.Repeat("ä", 33) }, "id"},
		{events.TypeFill, func(e *events.Event) { e.Venue = long(33) }, "venue"},
		{events.TypeFill, func(e *events.Event) { e.Producer = long(33) }, "producer"},
		{events.TypeFill, func(e *events.Event) { e.Owner = long(65) }, "owner"},
		{events.TypeMarkPrice, func(e *events.Event) { e.Owner = "someone" }, "owner"},
		{events.TypeMarkPrice, func(e *events.Event) { e.Subaccount = 1 }, "sub"},

		{events.TypeAccountOpened, with(func(b *events.AccountOpened) { b.Operator = long(33) }), "operator"},

		{events.TypeAccountOpeningState, with(func(b *events.AccountOpeningState) { b.Balances = make([]events.OpeningBalance, 65) }), "balances"},
		{events.TypeAccountOpeningState, with(func(b *events.AccountOpeningState) { b.Balances[1] = b.Balances[0] }), "balances[1].asset"},
		{events.TypeAccountOpeningState, with(func(b *events.AccountOpeningState) { b.Balances[1].Asset = long(33) }), "balances[1].asset"},
		{events.TypeAccountOpeningState, with(func(b *events.AccountOpeningState) { b.Positions[1].Market = long(33) }), "positions[1].market"},
		{events.TypeAccountOpeningState, with(func(b *events.AccountOpeningState) { b.Positions[1] = b.Positions[0] }), "positions[1].market"},
		{events.TypeAccountOpeningState, with(func(b *events.AccountOpeningState) { b.Positions[0].Size = num("0") }), "positions[0].size"},
		{events.TypeAccountOpeningState, with(func(b *events.AccountOpeningState) { b.Positions[0].EntryPrice = num("0") }), "positions[0].entryPrice"},
		{events.TypeAccountOpeningState, with(func(b *events.AccountOpeningState) { b.Positions[1].Isolated = num("-1") }), "positions[1].isolatedMargin"},
		{events.TypeAccountOpeningState, with(func(b *events.AccountOpeningState) { b.Positions[2].Isolated = num("1") }), "positions[2].isolatedMargin"},
		{events.TypeAccountOpeningState, with(func(b *events.AccountOpeningState) { b.Positions[2].Leg = events.LegNet }), "positions[2].leg"},
		{events.TypeAccountOpeningState, with(func(b *events.AccountOpeningState) { b.Positions[2].Collateral = long(33) }), "positions[2].collateral"},
		{events.TypeAccountOpeningState, with(func(b *events.AccountOpeningState) { b.Positions[2].CollateralAmount = num("-1") }), "positions[2].collateralAmount"},
		{events.TypeAccountOpeningState, with(func(b *events.AccountOpeningState) {
			b.Positions[2].Collateral, b.Positions[2].CollateralAmount = "", events.Number{}
		}), "positions[2].params"},
		{events.TypeAccountOpeningState, with(func(b *events.AccountOpeningState) { b.Positions[2].Params[1].Name = "a" }), "positions[2].params[1].name"},
		{events.TypeAccountOpeningState, with(func(b *events.AccountOpeningState) { b.Positions[2].Params = make([]events.Param, 65) }), "positions[2].params"},

		{events.TypeDeposit, with(func(b *events.Deposit) { b.Asset = long(33) }), "asset"},
		{events.TypeDeposit, with(func(b *events.Deposit) { b.Amount = num("0") }), "amount"},
		{events.TypeDeposit, with(func(b *events.Deposit) { b.Amount = num("-5") }), "amount"},
		{events.TypeDeposit, with(func(b *events.Deposit) { b.Reference = long(65) }), "reference"},
		{events.TypeWithdrawal, with(func(b *events.Withdrawal) { b.Asset = long(33) }), "asset"},
		{events.TypeWithdrawal, with(func(b *events.Withdrawal) { b.Amount = num("0") }), "amount"},
		{events.TypeWithdrawal, with(func(b *events.Withdrawal) { b.Reference = long(65) }), "reference"},

		{events.TypeTransfer, with(func(b *events.Transfer) { b.TransferID = long(65) }), "transferId"},
		{events.TypeTransfer, with(func(b *events.Transfer) { b.Asset = long(33) }), "asset"},
		{events.TypeTransfer, with(func(b *events.Transfer) { b.Amount = num("-1") }), "amount"},
		{events.TypeTransfer, with(func(b *events.Transfer) { b.ToSubaccount = 1 }), "toSubaccount"},
		{events.TypeTransfer, with(func(b *events.Transfer) { b.CounterpartyOwner = "bob" }), "counterpartyOwner"},
		{events.TypeTransfer, with(func(b *events.Transfer) { b.Kind, b.CounterpartyOwner = events.TransferOut, "bob" }), "toSubaccount"},
		{events.TypeTransfer, with(func(b *events.Transfer) {
			b.Kind, b.ToSubaccount, b.CounterpartyOwner = events.TransferIn, 0, long(65)
		}), "counterpartyOwner"},

		{events.TypeFill, with(func(b *events.Fill) { b.Market = long(33) }), "market"},
		{events.TypeFill, with(func(b *events.Fill) { b.Size = num("0") }), "size"},
		{events.TypeFill, with(func(b *events.Fill) { b.Size = num("-0.1") }), "size"},
		{events.TypeFill, with(func(b *events.Fill) { b.Price = num("0") }), "price"},
		{events.TypeFill, with(func(b *events.Fill) { b.Price = num("-1") }), "price"},
		{events.TypeFill, with(func(b *events.Fill) { b.FeeAsset = long(33) }), "feeAsset"},
		{events.TypeFill, with(func(b *events.Fill) { b.TradeID = long(65) }), "tradeId"},
		{events.TypeFill, with(func(b *events.Fill) { b.OrderID = long(65) }), "orderId"},
		{events.TypeFill, with(func(b *events.Fill) { b.IsolatedMargin = num("-1") }), "isolatedMargin"},
		{events.TypeFill, with(func(b *events.Fill) { b.Liquidation = long(65) }), "liquidation"},
		{events.TypeFill, with(func(b *events.Fill) { b.Reason = events.ReasonTrade }), "liquidation"},
		{events.TypeFill, with(func(b *events.Fill) { b.Reason = events.ReasonSettlement }), "liquidation"},

		{events.TypeSpotFill, with(func(b *events.SpotFill) { b.BaseAsset = long(33) }), "baseAsset"},
		{events.TypeSpotFill, with(func(b *events.SpotFill) { b.QuoteAsset = long(33) }), "quoteAsset"},
		{events.TypeSpotFill, with(func(b *events.SpotFill) { b.QuoteAsset = b.BaseAsset }), "quoteAsset"},
		{events.TypeSpotFill, with(func(b *events.SpotFill) { b.Size = num("0") }), "size"},
		{events.TypeSpotFill, with(func(b *events.SpotFill) { b.QuoteAmount = num("0") }), "quoteAmount"},
		{events.TypeSpotFill, with(func(b *events.SpotFill) { b.FeeAsset = long(33) }), "feeAsset"},
		{events.TypeSpotFill, with(func(b *events.SpotFill) { b.TradeID = long(65) }), "tradeId"},
		{events.TypeSpotFill, with(func(b *events.SpotFill) { b.OrderID = long(65) }), "orderId"},

		{events.TypeAssetConverted, with(func(b *events.AssetConverted) { b.FromAsset = long(33) }), "fromAsset"},
		{events.TypeAssetConverted, with(func(b *events.AssetConverted) { b.ToAsset = long(33) }), "toAsset"},
		{events.TypeAssetConverted, with(func(b *events.AssetConverted) { b.ToAsset = b.FromAsset }), "toAsset"},
		{events.TypeAssetConverted, with(func(b *events.AssetConverted) { b.FromAmount = num("0") }), "fromAmount"},
		{events.TypeAssetConverted, with(func(b *events.AssetConverted) { b.ToAmount = num("-1") }), "toAmount"},
		{events.TypeAssetConverted, with(func(b *events.AssetConverted) { b.Reference = long(65) }), "reference"},
		{events.TypeInterestAccrued, with(func(b *events.InterestAccrued) { b.Asset = long(33) }), "asset"},
		{events.TypeInterestAccrued, with(func(b *events.InterestAccrued) { b.Amount = num("0") }), "amount"},
		{events.TypeInterestAccrued, with(func(b *events.InterestAccrued) { b.Reference = long(65) }), "reference"},

		{events.TypeOrderMargin, with(func(b *events.OrderMargin) { b.Market = long(33) }), "market"},
		{events.TypeOrderMargin, with(func(b *events.OrderMargin) { b.BidSize = num("-1") }), "bidSize"},
		{events.TypeOrderMargin, with(func(b *events.OrderMargin) { b.BidNotional = num("-1") }), "bidNotional"},
		{events.TypeOrderMargin, with(func(b *events.OrderMargin) { b.AskSize = num("-1") }), "askSize"},
		{events.TypeOrderMargin, with(func(b *events.OrderMargin) { b.AskNotional = num("-1") }), "askNotional"},
		{events.TypeLeverageSet, with(func(b *events.LeverageSet) { b.Market = long(33) }), "market"},
		{events.TypeLeverageSet, with(func(b *events.LeverageSet) { b.Leverage = 0 }), "leverage"},
		{events.TypeLeverageSet, with(func(b *events.LeverageSet) { b.Leverage = 1001 }), "leverage"},
		{events.TypeMarginModeSet, with(func(b *events.MarginModeSet) { b.Market = long(33) }), "market"},
		{events.TypeMarginModeSet, with(func(b *events.MarginModeSet) { b.IsolatedMargin = num("-1") }), "isolatedMargin"},
		{events.TypeMarginModeSet, with(func(b *events.MarginModeSet) { b.Mode = events.Cross }), "isolatedMargin"},
		{events.TypeIsolatedMarginMoved, with(func(b *events.IsolatedMarginMoved) { b.Market = long(33) }), "market"},
		{events.TypeIsolatedMarginMoved, with(func(b *events.IsolatedMarginMoved) { b.Amount = num("0") }), "amount"},
		{events.TypeFundingPayment, with(func(b *events.FundingPayment) { b.Market = long(33) }), "market"},
		{events.TypeFundingPayment, with(func(b *events.FundingPayment) { b.Amount = num("0") }), "amount"},

		{events.TypePortfolioStopSet, with(func(b *events.PortfolioStopSet) { b.RatioFloor = num("0") }), "ratioFloor"},
		{events.TypePortfolioStopSet, with(func(b *events.PortfolioStopSet) { b.RatioFloor = num("1.2345678") }), "ratioFloor"},
		{events.TypeMarginCallLevelsSet, with(func(b *events.MarginCallLevelsSet) { b.Levels = make([]events.Number, 9) }), "levels"},
		{events.TypeMarginCallLevelsSet, with(func(b *events.MarginCallLevelsSet) { b.Levels[2] = num("1") }), "levels[2]"},
		{events.TypeMarginCallLevelsSet, with(func(b *events.MarginCallLevelsSet) { b.Levels[0] = num("100.000001") }), "levels[0]"},
		{events.TypeMarginCallLevelsSet, with(func(b *events.MarginCallLevelsSet) { b.Levels[1] = num("3") }), "levels[1]"},
		{events.TypeMarginCallLevelsSet, with(func(b *events.MarginCallLevelsSet) { b.Levels[1] = num("2.0000001") }), "levels[1]"},

		{events.TypeBankruptcyCovered, with(func(b *events.BankruptcyCovered) { b.Liquidation = long(65) }), "liquidation"},
		{events.TypeBankruptcyCovered, with(func(b *events.BankruptcyCovered) { b.Market = long(33) }), "market"},
		{events.TypeBankruptcyCovered, with(func(b *events.BankruptcyCovered) { b.Market = "" }), "leg"},
		{events.TypeBankruptcyCovered, with(func(b *events.BankruptcyCovered) { b.Amount = num("0") }), "amount"},
		{events.TypeBankruptcyCovered, with(func(b *events.BankruptcyCovered) { b.Fund = long(33) }), "fund"},

		{events.TypeTradeBusted, with(func(b *events.TradeBusted) { b.TradeID = long(65) }), "tradeId"},
		{events.TypeTradeBusted, with(func(b *events.TradeBusted) { b.Market = long(33) }), "market"},
		{events.TypeTradeBusted, with(func(b *events.TradeBusted) { b.Size = num("0") }), "size"},
		{events.TypeTradeBusted, with(func(b *events.TradeBusted) { b.Price = num("0") }), "price"},
		{events.TypeTradeBusted, with(func(b *events.TradeBusted) { b.FeeAsset = long(33) }), "feeAsset"},
		{events.TypeTradeBusted, with(func(b *events.TradeBusted) { b.DeadLetter.Topic = long(257) }), "deadLetter.topic"},

		{events.TypeAdjustment, with(func(b *events.Adjustment) { b.Asset = long(33) }), "asset"},
		{events.TypeAdjustment, with(func(b *events.Adjustment) { b.Market = long(33) }), "market"},
		{events.TypeAdjustment, with(func(b *events.Adjustment) { b.Size = num("0") }), "size"},
		{events.TypeAdjustment, with(func(b *events.Adjustment) { b.EntryPrice = num("0") }), "entryPrice"},
		{events.TypeAdjustment, with(func(b *events.Adjustment) { b.Size = events.Number{} }), "entryPrice"},
		{events.TypeAdjustment, with(func(b *events.Adjustment) {
			b.Asset, b.Amount, b.Size, b.EntryPrice = "", events.Number{}, events.Number{}, events.Number{}
		}), "market"},
		{events.TypeAdjustment, with(func(b *events.Adjustment) { *b = events.Adjustment{Reason: "why"} }), "amount"},
		{events.TypeAdjustment, with(func(b *events.Adjustment) { b.Reason = long(257) }), "reason"},
		{events.TypeAdjustment, with(func(b *events.Adjustment) { b.Reference = long(65) }), "reference"},

		{events.TypeVenueProfileSet, with(func(b *events.VenueProfileSet) { b.Profile = long(33) }), "profile"},
		{events.TypeVenueProfileSet, with(func(b *events.VenueProfileSet) { b.ProfileVersion = long(33) }), "profileVersion"},
		{events.TypeVenueProfileSet, with(func(b *events.VenueProfileSet) { b.SettlementAsset = long(33) }), "settlementAsset"},
		{events.TypeVenueProfileSet, with(func(b *events.VenueProfileSet) { b.ValueScale = 5 }), "valueScale"},
		{events.TypeVenueProfileSet, with(func(b *events.VenueProfileSet) { b.ValueScale = 19 }), "valueScale"},
		{events.TypeVenueProfileSet, with(func(b *events.VenueProfileSet) { b.Params = make([]events.Param, 4097) }), "params"},
		{events.TypeVenueProfileSet, with(func(b *events.VenueProfileSet) { b.Params[0].Name = long(33) }), "params[0].name"},
		{events.TypeVenueProfileSet, with(func(b *events.VenueProfileSet) { b.Params = append(b.Params, b.Params[0]) }), "params[1].name"},

		{events.TypeMarketListed, with(func(b *events.MarketListed) { b.Market = long(33) }), "market"},
		{events.TypeMarketListed, with(func(b *events.MarketListed) { b.Underlying = long(33) }), "underlying"},
		{events.TypeMarketListed, with(func(b *events.MarketListed) { b.LongToken = long(33) }), "longToken"},
		{events.TypeMarketListed, with(func(b *events.MarketListed) { b.ShortToken = long(33) }), "shortToken"},
		{events.TypeMarketListed, with(func(b *events.MarketListed) { b.PriceScale = 19 }), "priceScale"},
		{events.TypeMarketListed, with(func(b *events.MarketListed) { b.SizeScale = 19 }), "sizeScale"},
		{events.TypeMarketListed, with(func(b *events.MarketListed) { b.SizeScale = 18 }), "sizeScale"},
		{events.TypeMarketListed, with(func(b *events.MarketListed) { b.MaxPrice = num("0") }), "maxPrice"},
		{events.TypeMarketListed, with(func(b *events.MarketListed) { b.MaxPrice = num("1.25") }), "maxPrice"},
		{events.TypeMarketListed, with(func(b *events.MarketListed) { b.MaxSize = num("0") }), "maxSize"},
		{events.TypeMarketListed, with(func(b *events.MarketListed) { b.MaxSize = num("1.000001") }), "maxSize"},
		{events.TypeMarketListed, with(func(b *events.MarketListed) { b.Rules.LiquidationFee = num("1.01") }), "rules.liquidationFee"},
		{events.TypeMarketListed, with(func(b *events.MarketListed) { b.Rules.LiquidationFee = num("-0.01") }), "rules.liquidationFee"},
		{events.TypeMarketChanged, with(func(b *events.MarketChanged) { b.Market = long(33) }), "market"},
		{events.TypeMarketChanged, with(func(b *events.MarketChanged) { b.Rules.Tiers = make([]events.Tier, 33) }), "rules.tiers"},
		{events.TypeMarketChanged, with(func(b *events.MarketChanged) { b.Rules.Tiers[0].LowerNotional = num("1") }), "rules.tiers[0].lowerNotional"},
		{events.TypeMarketChanged, with(func(b *events.MarketChanged) { b.Rules.Tiers[0].LowerNotional = num("-1") }), "rules.tiers[0].lowerNotional"},
		{events.TypeMarketChanged, with(func(b *events.MarketChanged) { b.Rules.Tiers[0].Deduction = num("1") }), "rules.tiers[0].deduction"},
		{events.TypeMarketChanged, with(func(b *events.MarketChanged) { b.Rules.Tiers[1].LowerNotional = num("0") }), "rules.tiers[1].lowerNotional"},
		{events.TypeMarketChanged, with(func(b *events.MarketChanged) { b.Rules.Tiers[1].MaxLeverage = 51 }), "rules.tiers[1].maxLeverage"},
		{events.TypeMarketChanged, with(func(b *events.MarketChanged) { b.Rules.Tiers[1].MaxLeverage = 0 }), "rules.tiers[1].maxLeverage"},
		{events.TypeMarketChanged, with(func(b *events.MarketChanged) { b.Rules.Tiers[0].MaxLeverage = 1001 }), "rules.tiers[0].maxLeverage"},
		{events.TypeMarketChanged, with(func(b *events.MarketChanged) { b.Rules.Tiers[0].MaintenanceRate = num("0") }), "rules.tiers[0].maintenanceRate"},
		{events.TypeMarketChanged, with(func(b *events.MarketChanged) { b.Rules.Tiers[2].MaintenanceRate = num("1.1") }), "rules.tiers[2].maintenanceRate"},
		{events.TypeMarketChanged, with(func(b *events.MarketChanged) { b.Rules.Tiers[1].MaintenanceRate = num("0.009") }), "rules.tiers[1].maintenanceRate"},
		{events.TypeMarketChanged, with(func(b *events.MarketChanged) { b.Rules.Tiers[0].MaintenanceRate = num("0.0100000001") }), "rules.tiers[0].maintenanceRate"},
		{events.TypeMarketChanged, with(func(b *events.MarketChanged) { b.Rules.Tiers[1].Deduction = num("2499.99") }), "rules.tiers[1].deduction"},
		{events.TypeMarketChanged, with(func(b *events.MarketChanged) { b.Rules.Params = make([]events.Param, 65) }), "rules.params"},
		{events.TypeMarketChanged, with(func(b *events.MarketChanged) { b.Rules.Params = append(b.Rules.Params, b.Rules.Params[0]) }), "rules.params[1].name"},
		{events.TypeMarketChanged, with(func(b *events.MarketChanged) { b.Rules.Params[0].Name = long(33) }), "rules.params[0].name"},
		{events.TypeMarketHalted, with(func(b *events.MarketHalted) { b.Market = long(33) }), "market"},
		{events.TypeMarketHalted, with(func(b *events.MarketHalted) { b.Reason = long(257) }), "reason"},
		{events.TypeMarketResumed, with(func(b *events.MarketResumed) { b.Market = long(33) }), "market"},
		{events.TypeMarketSettled, with(func(b *events.MarketSettled) { b.Market = long(33) }), "market"},
		{events.TypeMarketSettled, with(func(b *events.MarketSettled) { b.Price = num("0") }), "price"},

		{events.TypeMarkPrice, with(func(b *events.MarkPrice) { b.Market = long(33) }), "market"},
		{events.TypeMarkPrice, with(func(b *events.MarkPrice) { b.Mark = num("0") }), "mark"},
		{events.TypeMarkPrice, with(func(b *events.MarkPrice) { b.Index = num("-1") }), "index"},
		{events.TypeMarkPrice, with(func(b *events.MarkPrice) { b.Oracle = num("0") }), "oracle"},
		{events.TypeMarkPrice, with(func(b *events.MarkPrice) { b.Min = num("0") }), "min"},
		{events.TypeMarkPrice, with(func(b *events.MarkPrice) { b.Max = num("0") }), "max"},
		{events.TypeMarkPrice, with(func(b *events.MarkPrice) { b.Max = num("1") }), "max"},
		{events.TypeFundingRate, with(func(b *events.FundingRate) { b.Market = long(33) }), "market"},
		{events.TypeFundingRate, with(func(b *events.FundingRate) { b.Rate = num("1.000000000001") }), "rate"},
		{events.TypeFundingRate, with(func(b *events.FundingRate) { b.Rate = num("-1.000000000001") }), "rate"},
		{events.TypeFundingRate, with(func(b *events.FundingRate) { b.Rate = num("0.0000000000001") }), "rate"},
		{events.TypeFundingRate, with(func(b *events.FundingRate) { b.Price = num("0") }), "price"},
		{events.TypeFundingRate, with(func(b *events.FundingRate) { b.IntervalSeconds = 86401 }), "intervalSeconds"},
		{events.TypeCollateralPrice, with(func(b *events.CollateralPrice) { b.Asset = long(33) }), "asset"},
		{events.TypeCollateralPrice, with(func(b *events.CollateralPrice) { b.Price = num("0") }), "price"},
		{events.TypeCollateralPrice, with(func(b *events.CollateralPrice) { b.Price = num("1.0000000000001") }), "price"},
		{events.TypeCollateralPrice, with(func(b *events.CollateralPrice) { b.Min = num("0") }), "min"},
		{events.TypeCollateralPrice, with(func(b *events.CollateralPrice) { b.Max = num("-1") }), "max"},
		{events.TypeCollateralPrice, with(func(b *events.CollateralPrice) { b.Max = num("4140.09") }), "max"},
		{events.TypeCollateralPrice, with(func(b *events.CollateralPrice) { b.Min = num("1.0000000000001") }), "min"},
		{events.TypeCollateralPrice, with(func(b *events.CollateralPrice) { b.Max = num("9999.0000000000001") }), "max"},
		{events.TypeCollateralChanged, with(func(b *events.CollateralChanged) { b.Asset = long(33) }), "asset"},
		{events.TypeCollateralChanged, with(func(b *events.CollateralChanged) { b.Haircuts = make([]events.HaircutTier, 17) }), "haircuts"},
		{events.TypeCollateralChanged, with(func(b *events.CollateralChanged) { b.Haircuts[0].LowerValue = num("1") }), "haircuts[0].lowerValue"},
		{events.TypeCollateralChanged, with(func(b *events.CollateralChanged) { b.Haircuts[1].LowerValue = num("0") }), "haircuts[1].lowerValue"},
		{events.TypeCollateralChanged, with(func(b *events.CollateralChanged) { b.Haircuts[1].Haircut = num("1.1") }), "haircuts[1].haircut"},
		{events.TypeCollateralChanged, with(func(b *events.CollateralChanged) { b.Haircuts[0].Haircut = num("-0.1") }), "haircuts[0].haircut"},
		{events.TypeCollateralChanged, with(func(b *events.CollateralChanged) { b.Haircuts[0].Haircut = num("0.0500000001") }), "haircuts[0].haircut"},
		{events.TypeCollateralChanged, with(func(b *events.CollateralChanged) { b.Haircuts[1].Haircut = num("0.01") }), "haircuts[1].haircut"},
		{events.TypeOpenInterest, with(func(b *events.OpenInterest) { b.Market = long(33) }), "market"},
		{events.TypeOpenInterest, with(func(b *events.OpenInterest) { b.Long = num("-1") }), "long"},
		{events.TypeOpenInterest, with(func(b *events.OpenInterest) { b.Short = num("-1") }), "short"},
		{events.TypeInsuranceFundMoved, with(func(b *events.InsuranceFundMoved) { b.Fund = long(33) }), "fund"},
		{events.TypeInsuranceFundMoved, with(func(b *events.InsuranceFundMoved) { b.Asset = long(33) }), "asset"},
		{events.TypePoolState, with(func(b *events.PoolState) { b.Market = long(33) }), "market"},
		{events.TypePoolState, with(func(b *events.PoolState) { b.Quantities = make([]events.Param, 129) }), "quantities"},
		{events.TypePoolState, with(func(b *events.PoolState) { b.Quantities[1].Name = b.Quantities[0].Name }), "quantities[1].name"},
		{events.TypeWithdrawalsGated, with(func(b *events.WithdrawalsGated) { b.Market = long(33) }), "market"},

		{events.TypePositionChanged, with(func(b *events.PositionChanged) { b.Market = long(33) }), "market"},
		{events.TypePositionChanged, with(func(b *events.PositionChanged) { b.Collateral = long(33) }), "collateral"},
		{events.TypePositionChanged, with(func(b *events.PositionChanged) { b.Leg = events.LegNet }), "leg"},
		{events.TypePositionChanged, with(func(b *events.PositionChanged) { b.SizeUSD = num("-1") }), "sizeUsd"},
		{events.TypePositionChanged, with(func(b *events.PositionChanged) { b.CollateralDelta = num("-1") }), "collateralDelta"},
		{events.TypePositionChanged, with(func(b *events.PositionChanged) { b.SizeUSD, b.CollateralDelta = num("0"), num("0") }), "sizeUsd"},
		{events.TypePositionChanged, with(func(b *events.PositionChanged) { b.IndexMin = num("0") }), "indexMin"},
		{events.TypePositionChanged, with(func(b *events.PositionChanged) { b.IndexMax = num("4140") }), "indexMax"},
		{events.TypePositionChanged, with(func(b *events.PositionChanged) { b.LongMin = num("-1") }), "longMin"},
		{events.TypePositionChanged, with(func(b *events.PositionChanged) { b.LongMax = num("4140") }), "longMax"},
		{events.TypePositionChanged, with(func(b *events.PositionChanged) { b.ShortMin = num("0") }), "shortMin"},
		{events.TypePositionChanged, with(func(b *events.PositionChanged) { b.ShortMax = num("0.9997") }), "shortMax"},
		{events.TypePositionChanged, with(func(b *events.PositionChanged) { b.OrderID = long(65) }), "orderId"},
		{events.TypePositionChanged, with(func(b *events.PositionChanged) { b.Liquidation = long(65) }), "liquidation"},
		{events.TypePositionChanged, with(func(b *events.PositionChanged) { b.Change = events.ChangeIncrease }), "liquidation"},
		{events.TypePositionChanged, with(func(b *events.PositionChanged) { b.Change = events.ChangeDecrease }), "liquidation"},
		{events.TypeAccountModeSet, with(func(b *events.AccountModeSet) { b.Mode = long(33) }), "mode"},
		{events.TypeLeverageCapSet, with(func(b *events.LeverageCapSet) { b.Market = long(33) }), "market"},
		{events.TypeLeverageCapSet, with(func(b *events.LeverageCapSet) { b.MaxLeverage = 1001 }), "maxLeverage"},
		{events.TypePoolBalanceObserved, with(func(b *events.PoolBalanceObserved) { b.Asset = long(33) }), "asset"},
		{events.TypePositionChanged, with(func(b *events.PositionChanged) { b.Params = make([]events.Param, 65) }), "params"},
		{events.TypeAccountParamsSet, with(func(b *events.AccountParamsSet) { b.Params = make([]events.Param, 65) }), "params"},
		{events.TypeAccountParamsSet, with(func(b *events.AccountParamsSet) { b.Params[0].Name = long(33) }), "params[0].name"},
		{events.TypeDeposit, with(func(b *events.Deposit) { b.Market = "" }), "claim"},
		{events.TypeAccountOpeningState, with(func(b *events.AccountOpeningState) { b.Claims = make([]events.OpeningClaim, 257) }), "claimable"},
		{events.TypeAccountOpeningState, with(func(b *events.AccountOpeningState) { b.Claims[0].Amount = num("0") }), "claimable[0].amount"},
		{events.TypeAccountOpeningState, with(func(b *events.AccountOpeningState) { b.Claims[0].Market = long(33) }), "claimable[0].market"},
		{events.TypeAccountOpeningState, with(func(b *events.AccountOpeningState) { b.Claims = append(b.Claims, b.Claims[0]) }), "claimable[1].market"},
	}
	for _, test := range tests {
		e := eventstest.Example(test.typ)
		test.change(e)
		fillElements(e)
		check := func(where string, err error) {
			var got *events.DecodeError
			if !errors.As(err, &got) || got.Reason != events.BadValue || got.Field != test.field {
				t.Errorf("%s, %s: want bad_value of %s, got %v", test.typ, where, test.field, err)
			}
		}
		check("Validate", e.Validate())
		for name, encode := range codecs {
			var d events.Decoder
			_, err := d.Decode(encode(nil, e))
			check(name, err)
		}
	}
}

// fillElements gives elements that were only made to be many what their fields require.
func fillElements(e *events.Event) {
	one := events.MustNumber("1")
	switch b := e.Body.(type) {
	case *events.AccountOpeningState:
		for i := range b.Balances {
			if b.Balances[i].Asset == "" {
				b.Balances[i] = events.OpeningBalance{Asset: "A", Amount: one}
			}
		}
		for i := range b.Positions {
			fillParams(b.Positions[i].Params)
		}
		for i := range b.Claims {
			if b.Claims[i].Market == "" {
				b.Claims[i] = events.OpeningClaim{Market: "M", Asset: "A", Kind: events.ClaimFunding, Amount: one}
			}
		}
	case *events.PositionChanged:
		fillParams(b.Params)
	case *events.AccountParamsSet:
		fillParams(b.Params)
	case *events.VenueProfileSet:
		fillParams(b.Params)
	case *events.PoolState:
		fillParams(b.Quantities)
	case *events.MarketChanged:
		fillParams(b.Rules.Params)
	}
}

func fillParams(params []events.Param) {
	for i := range params {
		if params[i].Name == "" {
			params[i] = events.Param{Name: "p", Value: events.MustNumber("1")}
		}
	}
}

// TestRequired leaves out every field that is not optional, of every type.
func TestRequired(t *testing.T) {
	for _, typ := range events.Types() {
		body := reflect.TypeOf(events.NewBody(typ)).Elem()
		for i := range body.NumField() {
			name, option, _ := strings.Cut(body.Field(i).Tag.Get("json"), ",")
			if option == "" {
				wantMissing(t, typ, name)
			}
		}
		for _, name := range []string{"id", "type", "v", "venue", "time"} {
			wantMissing(t, typ, name)
		}
		if typ.OfAccount() {
			wantMissing(t, typ, "owner")
		}
	}
	wantMissing(t, events.TypeFill, "producer")
	wantMissing(t, events.TypeFill, "seq")
	wantMissing(t, events.TypeFill, "feeAsset")
	wantMissing(t, events.TypeSpotFill, "feeAsset")
	wantMissing(t, events.TypeTradeBusted, "feeAsset")
	wantMissing(t, events.TypeBankruptcyCovered, "leg")
	wantMissing(t, events.TypeAdjustment, "asset")
	wantMissing(t, events.TypeAdjustment, "amount")
	wantMissing(t, events.TypeAdjustment, "market", "leg")
	wantMissing(t, events.TypeAdjustment, "entryPrice")
	wantMissing(t, events.TypeMarkPrice, "mark", "index")
	wantMissing(t, events.TypeMarketListed, "longToken")
	wantMissing(t, events.TypeMarketListed, "shortToken")
	for _, price := range []string{"index", "long", "short"} {
		wantMissing(t, events.TypePositionChanged, price+"Min")
		wantMissing(t, events.TypePositionChanged, price+"Max")
	}
	wantMissing(t, events.TypeCollateralPrice, "min")
	wantMissing(t, events.TypeCollateralPrice, "max")
}

// wantMissing deletes members of the example of typ; the first must be reported.
func wantMissing(t *testing.T, typ events.Type, names ...string) {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(events.AppendJSON(nil, eventstest.Example(typ)), &members); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if members[name] == nil {
			t.Fatalf("the example of %s has no %s", typ, name)
		}
		delete(members, name)
	}
	value, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	var d events.Decoder
	_, err = d.Decode(value)
	var got *events.DecodeError
	if !errors.As(err, &got) || got.Reason != events.MissingField || got.Field != names[0] {
		t.Errorf("%s without %s: %v", typ, names, err)
	}
}

// requiredJSON returns the names of the body's fields that are not optional.
func requiredJSON(typ events.Type) map[string]bool {
	out := map[string]bool{}
	body := reflect.TypeOf(events.NewBody(typ)).Elem()
	for i := range body.NumField() {
		if name, option, _ := strings.Cut(body.Field(i).Tag.Get("json"), ","); option == "" {
			out[name] = true
		}
	}
	return out
}
