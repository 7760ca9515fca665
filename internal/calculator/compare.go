package calculator

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"marginledger/events"
	"marginledger/projector/margin"
	"marginledger/projector/margin/registry"
)

// profilesField is the member of a document that says what other profiles need: by profile, a part of a portfolio
// that is laid over the rest of the document.
const profilesField = "profiles"

// Comparison is one portfolio under several profiles.
type Comparison struct {
	Venues []Compared `json:"venues"`
}

// Compared is a portfolio under one profile.
type Compared struct {
	Profile string `json:"profile"`           // name@version, or the name where the version is unknown
	Unknown string `json:"unknown,omitempty"` // "needs PoolState": there are no figures
	Reason  string `json:"reason,omitempty"`  // why, for people
	*ComparedFigures
}

// ComparedFigures are what a person compares. Amounts are of all pools, in the venue's settlement asset.
type ComparedFigures struct {
	SettlementAsset string             `json:"settlementAsset"`
	Broken          []Broken           `json:"broken"` // rules that the same fills break there
	Equity          Decimal            `json:"equity"`
	Initial         Decimal            `json:"initialMargin"`
	Maintenance     Decimal            `json:"maintenanceMargin"`
	Cushion         Decimal            `json:"cushion"` // equity − maintenance of the pool that is closest to none
	Liquidatable    *bool              `json:"liquidatable"`
	Positions       []ComparedPosition `json:"positions"`
}

// ComparedPosition is a position's distance to liquidation.
type ComparedPosition struct {
	Pool               string  `json:"pool"`
	Market             string  `json:"market"`
	Leg                string  `json:"leg"`
	Size               Decimal `json:"size"`
	Price              Decimal `json:"price"` // that the distance is measured from: the mark, else the index
	LiquidationPrice   Decimal `json:"liquidationPrice"`
	NoLiquidationPrice string  `json:"noLiquidationPrice,omitempty"`
	Distance           Decimal `json:"distance"` // |liquidation price − price| / price, 6 digits, rounded down
}

// Compare answers what the margin of one portfolio is under several profiles; assume, nil or a document as below
// "profiles", is laid over the portfolio's own. A profile may be given as name@version. What a profile lacks makes
// its answer unknown, and never falls back on anything. An error is an *InputError.
func Compare(data, assume []byte, profiles []string) (*Comparison, error) {
	n, err := parse(data, "")
	if err != nil {
		return nil, err
	}
	base, own := n.without(profilesField)
	var over *node
	if assume != nil {
		if over, err = parse(assume, "--assume "); err != nil {
			return nil, err
		}
	}
	for _, part := range [...]*node{own, over} {
		if err := checkParts(part); err != nil {
			return nil, err
		}
	}
	out := &Comparison{}
	for _, name := range profiles {
		c, err := compare(base, own, over, name)
		if err != nil {
			return nil, err
		}
		out.Venues = append(out.Venues, *c)
	}
	return out, nil
}

// checkParts decodes every part by itself, for what is misspelt in it whether it is asked for or not.
func checkParts(n *node) error {
	if n == nil {
		return nil
	}
	if n.kind != kindObject {
		return n.mustBe(kindObject)
	}
	for _, m := range n.members {
		if m.value.kind != kindObject {
			return m.value.mustBe(kindObject)
		}
		if err := decodePart(m.value, new(Portfolio)); err != nil {
			return err
		}
	}
	return nil
}

func compare(base, own, over *node, profile string) (*Compared, error) {
	name, version, versioned := strings.Cut(profile, "@")
	c := &Compared{Profile: profile}
	if registry.Find(name) == nil {
		return nil, wrong("--compare "+profile, "no profile %s in this build%s", name, has(registry.Names()))
	}
	merged := base
	switch venue := base.member("venue"); {
	case venue == nil || venue.member("profile") == nil || venue.member("profile").text != name:
		// The version and params of another profile say nothing here.
		merged = merge(base, &node{kind: kindObject, members: []member{{"venue", &node{kind: kindObject, members: []member{
			{"profile", &node{path: "venue.profile", kind: kindString, text: name}}, {"version", &node{kind: kindNull}}, {"params", &node{kind: kindNull}}}}}}})
	}
	for _, part := range [...]*node{own, over} {
		if part != nil && part.member(name) != nil {
			merged = merge(merged, part.member(name))
		}
	}
	if versioned {
		merged = merge(merged, &node{kind: kindObject, members: []member{{"venue", &node{kind: kindObject, members: []member{
			{"version", &node{path: "--compare " + profile, kind: kindString, text: version}}}}}}})
	}
	if merged.member("venue").member("version") == nil {
		c.Unknown, c.Reason = "needs VenueProfileSet", "which version of "+name+"? Say "+name+"@VERSION, or venue.version under profiles or in --assume"
		return c, nil
	}
	p := new(Portfolio)
	if err := decode(merged, p); err != nil {
		return nil, err
	}
	c.Profile = p.Venue.Profile + "@" + p.Venue.Version
	if c.Unknown, c.Reason = p.lacks(); c.Unknown != "" {
		return c, nil
	}
	w, err := open(p, nil)
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		c.Unknown, c.Reason = "needs "+refused.fact.EventType().String(), err.Error()
		return c, nil
	case err != nil:
		return nil, fmt.Errorf("%s: %w", c.Profile, err)
	}
	c.figures(w)
	return c, nil
}

