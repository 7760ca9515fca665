package margin_test

import (
	"cmp"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"marginledger/projector/margin/dydx"
)

func init() {
	for name, run := range map[string]func(*vector){
		"upstream_execution":                    dydxExecution,
		"account_risk":                          dydxAccountRisk,
		"account_risk_with_update":              dydxAccountRisk,
		"apply_update":                          dydxApplyUpdate,
		"check_update":                          dydxApplyUpdate,
		"bankruptcy_price":                      dydxBankruptcyPrice,
		"can_deleverage":                        dydxCanDeleverage,
		"deleverage":                            dydxDeleverage,
		"deleverage_at_oracle":                  dydxDeleverage,
		"deleverage_scan":                       dydxDeleverageScan,
		"fillable_price":                        dydxFillablePrice,
		"fillable_price_to_subticks":            dydxSubticks,
		"funding_clamp":                         dydxFundingClamp,
		"funding_index_delta":                   dydxFundingIndex,
		"funding_settlement_ppm":                dydxSettlement,
		"initial_collateralized":                dydxMeetsInitial,
		"initial_margin_oimf":                   dydxInitialMargin,
		"insurance_fund_sufficient":             dydxFundCovers,
		"is_liquidatable":                       dydxLiquidatable,
		"is_liquidatable_from_risk":             dydxLiquidatableRisk,
		"liquidation_flow":                      dydxFlow,
		"liquidation_insurance_delta":           dydxInsuranceDelta,
		"liquidation_order_size":                dydxOrderSize,
		"maintenance_collateralized":            dydxMeetsMaintenance,
		"maintenance_margin_ppm":                dydxMaintenanceFraction,
		"net_notional":                          dydxNotional,
		"oimf_ppm":                              dydxInitialFraction,
		"open_interest_delta":                   dydxOpenInterest,
		"position_liquidatable_notional_bounds": dydxNotionalBounds,
		"position_margin_requirements":          dydxRequirements,
		"risk_compare":                          dydxCompare,
		"state_transition":                      dydxTransition,
		"subaccount_block_limits":               dydxBlockLimits,
	} {
		register(name, run, "dydx")
	}
}

func dydxAccountRisk(c *vector) {
	ms := dydxMarkets(c.in.get("markets"))
	u := dydx.Update{Account: dydxAccount(c.in.get("account"), ms), USDC: new(big.Int)}
	if v := c.in.get("update"); v.ok {
		u = dydxUpdate(v, u.Account, ms)
	}
	r, err := ms.RiskAfter(&u)
	dydxMust(c, r, err)
	dydxAmount(c.want, "net_collateral", r.Net)
	for name, got := range map[string]*big.Int{"imr": r.Initial, "mmr": r.Maintenance} {
		if c.want.has(name+"_quote_quantums") || c.want.has(name) {
			dydxAmount(c.want, name, got)
		}
	}
}

func dydxUpdate(v *value, a dydx.Subaccount, ms dydx.Markets) dydx.Update {
	u := dydx.Update{Account: a, USDC: v.get("usdc_delta_quantums").integer()}
	for _, d := range v.get("perp_deltas").list() {
		m := dydxGet(d, ms, d.get("perpetual").int())
		u.Deltas = append(u.Deltas, dydx.Delta{Market: m.ID, Size: dydxSize(d, "quantums", "size", m)})
	}
	return u
}

func dydxApplyUpdate(c *vector) {
	ms := dydxMarkets(c.in.get("markets"))
	names, accounts := dydxAccounts(c.in.get("accounts"), ms)
	var updates []dydx.Update
	var of []string
	for _, v := range c.in.get("updates").list() {
		name := v.get("account").text()
		a := dydx.Subaccount{USDC: new(big.Int)} // one that was never seen is empty
		if i := slices.Index(names, name); i >= 0 {
			a = accounts[i]
		}
		updates = append(updates, dydxUpdate(v, a, ms))
		of = append(of, name)
	}
	switch kind := c.in.get("update_type").text(); kind {
	case "Match":
		after, err := ms.Matched(updates)
		ms = dydxMust(c, after, err)
	case "CollatCheck", "Deposit", "Withdrawal", "Transfer":
	default:
		c.stop("update type %q", kind)
	}
	results, updated, err := ms.Check(updates)
	dydxMust(c, results, err)
	list := c.want.get("results").list()
	if len(list) != len(results) {
		c.problem("%d results, want %d", len(results), len(list))
		return
	}
	for i, want := range list {
		want.isText(string(results[i]))
	}
	if updated == nil {
		updated = make([]dydx.Updated, len(updates))
		for i := range updates {
			updated[i].Account = updates[i].Account
		}
	}
	for i := range updated {
		if want := c.want.get("account_" + of[i]); want.ok {
			dydxIsAccount(want, &updated[i].Account, ms)
		}
		if want := c.want.get("funding_paid_quote_quantums"); want.ok && of[i] == "A" {
			dydxPaid(want, updated[i].Payments)
		}
	}
	if want := c.want.get("open_interest_after"); want.ok {
		for _, key := range want.keys() {
			id, err := strconv.ParseUint(key, 10, 32)
			want.get(key).isInt(dydxGet(want, ms, int64(dydxMust(c, id, err))).OpenInterest)
		}
	}
}

