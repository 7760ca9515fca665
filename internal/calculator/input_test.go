package calculator

import (
	"errors"
	"strings"
	"testing"
)

const whole = `{
  "venue": {"profile": "standard", "version": "1", "settlementAsset": "USDC", "valueScale": 8},
  "assets": [{"asset": "SOL", "haircuts": [{"lowerValue": "0", "haircut": "0.1"}], "price": "150"}],
  "markets": [
    {"market": "BTC", "priceScale": 1, "sizeScale": 3, "mark": "66000",
     "tiers": [{"lowerNotional": "0", "maxLeverage": 50, "maintenanceRate": "0.01"}, {"lowerNotional": "250000", "maxLeverage": 25, "maintenanceRate": "0.02"}]},
    {"market": "ETH", "priceScale": 2, "sizeScale": 2, "mark": "3300", "tiers": [{"lowerNotional": "0", "maxLeverage": 50, "maintenanceRate": "0.01"}]}],
  "balances": {"USDC": "10000"}, "leverage": {"BTC": 10},
  "positions": [{"market": "BTC", "size": "1", "entryPrice": "60000"}, {"market": "ETH", "size": -20, "entryPrice": "3000"}],
  "orders": [{"market": "BTC", "side": "buy", "size": "0.1", "price": "65000"}]
}`

