package hyperliquid

import (
	"flag"
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

var profileSeed = flag.Uint64("profile-seed", 0, "seed of the random tests of the profile; 0: a fixed range")

// eachSeed runs a test with seeds from 1, or with the one of the flag.
func eachSeed(t *testing.T, last uint64, f func(t *testing.T, rng *rand.Rand)) {
	first := uint64(1)
	if *profileSeed != 0 {
		first, last = *profileSeed, *profileSeed
	}
	for seed := first; seed <= last; seed++ {
		if f(t, rand.New(rand.NewPCG(seed, 17))); t.Failed() {
			t.Fatalf("repeat: go test ./projector/margin/hyperliquid -run %s -profile-seed %d", t.Name(), seed)
		}
	}
}

// randomProfile is one of any version, at a value scale of 6 to 12.
func randomProfile(t *testing.T, rng *rand.Rand) (*Profile, int) {
	version, scale := Versions()[rng.IntN(len(Versions()))], 6+rng.IntN(7)
	if rng.IntN(6) == 0 {
		version += VaultSuffix
	}
	p, err := New(version, scale, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p.(*Profile), scale
}

// randomMarket has up to four tiers, and scales with which notionals have at most six digits, or where fine up to
// the value scale.
func randomMarket(t *testing.T, rng *rand.Rand, p *Profile, v *margin.Venue, name string, fine bool) *margin.Market {
	digits := 1 + rng.IntN(6)
	if fine {
		digits = 1 + rng.IntN(v.Scale)
	}
	m := &margin.Market{Venue: v, Name: name, Underlying: name, PriceScale: rng.IntN(digits + 1), FundingMode: events.FundingByIndex,
		MaxPrice: 1e10, MaxSize: 1e8}
	m.SizeScale = digits - m.PriceScale
	m.K = fixed.Pow10(v.Scale - digits)
	lower, leverage := fixed.Int128{}, int64(3+rng.IntN(50))
	for range 1 + rng.IntN(4) {
		m.Tiers = append(m.Tiers, margin.Tier{Lower: lower, MaxLeverage: leverage, Rate: margin.OneRate / (2 * leverage)})
		lower = lower.Add(fixed.FromInt64((1 + rng.Int64N(1e5)) * 1e6).Mul(p.unit))
		if leverage -= rng.Int64N(leverage); leverage < 1 {
			leverage = 1
		}
	}
	m.Mark = 1 + rng.Int64N(fixed.Pow10(2+rng.IntN(5)))
	own, err := p.Admit(m)
	if err != nil {
		t.Fatal(err)
	}
	m.Own = own
	return m
}

// randomPool is a cross pool, or an isolated one of one position.
func randomPool(t *testing.T, rng *rand.Rand, p *Profile, scale int, fine bool) *margin.Pool {
	v := &margin.Venue{Scale: scale, Settlement: &margin.Asset{Name: "USDC", Settlement: true}}
	pool := &margin.Pool{Venue: v, Account: &margin.Account{}, Isolated: rng.IntN(3) == 0, Asset: v.Settlement}
	n := 1
	if !pool.Isolated {
		n = rng.IntN(5)
	}
	for i := range n {
		m := randomMarket(t, rng, p, v, string(rune('A'+i)), fine)
		pos := margin.Position{Market: m, Leg: events.LegNet, Size: 1 + rng.Int64N(fixed.Pow10(1+rng.IntN(6))), Leverage: rng.Int64N(60)}
		if rng.IntN(2) == 0 {
			pos.Size = -pos.Size
		}
		pos.Entry = m.Value(pos.Size, 1+rng.Int64N(2*m.Mark))
		m.FundingIndex = fixed.FromInt64(rng.Int64N(2*m.Mark+1) - m.Mark).Mul(rng.Int64N(1e9))
		pool.Positions = append(pool.Positions, pos)
	}
	// Money of the order of what is open, so that every figure is met near its edge.
	cash := fixed.FromInt64(rng.Int64N(1e9)).Mul(p.unit)
	for i := range pool.Positions {
		f := p.Figures(pool, i)
		cash = cash.Add(margin.MulDiv(f.Maintenance, rng.Int64N(4000), 1000, margin.Down)).Sub(f.Unrealised).Sub(f.Funding)
	}
	if pool.Isolated {
		pool.Collateral = cash
	} else {
		pool.Balances = []margin.Balance{{Asset: v.Settlement, Amount: cash}}
	}
	return pool
}

// TestMaintenance: the integers of the profile are the rationals of Maintenance, over all tiers.
func TestMaintenance(t *testing.T) {
	eachSeed(t, 300, func(t *testing.T, rng *rand.Rand) {
		p, scale := randomProfile(t, rng)
		own := ownOf(randomMarket(t, rng, p, &margin.Venue{Scale: scale}, "A", true))
		for range 40 {
			n := fixed.FromInt64(rng.Int64N(1 << (1 + rng.IntN(60))))
			if tier := own.tiers[rng.IntN(len(own.tiers))]; rng.IntN(3) == 0 && fixed.FromInt64(0).Less(tier.Lower) {
				n = tier.Lower.Add(fixed.FromInt64(rng.Int64N(3) - 1))
			}
			if got, want := own.maintenance(n), Maintenance(own.tiers, n); got != want {
				t.Errorf("%v in %+v: %v, want %v", n, own.tiers, got, want)
			}
		}
	})
}

// account is a pool as Rules.Report takes it, with its money as the ledger of the venue: the signed cost of what is
// open is part of it, and so is unposted funding. Only for markets whose notionals have six digits.
func account(p *Profile, pool *margin.Pool) *Account {
	a := &Account{}
	raw := pool.Collateral
	for i := range pool.Balances {
		raw = raw.Add(pool.Balances[i].Amount)
	}
	for i := range pool.Positions {
		pos := &pool.Positions[i]
		a.Holdings = append(a.Holdings, Holding{Position: p.position(pos), Isolated: pool.Isolated})
		raw = raw.Sub(pos.Entry).Add(p.Figures(pool, i).Funding)
	}
	a.Raw = p.micro(raw)
	if pool.Isolated {
		a.Holdings[0].Raw, a.Raw = a.Raw, fixed.Int128{}
	}
	return a
}

// TestFiguresAreTheReports: on random pools the fold's figures are those of Rules.Report, through which the vectors
// run, to the last digit: equity, initial, maintenance, withdrawable, liquidation prices.
func TestFiguresAreTheReports(t *testing.T) {
	prices := 0
	eachSeed(t, 1500, func(t *testing.T, rng *rand.Rand) {
		p, scale := randomProfile(t, rng)
		pool := randomPool(t, rng, p, scale, false)
		h := p.Judge(pool)
		a := account(p, pool)
		orders := fixed.FromInt64(rng.Int64N(1e9))
		a.Orders = []Order{{Notional: orders, Leverage: 7}}
		r := p.rules.Report(a)
		s := r.Cross
		if pool.Isolated {
			s = Summary{Equity: r.Holdings[0].Used, Notional: r.Notional, Maintenance: r.Holdings[0].Maintenance,
				Initial: Initial(r.Notional, a.Holdings[0].Leverage)}
			if got := p.value(p.rules.Removable(&a.Holdings[0])); got != atLeastZero(p.floor(h.Equity.Sub(p.transferRequirement(&h)))) {
				t.Errorf("removable %v", got)
			}
		}
		for name, pair := range map[string][2]fixed.Int128{
			"equity": {p.micro(h.Equity), s.Equity}, "initial": {h.Initial, p.value(s.Initial)}, "maintenance": {h.Maintenance, p.value(s.Maintenance)},
			"notional": {h.Notional, p.value(s.Notional)},
		} {
			if pair[0] != pair[1] {
				t.Errorf("%s %v, want %v", name, pair[0], pair[1])
			}
		}
		if !pool.Isolated {
			got := atLeastZero(p.floor(p.Withdrawable(&h, p.value(Initial(orders, 7)))))
			if got != p.value(r.Withdrawable) {
				t.Errorf("withdrawable %v, want %v", got, r.Withdrawable)
			}
		}
		for i := range pool.Positions {
			got := p.LiquidationPrice(pool, pool.Positions[i].Market, false)
			want := events.Number{}
			if x := r.Holdings[i].Liquidation; x != nil && !h.Equity.Less(h.Maintenance) {
				want = p.number(x)
				prices++
			}
			if got.String() != want.String() {
				t.Errorf("liquidation price %s, want %s", got, want)
			}
		}
	})
	if prices < 500 && *profileSeed == 0 {
		t.Errorf("only %d prices", prices)
	}
}

func atLeastZero(v fixed.Int128) fixed.Int128 {
	if v.Sign() < 0 {
		return fixed.Int128{}
	}
	return v
}

// TestLiquidationPriceOfThePool: Judge at the marks next to the printed price: a price unit, and the bound of §6, beyond
// it the pool is liquidatable; as far to the safe side it is not. Both roundings are the venue's.
func TestLiquidationPriceOfThePool(t *testing.T) {
	found := 0
	eachSeed(t, 1500, func(t *testing.T, rng *rand.Rand) {
		p, scale := randomProfile(t, rng)
		if p.rules.MarkedRate {
			return // no price of the trigger: §6
		}
		pool := randomPool(t, rng, p, scale, true)
		for i := range pool.Positions {
			m, size := pool.Positions[i].Market, pool.Positions[i].Size
			x := p.LiquidationPrice(pool, m, false)
			if !x.Present {
				continue
			}
			price := new(big.Rat).SetFrac(x.Coef.Big(), big.NewInt(fixed.Pow10(int(x.Scale))))
			// The bound, as a move of the price: it is divided by |s|·(1 − r), and r ≤ 1/2.
			n := int64(len(pool.Positions))
			move := new(big.Rat).Quo(big.NewRat(2*3*n, 1e6), new(big.Rat).Abs(p.position(&pool.Positions[i]).Size))
			digits := new(big.Rat).Mul(price, big.NewRat(1, 1e14))
			move.Add(move, digits.Add(digits, new(big.Rat).Quo(big.NewRat(2, 1), big.NewRat(fixed.Pow10(p.rules.Digits), 1))))
			low := margin.Scaled(new(big.Rat).Sub(price, move), m.PriceScale, margin.Down)
			high := margin.Scaled(new(big.Rat).Add(price, move), m.PriceScale, margin.Up)
			bad, safe := low.Int64(), high.Int64()
			if size < 0 {
				bad, safe = safe, bad
			}
			mark := m.Mark
			if bad >= 1 && bad <= m.MaxPrice {
				m.Mark = bad
				if h := p.Judge(pool); !h.Equity.Less(h.Maintenance) && p.Stage(&h) == events.StageNone {
					t.Errorf("price %s of %d: not liquidatable at %d", x, size, bad)
				}
				found++
			}
			if (safe <= mark) == (size > 0) {
				m.Mark = safe
				if h := p.Judge(pool); h.Equity.Less(h.Maintenance) {
					t.Errorf("price %s of %d: liquidatable at %d", x, size, safe)
				}
			}
			m.Mark = mark
		}
	})
	if found < 500 && *profileSeed == 0 {
		t.Errorf("only %d prices", found)
	}
}

// TestPortfolioMargin: the health of a portfolio-margin pool says liquidatable exactly where its ratio is above 0.95, and
// what is free is the available balance, on random accounts in rationals.
func TestPortfolioMargin(t *testing.T) {
	above := 0
	eachSeed(t, 2000, func(t *testing.T, rng *rand.Rand) {
		p, scale := randomProfile(t, rng)
		pool := randomPool(t, rng, p, scale, false)
		if pool.Isolated || len(pool.Positions) == 0 {
			return
		}
		pool.Account.Mode = modes[PortfolioMargin]
		ltv := rng.Int64N(margin.OneRate) + 1
		token := &margin.Asset{Name: "HYPE", Price: 1 + rng.Int64N(50e12), Haircuts: []margin.HaircutTier{{Haircut: margin.OneRate - ltv}}}
		quantity := fixed.FromInt64(1 + rng.Int64N(1e8)).Mul(p.unit)
		pool.Balances = append(pool.Balances, margin.Balance{Asset: token, Amount: quantity})
		pool.Account.Observed = []margin.Observed{{Asset: pool.Venue.Settlement}}
		h := p.Judge(pool)
		s := p.sum(pool)
		x := Portfolio{Net: p.amount(s.equity), Isolated: new(big.Rat), Initial: p.amount(s.initial), Maintenance: p.amount(s.maintenance),
			Orders: new(big.Rat), OrderBuffer: new(big.Rat), Quantity: p.amount(quantity), Oracle: big.NewRat(token.Price, 1e12),
			LoanToValue: big.NewRat(ltv, margin.OneRate)}
		// Two units for the two floors of a value.
		near := func(name string, got fixed.Int128, want *big.Rat) {
			off := new(big.Rat).Sub(want, p.amount(got))
			if off.Sign() < 0 || off.Cmp(p.amount(fixed.FromInt64(2))) > 0 {
				t.Errorf("%s %v, want %s", name, got, want.FloatString(12))
			}
		}
		near("borrow capacity", s.borrowable, x.BorrowCapacity())
		near("liquidation collateral", s.weighted, x.LiquidationCollateral())
		if s.equity.Less(s.maintenance) {
			if got := p.amount(s.borrow()); got.Cmp(x.MaintenanceBorrow()) != 0 {
				t.Errorf("borrow %s", got.FloatString(12))
			}
		} else { // nothing borrowed: the weighted tokens stand beside the balance
			x.Net = new(big.Rat).Add(x.Net, x.LiquidationCollateral())
		}
		ratio := RatioWithoutBorrow(x.Maintenance, x.Net)
		if s.equity.Less(s.maintenance) {
			ratio = x.Ratio()
		}
		isAbove := ratio.Cmp(big.NewRat(95, 100)) > 0
		if isAbove {
			above++
		}
		slack := h.Equity.Sub(h.Maintenance) // the tokens' two units decide within three
		if slack.Sign() < 0 != isAbove && fixed.FromInt64(3).Less(slack.Abs()) {
			t.Errorf("ratio %s, slack %v: %+v", ratio.FloatString(8), slack, s)
		}
		available := p.amount(p.Withdrawable(&h, fixed.Int128{}))
		want := new(big.Rat).Sub(new(big.Rat).Add(p.amount(s.equity), p.amount(s.borrowable)), p.amount(s.initial))
		if available.Cmp(want) != 0 {
			t.Errorf("available %s, want %s", available.FloatString(12), want.FloatString(12))
		}
	})
	if above < 100 && *profileSeed == 0 {
		t.Errorf("only %d above the ratio", above)
	}
}

// Every version picks the regime that its first day lies in, and every regime is picked.
func TestVersionsPickFunding(t *testing.T) {
	picked := map[string]bool{}
	for _, name := range Versions() {
		r, err := For(name)
		if err != nil {
			t.Fatal(err)
		}
		want := FundingAt(r.From + "T23:00Z")
		if got := r.Regime(); got.Name != want.Name {
			t.Errorf("version %s has the regime %s, at the end of its first day %s holds", name, got.Name, want.Name)
		}
		picked[r.Funding] = true
		if vault, err := For(name + VaultSuffix); err != nil || vault.Funding != r.Funding {
			t.Errorf("the vaults of %s have the regime %s: %v", name, vault.Funding, err)
		}
	}
	for _, f := range FundingRegimes() {
		if !picked[f.Name] {
			t.Errorf("no version has %s", f.Name)
		}
	}
	for day, want := range map[string]string{"2023-06-07": "2023-03", "2023-06-08": "2023-06-08", "2023-07": "2023-06-16", "2023-07-14": "2023-06-16",
		"2023-12-31": "2023-07-15", "2024-01-01": "2024"} {
		if r, err := For(day); err != nil || r.Version != want {
			t.Errorf("%s: version %s, want %s", day, r.Version, want)
		}
	}
}

func TestFundingBreaks(t *testing.T) {
	const cap8, cap1 = 320_000_000_000, 40_000_000_000
	for _, c := range []struct {
		version string
		rate    int64
		seconds uint32
		want    string
	}{
		{"2023-03", cap8, 28800, "[]"}, {"2023-03", -cap8 - 1, 28800, "[funding_rate_above_cap]"}, {"2023-03", 1, 3600, "[funding_interval_differs]"},
		{"2025", cap1, 3600, "[]"}, {"2025", -cap1, 0, "[]"}, {"2025", cap1 + 1, 0, "[funding_rate_above_cap]"},
		{"2023-06-16", -cap1 - 1, 3601, "[funding_interval_differs funding_rate_above_cap]"},
	} {
		r, err := For(c.version)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(r.Regime().Breaks(c.rate, c.seconds, nil)); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}
