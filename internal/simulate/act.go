package simulate

import (
	"marginledger/events"
)

// Fees, ppm of notional.
const (
	takerFee = 450
	makerFee = 100
)

// act lets somebody do something; it may come to nothing.
func (x *Exchange) act() {
	if len(x.active) == 0 {
		return
	}
	i := x.active[x.rng.IntN(len(x.active))]
	a := x.pick(i)
	if a == nil {
		return
	}
	if a.maker {
		if x.rng.IntN(4) == 0 {
			x.quote(a)
		}
		return
	}
	switch k := x.rng.IntN(1000); {
	case k < 860:
		x.trade(i, a)
	case k < 900:
		x.rest(a)
	case k < 930:
		x.payIn(a)
	case k < 960:
		x.payOut(a)
	case k < 975:
		x.moveMargin(a)
	case k < 985:
		x.transfer(i, a)
	case k < 992:
		x.swap(a)
	case k < 996:
		x.settings(a)
	default:
		x.addOf(a, &events.PortfolioStopSet{EquityFloor: amount(max(x.figures(a).equity/4, 0))})
	}
}

// leg is one side of a trade before it is made.
type leg struct {
	a      *account
	p      *position
	side   events.Side
	margin int64 // into the isolated pool
	fee    int64
}

// trade lets a taker trade with a maker, where both may.
func (x *Exchange) trade(i int32, a *account) {
	r := x.rng
	market := int(a.likes[r.IntN(len(a.likes))])
	m := &x.markets[market]
	p := a.find(market, events.LegNet)
	afraid := x.phaseNow() == crash
	var side events.Side
	var size int64
	if p.size != 0 && r.IntN(100) < 48 {
		side = events.Sell
		if p.size < 0 {
			side = events.Buy
		}
		size = abs(p.size)
		if share := r.Int64N(4); share > 0 { // all of it, or a part
			size = max(size*share/4, 1)
		}
	} else {
		side = events.Sell
		if bull := a.bull; r.IntN(100) < bull && !(afraid && r.IntN(2) == 0) {
			side = events.Buy
		}
		if p.size != 0 && (p.size > 0) != (side == events.Buy) {
			side = 3 - side // adds to what it has
		}
		budget := x.figures(a).free() / 100 * (3 + r.Int64N(30))
		if budget <= 0 {
			return
		}
		size, _ = mulDiv(budget, max(p.leverage, 1), m.mark*m.unit)
		size = m.roundLot(size)
	}
	if size <= 0 {
		return
	}
	// Takers pay the spread.
	price := m.mark
	slip := m.mark * r.Int64N(500) / 1_000_000
	if side == events.Buy {
		price += slip
	} else {
		price = max(price-slip, 1)
	}
	taker := leg{a: a, p: p, side: side}
	if !x.may(&taker, m, size, price, takerFee) {
		return
	}
	for range 4 {
		k := m.makers[r.IntN(len(m.makers))]
		if r.IntN(4) == 0 {
			k = x.active[r.IntN(len(x.active))]
		}
		if k == i {
			continue
		}
		b := x.pick(k)
		if b == nil {
			continue
		}
		other := leg{a: b, side: 3 - side, p: x.legOf(b, market, 3-side, size)}
		if !x.may(&other, m, size, price, makerFee) {
			continue
		}
		trade := x.id('t')
		x.book(&x.fills[0], &taker, m, size, price, trade, events.Taker)
		x.book(&x.fills[1], &other, m, size, price, trade, events.Maker)
		return
	}
}

// legOf returns the position that a trade of an account moves.
func (x *Exchange) legOf(a *account, market int, side events.Side, size int64) *position {
	if !a.hedge {
		return a.find(market, events.LegNet)
	}
	// Closes the other leg where that is large enough, else opens its own.
	own, other := events.LegLong, events.LegShort
	if side == events.Sell {
		own, other = other, own
	}
	if p := a.find(market, other); abs(p.size) >= size {
		return p
	}
	return a.find(market, own)
}