// TestInputErrors: what is wrong, and where.
func TestInputErrors(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		// What is no such document.
		{`"orders"`, `"ordres"`, `ordres: unknown field`},
		{`"side": "buy"`, `"side": "buy", "sice": 1`, `orders[0].sice: unknown field`},
		{`"side": "buy"`, `"side": "long"`, `orders[0].side: unknown side "long"`},
		{`"side": "buy", `, ``, `orders[0].side: is missing`},
		{`"market": "BTC", "side"`, `"market": "BTC", "market": "BTC", "side"`, `orders[0].market: is there twice`},
		{`"balances": {"USDC": "10000"}`, `"balances": [1]`, `balances: is a list, must be an object`},
		{`"size": "1"`, `"size": true`, `positions[0].size: is true or false, must be a decimal`},
		{`-20`, `-2e1`, `positions[1].size: "-2e1" has an exponent: write the digits out`},
		{`"size": "1"`, `"size": "one"`, `positions[0].size: "one" is no decimal`},
		{`"size": "1"`, `"size": "1` + strings.Repeat("0", 38) + `"`, `positions[0].size: 1` + strings.Repeat("0", 38) + ` has more than 38 digits`},
		{`"priceScale": 1,`, `"priceScale": 19,`, `markets[0].priceScale: 19 is more than 18`},
		{`"priceScale": 1,`, `"priceScale": -1,`, `markets[0].priceScale: "-1" is no integer from 0 to 4294967295`},
		{`}]
}`, `}]`, `not JSON`},
		{`}]
}`, `}]} {}`, `something stands behind the JSON document`},
		// What the document does not have.
		{`{"market": "ETH", "size"`, `{"market": "XRP", "size"`, `positions[1].market: no market XRP in this document`},
		{`"leverage": {"BTC"`, `"leverage": {"XRP"`, `leverage.XRP: no market XRP in this document`},
		{`"market": "BTC", "side"`, `"market": "XRP", "side"`, `orders[0].market: no market XRP in this document`},
		{`"balances": {"USDC"`, `"balances": {"DAI"`, `balances.DAI: unknown_asset: `},
		{`{"market": "ETH", "priceScale"`, `{"market": "BTC", "priceScale"`, `markets[1].market: BTC is there twice`},
		// Impossible numbers.
		{`"size": "1"`, `"size": "0"`, `positions[0].size: must not be zero`},
		{`"size": "1"`, `"size": "0.0001"`, `positions[0].size: 0.0001 has 4 digits after the point, more than the market's 3`},
		{`"size": "1"`, `"size": "10000000000000"`, `positions[0].size: 10000000000000 is past the market's largest, 1000000`},
		{`"entryPrice": "60000"`, `"entryPrice": "-1"`, `positions[0].entryPrice: must be greater than zero`},
		{`"entryPrice": "60000"`, `"entryPrice": "60000.12345"`, `positions[0].entryPrice: the cost, 60000.12345, has more digits`},
		{`"entryPrice": "60000"`, `"entryPrice": "60000", "entryCost": "5"`, `positions[0].entryPrice: must be there, or entryCost, and not both`},
		{`"size": -20, "entryPrice": "3000"`, `"size": -20, "entryCost": "60000"`, `positions[1].entryCost: must have the sign of the size`},
		{`"entryPrice": "60000"`, `"entryPrice": "60000", "isolatedMargin": "-1"`, `positions[0].isolatedMargin: must not be negative`},
		{`"entryPrice": "60000"`, `"entryPrice": "60000", "mode": "isolated"`, `positions[0].isolatedMargin: is missing: the position is isolated`},
		{`"entryPrice": "60000"`, `"entryPrice": "60000", "leverage": 5`, `positions[0].leverage: 5, but the account's leverage in BTC is 10`},
		{`"entryPrice": "60000"`, `"entryPrice": "60000", "settledRates": 1`, `positions[0].settledRates: 1, but BTC has 0 fundingRates`},
		{`"size": -20,`, `"size": -20, "leg": "long",`, `positions[1]: leg_overclosed: `},
		{`"positions": [`, `"positions": [{"market": "BTC", "leg": "long", "size": "1", "entryPrice": "5"}, `, `positions[1]: leg_mismatch: `},
		{`"mark": "66000"`, `"mark": "66000.55"`, `markets[0].mark: 66000.55 has 2 digits after the point, more than the market's 1`},
		{`"mark": "66000"`, `"mark": "-5"`, `markets[0].mark: must be greater than zero`},
		{`"mark": "66000"`, `"oracle": "66000"`, `markets[0].mark: the field is required`},
		{`"mark": "66000"`, `"mark": "66000", "maxPrice": "5"`, `markets[0].mark: 66000 is past the market's largest, 5`},
		{`"10000"`, `"0.123456789"`, `balances.USDC: too_many_digits: `},
		{`"10000"`, `"1` + strings.Repeat("0", 31) + `"`, `balances.USDC: out_of_range: `},
		{`"size": "0.1"`, `"size": "-1"`, `orders[0].size: must be greater than zero`},
		{`{"BTC": 10}`, `{"BTC": 1001}`, `leverage.BTC: must be from 1 to 1000`},
		{`"maintenanceRate": "0.02"`, `"maintenanceRate": "2"`, `markets[0].tiers[1].maintenanceRate: must be at most 1`},
		{`"maintenanceRate": "0.02"`, `"maintenanceRate": "0.02", "deduction": "7"`, `markets[0].tiers[1].deduction: maintenance is not continuous at the edge: must be 2500`},
		{`"lowerNotional": "250000"`, `"lowerNotional": "0"`, `markets[0].tiers[1].lowerNotional: must rise strictly`},
		{`"haircut": "0.1"`, `"haircut": "1.1"`, `assets[0].haircuts[0].haircut: must be at most 1`},
		{`"haircuts": [{"lowerValue": "0", "haircut": "0.1"}], `, ``, `assets[0].haircuts: is missing`},
		{`"asset": "SOL"`, `"asset": "USDC"`, `assets[0].haircuts: the settlement asset has none, and no cap`},
		// What the profile refuses, in its own words.
		{`"version": "1"`, `"version": "7"`, `venue.version: unknown_profile: no such profile or version in this build: standard: unknown version "7"`},
		{`"profile": "standard"`, `"profile": "standart"`, `venue.profile: unknown_profile: `},
		{`"valueScale": 8`, `"valueScale": 8, "params": {"zork": "1"}`, `venue.params.zork: bad_params: a setting of a profile that is unknown or past its range: param zork: unknown`},
		{`"valueScale": 8`, `"valueScale": 3`, `venue.valueScale: must be from 6 to 18`},
		{`"priceScale": 1,`, `"priceScale": 1, "params": {"x": "1"},`, `markets[0]: bad_params: `},
		{`"leverage"`, `"mode": "unified", "leverage"`, `mode: not_supported: `},
		{`"leverage"`, `"observed": {"USDC": "1"}, "leverage"`, `observed.USDC: not_supported: `},
	} {
		text := strings.Replace(whole, c.old, c.new, 1)
		if text == whole {
			t.Fatalf("%s is not in the document", c.old)
		}
		p, err := Read([]byte(text))
		if err == nil {
			_, err = Calculate(p, nil, false)
		}
		var bad *InputError
		if !errors.As(err, &bad) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s for %s:\n%v, want\n%s", c.new, c.old, err, c.want)
		}
	}
}

