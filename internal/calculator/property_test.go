package calculator

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/shopspring/decimal"

	"marginledger/events"
	"marginledger/projector"
)

var seedFlag = flag.Uint64("calculator.seed", 0, "seed of the random portfolios; 0: a new one")

// testVenue is a venue of the property tests: the document of its rules and prices, and what its accounts may do.
type testVenue struct {
	name     string
	document string
	isolated []string // markets whose mode may be chosen
	closes   []string // markets in which a position may be closed in part: others round its cost past what a document can say
	legs     []string // markets that may have a long and a short leg
	funding  bool     // by index, settled position by position
	settles  bool     // funding of all positions at every change of their pool
	digits   int32    // of sizes, and of prices of fills, so that costs are whole; 0: those of the market
	modes    []string // account modes
	caps     bool     // leverage caps
	priced   func(mode string) bool
	slack    slack // how far equity may be from maintenance around a liquidation price: the bound of the venue's page
}

// slack is what the page of a venue allows: on the unit of price at or behind a printed liquidation price, equity is at most
// above over maintenance, and on the unit before it at most below under it; none: there it is over it, and the pool not liquidatable.
type slack func(pool *Pool, p *Position) (above, below decimal.Decimal)

// exact allows nothing.
func exact(*Pool, *Position) (above, below decimal.Decimal) { return }

// quanta is the bound of docs/venues/dydx-v4.md, "Printed prices".
func quanta(*Pool, *Position) (above, below decimal.Decimal) {
	return decimal.New(1, -6), decimal.New(2, -6)
}

// floors is the bound of docs/venues/hyperliquid.md §6 and "Prices".
func floors(pool *Pool, p *Position) (above, below decimal.Decimal) {
	size, price := p.Size.Decimal().Abs(), p.LiquidationPrice.Decimal()
	digits := size.Mul(decimal.New(1, -10).Add(price.Mul(decimal.New(1, -14))))
	bound := decimal.New(3*int64(len(pool.Positions)), -6).Add(digits)
	return bound, bound
}

