package calculator

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestCompare: the same fills under four profiles; what one is not told makes its answer unknown, until it is assumed.
func TestCompare(t *testing.T) {
	data, assumed := read(t, filepath.Join(examples, "compare.json")), read(t, filepath.Join(examples, "assume-gmx.json"))
	profiles := []string{"hyperliquid", "dydx-v4", "gmx-v2", "standard"}
	out := schema(t, outputSchema)
	for _, c := range []struct {
		assume []byte
		want   []string // profile, then equity or why it is unknown
	}{
		{nil, []string{"hyperliquid@2025 10000", "dydx-v4@9 10000", "gmx-v2@2.2 needs PoolState", "standard@1 10000"}},
		{assumed, []string{"hyperliquid@2025 10000", "dydx-v4@9 10000", "gmx-v2@2.2 9932.5088", "standard@1 10000"}},
		{[]byte(`{"dydx-v4": {"markets": [{"market": "BTC", "params": {"upperCap": "100000000"}}]}}`),
			[]string{"hyperliquid@2025 10000", "dydx-v4@9 needs OpenInterest", "gmx-v2@2.2 needs PoolState", "standard@1 10000"}},
		{[]byte(`{"standard": {"markets": [{"market": "ETH", "mark": null, "index": "3000"}]}}`),
			[]string{"hyperliquid@2025 10000", "dydx-v4@9 10000", "gmx-v2@2.2 needs PoolState", "standard@1 needs MarkPrice"}},
		{[]byte(`{"dydx-v4": {"markets": [{"market": "BTC", "params": null}]}}`),
			[]string{"hyperliquid@2025 10000", "dydx-v4@9 needs MarketListed", "gmx-v2@2.2 needs PoolState", "standard@1 10000"}},
		{[]byte(`{"hyperliquid": {"venue": {"version": null}}}`),
			[]string{"hyperliquid needs VenueProfileSet", "dydx-v4@9 10000", "gmx-v2@2.2 needs PoolState", "standard@1 10000"}},
	} {
		answer, err := Compare(data, c.assume, profiles)
		if err != nil {
			t.Fatalf("%s: %v", c.assume, err)
		}
		if err := valid(t, out, encoded(t, answer)); err != nil {
			t.Errorf("%s: %v", c.assume, err)
		}
		for i, v := range answer.Venues {
			got := v.Profile + " " + v.Unknown
			if v.ComparedFigures != nil {
				got = v.Profile + " " + v.Equity.String()
			}
			if !strings.HasPrefix(got, c.want[i]) {
				t.Errorf("with %.60s: %s, want %s; %s", c.assume, got, c.want[i], v.Reason)
			}
		}
	}
}

// TestCompareErrors: what is misspelt is an error also where nobody asks for it.
func TestCompareErrors(t *testing.T) {
	data := read(t, filepath.Join(examples, "compare.json"))
	for _, c := range []struct{ assume, profiles, want string }{
		{`{"gmx-v2": {"markts": []}}`, "standard", `--assume gmx-v2.markts: unknown field`},
		{`{"gmx-v2": {"balances": {"USDC": true}}}`, "standard", `--assume gmx-v2.balances.USDC: is true or false, must be a decimal`},
		{`{"gmx-v2": 5}`, "standard", `--assume gmx-v2: is a number, must be an object`},
		{`{"standard": {"balances": {"USDC": "0.0000000001"}}}`, "standard", ``},
		{`{}`, "standrad", `--compare standrad: no profile standrad in this build: it has dydx-v4, gmx-v2, hyperliquid, portfolio, standard`},
		{`{"standard": {"fills": [{"market": "XRP", "side": "buy", "size": "1", "price": "5"}]}}`, "standard", `standard@1: --assume standard.fills[0].market: no market XRP in this document: it has BTC, ETH`},
	} {
		answer, err := Compare(data, []byte(c.assume), strings.Split(c.profiles, ","))
		switch {
		case c.want == "" && (err != nil || !strings.Contains(answer.Venues[0].Reason, "--assume standard.balances.USDC: too_many_digits")):
			t.Errorf("%s: %v, %+v", c.assume, err, answer)
		case c.want != "" && (err == nil || err.Error() != c.want):
			t.Errorf("%s: %v, want %s", c.assume, err, c.want)
		}
	}
}
