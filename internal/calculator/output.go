package calculator

import (
	"marginledger/events"
)

// Answer is the output document. Amounts are in the settlement asset, decimals are strings, and null is what is
// unknown or does not exist.
type Answer struct {
	Profile         string   `json:"profile"` // name@version
	SettlementAsset string   `json:"settlementAsset"`
	ValueScale      uint32   `json:"valueScale"`
	Broken          []Broken `json:"broken"` // rules that the portfolio as it is given breaks
	Figures
	Changes []Outcome `json:"changes,omitempty"`
}

// Broken is a rule that something broke, or the reason why something could not be applied.
type Broken struct {
	Rule string `json:"rule"`
	Text string `json:"text"`
	Path string `json:"path,omitempty"` // in the input document
}

// Figures are those of the account. Sums are of all of its pools: null where one of them is unknown.
type Figures struct {
	Equity       Decimal    `json:"equity"`
	Initial      Decimal    `json:"initialMargin"`
	Maintenance  Decimal    `json:"maintenanceMargin"`
	OrderMargin  Decimal    `json:"orderMargin"`
	Free         Decimal    `json:"free"`         // cross equity − initial − order margin; negative: short of it
	Withdrawable Decimal    `json:"withdrawable"` // ≥ 0
	MarginRatio  Decimal    `json:"marginRatio"`  // the greatest of its pools; null: one has none
	Liquidatable *bool      `json:"liquidatable"` // one of the pools; null: unknown
	Balances     []Balance  `json:"balances"`
	Claims       []Claim    `json:"claimable,omitempty"`
	Cross        Pool       `json:"cross"`
	Isolated     []Pool     `json:"isolated"`
	Explanation  []PoolStep `json:"explanation,omitempty"`
}

// Balance is one of the cross pool.
type Balance struct {
	Asset  string  `json:"asset"`
	Amount Decimal `json:"amount"`
	Value  Decimal `json:"value"` // haircut taken; null: no price
}

// Claim is what the account may claim of a market; it counts nowhere.
type Claim struct {
	Market string  `json:"market"`
	Asset  string  `json:"asset"`
	Kind   string  `json:"kind"` // funding: at once; impact: once the venue releases it
	Amount Decimal `json:"amount"`
}

// Pool is the unit of equity, requirement and liquidation.
type Pool struct {
	Pool         string     `json:"pool"`
	Unknown      string     `json:"unknown,omitempty"` // "needs PoolState": figures are null
	Unpriced     bool       `json:"unpriced,omitempty"`
	Collateral   *Decimal   `json:"collateral,omitempty"`
	Equity       Decimal    `json:"equity"`
	Initial      Decimal    `json:"initialMargin"`
	Maintenance  Decimal    `json:"maintenanceMargin"`
	MarginRatio  Decimal    `json:"marginRatio"` // maintenance / equity, 6 digits, half up: for display
	Liquidatable *bool      `json:"liquidatable"`
	Stage        string     `json:"stage"` // none, partial, full, backstop or bankrupt
	CallLevels   []Decimal  `json:"callLevels"`
	Positions    []Position `json:"positions"`
	Worst        *Worst     `json:"worstScenario,omitempty"`
}

