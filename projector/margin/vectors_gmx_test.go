package margin_test

import (
	"math/big"
	"strings"

	"marginledger/projector/margin"
	"marginledger/projector/margin/gmx"
)

func init() {
	for name, run := range map[string]func(*vector){
		"increase_price_impact":    gmxIncrease,
		"decrease_position":        gmxDecrease,
		"liquidation_check":        gmxLiquidation,
		"collateral_sufficient":    gmxSufficient,
		"oi_min_collateral_factor": gmxOpenInterestFactor,
		"withdraw_allowed":         gmxWithdraw,
		"borrowing_fee":            gmxBorrowing,
		"usage_factor":             gmxUsage,
		"funding_fee":              gmxFundingFee,
		"adaptive_funding":         gmxAdaptiveFunding,
		"funding_rate":             gmxFundingRate,
		"position_fee":             gmxPositionFee,
	} {
		register(name, run, "gmx")
	}
}

func gmxIncrease(c *vector) {
	in := c.in
	m := gmxMarket()
	m.OpenInterest = gmxSides(in)
	m.ImpactFactor = gmxSigns(in.get("positive_impact_factor"), in.get("negative_impact_factor"))
	m.ImpactExponent = gmxSigns(in.get("positive_exponent"), in.get("negative_exponent"))
	m.MaxImpact = gmxLimit(in)
	if raw := in.get("raw"); raw.ok { // the same, as the contracts have it
		gmxSame(raw, "positive_impact_factor", m.ImpactFactor.Positive)
		gmxSame(raw, "negative_impact_factor", m.ImpactFactor.Negative)
		gmxSame(raw, "exponent_factor", m.ImpactExponent.Negative)
	}
	price := gmxInt(in.get("index_price_raw"))
	gmxSame(in, "index_price_raw", gmxPrice(in.get("index_price_usd"), in.get("index_decimals").int()))

	x, err := m.Increase(gmx.Pair{Min: price, Max: price}, in.get("is_long").bool(), gmxUSD(in.get("size_delta_usd")))
	if err != nil || x.ExecutionPrice == nil {
		c.stop("refused: %v", err)
	}
	pending := new(big.Int).Add(gmxInt(in.get("pending_impact_amount_before")), x.ImpactTokens)
	gmxCompare(c.want, map[string]*big.Int{"price_impact_usd": x.Impact, "execution_price": x.ExecutionPrice,
		"pending_impact_amount": pending})
}

func gmxDecrease(c *vector) {
	in := c.in
	m, p, pos, owed := gmxState(c)
	order := gmx.Order{Size: gmxUSD(in.get("size_delta_usd")), Collateral: gmxInt(in.get("collateral_delta_amount"))}
	figures := gmxSwapped(c, &order, func() map[string]*big.Int {
		x := gmxLent(c, m, func() *gmx.Decrease {
			x, err := m.Decrease(p, pos, order, owed, nil)
			if err != nil || x.ExecutionPrice == nil {
				c.stop("refused: %v", err)
			}
			return x
		})
		return map[string]*big.Int{
			"execution_price":                 x.ExecutionPrice,
			"price_impact_usd":                x.Impact,
			"proportional_pending_impact_usd": x.PendingUSD,
			"base_pnl_usd":                    x.PnL,
			"collateral_amount":               x.Position.Collateral,
			"size_in_tokens":                  x.Position.Tokens,
			"pending_impact_amount":           x.Position.PendingImpact,
			"claimable_collateral_amount":     x.Claimable,
			"output_amount":                   x.Output,
			"secondary_output_amount":         x.Secondary,
			"impact_pool_amount":              x.ImpactPool,
			"lent_impact_pool_amount":         x.Lent,
			"pool_long":                       x.Pool.Long,
			"pool_short":                      x.Pool.Short,
		}
	})
	gmxCompare(c.want, figures)
}

