package events

// The facts of one account. Producer: the exchange's account service and matching engine. Topics:
// role accounts, keyed by owner. Every one names Owner and Subaccount in its header.

// Offset names a record: a place in a Kafka partition.
type Offset struct {
	Topic     string `json:"topic" pb:"1"`     // ≤ 256 bytes
	Partition int32  `json:"partition" pb:"2"` // ≥ 0
	Offset    int64  `json:"offset" pb:"3"`    // ≥ 0
}

// AccountOpened announces an account. An account that was never announced opens with its first
// fact, as a standard account without an operator.
type AccountOpened struct {
	Operator   string     `json:"operator,omitzero" pb:"1"` // whitelabel operator, optional
	MarginType MarginType `json:"marginType" pb:"2"`        // backstop: valued, but never called or triggered
}

// AccountOpeningState carries what an account holds when a running exchange adopts the ledger.
// It must come before any other fact that gives the account money or positions.
type AccountOpeningState struct {
	Balances  []OpeningBalance  `json:"balances,omitzero" pb:"1"`  // ≤ 64, one per asset
	Positions []OpeningPosition `json:"positions,omitzero" pb:"2"` // ≤ 256, one per market, leg and collateral
	Claims    []OpeningClaim    `json:"claimable,omitzero" pb:"3"` // ≤ 256, one per market, asset and kind; only of venues that have it
}

// OpeningBalance is a balance of the cross pool.
type OpeningBalance struct {
	Asset  string `json:"asset" pb:"1"`
	Amount Number `json:"amount" pb:"2"` // units of the asset; negative: owed by the account
}

// OpeningPosition is a position, and with Isolated the collateral of its pool.
type OpeningPosition struct {
	Market     string `json:"market" pb:"1"` // ≤ 32 bytes
	Leg        Leg    `json:"leg" pb:"2"`
	Size       Number `json:"size" pb:"3"`                    // contracts; negative: short; not 0
	EntryPrice Number `json:"entryPrice" pb:"4"`              // > 0
	Isolated   Number `json:"isolatedMargin,omitzero" pb:"5"` // settlement asset, ≥ 0; present: the position is isolated

	// Of a venue whose positions carry collateral of their own; the profile's page says what size means then.
	Collateral       string  `json:"collateral,omitzero" pb:"6"`       // asset of the position's collateral, ≤ 32 bytes; with CollateralAmount
	CollateralAmount Number  `json:"collateralAmount,omitzero" pb:"7"` // units of the collateral asset, ≥ 0; with Collateral
	Params           []Param `json:"params,omitzero" pb:"8"`           // what else the profile's page names of a position, ≤ 64, names strictly rising; only with Collateral
}

// OpeningClaim is what the account may claim of a market.
type OpeningClaim struct {
	Market string    `json:"market" pb:"1"`
	Asset  string    `json:"asset" pb:"2"`
	Kind   ClaimKind `json:"kind" pb:"3"`   // what it was credited for
	Amount Number    `json:"amount" pb:"4"` // units of the asset, > 0
}

// Deposit adds money to the cross pool.
type Deposit struct {
	Asset     string    `json:"asset" pb:"1"`
	Amount    Number    `json:"amount" pb:"2"`             // > 0
	Reference string    `json:"reference,omitzero" pb:"3"` // chain transaction, bank reference; ≤ 64 bytes
	Market    string    `json:"market,omitzero" pb:"4"`    // the money was claimable there, and is claimed; only of venues that have it
	Claim     ClaimKind `json:"claim,omitzero" pb:"5"`     // which kind is claimed; only with market; absent: funding
}

// Withdrawal takes money from the cross pool. Rule: within withdrawable collateral.
type Withdrawal struct {
	Asset     string `json:"asset" pb:"1"`
	Amount    Number `json:"amount" pb:"2"`             // > 0
	Reference string `json:"reference,omitzero" pb:"3"` // chain transaction, bank reference; ≤ 64 bytes
}

// Transfer moves money between cross pools: both legs in one event between subaccounts of one
// owner, one leg per event between owners. Rule for what leaves: as for a Withdrawal.
type Transfer struct {
	TransferID        string       `json:"transferId" pb:"1"` // the same in all legs; ≤ 64 bytes
	Kind              TransferKind `json:"kind" pb:"2"`       // internal: both legs; out, in: one leg between owners
	Asset             string       `json:"asset" pb:"3"`
	Amount            Number       `json:"amount" pb:"4"`                     // > 0
	ToSubaccount      uint32       `json:"toSubaccount,omitzero" pb:"5"`      // kind internal; other than the header's
	CounterpartyOwner string       `json:"counterpartyOwner,omitzero" pb:"6"` // kinds in and out: required
}

