package projector

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

var perpSeed = flag.Uint64("hyperliquid-seed", 0, "seed of TestHyperliquidStreams; 0: a fixed range")

// TestHyperliquidStreams folds random facts of the venue in four ways: as they come; with every holder judged at every
// move; with new bounds late, as after a jump; and with the state thrown away and restored from rows at random places. Record by record the same is announced,
// and the books balance.
func TestHyperliquidStreams(t *testing.T) {
	first, last := uint64(1), uint64(40)
	if *perpSeed != 0 {
		first, last = *perpSeed, *perpSeed
	}
	kinds := map[events.Kind]int{}
	dead, records := 0, 0
	for seed := first; seed <= last; seed++ {
		g := &perpStream{Rand: rand.New(rand.NewPCG(seed, 23)), marks: map[string]int64{}}
		fold, all, late, restarted := New(Config{}), New(Config{}), New(Config{}), New(Config{})
		all.JudgeAll()
		late.JumpSoon()
		for i := range 400 {
			body, owner := g.next(i)
			want := applyAt(all, i, body, owner)
			ladder, jumped, again := applyAt(fold, i, body, owner), applyAt(late, i, body, owner), applyAt(restarted, i, body, owner)
			for _, way := range []struct {
				name string
				got  *Effects
			}{{"as they come", ladder}, {"with late bounds", jumped}, {"restarted", again}} {
				if a, b := heard(way.got), heard(want); a != b {
					t.Fatalf("record %d, %T: %s\n%s\njudging everything\n%s\nrepeat: go test ./projector -run TestHyperliquidStreams -hyperliquid-seed %d",
						i, body, way.name, a, b, seed)
				}
			}
			if err := fold.CheckLadders(); i%11 == 0 && err != nil {
				t.Fatalf("seed %d, record %d: %v", seed, i, err)
			}
			records++
			dead += len(want.DeadLetters)
			for k := range want.Outputs {
				kinds[want.Outputs[k].Kind]++
			}
			if g.IntN(20) == 0 {
				restarted = reloaded(t, restarted)
			}
		}
		for _, sum := range fold.TrialBalance() {
			if sum.Amount.Sign() != 0 {
				t.Errorf("seed %d: trial balance of %s is %s", seed, sum.Asset, sum.Amount)
			}
		}
	}
	if *perpSeed == 0 && (dead > records/4 || kinds[events.KindLiquidationTriggered] < 100 || kinds[events.KindPoolBankrupt] < 20 ||
		kinds[events.KindLiquidationCleared] < 50 || kinds[events.KindViolation] < 100) {
		t.Errorf("%d records, %d dead letters, announced %v: these streams prove nothing", records, dead, kinds)
	}
}

func applyAt(s *Shard, i int, body events.Body, owner string) *Effects {
	offset := int64(i + 1)
	e := &events.Event{ID: fmt.Sprint(offset), Type: body.EventType(), Version: 1, Venue: "x", Time: offset * 4e9, Owner: owner, Body: body}
	return s.Apply(&Record{Source: Source{Topic: e.Type.Role().String()}, Offset: offset, Timestamp: offset * 4e3,
		Key: []byte(owner), Value: []byte(e.ID), Role: e.Type.Role(), Event: e})
}

// heard is everything that a record had announced.
func heard(fx *Effects) string {
	var b []byte
	for i := range fx.Outputs {
		b = append(fx.Outputs[i].AppendJSON(b), '\n')
	}
	return string(b)
}

// reloaded is a shard restored from another's rows.
func reloaded(t *testing.T, s *Shard) *Shard {
	t.Helper()
	next := New(Config{})
	s.EachRow(func(r Row) {
		if err := next.LoadRow(bytes.Clone(r.Key), bytes.Clone(r.Value)); err != nil {
			t.Fatal(err)
		}
	})
	s.EachSeen(next.LoadSeen)
	if err := next.Loaded(s.Counters()); err != nil {
		t.Fatal(err)
	}
	return next
}