// TestChangeErrors: changes that cannot be understood.
func TestChangeErrors(t *testing.T) {
	p, err := Read([]byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ kind, text, want string }{
		{ChangeOrder, "BTC buy 2", `--order "BTC buy 2": must read: `},
		{ChangeOrder, "BTC bid 2 @ 5", `--order "BTC bid 2 @ 5": unknown side "bid"`},
		{ChangeOrder, "XRP buy 2 @ 5", `--order "XRP buy 2 @ 5": no market XRP in this document`},
		{ChangeOrder, "BTC buy 0 @ 5", `--order "BTC buy 0 @ 5": size must be greater than zero`},
		{ChangeOrder, "BTC buy 1 @ 5 lag long", `--order "BTC buy 1 @ 5 lag long": "lag": must be leg, fee or isolated`},
		{ChangeOrder, "BTC long add 5 USDC", `--order "BTC long add 5 USDC": "add": must be increase or decrease`},
		{ChangeOrder, "XRP long increase 5 USDC", `--order "XRP long increase 5 USDC": no market XRP in this document`},
		{ChangePrice, "BTC", `--price "BTC": must read: NAME=VALUE`},
		{ChangePrice, "BTC=-5", `--price "BTC=-5": -5 must not be negative`},
		{ChangePrice, "XRP=5", `--price "XRP=5": no market or asset XRP in this document`},
		{ChangeDeposit, "5 DAI", `--deposit "5 DAI": no asset DAI in this document`},
		{ChangeDeposit, "0", `--deposit "0": amount must be greater than zero`},
		{ChangeWithdraw, "1e3", `--withdraw "1e3": "1e3" is no decimal`},
		{ChangeSwitch, "BTC=solo", `--switch "BTC=solo": unknown mode "solo"`},
		{ChangeLeverage, "BTC=ten", `--leverage "BTC=ten": "ten" is no leverage`},
	} {
		change, err := ParseChange(c.kind, c.text)
		if err == nil {
			_, err = Calculate(p, []Change{change}, false)
		}
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("--%s %q: %v, want %s", c.kind, c.text, err, c.want)
		}
	}
}

