package projector

import "marginledger/projector/margin"

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
	ReasonFactsMissing       Reason = "facts_missing"
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

// Rule is a rule that a fact broke; it was applied all the same.
type Rule = margin.Rule
