package simulate

import (
	"strconv"
	"strings"
	"time"

	"marginledger/events"
)

// Bot is the liquidator. It hears what the ledger announces, in order per shard, and answers with
// facts: what it closed of a pool, with the insurance fund on the other side, and what the fund
// paid for a bankrupt pool. It knows positions from announcements alone.
//
// It sends one answer per pool and waits until an announcement shows it: the ledger announces every
// fact that touches a pool with an episode. So it never closes more than there is, however late its
// answers arrive.
type Bot struct {
	pools    map[poolKey]*pool
	awaiting int
	ids      uint64
	prefix   string
	scales   map[string]int // price scale by market: makes the bot's prices admissible
	out      []Fact
	asleep   map[poolKey]*events.Output // last announcement of each open episode; nil when awake
}

type poolKey struct {
	shard int32
	owner string
	sub   uint32
	pool  string
}

// pool is what the bot knows of one pool with an episode, or with an answer under way.
type pool struct {
	asks bool // its episode's last announcement asks for something

	// The answer under way, "" if none: the id of a fill or of a payment; see arrived.
	answer     string
	market     string
	leg        events.Leg
	before     events.Number
	payment    bool
	forEpisode string
	generosity int64 // by how much the next payment exceeds what lacks; 0: not
}

// NewBot makes a bot. run distinguishes it from those that ran before it on the same topics.
func NewBot(run string) *Bot {
	b := &Bot{pools: make(map[poolKey]*pool), prefix: "l" + run + "-", scales: make(map[string]int)}
	for _, s := range specs {
		b.scales[s.Name] = s.PriceScale
	}
	return b
}

// Sleep makes the bot listen only: for what was announced before it started, some of which has been
// answered.
func (b *Bot) Sleep() { b.asleep = make(map[poolKey]*events.Output) }

// Wake makes a sleeping bot answer what still asks. It must have heard everything that the ledger
// says about the facts in its input, the bot's own of earlier runs among them.
func (b *Bot) Wake() []Fact {
	heard := b.asleep
	b.asleep = nil
	var all []Fact
	for _, o := range heard {
		all = append(all, b.Hear(o)...)
	}
	return all
}

// Awaiting returns the number of pools that were announced to ask for something and have not been
// announced since to have got it.
func (b *Bot) Awaiting() int { return b.awaiting }

// Hear takes an announcement and returns the answers to it. They hold until the next call.
func (b *Bot) Hear(o *events.Output) []Fact {
	b.out = b.out[:0]
	switch o.Kind {
	case events.KindLiquidationTriggered, events.KindLiquidationUpdated, events.KindLiquidationCleared, events.KindPoolBankrupt:
	default:
		return nil
	}
	key := poolKey{o.Shard, o.Owner, o.Subaccount, o.Pool}
	if b.asleep != nil {
		if b.asleep[key] = o; o.Kind == events.KindLiquidationCleared {
			delete(b.asleep, key)
		}
		return nil
	}
	p := b.pools[key]
	if p == nil {
		p = &pool{}
		b.pools[key] = p
	}
	asked := p.asks
	if p.answer != "" && p.arrived(o) {
		p.answer = ""
	}
	p.asks = o.Kind != events.KindLiquidationCleared
	if p.asks && p.answer == "" {
		p.asks = b.answer(p, o)
	}
	// A payment to an episode that has ended will show in no announcement here.
	if o.Kind == events.KindLiquidationCleared && p.payment {
		p.answer = ""
	}
	switch {
	case p.asks && !asked:
		b.awaiting++
	case asked && !p.asks:
		b.awaiting--
	}
	if !p.asks && p.answer == "" && p.generosity == 0 {
		delete(b.pools, key)
	}
	return b.out
}

// arrived reports whether o shows the answer under way. Within an episode the announcement of the answer itself does;
// an answer that came after its episode had ended was not announced, and shows in the next one.
func (p *pool) arrived(o *events.Output) bool {
	switch {
	case o.EventID == p.answer:
		return true
	case o.Liquidation == p.forEpisode:
		return false // somebody else's fact: one that was late, say
	case p.payment:
		return true
	}
	for i := range o.Positions {
		if f := &o.Positions[i]; f.Market == p.market && f.Leg == p.leg {
			return f.Size != p.before
		}
	}
	return true // it is closed
}

