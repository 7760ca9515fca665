package calculator

import "marginledger/events"

// Portfolio is the input document: a venue's rules and prices, and what one account holds there. Fields
// without omitzero must be there. Units and bounds are those of the facts in package events.
type Portfolio struct {
	Path    Place         `json:"-"`
	Venue   VenueRules    `json:"venue"`
	Assets  []AssetState  `json:"assets,omitzero"`
	Markets []MarketState `json:"markets,omitzero"`

	Owner      string                  `json:"owner,omitzero"` // "account" where absent
	Subaccount uint32                  `json:"sub,omitzero"`
	MarginType Enum[events.MarginType] `json:"marginType,omitzero"`
	Mode       string                  `json:"mode,omitzero"`     // of the account, where the venue has modes
	Balances   Named[events.Number]    `json:"balances,omitzero"` // by asset
	Observed   Named[events.Number]    `json:"observed,omitzero"` // by asset: of pools that lie elsewhere
	Claims     []OpeningClaim          `json:"claimable,omitzero"`
	Params     Named[events.Number]    `json:"params,omitzero"` // that the venue has set for the account

	Modes        Named[Enum[events.MarginMode]] `json:"modes,omitzero"`        // by market
	Leverage     Named[uint32]                  `json:"leverage,omitzero"`     // by market
	LeverageCaps Named[uint32]                  `json:"leverageCaps,omitzero"` // by market
	Positions    []Holding                      `json:"positions,omitzero"`
	Fills        []Trade                        `json:"fills,omitzero"`   // in their order, after all else
	Changes      []PositionOrder                `json:"changes,omitzero"` // likewise, of venues whose positions have collateral of their own
	Orders       []OpenOrder                    `json:"orders,omitzero"`
	CallLevels   []events.Number                `json:"callLevels,omitzero"`
}

// VenueRules are a VenueProfileSet, and the venue's clock.
type VenueRules struct {
	Path            Place                `json:"-"`
	Name            string               `json:"name,omitzero"` // "venue" where absent
	Profile         string               `json:"profile"`
	Version         string               `json:"version"`
	SettlementAsset string               `json:"settlementAsset"`
	ValueScale      *scale               `json:"valueScale,omitzero"` // derived where absent
	Params          Named[events.Number] `json:"params,omitzero"`
	Time            Instant              `json:"time,omitzero"`       // of every fact; the year 2000 where absent
	Block           uint64               `json:"block,omitzero"`      // height of the present block
	GatedUntil      uint64               `json:"gatedUntil,omitzero"` // no withdrawal from the cross pool before this block
}

// AssetState is a collateral asset and its price. The settlement asset has no haircuts, and is listed only
// where it has a price pair.
type AssetState struct {
	Path     Place         `json:"-"`
	Asset    string        `json:"asset"`
	Haircuts []HaircutTier `json:"haircuts,omitzero"`
	Cap      events.Number `json:"cap,omitzero"`
	Price    events.Number `json:"price,omitzero"`
	Min      events.Number `json:"min,omitzero"`
	Max      events.Number `json:"max,omitzero"`
}

// HaircutTier is events.HaircutTier.
type HaircutTier struct {
	Path       Place         `json:"-"`
	LowerValue events.Number `json:"lowerValue"`
	Haircut    events.Number `json:"haircut"`
}

// MarketState is a market's rules, its prices and what is observed of it.
type MarketState struct {
	Path       Place         `json:"-"`
	Market     string        `json:"market"`
	Underlying string        `json:"underlying,omitzero"` // the market's name where absent
	LongToken  string        `json:"longToken,omitzero"`  // of a market whose pool is the counterparty
	ShortToken string        `json:"shortToken,omitzero"` // likewise
	PriceScale *scale        `json:"priceScale,omitzero"` // derived where absent, as are the three below
	SizeScale  *scale        `json:"sizeScale,omitzero"`
	MaxPrice   events.Number `json:"maxPrice,omitzero"`
	MaxSize    events.Number `json:"maxSize,omitzero"`

	Tiers          []Tier                   `json:"tiers,omitzero"`
	Params         Named[events.Number]     `json:"params,omitzero"`
	MarginModes    Enum[events.MarginModes] `json:"marginModes,omitzero"`
	Funding        Enum[events.FundingMode] `json:"funding,omitzero"` // index where absent
	MakerFee       events.Number            `json:"makerFee,omitzero"`
	TakerFee       events.Number            `json:"takerFee,omitzero"` // what an --order pays
	LiquidationFee events.Number            `json:"liquidationFee,omitzero"`
	Halted         bool                     `json:"halted,omitzero"`
	GatedUntil     uint64                   `json:"gatedUntil,omitzero"`

	Mark         events.Number        `json:"mark,omitzero"`
	Index        events.Number        `json:"index,omitzero"`
	Oracle       events.Number        `json:"oracle,omitzero"`
	Min          events.Number        `json:"min,omitzero"`
	Max          events.Number        `json:"max,omitzero"`
	OpenInterest *OpenInterest        `json:"openInterest,omitzero"`
	Pool         Named[events.Number] `json:"pool,omitzero"`         // quantities of a PoolState
	FundingRates []FundingRate        `json:"fundingRates,omitzero"` // in their order, after the positions
}

