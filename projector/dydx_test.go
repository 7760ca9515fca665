package projector

import (
	"flag"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
	"marginledger/projector/margin/dydx"
)

var dydxSeed = flag.Uint64("dydx-seed", 0, "seed of TestDydx; 0: a fixed range")

// TestDydx folds random facts of a dYdX venue in four ways: with the ladder, with bounds that come late as
// after a jump, with every pool judged at every move, and with the state restored from rows at random
// places. All announce the same bytes. Beside
// them the chain is kept in numbers of any width, which settles, updates and refuses as §§4 to 6 of its
// page say: it has the same net collateral, requirements, funding indexes and refusals after every
// fact. At the end the books balance.
func TestDydx(t *testing.T) {
	first, last := uint64(1), uint64(60)
	if *dydxSeed != 0 {
		first, last = *dydxSeed, *dydxSeed
	}
	seen := map[string]int{}
	for seed := first; seed <= last && !t.Failed(); seed++ {
		w := newDydxWorld(t, seed)
		for range 250 {
			w.step()
		}
		for _, s := range w.ladder.TrialBalance() {
			if s.Amount.Sign() != 0 {
				t.Errorf("trial balance of %s is %s", s.Asset, s.Amount)
			}
		}
		for k, n := range w.seen {
			seen[k] += n
		}
		if t.Failed() {
			t.Logf("repeat: go test ./projector -run TestDydx -dydx-seed %d", seed)
		}
	}
	if *dydxSeed != 0 {
		return
	}
	for _, what := range []string{"newly_undercollateralized", "still_undercollateralized", "isolated_market_shared", "withdrawals_gated",
		"LiquidationTriggered", "PoolBankrupt", "LiquidationUpdated", "LiquidationCleared", "MarginCall", "turned", "drifted", "liquidated",
		"liquidation_exceeds_block_limit"} {
		if seen[what] == 0 {
			t.Errorf("these streams prove nothing of %s: %v", what, seen)
		}
	}
}

// chainAccount is an account as the chain keeps it.
type chainAccount struct {
	name string
	sub  uint32
	dydx.Subaccount

	turn     uint64   // block in which it was liquidated last
	notional *big.Int // in that block
	lost     *big.Int // by the insurance fund
}

type dydxWorld struct {
	*testing.T
	rng    *rand.Rand
	offset int64
	now    int64
	seen   map[string]int

	ladder, all, late, restarted *Shard
	markets                      dydx.Markets
	block, gated                 uint64
	accounts                     []chainAccount
}

// The markets: BTC, ETH with caps on open interest, and DOG, which is isolated. Their sizes are small, so
// that a quote quantum shows.
var dydxMarkets = []struct {
	name                     string
	price, size              int
	at                       int64
	initial, fraction, upper int64
}{{"BTC", 5, 10, 5_000_000_000, 50_000, 600_000, 0}, {"ETH", 6, 9, 3_000_000_000, 33_333, 500_000, 2_000_000}, {"DOG", 10, 5, 1_000_000_000, 200_000, 333_333, 0}}

