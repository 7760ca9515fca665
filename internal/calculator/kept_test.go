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
	usd   decimal.Decimal // size
	taken map[string]any  // cumulative figures at its last order, as params
}

// TestKeptPositions is TestFoldAndCalculator for GMX: orders of a random account, with price impact, borrowing and funding in
// between, discounts and fees of interfaces, and the document of what is open and claimable in the end.
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
	rules := market["params"].(map[string]any)
	rules["impactFactorNegative"], rules["impactFactorPositive"] = "0.0000002", "0.0000001"
	delete(doc, "positions")
	var seen keptSeen
	for range 30 {
		compareKept(t, r, doc, market, &seen)
	}
	t.Logf("%+v", seen)
	if seen.positions < 25 || seen.impacts < 20 || seen.claims < 5 || seen.held < 1 || seen.prices < 20 {
		t.Errorf("%+v: the test tests too little", seen)
	}
}

// keptSeen counts what the random accounts have.
type keptSeen struct{ positions, impacts, claims, held, prices int }

// cumulative are the quantities of a pool that grow, and the params of a position that say how far it has seen them.
var cumulative = []struct{ quantity, param, leg, token string }{
	{"borrowingLong", "borrowing", "long", ""}, {"borrowingShort", "borrowing", "short", ""},
	{"fundingFeeLongInLong", "fundingFee", "long", "WETH"}, {"fundingFeeLongInShort", "fundingFee", "long", "USDC"},
	{"fundingFeeShortInLong", "fundingFee", "short", "WETH"}, {"fundingFeeShortInShort", "fundingFee", "short", "USDC"},
	{"fundingClaimLongInLong", "fundingClaimInLong", "long", ""}, {"fundingClaimLongInShort", "fundingClaimInShort", "long", ""},
	{"fundingClaimShortInLong", "fundingClaimInLong", "short", ""}, {"fundingClaimShortInShort", "fundingClaimInShort", "short", ""},
}

// grow lets one of the cumulative figures grow: by up to a thousandth of the size.
func grow(r *rand.Rand, pool map[string]any) {
	c := cumulative[r.IntN(len(cumulative))]
	by := decimal.New(1+r.Int64N(999), -6)
	switch {
	case strings.HasSuffix(c.quantity, "InLong"): // WETH per USD: 10^18 of 3,000 USD, at 10^-45 per 10^-30
		by = by.Shift(18 + 15 - 3).Div(decimal.NewFromInt(3)).Truncate(0)
	case strings.HasSuffix(c.quantity, "InShort"):
		by = by.Shift(6 + 15)
	}
	pool[c.quantity] = decimal.RequireFromString(fmt.Sprint(pool[c.quantity])).Add(by).String()
}

// takenBy are the params of a position that has just been changed.
func takenBy(pool map[string]any, leg, token string) map[string]any {
	out := map[string]any{}
	for _, c := range cumulative {
		if c.leg == leg && (c.token == "" || c.token == token) {
			out[c.param] = pool[c.quantity]
		}
	}
	return out
}

