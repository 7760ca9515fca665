package events

// The bounds of the facts of venues and markets, as the comments of their fields give them.

// Bounds of venues and markets.
const (
	MinValueScale   = 6
	MaxValueScale   = 18
	MaxParams       = 64   // of a market
	MaxVenueParams  = 4096 // of a profile: scenario grids are long
	MaxQuantities   = 128  // of a pool
	MaxTiers        = 32
	MaxHaircutTiers = 16

	rateDigits    = 9  // of maintenance rates and haircuts
	fundingDigits = 12 // of funding rates and collateral prices

	maxIntervalSeconds = 86_400 // of a funding rate: a day
)

func (b *VenueProfileSet) validate(_ *Event, c *checker) {
	c.name("profile", b.Profile)
	c.name("profileVersion", b.ProfileVersion)
	c.name("settlementAsset", b.SettlementAsset)
	c.integer("valueScale", b.ValueScale, MinValueScale, MaxValueScale)
	c.params("params", b.Params, MaxVenueParams)
}

// params checks a list of named numbers.
func (c *checker) params(field string, params []Param, most int) {
	c.length(field, len(params), 0, most)
	for i := range params {
		c.in(field, i)
		c.name("name", params[i].Name)
		c.any("value", params[i].Value)
		c.check(i == 0 || params[i].Name > params[i-1].Name, "name", "names must rise strictly")
	}
	c.out()
}

func (b *MarketListed) validate(_ *Event, c *checker) {
	c.name("market", b.Market)
	c.name("underlying", b.Underlying)
	c.integer("priceScale", b.PriceScale, 0, MaxValueScale)
	c.integer("sizeScale", b.SizeScale, 0, MaxValueScale)
	c.check(b.PriceScale+b.SizeScale <= MaxValueScale, "sizeScale", "price and size scale together must be at most 18")
	c.positive("maxPrice", b.MaxPrice)
	c.digits("maxPrice", b.MaxPrice, uint8(b.PriceScale))
	c.positive("maxSize", b.MaxSize)
	c.digits("maxSize", b.MaxSize, uint8(b.SizeScale))
	c.rules(&b.Rules)
	c.optName("longToken", b.LongToken)
	c.optName("shortToken", b.ShortToken)
	switch {
	case b.LongToken != "" && b.ShortToken == "":
		c.missing("shortToken")
	case b.ShortToken != "" && b.LongToken == "":
		c.missing("longToken")
	}
}

func (b *MarketChanged) validate(_ *Event, c *checker) {
	c.name("market", b.Market)
	c.rules(&b.Rules)
}

func (c *checker) rules(r *MarketRules) {
	c.tiers(r.Tiers)
	enum(c, "rules.funding", r.FundingMode, fundingModeNames[:])
	c.optAtLeastZero("rules.liquidationFee", r.LiquidationFee)
	c.check(r.LiquidationFee.Cmp(one) <= 0, "rules.liquidationFee", "must be at most 1")
	c.params("rules.params", r.Params, MaxParams)
	optEnum(c, "rules.marginModes", r.Modes, marginModesNames[:])
}

// tiers checks that maintenance is a continuous, convex function of notional:
//
//	deduction[0] = 0;  deduction[n] = deduction[n-1] + lower[n] · (rate[n] − rate[n-1])
func (c *checker) tiers(tiers []Tier) {
	c.length("rules.tiers", len(tiers), 0, MaxTiers)
	for i := range tiers {
		t := &tiers[i]
		c.in("rules.tiers", i)
		c.atLeastZero("lowerNotional", t.LowerNotional)
		c.integer("maxLeverage", t.MaxLeverage, 1, MaxLeverage)
		c.positive("maintenanceRate", t.MaintenanceRate)
		c.check(t.MaintenanceRate.Cmp(one) <= 0, "maintenanceRate", "must be at most 1")
		c.digits("maintenanceRate", t.MaintenanceRate, rateDigits)
		c.any("deduction", t.Deduction)
		if i == 0 {
			c.check(t.LowerNotional.Sign() == 0, "lowerNotional", "must be 0 in the first tier")
			c.check(t.Deduction.Sign() == 0, "deduction", "must be 0 in the first tier")
			continue
		}
		last := &tiers[i-1]
		c.check(t.LowerNotional.Cmp(last.LowerNotional) > 0, "lowerNotional", "must rise strictly")
		c.check(t.MaxLeverage <= last.MaxLeverage, "maxLeverage", "must not rise")
		c.check(t.MaintenanceRate.Cmp(last.MaintenanceRate) >= 0, "maintenanceRate", "must not fall")
		step := t.MaintenanceRate.Decimal().Sub(last.MaintenanceRate.Decimal())
		want := last.Deduction.Decimal().Add(t.LowerNotional.Decimal().Mul(step))
		if !t.Deduction.Decimal().Equal(want) {
			c.bad("deduction", "maintenance is not continuous at the edge: must be "+want.String())
		}
	}
	c.out()
}