func newDydxWorld(t *testing.T, seed uint64) *dydxWorld {
	w := &dydxWorld{T: t, rng: rand.New(rand.NewPCG(seed, 19)), seen: map[string]int{}, ladder: New(Config{}), all: New(Config{}),
		late: New(Config{}), restarted: New(Config{})}
	w.all.Detect(DetectByJudging)
	w.late.JumpSoon()
	b := &events.VenueProfileSet{Profile: dydx.Name, ProfileVersion: dydx.Version, SettlementAsset: "USDC", ValueScale: 6}
	for _, s := range strings.Fields("bankruptcyAdjustmentPpm=1000000 maxInsuranceLostPerBlock=0.0005 maxLiquidationFeePpm=15000 maxNotionalPerBlock=0.1 maxPositionPortionPpm=250000 minPositionNotional=0.001 spreadToMaintenancePpm=1500000") {
		name, value, _ := strings.Cut(s, "=")
		b.Params = append(b.Params, events.Param{Name: name, Value: events.MustNumber(value)})
	}
	w.fact("", 0, b)
	for i, m := range dydxMarkets {
		l := &events.MarketListed{Market: m.name, Underlying: m.name, PriceScale: uint32(m.price), SizeScale: uint32(m.size),
			MaxPrice: units(m.at*100, m.price), MaxSize: units(1_000_000_000, m.size)}
		l.Rules.FundingMode = events.FundingByIndex
		number := func(name string, v int64, scale int) {
			l.Rules.Params = append(l.Rules.Params, events.Param{Name: name, Value: units(v, scale)})
		}
		number("initialMarginPpm", m.initial, 0)
		number("isolated", int64(i/2), 0)
		number("lowerCap", m.upper/2, 6)
		number("maintenanceFractionPpm", m.fraction, 0)
		number("quantumConversionExponent", -9, 0)
		number("stepBaseQuantums", 10, 0)
		number("subticksPerTick", 1000, 0)
		number("upperCap", m.upper, 6)
		w.fact("", 0, l)
		w.markets = append(w.markets, dydx.Market{ID: uint32(i), Resolution: -m.size, Price: big.NewInt(m.at), Exponent: -m.price, FundingIndex: new(big.Int),
			OpenInterest: new(big.Int), Isolated: i == 2, Tier: dydx.Tier{Initial: big.NewInt(m.initial), Maintenance: big.NewInt(m.fraction),
				LowerCap: big.NewInt(m.upper / 2), UpperCap: big.NewInt(m.upper)}})
		w.mark(i, m.at)
	}
	w.interest(1)
	for i, name := range []string{"ann", "ann", "bob", "bob", "eve"} {
		w.accounts = append(w.accounts, chainAccount{name: name, sub: uint32(i%2) * 128, Subaccount: dydx.Subaccount{USDC: new(big.Int)}})
		w.deposit(i, 1+w.rng.Int64N(1_000_000))
	}
	return w
}

// fact applies a fact in all ways, and returns the rules that it broke. It must be applied.
func (w *dydxWorld) fact(name string, sub uint32, body events.Body) (broken []string) {
	w.Helper()
	w.offset++
	w.now += w.rng.Int64N(2) * 1e9
	e := &events.Event{ID: fmt.Sprint(w.offset), Type: body.EventType(), Version: 1, Venue: "x", Time: w.now, Owner: name, Subaccount: sub, Body: body}
	r := &Record{Source: Source{Topic: e.Type.Role().String()}, Offset: w.offset, Timestamp: w.now / 1e6, Key: []byte(name), Value: []byte(e.ID), Role: e.Type.Role(), Event: e}
	var said [4]string
	for i, s := range []*Shard{w.all, w.ladder, w.restarted, w.late} {
		fx := s.Apply(r)
		var b []byte
		for j := range fx.Outputs {
			b = append(fx.Outputs[j].AppendJSON(b), '\n')
			if o := &fx.Outputs[j]; i == 0 {
				w.seen[o.Kind.String()]++
				if o.Kind == events.KindViolation {
					broken = append(broken, o.Rule)
					w.seen[o.Rule]++
				}
			}
		}
		if said[i] = string(b); len(fx.DeadLetters) > 0 {
			w.Fatalf("%s: %s", body.EventType(), b)
		}
	}
	if said[1] != said[0] || said[2] != said[0] || said[3] != said[0] {
		w.Fatalf("fact %d, %s: judging everything announces\n%s\nthe ladder\n%s\nrestarted\n%s\nwith late bounds\n%s", w.offset, body.EventType(), said[0], said[1], said[2], said[3])
	}
	if w.offset%7 == 0 {
		if err := w.ladder.CheckLadders(); err != nil {
			w.Fatal(err)
		}
	}
	if w.rng.IntN(15) == 0 {
		next := New(Config{})
		w.restarted.EachRow(func(r Row) {
			if err := next.LoadRow(r.Key, r.Value); err != nil {
				w.Fatal(err)
			}
		})
		w.restarted.EachSeen(next.LoadSeen)
		if err := next.Loaded(w.restarted.Counters()); err != nil {
			w.Fatal(err)
		}
		w.restarted = next
	}
	return broken
}

