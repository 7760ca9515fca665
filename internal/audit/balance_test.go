package audit

import (
	"context"
	"slices"
	"strings"
	"testing"

	"marginledger/events"
	"marginledger/internal/eventlog"
	"marginledger/internal/pipeline"
	"marginledger/projector"
)

// twoShards is a past of two shards, each made for itself.
func twoShards(t *testing.T, first, second func(w *world)) *Past {
	a, b := newWorld(t), newWorld(t)
	b.rec = nil
	f := b.fence()
	f.Shard = 1
	f.Topics = slices.Clone(f.Topics)
	for i := range f.Topics {
		if f.Topics[i].Role == events.RoleAccounts {
			f.Topics[i].Partitions = 2
		}
	}
	b.log.parts[partName(orderTopic, 0)] = nil
	b.append(orderTopic, nil, f.Append(nil))
	b.rec, b.partition = pipeline.NewRecorder(f, 0), 1
	g := a.fence()
	g.Topics = f.Topics
	a.log.parts[partName(orderTopic, 0)] = nil
	a.append(orderTopic, nil, g.Append(nil))
	a.rec = pipeline.NewRecorder(g, 0)
	first(a)
	second(b)
	a.cut()
	b.cut()
	p := a.past()
	for _, topic := range []string{orderTopic, accountTopic, "ledger.liquidations.v1", "ledger.notices.v1", "ledger.deadletters.v1"} {
		a.log.parts[partName(topic, 1)] = b.log.parts[partName(topic, 0)]
	}
	return p
}

// A transfer that left one shard and has not arrived at the other, and a trade of which one side is there, are in flight;
// with both sides there, nothing is, and all cancels out.
func TestBalanceAcrossShards(t *testing.T) {
	// Owners whose keys hash to the shards: 0 and 1.
	zero0, one1 := ownerOf(t, 0), ownerOf(t, 1)
	legs := func(there bool) *Balance {
		p := twoShards(t, func(w *world) {
			w.listed()
			w.deposit(zero0, 1000)
			w.fact(zero0, &events.Transfer{TransferID: "t-1", Kind: events.TransferOut, Asset: "USDC", Amount: num(300), CounterpartyOwner: one1})
			w.fact(zero0, &events.Fill{Market: "BTC", Leg: events.LegNet, Side: events.Buy, Size: num("0.02"), Price: num(50_000), TradeID: "p", Reason: events.ReasonTrade})
		}, func(w *world) {
			w.listed()
			w.deposit(one1, 500)
			if there {
				w.fact(one1, &events.Transfer{TransferID: "t-1", Kind: events.TransferIn, Asset: "USDC", Amount: num(300), CounterpartyOwner: zero0})
				w.fact(one1, &events.Fill{Market: "BTC", Leg: events.LegNet, Side: events.Sell, Size: num("0.02"), Price: num(50_000), TradeID: "p", Reason: events.ReasonTrade})
			}
		})
		b, err := p.Balance(context.Background(), BalanceOptions{Legs: true})
		if err != nil {
			t.Fatal(err)
		}
		if !b.Balanced || len(b.Cuts) != 2 || len(b.PerShard) != 2 || len(b.Assets) != 1 || b.Assets[0].Sum != zero || b.Assets[0].Unexplained != zero {
			t.Fatalf("%v", b)
		}
		return b
	}
	b := legs(false)
	if f := b.InFlight; len(f.Transfers) != 1 || f.Transfers[0].TransferID != "t-1" || f.Transfers[0].Amount != num(300) || f.Transfers[0].Shard != 0 ||
		len(f.Trades) != 1 || f.Trades[0].TradeID != "p" || f.Trades[0].Size != num("0.02") {
		t.Errorf("%+v", f)
	}
	if m := b.Markets[0]; m.Net != num("0.02") || m.InFlight != num("0.02") || m.Cost != num(1000) {
		t.Errorf("%+v", m)
	}
	if a := b.Assets[0]; a.Transit != num(300) || a.Liabilities != num(1200) || a.Custody != num(1500) {
		t.Errorf("%+v", a)
	}
	b = legs(true)
	if f := b.InFlight; len(f.Transfers)+len(f.Trades) > 0 {
		t.Errorf("%+v", f)
	}
	if m := b.Markets[0]; m.Net != zero || m.InFlight != zero || m.Cost != zero || m.Long != num("0.02") || m.Short != num("0.02") {
		t.Errorf("%+v", m)
	}
	if a := b.Assets[0]; a.Transit != zero || a.Liabilities != num(1500) {
		t.Errorf("%+v", a)
	}
	if text := b.String(); !strings.Contains(text, "legs in flight: 0 transfers, 0 trades") || !strings.Contains(text, "every trial balance is 0") {
		t.Error(text)
	}
}

