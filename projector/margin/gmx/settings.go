package gmx

import (
	"errors"
	"fmt"
	"math/big"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// settings are what Admit keeps of a market: rules, and the state of its pool once a PoolState came.
type settings struct {
	Market
	known          bool // a PoolState came
	minPositionUSD *big.Int

	indexDecimals, longDecimals, shortDecimals int
	indexUnit                                  *big.Int // raw price (§1) of one unit of Market.Min; likewise
	longUnit, shortUnit                        *big.Int // of one unit of Asset.Min

	borrowing    Sides    // cumulative factors (§9)
	fee, claim   [2]Sides // per size (§8), by side, longs first; in the long and in the short token
	longIsIndex  bool
	walletDigits int // digits after the point of balances
}

func settingsOf(m *margin.Market) *settings { return m.Own.(*settings) }

// Bounds of facts. With them no power leaves the venue's fixed point: exponents of 3 on 2^64 USD.
var (
	mostFactor   = mul(big.NewInt(1000), unit)
	mostExponent = mul(big.NewInt(3), unit)
	mostUSD      = mul(pow10(15), unit)
	mostPerSize  = pow10(38)
)

// field is a setting or a quantity of the page's tables.
type field struct {
	name     string
	scale    int // digits after the point, as an integer of the contracts
	most     *big.Int
	signed   bool
	optional bool // absent: 0, or nil where the page says so
	at       func(*settings) **big.Int
}

// The params of a market, by name.
var paramFields = []field{
	{name: "impactExponentNegative", scale: 30, most: mostExponent, at: func(s *settings) **big.Int { return &s.ImpactExponent.Negative }},
	{name: "impactExponentPositive", scale: 30, most: mostExponent, at: func(s *settings) **big.Int { return &s.ImpactExponent.Positive }},
	{name: "impactFactorNegative", scale: 30, most: mostFactor, at: func(s *settings) **big.Int { return &s.ImpactFactor.Negative }},
	{name: "impactFactorPositive", scale: 30, most: mostFactor, at: func(s *settings) **big.Int { return &s.ImpactFactor.Positive }},
	{name: "liquidationFee", scale: 30, most: unit, at: func(s *settings) **big.Int { return &s.LiquidationFee }},
	{name: "maxImpactForLiquidations", scale: 30, most: mostFactor, at: func(s *settings) **big.Int { return &s.MaxImpactForLiquidations }},
	{name: "maxImpactNegative", scale: 30, most: mostFactor, at: func(s *settings) **big.Int { return &s.MaxImpact.Negative }},
	{name: "maxImpactPositive", scale: 30, most: mostFactor, at: func(s *settings) **big.Int { return &s.MaxImpact.Positive }},
	{name: "maxLendUsd", scale: 30, most: mostUSD, at: func(s *settings) **big.Int { return &s.MaxLendUSD }},
	{name: "maxLendableFactor", scale: 30, most: unit, at: func(s *settings) **big.Int { return &s.MaxLendableFactor }},
	{name: "maxPnlForAdlLong", scale: 30, most: mostFactor, at: func(s *settings) **big.Int { return &s.MaxPnLForADL.Long }},
	{name: "maxPnlForAdlShort", scale: 30, most: mostFactor, at: func(s *settings) **big.Int { return &s.MaxPnLForADL.Short }},
	{name: "maxPnlForTradersLong", scale: 30, most: mostFactor, at: func(s *settings) **big.Int { return &s.MaxPnLForTraders.Long }},
	{name: "maxPnlForTradersShort", scale: 30, most: mostFactor, at: func(s *settings) **big.Int { return &s.MaxPnLForTraders.Short }},
	{name: "minCollateral", scale: 30, most: unit, at: func(s *settings) **big.Int { return &s.MinCollateral }},
	{name: "minCollateralForLiquidation", scale: 30, most: unit, at: func(s *settings) **big.Int { return &s.MinCollateralForLiquidation }},
	{name: "minCollateralPerOiLong", scale: 30, most: unit, at: func(s *settings) **big.Int { return &s.MinCollateralPerOpenInterest.Long }},
	{name: "minCollateralPerOiShort", scale: 30, most: unit, at: func(s *settings) **big.Int { return &s.MinCollateralPerOpenInterest.Short }},
	{name: "minCollateralUsd", scale: 30, most: mostUSD, at: func(s *settings) **big.Int { return &s.MinCollateralUSD }},
	{name: "minPositionUsd", scale: 30, most: mostUSD, at: func(s *settings) **big.Int { return &s.minPositionUSD }},
	{name: "positionFeeNegative", scale: 30, most: unit, at: func(s *settings) **big.Int { return &s.PositionFee.Negative }},
	{name: "positionFeePositive", scale: 30, most: unit, at: func(s *settings) **big.Int { return &s.PositionFee.Positive }},
}

// quantityFields are the quantities of a PoolState, by name.
func (s *settings) quantityFields() []field {
	return []field{
		{name: "borrowingLong", scale: 30, most: mostFactor, at: func(s *settings) **big.Int { return &s.borrowing.Long }},
		{name: "borrowingShort", scale: 30, most: mostFactor, at: func(s *settings) **big.Int { return &s.borrowing.Short }},
		{name: "fundingClaimLongInLong", most: mostPerSize, at: func(s *settings) **big.Int { return &s.claim[0].Long }},
		{name: "fundingClaimLongInShort", most: mostPerSize, at: func(s *settings) **big.Int { return &s.claim[0].Short }},
		{name: "fundingClaimShortInLong", most: mostPerSize, at: func(s *settings) **big.Int { return &s.claim[1].Long }},
		{name: "fundingClaimShortInShort", most: mostPerSize, at: func(s *settings) **big.Int { return &s.claim[1].Short }},
		{name: "fundingFeeLongInLong", most: mostPerSize, at: func(s *settings) **big.Int { return &s.fee[0].Long }},
		{name: "fundingFeeLongInShort", most: mostPerSize, at: func(s *settings) **big.Int { return &s.fee[0].Short }},
		{name: "fundingFeeShortInLong", most: mostPerSize, at: func(s *settings) **big.Int { return &s.fee[1].Long }},
		{name: "fundingFeeShortInShort", most: mostPerSize, at: func(s *settings) **big.Int { return &s.fee[1].Short }},
		{name: "impactPool", scale: s.indexDecimals, at: func(s *settings) **big.Int { return &s.ImpactPool }},
		{name: "impactPoolLent", scale: s.indexDecimals, at: func(s *settings) **big.Int { return &s.Lent }},
		{name: "openInterestTokensLong", scale: s.indexDecimals, at: func(s *settings) **big.Int { return &s.OpenInterestTokens.Long }},
		{name: "openInterestTokensShort", scale: s.indexDecimals, at: func(s *settings) **big.Int { return &s.OpenInterestTokens.Short }},
		{name: "openInterestUsdLong", scale: 30, most: mostUSD, at: func(s *settings) **big.Int { return &s.OpenInterest.Long }},
		{name: "openInterestUsdShort", scale: 30, most: mostUSD, at: func(s *settings) **big.Int { return &s.OpenInterest.Short }},
		{name: "poolLong", scale: s.longDecimals, at: func(s *settings) **big.Int { return &s.Pool.Long }},
		{name: "poolShort", scale: s.shortDecimals, at: func(s *settings) **big.Int { return &s.Pool.Short }},
		{name: "virtualInventory", scale: s.inventoryScale(), signed: true, optional: true, at: func(s *settings) **big.Int { return &s.VirtualInventory }},
	}
}

// inventoryScale is that of tokens or of USD, whichever the balance is taken in.
func (s *settings) inventoryScale() int {
	if s.BalanceInTokens {
		return s.indexDecimals
	}
	return 30
}

// Admit reads a market's params and its pool's quantities.
func (p *Profile) Admit(m *margin.Market) (any, error) {
	if m.LongToken == nil {
		return nil, fmt.Errorf("%w: the market needs longToken and shortToken", margin.ErrParams)
	}
	if len(m.Tiers) > 0 {
		return nil, fmt.Errorf("%w: this profile has no tiers", margin.ErrParams)
	}
	s := &settings{walletDigits: m.Venue.Scale, longIsIndex: m.LongToken.Name == m.Underlying}
	s.SingleToken = m.LongToken == m.ShortToken
	s.FeeReceiver = FeeReceivers{zero, zero, zero} // what of a fee is the pool's shows in the next PoolState
	s.MinPnLFactorPostADL = Sides{zero, zero}
	params := reader{list: m.Params}
	s.readDecimals(&params, m)
	params.fields(s, paramFields)
	if err := params.done(); err != nil {
		return nil, fmt.Errorf("%w: %w", margin.ErrParams, err)
	}
	if err := s.setUnits(m); err != nil {
		return nil, err
	}
	if len(m.Quantities) == 0 {
		return s, nil
	}
	quantities := reader{list: m.Quantities}
	quantities.fields(s, s.quantityFields())
	quantities.addLow("openInterestUsdLongLow", s.OpenInterest.Long)
	quantities.addLow("openInterestUsdShortLow", s.OpenInterest.Short)
	if err := quantities.done(); err != nil {
		return nil, err
	}
	s.known = true
	return s, s.checkBalance(m)
}

// readDecimals reads what the other settings are scaled by.
func (s *settings) readDecimals(r *reader, m *margin.Market) {
	s.indexDecimals = r.integer("indexDecimals", 0, 18)
	s.longDecimals = r.integer("longDecimals", 0, min(18, m.Venue.Scale))
	s.shortDecimals = r.integer("shortDecimals", 0, min(18, m.Venue.Scale))
	if r.has("balanceInTokens") {
		s.BalanceInTokens = r.integer("balanceInTokens", 0, 1) == 1
	}
}

// setUnits works out the units of prices, and that the largest position is worth at most mostUSD.
func (s *settings) setUnits(m *margin.Market) error {
	switch {
	case m.PriceScale+s.indexDecimals > 30 || m.SizeScale > s.indexDecimals:
		return errors.New("gmx: the price scale and indexDecimals pass 30, or the size scale passes indexDecimals")
	case s.SingleToken && s.longDecimals != s.shortDecimals, s.longIsIndex && s.longDecimals != s.indexDecimals:
		return fmt.Errorf("%w: one token has one number of decimals", margin.ErrParams)
	}
	s.indexUnit = pow10(int64(30 - m.PriceScale - s.indexDecimals))
	s.longUnit = pow10(int64(18 - s.longDecimals))
	s.shortUnit = pow10(int64(18 - s.shortDecimals))
	most := fixed.Product(m.MaxPrice, m.MaxSize).Big()
	if most.Cmp(pow10(int64(15+m.PriceScale+m.SizeScale))) > 0 {
		return fmt.Errorf("%w: maxPrice · maxSize passes 10^15 USD", margin.ErrOutOfRange)
	}
	return nil
}

// checkBalance bounds what prices turn into USD before a power is taken of it: 2^62.
func (s *settings) checkBalance(m *margin.Market) error {
	limit := new(big.Int).Lsh(unit, 62)
	tokens := greatest(s.OpenInterestTokens.Long, s.OpenInterestTokens.Short)
	inventory := zero
	if s.VirtualInventory != nil {
		inventory = abs(s.VirtualInventory)
	}
	if s.BalanceInTokens {
		tokens, inventory = greatest(tokens, inventory), zero
	}
	if mul(tokens, s.price(m.MaxPrice)).Cmp(limit) > 0 || inventory.Cmp(limit) > 0 {
		return fmt.Errorf("%w: a side's tokens at maxPrice, or the inventory, pass 2^62 USD", margin.ErrOutOfRange)
	}
	return nil
}

// price is the raw index price (§1) of a price at the market's scale.
func (s *settings) price(coef int64) *big.Int { return mul(big.NewInt(coef), s.indexUnit) }

// decimals are those of one of the pool's tokens.
func (s *settings) decimals(longToken bool) int {
	if longToken {
		return s.longDecimals
	}
	return s.shortDecimals
}

// reader takes named numbers; the first failure sticks.
type reader struct {
	list []events.Param
	used [2]uint64 // bits by place in list, which has at most 128
	err  error
}

func (r *reader) find(name string) *events.Param {
	for i := range r.list {
		if r.list[i].Name == name {
			return &r.list[i]
		}
	}
	return nil
}

// use marks a param as one that somebody asked for.
func (r *reader) use(p *events.Param) {
	for i := range r.list {
		if &r.list[i] == p {
			r.used[i/64] |= 1 << (i % 64)
		}
	}
}

func (r *reader) has(name string) bool { return r.find(name) != nil }

func (r *reader) fail(name string, err error) {
	if r.err == nil {
		r.err = fmt.Errorf("gmx: %s: %w", name, err)
	}
}

var (
	errAbsent  = errors.New("is missing")
	errUnknown = errors.New("no such name")
)

// number reads a number as an integer at a scale.
func (r *reader) number(name string, scale int) *big.Int {
	p := r.find(name)
	if p == nil {
		r.fail(name, errAbsent)
		return new(big.Int)
	}
	r.use(p)
	v, err := scaled(p.Value, scale)
	if err != nil {
		r.fail(name, err)
		return new(big.Int)
	}
	return v
}

func (r *reader) integer(name string, low, high int) int {
	v := r.number(name, 0)
	if v.Cmp(big.NewInt(int64(low))) < 0 || v.Cmp(big.NewInt(int64(high))) > 0 {
		r.fail(name, margin.ErrOutOfRange)
		return low
	}
	return int(v.Int64())
}

func (r *reader) fields(s *settings, list []field) {
	for i := range list {
		f := &list[i]
		if f.optional && !r.has(f.name) {
			continue
		}
		v := r.number(f.name, f.scale)
		if v.Sign() < 0 && !f.signed || f.most != nil && v.CmpAbs(f.most) > 0 {
			r.fail(f.name, margin.ErrOutOfRange)
		}
		*f.at(s) = v
	}
}

// addLow adds what does not fit the 38 digits of a number of USD, in units of 1e-30.
func (r *reader) addLow(name string, to *big.Int) {
	if !r.has(name) {
		return
	}
	low := r.number(name, 0)
	if low.Sign() < 0 || low.Cmp(mostPerSize) > 0 {
		r.fail(name, margin.ErrOutOfRange)
	}
	to.Add(to, low)
}

// done reports the first failure, or a name that nobody asked for.
func (r *reader) done() error {
	for i := range r.list {
		if r.err == nil && r.used[i/64]&(1<<(i%64)) == 0 {
			return fmt.Errorf("gmx: %s: %w", r.list[i].Name, errUnknown)
		}
	}
	return r.err
}

// scaled returns a number as an integer at a scale, at any width; it fails where there are more digits.
func scaled(n events.Number, scale int) (*big.Int, error) {
	if int(n.Scale) > scale {
		return nil, events.ErrNumberDigits
	}
	return mul(n.Coef.Big(), pow10(int64(scale-int(n.Scale)))), nil
}
