package projector

import (
	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
	"marginledger/projector/margin/registry"
)

// Refusal says in its profile's own words why a fact became a dead letter; nil where it was not the profile that
// refused it. It asks again, and so must not be called for a fact that was applied.
func (s *Shard) Refusal(e *events.Event) error {
	if b, ok := e.Body.(*events.VenueProfileSet); ok {
		factory := registry.Find(b.Profile)
		if factory == nil {
			return nil
		}
		_, err := factory(b.ProfileVersion, int(b.ValueScale), b.Params)
		return err
	}
	v := s.venues[e.Venue]
	if v == nil {
		return nil
	}
	heard := &listener{Profile: v.profile}
	profile, keeper := v.profile, v.keeper
	v.profile = heard
	if keeper != nil {
		v.keeper = &keeperListener{Keeper: keeper, heard: heard}
	}
	s.apply(e)
	v.profile, v.keeper = profile, keeper
	return heard.err
}

// listener is a profile that remembers why it refused.
type listener struct {
	margin.Profile
	err error
}

// Admit implements margin.Profile.
func (l *listener) Admit(m *margin.Market) (any, error) {
	own, err := l.Profile.Admit(m)
	l.err = err
	return own, err
}

// NextFunding implements margin.Valuation.
func (l *listener) NextFunding(m *margin.Market, rate, price int64, seconds uint32) (next fixed.Int128, err error) {
	next, err = l.Profile.NextFunding(m, rate, price, seconds)
	l.err = err
	return next, err
}

// keeperListener is a listener's Keeper.
type keeperListener struct {
	margin.Keeper
	heard *listener
}

// Change implements margin.Keeper.
func (l *keeperListener) Change(p *margin.Pool, m *margin.Market, b *events.PositionChanged) (margin.Changed, error) {
	c, err := l.Keeper.Change(p, m, b)
	l.heard.err = err
	return c, err
}

// SetParams implements margin.Keeper.
func (l *keeperListener) SetParams(a *margin.Account, params []events.Param) ([]byte, error) {
	state, err := l.Keeper.SetParams(a, params)
	l.heard.err = err
	return state, err
}

// Open implements margin.Keeper.
func (l *keeperListener) Open(p *margin.Pool, m *margin.Market, b *events.OpeningPosition) (margin.Changed, error) {
	c, err := l.Keeper.Open(p, m, b)
	l.heard.err = err
	return c, err
}
