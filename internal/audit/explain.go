package audit

import (
	"context"
	"slices"

	"marginledger/internal/api"
	"marginledger/internal/calculator"
	"marginledger/projector"
)

// Explanation is every term behind an account's figures at a moment, with the records that last moved each.
type Explanation struct {
	At       When            `json:"at"`
	Since    uint64          `json:"since"` // records before it were not looked at; 1: all were
	Account  *api.Account    `json:"account"`
	Profile  *EventAt        `json:"profile"` // that set the venue's rules
	Pools    []ExplainedPool `json:"pools"`
	Settings []Moved         `json:"settings"` // what else decides when it is called or liquidated
}

// ExplainedPool is one pool's steps.
type ExplainedPool struct {
	Pool    string           `json:"pool"`
	Missing string           `json:"missing,omitempty"` // without this fact the figures are unknown
	Steps   []ExplainedStep  `json:"steps"`
	Prices  []ExplainedPrice `json:"liquidationPrices"`
}

// ExplainedStep is a step with what last moved its terms.
type ExplainedStep struct {
	calculator.PoolStep
	Moved []Moved `json:"moved,omitempty"`
}

// Explain explains an account's figures at a point. All that is there before it is looked at.
func (p *Past) Explain(ctx context.Context, a Account, to Point, progress Progress) (*Explanation, error) {
	shard, err := p.ShardOf(ctx, a.Owner)
	if err != nil {
		return nil, err
	}
	oldest, err := p.oldest(ctx, shard)
	if err != nil {
		return nil, err
	}
	t := newTracker(a)
	m, err := p.walk(ctx, shard, to.of(a.Venue), walkOptions{from: &oldest, postings: true, progress: progress,
		after: func(r *projector.Record, fx *projector.Effects, s *projector.Shard) error {
			t.record(r, fx, s)
			return nil
		}})
	if err != nil {
		return nil, err
	}
	x, err := m.explain(a, t)
	if err == nil && oldest.head != nil {
		x.Since = oldest.head.Counters.N + 1
	}
	return x, err
}

// explain explains an account of a moment.
func (m *Moment) explain(a Account, t *tracker) (*Explanation, error) {
	found, err := m.API().Account(a.Venue, a.Owner, a.Subaccount)
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, usage("there is no account %v at that moment: record %d of shard %d", a, m.N, m.Shard)
	}
	x := &Explanation{At: m.When(), Since: 1, Account: found, Profile: t.last[profileName], Settings: t.of(openedName, modeName, stopName, levelsName)}
	if t.last[paramsName] != nil { // few venues have them
		x.Settings = append(x.Settings, t.of(paramsName)...)
	}
	x.Settings = slices.DeleteFunc(x.Settings, func(s Moved) bool { return s.Event == nil })
	pools := append([]api.Pool{found.Cross}, found.Isolated...)
	for i, e := range m.Fold.Explain(a.Venue, a.Owner, a.Subaccount) {
		p := ExplainedPool{Pool: e.Pool, Missing: e.Missing, Steps: []ExplainedStep{}, Prices: []ExplainedPrice{}}
		for _, s := range calculator.Steps(&e) {
			p.Steps = append(p.Steps, ExplainedStep{s, t.movers(&s, m.Fold.Settlement(a.Venue))})
		}
		if p.Prices, err = m.explainPrices(a, &pools[i]); err != nil {
			return nil, err
		}
		x.Pools = append(x.Pools, p)
	}
	return x, nil
}

// movers returns what last moved the terms of a step: those of its market, or of the asset that it names. A sum has none of
// its own.
func (t *tracker) movers(s *calculator.PoolStep, settlement string) []Moved {
	if s.Market != "" {
		position := positionName(s.Market, s.Leg)
		switch s.Figure {
		case "notional", "unrealisedPnl":
			return t.of(position, markName(s.Market))
		case "unpostedFunding":
			return t.of(position, rateName(s.Market))
		case "maintenance":
			return t.of(position, markName(s.Market), rulesName(s.Market))
		case "initial":
			return t.of(position, markName(s.Market), leverageName(s.Market), rulesName(s.Market))
		}
		return t.of(position, markName(s.Market), rateName(s.Market), rulesName(s.Market), leverageName(s.Market))
	}
	asset := ""
	for _, y := range s.Symbols {
		if y.Name == "asset" {
			asset = y.Value
		}
	}
	switch {
	case asset != "" && asset != settlement:
		return t.of(moneyName(s.Pool, asset), assetPriceName(asset), haircutName(asset))
	case asset != "":
		return t.of(moneyName(s.Pool, asset))
	case s.Figure == "collateral":
		return t.of(moneyName(s.Pool, settlement))
	}
	return nil
}
