package stream

import (
	"fmt"

	"marginledger/events"
	"marginledger/projector"
)

// nonsense puts a record that is a dead letter, a repeat, or at the edge of being one.
func (g *generator) nonsense(a account) {
	deposit := func() *events.Deposit { return &events.Deposit{Asset: "USDC", Amount: g.money()} }
	m := g.market()
	switch g.IntN(35) {
	case 0:
		g.bury(a, deposit(), func(r *projector.Record) {
			r.Event, r.Value, r.Undecodable, r.Detail = nil, []byte("{torn"), "bad_json", "it ends too early"
		})
	case 1:
		g.bury(a, deposit(), func(r *projector.Record) {
			r.Event, r.Value, r.Skipped, r.Detail = nil, []byte("{}"), true, "by hand"
		})
	case 2:
		g.bury(a, deposit(), func(r *projector.Record) { r.Role = events.RolePrices })
	case 3:
		g.bury(a, deposit(), func(r *projector.Record) { r.WrongPartition = true })
	case 4:
		g.bury(a, deposit(), func(r *projector.Record) { r.Event.Time = r.Timestamp*1e6 + 60e9 + 1 })
	case 5:
		g.put(a, deposit(), func(r *projector.Record) { r.Event.Time = r.Timestamp*1e6 + 60e9 })
	case 6:
		g.bury(a, deposit(), func(r *projector.Record) { r.Event.Venue = "Z" })
	case 7:
		f := fillOf(g, m)
		f.Market = "NONE"
		g.bury(a, f)
	case 8:
		d := deposit()
		d.Asset = "NONE"
		g.bury(a, d)
	case 9:
		d := deposit()
		d.Amount = pick(g, events.MustNumber("0.0000000000000000001"), events.MustNumber("10000000000000000000000000000001"))
		g.bury(a, d)
	case 10: // the largest amount that is allowed, and back
		d := deposit()
		d.Asset, d.Amount = g.asset(), g.bound(pick(g, 30, 30, 27))
		g.put(a, d)
		g.put(a, &events.Withdrawal{Asset: d.Asset, Amount: d.Amount})
	case 11:
		f := fillOf(g, m)
		f.Size = decimal(pick(g, m.maxSize, 2*m.maxSize), m.sizeScale)
		f.Price = decimal(pick(g, 1, m.maxPrice), m.priceScale)
		g.put(a, f)
	case 12:
		f := fillOf(g, m)
		f.Price = decimal(2*m.maxPrice, m.priceScale)
		g.bury(a, f)
	case 13, 17, 18:
		g.again()
	case 14, 23: // earlier than the last one, perhaps
		earlier := func(r *projector.Record) { r.Event.Time -= g.Int64N(40e9) }
		if len(g.assets) > 0 && g.chance(40) {
			x := pick(g, g.assets...)
			g.put(nobody, &events.CollateralPrice{Asset: x.name, Price: decimal(g.marks[x.name], 9)}, earlier)
			return
		}
		g.put(nobody, &events.MarkPrice{Market: m.name, Mark: g.price(m)}, earlier)
	case 24, 28, 29: // listed already, or of scales or a size that no market may have
		ps, ss := pick(g, m.priceScale, g.scale), m.sizeScale+pick[uint32](g, 0, 1)
		if ps+ss > events.MaxValueScale {
			return
		}
		g.put(nobody, &events.MarketListed{
			Market: pick(g, m.name, "NEW"), Underlying: "NEW", PriceScale: ps, SizeScale: ss,
			MaxPrice: decimal(pick(g, 1, 1e15), ps), MaxSize: decimal(pick(g, 1, 1e15), ss), Rules: g.rules(m),
		})
	case 30, 31, 32, 33:
		g.foreign(a, m)
	case 34:
		rules := g.foreignRules(m)
		g.put(nobody, &events.MarketChanged{Market: m.name, Rules: rules})
		if rules.Modes > events.ModesAny { // there and back, where nothing but isolated is admitted
			g.put(a, &events.MarginModeSet{Market: m.name, Mode: events.Isolated})
			g.put(a, &events.MarginModeSet{Market: m.name, Mode: events.Cross})
			g.put(a, &events.MarginModeSet{Market: m.name, Mode: events.Cross, IsolatedMargin: events.MustNumber("0")})
		}
	case 25:
		if g.chance(50) {
			g.put(nobody, g.haircuts(asset{name: "USDC"}))
		} else {
			g.put(nobody, &events.CollateralPrice{Asset: "USDC", Price: events.MustNumber("1")})
		}
	case 15, 19:
		if g.sequence > 0 {
			g.sequence += g.Uint64N(3)
		}
	case 20: // the least price and the largest; what comes next is as before
		g.put(nobody, &events.MarkPrice{Market: m.name, Mark: decimal(pick(g, 0, m.maxPrice), m.priceScale)})
	case 21:
		if len(g.assets) > 0 {
			g.put(nobody, &events.CollateralPrice{Asset: pick(g, g.assets...).name, Price: decimal(pick(g, 0, 9e6), 12)})
		}
	case 22:
		g.put(a, &events.LeverageSet{Market: m.name, Leverage: pick[uint32](g, 1, 1000)})
	case 16, 26, 27:
		g.put(nobody, &events.VenueProfileSet{
			Profile: "standard", ProfileVersion: pick(g, "0", "1"), SettlementAsset: pick(g, "USDC", "USD"), ValueScale: g.scale,
			Params: []events.Param{{Name: pick(g, "clearAt", "unknown"), Value: events.MustNumber(pick(g, "0.5", "1", "1.0000001"))}},
		})
	}
}

