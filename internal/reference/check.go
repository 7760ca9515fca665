package reference

import (
	"math"
	"slices"

	"github.com/shopspring/decimal"

	"marginledger/events"
)

// § 5, the checks that come before the rules of the type: names, settled markets, numbers.

func (t *transaction) check() string {
	e := t.event
	if e.Type == events.TypeVenueProfileSet { // all its checks are rules of its type
		return ""
	}
	if t.venue == nil {
		return "unknown_venue"
	}
	if b, ok := e.Body.(*events.TradeBusted); ok && b.DeadLetter != nil { // it checks nothing else
		return ""
	}
	for _, name := range marketsNamed(e.Body) {
		if t.venue.markets[name] == nil {
			return "unknown_market"
		}
	}
	for _, name := range assetsNamed(e.Body) {
		if name != t.venue.settlement && t.venue.assets[name] == nil {
			return "unknown_asset"
		}
	}
	for _, name := range marketsTraded(e.Body) {
		if t.venue.markets[name].settled {
			return "market_settled"
		}
	}
	if ofOtherVenues(e.Body) {
		return "not_supported"
	}
	for _, f := range t.venue.numbers(e.Body) {
		if reason := f.check(); reason != "" {
			return reason
		}
	}
	return ""
}

// ofOtherVenues reports what only venues have whose positions carry collateral of their own.
func ofOtherVenues(body events.Body) bool {
	switch b := body.(type) {
	case *events.MarketListed:
		return b.LongToken != ""
	case *events.AccountOpeningState:
		return slices.ContainsFunc(b.Positions, func(p events.OpeningPosition) bool { return p.Collateral != "" })
	}
	return false
}

// marketsNamed returns the markets that must be listed, without optional ones that are absent.
func marketsNamed(body events.Body) []string {
	optional := func(name string) []string {
		if name == "" {
			return nil
		}
		return []string{name}
	}
	switch b := body.(type) {
	case *events.AccountOpeningState:
		var names []string
		for _, p := range b.Positions {
			names = append(names, p.Market)
		}
		for _, c := range b.Claims {
			names = append(names, c.Market)
		}
		return names
	case *events.Deposit:
		return optional(b.Market)
	case *events.Fill:
		return []string{b.Market}
	case *events.OrderMargin:
		return []string{b.Market}
	case *events.LeverageSet:
		return []string{b.Market}
	case *events.MarginModeSet:
		return []string{b.Market}
	case *events.IsolatedMarginMoved:
		return []string{b.Market}
	case *events.FundingPayment:
		return []string{b.Market}
	case *events.BankruptcyCovered:
		return optional(b.Market)
	case *events.TradeBusted:
		return []string{b.Market}
	case *events.Adjustment:
		return optional(b.Market)
	case *events.MarketChanged:
		return []string{b.Market}
	case *events.MarketHalted:
		return []string{b.Market}
	case *events.MarketResumed:
		return []string{b.Market}
	case *events.MarketSettled:
		return []string{b.Market}
	case *events.MarkPrice:
		return []string{b.Market}
	case *events.FundingRate:
		return []string{b.Market}
	case *events.OpenInterest:
		return []string{b.Market}
	case *events.PoolState:
		return []string{b.Market}
	case *events.PositionChanged:
		return []string{b.Market}
	case *events.LeverageCapSet:
		return []string{b.Market}
	case *events.WithdrawalsGated:
		return optional(b.Market)
	}
	return nil
}

