package hyperliquid

import (
	"math/big"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// position is a position at its price for the functions of Rules.
func (p *Profile) position(pos *margin.Position) Position {
	m, own := pos.Market, ownOf(pos.Market)
	n := p.micro(m.Notional(pos.Size, m.Price()))
	return Position{Size: big.NewRat(pos.Size, fixed.Pow10(m.SizeScale)), Notional: n,
		Leverage: own.leverage(TierOf(own.tiers, n), pos.Leverage), Tiers: own.tiers}
}

// number is a price as the venue prints it.
func (p *Profile) number(x *big.Rat) events.Number {
	coef, ok := fixed.FromBig(margin.Scaled(p.rules.Print(x), p.rules.Digits, margin.HalfEven))
	if !ok || coef.Sign() <= 0 {
		return events.Number{}
	}
	return events.NumberOf(coef, p.rules.Digits)
}

// LiquidationPrice implements §6, to the venue's digits. Where more than one position moves (the venue has
// one net position a market, and no price of an underlying), or a loan counts, it is searched for (§12).
func (p *Profile) LiquidationPrice(pool *margin.Pool, m *margin.Market, underlying bool) events.Number {
	s := p.sum(pool)
	if s.unknown || m.Price() == 0 {
		return events.Number{}
	}
	v := p.split(pool, m, &s, underlying)
	if len(v.positions) != 1 || len(v.balances) > 0 || s.mode == PortfolioMargin && s.equity.Less(s.maintenance) {
		return m.PriceNumber(v.search())
	}
	if s.equity.Less(s.maintenance) {
		return events.Number{}
	}
	position := p.position(v.positions[0])
	other := p.micro(s.maintenance).Sub(p.rules.Maintenance(&position))
	x := p.rules.LiquidationPrice(&position, p.micro(s.equity), other)
	if x == nil {
		return events.Number{}
	}
	return p.number(x)
}

// BankruptcyPrice is where closing the position uses up its share of equity, shared by maintenance; rounded
// against the account to the market's price unit.
func (p *Profile) BankruptcyPrice(pool *margin.Pool, position int, _ *margin.Health) events.Number {
	s, pos := p.sum(pool), &pool.Positions[position]
	if s.unknown || s.maintenance.IsZero() {
		return events.Number{}
	}
	dir := margin.Up
	if pos.Size < 0 {
		dir = margin.Down
	}
	f := p.figures(pos)
	return pos.Market.PriceNumber(margin.ClosingPrice(f.Price, s.equity.Add(s.weighted), f.Maintenance, s.maintenance, pos.Size, pos.Market.K, dir))
}

// Rank implements §10; nil where the pool lies elsewhere.
func (p *Profile) Rank(pool *margin.Pool, position int, h *margin.Health) *big.Rat {
	if !h.IsKnown() {
		return nil
	}
	pos, f := p.position(&pool.Positions[position]), p.Figures(pool, position)
	used := f.Initial
	if pool.Isolated {
		used = h.Equity
	}
	return p.rank(&Candidate{Position: &pos, Unrealised: p.amount(f.Unrealised), Equity: p.amount(h.Equity), Margin: p.amount(used)})
}

// amount returns an amount in USDC, exactly.
func (p *Profile) amount(v fixed.Int128) *big.Rat {
	r := new(big.Rat).SetFrac(v.Big(), big.NewInt(p.unit))
	return r.Quo(r, big.NewRat(1e6, 1))
}

// moving is a pool taken apart into what moves with a market's price, and the sums of the rest.
type moving struct {
	profile   *Profile
	market    *margin.Market
	from      int64
	rest      sums // without what moves
	positions []*margin.Position
	balances  []margin.Balance // with what is held elsewhere
}

// split takes a pool apart.
func (p *Profile) split(pool *margin.Pool, m *margin.Market, s *sums, underlying bool) moving {
	v := moving{profile: p, market: m, from: m.Price(), rest: *s}
	for i := range pool.Positions {
		pos := &pool.Positions[i]
		if pos.Market == m || underlying && pos.Market.Underlying == m.Underlying {
			v.positions = append(v.positions, pos)
			f := p.figures(pos)
			v.rest.equity = v.rest.equity.Sub(f.Unrealised)
			v.rest.maintenance = v.rest.maintenance.Sub(f.Maintenance)
		}
	}
	for i := range pool.Balances {
		b := &pool.Balances[i]
		if underlying && s.mode == PortfolioMargin && !b.Asset.Settlement && b.Asset.Name == m.Underlying {
			all := held(pool.Account, b)
			v.balances = append(v.balances, all)
			_, weighted := lending(&all)
			v.rest.weighted = v.rest.weighted.Sub(weighted)
		}
	}
	return v
}

// moved is a price that moves in proportion.
func (v *moving) moved(price, x int64) int64 {
	q, _ := margin.MulDiv(fixed.FromInt64(price), x, v.from, margin.Down).Int64()
	return q
}

// slack is what the trigger compares with 0, with the market at x: equity − maintenance, in portfolio
// margin 19·(equity + weighted) − 20·maintenance − borrow.
func (v *moving) slack(x int64) fixed.Int128 {
	s := v.rest
	for _, pos := range v.positions {
		price := x
		if pos.Market != v.market {
			price = v.moved(pos.Market.Price(), x)
		}
		s.equity = s.equity.Add(pos.Market.Value(pos.Size, price)).Sub(pos.Entry)
		n := v.profile.micro(pos.Market.Notional(pos.Size, price))
		s.maintenance = s.maintenance.Add(v.profile.value(ownOf(pos.Market).maintenance(n)))
	}
	for _, b := range v.balances {
		asset := *b.Asset
		asset.Price = v.moved(asset.Price, x)
		_, weighted := lending(&margin.Balance{Asset: &asset, Amount: b.Amount})
		s.weighted = s.weighted.Add(weighted)
	}
	if s.mode != PortfolioMargin {
		return s.equity.Sub(s.maintenance)
	}
	return s.equity.Add(s.weighted).Mul(19).Sub(s.maintenance.Mul(20)).Sub(s.borrow())
}

// search returns the price at which slack is used up, rounded away from the safe side to the price unit:
// a bisection from here to the end of the losing side; 0 where there is none.
func (v *moving) search() int64 {
	good, bad := v.from, int64(1)
	if v.losesUp() {
		bad = v.highest()
	}
	switch here := v.slack(good).Sign(); {
	case here < 0:
		return 0
	case here == 0:
		return good
	case good == bad || v.slack(bad).Sign() > 0:
		return 0
	}
	for bad-good > 1 || good-bad > 1 {
		if mid := good + (bad-good)/2; v.slack(mid).Sign() > 0 {
			good = mid
		} else {
			bad = mid
		}
	}
	return bad
}

// losesUp reports that the pool loses where prices rise: what moves is short in sum, weighed by value.
func (v *moving) losesUp() bool {
	var sum fixed.Int128
	for _, pos := range v.positions {
		sum = sum.Add(pos.Market.Value(pos.Size, pos.Market.Price()))
	}
	for i := range v.balances {
		_, weighted := lending(&v.balances[i])
		sum = sum.Add(weighted)
	}
	return sum.Sign() <= 0
}

// highest is the largest price at which every moved price is at most its own maximum.
func (v *moving) highest() int64 {
	x := v.market.MaxPrice
	limit := func(price, most int64) {
		if price == 0 {
			return
		}
		end := fixed.Product(v.from, most).Add(fixed.FromInt64(v.from - 1))
		if h, ok := margin.MulDiv(end, 1, price, margin.Down).Int64(); ok {
			x = min(x, h)
		}
	}
	for _, pos := range v.positions {
		if pos.Market != v.market {
			limit(pos.Market.Price(), pos.Market.MaxPrice)
		}
	}
	for _, b := range v.balances {
		limit(b.Asset.Price, margin.MaxCollateralPrice)
	}
	return x
}
