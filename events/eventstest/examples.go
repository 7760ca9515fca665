package eventstest

import (
	"time"

	"marginledger/events"
)

// Example returns the example of a type: the one in the documentation and in the golden files.
func Example(t events.Type) *events.Event {
	e := &events.Event{
		ID: "evt-0000000000000042", Type: t, Version: events.SchemaVersion, Venue: "main",
		Time: time.Date(2025, 10, 10, 21, 15, 3, 123456789, time.UTC).UnixNano(),
		Body: exampleBody(t),
	}
	if t.OfAccount() {
		e.Owner, e.Subaccount = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", 1
	}
	switch t.Role() {
	case events.RoleAccounts:
		e.Producer, e.Sequence = "matching-1", 81264
	case events.RolePrices:
		e.Producer, e.Sequence = "prices-1", 7
	}
	return e
}

var num = events.MustNumber

func exampleRules() events.MarketRules {
	return events.MarketRules{
		Tiers: []events.Tier{
			{LowerNotional: num("0"), MaxLeverage: 50, MaintenanceRate: num("0.01"), Deduction: num("0")},
			{LowerNotional: num("250000"), MaxLeverage: 25, MaintenanceRate: num("0.02"), Deduction: num("2500")},
			{LowerNotional: num("2000000"), MaxLeverage: 10, MaintenanceRate: num("0.05"), Deduction: num("62500")},
		},
		FundingMode: events.FundingByIndex, MaxStalenessMs: 15000,
		MakerFee: num("-0.0001"), TakerFee: num("0.0005"), LiquidationFee: num("0.005"),
		Modes: events.ModesAny,
	}
}

func exampleBody(t events.Type) events.Body {
	switch t {
	case events.TypeAccountOpened:
		return &events.AccountOpened{Operator: "northwind", MarginType: events.MarginStandard}
	case events.TypeAccountOpeningState:
		return &events.AccountOpeningState{
			Balances: []events.OpeningBalance{{Asset: "USDC", Amount: num("12500.5")}, {Asset: "ETH", Amount: num("-0.25")}},
			Positions: []events.OpeningPosition{
				{Market: "BTC-PERP", Leg: events.LegNet, Size: num("-0.5"), EntryPrice: num("101250.5")},
				{Market: "DOGE-PERP", Leg: events.LegLong, Size: num("40000"), EntryPrice: num("0.2115"), Isolated: num("850")},
				{Market: "ETH/USD", Leg: events.LegShort, Size: num("-2.5"), EntryPrice: num("4140.25"), Collateral: "USDC", CollateralAmount: num("1250"),
					Params: []events.Param{{Name: "pendingImpact", Value: num("-0.0001")}, {Name: "sizeUsd", Value: num("10350.63")}}},
			},
			Claims: []events.OpeningClaim{{Market: "ETH/USD", Asset: "USDC", Kind: events.ClaimImpact, Amount: num("18.25")}},
		}
	case events.TypeDeposit:
		return &events.Deposit{Asset: "USDC", Amount: num("5000"), Reference: "0x9f2c7a1e", Market: "ETH/USD", Claim: events.ClaimFunding}
	case events.TypeWithdrawal:
		return &events.Withdrawal{Asset: "USDC", Amount: num("250.75"), Reference: "wd-5512"}
	case events.TypeTransfer:
		return &events.Transfer{TransferID: "tr-90017", Kind: events.TransferInternal, Asset: "USDC", Amount: num("1000"), ToSubaccount: 2}
	case events.TypeFill:
		return &events.Fill{Market: "BTC-PERP", Leg: events.LegNet, Side: events.Sell, Size: num("0.125"), Price: num("101250.5"),
			Fee: num("5.0625"), FeeAsset: "USDC", TradeID: "t-123456", OrderID: "o-987654", Liquidity: events.Taker,
			Reason: events.ReasonLiquidation, IsolatedMargin: num("0"), Liquidation: "0-48211-0"}
	case events.TypeSpotFill:
		return &events.SpotFill{BaseAsset: "ETH", QuoteAsset: "USDC", Side: events.Buy, Size: num("1.5"), QuoteAmount: num("6210.3"),
			Fee: num("-0.31"), FeeAsset: "USDC", TradeID: "s-771", OrderID: "o-31337"}
	case events.TypeAssetConverted:
		return &events.AssetConverted{FromAsset: "ETH", FromAmount: num("0.05"), ToAsset: "USDC", ToAmount: num("205.4"), Reference: "auto-17"}
	case events.TypeInterestAccrued:
		return &events.InterestAccrued{Asset: "USDC", Amount: num("-0.034217"), Reference: "2025-10-10T21"}
	case events.TypeOrderMargin:
		return &events.OrderMargin{Market: "BTC-PERP", Leg: events.LegNet, BidSize: num("0.3"), BidNotional: num("30150"),
			AskSize: num("0"), AskNotional: num("0")}
	case events.TypeLeverageSet:
		return &events.LeverageSet{Market: "BTC-PERP", Leverage: 20}
	case events.TypeMarginModeSet:
		return &events.MarginModeSet{Market: "DOGE-PERP", Mode: events.Isolated, IsolatedMargin: num("125.5")}
	case events.TypeIsolatedMarginMoved:
		return &events.IsolatedMarginMoved{Market: "DOGE-PERP", Leg: events.LegLong, Amount: num("-40")}
	case events.TypeFundingPayment:
		return &events.FundingPayment{Market: "SOL-PERP", Leg: events.LegNet, Amount: num("-1.284311")}
	case events.TypePortfolioStopSet:
		return &events.PortfolioStopSet{EquityFloor: num("8000"), RatioFloor: num("1.75")}
	case events.TypeMarginCallLevelsSet:
		return &events.MarginCallLevelsSet{Levels: []events.Number{num("3"), num("2"), num("1.25")}}
	case events.TypeBankruptcyCovered:
		return &events.BankruptcyCovered{Liquidation: "0-48211-0", Market: "DOGE-PERP", Leg: events.LegLong, Amount: num("112.08"), Fund: "insurance"}
	case events.TypeTradeBusted:
		return &events.TradeBusted{TradeID: "t-123456", Market: "BTC-PERP", Leg: events.LegNet, Side: events.Sell, Size: num("0.125"),
			Price: num("101250.5"), Fee: num("5.0625"), FeeAsset: "USDC",
			DeadLetter: &events.Offset{Topic: "exchange.fills.v1", Partition: 3, Offset: 90210}}
	case events.TypeAdjustment:
		return &events.Adjustment{Asset: "USDC", Amount: num("-2.5"), Market: "DOGE-PERP", Leg: events.LegLong, Size: num("100"),
			EntryPrice: num("0.2115"), Reason: "fill lost in an outage", Reference: "case-4411",
			DeadLetter: &events.Offset{Topic: "exchange.fills.v1", Partition: 0, Offset: 17}}
	case events.TypePositionChanged:
		return &events.PositionChanged{Market: "ETH/USD", Collateral: "ETH", Leg: events.LegLong, Change: events.ChangeLiquidation,
			SizeUSD: num("25000"), CollateralDelta: num("0.4125"), IndexMin: num("4140.1"), IndexMax: num("4140.4"),
			LongMin: num("4140.1"), LongMax: num("4140.4"), ShortMin: num("0.9998"), ShortMax: num("1.0001"),
			OrderID: "0x4e1f", Liquidation: "0-48211-0", Params: []events.Param{{Name: "swapOutput", Value: num("0.0125")}}}
	case events.TypeAccountModeSet:
		return &events.AccountModeSet{Mode: "portfolio"}
	case events.TypeLeverageCapSet:
		return &events.LeverageCapSet{Market: "DOGE-PERP", MaxLeverage: 5}
	case events.TypePoolBalanceObserved:
		return &events.PoolBalanceObserved{Asset: "USDC", Amount: num("-410.25")}
	case events.TypeAccountParamsSet:
		return &events.AccountParamsSet{Params: []events.Param{{Name: "referralDiscount", Value: num("0.05")}}}
	}
	return exampleMarketBody(t)
}