func (w *dydxWorld) mark(i int, price int64) {
	m := &dydxMarkets[i]
	w.fact("", 0, &events.MarkPrice{Market: m.name, Mark: units(price, m.price)})
	w.markets[i].Price = big.NewInt(price)
}

func (w *dydxWorld) interest(i int) {
	m := &dydxMarkets[i]
	v := w.rng.Int64N(1_500_000)
	w.fact("", 0, &events.OpenInterest{Market: m.name, Long: units(v, m.size), Short: units(v, m.size)})
	w.markets[i].OpenInterest = big.NewInt(v)
}

func (w *dydxWorld) funding(i int) {
	m := &dydxMarkets[i]
	rate, seconds, price := w.rng.Int64N(200_000)-100_000, 1+w.rng.Int64N(7200), 1+w.rng.Int64N(2*m.at)
	w.fact("", 0, &events.FundingRate{Market: m.name, Rate: units(rate, 6), Price: units(price, m.price), IntervalSeconds: uint32(seconds)})
	at := w.markets[i]
	at.Price = big.NewInt(price)
	w.markets[i].FundingIndex = new(big.Int).Add(w.markets[i].FundingIndex, at.IndexDelta(big.NewInt(rate), seconds))
}

// settle settles an account on the chain.
func (w *dydxWorld) settle(a *chainAccount) {
	settled, payments, err := w.markets.Settle(&a.Subaccount)
	if err != nil {
		w.Fatal(err)
	}
	moved := new(big.Int).Sub(settled.USDC, a.USDC)
	for _, p := range payments {
		moved.Add(moved, p.Paid)
	}
	if moved.Sign() != 0 {
		w.seen["drifted"]++
	}
	a.Subaccount = settled
}

func (w *dydxWorld) deposit(i int, quanta int64) {
	a := &w.accounts[i]
	w.fact(a.name, a.sub, &events.Deposit{Asset: "USDC", Amount: units(quanta, 6)})
	w.settle(a)
	a.USDC = new(big.Int).Add(a.USDC, big.NewInt(quanta))
}

// update applies an update to the chain's account, and wants the fold to have broken the rule of its answer.
func (w *dydxWorld) update(a *chainAccount, usdc int64, deltas []dydx.Delta, gated bool, broken []string) {
	w.Helper()
	u := dydx.Update{Account: a.Subaccount, USDC: big.NewInt(usdc), Deltas: deltas}
	results, _, err := w.markets.Check([]dydx.Update{u})
	if err != nil {
		w.Fatal(err)
	}
	want := map[dydx.Result]string{dydx.Success: "[]", dydx.NewlyUndercollateralized: "[newly_undercollateralized]",
		dydx.StillUndercollateralized: "[still_undercollateralized]", dydx.ViolatesIsolated: "[isolated_market_shared]"}[results[0]]
	if gated {
		want = "[withdrawals_gated]"
	}
	if got := fmt.Sprint(broken); got != want {
		w.Errorf("fact %d of %s/%d broke %s, the venue says %s", w.offset, a.name, a.sub, got, results[0])
	}
	w.settle(a)
	a.USDC = new(big.Int).Add(a.USDC, u.USDC)
	for _, d := range deltas {
		a.change(&w.markets[d.Market], d.Size)
	}
}

func (a *chainAccount) change(m *dydx.Market, delta *big.Int) {
	at := 0
	for at < len(a.Positions) && a.Positions[at].Market < m.ID {
		at++
	}
	after := new(big.Int).Add(a.Size(m.ID), delta)
	kept := append([]dydx.Position(nil), a.Positions[:at]...)
	if after.Sign() != 0 {
		kept = append(kept, dydx.Position{Market: m.ID, Size: after, FundingIndex: m.FundingIndex})
	}
	if at < len(a.Positions) && a.Positions[at].Market == m.ID {
		at++
	}
	a.Positions = append(kept, a.Positions[at:]...)
}

