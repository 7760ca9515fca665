package dydx_test

import (
	"errors"
	"math/big"
	"math/rand/v2"
	"testing"

	"marginledger/projector/margin/dydx"
)

func i(n int64) *big.Int { return big.NewInt(n) }

const (
	btc = iota
	eth
	iso // an isolated market
)

// markets returns BTC at 50,000 and ETH at 3,000, 20 % initial and half of it maintenance, and an
// isolated market like ETH.
func markets() dydx.Markets {
	tier := dydx.Tier{Initial: i(200_000), Maintenance: i(500_000), LowerCap: i(0), UpperCap: i(0)}
	return dydx.Markets{
		{ID: btc, Resolution: -8, Price: i(5_000_000_000), Exponent: -5, FundingIndex: i(0), OpenInterest: i(0), Tier: tier},
		{ID: eth, Resolution: -9, Price: i(3_000_000_000), Exponent: -6, FundingIndex: i(0), OpenInterest: i(0), Tier: tier},
		{ID: iso, Resolution: -9, Price: i(3_000_000_000), Exponent: -6, FundingIndex: i(0), OpenInterest: i(0), Tier: tier, Isolated: true},
	}
}

func holding(usdc int64, market uint32, size int64) dydx.Subaccount {
	return dydx.Subaccount{USDC: i(usdc), Positions: []dydx.Position{{Market: market, Size: i(size), FundingIndex: i(0)}}}
}

