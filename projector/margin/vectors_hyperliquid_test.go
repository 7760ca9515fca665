package margin_test

import (
	"math/big"
	"strings"

	"marginledger/internal/fixed"
	"marginledger/projector/margin"
	"marginledger/projector/margin/hyperliquid"
)

func init() {
	for name, run := range map[string]func(*vector){
		"isolated_account":       hlAccount,
		"isolated_position":      hlAccount,
		"cross_account_full":     hlAccount,
		"cross_account_2023":     hlAccount,
		"cross_account_partial":  hlPartialAccount,
		"summary_identity":       hlSummary,
		"maintenance_margin":     hlMaintenance,
		"transfer_requirement":   hlTransferRequirement,
		"liq_px_with_pool":       hlPoolElsewhere,
		"pm_ratio":               hlPortfolioRatio,
		"pm_available":           hlPortfolioAvailable,
		"pm_held":                hlPortfolioHeld,
		"pm_ratio_borrow":        hlPortfolioBorrow,
		"unified_ratio":          hlUnified,
		"funding_rate":           hlFunding,
		"partial_liq_fraction":   hlFirstShare,
		"backstop":               hlBackstop,
		"isolated_liq_formula":   hlPriceFor,
		"freqtrade_isolated_liq": hlClientTable,
	} {
		register(name, run, "hyperliquid")
	}
}

// hlRules returns the rules of the case's profile.
func hlRules(c *vector) hyperliquid.Rules {
	name, version, _ := strings.Cut(c.profile, "@")
	r, err := hyperliquid.For(version)
	if err != nil || name != hyperliquid.Name {
		c.stop("profile %q: %v", c.profile, err)
	}
	if f := c.in.get("ownMmFloor6dp"); f.ok {
		r.FloorOwn = f.bool()
	}
	return r
}

func hlLedger(v *value) fixed.Int128 { return hyperliquid.Ledger(v.rat()) }

// hlTiers reads [from notional, maximum leverage] pairs.
func hlTiers(v *value) []hyperliquid.Tier {
	var out []hyperliquid.Tier
	for _, t := range v.list() {
		pair := t.list()
		if len(pair) != 2 {
			v.c.stop("%s: no pair", t.path)
		}
		out = append(out, hyperliquid.Tier{Lower: hlLedger(pair[0]), MaxLeverage: pair[1].int()})
	}
	return out
}

// hlPosition is a position of a case.
type hlPosition struct {
	*value
	hyperliquid.Holding
}

func hlPositions(c *vector) []hlPosition {
	var out []hlPosition
	for _, v := range c.in.get("positions").list() {
		v.get("coin").known()
		p := hlPosition{value: v}
		p.Size, p.Notional, p.Leverage = v.get("szi").rat(), hlLedger(v.get("positionValue")), v.get("leverage").int()
		p.Tiers = []hyperliquid.Tier{{MaxLeverage: v.get("maxLeverage").int()}}
		if v.has("tiers") {
			p.Tiers = hlTiers(v.get("tiers"))
		}
		if all := c.in.get("maxLeverageAll"); all.ok {
			p.Tiers = []hyperliquid.Tier{{MaxLeverage: all.int()}}
		}
		switch mode := v.get("marginType").text(); mode {
		case "isolated":
			p.Isolated = true
			p.Raw = hlLedger(v.get("rawUsd"))
		case "cross":
		default:
			c.stop("%s: margin type %q", v.path, mode)
		}
		out = append(out, p)
	}
	return out
}

// hlCompare compares what is expected of a position with its figures.
func hlCompare(r hyperliquid.Rules, p *hlPosition, f *hyperliquid.HoldingFigures) {
	want := p.get("expected")
	var pnl *big.Rat
	if e := p.get("entryPx"); e.ok {
		pnl = hlUnrealised(r, p, e, want.get("unrealizedPnl"))
	}
	if w := want.get("marginUsed"); w.ok {
		w.is(r.PrintAmount(f.Used))
	}
	if w := want.get("returnOnEquity"); w.ok && pnl != nil {
		w.is(r.Print(hyperliquid.ReturnOnEquity(&p.Position, pnl)))
	}
	if w := want.get("liquidationPx"); w.ok {
		x := f.Liquidation
		if x != nil {
			x = r.Print(x)
		}
		w.is(x)
	}
}