// assetsNamed returns the assets that must be known.
func assetsNamed(body events.Body) []string {
	var names []string
	switch b := body.(type) {
	case *events.AccountOpeningState:
		for _, balance := range b.Balances {
			names = append(names, balance.Asset)
		}
		for _, p := range b.Positions {
			names = append(names, p.Collateral)
		}
		for _, c := range b.Claims {
			names = append(names, c.Asset)
		}
	case *events.MarketListed:
		names = []string{b.LongToken, b.ShortToken}
	case *events.Deposit:
		names = []string{b.Asset}
	case *events.Withdrawal:
		names = []string{b.Asset}
	case *events.Transfer:
		names = []string{b.Asset}
	case *events.Fill:
		names = []string{b.FeeAsset}
	case *events.SpotFill:
		names = []string{b.BaseAsset, b.QuoteAsset, b.FeeAsset}
	case *events.AssetConverted:
		names = []string{b.FromAsset, b.ToAsset}
	case *events.InterestAccrued:
		names = []string{b.Asset}
	case *events.TradeBusted:
		names = []string{b.FeeAsset}
	case *events.Adjustment:
		names = []string{b.Asset}
	case *events.CollateralPrice:
		names = []string{b.Asset}
	case *events.InsuranceFundMoved:
		names = []string{b.Asset}
	case *events.PositionChanged:
		names = []string{b.Collateral}
	case *events.PoolBalanceObserved:
		names = []string{b.Asset}
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// marketsTraded returns the markets that must not be settled.
func marketsTraded(body events.Body) []string {
	switch b := body.(type) {
	case *events.Fill, *events.OrderMargin, *events.MarkPrice, *events.MarketSettled, *events.AccountOpeningState, *events.TradeBusted:
		return marketsNamed(body)
	case *events.Adjustment:
		if b.Size.Present {
			return []string{b.Market}
		}
	}
	return nil
}

// field is one number of an event with what § 1 allows it.
type field struct {
	number events.Number
	scale  int32
	bound  decimal.Decimal // of the absolute value; 0: none
}

func (f field) check() string {
	switch {
	case int32(f.number.Scale) > f.scale:
		return "too_many_digits"
	case f.bound.IsPositive() && f.number.Decimal().Abs().Cmp(f.bound) > 0:
		return "out_of_range"
	}
	return ""
}

// numbers returns the numbers of an event whose digits and size depend on the venue or the market,
// in declared order.
func (v *venue) numbers(body events.Body) []field {
	amount := func(n events.Number) field { return field{n, v.scale, decimal.New(1, 30-v.scale)} }
	price := func(market string, n events.Number) field {
		m := v.markets[market]
		return field{n, m.priceScale, m.maxPrice}
	}
	size := func(market string, n events.Number) field {
		m := v.markets[market]
		return field{n, m.sizeScale, decimal.New(math.MaxInt64, -m.sizeScale)}
	}
	heldSize := func(market string, n events.Number) field {
		m := v.markets[market]
		return field{n, m.sizeScale, m.maxSize}
	}
	digits := func(n events.Number, scale int32) field { return field{n, scale, zero} }

	var fields []field
	addRules := func(r events.MarketRules) {
		for _, t := range r.Tiers {
			fields = append(fields, amount(t.LowerNotional), digits(t.MaintenanceRate, 9), amount(t.Deduction))
		}
		fields = append(fields, digits(r.MakerFee, 9), digits(r.TakerFee, 9), digits(r.LiquidationFee, 9))
	}
	switch b := body.(type) {
	case *events.AccountOpeningState:
		for _, balance := range b.Balances {
			fields = append(fields, amount(balance.Amount))
		}
		for _, p := range b.Positions {
			fields = append(fields, heldSize(p.Market, p.Size), price(p.Market, p.EntryPrice), amount(p.Isolated))
		}
	case *events.Deposit:
		fields = []field{amount(b.Amount)}
	case *events.Withdrawal:
		fields = []field{amount(b.Amount)}
	case *events.Transfer:
		fields = []field{amount(b.Amount)}
	case *events.Fill:
		fields = []field{size(b.Market, b.Size), price(b.Market, b.Price), amount(b.Fee), amount(b.IsolatedMargin)}
	case *events.SpotFill:
		fields = []field{amount(b.Size), amount(b.QuoteAmount), amount(b.Fee)}
	case *events.AssetConverted:
		fields = []field{amount(b.FromAmount), amount(b.ToAmount)}
	case *events.InterestAccrued:
		fields = []field{amount(b.Amount)}
	case *events.OrderMargin:
		fields = []field{heldSize(b.Market, b.BidSize), amount(b.BidNotional), heldSize(b.Market, b.AskSize), amount(b.AskNotional)}
	case *events.MarginModeSet:
		fields = []field{amount(b.IsolatedMargin)}
	case *events.IsolatedMarginMoved:
		fields = []field{amount(b.Amount)}
	case *events.FundingPayment:
		fields = []field{amount(b.Amount)}
	case *events.PortfolioStopSet:
		fields = []field{amount(b.EquityFloor), digits(b.RatioFloor, 6)}
	case *events.MarginCallLevelsSet:
		for _, level := range b.Levels {
			fields = append(fields, digits(level, 6))
		}
	case *events.BankruptcyCovered:
		fields = []field{amount(b.Amount)}
	case *events.TradeBusted:
		fields = []field{size(b.Market, b.Size), price(b.Market, b.Price), amount(b.Fee)}
	case *events.Adjustment:
		fields = []field{amount(b.Amount)}
		if b.Market != "" {
			fields = append(fields, size(b.Market, b.Size), price(b.Market, b.EntryPrice))
		}
	case *events.MarketListed:
		ps, ss := int32(b.PriceScale), int32(b.SizeScale)
		fields = []field{{b.MaxPrice, ps, decimal.New(1, 15-ps)}, {b.MaxSize, ss, decimal.New(1, 15-ss)}}
		addRules(b.Rules)
	case *events.MarketChanged:
		addRules(b.Rules)
	case *events.MarketSettled:
		fields = []field{price(b.Market, b.Price)}
	case *events.MarkPrice:
		for _, n := range []events.Number{b.Mark, b.Index, b.Oracle, b.Min, b.Max} {
			fields = append(fields, price(b.Market, n))
		}
	case *events.FundingRate:
		fields = []field{digits(b.Rate, 12), price(b.Market, b.Price)}
	case *events.CollateralPrice:
		fields = []field{{b.Price, 12, maxCollateralPrice}}
	case *events.CollateralChanged:
		for _, tier := range b.Haircuts {
			fields = append(fields, amount(tier.LowerValue), digits(tier.Haircut, 9))
		}
		fields = append(fields, amount(b.Cap))
	case *events.OpenInterest:
		fields = []field{size(b.Market, b.Long), size(b.Market, b.Short)}
	case *events.InsuranceFundMoved:
		fields = []field{amount(b.Balance)}
	}
	return fields
}

// maxCollateralPrice is the largest price of collateral.
var maxCollateralPrice = decimal.New(9, 6)