var testVenues = []testVenue{{
	name: "standard", isolated: []string{"BTC", "ETH"}, closes: []string{"BTC", "ETH"}, legs: []string{"ETH"}, caps: true, funding: true, slack: exact,
	document: `{"venue": {"profile": "standard", "version": "1", "settlementAsset": "USDC", "valueScale": 8, "params": {"withdrawExcludesUpnl": "1"}},
		"assets": [{"asset": "SOL", "haircuts": [{"lowerValue": "0", "haircut": "0.1"}, {"lowerValue": "30000", "haircut": "0.25"}], "price": "151.37"}],
		"markets": [
			{"market": "BTC", "priceScale": 2, "sizeScale": 6, "mark": "64123.45", "liquidationFee": "0.01",
			 "tiers": [{"lowerNotional": "0", "maxLeverage": 50, "maintenanceRate": "0.01"}, {"lowerNotional": "100000", "maxLeverage": 20, "maintenanceRate": "0.025"}]},
			{"market": "ETH", "priceScale": 5, "sizeScale": 3, "mark": "3101.00777", "index": "3100",
			 "tiers": [{"lowerNotional": "0", "maxLeverage": 25, "maintenanceRate": "0.02"}]},
			{"market": "SOL", "priceScale": 1, "sizeScale": 2, "mark": "151.3", "tiers": [{"lowerNotional": "0", "maxLeverage": 10, "maintenanceRate": "0.05"}]}]}`,
}, {
	name: "portfolio", isolated: []string{"BTC"}, closes: []string{"BTC", "ETH"}, legs: []string{"ETH"}, funding: true, slack: exact,
	document: `{"venue": {"profile": "portfolio", "version": "1", "settlementAsset": "USDC", "valueScale": 8,
			"params": {"grid": "3", "group.BTC": "1", "group.ETH": "2", "offset.1.2": "0.6", "contingency": "0.005"}},
		"assets": [{"asset": "BTC", "haircuts": [{"lowerValue": "0", "haircut": "0.05"}], "cap": "4000000", "price": "64000.25"}],
		"markets": [
			{"market": "BTC", "priceScale": 2, "sizeScale": 6, "mark": "64123.45", "tiers": [{"lowerNotional": "0", "maxLeverage": 20, "maintenanceRate": "0.025"}]},
			{"market": "ETH", "priceScale": 5, "sizeScale": 3, "mark": "3101.00777", "tiers": [{"lowerNotional": "0", "maxLeverage": 25, "maintenanceRate": "0.02"}]}]}`,
}, {
	name: "hyperliquid", isolated: []string{"BTC", "ETH"}, closes: []string{"BTC", "ETH"}, caps: true, funding: true, slack: floors,
	modes: []string{"standard", "unified", "portfolioMargin"}, priced: func(mode string) bool { return mode != "portfolioMargin" }, // there it is not the trigger
	document: `{"venue": {"profile": "hyperliquid", "version": "2025", "settlementAsset": "USDC", "valueScale": 6},
		"assets": [{"asset": "HYPE", "haircuts": [{"lowerValue": "0", "haircut": "0.35"}], "cap": "50000", "price": "41.37"}],
		"markets": [
			{"market": "BTC", "priceScale": 1, "sizeScale": 5, "mark": "64123.4", "oracle": "64120",
			 "tiers": [{"lowerNotional": "0", "maxLeverage": 40, "maintenanceRate": "0.0125"}, {"lowerNotional": "100000", "maxLeverage": 20, "maintenanceRate": "0.025"}]},
			{"market": "ETH", "priceScale": 3, "sizeScale": 3, "mark": "3101.007", "oracle": "3100",
			 "tiers": [{"lowerNotional": "0", "maxLeverage": 25, "maintenanceRate": "0.02"}]},
			{"market": "MEME", "priceScale": 4, "sizeScale": 0, "mark": "0.4135", "marginModes": "noCross", "params": {"noBackstop": "1"},
			 "tiers": [{"lowerNotional": "0", "maxLeverage": 10, "maintenanceRate": "0.05"}]},
			{"market": "HYPE", "priceScale": 2, "sizeScale": 2, "mark": "41.35", "tiers": [{"lowerNotional": "0", "maxLeverage": 10, "maintenanceRate": "0.05"}]}]}`,
}, {
	name: "dydx-v4", closes: []string{"BTC", "ETH", "DOGE", "ISO"}, funding: true, settles: true, digits: 3, slack: quanta,
	document: `{"venue": {"profile": "dydx-v4", "version": "9", "settlementAsset": "USDC", "valueScale": 6, "block": 7, "params": {
			"bankruptcyAdjustmentPpm": "1000000", "maxInsuranceLostPerBlock": "1000000", "maxLiquidationFeePpm": "15000", "maxNotionalPerBlock": "100000",
			"maxPositionPortionPpm": "100000", "minPositionNotional": "1000", "spreadToMaintenancePpm": "1500000"}},
		"markets": [
			{"market": "BTC", "priceScale": 5, "sizeScale": 10, "mark": "64123.45", "openInterest": {"long": "1000.5", "short": "1000.5"}, "params": {
				"initialMarginPpm": "20000", "maintenanceFractionPpm": "600000", "lowerCap": "20000000", "upperCap": "100000000", "isolated": "0",
				"stepBaseQuantums": "1000000", "quantumConversionExponent": "-9", "subticksPerTick": "100000"}},
			{"market": "DOGE", "priceScale": 5, "sizeScale": 3, "mark": "0.21", "params": {
				"initialMarginPpm": "100000", "maintenanceFractionPpm": "500000", "lowerCap": "0", "upperCap": "0", "isolated": "0",
				"stepBaseQuantums": "1000", "quantumConversionExponent": "-9", "subticksPerTick": "1000000"}},
			{"market": "ISO", "priceScale": 5, "sizeScale": 3, "mark": "2.37", "params": {
				"initialMarginPpm": "100000", "maintenanceFractionPpm": "500000", "lowerCap": "0", "upperCap": "0", "isolated": "1",
				"stepBaseQuantums": "1000", "quantumConversionExponent": "-9", "subticksPerTick": "1000000"}},
			{"market": "ETH", "priceScale": 6, "sizeScale": 9, "mark": "3101.007", "params": {
				"initialMarginPpm": "20000", "maintenanceFractionPpm": "600000", "lowerCap": "0", "upperCap": "0", "isolated": "0",
				"stepBaseQuantums": "1000000", "quantumConversionExponent": "-9", "subticksPerTick": "100000"}}]}`,
}}

