package gmx

import (
	"errors"
	"fmt"
	"math/big"

	"marginledger/events"
	"marginledger/projector/margin"
)

// Errors of opening positions.
var (
	errLegSign = errors.New("gmx: the size of a short is negative, that of a long is not")
	errInexact = errors.New("gmx: size · entryPrice has more than 30 digits after the point: sizeUsd says it exactly")
)

// Open adopts a position: its size is in tokens, and in USD what sizeUsd says, or else at the entry price.
// What it has last taken of borrowing and funding is what the latest PoolState says, unless its params do.
func (p *Profile) Open(pool *margin.Pool, m *margin.Market, b *events.OpeningPosition) (out margin.Changed, err error) {
	s := settingsOf(m)
	if pool.Asset != m.LongToken && pool.Asset != m.ShortToken {
		return out, errCollateral
	}
	longToken, isLong := pool.Asset == m.LongToken, b.Leg == events.LegLong
	if !s.known {
		return out, fmt.Errorf("%w: %s", margin.ErrMissing, kindPoolState)
	}
	if (b.Size.Sign() > 0) != isLong {
		return out, errLegSign
	}
	if _, err = scaled(b.CollateralAmount, s.decimals(longToken)); err != nil {
		return out, fmt.Errorf("collateralAmount: %w", err)
	}
	h := &held{pendingImpact: new(big.Int), borrowing: s.borrowing.Of(isLong), fee: s.fee[sideOf(isLong)].Of(longToken), claim: s.claim[sideOf(isLong)]}
	if h.tokens, err = scaled(b.Size.Abs(), s.indexDecimals); err != nil {
		return out, fmt.Errorf("size: %w", err)
	}
	if err := h.read(s, b); err != nil {
		return out, err
	}
	return out, s.keep(m, h, b.Leg, &out)
}

// read takes the params of an opening position.
func (h *held) read(s *settings, b *events.OpeningPosition) (err error) {
	r := reader{list: b.Params}
	taken := func(name string, scale int, to **big.Int) {
		if !r.has(name) {
			return
		}
		v, now := r.number(name, scale), *to
		if v.Sign() < 0 || v.Cmp(now) > 0 { // it cannot have seen more than there has been
			r.fail(name, margin.ErrOutOfRange)
		}
		*to = v
	}
	taken("borrowing", 30, &h.borrowing)
	taken("fundingClaimInLong", 0, &h.claim.Long)
	taken("fundingClaimInShort", 0, &h.claim.Short)
	taken("fundingFee", 0, &h.fee)
	if r.has("pendingImpact") {
		h.pendingImpact = r.number("pendingImpact", s.indexDecimals)
	}
	if r.has("sizeUsd") {
		h.size = r.number("sizeUsd", 30)
		r.addLow("sizeUsdLow", h.size)
	} else if h.size, err = product(b.Size.Abs(), b.EntryPrice); err != nil {
		return err
	}
	if h.size.Sign() <= 0 {
		r.fail("sizeUsd", margin.ErrOutOfRange)
	}
	return r.done()
}

// product returns size · price as USD of 1e-30.
func product(size, price events.Number) (*big.Int, error) {
	v := mul(size.Coef.Big(), price.Coef.Big())
	shift := int64(30) - int64(size.Scale) - int64(price.Scale)
	if shift >= 0 {
		return v.Mul(v, pow10(shift)), nil
	}
	q, rest := new(big.Int).QuoRem(v, pow10(-shift), new(big.Int))
	if rest.Sign() != 0 {
		return nil, errInexact
	}
	return q, nil
}
