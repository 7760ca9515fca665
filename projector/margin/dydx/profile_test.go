package dydx

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

func with(params []events.Param, name, value string) []events.Param {
	out := slices.DeleteFunc(slices.Clone(params), func(p events.Param) bool { return p.Name == name })
	if value != "" {
		out = append(out, events.Param{Name: name, Value: events.MustNumber(value)})
	}
	slices.SortFunc(out, func(a, b events.Param) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// TestSettings: every setting of the venue is required, and has its bounds (§9).
func TestSettings(t *testing.T) {
	good := settingsOf(rand.New(rand.NewPCG(1, 1)))
	for _, c := range []struct{ name, value, want string }{
		{"callClearFactor", "1.1", ""}, {"maxPositionPortionPpm", "1000000", ""}, {"maxNotionalPerBlock", "100000.000001", ""},
		{"maxPositionPortionPpm", "1000001", "out of range"}, {"maxNotionalPerBlock", "0.0000001", "digits"}, {"maxNotionalPerBlock", "0", "out of range"},
		{"bankruptcyAdjustmentPpm", "999999", "out of range"}, {"spreadToMaintenancePpm", "-1", "out of range"}, {"partialShare", "0.5", "unknown"},
		{"maxLiquidationFeePpm", "0.5", "digits"},
	} {
		_, err := New(Version, QuoteDecimals, with(good, c.name, c.value))
		if got := errorText(err); c.want == "" && err != nil || !strings.Contains(got, c.want) {
			t.Errorf("%s = %s: %q, want %q", c.name, c.value, got, c.want)
		}
	}
	for i := range settings {
		if _, err := New(Version, QuoteDecimals, with(good, settings[i].name, "")); err == nil {
			t.Errorf("%s has a default", settings[i].name)
		}
	}
	if _, err := New("8", QuoteDecimals, good); !errors.Is(err, margin.ErrUnknownVersion) {
		t.Errorf("version 8: %v", err)
	}
	if _, err := New(Version, 7, good); err == nil {
		t.Error("amounts finer than a quote quantum")
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestAdmit: every param of a market but finalSettlement is required, and has its bounds; so have its
// largest price and size (§9).
func TestAdmit(t *testing.T) {
	p := profileOf(t, rand.New(rand.NewPCG(1, 1)))
	good := func() *margin.Market {
		m := &margin.Market{PriceScale: 5, SizeScale: 5, MaxPrice: margin.MaxPriceOrSize, MaxSize: margin.MaxPriceOrSize, FundingMode: events.FundingByIndex}
		for _, x := range []struct{ name, value string }{{"initialMarginPpm", "50000"}, {"isolated", "0"}, {"lowerCap", "1000"}, {"maintenanceFractionPpm", "600000"},
			{"quantumConversionExponent", "-9"}, {"stepBaseQuantums", "1000000"}, {"subticksPerTick", "100000"}, {"upperCap", "2000.000001"}} {
			m.Params = append(m.Params, events.Param{Name: x.name, Value: events.MustNumber(x.value)})
		}
		return m
	}
	for _, c := range []struct {
		what   string
		change func(m *margin.Market)
		want   error // nil: admitted
	}{
		{"as it is", func(*margin.Market) {}, nil},
		{"final settlement", func(m *margin.Market) { m.Params = with(m.Params, "finalSettlement", "1") }, nil},
		{"caps that are equal", func(m *margin.Market) { m.Params = with(m.Params, "lowerCap", "2000.000001") }, nil},
		{"no upper cap", func(m *margin.Market) { m.Params = with(m.Params, "upperCap", "0") }, nil},
		{"an upper cap below", func(m *margin.Market) { m.Params = with(m.Params, "lowerCap", "2000.000002") }, margin.ErrParams},
		{"no requirement", func(m *margin.Market) { m.Params = with(m.Params, "initialMarginPpm", "0") }, margin.ErrParams},
		{"more than all", func(m *margin.Market) { m.Params = with(m.Params, "maintenanceFractionPpm", "1000001") }, margin.ErrParams},
		{"two", func(m *margin.Market) { m.Params = with(m.Params, "isolated", "2") }, margin.ErrParams},
		{"first of the unknown", func(m *margin.Market) { m.Params = with(m.Params, "a", "1") }, margin.ErrParams},
		{"last of the unknown", func(m *margin.Market) { m.Params = with(m.Params, "z", "1") }, margin.ErrParams},
		{"wide", func(m *margin.Market) { m.SizeScale = 4 }, margin.ErrOutOfRange},
		{"tiers", func(m *margin.Market) { m.Tiers = []margin.Tier{{}} }, ErrTiers},
		{"modes", func(m *margin.Market) { m.Modes = events.ModesNoCross }, ErrModes},
		{"payments", func(m *margin.Market) { m.FundingMode = events.FundingByPayments }, ErrPayments},
	} {
		m := good()
		c.change(m)
		if _, err := p.Admit(m); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		}
	}
	for _, x := range good().Params {
		m := good()
		m.Params = with(m.Params, x.Name, "")
		if _, err := p.Admit(m); !errors.Is(err, margin.ErrParams) {
			t.Errorf("without %s: %v", x.Name, err)
		}
	}
}

// TestOpenInterestMissing: with an upper cap, figures are unknown until the fact comes; without one they
// never depend on it (§9).
func TestOpenInterestMissing(t *testing.T) {
	_, pool := benchPool(t)
	p := profileOf(t, rand.New(rand.NewPCG(1, 1)))
	for i := range pool.Positions {
		pool.Positions[i].Market.OpenInterestKnown = false
	}
	if h := p.Judge(pool); h.Missing != "OpenInterest" || h.IsKnown() {
		t.Errorf("missing %q", h.Missing)
	}
	pool.Positions = pool.Positions[:8] // without upper caps
	if h := p.Judge(pool); !h.IsKnown() {
		t.Errorf("missing %q, unpriced %v", h.Missing, h.Unpriced)
	}
}

// TestAtBounds judges a pool with everything at its bound (§9): nothing overflows, and the figures are
// those of any width.
func TestAtBounds(t *testing.T) {
	for _, sign := range []int64{1, -1} {
		p := profileOf(t, rand.New(rand.NewPCG(1, 1)))
		usdc := &margin.Asset{Name: "USDC", Settlement: true}
		pool := &margin.Pool{Venue: &margin.Venue{Scale: QuoteDecimals}, Account: &margin.Account{}, Balances: []margin.Balance{{Asset: usdc, Amount: margin.MaxCash.Mul(sign)}}}
		index := fixed.FromInt64(margin.MaxPriceOrSize).Mul(1000).Mul(fixed.Pow10(margin.FundingScale)).Mul(sign)
		for range margin.MaxPositions {
			m := &margin.Market{PriceScale: 5, SizeScale: 5, MaxPrice: margin.MaxPriceOrSize, MaxSize: margin.MaxPriceOrSize, FundingMode: events.FundingByIndex,
				Mark: margin.MaxPriceOrSize, OpenInterestKnown: true, OpenLong: fixed.Max, FundingIndex: index.Neg()}
			r := rules{initial: ppm, maintenance: ppm, upper: maxAmount, step: 1, perTick: 1}
			for _, x := range r.params() {
				m.Params = append(m.Params, events.Param{Name: x.name, Value: events.NumberOf(fixed.FromInt64(*x.value), x.scale)})
			}
			own, err := p.Admit(m)
			if err != nil {
				t.Fatal(err)
			}
			m.Own = own
			pool.Positions = append(pool.Positions, margin.Position{Market: m, Size: margin.MaxPriceOrSize * sign, Entry: margin.MaxCash.Mul(-sign), FundingIndex: index})
		}
		for _, mark := range []int64{margin.MaxPriceOrSize, 1} {
			for i := range pool.Positions {
				pool.Positions[i].Market.Mark = mark
			}
			h := p.Judge(pool)
			markets, account := portfolio(pool)
			want, err := markets.SettledRisk(account)
			if err != nil {
				t.Fatal(err)
			}
			is(t, "net collateral", h.Equity, want.Net)
			is(t, "initial", h.Initial, want.Initial)
			is(t, "maintenance", h.Maintenance, want.Maintenance)
			sameSettlement(t, p, pool, markets, account)
			for _, e := range []margin.Edge{{Multiple: 1e10, Upper: true}, {Multiple: 1e10}, {Multiple: 1e9, Floor: margin.MaxAmount}} {
				var terms margin.Terms
				p.Slopes(pool, &h, e, &terms)
			}
			p.Figures(pool, 0)
			p.LiquidationPrice(pool, pool.Positions[0].Market, true)
			p.BankruptcyPrice(pool, 0, &h)
			p.LiquidationFee(pool, 0, margin.MaxPriceOrSize)
		}
	}
}