// TestFoldAndCalculator: a random account through the fold, as facts in a random order, and through the calculator, as
// the document of what it holds in the end, has the same figures and the same explanation.
func TestFoldAndCalculator(t *testing.T) {
	const accounts = 300
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("go test ./internal/calculator -run TestFoldAndCalculator -calculator.seed=%d", seed)
	for _, venue := range testVenues {
		t.Run(venue.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			positions, prices := 0, 0
			for range accounts {
				a := newRandomAccount(t, &venue, r)
				for range 3 + r.IntN(25) {
					a.step()
				}
				a.observe()
				n := a.compare()
				positions += n
				if venue.priced == nil || venue.priced(a.mode) {
					prices += a.checkEdges()
				}
			}
			if positions < accounts/2 || prices < accounts/4 {
				t.Errorf("only %d positions and %d liquidation prices in %d accounts: the test tests too little", positions, prices, accounts)
			}
		})
	}
}

// randomAccount is an account whose facts go to a shard, with the little that the fold does not say of it.
type randomAccount struct {
	*testing.T
	*rand.Rand
	venue   *testVenue
	fold    *world
	orders  []OpenOrder
	settled map[string]uint32 // by market and leg: rates that the position has settled
	rates   map[string][]FundingRate
	modes   map[string]events.MarginMode
	levers  map[string]uint32
	caps    map[string]uint32
	mode    string                   // of the account
	outside map[string]events.Number // observed, by asset
	strange bool                     // it holds what a document cannot say: a pool that owes, or without a position
}

func newRandomAccount(t *testing.T, venue *testVenue, r *rand.Rand) *randomAccount {
	t.Helper()
	p, err := Read([]byte(venue.document))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(p)
	if w.value, w.markets, err = p.settle(nil); err != nil {
		t.Fatal(err)
	}
	facts, err := p.venueFacts(w.value, w.markets)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range append(facts, p.observedFacts()...) {
		if err := w.take(&f); err != nil {
			t.Fatal(err)
		}
	}
	a := &randomAccount{T: t, Rand: r, venue: venue, fold: w, settled: map[string]uint32{}, rates: map[string][]FundingRate{},
		modes: map[string]events.MarginMode{}, levers: map[string]uint32{}, caps: map[string]uint32{}}
	a.apply(&events.Deposit{Asset: p.Venue.SettlementAsset, Amount: a.number(20_000, 2)})
	if venue.modes != nil && a.IntN(2) == 0 {
		a.mode = venue.modes[a.IntN(len(venue.modes))]
		a.apply(&events.AccountModeSet{Mode: a.mode})
	}
	return a
}

// observe tells in the end what the account's pool holds elsewhere, where its mode has such a pool.
func (a *randomAccount) observe() {
	a.outside = map[string]events.Number{}
	if a.mode == "" || a.mode == a.venue.modes[0] || a.IntN(2) == 0 {
		return
	}
	asset := a.fold.portfolio.Venue.SettlementAsset
	if amount := a.number(30_000, 3); a.apply(&events.PoolBalanceObserved{Asset: asset, Amount: amount}) {
		a.outside[asset] = amount
	}
}

// apply applies a fact and reports that it was not a dead letter.
func (a *randomAccount) apply(body events.Body) bool {
	a.Helper()
	fx, err := a.fold.apply(body)
	if err != nil {
		a.Fatalf("%+v: %v", body, err)
	}
	for i := range fx.Outputs {
		if fx.Outputs[i].Kind == events.KindDeadLetter {
			return false
		}
	}
	if a.venue.settles && a.touches(body) {
		for _, m := range a.fold.portfolio.Markets {
			a.settled[fmt.Sprint(m.Market, events.LegNet)] = uint32(len(a.rates[m.Market]))
		}
	}
	return true
}