func compareKept(t *testing.T, r *rand.Rand, doc, market map[string]any, seen *keptSeen) {
	t.Helper()
	pool := market["pool"].(map[string]any)
	for _, c := range cumulative {
		pool[c.quantity] = "0"
	}
	pool["borrowingLong"], pool["borrowingShort"] = "0.02", "0.01"
	delete(doc, "claimable")
	delete(doc, "params")
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
	if r.IntN(2) == 0 {
		discount := decimal.New(r.Int64N(300), -3)
		doc["params"] = map[string]any{"referralDiscount": discount.String()}
		if !apply(&events.AccountParamsSet{Params: []events.Param{{Name: "referralDiscount", Value: number(t, discount)}}}) {
			t.Fatal("the discount is a dead letter")
		}
	}
	for range 14 {
		leg, token := events.LegLong+events.Leg(r.IntN(2)), []string{"WETH", "USDC"}[r.IntN(2)]
		if r.IntN(3) == 0 {
			grow(r, pool)
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
		var told []events.Param
		if r.IntN(3) == 0 {
			told = []events.Param{{Name: "uiFee", Value: events.MustNumber("0.0002")}}
		}
		if !apply(&events.PositionChanged{Market: "ETH", Collateral: token, Leg: leg, Change: change, SizeUSD: number(t, usd), CollateralDelta: number(t, with), OrderID: "o", Params: told}) {
			continue
		}
		k := kept[name]
		k.taken = takenBy(pool, leg.String(), token)
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
			return
		}
		q, k := p.Positions[0], kept[p.Pool]
		token := p.Pool[strings.LastIndexByte(p.Pool, '/')+1:]
		positions = append(positions, map[string]any{"market": "ETH", "leg": q.Leg, "size": q.Size.String(), "entryPrice": "3000", "collateral": token,
			"collateralAmount": p.Collateral.String(), "params": k.params(want.pending(p.Pool))})
	}
	claimable := []any{}
	for _, c := range want.Claims {
		claimable = append(claimable, map[string]any{"market": c.Market, "asset": c.Asset, "kind": c.Kind, "amount": c.Amount.String()})
		if seen.claims++; c.Kind == "impact" {
			seen.held++
		}
	}
	if len(claimable) > 0 {
		doc["claimable"] = claimable
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
	seen.positions += len(positions)
	for i := range want.Isolated {
		if p := want.pending(want.Isolated[i].Pool); p != "0" {
			seen.impacts++
		}
		seen.prices += checkKept(t, doc, i, &want.Isolated[i])
	}
}

// params are those of the position in a document.
func (k *keptPosition) params(pending string) map[string]any {
	out := map[string]any{"sizeUsd": k.usd.String(), "pendingImpact": pending}
	for name, v := range k.taken { // unordered: into a map
		out[name] = v
	}
	return out
}

// pending is the pending impact of a position, which is only in its explanation.
func (f *Figures) pending(pool string) string {
	for i := range f.Explanation {
		if s := &f.Explanation[i]; s.Pool == pool && s.Figure == "priceImpact" {
			for _, y := range s.Symbols {
				if y.Name == "pending" {
					return y.Value
				}
			}
		}
	}
	return "0"
}

// checkKept moves the index to the liquidation price of a position, where a test for liquidation must fail, and by one unit
// of the market's prices to the safe side, where equity must be above maintenance but for the bound of the venue's page: one smallest
// unit of collateral for each of the fees that are cut off to tokens. It also holds equity against its parts.
func checkKept(t *testing.T, doc map[string]any, i int, pool *Pool) int {
	t.Helper()
	q := &pool.Positions[0]
	parts := q.UnrealisedPnL.Decimal().Add(q.UnpostedFunding.Decimal()).Add(q.UnpostedBorrowing.Decimal()).Add(q.ClosingFee.Decimal()).Add(q.ClosingImpact.Decimal())
	for _, x := range doc["assets"].([]any) {
		if x := x.(map[string]any); x["asset"] == q.Collateral {
			parts = parts.Add(pool.Collateral.Decimal().Mul(decimal.RequireFromString(fmt.Sprint(x["min"]))))
		}
	}
	if off := pool.Equity.Decimal().Sub(parts).Abs(); off.GreaterThan(decimal.New(6, -18)) {
		t.Errorf("%s: equity %s, its parts %s", pool.Pool, pool.Equity, parts)
	}
	if !q.LiquidationPrice.Present {
		return 0
	}
	digits := int32(6) // more than the market's: the change gives it so many
	price, unit := q.LiquidationPrice.Decimal().Truncate(digits), decimal.New(1, -digits)
	if q.Leg == "short" {
		if unit = unit.Neg(); price.LessThan(q.LiquidationPrice.Decimal()) {
			price = price.Sub(unit)
		}
	}
	at := func(x decimal.Decimal) *Pool {
		var changes []Change
		for _, name := range []string{"market:ETH", "asset:WETH"} { // the long token is the index token, and moves along
			c, err := ParseChange(ChangePrice, fmt.Sprintf("%s=%s..%s", name, x, x))
			if err != nil {
				t.Fatal(err)
			}
			changes = append(changes, c)
		}
		data, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Read(data)
		if err != nil {
			t.Fatal(err)
		}
		a, err := Calculate(p, changes, false)
		if err != nil {
			t.Fatal(err)
		}
		return &a.Changes[1].After.Isolated[i]
	}
	unitOfCollateral := decimal.New(1, -6)
	if q.Collateral == "WETH" {
		unitOfCollateral = decimal.New(1, -14) // 10^-18 at less than 10,000 USD
	}
	if moved := at(price); !*moved.Liquidatable && moved.cushion().GreaterThan(unitOfCollateral) {
		t.Errorf("%s at its liquidation price %s: equity %s, maintenance %s", pool.Pool, price, moved.Equity, moved.Maintenance)
	}
	if safe := at(price.Add(unit)); *safe.Liquidatable && safe.cushion().LessThan(unitOfCollateral.Neg()) {
		t.Errorf("%s before its liquidation price, at %s: equity %s, maintenance %s", pool.Pool, price.Add(unit), safe.Equity, safe.Maintenance)
	}
	return 1
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
