package projector_test

import (
	"errors"
	"flag"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector"
	"marginledger/projector/margin"
	"marginledger/projector/margin/gmx"
)

var gmxSeed = flag.Uint64("gmx-seed", 0, "seed of TestGMX; 0: a fixed range")

// TestGMX folds random facts of a GMX venue in three ways: with the ladder, with every holder judged at
// every move, and with the state thrown away and restored at random places; they announce the same. After
// each record the books balance, and wallets, positions, figures and open episodes are those of a book that
// this test keeps in the integers of the contracts, through the exported functions of package gmx. The
// liquidation price is where the test for liquidation first fails, to one unit of price.
func TestGMX(t *testing.T) {
	first, last := uint64(1), uint64(14)
	if *gmxSeed != 0 {
		first, last = *gmxSeed, *gmxSeed
	}
	var seen gmxSeen
	for seed := first; seed <= last; seed++ {
		w := newGMXBook(t, seed, &seen)
		for range 110 {
			w.step()
		}
	}
	t.Logf("%+v", seen)
	if *gmxSeed == 0 && (seen.increases < 100 || seen.decreases < 50 || seen.liquidations < 20 || seen.insolvent < 3 || seen.refused < 50 ||
		seen.unknown < 20 || seen.prices < 100 || seen.impacts < 50 || seen.capped < 5 || seen.secondary < 3 || seen.claims < 3 ||
		seen.discounts < 20 || seen.swaps < 3 || seen.unswapped < 1) {
		t.Errorf("%+v: these streams prove nothing", seen)
	}
}

// gmxSeen counts what the streams have met.
type gmxSeen struct {
	increases, decreases, liquidations, insolvent, refused, unknown, prices, impacts, capped, secondary, claims int
	discounts, swaps, unswapped                                                                                 int
}

// gmxOwned is a position of the book.
type gmxOwned struct {
	gmx.Position
	borrowing, fee *big.Int
	claim          gmx.Sides
}

// gmxBook is the venue as the contracts have it, beside the shards.
type gmxBook struct {
	*testing.T
	*rand.Rand
	seed        uint64
	seen        *gmxSeen
	fold, all   *projector.Shard
	restarted   *projector.Shard
	kept        map[string][]byte
	now, offset int64

	market      gmx.Market
	single      bool
	minPosition *big.Int
	prices      gmx.Prices // nil pairs: not told
	borrowing   gmx.Sides
	fee, claim  [2]gmx.Sides
	known       bool
	owned       map[string]*gmxOwned
	wallets     map[string]*big.Int
	discounts   map[string]*gmx.Discount // of owners; nil: none
}

var gmxOwners = []string{"ann", "bob", "cat"}

const gmxLongDecimals, gmxShortDecimals, gmxIndexDecimals = 18, 6, 18

func newGMXBook(t *testing.T, seed uint64, seen *gmxSeen) *gmxBook {
	cfg := projector.Config{}
	w := &gmxBook{T: t, Rand: rand.New(rand.NewPCG(seed, 17)), seed: seed, seen: seen, fold: projector.New(cfg), all: projector.New(cfg),
		restarted: projector.New(cfg), kept: map[string][]byte{}, now: 1_700_000_000e9, owned: map[string]*gmxOwned{}, wallets: map[string]*big.Int{},
		discounts: map[string]*gmx.Discount{}}
	w.all.JudgeAll()
	w.single = seed%4 == 3
	w.venue(&events.VenueProfileSet{Profile: gmx.Name, ProfileVersion: gmx.Version, SettlementAsset: "USD", ValueScale: 18})
	for _, asset := range []string{"WETH", "USDC"} {
		w.venue(&events.CollateralChanged{Asset: asset, Haircuts: []events.HaircutTier{{LowerValue: events.MustNumber("0"), Haircut: events.MustNumber("0.5")}}})
	}
	listed := &events.MarketListed{Market: "ETH", Underlying: "ETH", PriceScale: 6, SizeScale: 4, MaxPrice: events.MustNumber("100000"),
		MaxSize: events.MustNumber("1000000"), LongToken: "WETH", ShortToken: "USDC"}
	if w.single {
		listed.ShortToken = "WETH"
	}
	listed.Rules = events.MarketRules{FundingMode: events.FundingByPayments, Params: w.rules()}
	w.venue(listed)
	for _, owner := range gmxOwners {
		w.deposit(owner, true, w.scaled(50, gmxLongDecimals))
		if !w.single {
			w.deposit(owner, false, w.scaled(100_000, gmxShortDecimals))
		}
	}
	return w
}