// keeps reports that the venue's positions have collateral of their own.
func (p *Portfolio) keeps() bool {
	factory := registry.Find(p.Venue.Profile)
	if factory == nil {
		return false
	}
	profile, err := factory(p.Venue.Version, maxScale, params(p.Venue.Params))
	_, keeps := profile.(margin.Keeper)
	return err == nil && keeps
}

// lacks says what a venue whose positions have collateral of their own is not told: the first kind of fact, and all
// the places.
func (p *Portfolio) lacks() (kind, places string) {
	if !p.keeps() {
		return "", ""
	}
	var missing [3][]string
	for i := range p.Markets {
		m := &p.Markets[i]
		if m.Pool == nil {
			missing[0] = append(missing[0], m.Path.field("pool"))
		}
		if !m.Min.Present || !m.Max.Present {
			missing[1] = append(missing[1], m.Path.field("min")+" and max")
		}
	}
	for i := range p.Positions {
		if h := &p.Positions[i]; h.Collateral == "" {
			missing[2] = append(missing[2], h.Path.field("collateral"))
		}
	}
	if p.Fills != nil {
		missing[2] = append(missing[2], "positions in the place of "+p.Path.field("fills"))
	}
	for i, fact := range [...]events.Type{events.TypePoolState, events.TypeMarkPrice, events.TypeAccountOpeningState} {
		if kind == "" && missing[i] != nil {
			kind = "needs " + fact.String()
		}
	}
	if kind != "" {
		places = "missing: " + strings.Join(slices.Concat(missing[0], missing[1], missing[2]), ", ")
	}
	return kind, places
}

func (c *Compared) figures(w *world) {
	f := w.figures(false)
	c.ComparedFigures = &ComparedFigures{SettlementAsset: w.portfolio.Venue.SettlementAsset, Broken: append([]Broken{}, w.broken...),
		Equity: f.Equity, Initial: f.Initial, Maintenance: f.Maintenance, Liquidatable: f.Liquidatable, Positions: []ComparedPosition{}}
	for _, p := range append([]Pool{f.Cross}, f.Isolated...) {
		if p.Unknown != "" {
			c.Unknown, c.ComparedFigures = p.Unknown, nil
			return
		}
		if p.Unpriced {
			c.Unknown, c.ComparedFigures = "needs "+w.unpriced(), nil
			return
		}
		if len(p.Positions) == 0 {
			continue
		}
		cushion := p.Equity
		cushion.Coef = cushion.Coef.Sub(p.Maintenance.Coef)
		if !c.Cushion.Present || cushion.Cmp(c.Cushion.Number) < 0 {
			c.Cushion = cushion
		}
		for i := range p.Positions {
			c.Positions = append(c.Positions, w.compared(p.Pool, &p.Positions[i]))
		}
	}
}

// unpriced is the kind of the fact that a pool needs which is valued without it.
func (w *world) unpriced() string {
	for i := range w.portfolio.Markets {
		if !w.portfolio.Markets[i].Mark.Present {
			return "MarkPrice"
		}
	}
	return "CollateralPrice"
}

const distanceDigits = 6

func (w *world) compared(pool string, p *Position) ComparedPosition {
	out := ComparedPosition{Pool: pool, Market: p.Market, Leg: p.Leg, Size: p.Size, Price: p.Mark, LiquidationPrice: p.LiquidationPrice, NoLiquidationPrice: p.NoLiquidationPrice}
	if !out.Price.Present {
		out.Price = dec(w.portfolio.market(p.Market).Index)
	}
	if !out.Price.Present || !p.LiquidationPrice.Present {
		return out
	}
	gap := p.LiquidationPrice.Decimal().Sub(out.Price.Decimal()).Abs()
	q, _ := gap.QuoRem(out.Price.Decimal(), distanceDigits)
	if n, err := events.FromDecimal(q); err == nil {
		out.Distance = dec(n)
	}
	return out
}
