package hyperliquid

import (
	"errors"
	"math/rand/v2"
	"testing"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

func TestNew(t *testing.T) {
	param := func(name, value string) []events.Param {
		return []events.Param{{Name: name, Value: events.MustNumber(value)}}
	}
	for _, c := range []struct {
		version string
		scale   int
		params  []events.Param
		ok      bool
	}{
		{"2025", 6, nil, true}, {"2025", 18, nil, true}, {"2025", 5, nil, false}, {"2025", 19, nil, false}, {"x", 6, nil, false},
		{"2025", 6, param("liquidationPartialAbove", "10000.000001"), true}, {"2025", 6, param("liquidationPartialAbove", "0.0000001"), false},
		{"2025", 6, param("liquidationPartialAbove", "-1"), false}, {"2025", 6, param("adlRank", "2"), true}, {"2025", 6, param("adlRank", "3"), false},
		{"2025", 6, param("adlRank", "-1"), false}, {"2025", 6, param("adlRank", "0.5"), false}, {"2025", 6, param("cooldownMs", "1"), true},
		{"2025", 6, param("cooldownMs", "-1"), false}, {"2025", 6, param("partialShare", "0.2"), false}, {"2025", 6, param("fullBelow", "0.2"), false},
	} {
		if _, err := New(c.version, c.scale, c.params); (err == nil) != c.ok {
			t.Errorf("%s at %d, %v: %v", c.version, c.scale, c.params, err)
		}
	}
	if _, err := New("2022", 6, nil); !errors.Is(err, margin.ErrUnknownVersion) {
		t.Errorf("unknown version: %v", err)
	}
}

func TestAdmit(t *testing.T) {
	p, err := New("2025", 8, nil)
	if err != nil {
		t.Fatal(err)
	}
	tier := func(lower, leverage, rate int64) margin.Tier {
		return margin.Tier{Lower: fixed.FromInt64(lower), MaxLeverage: leverage, Rate: rate}
	}
	backstop := func(v string) []events.Param {
		return []events.Param{{Name: "noBackstop", Value: events.MustNumber(v)}}
	}
	for _, c := range []struct {
		name   string
		tiers  []margin.Tier
		params []events.Param
		size   int64
		want   error
	}{
		{"one tier", []margin.Tier{tier(0, 40, 12_500_000)}, nil, 1e6, nil},
		{"a sixth cut off", []margin.Tier{tier(0, 3, 166_666_666)}, nil, 1e6, nil},
		{"a sixth rounded up", []margin.Tier{tier(0, 3, 166_666_667)}, nil, 1e6, nil},
		{"another rate", []margin.Tier{tier(0, 3, 166_666_668)}, nil, 1e6, ErrTierRate},
		{"initial taken for maintenance", []margin.Tier{tier(0, 40, 25_000_000)}, nil, 1e6, ErrTierRate},
		{"a lower of seven digits", []margin.Tier{tier(0, 40, 12_500_000), tier(10, 20, 25_000_000)}, nil, 1e6, ErrTierDigits},
		{"a lower of six", []margin.Tier{tier(0, 40, 12_500_000), tier(100, 20, 25_000_000)}, nil, 1e6, nil},
		{"no common multiple", []margin.Tier{tier(0, 997, 501_504), tier(1e6, 991, 504_540), tier(2e6, 983, 508_647), tier(3e6, 977, 511_770)}, nil, 1e6, ErrDenominator},
		{"no backstop", []margin.Tier{tier(0, 40, 12_500_000)}, backstop("1"), 1e6, nil},
		{"half a backstop", []margin.Tier{tier(0, 40, 12_500_000)}, backstop("0.5"), 1e6, margin.ErrParams},
		{"two", []margin.Tier{tier(0, 40, 12_500_000)}, backstop("2"), 1e6, margin.ErrParams},
		{"another param", []margin.Tier{tier(0, 40, 12_500_000)}, []events.Param{{Name: "oi", Value: events.MustNumber("1")}}, 1e6, margin.ErrParams},
		{"too wide", []margin.Tier{tier(0, 40, 12_500_000)}, nil, 1e15, margin.ErrOutOfRange},
	} {
		m := &margin.Market{K: 100, MaxPrice: 1e14, MaxSize: c.size, Tiers: c.tiers, Params: c.params}
		if _, err := p.Admit(m); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if _, err := p.Admit(&margin.Market{K: 100, MaxPrice: 1, MaxSize: 1}); err == nil {
		t.Error("no tiers are admitted")
	}
}

// TestOrderMargin: what only closes holds nothing; what opens holds its limit notional over the leverage, floored.
func TestOrderMargin(t *testing.T) {
	made, err := New("2025", 6, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := made.(*Profile)
	m := &margin.Market{K: 1, PriceScale: 1, SizeScale: 5, MaxPrice: 1e8, MaxSize: 1e8, Mark: 500_000,
		Tiers: []margin.Tier{{MaxLeverage: 40, Rate: 12_500_000}, {Lower: usdcs(100_000), MaxLeverage: 20, Rate: 25_000_000}}}
	if m.Own, err = p.Admit(m); err != nil {
		t.Fatal(err)
	}
	const one = 100_000 // contract
	for _, c := range []struct {
		name       string
		leg        events.Leg
		size, lev  int64
		bid, ask   int64
		bidN, askN int64 // USDC
		want       int64 // micro-USDC
	}{
		{"none", events.LegNet, 0, 10, 0, 0, 0, 0, 0},
		{"a bid", events.LegNet, 0, 7, one, 0, 48_000, 0, 6_857_142_857},
		{"both sides", events.LegNet, 0, 10, one, one, 48_000, 52_000, 10_000_000_000},
		{"a long's asks close", events.LegNet, one, 10, 0, one, 0, 52_000, 0},
		{"a long's asks flip", events.LegNet, one, 10, 0, 3 * one, 0, 150_000, 10_000_000_000},
		{"a long's bids add", events.LegNet, one, 10, one, 0, 48_000, 0, 4_800_000_000},
		{"a short's bids flip", events.LegNet, -one, 10, 4 * one, 0, 200_000, 0, 15_000_000_000},
		{"without a setting the tier's maximum", events.LegNet, 0, 0, one, 0, 48_000, 0, 1_200_000_000},
		{"of the notional after", events.LegNet, one, 0, one, 0, 50_000, 0, 2_500_000_000},
		{"a long leg's asks", events.LegLong, one, 10, 0, 3 * one, 0, 150_000, 0},
		{"a short leg's bids", events.LegShort, -one, 10, 3 * one, 0, 150_000, 0, 0},
	} {
		o := margin.Orders{BidSize: c.bid, AskSize: c.ask, BidNotional: usdcs(c.bidN), AskNotional: usdcs(c.askN)}
		if got := p.OrderMargin(m, c.leg, c.size, c.lev, &o); got != fixed.FromInt64(c.want) {
			t.Errorf("%s: %v, want %d", c.name, got, c.want)
		}
	}
	if got := p.OrderHold(&margin.Account{Mode: "portfolioMargin"}, fixed.FromInt64(99)); got != fixed.FromInt64(99) { // 99.99 down
		t.Errorf("held %v", got)
	}
	if got := p.OrderHold(&margin.Account{Mode: "unified"}, fixed.FromInt64(100)); got != fixed.FromInt64(100) {
		t.Errorf("held %v", got)
	}
}

func usdcs(n int64) fixed.Int128 { return fixed.FromInt64(n * 1e6) }

// BenchmarkProfile: what the fold asks at every event and tick, and what it asks for an announcement.
func BenchmarkProfile(b *testing.B) {
	made, err := New("2025", 8, nil)
	if err != nil {
		b.Fatal(err)
	}
	p := made.(*Profile)
	v := &margin.Venue{Scale: 8, Settlement: &margin.Asset{Name: "USDC", Settlement: true}}
	pool := &margin.Pool{Venue: v, Account: &margin.Account{}, Balances: []margin.Balance{{Asset: v.Settlement, Amount: fixed.FromInt64(1e15)}}}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 8 {
		m := &margin.Market{Venue: v, K: 100, PriceScale: 1, SizeScale: 5, MaxPrice: 1e8, MaxSize: 1e8, Mark: 1 + rng.Int64N(1e6), FundingMode: events.FundingByIndex,
			Tiers: []margin.Tier{{MaxLeverage: 40, Rate: 12_500_000}, {Lower: usdcs(1e6), MaxLeverage: 20, Rate: 25_000_000}}}
		if m.Own, err = p.Admit(m); err != nil {
			b.Fatal(err)
		}
		pool.Positions = append(pool.Positions, margin.Position{Market: m, Size: 1 + rng.Int64N(1e5), Leverage: 10})
	}
	h := p.Judge(pool)
	b.Run("Judge", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p.Judge(pool)
		}
	})
	b.Run("Slopes", func(b *testing.B) {
		b.ReportAllocs()
		var t margin.Terms
		for b.Loop() {
			t.Reset()
			p.Slopes(pool, &h, margin.Edge{Multiple: margin.OneMultiple}, &t)
		}
	})
	b.Run("LiquidationPrice", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p.LiquidationPrice(pool, pool.Positions[0].Market, false)
		}
	})
}
