package events

import "slices"

// The bounds of account facts, as the comments of their fields give them.

func (b *AccountOpened) validate(_ *Event, c *checker) {
	c.optName("operator", b.Operator)
	enum(c, "marginType", b.MarginType, marginTypeNames[:])
}

// Bounds of AccountOpeningState.
const (
	MaxOpeningBalances  = 64
	MaxOpeningPositions = 256
	MaxOpeningClaims    = 256
)

func (b *AccountOpeningState) validate(_ *Event, c *checker) {
	c.length("balances", len(b.Balances), 0, MaxOpeningBalances)
	c.length("positions", len(b.Positions), 0, MaxOpeningPositions)
	c.length("claimable", len(b.Claims), 0, MaxOpeningClaims)
	if c.err != nil {
		return // the search for repeats is quadratic
	}
	for i := range b.Balances {
		x := &b.Balances[i]
		c.in("balances", i)
		c.name("asset", x.Asset)
		c.any("amount", x.Amount)
		same := func(y OpeningBalance) bool { return y.Asset == x.Asset }
		c.check(!slices.ContainsFunc(b.Balances[:i], same), "asset", "is there twice")
	}
	for i := range b.Positions {
		x := &b.Positions[i]
		c.in("positions", i)
		c.name("market", x.Market)
		enum(c, "leg", x.Leg, legNames[:])
		c.notZero("size", x.Size)
		c.positive("entryPrice", x.EntryPrice)
		c.optAtLeastZero("isolatedMargin", x.Isolated)
		c.collateral(x)
		same := func(y OpeningPosition) bool {
			return y.Market == x.Market && y.Leg == x.Leg && y.Collateral == x.Collateral
		}
		c.check(!slices.ContainsFunc(b.Positions[:i], same), "market", "is there twice with this leg and collateral")
	}
	for i := range b.Claims {
		x := &b.Claims[i]
		c.in("claimable", i)
		c.name("market", x.Market)
		c.name("asset", x.Asset)
		enum(c, "kind", x.Kind, claimKindNames[:])
		c.positive("amount", x.Amount)
		same := func(y OpeningClaim) bool { return y.Market == x.Market && y.Asset == x.Asset && y.Kind == x.Kind }
		c.check(!slices.ContainsFunc(b.Claims[:i], same), "market", "is there twice with this asset and kind")
	}
	c.out()
}

func (b *Deposit) validate(_ *Event, c *checker) {
	c.name("asset", b.Asset)
	c.positive("amount", b.Amount)
	c.optID("reference", b.Reference)
	c.optName("market", b.Market)
	optEnum(c, "claim", b.Claim, claimKindNames[:])
	c.check(b.Claim == 0 || b.Market != "", "claim", "only with market")
}

func (b *Withdrawal) validate(_ *Event, c *checker) {
	c.name("asset", b.Asset)
	c.positive("amount", b.Amount)
	c.optID("reference", b.Reference)
}

func (b *Transfer) validate(e *Event, c *checker) {
	c.id("transferId", b.TransferID)
	enum(c, "kind", b.Kind, transferKindNames[:])
	c.name("asset", b.Asset)
	c.positive("amount", b.Amount)
	if b.Kind == TransferInternal {
		c.check(b.ToSubaccount != e.Subaccount, "toSubaccount", "must be another subaccount than the header's")
		c.check(b.CounterpartyOwner == "", "counterpartyOwner", "only with kinds in and out")
		return
	}
	c.check(b.ToSubaccount == 0, "toSubaccount", "only with kind internal")
	c.id("counterpartyOwner", b.CounterpartyOwner)
}

// fee checks a fee and the asset it is paid in.
func (c *checker) fee(fee Number, asset string) {
	c.optName("feeAsset", asset)
	if fee.Present && asset == "" {
		c.missing("feeAsset")
	}
}

func (b *Fill) validate(_ *Event, c *checker) {
	c.name("market", b.Market)
	enum(c, "leg", b.Leg, legNames[:])
	enum(c, "side", b.Side, sideNames[:])
	c.positive("size", b.Size)
	c.positive("price", b.Price)
	c.fee(b.Fee, b.FeeAsset)
	c.id("tradeId", b.TradeID)
	c.optID("orderId", b.OrderID)
	optEnum(c, "liquidity", b.Liquidity, liquidityNames[:])
	enum(c, "reason", b.Reason, fillReasonNames[:])
	c.optAtLeastZero("isolatedMargin", b.IsolatedMargin)
	if b.Liquidation != "" {
		c.optID("liquidation", b.Liquidation)
		c.check(b.Reason == ReasonLiquidation || b.Reason == ReasonADL, "liquidation", "only with reason liquidation or adl")
	}
}

func (b *SpotFill) validate(_ *Event, c *checker) {
	c.name("baseAsset", b.BaseAsset)
	c.name("quoteAsset", b.QuoteAsset)
	c.check(b.BaseAsset != b.QuoteAsset, "quoteAsset", "must be another asset than baseAsset")
	enum(c, "side", b.Side, sideNames[:])
	c.positive("size", b.Size)
	c.positive("quoteAmount", b.QuoteAmount)
	c.fee(b.Fee, b.FeeAsset)
	c.id("tradeId", b.TradeID)
	c.optID("orderId", b.OrderID)
}

