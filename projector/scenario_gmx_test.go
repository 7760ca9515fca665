package projector_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"marginledger/events"
)

// gmxParams are the params of a market in the stories, but for those that a line gives: fees, limits and
// decimals as those of ETH/USD on the venue's mainnet, no price impact.
var gmxParams = map[string]string{
	"indexDecimals": "18", "longDecimals": "18", "shortDecimals": "6",
	"impactExponentNegative": "2", "impactExponentPositive": "2", "impactFactorNegative": "0", "impactFactorPositive": "0",
	"maxImpactNegative": "0.005", "maxImpactPositive": "0.004", "maxImpactForLiquidations": "0.005",
	"maxLendUsd": "0", "maxLendableFactor": "0", "liquidationFee": "0.002", "positionFeeNegative": "0.0006", "positionFeePositive": "0.0004",
	"maxPnlForTradersLong": "0.9", "maxPnlForTradersShort": "0.9", "maxPnlForAdlLong": "0.85", "maxPnlForAdlShort": "0.85",
	"minCollateral": "0.01", "minCollateralForLiquidation": "0.005", "minCollateralPerOiLong": "0", "minCollateralPerOiShort": "0",
	"minCollateralUsd": "1", "minPositionUsd": "1",
}

// gmxPoolState is the state of a market's pool before the first "pool" line says more.
var gmxPoolState = map[string]string{
	"poolLong": "10000", "poolShort": "30000000", "impactPool": "0", "impactPoolLent": "0",
	"openInterestUsdLong": "0", "openInterestUsdShort": "0", "openInterestTokensLong": "0", "openInterestTokensShort": "0",
	"borrowingLong": "0", "borrowingShort": "0",
	"fundingFeeLongInLong": "0", "fundingFeeLongInShort": "0", "fundingFeeShortInLong": "0", "fundingFeeShortInShort": "0",
	"fundingClaimLongInLong": "0", "fundingClaimLongInShort": "0", "fundingClaimShortInLong": "0", "fundingClaimShortInShort": "0",
}

// parseKept parses the facts of venues whose positions have collateral of their own; nil: it is none.
//
//	pooled NAME long=WETH short=USDC [underlying=ETH] [param=value…]     pool NAME [quantity=value…]
//	pair NAME MIN MAX       price ASSET MIN MAX
//	NAME increase|decrease|liquidate|adl USD MARKET long|short COLLATERAL [with AMOUNT] [param=value…]
//	NAME params [name=value…]    NAME may claim AMOUNT ASSET of MARKET funding|impact
//	NAME adopts SIZE MARKET long|short COLLATERAL at PRICE with AMOUNT [param=value…]
func (w *world) parseKept(t *testing.T, words []string) (owner string, body events.Body) {
	switch {
	case words[0] == "pooled":
		b := &events.MarketListed{Market: words[1], Underlying: setting(words, "underlying", words[1]), PriceScale: 6, SizeScale: 6,
			MaxPrice: events.MustNumber("100000"), MaxSize: events.MustNumber("1000000"),
			LongToken: setting(words, "long", ""), ShortToken: setting(words, "short", "")}
		b.Rules = events.MarketRules{FundingMode: events.FundingByPayments, Params: named(t, gmxParams, words[2:])}
		return "", b
	case words[0] == "pool":
		if w.pools[words[1]] == nil {
			w.pools[words[1]] = gmxPoolState
		}
		told := map[string]string{}
		for _, q := range named(t, w.pools[words[1]], words[2:]) {
			told[q.Name] = q.Value.String()
		}
		w.pools[words[1]] = told
		return "", &events.PoolState{Market: words[1], Quantities: named(t, told, nil)}
	case words[0] == "pair":
		low, high := number(t, words[2]), number(t, words[3])
		return "", &events.MarkPrice{Market: words[1], Index: low, Min: low, Max: high}
	case words[0] == "price" && len(words) == 4:
		low, high := number(t, words[2]), number(t, words[3])
		return "", &events.CollateralPrice{Asset: words[1], Price: low, Min: low, Max: high}
	case len(words) > 1 && words[1] == "params":
		return words[0], &events.AccountParamsSet{Params: named(t, nil, words[2:])}
	case len(words) == 8 && words[1] == "may":
		kind, err := events.ParseClaimKind(words[7])
		if err != nil {
			t.Fatal(err)
		}
		return words[0], &events.AccountOpeningState{Claims: []events.OpeningClaim{{Market: words[6], Asset: words[4], Kind: kind, Amount: number(t, words[3])}}}
	case len(words) < 6:
		return "", nil
	}
	leg, _ := events.ParseLeg(words[4])
	changes := map[string]events.PositionChangeKind{"increase": events.ChangeIncrease, "decrease": events.ChangeDecrease,
		"liquidate": events.ChangeLiquidation, "adl": events.ChangeADL}
	if words[1] == "adopts" {
		return words[0], &events.AccountOpeningState{Positions: []events.OpeningPosition{{Market: words[3], Leg: leg, Size: number(t, words[2]),
			EntryPrice: number(t, option(words, "at")), Collateral: words[5], CollateralAmount: number(t, option(words, "with")),
			Params: named(t, nil, words[6:])}}}
	}
	change, ok := changes[words[1]]
	if !ok {
		return "", nil
	}
	b := &events.PositionChanged{Market: words[3], Collateral: words[5], Leg: leg, Change: change, SizeUSD: number(t, words[2]),
		CollateralDelta: events.MustNumber("0"), OrderID: "o", Params: named(t, nil, words[6:])}
	if with := option(words, "with"); with != "" {
		b.CollateralDelta = number(t, with)
	}
	return words[0], b
}

// named returns defaults and name=value words as numbers, by name.
func named(t *testing.T, defaults map[string]string, words []string) []events.Param {
	values := map[string]string{}
	for name, v := range defaults { // unordered: they are sorted below
		values[name] = v
	}
	for _, word := range words {
		if name, v, ok := strings.Cut(word, "="); ok && name != "long" && name != "short" && name != "underlying" {
			values[name] = v
		}
	}
	var out []events.Param
	for name, v := range values { // unordered: they are sorted below
		out = append(out, events.Param{Name: name, Value: number(t, v)})
	}
	slices.SortFunc(out, func(a, b events.Param) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// orUnknown prints a figure that may be unknown.
func orUnknown(n events.Number) string {
	if !n.Present {
		return "unknown"
	}
	return fmt.Sprint(n)
}