// touches reports that a fact changes the cross pool.
func (a *randomAccount) touches(body events.Body) bool {
	switch body.(type) {
	case *events.Deposit, *events.Withdrawal, *events.Fill:
		return true
	}
	return false
}

// sizeDigits and priceDigits are those that facts have.
func (a *randomAccount) sizeDigits(m *MarketState) int32 {
	return a.digits(a.fold.markets[m.Market].size)
}

func (a *randomAccount) priceDigits(m *MarketState) int32 {
	return a.digits(a.fold.markets[m.Market].price)
}

func (a *randomAccount) digits(scale uint32) int32 {
	if a.venue.digits != 0 {
		return min(a.venue.digits, int32(scale))
	}
	return int32(scale)
}

// number is > 0, at most most, with so many digits.
func (a *randomAccount) number(most int64, digits int32) events.Number {
	n, err := events.FromDecimal(decimal.New(1+a.Int64N(most*decimal.New(1, digits).IntPart()), -digits))
	if err != nil {
		a.Fatal(err)
	}
	return n
}

func (a *randomAccount) market() *MarketState {
	return &a.fold.portfolio.Markets[a.IntN(len(a.fold.portfolio.Markets))]
}

// near is a price within a tenth of a market's mark.
func (a *randomAccount) near(m *MarketState) events.Number {
	mark := m.Mark
	if !mark.Present {
		mark = m.Index
	}
	scale := a.priceDigits(m)
	unit := mark.Decimal().Shift(scale).IntPart()
	n, err := events.FromDecimal(decimal.New(unit-unit/10+a.Int64N(unit/5), -scale))
	if err != nil {
		a.Fatal(err)
	}
	return n
}

func (a *randomAccount) step() {
	m := a.market()
	switch a.IntN(10) {
	case 0:
		a.apply(&events.Deposit{Asset: a.fold.portfolio.Venue.SettlementAsset, Amount: a.number(5000, 4)})
	case 1:
		for _, x := range a.fold.portfolio.Assets {
			if x.Haircuts != nil {
				a.apply(&events.Deposit{Asset: x.Asset, Amount: a.number(200, 3)})
			}
		}
	case 2:
		a.apply(&events.Withdrawal{Asset: a.fold.portfolio.Venue.SettlementAsset, Amount: a.number(300, 2)})
	case 3:
		mode := events.Cross + events.MarginMode(a.IntN(2))
		if slices.Contains(a.venue.isolated, m.Market) && a.apply(&events.MarginModeSet{Market: m.Market, Mode: mode}) {
			a.modes[m.Market] = mode
		}
	case 4:
		lever := uint32(1 + a.IntN(10))
		if a.venue.caps && a.IntN(3) == 0 {
			if a.apply(&events.LeverageCapSet{Market: m.Market, MaxLeverage: lever}) {
				a.caps[m.Market] = lever
			}
			return
		}
		if a.apply(&events.LeverageSet{Market: m.Market, Leverage: lever}) {
			a.levers[m.Market] = lever
		}
	case 5:
		if a.venue.funding {
			rate := FundingRate{Rate: a.number(1, 4), Price: a.near(m), IntervalSeconds: 3600}
			rate.Rate.Scale += 2
			if a.IntN(2) == 0 {
				rate.Rate = rate.Rate.Neg()
			}
			if a.apply(&events.FundingRate{Market: m.Market, Rate: rate.Rate, Price: rate.Price, IntervalSeconds: rate.IntervalSeconds}) {
				a.rates[m.Market] = append(a.rates[m.Market], rate)
			}
		}
	case 6:
		a.order(m)
	default:
		a.fill(m)
	}
}

