// Package hyperliquid is the margin arithmetic of Hyperliquid, to the digits that the venue prints.
//
// docs/venues/hyperliquid.md is its specification; sections are cited as §. Amounts are integers of
// micro-USDC (the venue's ledger has six digits after the point), sizes and prices are exact
// rationals. Tiers, thresholds and rates of a market or a token come from outside: they are
// governance values. What the venue prints as a double is rounded as a double, see Print.
package hyperliquid

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// Name is the profile's name.
const Name = "hyperliquid"

// Scale is how many digits after the point an amount has.
const Scale = 6

// Rules is what differs between versions (§2).
type Rules struct {
	Version string
	From    string // first day known to follow it, UTC

	Digits      int    // after the point, of a printed number
	FloorOwn    bool   // a position's own maintenance is floored before its liquidation price is solved
	MarkedRate  bool   // maintenance stays what it is at the mark: no divisor 1 − side·rate
	TenPercent  bool   // what remains after a transfer covers a tenth of the notional
	Funding     string // name of the FundingRegime that rates follow
	FlatMaximum int64  // one maximum leverage for every market, whatever its tiers: vaults of HLP; 0: none
}

// versions are in order of their first day.
var versions = []Rules{
	{Version: "2023-03", From: "2023-03-01", Digits: 8, FloorOwn: true, MarkedRate: true, Funding: fundingRegimes[0].Name},
	{Version: "2023-06-08", From: "2023-06-08", Digits: 8, FloorOwn: true, MarkedRate: true, Funding: fundingRegimes[1].Name},
	{Version: "2023-06-16", From: "2023-06-16", Digits: 8, FloorOwn: true, MarkedRate: true, Funding: fundingRegimes[2].Name},
	{Version: "2023-07-15", From: "2023-07-15", Digits: 8, FloorOwn: true, MarkedRate: true, Funding: fundingRegimes[3].Name},
	{Version: "2024", From: "2024-01-01", Digits: 8, FloorOwn: true, Funding: fundingRegimes[3].Name},
	{Version: "2025-01", From: "2025-01-01", Digits: 8, FloorOwn: true, TenPercent: true, Funding: fundingRegimes[3].Name},
	{Version: "2025", From: "2025-02-01", Digits: 10, TenPercent: true, Funding: fundingRegimes[3].Name},
}

// VaultSuffix makes a version that of HLP's child vaults: a flat 1 % of maintenance (§3).
const VaultSuffix = "/hlp-vault"

// Versions returns the names of all versions, oldest first.
func Versions() []string {
	out := make([]string, len(versions))
	for i, r := range versions {
		out[i] = r.Version
	}
	return out
}

// For returns the rules of a version by name, or of the one that holds at a day, or at the first of a
// month or year: yyyy-mm-dd, yyyy-mm, yyyy.
func For(version string) (Rules, error) {
	name, vault := strings.CutSuffix(version, VaultSuffix)
	i := slices.IndexFunc(versions, func(r Rules) bool { return r.Version == name })
	if i < 0 && isDay(name) {
		for j := range versions {
			if versions[j].From <= name+"-01-01"[len(name)-len("yyyy"):] {
				i = j
			}
		}
	}
	if i < 0 {
		return Rules{}, fmt.Errorf("hyperliquid: %w %q", margin.ErrUnknownVersion, version)
	}
	r := versions[i]
	if vault {
		r.Version += VaultSuffix
		r.FlatMaximum = 50
	}
	return r, nil
}

// isDay reports yyyy, yyyy-mm or yyyy-mm-dd.
func isDay(s string) bool {
	const form = "2000-00-00"
	if len(s) != 4 && len(s) != 7 && len(s) != 10 {
		return false
	}
	for i := range len(s) {
		if (form[i] == '-') != (s[i] == '-') || s[i] != '-' && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return true
}

// Print returns a number as the venue prints it: as a double, to the version's digits (§2).
func (r Rules) Print(x *big.Rat) *big.Rat {
	return margin.Rounded(margin.Binary64(x), r.Digits, margin.HalfEven)
}

// PrintAmount prints an amount.
func (r Rules) PrintAmount(a fixed.Int128) *big.Rat { return r.Print(Amount(a)) }

// Amount returns an amount in USDC.
func Amount(a fixed.Int128) *big.Rat { return new(big.Rat).SetFrac(a.Big(), big.NewInt(1e6)) }

// Micro returns USDC as an amount, rounded in one direction. It panics on what 128 bits do not hold.
func Micro(x *big.Rat, dir margin.Direction) fixed.Int128 {
	a, ok := fixed.FromBig(margin.Scaled(x, Scale, dir))
	if !ok {
		panic(fmt.Sprintf("hyperliquid: %v USDC do not fit", x))
	}
	return a
}

// Ledger returns the amount that the venue printed as a double.
func Ledger(x *big.Rat) fixed.Int128 { return Micro(x, margin.HalfEven) }