// TestHyperliquidBounds evaluates a portfolio-margin pool with everything at its bound: nothing overflows.
func TestHyperliquidBounds(t *testing.T) {
	for _, sign := range []int64{1, -1} {
		w := newBoundsWorld(t)
		w.venue(&events.VenueProfileSet{Profile: "hyperliquid", ProfileVersion: "2025", SettlementAsset: "USD", ValueScale: 7,
			Params: []events.Param{{Name: "callClearFactor", Value: events.MustNumber("100")}}})
		price, size := events.MustNumber("1000000000000"), events.MustNumber("10000000000") // K = 10: 10^29
		for i := range margin.MaxPositions {
			m := &events.MarketListed{Market: fmt.Sprintf("m%03d", i), Underlying: "same", PriceScale: 3, SizeScale: 3, MaxPrice: price, MaxSize: size}
			m.Rules = events.MarketRules{FundingMode: events.FundingByIndex, Tiers: []events.Tier{
				{LowerNotional: events.MustNumber("0"), MaxLeverage: 1, MaintenanceRate: events.MustNumber("0.5"), Deduction: events.MustNumber("0")}}}
			w.venue(m)
			w.venue(&events.MarkPrice{Market: m.Market, Mark: price})
		}
		w.account(&events.AccountModeSet{Mode: "portfolioMargin"})
		w.account(&events.PortfolioStopSet{RatioFloor: events.MustNumber("1000")})
		w.account(&events.MarginCallLevelsSet{Levels: []events.Number{events.MustNumber("100")}})
		for i := range 254 {
			name := fmt.Sprintf("a%03d", i)
			w.venue(&events.CollateralChanged{Asset: name, Haircuts: []events.HaircutTier{{LowerValue: events.MustNumber("0"), Haircut: events.MustNumber("0")}}})
			w.venue(&events.CollateralPrice{Asset: name, Price: events.MustNumber("8999999.999999999999")})
			// A ledger balance at one bound, told of at the other, then moved there: the pool holds three times the bound.
			side := sign * int64(1-2*(i%2))
			w.account(&events.Adjustment{Asset: name, Amount: w.amount(margin.MaxBalance, -side), Reason: "at the bound"})
			w.account(&events.PoolBalanceObserved{Asset: name, Amount: w.amount(margin.MaxBalance, side)})
			w.account(&events.Adjustment{Asset: name, Amount: w.amount(margin.MaxBalance, side), Reason: "back"})
			w.account(&events.Adjustment{Asset: name, Amount: w.amount(margin.MaxBalance, side), Reason: "at the other bound"})
		}
		for range 1000 {
			w.account(&events.Adjustment{Asset: "USD", Amount: w.amount(margin.MaxAmount, sign), Reason: "at the bound"})
		}
		w.account(&events.PoolBalanceObserved{Asset: "USD", Amount: w.amount(margin.MaxAmount, -sign)})
		for i := range margin.MaxPositions {
			w.account(&events.Fill{Market: fmt.Sprintf("m%03d", i), Leg: events.LegNet, Side: events.Sell, Size: size, Price: price, TradeID: "t", Reason: events.ReasonTrade})
		}
		v := w.shard.venueList[0]
		a := v.accounts[0]
		index := fixed.FromInt64(margin.MaxPriceOrSize).Mul(1000).Mul(fixed.Pow10(margin.FundingScale))
		for _, turn := range []int64{1, -1} {
			for i := range a.cross.Positions {
				p := &a.cross.Positions[i]
				p.FundingIndex, p.Market.FundingIndex = index.Mul(turn), index.Mul(-turn)
			}
			for _, mark := range []string{"0.001", "1000000000000"} {
				for i := range margin.MaxPositions {
					w.venue(&events.MarkPrice{Market: fmt.Sprintf("m%03d", i), Mark: events.MustNumber(mark)})
				}
				a.cross.healthN = 0
				h := w.shard.health(&a.cross)
				for _, e := range []margin.Edge{{Multiple: 1e10, Upper: true}, {Multiple: 1e10}, {Multiple: 1e9, Floor: margin.MaxAmount}} {
					w.shard.edge(&a.cross, h, e)
				}
				v.profile.LiquidationPrice(&a.cross.Pool, a.cross.Positions[0].Market, true)
				v.profile.BankruptcyPrice(&a.cross.Pool, 0, h)
				v.profile.Rank(&a.cross.Pool, 0, h)
				v.profile.Explain(&a.cross.Pool)
				w.shard.free(a)
			}
		}
	}
}

