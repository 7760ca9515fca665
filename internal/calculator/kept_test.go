package calculator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"marginledger/events"
)

// keptPosition is what the fold does not say of a position with collateral of its own.
type keptPosition struct {
	usd       decimal.Decimal // size
	borrowing string          // the cumulative factor at its last order
}

// TestKeptPositions is TestFoldAndCalculator for GMX: orders of a random account, borrowing in between, and the
// document of what is open in the end.
func TestKeptPositions(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("go test ./internal/calculator -run TestKeptPositions -calculator.seed=%d", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	var doc map[string]any
	if err := json.Unmarshal(read(t, filepath.Join(examples, "gmx-v2.json")), &doc); err != nil {
		t.Fatal(err)
	}
	market := doc["markets"].([]any)[0].(map[string]any)
	for _, name := range []string{"impactFactorNegative", "impactFactorPositive"} {
		market["params"].(map[string]any)[name] = "0" // a pending impact is nowhere in the answers
	}
	delete(doc, "positions")
	total := 0
	for range 30 {
		total += compareKept(t, r, doc, market)
	}
	if total < 25 {
		t.Errorf("only %d positions: the test tests too little", total)
	}
}

func compareKept(t *testing.T, r *rand.Rand, doc, market map[string]any) int {
	t.Helper()
	pool := market["pool"].(map[string]any)
	pool["borrowingLong"], pool["borrowingShort"] = "0.02", "0.01"
	doc["balances"] = map[string]any{"WETH": "40", "USDC": "90000"}
	delete(doc, "positions")
	w := openDocument(t, doc)
	kept := map[string]keptPosition{}
	apply := func(body events.Body) bool {
		fx, err := w.apply(body)
		if err != nil {
			t.Fatal(err)
		}
		for i := range fx.Outputs {
			if fx.Outputs[i].Kind == events.KindDeadLetter {
				return false
			}
		}
		return true
	}
	for range 12 {
		leg, token := events.LegLong+events.Leg(r.IntN(2)), []string{"WETH", "USDC"}[r.IntN(2)]
		side := map[events.Leg]string{events.LegLong: "borrowingLong", events.LegShort: "borrowingShort"}[leg]
		if r.IntN(3) == 0 {
			pool[side] = decimal.RequireFromString(pool[side].(string)).Add(decimal.New(1+r.Int64N(999), -6)).String()
			if !apply(w.portfolio.poolState(t, pool)) {
				t.Fatal("the state of the pool is a dead letter")
			}
			continue
		}
		usd := decimal.New(2_000+r.Int64N(300_000), -2)
		change := events.ChangeIncrease
		name := "ETH/" + leg.String() + "/" + token
		if k, ok := kept[name]; ok && r.IntN(2) == 0 {
			change = events.ChangeDecrease
			if k.usd.LessThan(usd) || r.IntN(3) == 0 {
				usd = k.usd
			}
		}
		with := decimal.NewFromInt(0)
		if change == events.ChangeIncrease {
			with = usd.Div(decimal.NewFromInt(12_000)).Truncate(6) // WETH: a quarter of the size
			if token == "USDC" {
				with = usd.Div(decimal.NewFromInt(4)).Truncate(6)
			}
		}
		if !apply(&events.PositionChanged{Market: "ETH", Collateral: token, Leg: leg, Change: change, SizeUSD: number(t, usd), CollateralDelta: number(t, with), OrderID: "o"}) {
			continue
		}
		k := kept[name]
		k.borrowing = pool[side].(string)
		if change == events.ChangeIncrease {
			k.usd = k.usd.Add(usd)
		} else {
			k.usd = k.usd.Sub(usd)
		}
		kept[name] = k
		if k.usd.IsZero() {
			delete(kept, name)
		}
	}
	want := w.figures(true)
	positions := []any{} // null is none, and refused
	for _, p := range want.Isolated {
		if len(p.Positions) == 0 || p.Collateral.Sign() < 0 {
			return 0
		}
		q, k := p.Positions[0], kept[p.Pool]
		token := p.Pool[strings.LastIndexByte(p.Pool, '/')+1:]
		positions = append(positions, map[string]any{"market": "ETH", "leg": q.Leg, "size": q.Size.String(), "entryPrice": "3000", "collateral": token,
			"collateralAmount": p.Collateral.String(), "params": map[string]any{"sizeUsd": k.usd.String(), "borrowing": k.borrowing}})
	}
	balances := map[string]any{}
	for _, b := range want.Balances {
		balances[b.Asset] = b.Amount.String()
	}
	doc["balances"], doc["positions"] = balances, positions
	got := openDocument(t, doc).figures(true)
	for _, f := range []*Figures{&want, &got} { // open calls remember where equity was
		for i := range f.Isolated {
			f.Isolated[i].CallLevels = nil
		}
	}
	if x, y := encoded(t, want), encoded(t, got); !bytes.Equal(x, y) {
		data, _ := json.Marshal(doc)
		t.Fatalf("%s\nthe fold says\n%s\nthe calculator\n%s", data, x, y)
	}
	return len(positions)
}

func number(t *testing.T, d decimal.Decimal) events.Number {
	t.Helper()
	n, err := events.FromDecimal(d)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func openDocument(t *testing.T, doc map[string]any) *world {
	t.Helper()
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Read(data)
	if err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	w, err := open(p, nil)
	if err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return w
}

// poolState is the fact that a pool's quantities are these.
func (p *Portfolio) poolState(t *testing.T, quantities map[string]any) *events.PoolState {
	t.Helper()
	next := *p
	next.Markets = []MarketState{{Market: "ETH"}}
	for name, v := range quantities {
		next.Markets[0].Pool = append(next.Markets[0].Pool, NamedValue[events.Number]{Name: name, Value: events.MustNumber(fmt.Sprint(v))})
	}
	next.Markets[0].Pool.sort()
	for _, f := range next.observedFacts() {
		if b, ok := f.body.(*events.PoolState); ok {
			return b
		}
	}
	t.Fatal("no pool")
	return nil
}