func dydxPaid(want *value, payments []dydx.Payment) {
	for _, key := range want.keys() {
		i := slices.IndexFunc(payments, func(p dydx.Payment) bool { return strconv.Itoa(int(p.Market)) == key })
		if i < 0 {
			want.c.problem("%s: no payment of market %s", want.path, key)
			continue
		}
		want.get(key).isInt(payments[i].Paid)
	}
	if got := len(want.keys()); got != len(payments) {
		want.c.problem("%s: %d payments, want %d", want.path, len(payments), got)
	}
}

func dydxBankruptcyPrice(c *vector) {
	ms := dydxMarkets(c.in.get("markets"))
	a := dydxAccount(c.in.get("account"), ms)
	m := dydxGet(c.in, ms, c.in.get("perpetual").int())
	quote, err := ms.BankruptcyQuote(&a, m.ID, dydxSize(c.in, "delta_quantums", "delta_size", m))
	if !dydxFailed(c, err) {
		c.want.get("bankruptcy_quote_quantums").isInt(quote)
		c.want.get("bankruptcy_quote").isUSD(quote)
	}
}

func dydxCanDeleverage(c *vector) {
	ms := dydxMarkets(c.in.get("markets"))
	a := dydxAccount(c.in.get("account"), ms)
	r, err := ms.SettledRisk(&a)
	dydxMust(c, r, err)
	at := dydx.CanDeleverage(r, c.in.get("market_in_final_settlement").bool())
	c.want.get("at_bankruptcy_price").isBool(at == dydx.AtBankruptcy)
	c.want.get("at_oracle_price").isBool(at == dydx.AtOracle)
}

func dydxDeleverage(c *vector) {
	ms := dydxMarkets(c.in.get("markets"))
	from, against := dydxAccount(c.in.get("liquidated"), ms), dydxAccount(c.in.get("offsetting"), ms)
	m := dydxGet(c.in, ms, c.in.get("perpetual").int())
	at := dydx.AtBankruptcy
	switch price := c.in.get("price").text(); price {
	case "oracle":
		at = dydx.AtOracle
	case "bankruptcy":
	default:
		c.stop("price %q", price)
	}
	after, quote, err := ms.Deleverage(&from, &against, m.ID, dydxSize(c.in, "delta_quantums", "delta_size", m), at)
	if dydxFailed(c, err) {
		return
	}
	c.want.get("delta_quote_quantums").isInt(quote)
	dydxIsAccount(c.want.get("liquidated"), &after[0], ms)
	dydxIsAccount(c.want.get("offsetting"), &after[1], ms)
}

func dydxDeleverageScan(c *vector) {
	ms := dydxMarkets(c.in.get("markets"))
	names, accounts := dydxAccounts(c.in.get("accounts"), ms)
	from := dydxIndex(c.in.get("liquidated"), names)
	m := dydxGet(c.in, ms, c.in.get("perpetual").int())
	// The venue starts its scan anywhere; the case tells where it came to first.
	first := from
	fills := c.want.get("fills").list()
	order := slices.Clone(names)
	if len(fills) > 0 {
		if pair, _ := fills[0].x.([]any); len(pair) == 2 {
			if name, _ := pair[0].(string); slices.Contains(names, name) {
				first = slices.Index(names, name)
			}
		}
	}
	if first != from {
		order = slices.Concat(names[first:], names[:first])
	}
	turned := make([]dydx.Subaccount, len(order))
	for i, name := range order {
		turned[i] = accounts[slices.Index(names, name)]
	}
	parts, rest, err := ms.OffsetAll(turned, slices.Index(order, names[from]), m.ID, c.in.get("delta_quantums").integer(), dydx.AtBankruptcy)
	dydxMust(c, parts, err)
	if len(fills) != len(parts) {
		c.problem("%d fills, want %d", len(parts), len(fills))
		return
	}
	for i, want := range fills {
		pair := want.list()
		if len(pair) != 2 {
			c.stop("%s: no pair", want.path)
		}
		pair[0].isText(order[parts[i].Against])
		pair[1].isInt(parts[i].Size)
	}
	c.want.get("remaining_quantums").isInt(rest)
	dydxAreAccounts(c.want.get("accounts"), order, turned, ms)
}

