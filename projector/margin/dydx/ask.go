package dydx

import (
	"math/big"

	"marginledger/events"
	"marginledger/internal/fixed"
	"marginledger/projector/margin"
)

// Ask implements §9: one order per pass, in the position with the largest maintenance requirement, the
// first by name of those that are equal; so much of it as §7.3 says. The venue draws the position. A
// request that rests, until the next block, asks for nothing.
func (p *Profile) Ask(pool *margin.Pool, _ *margin.Health, e margin.Asking, sizes []int64) {
	if i := choose(pool); i >= 0 && !e.Resting {
		sizes[i] = p.orderSize(pool, i)
	}
}

// choose returns the position to liquidate; −1 where none has a maintenance requirement (§4).
func choose(pool *margin.Pool) int {
	chosen, largest := -1, fixed.Int128{}
	for i := range pool.Positions {
		if mm := maintenanceOf(&pool.Positions[i]); largest.Less(mm) {
			chosen, largest = i, mm
		}
	}
	return chosen
}

// maintenanceOf is a position's maintenance requirement.
func maintenanceOf(pos *margin.Position) fixed.Int128 {
	r := rulesOf(pos.Market)
	return r.maintenanceOf(r.value(pos.Size, pos.Market.Price(), margin.ToZero).Abs())
}

// orderSize is what an order closes of a position, within what the block's limit has left; all of it in final
// settlement.
func (p *Profile) orderSize(pool *margin.Pool, position int) int64 {
	pos := &pool.Positions[position]
	r := rulesOf(pos.Market)
	if r.final == 1 {
		return max(pos.Size, -pos.Size)
	}
	m, u := template(pos.Market), usedOf(pool.Account, pool.Venue)
	return abs(m.OrderSize(big.NewInt(pos.Size), big.NewInt(r.step), u.notional.Big(), &p.config)).Int64()
}

// Cooldown is not asked: see Rests.
func (p *Profile) Cooldown(events.Stage) int64 { return 0 }

// LiquidationFee implements §7.4 for a fill at the fillable price, the worst one: what the insurance fund
// receives, 0 where it pays.
func (p *Profile) LiquidationFee(pool *margin.Pool, position int, size int64) fixed.Int128 {
	if size == 0 {
		return fixed.Int128{}
	}
	delta, err := p.insurance(pool, position, size)
	if err != nil || delta.Sign() <= 0 { // no maintenance requirement, or a price below 0: nothing can be sold
		return fixed.Int128{}
	}
	fee, _ := fixed.FromBig(delta) // at most what was filled
	return fee
}

// insurance is what the insurance fund receives when size of a position fills at the fillable price.
func (p *Profile) insurance(pool *margin.Pool, position int, size int64) (*big.Int, error) {
	markets, account := portfolio(pool)
	r, id, buy := rulesOf(pool.Positions[position].Market), uint32(position), pool.Positions[position].Size < 0
	subticks, err := p.fillable(markets, account, r, id)
	if err != nil {
		return nil, err
	}
	base := big.NewInt(size)
	return markets.InsuranceDelta(account, id, buy, base, FillQuote(buy, base, subticks, int(r.conversion)), p.config.MaximumFee)
}

// fillable is the price limit of a liquidation order in subticks (§7.2).
func (p *Profile) fillable(markets Markets, account *Subaccount, r *rules, id uint32) (*big.Int, error) {
	size := account.Positions[id].Size
	price, err := markets.FillablePrice(account, id, neg(size), &p.config)
	if err != nil {
		return nil, err
	}
	return Subticks(price, size.Sign() > 0, int(r.conversion), big.NewInt(r.perTick))
}