// answer answers what o asks for now, and reports whether it asks for anything.
func (b *Bot) answer(p *pool, o *events.Output) bool {
	var biggest *events.PositionFigures
	for i := range o.Positions {
		f := &o.Positions[i]
		if f.CloseSize.Sign() > 0 && (biggest == nil || less(biggest.Notional, f.Notional)) {
			biggest = f
		}
	}
	switch {
	case biggest != nil:
		b.close(p, o, biggest)
	case o.Stage == events.StageBankrupt && len(o.Positions) == 0 && o.Equity.Sign() < 0:
		b.cover(p, o)
	default:
		return false
	}
	return true
}

// less compares two notionals; they have the same scale but for trailing zeros.
func less(a, b events.Number) bool {
	x, errA := a.At(valueScale)
	y, errB := b.At(valueScale)
	return errA == nil && errB == nil && x.Less(y)
}

// close sends both legs of a liquidation: about at the mark, a little worse for the account.
func (b *Bot) close(p *pool, o *events.Output, f *events.PositionFigures) {
	scale := b.scales[f.Market]
	price, err := f.Mark.Int64At(scale)
	if err != nil {
		return // not a market of this exchange
	}
	side, slip := events.Sell, price*(500+int64(b.ids%16)*200)/1_000_000
	if f.Size.Sign() < 0 {
		side, price = events.Buy, price+slip
	} else {
		price = max(price-slip, 1)
	}
	p.answer, p.payment, p.forEpisode = b.id(), false, o.Liquidation
	p.market, p.leg, p.before = f.Market, f.Leg, f.Size
	trade := b.id()
	fill := events.Fill{
		Market: f.Market, Leg: f.Leg, Side: side, Size: f.CloseSize, Price: number(price, scale),
		TradeID: trade, Liquidity: events.Taker, Reason: events.ReasonLiquidation, Liquidation: o.Liquidation,
	}
	if f.LiquidationFee.Sign() > 0 {
		fill.Fee, fill.FeeAsset = f.LiquidationFee, Settlement
	}
	b.send(p.answer, o, o.Owner, o.Subaccount, &fill)
	b.send(b.id(), o, Insurance, 0, &events.Fill{
		Market: f.Market, Leg: events.LegNet, Side: 3 - side, Size: f.CloseSize, Price: fill.Price,
		TradeID: trade, Liquidity: events.Maker, Reason: events.ReasonTrade,
	})
}

// cover sends what the fund pays for a bankrupt pool that has nothing left to close.
func (b *Bot) cover(p *pool, o *events.Output) {
	p.answer, p.payment, p.forEpisode = b.id(), true, o.Liquidation
	// A pool that still has collateral may fall below zero again with its price: then the fund pays
	// three times as much as the last time it would have, until that is enough.
	lack := o.Equity.Neg()
	if more, ok := lack.Coef.MulOK(p.generosity); ok && p.generosity > 0 {
		lack = events.NumberOf(more, int(lack.Scale))
	}
	p.generosity = min(max(p.generosity, 1)*3, 2187)
	body := &events.BankruptcyCovered{Liquidation: o.Liquidation, Amount: lack, Fund: Insurance}
	if o.Pool != "cross" {
		market, leg, legged := strings.Cut(o.Pool, "/")
		body.Market, body.Leg = market, events.LegNet
		if legged {
			if l, err := events.ParseLeg(leg); err == nil {
				body.Leg = l
			}
		}
	}
	b.send(p.answer, o, o.Owner, o.Subaccount, body)
}

// send queues an answer, at the time of what it answers: it is next in the ledger's order then.
func (b *Bot) send(id string, o *events.Output, owner string, sub uint32, body events.Body) {
	t, err := time.Parse(time.RFC3339Nano, o.Time)
	if err != nil {
		panic("simulate: announcement " + o.ID + " without a time") // the ledger gives each one
	}
	b.out = append(b.out, Fact{Role: events.RoleAccounts, Key: owner, Event: events.Event{
		ID: id, Type: body.EventType(), Version: 1, Venue: Venue, Time: t.UnixNano(),
		Owner: owner, Subaccount: sub, Body: body,
	}})
}

func (b *Bot) id() string {
	b.ids++
	return b.prefix + strconv.FormatUint(b.ids, 10)
}