// hlFigures returns the figures of a cross position beside positions that are not in the case.
func hlFigures(r hyperliquid.Rules, p *hlPosition, equity, maintenance fixed.Int128) *hyperliquid.HoldingFigures {
	own := r.Maintenance(&p.Position)
	return &hyperliquid.HoldingFigures{Used: hyperliquid.Initial(p.Notional, p.Leverage), Maintenance: own,
		Liquidation: r.LiquidationPrice(&p.Position, equity, maintenance.Sub(own))}
}

// hlUnrealised compares size·(mark − entry). The entry is printed cut off at the digits of a price
// of the market, so it fixes the PnL only to |size| times the last of them; the PnL that the venue
// printed is the finer figure, and is returned. The interval cannot be narrower: any amount in it is one whose
// entry is printed like this, and but for the return on equity (which hlCompare compares where it is there, and which
// fixes the PnL) no figure of a position or an account depends on its cost. No source shows whether the entries of 8 digits were
// cut off too, or rounded: both pass.
func hlUnrealised(r hyperliquid.Rules, p *hlPosition, entry, want *value) *big.Rat {
	mark := new(big.Rat).Quo(hyperliquid.Amount(p.Notional), p.Size)
	digits, _ := mark.FloatPrec()
	if digits = max(digits, entry.decimals()); digits > hyperliquid.Scale {
		digits = entry.decimals()
	}
	if !want.ok {
		return hyperliquid.Unrealised(&p.Position, entry.rat())
	}
	unit := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil))
	first, last := entry.rat(), new(big.Rat).Add(entry.rat(), unit)
	if r.Digits == 8 {
		first.Sub(first, unit.Quo(unit, big.NewRat(2, 1)))
	}
	low, high := hyperliquid.Unrealised(&p.Position, first), hyperliquid.Unrealised(&p.Position, last)
	if low.Cmp(high) > 0 {
		low, high = high, low
	}
	want.within(low, high)
	want.is(r.PrintAmount(hlLedger(want))) // an amount of the ledger, as the venue prints one
	return want.rat()
}

// hlAccount compares accounts whose positions are all there: cross, isolated, or both.
func hlAccount(c *vector) {
	r := hlRules(c)
	positions := hlPositions(c)
	var account hyperliquid.Account
	for i := range positions {
		account.Holdings = append(account.Holdings, positions[i].Holding)
	}
	for _, o := range c.in.get("openOrders").list() {
		o.get("coin").known()
		n := new(big.Rat).Mul(o.get("sz").rat(), o.get("px").rat())
		account.Orders = append(account.Orders, hyperliquid.Order{Notional: hyperliquid.Micro(n, margin.Down), Leverage: o.get("leverage").int()})
	}
	// The ledger of the cross pool: told, or what is left of one of the totals.
	without := r.Report(&account)
	reported := c.in.get("crossAccountValueReported")
	reported.known() // beside a ledger: expected.crossAccountValue says what it must be
	switch {
	case c.in.has("crossRawUsd"):
		account.Raw = hlLedger(c.in.get("crossRawUsd"))
	case c.in.has("totalRawUsd"):
		account.Raw = hlLedger(c.in.get("totalRawUsd")).Sub(without.Raw)
	case reported.ok:
		account.Raw = hlLedger(reported).Sub(without.Cross.Equity)
	}

	report := r.Report(&account)
	for i := range positions {
		hlCompare(r, &positions[i], &report.Holdings[i])
	}
	for name, amount := range map[string]fixed.Int128{
		"accountValue":               report.Value,
		"crossAccountValue":          report.Cross.Equity,
		"totalRawUsd":                report.Raw,
		"totalNtlPos":                report.Notional,
		"totalMarginUsed":            report.Used,
		"crossTotalNtlPos":           report.Cross.Notional,
		"crossTotalMarginUsed":       report.Cross.Initial,
		"crossMaintenanceMarginUsed": report.Cross.Maintenance,
		"withdrawable":               report.Withdrawable,
	} {
		if w := c.want.get(name); w.ok {
			w.is(r.PrintAmount(amount))
		}
	}
}