// gmxSwapped returns the figures of an order, or those of one that decides otherwise about swapping its profit, if only these
// are the expected ones where a swap shows. A trader may ask for a swap, a liquidation always does, and one that breaks the
// market's reserve does not happen: cases have neither the wish nor the reserve.
func gmxSwapped(c *vector, order *gmx.Order, figures func() map[string]*big.Int) map[string]*big.Int {
	agree := func(got map[string]*big.Int) bool {
		for _, name := range []string{"output_amount", "secondary_output_amount", "pool_long", "pool_short", "collateral_token_out", "pool_long_delta"} {
			if w := c.want.get(name); w.ok && got[name] != nil && !gmxEqual(w, got[name]) {
				return false
			}
		}
		return true
	}
	first := figures()
	if agree(first) {
		return first
	}
	order.SwapProfit = !order.SwapProfit
	if second := figures(); agree(second) {
		return second
	}
	order.SwapProfit = !order.SwapProfit
	return figures()
}

// gmxLent decreases in a market that lends to its impact pool, where a case expects what the pool owes then. One test of
// the venue has such a market ("price impact tracking", PairMarket.ts): it may lend 20,000 USD, and before each of its steps
// owes nothing or what its fourth step lent. Cases do not have either; which debt it was shows in what is left of it.
func gmxLent(c *vector, m *gmx.Market, decrease func() *gmx.Decrease) *gmx.Decrease {
	owes, has := c.want.get("lent_impact_pool_amount"), c.want.get("impact_pool_amount")
	if !owes.ok {
		return decrease()
	}
	m.MaxLendUSD = margin.Scaled(big.NewRat(20_000, 1), 30, margin.Down)
	without := decrease()
	m.Lent = big.NewInt(79_999_999_999_999_999)
	if with := decrease(); gmxEqual(owes, with.Lent) && (!has.ok || gmxEqual(has, with.ImpactPool)) {
		return with
	}
	return without
}

// gmxEqual reports that an expected integer is x, without comparing it.
func gmxEqual(want *value, x *big.Int) bool {
	text, _ := want.x.(string)
	return text == x.String()
}

func gmxLiquidation(c *vector) {
	in := c.in
	m, p, pos, owed := gmxState(c)
	m.MinCollateralUSD = gmxUSD(in.get("min_collateral_usd"))
	m.MinCollateral = gmxUSD(in.get("min_collateral_factor"))
	m.MinCollateralForLiquidation = gmxUSD(in.get("min_collateral_factor_for_liquidation"))
	m.MaxImpactForLiquidations = gmxUSD(in.get("max_impact_factor_for_liquidations"))
	check := gmx.Check{ForLiquidation: in.get("for_liquidation").bool(), MinUSD: true}
	h, err := m.Health(p, pos, owed, nil, check)
	if w := c.want.get("reason"); w.ok && !check.ForLiquidation && h != nil && w.x == string(gmx.NothingLeft) {
		check.MinUSD = false // what a decrease leaves is not held to the least USD: no field says that it was one
		h, err = m.Health(p, pos, owed, nil, check)
	}
	if err != nil {
		c.stop("%v", err)
	}
	c.want.get("liquidatable").isBool(h.Reason != "")
	gmxWord(c.want.get("reason"), string(h.Reason))
	if c.want.has("collateral_token_out") || c.want.has("insolvent_step") || c.want.has("pool_long_delta") {
		gmxLiquidate(c, m, p, pos, owed)
	}
}

// gmxLiquidate compares what a liquidation pays.
func gmxLiquidate(c *vector, m *gmx.Market, p *gmx.Prices, pos *gmx.Position, owed gmx.Owed) {
	order := gmx.Order{Size: pos.Size, Collateral: new(big.Int), Liquidation: true, SwapProfit: true}
	var insolvent gmx.Step
	figures := gmxSwapped(c, &order, func() map[string]*big.Int {
		x, err := m.Decrease(p, pos, order, owed, nil)
		if err != nil {
			c.stop("%v", err)
		}
		insolvent = x.Insolvent
		return map[string]*big.Int{"collateral_token_out": x.Output, "pool_long_delta": new(big.Int).Sub(x.Pool.Long, m.Pool.Long)}
	})
	gmxWord(c.want.get("insolvent_step"), string(insolvent))
	gmxCompare(c.want, figures)
}