// perpStream draws facts that fit each other.
type perpStream struct {
	*rand.Rand
	marks map[string]int64
}

var (
	perpMarkets = []string{"BTC", "ETH", "NEW", "TSLA"}
	perpOwners  = []string{"ann", "bea", "cid", "dan", "eve"}
)

func (g *perpStream) pick(list []string) string { return list[g.IntN(len(list))] }

func (g *perpStream) decimal(v int64, scale int) events.Number {
	n, err := events.ParseNumber(fmt.Sprint(v))
	if err != nil {
		panic(err)
	}
	return events.NumberOf(n.Coef, scale)
}

func (g *perpStream) next(i int) (events.Body, string) {
	if body := g.opening(i); body != nil {
		return body, ""
	}
	if g.IntN(5) < 2 {
		return g.ofVenue(), ""
	}
	return g.ofAccount(), g.pick(perpOwners)
}

// opening are the facts that the others need.
func (g *perpStream) opening(i int) events.Body {
	switch n := i - 1; {
	case i == 0:
		return g.profile()
	case n < len(perpMarkets):
		name := perpMarkets[n]
		b := &events.MarketListed{Market: name, Underlying: name, PriceScale: 1, SizeScale: 3, MaxPrice: events.MustNumber("1000000"), MaxSize: events.MustNumber("10000")}
		b.Rules = events.MarketRules{FundingMode: events.FundingByIndex, Modes: events.MarginModes([]int{0, 1, 3, 2}[n])}
		zero := events.MustNumber("0")
		b.Rules.Tiers = []events.Tier{{LowerNotional: zero, MaxLeverage: 20, MaintenanceRate: events.MustNumber("0.025"), Deduction: zero},
			{LowerNotional: events.MustNumber("20000"), MaxLeverage: 10, MaintenanceRate: events.MustNumber("0.05"), Deduction: events.MustNumber("500")}}
		if name == "NEW" {
			b.Rules.Tiers = []events.Tier{{LowerNotional: zero, MaxLeverage: 3, MaintenanceRate: events.MustNumber("0.166666667"), Deduction: zero}}
		}
		if name == "TSLA" {
			b.Rules.Params = []events.Param{{Name: "noBackstop", Value: events.MustNumber("1")}}
		}
		return b
	case n < 2*len(perpMarkets):
		return g.mark(perpMarkets[n-len(perpMarkets)])
	case n == 2*len(perpMarkets):
		return &events.CollateralChanged{Asset: "HYPE", Haircuts: []events.HaircutTier{{LowerValue: events.MustNumber("0"), Haircut: events.MustNumber("0.5")},
			{LowerValue: events.MustNumber("5000"), Haircut: events.MustNumber("1")}}}
	case n == 2*len(perpMarkets)+1:
		return &events.CollateralPrice{Asset: "HYPE", Price: events.MustNumber("40")}
	}
	return nil
}

func (g *perpStream) profile() events.Body {
	b := &events.VenueProfileSet{Profile: "hyperliquid", ProfileVersion: g.pick([]string{"2023-03", "2024", "2025-01", "2025", "2025/hlp-vault"}),
		SettlementAsset: "USDC", ValueScale: 8}
	b.Params = []events.Param{{Name: "adlRank", Value: g.decimal(g.Int64N(3), 0)}, {Name: "liquidationPartialAbove", Value: g.decimal(g.Int64N(30_000), 0)}}
	return b
}