// trade fills an order of a random account; now and then it closes or turns the position.
func (w *dydxWorld) trade() {
	i := w.rng.IntN(len(dydxMarkets))
	a, m := &w.accounts[w.rng.IntN(len(w.accounts))], &dydxMarkets[i]
	held := a.Size(uint32(i)).Int64()
	size := 1 + w.rng.Int64N(int64(1)<<(1+w.rng.IntN(17)))
	switch {
	case w.rng.IntN(2) == 0 && held != 0:
		size = -held
		if w.rng.IntN(2) == 0 {
			size -= held / 3
			w.seen["turned"]++
		}
	case w.rng.IntN(2) == 0:
		size = -size
	}
	price := w.markets[i].Price.Int64()
	price += price / 1000 * (w.rng.Int64N(21) - 10)
	f := &events.Fill{Market: m.name, Leg: events.LegNet, Side: events.Buy, Size: units(max(size, -size), m.size), Price: units(price, m.price), TradeID: "t",
		Reason: events.ReasonTrade}
	if size < 0 {
		f.Side = events.Sell
	}
	broken := w.fact(a.name, a.sub, f)
	// One fill, one floor: size · price · 10^(6 − scales) quote quanta.
	quote := dydx.FillQuote(size > 0, big.NewInt(max(size, -size)), big.NewInt(price), 6-m.price-m.size)
	w.update(a, quote.Int64(), []dydx.Delta{{Market: uint32(i), Size: big.NewInt(size)}}, false, broken)
}

// liquidate fills what an episode asks for, or a part of it, at a price of the book. After that it rests
// until the next block.
func (w *dydxWorld) liquidate() {
	w.Helper()
	x := &w.accounts[w.rng.IntN(len(w.accounts))]
	p := &w.ladder.owners[x.name].account(w.ladder.venueList[0], x.sub).cross
	if p.episode == nil {
		return
	}
	if p.episode.cooldown != 0 && len(p.Positions) > 0 && w.rng.IntN(2) == 0 { // one more fill, or a deleveraging
		pos := &p.Positions[w.rng.IntN(len(p.Positions))]
		size, reason := 1+w.rng.Int64N(max(pos.Size, -pos.Size)), events.ReasonLiquidation
		if w.rng.IntN(3) == 0 {
			reason = events.ReasonADL
		}
		if pos.Size > 0 {
			size = -size
		}
		w.force(x, p, uint32(dydxIndex(pos.Market.Name)), size, reason)
		return
	}
	p.healthN = 0
	sizes := append([]int64(nil), w.ladder.asks(p, w.ladder.health(p))...)
	p.healthN = 0
	for i, size := range sizes {
		if size == 0 {
			continue
		}
		if p.episode.cooldown != 0 {
			w.Errorf("fact %d: %s/%d rests, and asks for %v", w.offset, x.name, x.sub, sizes)
		}
		if w.rng.IntN(2) == 0 {
			size = 1 + w.rng.Int64N(size)
		}
		if p.Positions[i].Size > 0 {
			size = -size
		}
		w.force(x, p, uint32(dydxIndex(p.Positions[i].Market.Name)), size, events.ReasonLiquidation)
	}
}

// force fills part of a position at the oracle's price, as a liquidation orders it. It breaks the rule of a block's
// limits where the chain's figures say so, and no other.
func (w *dydxWorld) force(x *chainAccount, p *pool, id uint32, size int64, reason events.FillReason) {
	w.Helper()
	m, buy, base := &dydxMarkets[id], size > 0, big.NewInt(max(size, -size))
	price := w.markets[id].Price.Int64()
	f := &events.Fill{Market: m.name, Leg: events.LegNet, Side: events.Buy, Size: units(base.Int64(), m.size), Price: units(price, m.price), TradeID: "t", Reason: reason}
	if !buy {
		f.Side = events.Sell
	}
	quote := dydx.FillQuote(buy, base, big.NewInt(price), 6-m.price-m.size)
	want := "[]"
	if reason == events.ReasonLiquidation && w.exceeds(x, id, buy, base, quote) {
		want = "[liquidation_exceeds_block_limit]"
	}
	if broken := fmt.Sprint(w.fact(x.name, x.sub, f)); broken != want {
		w.Errorf("fact %d: a fill of reason %s broke %s, by the chain %s", w.offset, reason, broken, want)
	}
	w.settle(x)
	x.USDC = new(big.Int).Add(x.USDC, quote)
	x.change(&w.markets[id], big.NewInt(size))
	if w.seen["liquidated"]++; p.episode != nil && p.episode.cooldown == 0 {
		w.Errorf("fact %d: %s/%d does not rest", w.offset, x.name, x.sub)
	}
}