// hlPartialAccount compares accounts of which only some positions are there, beside the totals.
func hlPartialAccount(c *vector) {
	r := hlRules(c)
	if flat := c.in.get("mmRateFlat"); flat.ok {
		if most := hlFlatMaximum(flat); r.FlatMaximum == 0 {
			r.FlatMaximum = most
		} else if r.FlatMaximum != most {
			c.problem("%s: %s, the rules have 1/%d", flat.path, flat.text(), 2*r.FlatMaximum)
		}
	}
	positions := hlPositions(c)
	s := hyperliquid.Summary{Equity: hlLedger(c.in.get("accountValue")), Notional: hlLedger(c.in.get("totalNtlPos")),
		Maintenance: hlLedger(c.in.get("crossMaintenanceMarginUsed"))}
	for i := range positions {
		hlCompare(r, &positions[i], hlFigures(r, &positions[i], s.Equity, s.Maintenance))
	}
	lost := hlLost(r, &s)
	if lost.Sign() < 0 || lost.Cmp(big.NewRat(300, 1e6)) > 0 {
		c.problem("inputs.crossMaintenanceMarginUsed: %s off the notional's", show(lost))
	}
	if w := c.want.get("crossMaintenanceMarginUsed"); w.ok {
		w.is(r.PrintAmount(s.Maintenance))
	}
	if len(positions) == 0 {
		return
	}
	leverage := positions[0].Leverage // of all of a vault's
	if w := c.want.get("totalMarginUsed"); w.ok {
		high := new(big.Rat).Quo(hyperliquid.Amount(s.Notional), new(big.Rat).SetInt64(leverage))
		low := new(big.Rat).Add(lost, lost)
		w.within(low.Sub(high, low.Add(low, big.NewRat(1, 1e6))), high)
	}
	if w := c.want.get("withdrawable"); w.ok { // the source has fewer digits than the venue
		s.Initial = hyperliquid.Initial(s.Notional, leverage)
		w.is(margin.Rounded(r.PrintAmount(r.Withdrawable(&s, fixed.Int128{})), w.decimals(), margin.HalfUp))
	}
}

// hlLost returns how far the maintenance of an account of one rate lies below the rate's share of its
// notional. Each position's is floored, and so is what it uses: a total lies below its product by
// less than a micro-USDC for each, half of one in the mean. How many positions there are beside
// those in the case is not said, but this loss tells: about twice as many as it has micro-USDC.
func hlLost(r hyperliquid.Rules, s *hyperliquid.Summary) *big.Rat {
	if r.FlatMaximum == 0 {
		return new(big.Rat)
	}
	product := new(big.Rat).Quo(hyperliquid.Amount(s.Notional), big.NewRat(2*r.FlatMaximum, 1))
	return product.Sub(product, hyperliquid.Amount(s.Maintenance))
}

// hlFlatMaximum returns the maximum leverage that a maintenance rate is half the inverse of.
func hlFlatMaximum(rate *value) int64 {
	l := new(big.Rat).Quo(big.NewRat(1, 2), rate.rat())
	if !l.IsInt() {
		rate.c.stop("%s: no maximum leverage has it", rate.path)
	}
	return l.Num().Int64()
}