// may reports whether the account can take its side, with room to spare, and sets fee and margin.
// It asks for more than the ledger's rules do, so that no rounding and no hair's breadth matters.
func (x *Exchange) may(l *leg, m *market, size, price, feeRate int64) bool {
	p := l.p
	signed := size
	if l.side == events.Sell {
		signed = -size
	}
	value := m.notional(size, price)
	l.fee = (value*feeRate/1000 + 999) / 1000
	after := p.size + signed
	if p.size != 0 && (p.size > 0) != (signed > 0) {
		if size == abs(p.size) || size < abs(p.size) && !p.isolated {
			return true // only closes
		}
		if size < abs(p.size) {
			// What closes takes its share of the collateral along: enough must stay.
			scratch, rest := *l.a, *p
			scratch.fill(&rest, m, signed, price, l.fee, 0)
			return rest.equity(m, m.mark) > 3*m.maintenance(m.notional(rest.size, m.mark))
		}
		if p.isolated || p.leg != events.LegNet {
			return false // turns over in cross only
		}
	}
	n, grown := m.notional(p.size, m.mark), m.notional(after, max(price, m.mark))
	limit := int64(400_000) * one // what anybody holds in one market
	if !l.a.maker {
		limit = 20_000_000 * one
	}
	if grown > limit {
		return false
	}
	if t := m.tierOf(grown / 50 * 51); p.leverage > t.leverage {
		return false
	}
	f := x.figures(l.a)
	slip := abs(price-m.mark) * size * m.unit
	if p.isolated {
		need := m.initial(grown, p.leverage)/100*106 + 2*l.fee + slip - p.equity(m, m.mark)
		l.margin = max(need, m.initial(value, p.leverage))
		return l.margin <= f.free()/100*90
	}
	need := m.initial(grown, p.leverage) - m.initial(n, p.leverage) + l.fee + slip
	if p.orders > 0 {
		need += p.orders // orders that rest beside a grown position may fall into a worse bracket
	}
	return need <= f.free()-abs(f.free())/5
}

// book books one side of a trade and queues its fact.
func (x *Exchange) book(body *events.Fill, l *leg, m *market, size, price int64, trade string, liquidity events.Liquidity) {
	signed := size
	if l.side == events.Sell {
		signed = -size
	}
	longBefore := max(l.p.size, 0)
	fee := l.fee
	if over := l.p.size + signed; l.p.size != 0 && (l.p.size > 0) != (signed > 0) && size > abs(l.p.size) {
		l.a.fill(l.p, m, signed-over, price, fee, 0) // closes, and turns over
		signed, fee = over, 0
	}
	l.a.fill(l.p, m, signed, price, fee, l.margin)
	m.long += max(l.p.size, 0) - longBefore
	*body = events.Fill{
		Market: m.Name, Leg: l.p.leg, Side: l.side, Size: number(size, m.SizeScale), Price: number(price, m.PriceScale),
		Fee: amount(l.fee), FeeAsset: Settlement, TradeID: trade, Liquidity: liquidity, Reason: events.ReasonTrade,
	}
	if l.margin > 0 {
		body.IsolatedMargin = amount(l.margin)
	}
	x.addOf(l.a, body)
}

// roundLot keeps two significant digits, as people do.
func (m *market) roundLot(size int64) int64 {
	lot := int64(1)
	for size/lot >= 100 {
		lot *= 10
	}
	return size / lot * lot
}

func (x *Exchange) phaseNow() int {
	phase, _ := x.day.phaseOf(x.made - x.day.first)
	return phase
}

// rest states an account's resting orders in a market, or that it has none any more.
func (x *Exchange) rest(a *account) {
	m := &x.markets[a.likes[0]]
	p := a.find(int(a.likes[0]), events.LegNet)
	body := &events.OrderMargin{Market: m.Name, Leg: events.LegNet,
		BidSize: number(0, 0), BidNotional: number(0, 0), AskSize: number(0, 0), AskNotional: number(0, 0)}
	if p.orders > 0 {
		p.orders = 0
		x.addOf(a, body)
		return
	}
	size := m.roundLot(x.figures(a).free() / 20 / (m.mark * m.unit))
	if size <= 0 {
		return
	}
	bid, ask := max(m.mark*99/100, 1), m.mark*101/100+1
	p.orders = m.notional(size, ask)
	body.BidSize, body.AskSize = number(size, m.SizeScale), number(size, m.SizeScale)
	body.BidNotional, body.AskNotional = amount(m.notional(size, bid)), amount(p.orders)
	x.addOf(a, body)
}

// quote states a market maker's quotes. They are small beside what it has free, and not in the book.
func (x *Exchange) quote(a *account) {
	if a.hedge || x.figures(a).free() < 5_000_000*one {
		return
	}
	m := &x.markets[a.likes[x.rng.IntN(len(a.likes))]]
	size := m.roundLot(10_000 * one / (m.mark * m.unit))
	if size <= 0 {
		return
	}
	x.addOf(a, &events.OrderMargin{Market: m.Name, Leg: events.LegNet,
		BidSize: number(size, m.SizeScale), BidNotional: amount(m.notional(size, max(m.mark*999/1000, 1))),
		AskSize: number(size, m.SizeScale), AskNotional: amount(m.notional(size, m.mark*1001/1000+1))})
}