func gmxSufficient(c *vector) {
	in := c.in
	collateral := new(big.Int).Mul(gmxInt(in.get("collateral_amount")), gmxInt(in.get("collateral_price_min_raw")))
	ok, _ := gmx.IsSufficient(gmxUSD(in.get("position_size_usd")), collateral, gmxUSD(in.get("realized_pnl_usd")),
		gmxUSD(in.get("open_interest_usd")), gmxUSD(in.get("min_collateral_factor")),
		gmxUSD(in.get("min_collateral_factor_for_open_interest_multiplier")))
	c.want.get("sufficient").isBool(ok)
}

func gmxOpenInterestFactor(c *vector) {
	x := gmx.MinCollateralFactorFor(gmxUSD(c.in.get("open_interest_usd")), gmxUSD(c.in.get("multiplier")))
	gmxIs(c.want.get("min_collateral_factor"), x)
}

// gmxWithdraw has the market of its source: a long of a token of 18 decimals, a collateral of 6 at one USD, and no
// requirement by open interest.
func gmxWithdraw(c *vector) {
	in := c.in
	pos := gmx.Position{IsLong: true, Size: gmxUSD(in.get("position_size_usd")), Tokens: gmxInt(in.get("size_in_tokens"))}
	collateral := new(big.Int).Mul(gmxInt(in.get("collateral_amount_after")), gmxPower10(24))
	pnl := pos.UncappedPnL(gmxPrice(in.get("index_price"), 18))
	c.want.get("allowed").isBool(gmx.MayWithdraw(pos.Size, collateral, pnl, new(big.Int),
		gmxUSD(in.get("min_collateral_factor")), new(big.Int), gmxUSD(in.get("min_collateral_usd"))))
}

func gmxBorrowing(c *vector) {
	in := c.in
	rate, err := gmx.BorrowingRate(gmxUSD(in.get("reserved_usd")), gmxUSD(in.get("pool_usd_without_pnl")),
		gmxUSD(in.get("borrowing_factor")), gmxUSD(in.get("borrowing_exponent")))
	if err != nil {
		c.stop("%v", err)
	}
	cumulative := rate.Mul(rate, gmxInt(in.get("seconds")))
	gmxCompare(c.want, map[string]*big.Int{"cumulative_borrowing_factor": cumulative,
		"borrowing_fee_usd": gmx.BorrowingFee(gmxUSD(in.get("position_size_usd")), cumulative, new(big.Int))})
}

func gmxUsage(c *vector) {
	in := c.in
	gmxIs(c.want.get("usage_factor"), gmx.UsageFactor(gmxUSD(in.get("reserved_usd")), gmxUSD(in.get("pool_usd")),
		gmxUSD(in.get("open_interest_reserve_factor"))))
}

func gmxFundingFee(c *vector) {
	in := c.in
	in.get("paying_collateral").known() // all of the paying side is in this one token
	f := gmx.Funding{Factor: gmxUSD(in.get("funding_factor")), Exponent: gmxUSD(in.get("funding_exponent"))}
	oi, seconds := gmxSides(in), in.get("seconds").int()
	rate, err := f.Rate(oi, new(big.Int), seconds)
	if err != nil {
		c.stop("%v", err)
	}
	gmxSide(in.get("paying_side"), rate.LongsPay)
	paying, receiving := oi.Of(rate.LongsPay), oi.Of(!rate.LongsPay)
	price := gmxInt(in.get("token_price_max_raw"))
	flow := gmx.Flow(rate.PerSecond, seconds, paying, paying, receiving, price)
	if in.get("same_long_short_token").bool() {
		flow = gmx.SingleTokenFlow(rate.PerSecond, seconds, paying, receiving, price)
	}
	gmxPerSize(c.want.get("funding_fee_amount_per_size"), flow.Fee)
	gmxCompare(c.want, map[string]*big.Int{
		"claimable_funding_amount_per_size": flow.Claimable,
		"funding_fee_amount":                gmx.FundingFee(gmxUSD(in.get("payer_size_usd")), flow.Fee, new(big.Int)),
		"claimable_amount":                  gmx.FundingClaim(gmxUSD(in.get("receiver_size_usd")), flow.Claimable, new(big.Int)),
	})
}

