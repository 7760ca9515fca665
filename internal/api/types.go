package api

import (
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"
)

// Decimal is an exact number in decimal notation, without exponent. As JSON a string; null where it is unknown or does
// not exist.
type Decimal string

// Schema implements huma.SchemaProvider.
func (Decimal) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "decimal", Pattern: `^-?[0-9]+(\.[0-9]+)?$`, Examples: []any{"-1250.5"}}
}

// At says which cut an answer shows.
type At struct {
	Shard int32  `json:"shard" doc:"The shard that holds what was asked for."`
	Term  int64  `json:"term" doc:"Offset of its owner's fence record in the order log."`
	Cut   uint64 `json:"cut" doc:"Number of the committed cut; give it as min_cut to read at least as much again."`
	Hash  string `json:"hash" doc:"Hash of the chain at that cut, hex."`
	N     uint64 `json:"n" doc:"Records consumed by the shard up to that cut."`
}

// Account is what the ledger knows of one account. Amounts are in the venue's settlement asset but for balances.
type Account struct {
	Venue      string  `json:"venue"`
	Owner      string  `json:"owner"`
	Subaccount uint32  `json:"sub"`
	Parent     *uint32 `json:"parent,omitempty" doc:"Of a child subaccount (dYdX): the number that front ends show it under."`
	Operator   string  `json:"operator,omitempty" doc:"Whitelabel operator."`
	MarginType string  `json:"marginType" enum:"standard,backstop"`
	Incomplete bool    `json:"incomplete" doc:"A fact of this account could not be applied and nobody has answered it yet."`
	Stale      bool    `json:"stale" doc:"A mark behind these figures is older than its market allows."`

	Balances []Balance `json:"balances" doc:"Of the cross pool, by asset."`
	Claims   []Claim   `json:"claimable,omitempty" doc:"What the account may claim of markets, by market, asset and kind; counted nowhere."`
	Cross    Pool      `json:"cross"`
	Isolated []Pool    `json:"isolated" doc:"Isolated pools, by market and leg."`

	OrderMargin  Decimal  `json:"orderMargin" doc:"Held by open orders."`
	Free         *Decimal `json:"free" doc:"Cross equity less initial and order margin; negative: short of it; null: unknown."`
	Withdrawable *Decimal `json:"withdrawable" doc:"What a withdrawal may take; null: unknown."`
}

// Family is a parent subaccount with its children, as front ends of the venue show them (dYdX): each is margined
// alone.
type Family struct {
	Venue    string    `json:"venue"`
	Owner    string    `json:"owner"`
	Parent   uint32    `json:"parent"`
	Accounts []Account `json:"accounts" doc:"Those that the ledger has, by number."`
	Equity   *Decimal  `json:"equity" doc:"Sum over all pools; null: that of one is unknown."`
	Free     *Decimal  `json:"free" doc:"Sum of what each has free, none below zero; null likewise."`
}

// Balance is the balance of one asset.
type Balance struct {
	Asset  string   `json:"asset"`
	Amount Decimal  `json:"amount" doc:"Units of the asset; negative: owed by the account."`
	Value  *Decimal `json:"value" doc:"Collateral value after haircut; null: the asset has no price yet."`

	Observed *Decimal `json:"observed,omitempty" doc:"How much more of it the pool holds outside of this ledger; of a token it is in the value."`
}

// Claim is what an account may claim of a market.
type Claim struct {
	Market string  `json:"market"`
	Asset  string  `json:"asset"`
	Kind   string  `json:"kind" enum:"funding,impact" doc:"funding: it may be claimed at once; impact: the venue holds it until it releases it."`
	Amount Decimal `json:"amount" doc:"Units of the asset, above zero."`
}

