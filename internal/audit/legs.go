package audit

import (
	"cmp"
	"slices"
	"strings"

	"marginledger/events"
	"marginledger/projector"
)

// InFlight is what has left one account and not reached the other, or has one side only, by then.
type InFlight struct {
	Looked    bool          `json:"looked"`  // else nobody looked
	Partial   bool          `json:"partial"` // what is there begins behind a snapshot: the other leg may lie before it
	Transfers []TransferLeg `json:"transfers"`
	Trades    []TradeLeg    `json:"trades"` // the first maxLegs
	More      int           `json:"more,omitempty"`
}

// TransferLeg is a transfer of which one leg is not there.
type TransferLeg struct {
	TransferID string        `json:"transferId"`
	Venue      string        `json:"venue"`
	Asset      string        `json:"asset"`
	Amount     events.Number `json:"amount"` // positive: left, and has not arrived
	Shard      int32         `json:"shard"`
	N          uint64        `json:"n"`
}

// TradeLeg is a trade whose sides do not cancel out.
type TradeLeg struct {
	TradeID string        `json:"tradeId"`
	Venue   string        `json:"venue"`
	Market  string        `json:"market"`
	Size    events.Number `json:"size"` // signed, of the sides that are there
	Shard   int32         `json:"shard"`
	N       uint64        `json:"n"`
}

// maxLegs is how many trades are listed: where a venue's trades are no pairs, all of them are in flight.
const maxLegs = 1000

// legKey is what both legs share: a trade is remembered as long as its sides do not cancel out.
type legKey struct{ id, venue, name string } // name: of the market or asset

type leg struct {
	legKey
	amount events.Number
	shard  int32
	n      uint64
}

// legs pairs the legs of transfers and trades.
type legs struct {
	shard             int32
	partial           bool
	transfers, trades map[legKey]*leg
}

func newLegs() *legs {
	return &legs{transfers: map[legKey]*leg{}, trades: map[legKey]*leg{}}
}

// record takes a record's leg. Dead letters and duplicates have none.
func (l *legs) record(r *projector.Record, fx *projector.Effects, s *projector.Shard) error {
	if r.Event == nil || fx.Duplicate || len(fx.DeadLetters) > 0 {
		return nil
	}
	switch b := r.Event.Body.(type) {
	case *events.Transfer:
		switch b.Kind {
		case events.TransferOut:
			l.add(l.transfers, b.TransferID, r.Event.Venue, b.Asset, b.Amount, fx.N)
		case events.TransferIn:
			l.add(l.transfers, b.TransferID, r.Event.Venue, b.Asset, b.Amount.Neg(), fx.N)
		}
	case *events.Fill:
		size := b.Size
		if b.Side == events.Sell {
			size = size.Neg()
		}
		l.add(l.trades, b.TradeID, r.Event.Venue, b.Market, size, fx.N)
	case *events.TradeBusted:
		if b.DeadLetter != nil {
			return nil
		}
		size := b.Size
		if b.Side == events.Buy {
			size = size.Neg()
		}
		l.add(l.trades, "bust of "+b.TradeID, r.Event.Venue, b.Market, size, fx.N)
	}
	return nil
}

func (l *legs) add(m map[legKey]*leg, id, venue, name string, amount events.Number, n uint64) {
	k := legKey{id, venue, name}
	x := m[k]
	if x == nil {
		k = legKey{strings.Clone(id), strings.Clone(venue), strings.Clone(name)}
		m[k] = &leg{k, amount, l.shard, n}
		return
	}
	if x.amount = sum(x.amount, amount); x.amount.Sign() == 0 {
		delete(m, k)
	}
}

// transitOf is what transfers in flight hold of an asset.
func (l *legs) transitOf(venue, asset string) events.Number {
	net := zero
	for _, x := range l.transfers { // unordered: a sum
		if x.venue == venue && x.name == asset {
			net = sum(net, x.amount)
		}
	}
	return net
}

// netOf is the signed size of a market's trades that are in flight.
func (l *legs) netOf(k marketKey) events.Number {
	net := zero
	for _, x := range l.trades { // unordered: a sum
		if x.venue == k.venue && x.name == k.market {
			net = sum(net, x.amount)
		}
	}
	return net
}

func (l *legs) finish(out *InFlight) {
	out.Partial, out.Transfers, out.Trades = l.partial, []TransferLeg{}, []TradeLeg{}
	for _, x := range l.transfers { // unordered: sorted below
		out.Transfers = append(out.Transfers, TransferLeg{x.id, x.venue, x.name, x.amount, x.shard, x.n})
	}
	for _, x := range l.trades { // unordered: sorted below
		out.Trades = append(out.Trades, TradeLeg{x.id, x.venue, x.name, x.amount, x.shard, x.n})
	}
	slices.SortFunc(out.Transfers, func(a, b TransferLeg) int { return cmp.Or(cmp.Compare(a.Shard, b.Shard), cmp.Compare(a.N, b.N)) })
	slices.SortFunc(out.Trades, func(a, b TradeLeg) int { return cmp.Or(cmp.Compare(a.Shard, b.Shard), cmp.Compare(a.N, b.N)) })
	if len(out.Trades) > maxLegs {
		out.More, out.Trades = len(out.Trades)-maxLegs, out.Trades[:maxLegs]
	}
}
