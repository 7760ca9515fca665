package audit

import (
	"strings"

	"marginledger/events"
	"marginledger/projector"
	"marginledger/projector/margin"
)

// Moved says which record last moved one of the terms behind a figure.
type Moved struct {
	What  string   `json:"what"`
	Event *EventAt `json:"event"` // nil: none did since what is there begins
}

// tracker remembers which records last moved what an account's figures depend on: facts of its venue, and its own.
type tracker struct {
	account Account
	last    map[string]*EventAt
}

func newTracker(a Account) *tracker { return &tracker{a, map[string]*EventAt{}} }

// The names of what is tracked.
func markName(market string) string          { return "price of " + market }
func rateName(market string) string          { return "funding index of " + market }
func rulesName(market string) string         { return "rules of " + market }
func assetPriceName(asset string) string     { return "price of collateral " + asset }
func haircutName(asset string) string        { return "haircuts of " + asset }
func moneyName(pool, asset string) string    { return "balance of " + asset + " in pool " + pool }
func positionName(m string, l string) string { return "position in " + m + " " + l }
func leverageName(market string) string      { return "leverage in " + market }
func ordersName(market, leg string) string   { return "open orders in " + market + " " + leg }

const (
	profileName = "profile of the venue"
	openedName  = "margin type and operator of the account"
	modeName    = "mode of the account"
	paramsName  = "params of the account"
	stopName    = "stop of the account"
	levelsName  = "call levels of the account"
)

// record notes what a record moved. Dead letters and duplicates move nothing; a price that is older than the last one
// neither.
func (t *tracker) record(r *projector.Record, fx *projector.Effects, s *projector.Shard) {
	e := r.Event
	if e == nil || e.Venue != t.account.Venue || fx.Duplicate || len(fx.DeadLetters) > 0 {
		return
	}
	if e.Type.OfAccount() {
		t.accountFact(r, fx)
		return
	}
	switch b := e.Body.(type) {
	case *events.MarkPrice:
		if !brokeOrder(fx) {
			t.set(markName(b.Market), r, fx.N, b.Mark.String())
		}
	case *events.FundingRate:
		t.set(rateName(b.Market), r, fx.N, "rate "+b.Rate.String()+" at "+b.Price.String())
	case *events.CollateralPrice:
		if !brokeOrder(fx) {
			t.set(assetPriceName(b.Asset), r, fx.N, b.Price.String())
		}
	case *events.CollateralChanged:
		t.set(haircutName(b.Asset), r, fx.N, "")
	case *events.MarketListed:
		t.set(rulesName(b.Market), r, fx.N, "")
	case *events.MarketChanged:
		t.set(rulesName(b.Market), r, fx.N, "")
	case *events.VenueProfileSet:
		t.set(profileName, r, fx.N, b.Profile+"@"+b.ProfileVersion)
	case *events.MarketSettled:
		t.postings(r, fx)
		for leg := events.LegNet; leg <= events.LegShort; leg++ {
			t.set(positionName(b.Market, leg.String()), r, fx.N, "settled at "+b.Price.String())
		}
	}
}

// brokeOrder reports that a price came too late.
func brokeOrder(fx *projector.Effects) bool {
	for i := range fx.Outputs {
		if fx.Outputs[i].Rule == string(margin.RuleMarkOutOfOrder) {
			return true
		}
	}
	return false
}

func (t *tracker) set(what string, r *projector.Record, n uint64, detail string) {
	at := t.last[what]
	if at == nil {
		at = new(EventAt)
		t.last[strings.Clone(what)] = at
	}
	*at = *eventAt(n, r)
	at.Detail = strings.Clone(detail)
}

// accountFact notes what a fact of the account, or of another of its owner, moved.
func (t *tracker) accountFact(r *projector.Record, fx *projector.Effects) {
	e := r.Event
	if e.Owner != t.account.Owner {
		return
	}
	t.postings(r, fx)
	if e.Subaccount != t.account.Subaccount {
		return
	}
	switch b := e.Body.(type) {
	case *events.Fill:
		t.set(positionName(b.Market, b.Leg.String()), r, fx.N, b.Side.String()+" "+b.Size.String()+" at "+b.Price.String())
	case *events.TradeBusted:
		if b.DeadLetter == nil {
			t.set(positionName(b.Market, b.Leg.String()), r, fx.N, "bust of "+b.Side.String()+" "+b.Size.String()+" at "+b.Price.String())
		}
	case *events.Adjustment:
		if b.Size.Present {
			t.set(positionName(b.Market, b.Leg.String()), r, fx.N, "adjusted by "+b.Size.String())
		}
	case *events.AccountOpeningState:
		for i := range b.Positions {
			t.set(positionName(b.Positions[i].Market, b.Positions[i].Leg.String()), r, fx.N, "opening state")
		}
	case *events.PositionChanged:
		for leg := events.LegNet; leg <= events.LegShort; leg++ {
			t.set(positionName(b.Market, leg.String()), r, fx.N, "")
		}
	case *events.LeverageSet:
		t.set(leverageName(b.Market), r, fx.N, "")
	case *events.LeverageCapSet:
		t.set(leverageName(b.Market), r, fx.N, "")
	case *events.OrderMargin:
		t.set(ordersName(b.Market, b.Leg.String()), r, fx.N, "")
	case *events.AccountOpened:
		t.set(openedName, r, fx.N, "")
	case *events.AccountModeSet:
		t.set(modeName, r, fx.N, "")
	case *events.AccountParamsSet:
		t.set(paramsName, r, fx.N, "")
	case *events.PortfolioStopSet:
		t.set(stopName, r, fx.N, "")
	case *events.MarginCallLevelsSet:
		t.set(levelsName, r, fx.N, "")
	}
}

// postings notes what moved the account's money.
func (t *tracker) postings(r *projector.Record, fx *projector.Effects) {
	for i := range fx.Postings {
		p := &fx.Postings[i]
		if p.Owner == t.account.Owner && p.Subaccount == t.account.Subaccount && p.Venue == t.account.Venue {
			t.set(moneyName(p.Pool, p.Asset), r, fx.N, p.Cause.String()+" "+p.Amount.String())
		}
	}
}

// of returns the last movers of what is named, in order.
func (t *tracker) of(names ...string) (out []Moved) {
	for _, name := range names {
		out = append(out, Moved{name, t.last[name]})
	}
	return out
}