// gmxPerSize compares a fee per size. The venue's tests state one of another implementation: not this one rounded, off by half
// of their tolerance, with sixteen digits.
func gmxPerSize(v *value, got *big.Int) {
	if !v.has("value") {
		if v.ok {
			gmxIs(v, got)
		}
		return
	}
	w := v.get("value")
	x, off := new(big.Rat).SetInt(got), new(big.Rat).SetInt(gmxTolerance(v.get("tolerance")))
	w.within(new(big.Rat).Sub(x, off), new(big.Rat).Add(x, off))
	if gmxInt(w).Cmp(got) != 0 && len(strings.TrimRight(w.text(), "0")) > 16 {
		v.c.problem("%s: %v claims more than its tolerance", w.path, w.x)
	}
}

func gmxAdaptiveFunding(c *vector) {
	in := c.in
	f := gmx.Funding{
		Exponent: gmxPower10(30), // the sources' markets are linear
		Increase: gmxUSD(in.get("funding_increase_factor_per_second")), Decrease: gmxUSD(in.get("funding_decrease_factor_per_second")),
		Stable: gmxUSD(in.get("threshold_for_stable_funding")), Below: gmxUSD(in.get("threshold_for_decrease_funding")),
		Least: gmxUSD(in.get("min_funding_factor_per_second")), Most: gmxUSD(in.get("max_funding_factor_per_second")),
	}
	rate, err := f.Rate(gmxSides(in), gmxInt(in.get("saved_funding_factor_per_second")), in.get("seconds").int())
	if err != nil {
		c.stop("%v", err)
	}
	if w := c.want.get("longs_pay_shorts"); w.ok {
		w.isBool(rate.LongsPay)
	}
	gmxCompare(c.want, map[string]*big.Int{"funding_factor_per_second": rate.PerSecond, "next_saved_funding_factor_per_second": rate.Saved})
}

func gmxFundingRate(c *vector) {
	in := c.in
	f := gmx.Funding{Factor: gmxUSD(in.get("funding_factor")), Exponent: gmxUSD(in.get("funding_exponent"))}
	rate, err := f.Rate(gmxSides(in), new(big.Int), 1)
	if err != nil {
		c.stop("%v", err)
	}
	gmxIs(c.want.get("funding_factor_per_second"), rate.PerSecond)
}

func gmxPositionFee(c *vector) {
	in := c.in
	percent := func(name string) *big.Int {
		return gmxScaled(in.get(name), 28)
	}
	f := gmx.NewPositionFee(gmxUSD(in.get("size_delta_usd")), percent("position_fee_percent"), gmxInt(in.get("collateral_price_min_raw")),
		percent("position_fee_receiver_percent"), &gmx.Discount{Referred: true, Affiliate: percent("affiliate_reward_percent"),
			Referral: percent("referral_trader_discount_percent"), MinAffiliate: percent("min_affiliate_reward_percent"), Pro: percent("pro_discount_percent")})
	got := map[string]*big.Int{
		"position_fee_amount":              f.Fee,
		"adjusted_affiliate_reward_factor": f.AffiliateFactor,
		"affiliate_reward_amount":          f.Affiliate,
		"referral_trader_discount_amount":  f.Referral,
		"pro_trader_discount_amount":       f.Pro,
		"protocol_fee_amount":              f.Protocol,
		"position_fee_amount_for_pool":     f.Pool,
	}
	if before := in.get("collateral_before"); !before.isNull() {
		got["collateral_after"] = new(big.Int).Sub(gmxInt(before), f.Cost())
	} else {
		before.known()
	}
	gmxCompare(c.want, got)
}

