package dydx

import (
	"flag"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

var foldSeed = flag.Uint64("fold-seed", 0, "seed of TestFold and TestSlopes; 0: a fixed range")

// eachSeed runs a test with the seeds of a range, or with the one of the flag.
func eachSeed(t *testing.T, last uint64, run func(t *testing.T, rng *rand.Rand)) {
	t.Helper()
	first := uint64(1)
	if *foldSeed != 0 {
		first, last = *foldSeed, *foldSeed
	}
	for seed := first; seed <= last; seed++ {
		if run(t, rand.New(rand.NewPCG(seed, 17))); t.Failed() {
			t.Fatalf("repeat: go test ./projector/margin/dydx -run '%s' -fold-seed %d", t.Name(), seed)
		}
	}
}

func settingsOf(rng *rand.Rand) []events.Param {
	var out []events.Param
	for i := range settings {
		x := &settings[i]
		v := x.least + rng.Int64N(min(x.most-x.least, 10_000_000_000)+1)>>rng.IntN(30)
		out = append(out, events.Param{Name: x.name, Value: events.NumberOf(fixed.FromInt64(v), x.scale)})
	}
	return out
}

func profileOf(t *testing.T, rng *rand.Rand) *Profile {
	t.Helper()
	p, err := New(Version, QuoteDecimals, settingsOf(rng))
	if err != nil {
		t.Fatal(err)
	}
	return p.(*Profile)
}

// number draws one of any magnitude up to 2^bits.
func number(rng *rand.Rand, bits int) int64 { return 1 + rng.Int64N(int64(1)<<(1+rng.IntN(bits))) }

func signed64(rng *rand.Rand, v int64) int64 {
	if rng.IntN(2) == 0 {
		return -v
	}
	return v
}

// marketOf draws a market with facts, from so small that every rounding shows to the bounds of §9.
func marketOf(t *testing.T, p *Profile, rng *rand.Rand, i, bits int) *margin.Market {
	t.Helper()
	ps := rng.IntN(10)
	m := &margin.Market{ID: int32(i), Name: fmt.Sprintf("m%03d", i), Underlying: fmt.Sprint("u", rng.IntN(4)), PriceScale: ps, SizeScale: rng.IntN(10),
		FundingMode: events.FundingByIndex, Mark: number(rng, bits), OpenInterestKnown: rng.IntN(8) != 0}
	m.MaxPrice = m.Mark + rng.Int64N(4*m.Mark)
	lower, upper := rng.Int64N(1_000_000_000_000), int64(0)
	if rng.IntN(3) != 0 {
		upper = lower + rng.Int64N(1_000_000_000_000)>>rng.IntN(40)
	}
	values := map[string]int64{"initialMarginPpm": 1 + rng.Int64N(1_000_000), "maintenanceFractionPpm": 1 + rng.Int64N(1_000_000), "lowerCap": lower, "upperCap": upper,
		"isolated": int64(rng.IntN(8) / 7), "finalSettlement": int64(rng.IntN(10) / 9), "stepBaseQuantums": number(rng, 20), "subticksPerTick": number(rng, 20),
		"quantumConversionExponent": int64(rng.IntN(6) - 5)}
	var r rules
	for _, x := range r.params() {
		m.Params = append(m.Params, events.Param{Name: x.name, Value: events.NumberOf(fixed.FromInt64(values[x.name]), x.scale)})
	}
	m.MaxSize = number(rng, bits)
	own, err := p.Admit(m)
	for err != nil && m.MaxSize > 1 { // past the bound of maxPrice · maxSize
		m.MaxSize /= 10
		own, err = p.Admit(m)
	}
	if err != nil {
		t.Fatal(err)
	}
	m.Own = own
	m.OpenLong = fixed.FromInt64(number(rng, 62))
	if rng.IntN(8) == 0 {
		m.OpenLong = m.OpenLong.Mul(number(rng, 62)) // wider than 64 bits
	}
	m.FundingIndex = indexOf(m, rng)
	return m
}

// indexOf draws a funding index, within the bound of NextFunding, in whole units of the venue.
func indexOf(m *margin.Market, rng *rand.Rand) fixed.Int128 {
	unit := rulesOf(m).indexUnit
	most := margin.MulDivWide(fixed.FromInt64(m.MaxPrice).Mul(1000).Mul(fixed.Pow10(margin.FundingScale)), fixed.FromInt64(1), fixed.FromInt64(unit), margin.Down)
	n, ok := most.Int64()
	if !ok {
		n = 1<<63 - 2
	}
	return fixed.FromInt64(signed64(rng, rng.Int64N(n+1)>>rng.IntN(60))).Mul(unit)
}

func poolOf(t *testing.T, p *Profile, rng *rand.Rand) *margin.Pool {
	t.Helper()
	bits := []int{4, 10, 24, 40, 49}[rng.IntN(5)]
	usdc := &margin.Asset{Name: "USDC", Settlement: true}
	pool := &margin.Pool{Venue: &margin.Venue{Scale: QuoteDecimals, Settlement: usdc}, Account: &margin.Account{}}
	if rng.IntN(8) != 0 {
		pool.Balances = []margin.Balance{{Asset: usdc, Amount: fixed.FromInt64(signed64(rng, number(rng, 60)))}}
	}
	for i := range []int{0, 1, 1, 2, 3, 5, 9}[rng.IntN(7)] {
		m := marketOf(t, p, rng, i, bits)
		pos := margin.Position{Market: m, Leg: events.LegNet, Size: signed64(rng, 1+rng.Int64N(m.MaxSize)), FundingIndex: indexOf(m, rng)}
		if rng.IntN(3) == 0 {
			pos.FundingIndex = m.FundingIndex
		}
		if rng.IntN(3) == 0 {
			pos.Leverage = 1 + rng.Int64N(1000)
		}
		pos.Entry = p.Cost(m, pos.Size, 1+rng.Int64N(m.MaxPrice))
		pool.Positions = append(pool.Positions, pos)
	}
	if len(pool.Balances) > 0 && rng.IntN(2) == 0 { // so that the pool is near its requirement
		h := p.Judge(pool)
		near := h.Maintenance.Sub(h.Equity).Add(fixed.FromInt64(signed64(rng, number(rng, 1+bits))))
		pool.Balances[0].Amount = pool.Balances[0].Amount.Add(near)
	}
	return pool
}

func is(t *testing.T, what string, got fixed.Int128, want *big.Int) {
	t.Helper()
	if got.Big().Cmp(want) != 0 {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// TestFold holds the figures of the fold against the functions of any width, on random pools up to
// the bounds: net collateral and requirements, settlements, payments, bankruptcy and liquidation
// prices, what a liquidation asks for and its fee.
func TestFold(t *testing.T) {
	liquidatable := 0
	eachSeed(t, 6000, func(t *testing.T, rng *rand.Rand) {
		p := profileOf(t, rng)
		pool := poolOf(t, p, rng)
		markets, account := portfolio(pool)
		want, err := markets.SettledRisk(account)
		if err != nil {
			t.Fatal(err)
		}
		h := p.Judge(pool)
		is(t, "net collateral", h.Equity, want.Net)
		is(t, "maintenance", h.Maintenance, want.Maintenance)
		if h.Missing == "" {
			is(t, "initial", h.Initial, want.Initial)
		}
		if got := p.Stage(&h) != events.StageNone; got != (want.Liquidatable() || want.Net.Sign() < 0) {
			t.Errorf("stage %v of net %v, maintenance %v", p.Stage(&h), want.Net, want.Maintenance)
		}
		sameSettlement(t, p, pool, markets, account)
		for i := range pool.Positions {
			samePrices(t, p, pool, i, &h, markets, account)
		}
		if want.Liquidatable() {
			liquidatable++
			sameAsk(t, p, pool, markets, account)
		}
		sameExplained(t, p.Explain(pool), &h)
	})
	if *foldSeed == 0 && liquidatable < 600 {
		t.Errorf("only %d pools were liquidatable", liquidatable)
	}
}

// sameExplained: the explanation says the same figures, and its parts add up to them.
func sameExplained(t *testing.T, steps []margin.Step, h *margin.Health) {
	t.Helper()
	of, parts := map[string]fixed.Int128{}, map[string]fixed.Int128{}
	for _, s := range steps {
		if s.Market == "" {
			of[s.Figure] = s.Value.Coef
		} else if s.Value.Present {
			parts[s.Figure] = parts[s.Figure].Add(s.Value.Coef)
		}
	}
	is(t, "explained equity", of["equity"], h.Equity.Big())
	is(t, "explained initial", of["initial"], h.Initial.Big())
	is(t, "explained maintenance", of["maintenance"], h.Maintenance.Big())
	is(t, "sum of initial", parts["initial"], h.Initial.Big())
	is(t, "sum of maintenance", parts["maintenance"], h.Maintenance.Big())
	is(t, "sum of notional", parts["notional"], h.Notional.Big())
}

func sameSettlement(t *testing.T, p *Profile, pool *margin.Pool, markets Markets, account *Subaccount) {
	t.Helper()
	settled, payments, err := markets.Settle(account)
	if err != nil {
		t.Fatal(err)
	}
	lines := make([]fixed.Int128, len(pool.Positions))
	p.Settlement(pool, lines)
	var sum fixed.Int128
	paid := map[uint32]*big.Int{}
	for _, x := range payments {
		paid[x.Market] = x.Paid
	}
	for i := range lines {
		sum = sum.Add(lines[i])
		want := zero
		if x := paid[uint32(i)]; x != nil {
			want = neg(x)
		}
		is(t, "payment", p.Figures(pool, i).Funding, want)
		if extra := sub(lines[i].Big(), want); extra.Sign() < 0 || extra.Cmp(big.NewInt(int64(len(lines)))) >= 0 || extra.Sign() != 0 && slices.ContainsFunc(lines[i+1:], func(v fixed.Int128) bool { return !v.IsZero() }) {
			t.Errorf("line %d of %v is %v more than its payment", i, lines, extra)
		}
	}
	is(t, "settlement", sum, sub(settled.USDC, account.USDC))
}

func samePrices(t *testing.T, p *Profile, pool *margin.Pool, i int, h *margin.Health, markets Markets, account *Subaccount) {
	t.Helper()
	pos := &pool.Positions[i]
	r, m := rulesOf(pos.Market), pos.Market
	if h.Maintenance.Sign() > 0 {
		quote, err := markets.BankruptcyQuote(account, uint32(i), big.NewInt(-pos.Size))
		if err != nil {
			t.Fatal(err)
		}
		is(t, "bankruptcy quote", r.bankruptcyQuote(pos, h), quote)
		if price := p.BankruptcyPrice(pool, i, h); price.Present { // no worse than the quote
			at, _ := price.Int64At(m.PriceScale)
			if got := p.Cost(m, -pos.Size, at).Neg(); got.Big().Cmp(quote) < 0 {
				t.Errorf("the bankruptcy price %v brings %v, less than %v", price, got, quote)
			}
		}
	}
	exact, err := markets.LiquidationPrice(account, uint32(i))
	if err != nil {
		t.Fatal(err)
	}
	got := p.LiquidationPrice(pool, m, false)
	if h.Equity.Less(h.Maintenance) || exact == nil {
		if got.Present {
			t.Errorf("liquidation price %v, want none", got)
		}
		return
	}
	dir := margin.Up
	if pos.Size > 0 {
		dir = margin.Down
	}
	want := margin.Scaled(exact, m.PriceScale, dir)
	if want.Sign() == 0 || want.Cmp(power10(18)) > 0 {
		want = zero
	}
	at, err := got.At(m.PriceScale)
	if err != nil || at.Big().Cmp(want) != 0 {
		t.Errorf("liquidation price %v, want %v at scale %d", got, want, m.PriceScale)
	}
}

// sameAsk: one position is asked for, of the largest requirement, and as much as the venue's order.
func sameAsk(t *testing.T, p *Profile, pool *margin.Pool, markets Markets, account *Subaccount) {
	t.Helper()
	h := p.Judge(pool)
	sizes := make([]int64, len(pool.Positions))
	p.Ask(pool, &h, margin.Asking{Stage: events.StagePartial, Resting: true}, sizes)
	if slices.Max(sizes) != 0 {
		t.Errorf("a request that rests asks for %v", sizes)
	}
	p.Ask(pool, &h, margin.Asking{Stage: events.StagePartial}, sizes)
	asked := -1
	for i, size := range sizes {
		if size == 0 {
			continue
		}
		if asked >= 0 {
			t.Errorf("asks for two: %v", sizes)
		}
		asked = i
	}
	if asked < 0 {
		t.Fatalf("asks for nothing")
	}
	mine := p.Figures(pool, asked).Maintenance
	for i := range pool.Positions {
		if other := p.Figures(pool, i).Maintenance; mine.Less(other) || mine == other && i < asked {
			t.Errorf("asks for %d, requirement %v; that of %d is %v", asked, mine, i, other)
		}
	}
	pos := &pool.Positions[asked]
	r, want := rulesOf(pos.Market), max(pos.Size, -pos.Size)
	if r.final == 0 {
		want = abs(markets[asked].OrderSize(big.NewInt(pos.Size), big.NewInt(r.step), zero, &p.config)).Int64()
	}
	if sizes[asked] != want {
		t.Errorf("asks for %d, want %d", sizes[asked], want)
	}
	price, err := markets.FillablePrice(account, uint32(asked), big.NewInt(-pos.Size), &p.config)
	if err != nil || price.Sign() < 0 {
		return
	}
	subticks, err := Subticks(price, pos.Size > 0, int(r.conversion), big.NewInt(r.perTick))
	if err != nil {
		t.Fatal(err)
	}
	buy, base := pos.Size < 0, big.NewInt(sizes[asked])
	fee, err := markets.InsuranceDelta(account, uint32(asked), buy, base, FillQuote(buy, base, subticks, int(r.conversion)), p.config.MaximumFee)
	if err != nil {
		t.Fatal(err)
	}
	is(t, "fee", p.LiquidationFee(pool, asked, sizes[asked]), most(fee, zero))
}

// TestNextFunding: an index moves by what the venue's does, and is shown in USDC per coin.
func TestNextFunding(t *testing.T) {
	eachSeed(t, 5000, func(t *testing.T, rng *rand.Rand) {
		p := profileOf(t, rng)
		m := marketOf(t, p, rng, 0, []int{4, 24, 40}[rng.IntN(3)])
		before := m.FundingIndex
		rate, seconds, price := signed64(rng, rng.Int64N(100_000)), 1+rng.Int64N(86400), 1+rng.Int64N(m.MaxPrice)
		after, err := p.NextFunding(m, rate*1_000_000, price, uint32(seconds))
		if err != nil {
			return // past the bound
		}
		at := Market{Resolution: -m.SizeScale, Price: big.NewInt(price), Exponent: -m.PriceScale}
		r := rulesOf(m)
		is(t, "index", after, mul(add(r.index(before), at.IndexDelta(big.NewInt(rate), seconds)), big.NewInt(r.indexUnit)))
		m.FundingIndex = after
		// Millionths of a quote quantum per base quantum, in USDC per coin.
		want := shiftRat(new(big.Rat).SetInt(r.index(after)), m.SizeScale-2*QuoteDecimals)
		shown := p.FundingIndex(m)
		if got := shiftRat(new(big.Rat).SetInt(shown.Coef.Big()), -int(shown.Scale)); got.Cmp(want) != 0 {
			t.Errorf("shown as %v, want %v", shown, want)
		}
		if _, err := p.NextFunding(m, rate*1_000_000+1, price, uint32(seconds)); err == nil {
			t.Error("a rate finer than a millionth")
		}
		if _, err := p.NextFunding(m, rate*1_000_000, price, 0); err == nil {
			t.Error("a rate without seconds")
		}
	})
}

// TestPriceAtTrigger: at the printed liquidation price the pool is liquidatable or has less than two
// quote quanta above its requirement; a unit of price on the safe side, less than three below (§7.7).
func TestPriceAtTrigger(t *testing.T) {
	met := 0
	eachSeed(t, 6000, func(t *testing.T, rng *rand.Rand) {
		p := profileOf(t, rng)
		pool := poolOf(t, p, rng)
		for i := range pool.Positions {
			pos := &pool.Positions[i]
			m := pos.Market
			price := p.LiquidationPrice(pool, m, false)
			at, err := price.Int64At(m.PriceScale)
			if !price.Present || err != nil || at >= m.MaxPrice {
				continue
			}
			met++
			mark := m.Mark
			safe := int64(1)
			if pos.Size < 0 {
				safe = -1
			}
			for _, c := range []struct {
				price       int64
				least, most fixed.Int128
			}{{at, fixed.Min, fixed.FromInt64(1)}, {at + safe, fixed.FromInt64(-2), fixed.Max}} {
				if m.Mark = c.price; m.Mark < 1 {
					continue
				}
				h := p.Judge(pool)
				if over := h.Equity.Sub(h.Maintenance); over.Less(c.least) || c.most.Less(over) {
					t.Errorf("%s at %d, liquidation price %d: %v above the requirement, want %v to %v", m.Name, c.price, at, over, c.least, c.most)
				}
			}
			m.Mark = mark
		}
	})
	if *foldSeed == 0 && met < 1500 {
		t.Errorf("met %d prices", met)
	}
}

// BenchmarkJudge judges a pool of ten positions that owe funding, two of them in markets whose
// requirement depends on open interest.
func BenchmarkJudge(b *testing.B) {
	p, pool := benchPool(b)
	b.ReportAllocs()
	for b.Loop() {
		p.Judge(pool)
	}
}

// BenchmarkSlopes asks for the terms of one edge of the same pool.
func BenchmarkSlopes(b *testing.B) {
	p, pool := benchPool(b)
	h := p.Judge(pool)
	var terms margin.Terms
	b.ReportAllocs()
	for b.Loop() {
		terms.Reset()
		p.Slopes(pool, &h, margin.Edge{Multiple: margin.OneMultiple}, &terms)
	}
}

// BenchmarkWide is SettledRisk of the same account in numbers of any width.
func BenchmarkWide(b *testing.B) {
	_, pool := benchPool(b)
	markets, account := portfolio(pool)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := markets.SettledRisk(account); err != nil {
			b.Fatal(err)
		}
	}
}

func benchPool(b testing.TB) (*Profile, *margin.Pool) {
	rng := rand.New(rand.NewPCG(1, 1))
	q, err := New(Version, QuoteDecimals, settingsOf(rng))
	if err != nil {
		b.Fatal(err)
	}
	p := q.(*Profile)
	usdc := &margin.Asset{Name: "USDC", Settlement: true}
	pool := &margin.Pool{Venue: &margin.Venue{Scale: QuoteDecimals, Settlement: usdc}, Account: &margin.Account{},
		Balances: []margin.Balance{{Asset: usdc, Amount: fixed.FromInt64(50_000_000_000)}}}
	for i := range 10 {
		m := &margin.Market{Name: fmt.Sprint("m", i), PriceScale: 5, SizeScale: 10, FundingMode: events.FundingByIndex, Mark: 5_000_000_000,
			MaxPrice: 1_000_000_000_000, MaxSize: 1_000_000_000_000_000, OpenInterestKnown: true, OpenLong: fixed.FromInt64(10_000_000_000_000)}
		r := rules{initial: 50_000, maintenance: 600_000, lower: 0, upper: int64(i/8) * 100_000_000_000_000, step: 1_000_000, conversion: -9, perTick: 100_000}
		for _, x := range r.params() {
			m.Params = append(m.Params, events.Param{Name: x.name, Value: events.NumberOf(fixed.FromInt64(*x.value), x.scale)})
		}
		if m.Own, err = p.Admit(m); err != nil {
			b.Fatal(err)
		}
		m.FundingIndex = fixed.FromInt64(62).Mul(rulesOf(m).indexUnit)
		pos := margin.Position{Market: m, Leg: events.LegNet, Size: 1_000_000_000 * int64(i+1)}
		pos.Entry = p.Cost(m, pos.Size, 5_100_000_000)
		pool.Positions = append(pool.Positions, pos)
	}
	return p, pool
}