// foreign puts a fact that the standard profile does not have.
func (g *generator) foreign(a account, m market) {
	market, asset := pick(g, m.name, m.name, m.name, "NONE"), pick(g, g.asset(), g.asset(), "NONE")
	switch g.IntN(5) {
	case 0:
		b := &events.PositionChanged{
			Market: market, Collateral: asset, Leg: pick(g, events.LegLong, events.LegShort), SizeUSD: g.money(), CollateralDelta: g.money(), OrderID: "o",
			Change: pick(g, events.ChangeIncrease, events.ChangeDecrease, events.ChangeLiquidation, events.ChangeADL),
		}
		if b.Change >= events.ChangeLiquidation {
			b.Liquidation = g.episode()
		}
		g.put(a, b)
	case 1:
		if g.ids%2 == 0 {
			g.put(a, &events.AccountParamsSet{Params: []events.Param{{Name: "referralDiscount", Value: events.MustNumber("0.05")}}})
			return
		}
		g.put(a, &events.AccountModeSet{Mode: "portfolio"})
	case 2:
		g.put(a, &events.LeverageCapSet{Market: market, MaxLeverage: pick[uint32](g, 0, 1, 5, 1000)})
	case 3:
		g.put(a, &events.PoolBalanceObserved{Asset: asset, Amount: g.signed(g.money())})
	case 4:
		g.put(nobody, &events.WithdrawalsGated{Market: pick(g, "", market), UntilBlock: uint64(g.ids)})
	}
}

// foreignRules returns rules of a market that the standard profile does not have.
func (g *generator) foreignRules(m market) events.MarketRules {
	r := g.rules(m)
	if g.chance(40) {
		r.Tiers = nil
	}
	if g.chance(40) {
		r.Params = []events.Param{{Name: "impactNotional", Value: events.MustNumber("500")}}
	}
	r.Modes = pick(g, 0, events.ModesAny, events.ModesNoCross, events.ModesStrictIsolated)
	return r
}

// bound is 10^power units of the value scale: 30 is the largest amount of a fact, 27 the largest
// balance of an asset other than the settlement asset.
func (g *generator) bound(power int) events.Number {
	text := "1"
	for range power - int(g.scale) {
		text += "0"
	}
	return events.MustNumber(text)
}

func fillOf(g *generator, m market) *events.Fill {
	return &events.Fill{
		Market: m.name, Leg: events.LegNet, Side: g.side(), Size: g.size(m), Price: g.price(m), TradeID: "t", Reason: events.ReasonTrade,
	}
}

// bury puts a record that is a dead letter for certain, so that a later fact may answer it.
func (g *generator) bury(of account, body events.Body, change ...func(*projector.Record)) {
	g.put(of, body, change...)
	r := &g.records[len(g.records)-1]
	g.dead = append(g.dead, events.Offset{Topic: r.Source.Topic, Partition: r.Source.Partition, Offset: r.Offset})
}

// again repeats an earlier record: as it was, or with another body under the same id.
func (g *generator) again() {
	r := g.records[g.IntN(len(g.records))]
	for k := 0; k < 3 && (r.Event == nil || r.Event.Producer == "") && g.sequence > 0; k++ {
		r = g.records[g.IntN(len(g.records))] // rather one that has a sequence
	}
	if r.Event == nil {
		return
	}
	e := *r.Event
	r.Event, r.Offset = &e, g.offsets[r.Source]
	g.offsets[r.Source]++
	if g.chance(40) {
		e.Time, r.Timestamp = g.now+1, g.now/1e6
	}
	if d, ok := e.Body.(*events.Deposit); ok && g.chance(50) {
		e.Body = &events.Deposit{Asset: d.Asset, Amount: g.money(), Reference: fmt.Sprint("again ", g.ids)}
	}
	if e.Producer == "" && g.chance(20) {
		e.Producer, e.Sequence = "other", g.Uint64N(4)
	}
	r.Value = events.AppendJSON(nil, &e)
	g.add(r)
}