// Fill is one account's leg of a trade.
type Fill struct {
	Market         string     `json:"market" pb:"1"`
	Leg            Leg        `json:"leg" pb:"2"`
	Side           Side       `json:"side" pb:"3"`                     // buy: adds contracts; sell: takes contracts away
	Size           Number     `json:"size" pb:"4"`                     // contracts, > 0
	Price          Number     `json:"price" pb:"5"`                    // > 0
	Fee            Number     `json:"fee,omitzero" pb:"6"`             // units of FeeAsset; positive: paid by the account, negative: a rebate
	FeeAsset       string     `json:"feeAsset,omitzero" pb:"7"`        // required with a fee
	TradeID        string     `json:"tradeId" pb:"8"`                  // ≤ 64 bytes
	OrderID        string     `json:"orderId,omitzero" pb:"9"`         // ≤ 64 bytes
	Liquidity      Liquidity  `json:"liquidity,omitzero" pb:"10"`      // informative
	Reason         FillReason `json:"reason" pb:"11"`                  // why it happened
	IsolatedMargin Number     `json:"isolatedMargin,omitzero" pb:"12"` // settlement asset moved from cross for this increase, ≥ 0
	Liquidation    string     `json:"liquidation,omitzero" pb:"13"`    // id of the episode answered; reason liquidation or adl
}

// SpotFill is one account's leg of a spot trade: base against quote, both in the cross pool.
type SpotFill struct {
	BaseAsset   string `json:"baseAsset" pb:"1"`
	QuoteAsset  string `json:"quoteAsset" pb:"2"`        // other than baseAsset
	Side        Side   `json:"side" pb:"3"`              // buy: base in, quote out
	Size        Number `json:"size" pb:"4"`              // units of base, > 0
	QuoteAmount Number `json:"quoteAmount" pb:"5"`       // units of quote, > 0
	Fee         Number `json:"fee,omitzero" pb:"6"`      // as in Fill
	FeeAsset    string `json:"feeAsset,omitzero" pb:"7"` // required with a fee
	TradeID     string `json:"tradeId" pb:"8"`           // ≤ 64 bytes
	OrderID     string `json:"orderId,omitzero" pb:"9"`  // ≤ 64 bytes
}

// AssetConverted exchanges one asset of the cross pool for another at the venue's own rate, as an
// automatic conversion of a negative balance does.
type AssetConverted struct {
	FromAsset  string `json:"fromAsset" pb:"1"`
	FromAmount Number `json:"fromAmount" pb:"2"`         // > 0, leaves the pool
	ToAsset    string `json:"toAsset" pb:"3"`            // other than fromAsset
	ToAmount   Number `json:"toAmount" pb:"4"`           // > 0, reaches the pool
	Reference  string `json:"reference,omitzero" pb:"5"` // ≤ 64 bytes
}

// InterestAccrued charges or credits interest to the cross pool.
type InterestAccrued struct {
	Asset     string `json:"asset" pb:"1"`
	Amount    Number `json:"amount" pb:"2"`             // not 0; positive: credited to the account
	Reference string `json:"reference,omitzero" pb:"3"` // ≤ 64 bytes
}

// OrderMargin states what an account's open orders hold in a market and leg from now on. It
// replaces the last one; all zero: nothing.
type OrderMargin struct {
	Market      string `json:"market" pb:"1"`
	Leg         Leg    `json:"leg" pb:"2"`
	BidSize     Number `json:"bidSize" pb:"3"`     // contracts, ≥ 0
	BidNotional Number `json:"bidNotional" pb:"4"` // Σ size · limit price, settlement asset, ≥ 0
	AskSize     Number `json:"askSize" pb:"5"`     // as bidSize
	AskNotional Number `json:"askNotional" pb:"6"` // as bidNotional
}

// LeverageSet sets the leverage of an account in a market. Rule: at most the market's maximum.
type LeverageSet struct {
	Market   string `json:"market" pb:"1"`
	Leverage uint32 `json:"leverage" pb:"2"` // 1 to 1000
}