func dydxAreAccounts(want *value, names []string, accounts []dydx.Subaccount, ms dydx.Markets) {
	for _, name := range want.keys() {
		i := slices.Index(names, name)
		if i < 0 {
			want.c.stop("%s: no account %q", want.path, name)
		}
		dydxIsAccount(want.get(name), &accounts[i], ms)
	}
}

func dydxFillablePrice(c *vector) {
	ms := dydxMarkets(c.in.get("markets"))
	a := dydxAccount(c.in.get("account"), ms)
	m := dydxGet(c.in, ms, c.in.get("perpetual").int())
	price, err := ms.FillablePrice(&a, m.ID, c.in.get("delta_quantums").integer(), dydxConfig(c.in.get("liquidations_config")))
	if dydxFailed(c, err) {
		return
	}
	c.want.get("fillable_price_quote_per_base_quantum").isText(price.String())
	if !c.want.has("fillable_price_usd_fraction") {
		return
	}
	usd := m.PerCoin(price)
	c.want.get("fillable_price_usd_fraction").isText(usd.String())
	approx := c.want.get("fillable_price_usd_approx")
	if n, exact := usd.FloatPrec(); exact && n <= 20 {
		approx.is(usd)
		return
	}
	// A quotient that does not end, or not soon, is rounded to the digits that are printed.
	digits := strings.TrimLeft(strings.Replace(approx.text(), ".", "", 1), "0-")
	if len(digits) < 12 || strings.ContainsAny(digits, "eE") {
		c.stop("%s: %v says little", approx.path, approx.x)
	}
	scale := approx.decimals()
	rounded, ok := new(big.Rat).SetString(usd.FloatString(scale))
	if !ok {
		c.stop("%v at %d digits", usd, scale)
	}
	approx.is(rounded)
}

func dydxSubticks(c *vector) {
	text := c.in.get("fillable_price_quote_per_base_quantum").text()
	price, ok := new(big.Rat).SetString(text)
	if !ok {
		c.stop("%q is no fraction", text)
	}
	subticks, err := dydx.Subticks(price, c.in.get("liquidating_long").bool(), int(c.in.get("quantum_conversion_exponent").int()),
		c.in.get("subticks_per_tick").integer())
	if !dydxFailed(c, err) {
		c.want.get("subticks").isInt(subticks)
	}
}

func dydxFundingClamp(c *vector) {
	t := dydxTier(c)
	c.want.get("max_abs_rate_ppm").isInt(t.MaximumRate(c.in.get("clamp_factor_ppm").integer()))
}

// dydxTier reads what a case has of a tier.
func dydxTier(c *vector) dydx.Tier {
	get := func(key string) *big.Int {
		if !c.in.has(key) {
			return new(big.Int)
		}
		return c.in.get(key).integer()
	}
	return dydx.Tier{Initial: get("initial_margin_ppm"), Maintenance: get("maintenance_fraction_ppm"),
		LowerCap: get("open_interest_lower_cap"), UpperCap: get("open_interest_upper_cap")}
}

// dydxPriced reads a market of which only the price matters.
func dydxPriced(c *vector) dydx.Market {
	return dydx.Market{Resolution: int(c.in.get("base_atomic_resolution").int()), Price: c.in.get("oracle_price").integer(),
		Exponent: int(c.in.get("oracle_price_exponent").int())}
}

func dydxFundingIndex(c *vector) {
	m := dydxPriced(c)
	c.want.get("funding_index_delta").isInt(m.IndexDelta(c.in.get("funding_rate_8h_ppm").integer(), c.in.get("seconds").int()))
}