// Position is an open position.
type Position struct {
	Market                     string  `json:"market"`
	Leg                        string  `json:"leg"`
	Collateral                 string  `json:"collateral,omitempty"` // asset of its own collateral, where that is not the settlement asset
	Size                       Decimal `json:"size"`
	EntryPrice                 Decimal `json:"entryPrice"`
	Mark                       Decimal `json:"mark"`
	Notional                   Decimal `json:"notional"`
	UnrealisedPnL              Decimal `json:"unrealisedPnl"`
	UnpostedFunding            Decimal `json:"unpostedFunding"`
	Initial                    Decimal `json:"initialMargin"`
	Maintenance                Decimal `json:"maintenanceMargin"`
	Tier                       uint32  `json:"tier"`
	LiquidationPrice           Decimal `json:"liquidationPrice"`
	NoLiquidationPrice         string  `json:"noLiquidationPrice,omitempty"` // liquidatable, none or unknown
	LiquidationPriceUnderlying Decimal `json:"liquidationPriceUnderlying"`
	BankruptcyPrice            Decimal `json:"bankruptcyPrice"`
	NoBankruptcyPrice          string  `json:"noBankruptcyPrice,omitempty"` // none, unknown, or why the venue has none
	ADLRank                    Decimal `json:"adlRank"`                     // the greatest is closed first; 9 digits, half up
	NoADLRank                  string  `json:"noAdlRank,omitempty"`         // unknown, or why the venue ranks none
	// Of venues whose positions owe more than funding; negative: it lowers equity.
	UnpostedBorrowing *Decimal `json:"unpostedBorrowing,omitempty"`
	ClosingFee        *Decimal `json:"closingFee,omitempty"`
	ClosingImpact     *Decimal `json:"closingImpact,omitempty"`
	UnpostedClaims    []Claim  `json:"unpostedClaims,omitempty"` // received, credited by the next order; counted nowhere
	CloseSize         *Decimal `json:"closeSize,omitempty"`
	LiquidationFee    *Decimal `json:"liquidationFee,omitempty"`
}

// Worst is the scenario that decides a requirement.
type Worst struct {
	Name        string    `json:"name"`
	Weight      Decimal   `json:"weight"`      // share of the loss that counts
	Loss        Decimal   `json:"loss"`        // offsets and weight taken
	Offsets     Decimal   `json:"offsets"`     // that gains of other groups took off, before the weight
	Contingency Decimal   `json:"contingency"` // that the requirement adds
	Losses      []LegLoss `json:"losses"`      // before the weight
}

// LegLoss is what a position or balance loses; negative: gains.
type LegLoss struct {
	Market string  `json:"market,omitempty"`
	Leg    string  `json:"leg,omitempty"`
	Asset  string  `json:"asset,omitempty"`
	Loss   Decimal `json:"loss"`
}

// Outcome is what a change did. One that could not be applied leaves all as it was.
type Outcome struct {
	kind          string
	Change        string         `json:"change"`   // as a flag
	Accepted      bool           `json:"accepted"` // the venue's rules allow it
	Applied       bool           `json:"applied"`
	Broken        []Broken       `json:"broken"`
	Fee           *Decimal       `json:"fee,omitempty"` // of an order
	Before        Summary        `json:"before"`
	After         Figures        `json:"after"`
	Announcements []Announcement `json:"announcements"`
}

// Summary is what Figures begins with.
type Summary struct {
	Equity       Decimal `json:"equity"`
	Initial      Decimal `json:"initialMargin"`
	Maintenance  Decimal `json:"maintenanceMargin"`
	Free         Decimal `json:"free"`
	Withdrawable Decimal `json:"withdrawable"`
	Liquidatable *bool   `json:"liquidatable"`
}

// Announcement is what the ledger would announce.
type Announcement struct {
	Kind  string   `json:"kind"`
	Pool  string   `json:"pool"`
	Level *Decimal `json:"level,omitempty"`
	Stage string   `json:"stage,omitempty"`
}

// PoolStep is a step of an explanation.
type PoolStep struct {
	Pool     string       `json:"pool"`
	Market   string       `json:"market,omitempty"`
	Leg      string       `json:"leg,omitempty"`
	Figure   string       `json:"figure"`
	Value    Decimal      `json:"value"`
	Formula  string       `json:"formula"`
	Symbols  []StepSymbol `json:"symbols,omitempty"`
	Rounding string       `json:"rounding"`
	Section  string       `json:"section"` // of the venue's page
}

// StepSymbol is a symbol of a formula.
type StepSymbol struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Decimal is a number as a JSON string; absent: null.
type Decimal struct{ events.Number }

// MarshalJSON implements json.Marshaler.
func (d Decimal) MarshalJSON() ([]byte, error) {
	if !d.Present {
		return []byte("null"), nil
	}
	return append(d.Append([]byte{'"'}), '"'), nil
}
