package calculator

// sentence says what a rule or a reason means; docs/errors.md has the same words, and a test says so.
func sentence(code string) string {
	if s, ok := sentences[code]; ok {
		return s
	}
	return "docs/errors.md explains it"
}

var sentences = map[string]string{
	"account_reopened":                "an account that exists was opened again",
	"sequence_gap":                    "sequences of a producer are missing before this one",
	"mark_out_of_order":               "a price is older than the last one; it changes nothing",
	"funding_interval_differs":        "a FundingRate is of another interval than the version of the venue's profile pays by (Hyperliquid)",
	"funding_rate_above_cap":          "a FundingRate is larger than the venue's cap (Hyperliquid)",
	"withdrawal_exceeds_withdrawable": "money left that was not free",
	"negative_balance":                "a spot trade or conversion, or the collateral of an order, took more than there was",
	"leverage_above_maximum":          "more leverage than the market or the tier allows",
	"insufficient_initial_margin":     "a trade opened more than its margin covers",
	"newly_undercollateralized":       "a trade or withdrawal that the venue refuses an account which met its initial requirement before (dYdX's NewlyUndercollateralized)",
	"still_undercollateralized":       "likewise of an account that did not meet it before, and that became riskier",
	"mode_switch_with_position":       "margin mode was switched with a position open",
	"isolated_margin_exceeds_free":    "margin moved into an isolated pool was not free",
	"isolated_margin_below_initial":   "margin was taken from an isolated pool below its initial requirement",
	"isolated_margin_not_removable":   "margin was taken from an isolated pool with a position, in a market that is strict isolated",
	"margin_mode_not_allowed":         "a market that admits isolated margin only was switched to cross",
	"isolated_market_shared":          "an account that holds a position in an isolated market holds another one beside it",
	"withdrawals_gated":               "collateral left a pool whose withdrawals the venue has stopped until a block (WithdrawalsGated)",
	"market_halted":                   "a trade in a halted market",
	"liquidation_without_episode":     "a liquidation fill in a pool that was not being liquidated, or such a fill of a deleveraging that opens: one that only closes is normal, it hits those who win",
	"liquidation_overfill":            "a liquidation fill that opened a position",
	"liquidation_exceeds_block_limit": "liquidation fills of a subaccount in one block pass what the venue liquidates of it, or has the insurance fund lose by it, in a block (dYdX)",
	"covers_no_bankruptcy":            "a BankruptcyCovered that names no open bankruptcy",
	"unknown_dead_letter":             "a correction names a dead letter that is not open",
	"funding_without_position":        "a funding payment where there is no position",
	"position_below_minimum":          "an order left a position smaller than the market's least size (GMX)",
	"left_liquidatable":               "an order left a position that is liquidatable by the limits for orders (GMX)",
	"adl_not_enabled":                 "a deleveraging while the side has not won more of the pool than it may (GMX)",
	"impact_exceeds_position":         "the price impact of an order takes more than what is traded; the venue refuses such an order (GMX)",
	"unknown_venue":                   "the venue has no profile (yet: the config topic was read to its end)",
	"unknown_market":                  "the market is not listed",
	"unknown_asset":                   "the asset is neither the settlement asset nor known as collateral",
	"market_settled":                  "the market was settled for good",
	"too_many_digits":                 "more digits after the point than the scale has",
	"out_of_range":                    "past a bound of section 1 of the profile's page",
	"facts_missing":                   "prices or a pool's state that the change is worked out from have not come yet, or stand behind what the position has seen, or the fact does not say what a swap gave (GMX)",
	"not_supported":                   "the venue's profile has no such fact, or no such rule of a market",
	"unknown_profile":                 "no such profile or version in this build",
	"bad_params":                      "a setting of a profile that is unknown or past its range",
	"scale_changed":                   "a venue's settlement asset or value scale cannot change",
	"already_listed":                  "a market is listed once",
	"tiers_not_continuous":            "maintenance would jump at the edge of a tier",
	"wrong_funding_mode":              "a rate in a market with payments, or a payment in one with an index",
	"leg_mismatch":                    "net and long or short legs at once in one market",
	"leg_overclosed":                  "a fill that takes a long leg below zero, or a short one above",
	"too_many_positions":              "more than 256 positions in a pool",
	"mode_switch_without_margin":      "a mode switch with a position open that does not name the isolated margin",
	"opening_state_not_first":         "an opening state for an account that has or had something",
	"bad_value":                       "a value of the wrong type or past the bounds of its field, also where only the state tells",
}