func equal(t *testing.T, what string, got, want *big.Int) {
	t.Helper()
	if got.Cmp(want) != 0 {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// TestTruncation: shorts round toward 0, not down (§2).
func TestTruncation(t *testing.T) {
	m := dydx.Market{Resolution: -9, Price: i(1_999), Exponent: 0}
	equal(t, "long", m.Notional(i(1)), i(1))
	equal(t, "short", m.Notional(i(-1)), i(-1))
	equal(t, "base", m.Base(i(-1)), i(0)) // −1000 / 1999
}

// TestTwoCeilings: 1.01 becomes 2 before 60 % of it become 1.2, and that 2; one ceiling of 0.606 were 1
// (§3).
func TestTwoCeilings(t *testing.T) {
	tier := dydx.Tier{Initial: i(10_000), Maintenance: i(600_000), LowerCap: i(0), UpperCap: i(0)}
	equal(t, "maintenance", tier.MaintenanceOf(i(101)), i(2))
	equal(t, "maintenance", tier.MaintenanceOf(i(100)), i(1))
	equal(t, "fraction", tier.MaintenanceFraction(), i(6_000))
}

// TestOwnFraction: what the account sets raises the initial requirement only, and never lowers it (§3).
func TestOwnFraction(t *testing.T) {
	ms := markets()
	for _, c := range []struct{ custom, initial int64 }{{0, 10_000_000_000}, {100_000, 10_000_000_000}, {500_000, 25_000_000_000}} {
		a := holding(0, btc, 100_000_000)
		a.Positions[0].Custom = i(c.custom)
		r, err := ms.Risk(&a)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "initial", r.Initial, i(c.initial))
		equal(t, "maintenance", r.Maintenance, i(5_000_000_000))
	}
}

// TestOneFloor: the balance moves by the floor of the sum, payments are rounded alone (§5).
func TestOneFloor(t *testing.T) {
	ms := markets()
	ms[btc].FundingIndex, ms[eth].FundingIndex = i(1), i(1)
	a := dydx.Subaccount{USDC: i(0), Positions: []dydx.Position{
		{Market: btc, Size: i(500_000), FundingIndex: i(0)}, {Market: eth, Size: i(500_000), FundingIndex: i(0)}}}
	settled, payments, err := ms.Settle(&a)
	if err != nil || len(payments) != 2 {
		t.Fatal(payments, err)
	}
	equal(t, "balance", settled.USDC, i(-1))
	equal(t, "paid", payments[0].Paid, i(1))
	equal(t, "paid", payments[1].Paid, i(1)) // 2 in all, of which 1 moved
	equal(t, "given", a.Positions[0].FundingIndex, i(0))
}

// TestIndexTruncation: toward 0 twice, for falling indices too (§5).
func TestIndexTruncation(t *testing.T) {
	m := dydx.Market{Resolution: -12, Price: i(1_000)}
	equal(t, "index", m.IndexDelta(i(-1_001_999), 28_800), i(-1_001))
	equal(t, "index", m.IndexDelta(i(1_001_999), 28_799), i(1_001))
}

// TestLiquidationPrice has the two examples of the venue's documentation, at 5 % maintenance.
func TestLiquidationPrice(t *testing.T) {
	ms := markets()
	ms[eth].Tier.Initial = i(100_000)
	a := holding(10_000_000_000, eth, -3_000_000_000) // equity 1,000
	if p, err := ms.LiquidationPrice(&a, eth); err != nil || p.FloatString(2) != "3174.60" {
		t.Errorf("%v, %v", p, err)
	}
	// 1.5 short, 175 of maintenance in another market: a BTC at 3,500.
	ms[btc].Price, ms[btc].Tier.Initial = i(350_000_000), i(100_000)
	a = dydx.Subaccount{USDC: i(2_000_000_000), Positions: []dydx.Position{{Market: btc, Size: i(100_000_000), FundingIndex: i(0)},
		{Market: eth, Size: i(-1_500_000_000), FundingIndex: i(0)}}}
	if p, err := ms.LiquidationPrice(&a, eth); err != nil || p.FloatString(2) != "3380.95" {
		t.Errorf("%v, %v", p, err)
	}
	safe := holding(1, btc, 1)
	if p, err := ms.LiquidationPrice(&safe, btc); err != nil || p != nil {
		t.Errorf("a long that is paid for: %v, %v", p, err)
	}
	if _, err := ms.LiquidationPrice(&safe, eth); !errors.Is(err, dydx.ErrNoPosition) {
		t.Errorf("no position: %v", err)
	}
}

// TestPriceMeetsTrigger: at the liquidation price collateral and maintenance are less than three
// quanta apart, so where the price is further by as much, the trigger has decided (§7.7).
func TestPriceMeetsTrigger(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	met := 0
	for range 2000 {
		ms := markets()
		size := rnd.Int64N(1_000_000_000) + 1_000_000
		if rnd.IntN(2) == 0 {
			size = -size
		}
		a := dydx.Subaccount{USDC: i(rnd.Int64N(1_000_000_000_000) - 500_000_000_000), Positions: []dydx.Position{
			{Market: btc, Size: i(size), FundingIndex: i(0)}, {Market: eth, Size: i(rnd.Int64N(100_000_000_000) + 1), FundingIndex: i(0)}}}
		p, err := ms.LiquidationPrice(&a, btc)
		if err != nil {
			t.Fatal(err)
		}
		if p == nil {
			continue
		}
		// At 15 digits after the point a unit of price is size·10⁻¹⁷ quanta; collateral moves against
		// maintenance by nine tenths of that.
		scaled := new(big.Rat).Mul(p, new(big.Rat).SetInt(new(big.Int).Exp(i(10), i(15), nil)))
		at := new(big.Int).Quo(scaled.Num(), scaled.Denom())
		off := new(big.Int).Quo(i(4*100_000_000_000_000_000), i(max(size, -size))) // 4 quanta of value
		off.Add(off, i(2))
		ms[btc].Exponent = -15
		for _, sign := range []int64{-1, 1} { // of the price against the liquidation price
			ms[btc].Price = new(big.Int).Add(at, new(big.Int).Mul(off, i(sign)))
			if ms[btc].Price.Sign() <= 0 {
				continue
			}
			r, err := ms.SettledRisk(&a)
			if err != nil {
				t.Fatal(err)
			}
			if losing := (sign < 0) == (size > 0); r.Liquidatable() != losing {
				t.Fatalf("%d of %v with %v, liquidation price %v: at %v liquidatable is %v: %v", size, a.Positions[1].Size, a.USDC,
					p.FloatString(9), ms[btc].Price, r.Liquidatable(), r)
			}
			met++
		}
	}
	if met < 1000 {
		t.Errorf("only %d decided", met)
	}
}

// TestBankruptcyLeavesNothing: closing the only position at its bankruptcy price leaves 0, and closing
// it in parts never leaves less than nothing for the fund to pay (§7.1).
func TestBankruptcyLeavesNothing(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	ms := markets()
	for range 500 {
		size := rnd.Int64N(1_000_000_000) + 2
		if rnd.IntN(2) == 0 {
			size = -size
		}
		a := holding(rnd.Int64N(1_000_000_000_000)-500_000_000_000, btc, size)
		quote, err := ms.BankruptcyQuote(&a, btc, i(-size))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "left", new(big.Int).Add(a.USDC, quote), i(0))
		delta, err := ms.InsuranceDelta(&a, btc, size < 0, i(max(size, -size)), quote, i(5_000))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "insurance", delta, i(0))
	}
	for _, delta := range []int64{0, 1, -3} {
		a := holding(0, btc, 2)
		if _, err := ms.BankruptcyQuote(&a, btc, i(delta)); !errors.Is(err, dydx.ErrSizeDelta) {
			t.Errorf("delta %d of 2: %v", delta, err)
		}
	}
}