// MarginModeSet switches a market between cross and isolated. Rule: no position open in it. With
// one open it is applied if it names the isolated margin (cross to isolated: what moves into the
// pool; isolated to cross: must be 0, everything returns), else it is a dead letter.
type MarginModeSet struct {
	Market         string     `json:"market" pb:"1"`
	Mode           MarginMode `json:"mode" pb:"2"`                    // from here on
	IsolatedMargin Number     `json:"isolatedMargin,omitzero" pb:"3"` // settlement asset, ≥ 0; 0 with mode cross
}

// IsolatedMarginMoved adds collateral to an isolated pool, or removes some. Rules: what is added
// is free in cross; what remains covers the initial requirement.
type IsolatedMarginMoved struct {
	Market string `json:"market" pb:"1"`
	Leg    Leg    `json:"leg" pb:"2"`
	Amount Number `json:"amount" pb:"3"` // settlement asset, not 0; positive: from cross into the pool
}

// FundingPayment is one account's funding in a market with funding by payments.
type FundingPayment struct {
	Market string `json:"market" pb:"1"`
	Leg    Leg    `json:"leg" pb:"2"`
	Amount Number `json:"amount" pb:"3"` // settlement asset, not 0; positive: received by the account
}

// PortfolioStopSet sets the floors at which the cross pool's owner wants to be stopped out. It
// replaces the last one and arms it anew; neither given: no stop.
type PortfolioStopSet struct {
	EquityFloor Number `json:"equityFloor,omitzero" pb:"1"` // settlement asset; stops when equity < floor
	RatioFloor  Number `json:"ratioFloor,omitzero" pb:"2"`  // > 0, ≤ 6 digits after the point; stops when equity < floor · maintenance
}

// MarginCallLevelsSet sets an account's margin-call levels, as multiples of maintenance. Empty:
// none at all.
type MarginCallLevelsSet struct {
	Levels []Number `json:"levels" pb:"1"` // ≤ 8, strictly falling, each > 1 and ≤ 100, ≤ 6 digits after the point
}

// BankruptcyCovered says that a fund paid what a bankrupt pool lacked.
type BankruptcyCovered struct {
	Liquidation string `json:"liquidation" pb:"1"`     // id of the episode
	Market      string `json:"market,omitzero" pb:"2"` // the isolated pool; absent: the cross pool
	Leg         Leg    `json:"leg,omitzero" pb:"3"`    // with market
	Amount      Number `json:"amount" pb:"4"`          // settlement asset, > 0
	Fund        string `json:"fund,omitzero" pb:"5"`   // name of the fund
}

// TradeBusted undoes one account's leg of a trade: it names the fill as it was. Where the fill was
// never applied, DeadLetter names its record, and nothing moves but the account's completeness.
type TradeBusted struct {
	TradeID    string  `json:"tradeId" pb:"1"` // of the busted fill
	Market     string  `json:"market" pb:"2"`
	Leg        Leg     `json:"leg" pb:"3"`
	Side       Side    `json:"side" pb:"4"`                // of the busted fill
	Size       Number  `json:"size" pb:"5"`                // > 0
	Price      Number  `json:"price" pb:"6"`               // > 0
	Fee        Number  `json:"fee,omitzero" pb:"7"`        // as in Fill
	FeeAsset   string  `json:"feeAsset,omitzero" pb:"8"`   // required with a fee
	DeadLetter *Offset `json:"deadLetter,omitzero" pb:"9"` // the record of the fill, where it was never applied
}

// Adjustment corrects an account by hand: an amount, or a position, or neither where it only
// answers a dead letter.
type Adjustment struct {
	Asset      string  `json:"asset,omitzero" pb:"1"`      // with amount
	Amount     Number  `json:"amount,omitzero" pb:"2"`     // of the cross pool, or of the isolated pool of Market and Leg with asset = settlement asset
	Market     string  `json:"market,omitzero" pb:"3"`     // with amount: the isolated pool; with size: the position
	Leg        Leg     `json:"leg,omitzero" pb:"4"`        // with market
	Size       Number  `json:"size,omitzero" pb:"5"`       // contracts added to the position, signed, not 0
	EntryPrice Number  `json:"entryPrice,omitzero" pb:"6"` // with size; the price at which they are added
	Reason     string  `json:"reason" pb:"7"`              // for people, ≤ 256 bytes
	Reference  string  `json:"reference,omitzero" pb:"8"`  // ≤ 64 bytes
	DeadLetter *Offset `json:"deadLetter,omitzero" pb:"9"` // the record that this answers
}