// Tier is events.Tier; a deduction that is absent is the one that makes maintenance continuous.
type Tier struct {
	Path            Place         `json:"-"`
	LowerNotional   events.Number `json:"lowerNotional"`
	MaxLeverage     uint32        `json:"maxLeverage"`
	MaintenanceRate events.Number `json:"maintenanceRate"`
	Deduction       events.Number `json:"deduction,omitzero"`
}

// OpenInterest is the whole market's, in contracts.
type OpenInterest struct {
	Path  Place         `json:"-"`
	Long  events.Number `json:"long"`
	Short events.Number `json:"short"`
}

// FundingRate is a rate that was not settled yet.
type FundingRate struct {
	Path            Place         `json:"-"`
	Rate            events.Number `json:"rate"`
	Price           events.Number `json:"price"`
	IntervalSeconds uint32        `json:"intervalSeconds,omitzero"`
}

// Holding is an open position. One of entry price, which may have more digits than the market's prices, and entry
// cost is given.
type Holding struct {
	Path           Place                   `json:"-"`
	Market         string                  `json:"market"`
	Leg            Enum[events.Leg]        `json:"leg,omitzero"` // net where absent
	Size           events.Number           `json:"size"`         // negative: short
	EntryPrice     events.Number           `json:"entryPrice,omitzero"`
	EntryCost      events.Number           `json:"entryCost,omitzero"`      // signed: what a long has paid, and a short received, is > 0 and < 0
	Mode           Enum[events.MarginMode] `json:"mode,omitzero"`           // isolated needs isolatedMargin, which is enough
	IsolatedMargin events.Number           `json:"isolatedMargin,omitzero"` // collateral of its pool
	// Of a venue whose positions have collateral of their own.
	Collateral       string               `json:"collateral,omitzero"`
	CollateralAmount events.Number        `json:"collateralAmount,omitzero"`
	Params           Named[events.Number] `json:"params,omitzero"`

	Leverage     uint32 `json:"leverage,omitzero"`     // of the account in that market
	SettledRates uint32 `json:"settledRates,omitzero"` // how many of the market's fundingRates are settled in it
}

// Trade is a fill with reason trade.
type Trade struct {
	Path           Place             `json:"-"`
	Market         string            `json:"market"`
	Leg            Enum[events.Leg]  `json:"leg,omitzero"` // net where absent
	Side           Enum[events.Side] `json:"side"`
	Size           events.Number     `json:"size"`
	Price          events.Number     `json:"price"`
	Fee            events.Number     `json:"fee,omitzero"`
	FeeAsset       string            `json:"feeAsset,omitzero"` // the settlement asset where absent
	IsolatedMargin events.Number     `json:"isolatedMargin,omitzero"`
}

// PositionOrder is events.PositionChanged.
type PositionOrder struct {
	Path            Place                           `json:"-"`
	Market          string                          `json:"market"`
	Collateral      string                          `json:"collateral"`
	Leg             Enum[events.Leg]                `json:"leg"`
	Change          Enum[events.PositionChangeKind] `json:"change"`
	SizeUSD         events.Number                   `json:"sizeUsd"`
	CollateralDelta events.Number                   `json:"collateralDelta"`
	IndexMin        events.Number                   `json:"indexMin,omitzero"`
	IndexMax        events.Number                   `json:"indexMax,omitzero"`
	LongMin         events.Number                   `json:"longMin,omitzero"`
	LongMax         events.Number                   `json:"longMax,omitzero"`
	ShortMin        events.Number                   `json:"shortMin,omitzero"`
	ShortMax        events.Number                   `json:"shortMax,omitzero"`
	Params          Named[events.Number]            `json:"params,omitzero"`
}

// OpeningClaim is events.OpeningClaim.
type OpeningClaim struct {
	Path   Place                  `json:"-"`
	Market string                 `json:"market"`
	Asset  string                 `json:"asset"`
	Kind   Enum[events.ClaimKind] `json:"kind"`
	Amount events.Number          `json:"amount"`
}

// OpenOrder is an order that rests in the book.
type OpenOrder struct {
	Path   Place             `json:"-"`
	Market string            `json:"market"`
	Leg    Enum[events.Leg]  `json:"leg,omitzero"` // net where absent
	Side   Enum[events.Side] `json:"side"`
	Size   events.Number     `json:"size"`
	Price  events.Number     `json:"price"`
}

// scale is a number of digits after the point.
type scale uint32

func (s *scale) decode(d decoder, n *node) error {
	var v uint32
	if err := d.into(n, &v); err != nil {
		return err
	}
	if v > maxScale {
		return n.wrong("%d is more than %d", v, maxScale)
	}
	*s = scale(v)
	return nil
}

// Read reads a portfolio.
func Read(data []byte) (*Portfolio, error) {
	n, err := parse(data, "")
	if err != nil {
		return nil, err
	}
	n, parts := n.without(profilesField) // of comparisons
	if err := checkParts(parts); err != nil {
		return nil, err
	}
	p := new(Portfolio)
	return p, decode(n, p)
}
