package gmx

import (
	"math/big"
	"testing"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// benchPool is a long of 5 ETH with 0.997 WETH of collateral in a market with price impact.
func benchPool(t testing.TB) (margin.Profile, *margin.Pool) {
	num := events.MustNumber
	params := []events.Param{}
	for name, v := range map[string]string{"indexDecimals": "18", "longDecimals": "18", "shortDecimals": "6"} { // unordered: Admit looks names up
		params = append(params, events.Param{Name: name, Value: num(v)})
	}
	for i := range paramFields {
		value := "0.001"
		switch paramFields[i].name {
		case "impactExponentNegative", "impactExponentPositive":
			value = "2"
		case "impactFactorNegative", "impactFactorPositive":
			value = "0.000000003"
		case "maxPnlForTradersLong", "maxPnlForTradersShort":
			value = "0.9"
		}
		params = append(params, events.Param{Name: paramFields[i].name, Value: num(value)})
	}
	venue := &margin.Venue{Name: "x", Scale: 18}
	weth, usdc := &margin.Asset{Name: "WETH", Price: 3000e12, Min: 3000e12, Max: 3001e12}, &margin.Asset{Name: "USDC", Price: 1e12, Min: 1e12, Max: 1e12}
	m := &margin.Market{Venue: venue, Name: "ETH", PriceScale: 6, SizeScale: 6, K: 1e6, MaxPrice: 1e11, MaxSize: 1e12, LongToken: weth, ShortToken: usdc,
		Params: params, Min: 3000e6, Max: 3001e6}
	profile, err := New(Version, 18, nil)
	if err != nil {
		t.Fatal(err)
	}
	own, err := profile.Admit(m)
	if err != nil {
		t.Fatal(err)
	}
	quantities := own.(*settings).quantityFields()
	for i := range quantities {
		value := "0"
		switch quantities[i].name {
		case "openInterestUsdLong":
			value = "3000000.123"
		case "openInterestUsdShort":
			value = "2500000.5"
		case "poolLong", "poolShort", "openInterestTokensLong", "openInterestTokensShort":
			value = "1000"
		case "virtualInventory":
			continue
		}
		m.Quantities = append(m.Quantities, events.Param{Name: quantities[i].name, Value: num(value)})
	}
	if m.Own, err = profile.Admit(m); err != nil {
		t.Fatal(err)
	}
	pool := &margin.Pool{Venue: venue, Account: &margin.Account{}, Isolated: true, Asset: weth,
		Balances: []margin.Balance{{Asset: weth, Amount: fixed.FromInt64(997e15)}}, Positions: []margin.Position{{Market: m, Leg: events.LegLong, Size: 5e6}}}
	h := &held{size: mul(big.NewInt(15000), unit), tokens: mul(big.NewInt(5), pow10(18)), pendingImpact: new(big.Int), borrowing: new(big.Int), fee: new(big.Int),
		claim: Sides{new(big.Int), new(big.Int)}}
	pool.State = h.encode()
	return profile, pool
}

func BenchmarkJudge(b *testing.B) {
	profile, pool := benchPool(b)
	if h := profile.Judge(pool); !h.IsKnown() || h.Own != 0 {
		b.Fatalf("%+v", h)
	}
	b.ReportAllocs()
	for b.Loop() {
		profile.Judge(pool)
	}
}

// BenchmarkJudgeAnew judges after a PoolState: the power is worked out again.
func BenchmarkJudgeAnew(b *testing.B) {
	profile, pool := benchPool(b)
	b.ReportAllocs()
	for b.Loop() {
		pool.Own = nil
		profile.Judge(pool)
	}
}

func BenchmarkFiguresWithPrice(b *testing.B) {
	profile, pool := benchPool(b)
	b.ReportAllocs()
	for b.Loop() {
		profile.Figures(pool, 0)
		profile.LiquidationPrice(pool, pool.Positions[0].Market, false)
	}
}

// TestState: a state has one encoding, and what is damaged is found.
func TestState(t *testing.T) {
	_, pool := benchPool(t)
	h, err := decode(pool.State)
	if err != nil || h.size.Cmp(mul(big.NewInt(15000), unit)) != 0 {
		t.Fatalf("%+v, %v", h, err)
	}
	h.pendingImpact = big.NewInt(-7)
	state := h.encode()
	if again, err := decode(state); err != nil || again.pendingImpact.Int64() != -7 {
		t.Errorf("%+v, %v", again, err)
	}
	for i := range state {
		if i != 1 && len(state[:i]) > 0 {
			if _, err := decode(state[:i]); err == nil {
				t.Errorf("%x is cut off, and decoded", state[:i])
			}
		}
	}
	negativeZero := append([]byte{}, pool.State...)
	negativeZero[len(negativeZero)-1] |= 1
	for _, damaged := range [][]byte{nil, append([]byte{2}, state[1:]...), append(append([]byte{}, state...), 0), negativeZero} {
		if _, err := decode(damaged); err == nil {
			t.Errorf("%x decoded", damaged)
		}
	}
}