func (b *AssetConverted) validate(_ *Event, c *checker) {
	c.name("fromAsset", b.FromAsset)
	c.positive("fromAmount", b.FromAmount)
	c.name("toAsset", b.ToAsset)
	c.check(b.FromAsset != b.ToAsset, "toAsset", "must be another asset than fromAsset")
	c.positive("toAmount", b.ToAmount)
	c.optID("reference", b.Reference)
}

func (b *InterestAccrued) validate(_ *Event, c *checker) {
	c.name("asset", b.Asset)
	c.notZero("amount", b.Amount)
	c.optID("reference", b.Reference)
}

func (b *OrderMargin) validate(_ *Event, c *checker) {
	c.name("market", b.Market)
	enum(c, "leg", b.Leg, legNames[:])
	c.atLeastZero("bidSize", b.BidSize)
	c.atLeastZero("bidNotional", b.BidNotional)
	c.atLeastZero("askSize", b.AskSize)
	c.atLeastZero("askNotional", b.AskNotional)
}

// MaxLeverage is the largest leverage of an account or a tier.
const MaxLeverage = 1000

func (b *LeverageSet) validate(_ *Event, c *checker) {
	c.name("market", b.Market)
	c.integer("leverage", b.Leverage, 1, MaxLeverage)
}

func (b *MarginModeSet) validate(_ *Event, c *checker) {
	c.name("market", b.Market)
	enum(c, "mode", b.Mode, marginModeNames[:])
	c.optAtLeastZero("isolatedMargin", b.IsolatedMargin)
	if b.Mode == Cross {
		c.check(b.IsolatedMargin.Sign() == 0, "isolatedMargin", "must be 0 with mode cross")
	}
}

func (b *IsolatedMarginMoved) validate(_ *Event, c *checker) {
	c.name("market", b.Market)
	enum(c, "leg", b.Leg, legNames[:])
	c.notZero("amount", b.Amount)
}

func (b *FundingPayment) validate(_ *Event, c *checker) {
	c.name("market", b.Market)
	enum(c, "leg", b.Leg, legNames[:])
	c.notZero("amount", b.Amount)
}

// Digits after the point of floors and levels.
const ratioDigits = 6

func (b *PortfolioStopSet) validate(_ *Event, c *checker) {
	c.optPositive("ratioFloor", b.RatioFloor)
	c.digits("ratioFloor", b.RatioFloor, ratioDigits)
}

// MaxMarginCallLevels bounds MarginCallLevelsSet.
const MaxMarginCallLevels = 8

var one, hundred = MustNumber("1"), MustNumber("100")

func (b *MarginCallLevelsSet) validate(_ *Event, c *checker) {
	c.length("levels", len(b.Levels), 0, MaxMarginCallLevels)
	for i, level := range b.Levels {
		c.in("levels", i)
		c.check(level.Cmp(one) > 0 && level.Cmp(hundred) <= 0, "", "must be greater than 1 and at most 100")
		c.digits("", level, ratioDigits)
		c.check(i == 0 || level.Cmp(b.Levels[i-1]) < 0, "", "levels must fall strictly")
	}
	c.out()
}

func (b *BankruptcyCovered) validate(_ *Event, c *checker) {
	c.id("liquidation", b.Liquidation)
	c.pool(b.Market, b.Leg)
	c.positive("amount", b.Amount)
	c.optName("fund", b.Fund)
}

// pool checks the optional market and leg of an isolated pool.
func (c *checker) pool(market string, leg Leg) {
	if market == "" {
		c.check(leg == 0, "leg", "only with market")
		return
	}
	c.name("market", market)
	enum(c, "leg", leg, legNames[:])
}

func (b *TradeBusted) validate(_ *Event, c *checker) {
	c.id("tradeId", b.TradeID)
	c.name("market", b.Market)
	enum(c, "leg", b.Leg, legNames[:])
	enum(c, "side", b.Side, sideNames[:])
	c.positive("size", b.Size)
	c.positive("price", b.Price)
	c.fee(b.Fee, b.FeeAsset)
	c.deadLetter(b.DeadLetter)
}

func (c *checker) deadLetter(o *Offset) {
	if o == nil {
		return
	}
	c.free("deadLetter.topic", o.Topic)
	c.check(o.Partition >= 0, "deadLetter.partition", "must not be negative")
	c.check(o.Offset >= 0, "deadLetter.offset", "must not be negative")
}

func (b *Adjustment) validate(_ *Event, c *checker) {
	c.optName("asset", b.Asset)
	switch {
	case b.Asset != "" && !b.Amount.Present:
		c.missing("amount")
	case b.Asset == "" && b.Amount.Present:
		c.missing("asset")
	}
	c.pool(b.Market, b.Leg)
	if b.Size.Present {
		if b.Market == "" {
			c.missing("market")
		}
		c.notZero("size", b.Size)
		c.positive("entryPrice", b.EntryPrice)
	}
	c.check(b.Size.Present || !b.EntryPrice.Present, "entryPrice", "only with size")
	c.check(b.Market == "" || b.Size.Present || b.Amount.Present, "market", "only with amount or size")
	c.check(b.Size.Present || b.Amount.Present || b.DeadLetter != nil, "amount", "an adjustment has an amount, a size or a deadLetter")
	c.free("reason", b.Reason)
	c.optID("reference", b.Reference)
	c.deadLetter(b.DeadLetter)
}