// mark moves a mark by up to a twentieth, most often by less than a thousandth.
func (g *perpStream) mark(market string) events.Body {
	m := g.marks[market]
	if m == 0 {
		m = 1000 + g.Int64N(20_000)
	}
	reach := m/1000 + 1
	if g.IntN(4) == 0 {
		reach = m / 20
	}
	g.marks[market] = min(max(m+g.Int64N(2*reach+1)-reach, 100), 100_000)
	return &events.MarkPrice{Market: market, Mark: g.decimal(g.marks[market], 1)}
}

func (g *perpStream) ofVenue() events.Body {
	market := g.pick(perpMarkets)
	switch g.IntN(40) {
	case 0:
		return g.profile()
	case 1, 2, 3:
		return &events.CollateralPrice{Asset: "HYPE", Price: g.decimal(2000+g.Int64N(4000), 2)}
	case 4, 5, 6, 7:
		return &events.FundingRate{Market: market, Rate: g.decimal(g.Int64N(2_000_001)-1_000_000, 9), Price: g.decimal(g.marks[market], 1)}
	}
	return g.mark(market)
}

func (g *perpStream) ofAccount() events.Body {
	market := g.pick(perpMarkets)
	switch g.IntN(24) {
	case 0, 1:
		return &events.Deposit{Asset: "USDC", Amount: g.decimal(1+g.Int64N(4e11), 8)}
	case 2:
		return &events.Deposit{Asset: "HYPE", Amount: g.decimal(1+g.Int64N(3e9), 8)}
	case 3:
		return &events.Withdrawal{Asset: "USDC", Amount: g.decimal(1+g.Int64N(1e11), 8)}
	case 4, 5:
		return &events.LeverageSet{Market: market, Leverage: uint32(1 + g.IntN(22))}
	case 6:
		b := &events.MarginModeSet{Market: market, Mode: events.Isolated, IsolatedMargin: g.decimal(0, 0)}
		if g.IntN(2) == 0 {
			b.Mode = events.Cross
		}
		return b
	case 7, 8:
		return &events.IsolatedMarginMoved{Market: market, Leg: events.LegNet, Amount: g.decimal(g.Int64N(4e10)-2e10, 8)}
	case 9:
		return &events.AccountModeSet{Mode: g.pick([]string{"standard", "unified", "portfolioMargin"})}
	case 10:
		if g.IntN(3) == 0 {
			return &events.PoolBalanceObserved{Asset: "HYPE", Amount: g.decimal(g.Int64N(4e9)-1e9, 8)}
		}
		return &events.PoolBalanceObserved{Asset: "USDC", Amount: g.decimal(g.Int64N(4e11), 8)}
	case 11, 12:
		p := g.marks[market]
		return &events.OrderMargin{Market: market, Leg: events.LegNet, BidSize: g.decimal(1000, 3), BidNotional: g.decimal(p, 1), AskSize: g.decimal(500, 3), AskNotional: g.decimal(p*5, 2)}
	case 13, 14, 15:
		return g.fill(market, events.ReasonLiquidation)
	}
	return g.fill(market, events.ReasonTrade)
}

func (g *perpStream) fill(market string, reason events.FillReason) events.Body {
	b := &events.Fill{Market: market, Leg: events.LegNet, Side: events.Buy, Size: g.decimal(1+g.Int64N(9000), 3), TradeID: "t", Reason: reason,
		Price: g.decimal(max(g.marks[market]+g.Int64N(21)-10, 1), 1), Fee: g.decimal(g.Int64N(1e8), 8), FeeAsset: "USDC"}
	if g.IntN(2) == 0 {
		b.Side = events.Sell
	}
	return b
}