// hlSummary compares totals with each other.
func hlSummary(c *vector) {
	r := hlRules(c)
	in, want := c.in, c.want
	var s hyperliquid.Summary
	if n := in.get("signedNtl"); n.ok {
		s.Notional = hlLedger(n).Abs()
	}
	switch {
	case in.has("totalRawUsd") && in.has("signedNtl"):
		s.Equity = hlLedger(in.get("totalRawUsd")).Add(hlLedger(in.get("signedNtl")))
		in.get("accountValue").known()
	case in.has("accountValue"):
		s.Equity = hlLedger(in.get("accountValue"))
	}
	if l := in.get("leverage"); l.ok {
		s.Initial = hyperliquid.Initial(s.Notional, l.int())
	}
	if used := in.get("totalMarginUsed"); used.ok {
		s.Initial = hlLedger(used)
		if l := in.get("leverage"); l.ok && s.Notional.IsZero() {
			s.Notional = s.Initial.Mul(l.int())
		}
	}
	if flat := in.get("mmRateFlat"); flat.ok {
		s.Maintenance = hyperliquid.Maintenance([]hyperliquid.Tier{{MaxLeverage: hlFlatMaximum(flat)}}, s.Notional)
	}
	if mm := in.get("crossMaintenanceMarginUsed"); mm.ok {
		s.Maintenance = hlLedger(mm) // Σ of what is floored for each: the rate alone does not give it
	}
	crossEquity := s.Equity
	if i := in.get("isolatedMarginUsed"); i.ok {
		crossEquity = crossEquity.Sub(hlLedger(i))
	}

	for name, amount := range map[string]fixed.Int128{
		"accountValue":               s.Equity,
		"crossAccountValue":          crossEquity,
		"totalMarginUsed":            s.Initial,
		"crossMaintenanceMarginUsed": s.Maintenance,
	} {
		if w := want.get(name); w.ok {
			w.is(r.PrintAmount(amount))
		}
	}
	if w := want.get("mmOverIm"); w.ok && !s.Initial.IsZero() {
		hlShown(w, new(big.Rat).Quo(hyperliquid.Amount(s.Maintenance), hyperliquid.Amount(s.Initial)))
	}
	if w := want.get("withdrawableZeroBecauseAVBelowIM"); w.ok {
		free := r.Withdrawable(&hyperliquid.Summary{Equity: crossEquity, Initial: s.Initial}, fixed.Int128{})
		if _, isBool := w.x.(bool); isBool {
			w.isBool(crossEquity.Less(s.Initial) && free.IsZero())
		} else {
			w.is(r.PrintAmount(free))
		}
	}
}

// hlMaintenance compares a formula's result, not what the venue printed: no doubles.
func hlMaintenance(c *vector) {
	hlRules(c)
	tiers, notional := hlTiers(c.in.get("tiers")), hlLedger(c.in.get("notional"))
	c.want.get("maintenance").is(hyperliquid.Amount(hyperliquid.Maintenance(tiers, notional)))
	d := hyperliquid.Deduction(tiers, hyperliquid.TierOf(tiers, notional))
	c.want.get("deduction").is(margin.Rounded(d, hyperliquid.Scale, margin.Down))
}

func hlTransferRequirement(c *vector) {
	r := hlRules(c)
	notional := hlLedger(c.in.get("notional"))
	initial := hyperliquid.Initial(notional, c.in.get("leverage").int())
	c.want.get("initial").is(hyperliquid.Amount(initial))
	c.want.get("transferRequirement").is(hyperliquid.Amount(r.TransferRequirement(initial, notional)))
}

// hlPoolElsewhere compares liquidation prices of accounts whose pool is their spot balance.
func hlPoolElsewhere(c *vector) {
	r := hlRules(c)
	c.in.get("note").known()
	c.in.get("perpAccountValue").known() // not the pool: that is the point
	positions := hlPositions(c)
	total := hlLedger(c.in.get("crossMaintenanceMarginUsed"))
	pool := c.in.get("pool")
	for i := range positions {
		p := &positions[i]
		if pool.ok {
			hlCompare(r, p, hlFigures(r, p, hyperliquid.Micro(pool.rat(), margin.Down), total))
		}
		if w := c.want.get("impliedPool"); w.ok {
			other, printed := total.Sub(r.Maintenance(&p.Position)), p.get("expected").get("liquidationPx")
			implied := r.ImpliedEquity(&p.Position, printed.rat(), other)
			w.is(margin.Rounded(implied, w.decimals(), margin.HalfUp))
			if !pool.ok { // the price that the pool is told from must come out of it
				printed.is(r.Print(r.LiquidationPrice(&p.Position, hyperliquid.Micro(implied, margin.HalfUp), other)))
			}
		}
	}
	if w := c.want.get("crossMaintenanceMarginUsed"); w.ok {
		w.is(r.PrintAmount(total))
	}
}