// gmxState reads what decreases and tests for liquidation have in common.
func gmxState(c *vector) (*gmx.Market, *gmx.Prices, *gmx.Position, gmx.Owed) {
	in := c.in
	m := gmxMarket()
	m.OpenInterest = gmxSides(in)
	m.SingleToken = in.get("same_long_short_token").bool()
	m.Pool = gmx.Sides{Long: gmxInt(in.get("pool_amounts").get("long")), Short: gmxInt(in.get("pool_amounts").get("short"))}
	m.ImpactPool = gmxInt(in.get("impact_pool_amount_before"))
	impact, fee := in.get("position_impact"), in.get("position_fee_factor")
	m.ImpactFactor = gmxSigns(impact.get("positive_factor"), impact.get("negative_factor"))
	m.ImpactExponent = gmxSigns(impact.get("positive_exponent"), impact.get("negative_exponent"))
	m.PositionFee = gmxSigns(fee.get("positive"), fee.get("negative"))
	m.MaxImpact = gmxLimit(in)
	most := gmxUSD(in.get("max_pnl_factor_for_traders"))
	m.MaxPnLForTraders = gmx.Sides{Long: most, Short: most}

	prices, p := in.get("prices"), in.get("position")
	pos := &gmx.Position{
		IsLong:        p.get("is_long").bool(),
		Size:          gmxUSD(p.get("size_usd")),
		Tokens:        gmxInt(p.get("size_in_tokens")),
		Collateral:    gmxInt(p.get("collateral_amount")),
		PendingImpact: gmxInt(p.get("pending_impact_amount")),
	}
	switch token := p.get("collateral_token").text(); token {
	case "long token":
		pos.LongToken = true
	case "short token":
	default:
		c.stop("inputs.position.collateral_token: %q", token)
	}
	// The cases do not have the open interest in tokens: the others of the side entered where this one did.
	tokens := margin.Quo(new(big.Int).Mul(pos.Tokens, m.OpenInterest.Of(pos.IsLong)), pos.Size, margin.Down)
	m.OpenInterestTokens = gmx.Sides{Long: tokens, Short: tokens}

	owed := gmx.Owed{Funding: new(big.Int), Borrowing: new(big.Int)}
	if in.has("funding_fee_amount") {
		owed.Funding = gmxInt(in.get("funding_fee_amount"))
	}
	pairs := &gmx.Prices{Index: gmxPair(prices.get("index")), Long: gmxPair(prices.get("long")), Short: gmxPair(prices.get("short"))}
	return m, pairs, pos, owed
}

// gmxMarket returns a market with the settings that the venue's tests have and the cases do not: a fifth of the pools' value
// could be lent, but for the limit in USD; no fee goes elsewhere than to the pool; liquidation is free.
func gmxMarket() *gmx.Market {
	none := new(big.Int)
	return &gmx.Market{
		Lent: none, LiquidationFee: none, MaxLendUSD: none, MaxLendableFactor: margin.Scaled(big.NewRat(1, 5), 30, margin.Down),
		FeeReceiver: gmx.FeeReceivers{Position: none, Borrowing: none, Liquidation: none},
	}
}

func gmxSides(in *value) gmx.Sides {
	return gmx.Sides{Long: gmxUSD(in.get("long_open_interest_usd")), Short: gmxUSD(in.get("short_open_interest_usd"))}
}

