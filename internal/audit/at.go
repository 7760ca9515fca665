package audit

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"marginledger/events"
	"marginledger/internal/api"
	"marginledger/projector"
)

// When says which moment of a shard an answer shows.
type When struct {
	api.At
	Inside bool         `json:"inside"`         // the moment lies behind that cut, in the middle of the next
	Last   *EventAt     `json:"last,omitempty"` // the last record that was applied
	Clocks []VenueClock `json:"clocks"`
}

// VenueClock is the shard time of a venue.
type VenueClock struct {
	Venue string `json:"venue"`
	Time  string `json:"time"` // RFC 3339; "" before the first fact of its clock
}

// When describes the moment.
func (m *Moment) When() When {
	w := When{At: m.API().At(), Inside: m.Inside(), Last: m.Last, Clocks: []VenueClock{}}
	for _, venue := range m.Fold.Venues() {
		c := VenueClock{Venue: venue}
		if at, _ := m.Fold.Clock(venue); at != 0 {
			c.Time = events.FormatTime(at)
		}
		w.Clocks = append(w.Clocks, c)
	}
	return w
}

// String is the moment for people.
func (w *When) String() string {
	out := fmt.Sprintf("shard %d after record %d", w.Shard, w.N)
	if w.Inside {
		out += fmt.Sprintf(", inside cut %d; cut %d has hash %s\n", w.Cut+1, w.Cut, w.Hash)
	} else {
		out += fmt.Sprintf(", cut %d, hash %s\n", w.Cut, w.Hash)
	}
	for _, c := range w.Clocks {
		out += fmt.Sprintf("  %s: shard time %s\n", c.Venue, c.Time)
	}
	if w.Last != nil {
		out += fmt.Sprintf("  last: %v\n", w.Last)
	}
	return out
}

// AccountAt is what the API showed of an account at a moment.
type AccountAt struct {
	At      When         `json:"at"`
	Account *api.Account `json:"account"`
}

// AccountAt returns an account at a point.
func (p *Past) AccountAt(ctx context.Context, a Account, to Point, progress Progress) (*AccountAt, error) {
	m, err := p.accountMoment(ctx, a, to, progress)
	if err != nil {
		return nil, err
	}
	found, err := m.API().Account(a.Venue, a.Owner, a.Subaccount)
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, usage("there is no account %v at that moment: record %d of shard %d", a, m.N, m.Shard)
	}
	return &AccountAt{At: m.When(), Account: found}, nil
}

// accountMoment folds an account's shard; a time is its venue's.
func (p *Past) accountMoment(ctx context.Context, a Account, to Point, progress Progress) (*Moment, error) {
	shard, err := p.ShardOf(ctx, a.Owner)
	if err != nil {
		return nil, err
	}
	return p.At(ctx, shard, to.of(a.Venue), progress)
}

// of returns the point with the venue of its time, unless it names one.
func (p Point) of(venue string) Point {
	if p.Time != 0 && p.Venue == "" {
		p.Venue = venue
	}
	return p
}

// LedgerAt is what is there of all shards at a moment.
type LedgerAt struct {
	Shards []ShardAt `json:"shards"`
}

// ShardAt is what is there of a shard at a moment.
type ShardAt struct {
	At      When         `json:"at"`
	Totals  Totals       `json:"totals"`
	Markets []api.Market `json:"markets"`
}

// Totals counts what a shard holds.
type Totals struct {
	Accounts  int `json:"accounts"`
	Markets   int `json:"markets"`
	Positions int `json:"positions"`
	Episodes  int `json:"episodes"` // open
	Awaiting  int `json:"awaiting"` // of them, those that wait for an answer
	Called    int `json:"called"`   // pools with open margin calls
}

// LedgerAt returns the markets and totals of shards at a point.
func (p *Past) LedgerAt(ctx context.Context, shards []int32, to Point, progress Progress) (*LedgerAt, error) {
	shards, err := p.Shards(ctx, shards)
	if err != nil {
		return nil, err
	}
	if len(shards) > 1 && (to.Cut > 0 || to.N > 0) {
		return nil, usage("%v is of one shard, and there are %d: name it", to, len(shards))
	}
	out := &LedgerAt{}
	for _, shard := range shards {
		m, err := p.At(ctx, shard, to, progress)
		if err != nil {
			return nil, err
		}
		s := ShardAt{At: m.When(), Totals: Totals(m.Fold.Totals()), Markets: []api.Market{}}
		cut := m.API()
		for _, names := range m.rowNames("market") {
			market, err := cut.Market(names[0], names[1])
			if err != nil {
				return nil, err
			}
			s.Markets = append(s.Markets, *market)
		}
		out.Shards = append(out.Shards, s)
	}
	return out, nil
}