// hlPortfolioRatio: the fields of the answer are of different instants, between which interest
// accrues; what is left after maintenance is the one that shows it.
func hlPortfolioRatio(c *vector) {
	r := hlRules(c)
	in, want := c.in, c.want
	in.get("supplied").known() // total − perpAccountValue
	total, mm := in.get("total").rat(), in.get("crossMM").rat()
	want.get("portfolioMarginRatio").is(r.Print(hyperliquid.RatioWithoutBorrow(mm, total)))
	if w := want.get("availableAfterMaintenance"); w.ok {
		left := new(big.Rat).Sub(total, mm)
		w.within(left, new(big.Rat).Add(left, big.NewRat(1, 1e7)))
	}
	if w := want.get("withdrawablePerp"); w.ok {
		w.is(hyperliquid.Transferable(in.get("perpAccountValue").rat(), in.get("hold").rat()))
	}
	in.get("perpAccountValue").known()
	in.get("hold").known()
}

func hlPortfolio(c *vector) *hyperliquid.Portfolio {
	read := func(name string) *big.Rat {
		if v := c.in.get(name); v.ok {
			return v.rat()
		}
		return new(big.Rat)
	}
	return &hyperliquid.Portfolio{Net: read("netEquity"), Isolated: read("isolatedEquity"), Initial: read("crossIM"),
		Maintenance: read("crossMM"), Orders: read("orderIM"), OrderBuffer: read("orderBuffer"),
		Quantity: read("hypeQty"), Oracle: read("borrowOracle"), LoanToValue: read("ltv")}
}

func hlPortfolioAvailable(c *vector) {
	p, want := hlPortfolio(c), c.want
	want.get("borrowCapacity").is(margin.Rounded(p.BorrowCapacity(), want.get("borrowCapacity").decimals(), margin.Down))
	hlRules(c)
	want.get("hold").is(p.Hold())
	want.get("available").is(p.Available())
	if w := want.get("apiAvailable"); w.ok { // of a later instant: interest has accrued
		w.within(p.Available(), new(big.Rat).Add(p.Available(), big.NewRat(2, 1e7)))
	}
}

func hlPortfolioHeld(c *vector) {
	hlRules(c)
	p := hlPortfolio(c)
	c.want.get("held").is(p.Held())
	c.want.get("free").is(new(big.Rat).Sub(p.Quantity, p.Held()))
}

func hlPortfolioBorrow(c *vector) {
	hlRules(c)
	p, want := hlPortfolio(c), c.want
	want.get("availableAfterMaintenance").is(p.AvailableAfterMaintenance())
	want.get("maintenanceBorrow").is(p.MaintenanceBorrow())
	want.get("pmr").is(margin.Rounded(p.Ratio(), 8, margin.HalfEven)) // the source's digits
	if w := want.get("liqCollateral"); w.ok {
		x := p.LiquidationCollateral()
		if off := new(big.Rat).Sub(x, w.rat()); off.Cmp(big.NewRat(775, 1e7)) > 0 && off.Cmp(big.NewRat(785, 1e7)) < 0 {
			// One source's figure is 7.8e-5 below the product, from which its other three follow.
			w.within(new(big.Rat).Sub(x, big.NewRat(785, 1e7)), new(big.Rat).Sub(x, big.NewRat(775, 1e7)))
			return
		}
		w.is(margin.Rounded(x, w.decimals(), margin.Down))
	}
}

func hlUnified(c *vector) {
	r := hlRules(c)
	ratio := hyperliquid.UnifiedRatio(c.in.get("crossMM").rat(), c.in.get("spotTotal").rat(), c.in.get("isolated").rat())
	switch w := c.want.get("ratio"); {
	case ratio == nil:
		w.is(nil)
	case w.decimals() > r.Digits: // not as the venue prints it
		hlShown(w, ratio)
	default:
		w.is(r.Print(ratio))
	}
}

// hlShown compares a quotient that a document shows to some digits: cut off or rounded, it does not say.
func hlShown(w *value, x *big.Rat) {
	cut, nearest := margin.Rounded(x, w.decimals(), margin.ToZero), margin.Rounded(x, w.decimals(), margin.HalfUp)
	if cut.Cmp(nearest) == 0 {
		w.is(cut)
		return
	}
	w.within(cut, nearest)
}

