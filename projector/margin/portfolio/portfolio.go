// Package portfolio is the margin profile of an exchange with portfolio margin: the cross pool requires
// its worst loss over a grid of scenarios, and a contingency. All else, isolated pools too, is the
// standard profile's.
//
// docs/venues/portfolio.md is its specification; sections are cited as §, those of
// docs/venues/standard.md as "standard §".
package portfolio

import (
	"fmt"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
	"marginledger/projector/margin/standard"
)

// Name is the profile's name in VenueProfileSet.
const Name = "portfolio"

// Version is the only version so far.
const Version = "1"

// MaxRequirement is where a requirement is cut off, at the value scale (§1): docs/bounds.md.
var MaxRequirement = margin.MaxCash.Mul(10)

// Profile is portfolio margin with its settings, over the standard profile.
type Profile struct {
	*standard.Profile
	settings
}

// New returns the profile with the given settings over the defaults (§2).
func New(version string, _ int, params []events.Param) (margin.Profile, error) {
	if version != Version {
		return nil, fmt.Errorf("portfolio: %w %q", margin.ErrUnknownVersion, version)
	}
	r := newReader()
	base, err := standard.Based(Name, version, params, r.set)
	if err != nil {
		return nil, err
	}
	s, err := r.settings()
	if err != nil {
		return nil, err
	}
	return &Profile{Profile: base, settings: s}, nil
}

// groupOf is what Admit keeps of a market: the number of its risk group; 0: its underlying is a
// group of its own.
type groupOf int

// Admit is the standard profile's: isolated pools and open orders follow tiers. Shocks are bounded in
// the settings.
func (p *Profile) Admit(m *margin.Market) (any, error) {
	if _, err := p.Profile.Admit(m); err != nil {
		return nil, err
	}
	return groupOf(p.groups[m.Underlying]), nil
}

// Judge implements §§3 and 4 for the cross pool.
func (p *Profile) Judge(pool *margin.Pool) margin.Health {
	if pool.Isolated {
		return p.Profile.Judge(pool)
	}
	var room memory
	b, h := room.open(p, pool)
	required := b.requirement()
	h.Initial = p.initial(required)
	if h.Positions > 0 { // what is never triggered has no maintenance: §4
		h.Maintenance = required
	}
	return h
}

// initial is ceil(M · initialFactor).
func (p *Profile) initial(maintenance fixed.Int128) fixed.Int128 {
	return margin.MulDiv(maintenance, p.initialFactor, margin.OneMultiple, margin.Up)
}

// Figures are those of standard §2, with a position's share of the requirement as its maintenance (§5).
func (p *Profile) Figures(pool *margin.Pool, position int) margin.Figures {
	f := p.Profile.Figures(pool, position)
	if pool.Isolated {
		return f
	}
	var room memory
	b, _ := room.open(p, pool)
	k, _, _ := b.worst()
	f.Maintenance = b.share(k, position)
	f.Initial = p.initial(f.Maintenance)
	return f
}

// isMember reports that a balance is in the portfolio (§3), and returns its group.
func (p *Profile) isMember(b *margin.Balance) (group int, ok bool) {
	if b.Asset.Settlement {
		return 0, false
	}
	group, ok = p.groups[b.Asset.Name]
	return group, ok
}

// worth is floor(b·c), the value of a balance in the portfolio, before its cap.
func worth(b *margin.Balance) fixed.Int128 {
	return margin.MulDiv(b.Amount, b.Asset.Price, fixed.Pow10(margin.CollateralScale), margin.Down)
}

// CollateralValue implements §3: in the portfolio without haircuts, elsewhere as standard §3.
func (p *Profile) CollateralValue(b *margin.Balance) fixed.Int128 {
	if _, ok := p.isMember(b); ok {
		return standard.AtMostCap(b.Asset, worth(b))
	}
	return p.Profile.CollateralValue(b)
}

var (
	_ margin.Profile   = (*Profile)(nil)
	_ margin.Scenarios = (*Profile)(nil)
)