func dydxSettlement(c *vector) {
	c.want.get("settlement_ppm").isInt(dydx.Settlement(c.in.get("perpetual_funding_index").integer(),
		c.in.get("position_funding_index").integer(), c.in.get("position_quantums").integer()))
}

func dydxMeetsInitial(c *vector) { c.want.get("result").isBool(dydxRisk(c.in).MeetsInitial()) }

func dydxMeetsMaintenance(c *vector) { c.want.get("result").isBool(dydxRisk(c.in).MeetsMaintenance()) }

func dydxLiquidatableRisk(c *vector) { c.want.get("result").isBool(dydxRisk(c.in).Liquidatable()) }

func dydxInitialMargin(c *vector) {
	t := dydxTier(c)
	c.want.get("imr_quote_quantums").isInt(t.InitialOf(c.in.get("notional_quote_quantums").integer(),
		c.in.get("open_interest_notional_quote_quantums").integer(), new(big.Int)))
}

func dydxFundCovers(c *vector) {
	c.want.get("valid").isBool(dydx.FundCovers(c.in.get("insurance_fund_balance_quote_quantums").integer(),
		c.in.get("insurance_fund_delta_quote_quantums").integer()))
}

func dydxLiquidatable(c *vector) {
	ms := dydxMarkets(c.in.get("markets"))
	a := dydxAccount(c.in.get("account"), ms)
	r, err := ms.SettledRisk(&a)
	c.want.get("liquidatable").isBool(dydxMust(c, r, err).Liquidatable())
}

func dydxInsuranceDelta(c *vector) {
	ms := dydxMarkets(c.in.get("markets"))
	a := dydxAccount(c.in.get("account"), ms)
	m := dydxGet(c.in, ms, c.in.get("perpetual").int())
	buy, subticks := c.in.get("is_buy").bool(), c.in.get("fill_price_subticks").integer()
	conversion := int(c.in.get("quantum_conversion_exponent").int())
	dydxSame(c.in.get("fill_price_usd"), m.PerCoin(dydxScaled(subticks, conversion)))
	base := dydxSize(c.in, "fill_base_quantums", "fill_size", m)
	delta, err := ms.InsuranceDelta(&a, m.ID, buy, base, dydx.FillQuote(buy, base, subticks, conversion),
		c.in.get("max_liquidation_fee_ppm").integer())
	if !dydxFailed(c, err) {
		dydxAmount(c.want, "insurance_fund_delta", delta)
	}
}

func dydxOrderSize(c *vector) {
	ms := dydxMarkets(c.in.get("markets"))
	a := dydxAccount(c.in.get("account"), ms)
	m := dydxGet(c.in, ms, c.in.get("perpetual").int())
	delta := m.OrderSize(a.Size(m.ID), c.in.get("step_base_quantums").integer(),
		c.in.get("notional_already_liquidated_this_block_quote_quantums").integer(), dydxConfig(c.in.get("liquidations_config")))
	c.want.get("delta_quantums").isInt(delta)
	c.want.get("delta_size").is(dydxScaled(delta, m.Resolution))
}

func dydxMaintenanceFraction(c *vector) {
	t := dydxTier(c)
	c.want.get("maintenance_margin_ppm").isInt(t.MaintenanceFraction())
}

func dydxNotional(c *vector) {
	m := dydxPriced(c)
	dydxAmount(c.want, "net_notional", m.Notional(c.in.get("base_quantums").integer()))
}

func dydxInitialFraction(c *vector) {
	t := dydxTier(c)
	c.want.get("effective_imf_ppm").isInt(t.InitialFraction(c.in.get("open_interest_notional_quote_quantums").integer()))
}

func dydxOpenInterest(c *vector) {
	sum := new(big.Int)
	for _, s := range c.in.get("sides").list() {
		sum.Add(sum, dydx.OpenInterestDelta(s.get("position_quantums").integer(), s.get("fill_quantums").integer()))
	}
	c.want.get("open_interest_delta_quantums").isInt(sum)
}

func dydxNotionalBounds(c *vector) {
	m := dydxMarket(c.in.get("market"), 0)
	low, high := m.NotionalBounds(dydxSize(c.in, "position_quantums", "position_size", &m), &dydx.Config{
		MinimumNotional: c.in.get("min_position_notional_liquidated").integer(),
		MaximumPortion:  c.in.get("max_position_portion_liquidated_ppm").integer()})
	c.want.get("min").isInt(low)
	c.want.get("max").isInt(high)
}