// Pool is the unit of equity, requirement and liquidation.
type Pool struct {
	Pool        string     `json:"pool" doc:"cross, or market, or market/leg."`
	Collateral  *Decimal   `json:"collateral,omitempty" doc:"Isolated pools: what was moved into it."`
	Missing     string     `json:"missing,omitempty" doc:"Kind of the fact without which the figures are unknown."`
	Equity      *Decimal   `json:"equity" doc:"null: unknown, see missing."`
	Initial     Decimal    `json:"initialMargin"`
	Maintenance Decimal    `json:"maintenanceMargin"`
	MarginRatio *Decimal   `json:"marginRatio" doc:"maintenance / equity, for display; null where equity is unknown or not positive."`
	Unpriced    bool       `json:"unpriced" doc:"A position or debt in it has no price yet: valued, but never triggered."`
	CallLevels  []Decimal  `json:"callLevels" doc:"Margin-call levels that are open, as multiples of maintenance."`
	Episode     *Episode   `json:"episode" doc:"The open liquidation episode; null: none."`
	Positions   []Position `json:"positions"`
	Worst       *Scenario  `json:"worstScenario,omitempty" doc:"Portfolio margin: the scenario that decides maintenanceMargin."`
}

// Scenario is one line of a scenario grid, with what it costs a pool.
type Scenario struct {
	Name        string         `json:"name"`
	Weight      Decimal        `json:"weight" doc:"Share of the loss that counts."`
	Loss        Decimal        `json:"loss" doc:"Of the pool, offsets and weight taken."`
	Offsets     Decimal        `json:"offsets" doc:"What gains of other risk groups took off the loss, before the weight."`
	Contingency Decimal        `json:"contingency" doc:"What the requirement adds to the loss."`
	Losses      []ScenarioLoss `json:"losses" doc:"Of each position, then of each balance that is shocked; before the weight."`
}

// ScenarioLoss is what a position or balance loses in a scenario.
type ScenarioLoss struct {
	Market string  `json:"market,omitempty" doc:"Of a position."`
	Leg    string  `json:"leg,omitempty" enum:"net,long,short" doc:"Of a position."`
	Asset  string  `json:"asset,omitempty" doc:"Of a balance."`
	Loss   Decimal `json:"loss" doc:"Negative: it gains."`
}

// Episode is an open liquidation.
type Episode struct {
	Liquidation   string `json:"liquidation" doc:"Id of its first announcement."`
	Stage         string `json:"stage" enum:"partial,full,backstop,bankrupt"`
	Awaiting      bool   `json:"awaiting" doc:"It asks for a size that is not filled."`
	CooldownUntil string `json:"cooldownUntil,omitempty" doc:"Shard time until which the cool-down runs; what is asked for meanwhile is the profile's." format:"date-time"`
}