func exampleMarketBody(t events.Type) events.Body {
	switch t {
	case events.TypeMarketListed:
		return &events.MarketListed{Market: "BTC-PERP", Underlying: "BTC", PriceScale: 1, SizeScale: 5,
			MaxPrice: num("10000000"), MaxSize: num("10000"), Rules: exampleRules(), LongToken: "WBTC", ShortToken: "USDC"}
	case events.TypeMarketChanged:
		rules := exampleRules()
		rules.Params, rules.Modes = []events.Param{{Name: "impactNotional", Value: num("500")}}, events.ModesStrictIsolated
		return &events.MarketChanged{Market: "BTC-PERP", Rules: rules}
	case events.TypeMarketHalted:
		return &events.MarketHalted{Market: "LUNA-PERP", Reason: "oracle \"stale\" – see §4"}
	case events.TypeMarketResumed:
		return &events.MarketResumed{Market: "LUNA-PERP"}
	case events.TypeMarketSettled:
		return &events.MarketSettled{Market: "LUNA-PERP", Price: num("0.00012")}
	case events.TypeMarkPrice:
		return &events.MarkPrice{Market: "BTC-PERP", Mark: num("101250.5"), Index: num("101262.1"), Oracle: num("101260"),
			Min: num("101250"), Max: num("101251")}
	case events.TypeFundingRate:
		return &events.FundingRate{Market: "BTC-PERP", Rate: num("0.0000125"), Price: num("101260"), IntervalSeconds: 3600}
	case events.TypeCollateralPrice:
		return &events.CollateralPrice{Asset: "ETH", Price: num("4140.25"), Min: num("4140.1"), Max: num("4140.4")}
	case events.TypeCollateralChanged:
		return &events.CollateralChanged{Asset: "ETH", Haircuts: []events.HaircutTier{
			{LowerValue: num("0"), Haircut: num("0.05")}, {LowerValue: num("1000000"), Haircut: num("0.1")}},
			Cap: num("5000000")}
	case events.TypeVenueProfileSet:
		return &events.VenueProfileSet{Profile: "standard", ProfileVersion: "1", SettlementAsset: "USDC", ValueScale: 8,
			Params: []events.Param{{Name: "partialShare", Value: num("0.25")}}}
	case events.TypeOpenInterest:
		return &events.OpenInterest{Market: "BTC-PERP", Long: num("18211.25"), Short: num("18211.25")}
	case events.TypeInsuranceFundMoved:
		return &events.InsuranceFundMoved{Fund: "insurance", Asset: "USDC", Balance: num("4100250.5")}
	case events.TypePoolState:
		return &events.PoolState{Market: "BTC-PERP", Quantities: []events.Param{
			{Name: "longTokenAmount", Value: num("812.5")}, {Name: "shortTokenAmount", Value: num("81250000")}}}
	case events.TypeWithdrawalsGated:
		return &events.WithdrawalsGated{Market: "DOGE-PERP", UntilBlock: 21547360}
	}
	return &events.BlockStarted{Height: 21547310}
}
