package events

// The facts of a venue and its markets. They name no owner. Every shard sees all of them.

// VenueProfileSet opens a venue, or switches its margin rules from here on. Producer: operations,
// role config. The settlement asset and the value scale of a venue never change.
type VenueProfileSet struct {
	Profile         string  `json:"profile" pb:"1"`         // name in the registry: "standard"
	ProfileVersion  string  `json:"profileVersion" pb:"2"`  // ≤ 32 bytes
	SettlementAsset string  `json:"settlementAsset" pb:"3"` // what equity is counted in
	ValueScale      uint32  `json:"valueScale" pb:"4"`      // digits after the point of every amount, 6 to 18
	Params          []Param `json:"params,omitzero" pb:"5"` // settings of the profile, ≤ 4096, names strictly rising
}

// Param is one setting of a profile or a market, or one quantity of a pool; the profile's page gives
// its name, unit and default.
type Param struct {
	Name  string `json:"name" pb:"1"`  // ≤ 32 bytes
	Value Number `json:"value" pb:"2"` // any number
}

// MarketListed opens a market. Producer: operations, role config.
type MarketListed struct {
	Market     string      `json:"market" pb:"1"`
	Underlying string      `json:"underlying" pb:"2"`          // asset that the price follows: "BTC"
	PriceScale uint32      `json:"priceScale" pb:"3"`          // digits after the point of a price, 0 to 18
	SizeScale  uint32      `json:"sizeScale" pb:"4"`           // digits after the point of a size; price and size scale together ≤ the value scale, so ≤ 18
	MaxPrice   Number      `json:"maxPrice" pb:"5"`            // largest admitted price, > 0, at the price scale
	MaxSize    Number      `json:"maxSize" pb:"6"`             // largest admitted |size| of a position, > 0, at the size scale
	Rules      MarketRules `json:"rules" pb:"7"`               // from here on
	LongToken  string      `json:"longToken,omitzero" pb:"8"`  // asset that the pool of longs is in, where a pool is the counterparty; with ShortToken
	ShortToken string      `json:"shortToken,omitzero" pb:"9"` // asset that the pool of shorts is in; with LongToken
}

// MarketChanged replaces the rules of a market from here on. Scales cannot change.
type MarketChanged struct {
	Market string      `json:"market" pb:"1"`
	Rules  MarketRules `json:"rules" pb:"2"` // from here on
}

// MarketRules are what may change in a market's life.
type MarketRules struct {
	Tiers          []Tier      `json:"tiers,omitzero" pb:"1"`          // ≤ 32, by lower notional, the first from 0; absent where the profile takes its rules from params
	FundingMode    FundingMode `json:"funding" pb:"2"`                 // by index, or by payments of each account
	MaxStalenessMs uint64      `json:"maxStalenessMs,omitzero" pb:"3"` // age of a mark beyond which figures are flagged; 0: never
	MakerFee       Number      `json:"makerFee,omitzero" pb:"4"`       // informative: rate of notional; fills carry the fee
	TakerFee       Number      `json:"takerFee,omitzero" pb:"5"`       // as makerFee
	LiquidationFee Number      `json:"liquidationFee,omitzero" pb:"6"` // rate of closed notional that a liquidation is told to charge, 0 to 1
	Params         []Param     `json:"params,omitzero" pb:"7"`         // settings of the market that the profile's page names, ≤ 64, names strictly rising
	Modes          MarginModes `json:"marginModes,omitzero" pb:"8"`    // any, or absent: cross or isolated; noCross: isolated only; strictIsolated: isolated only, and margin cannot be removed
}

// Tier is a bracket of notional: from LowerNotional, inclusive, to the next tier's, exclusive.
type Tier struct {
	LowerNotional   Number `json:"lowerNotional" pb:"1"`   // settlement asset, ≥ 0, strictly rising
	MaxLeverage     uint32 `json:"maxLeverage" pb:"2"`     // 1 to 1000, not rising
	MaintenanceRate Number `json:"maintenanceRate" pb:"3"` // 0 < rate ≤ 1, ≤ 9 digits after the point, not falling
	Deduction       Number `json:"deduction" pb:"4"`       // makes maintenance continuous at the edge; 0 in the first tier
}

// MarketHalted stops trading in a market; fills while halted break a rule. Role config.
type MarketHalted struct {
	Market string `json:"market" pb:"1"`
	Reason string `json:"reason,omitzero" pb:"2"` // for people, ≤ 256 bytes
}