// scaled returns a random integer from 0 to most · 10^digits: all digits count, or none after the point.
func (w *gmxBook) scaled(most int64, digits int) *big.Int {
	if w.IntN(3) == 0 {
		return new(big.Int).Mul(big.NewInt(w.Int64N(most+1)), gmxTen(digits))
	}
	v := new(big.Int).Mul(big.NewInt(w.Int64N(most*1_000_000_000+1)), gmxTen(digits))
	v.Add(v, new(big.Int).Mul(big.NewInt(w.Int64N(1_000_000_000)), gmxTen(max(digits-9, 0))))
	return v.Quo(v, big.NewInt(1_000_000_000))
}

func gmxTen(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// of is an integer of the contracts as a number of a fact.
func gmxNumber(v *big.Int, scale int) events.Number {
	coef, ok := fixed.FromBig(v)
	if !ok {
		panic(v)
	}
	return events.NumberOf(coef, scale)
}

// rules draws the settings of the market.
func (w *gmxBook) rules() (out []events.Param) {
	factor := func(per *big.Rat) *big.Int { return margin.Scaled(per, 30, margin.Down) }
	pick := func(values ...string) *big.Int {
		r, _ := new(big.Rat).SetString(values[w.IntN(len(values))])
		return factor(r)
	}
	m := &w.market
	m.SingleToken, m.BalanceInTokens = w.single, w.IntN(7) == 0
	m.ImpactFactor = gmx.Signs{Positive: pick("0", "0.000000002"), Negative: pick("0", "0.000000003", "0.00000001")}
	m.ImpactExponent = gmx.Signs{Positive: pick("1.5", "2"), Negative: pick("1", "1.7", "2")}
	m.MaxImpact = gmx.Signs{Positive: pick("0.001", "0.005"), Negative: pick("0.004", "0.02")}
	m.MaxImpactForLiquidations, m.MaxLendableFactor, m.MaxLendUSD = pick("0", "0.002", "0.01"), pick("0", "0.01"), pick("0", "20000")
	m.MaxPnLForTraders = gmx.Sides{Long: pick("0.9", "0.01"), Short: pick("0.9", "0.01")}
	m.MaxPnLForADL, m.MinPnLFactorPostADL = gmx.Sides{Long: pick("0.85", "0.001"), Short: pick("0.85")}, gmx.Sides{Long: new(big.Int), Short: new(big.Int)}
	m.PositionFee, m.LiquidationFee = gmx.Signs{Positive: pick("0.0004"), Negative: pick("0.0004", "0.0006")}, pick("0.002")
	m.FeeReceiver = gmx.FeeReceivers{Position: new(big.Int), Borrowing: new(big.Int), Liquidation: new(big.Int)}
	m.MinCollateralUSD, m.MinCollateral, m.MinCollateralForLiquidation = pick("1", "0", "50"), pick("0.01"), pick("0.005", "0.05", "0")
	m.MinCollateralPerOpenInterest = gmx.Sides{Long: pick("0", "0.00000000001"), Short: pick("0")}
	w.minPosition = pick("1")
	add := func(name string, v *big.Int, scale int) {
		out = append(out, events.Param{Name: name, Value: gmxNumber(v, scale)})
	}
	if m.BalanceInTokens {
		add("balanceInTokens", big.NewInt(1), 0)
	}
	add("impactExponentNegative", m.ImpactExponent.Negative, 30)
	add("impactExponentPositive", m.ImpactExponent.Positive, 30)
	add("impactFactorNegative", m.ImpactFactor.Negative, 30)
	add("impactFactorPositive", m.ImpactFactor.Positive, 30)
	add("indexDecimals", big.NewInt(gmxIndexDecimals), 0)
	add("liquidationFee", m.LiquidationFee, 30)
	add("longDecimals", big.NewInt(gmxLongDecimals), 0)
	add("maxImpactForLiquidations", m.MaxImpactForLiquidations, 30)
	add("maxImpactNegative", m.MaxImpact.Negative, 30)
	add("maxImpactPositive", m.MaxImpact.Positive, 30)
	add("maxLendUsd", m.MaxLendUSD, 30)
	add("maxLendableFactor", m.MaxLendableFactor, 30)
	add("maxPnlForAdlLong", m.MaxPnLForADL.Long, 30)
	add("maxPnlForAdlShort", m.MaxPnLForADL.Short, 30)
	add("maxPnlForTradersLong", m.MaxPnLForTraders.Long, 30)
	add("maxPnlForTradersShort", m.MaxPnLForTraders.Short, 30)
	add("minCollateral", m.MinCollateral, 30)
	add("minCollateralForLiquidation", m.MinCollateralForLiquidation, 30)
	add("minCollateralPerOiLong", m.MinCollateralPerOpenInterest.Long, 30)
	add("minCollateralPerOiShort", m.MinCollateralPerOpenInterest.Short, 30)
	add("minCollateralUsd", m.MinCollateralUSD, 30)
	add("minPositionUsd", w.minPosition, 30)
	add("positionFeeNegative", m.PositionFee.Negative, 30)
	add("positionFeePositive", m.PositionFee.Positive, 30)
	add("shortDecimals", big.NewInt(int64(w.decimals(false))), 0)
	return out
}

func (w *gmxBook) decimals(longToken bool) int {
	if longToken || w.single {
		return gmxLongDecimals
	}
	return gmxShortDecimals
}

func (w *gmxBook) asset(longToken bool) string {
	if longToken || w.single {
		return "WETH"
	}
	return "USDC"
}

// step puts one fact.
func (w *gmxBook) step() {
	switch n := w.IntN(21); {
	case n < 3:
		w.index()
	case n < 5:
		w.tokenPrice(w.IntN(2) == 0)
	case n < 8:
		w.poolState()
	case n < 13:
		w.increase(gmxOwners[w.IntN(len(gmxOwners))])
	case n < 18:
		w.decrease(gmxOwners[w.IntN(len(gmxOwners))])
	case n < 20:
		w.liquidateAll()
	default:
		owner := gmxOwners[w.IntN(len(gmxOwners))]
		var params []events.Param
		w.discounts[owner], params = w.discount()
		if !w.put(owner, &events.AccountParamsSet{Params: params}) {
			w.fatal("discounts %v were refused", params)
		}
		w.check()
	}
	if w.IntN(10) == 0 {
		w.restarted = restart(w.T, w.restarted, projector.Config{}, w.kept)
	}
}

// discount draws the discounts of an account or order, nil for none.
func (w *gmxBook) discount() (*gmx.Discount, []events.Param) {
	if w.IntN(3) == 0 {
		return nil, nil
	}
	pro, referral := w.scaled(1, 30), w.scaled(1, 29)
	return &gmx.Discount{Referred: true, Affiliate: new(big.Int), MinAffiliate: new(big.Int), Referral: referral, Pro: pro},
		[]events.Param{{Name: "proDiscount", Value: gmxNumber(pro, 30)}, {Name: "referralDiscount", Value: gmxNumber(referral, 30)}}
}

// order draws what the fact of an owner's order says of discounts and the UI fee, nil for nothing.
func (w *gmxBook) order(owner string) (d *gmx.Discount, uiFee *big.Int, params []events.Param) {
	d = w.discounts[owner]
	if w.IntN(4) == 0 {
		if told, names := w.discount(); told != nil {
			d, params = told, names
		}
	}
	if d != nil {
		w.seen.discounts++
	}
	if w.IntN(3) == 0 {
		uiFee = w.scaled(1, 26)
		params = append(params, events.Param{Name: "uiFee", Value: gmxNumber(uiFee, 30)})
	}
	return d, uiFee, params
}

// The facts.

func (w *gmxBook) venue(body events.Body) bool { return w.put("", body) }

// put applies a fact in every way, and reports whether it was applied.
func (w *gmxBook) put(owner string, body events.Body) bool {
	w.Helper()
	w.now += 1e9
	w.offset++
	e := &events.Event{ID: fmt.Sprint("e", w.offset), Type: body.EventType(), Version: 1, Venue: "x", Time: w.now, Owner: owner, Body: body}
	if err := e.Validate(); err != nil {
		w.fatal("%+v: %v", body, err)
	}
	r := projector.Record{Source: projector.Source{Topic: e.Type.Role().String()}, Offset: w.offset, Timestamp: w.now / 1e6, Key: []byte(owner),
		Value: []byte(e.ID), Role: e.Type.Role(), Event: e}
	want := w.all.Apply(&r)
	all := announcements(want)
	if got := announcements(w.fold.Apply(&r)); got != all {
		w.fatal("%+v: the ladder announces\n%s\njudging everything\n%s", body, got, all)
	}
	if got := announcements(w.restarted.Apply(&r)); got != all {
		w.fatal("%+v: after a restart\n%s\nwithout\n%s", body, got, all)
	}
	for _, sum := range w.fold.TrialBalance() {
		if sum.Amount.Sign() != 0 {
			w.fatal("%+v: trial balance of %s is %s", body, sum.Asset, sum.Amount)
		}
	}
	return len(want.DeadLetters) == 0
}

func (w *gmxBook) fatal(format string, args ...any) {
	w.Helper()
	w.Fatalf(format+"\nrepeat: go test ./projector -run TestGMX -gmx-seed %d", append(args, w.seed)...)
}

func (w *gmxBook) deposit(owner string, longToken bool, tokens *big.Int) {
	tokens.Add(tokens, big.NewInt(1))
	w.put(owner, &events.Deposit{Asset: w.asset(longToken), Amount: gmxNumber(tokens, w.decimals(longToken))})
	w.pay(owner, longToken, tokens)
}

// pay adds to a wallet.
func (w *gmxBook) pay(owner string, longToken bool, tokens *big.Int) {
	key := owner + "/" + w.asset(longToken)
	if w.wallets[key] == nil {
		w.wallets[key] = new(big.Int)
	}
	w.wallets[key].Add(w.wallets[key], tokens)
}

// pair draws a pair near a price, as coefficients.
func (w *gmxBook) pair(middle, unit int64) (low, high int64) {
	low = middle*unit + w.Int64N(middle*unit/20+1) - middle*unit/40
	return low, low + w.Int64N(3)*w.Int64N(low/500+1)
}

func gmxPair(low, high int64, unit *big.Int) gmx.Pair {
	return gmx.Pair{Min: new(big.Int).Mul(big.NewInt(low), unit), Max: new(big.Int).Mul(big.NewInt(high), unit)}
}

func (w *gmxBook) index() {
	low, high := w.pair([]int64{1700, 1900, 1960, 2000, 2000, 2000, 2040, 2100, 2500}[w.IntN(9)], 1e6)
	w.prices.Index = gmxPair(low, high, gmxTen(30-6-gmxIndexDecimals))
	w.venue(&events.MarkPrice{Market: "ETH", Index: events.NumberOf(fixed.FromInt64(low), 6), Min: events.NumberOf(fixed.FromInt64(low), 6),
		Max: events.NumberOf(fixed.FromInt64(high), 6)})
	w.check()
}

func (w *gmxBook) tokenPrice(longToken bool) {
	middle, to := int64(2000), &w.prices.Long
	if !longToken && !w.single {
		middle, to = 1, &w.prices.Short
	}
	low, high := w.pair(middle, 1e12)
	*to = gmxPair(low, high, gmxTen(18-w.decimals(longToken)))
	if w.single {
		w.prices.Short = w.prices.Long
	}
	w.venue(&events.CollateralPrice{Asset: w.asset(longToken), Price: events.NumberOf(fixed.FromInt64(low), 12),
		Min: events.NumberOf(fixed.FromInt64(low), 12), Max: events.NumberOf(fixed.FromInt64(high), 12)})
	w.check()
}

// poolState draws the state of the pool; its cumulative figures grow, but now and then an old one comes late.
func (w *gmxBook) poolState() {
	m := &w.market
	m.OpenInterest = gmx.Sides{Long: w.scaled(5_000_000, 30), Short: w.scaled(5_000_000, 30)}
	m.OpenInterestTokens = gmx.Sides{Long: w.scaled(2_500, gmxIndexDecimals), Short: w.scaled(2_500, gmxIndexDecimals)}
	m.Pool = gmx.Sides{Long: w.scaled(3_000, gmxLongDecimals), Short: w.scaled(5_000_000, w.decimals(false))}
	m.ImpactPool, m.Lent, m.VirtualInventory = w.scaled(5, gmxIndexDecimals), w.scaled(1, gmxIndexDecimals), nil
	var out []events.Param
	add := func(name string, v *big.Int, scale int) {
		out = append(out, events.Param{Name: name, Value: gmxNumber(v, scale)})
	}
	grow := func(to **big.Int, by *big.Int) {
		switch {
		case *to == nil:
			*to = new(big.Int)
		case w.IntN(3) == 0:
			*to = new(big.Int).Add(*to, by)
		case w.IntN(60) == 0:
			*to = new(big.Int).Sub(*to, new(big.Int).Quo(*to, big.NewInt(50)))
		}
	}
	grow(&w.borrowing.Long, w.scaled(1, 27))
	grow(&w.borrowing.Short, w.scaled(1, 27))
	for side := range w.fee {
		grow(&w.fee[side].Long, w.scaled(1, 27)) // 10^28 is 2 % of the size at 2,000 USD
		grow(&w.fee[side].Short, w.scaled(1, w.decimals(false)+9))
		grow(&w.claim[side].Long, w.scaled(1, 27))
		grow(&w.claim[side].Short, w.scaled(1, w.decimals(false)+9))
		if w.single {
			w.fee[side].Short, w.claim[side].Short = w.fee[side].Long, w.claim[side].Long
		}
	}
	w.known = true
	add("borrowingLong", w.borrowing.Long, 30)
	add("borrowingShort", w.borrowing.Short, 30)
	add("fundingClaimLongInLong", w.claim[0].Long, 0)
	add("fundingClaimLongInShort", w.claim[0].Short, 0)
	add("fundingClaimShortInLong", w.claim[1].Long, 0)
	add("fundingClaimShortInShort", w.claim[1].Short, 0)
	add("fundingFeeLongInLong", w.fee[0].Long, 0)
	add("fundingFeeLongInShort", w.fee[0].Short, 0)
	add("fundingFeeShortInLong", w.fee[1].Long, 0)
	add("fundingFeeShortInShort", w.fee[1].Short, 0)
	add("impactPool", m.ImpactPool, gmxIndexDecimals)
	add("impactPoolLent", m.Lent, gmxIndexDecimals)
	add("openInterestTokensLong", m.OpenInterestTokens.Long, gmxIndexDecimals)
	add("openInterestTokensShort", m.OpenInterestTokens.Short, gmxIndexDecimals)
	add("openInterestUsdLong", m.OpenInterest.Long, 30)
	if w.IntN(2) == 0 { // what digits of USD do not hold
		low := w.scaled(1, 20)
		m.OpenInterest.Long = new(big.Int).Add(m.OpenInterest.Long, low)
		add("openInterestUsdLongLow", low, 0)
	}
	add("openInterestUsdShort", m.OpenInterest.Short, 30)
	add("poolLong", m.Pool.Long, gmxLongDecimals)
	add("poolShort", m.Pool.Short, w.decimals(false))
	if w.IntN(2) == 0 {
		scale := 30
		m.VirtualInventory = w.scaled(2_000_000, 30)
		if m.BalanceInTokens {
			scale, m.VirtualInventory = gmxIndexDecimals, w.scaled(1_000, gmxIndexDecimals)
		}
		if w.IntN(2) == 0 {
			m.VirtualInventory.Neg(m.VirtualInventory)
		}
		add("virtualInventory", m.VirtualInventory, scale)
	}
	if !w.venue(&events.PoolState{Market: "ETH", Quantities: out}) {
		w.fatal("the pool's state was refused")
	}
	w.check()
}

// The orders.

func gmxPool(isLong bool, asset string) string {
	leg := events.LegShort
	if isLong {
		leg = events.LegLong
	}
	return "ETH/" + leg.String() + "/" + asset
}

// pricesKnown reports that all pairs and the pool's state have been told.
func (w *gmxBook) pricesKnown() bool {
	return w.known && w.prices.Index.Min != nil && w.prices.Long.Min != nil && w.prices.Short.Min != nil
}

// owed is what a position owes; behind: the pool's state is older than what it has seen.
func (w *gmxBook) owed(p *gmxOwned) (owed gmx.Owed, behind bool) {
	side, long, short := 0, w.claim[0].Long, w.claim[0].Short
	if !p.IsLong {
		side, long, short = 1, w.claim[1].Long, w.claim[1].Short
	}
	fee, borrowing := w.fee[side].Of(p.LongToken), w.borrowing.Of(p.IsLong)
	behind = fee.Cmp(p.fee) < 0 || borrowing.Cmp(p.borrowing) < 0 || long.Cmp(p.claim.Long) < 0 || short.Cmp(p.claim.Short) < 0
	if gmx.FundingClaim(p.Size, long, p.claim.Long).Sign() > 0 {
		w.seen.claims++
	}
	return gmx.Owed{Funding: gmx.FundingFee(p.Size, fee, p.fee), Borrowing: gmx.BorrowingFee(p.Size, borrowing, p.borrowing)}, behind
}

// settle has a position take what the pool's state says.
func (w *gmxBook) settle(p *gmxOwned) {
	side := 0
	if !p.IsLong {
		side = 1
	}
	p.fee, p.borrowing, p.claim = w.fee[side].Of(p.LongToken), w.borrowing.Of(p.IsLong), w.claim[side]
}

func gmxLeg(isLong bool) events.Leg {
	if isLong {
		return events.LegLong
	}
	return events.LegShort
}

func (w *gmxBook) increase(owner string) {
	isLong, longToken := w.IntN(2) == 0, w.single || w.IntN(2) == 0
	key := owner + " " + gmxPool(isLong, w.asset(longToken))
	size := w.scaled([]int64{50, 20_000, 300_000}[w.IntN(3)], 30)
	tokens := w.scaled(3, 18)
	if !longToken {
		tokens = w.scaled(5_000, 6)
	}
	if w.IntN(6) == 0 {
		size = new(big.Int)
	}
	if size.Sign() == 0 && tokens.Sign() == 0 {
		return
	}
	d, uiFee, params := w.order(owner)
	want := w.increased(key, isLong, longToken, size, tokens, d, uiFee)
	applied := w.put(owner, &events.PositionChanged{Market: "ETH", Collateral: w.asset(longToken), Leg: gmxLeg(isLong), Change: events.ChangeIncrease,
		SizeUSD: gmxNumber(size, 30), CollateralDelta: gmxNumber(tokens, w.decimals(longToken)), OrderID: "o", Params: params})
	w.answer(applied, want, func() {
		w.seen.increases++
		w.owned[key] = want
		w.pay(owner, longToken, new(big.Int).Neg(tokens))
	})
}

// answer compares what became of an order, and books it.
func (w *gmxBook) answer(applied bool, want *gmxOwned, book func()) {
	w.Helper()
	if applied != (want != nil) {
		w.fatal("an order was applied: %v; it should have been: %v", applied, want != nil)
	}
	if want == nil {
		w.seen.refused++
	} else {
		book()
	}
	w.check()
}

// increased is the position after an increase, nil where it cannot be.
func (w *gmxBook) increased(key string, isLong, longToken bool, size, tokens *big.Int, discount *gmx.Discount, uiFee *big.Int) *gmxOwned {
	if !w.pricesKnown() {
		return nil
	}
	p := &gmxOwned{Position: gmx.Position{IsLong: isLong, LongToken: longToken, Size: new(big.Int), Tokens: new(big.Int), Collateral: new(big.Int),
		PendingImpact: new(big.Int)}}
	costs, price := new(big.Int), w.prices.Short.Min
	if longToken {
		price = w.prices.Long.Min
	}
	if old := w.owned[key]; old != nil {
		*p = *old
		owed, behind := w.owed(old)
		if behind {
			return nil
		}
		costs.Add(owed.Funding, margin.Quo(owed.Borrowing, price, margin.Down))
	} else if size.Sign() == 0 {
		return nil
	}
	if size.Sign() > 0 {
		x, err := w.market.Increase(w.prices.Index, isLong, size)
		if err != nil {
			w.fatal("%v", err)
		}
		p.Size, p.Tokens = new(big.Int).Add(p.Size, size), new(big.Int).Add(p.Tokens, x.Tokens)
		p.PendingImpact = new(big.Int).Add(p.PendingImpact, x.ImpactTokens)
		costs.Add(costs, gmx.NewPositionFee(size, w.market.PositionFee.Of(x.Improved), price, new(big.Int), discount).Cost())
		costs.Add(costs, gmx.UIFee(size, uiFee, price))
		if x.ImpactTokens.Sign() != 0 {
			w.seen.impacts++
		}
	}
	p.Collateral = new(big.Int).Sub(new(big.Int).Add(p.Collateral, tokens), costs)
	if p.Collateral.Sign() < 0 || p.Tokens.Sign() == 0 {
		return nil
	}
	w.settle(p)
	return p
}

// decrease closes a part of one of an owner's positions, or all of it, or asks for too much.
func (w *gmxBook) decrease(owner string) {
	for _, key := range w.keys() {
		if p := w.owned[key]; strings.HasPrefix(key, owner+" ") && w.IntN(2) == 0 {
			part := []*big.Int{p.Size, w.scaled(1, 30), new(big.Int).Rsh(p.Size, 1), new(big.Int).Add(p.Size, big.NewInt(1)), new(big.Int)}[w.IntN(5)]
			tokens := new(big.Int)
			if w.IntN(2) == 0 || part.Sign() == 0 {
				tokens.Quo(p.Collateral, big.NewInt(w.Int64N(5)+1))
			}
			if part.Sign() == 0 && tokens.Sign() == 0 {
				return
			}
			change := events.ChangeDecrease
			if w.IntN(4) == 0 {
				change = events.ChangeADL
			}
			w.close(key, change, part, tokens)
			return
		}
	}
}

// liquidateAll answers the open episodes.
func (w *gmxBook) liquidateAll() {
	for _, key := range w.keys() {
		owner, name, _ := strings.Cut(key, " ")
		for _, pool := range w.fold.Account("x", owner, 0).Pools {
			if pool.Pool == name && pool.Liquidation != "" && w.IntN(3) > 0 {
				w.close(key, events.ChangeLiquidation, w.owned[key].Size, new(big.Int))
				w.seen.liquidations++
			}
		}
	}
}

// keys are the names of the open positions, in order.
func (w *gmxBook) keys() (out []string) {
	for _, owner := range gmxOwners {
		for _, isLong := range []bool{true, false} {
			for _, asset := range []string{"USDC", "WETH"} {
				if key := owner + " " + gmxPool(isLong, asset); w.owned[key] != nil {
					out = append(out, key)
				}
			}
		}
	}
	return out
}

func (w *gmxBook) close(key string, change events.PositionChangeKind, size, tokens *big.Int) {
	p := w.owned[key]
	owner, _, _ := strings.Cut(key, " ")
	var d *gmx.Decrease
	discount, uiFee, params := w.order(owner)
	if owed, behind := w.owed(p); !behind && w.pricesKnown() {
		forced := change != events.ChangeDecrease
		order := gmx.Order{Size: size, Collateral: tokens, Liquidation: change == events.ChangeLiquidation,
			Deleveraging: change == events.ChangeADL, UIFee: uiFee}
		dry, err := w.market.Decrease(&w.prices, &p.Position, order, owed, discount)
		untold := w.IntN(2) == 0
		if !untold {
			order.SwapOutput = w.scaled(1, w.decimals(p.LongToken)-1)
			order.SwapProfit = order.SwapOutput.Sign() > 0
			params = append(params, events.Param{Name: "swapOutput", Value: gmxNumber(order.SwapOutput, w.decimals(p.LongToken))})
			slices.SortFunc(params, func(a, b events.Param) int { return strings.Compare(a.Name, b.Name) })
			dry, err = w.market.Decrease(&w.prices, &p.Position, order, owed, discount)
		}
		if d = dry; d != nil && d.OtherToken.Sign() > 0 {
			switch {
			case order.SwapProfit:
				w.seen.swaps++
			case forced && untold:
				w.seen.unswapped++
				d = nil // nobody knows what the swap gave
			}
		}
		var short *gmx.InsufficientFunds
		if err != nil && !errors.As(err, &short) && size.Cmp(p.Size) <= 0 {
			w.fatal("%v", err)
		}
	}
	b := &events.PositionChanged{Market: "ETH", Collateral: w.asset(p.LongToken), Leg: gmxLeg(p.IsLong), Change: change,
		SizeUSD: gmxNumber(size, 30), CollateralDelta: gmxNumber(tokens, w.decimals(p.LongToken)), OrderID: "o", Params: params}
	applied := w.put(owner, b)
	var want *gmxOwned
	if d != nil {
		want = &gmxOwned{Position: d.Position}
	}
	w.answer(applied, want, func() {
		w.seen.decreases++
		if d.Insolvent != "" {
			w.seen.insolvent++
		}
		if d.Secondary.Sign() > 0 {
			w.seen.secondary++
		}
		w.pay(owner, p.LongToken, d.Output)
		w.pay(owner, p.IsLong, d.Secondary)
		w.settle(want)
		if w.owned[key] = want; want.Size.Sign() == 0 {
			delete(w.owned, key)
		}
	})
}

// check compares every account with the book.
func (w *gmxBook) check() {
	w.Helper()
	for _, owner := range gmxOwners {
		a := w.fold.Account("x", owner, 0)
		held := map[string]events.Number{}
		for _, b := range a.Balances {
			held[b.Asset] = b.Amount
		}
		for _, longToken := range []bool{true, false} {
			if want := w.wallets[owner+"/"+w.asset(longToken)]; want != nil && held[w.asset(longToken)].Cmp(gmxNumber(want, w.decimals(longToken))) != 0 {
				w.fatal("%s has %s %s, the book %v", owner, held[w.asset(longToken)], w.asset(longToken), want)
			}
		}
		open := 0
		for i := range a.Pools[1:] {
			pool := &a.Pools[1+i]
			p := w.owned[owner+" "+pool.Pool]
			if p == nil {
				w.fatal("%s has a pool %s, the book none", owner, pool.Pool)
			}
			open++
			w.checkPosition(pool, p, w.discounts[owner])
		}
		for _, key := range w.keys() {
			if strings.HasPrefix(key, owner+" ") {
				open--
			}
		}
		if open != 0 {
			w.fatal("%s has %d positions more than the book", owner, open)
		}
	}
}

// checkPosition compares the figures of a position.
func (w *gmxBook) checkPosition(pool *projector.PoolFigures, p *gmxOwned, discount *gmx.Discount) {
	w.Helper()
	size := gmxNumber(p.Tokens, gmxIndexDecimals)
	if !p.IsLong {
		size = size.Neg()
	}
	q := &pool.Positions[0]
	if q.Size.Cmp(size) != 0 || pool.Collateral.Cmp(gmxNumber(p.Collateral, w.decimals(p.LongToken))) != 0 {
		w.fatal("%s: size %s, collateral %s, the book %+v", pool.Pool, q.Size, pool.Collateral, p)
	}
	owed, behind := w.owed(p)
	if behind || !w.pricesKnown() {
		w.seen.unknown++
		if pool.Missing == "" || pool.Equity.Present {
			w.fatal("%s is unknown, but has %+v", pool.Pool, pool)
		}
		return
	}
	check := gmx.Check{ForLiquidation: true, MinUSD: true}
	h, err := w.market.Health(&w.prices, &p.Position, owed, discount, check)
	if err != nil {
		w.fatal("%v", err)
	}
	required := h.Required
	if required.Cmp(w.market.MinCollateralUSD) < 0 {
		required = w.market.MinCollateralUSD
	}
	if h.PnL.Sign() > 0 && h.PnL.Cmp(p.UncappedPnL(w.worse(p.IsLong))) < 0 {
		w.seen.capped++
	}
	at18 := func(v *big.Int, dir margin.Direction) events.Number {
		return gmxNumber(margin.Quo(v, gmxTen(12), dir), 18)
	}
	switch {
	case pool.Equity.Cmp(at18(h.Remaining, margin.Down)) != 0, pool.Maintenance.Cmp(at18(required, margin.Up)) != 0,
		q.UnrealisedPnL.Cmp(at18(h.PnL, margin.Down)) != 0:
		w.fatal("%s: equity %s, maintenance %s, pnl %s; the book %+v", pool.Pool, pool.Equity, pool.Maintenance, q.UnrealisedPnL, h)
	case (pool.Liquidation != "") != (h.Reason != ""):
		w.fatal("%s: episode %q, the book says %q", pool.Pool, pool.Liquidation, h.Reason)
	}
	w.checkPrice(pool, p, owed, check, discount, q.LiquidationPrice)
}

func (w *gmxBook) worse(isLong bool) *big.Int {
	if isLong {
		return w.prices.Index.Min
	}
	return w.prices.Index.Max
}

// checkPrice: at the liquidation price the position is liquidatable, one unit on the safe side it is not.
func (w *gmxBook) checkPrice(pool *projector.PoolFigures, p *gmxOwned, owed gmx.Owed, check gmx.Check, discount *gmx.Discount, price events.Number) {
	w.Helper()
	if !price.Present {
		return
	}
	w.seen.prices++
	raw, err := price.At(30 - gmxIndexDecimals)
	if err != nil {
		w.fatal("%s: liquidation price %s: %v", pool.Pool, price, err)
	}
	safe := big.NewInt(1)
	if !p.IsLong {
		safe.Neg(safe)
	}
	for i, x := range []*big.Int{raw.Big(), safe.Add(safe, raw.Big())} {
		at := w.prices
		at.Index = gmx.Pair{Min: x, Max: x}
		h, err := w.market.Health(&at, &p.Position, owed, discount, check)
		if err != nil || (h.Reason != "") != (i == 0) {
			w.fatal("%s: at the liquidation price %s, or one unit before it: %q, %v", pool.Pool, price, h.Reason, err)
		}
	}
}