// exceeds counts a fill in the chain's account, and reports that the block allows no such fill.
func (w *dydxWorld) exceeds(x *chainAccount, id uint32, buy bool, base, quote *big.Int) bool {
	if x.turn != w.block || x.notional == nil {
		x.turn, x.notional, x.lost = w.block, new(big.Int), new(big.Int)
	}
	x.notional.Add(x.notional, new(big.Int).Abs(w.markets[id].Notional(base)))
	delta, err := w.markets.InsuranceDelta(&x.Subaccount, id, buy, base, quote, big.NewInt(15_000))
	if err == nil && delta.Sign() < 0 {
		x.lost.Sub(x.lost, delta)
	}
	return w.block > 0 && (x.notional.Int64() > 100_000 || x.lost.Int64() > 500)
}

func dydxIndex(name string) int {
	for i := range dydxMarkets {
		if dydxMarkets[i].name == name {
			return i
		}
	}
	panic("no market " + name)
}

func (w *dydxWorld) leave() {
	a := &w.accounts[w.rng.IntN(len(w.accounts))]
	quanta := 1 + w.rng.Int64N(20_000)
	gated := w.block < w.gated
	if pool, err := w.markets.PoolOf(&a.Subaccount); err != nil {
		w.Fatal(err)
	} else if pool.Isolated {
		gated = false // its own pool is never gated here
	}
	broken := w.fact(a.name, a.sub, &events.Withdrawal{Asset: "USDC", Amount: units(quanta, 6)})
	w.update(a, -quanta, nil, gated, broken)
}

func (w *dydxWorld) step() {
	w.Helper()
	switch k := w.rng.IntN(20); {
	case k < 6:
		i := w.rng.IntN(len(dydxMarkets))
		price := w.markets[i].Price.Int64()
		w.mark(i, min(max(price+price/1000*(w.rng.Int64N(61)-30), dydxMarkets[i].at/2), dydxMarkets[i].at*2))
	case k < 12:
		w.trade()
	case k < 13:
		w.deposit(w.rng.IntN(len(w.accounts)), 1+w.rng.Int64N(30_000))
	case k < 15:
		w.leave()
	case k < 17:
		w.funding(w.rng.IntN(len(dydxMarkets)))
	case k < 18:
		w.interest(1)
		w.liquidate()
	default:
		if w.block++; w.rng.IntN(8) == 0 {
			w.gated = w.block + 3
			w.fact("", 0, &events.WithdrawalsGated{UntilBlock: w.gated})
		}
		w.now += 1e9
		w.fact("", 0, &events.BlockStarted{Height: w.block})
	}
	w.compare()
}

// compare holds every account against the chain's.
func (w *dydxWorld) compare() {
	w.Helper()
	v := w.ladder.venueList[0]
	for i := range w.accounts {
		x := &w.accounts[i]
		a := w.ladder.owners[x.name].account(v, x.sub)
		r, err := w.markets.SettledRisk(&x.Subaccount)
		if err != nil {
			w.Fatal(err)
		}
		h := v.profile.Judge(&a.cross.Pool)
		for _, c := range []struct {
			what string
			got  fixed.Int128
			want *big.Int
		}{{"net collateral", h.Equity, r.Net}, {"initial", h.Initial, r.Initial}, {"maintenance", h.Maintenance, r.Maintenance}} {
			if c.got.Big().Cmp(c.want) != 0 {
				w.Fatalf("fact %d: %s of %s/%d is %v, on the chain %v", w.offset, c.what, x.name, x.sub, c.got, c.want)
			}
		}
	}
}

var _ margin.Profile = (*dydx.Profile)(nil)
