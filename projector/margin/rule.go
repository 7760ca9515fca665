package margin

// Rule is a rule that a fact broke; it was applied all the same. docs/errors.md explains each.
type Rule string

// The rules, in the order in which they are judged.
const (
	RuleAccountReopened        Rule = "account_reopened"
	RuleSequenceGap            Rule = "sequence_gap"
	RuleMarkOutOfOrder         Rule = "mark_out_of_order"
	RuleFundingInterval        Rule = "funding_interval_differs"
	RuleFundingCap             Rule = "funding_rate_above_cap"
	RuleWithdrawal             Rule = "withdrawal_exceeds_withdrawable"
	RuleWithdrawalsGated       Rule = "withdrawals_gated"
	RuleNegativeBalance        Rule = "negative_balance"
	RuleLeverage               Rule = "leverage_above_maximum"
	RuleInitialMargin          Rule = "insufficient_initial_margin"
	RuleNewlyUndercollateral   Rule = "newly_undercollateralized"
	RuleStillUndercollateral   Rule = "still_undercollateralized"
	RuleIsolatedMarket         Rule = "isolated_market_shared"
	RuleModeSwitch             Rule = "mode_switch_with_position"
	RuleModeNotAllowed         Rule = "margin_mode_not_allowed"
	RuleIsolatedExceedsFree    Rule = "isolated_margin_exceeds_free"
	RuleIsolatedBelowInitial   Rule = "isolated_margin_below_initial"
	RuleIsolatedNotRemovable   Rule = "isolated_margin_not_removable"
	RuleMarketHalted           Rule = "market_halted"
	RuleLiquidationNoEpisode   Rule = "liquidation_without_episode"
	RuleLiquidationOverfill    Rule = "liquidation_overfill"
	RuleBlockLimit             Rule = "liquidation_exceeds_block_limit"
	RuleCoversNoBankruptcy     Rule = "covers_no_bankruptcy"
	RuleUnknownDeadLetter      Rule = "unknown_dead_letter"
	RuleFundingWithoutPosition Rule = "funding_without_position"
	RulePositionTooSmall       Rule = "position_below_minimum"
	RuleLeftLiquidatable       Rule = "left_liquidatable"
	RuleImpact                 Rule = "impact_exceeds_position"
	RuleADLNotEnabled          Rule = "adl_not_enabled"
)

// ruleOrder is the order in which violations of one record stand.
var ruleOrder = [...]Rule{RuleAccountReopened, RuleSequenceGap, RuleMarkOutOfOrder, RuleFundingInterval, RuleFundingCap, RuleWithdrawal, RuleWithdrawalsGated,
	RuleNegativeBalance, RuleLeverage, RuleInitialMargin, RuleNewlyUndercollateral, RuleStillUndercollateral, RuleIsolatedMarket,
	RuleModeSwitch, RuleModeNotAllowed, RuleIsolatedExceedsFree, RuleIsolatedBelowInitial, RuleIsolatedNotRemovable, RuleMarketHalted, RuleLiquidationNoEpisode,
	RuleLiquidationOverfill, RuleBlockLimit, RuleCoversNoBankruptcy, RuleUnknownDeadLetter, RuleFundingWithoutPosition,
	RulePositionTooSmall, RuleLeftLiquidatable, RuleImpact, RuleADLNotEnabled}

// Order returns the rule's place among the violations of one record.
func (r Rule) Order() int {
	for i := range ruleOrder {
		if ruleOrder[i] == r {
			return i
		}
	}
	return len(ruleOrder)
}