// Position is one position with its figures.
type Position struct {
	Market                     string   `json:"market"`
	Leg                        string   `json:"leg" enum:"net,long,short"`
	Size                       Decimal  `json:"size" doc:"Contracts; negative: short."`
	EntryPrice                 Decimal  `json:"entryPrice" doc:"Average, rounded to the price unit: for display."`
	Mark                       *Decimal `json:"mark" doc:"null: the market has no mark yet."`
	MarkTime                   string   `json:"markTime,omitempty" format:"date-time"`
	Notional                   Decimal  `json:"notional"`
	UnrealisedPnL              Decimal  `json:"unrealisedPnl"`
	UnpostedFunding            Decimal  `json:"unpostedFunding"`
	Initial                    Decimal  `json:"initialMargin"`
	Maintenance                Decimal  `json:"maintenanceMargin"`
	Tier                       uint32   `json:"tier" doc:"Index into the market's tiers."`
	LiquidationPrice           *Decimal `json:"liquidationPrice" doc:"Where the pool becomes liquidatable if only this mark moves; null: nowhere, or already there."`
	NoLiquidationPrice         string   `json:"noLiquidationPrice,omitempty" enum:"liquidatable,none,unknown" doc:"Why liquidationPrice is null: the pool is liquidatable already, no price on the losing side makes it so, or the pool lies elsewhere or facts are missing."`
	LiquidationPriceUnderlying *Decimal `json:"liquidationPriceUnderlying" doc:"Likewise if everything of that underlying moves in proportion."`
	BankruptcyPrice            *Decimal `json:"bankruptcyPrice"`
	NoBankruptcyPrice          string   `json:"noBankruptcyPrice,omitempty" doc:"Why bankruptcyPrice is null: none (no price above zero), unknown (facts are missing), or why the venue has none."`
	ADLRank                    *Decimal `json:"adlRank" doc:"Place in the queue of deleveraging, to 12 digits for display: the greatest is closed first."`
	NoADLRank                  string   `json:"noAdlRank,omitempty" doc:"Why adlRank is null: unknown, or why the venue ranks none."`
	UnpostedBorrowing          *Decimal `json:"unpostedBorrowing,omitempty" doc:"Of venues whose positions owe it; negative: it lowers equity."`
	ClosingFee                 *Decimal `json:"closingFee,omitempty" doc:"Likewise: the fee for closing all of it."`
	ClosingImpact              *Decimal `json:"closingImpact,omitempty" doc:"Likewise: the price impact of closing all of it, as far as it counts."`
	UnpostedClaims             []Claim  `json:"unpostedClaims,omitempty" doc:"Received, and credited to what the account may claim by the next order; counted nowhere."`
}

// Market is what the ledger knows of one market.
type Market struct {
	Venue        string   `json:"venue"`
	Market       string   `json:"market"`
	Underlying   string   `json:"underlying"`
	Status       string   `json:"status" enum:"trading,halted,settled"`
	PriceScale   uint32   `json:"priceScale" doc:"Digits after the point of a price."`
	SizeScale    uint32   `json:"sizeScale"`
	Mark         *Decimal `json:"mark"`
	MarkTime     string   `json:"markTime,omitempty" format:"date-time"`
	Index        *Decimal `json:"index"`
	FundingMode  string   `json:"funding" enum:"index,payments"`
	FundingIndex Decimal  `json:"fundingIndex" doc:"Sum of rate times price: what a long has paid per contract."`
	Stale        bool     `json:"stale"`
	Tiers        []Tier   `json:"tiers"`
}

// Tier is a bracket of notional.
type Tier struct {
	LowerNotional   Decimal `json:"lowerNotional"`
	MaxLeverage     uint32  `json:"maxLeverage"`
	MaintenanceRate Decimal `json:"maintenanceRate"`
	Deduction       Decimal `json:"deduction"`
}

// Queued is a position in the queue of deleveraging.
type Queued struct {
	Owner      string  `json:"owner"`
	Subaccount uint32  `json:"sub"`
	Pool       string  `json:"pool" doc:"cross, or market, or market/leg."`
	Leg        string  `json:"leg" enum:"net,long,short"`
	Size       Decimal `json:"size" doc:"Contracts; negative: short."`
	Notional   Decimal `json:"notional"`
	Rank       Decimal `json:"rank,omitzero" doc:"By the venue's profile, to 12 digits for display; the order is by the exact one. Absent: the venue draws, and entries stand by account."`
}

// Announcement is one record of the liquidations topic, byte for byte.
type Announcement struct {
	Seq   uint64
	Value json.RawMessage
}

// MarshalJSON implements json.Marshaler.
func (a Announcement) MarshalJSON() ([]byte, error) { return a.Value, nil }

// Schema implements huma.SchemaProvider: the topic's own document describes its records.
func (Announcement) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeObject, Description: "A record of ledger.liquidations.v1; docs/events.md describes it.",
		Properties: map[string]*huma.Schema{
			"id": {Type: huma.TypeString}, "seq": {Type: huma.TypeInteger}, "kind": {Type: huma.TypeString},
		},
		Required: []string{"id", "seq", "kind"}, AdditionalProperties: true,
	}
}