// ownerOf returns an owner of a shard of two.
func ownerOf(t *testing.T, shard int32) string {
	t.Helper()
	p := &Past{Log: &memLog{parts: map[string][]eventlog.Record{partName(orderTopic, 0): {}, partName(orderTopic, 1): {}}}, Config: pipeline.Config{OrderTopic: orderTopic}}
	for _, name := range strings.Split("ann bob cec dan eve fay gus hal", " ") {
		if s, err := p.ShardOf(t.Context(), name); err == nil && s == shard {
			return name
		}
	}
	t.Fatal("no owner of that shard")
	return ""
}

// At any cut of a random day the ledger balances; bad debt is what pools below zero lack.
func TestBalance(t *testing.T) {
	w := newWorld(t)
	w.random(rngOf(seed(t)), 500)
	for _, at := range []Point{{Cut: uint64(len(w.cuts) / 2)}, End} {
		b, err := w.past().Balance(context.Background(), BalanceOptions{At: at, Legs: true})
		if err != nil || !b.Balanced || b.InFlight.Partial {
			t.Fatalf("%v, %v", b, err)
		}
		m, err := w.past().At(context.Background(), 0, at, nil)
		if err != nil {
			t.Fatal(err)
		}
		bad, bankrupt := zero, 0
		have := zero
		if err := m.Fold.EachPool(func(p *projector.PoolState) error {
			if p.Equity.Sign() < 0 {
				bad, bankrupt = sum(bad, events.NumberOf(p.Equity.Neg().Coef, int(p.Equity.Scale))), bankrupt+1
			}
			for _, x := range p.Money {
				if x.Amount.Sign() > 0 {
					have = sum(have, events.NumberOf(x.Amount, x.Scale))
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if a := b.Assets[0]; a.BadDebt != bad || a.Bankrupt != bankrupt || a.Liabilities != have || a.Sum != zero {
			t.Errorf("%+v, expected %v bad debt of %d pools, %v held", a, bad, bankrupt, have)
		}
		net := zero
		for _, m := range b.Markets {
			if m.Net != m.InFlight { // every trade of the random day has one side
				t.Errorf("%+v", m)
			}
			net = sum(net, m.Net)
		}
		if net == zero {
			t.Error("nothing is open")
		}
	}
	p := w.archive(ArchiveOptions{FromCut: w.bases(t)[1] + 1})
	if b, err := p.Balance(context.Background(), BalanceOptions{Legs: true}); err != nil || !b.InFlight.Partial || !b.Balanced {
		t.Errorf("%v, %v", b, err)
	}
}

// Money from nowhere shows in the trial balance.
func TestBalanceFindsMoney(t *testing.T) {
	w := newWorld(t)
	w.listed()
	w.deposit("ann", 5)
	w.cut()
	head := *w.last.Head
	state := &foldedState{rowRewriter{w.rec.Fold().(*projector.Shard)}, &head}
	dir := w.snapshots()
	if err := takeSnapshot(t, dir, state); err != nil {
		t.Fatal(err)
	}
	w.mark("BTC", 50_001)
	w.cut()
	p := w.past()
	b, err := p.Balance(context.Background(), BalanceOptions{At: Point{Cut: head.Cut}})
	if err != nil || b.Balanced || b.Trial[0].Sum != num("0.000000000001") || !strings.Contains(b.String(), "DIFFERENCE: the trial balance of USDC at x on shard 0 is 0.000000000001") {
		t.Fatalf("%v, %v", b, err)
	}
}

// rowRewriter gives ann one unit more than she has.
type rowRewriter struct{ *projector.Shard }

func (f rowRewriter) EachRow(fn func(projector.Row)) {
	f.Shard.EachRow(func(r projector.Row) {
		if RowName(r.Key) == "account x/ann/0" {
			fields, err := RowFields(r.Key, r.Value)
			if err != nil {
				panic(err)
			}
			for _, x := range fields {
				if x.Path == "balances[0].amount" {
					r.Value[x.to-1]++
				}
			}
		}
		fn(r)
	})
}