// rowNames returns what the keys of a kind of rows name, in order.
func (m *Moment) rowNames(kind string) (out [][]string) {
	m.Fold.EachRow(func(r projector.Row) {
		if k, parts, ok := rowParts(r.Key); ok && k == kind {
			out = append(out, parts)
		}
	})
	return out
}

// String is the answer for people.
func (l *LedgerAt) String() string {
	var b strings.Builder
	for i := range l.Shards {
		s := &l.Shards[i]
		b.WriteString(s.At.String())
		t := &s.Totals
		fmt.Fprintf(&b, "  %d accounts, %d positions, %d open episodes (%d await an answer), %d pools with open calls\n\n", t.Accounts, t.Positions, t.Episodes, t.Awaiting, t.Called)
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "venue\tmarket\tstatus\tmark\tindex\tfunding index\tof")
		for j := range s.Markets {
			m := &s.Markets[j]
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.Venue, m.Market, m.Status, orDash(m.Mark), orDash(m.Index), m.FundingIndex, m.MarkTime)
		}
		w.Flush() //nolint:errcheck // a strings.Builder takes everything
		b.WriteString("\n")
	}
	return b.String()
}

func orDash(d *api.Decimal) string {
	if d == nil {
		return "-"
	}
	return string(*d)
}

// String is the answer for people.
func (a *AccountAt) String() string {
	var b strings.Builder
	b.WriteString(a.At.String())
	printAccount(&b, a.Account)
	return b.String()
}

func printAccount(b *strings.Builder, a *api.Account) {
	fmt.Fprintf(b, "\naccount %s/%s/%d", a.Venue, a.Owner, a.Subaccount)
	if a.Operator != "" {
		fmt.Fprintf(b, ", operator %s", a.Operator)
	}
	fmt.Fprintf(b, ", margin type %s", a.MarginType)
	if a.Incomplete {
		b.WriteString(", INCOMPLETE: a dead letter is unanswered")
	}
	if a.Stale {
		b.WriteString(", STALE marks")
	}
	fmt.Fprintf(b, "\nfree %s, withdrawable %s, held by orders %s\n", orDash(a.Free), orDash(a.Withdrawable), a.OrderMargin)
	for _, x := range a.Balances {
		fmt.Fprintf(b, "  %s %s", x.Amount, x.Asset)
		if x.Value != nil {
			fmt.Fprintf(b, ", counts %s", *x.Value)
		}
		b.WriteString("\n")
	}
	printPool(b, &a.Cross)
	for i := range a.Isolated {
		printPool(b, &a.Isolated[i])
	}
}

func printPool(b *strings.Builder, p *api.Pool) {
	fmt.Fprintf(b, "\npool %s: equity %s, maintenance %s, initial %s, ratio %s", p.Pool, orDash(p.Equity), p.Maintenance, p.Initial, orDash(p.MarginRatio))
	if p.Missing != "" {
		fmt.Fprintf(b, ", UNKNOWN: needs %s", p.Missing)
	}
	if p.Collateral != nil {
		fmt.Fprintf(b, ", collateral %s", *p.Collateral)
	}
	if p.Unpriced {
		b.WriteString(", UNPRICED")
	}
	if len(p.CallLevels) > 0 {
		fmt.Fprintf(b, ", called at %v", p.CallLevels)
	}
	b.WriteString("\n")
	if e := p.Episode; e != nil {
		fmt.Fprintf(b, "  liquidation %s, stage %s, awaiting %v %s\n", e.Liquidation, e.Stage, e.Awaiting, e.CooldownUntil)
	}
	if len(p.Positions) == 0 {
		return
	}
	w := tabwriter.NewWriter(b, 2, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "market\tleg\tsize\tentry\tmark\tPnL\tfunding\tmaintenance\tinitial\tliquidation at\tbankrupt at\t")
	for i := range p.Positions {
		q := &p.Positions[i]
		at := orDash(q.LiquidationPrice)
		if q.LiquidationPrice == nil && q.NoLiquidationPrice != "" {
			at = q.NoLiquidationPrice
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", q.Market, q.Leg, q.Size, q.EntryPrice, orDash(q.Mark), q.UnrealisedPnL, q.UnpostedFunding,
			q.Maintenance, q.Initial, at, orDash(q.BankruptcyPrice))
	}
	w.Flush() //nolint:errcheck // a strings.Builder takes everything
}