func TestErrors(t *testing.T) {
	ms := markets()
	a := holding(0, btc, 2)
	if _, err := ms.InsuranceDelta(&a, btc, false, i(0), i(0), i(0)); !errors.Is(err, dydx.ErrEmptyFill) {
		t.Errorf("empty fill: %v", err)
	}
	if _, err := dydx.Subticks(big.NewRat(-1, 2), true, -9, i(5)); !errors.Is(err, dydx.ErrNegativePrice) {
		t.Errorf("negative price: %v", err)
	}
	if _, err := ms.Get(7); !errors.Is(err, dydx.ErrUnknownMarket) {
		t.Errorf("market 7: %v", err)
	}
	ms[btc].Tier.Initial = i(0)
	if _, err := ms.BankruptcyQuote(&a, btc, i(-2)); !errors.Is(err, dydx.ErrNoMaintenance) {
		t.Errorf("no maintenance: %v", err)
	}
}

// TestTickRounding: a long is sold no lower than the fillable price, a short bought no higher (§7.2).
func TestTickRounding(t *testing.T) {
	for _, c := range []struct {
		long bool
		want int64
	}{{true, 15}, {false, 10}} {
		got, err := dydx.Subticks(big.NewRat(101, 10), c.long, 0, i(5))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "subticks", got, i(c.want))
	}
}

// TestIsolatedPools: opening takes what was there before the update, closing what is there after (§8).
func TestIsolatedPools(t *testing.T) {
	ms := markets()
	empty, open := dydx.Subaccount{USDC: i(900)}, holding(500, iso, 10)
	in, err := ms.PoolMove(&empty, &open)
	if err != nil || in == nil || in.From.Isolated || in.To != (dydx.Pool{Isolated: true, Market: iso}) {
		t.Fatal(in, err)
	}
	equal(t, "in", in.Amount, i(900))
	out, err := ms.PoolMove(&open, &empty)
	if err != nil || out == nil || out.To.Isolated {
		t.Fatal(out, err)
	}
	equal(t, "out", out.Amount, i(900))
	if stays, err := ms.PoolMove(&open, &open); stays != nil || err != nil {
		t.Error(stays, err)
	}
	for _, u := range []struct {
		of     dydx.Subaccount
		deltas []dydx.Delta
		want   dydx.Result
	}{
		{empty, []dydx.Delta{{Market: iso, Size: i(1)}}, dydx.Success},
		{open, []dydx.Delta{{Market: iso, Size: i(1)}}, dydx.Success},
		{open, nil, dydx.Success},
		{open, []dydx.Delta{{Market: btc, Size: i(1)}}, dydx.ViolatesIsolated},
		{holding(1_000_000, btc, 1), []dydx.Delta{{Market: iso, Size: i(1)}}, dydx.ViolatesIsolated},
		{empty, []dydx.Delta{{Market: iso, Size: i(1)}, {Market: iso, Size: i(1)}}, dydx.ViolatesIsolated},
	} {
		u.of.USDC = i(1_000_000_000)
		results, _, err := ms.Check([]dydx.Update{{Account: u.of, USDC: i(0), Deltas: u.deltas}})
		if err != nil || results[0] != u.want {
			t.Errorf("%v: %v, %v, want %v", u.deltas, results, err, u.want)
		}
	}
}