func (a *randomAccount) fill(m *MarketState) {
	leg := events.LegNet
	if slices.Contains(a.venue.legs, m.Market) && a.IntN(2) == 0 {
		leg = events.LegLong + events.Leg(a.IntN(2))
	}
	b := &events.Fill{Market: m.Market, Leg: leg, Side: events.Buy + events.Side(a.IntN(2)), Price: a.near(m), TradeID: "t", Reason: events.ReasonTrade}
	size := a.position(m.Market, leg)
	notional, err := events.FromDecimal(a.number(40_000, 2).Decimal().DivRound(b.Price.Decimal(), a.sizeDigits(m)))
	if err != nil {
		a.Fatal(err)
	}
	b.Size = notional
	shrinks := size.Sign() > 0 && b.Side == events.Sell || size.Sign() < 0 && b.Side == events.Buy
	if shrinks && !slices.Contains(a.venue.closes, m.Market) {
		b.Size = size.Abs() // all of it
	}
	if b.Size.Sign() == 0 {
		return
	}
	if a.IntN(2) == 0 {
		b.Fee, b.FeeAsset = a.number(3, 4), a.fold.portfolio.Venue.SettlementAsset
	}
	if a.apply(b) {
		a.settled[fmt.Sprint(m.Market, leg)] = uint32(len(a.rates[m.Market]))
	}
}

func (a *randomAccount) figures() *projector.AccountFigures {
	return a.fold.shard.Account(a.fold.venue, a.fold.owner, 0)
}

func (a *randomAccount) position(market string, leg events.Leg) events.Number {
	for _, pool := range a.figures().Pools {
		for _, p := range pool.Positions {
			if p.Market == market && p.Leg == leg {
				return p.Size
			}
		}
	}
	return events.Number{}
}

// order states the open orders of a market: one or two.
func (a *randomAccount) order(m *MarketState) {
	a.orders = slices.DeleteFunc(a.orders, func(o OpenOrder) bool { return o.Market == m.Market })
	sums := &Portfolio{}
	for range 1 + a.IntN(2) {
		o := OpenOrder{Market: m.Market, Size: a.number(3, a.sizeDigits(m)), Price: a.near(m)}
		o.Side.Value = events.Buy + events.Side(a.IntN(2))
		sums.Orders = append(sums.Orders, o)
	}
	facts, err := sums.orderFacts()
	if err != nil {
		a.Fatal(err)
	}
	for _, f := range facts {
		if !a.apply(f.body) {
			a.Fatalf("open orders %+v are a dead letter", f.body)
		}
	}
	a.orders = append(a.orders, sums.Orders...)
}

// document is what the account holds, as JSON.
func (a *randomAccount) document() []byte {
	var doc map[string]any
	if err := json.Unmarshal([]byte(a.venue.document), &doc); err != nil {
		a.Fatal(err)
	}
	balances, positions := map[string]any{}, []any{}
	figures := a.figures()
	for _, b := range figures.Balances {
		balances[b.Asset] = b.Amount.String()
	}
	for i, pool := range figures.Pools {
		if i > 0 && (len(pool.Positions) == 0 || pool.Collateral.Sign() < 0) {
			a.strange = true
		}
		for _, p := range pool.Positions {
			value := p.Size.Decimal().Mul(p.Mark.Decimal())
			x := map[string]any{"market": p.Market, "leg": p.Leg.String(), "size": p.Size.String(), "entryCost": value.Sub(p.UnrealisedPnL.Decimal()).String(),
				"settledRates": a.settled[fmt.Sprint(p.Market, p.Leg)]}
			if i > 0 {
				x["isolatedMargin"] = pool.Collateral.String()
			}
			positions = append(positions, x)
		}
	}
	for _, m := range doc["markets"].([]any) {
		m := m.(map[string]any)
		rates := []any{}
		for _, r := range a.rates[m["market"].(string)] {
			rates = append(rates, map[string]any{"rate": r.Rate.String(), "price": r.Price.String(), "intervalSeconds": r.IntervalSeconds})
		}
		m["fundingRates"] = rates
	}
	orders, modes, levers, caps := []any{}, map[string]any{}, map[string]any{}, map[string]any{}
	for market, most := range a.caps {
		caps[market] = most
	}
	for _, o := range a.orders {
		orders = append(orders, map[string]any{"market": o.Market, "side": o.Side.Value.String(), "size": o.Size.String(), "price": o.Price.String()})
	}
	for market, mode := range a.modes {
		modes[market] = mode.String()
	}
	for market, lever := range a.levers {
		levers[market] = lever
	}
	doc["balances"], doc["positions"], doc["orders"], doc["modes"], doc["leverage"], doc["leverageCaps"] = balances, positions, orders, modes, levers, caps
	if a.mode != "" {
		doc["mode"] = a.mode
	}
	if len(a.outside) > 0 {
		observed := map[string]any{}
		for asset, amount := range a.outside {
			observed[asset] = amount.String()
		}
		doc["observed"] = observed
	}
	data, err := json.Marshal(doc)
	if err != nil {
		a.Fatal(err)
	}
	return data
}

