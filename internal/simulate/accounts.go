package simulate

import "marginledger/events"

// makerMarkets is the number of markets that a market maker makes.
const makerMarkets = 6

// makeAccounts invents everybody; nobody is open yet.
func (x *Exchange) makeAccounts() {
	weight := 0
	for i := range x.markets { // Zipf: the n-th market is liked 1/n as much as the first
		weight += 1_000_000 / (i + 1)
		x.markets[i].weight = weight
	}
	n := min(x.opt.Accounts-1, int(x.opt.Events/8)) // one account is the insurance fund's
	n = max(n, 8)
	x.makers = max(n/50, 4)
	x.accounts = make([]account, n)
	for i := range x.accounts {
		a := &x.accounts[i]
		a.owner = ownerName(i)
		if i >= x.makers && i%16 == 5 { // the second account of the owner before it
			a.owner, a.sub = x.accounts[i-1].owner, 1
		}
		x.invent(i)
	}
	for i := range x.makers {
		for _, market := range x.accounts[i].likes {
			m := &x.markets[market]
			m.makers = append(m.makers, int32(i))
		}
	}
}

// invent gives an account its habits.
func (x *Exchange) invent(i int) {
	a := &x.accounts[i]
	r := x.rng
	if i < x.makers {
		a.maker = true
		a.hedge = i%5 == 4
		a.likes = a.likes[:0]
		for k := range min(makerMarkets, len(x.markets)) {
			a.likes = append(a.likes, uint8((i*makerMarkets+k)%len(x.markets)))
		}
		return
	}
	// What people like: few like 20×, most are long.
	a.taste = [...]int64{2, 2, 2, 3, 3, 3, 4, 5, 5, 5, 10, 20}[r.IntN(12)]
	a.bull = 45 + r.IntN(35)
	a.likes = a.likes[:0]
	for range 1 + r.IntN(3) {
		a.likes = append(a.likes, uint8(x.popular()))
	}
}

// popular draws a market by popularity.
func (x *Exchange) popular() int {
	w := x.rng.IntN(x.markets[len(x.markets)-1].weight)
	i := 0
	for x.markets[i].weight <= w {
		i++
	}
	return i
}

// planOpenings lists who opens an account today: everybody on the first day, and whoever was left
// alone since, on the next ones.
func (x *Exchange) planOpenings() {
	x.opening = x.opening[:0]
	for i := len(x.accounts) - 1; i >= 0; i-- {
		if a := &x.accounts[i]; !a.open {
			if x.day.number > 0 {
				x.reincarnate(i)
			}
			x.opening = append(x.opening, int32(i))
		}
	}
	x.toOpen = len(x.opening)
	if x.day.number > 0 {
		return
	}
	// Market makers, and a twentieth of the others, are there before the first trade.
	for range x.makers + len(x.accounts)/20 {
		n := len(x.opening)
		x.open(x.opening[n-1])
		x.opening = x.opening[:n-1]
	}
	x.toOpen = len(x.opening)
}

// reincarnate lets an owner start anew under the next subaccount; what the old one holds stays
// where it is.
func (x *Exchange) reincarnate(i int) {
	a := &x.accounts[i]
	for k := range a.pos {
		if p := &a.pos[k]; p.size > 0 {
			x.markets[p.market].long -= p.size
		}
	}
	*a = account{owner: a.owner, sub: a.sub + 2, likes: a.likes}
	x.invent(i)
}

// open queues an account's first facts: it is opened, funded, and set up.
func (x *Exchange) open(i int32) {
	a := &x.accounts[i]
	r := x.rng
	a.open, a.stamp = true, x.stamp
	x.opened++
	a.active = int32(len(x.active))
	x.active = append(x.active, i)
	operator := ""
	if i%4 == 3 {
		operator = "operator-" + string('a'+byte(i/4%5))
	}
	x.addOf(a, &events.AccountOpened{Operator: operator, MarginType: events.MarginStandard})
	if a.maker {
		x.deposit(a, (20_000_000+r.Int64N(60_000_000))*one)
		for k := range x.assets {
			x.depositAsset(a, k, (100+r.Int64N(400))*one*int64(1+9*k))
		}
		return
	}
	// Between 200 and 200,000 USDT, by orders of magnitude.
	money := (200 + r.Int64N(1800)) * [...]int64{1, 1, 1, 10, 10, 10, 10, 100}[r.IntN(8)]
	if len(x.assets) > 0 && r.IntN(8) == 0 { // some bring bitcoin or ether, and a little cash
		k := r.IntN(len(x.assets))
		m := &x.markets[x.assets[k].market]
		x.depositAsset(a, k, money*one/m.mark*pow10(m.PriceScale)+1)
		money = money/4 + 50
	}
	x.deposit(a, money*one)
	for k, market := range a.likes {
		p := a.find(int(market), events.LegNet)
		if p.leverage != 0 {
			continue // it likes the market twice
		}
		m := &x.markets[market]
		p.leverage = min(a.taste, m.tiers[0].leverage)
		x.addOf(a, &events.LeverageSet{Market: m.Name, Leverage: uint32(p.leverage)})
		if k == 0 && r.IntN(4) == 0 {
			p.isolated = true
			x.addOf(a, &events.MarginModeSet{Market: m.Name, Mode: events.Isolated})
		}
	}
}

func (x *Exchange) deposit(a *account, money int64) {
	a.cash += money
	x.addOf(a, &events.Deposit{Asset: Settlement, Amount: amount(money), Reference: x.id('d')})
}

func (x *Exchange) depositAsset(a *account, k int, balance int64) {
	a.coll[k] += balance
	x.addOf(a, &events.Deposit{Asset: x.assets[k].name, Amount: amount(balance), Reference: x.id('d')})
}

// pick returns an account that may act, or nil. One that may have come near a liquidation is
// left alone from now on.
func (x *Exchange) pick(i int32) *account {
	a := &x.accounts[i]
	if !a.open {
		return nil
	}
	if x.endangered(a) {
		x.retire(i)
		return nil
	}
	return a
}

func (x *Exchange) retire(i int32) {
	a := &x.accounts[i]
	last := x.active[len(x.active)-1]
	x.active[a.active] = last
	x.accounts[last].active = a.active
	x.active = x.active[:len(x.active)-1]
	a.open = false
}
