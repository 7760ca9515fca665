package gmx

import (
	"errors"
	"fmt"
	"math/big"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
	"marginledger/projector/margin/standard"
)

// Name is the profile's name in VenueProfileSet.
const Name = "gmx-v2"

// Version is the only version so far: the contracts after tag v2.2.
const Version = "2.2"

// Profile is GMX v2 in the fold (page, "In the fold"). It shares the margin calls of the standard
// profile, and their one setting.
type Profile struct {
	*standard.Profile
	rank rank // nil: none
}

// New returns the profile.
func New(version string, _ int, params []events.Param) (margin.Profile, error) {
	if version != Version {
		return nil, fmt.Errorf("gmx: %w %q", margin.ErrUnknownVersion, version)
	}
	p := &Profile{}
	base, err := standard.Based(Name, version, params, p.set)
	if err != nil {
		return nil, err
	}
	p.Profile = base
	return p, nil
}

// set takes a setting that the standard profile does not have.
func (p *Profile) set(s events.Param) (known bool, err error) {
	switch s.Name {
	case "callClearFactor":
		return false, nil
	case "adlRank":
		v, err := s.Value.Int64At(0)
		if err != nil {
			return true, err
		}
		if v < 0 || v > int64(len(ranks)) {
			return true, fmt.Errorf("%s is out of range", s.Value)
		}
		if v > 0 {
			p.rank = ranks[v-1]
		}
		return true, nil
	}
	return true, errors.New("unknown")
}

// Traits says which figures the venue does not have.
func (p *Profile) Traits() margin.Traits {
	t := margin.Traits{NoBankruptcyPrice: "the venue has none: what a position lacks the pool bears"}
	if p.rank == nil {
		t.Draws, t.NoRank = true, "the venue ranks none: keepers choose whom they deleverage"
	}
	return t
}

// Judge returns the health of a position's pool (§4), or of the wallet. Equity is what remains, rounded
// down, Maintenance the greater of the two requirements, rounded up: what is liquidatable is decided
// before either is rounded.
func (p *Profile) Judge(pool *margin.Pool) margin.Health {
	if len(pool.Positions) == 0 {
		return p.wallet(pool)
	}
	out := margin.Health{Positions: 1}
	x, missing := weigh(pool)
	if missing != "" {
		out.Missing = missing
		return out
	}
	scale := pool.Venue.Scale
	out.Equity = value(x.health.Remaining, scale, margin.Down)
	out.Maintenance = value(x.required(), scale, margin.Up)
	out.Initial = value(x.initial(), scale, margin.Up)
	out.Notional = value(x.notional(), scale, margin.Down)
	out.Profit = value(greatest(x.health.PnL, zero), scale, margin.Down)
	if x.health.Reason != "" {
		out.Own = liquidatable
	}
	return out
}

// liquidatable is Health.Own of a position that fails a test of §4.
const liquidatable = 1

// wallet is the health of what an account holds outside of its positions.
func (p *Profile) wallet(pool *margin.Pool) margin.Health {
	var h margin.Health
	for i := range pool.Balances {
		b := &pool.Balances[i]
		h.Equity = h.Equity.Add(p.CollateralValue(b))
		if b.Asset.Price == 0 && !b.Asset.Settlement {
			h.Unpriced = true
		}
	}
	return h
}

// CollateralValue values a holding at the least price, rounded down. Haircuts do not count: the venue has
// none.
func (p *Profile) CollateralValue(b *margin.Balance) fixed.Int128 {
	if b.Asset.Settlement {
		return b.Amount
	}
	price := b.Asset.Price
	if b.Asset.Min != 0 {
		price = b.Asset.Min
	}
	return margin.MulDiv(b.Amount, price, fixed.Pow10(margin.CollateralScale), margin.Down)
}

// Figures returns those of a pool's position: exact size and entry at least, and where no fact is missing
// the rest.
func (p *Profile) Figures(pool *margin.Pool, position int) margin.Figures {
	pos := &pool.Positions[position]
	m, o, h := pos.Market, settingsOf(pos.Market), heldOf(pool)
	f := margin.Figures{Size: o.sizeNumber(h, pos.Leg), Entry: o.entryNumber(m, h)}
	x, missing := weigh(pool)
	if missing != "" {
		return f
	}
	scale := pool.Venue.Scale
	f.Price = m.Max
	if x.position.IsLong {
		f.Price = m.Min
	}
	f.Notional = value(x.notional(), scale, margin.Down)
	f.Unrealised = value(x.health.PnL, scale, margin.Down)
	f.Funding = value(neg(mul(x.owed.Funding, x.collateral().Min)), scale, margin.Down)
	f.Initial = value(x.initial(), scale, margin.Up)
	f.Maintenance = value(x.required(), scale, margin.Up)
	return f
}

// Settlement is nothing: funding is paid by the orders that change a position.
func (p *Profile) Settlement(*margin.Pool, []fixed.Int128) {}

// OrderMargin is nothing: orders carry their collateral when they are executed.
func (p *Profile) OrderMargin(*margin.Market, events.Leg, int64, int64, *margin.Orders) fixed.Int128 {
	return fixed.Int128{}
}

// MaxLeverage is 0: what bounds it is the least collateral per size (§6).
func (p *Profile) MaxLeverage(*margin.Market, int64) int64 { return 0 }

// Breaks judges what leaves the wallet: no more than there is. Orders are judged by Change.
func (p *Profile) Breaks(u *margin.Update, dst []margin.Rule) []margin.Rule {
	if u.Kind == margin.Left && u.Negative {
		dst = append(dst, margin.RuleWithdrawal)
	}
	return dst
}

// mostValue is what a figure counts as that is past any which facts can give, as 10^36 units. Nothing is
// decided on it: what is liquidatable, and what orders move, is worked out before.
var mostValue = pow10(36)

// value returns USD of 1e-30 at a value scale ≤ 18.
func value(usd *big.Int, scale int, dir margin.Direction) fixed.Int128 {
	v := margin.Quo(usd, pow10(int64(30-scale)), dir)
	v = greatest(least(v, mostValue), neg(mostValue))
	out, _ := fixed.FromBig(v)
	return out
}

var (
	_ margin.Keeper   = (*Profile)(nil)
	_ margin.Accruing = (*Profile)(nil)
)