func dydxRequirements(c *vector) {
	m := dydxMarket(c.in.get("market"), 0)
	initial, maintenance := m.Requirements(dydxSize(c.in, "base_quantums", "size", &m), new(big.Int))
	dydxAmount(c.want, "imr", initial)
	dydxAmount(c.want, "mmr", maintenance)
}

func dydxCompare(c *vector) {
	c.want.get("cmp").isInt(big.NewInt(int64(dydxRisk(c.in.get("first")).Compare(dydxRisk(c.in.get("second"))))))
}

func dydxTransition(c *vector) {
	c.want.get("result").isText(string(dydx.Transition(dydxRisk(c.in.get("current")), dydxRisk(c.in.get("new")))))
}

func dydxBlockLimits(c *vector) {
	liquidated := []uint32{uint32(c.in.get("previously_liquidated_perpetual").int())}
	for _, f := range []struct{ used, limit, want string }{
		{"previous_notional_liquidated", "max_notional_liquidated", "max_notional_liquidatable"},
		{"previous_insurance_lost", "max_insurance_lost_limit", "max_insurance_lost"},
	} {
		rest, err := dydx.Remaining(uint32(c.in.get("perpetual").int()), liquidated, c.in.get(f.used).integer(), c.in.get(f.limit).integer())
		if err != nil {
			c.want.get(f.want).isText(dydxErrorName(err))
		} else {
			c.want.get(f.want).isText(rest.String())
		}
	}
}

func dydxFlow(c *vector) {
	ms := dydxMarkets(c.in.get("markets"))
	names, accounts := dydxAccounts(c.in.get("accounts"), ms)
	if fees := c.in.get("trading_fees").text(); fees != "none" {
		c.stop("trading fees %q", fees)
	}
	first, err := strconv.ParseInt(c.in.get("markets").keys()[0], 10, 32)
	m := dydxGet(c.in, ms, dydxMust(c, first, err)) // there is no other
	b := dydx.Block{Markets: ms, Accounts: accounts, Market: m.ID, Step: big.NewInt(1),
		FinalSettlement: c.in.get("market_in_final_settlement").bool(),
		Fund:            c.in.get("insurance_fund_start_quote_quantums").integer(), Config: *dydxConfig(c.in.get("liquidations_config"))}
	for _, o := range c.in.get("resting_orders").list() {
		o.get("order_ref").known()
		b.Book = append(b.Book, dydx.Resting{Account: dydxIndex(o.get("account"), names), Buy: o.get("side").text() == "buy",
			Size: dydxSize(o, "quantums", "size", m), Price: m.PerQuantum(o.get("price").rat())})
	}
	var listed []int
	for _, v := range c.in.get("liquidatable").list() {
		listed = append(listed, dydxIndex(v, names))
	}
	dydxTurns(c, names, listed)
	events, err := b.Run(listed)
	dydxMust(c, events, err)
	dydxAreAccounts(c.want.get("accounts"), names, b.Accounts, ms)

	// What happens between comes from a model of the venue's: it must agree all the same.
	list := c.in.get("events").list()
	if len(list) != len(events) {
		c.problem("%d events, want %d", len(events), len(list))
		return
	}
	for i, want := range list {
		dydxIsEvent(want, &events[i], names, m)
	}
}

// dydxTurns puts the listed accounts in the order of their first event: of equal ones the venue takes the order of hashes, which
// cases do not have. An account without an event keeps its place behind them.
func dydxTurns(c *vector, names []string, listed []int) {
	first := map[int]int{}
	events := c.in.get("events").list()
	for i, e := range events {
		name, _ := e.get("liquidated").x.(string)
		if account := slices.Index(names, name); first[account] == 0 {
			first[account] = i - len(events) // below 0, which is that of an account without an event
		}
	}
	slices.SortStableFunc(listed, func(x, y int) int { return cmp.Compare(first[x], first[y]) })
}

