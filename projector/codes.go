package projector

// Reason is why a record became a dead letter; docs/errors.md explains each. The reasons of
// undecodable records are the decoder's (package events).
type Reason string

// The reasons, in the order of their checks (docs/venues/standard.md §5).
const (
	ReasonNone               Reason = ""
	ReasonSkipped            Reason = "skipped"
	ReasonWrongRole          Reason = "wrong_role"
	ReasonWrongPartition     Reason = "wrong_partition"
	ReasonTimeInFuture       Reason = "time_in_future"
	ReasonSequenceReset      Reason = "sequence_reset"
	ReasonIDReused           Reason = "id_reused"
	ReasonUnknownVenue       Reason = "unknown_venue"
	ReasonUnknownMarket      Reason = "unknown_market"
	ReasonUnknownAsset       Reason = "unknown_asset"
	ReasonMarketSettled      Reason = "market_settled"
	ReasonTooManyDigits      Reason = "too_many_digits"
	ReasonOutOfRange         Reason = "out_of_range"
	ReasonBadValue           Reason = "bad_value"
	ReasonNotSupported       Reason = "not_supported"
	ReasonUnknownProfile     Reason = "unknown_profile"
	ReasonBadParams          Reason = "bad_params"
	ReasonScaleChanged       Reason = "scale_changed"
	ReasonAlreadyListed      Reason = "already_listed"
	ReasonTiersNotContinuous Reason = "tiers_not_continuous"
	ReasonWrongFundingMode   Reason = "wrong_funding_mode"
	ReasonLegMismatch        Reason = "leg_mismatch"
	ReasonLegOverclosed      Reason = "leg_overclosed"
	ReasonTooManyPositions   Reason = "too_many_positions"
	ReasonModeSwitch         Reason = "mode_switch_without_margin"
	ReasonOpeningNotFirst    Reason = "opening_state_not_first"
)

// Rule is a rule that a fact broke; it was applied all the same. docs/errors.md explains each.
type Rule string

// The rules, in the order in which they are judged (§6).
const (
	RuleAccountReopened        Rule = "account_reopened"
	RuleSequenceGap            Rule = "sequence_gap"
	RuleMarkOutOfOrder         Rule = "mark_out_of_order"
	RuleWithdrawal             Rule = "withdrawal_exceeds_withdrawable"
	RuleNegativeBalance        Rule = "negative_balance"
	RuleLeverage               Rule = "leverage_above_maximum"
	RuleInitialMargin          Rule = "insufficient_initial_margin"
	RuleModeSwitch             Rule = "mode_switch_with_position"
	RuleIsolatedExceedsFree    Rule = "isolated_margin_exceeds_free"
	RuleIsolatedBelowInitial   Rule = "isolated_margin_below_initial"
	RuleMarketHalted           Rule = "market_halted"
	RuleLiquidationNoEpisode   Rule = "liquidation_without_episode"
	RuleLiquidationOverfill    Rule = "liquidation_overfill"
	RuleCoversNoBankruptcy     Rule = "covers_no_bankruptcy"
	RuleUnknownDeadLetter      Rule = "unknown_dead_letter"
	RuleFundingWithoutPosition Rule = "funding_without_position"
)

// ruleOrder is the order in which violations of one record stand.
var ruleOrder = [...]Rule{RuleAccountReopened, RuleSequenceGap, RuleMarkOutOfOrder, RuleWithdrawal, RuleNegativeBalance,
	RuleLeverage, RuleInitialMargin, RuleModeSwitch, RuleIsolatedExceedsFree, RuleIsolatedBelowInitial, RuleMarketHalted,
	RuleLiquidationNoEpisode, RuleLiquidationOverfill, RuleCoversNoBankruptcy, RuleUnknownDeadLetter, RuleFundingWithoutPosition}

func (r Rule) order() int {
	for i := range ruleOrder {
		if ruleOrder[i] == r {
			return i
		}
	}
	return len(ruleOrder)
}