// compare compares the fold with the calculator, and returns the number of positions.
func (a *randomAccount) compare() (positions int) {
	a.Helper()
	data := a.document()
	if a.strange {
		return 0
	}
	p, err := Read(data)
	if err != nil {
		a.Fatalf("%s: %v", data, err)
	}
	w, err := open(p, nil)
	if err != nil {
		a.Fatalf("%s: %v", data, err)
	}
	want, got := a.fold.figures(true), w.figures(true)
	for _, f := range []*Figures{&want, &got} { // open calls remember where equity was
		f.Cross.CallLevels = nil
		positions = len(f.Cross.Positions)
		for i := range f.Isolated {
			f.Isolated[i].CallLevels = nil
			positions += len(f.Isolated[i].Positions)
		}
	}
	if x, y := encoded(a.T, want), encoded(a.T, got); !bytes.Equal(x, y) {
		a.Fatalf("%s\nthe fold says\n%s\nthe calculator\n%s", data, x, y)
	}
	return positions
}

// checkEdges moves each mark to its liquidation price, or to the unit of price behind it, where the pool must be
// liquidatable or at the edge, and to the unit before it, where it must be neither; both but for what the venue's page
// allows. It returns the number of prices.
func (a *randomAccount) checkEdges() (prices int) {
	a.Helper()
	if a.strange {
		return 0
	}
	data := a.document()
	p, err := Read(data)
	if err != nil {
		a.Fatal(err)
	}
	at := func(market string, price decimal.Decimal) *Figures {
		c, err := ParseChange(ChangePrice, marketPrefix+market+"="+price.String())
		if err != nil {
			a.Fatal(err)
		}
		answer, err := Calculate(p, []Change{c}, false)
		if err != nil {
			a.Fatal(err)
		}
		return &answer.Changes[0].After
	}
	f := a.fold.figures(false)
	for i, pool := range append([]Pool{f.Cross}, f.Isolated...) {
		for _, q := range pool.Positions {
			if !q.LiquidationPrice.Present || q.LiquidationPrice.Cmp(q.Mark.Number) == 0 {
				continue
			}
			digits := int32(a.fold.markets[q.Market].price)
			price, unit := q.LiquidationPrice.Decimal().Truncate(digits), decimal.New(1, -digits)
			if q.Mark.Decimal().LessThan(q.LiquidationPrice.Decimal()) { // a short's, whose losing side is above
				unit = unit.Neg()
				if price.LessThan(q.LiquidationPrice.Decimal()) {
					price = price.Sub(unit)
				}
			}
			if price.Sign() == 0 || price.Equal(q.Mark.Decimal()) {
				continue // no price of the market
			}
			prices++
			above, below := a.venue.slack(&pool, &q)
			moved := at(q.Market, price).pool(i)
			if moved.cushion().GreaterThan(above) {
				a.Errorf("%s\n%s at its liquidation price %s: equity %s is above maintenance %s", data, q.Market, price, moved.Equity, moved.Maintenance)
			}
			if price = price.Add(unit); price.Equal(q.Mark.Decimal()) {
				continue
			}
			safe := at(q.Market, price).pool(i)
			if below.IsZero() && (*safe.Liquidatable || safe.cushion().Sign() <= 0) || safe.cushion().LessThan(below.Neg()) {
				a.Errorf("%s\n%s a unit before its liquidation price, at %s: equity %s, maintenance %s", data, q.Market, price, safe.Equity, safe.Maintenance)
			}
		}
	}
	return prices
}

func (p *Pool) cushion() decimal.Decimal { return p.Equity.Decimal().Sub(p.Maintenance.Decimal()) }

func (f *Figures) pool(i int) *Pool {
	if i == 0 {
		return &f.Cross
	}
	return &f.Isolated[i-1]
}