func (b *MarketHalted) validate(_ *Event, c *checker) {
	c.name("market", b.Market)
	c.optFree("reason", b.Reason)
}

func (b *MarketResumed) validate(_ *Event, c *checker) {
	c.name("market", b.Market)
}

func (b *MarketSettled) validate(_ *Event, c *checker) {
	c.name("market", b.Market)
	c.positive("price", b.Price)
}

func (b *MarkPrice) validate(_ *Event, c *checker) {
	c.name("market", b.Market)
	if !b.Mark.Present && !b.Index.Present {
		c.missing("mark")
	}
	c.optPositive("mark", b.Mark)
	c.optPositive("index", b.Index)
	c.optPositive("oracle", b.Oracle)
	c.optPositive("min", b.Min)
	c.optPositive("max", b.Max)
	if b.Min.Present && b.Max.Present {
		c.check(b.Min.Cmp(b.Max) <= 0, "max", "must not be less than min")
	}
}

func (b *FundingRate) validate(_ *Event, c *checker) {
	c.name("market", b.Market)
	c.any("rate", b.Rate)
	c.check(b.Rate.Cmp(one) <= 0 && b.Rate.Neg().Cmp(one) <= 0, "rate", "must be from -1 to 1")
	c.digits("rate", b.Rate, fundingDigits)
	c.positive("price", b.Price)
	if b.IntervalSeconds != 0 { // absent
		c.integer("intervalSeconds", b.IntervalSeconds, 1, maxIntervalSeconds)
	}
}

func (b *CollateralPrice) validate(_ *Event, c *checker) {
	c.name("asset", b.Asset)
	c.positive("price", b.Price)
	c.digits("price", b.Price, fundingDigits)
	c.pair("min", b.Min, "max", b.Max)
	c.digits("min", b.Min, fundingDigits)
	c.digits("max", b.Max, fundingDigits)
}

func (b *CollateralChanged) validate(_ *Event, c *checker) {
	c.name("asset", b.Asset)
	c.length("haircuts", len(b.Haircuts), 1, MaxHaircutTiers)
	for i := range b.Haircuts {
		h := &b.Haircuts[i]
		c.in("haircuts", i)
		c.atLeastZero("lowerValue", h.LowerValue)
		c.atLeastZero("haircut", h.Haircut)
		c.check(h.Haircut.Cmp(one) <= 0, "haircut", "must be at most 1")
		c.digits("haircut", h.Haircut, rateDigits)
		if i == 0 {
			c.check(h.LowerValue.Sign() == 0, "lowerValue", "must be 0 in the first tier")
			continue
		}
		c.check(h.LowerValue.Cmp(b.Haircuts[i-1].LowerValue) > 0, "lowerValue", "must rise strictly")
		c.check(h.Haircut.Cmp(b.Haircuts[i-1].Haircut) >= 0, "haircut", "must not fall")
	}
	c.out()
	c.optAtLeastZero("cap", b.Cap)
}

func (b *OpenInterest) validate(_ *Event, c *checker) {
	c.name("market", b.Market)
	c.atLeastZero("long", b.Long)
	c.atLeastZero("short", b.Short)
}

func (b *InsuranceFundMoved) validate(_ *Event, c *checker) {
	c.name("fund", b.Fund)
	c.name("asset", b.Asset)
	c.any("balance", b.Balance)
}

func (b *PoolState) validate(_ *Event, c *checker) {
	c.name("market", b.Market)
	c.params("quantities", b.Quantities, MaxQuantities)
}

func (b *BlockStarted) validate(*Event, *checker) {}
