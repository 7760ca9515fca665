// Package events names every fact that may enter the ledger and every one that it announces.
//
// A fact is an Event: a header and a Body. There is one file per family of facts; each says who
// produces it, its units and its bounds. The bounds here are those that need no state; what needs
// state (scales, known markets) is checked by the fold.
//
// Numbers are decimals (Number). Amounts are in units of their asset, sizes in contracts of the
// base asset, prices in the settlement asset per contract. A sign convention is given wherever a
// number may be negative.
package events

import "fmt"

// Bounds of the header, and of every name in a body.
const (
	MaxIDBytes   = 64 // event id, owner, trade, order and reference ids
	MaxNameBytes = 32 // venue, market, asset, producer, operator, profile
	MaxTextBytes = 256
)

// Event is one fact. A decoded Event borrows its strings from the record's bytes and its Body from
// the Decoder: both hold until the decoder is reset.
type Event struct {
	ID      string // unique per source; ≤ 64 bytes of UTF-8, not empty
	Type    Type
	Version uint16 // schema version of Type
	Venue   string
	Time    int64 // when it happened at the venue, nanoseconds since 1970 UTC, ≥ 0

	// Producer and Sequence, when given, make duplicates exact for ever: sequences of one producer
	// on one partition rise by one, and its times do not fall. Producer is "" when absent.
	Producer string
	Sequence uint64

	// Owner and Subaccount name the account of an account fact; Owner is "" in the others.
	Owner      string
	Subaccount uint32

	Body Body
}

// Body is what an event of one type says: a pointer to the struct of that name in this package.
type Body interface {
	// EventType returns the type whose events carry this body.
	EventType() Type
}

// Type names a kind of fact. Numbers are those of the protobuf schema and are never reused.
type Type uint8

// The kinds of facts.
const (
	TypeInvalid             Type = 0
	TypeAccountOpened       Type = 1
	TypeAccountOpeningState Type = 2
	TypeDeposit             Type = 3
	TypeWithdrawal          Type = 4
	TypeTransfer            Type = 5
	TypeFill                Type = 6
	TypeSpotFill            Type = 7
	TypeAssetConverted      Type = 8
	TypeInterestAccrued     Type = 9
	TypeOrderMargin         Type = 10
	TypeLeverageSet         Type = 11
	TypeMarginModeSet       Type = 12
	TypeIsolatedMarginMoved Type = 13
	TypeFundingPayment      Type = 14
	TypePortfolioStopSet    Type = 15
	TypeMarginCallLevelsSet Type = 16
	TypeBankruptcyCovered   Type = 17
	TypeTradeBusted         Type = 18
	TypeAdjustment          Type = 19
	TypePositionChanged     Type = 20
	TypeAccountModeSet      Type = 21
	TypeLeverageCapSet      Type = 22
	TypePoolBalanceObserved Type = 23
	TypeAccountParamsSet    Type = 24

	TypeMarketListed       Type = 32
	TypeMarketChanged      Type = 33
	TypeMarketHalted       Type = 34
	TypeMarketResumed      Type = 35
	TypeMarketSettled      Type = 36
	TypeMarkPrice          Type = 37
	TypeFundingRate        Type = 38
	TypeCollateralPrice    Type = 39
	TypeCollateralChanged  Type = 40
	TypeVenueProfileSet    Type = 41
	TypeOpenInterest       Type = 42
	TypeInsuranceFundMoved Type = 43
	TypePoolState          Type = 44
	TypeBlockStarted       Type = 45
	TypeWithdrawalsGated   Type = 46
)

// Role says what kind of topic a fact comes from.
type Role uint8

// The roles of input topics.
const (
	RoleInvalid  Role = iota
	RoleConfig        // rules of venues, markets and collateral
	RoleAccounts      // account facts, keyed by owner
	RoleObserved      // facts that span shards: open interest, pools, funds, gates
	RoleFunding       // funding rates
	RolePrices        // marks and collateral prices
	RoleBlocks        // block boundaries of venues that have them
)

var roleNames = [...]string{"invalid", "config", "accounts", "observed", "funding", "prices", "blocks"}

// String returns the role's name in configurations.
func (r Role) String() string { return textOf(roleNames[:], r, "Role") }

// ParseRole is the inverse of Role.String.
func ParseRole(s string) (Role, error) { return parseText[Role](roleNames[:], s, "role") }

// Class is the place of a fact among facts of the same merge time: lower first.
type Class uint8

// The classes, in their order.
const (
	ClassBlock Class = iota
	ClassConfig
	ClassObserved
	ClassAccount
	ClassFunding
	ClassPrice
)

type typeInfo struct {
	name string
	role Role
}

