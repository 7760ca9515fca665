package events

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// TestAnnouncementsPage: docs/announcements.md names every field and every kind.
func TestAnnouncementsPage(t *testing.T) {
	page, err := os.ReadFile("../docs/announcements.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{Output{}, PositionFigures{}, DeadLetterBody{}, Offset{}} {
		for typ, i := reflect.TypeOf(v), 0; i < typ.NumField(); i++ {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			if !strings.Contains(string(page), "`"+name+"`") {
				t.Errorf("%s: no `%s`", typ.Name(), name)
			}
		}
	}
	for _, name := range kindNames[1:] {
		if !strings.Contains(string(page), name) {
			t.Errorf("no %s", name)
		}
	}
}

// TestOutputRoundTrip: what is announced reads back as it was.
func TestOutputRoundTrip(t *testing.T) {
	for kind := range kindNames[1:] {
		o := Output{ID: "0-1-2", Seq: 3, Kind: Kind(kind + 1), N: 1, Index: 2, Source: Offset{"t", 1, 5}, EventID: "e\"1\n", Type: "Fill",
			Time: FormatTime(1_700_000_000_123_456_789), Venue: "x", Profile: "standard@1", Owner: "ä", Pool: "BTC/long", Incomplete: true,
			Stale: true, Missing: "MarkPrice,PoolState", Equity: MustNumber("-1.5"), Initial: MustNumber("0"), Maintenance: MustNumber("2"), Level: MustNumber("1.2"),
			Liquidation: "0-1-2", Stage: StageBackstop, Awaiting: true, Rule: "r", Reason: "d", Detail: "x", Digest: "00",
			Positions: []PositionFigures{{Market: "BTC", Leg: LegShort, Collateral: "ETH", Size: MustNumber("-2"), EntryPrice: MustNumber("3"), Notional: MustNumber("6"),
				UnrealisedPnL: MustNumber("1"), UnpostedFunding: MustNumber("0"), Initial: MustNumber("1"), Maintenance: MustNumber("0.5"), Tier: 1,
				NoLiquidationPrice: NoPrice, CloseSize: MustNumber("2"), LiquidationFee: MustNumber("0.1")}}}
		text := o.AppendJSON(nil)
		back, err := ParseOutput(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if !reflect.DeepEqual(*back, o) {
			t.Errorf("%s reads back as %+v", text, back)
		}
	}
}