// TestChanges: before and after, and what the venue says.
func TestChanges(t *testing.T) {
	for _, c := range []struct {
		kind, text        string
		accepted, applied bool
		rule              string
		equity            string // after; before it is 10,000
	}{
		{ChangeDeposit, "500", true, true, "", "10500"},
		{ChangeDeposit, "2 SOL", true, true, "", "10270"}, // 2 · 150 · 0.9
		{ChangeWithdraw, "500", true, true, "", "9500"},
		{ChangeWithdraw, "5000", false, true, "withdrawal_exceeds_withdrawable", "5000"},
		{ChangePrice, "ETH=3400", true, true, "", "8000"},
		{ChangePrice, "asset:SOL=200", true, true, "", "10000"},
		{ChangeOrder, "BTC sell 1 @ 66000", true, true, "", "10000"},
		{ChangeOrder, "BTC buy 1@66000 fee 33", false, true, "insufficient_initial_margin", "9967"},
		{ChangeOrder, "BTC buy 1.0001 @ 66000", false, false, "too_many_digits", "10000"},
		{ChangeOrder, "BTC buy 1 @ 66000 leg long", false, false, "leg_mismatch", "10000"},
		{ChangeOrder, "BTC long increase 100 USDC with 5", false, false, "not_supported", "10000"},
		{ChangeSwitch, "BTC=isolated", false, false, "mode_switch_without_margin", "10000"},
		{ChangeSwitch, "BTC=isolated:4000", false, true, "mode_switch_with_position", "10000"},
		{ChangeSwitch, "BTC=cross", true, true, "", "10000"},
		{ChangeLeverage, "ETH=51", false, true, "leverage_above_maximum", "10000"},
	} {
		p, err := Read([]byte(whole))
		if err != nil {
			t.Fatal(err)
		}
		change, err := ParseChange(c.kind, c.text)
		if err != nil {
			t.Fatal(err)
		}
		a, err := Calculate(p, []Change{change}, false)
		if err != nil {
			t.Errorf("%s: %v", &change, err)
			continue
		}
		o := a.Changes[0]
		var rule string
		if len(o.Broken) > 0 {
			rule = o.Broken[0].Rule
		}
		if o.Accepted != c.accepted || o.Applied != c.applied || rule != c.rule || o.After.Equity.String() != c.equity || o.Before.Equity.String() != "10000" {
			t.Errorf("%s: accepted %v, applied %v, rule %q, equity %s before and %s after; want %+v", &change, o.Accepted, o.Applied, rule, o.Before.Equity, o.After.Equity, c)
		}
	}
}

// TestDerived: scales that are left out are those of the numbers, changes included.
func TestDerived(t *testing.T) {
	text := strings.NewReplacer(`"priceScale": 1, "sizeScale": 3, `, ``, `, "valueScale": 8`, ``).Replace(whole)
	p, err := Read([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	change, err := ParseChange(ChangeOrder, "BTC buy 0.00001 @ 66000.12345")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		changes     []Change
		price, size uint32
	}{{nil, 3, 1}, {[]Change{change}, 5, 5}} {
		w, err := open(p, c.changes)
		if err != nil {
			t.Fatal(err)
		}
		if s := w.markets["BTC"]; s.price != c.price || s.size != c.size || w.value != 12 {
			t.Errorf("scales %d, %d and %d, want %d, %d and 12", s.price, s.size, w.value, c.price, c.size)
		}
	}
}

// TestMarginRatio: that at the top is the greatest of the pools', and none where one of them has none.
func TestMarginRatio(t *testing.T) {
	for _, c := range []struct{ position, balance, want string }{
		{`{"market": "BTC", "size": "1", "entryPrice": "60000"}`, "10000", "0.04125"},                                                                            // 660 / 16,000
		{`{"market": "BTC", "size": "1", "entryPrice": "66000", "isolatedMargin": "1000"}`, "9000", "0.66"},                                                      // the cross pool owes nothing
		{`{"market": "BTC", "size": "1", "entryPrice": "68000", "isolatedMargin": "1000"}`, "9000", ""},                                                          // 1,000 in debt
		{`{"market": "BTC", "size": "1", "entryPrice": "66000", "isolatedMargin": "1000"}, {"market": "ETH", "size": "1", "entryPrice": "3300"}`, "40", "0.825"}, // 33 / 40
	} {
		p, err := Read([]byte(`{"venue": {"profile": "standard", "version": "1", "settlementAsset": "USDC"}, "markets": [
			{"market": "BTC", "mark": "66000", "tiers": [{"lowerNotional": "0", "maxLeverage": 50, "maintenanceRate": "0.01"}]},
			{"market": "ETH", "mark": "3300", "tiers": [{"lowerNotional": "0", "maxLeverage": 50, "maintenanceRate": "0.01"}]}],
			"balances": {"USDC": "` + c.balance + `"}, "positions": [` + c.position + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		a, err := Calculate(p, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.MarginRatio; got.Present != (c.want != "") || got.Present && got.String() != c.want {
			t.Errorf("%s: margin ratio %s, want %q", c.position, show(got), c.want)
		}
	}
}