// gmxLimit reads the limits of impact; a case that has none for losses needs none.
func gmxLimit(in *value) gmx.Signs {
	out := gmx.Signs{Positive: gmxUSD(in.get("max_positive_impact_factor"))}
	if out.Negative = out.Positive; in.has("max_negative_impact_factor") {
		out.Negative = gmxUSD(in.get("max_negative_impact_factor"))
	}
	return out
}

func gmxSigns(positive, negative *value) gmx.Signs {
	return gmx.Signs{Positive: gmxUSD(positive), Negative: gmxUSD(negative)}
}

func gmxPair(v *value) gmx.Pair {
	l := v.list()
	if len(l) != 2 {
		v.c.stop("%s: no pair", v.path)
	}
	return gmx.Pair{Min: gmxInt(l[0]), Max: gmxInt(l[1])}
}

// gmxSide checks which side pays.
func gmxSide(v *value, long bool) {
	if s := v.text(); s != "long" && s != "short" || (s == "long") != long {
		v.c.stop("%s: %q is not the side that pays", v.path, s)
	}
}

// gmxWord compares a word of the venue, if the case has it; none may stand as a null.
func gmxWord(v *value, got string) {
	switch {
	case !v.ok:
	case got == "" && v.isNull():
		v.is(nil)
	default:
		v.isText(got)
	}
}

// gmxSame checks an input that another one implies.
func gmxSame(in *value, name string, implied *big.Int) {
	if v := in.get(name); v.ok && gmxInt(v).Cmp(implied) != 0 {
		v.c.stop("%s: %v, but %v by the other inputs", v.path, v.x, implied)
	}
}

func gmxUSD(v *value) *big.Int { return gmxScaled(v, 30) }

func gmxInt(v *value) *big.Int { return gmxScaled(v, 0) }

func gmxPrice(v *value, decimals int64) *big.Int { return gmxScaled(v, 30-int(decimals)) }

// gmxScaled reads a decimal as an integer of 10^-scale; it must be one.
func gmxScaled(v *value, scale int) *big.Int {
	r := v.rat()
	out := margin.Scaled(r, scale, margin.Down)
	if new(big.Rat).SetFrac(out, gmxPower10(scale)).Cmp(r) != 0 {
		v.c.stop("%s: %v has more than %d decimals", v.path, v.x, scale)
	}
	return out
}

func gmxPower10(n int) *big.Int { return margin.Scaled(big.NewRat(1, 1), n, margin.Down) }

// gmxCompare compares those figures that a case has. The harness finds those that are not among got.
func gmxCompare(want *value, got map[string]*big.Int) {
	for _, name := range want.keys() {
		if x, ok := got[name]; ok {
			gmxIs(want.get(name), x)
		}
	}
}

// gmxIs compares an integer to the last digit. Where a source's own test has a tolerance, it states a figure without the noise
// of the power or of a division, -6.25 USD for -6.2499…: then the figure is rounded to the stated digits, if that is within
// the tolerance and moves it by less than 1e-9 of itself.
func gmxIs(v *value, got *big.Int) {
	w := v
	if v.has("value") {
		w = v.get("value")
		stated, off := gmxInt(w), gmxTolerance(v.get("tolerance"))
		noise := new(big.Int).Sub(stated, got)
		if noise.CmpAbs(off) <= 0 && new(big.Int).Mul(noise, gmxPower10(9)).CmpAbs(got) < 0 {
			text := stated.String()
			unit := gmxPower10(len(text) - len(strings.TrimRight(text, "0")))
			got = new(big.Int).Mul(unit, margin.Quo(got, unit, margin.HalfUp))
		}
	}
	w.is(new(big.Rat).SetInt(got))
}

// gmxTolerance reads a tolerance: those of the venue's tests are powers of ten.
func gmxTolerance(v *value) *big.Int {
	off := margin.Scaled(v.tolerance(), 0, margin.Down)
	if strings.TrimRight(off.String(), "0") != "1" {
		v.c.problem("%s: %v is no tolerance", v.path, v.x)
	}
	return off
}
