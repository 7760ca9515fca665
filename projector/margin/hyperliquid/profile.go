package hyperliquid

import (
	"errors"
	"fmt"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
	"marginledger/projector/margin/standard"
)

// Profile is the venue behind margin.Profile: one version's Rules with the settings of §12. Amounts are at
// the venue's value scale; what the venue floors is floored at Scale digits, whatever the value scale is.
type Profile struct {
	*standard.Profile // the end of episodes and of calls, the cool-down, traded money

	rules        Rules
	unit         int64        // of the value scale in a micro-USDC
	partialAbove fixed.Int128 // micro-USDC: of a larger position a fifth is asked for
	rank         Rank
}

// The account modes of AccountModeSet (§8), the default first.
var modes = []string{"standard", "unified", "portfolioMargin"}

var ranks = [...]string{RankDocumented, RankScored, RankReturn} // by the value of adlRank

// ErrScale refuses a value scale that cannot hold a micro-USDC.
var ErrScale = errors.New("the value scale must be 6 to 18")

// New returns the profile of a version, or of the one that held at a day (For).
func New(version string, scale int, params []events.Param) (margin.Profile, error) {
	rules, err := For(version)
	if err != nil {
		return nil, err
	}
	if scale < Scale || scale > 18 {
		return nil, fmt.Errorf("hyperliquid: %w: %d", ErrScale, scale)
	}
	p := &Profile{rules: rules, unit: fixed.Pow10(scale - Scale), partialAbove: fixed.FromInt64(100_000_000_000), rank: rankDocumented}
	p.Profile, err = standard.Based(Name, rules.Version, params, p.set)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// set takes a setting that the standard profile does not have, or that the venue fixes.
func (p *Profile) set(s events.Param) (known bool, err error) {
	switch s.Name {
	case "liquidationPartialAbove":
		v, err := s.Value.At(Scale)
		if err != nil {
			return true, err
		}
		if v.Sign() < 0 || !margin.Within(v, margin.MaxAmount) {
			return true, fmt.Errorf("%s is out of range", s.Value)
		}
		p.partialAbove = v
		return true, nil
	case "adlRank":
		v, err := s.Value.Int64At(0)
		if err != nil {
			return true, err
		}
		if v < 0 || v >= int64(len(ranks)) {
			return true, fmt.Errorf("%s is out of range", s.Value)
		}
		p.rank, _ = RankByName(ranks[v])
		return true, nil
	case "cooldownMs", "clearAt", "callClearFactor":
		return false, nil
	}
	return true, errors.New("unknown")
}

// Traits says that accounts have modes, and pools elsewhere.
func (p *Profile) Traits() margin.Traits { return margin.Traits{Observes: true, Modes: modes} }

// market is what Admit makes of a market's rules.
type market struct {
	tiers      []Tier // in micro-USDC; of a vault the flat one
	brackets   []bracket
	whole      int64 // common denominator of the rates
	noBackstop bool
}

// bracket is a tier as integers: maintenance is floor((N·share − due)/whole) in micro-USDC, due being
// dueWhole·whole + dueRest.
type bracket struct {
	share    int64
	dueWhole fixed.Int128
	dueRest  int64 // [0, whole)
	low      int64 // the rate at RateScale, rounded down
	high     int64 // and up
}

// maxDenominator bounds the least common multiple of the tiers' 2·maximum leverage.
const maxDenominator = 1_000_000_000

// maxNotional is two digits less than other profiles': in portfolio margin a loss counts in maintenance too, which
// multiples of up to 10^4 are taken of.
var maxNotional = margin.MulDiv(margin.MaxNotional, 1, 100, margin.Down)

// Errors of Admit.
var (
	ErrWidth       = errors.New("maxPrice · maxSize passes 10^29 units of value")
	ErrTierRate    = errors.New("a tier's maintenance rate is not 1/(2·maximum leverage) at 9 digits")
	ErrTierDigits  = errors.New("a tier begins at more than 6 digits after the point")
	ErrDenominator = errors.New("the tiers' maximum leverages have no common multiple up to 500,000,000")
)

// Admit implements §12.
func (p *Profile) Admit(m *margin.Market) (any, error) {
	own := &market{}
	for _, s := range m.Params {
		v, err := s.Value.Int64At(0)
		if s.Name != "noBackstop" || err != nil || v < 0 || v > 1 {
			return nil, fmt.Errorf("%w: %s %s", margin.ErrParams, s.Name, s.Value)
		}
		own.noBackstop = v == 1
	}
	bare := *m
	bare.Params = nil
	if _, err := p.Profile.Admit(&bare); err != nil {
		return nil, err
	}
	if n := fixed.Product(m.MaxPrice, m.MaxSize).Mul(m.K); maxNotional.Less(n) {
		return nil, fmt.Errorf("%w: %w", margin.ErrOutOfRange, ErrWidth)
	}
	for i := range m.Tiers {
		t := &m.Tiers[i]
		if low := margin.OneRate / (2 * t.MaxLeverage); t.Rate != low && t.Rate != up(margin.OneRate, 2*t.MaxLeverage) {
			return nil, ErrTierRate
		}
		lower := p.micro(t.Lower)
		if lower.Mul(p.unit) != t.Lower {
			return nil, ErrTierDigits
		}
		own.tiers = append(own.tiers, Tier{Lower: lower, MaxLeverage: t.MaxLeverage})
	}
	own.tiers = p.rules.tiers(&Position{Tiers: own.tiers})
	if !own.divide() {
		return nil, ErrDenominator
	}
	return own, nil
}

// up returns ceil(a/b) of positive integers.
func up(a, b int64) int64 { return (a + b - 1) / b }

// divide works the brackets out; false where their denominator is too large.
func (m *market) divide() bool {
	m.whole = 1
	for _, t := range m.tiers {
		if m.whole = m.whole / gcd(m.whole, 2*t.MaxLeverage) * (2 * t.MaxLeverage); m.whole > maxDenominator {
			return false
		}
	}
	m.brackets = make([]bracket, len(m.tiers))
	for i, t := range m.tiers {
		b := &m.brackets[i]
		b.share = m.whole / (2 * t.MaxLeverage)
		b.low, b.high = margin.OneRate/(2*t.MaxLeverage), up(margin.OneRate, 2*t.MaxLeverage)
		if i > 0 {
			before := &m.brackets[i-1]
			step := b.share - before.share
			whole, rest := m.split(t.Lower)
			due := before.dueRest + rest*step // below 10^9 + 10^18
			b.dueWhole = before.dueWhole.Add(whole.Mul(step)).Add(fixed.FromInt64(due / m.whole))
			b.dueRest = due % m.whole
		}
	}
	return true
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// split returns a = quo·whole + rest, for a ≥ 0.
func (m *market) split(a fixed.Int128) (quo fixed.Int128, rest int64) {
	quo = margin.MulDiv(a, 1, m.whole, margin.Down)
	rest, _ = a.Sub(quo.Mul(m.whole)).Int64()
	return quo, rest
}

// maintenance is Maintenance of the market's tiers, without rationals (§3).
func (m *market) maintenance(notional fixed.Int128) fixed.Int128 {
	b := &m.brackets[TierOf(m.tiers, notional)]
	quo, rest := m.split(notional)
	part := rest*b.share - b.dueRest // within ±10^18
	floor := part / m.whole
	if part%m.whole < 0 {
		floor--
	}
	return quo.Mul(b.share).Sub(b.dueWhole).Add(fixed.FromInt64(floor))
}

func ownOf(m *margin.Market) *market { return m.Own.(*market) }

// micro returns an amount in micro-USDC, floored.
func (p *Profile) micro(v fixed.Int128) fixed.Int128 {
	if p.unit == 1 {
		return v
	}
	return margin.MulDiv(v, 1, p.unit, margin.Down)
}

// value returns micro-USDC at the value scale.
func (p *Profile) value(micro fixed.Int128) fixed.Int128 { return micro.Mul(p.unit) }

// floor returns an amount floored at six digits.
func (p *Profile) floor(v fixed.Int128) fixed.Int128 { return p.value(p.micro(v)) }

var (
	_ margin.Profile = (*Profile)(nil)
	_ margin.Modal   = (*Profile)(nil)

	_ margin.FundingRules = (*Profile)(nil)
)
