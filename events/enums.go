package events

// Every enumeration has 0 for "absent", a text form for JSON, and that form's inverse.

// Leg says which position of a market a fact means.
type Leg uint8

// The legs: one net position, or a long and a short one side by side (hedge mode).
const (
	LegNet   Leg = 1
	LegLong  Leg = 2
	LegShort Leg = 3
)

var legNames = [...]string{"", "net", "long", "short"}

// String returns the leg's text form.
func (l Leg) String() string { return textOf(legNames[:], l, "Leg") }

// ParseLeg is the inverse of Leg.String.
func ParseLeg(s string) (Leg, error) { return parseText[Leg](legNames[:], s, "leg") }

// Side is the side of a trade.
type Side uint8

// The sides.
const (
	Buy  Side = 1
	Sell Side = 2
)

var sideNames = [...]string{"", "buy", "sell"}

// String returns the side's text form.
func (s Side) String() string { return textOf(sideNames[:], s, "Side") }

// ParseSide is the inverse of Side.String.
func ParseSide(s string) (Side, error) { return parseText[Side](sideNames[:], s, "side") }

// Liquidity says whether an order rested in the book or took from it.
type Liquidity uint8

// The liquidity roles.
const (
	Maker Liquidity = 1
	Taker Liquidity = 2
)

var liquidityNames = [...]string{"", "maker", "taker"}

// String returns the text form.
func (l Liquidity) String() string { return textOf(liquidityNames[:], l, "Liquidity") }

// ParseLiquidity is the inverse of Liquidity.String.
func ParseLiquidity(s string) (Liquidity, error) {
	return parseText[Liquidity](liquidityNames[:], s, "liquidity")
}

// FillReason says why a fill happened.
type FillReason uint8

// The reasons of a fill.
const (
	ReasonTrade       FillReason = 1
	ReasonLiquidation FillReason = 2
	ReasonADL         FillReason = 3
	ReasonSettlement  FillReason = 4
)

var fillReasonNames = [...]string{"", "trade", "liquidation", "adl", "settlement"}

// String returns the text form.
func (r FillReason) String() string { return textOf(fillReasonNames[:], r, "FillReason") }

// ParseFillReason is the inverse of FillReason.String.
func ParseFillReason(s string) (FillReason, error) {
	return parseText[FillReason](fillReasonNames[:], s, "reason")
}

// ClaimKind says what a claimable amount was credited for.
type ClaimKind uint8

// The kinds of claims.
const (
	ClaimFunding ClaimKind = 1 // funding received: it may be claimed at once
	ClaimImpact  ClaimKind = 2 // price impact beyond a limit: held until the venue releases it, in part or in whole
)

var claimKindNames = [...]string{"", "funding", "impact"}

// String returns the text form.
func (k ClaimKind) String() string { return textOf(claimKindNames[:], k, "ClaimKind") }

// ParseClaimKind is the inverse of ClaimKind.String.
func ParseClaimKind(s string) (ClaimKind, error) {
	return parseText[ClaimKind](claimKindNames[:], s, "kind of claim")
}

// MarginMode says which pool carries the positions of a market.
type MarginMode uint8

// The margin modes.
const (
	Cross    MarginMode = 1
	Isolated MarginMode = 2
)

var marginModeNames = [...]string{"", "cross", "isolated"}

// String returns the text form.
func (m MarginMode) String() string { return textOf(marginModeNames[:], m, "MarginMode") }

// ParseMarginMode is the inverse of MarginMode.String.
func ParseMarginMode(s string) (MarginMode, error) {
	return parseText[MarginMode](marginModeNames[:], s, "mode")
}

// MarginType says how an account is treated.
type MarginType uint8

// The margin types. Backstop accounts are valued, but never called or triggered: the exchange's
// own liquidator, insurance and market-making accounts.
const (
	MarginStandard MarginType = 1
	MarginBackstop MarginType = 2
)

var marginTypeNames = [...]string{"", "standard", "backstop"}

// String returns the text form.
func (m MarginType) String() string { return textOf(marginTypeNames[:], m, "MarginType") }

// ParseMarginType is the inverse of MarginType.String.
func ParseMarginType(s string) (MarginType, error) {
	return parseText[MarginType](marginTypeNames[:], s, "margin type")
}

// TransferKind says which legs of a transfer an event holds.
type TransferKind uint8

// The transfer kinds. Between subaccounts of one owner both legs are in one event; between owners,
// who may live on other shards, each has an event of its own with the same transfer id.
const (
	TransferInternal TransferKind = 1 // from the event's subaccount to ToSubaccount
	TransferOut      TransferKind = 2 // leaves the account
	TransferIn       TransferKind = 3 // reaches the account
)

var transferKindNames = [...]string{"", "internal", "out", "in"}

// String returns the text form.
func (k TransferKind) String() string { return textOf(transferKindNames[:], k, "TransferKind") }

// ParseTransferKind is the inverse of TransferKind.String.
func ParseTransferKind(s string) (TransferKind, error) {
	return parseText[TransferKind](transferKindNames[:], s, "transfer kind")
}

// FundingMode says how a market's funding reaches accounts.
type FundingMode uint8

// The funding modes.
const (
	FundingByIndex    FundingMode = 1 // FundingRate moves an index; settled on account events
	FundingByPayments FundingMode = 2 // FundingPayment events of each account
)

var fundingModeNames = [...]string{"", "index", "payments"}

// String returns the text form.
func (m FundingMode) String() string { return textOf(fundingModeNames[:], m, "FundingMode") }

// ParseFundingMode is the inverse of FundingMode.String.
func ParseFundingMode(s string) (FundingMode, error) {
	return parseText[FundingMode](fundingModeNames[:], s, "funding mode")
}

// MarginModes says which margin modes a market admits. Absent: any.
type MarginModes uint8

// What a market may admit.
const (
	ModesAny            MarginModes = 1 // cross or isolated, as the account chooses
	ModesNoCross        MarginModes = 2 // isolated only
	ModesStrictIsolated MarginModes = 3 // isolated only, and margin cannot be taken out of an open position
)

var marginModesNames = [...]string{"", "any", "noCross", "strictIsolated"}

// String returns the text form.
func (m MarginModes) String() string { return textOf(marginModesNames[:], m, "MarginModes") }

// ParseMarginModes is the inverse of MarginModes.String.
func ParseMarginModes(s string) (MarginModes, error) {
	return parseText[MarginModes](marginModesNames[:], s, "margin modes")
}

// PositionChangeKind says what an executed order did to a position with collateral of its own.
type PositionChangeKind uint8

// The changes of a position.
const (
	ChangeIncrease    PositionChangeKind = 1 // size grows, or collateral comes in, or both
	ChangeDecrease    PositionChangeKind = 2 // size shrinks, or collateral leaves, or both
	ChangeLiquidation PositionChangeKind = 3 // a decrease that the venue ordered: the collateral was short
	ChangeADL         PositionChangeKind = 4 // a decrease that the venue ordered: the pool owed too much
)

var positionChangeNames = [...]string{"", "increase", "decrease", "liquidation", "adl"}

// String returns the text form.
func (k PositionChangeKind) String() string {
	return textOf(positionChangeNames[:], k, "PositionChangeKind")
}

// ParsePositionChangeKind is the inverse of PositionChangeKind.String.
func ParsePositionChangeKind(s string) (PositionChangeKind, error) {
	return parseText[PositionChangeKind](positionChangeNames[:], s, "change")
}