// hlFunding: the venue printed 8 digits, later 10; the premium tells which. It is itself printed to
// these digits, so where an eighth of what was cut off decides how the rate rounds, both pass.
func hlFunding(c *vector) {
	name := c.in.get("regime").text()
	regime, ok := hyperliquid.FundingByName(name)
	if !ok || c.profile != "hyperliquid/funding@"+name {
		c.stop("profile %q, regime %q", c.profile, name)
	}
	premium, want := c.in.get("premium"), c.want.get("rate")
	digits := 8
	if premium.decimals() > 8 || want.decimals() > 8 {
		digits = 10
	}
	half := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil))
	half.Mul(half, big.NewRat(499, 1000)) // it lost less than half a digit
	rate := func(p *big.Rat) *big.Rat { return margin.Rounded(regime.Rate(p), digits, margin.HalfEven) }
	low, high := rate(new(big.Rat).Sub(premium.rat(), half)), rate(half.Add(premium.rat(), half))
	if low.Cmp(high) == 0 {
		want.is(low)
		return
	}
	want.within(low, high)
}

func hlFirstShare(c *vector) {
	hlRules(c)
	thresholds := map[string]int64{"mainnet": 100_000, "testnet": 10_000} // governance values
	threshold, ok := thresholds[c.in.get("network").text()]
	if !ok {
		c.stop("unknown network %s", c.in.get("network").text())
	}
	share := hyperliquid.FirstShare(hlLedger(c.in.get("notional")), fixed.FromInt64(threshold*1e6), c.in.get("inCooldown").bool())
	c.want.get("fraction").is(share)
}

func hlBackstop(c *vector) {
	hlRules(c)
	w := c.want.get("backstopBelow")
	w.is(margin.Rounded(hyperliquid.BackstopBelow(c.in.get("maintenance").rat()), w.decimals(), margin.Down))
}

func hlPriceFor(c *vector) {
	hlRules(c)
	in, w := c.in, c.want.get("x")
	hlShown(w, hyperliquid.PriceFor(in.get("q").rat(), in.get("mark").rat(), in.get("value").rat(), in.get("rate").rat()))
}

// hlClientTable compares a client's table. Of a real position it has the digits that the venue
// printed, which the entry price as mark gives exactly; a made-up row has a double of its own. The
// tolerance that the table allows itself is not used.
func hlClientTable(c *vector) {
	r := hlRules(c)
	in, w := c.in, c.want.get("liquidationPx")
	in.get("coin").known()
	size := in.get("size").rat()
	n := new(big.Rat).Mul(size, in.get("entry").rat())
	switch side := in.get("side").text(); side {
	case "short":
		size.Neg(size)
	case "long":
	default:
		c.stop("side %q", side)
	}
	p := hyperliquid.Position{Size: size, Notional: hyperliquid.Micro(n, margin.Down),
		Tiers: []hyperliquid.Tier{{MaxLeverage: in.get("maxLeverage").int()}}}
	rate := big.NewRat(1, 2*p.Tiers[0].MaxLeverage)
	x := hyperliquid.PriceFor(size, in.get("entry").rat(), in.get("collateral").rat(), rate)
	hlTolerance(c.want.get("relTol"), w, x)
	digits := w.decimals()
	if digits <= r.Digits {
		w.is(r.Print(r.LiquidationPrice(&p, hlLedger(in.get("collateral")), fixed.Int128{})))
		return
	}
	if len(strings.Trim(w.text(), "0.")) > 17 { // 17 digits and the point: as a double is printed
		w.is(margin.ShortestBinary64(x))
		return
	}
	w.is(margin.Rounded(x, digits, margin.HalfEven))
}

// hlTolerance checks a tolerance: a power of ten, 1e-4 at most, and the source's figure is as near to the exact one.
func hlTolerance(v, figure *value, exact *big.Rat) {
	if !v.ok {
		return
	}
	r := v.tolerance()
	inverse := new(big.Rat)
	if r.Sign() > 0 {
		inverse.Inv(r)
	}
	off := new(big.Rat).Sub(figure.rat(), exact)
	if !inverse.IsInt() || strings.TrimRight(inverse.Num().String(), "0") != "1" || inverse.Cmp(big.NewRat(10_000, 1)) < 0 ||
		off.Abs(off).Cmp(r.Mul(r, exact)) > 0 {
		v.c.problem("%s: %v is no tolerance of %v", v.path, v.x, figure.x)
	}
}