// dydxIsEvent compares an event, which is an input.
func dydxIsEvent(v *value, e *dydx.Event, names []string, m *dydx.Market) {
	fields := map[string]string{"liquidated": names[e.Account], "quantums": e.Size.String(), "size": show(dydxScaled(e.Size, m.Resolution))}
	if e.At == dydx.NotDeleveraged {
		fields["type"], fields["maker"], fields["side"] = "liquidation_fill", names[e.Against], "sell"
		if e.Buy {
			fields["side"] = "buy"
		}
		fields["price"] = show(m.PerCoin(e.Price))
		fields["insurance_fund_delta_quote_quantums"] = e.Insurance.String()
	} else {
		fields["type"], fields["offsetting"], fields["at"] = "deleverage", names[e.Against], "bankruptcy"
		if e.At == dydx.AtOracle {
			fields["at"] = "oracle"
		}
		fields["quote_quantums"] = e.Quote.String()
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if name != "size" || v.has(name) {
			v.get(name).isText(fields[name])
		}
	}
}

// dydxExecution is an account with everything that upstream computes for it.
func dydxExecution(c *vector) {
	ms := dydxMarkets(c.in.get("markets"))
	a := dydxAccount(c.in.get("account"), ms)
	m := dydxGet(c.in, ms, c.in.get("perpetual").int())
	settled, payments, err := ms.Settle(&a)
	dydxMust(c, settled, err)
	r, err := ms.SettledRisk(&a)
	dydxMust(c, r, err)
	c.want.get("settled_usdc_quantums").isInt(settled.USDC)
	dydxPaid(c.want.get("funding_paid_quote_quantums"), payments)
	c.want.get("net_collateral").isInt(r.Net)
	c.want.get("imr").isInt(r.Initial)
	c.want.get("mmr").isInt(r.Maintenance)
	c.want.get("liquidatable").isBool(r.Liquidatable())

	whole, partial := new(big.Int).Neg(a.Size(m.ID)), c.in.get("partial_delta_quantums").integer()
	for name, delta := range map[string]*big.Int{"full": whole, "partial": partial} {
		quote, err := ms.BankruptcyQuote(&a, m.ID, delta)
		c.want.get("bankruptcy_" + name + "_quote_quantums").isInt(dydxMust(c, quote, err))
	}
	config := dydxConfig(c.in.get("liquidations_config"))
	if clob := c.in.get("clob"); clob.ok {
		dydxExecutionOrder(c, ms, &a, m, config)
	}

	v := c.in.get("update")
	u := dydx.Update{Account: a, USDC: v.get("usdc_delta_quantums").integer(),
		Deltas: []dydx.Delta{{Market: uint32(v.get("perpetual").int()), Size: v.get("quantums").integer()}}}
	results, _, err := ms.Check([]dydx.Update{u})
	dydxMust(c, results, err)
	c.want.get("update_result").isText(string(results[0]))
	after, err := ms.RiskAfter(&u)
	dydxMust(c, after, err)
	want := c.want.get("after_update")
	want.get("net_collateral").isInt(after.Net)
	want.get("imr").isInt(after.Initial)
	want.get("mmr").isInt(after.Maintenance)
}

// dydxExecutionOrder compares the order that would liquidate the position, and some fills of it.
func dydxExecutionOrder(c *vector, ms dydx.Markets, a *dydx.Subaccount, m *dydx.Market, config *dydx.Config) {
	clob, size := c.in.get("clob"), a.Size(m.ID)
	conversion := int(clob.get("quantum_conversion_exponent").int())
	perTick, step := clob.get("subticks_per_tick").integer(), clob.get("step_base_quantums").integer()
	price, err := ms.FillablePrice(a, m.ID, new(big.Int).Neg(size), config)
	dydxMust(c, price, err)
	subticks, err := dydx.Subticks(price, size.Sign() > 0, conversion, perTick)
	dydxMust(c, subticks, err)
	c.want.get("fillable_price_quote_per_base_quantum").isText(price.String())
	c.want.get("fillable_subticks").isInt(subticks)
	c.want.get("liquidation_order_delta_quantums").isInt(m.OrderSize(size, step, new(big.Int), config))
	fills, deltas := c.in.get("liquidation_fills").list(), c.want.get("insurance_fund_deltas").list()
	if len(fills) != len(deltas) {
		c.stop("%d fills, %d deltas", len(fills), len(deltas))
	}
	for i, f := range fills {
		buy, base := f.get("is_buy").bool(), f.get("base_quantums").integer()
		fill := dydx.FillQuote(buy, base, f.get("subticks").integer(), conversion)
		delta, err := ms.InsuranceDelta(a, m.ID, buy, base, fill, config.MaximumFee)
		deltas[i].isInt(dydxMust(c, delta, err))
	}
}
