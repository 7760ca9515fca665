package projector_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"marginledger/events"
	"marginledger/projector"
)

// TestScenarios runs the stories of testdata/scenarios: commands and what the ledger said.
// `go test ./projector -run TestScenarios -rewrite` writes the answers anew; read the diff.
//
// A story is made of blocks. "apply" takes a fact a line, and answers with what was announced and
// posted; "account NAME" prints an account, of a subaccount "account NAME/7". At the end of every story the books must balance, and
// a state restored from rows must print the same.
//
//	venue [profile=standard@1] [scale=12] [params: name=value …]
//	market NAME [price=2] [size=3] [fee=0.01] [funding=payments] [stale=60s] [tiers=lower:leverage:rate:deduction,…]
//	collateral NAME haircut[,lower:haircut…] [cap=N]
//	NAME deposit|withdraw AMOUNT ASSET                    NAME deposit AMOUNT ASSET of MARKET [kind impact] (claimed)
//	NAME buy|sell SIZE MARKET at PRICE [fee N] [leg long] [isolated N] [reason liquidation]
//	NAME isolated|cross MARKET [with N]      NAME leverage MARKET N      NAME move N MARKET
//	NAME levels 3 2 1.5    NAME stop FLOOR   NAME covered ID N [MARKET]  NAME payment MARKET N
//	NAME converts AMOUNT ASSET to AMOUNT ASSET
//	NAME orders MARKET bid SIZE NOTIONAL ask SIZE NOTIONAL
//	mark MARKET PRICE    price ASSET PRICE    funding MARKET RATE at PRICE    settle MARKET PRICE
//	halt|resume MARKET   wait DURATION
//
// Of other venues (scenario_venues_test.go), where params of the venue and of a market are name=value, too:
//
//	venue profile=dydx-v4@9 scale=6 [params]                   market NAME price=5 size=10 [params]
//	fund NAME BALANCE (an insurance fund, in USDC)
//	block HEIGHT         interest MARKET LONG                  gated HEIGHT [MARKET]       change MARKET [params]
//	funding MARKET RATE at PRICE over SECONDS                  NAME[/SUBACCOUNT] transfer AMOUNT ASSET to SUBACCOUNT
//
// A line that ends with \ goes on in the next.
// Of venues with a profile of their own:
//
//	venue profile=hyperliquid@2025 scale=6 [params: name=value …]
//	perp NAME leverage=MAXIMUM[,LOWER:MAXIMUM…] [modes=noCross] [noBackstop=1]      NAME mode MODE      NAME observed AMOUNT ASSET
//	change NAME leverage=MAXIMUM[,…] [modes=any]
//
// The block "family NAME/SUBACCOUNT" prints a parent subaccount with its children. The block "queue MARKET long|short" prints who is deleveraged, first to last.
// Another venue: "venue profile=gmx-v2@2.2 scale=18 settlement=USD"; parseKept has its facts.
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata/scenarios", func(t *testing.T, path string) {
		w := newWorld()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "apply":
				return w.applyLines(t, d.Input)
			case "account":
				return w.account(t, d.CmdArgs[0].Key)
			case "family":
				return w.family(t, d.CmdArgs[0].Key)
			case "queue":
				return w.queue(d.CmdArgs[0].Key, d.CmdArgs[1].Key == "long")
			}
			t.Fatalf("%s: unknown command %s", d.Pos, d.Cmd)
			return ""
		})
		w.checkBooks(t)
		w.checkRestored(t)
	})
}

// world is a shard with a clock of one second per fact.
type world struct {
	shard  *projector.Shard
	now    int64
	offset int64
	names  []string
	pools  map[string]map[string]string // quantities last told, by market
}

func newWorld() *world {
	return &world{shard: projector.New(projector.Config{Postings: true}), now: 1_700_000_000e9, pools: map[string]map[string]string{}}
}

func (w *world) applyLines(t *testing.T, input string) string {
	var out strings.Builder
	lines := strings.Split(input, "\n")
	for i := 0; i < len(lines); i++ {
		line, said := lines[i], strings.TrimSpace(lines[i])
		for ; strings.HasSuffix(line, "\\"); i++ {
			line = strings.TrimSuffix(line, "\\") + lines[i+1]
		}
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		words := strings.Fields(line)
		if words[0] == "wait" {
			d, err := strconv.Atoi(strings.TrimSuffix(words[1], "s"))
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			w.now += int64(d) * 1e9
			continue
		}
		fx := w.apply(t, line, words)
		fmt.Fprintf(&out, "%s\n", said)
		for i := range fx.Outputs {
			fmt.Fprintf(&out, "    %s\n", describe(&fx.Outputs[i]))
		}
		for _, p := range fx.Postings {
			fmt.Fprintf(&out, "    · %-18s %s %s (%s)\n", p.Account, p.Amount, p.Asset, p.Cause)
		}
	}
	return out.String()
}

