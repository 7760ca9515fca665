package hyperliquid

import (
	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// What Health.Own says beside the mode.
const (
	ownMode       = 3 // mask
	ownNoBackstop = 4 // no position of the pool is in a market with a liquidator vault behind it
)

// PoolFact is the fact without which a cross pool that lies outside of the ledger is unknown.
const PoolFact = "PoolBalanceObserved"

// modeOf returns an account's mode.
func modeOf(a *margin.Account) Mode {
	if a != nil {
		for i := range modes {
			if a.Mode == modes[i] {
				return Mode(i)
			}
		}
	}
	return Standard
}

// sums are a pool's figures before its mode decides what they come to.
type sums struct {
	mode        Mode // of an isolated pool Standard
	equity      fixed.Int128
	initial     fixed.Int128
	maintenance fixed.Int128
	notional    fixed.Int128
	profit      fixed.Int128
	borrowable  fixed.Int128 // PortfolioMargin: loan value of other tokens
	weighted    fixed.Int128 // PortfolioMargin: their value in a liquidation
	noBackstop  bool
	unpriced    bool
	unknown     bool
}

// sum adds a pool up.
func (p *Profile) sum(pool *margin.Pool) sums {
	s := sums{equity: pool.Collateral, noBackstop: true}
	if !pool.Isolated {
		p.sumBalances(pool, &s)
	}
	for i := range pool.Positions {
		pos := &pool.Positions[i]
		f := p.figures(pos)
		s.equity = s.equity.Add(f.Unrealised).Add(f.Funding)
		s.notional = s.notional.Add(f.Notional)
		s.initial = s.initial.Add(f.Initial)
		s.maintenance = s.maintenance.Add(f.Maintenance)
		if f.Unrealised.Sign() > 0 {
			s.profit = s.profit.Add(f.Unrealised)
		}
		s.noBackstop = s.noBackstop && ownOf(pos.Market).noBackstop
		s.unpriced = s.unpriced || pos.Market.Mark == 0
	}
	return s
}

// sumBalances adds a cross pool's balances up, and what it holds elsewhere (§12, modes).
func (p *Profile) sumBalances(pool *margin.Pool, s *sums) {
	s.mode = modeOf(pool.Account)
	s.unknown = s.mode != Standard
	for i := range pool.Balances {
		b := &pool.Balances[i]
		switch {
		case b.Asset.Settlement:
			s.equity = s.equity.Add(b.Amount)
			s.unknown = s.unknown && b.Amount.Sign() <= 0
		case s.mode == PortfolioMargin:
			all := held(pool.Account, b)
			loan, weighted := lending(&all)
			s.borrowable, s.weighted = s.borrowable.Add(loan), s.weighted.Add(weighted)
			s.unpriced = s.unpriced || b.Asset.Price == 0 && all.Amount.Sign() < 0
		}
	}
	if s.mode == Standard {
		return
	}
	for i := range pool.Account.Observed {
		if o := &pool.Account.Observed[i]; o.Asset.Settlement {
			s.equity = s.equity.Add(o.Amount)
			s.unknown = false
		}
	}
}

// held is a token's balance with what the pool holds of it outside of the ledger.
func held(a *margin.Account, b *margin.Balance) margin.Balance {
	out := *b
	for i := range a.Observed {
		if o := &a.Observed[i]; o.Asset == b.Asset {
			out.Amount = out.Amount.Add(o.Amount)
		}
	}
	return out
}

// lending returns what a token of a portfolio-margin account lets borrow, and its value in a liquidation
// (§12): brackets of value with LTV = 1 − haircut count LTV and (1 + LTV)/2, one with LTV 0 nothing. A
// debt counts in full.
func lending(b *margin.Balance) (borrowable, weighted fixed.Int128) {
	v := margin.MulDiv(b.Amount, b.Asset.Price, fixed.Pow10(margin.CollateralScale), margin.Down)
	if v.Sign() <= 0 {
		return v, v
	}
	tiers := b.Asset.Haircuts
	for i := range tiers {
		part := v
		if i+1 < len(tiers) && tiers[i+1].Lower.Less(part) {
			part = tiers[i+1].Lower
		}
		if part = part.Sub(tiers[i].Lower); part.Sign() <= 0 {
			break
		}
		if loan := margin.OneRate - tiers[i].Haircut; loan > 0 {
			borrowable = borrowable.Add(margin.MulDiv(part, loan, margin.OneRate, margin.Down))
			weighted = weighted.Add(margin.MulDiv(part, margin.OneRate+loan, 2*margin.OneRate, margin.Down))
		}
	}
	return borrowable, weighted
}

// Judge implements §§3 and 8. In portfolio margin the health is such that equity < maintenance where the
// portfolio ratio is above 0.95, and equity − initial is the available balance without orders.
func (p *Profile) Judge(pool *margin.Pool) margin.Health {
	s := p.sum(pool)
	h := margin.Health{Equity: s.equity, Initial: s.initial, Maintenance: s.maintenance, Notional: s.notional, Profit: s.profit,
		Positions: len(pool.Positions), Unpriced: s.unpriced, Own: uint8(s.mode)}
	if s.noBackstop {
		h.Own |= ownNoBackstop
	}
	if s.unknown {
		h.Missing = PoolFact
	}
	if s.mode == PortfolioMargin {
		h.Equity = s.equity.Add(s.weighted)
		h.Initial = s.initial.Add(s.weighted).Sub(s.borrowable)
		h.Maintenance = margin.MulDiv(s.maintenance.Mul(20).Add(s.borrow()), 1, 19, margin.Up)
	}
	return h
}

// borrow is what maintenance needs beyond equity: what the account would have to borrow (§8).
func (s *sums) borrow() fixed.Int128 {
	if b := s.maintenance.Sub(s.equity); b.Sign() > 0 {
		return b
	}
	return fixed.Int128{}
}

// Figures implements §3.
func (p *Profile) Figures(pool *margin.Pool, position int) margin.Figures {
	return p.figures(&pool.Positions[position])
}

func (p *Profile) figures(pos *margin.Position) margin.Figures {
	m, own := pos.Market, ownOf(pos.Market)
	f := margin.Figures{Price: m.Price()}
	value := m.Value(pos.Size, f.Price)
	f.Unrealised = value.Sub(pos.Entry)
	f.Notional = value.Abs()
	f.Funding = p.floor(margin.UnpostedFunding(pos))
	notional := p.micro(f.Notional)
	f.Tier = TierOf(own.tiers, notional)
	f.Maintenance = p.value(own.maintenance(notional))
	f.Initial = p.value(Initial(notional, own.leverage(f.Tier, pos.Leverage)))
	return f
}

// leverage is the account's setting, without one the tier's maximum. A setting above the maximum counts
// as it is: the venue minds it on opening only.
func (m *market) leverage(tier int, set int64) int64 {
	if set == 0 {
		return m.tiers[tier].MaxLeverage
	}
	return set
}

// CollateralValue is that of an account in mode standard: the settlement asset alone counts.
func (p *Profile) CollateralValue(b *margin.Balance) fixed.Int128 {
	if b.Asset.Settlement {
		return b.Amount
	}
	return fixed.Int128{}
}

// BalanceValue implements margin.Modal: in portfolio margin other tokens count their loan value.
func (p *Profile) BalanceValue(a *margin.Account, b *margin.Balance) fixed.Int128 {
	if b.Asset.Settlement || modeOf(a) != PortfolioMargin {
		return p.CollateralValue(b)
	}
	all := held(a, b)
	loan, _ := lending(&all)
	return loan
}

// Settlement posts unposted funding, floored at six digits, position by position.
func (p *Profile) Settlement(pool *margin.Pool, lines []fixed.Int128) {
	for i := range pool.Positions {
		lines[i] = p.floor(margin.UnpostedFunding(&pool.Positions[i]))
	}
}

// OrderMargin implements §12, orders: what opens on each side, at its limit prices, over the leverage.
func (p *Profile) OrderMargin(m *margin.Market, leg events.Leg, size, lev int64, o *margin.Orders) fixed.Int128 {
	var sum fixed.Int128
	if leg != events.LegShort {
		sum = p.opening(m, size, lev, o.BidSize, -size, o.BidNotional)
	}
	if leg != events.LegLong {
		sum = sum.Add(p.opening(m, size, lev, o.AskSize, size, o.AskNotional))
	}
	return sum
}

// opening is the margin of one side's orders, of which the first closes contracts only close.
func (p *Profile) opening(m *margin.Market, size, lev, orders, closes int64, notional fixed.Int128) fixed.Int128 {
	if closes > 0 {
		if orders <= closes {
			return fixed.Int128{}
		}
		notional = margin.MulDiv(notional, orders-closes, orders, margin.Up)
	}
	own := ownOf(m)
	after := p.micro(notional)
	if closes <= 0 {
		after = after.Add(p.micro(m.Notional(size, m.Price())))
	}
	return p.value(Initial(p.micro(notional), own.leverage(TierOf(own.tiers, after), lev)))
}

// OrderHold implements margin.Modal: a hundredth more in portfolio margin (§3).
func (p *Profile) OrderHold(a *margin.Account, orderMargin fixed.Int128) fixed.Int128 {
	if modeOf(a) != PortfolioMargin {
		return orderMargin
	}
	return p.value(margin.MulDiv(p.micro(orderMargin), 101, 100, margin.Down))
}

// Withdrawable implements §4; in portfolio margin it is the available balance (§8).
func (p *Profile) Withdrawable(h *margin.Health, orders fixed.Int128) fixed.Int128 {
	if Mode(h.Own&ownMode) == PortfolioMargin {
		return h.Equity.Sub(h.Initial).Sub(orders)
	}
	return h.Equity.Sub(p.transferRequirement(h)).Sub(orders)
}

// transferRequirement is what must stay in a pool (§4).
func (p *Profile) transferRequirement(h *margin.Health) fixed.Int128 {
	return p.value(p.rules.TransferRequirement(p.micro(h.Initial), p.micro(h.Notional)))
}
