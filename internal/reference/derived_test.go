package reference

import (
	"math/rand/v2"
	"testing"

	"github.com/shopspring/decimal"

	"marginledger/events"
)

// § 8, worked by hand. 1 BTC long at 10,000 with 1,000: E(x) = x − 9,000, M(x) = x/100;
// E = M at 9,090.909…, so the nearest tenth with E ≤ M is 9,090.9. Bankrupt at 9,000. Short:
// 11,000 − x = x/100 at 10,891.08…: 10,891.1.
func TestLiquidationPrice(t *testing.T) {
	x := newExchange(t).mark("BTC", "10000").deposit("a", "1000").fill("a", "BTC", "1", "10000")
	f := x.pool("a", "cross").Positions[0]
	is(t, "long", f.LiquidationPrice, "9090.9")
	is(t, "long, bankruptcy", f.BankruptcyPrice, "9000")
	x.deposit("b", "1000").fill("b", "BTC", "-1", "10000")
	f = x.pool("b", "cross").Positions[0]
	is(t, "short", f.LiquidationPrice, "10891.1")
	is(t, "short, bankruptcy", f.BankruptcyPrice, "11000")
	x.mark("BTC", "9090.9")
	x.says("MarginCall cross 2", "MarginCall cross 1.5", "MarginCall cross 1.2", "LiquidationTriggered cross partial")
	is(t, "margin ratio 90.909 / 90.9", x.pool("a", "cross").MarginRatio, "1.000099")
	is(t, "liquidatable already", x.pool("a", "cross").Positions[0].LiquidationPrice, "")
}

// A basis trade: 1 BTC of collateral against 1 BTC short. With the mark alone it is liquidated at
// about twice the price; where all of BTC moves, equity stays 0 + haircut: never, as long as
// maintenance is below the equity that does not move.
func TestLiquidationPriceUnderlying(t *testing.T) {
	x := newExchange(t).mark("BTC", "10000")
	x.venue(&events.CollateralChanged{Asset: "BTC", Haircuts: []events.HaircutTier{{LowerValue: n("0"), Haircut: n("0")}}})
	x.venue(&events.CollateralPrice{Asset: "BTC", Price: n("10000")})
	x.fact("a", &events.Deposit{Asset: "BTC", Amount: n("1")}).fill("a", "BTC", "-1", "10000")
	f := x.pool("a", "cross").Positions[0]
	is(t, "mark alone: 20,000 − x = x/100", f.LiquidationPrice, "19802")
	// 10,000 = M(x): x/100 up to 100,000 (1,000), then x/50 − 1,000 = 10,000 at 550,000.
	is(t, "underlying", f.LiquidationPriceUnderlying, "550000")
}

// The search agrees with trying every price, and split is equity − maintenance.
func TestLiquidationPriceAgainstAllPrices(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		v, a := randomPool(rng)
		p := a.pools[crossPool]
		for name, m := range v.markets {
			for _, underlying := range []bool{false, true} {
				got, ok := v.liquidationPrice(a, p, name, underlying)
				want, found := everyPrice(v, a, p, m, underlying)
				if ok != found || (ok && !got.Equal(want)) {
					t.Fatalf("%s, underlying %v: %s %v, by trying all %s %v", name, underlying, got, ok, want, found)
				}
			}
		}
	}
}

func everyPrice(v *venue, a *account, p *pool, m *market, underlying bool) (decimal.Decimal, bool) {
	f := v.poolFigures(a, p)
	if f.equity.Cmp(f.maintenance) < 0 {
		return zero, false
	}
	side := zero
	for _, pos := range p.positions {
		if pos.market == m.name {
			side = side.Add(pos.size)
		}
	}
	step := one
	if side.IsPositive() {
		step = one.Neg()
	}
	present, _ := m.price()
	for x := present; x.IsPositive() && x.Cmp(m.maxPrice) <= 0; x = x.Add(step) {
		world := v.clone() // with the prices really moved
		at := v.shifted(m, x, underlying)
		if !v.admitted(a, p, at) {
			return zero, false
		}
		for name, price := range at.market {
			world.markets[name].mark = price
			world.markets[name].index, world.markets[name].lastFill = zero, zero
		}
		for name, price := range at.asset {
			world.assets[name].price = price
		}
		f := world.poolFigures(a, p)
		if f.equity.Cmp(f.maintenance) <= 0 {
			return x, true
		}
	}
	return zero, false
}

// randomPool returns a cross pool in two markets of one underlying with prices of whole units up to
// 300, hedge legs, and that underlying as collateral.
func randomPool(rng *rand.Rand) (*venue, *account) {
	v := &venue{settlement: "USDC", scale: 6, markets: map[string]*market{}, assets: map[string]*asset{}}
	a := newAccount(accountKey{"a", 0})
	v.assets["BTC"] = &asset{name: "BTC", price: decimal.NewFromInt(1 + rng.Int64N(200)), haircuts: []haircut{{zero, zero}, {decimal.NewFromInt(50), decimal.New(3, -1)}}}
	a.balances["BTC"] = decimal.New(rng.Int64N(4000)-1000, -3)
	a.balances["USDC"] = decimal.New(rng.Int64N(400000)-50000, -3)
	for _, name := range []string{"BTC", "BTC2"} {
		m := &market{
			name: name, underlying: "BTC", sizeScale: 3, maxPrice: decimal.NewFromInt(300),
			mark: decimal.NewFromInt(1 + rng.Int64N(200)),
			rules: rules{tiers: []tier{
				{zero, decimal.New(1, -2), zero, 20},
				{decimal.NewFromInt(100), decimal.New(5, -2), decimal.NewFromInt(4), 10},
			}},
		}
		v.markets[name] = m
		for _, leg := range []events.Leg{events.LegLong, events.LegShort} {
			size := decimal.New(1+rng.Int64N(2000), -3)
			if leg == events.LegShort {
				size = size.Neg()
			}
			entry := size.Mul(m.mark.Add(decimal.NewFromInt(rng.Int64N(20) - 10)))
			if rng.IntN(3) > 0 {
				key := legKey{name, leg}
				a.pools[crossPool].positions[key] = &position{legKey: key, size: size, entry: entry}
			}
		}
	}
	return v, a
}
