package events

// The bounds of the facts that only some venues have, as the comments of their fields give them.

func (b *PositionChanged) validate(_ *Event, c *checker) {
	c.name("market", b.Market)
	c.name("collateral", b.Collateral)
	enum(c, "leg", b.Leg, legNames[:])
	c.check(b.Leg != LegNet, "leg", "must be long or short")
	enum(c, "change", b.Change, positionChangeNames[:])
	c.atLeastZero("sizeUsd", b.SizeUSD)
	c.atLeastZero("collateralDelta", b.CollateralDelta)
	c.check(b.SizeUSD.Sign() > 0 || b.CollateralDelta.Sign() > 0, "sizeUsd", "sizeUsd or collateralDelta must be greater than zero")
	c.pair("indexMin", b.IndexMin, "indexMax", b.IndexMax)
	c.pair("longMin", b.LongMin, "longMax", b.LongMax)
	c.pair("shortMin", b.ShortMin, "shortMax", b.ShortMax)
	c.id("orderId", b.OrderID)
	if b.Liquidation != "" {
		c.optID("liquidation", b.Liquidation)
		c.check(b.Change == ChangeLiquidation || b.Change == ChangeADL, "liquidation", "only with change liquidation or adl")
	}
	c.params("params", b.Params, MaxParams)
}

func (b *AccountParamsSet) validate(_ *Event, c *checker) {
	c.params("params", b.Params, MaxParams)
}

// collateral checks what an opening position has of its own.
func (c *checker) collateral(p *OpeningPosition) {
	c.optName("collateral", p.Collateral)
	c.optAtLeastZero("collateralAmount", p.CollateralAmount)
	switch {
	case p.Collateral != "" && !p.CollateralAmount.Present:
		c.missing("collateralAmount")
	case p.Collateral == "" && p.CollateralAmount.Present:
		c.missing("collateral")
	case p.Collateral == "":
		c.check(len(p.Params) == 0, "params", "only with collateral")
	default:
		c.check(p.Leg != LegNet, "leg", "must be long or short where there is collateral")
		c.check(!p.Isolated.Present, "isolatedMargin", "not with collateral")
	}
	if len(p.Params) > 0 {
		c.enter()
		c.params("params", p.Params, MaxParams)
		c.leave()
	}
}

// pair checks the least and the greatest price of a venue with price pairs: both, or neither.
func (c *checker) pair(minField string, least Number, maxField string, greatest Number) {
	c.optPositive(minField, least)
	c.optPositive(maxField, greatest)
	switch {
	case least.Present && !greatest.Present:
		c.missing(maxField)
	case greatest.Present && !least.Present:
		c.missing(minField)
	}
	if least.Cmp(greatest) > 0 {
		c.bad(maxField, "must not be less than "+minField)
	}
}

func (b *AccountModeSet) validate(_ *Event, c *checker) {
	c.name("mode", b.Mode)
}

func (b *LeverageCapSet) validate(_ *Event, c *checker) {
	c.name("market", b.Market)
	c.integer("maxLeverage", b.MaxLeverage, 0, MaxLeverage)
}

func (b *PoolBalanceObserved) validate(_ *Event, c *checker) {
	c.name("asset", b.Asset)
	c.any("amount", b.Amount)
}

func (b *WithdrawalsGated) validate(_ *Event, c *checker) {
	c.optName("market", b.Market)
}