// payIn deposits, mostly where margin has become thin.
func (x *Exchange) payIn(a *account) {
	f := x.figures(a)
	if f.equity > 3*f.maintenance && x.rng.IntN(4) != 0 {
		return
	}
	x.deposit(a, (max(f.equity, 0)/one/10+10+x.rng.Int64N(90))*one)
}

// payOut withdraws a part of what is free in cash.
func (x *Exchange) payOut(a *account) {
	f := x.figures(a)
	most := min(f.free()*7/10, a.cash)
	if most < 100*one || f.free() < f.equity/3 {
		return
	}
	money := most / 100 * (1 + x.rng.Int64N(25)) / one * one
	if money <= 0 {
		return
	}
	a.cash -= money
	x.addOf(a, &events.Withdrawal{Asset: Settlement, Amount: amount(money), Reference: x.id('w')})
}

// moveMargin adds to an isolated pool, or takes what it has too much.
func (x *Exchange) moveMargin(a *account) {
	for i := range a.pos {
		p := &a.pos[i]
		if !p.isolated || p.size == 0 {
			continue
		}
		m := &x.markets[p.market]
		extra := p.equity(m, m.mark) - m.initial(m.notional(p.size, m.mark), p.leverage)*13/10
		money := -min(extra/2, p.collateral/2)
		if extra <= 0 {
			money = x.figures(a).free() / 10
		}
		if money = money / 10_000 * 10_000; money == 0 || money < 0 && extra <= 0 || money > 0 && extra > 0 {
			return
		}
		a.cash -= money
		p.collateral += money
		x.addOf(a, &events.IsolatedMarginMoved{Market: m.Name, Leg: p.leg, Amount: amount(money)})
		return
	}
}

// transfer moves money between the two accounts of one owner.
func (x *Exchange) transfer(i int32, a *account) {
	if int(i)+1 >= len(x.accounts) {
		return
	}
	b := &x.accounts[i+1]
	if b.owner != a.owner || x.pick(i+1) == nil {
		return
	}
	money := min(x.figures(a).free()/10, a.cash/2) / one * one
	if money <= 0 {
		return
	}
	a.cash -= money
	b.cash += money
	x.addOf(a, &events.Transfer{TransferID: x.id('x'), Kind: events.TransferInternal, Asset: Settlement,
		Amount: amount(money), ToSubaccount: b.sub})
}

// swap buys or sells a collateral asset against a market maker, both sides.
func (x *Exchange) swap(a *account) {
	if len(x.assets) == 0 {
		return
	}
	k := x.rng.IntN(len(x.assets))
	b := x.pick(int32(x.rng.IntN(x.makers)))
	if b == nil {
		return
	}
	m := &x.markets[x.assets[k].market]
	f := x.figures(a)
	side, base := events.Buy, int64(0)
	if a.coll[k] > 0 { // sells half; equity does not fall by it, as the book counts collateral low
		side, base = events.Sell, a.coll[k]/2
	} else {
		money := min(f.free(), a.cash) / 5
		base, _ = mulDiv(max(money, 0), pow10(m.PriceScale), m.mark)
	}
	quote, _ := mulDiv(base, m.mark, pow10(m.PriceScale))
	if base < 100 || quote < one || quote > 1_000_000*one {
		return
	}
	if side == events.Buy && b.coll[k] < 2*base || side == events.Sell && b.cash < 2*quote {
		return
	}
	sign := int64(1)
	if side == events.Sell {
		sign = -1
	}
	trade := x.id('t')
	for n, c := range [...]*account{a, b} {
		s := sign * int64(1-2*n)
		c.coll[k] += s * base
		c.cash -= s * quote
		of := side
		if n == 1 {
			of = 3 - side
		}
		x.addOf(c, &events.SpotFill{BaseAsset: x.assets[k].name, QuoteAsset: Settlement, Side: of,
			Size: amount(base), QuoteAmount: amount(quote), TradeID: trade})
	}
}

// settings changes what an account wants to hear, or how it trades a market in which it holds nothing.
func (x *Exchange) settings(a *account) {
	if x.rng.IntN(2) == 0 {
		x.addOf(a, &events.MarginCallLevelsSet{Levels: []events.Number{number(15, 1), number(11, 1)}})
		return
	}
	market := a.likes[x.rng.IntN(len(a.likes))]
	m, p := &x.markets[market], a.find(int(market), events.LegNet)
	if p.size != 0 || p.orders != 0 || p.collateral != 0 {
		return
	}
	p.isolated = !p.isolated
	mode := events.Cross
	if p.isolated {
		mode = events.Isolated
	}
	x.addOf(a, &events.MarginModeSet{Market: m.Name, Mode: mode})
}