func (w *world) apply(t *testing.T, line string, words []string) *projector.Effects {
	owner, body := w.parseKept(t, words)
	if body == nil {
		owner, body = parseFact(t, line, words)
	}
	if owner != "" && !contains(w.names, owner) {
		w.names = append(w.names, owner)
	}
	w.now += 1e9
	w.offset++
	e := &events.Event{ID: fmt.Sprint("e", w.offset), Type: body.EventType(), Version: 1, Venue: "x", Time: w.now, Body: body}
	e.Owner, e.Subaccount = splitName(owner)
	owner = e.Owner
	return w.shard.Apply(&projector.Record{
		Source: projector.Source{Topic: body.EventType().Role().String()}, Offset: w.offset, Timestamp: w.now / 1e6,
		Key: []byte(owner), Value: []byte(line), Role: body.EventType().Role(), Event: e,
	})
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// option returns the word after a keyword, "" without it.
func option(words []string, name string) string {
	for i := range words {
		if words[i] == name && i+1 < len(words) {
			return words[i+1]
		}
	}
	return ""
}

// setting returns the value of name=value, or a default.
func setting(words []string, name, value string) string {
	for _, word := range words {
		if v, ok := strings.CutPrefix(word, name+"="); ok {
			return v
		}
	}
	return value
}

func number(t *testing.T, s string) events.Number {
	if s == "" {
		return events.Number{}
	}
	n, err := events.ParseNumber(s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return n
}

func parseFact(t *testing.T, line string, words []string) (owner string, body events.Body) {
	if b := parseOfVenue(t, words); b != nil {
		return "", b
	}
	num := func(i int) events.Number {
		if i >= len(words) {
			t.Fatalf("%s: word %d is missing", line, i)
		}
		return number(t, words[i])
	}
	switch words[0] {
	case "venue":
		b := &events.VenueProfileSet{Profile: "standard", ProfileVersion: "1", SettlementAsset: "USDC", ValueScale: 12}
		for _, word := range words[1:] {
			switch name, value, _ := strings.Cut(word, "="); name {
			case "scale":
				b.ValueScale = uint32(num2(t, value))
			case "profile":
				b.Profile, b.ProfileVersion, _ = strings.Cut(value, "@")
			case "settlement":
				b.SettlementAsset = value
			default:
				b.Params = append(b.Params, events.Param{Name: name, Value: number(t, value)})
			}
		}
		return "", b
	case "market":
		return "", parseMarket(t, words)
	case "perp":
		return "", parsePerp(t, words)
	case "collateral":
		b := &events.CollateralChanged{Asset: words[1], Cap: number(t, setting(words, "cap", ""))}
		for i, part := range strings.Split(words[2], ",") {
			lower, haircut, two := strings.Cut(part, ":")
			if !two {
				lower, haircut = "0", lower
			}
			b.Haircuts = append(b.Haircuts, events.HaircutTier{LowerValue: number(t, lower), Haircut: number(t, haircut)})
			_ = i
		}
		return "", b
	case "mark":
		return "", &events.MarkPrice{Market: words[1], Mark: num(2)}
	case "price":
		return "", &events.CollateralPrice{Asset: words[1], Price: num(2)}
	case "funding":
		return "", &events.FundingRate{Market: words[1], Rate: num(2), Price: num(4)}
	case "settle":
		return "", &events.MarketSettled{Market: words[1], Price: num(2)}
	case "halt":
		return "", &events.MarketHalted{Market: words[1]}
	case "resume":
		return "", &events.MarketResumed{Market: words[1]}
	}
	return words[0], parseAccountFact(t, line, words, num)
}

func num2(t *testing.T, s string) int {
	v, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func parseMarket(t *testing.T, words []string) events.Body {
	b := &events.MarketListed{Market: words[1], Underlying: setting(words, "underlying", words[1]),
		PriceScale: uint32(num2(t, setting(words, "price", "2"))), SizeScale: uint32(num2(t, setting(words, "size", "3"))),
		MaxPrice: number(t, setting(words, "maxPrice", "1000000")), MaxSize: events.MustNumber("100000")}
	b.Rules.FundingMode = events.FundingByIndex
	if setting(words, "funding", "index") == "payments" {
		b.Rules.FundingMode = events.FundingByPayments
	}
	b.Rules.LiquidationFee = number(t, setting(words, "fee", ""))
	b.Rules.MaxStalenessMs = 1000 * uint64(num2(t, strings.TrimSuffix(setting(words, "stale", "0"), "s")))
	if b.Rules.Params = marketParams(t, words[2:]); len(b.Rules.Params) > 0 {
		return b
	}
	for _, tier := range strings.Split(setting(words, "tiers", "0:50:0.01:0"), ",") {
		f := strings.Split(tier, ":")
		b.Rules.Tiers = append(b.Rules.Tiers, events.Tier{LowerNotional: number(t, f[0]), MaxLeverage: uint32(num2(t, f[1])),
			MaintenanceRate: number(t, f[2]), Deduction: number(t, f[3])})
	}
	return b
}

func parseAccountFact(t *testing.T, line string, words []string, num func(int) events.Number) events.Body {
	leg := events.LegNet
	if l := option(words, "leg"); l != "" {
		leg, _ = events.ParseLeg(l)
	}
	switch words[1] {
	case "deposit":
		b := &events.Deposit{Amount: num(2), Asset: words[3], Market: option(words, "of")}
		if kind := option(words, "kind"); kind != "" {
			var err error
			if b.Claim, err = events.ParseClaimKind(kind); err != nil {
				t.Fatal(err)
			}
		}
		return b
	case "withdraw":
		return &events.Withdrawal{Amount: num(2), Asset: words[3]}
	case "buy", "sell":
		b := &events.Fill{Market: words[3], Leg: leg, Size: num(2), Price: num(5), TradeID: "t", Reason: events.ReasonTrade,
			IsolatedMargin: number(t, option(words, "isolated"))}
		b.Side, _ = events.ParseSide(words[1])
		if fee := option(words, "fee"); fee != "" {
			b.Fee, b.FeeAsset = number(t, fee), "USDC"
		}
		if reason := option(words, "reason"); reason != "" {
			b.Reason, _ = events.ParseFillReason(reason)
		}
		return b
	case "isolated", "cross":
		b := &events.MarginModeSet{Market: words[2], IsolatedMargin: number(t, option(words, "with"))}
		b.Mode, _ = events.ParseMarginMode(words[1])
		return b
	case "leverage":
		return &events.LeverageSet{Market: words[2], Leverage: uint32(num2(t, words[3]))}
	case "move":
		return &events.IsolatedMarginMoved{Market: words[3], Leg: leg, Amount: num(2)}
	case "levels":
		b := &events.MarginCallLevelsSet{}
		for i := range words[2:] {
			b.Levels = append(b.Levels, num(2+i))
		}
		return b
	case "stop":
		return &events.PortfolioStopSet{EquityFloor: num(2)}
	case "covered":
		b := &events.BankruptcyCovered{Liquidation: words[2], Amount: num(3)}
		if len(words) > 4 {
			b.Market, b.Leg = words[4], leg
		}
		return b
	case "payment":
		return &events.FundingPayment{Market: words[2], Leg: leg, Amount: num(3)}
	case "orders":
		return &events.OrderMargin{Market: words[2], Leg: leg, BidSize: num(4), BidNotional: num(5), AskSize: num(7), AskNotional: num(8)}
	case "transfer":
		return &events.Transfer{Kind: events.TransferInternal, Amount: num(2), Asset: words[3], ToSubaccount: uint32(num2(t, words[5]))}
	case "mode":
		return &events.AccountModeSet{Mode: words[2]}
	case "converts":
		return &events.AssetConverted{FromAmount: num(2), FromAsset: words[3], ToAmount: num(5), ToAsset: words[6]}
	case "observed":
		return &events.PoolBalanceObserved{Amount: num(2), Asset: words[3]}
	case "opened":
		b := &events.AccountOpened{}
		b.MarginType, _ = events.ParseMarginType(words[2])
		return b
	}
	t.Fatalf("%s: unknown fact", line)
	return nil
}

// describe is an announcement on one line, as a person would tell it.
func describe(o *events.Output) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", o.Kind, o.Owner)
	if o.Subaccount != 0 {
		fmt.Fprintf(&b, "/%d", o.Subaccount)
	}
	switch o.Kind {
	case events.KindViolation:
		return fmt.Sprintf("%s: %s", b.String(), o.Rule)
	case events.KindDeadLetter:
		return fmt.Sprintf("%s: %s", b.String(), o.Reason)
	}
	fmt.Fprintf(&b, " %s: equity %s, maintenance %s", o.Pool, o.Equity, o.Maintenance)
	if o.Level.Present {
		fmt.Fprintf(&b, ", level %s", o.Level)
	}
	if o.Stage != events.StageNone {
		fmt.Fprintf(&b, ", stage %s, episode %s", o.Stage, o.Liquidation)
	}
	for _, p := range o.Positions {
		if p.CloseSize.Present {
			fmt.Fprintf(&b, ", close %s of %s %s", p.CloseSize, p.Size, p.Market)
			describeBacking(&b, &p)
		}
	}
	return b.String()
}

func (w *world) account(t *testing.T, name string) string {
	owner, number := splitName(name)
	a := w.shard.Account("x", owner, number)
	if a == nil {
		return "none\n"
	}
	var b strings.Builder
	for _, x := range a.Balances {
		fmt.Fprintf(&b, "%s %s, worth %s\n", x.Amount, x.Asset, x.Value)
	}
	for _, c := range a.Claims {
		fmt.Fprintf(&b, "claimable of %s: %s %s, %s\n", c.Market, c.Amount, c.Asset, c.Kind)
	}
	fmt.Fprintf(&b, "free %s, withdrawable %s", orUnknown(a.Free), orUnknown(a.Withdrawable))
	if a.OrderMargin.Sign() != 0 {
		fmt.Fprintf(&b, ", orders hold %s", a.OrderMargin)
	}
	if a.Incomplete {
		b.WriteString(", incomplete")
	}
	b.WriteString("\n")
	for _, p := range a.Pools {
		fmt.Fprintf(&b, "%s: equity %s, initial %s, maintenance %s", p.Pool, orUnknown(p.Equity), p.Initial, p.Maintenance)
		if p.Missing != "" {
			fmt.Fprintf(&b, ", needs %s", p.Missing)
		}
		if p.Collateral.Present {
			fmt.Fprintf(&b, ", collateral %s", p.Collateral)
		}
		if p.MarginRatio.Present {
			fmt.Fprintf(&b, ", ratio %s", p.MarginRatio)
		}
		if p.Liquidation != "" {
			fmt.Fprintf(&b, ", episode %s at %s", p.Liquidation, p.Stage)
		}
		b.WriteString("\n")
		for _, q := range p.Positions {
			fmt.Fprintf(&b, "  %s %s %s, entry %s, mark %s: pnl %s, funding %s, liquidation %s, underlying %s, bankruptcy %s\n", q.Market, q.Leg, q.Size, q.EntryPrice,
				orNone(q.Mark), q.UnrealisedPnL, q.UnpostedFunding, orNone(q.LiquidationPrice), orNone(q.LiquidationPriceUnderlying), orNone(q.BankruptcyPrice))
		}
		if w := p.Worst; w.Name != "" {
			fmt.Fprintf(&b, "  worst %s: loss %s at weight %s, offsets %s, contingency %s\n", w.Name, w.Loss, w.Weight, w.Offsets, w.Contingency)
			for _, l := range w.Losses {
				name := l.Asset
				if l.Market != "" {
					name = l.Market + " " + l.Leg.String()
				}
				fmt.Fprintf(&b, "    %s loses %s\n", name, l.Loss)
			}
		}
	}
	return b.String()
}

func orNone(n events.Number) string {
	if !n.Present {
		return "none"
	}
	return n.String()
}

// checkBooks: every asset sums to zero.
func (w *world) checkBooks(t *testing.T) {
	for _, s := range w.shard.TrialBalance() {
		if s.Amount.Sign() != 0 {
			t.Errorf("trial balance of %s is %s", s.Asset, s.Amount)
		}
	}
}

// checkRestored: rows carry everything; a view of them tells the same.
func (w *world) checkRestored(t *testing.T) {
	rows := map[string][]byte{}
	restored := projector.New(projector.Config{})
	w.shard.EachRow(func(r projector.Row) {
		rows[string(r.Key)] = append([]byte(nil), r.Value...)
		if err := restored.LoadRow(r.Key, r.Value); err != nil {
			t.Fatal(err)
		}
	})
	if err := restored.Loaded(w.shard.Counters()); err != nil {
		t.Fatal(err)
	}
	restored.EachRow(func(r projector.Row) {
		if string(rows[string(r.Key)]) != string(r.Value) {
			t.Errorf("row %q changed by restoring", r.Key)
		}
	})
	view := projector.OpenView(func(key []byte) ([]byte, bool, error) {
		v, ok := rows[string(key)]
		return v, ok, nil
	})
	for _, name := range w.names {
		owner, number := splitName(name)
		want := fmt.Sprintf("%+v", w.shard.Account("x", owner, number))
		if got := fmt.Sprintf("%+v", restored.Account("x", owner, number)); got != want {
			t.Errorf("%s restored:\n%s\nwant\n%s", name, got, want)
		}
		figures, err := view.Account("x", owner, number)
		if got := fmt.Sprintf("%+v", figures); err != nil || got != want {
			t.Errorf("%s viewed (%v):\n%s\nwant\n%s", name, err, got, want)
		}
	}
}