// MarketResumed ends a halt. Role config.
type MarketResumed struct {
	Market string `json:"market" pb:"1"`
}

// MarketSettled closes a market for good: every position is closed at Price. Role config.
type MarketSettled struct {
	Market string `json:"market" pb:"1"`
	Price  Number `json:"price" pb:"2"` // > 0
}

// MarkPrice carries the prices of a market; at least one of Mark and Index is given. Producer: the
// price service, role prices, keyed by market.
type MarkPrice struct {
	Market string `json:"market" pb:"1"`
	Mark   Number `json:"mark,omitzero" pb:"2"`   // > 0; values positions and triggers
	Index  Number `json:"index,omitzero" pb:"3"`  // > 0; values positions where no mark is known
	Oracle Number `json:"oracle,omitzero" pb:"4"` // > 0; informative
	Min    Number `json:"min,omitzero" pb:"5"`    // > 0; for venues with price pairs
	Max    Number `json:"max,omitzero" pb:"6"`    // > 0, ≥ min
}

// FundingRate moves the funding index of a market by Rate · Price: what a long pays per contract.
// Producer: the funding service, role funding.
type FundingRate struct {
	Market          string `json:"market" pb:"1"`
	Rate            Number `json:"rate" pb:"2"`                     // of this interval; positive: longs pay; |rate| ≤ 1, ≤ 12 digits after the point
	Price           Number `json:"price" pb:"3"`                    // > 0, at the market's price scale
	IntervalSeconds uint32 `json:"intervalSeconds,omitzero" pb:"4"` // seconds that pass for it, 1 to 86400; required by venues that quote a rate per 8 hours
}

// CollateralPrice is the index price of a collateral asset. Role prices.
type CollateralPrice struct {
	Asset string `json:"asset" pb:"1"`
	Price Number `json:"price" pb:"2"`        // settlement asset per unit, > 0, ≤ 12 digits after the point
	Min   Number `json:"min,omitzero" pb:"3"` // for venues with price pairs, with max: > 0, ≤ 12 digits after the point
	Max   Number `json:"max,omitzero" pb:"4"` // with min: ≥ min, ≤ 12 digits after the point
}

// CollateralChanged admits an asset as collateral, or changes its haircuts and cap. Role config.
type CollateralChanged struct {
	Asset    string        `json:"asset" pb:"1"`
	Haircuts []HaircutTier `json:"haircuts" pb:"2"`     // 1 to 16, by lower value, the first from 0
	Cap      Number        `json:"cap,omitzero" pb:"3"` // settlement asset: what a balance counts at most, ≥ 0; without it there is no cap
}

// HaircutTier is a bracket of an asset's value: from LowerValue, inclusive, to the next.
type HaircutTier struct {
	LowerValue Number `json:"lowerValue" pb:"1"` // settlement asset, strictly rising
	Haircut    Number `json:"haircut" pb:"2"`    // share that does not count, 0 to 1, ≤ 9 digits after the point, not falling
}

// OpenInterest is the whole market's open interest. Observed: it moves no money.
type OpenInterest struct {
	Market string `json:"market" pb:"1"`
	Long   Number `json:"long" pb:"2"`  // contracts, ≥ 0
	Short  Number `json:"short" pb:"3"` // contracts, ≥ 0
}

// InsuranceFundMoved states a fund's balance. Observed: money between the fund and an account is
// an account fact.
type InsuranceFundMoved struct {
	Fund    string `json:"fund" pb:"1"` // name of the fund, ≤ 32 bytes
	Asset   string `json:"asset" pb:"2"`
	Balance Number `json:"balance" pb:"3"` // after the move
}

// PoolState states what a liquidity pool that is the counterparty of a market holds. Observed.
type PoolState struct {
	Market     string  `json:"market" pb:"1"`
	Quantities []Param `json:"quantities" pb:"2"` // named by the profile's page, ≤ 128, names strictly rising
}

// BlockStarted marks a block of a venue that has them; it is then the venue's clock. Role blocks.
type BlockStarted struct {
	Height uint64 `json:"height" pb:"1"` // number of the block, 64 bits
}

// WithdrawalsGated says that the venue refuses withdrawals and transfers out of a collateral pool
// before a block. Observed.
type WithdrawalsGated struct {
	Market     string `json:"market,omitzero" pb:"1"` // the pool of an isolated market; absent: the cross pool
	UntilBlock uint64 `json:"untilBlock" pb:"2"`      // the first block in which money may leave again, 64 bits
}
