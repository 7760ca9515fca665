package events

// Which body belongs to which type.

// EventType returns TypeAccountOpened.
func (*AccountOpened) EventType() Type { return TypeAccountOpened }

// EventType returns TypeAccountOpeningState.
func (*AccountOpeningState) EventType() Type { return TypeAccountOpeningState }

// EventType returns TypeDeposit.
func (*Deposit) EventType() Type { return TypeDeposit }

// EventType returns TypeWithdrawal.
func (*Withdrawal) EventType() Type { return TypeWithdrawal }

// EventType returns TypeTransfer.
func (*Transfer) EventType() Type { return TypeTransfer }

// EventType returns TypeFill.
func (*Fill) EventType() Type { return TypeFill }

// EventType returns TypeSpotFill.
func (*SpotFill) EventType() Type { return TypeSpotFill }

// EventType returns TypeAssetConverted.
func (*AssetConverted) EventType() Type { return TypeAssetConverted }

// EventType returns TypeInterestAccrued.
func (*InterestAccrued) EventType() Type { return TypeInterestAccrued }

// EventType returns TypeOrderMargin.
func (*OrderMargin) EventType() Type { return TypeOrderMargin }

// EventType returns TypeLeverageSet.
func (*LeverageSet) EventType() Type { return TypeLeverageSet }

// EventType returns TypeMarginModeSet.
func (*MarginModeSet) EventType() Type { return TypeMarginModeSet }

// EventType returns TypeIsolatedMarginMoved.
func (*IsolatedMarginMoved) EventType() Type { return TypeIsolatedMarginMoved }

// EventType returns TypeFundingPayment.
func (*FundingPayment) EventType() Type { return TypeFundingPayment }

// EventType returns TypePortfolioStopSet.
func (*PortfolioStopSet) EventType() Type { return TypePortfolioStopSet }

// EventType returns TypeMarginCallLevelsSet.
func (*MarginCallLevelsSet) EventType() Type { return TypeMarginCallLevelsSet }

// EventType returns TypeBankruptcyCovered.
func (*BankruptcyCovered) EventType() Type { return TypeBankruptcyCovered }

// EventType returns TypeTradeBusted.
func (*TradeBusted) EventType() Type { return TypeTradeBusted }

// EventType returns TypeAdjustment.
func (*Adjustment) EventType() Type { return TypeAdjustment }

// EventType returns TypePositionChanged.
func (*PositionChanged) EventType() Type { return TypePositionChanged }

// EventType returns TypeAccountModeSet.
func (*AccountModeSet) EventType() Type { return TypeAccountModeSet }

// EventType returns TypeLeverageCapSet.
func (*LeverageCapSet) EventType() Type { return TypeLeverageCapSet }

// EventType returns TypePoolBalanceObserved.
func (*PoolBalanceObserved) EventType() Type { return TypePoolBalanceObserved }

// EventType returns TypeAccountParamsSet.
func (*AccountParamsSet) EventType() Type { return TypeAccountParamsSet }

// EventType returns TypeMarketListed.
func (*MarketListed) EventType() Type { return TypeMarketListed }

// EventType returns TypeMarketChanged.
func (*MarketChanged) EventType() Type { return TypeMarketChanged }

// EventType returns TypeMarketHalted.
func (*MarketHalted) EventType() Type { return TypeMarketHalted }

// EventType returns TypeMarketResumed.
func (*MarketResumed) EventType() Type { return TypeMarketResumed }

// EventType returns TypeMarketSettled.
func (*MarketSettled) EventType() Type { return TypeMarketSettled }

// EventType returns TypeMarkPrice.
func (*MarkPrice) EventType() Type { return TypeMarkPrice }

// EventType returns TypeFundingRate.
func (*FundingRate) EventType() Type { return TypeFundingRate }

// EventType returns TypeCollateralPrice.
func (*CollateralPrice) EventType() Type { return TypeCollateralPrice }

// EventType returns TypeCollateralChanged.
func (*CollateralChanged) EventType() Type { return TypeCollateralChanged }

// EventType returns TypeVenueProfileSet.
func (*VenueProfileSet) EventType() Type { return TypeVenueProfileSet }

// EventType returns TypeOpenInterest.
func (*OpenInterest) EventType() Type { return TypeOpenInterest }

// EventType returns TypeInsuranceFundMoved.
func (*InsuranceFundMoved) EventType() Type { return TypeInsuranceFundMoved }

// EventType returns TypePoolState.
func (*PoolState) EventType() Type { return TypePoolState }

// EventType returns TypeBlockStarted.
func (*BlockStarted) EventType() Type { return TypeBlockStarted }

// EventType returns TypeWithdrawalsGated.
func (*WithdrawalsGated) EventType() Type { return TypeWithdrawalsGated }