var typeInfos = [...]typeInfo{
	TypeAccountOpened:       {"AccountOpened", RoleAccounts},
	TypeAccountOpeningState: {"AccountOpeningState", RoleAccounts},
	TypeDeposit:             {"Deposit", RoleAccounts},
	TypeWithdrawal:          {"Withdrawal", RoleAccounts},
	TypeTransfer:            {"Transfer", RoleAccounts},
	TypeFill:                {"Fill", RoleAccounts},
	TypeSpotFill:            {"SpotFill", RoleAccounts},
	TypeAssetConverted:      {"AssetConverted", RoleAccounts},
	TypeInterestAccrued:     {"InterestAccrued", RoleAccounts},
	TypeOrderMargin:         {"OrderMargin", RoleAccounts},
	TypeLeverageSet:         {"LeverageSet", RoleAccounts},
	TypeMarginModeSet:       {"MarginModeSet", RoleAccounts},
	TypeIsolatedMarginMoved: {"IsolatedMarginMoved", RoleAccounts},
	TypeFundingPayment:      {"FundingPayment", RoleAccounts},
	TypePortfolioStopSet:    {"PortfolioStopSet", RoleAccounts},
	TypeMarginCallLevelsSet: {"MarginCallLevelsSet", RoleAccounts},
	TypeBankruptcyCovered:   {"BankruptcyCovered", RoleAccounts},
	TypeTradeBusted:         {"TradeBusted", RoleAccounts},
	TypeAdjustment:          {"Adjustment", RoleAccounts},
	TypePositionChanged:     {"PositionChanged", RoleAccounts},
	TypeAccountModeSet:      {"AccountModeSet", RoleAccounts},
	TypeLeverageCapSet:      {"LeverageCapSet", RoleAccounts},
	TypePoolBalanceObserved: {"PoolBalanceObserved", RoleAccounts},
	TypeAccountParamsSet:    {"AccountParamsSet", RoleAccounts},
	TypeMarketListed:        {"MarketListed", RoleConfig},
	TypeMarketChanged:       {"MarketChanged", RoleConfig},
	TypeMarketHalted:        {"MarketHalted", RoleConfig},
	TypeMarketResumed:       {"MarketResumed", RoleConfig},
	TypeMarketSettled:       {"MarketSettled", RoleConfig},
	TypeMarkPrice:           {"MarkPrice", RolePrices},
	TypeFundingRate:         {"FundingRate", RoleFunding},
	TypeCollateralPrice:     {"CollateralPrice", RolePrices},
	TypeCollateralChanged:   {"CollateralChanged", RoleConfig},
	TypeVenueProfileSet:     {"VenueProfileSet", RoleConfig},
	TypeOpenInterest:        {"OpenInterest", RoleObserved},
	TypeInsuranceFundMoved:  {"InsuranceFundMoved", RoleObserved},
	TypePoolState:           {"PoolState", RoleObserved},
	TypeBlockStarted:        {"BlockStarted", RoleBlocks},
	TypeWithdrawalsGated:    {"WithdrawalsGated", RoleObserved},
}

var typesByName = func() map[string]Type {
	m := make(map[string]Type, len(typeInfos))
	for t, info := range typeInfos {
		if info.name != "" {
			m[info.name] = Type(t)
		}
	}
	return m
}()

// Types returns every type, in the order of its number.
func Types() []Type {
	var out []Type
	for t, info := range typeInfos {
		if info.name != "" {
			out = append(out, Type(t))
		}
	}
	return out
}

// Known reports whether t is a type of this build.
func (t Type) Known() bool { return int(t) < len(typeInfos) && typeInfos[t].name != "" }

// String returns the type's name, as it stands in JSON.
func (t Type) String() string {
	if !t.Known() {
		return fmt.Sprintf("Type(%d)", uint8(t))
	}
	return typeInfos[t].name
}

// TypeNamed returns the type of that name; ok is false where there is none.
func TypeNamed(name string) (t Type, ok bool) { t, ok = typesByName[name]; return t, ok }

// Role returns the role of the topics that may carry t.
func (t Type) Role() Role {
	if !t.Known() {
		return RoleInvalid
	}
	return typeInfos[t].role
}

// OfAccount reports whether events of type t name an account.
func (t Type) OfAccount() bool { return t.Role() == RoleAccounts }

// Class returns the place of t among facts of the same merge time.
func (t Type) Class() Class { return t.Role().Class() }

// Class returns the place of a role's facts among facts of the same merge time.
func (r Role) Class() Class {
	switch r {
	case RoleBlocks:
		return ClassBlock
	case RoleConfig:
		return ClassConfig
	case RoleObserved:
		return ClassObserved
	case RoleAccounts:
		return ClassAccount
	case RoleFunding:
		return ClassFunding
	}
	return ClassPrice
}

// textOf and parseText give the enumerations of this package one text form each.
func textOf[T ~uint8](names []string, v T, kind string) string {
	if int(v) < len(names) {
		return names[v]
	}
	return fmt.Sprintf("%s(%d)", kind, uint8(v))
}

func parseText[T ~uint8](names []string, s, kind string) (T, error) {
	for i, name := range names {
		if name == s && i > 0 {
			return T(i), nil
		}
	}
	return 0, fmt.Errorf("unknown %s %q", kind, s)
}