func TestGateAndParents(t *testing.T) {
	for _, c := range []struct {
		block, negative, outage uint64
		want                    bool
	}{{10, 0, 0, false}, {10, 10, 0, true}, {59, 10, 0, true}, {60, 10, 0, false}, {59, 0, 10, true}, {60, 20, 10, true}} {
		if got := dydx.Gated(c.block, c.negative, c.outage); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	for number, want := range map[uint32]uint32{0: 0, 127: 127, 128: 0, 300: 44, 128_000: 0} {
		if got, err := dydx.Parent(number); err != nil || got != want {
			t.Errorf("parent of %d: %d, %v, want %d", number, got, err, want)
		}
	}
	if _, err := dydx.Parent(128_001); !errors.Is(err, dydx.ErrSubaccount) {
		t.Error(err)
	}
}

// TestBlockKeepsTheBooks: what the accounts and the fund own in USDC does not change, whatever happens.
func TestBlockKeepsTheBooks(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	happened := 0
	for n := range 300 {
		size := rnd.Int64N(100_000_000) + 1
		b := dydx.Block{Markets: markets(), Market: btc, Step: i(10), Fund: i(rnd.Int64N(1_000_000_000)), FinalSettlement: n%5 == 0,
			Accounts: []dydx.Subaccount{holding(size*500+rnd.Int64N(size*60)-size*10, btc, -size),
				holding(rnd.Int64N(50_000_000_000), btc, size/2), holding(rnd.Int64N(50_000_000_000), btc, size-size/2)},
			Config: dydx.Config{MaximumFee: i(5_000), BankruptcyAdjustment: i(1_000_000), Spread: i(1_000_000), MinimumNotional: i(1_000),
				MaximumPortion: i(rnd.Int64N(1_000_000) + 1), BlockNotional: i(100_000_000_000), BlockInsurance: i(rnd.Int64N(1_000_000_000))}}
		b.Markets[btc].OpenInterest = i(size)
		for k := range 3 {
			b.Book = append(b.Book, dydx.Resting{Account: 1 + k%2, Size: i(rnd.Int64N(size) + 1), Price: big.NewRat(490+rnd.Int64N(40), 1)})
		}
		sum := func() (usdc, long *big.Int) {
			usdc, long = new(big.Int).Set(b.Fund), i(0)
			for k := range b.Accounts {
				usdc.Add(usdc, b.Accounts[k].USDC)
				if q := b.Accounts[k].Size(btc); q.Sign() > 0 {
					long.Add(long, q)
				}
			}
			return usdc, long
		}
		before, _ := sum()
		events, err := b.Run([]int{0})
		if err != nil {
			t.Fatal(err)
		}
		happened += len(events)
		after, long := sum()
		equal(t, "USDC", after, before)
		equal(t, "open interest", b.Markets[btc].OpenInterest, long)
		if b.Fund.Sign() < 0 {
			t.Errorf("the fund owes %v", b.Fund)
		}
	}
	if happened < 100 {
		t.Errorf("only %d events", happened)
	}
}
