package reference

import (
	"github.com/shopspring/decimal"

	"marginledger/events"
)

// Figures are what an account is worth now. Amounts are in the settlement asset unless they say
// otherwise.
type Figures struct {
	Known      bool // an applied fact has named the account
	Operator   string
	Backstop   bool
	Incomplete bool
	Stale      bool // a mark behind some figure is older than its market allows

	Balances []Balance // of the cross pool, by asset; zero ones are left out

	Equity, Initial, Maintenance, OrderMargin decimal.Decimal // of the cross pool
	Free, FreeExcludingProfit, Withdrawable   decimal.Decimal

	Pools []PoolFigures // cross first; those with neither collateral, position, call nor episode are left out
}

// Balance is what the cross pool holds of an asset.
type Balance struct {
	Asset  string
	Amount decimal.Decimal // units of the asset
	Value  events.Number   // what it counts as collateral; absent: the asset has no price yet
}

// PoolFigures are the figures of one pool.
type PoolFigures struct {
	Pool                         string
	Collateral                   decimal.Decimal // of an isolated pool
	Equity, Initial, Maintenance decimal.Decimal
	MarginRatio                  events.Number // absent where equity is not positive
	Unpriced                     bool
	Called                       int // so many margin-call levels are called
	Liquidation                  string
	Stage                        events.Stage
	CooldownUntil                int64 // shard time, 0: none runs
	Awaiting                     bool  // the episode asks for a size
	Positions                    []PositionFigures
}

// PositionFigures are those of announcements and both liquidation prices.
type PositionFigures struct {
	events.PositionFigures
	LiquidationPriceUnderlying events.Number
}

// Account returns the figures of an account as they are now.
func (m *Model) Account(venue, owner string, sub uint32) Figures {
	key := accountKey{owner, sub}
	f := Figures{Incomplete: m.state.incomplete(venue, key)}
	v := m.state.venues[venue]
	if v == nil || v.accounts[key] == nil {
		return f
	}
	a := v.accounts[key]
	cross, free := v.poolFigures(a, a.pools[crossPool]), v.freeFigures(a)
	f.Known, f.Operator, f.Backstop = true, a.operator, a.backstop
	f.Equity, f.Initial, f.Maintenance, f.OrderMargin = cross.equity, cross.initial, cross.maintenance, free.orderMargin
	f.Free, f.FreeExcludingProfit, f.Withdrawable = free.free, free.excludingProfit, free.withdrawable
	for _, name := range sortedKeys(a.balances) {
		if b := a.balances[name]; !b.IsZero() {
			balance := Balance{Asset: name, Amount: b}
			if name == v.settlement || v.assets[name].price.IsPositive() {
				value, _ := v.collateralValue(name, b)
				balance.Value = number(value)
			}
			f.Balances = append(f.Balances, balance)
		}
	}
	for _, p := range a.sortedPools() {
		if p.key == crossPool || !p.collateral.IsZero() || len(p.positions) > 0 || p.called > 0 || p.episode != nil {
			f.Pools = append(f.Pools, v.poolView(a, p))
		}
		for _, pos := range p.positions {
			f.Stale = f.Stale || v.stale(v.markets[pos.market])
		}
	}
	return f
}

func (v *venue) poolView(a *account, p *pool) PoolFigures {
	f := v.poolFigures(a, p)
	out := PoolFigures{
		Pool: p.key.String(), Collateral: p.collateral,
		Equity: f.equity, Initial: f.initial, Maintenance: f.maintenance,
		Unpriced: f.unpriced, Called: p.called,
	}
	if ratio, ok := f.marginRatio(); ok {
		out.MarginRatio = number(ratio)
	}
	if e := p.episode; e != nil {
		out.Liquidation, out.Stage = e.id, e.stage
		if e.cooling {
			out.CooldownUntil = e.until
		}
	}
	for _, pos := range p.sortedPositions() {
		out.Awaiting = out.Awaiting || p.episode != nil && v.closeSize(p.episode, pos).IsPositive()
		figures := PositionFigures{PositionFigures: v.positionOutput(a, p, pos, f)}
		if price, ok := v.liquidationPrice(a, p, pos.market, true); ok {
			figures.LiquidationPriceUnderlying = number(price)
		}
		out.Positions = append(out.Positions, figures)
	}
	return out
}

// Accounts returns the owner and subaccount of every account of a venue, in order.
func (m *Model) Accounts(venue string) (owners []string, subs []uint32) {
	if v := m.state.venues[venue]; v != nil {
		for _, a := range v.sortedAccounts() {
			owners, subs = append(owners, a.key.owner), append(subs, a.key.sub)
		}
	}
	return owners, subs
}
