package audit

import (
	"marginledger/events"
	"marginledger/projector"
)

// MoneyOutcome compares what liquidations cost.
type MoneyOutcome struct {
	Assets []MoneySums `json:"assets"` // by name

	Closed       int `json:"closedEpisodes"`    // new episodes, and the rest of longer ones, that were closed at the mark
	DroppedFills int `json:"droppedFills"`      // of liquidations that would not have been
	IgnoredFills int `json:"ignoredFills"`      // of pools that were closed; busts of fills too
	Payments     int `json:"ignoredPayments"`   // of funding, of such pools
	Covers       int `json:"droppedCovers"`     // of bankruptcies that would not have been, or that were covered already
	Failed       int `json:"failedClosings"`    // facts of closings that could not be applied
	Open         int `json:"openWithPositions"` // pools in an episode with positions at the end

	sums map[string]*MoneySums
}

// MoneySums are the sums of one asset, on both sides. None is below zero, but for fees where rebates exceed them.
type MoneySums struct {
	Asset    string     `json:"asset"`
	Happened MoneyCosts `json:"happened"`
	Would    MoneyCosts `json:"would"`
}

// MoneyCosts are the sums of one side.
type MoneyCosts struct {
	Fees      events.Number `json:"liquidationFees"` // paid by the accounts, on fills of liquidations
	Insurance events.Number `json:"insurance"`       // that the fund paid
	BadDebt   events.Number `json:"badDebt"`         // Σ −equity of pools below zero at the end, in the settlement asset
}

func newMoneyOutcome() MoneyOutcome {
	return MoneyOutcome{Assets: []MoneySums{}, sums: map[string]*MoneySums{}}
}

// of returns the sums of an asset, of one side.
func (m *MoneyOutcome) of(asset string, would bool) *MoneyCosts {
	s := m.sums[asset]
	if s == nil {
		none := MoneyCosts{zero, zero, zero}
		s = &MoneySums{Asset: asset, Happened: none, Would: none}
		m.sums[asset] = s
	}
	if would {
		return &s.Would
	}
	return &s.Happened
}

// add adds what a record moved.
func (m *MoneyOutcome) add(r *projector.Record, fx *projector.Effects, would bool) {
	if r.Event == nil {
		return
	}
	liquidation := false
	switch b := r.Event.Body.(type) {
	case *events.Fill:
		liquidation = b.Reason == events.ReasonLiquidation
	case *events.PositionChanged:
		liquidation = b.Change == events.ChangeLiquidation
	}
	for i := range fx.Postings {
		p := &fx.Postings[i]
		switch {
		case p.Owner == "":
		case p.Cause == projector.CauseFee && liquidation:
			c := m.of(p.Asset, would)
			c.Fees = sum(c.Fees, p.Amount.Neg())
		case p.Cause == projector.CauseInsurance:
			c := m.of(p.Asset, would)
			c.Insurance = sum(c.Insurance, p.Amount)
		}
	}
}

// owes adds what a pool owes at the end.
func (m *MoneyOutcome) owes(p *projector.PoolState, settlement string, would bool) {
	if p.Equity.Sign() < 0 {
		c := m.of(settlement, would)
		c.BadDebt = sum(c.BadDebt, events.NumberOf(p.Equity.Coef.Neg(), int(p.Equity.Scale)))
	}
}

// finish lists the assets.
func (m *MoneyOutcome) finish() {
	for _, asset := range sortedKeys(m.sums) {
		m.Assets = append(m.Assets, *m.sums[asset])
	}
}
