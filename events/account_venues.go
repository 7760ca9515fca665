package events

// The account facts that only some venues have; a profile's page says which it takes. Producer and
// topics are those of the other account facts.

// PositionChanged is an executed order of a venue whose positions carry collateral of their own.
// Market, collateral asset and leg name the position. One of SizeUSD and CollateralDelta is > 0.
type PositionChanged struct {
	Market          string             `json:"market" pb:"1"`
	Collateral      string             `json:"collateral" pb:"2"`            // asset of the position's collateral, ≤ 32 bytes
	Leg             Leg                `json:"leg" pb:"3"`                   // long or short
	Change          PositionChangeKind `json:"change" pb:"4"`                // what the order did; liquidation and adl are decreases that the venue ordered
	SizeUSD         Number             `json:"sizeUsd" pb:"5"`               // settlement asset, ≥ 0: what the position grows or shrinks by
	CollateralDelta Number             `json:"collateralDelta" pb:"6"`       // units of the collateral asset, ≥ 0: into the position on an increase, asked to leave on a decrease
	IndexMin        Number             `json:"indexMin,omitzero" pb:"7"`     // index token at execution, > 0; with IndexMax; absent: the latest fact
	IndexMax        Number             `json:"indexMax,omitzero" pb:"8"`     // ≥ IndexMin
	LongMin         Number             `json:"longMin,omitzero" pb:"9"`      // long token of the market's pool at execution, > 0; with LongMax; absent: the latest fact
	LongMax         Number             `json:"longMax,omitzero" pb:"10"`     // ≥ LongMin
	ShortMin        Number             `json:"shortMin,omitzero" pb:"11"`    // short token of the market's pool at execution, > 0; with ShortMax; absent: the latest fact
	ShortMax        Number             `json:"shortMax,omitzero" pb:"12"`    // ≥ ShortMin
	OrderID         string             `json:"orderId" pb:"13"`              // ≤ 64 bytes
	Liquidation     string             `json:"liquidation,omitzero" pb:"14"` // id of the episode answered; change liquidation or adl
	Params          []Param            `json:"params,omitzero" pb:"15"`      // what else the profile's page names of an order, ≤ 64, names strictly rising
}

// AccountParamsSet states what the venue has set for an account, such as the discounts of a fee tier. It replaces the
// last one; without params: nothing.
type AccountParamsSet struct {
	Params []Param `json:"params,omitzero" pb:"1"` // named by the profile's page, ≤ 64, names strictly rising
}

// AccountModeSet switches how the venue margins the account.
type AccountModeSet struct {
	Mode string `json:"mode" pb:"1"` // the profile's page names the modes; ≤ 32 bytes
}

// LeverageCapSet caps an account's leverage in a market: the venue sets it, or an operator does.
type LeverageCapSet struct {
	Market      string `json:"market" pb:"1"`
	MaxLeverage uint32 `json:"maxLeverage" pb:"2"` // 0 to 1000; 0: no cap
}

// PoolBalanceObserved states what the account's pool holds of an asset where that pool lies outside
// of this ledger. Observed: it moves no money.
type PoolBalanceObserved struct {
	Asset  string `json:"asset" pb:"1"`
	Amount Number `json:"amount" pb:"2"` // units of the asset; negative: owed by the account
}
