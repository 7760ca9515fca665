package projector

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"marginledger/events"
	"marginledger/projector/margin"
)

// TestLifeOfAFill folds the facts of docs/life-of-a-fill.md and wants the numbers of that page.
func TestLifeOfAFill(t *testing.T) {
	s, num := New(Config{Postings: true}), events.MustNumber
	offset, now := int64(0), int64(1_795_435_200e9)
	apply := func(owner string, body events.Body) *Effects {
		offset, now = offset+1, now+1e9
		e := &events.Event{ID: fmt.Sprint("e", offset), Type: body.EventType(), Version: 1, Venue: "demo", Time: now, Owner: owner, Body: body}
		return s.Apply(&Record{Source: Source{Topic: e.Type.Role().String()}, Offset: offset, Timestamp: now / 1e6, Key: []byte(owner),
			Value: []byte(e.ID), Role: e.Type.Role(), Event: e})
	}
	apply("", &events.VenueProfileSet{Profile: "standard", ProfileVersion: "1", SettlementAsset: "USDC", ValueScale: 12})
	listed := &events.MarketListed{Market: "BTC", Underlying: "BTC", PriceScale: 2, SizeScale: 3, MaxPrice: num("1000000"), MaxSize: num("10000")}
	listed.Rules = events.MarketRules{FundingMode: events.FundingByIndex, LiquidationFee: num("0.01"), Tiers: []events.Tier{
		{LowerNotional: num("0"), MaxLeverage: 50, MaintenanceRate: num("0.01"), Deduction: num("0")}}}
	apply("", listed)
	apply("", &events.MarkPrice{Market: "BTC", Mark: num("50000")})
	apply("alice", &events.Deposit{Asset: "USDC", Amount: num("5000")})
	s.TakeChanged(func(Row) {})

	page, err := os.ReadFile("../docs/life-of-a-fill.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "```json\n")
	text, _, _ = strings.Cut(text, "\n")
	fill, err := new(events.Decoder).Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	told := tell(apply(fill.Owner, fill.Body))
	var row []byte
	s.TakeChanged(func(r Row) {
		told = append(told, fmt.Sprintf("row %#x of %d bytes", r.Key[0], len(r.Value)))
		row = append(row[:0], r.Value...)
	})
	m := s.markets[0]
	told = append(told, fmt.Sprint("from ", m.holders.get(0, margin.VarPrice).Low))
	told = append(told, tell(apply("", &events.MarkPrice{Market: "BTC", Mark: num("47000")}))...)
	told = append(told, tell(apply("", &events.FundingRate{Market: "BTC", Rate: num("0.0000125"), Price: num("47000")}))...)
	told = append(told, fmt.Sprint("equity ", s.health(&s.venueList[0].accounts[0].cross).Equity))
	told = append(told, tell(apply("", &events.MarkPrice{Market: "BTC", Mark: num("45470")}))...)
	told = append(told, tell(apply("alice", &events.Fill{Market: "BTC", Leg: events.LegNet, Side: events.Sell, Size: num("0.25"), Price: num("45470"),
		TradeID: "t-2", Reason: events.ReasonLiquidation}))...)
	want := `n 5
alice/0 -25 fee
fees 25 fee
row 0x40 of 8 bytes
row 0x50 of 47 bytes
from 4625707
n 6
n 7
equity 1974412500000000
n 8
0-8-0 1 MarginCall 2 444.4125 454.7
0-8-1 2 MarginCall 1.5 444.4125 454.7
0-8-2 3 MarginCall 1.2 444.4125 454.7
0-8-3 4 LiquidationTriggered  444.4125 454.7 0-8-3 partial 0.25 45025.59 113.675
n 9
0-9-0 5 MarginCallCleared 1.2 444.4125 341.025
0-9-1 6 LiquidationCleared  444.4125 341.025 0-8-3 partial
alice/0 -0.5875 funding
funding/BTC 0.5875 funding
alice/0 -1132.5 realised
clearing/BTC 1132.5 realised`
	if got := strings.Join(told, "\n"); got != want {
		t.Errorf("told\n%s\nthe page says\n%s", got, want)
	}

	if got := hexDump(string(page)); got != fmt.Sprintf("%x", row) {
		t.Errorf("alice's row is\n%x\nthe page says\n%s", row, got)
	}
}

func tell(fx *Effects) []string {
	told := []string{fmt.Sprint("n ", fx.N)}
	for i := range fx.Outputs {
		o := &fx.Outputs[i]
		line := fmt.Sprintf("%s %d %s %s %s %s", o.ID, o.Seq, o.Kind, o.Level, o.Equity, o.Maintenance)
		if o.Liquidation != "" {
			line += fmt.Sprintf(" %s %s", o.Liquidation, o.Stage)
		}
		if o.Awaiting {
			line += fmt.Sprintf(" %s %s %s", o.Positions[0].CloseSize, o.Positions[0].BankruptcyPrice, o.Positions[0].LiquidationFee)
		}
		told = append(told, line)
	}
	for _, p := range fx.Postings {
		told = append(told, fmt.Sprintf("%s %s %s", p.Account, p.Amount, p.Cause))
	}
	return told
}

// hexDump returns the bytes of the page's dump: a block that begins with the version, explained
// behind two blanks.
func hexDump(page string) string {
	_, dump, _ := strings.Cut(page, "```\n02 ")
	dump, _, _ = strings.Cut("02 "+dump, "```")
	var digits strings.Builder
	for _, line := range strings.Split(dump, "\n") {
		line, _, _ = strings.Cut(line, "  ")
		digits.WriteString(strings.ReplaceAll(line, " ", ""))
	}
	return digits.String()
}
